package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"inv/cmd/bench/floor/plan"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kgo"
)

// counted is the size of a topic.
type counted struct {
	records int64
	bytes   int64 // of the batches, compressed
}

// topicKinds are the kinds of topics; names differ from side to side.
var topicKinds = []string{"order_events", "inventory_updates", "reorder_events", "inventory_alerts", "repartition", "changelog"}

// kindOf returns the kind of a side's topic, or "".
func kindOf(topic, app string) string {
	rest, internal := strings.CutPrefix(topic, app+"-")
	switch {
	case !internal && slices.Contains(topicKinds, topic):
		return topic
	case !internal:
		return ""
	case rest == "product-log", strings.HasSuffix(rest, "-repartition"):
		return "repartition"
	case strings.HasSuffix(rest, "-changelog") && !strings.HasPrefix(rest, "catalog"):
		return "changelog"
	}
	return ""
}

// count counts the records of each kind of topic, "" for none, by the headers of their
// batches. Records that Streams has deleted from its repartition topics are counted by
// offset.
func (l *lab) count(ctx context.Context, kindOf func(topic string) string) (map[string]counted, error) {
	names, err := l.topics(ctx)
	if err != nil {
		return nil, err
	}
	counts := map[string]counted{}
	for _, name := range names {
		kind := kindOf(name)
		if kind == "" {
			continue
		}
		spans, trimmed, err := l.spans(ctx, name)
		if err != nil {
			return nil, err
		}
		c := counts[kind]
		c.records += trimmed
		add := func(chunk *fetch.Chunk) bool { c.add(chunk.Batches); return true }
		if err := fetch.NewCluster(l.client, false).ReadChunks(ctx, spans, readOptions(), add); err != nil {
			return nil, err
		}
		counts[kind] = c
	}
	return counts, nil
}

// Layout of a record batch.
const (
	batchLengthAt     = 8
	batchAttributesAt = 21
	batchCountAt      = 57
	batchHeader       = 61
	controlBatch      = 0x20
)

func (c *counted) add(batches []byte) {
	for len(batches) >= batchHeader {
		n := int(binary.BigEndian.Uint32(batches[batchLengthAt:])) + batchLengthAt + 4
		if n > len(batches) {
			return
		}
		if binary.BigEndian.Uint16(batches[batchAttributesAt:])&controlBatch == 0 {
			c.records += int64(binary.BigEndian.Uint32(batches[batchCountAt:]))
			c.bytes += int64(n)
		}
		batches = batches[n:]
	}
}

// spans returns the ranges of a topic's partitions, and how many records were deleted
// from their starts.
func (l *lab) spans(ctx context.Context, topic string) (spans []fetch.Span, trimmed int64, err error) {
	starts, err := l.admin.ListStartOffsets(ctx, topic)
	if err != nil {
		return nil, 0, err
	}
	ends, err := l.admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return nil, 0, err
	}
	for _, end := range ends[topic] {
		start, _ := starts.Lookup(topic, end.Partition)
		trimmed += start.Offset
		spans = append(spans, fetch.Span{ID: fetch.ID{Topic: topic, Partition: end.Partition}, From: start.Offset, To: end.Offset})
	}
	return spans, trimmed, nil
}

func readOptions() fetch.ReadOptions {
	return fetch.ReadOptions{StreamOptions: fetch.StreamOptions{MaxBytes: 8 << 20, PartitionBytes: 2 << 20}}
}

// records reads a topic, each partition until take returns false.
func (l *lab) records(ctx context.Context, topic string, take func(*fetch.Record) bool) error {
	spans, _, err := l.spans(ctx, topic)
	if err != nil {
		return err
	}
	return fetch.NewCluster(l.client, false).Read(ctx, spans, readOptions(), take)
}

// samplesOf is how many records of a topic floor gets, to write them repeatedly.
const samplesOf = 2000

var errNoOutput = errors.New("inv wrote no updates to make a plan from")

// learnFrom makes floor's plan from what inv wrote.
func (l *lab) learnFrom(ctx context.Context, app string) error {
	counts, err := l.count(ctx, func(topic string) string { return kindOf(topic, app) })
	if err != nil {
		return err
	}
	updates, reorders := float64(counts["inventory_updates"].records), float64(counts["reorder_events"].records)
	if updates == 0 || l.loaded == 0 {
		return errNoOutput
	}
	p := &plan.Plan{
		Products: l.shape.products, Lines: (updates - reorders) / float64(l.loaded),
		Reorders: reorders / updates, Alerts: float64(counts["inventory_alerts"].records) / updates,
	}
	for topic, to := range map[string]*[]plan.Record{
		app + "-product-log": &p.Log, app + "-ledger-changelog": &p.Changelog,
		"inventory_updates": &p.Updates, "reorder_events": &p.Reorder, "inventory_alerts": &p.Alert,
	} {
		if *to, err = l.samples(ctx, topic); err != nil {
			return err
		}
	}
	var lines []plan.Record
	for _, packed := range p.Log {
		for line := range strings.Lines(string(packed.Value)) {
			if strings.HasPrefix(line, `{"k":"line"`) && len(lines) < samplesOf {
				lines = append(lines, plan.Record{Value: []byte(line), Headers: packed.Headers})
			}
		}
	}
	p.Log = lines
	l.progress("floor's plan: %.3f lines an order, %.4f reorders and %.4f alerts an update", p.Lines, p.Reorders, p.Alerts)
	l.plan = filepath.Join(l.dir, "plan.json")
	return p.Write(l.plan)
}

// samples returns the first records of each partition of a topic.
func (l *lab) samples(ctx context.Context, topic string) (samples []plan.Record, err error) {
	taken := map[int32]int{}
	err = l.records(ctx, topic, func(r *fetch.Record) bool {
		s := plan.Record{Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value)}
		r.EachHeader(func(key, value []byte) bool {
			s.Headers = append(s.Headers, kgo.RecordHeader{Key: string(key), Value: bytes.Clone(value)})
			return true
		})
		samples = append(samples, s)
		taken[r.Partition]++
		return taken[r.Partition] < samplesOf/l.shape.partitions
	})
	return samples, err
}
