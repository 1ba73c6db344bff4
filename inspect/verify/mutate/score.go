package mutate

import (
	"cmp"
	"runtime"
	"slices"
	"sync"

	"inv/inspect/verify"
)

// Score is how many mutations of a history were found.
type Score struct {
	Enumerated int
	Caught     int            // the audit says that an invariant is violated
	Undecided  int            // it says that it can't tell
	OutOfReach map[string]int // by the name of the [Limit], those that it did not find
	Survivors  []*Mutation    // those that it did not find either, and that no limit names
	// Found are mutations that a limit names, and that the audit finds: the limit
	// claims too much.
	Found []*Mutation
	Kinds map[Kind]*Score // the same by what was mutated
}

// Judge audits every nth mutation of a history, with all processors.
func Judge(h *verify.History, o verify.Options, nth int) *Score {
	s := &Score{OutOfReach: map[string]int{}, Kinds: map[Kind]*Score{}}
	of := fatesOf(h, o)
	var lock sync.Mutex
	var running sync.WaitGroup
	todo := make(chan *Mutation)
	for range runtime.GOMAXPROCS(0) {
		running.Go(func() {
			for m := range todo {
				verdict := m.Apply(h).Audit(o).Verdict
				lock.Lock()
				s.count(m, verdict, limitOf(m, of))
				lock.Unlock()
			}
		})
	}
	n := 0
	for m := range All(h, o.Topics) {
		if n++; n%nth == 0 {
			todo <- m
		}
	}
	close(todo)
	running.Wait()
	for _, list := range [][]*Mutation{s.Survivors, s.Found} {
		slices.SortFunc(list, func(x, y *Mutation) int { return cmp.Compare(x.String(), y.String()) })
	}
	return s
}

func (s *Score) count(m *Mutation, verdict verify.Verdict, limit *Limit) {
	if s.Kinds != nil {
		if s.Kinds[m.Kind] == nil {
			s.Kinds[m.Kind] = &Score{OutOfReach: map[string]int{}}
		}
		s.Kinds[m.Kind].count(m, verdict, limit)
	}
	s.Enumerated++
	if verdict != verify.Holds && limit != nil && !limit.Partly {
		s.Found = append(s.Found, m)
	}
	switch {
	case verdict == verify.Violated:
		s.Caught++
	case verdict == verify.Undecided:
		s.Undecided++
	case limit != nil:
		s.OutOfReach[limit.Name]++
	default:
		s.Survivors = append(s.Survivors, m)
	}
}

// Named returns how many mutations are out of reach.
func (s *Score) Named() (n int) {
	for _, of := range s.OutOfReach {
		n += of
	}
	return n
}

// Share returns how much of what can be decided is found, from 0 to 1.
func (s *Score) Share() float64 {
	decidable := s.Enumerated - s.Undecided - s.Named()
	return float64(s.Caught) / float64(max(decidable, 1))
}
