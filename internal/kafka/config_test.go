package kafka

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A dial that nobody answers holds Connect no longer than its context.
func TestConnectIsNotHeldByADial(t *testing.T) {
	end := make(chan struct{})
	defer close(end)
	dialing := make(chan struct{}, 1)
	dial := func(context.Context, string, string) (net.Conn, error) {
		select {
		case dialing <- struct{}{}:
		default:
		}
		<-end
		return nil, errors.New("the test is over")
	}
	stopped := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(context.Background())
	go func() { <-dialing; cancel(stopped) }()
	if _, err := Connect(ctx, Config{Brokers: []string{"192.0.2.1:9092"}, Options: []kgo.Opt{kgo.Dialer(dial)}}); !errors.Is(err, stopped) {
		t.Errorf("Connect: %v, want that it was stopped", err)
	}
}

// Nor does it hold what is asked of a client in a hurry.
func TestBeginIsNotHeldByADial(t *testing.T) {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	stopped := errors.New("stopped")
	parent, cancel := context.WithCancelCause(context.Background())
	client, ctx, reached, stop, err := Begin(parent, Config{Brokers: []string{"192.0.2.1:9092"}, Options: []kgo.Opt{kgo.Dialer(dial)}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	defer stop()
	asked := make(chan error, 1)
	go func() { asked <- client.Ping(ctx) }()
	cancel(stopped)
	if err := reached(); !errors.Is(err, stopped) {
		t.Errorf("reached: %v, want that it was stopped", err)
	}
	if err := <-asked; err == nil {
		t.Error("nobody answers, and Ping has no error")
	}
}

// Pauses are short at first, grow to the longest one, and are spread by a fifth.
func TestBackoff(t *testing.T) {
	for _, c := range []struct {
		try    int
		random float64
		want   time.Duration
	}{
		{1, 0.5, 20 * time.Millisecond}, {6, 0.5, 20 * time.Millisecond}, {7, 0.5, 40 * time.Millisecond}, {9, 0.5, 160 * time.Millisecond},
		{12, 0.5, 1280 * time.Millisecond}, {13, 0.5, 2500 * time.Millisecond}, {1000, 0.5, 2500 * time.Millisecond},
		{1, 0, 16 * time.Millisecond}, {13, 0, 2 * time.Second}, {0, 0.5, 20 * time.Millisecond},
	} {
		if got := backoff(c.try, c.random).Round(time.Microsecond); got != c.want {
			t.Errorf("before try %d: %s, want %s", c.try, got, c.want)
		}
	}
}
