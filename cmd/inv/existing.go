package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"inv/internal/kafka"
	"inv/internal/scenario"
	"inv/producer"

	"github.com/twmb/franz-go/pkg/kgo"
)

// existingRows reads the topics of producers with `read: true` that the named
// ones refer to: for each key its last record.
func existingRows(ctx context.Context, f *sharedFlags, sc *scenario.Scenario, names []string) (map[string][]producer.ExistingRow, error) {
	rows := map[string][]producer.ExistingRow{}
	for name, alias := range producer.Reads(sc, names) {
		for _, topic := range sc.TopicNames(alias, f.appID) {
			read, err := readTable(ctx, f, topic)
			if errors.Is(err, errNoTopic) {
				return nil, fmt.Errorf("producer %q stands for the records of %s (`read: true`), and there is no such topic; "+
					"check the name under topics: and --brokers, or take `read: true` away and say under rows: or value: what it makes", name, topic)
			}
			if err != nil {
				return nil, fmt.Errorf("reading the keys of %s: %w", topic, err)
			}
			rows[name] = append(rows[name], read...)
		}
	}
	return rows, nil
}

var errNoTopic = errors.New("there is no such topic")

// readTable reads a topic up to the end that it has now. The rows are in the
// order of their keys, so that the same keys give the same records.
func readTable(ctx context.Context, f *sharedFlags, topic string) ([]producer.ExistingRow, error) {
	client, err := kafka.Connect(ctx, f.kafka())
	if err != nil {
		return nil, err
	}
	defer client.Close()
	counts, err := kafka.PartitionCounts(ctx, client, topic)
	if err != nil {
		return nil, err
	}
	if counts[topic] == 0 {
		return nil, errNoTopic
	}
	spans, err := kafka.Spans(ctx, client, topic)
	if err != nil {
		return nil, err
	}
	t := table{}
	err = kafka.Read(ctx, f.kafka(), spans, func(_ int, r *kgo.Record) bool { t.add(r); return false })
	return t.rows(), err
}

// table is a topic as far as it has been read: the last of each key, by partition.
type table map[int32]map[string]tableRow

type tableRow struct {
	value []byte // nil: deleted
	at    int64  // ms
}

func (t table) add(r *kgo.Record) {
	if t[r.Partition] == nil {
		t[r.Partition] = map[string]tableRow{}
	}
	// A copy, for the value holds on to the headers.
	t[r.Partition][string(r.Key)] = tableRow{bytes.Clone(r.Value), r.Timestamp.UnixMilli()}
}

// rows are the keys that have a value. A key that stands in two partitions has the
// younger one, in whatever order they were read.
func (t table) rows() []producer.ExistingRow {
	whole := map[string]tableRow{}
	for _, partition := range slices.Sorted(maps.Keys(t)) {
		for key, row := range t[partition] {
			if before, ok := whole[key]; !ok || row.at >= before.at {
				whole[key] = row
			}
		}
	}
	var rows []producer.ExistingRow
	for key, row := range whole {
		if row.value != nil {
			rows = append(rows, producer.ExistingRow{Key: []byte(key), Value: row.value})
		}
	}
	slices.SortFunc(rows, func(a, b producer.ExistingRow) int { return bytes.Compare(a.Key, b.Key) })
	return rows
}
