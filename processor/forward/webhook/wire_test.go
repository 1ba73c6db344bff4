package webhook

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"inv/internal/scenario"
	"inv/processor/forward"
)

// capture accepts one request as bytes, answers with 204, and returns what it got.
func capture(t *testing.T) (address string, got <-chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	requests := make(chan string, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			requests <- err.Error()
			return
		}
		defer func() { _ = conn.Close() }()
		var raw bytes.Buffer
		r, err := http.ReadRequest(bufio.NewReader(io.TeeReader(conn, &raw)))
		if err == nil {
			_, err = io.Copy(io.Discard, r.Body)
		}
		if err != nil {
			requests <- err.Error()
			return
		}
		requests <- raw.String()
		_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
	}()
	return l.Addr().String(), requests
}

var signatures = regexp.MustCompile(`(?m)^(webhook-timestamp|webhook-signature): [^\r\n]*`)

// TestShowIsWhatIsSent compares a dry run with the bytes on the wire.
func TestShowIsWhatIsSent(t *testing.T) {
	key := &scenario.Selector{Path: []string{"id"}}
	for name, sink := range map[string]scenario.HTTPSink{
		"a value":     {},
		"a body":      {Body: object(named("reference", "{id}"), named("n", "{n}"), named("secret", "${TOKEN}"))},
		"a form":      {Method: "PATCH", Form: []scenario.NamedBody{named("To", "{who}"), named("By", "${TOKEN}")}},
		"credentials": {Bearer: text("${TOKEN}"), IdempotencyKey: key, Sign: text("${SECRETS}"), Headers: []scenario.NamedBody{named("Z", "{n}"), named("A", "${TOKEN}"), named("X-Long", strings.Repeat("x", 5000))}},
		"a login":     {Basic: text("${LOGIN}"), URL: *text("${URL}/{who}/x?token=${TOKEN}"), Method: "PUT"},
		"a bare name": {URL: *text("${URL}/?a=b")},
	} {
		t.Run(name, func(t *testing.T) {
			address, got := capture(t)
			s := newSender(t, "http://"+address, sink)
			m := composed(t, s, cutOf(value))
			var shown bytes.Buffer
			if err := m.Show(&shown); err != nil {
				t.Fatal(err)
			}
			if err := s.Send(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			sent := <-got
			head, body, ok := strings.Cut(sent, "\r\n\r\n")
			if !ok {
				t.Fatalf("%q", sent)
			}
			want := strings.ReplaceAll(head, "\r\n", "\n") + "\n\n" + body
			for secret, variable := range map[string]string{"Bearer t0ken-of-the-test": "Bearer ${TOKEN}", "t0ken-of-the-test": "${TOKEN}", "bWU6aHVudGVyMjI=": "${LOGIN}"} {
				want = strings.ReplaceAll(want, secret, variable)
			}
			unsigned := func(text string) string { return signatures.ReplaceAllString(text, "$1: …") }
			if unsigned(shown.String()) != unsigned(want) {
				t.Errorf("shown:\n%s\nsent:\n%s", shown.String(), want)
			}
			for _, secret := range []string{"t0ken", "hunter22", secretA, secretB} {
				if strings.Contains(shown.String(), secret) {
					t.Errorf("%s is shown", secret)
				}
			}
		})
	}
}

func TestShowNamesTheReceiver(t *testing.T) {
	s := newSender(t, "http://127.0.0.1:1", scenario.HTTPSink{URL: *text("${URL}/a")})
	var shown strings.Builder
	if err := composed(t, s, cutOf(`{"a":1}`)).Show(&shown); err != nil {
		t.Fatal(err)
	}
	want := "POST /a HTTP/1.1\nHost: 127.0.0.1:1\nUser-Agent: inv/1.2.3\nContent-Length: 7\nContent-Type: application/json\n\n" + `{"a":1}`
	if shown.String() != want {
		t.Errorf("%s", shown.String())
	}
}

// writes counts the calls of Write.
type writes struct {
	net.Conn
	n *atomic.Int64
}

func (c writes) Write(b []byte) (int, error) {
	c.n.Add(1)
	return c.Conn.Write(b)
}

func TestARequestIsOneWrite(t *testing.T) {
	server, _ := receiver(t, nil)
	s := newSender(t, server.URL, scenario.HTTPSink{Body: object(named("reference", "{id}"))})
	var n atomic.Int64
	s.transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := s.dialer().DialContext(ctx, network, address)
		return writes{conn, &n}, err
	}
	for range 3 {
		if err := s.Send(t.Context(), composed(t, s, cutOf(value))); err != nil {
			t.Fatal(err)
		}
	}
	if n.Load() != 3 {
		t.Errorf("3 requests were written in %d parts", n.Load())
	}
}

// BenchmarkSend measures a request to a server in the same process.
func BenchmarkSend(b *testing.B) {
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = server.Serve(l) }()
	defer func() { _ = server.Close() }()
	s, err := tryNew(fmt.Sprintf("http://%s/", l.Addr()), scenario.HTTPSink{Body: object(named("reference", "{id}"), named("n", "{n}"))})
	if err != nil {
		b.Fatal(err)
	}
	b.SetParallelism(32)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		c := cutOf(value)
		for pb.Next() {
			m, err := s.Compose(c)
			if err == nil {
				err = s.Send(b.Context(), m[0])
			}
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
}

var _ forward.Message = (*message)(nil)
