package postgres

// search finds the first row that the server refuses, by writing parts of a batch, each
// in a transaction of its own. Rows before it are committed then.
type search struct {
	rows int // not committed
	bad  int // the first so many have one that is refused; 0: not known
	at   int // which of them it may be, as the server says; -1: not known
}

func newSearch(rows int) search { return search{rows: rows, at: -1} }

// size returns how many rows to write next.
func (s *search) size() int {
	switch {
	case s.bad == 0:
		return s.rows
	case s.at > 0:
		return s.at
	case s.at == 0:
		return 1
	}
	return max(1, s.bad/2)
}

// committed takes n rows off.
func (s *search) committed(n int) {
	s.rows -= n
	s.bad = max(0, s.bad-n)
	s.at = max(-1, s.at-n)
}

// refused notes that one of the next n rows was refused, perhaps the one with the index at.
// It reports whether it is the only one.
func (s *search) refused(n, at int) bool {
	s.bad, s.at = n, -1
	if at >= 0 && at < n {
		s.at = at
	}
	return n == 1
}
