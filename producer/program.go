package producer

import (
	"encoding/binary"
	"slices"
)

// literalRoom is the largest size of a literal, in bytes.
const literalRoom = 128

// stepRoom is the number of bytes that a step may write to without a check.
const stepRoom = literalRoom + digitsRoom

// withRoom returns dst with room for n more bytes.
func withRoom(dst []byte, n int) []byte {
	if cap(dst)-len(dst) < n {
		return slices.Grow(dst, n)
	}
	return dst
}

// literal is up to literalRoom constant bytes. Most of a record is literals, so they
// are written without a call and in whole words; the next piece overwrites what is
// beyond the end.
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

// row is a row of a draw, and what it adds to the tally of its list.
type row struct {
	tally int64
	literal
}

// draw is pickers and the rows that they draw from: the draws of the pickers are the
// digits of the row's number.
type draw struct {
	picks []picker
	rows  []row
}

func (d *draw) row(h uint64) *row {
	at := uint64(0)
	for i := range d.picks {
		p := &d.picks[i]
		at = at*p.size + uint64(p.row(h))
	}
	return &d.rows[at]
}

// stepKind is what follows a step's literal.
type stepKind uint8

const (
	stepLiteral stepKind = iota // nothing
	stepValue                   // what a function writes
	stepRow                     // a row of a draw
	stepList                    // a list of such rows
	stepNumber                  // the record's number, plus a constant
	stepTime                    // the record's time, epoch ms
	stepInt                     // of a range, all equally likely
	stepTotal                   // the tally of a list
	// The same numbers in a binary form.
	stepBinaryNumber
	stepBinaryTime
	stepBinaryInt
	stepBinaryTotal
)

// step is a piece of an encoded record: a literal, then a value that a function writes,
// or that the step can write without a call.
type step struct {
	inline
	marked bool  // some of the following are set
	ends   bool  // the record's key ends here
	opens  uint8 // where in before what has a length begins, if not 0; the length is the byte before it
	closes sized // that it ends here
	slot   uint8 // of the one that opens
	before literal

	value appendFunc
	draw  draw
	list  *rowList
}

// inline says what a step writes; for a number, it is all that the step needs.
type inline struct {
	kind    stepKind
	uniform       // of stepInt; of stepNumber: low is added
	total   total // of stepTotal
	binary  *form // of a number in a binary form
}

// total is the tally of a list as a number.
type total struct {
	slot  int
	round func(int64) int64 // nil: it is in the right unit
	dec   int
}

func (t *total) put(w *worker, to *[digitsRoom]byte) int {
	return putDecimal(to, t.value(w), t.dec)
}

func (t *total) value(w *worker) int64 {
	v := w.totals[t.slot]
	if t.round != nil {
		v = t.round(v)
	}
	return v
}

// program is the steps of a value.
type program struct {
	steps []step
	keyAt int // where the text begins that is also the record's key; 0: not known
}

// function runs the program for one record.
func (p *program) function() appendFunc {
	steps := p.steps
	if len(steps) == 1 && steps[0].value != nil && steps[0].before.size == 0 && !steps[0].marked {
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
			case stepLiteral:
				dst = dst[:n+size]
			case stepValue:
				dst = s.value(w, f, dst[:n+size])
			case stepRow:
				row := s.draw.row(f.h)
				row.put(room)
				dst = dst[:n+row.size]
			case stepList:
				dst = s.list.append(w, f, dst[:n+size])
			case stepNumber:
				dst = dst[:n+size+w.number.put(to, s.low+f.n)]
			case stepTime:
				dst = dst[:n+size+w.epoch.put(to, f.at)]
			case stepInt:
				dst = dst[:n+size+putInt(to, s.uniform.draw(f.h))]
			case stepTotal:
				dst = dst[:n+size+s.total.put(w, to)]
			case stepBinaryNumber:
				dst = dst[:n+size+s.binary.put(to, s.low+f.n)]
			case stepBinaryTime:
				dst = dst[:n+size+s.binary.put(to, f.at)]
			case stepBinaryInt:
				dst = dst[:n+size+s.binary.put(to, s.uniform.draw(f.h))]
			case stepBinaryTotal:
				dst = dst[:n+size+s.binary.put(to, s.total.value(w))]
			}
			if s.marked {
				s.mark(w, dst, n)
			}
		}
		return dst
	}
}

// rowList is a list whose elements are rows of a draw, with listCommas each with a comma.
type rowList struct {
	draw
	form    listForm
	key     uint64
	length  numFunc // nil: lengths is used
	lengths uniform
	most    int // the largest length; -1: unlimited
	slot    int // of the tally
}

func (l *rowList) append(w *worker, f *frame, dst []byte) []byte {
	count := int64(0)
	if l.length != nil {
		count = l.length(w, f)
	} else {
		count = l.lengths.draw(f.h)
	}
	if l.form == listCounted && count > 0 {
		dst = binary.AppendVarint(dst, count)
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
	if count > 0 && l.form == listCommas {
		dst = dst[:len(dst)-1]
	}
	return dst
}
