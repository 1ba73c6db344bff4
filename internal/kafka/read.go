package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"inv/internal/kafka/acl"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Span is a range of offsets in one partition, To excluded.
type Span = fetch.Span

// Spans returns the committed range of each partition of the topics, from the start
// of its log to its last stable offset. A topic that doesn't exist has none.
func Spans(ctx context.Context, client *kgo.Client, topics ...string) ([]Span, error) {
	stable, err := StableEnds(ctx, client, topics...)
	if err != nil {
		return nil, err
	}
	starts, err := Starts(ctx, client, topics...)
	if err != nil {
		return nil, err
	}
	var spans []Span
	for _, id := range slices.SortedFunc(maps.Keys(stable), fetch.ID.Compare) {
		spans = append(spans, Span{ID: id, From: starts[id], To: stable[id]})
	}
	return spans, nil
}

// Starts lists the first offset of each partition of the topics. A topic that
// doesn't exist has none; one that the user may not describe is an error.
func Starts(ctx context.Context, client *kgo.Client, topics ...string) (map[fetch.ID]int64, error) {
	return listOffsets(ctx, kadm.NewClient(client).ListStartOffsets, topics)
}

// Ends lists the high watermark of each partition, as [Starts] does the start.
func Ends(ctx context.Context, client *kgo.Client, topics ...string) (map[fetch.ID]int64, error) {
	return listOffsets(ctx, kadm.NewClient(client).ListEndOffsets, topics)
}

// StableEnds lists the last stable offset of each partition, as [Starts] does the
// start. It is below the high watermark while a transaction is open.
func StableEnds(ctx context.Context, client *kgo.Client, topics ...string) (map[fetch.ID]int64, error) {
	return listOffsets(ctx, kadm.NewClient(client).ListCommittedOffsets, topics)
}

func listOffsets(ctx context.Context, list func(context.Context, ...string) (kadm.ListedOffsets, error), topics []string) (map[fetch.ID]int64, error) {
	offsets := map[fetch.ID]int64{}
	if len(topics) == 0 { // which would list all topics
		return offsets, nil
	}
	listed, err := list(ctx, topics...)
	if err != nil && !deletedMeanwhile(err) {
		err = acl.Find(err, acl.Describe, acl.KindTopic, topics, func(topic string) error {
			_, err := list(ctx, topic)
			return err
		})
		return nil, fmt.Errorf("listing offsets: %w", err)
	}
	err = nil
	listed.Each(func(o kadm.ListedOffset) {
		switch {
		case o.Err == nil:
			offsets[fetch.ID{Topic: o.Topic, Partition: o.Partition}] = o.Offset
		case !errors.Is(o.Err, kerr.UnknownTopicOrPartition):
			err = fmt.Errorf("listing offsets of topic %s: %w", o.Topic, acl.Check(o.Err, acl.Describe, acl.Topic(o.Topic)))
		}
	})
	if err != nil {
		return nil, err
	}
	return offsets, nil
}

// deletedMeanwhile reports whether offsets could not be listed only for topics that
// were deleted while they were looked up; the others are listed.
func deletedMeanwhile(err error) bool {
	var shards *kadm.ShardErrors
	return errors.As(err, &shards) && !slices.ContainsFunc(shards.Errs, func(e kadm.ShardError) bool {
		return !errors.Is(e.Err, kerr.UnknownTopicOrPartition)
	})
}

// CountRecords counts the committed data records in each span by reading them,
// up to limit in each. The spans must be as for [Read].
func CountRecords(ctx context.Context, c Config, limit int64, spans ...Span) ([]int64, error) {
	client, err := New(c)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	counts, damaged, err := count(ctx, fetch.NewCluster(client, true), limit, spans)
	for i := 0; err == nil && i < len(damaged); i++ {
		err = damaged[i]
	}
	if err != nil {
		return nil, fmt.Errorf("counting records: %w", err)
	}
	return counts, nil
}

// count counts the records of each span, up to limit in each. damaged holds, by
// span, the error of a batch that can't be read.
func count(ctx context.Context, cluster *fetch.Cluster, limit int64, spans []Span) (counts []int64, damaged []error, err error) {
	counts, damaged = make([]int64, len(spans)), make([]error, len(spans))
	index := indexOf(spans)
	decoder := fetch.NewDecoder()
	err = cluster.ReadChunks(ctx, spans, fetch.ReadOptions{}, func(chunk *fetch.Chunk) bool {
		i := index[chunk.ID()]
		err := decoder.Each(chunk, func(*fetch.Record) bool {
			counts[i]++
			return counts[i] < limit
		})
		if damaged[i] == nil {
			damaged[i] = err
		}
		return counts[i] < limit
	})
	return counts, damaged, err
}

// Read calls visit with each committed data record of the spans and the index of its
// span, in partition order, until visit has had enough of that span. The spans must
// end at or below the last stable offset and name each partition at most once. The
// error names the first batch that can't be read; later ones have been visited.
func Read(ctx context.Context, c Config, spans []Span, visit func(span int, r *kgo.Record) (enough bool)) error {
	client, err := New(c)
	if err != nil {
		return err
	}
	defer client.Close()
	index := indexOf(spans)
	return fetch.NewCluster(client, true).Read(ctx, spans, fetch.ReadOptions{}, func(r *fetch.Record) bool {
		return !visit(index[fetch.ID{Topic: r.Topic, Partition: r.Partition}], r.Client())
	})
}

func indexOf(spans []Span) map[fetch.ID]int {
	index := make(map[fetch.ID]int, len(spans))
	for i, s := range spans {
		index[s.ID] = i
	}
	return index
}
