// Package mutate makes a right history of the inventory system's topics wrong, in
// every single way that can be enumerated: each field, header and key of each
// record changed, removed or borrowed from the next record, each record dropped,
// doubled, forged, moved to another partition or swapped with its neighbour, and the
// same change made to all records of an output. An auditor that is any good finds each, except those that [OutOfReach] names.
package mutate

import (
	"bytes"
	"iter"
	"slices"

	"inv/inspect/verify"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Kind is what a topic holds.
type Kind string

// The kinds.
const (
	Catalog     Kind = "catalog"
	Orders      Kind = "orders"
	Receipts    Kind = "receipts"
	Updates     Kind = "updates"
	Reorders    Kind = "reorders"
	Alerts      Kind = "alerts"
	DeadLetters Kind = "dead letters"
)

// topic is a topic of the history.
type topic struct {
	name string
	kind Kind
}

func topicsOf(t verify.Topics) []topic {
	all := []topic{{t.Catalog, Catalog}, {t.Orders, Orders}, {t.Receipts, Receipts}, {t.Updates, Updates}, {t.Reorders, Reorders}, {t.Alerts, Alerts}}
	for _, input := range []string{t.Catalog, t.Orders, t.Receipts, t.Reorders} {
		all = append(all, topic{input + ".dlq", DeadLetters})
	}
	return all
}

// Parts of a record, or of a topic, that are mutated.
const (
	PartField     = "field" // of the value, or the value itself
	PartHeader    = "header"
	PartKey       = "key"
	PartTimestamp = "timestamp" // Kafka's
	PartPartition = "partition"
	PartOrder     = "order"
	PartCount     = "count"
)

// Mutation is one way in which a history is wrong.
type Mutation struct {
	Kind   Kind
	Part   string
	Name   string // of the field or header, "" for other parts
	Op     string // what is done to it, such as "removed"
	Record *kgo.Record
	Other  *kgo.Record // the neighbour, if the record is swapped with it, or the record in its new partition

	records []*kgo.Record // of the topic, mutated
}

// String names the mutation, such as "updates: field seq: +1".
func (m *Mutation) String() string {
	name := m.Part
	if m.Name != "" {
		name += " " + m.Name
	}
	return string(m.Kind) + ": " + name + ": " + m.Op
}

// Apply returns the history with the mutation. It shares what is the same.
func (m *Mutation) Apply(h *verify.History) *verify.History {
	mutated := &verify.History{Records: map[string][]*kgo.Record{}, Partitions: h.Partitions}
	for name, records := range h.Records {
		mutated.Records[name] = records
	}
	mutated.Records[m.Record.Topic] = m.records
	return mutated
}

// All enumerates the mutations of a history, always in the same order.
func All(h *verify.History, t verify.Topics) iter.Seq[*Mutation] {
	return func(yield func(*Mutation) bool) {
		for _, of := range topicsOf(t) {
			e := &enumerator{topic: of, records: h.Records[of.name], partitions: h.Partitions[of.name], yield: yield}
			for i := range e.records {
				if !e.record(i) {
					return
				}
			}
			if !e.everywhere() {
				return
			}
		}
	}
}

// enumerator enumerates the mutations of one topic. Its methods return false once
// the consumer has had enough.
type enumerator struct {
	topic      topic
	records    []*kgo.Record
	partitions int32
	yield      func(*Mutation) bool
}

func (e *enumerator) record(i int) bool {
	return e.fields(i) && e.headers(i) && e.key(i) && e.timestamp(i) && e.places(i) && e.counts(i)
}

// changed yields the topic with a copy of record i that change has changed.
func (e *enumerator) changed(i int, part, name, op string, change func(r *kgo.Record)) bool {
	r := *e.records[i]
	r.Headers = slices.Clone(r.Headers)
	change(&r)
	records := slices.Clone(e.records)
	records[i] = &r
	return e.pass(i, part, name, op, nil, records)
}

func (e *enumerator) pass(i int, part, name, op string, other *kgo.Record, records []*kgo.Record) bool {
	return e.yield(&Mutation{Kind: e.topic.kind, Part: part, Name: name, Op: op, Record: e.records[i], Other: other, records: records})
}

// next returns the record behind record i, in any partition, for which a value
// differs, and that value; nil if there is none.
func (e *enumerator) next(i int, valueOf func(*kgo.Record) []byte) []byte {
	mine := valueOf(e.records[i])
	for n := 1; n < len(e.records); n++ {
		if v := valueOf(e.records[(i+n)%len(e.records)]); v != nil && !bytes.Equal(v, mine) {
			return v
		}
	}
	return nil
}

func (e *enumerator) headers(i int) bool {
	r := e.records[i]
	for n, h := range r.Headers {
		to := func(value []byte) func(*kgo.Record) {
			return func(r *kgo.Record) { r.Headers[n].Value = value }
		}
		neighbour := e.next(i, func(r *kgo.Record) []byte { return headerOf(r, h.Key) })
		ok := e.changed(i, PartHeader, h.Key, "changed", to(append(bytes.Clone(h.Value), 'x'))) &&
			(len(h.Value) == 0 || e.changed(i, PartHeader, h.Key, "emptied", to([]byte{}))) &&
			(neighbour == nil || e.changed(i, PartHeader, h.Key, "borrowed", to(neighbour))) &&
			e.changed(i, PartHeader, h.Key, "removed", func(r *kgo.Record) { r.Headers = slices.Delete(r.Headers, n, n+1) }) &&
			e.changed(i, PartHeader, h.Key, "repeated", func(r *kgo.Record) {
				r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.Key, Value: append(bytes.Clone(h.Value), 'x')})
			})
		if !ok {
			return false
		}
	}
	if len(r.Headers) > 0 && !e.changed(i, PartHeader, "all", "removed", func(r *kgo.Record) { r.Headers = nil }) {
		return false
	}
	add := func(key, value string) func(*kgo.Record) {
		return func(r *kgo.Record) {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: key, Value: []byte(value)})
		}
	}
	for _, h := range [][2]string{{"x-other", "x"}, {"ce_type", "inventory.other.v2"}, {"ce_source", "other"}, {"dlq-replay", "other.dlq/0@0"}, {"dlq-truncated", "1"}} {
		if headerOf(r, h[0]) == nil && !e.changed(i, PartHeader, h[0], "added", add(h[0], h[1])) {
			return false
		}
	}
	return true
}

func headerOf(r *kgo.Record, key string) []byte {
	for _, h := range r.Headers {
		if h.Key == key {
			return h.Value
		}
	}
	return nil
}

func (e *enumerator) key(i int) bool {
	to := func(key []byte) func(*kgo.Record) { return func(r *kgo.Record) { r.Key = key } }
	key := e.records[i].Key
	neighbour := e.next(i, func(r *kgo.Record) []byte { return r.Key })
	return e.changed(i, PartKey, "", "changed", to(append(bytes.Clone(key), 'x'))) &&
		(key == nil || e.changed(i, PartKey, "", "removed", to(nil))) &&
		(len(key) == 0 || e.changed(i, PartKey, "", "emptied", to([]byte{}))) &&
		(neighbour == nil || e.changed(i, PartKey, "", "borrowed", to(neighbour)))
}
