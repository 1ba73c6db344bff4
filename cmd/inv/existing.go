package main

import (
	"context"
	"fmt"
	"sort"

	"inv/internal/kafka"
	"inv/internal/scenario"
	"inv/producer"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// existingRows reads the topics of producers with `read: true` that the named
// ones refer to: for each key its last record.
func existingRows(ctx context.Context, f *sharedFlags, sc *scenario.Scenario, names []string) (map[string][]producer.ExistingRow, error) {
	rows := map[string][]producer.ExistingRow{}
	for name, alias := range producer.Reads(sc, names) {
		for _, topic := range sc.TopicNames(alias, f.appID) {
			read, err := readTable(ctx, f, topic)
			if err != nil {
				return nil, fmt.Errorf("reading the keys of %s: %w", topic, err)
			}
			rows[name] = append(rows[name], read...)
		}
	}
	return rows, nil
}

// readTable reads a topic up to the end that it has now. The rows are in the
// order of their keys, so that the same keys give the same records.
func readTable(ctx context.Context, f *sharedFlags, topic string) ([]producer.ExistingRow, error) {
	client, err := kafka.Connect(ctx, f.kafka(), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	if err != nil {
		return nil, err
	}
	defer client.Close()
	counts, err := kafka.PartitionCounts(ctx, client, topic)
	if err != nil || counts[topic] == 0 {
		return nil, err
	}
	admin := kadm.NewClient(client)
	starts, err := admin.ListStartOffsets(ctx, topic)
	if err != nil {
		return nil, err
	}
	ends, err := admin.ListCommittedOffsets(ctx, topic)
	if err != nil {
		return nil, err
	}
	left := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		if start, ok := starts.Lookup(topic, o.Partition); ok && o.Err == nil && o.Offset > start.Offset {
			left[o.Partition] = o.Offset
		}
	})
	table := map[string][]byte{}
	for len(left) > 0 {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err := fetches.Err(); err != nil {
			return nil, err
		}
		fetches.EachRecord(func(r *kgo.Record) { keep(table, left, r) })
	}
	return sortedRows(table), nil
}

func keep(table map[string][]byte, left map[int32]int64, r *kgo.Record) {
	switch {
	case r.Attrs.IsControl():
	case r.Value == nil:
		delete(table, string(r.Key))
	default:
		table[string(r.Key)] = r.Value
	}
	if end, ok := left[r.Partition]; ok && r.Offset >= end-1 {
		delete(left, r.Partition)
	}
}

func sortedRows(table map[string][]byte) []producer.ExistingRow {
	rows := make([]producer.ExistingRow, 0, len(table))
	for key, value := range table {
		rows = append(rows, producer.ExistingRow{Key: []byte(key), Value: value})
	}
	sort.Slice(rows, func(i, j int) bool { return string(rows[i].Key) < string(rows[j].Key) })
	return rows
}
