package files

import (
	"context"
	"errors"
	"time"

	"inv/processor/forward"
)

// stream is a partition of a topic. It implements [forward.Stream].
//
// A method that fails because the disk is full can be called again. After any other error
// but a StopError, what was taken is dropped, and the stream is to be opened again.
type stream struct {
	store  *Store
	claims *claims
	of     forward.Partition

	taken  int64   // what is before is kept or taken
	parts  []*part // in order; none but the last one takes rows
	held   int64   // bytes in memory that the store has counted
	broken error   // nil, or why it is to be opened again
}

// reopenError says that a stream has dropped what it had taken.
type reopenError struct{ err error }

func (e *reopenError) Error() string { return "the partition is opened again after: " + e.err.Error() }

func (e *reopenError) Unwrap() error { return e.err }

func (e *reopenError) Is(target error) bool { return target == forward.ErrNotOwner }

// Next returns the position.
func (t *stream) Next() (int64, bool) { return t.claims.head.Next, t.claims.head.Next != noOffset }

// Due is in the past as soon as a file is full.
func (t *stream) Due() time.Time {
	if len(t.parts) == 0 || t.parts[0].rows == 0 {
		return time.Time{}
	}
	p := t.parts[0]
	if p.full(t.store.rows) {
		return p.began
	}
	return p.began.Add(t.store.after)
}

// Append encodes records into files that nobody sees. It skips records that it has taken.
func (t *stream) Append(ctx context.Context, records []*forward.Record) error {
	if err := t.ready(ctx); err != nil {
		return err
	}
	for len(records) > 0 && records[0].At.Offset < t.taken {
		records = records[1:]
	}
	for len(records) > 0 {
		p, err := t.current()
		if err != nil {
			return t.fail(err)
		}
		n, err := p.add(records, t.store.rows)
		if n > 0 {
			t.taken = p.last + 1
			records = records[n:]
		}
		var poison *forward.RecordError
		switch {
		case errors.As(err, &poison):
			return err
		case err != nil:
			return t.fail(err)
		}
	}
	return t.relieve()
}

// ready reports whether more can be taken.
func (t *stream) ready(ctx context.Context) error {
	if t.broken != nil {
		return &reopenError{t.broken}
	}
	for _, p := range t.parts {
		if p.out == nil || p.spool.err == nil {
			continue
		}
		if err := p.spool.drain(); err != nil {
			return t.fail(err)
		}
	}
	return context.Cause(ctx)
}

// current returns the file that takes the next row.
func (t *stream) current() (*part, error) {
	if n := len(t.parts); n > 0 {
		last := t.parts[n-1]
		if !last.full(t.store.rows) {
			return last, nil
		}
		if err := last.finish(last.last + 1); err != nil {
			return nil, err
		}
	}
	p, err := t.store.newPart(t.claims, t.claims.seq+uint64(len(t.parts))+1, t.of)
	if err == nil {
		t.parts = append(t.parts, p)
	}
	return p, err
}

// relieve counts the stream's memory, and writes it if all streams together have too much
// and this one has more than its share.
func (t *stream) relieve() error {
	t.account()
	if len(t.parts) > 0 && t.store.crowded(t.held) {
		if p := t.parts[len(t.parts)-1]; !p.finished {
			if err := p.enc.release(); err != nil {
				return t.fail(err)
			}
		}
		t.account()
	}
	return nil
}

func (t *stream) account() {
	var held int64
	for _, p := range t.parts {
		held += int64(len(p.spool.waiting))
		if !p.finished {
			held += p.enc.held()
		}
	}
	t.store.held.Add(held - t.held)
	t.held = held
}

// Flush publishes what was taken.
func (t *stream) Flush(ctx context.Context, next int64) error {
	if err := t.ready(ctx); err != nil {
		return err
	}
	defer t.account()
	next = max(next, t.taken)
	for i, p := range t.parts {
		if p.rows == 0 { // its first record was refused
			p.drop(t.claims.folder, true)
			t.parts = t.parts[:i]
			break
		}
	}
	for len(t.parts) > 0 {
		p := t.parts[0]
		behind := next
		if len(t.parts) > 1 {
			behind = p.last + 1
		}
		if err := t.publish(p, behind); err != nil {
			return err
		}
	}
	if t.claims.head.Next < next {
		if err := t.claims.add(claim{Next: next}); err != nil {
			return t.fail(err)
		}
		t.claims.trim()
	}
	t.taken = next
	return nil
}

// publish makes the first file visible, and takes it off the list.
func (t *stream) publish(p *part, next int64) error {
	l := t.claims
	prepare := func() error {
		if err := p.finish(next); err != nil {
			return err
		}
		if err := p.save(); err != nil {
			return err
		}
		if err := p.check(l.folder, t.store.format, t.store.zstd); err != nil {
			return err
		}
		return l.sys.SyncFolder(l.path)
	}
	if err := prepare(); err != nil {
		return t.fail(err)
	}
	t.store.at("synced")
	c := claim{Next: p.next, File: p.hidden, Rows: p.rows, Name: publishedName(t.of.Topic, t.of.Partition, p.first, t.store.extension)}
	if err := l.add(c); err != nil {
		if !passes(err) && !errors.Is(err, errTaken) {
			t.parts = t.parts[1:] // the claim may be there, and then its file is needed
		}
		return t.fail(err)
	}
	t.parts = t.parts[1:]
	if err := l.finish(); err != nil {
		return t.fail(err)
	}
	l.trim()
	return nil
}

// fail returns the error. If it doesn't pass, everything that isn't durable is dropped.
func (t *stream) fail(err error) error {
	if passes(err) {
		return err
	}
	t.broken = err
	t.drop()
	return err
}

func (t *stream) drop() {
	for _, p := range t.parts {
		p.drop(t.claims.folder, true)
	}
	t.parts = nil
	t.account()
}

// Close drops what is not durable.
func (t *stream) Close() error {
	t.drop()
	if t.broken == nil {
		t.broken = errors.New("it was closed")
	}
	t.store.open.Add(-1)
	return nil
}
