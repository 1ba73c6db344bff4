package forward_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"inv/internal/kafkatest"
	"inv/processor/forward"

	"github.com/twmb/franz-go/pkg/kgo"
)

// logBook is what was logged. It is safe for concurrent use.
type logBook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBook) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// A sink that nothing gets through to says so, without secrets, also in its counts, and
// says when it goes on.
func TestHeldSink(t *testing.T) {
	for _, store := range []bool{false, true} {
		r := newRig(t, 1, 2)
		r.produce(0, 100, 2, 10)
		var away atomic.Bool
		away.Store(true)
		var sink forward.Sink
		refused := &forward.RetryError{After: 10 * time.Millisecond, Err: errors.New("the password hunter2 is wrong")}
		s := &letterBox{send: func(context.Context, *forward.Record) error {
			if away.Load() {
				return refused
			}
			return nil
		}}
		table := newTable()
		if sink = s; store {
			sink = closable{newShelf(table), &away, refused}
		}
		log := &logBook{}
		cfg := r.config()
		cfg.Log, cfg.Stats = slog.New(slog.NewTextHandler(log, nil)), &forward.Stats{}
		cfg.Hide = func(err error) error { return errors.New(strings.ReplaceAll(err.Error(), "hunter2", "${PW}")) }
		var running sync.WaitGroup
		running.Go(func() { r.run(cfg, sink) })
		kafkatest.Eventually(t, 20*time.Second, "a held sink", func() (bool, error) {
			h := cfg.Stats.Summary().Held
			return h.Tries > 20 && h.Reason == "the password ${PW} is wrong" && !h.Since.IsZero(), nil
		})
		away.Store(false)
		running.Wait()
		if text := log.String(); strings.Count(text, "held: ") != 1 || !strings.Contains(text, "goes on after") || strings.Contains(text, "hunter2") {
			t.Errorf("store %v: it logs\n%s", store, text)
		}
		if summary := cfg.Stats.Summary(); summary.Letters() > 0 || !summary.Held.Since.IsZero() || summary.Delivered != 100 {
			t.Errorf("store %v: %+v", store, summary)
		}
	}
}

// closable is a Store that can't be opened for a while.
type closable struct {
	*shelf
	away *atomic.Bool
	err  error
}

func (c closable) Open(ctx context.Context, p forward.Partition) (forward.Stream, error) {
	if c.away.Load() {
		return nil, c.err
	}
	return c.shelf.Open(ctx, p)
}

// stuck is a Store whose streams never get anything done.
type stuck struct{ *shelf }

func (s stuck) Open(ctx context.Context, p forward.Partition) (forward.Stream, error) {
	stream, err := s.shelf.Open(ctx, p)
	return stuckStream{stream}, err
}

type stuckStream struct{ forward.Stream }

func (stuckStream) Flush(ctx context.Context, _ int64) error {
	<-ctx.Done()
	return ctx.Err()
}

// Run returns within 10 s of the end of its context, whatever a store does.
func TestShutdownOfStores(t *testing.T) {
	always := &atomic.Bool{}
	always.Store(true)
	for name, sink := range map[string]forward.Sink{
		"can't be opened": closable{newShelf(newTable()), always, errors.New("no route to host")},
		"flush hangs":     stuck{newShelf(newTable())},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 1, 2)
			r.produce(0, 500, 2, 10)
			cfg := r.config()
			cfg.Drain, cfg.Stats = false, &forward.Stats{}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() {
				_, err := forward.Run(ctx, cfg, sink)
				ended <- err
			}()
			kafkatest.Eventually(t, 20*time.Second, "a try", func() (bool, error) { return cfg.Stats.Summary().Tries > 1, nil })
			cancel()
			select {
			case err := <-ended:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(10 * time.Second):
				t.Error("it goes on")
			}
		})
	}
}

// A StopError ends the sink with it.
func TestStopError(t *testing.T) {
	r := newRig(t, 1, 1)
	r.produce(0, 10, 1, 1)
	cfg := r.config()
	s := &letterBox{send: func(_ context.Context, r *forward.Record) error {
		if string(r.Value) == "5" {
			return &forward.StopError{Err: errors.New("410 Gone")}
		}
		return nil
	}}
	var stop *forward.StopError
	if _, err := forward.Run(t.Context(), cfg, s); !errors.As(err, &stop) {
		t.Error(err)
	}
	s.send = nil
	r.run(cfg, s)
	inOrder(t, s.got, 0, 10, 1, true)
}

// frozen connections of a process that is stopped and goes on later.
type icebox struct {
	mu   sync.Mutex
	cold chan struct{} // nil, or closed when it goes on
}

func (i *icebox) freeze() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.cold = make(chan struct{})
}

func (i *icebox) thaw() {
	i.mu.Lock()
	defer i.mu.Unlock()
	close(i.cold)
	i.cold = nil
}

func (i *icebox) wait() {
	i.mu.Lock()
	cold := i.cold
	i.mu.Unlock()
	if cold != nil {
		<-cold
	}
}

func (i *icebox) dial(ctx context.Context, network, address string) (net.Conn, error) {
	i.wait()
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	return coldConn{conn, i}, err
}

type coldConn struct {
	net.Conn
	i *icebox
}

func (c coldConn) Write(b []byte) (int, error) { c.i.wait(); return c.Conn.Write(b) }
func (c coldConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.i.wait()
	return n, err
}

// A process that is stopped for longer than the session timeout goes on as a zombie: what
// it commits, and the dead letters that it writes, are refused.
func TestZombie(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a session timeout")
	}
	onEach(t, 1, 2, func(t *testing.T, r *rig) {
		r.produce(0, 100, 2, 10)
		ice := &icebox{}
		hold := make(chan struct{})
		var frozen sync.Once
		began := make(chan struct{})
		poison := func(_ context.Context, r *forward.Record) error {
			if n, err := strconv.Atoi(string(r.Value)); err == nil && n%25 == 10 {
				return &forward.RecordError{Reason: forward.Refused, Err: errors.New("400")}
			}
			return nil
		}
		zombie := &letterBox{send: func(ctx context.Context, r *forward.Record) error {
			if string(r.Value) == "50" {
				frozen.Do(func() { ice.freeze(); close(began) })
				<-hold
			}
			return poison(ctx, r)
		}}
		cfg := r.config()
		cfg.Drain = false
		cfg.Kafka.Options = []kgo.Opt{kgo.Dialer(ice.dial), kgo.SessionTimeout(6 * time.Second)}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _, _ = forward.Run(ctx, cfg, zombie) })
		<-began
		next := &letterBox{send: poison}
		r.run(r.config(), next)
		close(hold)
		ice.thaw()
		r.produce(100, 100, 2, 10)
		zombie.await(t, 60) // it is a member again, or goes on where it was
		r.run(r.config(), next)
		cancel()
		running.Wait()
		r.settled()
		if got := r.letters(); len(got) != 8 {
			t.Errorf("letters: %q", got)
		}
		seen := map[string]bool{}
		for _, v := range append(zombie.got, next.got...) {
			seen[v] = true
		}
		if len(seen) != 192 {
			t.Errorf("%d records were delivered", len(seen))
		}
	})
}
