package producer

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"

	"inv/internal/kafka"
	"inv/internal/scenario"

	"github.com/twmb/franz-go/pkg/kgo"
)

// ReadExisting reads the topics of the producers with `read: true` that the named
// ones refer to, for [CompileOptions]: the last record of each key. It fails with
// a [NoTopicError] if there is no such topic, and does not connect if there is
// nothing to read.
func ReadExisting(ctx context.Context, config kafka.Config, sc *scenario.Scenario, app string, names []string) (map[string][]ExistingRow, error) {
	rows := map[string][]ExistingRow{}
	for name, alias := range Reads(sc, names) {
		for _, topic := range sc.TopicNames(alias, app) {
			read, ok, err := readTable(ctx, config, topic)
			if err != nil {
				return nil, fmt.Errorf("reading the keys of %s: %w", topic, err)
			}
			if !ok {
				return nil, &NoTopicError{Producer: name, Topic: topic}
			}
			rows[name] = append(rows[name], read...)
		}
	}
	return rows, nil
}

// readTable reads a topic to its current end and reports whether it exists. The
// rows are ordered by key, so that the same keys give the same records.
func readTable(ctx context.Context, config kafka.Config, topic string) (rows []ExistingRow, ok bool, err error) {
	client, err := kafka.Connect(ctx, config)
	if err != nil {
		return nil, false, err
	}
	defer client.Close()
	counts, err := kafka.PartitionCounts(ctx, client, topic)
	if err != nil || counts[topic] == 0 {
		return nil, false, err
	}
	spans, err := kafka.Spans(ctx, client, topic)
	if err != nil {
		return nil, false, err
	}
	t := table{}
	err = kafka.Read(ctx, config, spans, func(_ int, r *kgo.Record) bool { t.add(r); return false })
	return t.rows(), true, err
}

// table is the part of a topic that has been read: the last record of each key, by
// partition.
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

// rows returns the keys that have a value. A key in two partitions has the younger
// one, in whatever order they were read.
func (t table) rows() []ExistingRow {
	whole := map[string]tableRow{}
	for _, partition := range slices.Sorted(maps.Keys(t)) {
		for key, row := range t[partition] {
			if before, ok := whole[key]; !ok || row.at >= before.at {
				whole[key] = row
			}
		}
	}
	var rows []ExistingRow
	for key, row := range whole {
		if row.value != nil {
			rows = append(rows, ExistingRow{Key: []byte(key), Value: row.value})
		}
	}
	slices.SortFunc(rows, func(a, b ExistingRow) int { return bytes.Compare(a.Key, b.Key) })
	return rows
}
