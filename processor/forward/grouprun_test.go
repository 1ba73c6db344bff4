package forward_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"inv/internal/kafkatest"
	"inv/processor/forward"
)

// cuts is a Sender of groups, which remembers their contents by id.
type cuts struct {
	mu      sync.Mutex
	content map[string]string // by id
	values  []string          // of records, each once for each id
	tries   map[string]int    // by id
	send    func(ctx context.Context, c *forward.Cut) error
	t       *testing.T
}

func newCuts(t *testing.T) *cuts {
	return &cuts{content: map[string]string{}, tries: map[string]int{}, t: t}
}

func (s *cuts) Compose(c *forward.Cut) ([]forward.Message, error) {
	return []forward.Message{parcel{c}}, nil
}

func (s *cuts) Send(ctx context.Context, m forward.Message) error {
	c := m.(parcel).cut
	var content strings.Builder
	var values []string
	for _, r := range c.Records {
		fmt.Fprintf(&content, "%v %s\n", r.At, r.Value)
		values = append(values, string(r.Value))
	}
	s.mu.Lock()
	s.tries[c.ID]++
	if had, ok := s.content[c.ID]; ok && had != content.String() {
		s.t.Errorf("cut %s was\n%sand is\n%s", c.ID, had, content.String())
	} else if !ok {
		s.content[c.ID] = content.String()
		s.values = append(s.values, values...)
	}
	s.mu.Unlock()
	if s.send == nil {
		return nil
	}
	return s.send(ctx, c)
}

func (s *cuts) Check(context.Context) error { return nil }
func (s *cuts) Close() error                { return nil }

// check fails unless the values of a key are one group, and all came once.
func (s *cuts) check(first, n, keys int) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	inOrder(s.t, s.values, first, n, keys, true)
	if len(s.values) != n {
		s.t.Errorf("%d records came, want %d", len(s.values), n)
	}
}

// byKey groups records by their key, across partitions.
func byKey(cfg *forward.Config, wait time.Duration) {
	cfg.Group = &forward.Grouping{Wait: wait, By: func(dst []byte, r *forward.Record) ([]byte, bool, error) {
		return append(dst, r.Key...), true, nil
	}}
}

// A drain sends all groups without waiting, each once, and a second one has nothing to do.
func TestGroupsDrain(t *testing.T) {
	r := newRig(t, 1, 3)
	r.produce(0, 3000, 3, 30)
	cfg := r.config()
	byKey(&cfg, time.Hour)
	s := newCuts(t)
	r.run(cfg, s)
	if s.check(0, 3000, 30); len(s.content) != 30 {
		t.Errorf("there were %d messages", len(s.content))
	}
	r.run(cfg, s)
	s.check(0, 3000, 30)
	r.produce(3000, 300, 3, 30)
	r.run(cfg, s)
	s.check(0, 3300, 30)
}

// More groups than the notes have room for.
func TestManyGroups(t *testing.T) {
	r := newRig(t, 1, 2)
	r.produce(0, 4000, 2, 1000)
	cfg := r.config()
	byKey(&cfg, time.Hour)
	s := newCuts(t)
	r.run(cfg, s)
	s.check(0, 4000, 1000)
}

// A run that ends while messages fail leaves cuts to the next one, which sends the same:
// also with records that have come since, from partitions that are read in another order.
func TestGroupsGoOn(t *testing.T) {
	r := newRig(t, 1, 3)
	r.produce(0, 300, 3, 10)
	cfg := r.config()
	cfg.Drain = false
	byKey(&cfg, time.Millisecond)
	s := newCuts(t)
	s.send = func(context.Context, *forward.Cut) error { return errors.New("down") }
	for i := range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, err := forward.Run(ctx, cfg, s)
			ended <- err
		}()
		kafkatest.Eventually(t, 30*time.Second, "all cuts were tried", func() (bool, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			tried := 0
			for _, n := range s.tries {
				tried += min(n, 1)
			}
			return tried == 10 && len(s.content) == 10, nil
		})
		s.mu.Lock()
		s.tries = map[string]int{}
		s.mu.Unlock()
		cancel()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		r.produce(300+i*30, 30, 3, 10)
	}
	s.send = nil
	cfg.Drain = true
	r.run(cfg, s)
	s.check(0, 390, 10)
}

// A cut that is refused becomes a dead letter for each record, exactly once, while another
// group holds the watermark; the process that comes after a stop doesn't skip one.
func TestGroupLetters(t *testing.T) {
	r := newRig(t, 1, 1)
	r.produce(0, 40, 1, 4)
	cfg := r.config()
	cfg.Drain = false
	byKey(&cfg, time.Millisecond)
	s := newCuts(t)
	s.send = func(_ context.Context, c *forward.Cut) error {
		switch c.Group {
		case "k0":
			return errors.New("down")
		case "k1", "k3":
			return &forward.RecordError{Reason: forward.Refused, Err: errors.New("no")}
		}
		return nil
	}
	var want []string
	for i := range 40 {
		if i%4 == 1 || i%4 == 3 {
			want = append(want, fmt.Sprint(i, " refused"))
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	stats := &forward.Stats{}
	cfg.Stats = stats
	go func() {
		_, err := forward.Run(ctx, cfg, s)
		ended <- err
	}()
	kafkatest.Eventually(t, 30*time.Second, "the letters are written", func() (bool, error) {
		return stats.Summary().Letters() == 20, nil
	})
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	s.send, cfg.Drain, cfg.Stats = nil, true, nil
	r.run(cfg, s)
	s.check(0, 40, 4)
	got := r.letters()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the letters are %q, want %q", got, want)
	}
}
