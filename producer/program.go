package producer

import "slices"

// literalRoom is how long bytes that are always the same may be in one piece.
const literalRoom = 128

// stepRoom is how many bytes a step may write to before it looks for room again.
const stepRoom = literalRoom + digitsRoom

// withRoom is dst with room for n more bytes.
func withRoom(dst []byte, n int) []byte {
	if cap(dst)-len(dst) < n {
		return slices.Grow(dst, n)
	}
	return dst
}

// literal is bytes that are always the same, at most literalRoom. Most of a record
// is such pieces, so they are written without a call and in whole words: what is
// beyond the end is for the next piece to write over.
type literal struct {
	size   int
	first  [32]byte
	second [32]byte
	third  [64]byte
}

func newLiteral(text []byte) (l literal) {
	l.size = len(text)
	text = text[copy(l.first[:], text):]
	text = text[copy(l.second[:], text):]
	copy(l.third[:], text)
	return l
}

func (l *literal) put(room *[stepRoom]byte) {
	*(*[32]byte)(room[:]) = l.first
	if l.size > 32 {
		l.putRest(room)
	}
}

func (l *literal) putRest(room *[stepRoom]byte) {
	*(*[32]byte)(room[32:]) = l.second
	if l.size > 64 {
		*(*[64]byte)(room[64:]) = l.third
	}
}

// row is one of the rows of a draw, and what it adds to the tally of its list.
type row struct {
	tally int64
	literal
}

// draw is some picks and the rows that they draw from: the row's number has what
// the picks draw for its digits.
type draw struct {
	picks []picker
	rows  []row
}

func (d *draw) row(h uint64) *row {
	at := uint64(0)
	for i := range d.picks {
		p := &d.picks[i]
		at = at*p.size + uint64(p.of(h))
	}
	return &d.rows[at]
}

// What stands in a step after its literal.
type stepKind uint8

const (
	nothing   stepKind = iota
	aValue             // what a function writes
	aRow               // a row of a draw
	aList              // a list of such rows
	theNumber          // the record's, counted from some number
	theTime            // the record's, epoch ms
	anInt              // of a range, each as likely
	aTotal             // what a list has added up
)

// step is a piece of an encoded record: bytes that are always there, then
// something that a function writes, or that the step can write itself.
type step struct {
	short
	ends   bool // the record's key ends here
	before literal

	value appendFunc
	draw  draw
	list  *rowList
}

// short is what a step writes; all of it, where that is a number.
type short struct {
	kind    stepKind
	uniform       // anInt; theNumber: from low on
	total   total // aTotal
}

// total is the tally of a list as a number.
type total struct {
	slot  int
	round func(int64) int64 // nil: it is in the right unit
	dec   int
}

func (t *total) put(w *worker, to *[digitsRoom]byte) int {
	v := w.totals[t.slot]
	if t.round != nil {
		v = t.round(v)
	}
	return putDecimal(to, v, t.dec)
}

// program is the steps of a value.
type program struct {
	steps []step
	keyAt int // where the text stands in it that is the record's key as well; 0: unknown
}

// function runs the program for one record.
func (p *program) function() appendFunc {
	steps := p.steps
	if len(steps) == 1 && steps[0].value != nil && steps[0].before.size == 0 && !steps[0].ends {
		return steps[0].value
	}
	return func(w *worker, f *frame, dst []byte) []byte {
		for i := range steps {
			s := &steps[i]
			n := len(dst)
			if cap(dst)-n < stepRoom {
				dst = slices.Grow(dst, stepRoom)
			}
			room := (*[stepRoom]byte)(dst[n : n+stepRoom])
			s.before.put(room)
			size := s.before.size
			to := (*[digitsRoom]byte)(room[size:])
			switch s.kind {
			case nothing:
				dst = dst[:n+size]
			case aValue:
				dst = s.value(w, f, dst[:n+size])
			case aRow:
				row := s.draw.row(f.h)
				row.put(room)
				dst = dst[:n+row.size]
			case aList:
				dst = s.list.append(w, f, dst[:n+size])
			case theNumber:
				dst = dst[:n+size+w.number.put(to, s.low+f.n)]
			case theTime:
				dst = dst[:n+size+w.epoch.put(to, f.at)]
			case anInt:
				dst = dst[:n+size+putInt(to, s.uniform.draw(f.h))]
			case aTotal:
				dst = dst[:n+size+s.total.put(w, to)]
			}
			if s.ends {
				w.keyEnd = len(dst)
			}
		}
		return dst
	}
}

// rowList is a list whose elements are rows of a draw, a comma after each.
type rowList struct {
	draw
	key    uint64
	length numFunc // nil: of is
	of     uniform
	most   int // how many there are at most; -1: any number
	slot   int // of the tally
}

func (l *rowList) append(w *worker, f *frame, dst []byte) []byte {
	count := int64(0)
	if l.length != nil {
		count = l.length(w, f)
	} else {
		count = l.of.draw(f.h)
	}
	h, tally := f.h+l.key, int64(0)
	for range count {
		h += golden
		row := l.row(mix(h))
		n := len(dst)
		if cap(dst)-n < stepRoom {
			dst = slices.Grow(dst, stepRoom)
		}
		row.put((*[stepRoom]byte)(dst[n : n+stepRoom]))
		dst = dst[:n+row.size]
		tally += row.tally
	}
	w.totals[l.slot] = tally
	if count > 0 {
		dst = dst[:len(dst)-1]
	}
	return dst
}
