package producer

import "slices"

// literal is bytes that are always the same. Most of a record is such pieces, so
// up to 64 bytes are written without a call: whole, with what is beyond the end
// left to the next piece to write over.
type literal struct {
	text       []byte
	head, tail [32]byte // of text
}

func newLiteral(text []byte) literal {
	l := literal{text: text}
	copy(l.tail[:], text[copy(l.head[:], text):])
	return l
}

func (l *literal) append(dst []byte) []byte {
	n, size := len(dst), len(l.text)
	if size > 64 || cap(dst)-n < 64 {
		return append(dst, l.text...)
	}
	room := (*[64]byte)(dst[n : n+64])
	*(*[32]byte)(room[:32]) = l.head
	if size > 32 {
		*(*[32]byte)(room[32:]) = l.tail
	}
	return dst[:n+size]
}

// step is a piece of an encoded record: bytes that are always there, then a
// value; or one of some rows of bytes that are known beforehand.
type step struct {
	before literal
	value  appendFunc

	rows  []literal // nil: before and value
	picks []*picker // what draws the row: the number that their draws are the digits of
}

// row draws the row.
func (st *step) row(f *frame) uint64 {
	at := uint64(0)
	for _, p := range st.picks {
		at = at*p.size + uint64(p.row(f))
	}
	return at
}

// digit is what pick k has drawn for the row.
func (st *step) digit(row, k int) int {
	for _, p := range st.picks[k+1:] {
		row /= int(p.size)
	}
	return row % int(st.picks[k].size)
}

// steps collects the pieces of a record. What is constant melts into what stands
// before it: into the bytes around it, or into each of the rows of a draw. A draw
// that follows another one melts into its rows, as long as there are few.
type steps struct {
	list    []step
	rows    [][]byte // of the last step, which is a draw; nil: it is none
	pending []byte
	tallies map[*node]*tally // of the lists written so far
}

// tally is a number to add up over a list while it is written.
type tally struct {
	num numFunc // of an element; nil: none
}

// maxTotals bounds the lists that have a tally.
const maxTotals = 16

// listed is a list's elements, which a sum after it may have added up.
func (s *steps) listed(n *node, elem appendFunc) appendFunc {
	t := &tally{}
	if n.slot < maxTotals {
		if s.tallies == nil {
			s.tallies = map[*node]*tally{}
		}
		s.tallies[n] = t
	}
	return repeat(n, elem, ',', t)
}

// quicker is a plain value's JSON. The sum of a list that has just been written
// does not go through it once more.
func (s *steps) quicker(n *node) appendFunc {
	if n.sum == nil {
		return n.json
	}
	t := s.tallies[n.sum.list]
	if t == nil || t.num != nil {
		return n.json
	}
	t.num = n.sum.num
	slot, round, dec := n.sum.list.slot, n.sum.round, n.dec
	if round == nil {
		return func(w *worker, _ *frame, dst []byte) []byte { return appendDecimal(dst, w.totals[slot], dec) }
	}
	return func(w *worker, _ *frame, dst []byte) []byte { return appendDecimal(dst, round(w.totals[slot]), dec) }
}

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

// seal finishes a draw that was the last step.
func (s *steps) seal() {
	if s.rows == nil {
		return
	}
	last := &s.list[len(s.list)-1]
	for _, row := range s.rows {
		last.rows = append(last.rows, newLiteral(row))
	}
	s.rows = nil
}

func (s *steps) value(v appendFunc) {
	s.seal()
	s.list = append(s.list, step{before: newLiteral(s.pending), value: v})
	s.pending = nil
}

// draw adds one of some rows.
func (s *steps) draw(pick *picker, rows [][]byte) {
	if s.rows != nil && s.melt(pick, rows) {
		return
	}
	s.seal()
	s.list = append(s.list, step{picks: []*picker{pick}})
	for _, row := range rows {
		s.rows = append(s.rows, slices.Concat(s.pending, row))
	}
	s.pending = nil
}

// melt adds a draw to the one before it.
func (s *steps) melt(pick *picker, rows [][]byte) bool {
	last := &s.list[len(s.list)-1]
	if k := slices.Index(last.picks, pick); k >= 0 { // another field of the same row
		for i := range s.rows {
			s.rows[i] = append(s.rows[i], rows[last.digit(i, k)]...)
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
	s.rows, last.picks = both, append(last.picks, pick)
	return true
}

func (s *steps) piece(p piece) {
	if p.value == nil {
		s.raw(p.literal)
		return
	}
	s.value(p.value)
}

func (s *steps) done() appendFunc {
	s.seal()
	list, after := s.list, newLiteral(s.pending)
	if len(list) == 1 && list[0].value != nil && len(after.text) == 0 {
		before, value := &list[0].before, list[0].value
		if len(before.text) == 0 {
			return value
		}
		return func(w *worker, f *frame, dst []byte) []byte { return value(w, f, before.append(dst)) }
	}
	return func(w *worker, f *frame, dst []byte) []byte {
		for i := range list {
			st := &list[i]
			if st.rows != nil {
				dst = st.rows[st.row(f)].append(dst)
				continue
			}
			dst = st.value(w, f, st.before.append(dst))
		}
		return after.append(dst)
	}
}
