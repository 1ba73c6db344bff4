// Package kafka holds what inv's parts share as Kafka clients: connecting,
// security and client properties, the creation of a scenario's topics, and lag on
// transactional topics. It knows no record types and no rules.
package kafka

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Config is how to reach a cluster. Brokers must not be empty.
type Config struct {
	Brokers []string // HOST:PORT
	// Options are the user's; they follow a command's own and so override them.
	// They hold secrets: never print them.
	Options []kgo.Opt
}

// ErrUnreachable is wrapped by the error of Connect if no broker answers.
var ErrUnreachable = errors.New("no broker answers")

// connectTimeout bounds Connect, so that a wrong address is reported within 5 s.
const connectTimeout = 4 * time.Second

// Connect returns a client after a broker has answered it. If none does, the error
// wraps [ErrUnreachable]; if one does not let the client in, it is a [RefusedError].
func Connect(ctx context.Context, c Config, opts ...kgo.Opt) (*kgo.Client, error) {
	client, err := New(c, opts...)
	if err != nil {
		return nil, err
	}
	if err := reach(ctx, client, c); err != nil {
		go client.Close() // which waits for the dial that nobody answers
		return nil, err
	}
	return client, nil
}

// Begin is Connect without the wait for a broker, which saves a round trip. If no
// broker answers, the returned context is cancelled; reached waits for the outcome
// and returns the error of Connect. The caller closes the client and calls stop.
func Begin(parent context.Context, c Config, opts ...kgo.Opt) (client *kgo.Client, ctx context.Context, reached func() error, stop func(), err error) {
	if client, err = New(c, opts...); err != nil {
		return nil, nil, nil, nil, err
	}
	ctx, cancel := context.WithCancelCause(parent)
	known := make(chan struct{})
	var failed error
	go func() {
		defer close(known)
		if failed = reach(ctx, client, c); failed != nil {
			cancel(failed)
			client.Close() // pending requests wait for the dial, too
		}
	}()
	reached = func() error { <-known; return failed }
	return client, ctx, reached, func() { cancel(nil) }, nil
}

// reach waits until a broker has answered. It does not wait for Ping to return when
// the time is up: a dial lasts up to ten seconds, whatever its context.
func reach(ctx context.Context, client *kgo.Client, c Config) error {
	ping, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	answered := make(chan error, 1)
	go func() { answered <- client.Ping(ping) }()
	var err error
	select {
	case err = <-answered:
	case <-ping.Done():
		err = fmt.Errorf("nothing heard for %s", connectTimeout)
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	if why := refusal(client, err); why != "" {
		return &RefusedError{c.Brokers, why, err}
	}
	return fmt.Errorf("%w at %s (%v)", ErrUnreachable, strings.Join(c.Brokers, ", "), err)
}

// New returns a client without contacting a broker.
func New(c Config, opts ...kgo.Opt) (*kgo.Client, error) {
	all := append([]kgo.Opt{kgo.SeedBrokers(c.Brokers...), kgo.ClientID("inv"), Backoff()}, opts...)
	client, err := kgo.NewClient(append(all, c.Options...)...)
	if err != nil {
		return nil, fmt.Errorf("the settings of the Kafka client don't go together: %w", err)
	}
	return client, nil
}

// Pauses before a request is sent again.
const (
	shortBackoff = 20 * time.Millisecond // before the first tries
	shortTries   = 6
	lastBackoff  = 2500 * time.Millisecond // reached by doubling
)

// Backoff has a client try a request again soon at first, and ever later. What a cluster
// has not learned yet, such as the leaders of new partitions or the coordinator of a new
// group, it often knows after some tens of milliseconds; the client library waits 250 ms,
// then 500. Later pauses are as the library's: a fifth shorter or longer, so that clients
// don't come all at once.
func Backoff() kgo.Opt {
	return kgo.RetryBackoffFn(func(try int) time.Duration { return backoff(try, rand.Float64()) })
}

// backoff returns the pause before a try, of which the first is 1; random is from 0 up to 1.
func backoff(try int, random float64) time.Duration {
	pause := Doubled(shortBackoff, lastBackoff, try-shortTries)
	return time.Duration(float64(pause) * (0.8 + 0.4*random))
}
