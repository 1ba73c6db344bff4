package declared

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"

	"inv/internal/jsonscan"
	"inv/internal/kafka"
	"inv/internal/kafka/partition"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kgo"
)

// tableSet follows all partitions of the topics that a stage joins with, so that every
// instance knows every row. It is safe for concurrent use.
type tableSet struct {
	reader  *stage.Reader
	byAlias map[string]*table
}

// newTables makes the tables of some aliases; topic names them on the broker.
func newTables(c kafka.Config, aliases []string, topic func(alias string) (name string, partitions int), v *valueDecoder) (*tableSet, error) {
	t := &tableSet{byAlias: map[string]*table{}}
	if len(aliases) == 0 {
		return t, nil
	}
	var err error
	if t.reader, err = stage.NewReader(c); err != nil {
		return nil, err
	}
	for _, alias := range aliases {
		name, partitions := topic(alias)
		t.byAlias[alias] = newTable(t.reader, name, partitions, v)
	}
	return t, nil
}

// follow reads until the context ends, or a table can't be read.
func (t *tableSet) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error)
	for _, table := range t.byAlias {
		go func() { ended <- table.follow(ctx) }()
	}
	var first error
	for range t.byAlias {
		if err := <-ended; err != nil && first == nil {
			first = err
			cancel()
		}
	}
	return first
}

// grow takes up the new partitions of a topic.
func (t *tableSet) grow(topic string, partitions int) {
	for _, table := range t.byAlias {
		if table.topic == topic {
			table.grow(partitions)
		}
	}
}

// refresh waits until every table has been read to its current end.
func (t *tableSet) refresh(ctx context.Context) error {
	for _, table := range t.byAlias {
		if err := table.refresh(ctx); err != nil {
			return err
		}
	}
	return nil
}

// close releases the connections.
func (t *tableSet) close() {
	if t.reader != nil {
		t.reader.Close()
	}
}

// table is the rows of a topic: for each key of a record the last value.
type table struct {
	reader *stage.Reader
	topic  string
	values *valueDecoder
	warn   sync.Once

	mu    sync.Mutex
	rows  *stage.Table
	next  []int64 // next offset to read, by partition
	whole bool    // it was read to its end once
	moved chan struct{}
	err   error
}

func newTable(reader *stage.Reader, topic string, partitions int, v *valueDecoder) *table {
	return &table{
		reader: reader, topic: topic, values: v,
		rows: stage.NewTable(), next: make([]int64, partitions), moved: make(chan struct{}),
	}
}

// follow reads until the context ends, or a partition can't be read.
func (t *table) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	for following := 0; ; {
		t.mu.Lock()
		partitions, moved, err := len(t.next), t.moved, t.err
		t.mu.Unlock()
		if err != nil {
			return err
		}
		for ; following < partitions; following++ {
			p := following
			group.Go(func() { t.followOne(ctx, p) })
		}
		select {
		case <-moved:
		case <-ctx.Done():
			t.fail(context.Cause(ctx)) // wakes those who wait for the table
		}
	}
}

func (t *table) followOne(ctx context.Context, partition int) {
	err := t.reader.Follow(ctx, t.topic, int32(partition), 0, func(r *kgo.Record) error { return t.apply(ctx, r) }, func(next int64) { t.advance(partition, next) })
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	} else if err != nil {
		err = fmt.Errorf("following %s/%d: %w", t.topic, partition, err)
	}
	t.fail(err)
}

// A row begins with the partition and the timestamp of its record. What follows is the
// JSON text, or nothing if the row was removed.
const rowHead = 12

// apply applies a record. A value that isn't JSON removes the row as a tombstone does.
func (t *table) apply(ctx context.Context, r *kgo.Record) error {
	if r.Key == nil {
		return nil // of no row
	}
	value, err := t.values.of(ctx, r)
	if err != nil {
		if _, ok := refusal(err); !ok {
			return err
		}
		value = r.Value
	}
	row := binary.BigEndian.AppendUint32(make([]byte, 0, rowHead+len(value)), uint32(r.Partition))
	row = binary.BigEndian.AppendUint64(row, uint64(r.Timestamp.UnixMilli()))
	if value != nil {
		if flags, ok := jsonscan.Valid(value); ok {
			row = jsonscan.AppendSafe(row, value, flags)
		} else {
			t.warn.Do(func() {
				t.values.log.Warn("a table has a record that is not JSON, such as one that a schema registry describes; rows of such records are missing", "topic", r.Topic, "partition", r.Partition, "offset", r.Offset)
			})
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	key := string(r.Key)
	before, ok := t.rows.Get(key)
	switch {
	case ok && !follows(row, before, r.Key, len(t.next)):
	case len(row) == rowHead && t.whole:
		t.rows.Delete(key)
	default:
		t.rows.Put(key, row)
	}
	return nil
}

// follows reports whether a row comes after another one of its key. Within a partition
// the order is that of offsets. In a topic that has grown a key's records may be in two
// partitions: then the later timestamp counts, and of equal ones the record in the
// partition that the key belongs to now.
func follows(row, before, key []byte, partitions int) bool {
	now, then := binary.BigEndian.Uint32(row), binary.BigEndian.Uint32(before)
	at, earlier := int64(binary.BigEndian.Uint64(row[4:])), int64(binary.BigEndian.Uint64(before[4:]))
	if now == then || at != earlier {
		return now == then || at > earlier
	}
	return int32(then) != partition.Murmur2(key, partitions)
}

// row appends the row of a key as JSON text; ok is false if there is none.
func (t *table) row(dst, key []byte) (_ []byte, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	row, _ := t.rows.Get(string(key))
	if len(row) <= rowHead {
		return dst, false
	}
	return append(dst, row[rowHead:]...), true
}

// grow adds partitions up to a number of them.
func (t *table) grow(partitions int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if partitions <= len(t.next) {
		return
	}
	t.next = append(t.next, make([]int64, partitions-len(t.next))...)
	t.signal()
}

func (t *table) advance(partition int, next int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next[partition] = next
	t.signal()
}

func (t *table) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.err = err
		t.signal()
	}
}

// signal wakes those who wait; the lock is held.
func (t *table) signal() {
	close(t.moved)
	t.moved = make(chan struct{})
}

// refresh waits until the table has been read to its current end, in all partitions that
// it has now.
func (t *table) refresh(ctx context.Context) error {
	ends, err := t.reader.StableEnds(ctx, t.topic)
	if err != nil {
		return err
	}
	t.grow(len(ends))
	for p, end := range ends {
		if err := t.wait(ctx, p, end); err != nil {
			return err
		}
	}
	t.complete()
	return nil
}

// complete drops the marks of removed rows, which hide older records of their keys in
// other partitions: from now on records come in their order.
func (t *table) complete() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.whole {
		return
	}
	t.whole = true
	var removed []string
	t.rows.Each(func(key, row []byte) {
		if len(row) == rowHead {
			removed = append(removed, string(key))
		}
	})
	for _, key := range removed {
		t.rows.Delete(key)
	}
}

func (t *table) wait(ctx context.Context, partition int, end int64) error {
	for {
		t.mu.Lock()
		next, moved, err := t.next[partition], t.moved, t.err
		t.mu.Unlock()
		if err != nil {
			return err
		}
		if next >= end {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// joins are the [Tables] of a source partition while it decides a record.
type joins struct {
	tables    *tableSet
	ctx       context.Context
	polls     int // Tx.Polls now
	refreshed int // and when the tables' ends were last asked for
	rows      []byte
}

// Row implements [Tables].
func (j *joins) Row(alias string, key []byte) ([]byte, error) {
	t := j.tables.byAlias[alias]
	var ok bool
	if j.rows, ok = t.row(j.rows[:0], key); ok {
		return j.rows, nil
	}
	if j.refreshed == j.polls {
		return nil, nil
	}
	if err := j.tables.refresh(j.ctx); err != nil {
		return nil, fmt.Errorf("reading the table %s: %w", t.topic, err)
	}
	j.refreshed = j.polls
	if j.rows, ok = t.row(j.rows[:0], key); ok {
		return j.rows, nil
	}
	return nil, nil
}
