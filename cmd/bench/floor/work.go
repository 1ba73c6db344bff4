package main

import (
	"bytes"
	"context"

	"inv/cmd/bench/floor/plan"

	"github.com/twmb/franz-go/pkg/kgo"
)

// idBytes is how many bytes of an order's key reach the update, where cmd/bench/process
// finds them to measure latency.
const idBytes = 24

// ingest is hop 1: some lines of an order, one of a reorder.
type ingest struct {
	settings
	gate   *gate
	packed [][]byte // by log partition
	lines  float64  // to be written
	next   int      // sample
	to     int      // log partition
	wrote  int
}

func newIngest(s settings, g *gate) *ingest {
	return &ingest{settings: s, gate: g, packed: make([][]byte, s.partitions)}
}

func (w *ingest) maxPoll() int { return 2_000 }

func (w *ingest) begin(ctx context.Context) { w.gate.wait(ctx) }

func (w *ingest) records(h *hop, records []*kgo.Record) {
	for _, r := range records {
		if r.Topic == orders {
			w.lines += w.plan.Lines
		} else {
			w.lines++
		}
		for ; w.lines >= 1; w.lines-- {
			w.line(h, r.Key)
		}
	}
}

func (w *ingest) line(h *hop, id []byte) {
	w.next, w.to, w.wrote = (w.next+1)%len(w.plan.Log), (w.to+1)%w.partitions, w.wrote+1
	sample := w.plan.Log[w.next].Value
	b := w.packed[w.to]
	if len(b)+len(sample) > packBytes {
		w.pack(h, w.to)
		b = nil
	}
	if b == nil {
		b = make([]byte, 0, packBytes)
	}
	start := len(b)
	b = append(b, sample...)
	copy(b[start:start+min(idBytes, len(sample)-1)], id)
	w.packed[w.to] = b
}

func (w *ingest) pack(h *hop, partition int) {
	h.produce(w.log(), int32(partition), nil, w.packed[partition], w.plan.Log[0].Headers)
	w.packed[partition] = nil
}

func (w *ingest) seal(h *hop) {
	for p := range w.packed {
		if len(w.packed[p]) > 0 {
			w.pack(h, p)
		}
	}
}

func (w *ingest) committed() {
	w.gate.add(w.wrote)
	w.wrote = 0
}

// ledger is hop 2: an update for each line, an occasional reorder and alert, and at the
// end a changelog record for each changed product.
type ledger struct {
	settings
	gate     *gate
	at       []int // index of the order's ID in each update
	reorders float64
	alerts   float64
	next     int
	done     int
	random   uint64

	touched []uint32 // by product: the last transaction that changed it
	now     uint32
	dirty   []int32 // log partitions of the changed products

	arena []byte
}

func newLedger(s settings, g *gate) *ledger {
	w := &ledger{settings: s, gate: g, touched: make([]uint32, s.plan.Products), now: 1, random: 1}
	for _, u := range s.plan.Updates {
		at := bytes.Index(u.Value, []byte(`"last_order_id":"`))
		w.at = append(w.at, max(at+len(`"last_order_id":"`), 0))
	}
	return w
}

// maxPoll is in log records, which hold some thousand lines each.
func (w *ledger) maxPoll() int { return 4 }

func (w *ledger) begin(context.Context) {}

func (w *ledger) records(h *hop, records []*kgo.Record) {
	for _, r := range records {
		for line := range bytes.Lines(r.Value) {
			w.line(h, line, r.Partition)
		}
	}
}

func (w *ledger) line(h *hop, line []byte, partition int32) {
	w.next++
	w.done++
	w.touch(partition)
	sample := w.next % len(w.plan.Updates)
	u := &w.plan.Updates[sample]
	value := w.keep(u.Value)
	copy(value[w.at[sample]:], line[:min(idBytes, len(line))])
	h.produce(updates, 0, u.Key, value, u.Headers)
	if w.reorders += w.plan.Reorders; w.reorders >= 1 && len(w.plan.Reorder) > 0 {
		w.reorders--
		w.output(h, reorders, w.plan.Reorder)
	}
	if w.alerts += w.plan.Alerts; w.alerts >= 1 && len(w.plan.Alert) > 0 {
		w.alerts--
		w.output(h, alerts, w.plan.Alert)
	}
}

func (w *ledger) output(h *hop, topic string, samples []plan.Record) {
	r := &samples[w.next%len(samples)]
	h.produce(topic, 0, r.Key, w.keep(r.Value), r.Headers)
}

// touch changes a random product of the partition.
func (w *ledger) touch(partition int32) {
	w.random = w.random*6364136223846793005 + 1442695040888963407
	mine := max(len(w.touched)/w.partitions, 1)
	product := (int(partition)*mine + int(w.random>>33)%mine) % len(w.touched)
	if w.touched[product] != w.now {
		w.touched[product] = w.now
		w.dirty = append(w.dirty, partition)
	}
}

// keep copies a value, as if it was rendered.
func (w *ledger) keep(value []byte) []byte {
	if cap(w.arena)-len(w.arena) < len(value) {
		w.arena = make([]byte, 0, 256<<10)
	}
	w.arena = append(w.arena, value...)
	return w.arena[len(w.arena)-len(value):]
}

func (w *ledger) seal(h *hop) {
	for i, partition := range w.dirty {
		r := &w.plan.Changelog[(w.next+i)%len(w.plan.Changelog)]
		h.produce(w.changelog(), partition, r.Key, w.keep(r.Value), nil)
	}
}

func (w *ledger) committed() {
	w.gate.add(-w.done)
	w.done, w.dirty = 0, w.dirty[:0]
	w.now++
}
