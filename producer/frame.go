package producer

// frame is what a field's value depends on: one record, one element of a list
// in it, or one row that it refers to.
type frame struct {
	h  uint64 // the random key
	n  int64  // the record's number, from 0
	at int64  // event time, epoch ms
	up *frame // the record or element around an element
	of *whole

	own whole // of a record's frame
}

// set makes the frame that of another record, element or row.
func (f *frame) set(h uint64, n, at int64, up *frame, of *whole) {
	f.h, f.n, f.at, f.up, f.of = h, n, at, up, of
}

// whole is what the elements of a record have in common with it.
type whole struct {
	cause    *frame // the record that caused this one
	earlier  uint64 // the random key of the record whose key this one takes
	earlierN int64
	fresh    uint64 // the random key of this state of the entity
	state    int
	step     int
	lost     bool // refs to keys lead nowhere: the fault unknown_ref
}

// worker holds what rendering needs besides the plan. Each goroutine has its own.
type worker struct {
	frames  []*frame
	depth   int
	scratch []byte
	texts   [][]byte // free buffers, see takeText
	clock   clockText
	epoch   thousands
	number  thousands
	block   block
	nothing whole                // of a row: it has no cause, no state and no fault
	totals  [maxTotals + 1]int64 // of lists, see steps.sum; the last is of those that have none
	keyEnd  int                  // where the key's text ended that stands in the value, see encoder
}

// takeText gives an empty buffer until giveText.
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

// push gives a frame to set; its fields are those of its last use.
func (w *worker) push() *frame {
	if w.depth == len(w.frames) {
		w.frames = append(w.frames, new(frame))
	}
	f := w.frames[w.depth]
	w.depth++
	return f
}

func (w *worker) pop() { w.depth-- }

type (
	appendFunc func(w *worker, f *frame, dst []byte) []byte
	numFunc    func(w *worker, f *frame) int64
	testFunc   func(w *worker, f *frame) bool
)
