package forward

import (
	"context"
	"errors"
	"sync"
	"time"

	"inv/internal/kafka/fetch"
)

// try calls the stream until it succeeds, or fails in a way that trying again can't help.
func (s *storage) try(f func(context.Context) error) error {
	return s.loop.persist(s.ctx, s.id, s.isEnding, f)
}

// open opens the stream of a partition.
func (l *loop) open(ctx context.Context, p Partition, ending func() bool) (stream Stream, err error) {
	err = l.persist(ctx, fetch.ID{Topic: p.Topic, Partition: p.Partition}, ending, func(ctx context.Context) (err error) {
		stream, err = l.store.Open(ctx, p)
		return err
	})
	return stream, err
}

// persist tries something of a partition until it succeeds, the error is one that decides,
// or the partition is given up.
func (l *loop) persist(ctx context.Context, id fetch.ID, ending func() bool, f func(context.Context) error) error {
	for failures := 1; ; failures++ {
		limited, cancel := context.WithTimeout(ctx, l.cfg.Timeout)
		err := f(limited)
		cancel()
		l.stats.tries.Add(1)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		now := l.cfg.Now()
		var poison *RecordError
		var stop *StopError
		switch {
		case err == nil:
			if line := l.holds.succeeded(id, now); line != "" {
				l.cfg.Log.Info(line, "topic", id.Topic, "partition", id.Partition)
			}
			return nil
		case errors.As(err, &poison), errors.As(err, &stop), errors.Is(err, ErrNotOwner):
			return err
		case ending():
			return errEnding
		}
		l.stats.failures.Add(1)
		pause := pauseAfter(err, failures, l.cfg.Rand())
		l.holds.failed(id, err, now, now.Add(pause))
		if err := pauseUnless(ctx, pause, ending); err != nil {
			return err
		}
	}
}

// pauseUnless waits, unless ctx ends or the partition is given up.
func pauseUnless(ctx context.Context, d time.Duration, ending func() bool) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			return nil
		case <-tick.C:
			if ending() {
				return errEnding
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// holds are the partitions of a Store that don't get on. It is safe for concurrent use.
type holds struct {
	mu sync.Mutex
	by map[fetch.ID]*holding
}

func (h *holds) failed(id fetch.ID, err error, now, next time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.by == nil {
		h.by = map[fetch.ID]*holding{}
	}
	if h.by[id] == nil {
		h.by[id] = &holding{}
	}
	h.by[id].failed(err, now, next)
}

func (h *holds) succeeded(id fetch.ID, now time.Time) (line string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if one := h.by[id]; one != nil {
		line = one.succeeded(now)
		delete(h.by, id)
	}
	return line
}

func (h *holds) drop(id fetch.ID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.by, id)
}

// each says of one partition, that which has waited the longest, that it is held, and
// returns that.
func (h *holds) each(now time.Time, say func(*holding, time.Time)) Held {
	h.mu.Lock()
	defer h.mu.Unlock()
	var first *holding
	for _, one := range h.by {
		if first == nil || one.held.Since.Before(first.held.Since) {
			first = one
		}
	}
	if first == nil {
		return Held{}
	}
	say(first, now)
	return first.held
}
