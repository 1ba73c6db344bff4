package producer

import (
	"encoding/binary"
	"slices"
)

// steps collects the pieces of a record. A constant is merged with the piece before it:
// with the bytes around it, or with each row of a draw. A draw after another draw is
// merged with its rows, as long as these are few.
type steps struct {
	list    []step
	rows    [][]byte  // of the last step, if it is a draw; otherwise nil
	picks   []*picker // what draws them: their draws are the digits of the row's number
	pending []byte
	arrays  []*array

	key   *node // the field that is also the record's key; nil: no such field
	keyAt int   // where its text begins; 0: not known

	open    int     // how many lengths have been begun, see beginSized
	opening opening // the last of them, if its step has not been added yet
}

// array is a list that has been added, and what a later sum adds up over it.
type array struct {
	at    int // its step
	list  *node
	elem  *steps
	num   numFunc      // of an element; nil: no sum
	known *drawnNumber // the same, if it follows from draws alone; otherwise nil
	form  listForm
}

// listForm is what is written of a list besides its elements.
type listForm uint8

const (
	listCommas  listForm = iota // a comma between them
	listCounted                 // their number before them, unless it is 0, as in Avro
	listBare                    // nothing
)

// maxTotals bounds the number of lists with a tally.
const maxTotals = 16

// mostRows bounds the rows of a draw that are merged with their neighbours: more would
// evict each other from the processor's cache.
const mostRows = 128

func (s *steps) raw(text string) {
	for i := range s.rows {
		s.rows[i] = append(s.rows[i], text...)
	}
	if s.rows == nil {
		s.pending = append(s.pending, text...)
	}
}

// add adds a step after the pending bytes.
func (s *steps) add(st step) {
	s.seal()
	for len(s.pending) > literalRoom {
		s.append(step{before: newLiteral(s.pending[:literalRoom])})
		s.pending = s.pending[literalRoom:]
	}
	st.before = newLiteral(s.pending)
	s.append(st)
	s.pending = nil
}

func (s *steps) append(st step) {
	st.opens, st.slot = s.opening.offset, s.opening.slot
	s.list, s.opening = append(s.list, st), opening{}
}

func (s *steps) value(v appendFunc) { s.add(step{inline: inline{kind: stepValue}, value: v}) }

func (s *steps) piece(p piece) {
	switch {
	case p.inline != nil:
		s.add(step{inline: *p.inline})
	case p.value != nil:
		s.value(p.value)
	default:
		s.raw(p.literal)
	}
}

// seal completes the last step, if it is a draw.
func (s *steps) seal() {
	if s.rows == nil {
		return
	}
	s.append(rowStep(s.picks, s.rows))
	s.rows, s.picks = nil, nil
}

// rowStep returns a step that writes the row that picks draw.
func rowStep(picks []*picker, rows [][]byte) step {
	if longest(rows) > literalRoom {
		return step{inline: inline{kind: stepValue}, value: func(_ *worker, f *frame, dst []byte) []byte {
			at := int64(0)
			for _, p := range picks {
				at = at*int64(p.size) + p.row(f.h)
			}
			return append(dst, rows[at]...)
		}}
	}
	return step{inline: inline{kind: stepRow}, draw: newDraw(picks, rows)}
}

func longest(rows [][]byte) (size int) {
	for _, row := range rows {
		size = max(size, len(row))
	}
	return size
}

func newDraw(picks []*picker, rows [][]byte) (d draw) {
	for _, p := range picks {
		d.picks = append(d.picks, *p)
	}
	for _, text := range rows {
		d.rows = append(d.rows, row{literal: newLiteral(text)})
	}
	return d
}

// digit returns what the k-th pick drew for a row.
func digit(picks []*picker, row, k int) int {
	for _, p := range picks[k+1:] {
		row /= int(p.size)
	}
	return row % int(picks[k].size)
}

// draw adds the row that pick draws.
func (s *steps) draw(pick *picker, rows [][]byte) {
	if s.rows != nil && s.merge(pick, rows) {
		return
	}
	s.seal()
	for _, row := range rows {
		s.rows = append(s.rows, slices.Concat(s.pending, row))
	}
	s.picks, s.pending = []*picker{pick}, nil
}

// drawAll adds the rows that several picks draw.
func (s *steps) drawAll(picks []*picker, rows [][]byte) {
	s.seal()
	for _, row := range rows {
		s.rows = append(s.rows, slices.Concat(s.pending, row))
	}
	s.picks, s.pending = picks, nil
}

// merge merges a draw with the one before it; false if there would be too many rows.
func (s *steps) merge(pick *picker, rows [][]byte) bool {
	if k := slices.Index(s.picks, pick); k >= 0 { // another field of the same row
		for i := range s.rows {
			s.rows[i] = append(s.rows[i], rows[digit(s.picks, i, k)]...)
		}
		return true
	}
	if len(s.rows)*len(rows) > mostRows {
		return false
	}
	var both [][]byte
	for _, first := range s.rows {
		for _, then := range rows {
			both = append(both, slices.Concat(first, then))
		}
	}
	s.rows, s.picks = both, append(s.picks, pick)
	return true
}

// array adds a list's elements, over which a later sum may add up a number. into adds
// those of an element.
func (s *steps) array(list *node, form listForm, into func(s *steps, elem *node)) {
	elem := &steps{}
	into(elem, list.elem)
	s.add(step{})
	s.arrays = append(s.arrays, &array{at: len(s.list) - 1, list: list, elem: elem, form: form})
}

// sum adds the sum over a list that has already been added, which tallies it while it is
// written; false if the sum must be computed on its own.
func (s *steps) sum(n *node) bool {
	t, ok := s.tally(n)
	if ok {
		s.piece(piece{inline: &inline{kind: stepTotal, total: t}})
	}
	return ok
}

// tally returns the tally that a sum is, of a list that has already been added; false if
// there is no such tally.
func (s *steps) tally(n *node) (t total, ok bool) {
	if n.sum == nil || n.sum.list.slot >= maxTotals {
		return t, false
	}
	for _, a := range s.arrays {
		if a.list == n.sum.list && a.num == nil {
			a.num, a.known = n.sum.num, n.sum.known
			return total{a.list.slot, n.sum.round, n.dec}, true
		}
	}
	return t, false
}

// step returns the list's step: by row, if each element is a row of a draw and
// determines what is added up, otherwise element by element.
func (a *array) step() step {
	elem, list := a.elem, a.list
	byRow := len(elem.list) == 0 && elem.rows != nil && longest(elem.rows) < literalRoom
	if !byRow || a.num != nil && !a.known.follows(elem.picks) {
		return step{inline: inline{kind: stepValue}, value: a.repeat()}
	}
	if a.form == listCommas {
		elem.raw(",")
	}
	out := &rowList{form: a.form, draw: newDraw(elem.picks, elem.rows), key: list.key, length: list.length, most: -1, slot: min(list.slot, maxTotals)}
	if list.lengths != nil {
		out.length, out.lengths, out.most = nil, *list.lengths, int(list.lengths.low)+int(list.lengths.size)-1
	}
	if a.num != nil {
		for i := range out.rows {
			out.rows[i].tally = a.known.num(func(p *picker) int { return digit(elem.picks, i, slices.Index(elem.picks, p)) })
		}
	}
	return step{inline: inline{kind: stepList}, list: out}
}

// repeat returns the function that writes the list element by element.
func (a *array) repeat() appendFunc {
	separator := byte(0)
	if a.form == listCommas {
		separator = ','
	}
	elements := repeat(a.list, a.elem.function(), separator, a.num)
	if a.form != listCounted {
		return elements
	}
	length := a.list.length
	return func(w *worker, f *frame, dst []byte) []byte {
		if n := length(w, f); n > 0 {
			dst = binary.AppendVarint(dst, n)
		}
		return elements(w, f, dst)
	}
}

// beginKey records where the key's text begins, if it is this node's and begins at the
// same place in each record.
func (s *steps) beginKey(n *node) bool {
	if n != s.key || len(s.list) > 0 || s.rows != nil {
		return false
	}
	s.keyAt = len(s.pending)
	return true
}

// endKey makes the last step record where the key's text ends.
func (s *steps) endKey() {
	if len(s.pending) > 0 || len(s.list) == 0 {
		s.add(step{})
	}
	s.list[len(s.list)-1].ends = true
}

func (s *steps) done() *program {
	if s.seal(); len(s.pending) > 0 {
		s.add(step{})
	}
	for _, a := range s.arrays {
		st, at := a.step(), &s.list[a.at]
		at.inline, at.value, at.list = st.inline, st.value, st.list
	}
	for i := range s.list {
		st := &s.list[i]
		st.marked = st.ends || st.opens > 0 || st.closes.slot > 0
	}
	return &program{s.list, s.keyAt}
}

// function returns the pieces as a function.
func (s *steps) function() appendFunc { return s.done().function() }
