package declared

import (
	"cmp"
	"strings"

	"inv/internal/scenario"
)

// The kinds of what falls due, in their order at the same time.
const (
	dueTimer = iota
	dueWindow
	dueExpiry
)

// due is something that falls due.
type due struct {
	at    int64
	kind  int
	key   string
	start int64 // of the window
	timer int   // its index
	id    string
}

// dues is a heap of what falls due, some of which may have been stopped since.
type dues []due

func (d dues) Len() int { return len(d) }
func (d dues) Less(i, j int) bool {
	a, b := d[i], d[j]
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.kind, b.kind), strings.Compare(a.key, b.key), cmp.Compare(a.start, b.start), cmp.Compare(a.timer, b.timer)) < 0
}
func (d dues) Swap(i, j int) { d[i], d[j] = d[j], d[i] }
func (d *dues) Push(x any)   { *d = append(*d, x.(due)) }
func (d *dues) Pop() any {
	last := (*d)[len(*d)-1]
	*d = (*d)[:len(*d)-1]
	return last
}

// never is when something falls due that doesn't.
const never = -1 << 63

// dueAt returns when what is meant by d falls due by the state as it is now.
func (s *state) dueAt(t *Topology, d due) int64 {
	switch d.kind {
	case dueTimer:
		if at, ok := s.running[t.Timers[d.timer].Name]; ok {
			return at
		}
		return never
	case dueWindow:
		return s.end
	}
	return s.newest + t.TTL.Milliseconds()
}

func (t *Topology) ordered() bool { return t.Order == scenario.ByTime }

func (t *Topology) session() bool { return t.Window != nil && t.Window.Gap > 0 }
