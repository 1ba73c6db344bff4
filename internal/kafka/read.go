package kafka

import (
	"context"
	"fmt"
	"time"

	"inv/internal/fetch"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Span is a range of offsets in one partition, To excluded.
type Span struct {
	Topic     string
	Partition int32
	From, To  int64
}

// Spans are what is committed in the partitions of the topics now, from the
// start of each log to its last stable offset. A topic that doesn't exist has
// none.
func Spans(ctx context.Context, client *kgo.Client, topics ...string) ([]Span, error) {
	lags, starts, err := ends(ctx, kadm.NewClient(client), topics)
	if err != nil {
		return nil, err
	}
	spans := make([]Span, len(lags))
	for i, l := range lags {
		spans[i] = Span{l.Topic, l.Partition, starts[i], l.Stable}
	}
	return spans, nil
}

// CountRecords counts the committed data records in each span by reading them,
// up to limit in each. The spans are as [Read] wants them.
func CountRecords(ctx context.Context, c Config, limit int64, spans ...Span) ([]int64, error) {
	counts := make([]int64, len(spans))
	err := read(ctx, c, spans, func(span int, _ *fetch.Record) (enough bool) {
		counts[span]++
		return counts[span] >= limit
	})
	if err != nil {
		return nil, fmt.Errorf("counting records: %w", err)
	}
	return counts, nil
}

// Read calls visit with each committed data record of the spans, by the index
// of its span, in the order of its partition, until visit has had enough of
// that span. Control records and what was aborted are left out. The spans must
// end at or below the last stable offset and name each partition at most once.
// The error names the first batch that can't be read, if there is one; those
// behind it have been visited.
func Read(ctx context.Context, c Config, spans []Span, visit func(span int, r *kgo.Record) (enough bool)) error {
	return read(ctx, c, spans, func(span int, r *fetch.Record) bool { return visit(span, r.Client()) })
}

// How the brokers are asked, and how long they may be away.
var readOptions = fetch.StreamOptions{MaxBytes: 4 << 20, PartitionBytes: 1 << 20, Patience: 30 * time.Second}

func read(ctx context.Context, c Config, spans []Span, visit func(span int, r *fetch.Record) (enough bool)) (err error) {
	index := map[fetch.ID]int{}
	var positions []fetch.Position
	for i, s := range spans {
		if s.From < s.To {
			id := fetch.ID{Topic: s.Topic, Partition: s.Partition}
			index[id] = i
			positions = append(positions, fetch.Position{ID: id, Offset: s.From, Stop: s.To})
		}
	}
	if len(positions) == 0 {
		return nil
	}
	client, err := New(c)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithCancel(ctx)
	stream := fetch.NewCluster(client, true).Stream(ctx, positions, readOptions)
	defer func() {
		cancel()
		for range stream.Events() { // until the stream's goroutines are done
		}
	}()
	decoder, done := fetch.NewDecoder(), map[fetch.ID]bool{}
	for event := range stream.Events() {
		for i := range event.Chunks {
			chunk := &event.Chunks[i]
			id := fetch.ID{Topic: chunk.Topic, Partition: chunk.Partition}
			span := index[id]
			if done[id] {
				continue
			}
			bad := decoder.Each(chunk, func(r *fetch.Record) bool {
				done[id] = r.Offset >= spans[span].To || visit(span, r)
				return !done[id]
			})
			if bad != nil && err == nil {
				err = bad
			}
			if done[id] {
				stream.Drop(id)
			}
		}
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case stream.Err() != nil:
		return fmt.Errorf("reading %s: %w", positions[0].Topic, stream.Err())
	}
	return err
}
