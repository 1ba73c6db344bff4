package stage

import (
	"encoding/binary"
	"hash/maphash"
	"math"
)

// Table maps keys to values, both bytes. It holds no pointer for each entry, so
// that a million of them cost the garbage collector nothing, and little memory
// beyond their own. It is for one goroutine at a time.
type Table struct {
	seed   maphash.Seed
	chunks [][]byte
	slots  []tableSlot // open addressing, a power of two
	count  int
	live   int    // bytes of entries
	dead   int    // bytes of those that were replaced or deleted
	moves  uint32 // how often the entries were compacted
}

// Ref is where a Table has a key's entry. It saves finding it again, which in a large table
// is waiting for memory. One that is out of date, since the entry has moved or is deleted,
// does no harm.
type Ref struct {
	place uint32 // + 1; 0: nowhere
	moves uint32 // of the table
}

// tableSlot finds an entry: 0 is free, else its place + 1. The place is counted
// in units of tableAlign.
type tableSlot struct{ hash, place uint32 }

// An entry is three lengths, of the key, of the value and of the room for it, its
// mark, then the key and the value. It begins at a multiple of tableAlign, within one
// chunk; one larger than a chunk has one of its own. A dead one has deadRoom.
const (
	tableAlign  = 8
	tableChunk  = 64 << 10
	firstChunk  = 4 << 10 // most tables are small
	tableHeader = 16
	perChunk    = tableChunk / tableAlign
	deadRoom    = math.MaxUint32
	tableWaste  = 64        // room beyond twice a value that is let be
	tableSlack  = 256 << 10 // dead bytes that are let be
)

// NewTable makes an empty Table.
func NewTable() *Table { return &Table{seed: maphash.MakeSeed(), slots: make([]tableSlot, 16)} }

// Len returns the number of keys.
func (t *Table) Len() int { return t.count }

// Get returns a key's value, valid until the next Put or Delete.
func (t *Table) Get(key string) (value []byte, ok bool) {
	value, _, ok = t.Find(key)
	return value, ok
}

// Find returns a key's value, as Get does, and where it is.
func (t *Table) Find(key string) (value []byte, at Ref, ok bool) {
	s := t.find(key, uint32(maphash.String(t.seed, key)))
	if s.place == 0 {
		return nil, Ref{}, false
	}
	e := t.entry(s.place - 1)
	k, v := e.lengths()
	return e[tableHeader+k : tableHeader+k+v : tableHeader+k+v], Ref{s.place, t.moves}, true
}

// Mark returns the number that SetMark has given to an entry. It is 0 when the entry is
// put, replaced or moved.
func (t *Table) Mark(at Ref) uint32 {
	if e := t.at(at); e != nil {
		return e.mark()
	}
	return 0
}

// SetMark gives an entry a number, for a user that has more to say of some keys.
func (t *Table) SetMark(at Ref, mark uint32) {
	if e := t.at(at); e != nil {
		e.setMark(mark)
	}
}

// Replace is Put for a key that was found before.
func (t *Table) Replace(at Ref, key string, value []byte) {
	if e := t.at(at); e == nil || !e.set(value) {
		t.Put(key, value)
	}
}

// at returns an entry, nil if it isn't there any more.
func (t *Table) at(at Ref) entry {
	if at.place == 0 || at.moves != t.moves {
		return nil
	}
	if e := t.entry(at.place - 1); e.room() != deadRoom {
		return e
	}
	return nil
}

// Put sets a key's value. It keeps neither.
func (t *Table) Put(key string, value []byte) {
	if 4*(t.count+1) > 3*len(t.slots) {
		t.grow()
	}
	hash := uint32(maphash.String(t.seed, key))
	s := t.find(key, hash)
	if s.place == 0 {
		s.hash, s.place = hash, t.add(key, value)+1
		t.count++
		return
	}
	e := t.entry(s.place - 1)
	if e.set(value) {
		return
	}
	t.drop(e)
	s.place = t.add(key, value) + 1
	t.letGo()
}

// Delete removes a key, and reports whether it was there.
func (t *Table) Delete(key string) bool {
	s := t.find(key, uint32(maphash.String(t.seed, key)))
	if s.place == 0 {
		return false
	}
	t.drop(t.entry(s.place - 1))
	t.count--
	t.free(s)
	t.letGo()
	return true
}

// free empties a slot. Entries behind it that probing would not find any more move
// towards the slot that they are meant for, so that no mark of the deletion is needed.
func (t *Table) free(s *tableSlot) {
	mask := uint32(len(t.slots) - 1)
	hole := s.hash & mask
	for &t.slots[hole] != s {
		hole = (hole + 1) & mask
	}
	for at := (hole + 1) & mask; t.slots[at].place != 0; at = (at + 1) & mask {
		if home := t.slots[at].hash & mask; (at-home)&mask >= (at-hole)&mask {
			t.slots[hole] = t.slots[at]
			hole = at
		}
	}
	t.slots[hole] = tableSlot{}
}

// drop takes an entry for dead.
func (t *Table) drop(e entry) {
	size := e.size()
	t.live, t.dead = t.live-size, t.dead+size
	e.setRoom(deadRoom)
}

// letGo compacts the table if much of it is dead.
func (t *Table) letGo() {
	if t.dead > t.live/2+tableSlack {
		t.compact()
	}
}

// Each calls use with each key and its value, in no order. They are valid until
// the next Put or Delete.
func (t *Table) Each(use func(key, value []byte)) {
	for _, s := range t.slots {
		if s.place == 0 {
			continue
		}
		e := t.entry(s.place - 1)
		k, v := e.lengths()
		use(e.key(), e[tableHeader+k:tableHeader+k+v])
	}
}

// find returns the slot of a key, or the free one that is meant for it.
func (t *Table) find(key string, hash uint32) *tableSlot {
	mask := uint32(len(t.slots) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		s := &t.slots[at]
		if s.place == 0 || s.hash == hash && string(t.entry(s.place-1).key()) == key {
			return s
		}
	}
}

// add appends an entry and returns its place.
func (t *Table) add(key string, value []byte) uint32 {
	size := (tableHeader + len(key) + len(value) + tableAlign - 1) &^ (tableAlign - 1)
	last := len(t.chunks) - 1
	if last < 0 || size > cap(t.chunks[last])-len(t.chunks[last]) {
		room := tableChunk
		if last < 0 {
			room = firstChunk
		}
		t.chunks = append(t.chunks, make([]byte, 0, max(room, size)))
		last++
	}
	c := t.chunks[last]
	place := uint32(last*perChunk + len(c)/tableAlign)
	c = binary.LittleEndian.AppendUint32(c, uint32(len(key)))
	c = binary.LittleEndian.AppendUint32(c, uint32(len(value)))
	c = binary.LittleEndian.AppendUint32(c, uint32(size-tableHeader-len(key)))
	c = binary.LittleEndian.AppendUint32(c, 0) // the mark
	c = append(append(c, key...), value...)
	t.chunks[last] = c[:(len(c)+tableAlign-1)&^(tableAlign-1)]
	t.live += size
	return place
}

// grow doubles the slots.
func (t *Table) grow() {
	old := t.slots
	t.slots = make([]tableSlot, 2*len(old))
	mask := uint32(len(t.slots) - 1)
	for _, s := range old {
		if s.place == 0 {
			continue
		}
		at := s.hash & mask
		for t.slots[at].place != 0 {
			at = (at + 1) & mask
		}
		t.slots[at] = s
	}
}

// compact copies the live entries, and lets go of what they were in.
func (t *Table) compact() {
	old := Table{chunks: t.chunks}
	t.chunks, t.live, t.dead = nil, 0, 0
	t.moves++
	for i := range t.slots {
		if s := &t.slots[i]; s.place != 0 {
			e := old.entry(s.place - 1)
			k, v := e.lengths()
			s.place = t.add(string(e.key()), e[tableHeader+k:tableHeader+k+v]) + 1
		}
	}
}

func (t *Table) entry(place uint32) entry {
	return entry(t.chunks[place/perChunk][place%perChunk*tableAlign:])
}

// entry is the bytes of an entry, and what comes behind it.
type entry []byte

func (e entry) lengths() (key, value int) {
	return int(binary.LittleEndian.Uint32(e)), int(binary.LittleEndian.Uint32(e[4:]))
}

func (e entry) room() int { return int(binary.LittleEndian.Uint32(e[8:])) }

func (e entry) setRoom(n uint32) { binary.LittleEndian.PutUint32(e[8:], n) }

func (e entry) mark() uint32 { return binary.LittleEndian.Uint32(e[12:]) }

func (e entry) setMark(n uint32) { binary.LittleEndian.PutUint32(e[12:], n) }

// set sets the value in place and drops the mark, if the room fits the value.
func (e entry) set(value []byte) bool {
	k, _ := e.lengths()
	room := e.room()
	if len(value) > room || room > 2*len(value)+tableWaste {
		return false
	}
	binary.LittleEndian.PutUint32(e[4:], uint32(len(value)))
	e.setMark(0)
	copy(e[tableHeader+k:], value)
	return true
}

func (e entry) key() []byte { k, _ := e.lengths(); return e[tableHeader : tableHeader+k] }

func (e entry) size() int { k, _ := e.lengths(); return tableHeader + k + e.room() }
