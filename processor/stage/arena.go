package stage

// Chunks of an arena, and how many of them outlive a transaction.
const (
	chunkBytes = 256 << 10
	keepChunks = 8
)

// arena holds what a transaction keeps until its end. It is used again for the
// next one.
type arena struct {
	chunks [][]byte
	used   int // of chunks; the last of them is being handed out
}

// room returns an empty slice with a capacity of at least n.
func (a *arena) room(n int) []byte {
	if n > chunkBytes/4 {
		return make([]byte, 0, n)
	}
	if a.used > 0 {
		if c := a.chunks[a.used-1]; cap(c)-len(c) >= n {
			return c[len(c):]
		}
	}
	if a.used == len(a.chunks) {
		a.chunks = append(a.chunks, make([]byte, 0, chunkBytes))
	}
	a.used++
	return a.chunks[a.used-1]
}

// keep ends the slice that room returned last, after appending to it. One that
// has outgrown its room is a slice of its own already.
func (a *arena) keep(b []byte) []byte {
	if len(b) == 0 || a.used == 0 {
		return b
	}
	c := a.chunks[a.used-1]
	if free := c[len(c):cap(c)]; len(b) <= len(free) && &free[0] == &b[0] {
		a.chunks[a.used-1] = c[:len(c)+len(b)]
		return b[:len(b):len(b)]
	}
	return b
}

func (a *arena) reset() {
	if len(a.chunks) > keepChunks {
		clear(a.chunks[keepChunks:])
		a.chunks = a.chunks[:keepChunks]
	}
	for i := range a.chunks {
		a.chunks[i] = a.chunks[i][:0]
	}
	a.used = 0
}

// Room returns an empty slice to append a value of about n bytes to; Keep ends
// it. What is kept is valid until the transaction ends.
func (tx *Tx) Room(n int) []byte { return tx.arena.room(n) }

// Keep ends the slice that Room returned last.
func (tx *Tx) Keep(b []byte) []byte { return tx.arena.keep(b) }
