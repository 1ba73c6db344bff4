package verify

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// Orders of no, few and many lines keep them apart, over the ends of pages.
func TestOrderLinesStayApart(t *testing.T) {
	sizes := []int{1, 3, pageLines - 3, 2, 2, 0, pageLines, pageLines + 1, 1, manyLines - 1, manyLines, manyLines + 1, 70_000, 5}
	var table orderTable
	for i, n := range sizes {
		o := table.add(int64(10 + 2*i))
		o.marks = present
		for j := range table.keep(o, n) {
			table.lines(o)[j] = line{price: int64(i), product: uint32(j), quantity: uint32(n)}
		}
	}
	for i, n := range sizes {
		o := table.at(int64(10 + 2*i))
		lines := table.lines(o)
		if len(lines) != n {
			t.Fatalf("order %d has %d lines, not %d", i, len(lines), n)
		}
		for j, l := range lines {
			if l != (line{price: int64(i), product: uint32(j), quantity: uint32(n)}) {
				t.Fatalf("order %d line %d is %+v", i, j, l)
			}
		}
	}
	for _, offset := range []int64{0, 9, 11, 10 + 2*int64(len(sizes))} {
		if table.at(offset) != nil {
			t.Errorf("there is an order at %d", offset)
		}
	}
}

func TestTableOfSparseOffsets(t *testing.T) {
	var none *table[int]
	if none.at(0) != nil {
		t.Error("a partition that is not there has a record")
	}
	var table table[int]
	offsets := []int64{3, 4, 1 << 40, 1<<62 + 1}
	for i, offset := range offsets {
		*table.add(offset) = i
	}
	for i, offset := range offsets {
		if got := table.at(offset); got == nil || *got != i {
			t.Errorf("offset %d: %v", offset, got)
		}
		if table.at(offset-2) != nil {
			t.Errorf("there is something at %d", offset-2)
		}
	}
}

func TestHashSet(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, room := range []int{0, 10, 5000} {
		var set hashSet
		set.grow(room)
		known := map[uint64]bool{}
		for range 20_000 {
			hash := rnd.Uint64N(9000) * 0x9e3779b97f4a7c15 // half of them twice
			if set.add(hash) != known[max(hash, 1)] {
				t.Fatalf("room for %d: %x is known: %v", room, hash, known[hash])
			}
			known[max(hash, 1)] = true
		}
	}
}

// Contents are compared with the plainest memory there is: every sight of each.
func TestContents(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	type sight struct {
		hash      uint64
		partition int32
	}
	const window = 50
	set := contents{window: window}
	first := map[uint64]int32{}
	last := map[sight]int64{}
	var offsets [3]int64
	offsets[2] = 1<<32 - 1000 // the lower half turns over
	for range 20_000 {
		partition := rnd.Int32N(3)
		offsets[partition] += 1 + rnd.Int64N(3)
		offset := offsets[partition]
		s := sight{rnd.Uint64N(400) * 0x9e3779b97f4a7c15, partition}
		earlier, there := last[s]
		home, known := first[s.hash]
		at, again, copied := set.seen(s.hash, partition, offset)
		if want := there && offset-earlier <= window; again != want || again && at != earlier {
			t.Fatalf("%v at %d: %d %v, last seen at %d %v", s, offset, at, again, earlier, there)
		}
		if copied != (known && home != partition) {
			t.Fatalf("%v at %d: a copy: %v, first in %d %v", s, offset, copied, home, known)
		}
		if last[s] = offset; !known {
			first[s.hash] = partition
		}
	}
}

func TestIndex(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	var x index
	var keys []uint64
	hash := func(key uint64) uint64 { return key % 97 * 0x9e3779b97f4a7c15 } // many have the same
	for range 3000 {
		key := rnd.Uint64N(1000)
		i, ok := x.find(hash(key), func(i uint32) bool { return keys[i] == key })
		if want := slices.Index(keys, key); ok != (want >= 0) || ok && int(i) != want {
			t.Fatalf("key %d is number %d %v, want %d", key, i, ok, want)
		}
		if !ok {
			if n := x.add(hash(key)); int(n) != len(keys) {
				t.Fatalf("number %d after %d keys", n, len(keys))
			}
			keys = append(keys, key)
		}
	}
}
