package forward_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"inv/processor/forward"

	"github.com/twmb/franz-go/pkg/kgo"
)

// ofTen groups records by the last digit of their number.
func ofTen(wait time.Duration) *forward.Grouping {
	return &forward.Grouping{Wait: wait, By: func(dst []byte, r *forward.Record) ([]byte, bool, error) {
		return append(dst, r.Value[len(r.Value)-1]), true, nil
	}}
}

// cutsOf is a Sender that remembers cuts.
type cutsOf struct {
	letterBox
	cuts []string // id and values
	hang func(c *forward.Cut) bool
}

func (s *cutsOf) Send(ctx context.Context, m forward.Message) error {
	c := m.(parcel).cut
	text := c.ID + " " + c.Group + ":"
	for _, r := range c.Records {
		text += " " + string(r.Value)
	}
	s.mu.Lock()
	s.cuts = append(s.cuts, text)
	s.mu.Unlock()
	if s.hang != nil && s.hang(c) {
		<-ctx.Done()
		return ctx.Err()
	}
	return s.letterBox.Send(ctx, m)
}

// Groups are collected from all partitions, each record is in one message, and a drain does
// not wait for `wait`.
func TestGroups(t *testing.T) {
	r := newRig(t, 1, 3)
	r.produce(0, 300, 3, 30)
	cfg := r.config()
	cfg.Group = ofTen(time.Hour)
	s := &cutsOf{}
	summary := r.run(cfg, s)
	if len(s.cuts) != 10 || summary.Messages != 10 || summary.Delivered != 300 || len(s.got) != 300 {
		t.Errorf("%q, %+v", s.cuts, summary)
	}
	s = &cutsOf{}
	if r.run(cfg, s); len(s.cuts) > 0 {
		t.Errorf("%q came again", s.cuts)
	}
}

// A cut whose message was not answered before the process died is sent again as it was,
// with the same id, whatever has come since.
func TestCutAfterKill(t *testing.T) {
	onEach(t, 1, 3, func(t *testing.T, r *rig) {
		r.produce(0, 90, 3, 30)
		rope := &cord{}
		cfg := r.config()
		cfg.Group = ofTen(50 * time.Millisecond)
		cfg.Drain = false
		cfg.Kafka.Options = []kgo.Opt{kgo.Dialer(rope.dial), kgo.SessionTimeout(6 * time.Second)}
		sent := make(chan struct{}, 100)
		s := &cutsOf{hang: func(c *forward.Cut) bool {
			if c.Group == "7" {
				sent <- struct{}{}
			}
			return c.Group == "7"
		}}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _, _ = forward.Run(ctx, cfg, s) })
		<-sent
		rope.kill()
		cancel()
		r.produce(90, 90, 3, 30)
		again := &cutsOf{}
		cfg = r.config()
		cfg.Group = ofTen(time.Hour)
		r.run(cfg, again)
		running.Wait()
		i := slices.IndexFunc(s.cuts, func(text string) bool { return text[33] == '7' })
		if !slices.Contains(again.cuts, s.cuts[i]) {
			t.Errorf("the cut %q is not among %q", s.cuts[i], again.cuts)
		}
		seen := map[string]int{}
		for _, v := range append(s.got, again.got...) {
			seen[v]++
		}
		for i := range 180 {
			if n := seen[strconv.Itoa(i)]; n != 1 && (n == 0 || i >= 90) {
				t.Errorf("%d came %d times", i, n)
			}
		}
	})
}

// A refused record of a group is a dead letter, and the others are sent; a refused message
// makes letters of all its records.
func TestGroupRefused(t *testing.T) {
	onEach(t, 1, 2, func(t *testing.T, r *rig) {
		r.produce(0, 100, 2, 10)
		cfg := r.config()
		cfg.Group = ofTen(time.Hour)
		s := &letterBox{compose: func(c *forward.Cut) error {
			for _, r := range c.Records {
				if v := string(r.Value); v == "33" || v == "53" {
					return &forward.RecordError{Record: r, Reason: forward.Expression, Err: errors.New("no")}
				}
			}
			return nil
		}, send: func(_ context.Context, r *forward.Record) error {
			if r.Value[len(r.Value)-1] == '8' {
				return &forward.RecordError{Reason: forward.Refused, Err: errors.New("400")}
			}
			return nil
		}}
		r.run(cfg, s)
		want := []string{"33 expression", "53 expression"}
		for i := 8; i < 100; i += 10 {
			want = append(want, fmt.Sprint(i, " refused"))
		}
		got := r.letters()
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) || len(s.got) != 88 {
			t.Errorf("letters %q, %d delivered", got, len(s.got))
		}
	})
}
