package stage

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

func TestTableAgreesWithAMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	table, want := NewTable(), map[string][]byte{}
	value := func() []byte {
		n := rng.IntN(300)
		if rng.IntN(500) == 0 {
			n = 3*tableChunk + rng.IntN(100) // has a chunk of its own
		}
		return bytes.Repeat([]byte{byte(rng.IntN(256))}, n)
	}
	for range 30_000 {
		key := fmt.Sprint("key-", rng.IntN(3000))
		v := value()
		want[key] = v
		table.Put(key, v)
		if got, ok := table.Get(key); !ok || !bytes.Equal(got, v) {
			t.Fatalf("%s is %d bytes (%t), want %d", key, len(got), ok, len(v))
		}
	}
	if table.Len() != len(want) {
		t.Errorf("%d keys, want %d", table.Len(), len(want))
	}
	held := 0
	for key, v := range want {
		if got, ok := table.Get(key); !ok || !bytes.Equal(got, v) {
			t.Fatalf("in the end %s is %d bytes (%t), want %d", key, len(got), ok, len(v))
		}
		held += len(key) + len(v)
	}
	room := 0
	for _, c := range table.chunks {
		room += cap(c)
	}
	if room > 3*held+4*tableChunk {
		t.Errorf("%d bytes for %d: what was replaced is not let go", room, held)
	}
	if _, ok := table.Get("none"); ok {
		t.Error("a key that was never put is there")
	}
}

func TestTableKeepsEntriesWithEqualHashes(t *testing.T) {
	table := NewTable()
	for i, key := range []string{"a", "b"} { // as if their hashes were the same
		s := &table.slots[i]
		s.hash, s.place = 0, table.add(key, []byte(key+key))+1
		table.count++
	}
	for i, key := range []string{"a", "b"} {
		if s := table.find(key, 0); s != &table.slots[i] {
			t.Errorf("%s is not found in its slot", key)
		}
	}
	table.compact()
	for i, key := range []string{"a", "b"} {
		if e := table.entry(table.slots[i].place - 1); string(e.key()) != key {
			t.Errorf("after compacting slot %d has %q, want %q", i, e.key(), key)
		}
	}
}

func BenchmarkTablePut(b *testing.B) {
	keys := make([]string, 100_000)
	for i := range keys {
		keys[i] = fmt.Sprintf("prod-%07d", i)
	}
	table, value := NewTable(), make([]byte, 130)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		table.Put(keys[i%len(keys)], value)
	}
}
