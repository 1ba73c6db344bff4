package producer

import "slices"

// steps collects the pieces of a record. What is constant melts into what stands
// before it: into the bytes around it, or into each of the rows of a draw. A draw
// that follows another one melts into its rows, as long as there are few.
type steps struct {
	list    []step
	rows    [][]byte  // of the last step, which is a draw; nil: it is none
	picks   []*picker // what draws them: their draws are the digits of the row's number
	pending []byte
	arrays  []*array

	key   *node // the field that is the record's key as well; nil: none
	keyAt int   // where its text begins; 0: it varies, or there is none
}

// array is a list that has been added, and what a sum after it has it add up.
type array struct {
	at    int // its step
	list  *node
	elem  *steps
	num   numFunc // of an element; nil: nothing is to be added up
	known *tabled // the same, if it follows from draws
}

// maxTotals bounds the lists that can add something up.
const maxTotals = 16

// mostRows bounds the draws whose rows are laid out: with more of them, they
// would push each other out of the processor's cache.
const mostRows = 128

func (s *steps) raw(text string) {
	for i := range s.rows {
		s.rows[i] = append(s.rows[i], text...)
	}
	if s.rows == nil {
		s.pending = append(s.pending, text...)
	}
}

// add adds a step after the bytes that are pending.
func (s *steps) add(st step) {
	s.seal()
	for len(s.pending) > literalRoom {
		s.list = append(s.list, step{before: newLiteral(s.pending[:literalRoom])})
		s.pending = s.pending[literalRoom:]
	}
	st.before = newLiteral(s.pending)
	s.list, s.pending = append(s.list, st), nil
}

func (s *steps) value(v appendFunc) { s.add(step{short: short{kind: aValue}, value: v}) }

func (s *steps) piece(p piece) {
	switch {
	case p.short != nil:
		s.add(step{short: *p.short})
	case p.value != nil:
		s.value(p.value)
	default:
		s.raw(p.literal)
	}
}

// seal finishes a draw that was the last step.
func (s *steps) seal() {
	if s.rows == nil {
		return
	}
	s.list = append(s.list, rowStep(s.picks, s.rows))
	s.rows, s.picks = nil, nil
}

// rowStep writes one of some rows.
func rowStep(picks []*picker, rows [][]byte) step {
	if longest(rows) > literalRoom {
		return step{short: short{kind: aValue}, value: func(_ *worker, f *frame, dst []byte) []byte {
			at := int64(0)
			for _, p := range picks {
				at = at*int64(p.size) + p.row(f)
			}
			return append(dst, rows[at]...)
		}}
	}
	return step{short: short{kind: aRow}, draw: newDraw(picks, rows)}
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

// digit returns what pick k has drawn for a row.
func digit(picks []*picker, row, k int) int {
	for _, p := range picks[k+1:] {
		row /= int(p.size)
	}
	return row % int(picks[k].size)
}

// draw adds one of some rows.
func (s *steps) draw(pick *picker, rows [][]byte) {
	if s.rows != nil && s.melt(pick, rows) {
		return
	}
	s.seal()
	for _, row := range rows {
		s.rows = append(s.rows, slices.Concat(s.pending, row))
	}
	s.picks, s.pending = []*picker{pick}, nil
}

// melt adds a draw to the one before it.
func (s *steps) melt(pick *picker, rows [][]byte) bool {
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

// array adds a list's elements, which a sum after it may have it add up.
func (s *steps) array(list *node) {
	elem := &steps{}
	jsonInto(elem, list.elem)
	s.add(step{})
	s.arrays = append(s.arrays, &array{at: len(s.list) - 1, list: list, elem: elem})
}

// sum adds the sum of a list that has been written by then, so that it need not
// go through it once more; false if it has to.
func (s *steps) sum(n *node) bool {
	if n.sum == nil || n.sum.list.slot >= maxTotals {
		return false
	}
	for _, a := range s.arrays {
		if a.list == n.sum.list && a.num == nil {
			a.num, a.known = n.sum.num, n.sum.known
			s.piece(piece{short: &short{kind: aTotal, total: total{a.list.slot, n.sum.round, n.dec}}})
			return true
		}
	}
	return false
}

// step returns how the list is written: by rows, if each element is one of some and
// what is to be added up follows from which, else element by element.
func (a *array) step() step {
	elem, list := a.elem, a.list
	byRow := len(elem.list) == 0 && elem.rows != nil && longest(elem.rows) < literalRoom
	if !byRow || a.num != nil && !a.known.follows(elem.picks) {
		return step{short: short{kind: aValue}, value: repeat(list, elem.function(), ',', a.num)}
	}
	elem.raw(",")
	out := &rowList{draw: newDraw(elem.picks, elem.rows), key: list.key, length: list.length, most: -1, slot: min(list.slot, maxTotals)}
	if list.evenly != nil {
		out.length, out.of, out.most = nil, *list.evenly, int(list.evenly.low)+int(list.evenly.size)-1
	}
	for i := range out.rows {
		if a.num != nil {
			out.rows[i].tally = a.known.num(func(p *picker) int { return digit(elem.picks, i, slices.Index(elem.picks, p)) })
		}
	}
	return step{short: short{kind: aList}, list: out}
}

// beginKey notes where the key's text begins, if it is this node's and stands at
// the same place in each record.
func (s *steps) beginKey(n *node) bool {
	if n != s.key || len(s.list) > 0 || s.rows != nil {
		return false
	}
	s.keyAt = len(s.pending)
	return true
}

// endKey has the last step note where the key's text ends.
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
		st := a.step()
		st.before, st.ends = s.list[a.at].before, s.list[a.at].ends
		s.list[a.at] = st
	}
	return &program{s.list, s.keyAt}
}

// function returns the pieces as a function.
func (s *steps) function() appendFunc { return s.done().function() }
