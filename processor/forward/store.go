package forward

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kgo"
)

// storage is a partition of a Store: a goroutine that appends what main was given of it, in
// slices as fetched, and makes it durable when that is due.
//
// Before a poison record becomes a dead letter, what comes before it is durable. The letter
// is written with the note @dead, by which a store whose position is before the record goes
// on behind it.
type storage struct {
	loop  *loop
	owner *owned
	id    fetch.ID
	ctx   context.Context
	kill  context.CancelFunc
	done  chan struct{}
	wake  chan struct{} // something was added, or it is ending
	// drainTo is where a drain ends, 0 until that is known.
	drainTo atomic.Int64

	mu     sync.Mutex
	queue  []*batch
	queued load
	next   int64 // behind what was added
	ending bool

	// Of the goroutine.
	stream   Stream
	position int64 // behind the last record that was taken
	runs     []run // taken, and not durable
	letters  []*kgo.Record
	dead     deadNote
	records  []*Record
}

// run is records that were appended together.
type run struct {
	first int64
	count int
}

// kept is what main knows of a Store's partition.
type kept struct {
	next    int64 // the offset for the group
	dead    deadNote
	letters []*kgo.Record // to be written with it
	written chan struct{} // closed when they are
}

// drainIdle is after which time without records a drain makes durable what there is. A
// partition that is not at its end is only waiting for its turn to be fetched, unless what
// is left are markers.
const (
	drainIdle   = 200 * time.Millisecond
	drainUnread = 10 * drainIdle
)

// Ends of a step of a storage.
var (
	errRewound = errors.New("the partition is read again from another offset")
	errEnding  = errors.New("the partition is given up")
)

func (l *loop) newStorage(o *owned, stream Stream, at int64) *storage {
	s := &storage{loop: l, owner: o, id: o.id, stream: stream, position: at, next: at, done: make(chan struct{}), wake: make(chan struct{}, 1)}
	s.ctx, s.kill = context.WithCancel(l.hard)
	return s
}

// add queues a batch.
func (s *storage) add(b *batch) {
	s.mu.Lock()
	s.queue = append(s.queue, b)
	s.queued.records += len(b.records)
	s.queued.bytes += b.bytes
	s.next = max(s.next, b.next)
	s.mu.Unlock()
	s.poke()
}

func (s *storage) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// end lets it make durable what was taken, and end.
func (s *storage) end(within time.Duration) {
	s.mu.Lock()
	s.ending = true
	s.mu.Unlock()
	s.poke()
	time.AfterFunc(within, s.kill)
}

func (s *storage) hasEnded() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

func (s *storage) isEnding() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ending
}

func (s *storage) load() load {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queued
}

func (s *storage) readTo() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next
}

// pop returns the first batch, nil if there is none or nothing new is to be taken.
func (s *storage) pop() *batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 || s.ending {
		return nil
	}
	b := s.queue[0]
	s.queue[0] = nil
	s.queue = s.queue[1:]
	return b
}

// took says that a batch of the queue is done with.
func (s *storage) took(b *batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queued.records = max(s.queued.records-len(b.records), 0)
	s.queued.bytes = max(s.queued.bytes-b.bytes, 0)
}

// run is the goroutine.
func (s *storage) run() {
	defer s.loop.post(func() {}) // main sees that it has ended
	defer close(s.done)
	defer func() { s.stream.Close() }()
	for {
		err := s.step()
		if errors.Is(err, ErrNotOwner) {
			s.loop.cfg.Log.Warn("another process has the partition; it is opened again", "topic", s.id.Topic, "partition", s.id.Partition)
			err = s.reopen()
		}
		switch {
		case err == nil, errors.Is(err, errRewound):
		case errors.Is(err, errEnding), s.ctx.Err() != nil:
			return
		default:
			s.loop.post(func() { s.loop.fail(err) })
			return
		}
	}
}

// step takes a batch, or makes durable what is due, or waits.
func (s *storage) step() error {
	if b := s.pop(); b != nil {
		err := s.take(b)
		s.took(b)
		s.loop.post(func() {}) // a partition that waits may go on
		return err
	}
	if s.isEnding() {
		if err := s.flush(s.position); err != nil {
			return err
		}
		return errEnding
	}
	wait, waits := s.untilDue()
	if waits && wait <= 0 {
		return s.flush(s.position)
	}
	if !waits {
		wait = time.Hour
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-s.wake:
	case <-t.C:
		if waits {
			return s.flush(s.position)
		}
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
	return nil
}

// untilDue returns how long what was taken may wait, if there is something.
func (s *storage) untilDue() (wait time.Duration, waits bool) {
	if len(s.runs) == 0 {
		return 0, false
	}
	due := s.stream.Due()
	if !due.IsZero() {
		wait, waits = due.Sub(s.loop.cfg.Now()), true
	}
	if s.loop.cfg.Drain {
		idle := drainUnread
		if s.position >= s.drainTo.Load() {
			idle = drainIdle
		}
		if !waits || wait > idle {
			wait, waits = idle, true
		}
	}
	return wait, waits
}

// take appends the records of a batch.
func (s *storage) take(b *batch) error {
	defer func() {
		clear(s.records[:cap(s.records)]) // what the stream has not kept can go
		s.records = s.records[:0]
	}()
	dropped := int64(0)
	for i := range b.records {
		t := &b.records[i]
		switch {
		case t.At.Offset < s.position:
		case t.err != nil:
			if err := s.append(s.records); err != nil {
				return err
			}
			s.records = s.records[:0]
			if err := s.refuse(t.Record, refusalOf(t.err)); err != nil {
				return err
			}
		case t.drop:
			dropped++
		default:
			s.records = append(s.records, t.Record)
		}
	}
	if err := s.append(s.records); err != nil {
		return err
	}
	s.loop.stats.dropped.Add(dropped)
	s.position = max(s.position, b.next)
	if err := s.writeLetters(); err != nil {
		return err
	}
	switch due := s.stream.Due(); {
	case len(s.runs) == 0 || due.IsZero(): // nothing waits
		s.delivered(s.position)
		s.report(s.position)
	case !due.After(s.loop.cfg.Now()):
		return s.flush(s.position)
	}
	return nil
}

// append gives records to the stream.
func (s *storage) append(records []*Record) error {
	if len(records) == 0 {
		return nil
	}
	if err := s.writeLetters(); err != nil {
		return err
	}
	for len(records) > 0 {
		err := s.try(func(ctx context.Context) error { return s.stream.Append(ctx, records) })
		var poison *RecordError
		if err == nil {
			s.appended(records)
			return nil
		} else if !errors.As(err, &poison) {
			return err
		}
		at := slices.Index(records, poison.Record)
		if at < 0 && len(records) > 1 {
			for _, r := range records { // it doesn't say which one
				if err := s.append([]*Record{r}); err != nil {
					return err
				}
			}
			return nil
		}
		at = max(at, 0)
		s.appended(records[:at])
		if err := s.refuse(records[at], refusal{reason: poison.Reason, err: poison.Err}); err != nil {
			return err
		}
		if records = records[at+1:]; len(records) > 0 {
			if err := s.writeLetters(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *storage) appended(records []*Record) {
	if len(records) > 0 {
		s.runs = append(s.runs, run{records[0].At.Offset, len(records)})
		s.position = records[len(records)-1].At.Offset + 1
	}
}

// flush makes durable what was taken.
func (s *storage) flush(next int64) error {
	if err := s.writeLetters(); err != nil {
		return err
	}
	err := s.try(func(ctx context.Context) error { return s.stream.Flush(ctx, next) })
	var poison *RecordError
	if errors.As(err, &poison) {
		s.delivered(poison.Record.At.Offset)
		s.bury(poison.Record, refusal{reason: poison.Reason, err: poison.Err})
		if err := s.writeLetters(); err != nil {
			return err
		}
		return s.rewind(s.position)
	}
	if err != nil {
		return err
	}
	s.delivered(next)
	s.report(next)
	return nil
}

// delivered counts what was made durable before an offset.
func (s *storage) delivered(next int64) {
	n := int64(0)
	for _, r := range s.runs {
		n += min(int64(r.count), max(next-r.first, 0))
	}
	s.runs = s.runs[:0]
	s.loop.stats.delivered.Add(n)
}

// report tells main the offset for the group.
func (s *storage) report(next int64) {
	if s.dead.to > 0 && s.dead.from != s.stored() {
		s.dead = deadNote{}
	}
	dead := s.dead
	s.loop.post(func() {
		if s.owner.kept.letters == nil {
			s.owner.kept = kept{next: next, dead: dead}
		}
	})
}
