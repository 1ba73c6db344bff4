package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"inv/cmd/bench/floor/plan"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kgo"
)

// counted is what a topic holds.
type counted struct {
	records int64
	bytes   int64 // on the wire, compressed
	batches int64
	markers int64 // of transactions: one a partition
}

// topicKinds are what topics are compared by; names differ from side to side.
var topicKinds = []string{"order_events", "inventory_updates", "reorder_events", "inventory_alerts", "repartition", "changelog"}

// kindOf says which of topicKinds a side's topic is, or "".
func kindOf(topic, app string) string {
	rest, internal := strings.CutPrefix(topic, app+"-")
	switch {
	case !internal:
		for _, k := range topicKinds {
			if k == topic {
				return k
			}
		}
	case rest == "product-log", strings.HasSuffix(rest, "-repartition"):
		return "repartition"
	case strings.HasSuffix(rest, "-changelog") && !strings.HasPrefix(rest, "catalog"):
		return "changelog"
	}
	return ""
}

// count counts the records of each kind by the headers of their batches. What
// Streams has deleted of its repartition topics counts by offsets.
func (l *lab) count(ctx context.Context, app string) (map[string]counted, error) {
	names, err := l.topics(ctx)
	if err != nil {
		return nil, err
	}
	counts := map[string]counted{}
	for _, name := range names {
		kind := kindOf(name, app)
		if kind == "" {
			continue
		}
		c := counts[kind]
		trimmed, err := l.chunks(ctx, name, func(chunk *fetch.Chunk) bool { c.add(chunk.Batches); return true })
		if err != nil {
			return nil, err
		}
		c.records += trimmed
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
		if binary.BigEndian.Uint16(batches[batchAttributesAt:])&controlBatch != 0 {
			c.markers++
		} else {
			c.batches++
			c.records += int64(binary.BigEndian.Uint32(batches[batchCountAt:]))
			c.bytes += int64(n)
		}
		batches = batches[n:]
	}
}

// chunks reads a topic from its start to its end, or each partition until take
// returns false.
// It returns how many offsets are gone from its start.
func (l *lab) chunks(ctx context.Context, topic string, take func(*fetch.Chunk) bool) (trimmed int64, err error) {
	starts, err := l.admin.ListStartOffsets(ctx, topic)
	if err != nil {
		return 0, err
	}
	ends, err := l.admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return 0, err
	}
	var spans []fetch.Span
	for _, end := range ends[topic] {
		start, _ := starts.Lookup(topic, end.Partition)
		trimmed += start.Offset
		spans = append(spans, fetch.Span{ID: fetch.ID{Topic: topic, Partition: end.Partition}, From: start.Offset, To: end.Offset})
	}
	options := fetch.ReadOptions{StreamOptions: fetch.StreamOptions{MaxBytes: 8 << 20, PartitionBytes: 2 << 20}}
	return trimmed, fetch.NewCluster(l.client, false).ReadChunks(ctx, spans, options, take)
}

// samplesOf is how many records of a topic floor gets to write again and again.
const samplesOf = 2000

var errNoOutput = errors.New("inv wrote no updates to learn from")

// learnFrom makes floor's plan from what inv wrote.
func (l *lab) learnFrom(ctx context.Context, app string) error {
	counts, err := l.count(ctx, app)
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
	return l.learn(p)
}

// samples are some records of a topic.
func (l *lab) samples(ctx context.Context, topic string) (records []plan.Record, err error) {
	decoder := fetch.NewDecoder()
	var failed error
	_, err = l.chunks(ctx, topic, func(c *fetch.Chunk) bool {
		if failed != nil || len(records) >= samplesOf {
			return false
		}
		failed = decoder.Each(c, func(r *fetch.Record) bool {
			s := plan.Record{Key: append([]byte(nil), r.Key...), Value: append([]byte(nil), r.Value...)}
			r.EachHeader(func(key, value []byte) bool {
				s.Headers = append(s.Headers, kgo.RecordHeader{Key: string(key), Value: append([]byte(nil), value...)})
				return true
			})
			records = append(records, s)
			return len(records)%(samplesOf/4) != 0 // some of each chunk
		})
		return failed == nil && len(records) < samplesOf
	})
	if failed != nil {
		err = fmt.Errorf("reading %s: %w", topic, failed)
	}
	return records, err
}

// keys returns those of all records of a topic.
func (l *lab) keys(ctx context.Context, topic string) (keys []string, err error) {
	decoder := fetch.NewDecoder()
	var failed error
	_, err = l.chunks(ctx, topic, func(c *fetch.Chunk) bool {
		if failed != nil {
			return false
		}
		failed = decoder.Each(c, func(r *fetch.Record) bool {
			keys = append(keys, string(r.Key))
			return true
		})
		return failed == nil
	})
	if failed != nil {
		err = fmt.Errorf("reading %s: %w", topic, failed)
	}
	return keys, err
}
