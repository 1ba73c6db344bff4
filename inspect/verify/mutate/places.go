package mutate

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func (e *enumerator) timestamp(i int) bool {
	by := func(d time.Duration) func(*kgo.Record) {
		return func(r *kgo.Record) { r.Timestamp = r.Timestamp.Add(d) }
	}
	return e.changed(i, PartTimestamp, "", "+1 ms", by(time.Millisecond)) &&
		e.changed(i, PartTimestamp, "", "−1 h", by(-time.Hour)) &&
		e.changed(i, PartTimestamp, "", "removed", func(r *kgo.Record) { r.Timestamp = time.UnixMilli(-1) })
}

// places moves a record to the end of each other partition, and swaps it with the
// next one of its own.
func (e *enumerator) places(i int) bool {
	r := e.records[i]
	for p := range e.partitions {
		if p == r.Partition {
			continue
		}
		moved := *r
		moved.Partition = p
		rest := slices.Delete(slices.Clone(e.records), i, i+1)
		if !e.pass(i, PartPartition, "", "moved", &moved, e.appended(rest, &moved)) {
			return false
		}
	}
	if i+1 == len(e.records) || e.records[i+1].Partition != r.Partition {
		return true
	}
	first, second := *e.records[i+1], *r
	first.Offset, second.Offset = r.Offset, e.records[i+1].Offset
	swapped := slices.Clone(e.records)
	swapped[i], swapped[i+1] = &first, &second
	return e.pass(i, PartOrder, "", "swapped with the next", e.records[i+1], swapped)
}

// appended puts a record at the end of its partition.
func (e *enumerator) appended(records []*kgo.Record, r *kgo.Record) []*kgo.Record {
	at := 0
	r.Offset = 0
	for n, other := range records {
		if other.Partition <= r.Partition {
			at = n + 1
		}
		if other.Partition == r.Partition {
			r.Offset = other.Offset + 1
		}
	}
	return slices.Insert(records, at, r)
}

// counts drops a record, doubles it in its own partition and in another one, and
// adds a forged one: another record that is plausible by itself.
func (e *enumerator) counts(i int) bool {
	r := e.records[i]
	if !e.pass(i, PartCount, "", "dropped", nil, slices.Delete(slices.Clone(e.records), i, i+1)) {
		return false
	}
	for _, c := range []struct {
		op        string
		partition int32
		change    func(*kgo.Record)
	}{
		{"doubled", r.Partition, func(*kgo.Record) {}},
		{"doubled in another partition", (r.Partition + 1) % e.partitions, func(*kgo.Record) {}},
		{"forged", r.Partition, e.forge},
		{"tombstone added", r.Partition, func(r *kgo.Record) { r.Value = nil }},
	} {
		extra := *r
		extra.Partition = c.partition
		c.change(&extra)
		if c.partition == r.Partition && c.op == "doubled in another partition" {
			continue
		}
		if !e.pass(i, PartCount, "", c.op, nil, e.appended(slices.Clone(e.records), &extra)) {
			return false
		}
	}
	return true
}

// forge gives a record ids of its own.
func (e *enumerator) forge(r *kgo.Record) {
	ids := map[Kind][]string{
		Catalog: {"id"}, Orders: {"order_id"}, Receipts: {"receipt_id"}, Updates: {"seq"}, Reorders: {"event_id"}, Alerts: {"alert_id"},
	}
	old := r.Value
	for _, name := range ids[e.topic.kind] {
		r.Value = replaced(r.Value, name, func(raw []byte) []byte {
			if text, ok := bytes.CutSuffix(raw, []byte(`"`)); ok {
				return fmt.Appendf(nil, `%s1"`, text) // an id that ends in a number keeps its form
			}
			return fmt.Appendf(nil, "%s1", raw)
		})
	}
	if bytes.Equal(old, r.Value) { // a dead letter, or no JSON
		r.Headers = slices.Clone(r.Headers)
		for n, h := range r.Headers {
			if h.Key == "dlq-offset" {
				r.Headers[n].Value = append(bytes.Clone(h.Value), '1')
			}
		}
	}
	if id := textOf(r.Value, "id"); e.topic.kind == Catalog && id != "" {
		r.Key = []byte(id)
	}
	if id := textOf(r.Value, "event_id"); e.topic.kind == Reorders && id != "" {
		r.Key = []byte(id)
	}
}
