package producer

// literal is bytes that are always the same.
type literal struct {
	text  []byte
	head  [shortLiteral]byte // of text, if it is short
	short bool
}

// shortLiteral is how many bytes two stores of the widest registers write that
// the compiler uses. Most of a record is pieces no longer than that.
const shortLiteral = 32

func newLiteral(text []byte) literal {
	l := literal{text: text, short: len(text) <= shortLiteral}
	copy(l.head[:], text)
	return l
}

// append writes the literal. A short one is stored whole, which takes no call,
// and what is beyond its end is written over by the next piece.
func (l *literal) append(dst []byte) []byte {
	n := len(dst)
	if l.short && cap(dst)-n >= shortLiteral {
		*(*[shortLiteral]byte)(dst[n : n+shortLiteral]) = l.head
		return dst[:n+len(l.text)]
	}
	return append(dst, l.text...)
}

// step is a piece of an encoded record: bytes that are always there, then a
// value; or one of some rows of bytes that are known beforehand.
type step struct {
	before literal
	value  appendFunc

	rows []literal // nil: before and value
	pick picker
}

// steps collects the pieces of a record. What is constant melts into what stands
// before it: into the bytes around it, or into each of the rows of a draw.
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
	slot, round := n.sum.list.slot, n.sum.round
	return number(n.dec, func(w *worker, _ *frame) int64 { return round(w.totals[slot]) }).json
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
	s.seal()
	s.list = append(s.list, step{pick: *pick})
	for _, row := range rows {
		s.rows = append(s.rows, append(s.pending[:len(s.pending):len(s.pending)], row...))
	}
	s.pending = nil
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
			switch {
			case st.rows == nil:
				dst = st.value(w, f, st.before.append(dst))
			case st.pick.draw == nil: // as picker.row, which is too long to be inlined
				dst = st.rows[below(mix(f.h+st.pick.key), st.pick.size)].append(dst)
			default:
				dst = st.rows[st.pick.row(f)].append(dst)
			}
		}
		return after.append(dst)
	}
}
