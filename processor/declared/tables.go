package declared

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"inv/internal/jsonscan"
	"inv/internal/kafka"
	"inv/internal/registry"
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
func newTables(c kafka.Config, aliases []string, topic func(alias string) (name string, partitions int), schemas *registry.Topics, log *slog.Logger) (*tableSet, error) {
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
		t.byAlias[alias] = newTable(t.reader, name, partitions, schemas, log)
	}
	return t, nil
}

// follow reads until the context ends, or a table can't be read.
func (t *tableSet) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error)
	for _, table := range t.byAlias {
		go func() { ended <- table.Run(ctx) }()
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
			table.Grow(partitions)
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
	*stage.Follower
	topic   string
	schemas *registry.Topics
	log     *slog.Logger
	warn    sync.Once

	mu    sync.Mutex
	rows  *stage.Table
	whole bool // it was read to its end once
}

func newTable(reader *stage.Reader, topic string, partitions int, schemas *registry.Topics, log *slog.Logger) *table {
	t := &table{topic: topic, schemas: schemas, log: log, rows: stage.NewTable()}
	t.Follower = stage.NewFollower(reader, topic, partitions, func(ctx context.Context, partition int32, progress func(int64)) error {
		d := newTopicDecoder(schemas, log)
		err := reader.Follow(ctx, topic, partition, 0, func(r *kgo.Record) error { return t.apply(ctx, d, r) }, progress)
		if err != nil {
			return fmt.Errorf("following %s/%d: %w", topic, partition, err)
		}
		return nil
	})
	return t
}

// apply applies a record. A row is encoded as the record's version and the JSON text, or
// nothing behind it if the row was removed. A value that isn't JSON, or can't be decoded,
// removes the row as a tombstone does; a record whose key can't be is of no row.
func (t *table) apply(ctx context.Context, d topicDecoder, r *kgo.Record) error {
	if r.Key == nil {
		return nil // of no row
	}
	rowKey, err := d.keyOf(ctx, r)
	if err != nil {
		return t.unread(r, err)
	}
	value, err := d.valueOf(ctx, r)
	if err != nil {
		if err := t.unread(r, err); err != nil {
			return err
		}
		value = nil
	}
	version := stage.Version{Partition: r.Partition, Time: r.Timestamp.UnixMilli()}
	row := version.Append(make([]byte, 0, stage.VersionBytes+len(value)))
	if value != nil {
		if flags, ok := jsonscan.Valid(value); ok {
			row = jsonscan.AppendSafe(row, value, flags)
		} else {
			t.missing(r, "it is not JSON, such as one that a schema registry describes")
		}
	}
	partitions := t.Partitions()
	t.mu.Lock()
	defer t.mu.Unlock()
	key := string(rowKey)
	before, ok := t.rows.Get(key)
	switch {
	case ok && !version.Follows(stage.ParseVersion(before), r.Key, partitions):
	case len(row) == stage.VersionBytes && t.whole:
		t.rows.Delete(key)
	default:
		t.rows.Put(key, row)
	}
	return nil
}

// unread takes note of a record that was not decoded. It returns errors that end the table.
func (t *table) unread(r *kgo.Record, err error) error {
	why, ok := refusal(err)
	if !ok {
		return err
	}
	t.missing(r, why.Message)
	return nil
}

// missing says once that a record is no row.
func (t *table) missing(r *kgo.Record, because string) {
	t.warn.Do(func() {
		t.log.Warn("a table has a record that can't be read; rows of such records are missing", "topic", r.Topic, "partition", r.Partition, "offset", r.Offset, "because", because)
	})
}

// row appends the row of a key as JSON text; ok is false if there is none.
func (t *table) row(dst, key []byte) (_ []byte, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	row, _ := t.rows.Get(string(key))
	if len(row) <= stage.VersionBytes {
		return dst, false
	}
	return append(dst, row[stage.VersionBytes:]...), true
}

// refresh waits until the table has been read to its current end, in all partitions that
// it has now.
func (t *table) refresh(ctx context.Context) error {
	if err := t.Refresh(ctx); err != nil {
		return err
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
		if len(row) == stage.VersionBytes {
			removed = append(removed, string(key))
		}
	})
	for _, key := range removed {
		t.rows.Delete(key)
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
