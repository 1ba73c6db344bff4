package producer

import (
	"math"
	"slices"

	"inv/internal/scenario"
)

// A state machine, and the records that a record causes, are functions of the
// entity's number: the states it enters, when, and what they cause are drawn from the
// entity's random key. The schedule, or a record that was caused there, walks through
// the entity's states again; nothing is stored.

// machine is a compiled state machine.
type machine struct {
	states  []machineState
	cyclic  bool // an entity may enter a state twice
	endless bool // an entity may get into states that lead on for ever
}

type machineState struct {
	name  string
	next  []int
	below []uint64 // cumulative shares as thresholds, one for each of next
	after delay
	ends  bool // it may be the entity's last
}

// delay draws a number of milliseconds.
type delay struct{ low, span, mean int64 }

func delayOf(d scenario.Delay) delay {
	return delay{low: d.Range[0].Milliseconds(), span: (d.Range[1] - d.Range[0]).Milliseconds(), mean: d.Mean.Milliseconds()}
}

// none reports whether there is no delay.
func (d delay) none() bool { return d.low+d.span+d.mean == 0 }

func (d delay) draw(r uint64) int64 {
	if d.mean > 0 {
		return int64(math.Round(exponential(r) * float64(d.mean)))
	}
	return d.low + int64(below(r, uint64(d.span)+1))
}

// What is added to an entity's random key, by what is drawn.
const (
	saltNext  = 0x6E657874
	saltAfter = 0x61667465
	saltCause = 0x63617573
	saltFresh = 0x66726573
)

func (c *compiler) machine(spec *scenario.States) *machine {
	m := &machine{states: make([]machineState, len(spec.States))}
	for i, s := range spec.States {
		m.states[i] = machineState{name: s.Name, after: delayOf(s.After)}
	}
	for i, s := range spec.States {
		state, total := &m.states[i], 0.0
		for _, n := range s.Then {
			if to := c.stateIndex(m, n.State); to >= 0 && n.Share > 0 {
				total += float64(n.Share)
				state.next, state.below = append(state.next, to), append(state.below, threshold(total))
			}
		}
		state.ends = total < 1-1e-9
	}
	m.cyclic = m.hasCycle()
	c.endless(m, spec)
	return m
}

// endless finds out whether an entity may never end. That is a problem only if no time
// passes meanwhile.
func (c *compiler) endless(m *machine, spec *scenario.States) {
	toEnd := m.leadingTo(func(s *machineState) bool { return s.ends })
	onward := m.leadingTo(func(s *machineState) bool {
		return s.ends || slices.ContainsFunc(s.next, func(to int) bool { return !m.states[to].after.none() })
	})
	for i, entered := range m.entered() {
		m.endless = m.endless || entered && !toEnd[i]
		if entered && !onward[i] {
			c.problem(spec.States[i].Pos, "the states after %q follow each other for ever and at once; give one of them `after:`, or an end", m.states[i].name)
			return
		}
	}
}

// entered returns which states an entity can enter.
func (m *machine) entered() []bool {
	entered, queue := make([]bool, len(m.states)), []int{0}
	for len(queue) > 0 {
		at := queue[0]
		if queue = queue[1:]; !entered[at] {
			entered[at] = true
			queue = append(queue, m.states[at].next...)
		}
	}
	return entered
}

// leadingTo returns the states that are wanted, or lead to one that is.
func (m *machine) leadingTo(wanted func(*machineState) bool) []bool {
	before := make([][]int, len(m.states))
	var queue []int
	for i := range m.states {
		for _, to := range m.states[i].next {
			before[to] = append(before[to], i)
		}
		if wanted(&m.states[i]) {
			queue = append(queue, i)
		}
	}
	leads := make([]bool, len(m.states))
	for len(queue) > 0 {
		at := queue[0]
		if queue = queue[1:]; !leads[at] {
			leads[at] = true
			queue = append(queue, before[at]...)
		}
	}
	return leads
}

// stateIndex returns a state's index; -1 with a problem if there is no such state.
func (c *compiler) stateIndex(m *machine, name scenario.Name) int {
	names := make([]string, len(m.states))
	for i, s := range m.states {
		names[i] = s.name
	}
	i := slices.Index(names, name.Text)
	if i < 0 {
		c.problem(name.Pos, "there is no state %q%s", name.Text, alternatives(name.Text, names))
	}
	return i
}

func (m *machine) hasCycle() bool {
	ends := make([]bool, len(m.states)) // every path from the state ends
	for changed := true; changed; {
		changed = false
		for i, s := range slices.Backward(m.states) {
			if !ends[i] && !slices.ContainsFunc(s.next, func(next int) bool { return !ends[next] }) {
				ends[i], changed = true, true
			}
		}
	}
	return slices.Contains(ends, false)
}

// follow returns the state after a step, and how many ms later; false if the step is
// the entity's last.
func (m *machine) follow(entity uint64, state, step int) (next int, after int64, ok bool) {
	s := &m.states[state]
	r := mix(entity + saltNext + uint64(step)*golden)
	for i, limit := range s.below {
		if happens(r, limit) {
			next = s.next[i]
			return next, m.states[next].after.draw(mix(entity + saltAfter + uint64(step+1)*golden)), true
		}
	}
	return 0, 0, false
}

// stateAt returns an entity's state at a step.
func (m *machine) stateAt(entity uint64, step int) (state int) {
	for i := range step {
		state, _, _ = m.follow(entity, state, i)
	}
	return state
}

// stepOf returns the step at which an entity enters a state, which it does.
func (m *machine) stepOf(entity uint64, state int) (step int) {
	for at, ok := 0, true; ok && at != state; step++ {
		at, _, ok = m.follow(entity, at, step)
	}
	return step
}

// state returns the entity's state in a record.
func (b *builder) state(s *scenario.State, pos scenario.Position) *node {
	m := b.stream.machine
	if m == nil {
		return b.fail(pos, "state: producer %q has no `states:`", b.stream.name)
	}
	if s.Step {
		n := number(0, limits{0, math.MaxInt32}, func(_ *worker, f *frame) int64 { return int64(f.of.step) })
		n.timed = true
		return n
	}
	n := &node{kind: kindString, safe: true, timed: true}
	for _, state := range m.states {
		n.safe = n.safe && plain([]byte(state.name))
		n.symbols = append(n.symbols, state.name)
	}
	n.text = func(_ *worker, f *frame, dst []byte) []byte { return append(dst, m.states[f.of.state].name...) }
	return leaf(n)
}

// inStates leaves a field out in other states than these, and where also holds.
func (b *builder) inStates(in []scenario.Name, also testFunc) testFunc {
	m := b.stream.machine
	if m == nil {
		b.c.problem(in[0].Pos, "in: producer %q has no `states:`", b.stream.name)
		return also
	}
	wanted := make([]bool, len(m.states))
	for _, name := range in {
		if i := b.c.stateIndex(m, name); i >= 0 {
			wanted[i] = true
		}
	}
	return func(w *worker, f *frame) bool { return !wanted[f.of.state] || also != nil && also(w, f) }
}

// renewed computes a node again in each state. The fields that it reads are the record's,
// see lookup.
func (b *builder) renewed(n *node, pos scenario.Position) *node {
	if n.text == nil {
		b.c.problem(pos, "fresh: only a plain value can be fresh, not %s", kindNames[n.kind])
		return n
	}
	out := n.in(func(w *worker, f *frame) *frame {
		e := w.other(f, f.of.fresh, f.n)
		e.base = f
		return e
	})
	out.timed = true
	return out
}
