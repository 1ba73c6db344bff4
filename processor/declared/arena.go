package declared

// Sizes of an arena, in bytes.
const (
	arenaChunk = 64 << 10
	arenaLarge = 2 << 10 // larger slices are the garbage collector's
	arenaKept  = 64      // chunks that outlive a reset
)

// arena hands out memory that is valid until it is reset. The zero value is ready for use.
type arena struct {
	chunks [][]byte
	used   int // of chunks; the last of these has room
}

// alloc returns an empty slice with a capacity of n.
func (a *arena) alloc(n int) []byte {
	if n > arenaLarge {
		return make([]byte, 0, n)
	}
	if a.used > 0 {
		if c := a.chunks[a.used-1]; cap(c)-len(c) >= n {
			return a.cut(c, n)
		}
	}
	if a.used == len(a.chunks) {
		a.chunks = append(a.chunks, make([]byte, 0, arenaChunk))
	}
	a.used++
	return a.cut(a.chunks[a.used-1], n)
}

func (a *arena) cut(c []byte, n int) []byte {
	a.chunks[a.used-1] = c[:len(c)+n]
	return c[len(c) : len(c) : len(c)+n]
}

// copy returns a copy of b.
func (a *arena) copy(b []byte) []byte { return append(a.alloc(len(b)), b...) }

// extend returns b with room for n more bytes, which may be a copy.
func (a *arena) extend(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b
	}
	return append(a.alloc(2*len(b)+n), b...)
}

func (a *arena) reset() {
	if len(a.chunks) > arenaKept {
		clear(a.chunks[arenaKept:])
		a.chunks = a.chunks[:arenaKept]
	}
	for i := range a.chunks {
		a.chunks[i] = a.chunks[i][:0]
	}
	a.used = 0
}
