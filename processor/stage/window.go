package stage

import "hash/maphash"

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
// since the last Commit. It holds no pointers, and room for what the window
// plus one transaction holds.
type Window struct {
	span    int64 // offsets
	entries []seen
	head    int      // of the oldest entry in entries
	first   uint32   // number of the oldest entry; entries are numbered in order
	index   []uint32 // open addressing: entry number + 1, 0: free
	pending int      // entries since the last commit
}

// moveAfter is how many entries are forgotten before the others are moved up.
const moveAfter = 4096

type seen struct {
	print  Fingerprint
	offset int64
}

// NewWindow makes a window over so many offsets; 0 remembers nothing.
func NewWindow(span int64) *Window {
	return &Window{span: span, index: make([]uint32, 64)}
}

// Add enters the record at an offset and reports whether one at most span offsets
// before it had the same fingerprint.
func (w *Window) Add(print Fingerprint, offset int64) (duplicate bool) {
	if w.span == 0 {
		return false
	}
	if 2*(w.len()+1) > len(w.index) {
		w.reindex(2 * len(w.index))
	}
	at := w.find(print)
	if before := w.index[at]; before != 0 {
		duplicate = offset-w.entry(before-1).offset <= w.span
	}
	if len(w.entries) == cap(w.entries) {
		w.entries = append(make([]seen, 0, len(w.entries)+len(w.entries)/8+64), w.entries...)
	}
	w.entries = append(w.entries, seen{print, offset})
	w.index[at] = w.first + uint32(w.len())
	w.pending++
	return duplicate
}

// Commit keeps what was added and forgets what is out of reach from offset next.
func (w *Window) Commit(next int64) {
	w.pending = 0
	for w.len() > 0 && next-w.entries[w.head].offset > w.span {
		w.forget()
	}
	if w.head >= moveAfter {
		w.entries = append(w.entries[:0], w.entries[w.head:]...)
		w.head = 0
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
	w.entries = w.entries[:len(w.entries)-w.pending]
	w.pending = 0
	w.reindex(len(w.index))
}

func (w *Window) len() int { return len(w.entries) - w.head }

func (w *Window) entry(number uint32) *seen { return &w.entries[w.head+int(number-w.first)] }

// forget drops the oldest entry.
func (w *Window) forget() {
	at := w.find(w.entries[w.head].print)
	if w.index[at] == w.first+1 {
		w.free(at)
	}
	w.head++
	w.first++
}

// find returns where a fingerprint is in the index, or where it belongs.
func (w *Window) find(print Fingerprint) int {
	mask := len(w.index) - 1
	at := int(print.a) & mask
	for w.index[at] != 0 && w.entry(w.index[at]-1).print != print {
		at = (at + 1) & mask
	}
	return at
}

// free empties a place of the index and moves up what was displaced behind it.
func (w *Window) free(at int) {
	mask := len(w.index) - 1
	for next := at; ; {
		next = (next + 1) & mask
		if w.index[next] == 0 {
			break
		}
		home := int(w.entry(w.index[next]-1).print.a) & mask
		if (next-home)&mask >= (next-at)&mask {
			w.index[at] = w.index[next]
			at = next
		}
	}
	w.index[at] = 0
}

func (w *Window) reindex(size int) {
	if size == len(w.index) {
		clear(w.index)
	} else {
		w.index = make([]uint32, size)
	}
	for i := range w.entries[w.head:] {
		w.index[w.find(w.entries[w.head+i].print)] = w.first + uint32(i) + 1
	}
}

// renumber starts the numbers over, long before they run out.
func (w *Window) renumber() {
	w.first = 0
	w.reindex(len(w.index))
}
