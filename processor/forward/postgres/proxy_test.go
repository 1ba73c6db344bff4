package postgres

import (
	"fmt"
	"net"
	"sync"
	"testing"
)

// verdict is what becomes of bytes that go through a [proxy].
type verdict int

const (
	pass   verdict = iota
	lose           // they are lost, and the connection breaks
	answer         // they arrive, and the connection breaks instead of their answer
	stall          // they wait until the proxy is closed or go is called
)

// proxy is a network between a store and the server.
type proxy struct {
	t      *testing.T
	listen net.Listener
	target string

	mu    sync.Mutex
	rule  func(toServer bool, bytes []byte) verdict // nil: pass
	gate  chan struct{}                             // closed by go
	conns []net.Conn
}

func startProxy(t *testing.T, port int) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, listen: l, target: fmt.Sprintf("127.0.0.1:%d", port), gate: make(chan struct{})}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { p.serve(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.release()
		p.mu.Lock()
		for _, c := range p.conns {
			c.Close()
		}
		p.mu.Unlock()
		wg.Wait()
	})
	return p
}

func (p *proxy) port() int { return p.listen.Addr().(*net.TCPAddr).Port }

// set changes the rule.
func (p *proxy) set(rule func(toServer bool, bytes []byte) verdict) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rule = rule
}

// release lets go what stalls.
func (p *proxy) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.gate:
	default:
		close(p.gate)
	}
}

func (p *proxy) judge(toServer bool, bytes []byte) verdict {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rule == nil {
		return pass
	}
	return p.rule(toServer, bytes)
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer server.Close()
	p.mu.Lock()
	p.conns = append(p.conns, client, server)
	p.mu.Unlock()
	swallow := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { p.copy(server, client, true, swallow) })
	wg.Go(func() { p.copy(client, server, false, swallow) })
	wg.Wait()
}

func (p *proxy) copy(to, from net.Conn, toServer bool, swallow chan struct{}) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		select {
		case <-swallow:
			if !toServer {
				return
			}
		default:
		}
		switch p.judge(toServer, buf[:n]) {
		case lose:
			return
		case answer:
			close(swallow)
			if !toServer {
				return
			}
		case stall:
			<-p.gate
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}
