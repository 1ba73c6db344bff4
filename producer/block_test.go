package producer

import (
	"fmt"
	"strings"
	"testing"
)

// blockSource returns a scenario with a producer "b" that has these fields.
func blockSource(fields string) string {
	return "scenario: test\ntopics:\n  a: {topic: a, partitions: 6}\n  b: {topic: b, partitions: 6}\nproducers:\n" +
		"  a:\n    topic: a\n    key: id\n    rows: [{id: one, price: 1.5}, {id: two, price: 22.25}, {id: three, price: 3}]\n" +
		"  b:\n    topic: b\n    key: id\n    value:\n      id: {sequence: \"x-{n}\"}\n" + fields
}

// A block has the same bytes as its records rendered one by one, and does not touch
// those around it. The fields are each kind of step that a block can render, at its
// limits.
func TestBlocksEqualRecords(t *testing.T) {
	list := func(from, to int) string {
		return fmt.Sprintf("      items: {list: [%d, %d], of: {id: {ref: a.id, skew: 1.1}, q: {int: [1, 9]}, price: {ref: a.price}}}\n      total: {sum: items.q * items.price, decimals: 2}\n", from, to)
	}
	sources := map[string]struct {
		fields string
		blocks bool
	}{
		"list":         {list(0, 3), true},
		"longest list": {list(mostItems-1, mostItems), true},
		"longer list":  {list(0, mostItems+1), false},
		"numbers":      {"      low: {int: [-100000, 3]}\n      wide: {int: [-1000000000000, 1000000000000]}\n      at: {time: now}\n", true},
		"draws":        {"      one: {one_of: {a: 1, bb: 5, \"c\\\"c\": 2}}\n      two: {int: [0, 120]}\n      ref: {ref: a.id}\n", true},
		"long":         {"      text: \"" + strings.Repeat("ä", 150) + "\"\n", true},
		"too long":     {"      text: \"" + strings.Repeat("ä", mostWidth/2) + "\"\n", false},
		"rounded":      {"      items: {list: [1, 3], of: {q: {int: [1, 9]}, price: {ref: a.price}}}\n      sum: {sum: items.q * items.price, decimals: 1}\n", true},
		"a function":   {"      id2: {hex: 8}\n", false},
	}
	for name, s := range sources {
		p := withoutFaults(t, parsed(t, name+".yaml", blockSource(s.fields)), "b")
		if got := newRenderer(p, Options{}).streams[0].width > 0; got != s.blocks {
			t.Errorf("%s: rendered in blocks: %v, want %v", name, got, s.blocks)
		}
		for _, o := range []Options{{}, {NoEvents: true}} {
			sameOneByOne(t, name, p, o)
		}
	}
}

func TestShippedBlocksEqualRecords(t *testing.T) {
	p := withoutFaults(t, shipped(t, "inventory"), "orders", "catalog")
	if newRenderer(p, Options{}).streams[0].width == 0 {
		t.Error("the orders are not rendered in blocks")
	}
	sameOneByOne(t, "inventory", p, Options{})
}

func sameOneByOne(t *testing.T, name string, p *Plan, o Options) {
	t.Helper()
	blocks, single := newRenderer(p, o), newRenderer(p, o)
	for i := range single.streams {
		single.streams[i].width = 0
	}
	w, v := &worker{}, &worker{}
	n := int64(0)
	for _, size := range []int{1, 2, blockRecords - 1, blockRecords, blockRecords + 1, batchSize} {
		var slots []slot
		for range size {
			stream := int32(0)
			if len(p.running) > 1 && n%11 == 0 {
				stream = 1
			}
			slots = append(slots, slot{n: n * 3, at: 1767225599000 + n/5, stream: stream})
			n++
		}
		got, want := &Batch{slots: slots}, &Batch{slots: slots}
		blocks.render(w, got)
		single.render(v, want)
		for i := range slots {
			if g, w := text(&got.Records[i]), text(&want.Records[i]); g != w {
				t.Fatalf("%s, record %d of %d:\n%s\nwant\n%s", name, i, size, g, w)
			}
		}
	}
}

// text returns everything in a record.
func text(r *Record) string {
	return fmt.Sprint(r.Partition, r.At, r.Stream, r.Number, r.Fault, r.Topic, " ", string(appendEnvelope(nil, r)))
}
