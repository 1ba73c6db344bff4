package declared

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

func TestHeldLineComesBack(t *testing.T) {
	var c clock
	h := newHeld(&c)
	for i, want := range []Line{
		{Key: []byte("k"), Time: 5, Input: []byte("in"), Topic: []byte("a"), Partition: 3, Offset: 1 << 40, Timestamp: 1 << 41, Index: -1, Value: []byte("{}")},
		{Key: []byte(""), Time: 6, Input: []byte("in"), Topic: []byte("b"), Offset: 7, Timestamp: -1, Index: 1<<31 - 1,
			Rows: []byte(`{"r":{}}`), Headers: []byte(`{"h":"x"}`), Value: bytes.Repeat([]byte("1"), heldChunkBytes)},
	} {
		var got Line
		h.add(&want, c.at(want.Topic, want.Partition), int64(i))
		if h.release(&got); !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

// Whatever is added, released, committed and rolled back, lines are released as a sorted
// list would give them, and the lowest log offset is that of one that is held.
func TestHeldAgreesWithAList(t *testing.T) {
	type entry struct {
		time, offset, log int64
		source, index     int
	}
	rng := rand.New(rand.NewPCG(5, 6))
	topics := []string{"b", "a", "a", "c"}
	var c clock
	for i, topic := range topics {
		c.at([]byte(topic), int32(i%3))
	}
	h := newHeld(&c)
	var want, committed []entry
	var released []Line
	var values []string // theirs
	log, next, offset := int64(0), int64(0), int64(0)
	for range 20_000 {
		switch n := rng.IntN(40); {
		case n < 20:
			for range 1 + rng.IntN(4) { // lines of a log record
				offset++
				e := entry{time: log/8 + rng.Int64N(8), offset: offset % 5, log: log, source: rng.IntN(len(topics)), index: int(offset)}
				value := fmt.Appendf(nil, "%d %s", e.log, bytes.Repeat([]byte("x"), rng.IntN(500)))
				h.add(&Line{Key: []byte("k"), Time: e.time, Offset: e.offset, Index: e.index, Value: value}, e.source, e.log)
				want = append(want, e)
			}
			log++
		case n < 37 && len(want) > 0:
			slices.SortFunc(want, func(a, b entry) int {
				if a.time != b.time {
					return int(a.time - b.time)
				}
				if a.source != b.source {
					return c.compare(a.source, b.source)
				}
				if a.offset != b.offset {
					return int(a.offset - b.offset)
				}
				return a.index - b.index
			})
			var l Line
			h.release(&l)
			e := want[0]
			want = want[1:]
			s := c.sources[e.source]
			if l.Time != e.time || l.Offset != e.offset || l.Index != e.index || string(l.Topic) != s.topic || l.Partition != s.partition {
				t.Fatalf("released %+v, want %+v", l, e)
			}
			released, values = append(released, l), append(values, string(l.Value))
		case n < 39:
			for i, l := range released { // whose texts are valid until here
				if string(l.Value) != values[i] {
					t.Fatalf("a line that was released has the value %.20q now, had %.20q", l.Value, values[i])
				}
			}
			h.commit()
			released, values, committed, next = nil, nil, slices.Clone(want), log
		default:
			h.rollback()
			released, values, want, log = nil, nil, slices.Clone(committed), next // and is read again
		}
		if len(h.items) != len(want) {
			t.Fatalf("%d lines, want %d", len(h.items), len(want))
		}
		lowest, ok := h.lowest()
		if ok != (len(want) > 0) || ok && lowest != slices.MinFunc(want, func(a, b entry) int { return int(a.log - b.log) }).log {
			t.Fatalf("the lowest log offset is %d (%t)", lowest, ok)
		}
	}
}
