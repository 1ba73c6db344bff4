package producer

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// stepClock advances when a worker sleeps, once the sink has all records that were due
// before.
type stepClock struct {
	mu   sync.Mutex
	now  time.Time
	sink *counting
	gap  time.Duration // from one record to the next
}

func (c *stepClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *stepClock) Sleep(ctx context.Context, until time.Time, _ <-chan struct{}) {
	for due := int64(c.Now().Sub(testStart)/c.gap) + 1; c.sink.count.Load() < due && ctx.Err() == nil; {
		runtime.Gosched() // for ever, if a worker holds records back
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if until.After(c.now) {
		c.now = until
	}
}

// counting counts records, and checks their order.
type counting struct {
	count   atomic.Int64
	writers atomic.Int64
	astray  atomic.Int64 // records out of order
	write   func(b *Batch) error
}

func (s *counting) Write(_ context.Context, b *Batch) error {
	defer b.Release()
	if s.writers.Add(1) != 1 {
		return errors.New("two workers write at once")
	}
	defer s.writers.Add(-1)
	if s.write != nil {
		if err := s.write(b); err != nil {
			return err
		}
	}
	for _, r := range b.Records {
		if r.Number != s.count.Add(1)-1 {
			s.astray.Add(1)
		}
	}
	return nil
}

func (s *counting) Flush(context.Context) error { return nil }
func (s *counting) Counts() Counts              { return Counts{Acknowledged: s.count.Load()} }
func (s *counting) Failed() <-chan struct{}     { return nil }

// While a worker waits for the next record, no other holds records back that were due.
func TestWorkersHoldNothingBack(t *testing.T) {
	p := compiled(t, shipped(t, "inventory"), "orders")
	rate := rateOf(t, "20000/s")
	sink := &counting{}
	clock := &stepClock{now: testStart, sink: sink, gap: 50 * time.Microsecond}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := Run(ctx, p, Options{Rate: &rate, Count: 2000, Workers: 4, Clock: clock}, sink)
	if err != nil || sink.count.Load() != 2000 || sink.astray.Load() != 0 {
		t.Errorf("%d records came, %d of them out of order: %v", sink.count.Load(), sink.astray.Load(), err)
	}
}

// Workers are at most a few batches ahead of the sink, however slow it is.
func TestWorkersAreNotFarAhead(t *testing.T) {
	p := compiled(t, shipped(t, "inventory"), "orders")
	rate := rateOf(t, "max")
	const workers = 3
	var most int64
	var made atomic.Int64
	sink := &counting{}
	sink.write = func(*Batch) error {
		most = max(most, made.Load()-sink.count.Load())
		return nil
	}
	o := Options{Rate: &rate, Count: 100 * batchSize, Workers: workers, Progress: func(p Progress) { made.Store(p.Made) }, Clock: &countingClock{}}
	if _, err := Run(t.Context(), p, o, sink); err != nil {
		t.Fatal(err)
	}
	if limit := int64(workers * ahead * batchSize); most > limit || sink.astray.Load() != 0 || sink.count.Load() != 100*batchSize {
		t.Errorf("workers were %d records ahead, want at most %d; %d came, %d out of order", most, limit, sink.count.Load(), sink.astray.Load())
	}
}

// countingClock advances with each call of Now, so that each batch reports progress.
type countingClock struct{ calls atomic.Int64 }

func (c *countingClock) Now() time.Time {
	return testStart.Add(time.Duration(c.calls.Add(1)) * reportEvery)
}
func (c *countingClock) Sleep(context.Context, time.Time, <-chan struct{}) {}

// A sink that has failed gets no more batches, and all workers end.
func TestWorkersEndWithTheSink(t *testing.T) {
	p := compiled(t, shipped(t, "inventory"), "orders")
	rate := rateOf(t, "max")
	broken := errors.New("disk full")
	for _, workers := range []int{1, 2, 7} {
		sink := &counting{}
		writes := 0
		sink.write = func(*Batch) error {
			if writes++; writes > 5 {
				return broken
			}
			return nil
		}
		s, err := Run(t.Context(), p, Options{Rate: &rate, Workers: workers}, sink)
		if !errors.Is(err, broken) || writes != 6 || s.Sent != 5*batchSize || sink.astray.Load() != 0 {
			t.Errorf("%d workers: %d writes, %d records sent: %v", workers, writes, s.Sent, err)
		}
	}
}

// A worker that spins for its turn in vain spins less and less often.
func TestLookout(t *testing.T) {
	var l lookout
	looks := func(waits int, appears bool) (n int) {
		for range waits {
			l.look(func() bool { n++; return appears })
		}
		return n
	}
	for _, tt := range []struct {
		waits   int
		appears bool
		want    int
	}{
		{100, true, 100},
		{1 + leastSkip, false, 1},   // in vain, then not for a while
		{1 + 2*leastSkip, false, 1}, // in vain again, not for twice as long
		{100_000, false, -1},        // about one of mostSkip
		{mostSkip, true, -1},        // until it pays
		{100, true, 100},            // and again
		{1 + leastSkip, false, 1},   // from the beginning
	} {
		got := looks(tt.waits, tt.appears)
		if tt.waits == 100_000 && (got < 90 || got > 110) || tt.want >= 0 && got != tt.want {
			t.Errorf("%d waits, a turn appears %v: it looked %d times, want %d", tt.waits, tt.appears, got, tt.want)
		}
	}
}
