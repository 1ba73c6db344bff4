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

func TestTableDelete(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	table, want := NewTable(), map[string][]byte{}
	for i := range 200_000 {
		key := fmt.Sprint("key-", rng.IntN(2000))
		_, known := want[key]
		if i/20_000%2 == 1 { // for a while most keys go
			if table.Delete(key) != known {
				t.Fatalf("deleting %s does not report that it was there: %t", key, known)
			}
			delete(want, key)
			continue
		}
		value := bytes.Repeat([]byte{byte(i)}, rng.IntN(300))
		want[key] = value
		table.Put(key, value)
	}
	sameAsMap(t, table, want)
	for key := range want {
		table.Delete(key)
	}
	sameAsMap(t, table, nil)
	room := 0
	for _, c := range table.chunks {
		room += cap(c)
	}
	if room > 2*tableSlack {
		t.Errorf("%d bytes for no key: what was deleted is not let go", room)
	}
}

func sameAsMap(t *testing.T, table *Table, want map[string][]byte) {
	t.Helper()
	if table.Len() != len(want) {
		t.Errorf("%d keys, want %d", table.Len(), len(want))
	}
	for key, v := range want {
		if got, ok := table.Get(key); !ok || !bytes.Equal(got, v) {
			t.Fatalf("%q is %q (%t), want %q", key, got, ok, v)
		}
	}
	table.Each(func(key, value []byte) {
		if v, ok := want[string(key)]; !ok || !bytes.Equal(v, value) {
			t.Fatalf("there is %q = %q, want %q (%t)", key, value, v, ok)
		}
	})
}

// FuzzTable runs the operations that the input spells on a table and on a map.
func FuzzTable(f *testing.F) {
	f.Add([]byte("pa1pb2da"))
	f.Add([]byte("pa1pb2pc3pd4pe5pf6pg7ph8pi9pj0pk1pl2dadcdepa2dl"))
	f.Fuzz(func(t *testing.T, operations []byte) {
		table, want := NewTable(), map[string][]byte{}
		for rest := operations; len(rest) >= 2; {
			kind, key := rest[0], string(rest[1:2])
			if rest = rest[2:]; kind == 'd' {
				_, known := want[key]
				if table.Delete(key) != known {
					t.Fatalf("deleting %q does not report that it was there: %t", key, known)
				}
				delete(want, key)
				continue
			}
			n := min(len(rest), 1)
			value := bytes.Repeat(rest[:n], int(kind))
			want[key], rest = value, rest[n:]
			table.Put(key, value)
		}
		sameAsMap(t, table, want)
	})
}

func TestTableDeletesAmongEqualHashes(t *testing.T) {
	keys := []string{"a", "b", "c", "d", "e"}
	homes := []uint32{14, 15, 14, 0, 15} // of 16 slots: they go round the end
	for gone := range keys {
		table := NewTable()
		for i, key := range keys {
			s := table.find(key, homes[i])
			s.hash, s.place = homes[i], table.add(key, nil)+1
			table.count++
		}
		table.free(table.find(keys[gone], homes[gone]))
		for i, key := range keys {
			if s := table.find(key, homes[i]); (s.place != 0) != (i != gone) {
				t.Errorf("without %s: %s is found: %t", keys[gone], key, s.place != 0)
			}
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

// A Ref does what its key would, whatever has happened to the table since; a mark is that of
// the entry as it was found, or 0.
func TestTableRefs(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	table, want := NewTable(), map[string]string{}
	refs, marks := map[string]Ref{}, map[string]uint32{}
	moved := uint32(0)
	for i := range 100_000 {
		key := fmt.Sprint("key-", rng.IntN(1000))
		value := fmt.Sprintf("%0*d", 1+rng.IntN(400), i)
		switch rng.IntN(4) {
		case 0:
			if rng.IntN(4) == 0 {
				table.Delete(key)
				delete(want, key)
				break
			}
			table.Put(key, []byte(value))
			want[key] = value
		case 1:
			table.Replace(refs[key], key, []byte(value))
			want[key] = value
		default:
			got, at, ok := table.Find(key)
			if text, known := want[key]; ok != known || string(got) != text {
				t.Fatalf("%s is %.20q (%t), want %.20q", key, got, ok, text)
			}
			refs[key] = at
			if ok {
				table.SetMark(at, uint32(i))
				marks[key] = uint32(i)
			}
		}
		if table.moves != moved { // all marks are gone
			moved = table.moves
			clear(marks)
		}
		if _, at, ok := table.Find(key); ok && at == refs[key] {
			if n := table.Mark(at); n != 0 && n != marks[key] || n == 0 && marks[key] == uint32(i) {
				t.Fatalf("%s has the mark %d, was given %d", key, n, marks[key])
			}
		} else if table.Mark(refs[key]) != 0 && !ok {
			t.Fatalf("%s is deleted and has a mark", key)
		}
	}
	if moved == 0 {
		t.Error("the table was never compacted")
	}
	if table.Len() != len(want) {
		t.Errorf("%d keys, want %d", table.Len(), len(want))
	}
}
