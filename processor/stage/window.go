package stage

import (
	"hash/maphash"
	"slices"
)

// Fingerprint is a 128-bit hash. Equal inputs have equal ones within a process
// only.
type Fingerprint struct{ a, b uint64 }

// Fingerprinter hashes with seeds of its own, so that nobody can prepare two
// inputs with one fingerprint.
type Fingerprinter struct{ a, b maphash.Seed }

// NewFingerprinter draws the seeds.
func NewFingerprinter() Fingerprinter { return Fingerprinter{maphash.MakeSeed(), maphash.MakeSeed()} }

// Of returns the fingerprint of a value with a qualifier that tells equal values
// apart.
func (f Fingerprinter) Of(value, qualifier []byte) Fingerprint {
	p := Fingerprint{maphash.Bytes(f.a, value), maphash.Bytes(f.b, value)}
	if len(qualifier) > 0 {
		p.a ^= maphash.Bytes(f.b, qualifier)
		p.b ^= maphash.Bytes(f.a, qualifier) * 0x9e3779b97f4a7c15
	}
	return p
}

// Window remembers which fingerprints a partition had within its last offsets.
// Records enter it in the order of their offsets; Rollback takes back those
// since the last Commit. It holds no pointers to entries, and room for what the
// window plus one transaction holds. It grows without copying entries.
type Window struct {
	span    int64          // offsets
	chunks  []*windowChunk // of entries, all full but for the first and the last
	spare   []*windowChunk // to use again
	head    int            // of the oldest entry in the first chunk
	count   int            // entries
	first   uint32         // number of the oldest entry; entries are numbered in order
	index   []place        // open addressing
	pending int            // entries since the last commit
}

// windowChunk is 24 KiB.
type windowChunk [1 << chunkBits]seen

const chunkBits = 10

// place is a place of the index: in its upper half the tag of an entry's fingerprint, in
// its lower half the entry's number + 1; 0 if it is free. So most places that are passed on
// the way to another are told apart without their entries, which are not in the
// processor's cache.
type place uint64

func placeOf(print Fingerprint, number uint32) place {
	return place(print.a>>32)<<32 | place(number+1)
}

func (p place) tag() uint32    { return uint32(p >> 32) }
func (p place) number() uint32 { return uint32(p) - 1 }

// Sizes of the index: it grows by half when two thirds of it are in use.
const (
	smallestIndex = 64
	fullAt        = 2.0 / 3
)

type seen struct {
	print  Fingerprint
	offset int64
}

// NewWindow makes a window over so many offsets; 0 remembers nothing.
func NewWindow(span int64) *Window {
	return &Window{span: span, index: make([]place, smallestIndex)}
}

// Add enters the record at an offset and reports whether one at most span offsets
// before it had the same fingerprint.
func (w *Window) Add(print Fingerprint, offset int64) (duplicate bool) {
	if w.span == 0 {
		return false
	}
	if float64(w.count+1) > fullAt*float64(len(w.index)) {
		w.reindex(len(w.index) + len(w.index)/2)
	}
	at := w.find(print)
	if before := w.index[at]; before != 0 {
		duplicate = offset-w.entry(before.number()).offset <= w.span
	}
	number := w.first + uint32(w.count)
	w.index[at] = placeOf(print, number)
	w.extend()
	*w.entry(number) = seen{print, offset}
	w.pending++
	return duplicate
}

// extend makes room for another entry, and counts it.
func (w *Window) extend() {
	if w.head+w.count == len(w.chunks)<<chunkBits {
		var chunk *windowChunk
		if last := len(w.spare) - 1; last >= 0 {
			chunk, w.spare = w.spare[last], w.spare[:last]
		} else {
			chunk = new(windowChunk)
		}
		w.chunks = append(w.chunks, chunk)
	}
	w.count++
}

// Commit keeps what was added and forgets what is out of reach from offset next.
func (w *Window) Commit(next int64) {
	w.pending = 0
	for w.count > 0 && next-w.entry(w.first).offset > w.span {
		w.forget()
	}
	if w.first > 1<<30 {
		w.renumber()
	}
}

// Rollback takes back what was added since the last commit. It is rare, so it
// rebuilds the index instead of remembering what each entry displaced.
func (w *Window) Rollback() {
	if w.pending == 0 {
		return
	}
	w.count -= w.pending
	w.pending = 0
	used := (w.head + w.count + len(windowChunk{}) - 1) >> chunkBits
	clear(w.chunks[used:])
	w.chunks = w.chunks[:used]
	w.reindex(len(w.index))
}

func (w *Window) entry(number uint32) *seen {
	i := w.head + int(number-w.first)
	return &w.chunks[i>>chunkBits][i&(1<<chunkBits-1)]
}

// forget drops the oldest entry.
func (w *Window) forget() {
	at := w.find(w.entry(w.first).print)
	if w.index[at] != 0 && w.index[at].number() == w.first {
		w.free(at)
	}
	w.head++
	w.first++
	w.count--
	if w.head == len(windowChunk{}) {
		if len(w.spare) <= len(w.chunks)/8 {
			w.spare = append(w.spare, w.chunks[0])
		}
		w.chunks, w.head = slices.Delete(w.chunks, 0, 1), 0
	}
}

// home returns where the search for a tag begins.
func (w *Window) home(tag uint32) int {
	return int(uint64(tag) * uint64(len(w.index)) >> 32)
}

// after returns the place that follows another one.
func (w *Window) after(at int) int {
	if at++; at < len(w.index) {
		return at
	}
	return 0
}

// find returns where a fingerprint is in the index, or where it belongs.
func (w *Window) find(print Fingerprint) int {
	tag := uint32(print.a >> 32)
	at := w.home(tag)
	for p := w.index[at]; p != 0 && (p.tag() != tag || w.entry(p.number()).print != print); p = w.index[at] {
		at = w.after(at)
	}
	return at
}

// free empties a place of the index and moves up what was displaced behind it.
func (w *Window) free(at int) {
	for next := w.after(at); w.index[next] != 0; next = w.after(next) {
		if w.distance(w.home(w.index[next].tag()), next) >= w.distance(at, next) {
			w.index[at] = w.index[next]
			at = next
		}
	}
	w.index[at] = 0
}

// distance returns how many places it is from one to another, around the end.
func (w *Window) distance(from, to int) int {
	if to < from {
		to += len(w.index)
	}
	return to - from
}

func (w *Window) reindex(size int) {
	if size == len(w.index) {
		clear(w.index)
	} else {
		w.index = make([]place, size)
	}
	for i := range uint32(w.count) {
		print := w.entry(w.first + i).print
		w.index[w.find(print)] = placeOf(print, w.first+i)
	}
}

// renumber starts the numbers over, long before they run out.
func (w *Window) renumber() {
	w.first = 0
	w.reindex(len(w.index))
}
