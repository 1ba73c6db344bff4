package forward

import (
	"context"
	"errors"
)

// refuse makes a record a dead letter, once what comes before it is durable.
func (s *storage) refuse(r *Record, why refusal) error {
	if len(s.runs) > 0 {
		if err := s.flush(r.At.Offset); err != nil {
			return err
		}
	}
	s.bury(r, why)
	return nil
}

func (s *storage) bury(r *Record, why refusal) {
	s.letters = append(s.letters, s.loop.letter(r, why))
	s.position = r.At.Offset + 1
	s.dead = deadNote{s.stored(), s.position}
}

// stored returns the store's position, -1 if it has kept nothing.
func (s *storage) stored() int64 {
	if next, ok := s.stream.Next(); ok {
		return next
	}
	return -1
}

// writeLetters waits until dead letters are written, with the offset behind them.
func (s *storage) writeLetters() error {
	if len(s.letters) == 0 {
		return nil
	}
	k := kept{next: s.position, dead: s.dead, letters: s.letters, written: make(chan struct{})}
	s.letters = nil
	if !s.loop.call(func() { s.owner.kept = k }) {
		return errEnding
	}
	select {
	case <-k.written:
		return s.ctx.Err()
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}

// rewind reads the partition again from an offset on.
func (s *storage) rewind(offset int64) error {
	ok := s.loop.call(func() {
		if s.loop.parts[s.id] != s.owner {
			return
		}
		s.loop.seek(s.owner, offset, 0)
		s.mu.Lock()
		s.queue, s.queued, s.next = nil, load{}, offset
		s.mu.Unlock()
	})
	if !ok {
		return errEnding
	}
	s.position = offset
	return errRewound
}

// reopen opens the stream again, which another process has taken over. If it goes on, the
// result is errRewound.
func (s *storage) reopen() error {
	s.stream.Close()
	s.stream = closed{}
	s.runs, s.letters, s.dead = nil, nil, deadNote{}
	// Not at once: two that both believe to have it would do nothing else.
	if err := pauseUnless(s.ctx, pauseAfter(ErrNotOwner, 2, s.loop.cfg.Rand()), s.isEnding); err != nil {
		return err
	}
	stream, err := s.loop.open(s.ctx, s.owner.Partition, s.isEnding)
	if err != nil {
		return err
	}
	s.stream = stream
	var at int64
	var was position
	err = s.try(func(ctx context.Context) error {
		positions, err := s.loop.committed(ctx, s.loop.client)
		if err == nil {
			was = positions[s.id]
			at, err = s.loop.startOf(ctx, s.owner.Partition, positions, stream)
		}
		if decides(err) {
			return &StopError{err}
		}
		return err
	})
	if err != nil {
		return err
	}
	if dead, ok := parseDead(was.stamp.Fields[noteDead]); ok && dead.to == at {
		s.dead = dead
	}
	if err := s.rewind(at); !errors.Is(err, errRewound) {
		return err
	}
	s.report(at)
	return errRewound
}

// closed is a stream that could not be opened again.
type closed struct{ Stream }

func (closed) Close() error { return nil }
