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
	var lock sync.Mutex
	var running sync.WaitGroup
	todo := make(chan *Mutation)
	for range runtime.GOMAXPROCS(0) {
		running.Go(func() {
			for m := range todo {
				caught := m.Apply(h).Audit(o).Verdict == verify.Violated
				lock.Lock()
				s.count(m, caught, o.Policy)
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

func (s *Score) count(m *Mutation, caught bool, policy verify.Policy) {
	if s.Kinds != nil {
		if s.Kinds[m.Kind] == nil {
			s.Kinds[m.Kind] = &Score{OutOfReach: map[string]int{}}
		}
		s.Kinds[m.Kind].count(m, caught, policy)
	}
	s.Enumerated++
	limit := limitOf(m, policy)
	switch {
	case caught && limit != nil:
		s.Caught++
		s.Found = append(s.Found, m)
	case caught:
		s.Caught++
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
