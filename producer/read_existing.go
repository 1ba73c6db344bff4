package producer

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"

	"inv/internal/kafka"
	"inv/internal/registry"
	"inv/internal/scenario"

	"github.com/twmb/franz-go/pkg/kgo"
)

// NoTopicError is returned when the topic of a producer with `read: true` does not
// exist.
type NoTopicError struct{ Producer, Topic string }

func (e *NoTopicError) Error() string {
	return fmt.Sprintf("producer %q describes the records of the topic %s (`read: true`), which does not exist", e.Producer, e.Topic)
}

// ReadExisting reads the topics of the producers with `read: true` that the named
// ones refer to, for [CompileOptions]: the last record of each key. It returns a
// [NoTopicError] if a topic does not exist, and does not connect if there is nothing
// to read. Values of topics with a format are decoded by topics, which otherwise may be
// nil; one that can't be decoded is taken as it is.
func ReadExisting(ctx context.Context, config kafka.Config, sc *scenario.Scenario, app string, names []string, topics *registry.Topics) (map[string][]ExistingRow, error) {
	rows := map[string][]ExistingRow{}
	for name, alias := range reads(sc, names) {
		decoder := topics
		if t, _ := sc.Topic(alias); t.Format.Name == "" && len(t.Upgrades) == 0 {
			decoder = nil
		}
		for _, topic := range sc.TopicNames(alias, app) {
			read, ok, err := readTable(ctx, config, topic, decoder)
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

// ReadAliases returns the aliases of the topics that [ReadExisting] reads.
func ReadAliases(sc *scenario.Scenario, names []string) []string {
	return slices.Sorted(maps.Values(reads(sc, names)))
}

// readTable reads a topic to its current end, and reports whether it exists. The rows
// are ordered by key, so that the same keys give the same records.
func readTable(ctx context.Context, config kafka.Config, topic string, decoder *registry.Topics) (rows []ExistingRow, ok bool, err error) {
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
	t := compacted{}
	err = kafka.Read(ctx, config, spans, func(_ int, r *kgo.Record) bool {
		if decoder != nil && r.Value != nil {
			if value, err := decoder.Value(nil, r); err == nil {
				r.Value = value
			}
		}
		t.add(r)
		return false
	})
	return t.rows(), true, err
}

// compacted is what compaction leaves of the part of a topic that has been read: the
// last record of each key, by partition.
type compacted map[int32]map[string]keyValue

type keyValue struct {
	value []byte // nil: a tombstone
	at    int64  // epoch ms
}

func (c compacted) add(r *kgo.Record) {
	if c[r.Partition] == nil {
		c[r.Partition] = map[string]keyValue{}
	}
	// A copy: the value shares its memory with the rest of the batch.
	c[r.Partition][string(r.Key)] = keyValue{bytes.Clone(r.Value), r.Timestamp.UnixMilli()}
}

// rows returns the keys with a value. A key in two partitions has the newer value,
// whatever the order in which they were read.
func (c compacted) rows() []ExistingRow {
	newest := map[string]keyValue{}
	for _, partition := range slices.Sorted(maps.Keys(c)) {
		for key, v := range c[partition] {
			if before, ok := newest[key]; !ok || v.at >= before.at {
				newest[key] = v
			}
		}
	}
	var rows []ExistingRow
	for key, v := range newest {
		if v.value != nil {
			rows = append(rows, ExistingRow{Key: []byte(key), Value: v.value})
		}
	}
	slices.SortFunc(rows, func(a, b ExistingRow) int { return bytes.Compare(a.Key, b.Key) })
	return rows
}
