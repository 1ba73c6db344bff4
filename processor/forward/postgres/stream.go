package postgres

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"inv/processor/forward"
)

const (
	// linger is how long a row waits for others.
	linger = 200 * time.Millisecond
	// maxRows and maxBytes are when a batch is written at once. Larger transactions are
	// no faster, and their records are in memory until they are committed.
	maxRows  = 4_000
	maxBytes = 4 << 20
	// maxWaiting is the size of all rows of a store from which on each batch is written
	// at once, as many partitions with a few rows each take much memory, too.
	maxWaiting = 16 << 20
	// carefulRows is maxRows after a row was refused, as others may be like it and
	// each costs the repetition of a batch. It doubles with each batch that is written.
	carefulRows = 64
)

// stream is a partition of a [Store].
type stream struct {
	store     *Store
	partition forward.Partition
	where     string // condition of its position
	lock      int64  // its advisory lock

	next  int64
	known bool // there is a position, next

	rows    rows
	enc     encoder
	first   time.Time // when the first of the rows was appended
	most    int       // rows of a batch
	counted int       // bytes of rows that the store knows of

	// unsettled says that a transaction may still be under way, since the connection
	// broke, and awaited what it makes of the position if it is committed.
	unsettled bool
	awaited   outcome

	// write writes the first n rows and the position in a transaction. Errors are a
	// *[refusal], [forward.ErrNotOwner] or any other, which holds.
	write func(ctx context.Context, n int, next int64) error
}

// outcome is what a transaction whose COMMIT was sent leaves.
type outcome struct {
	sent bool
	rows int
	next int64
}

func newStream(s *Store, p forward.Partition) *stream {
	t := &stream{store: s, partition: p, most: maxRows}
	t.where = fmt.Sprintf("app = %s AND sink = %s AND topic = %s AND partition = %d",
		quoteText(s.app), quoteText(s.name), quoteText(p.Topic), p.Partition)
	h := fnv.New64a()
	fmt.Fprintf(h, "inv\x00%s\x00%s\x00%s\x00%d", s.app, s.name, p.Topic, p.Partition)
	t.lock = int64(h.Sum64())
	t.write = t.commit
	return t
}

// Next implements [forward.Stream].
func (s *stream) Next() (int64, bool) { return s.next, s.known }

// Append implements [forward.Stream]. It encodes the rows and sends nothing.
func (s *stream) Append(_ context.Context, records []*forward.Record) error {
	defer s.count()
	for _, r := range records {
		t, err := s.store.tableOf(r)
		if err != nil {
			return err
		}
		before := len(s.rows.buf)
		buf, ok, err := s.enc.append(s.rows.buf, t, r)
		if err != nil || !ok {
			s.rows.buf = buf[:before]
			if err != nil {
				return err
			}
			continue
		}
		s.rows.buf = buf
		if s.rows.len() == 0 {
			s.first = s.store.now()
		}
		s.rows.list = append(s.rows.list, rowOf{t, r, len(buf)})
	}
	return nil
}

// count tells the store how much waits here.
func (s *stream) count() {
	s.store.waiting.Add(int64(s.rows.size() - s.counted))
	s.counted = s.rows.size()
}

// Due implements [forward.Stream].
func (s *stream) Due() time.Time {
	switch {
	case s.rows.len() == 0:
		return time.Time{}
	case s.rows.len() >= s.most || s.rows.size() >= maxBytes || s.store.waiting.Load() >= maxWaiting:
		return s.first
	}
	return s.first.Add(linger)
}

// Flush implements [forward.Stream]. Rows that a failed try has left are written by the
// next one.
func (s *stream) Flush(ctx context.Context, next int64) error {
	defer s.count()
	ctx, cancel := context.WithTimeout(ctx, s.store.timeout)
	defer cancel()
	return s.store.hide(s.flush(ctx, next))
}

func (s *stream) flush(ctx context.Context, next int64) error {
	if s.unsettled {
		committed, err := s.settle(ctx)
		if err != nil {
			return explain(err)
		}
		if committed {
			s.rows.drop(s.awaited.rows)
		}
	}
	if s.rows.len() == 0 && s.known && next <= s.next {
		return nil
	}
	search := newSearch(s.rows.len())
	for {
		n, to := search.size(), next
		if n < s.rows.len() {
			to = s.rows.list[n].record.At.Offset
		}
		err := s.write(ctx, n, to)
		var refused *refusal
		switch {
		case err == nil:
			s.next, s.known = to, true
			s.rows.drop(n)
			if search.committed(n); search.rows == 0 {
				s.most = min(2*s.most, maxRows)
				return nil
			}
		case !errors.As(err, &refused):
			return explain(err)
		case search.refused(n, s.rows.index(refused.table, refused.line)):
			return s.poison(ctx, refused)
		}
	}
}

// poison returns the error of the first row, which the server refused. All rows before it
// are written.
func (s *stream) poison(ctx context.Context, e *refusal) error {
	r := s.rows.list[0].record
	if e.err.Code == uniqueViolation && !e.table.upsert && !s.partition.Retry {
		there, err := s.store.has(ctx, e.table, r)
		if err != nil {
			return explain(err)
		}
		if there {
			return &forward.StopError{Err: fmt.Errorf("table %s has the record %s/%d@%d already, but the position of sink %s in %s is before it: "+
				"the position was changed, or another sink writes into the table", e.table.name, r.Topic, r.Partition, r.Offset, s.store.name, positions)}
		}
	}
	s.rows.clear()
	s.most = carefulRows
	return e.recordError(r)
}

// Close implements [forward.Stream].
func (s *stream) Close() error {
	s.rows = rows{}
	s.count()
	return nil
}
