package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"inv/internal/event"
	"inv/internal/fetch"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Fetches are kept small: memory then depends neither on the number of
// partitions nor on how well the records are compressed.
const (
	fetchBytes          = 2 << 20 // of one response
	fetchPartitionBytes = 512 << 10
	fetchWait           = 500 * time.Millisecond
	fetchPatience       = 30 * time.Second // how long brokers may be away
)

// reader reads parts of partitions.
type reader struct {
	client   *kgo.Client
	progress func(read, total int64)
	notices  []string // what the brokers did meanwhile, such as a topic that was deleted

	passed, size int64 // offsets
}

// span is the part of a partition from an offset up to another.
type span struct {
	topic     string
	partition int32
	from, to  int64
}

// expect sums up how many offsets are to be read, for the progress.
func (r *reader) expect(s *snapshot) {
	for _, spans := range s.spans {
		for _, p := range spans {
			r.size += p.to - p.from
		}
	}
}

// pass counts a chunk for the progress.
func (r *reader) pass(chunk *fetch.Chunk, end int64) {
	if r.passed += min(chunk.Next, end) - min(chunk.From, end); r.progress != nil {
		r.progress(r.passed, r.size)
	}
}

// chunks fetches spans and hands each chunk to take, a partition's in order, with
// the offset that the partition is to be read to. It ends early when take returns
// false.
func (r *reader) chunks(ctx context.Context, spans []span, take func(c *fetch.Chunk, end int64) bool) error {
	ends := map[fetch.ID]int64{}
	var positions []fetch.Position
	for _, s := range spans {
		if s.from < s.to {
			id := fetch.ID{Topic: s.topic, Partition: s.partition}
			ends[id] = s.to
			positions = append(positions, fetch.Position{ID: id, Offset: s.from, Stop: s.to})
		}
	}
	if len(positions) == 0 {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	stream := fetch.NewCluster(r.client, true).Stream(ctx, positions, fetch.StreamOptions{
		MaxBytes: fetchBytes, PartitionBytes: fetchPartitionBytes, Wait: fetchWait, Patience: fetchPatience,
	})
	defer func() {
		cancel()
		for range stream.Events() { // until the stream's goroutines are done
		}
	}()
	for news := range stream.Events() {
		if news.Notice != "" {
			r.notices = append(r.notices, news.Notice)
		}
		for i := range news.Chunks {
			chunk := &news.Chunks[i]
			if !take(chunk, ends[fetch.ID{Topic: chunk.Topic, Partition: chunk.Partition}]) {
				return nil
			}
		}
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if err := stream.Err(); err != nil {
		return fmt.Errorf("reading %s: %w", spans[0].topic, err)
	}
	return nil
}

// holds says whether a span holds a data record.
func (r *reader) holds(ctx context.Context, s span) (found bool, err error) {
	decoder := fetch.NewDecoder()
	var unreadable error
	err = r.chunks(ctx, []span{s}, func(chunk *fetch.Chunk, end int64) bool {
		unreadable = decoder.Each(chunk, func(raw *fetch.Record) bool {
			found = raw.Offset < end
			return false
		})
		return unreadable == nil && !found
	})
	return found, errors.Join(err, unreadable)
}

// view makes rec the record that raw is, without copying it.
func view(rec *kgo.Record, raw *fetch.Record) {
	rec.Topic, rec.Partition, rec.Offset, rec.Key, rec.Value = raw.Topic, raw.Partition, raw.Offset, raw.Key, raw.Value
	rec.Headers = rec.Headers[:0]
	if raw.HeaderCount == 0 {
		return
	}
	raw.EachHeader(func(key, value []byte) bool {
		if name := headerName(key); name != "" {
			rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: name, Value: value})
		}
		return true
	})
}

// headerName is the name of a header that the auditor looks at, else "".
func headerName(key []byte) string {
	switch string(key) {
	case event.HeaderSource:
		return event.HeaderSource
	case event.HeaderType:
		return event.HeaderType
	case event.HeaderDLQReplay:
		return event.HeaderDLQReplay
	case event.HeaderDLQTopic:
		return event.HeaderDLQTopic
	case event.HeaderDLQPartition:
		return event.HeaderDLQPartition
	case event.HeaderDLQOffset:
		return event.HeaderDLQOffset
	case event.HeaderDLQReason:
		return event.HeaderDLQReason
	case event.HeaderDLQTruncated:
		return event.HeaderDLQTruncated
	}
	return ""
}
