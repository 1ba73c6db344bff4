package producer

// frame is what a field's value depends on: a record, an element of a list in it, or
// a row that it refers to.
type frame struct {
	h  uint64 // the random key
	n  int64  // the record's number, from 0
	at int64  // event time, epoch ms
	up *frame // the record or element that contains an element
	of *whole

	own  whole  // of a record's frame
	base *frame // of a frame of a fresh value: the record's or element's own
}

// set makes the frame another record's, element's or row's.
func (f *frame) set(h uint64, n, at int64, up *frame, of *whole) {
	f.h, f.n, f.at, f.up, f.of = h, n, at, up, of
}

// whole is what a record and its elements share.
type whole struct {
	cause    *frame // the record that caused this one; nil: none did
	origin   int    // the place of its cause, see origins
	depth    int    // how many times a cycle's records have caused each other
	earlier  uint64 // the random key of the record whose key this one has
	earlierN int64
	fresh    uint64 // the random key of this state of the entity
	state    int
	step     int
	lost     bool   // refs to keys are broken: the fault unknown_ref
	last     []kept // what earlier records have kept
}

// worker is the mutable state of rendering. Each goroutine has its own.
type worker struct {
	frames  []*frame
	depth   int
	scratch []byte
	texts   [][]byte // free buffers, see takeText
	clock   clockText
	epoch   thousands
	number  thousands
	block   block
	bigs    bigs                 // free numbers of expressions
	nothing whole                // of a row: no cause, no state and no fault
	totals  [maxTotals + 1]int64 // of lists, see steps.sum; the last is of lists without a total
	keyEnd  int                  // where the key's text in the value ends, see encoder
	opened  [mostSized]int       // where what has a length begins, see beginSized
	unfit   error                // of the record's first value that does not fit its schema
}

// takeText returns an empty buffer, to be returned with giveText.
func (w *worker) takeText() []byte {
	if len(w.texts) == 0 {
		return make([]byte, 0, 256)
	}
	last := len(w.texts) - 1
	buf := w.texts[last]
	w.texts = w.texts[:last]
	return buf[:0]
}

func (w *worker) giveText(buf []byte) { w.texts = append(w.texts, buf) }

// push returns a frame to set, with the fields of its last use.
func (w *worker) push() *frame {
	if w.depth == len(w.frames) {
		w.frames = append(w.frames, new(frame))
	}
	f := w.frames[w.depth]
	w.depth++
	return f
}

func (w *worker) pop() { w.depth-- }

// other pushes the frame f with another random key and number.
func (w *worker) other(f *frame, h uint64, n int64) *frame {
	e := w.push()
	e.set(h, n, f.at, f.up, f.of)
	return e
}

// The compiled forms of a generator.
type (
	appendFunc func(w *worker, f *frame, dst []byte) []byte
	numFunc    func(w *worker, f *frame) int64
	testFunc   func(w *worker, f *frame) bool
)

func zero(*worker, *frame) int64 { return 0 }

func never(*worker, *frame) bool { return false }
