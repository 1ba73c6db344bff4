package cases

import (
	"cmp"
	"slices"
)

// expectation is a record that a topic must get.
type expectation struct {
	index int // in the file's list
	value value
}

// pairs are expected records with those that were written: got is -1 for one that was
// not, and want for one that nothing expects.
type pair struct {
	want, got int
	fields    []Field
	same      bool // as expected, in its place
}

// maxTries bounds the search for an assignment; records that many expectations fit could
// be tried in many ways.
const maxTries = 100_000

// pair assigns the records of a topic to those that are expected of it: in order for the
// records of each key. If that is impossible, the rest is assigned by similarity.
func (m matcher) pair(want []expectation, got []*Record) []pair {
	s := &search{m: m, want: want, got: got, lanes: lanes(got), tries: maxTries, cells: map[[2]int]pair{}}
	s.next = make([]int, len(s.lanes))
	if len(want) == len(got) && s.assign(0) {
		return s.found
	}
	return s.nearest()
}

// lanes returns the indexes of each key's records.
func lanes(got []*Record) [][]int {
	var all [][]int
	of := map[string]int{}
	for i, r := range got {
		key := "n"
		if r.Key != nil {
			key = "k" + string(r.Key)
		}
		lane, ok := of[key]
		if !ok {
			lane = len(all)
			of[key] = lane
			all = append(all, nil)
		}
		all[lane] = append(all[lane], i)
	}
	return all
}

type search struct {
	m     matcher
	want  []expectation
	got   []*Record
	lanes [][]int
	next  []int // of each lane
	found []pair
	tries int
	cells map[[2]int]pair
}

func (s *search) compare(want, got int) pair {
	at := [2]int{want, got}
	p, ok := s.cells[at]
	if !ok {
		p = pair{want: want, got: got}
		p.fields, p.same = s.m.compare(&s.want[want].value, s.got[got])
		s.cells[at] = p
	}
	return p
}

// assign assigns the expectations from want on to the first records of lanes.
func (s *search) assign(want int) bool {
	if want == len(s.want) {
		return true
	}
	for _, lane := range s.heads() {
		if s.tries--; s.tries < 0 {
			return false
		}
		p := s.compare(want, s.lanes[lane][s.next[lane]])
		if !p.same {
			continue
		}
		s.next[lane]++
		s.found = append(s.found, p)
		if s.assign(want + 1) {
			return true
		}
		s.found = s.found[:len(s.found)-1]
		s.next[lane]--
	}
	return false
}

// heads returns the lanes that have records left, that of the earliest record first.
func (s *search) heads() (open []int) {
	for lane := range s.lanes {
		if s.next[lane] < len(s.lanes[lane]) {
			open = append(open, lane)
		}
	}
	slices.SortFunc(open, func(a, b int) int { return cmp.Compare(s.lanes[a][s.next[a]], s.lanes[b][s.next[b]]) })
	return open
}

// nearest assigns as many equal records as their order allows, then the most similar
// ones, and lists the others as missing and unexpected.
func (s *search) nearest() []pair {
	clear(s.next)
	done, used := make([]bool, len(s.want)), make([]bool, len(s.got))
	var pairs []pair
	take := func(p pair) {
		done[p.want], used[p.got] = true, true
		pairs = append(pairs, p)
	}
	for w := range s.want {
		for _, lane := range s.heads() {
			if p, next, ok := s.ahead(w, lane); ok {
				s.next[lane] = next
				take(p)
				break
			}
		}
	}
	for w := range s.want {
		best, most := -1, 0
		for g := range s.got {
			if n := alike(s.compare(w, g)); !done[w] && !used[g] && n > most {
				best, most = g, n
			}
		}
		if best >= 0 {
			p := s.compare(w, best)
			p.same = false // one that is equal here is out of order
			take(p)
		}
	}
	for w := range s.want {
		if !done[w] {
			pairs = append(pairs, pair{want: w, got: -1})
		}
	}
	for g := range s.got {
		if !used[g] {
			pairs = append(pairs, pair{want: -1, got: g})
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return cmp.Compare(uint(a.want), uint(b.want)) })
	return pairs
}

// ahead finds the first record of a lane that an expectation fits.
func (s *search) ahead(want, lane int) (p pair, next int, ok bool) {
	for i := s.next[lane]; i < len(s.lanes[lane]); i++ {
		if p = s.compare(want, s.lanes[lane][i]); p.same {
			return p, i + 1, true
		}
	}
	return p, 0, false
}

// alike returns how similar a record is to what is expected; 0: not at all. A key is
// worth more than a field.
func alike(p pair) (n int) {
	for _, f := range p.fields {
		switch {
		case !f.Equal && f.Path == keyName:
			return 0
		case f.Equal && f.Path == keyName:
			n += len(p.fields)
		case f.Equal:
			n += 2
		case f.Got != "":
			n++ // at least it has the field
		}
	}
	return n
}
