package runtime

import "github.com/twmb/franz-go/pkg/kgo"

// Chunk sizes of an arena, and how much of it outlives a transaction.
const (
	chunkBytes   = 256 << 10
	chunkRecords = 1024
	keepChunks   = 24
)

// arena holds what the records of one transaction are made of. It is used again
// for the next one, when the brokers have acknowledged all of them.
type arena struct {
	bytes   slabs[byte]
	headers slabs[kgo.RecordHeader]
	records slabs[kgo.Record]
}

func newArena() *arena {
	return &arena{
		bytes:   slabs[byte]{size: chunkBytes},
		headers: slabs[kgo.RecordHeader]{size: 4 * chunkRecords},
		records: slabs[kgo.Record]{size: chunkRecords},
	}
}

func (a *arena) reset() {
	a.bytes.reset(keepChunks)
	a.headers.reset(keepChunks)
	a.records.reset(keepChunks)
}

// slabs hands out parts of large slices.
type slabs[T any] struct {
	size int
	all  [][]T
	used int // of all; the last of them is being handed out
}

// room returns an empty slice with a capacity of at least n.
func (s *slabs[T]) room(n int) []T {
	if n > s.size/4 {
		return make([]T, 0, n)
	}
	if s.used > 0 {
		if c := s.all[s.used-1]; cap(c)-len(c) >= n {
			return c[len(c):]
		}
	}
	if s.used == len(s.all) {
		s.all = append(s.all, make([]T, 0, s.size))
	}
	s.used++
	return s.all[s.used-1]
}

// keep ends the slice that room returned last, after appending to it. One that
// has outgrown its room is a slice of its own already.
func (s *slabs[T]) keep(b []T) []T {
	if len(b) == 0 || s.used == 0 {
		return b
	}
	c := s.all[s.used-1]
	if free := c[len(c):cap(c)]; len(b) <= len(free) && &free[0] == &b[0] {
		s.all[s.used-1] = c[:len(c)+len(b)]
		return b[:len(b):len(b)]
	}
	return b
}

func (s *slabs[T]) reset(keep int) {
	if len(s.all) > keep {
		clear(s.all[keep:])
		s.all = s.all[:keep]
	}
	for i := range s.all {
		s.all[i] = s.all[i][:0]
	}
	s.used = 0
}

// Room returns an empty slice to append a value of about n bytes to; Keep ends
// it. What is kept is good until the transaction's end.
func (tx *Tx) Room(n int) []byte { return tx.arena.bytes.room(n) }

// Keep ends the slice that Room returned last.
func (tx *Tx) Keep(b []byte) []byte { return tx.arena.bytes.keep(b) }

// Text is s as bytes that are good until the transaction's end.
func (tx *Tx) Text(s string) []byte { return tx.Keep(append(tx.Room(len(s)), s...)) }

// Headers returns n empty headers.
func (tx *Tx) Headers(n int) []kgo.RecordHeader {
	h := tx.arena.headers.room(n)[:n]
	clear(h)
	return tx.arena.headers.keep(h)
}

// Record returns an empty record.
func (tx *Tx) Record() *kgo.Record {
	r := tx.arena.records.room(1)[:1]
	r[0] = kgo.Record{}
	return &tx.arena.records.keep(r)[0]
}
