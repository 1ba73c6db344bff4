package declared

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

// dueKind is what is due, in the order in which they happen at the same time.
type dueKind uint8

const (
	dueTimer dueKind = iota
	dueWindow
	dueExpiry
)

// due is the queue of what happens when time has passed. It does not know what still
// holds: a key's timer that has stopped since, or a key that lives on, is found out when
// it comes to the top, so that a step needs no search in it. It holds no pointers.
type due struct {
	queue[dueEntry]
	keys   dueKeys
	popped []dueEntry // by the transaction
	last   dueEntry   // that next returned

	// Above these sizes entries that do not hold any more are dropped. least is the lowest
	// limit of entries.
	entriesLimit, keysLimit, least int
}

// dueEntry is one of a due.
type dueEntry struct {
	time  int64  // epoch ms
	key   uint32 // in dueKeys
	timer uint16 // its place in the file
	kind  dueKind
}

// Before so many entries or bytes of keys, nothing is dropped.
const (
	dueEntriesLimit = 1 << 10
	dueKeysLimit    = 1 << 20
)

// newDue returns an empty due. compare orders keys.
func newDue(compare func(a, b []byte) int) *due {
	d := &due{entriesLimit: dueEntriesLimit, keysLimit: dueKeysLimit, least: dueEntriesLimit}
	d.before = func(a, b *dueEntry) bool {
		if a.time != b.time {
			return a.time < b.time
		}
		if a.kind != b.kind || a.key == b.key {
			return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.timer, b.timer)) < 0
		}
		return cmp.Or(compare(d.keys.get(a.key), d.keys.get(b.key)), cmp.Compare(a.timer, b.timer)) < 0
	}
	return d
}

// add queues what is due for a key. It copies the key.
func (d *due) add(time int64, kind dueKind, timer int, key []byte) {
	d.push(dueEntry{time: time, key: d.keys.add(key), kind: kind, timer: uint16(timer)})
}

// again queues the entry that next returned last once more, for another time.
func (d *due) again(e dueEntry, time int64) {
	e.time = time
	d.push(e)
}

// next takes the first entry that is due at a time or before. Equal ones are one: a key
// that was forgotten and came back may have two. The key is valid until commit.
func (d *due) next(until int64) (e dueEntry, key []byte, ok bool) {
	if len(d.items) == 0 || d.items[0].time > until {
		return e, nil, false
	}
	d.last = d.take()
	for len(d.items) > 0 && !d.before(&d.last, &d.items[0]) {
		d.take()
	}
	return d.last, d.keys.get(d.last.key), true
}

func (d *due) take() dueEntry {
	e := d.pop()
	d.popped = append(d.popped, e)
	return e
}

// rollback queues again what the transaction has taken. What it has added may stay: it
// does not hold.
func (d *due) rollback() {
	for _, e := range d.popped {
		d.push(e)
	}
	d.popped = d.popped[:0]
}

// commit makes what was taken final. If much was added since the last time, entries that
// do not hold are dropped: holds returns when what is meant by one is due by now.
func (d *due) commit(holds func(e *dueEntry, key []byte) (time int64, ok bool)) {
	d.popped = d.popped[:0]
	if len(d.items) <= d.entriesLimit && d.keys.size <= d.keysLimit {
		return
	}
	old := d.keys
	d.keys = dueKeys{}
	live := d.items[:0]
	for _, e := range d.items {
		key, ok := old.get(e.key), false
		if e.time, ok = holds(&e, key); ok {
			e.key = d.keys.add(key)
			live = append(live, e)
		}
	}
	// Sorted, they are a heap.
	slices.SortFunc(live, func(a, b dueEntry) int {
		switch {
		case d.before(&a, &b):
			return -1
		case d.before(&b, &a):
			return 1
		}
		return 0
	})
	d.items = slices.CompactFunc(live, func(a, b dueEntry) bool { return !d.before(&a, &b) && !d.before(&b, &a) })
	d.settle()
}

// settle accepts what was added as it is.
func (d *due) settle() {
	d.entriesLimit = max(d.least, 2*len(d.items))
	d.keysLimit = max(dueKeysLimit, 2*d.keys.size)
}

// dueKeys are keys in large chunks.
type dueKeys struct {
	chunks [][]byte
	size   int // bytes
}

// dueChunkBits is the size of a chunk as a power of two. A place is the chunk's number
// and the place in it.
const dueChunkBits = 16

// add copies a key and returns its place.
func (k *dueKeys) add(key []byte) uint32 {
	size := binary.MaxVarintLen32 + len(key)
	last := len(k.chunks) - 1
	if last < 0 || cap(k.chunks[last])-len(k.chunks[last]) < size {
		k.chunks = append(k.chunks, make([]byte, 0, max(size, 1<<dueChunkBits)))
		last++
	}
	c := k.chunks[last]
	place := uint32(last)<<dueChunkBits | uint32(len(c))
	k.chunks[last] = append(binary.AppendUvarint(c, uint64(len(key))), key...)
	k.size += len(k.chunks[last]) - len(c)
	return place
}

func (k *dueKeys) get(place uint32) []byte {
	c := k.chunks[place>>dueChunkBits][place&(1<<dueChunkBits-1):]
	n, size := binary.Uvarint(c)
	return c[size : size+int(n) : size+int(n)]
}

// compareKeys orders keys of instances: by key, and then by the window's start.
func compareKeys(windowed bool) func(a, b []byte) int {
	if !windowed {
		return bytes.Compare
	}
	return func(a, b []byte) int {
		return cmp.Or(bytes.Compare(a[startBytes:], b[startBytes:]), bytes.Compare(a[:startBytes], b[:startBytes]))
	}
}
