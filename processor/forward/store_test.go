package forward_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"inv/processor/forward"

	"github.com/twmb/franz-go/pkg/kgo"
)

// table is a database with rows and positions, that several stores use.
type table struct {
	mu     sync.Mutex
	next   map[string]int64
	rows   map[string][]int64 // offsets
	values []string
}

// shelf is a Store on a table. Everything fails now and then, also after it took effect.
type shelf struct {
	*table
	random func() float64 // below 1; nil: nothing fails
	poison func(r *forward.Record) bool
	late   bool // poison is found by Flush, not by Append
	batch  int
	thief  func() // called before a flush, nil: nobody
}

func newShelf(t *table) *shelf { return &shelf{table: t, batch: 50} }

func newTable() *table { return &table{next: map[string]int64{}, rows: map[string][]int64{}} }

func (s *shelf) fails(rate float64) error {
	if s.random != nil && s.random() < rate {
		return &forward.RetryError{After: time.Millisecond, Err: errors.New("the table is busy")}
	}
	return nil
}

func (s *shelf) Open(_ context.Context, p forward.Partition) (forward.Stream, error) {
	if err := s.fails(0.3); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b := &board{shelf: s, key: fmt.Sprintf("%s/%d", p.Topic, p.Partition)}
	b.next, b.known = s.next[b.key], false
	_, b.known = s.table.next[b.key]
	b.next = s.table.next[b.key]
	return b, nil
}

func (s *shelf) Check(context.Context) error { return nil }
func (s *shelf) Show(w io.Writer, r *forward.Record) error {
	_, err := fmt.Fprintf(w, "%s\n", r.Value)
	return err
}
func (s *shelf) Close() error                    { return nil }
func (s *shelf) isPoison(r *forward.Record) bool { return s.poison != nil && s.poison(r) }
func (s *shelf) refuse(r *forward.Record) *forward.RecordError {
	return &forward.RecordError{Record: r, Reason: forward.Refused, Err: errors.New("out of range")}
}

type board struct {
	*shelf
	key    string
	next   int64
	known  bool
	taken  []*forward.Record
	unsure bool // the last flush was committed without an answer
}

func (b *board) Next() (int64, bool) { return b.next, b.known }

func (b *board) Append(_ context.Context, records []*forward.Record) error {
	if err := b.fails(0.05); err != nil {
		return err
	}
	for _, r := range records {
		if !b.late && b.isPoison(r) {
			return b.refuse(r)
		}
		b.taken = append(b.taken, r)
	}
	return nil
}

func (b *board) Due() time.Time {
	switch {
	case len(b.taken) == 0:
		return time.Time{}
	case len(b.taken) >= b.batch:
		return time.Now()
	}
	return time.Now().Add(20 * time.Millisecond)
}

func (b *board) Flush(_ context.Context, next int64) error {
	if err := b.fails(0.1); err != nil {
		return err
	}
	if b.thief != nil {
		b.thief()
	}
	var poison *forward.RecordError
	taken := b.taken
	if b.late {
		if i := slices.IndexFunc(taken, b.isPoison); i >= 0 {
			poison = b.refuse(taken[i])
			b.taken, next = taken[:i], taken[i].At.Offset
		}
	}
	if err := b.write(next); err != nil {
		b.taken = taken // the same call comes again
		return err
	}
	if poison != nil {
		return poison
	}
	return nil
}

// write is a transaction with a compare-and-set of the position.
func (b *board) write(next int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	have, known := b.table.next[b.key]
	if b.unsure && known && have == next {
		b.unsure, b.taken, b.next, b.known = false, nil, next, true // it was committed
		return nil
	}
	if known != b.known || have != b.next {
		return forward.ErrNotOwner
	}
	for _, r := range b.taken {
		b.rows[b.key] = append(b.rows[b.key], r.At.Offset)
		b.values = append(b.values, string(r.Value))
	}
	b.table.next[b.key] = next
	if b.random != nil && b.random() < 0.1 {
		b.unsure = true
		return &forward.RetryError{After: time.Millisecond, Err: errors.New("no answer")}
	}
	b.unsure, b.taken, b.next, b.known = false, nil, next, true
	return nil
}

func (b *board) Close() error { b.taken = nil; return nil }

// exactlyOnce fails unless the table has the numbers, each once, but for some.
func (s *table) exactlyOnce(t *testing.T, n int, without ...int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := map[int]int{}
	for _, v := range s.values {
		i, err := strconv.Atoi(v)
		if err != nil {
			t.Fatal(err)
		}
		counts[i]++
	}
	for i := range n {
		want := 1
		if slices.Contains(without, i) {
			want = 0
		}
		if counts[i] != want {
			t.Errorf("%d is there %d times, want %d", i, counts[i], want)
		}
	}
	for key, offsets := range s.rows {
		if !slices.IsSorted(offsets) {
			t.Errorf("%s: rows are not in order", key)
		}
	}
}

func TestStoreKeepsOnce(t *testing.T) {
	onEach(t, 1, 3, func(t *testing.T, r *rig) {
		r.produce(0, 5000, 3, 30)
		table := newTable()
		summary := r.run(r.config(), newShelf(table))
		table.exactlyOnce(t, 5000)
		if summary.Delivered != 5000 || summary.Letters() != 0 {
			t.Errorf("%+v", summary)
		}
		r.produce(5000, 100, 3, 30)
		r.run(r.config(), newShelf(table))
		table.exactlyOnce(t, 5100)
	})
}

// Poison records, found at once or late, next to each other, at the ends and apart, become
// dead letters once; what is around them is kept once, whatever fails.
func TestStorePoison(t *testing.T) {
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprint("late=", late), func(t *testing.T) {
			r := newRig(t, 1, 2)
			r.produce(0, 1000, 2, 10)
			bad := []int{0, 1, 10, 11, 500, 510, 520, 999}
			table := newTable()
			s := newShelf(table)
			s.late = late
			random := rand.New(rand.NewPCG(7, 7))
			var mu sync.Mutex
			s.random = func() float64 { mu.Lock(); defer mu.Unlock(); return random.Float64() }
			s.poison = func(r *forward.Record) bool {
				n, err := strconv.Atoi(string(r.Value))
				return err == nil && slices.Contains(bad, n)
			}
			summary := r.run(r.config(), s)
			table.exactlyOnce(t, 1000, bad...)
			var want []string
			for _, n := range bad {
				want = append(want, fmt.Sprint(n, " refused"))
			}
			got := r.letters()
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) || summary.DeadLetters["refused"] != int64(len(bad)) {
				t.Errorf("letters: %q, %+v", got, summary)
			}
			r.run(r.config(), s)
			if len(r.letters()) != len(bad) {
				t.Error("a second run writes letters again")
			}
			table.exactlyOnce(t, 1000, bad...)
		})
	}
}

// cord connects a Run to the brokers until it is cut, as a process that is killed.
type cord struct {
	mu    sync.Mutex
	conns []net.Conn
	cut   bool
}

func (c *cord) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil && c.cut {
		conn.Close()
		err = errors.New("the process is dead")
	}
	if err == nil {
		c.conns = append(c.conns, conn)
	}
	return conn, err
}

func (c *cord) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = true
	for _, conn := range c.conns {
		conn.Close()
	}
}

// Processes are killed while they write, and others take over, while everything fails now
// and then: each record is kept once, or is a dead letter once.
func TestStoreUnderKills(t *testing.T) {
	if testing.Short() {
		t.Skip("takes the session timeouts of dead members")
	}
	onEach(t, 1, 4, func(t *testing.T, r *rig) {
		const n = 4000
		table := newTable()
		random := rand.New(rand.NewPCG(11, 11))
		var mu sync.Mutex
		poison := func(r *forward.Record) bool {
			v, err := strconv.Atoi(string(r.Value))
			return err == nil && v%501 == 0
		}
		shelfOf := func() *shelf {
			s := newShelf(table)
			s.random = func() float64 { mu.Lock(); defer mu.Unlock(); return random.Float64() }
			s.poison = poison
			s.late = s.random() < 0.5
			return s
		}
		var running sync.WaitGroup
		for i := range 4 {
			r.produce(i*n/4, n/4, 4, 40)
			rope := &cord{}
			ctx, cancel := context.WithCancel(t.Context())
			cfg := r.config()
			cfg.Drain = false
			cfg.Kafka.Options = []kgo.Opt{kgo.Dialer(rope.dial), kgo.SessionTimeout(6 * time.Second)}
			s := shelfOf()
			before := len(table.snapshot())
			running.Go(func() { _, _ = forward.Run(ctx, cfg, s) })
			deadline := time.After(30 * time.Second)
			for wait := true; wait; {
				select {
				case <-deadline:
					t.Fatal("nothing is written")
				case <-time.After(time.Millisecond):
					wait = len(table.snapshot()) < before+n/8
				}
			}
			rope.kill()
			cancel()
		}
		summary := r.run(r.config(), shelfOf())
		running.Wait()
		var bad []int
		for i := 0; i < n; i += 501 {
			bad = append(bad, i)
		}
		table.exactlyOnce(t, n, bad...)
		r.settled()
		if got := r.letters(); len(got) != len(bad) {
			t.Errorf("%d letters, want %d: %q, %+v", len(got), len(bad), got, summary)
		}
	})
}

func (s *table) snapshot() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.values
}

// A store that is ahead of the group, as after a kill before the group's commit, lets the
// group follow, so that a drain ends. One that was emptied gets everything again.
func TestStoreAndGroupDiffer(t *testing.T) {
	r := newRig(t, 1, 1)
	r.produce(0, 100, 1, 1)
	table := newTable()
	table.next["t0/0"] = 100
	if r.run(r.config(), newShelf(table)); len(table.values) > 0 {
		t.Errorf("%q came again", table.values)
	}
	table = newTable()
	r.run(r.config(), newShelf(table))
	table.exactlyOnce(t, 100)
}

// When another process has written to a partition meanwhile, it is opened again, and goes
// on where that one ended.
func TestStoreLosesPartition(t *testing.T) {
	r := newRig(t, 1, 1)
	r.produce(0, 500, 1, 1)
	table := newTable()
	s := newShelf(table)
	thefts := 0
	s.thief = func() {
		table.mu.Lock()
		defer table.mu.Unlock()
		if thefts++; thefts < 3 && table.next["t0/0"] < 400 {
			for next := table.next["t0/0"]; table.next["t0/0"] < next+70; table.next["t0/0"]++ {
				table.values = append(table.values, strconv.FormatInt(table.next["t0/0"], 10))
			}
		}
	}
	r.run(r.config(), s)
	table.exactlyOnce(t, 500)
	if thefts < 3 {
		t.Errorf("%d flushes", thefts)
	}
}
