package producer

import (
	"math"
	"slices"
	"time"

	"inv/internal/scenario"
)

// A state machine, and the records that others cause, are functions of the
// entity's number too: which states it enters, when, and what follows is drawn
// from the entity's random key. Whoever needs a step (the schedule, or a record
// that was caused there) walks through the entity's life again; nothing is kept.

// machine is a compiled state machine.
type machine struct {
	states []machineState
	cyclic bool // an entity may enter a state twice
}

type machineState struct {
	name  string
	next  []int
	below []uint64 // cumulative shares as thresholds, one for each of next
	after delay
}

// maxSteps bounds an entity's life where its states form a circle.
const maxSteps = 64

// delay draws how long after.
type delay struct {
	low, span, mean int64 // ms
}

func delayOf(d scenario.Delay) delay {
	return delay{low: d.Range[0].Milliseconds(), span: (d.Range[1] - d.Range[0]).Milliseconds(), mean: d.Mean.Milliseconds()}
}

func (d delay) draw(r uint64) int64 {
	if d.mean > 0 {
		return int64(math.Round(exponential(r) * float64(d.mean)))
	}
	return d.low + int64(below(r, uint64(d.span)+1))
}

// The parts of an entity's random key.
const (
	saltNext  = 0x6E657874
	saltAfter = 0x61667465
	saltCause = 0x63617573
	saltFresh = 0x66726573
)

func (c *compiler) machine(spec *scenario.States) *machine {
	m := &machine{}
	names := make([]string, len(spec.States))
	index := map[string]int{}
	for i, s := range spec.States {
		names[i], index[s.Name] = s.Name, i
	}
	for _, s := range spec.States {
		state := machineState{name: s.Name, after: delayOf(s.After)}
		total := 0.0
		for _, n := range s.Then {
			to, ok := index[n.State.Text]
			if !ok {
				c.problem(n.State.Pos, "state %q: there is no state %q%s", s.Name, n.State.Text, alternatives(n.State.Text, names))
				continue
			}
			total += float64(n.Share)
			state.next, state.below = append(state.next, to), append(state.below, threshold(total))
		}
		m.states = append(m.states, state)
	}
	m.cyclic = m.hasCircle()
	return m
}

func (m *machine) hasCircle() bool {
	const unseen, open, closed = 0, 1, 2
	marks := make([]int, len(m.states))
	var visit func(i int) bool
	visit = func(i int) bool {
		switch marks[i] {
		case open:
			return true
		case closed:
			return false
		}
		marks[i] = open
		for _, next := range m.states[i].next {
			if visit(next) {
				return true
			}
		}
		marks[i] = closed
		return false
	}
	for i := range m.states {
		if marks[i] == unseen && visit(i) {
			return true
		}
	}
	return false
}

// follow returns the state after a step and how many ms later; false at the end.
func (m *machine) follow(entity uint64, state, step int) (next int, after int64, ok bool) {
	s := &m.states[state]
	r := mix(entity + saltNext + uint64(step)*golden)
	for i, limit := range s.below {
		if happens(r, limit) {
			return s.next[i], m.states[s.next[i]].after.draw(mix(entity + saltAfter + uint64(step+1)*golden)), step+1 < maxSteps
		}
	}
	return 0, 0, false
}

// stateAt walks to a step.
func (m *machine) stateAt(entity uint64, step int) (state int) {
	for i := range step {
		state, _, _ = m.follow(entity, state, i)
	}
	return state
}

// cause is a compiled cause: what a record sets off.
type cause struct {
	to      int32 // the stream
	in      []int // states; none: every record
	share   uint64
	count   int64 // how many records at most
	length  numFunc
	after   delay
	salt    uint64
	perStep int64 // how many numbers one entity uses
}

// origin is where a caused stream's records come from.
type origin struct {
	stream *stream
	cause  *cause
}

// maxCaused bounds how many records one record causes.
const maxCaused = 1000

// causes compiles what a producer's records cause. It is called when the stream
// is in the plan, so that circles end.
func (c *compiler) causes(s *stream) {
	for i, spec := range s.spec.Causes {
		to := c.spec(spec.Producer.Text)
		if to == nil {
			c.problem(spec.Producer.Pos, "causes: there is no producer %q%s", spec.Producer.Text, alternatives(spec.Producer.Text, producerNames(c.scenario)))
			continue
		}
		if len(to.Rows) > 0 || to.Read || to.States != nil {
			c.problem(spec.Producer.Pos, "causes: the records of %q are rows or entities of their own; only a producer with `value:` and without `states:` can be caused", to.Name)
			continue
		}
		if c.causeOf[to.Name] != nil {
			c.problem(spec.Producer.Pos, "causes: %q is caused already; a producer has one cause, so copy it under another name", to.Name)
			continue
		}
		if c.causedBy(s, to.Name) || slices.ContainsFunc(c.streams, func(known *stream) bool { return known.spec == to }) {
			c.problem(spec.Producer.Pos, "causes: %q causes itself in a circle", to.Name)
			continue
		}
		k := &cause{share: threshold(float64(spec.Share)), count: 1, after: delayOf(spec.After), salt: saltCause + uint64(i)*golden, perStep: 1}
		if s.machine != nil {
			for _, name := range spec.In {
				if at := c.stateIndex(s, name); at >= 0 {
					k.in = append(k.in, at)
				}
			}
			k.perStep = int64(max(len(k.in), 1))
			if s.machine.cyclic || len(k.in) == 0 {
				k.perStep = maxSteps
			}
		} else if len(spec.In) > 0 {
			c.problem(spec.In[0].Pos, "causes: %q has no states", s.name)
		}
		c.causeCount(s, k, spec)
		c.causeOf[to.Name] = &origin{stream: s, cause: k}
		k.to = int32(c.stream(to).index)
		s.causes = append(s.causes, k)
	}
}

func (c *compiler) causedBy(s *stream, name string) bool {
	for s != nil {
		if s.name == name {
			return true
		}
		if s.from == nil {
			return false
		}
		s = s.from.stream
	}
	return false
}

// causeCount compiles how many records a record causes. It is a function of the
// cause alone, so that a record's number tells its cause's.
func (c *compiler) causeCount(s *stream, k *cause, spec scenario.Cause) {
	if spec.Count == nil {
		return
	}
	b := c.builder(s, &scenario.Gen{})
	n := b.gen(spec.Count, "causes."+spec.Producer.Text)
	if n.num == nil || n.dec != 0 {
		c.problem(spec.Count.Pos, "count must be whole numbers, not %s", kindNames[n.kind])
		return
	}
	k.length, k.count = n.num, min(max(highest(spec.Count), 1), maxCaused)
}

// highest returns the largest number that a generator of whole numbers gives, as far
// as the file tells.
func highest(g *scenario.Gen) int64 {
	switch s := g.Spec.(type) {
	case *scenario.Int:
		return s.High
	case *scenario.Literal:
		if n, ok := s.Value.Number(); ok {
			return n.Units
		}
	case *scenario.OneOf:
		most := int64(0)
		for _, c := range s.Choices {
			most = max(most, highest(c.Gen))
		}
		return most
	}
	return maxCaused
}

func (c *compiler) stateIndex(s *stream, name scenario.Name) int {
	var names []string
	for i, state := range s.machine.states {
		if state.name == name.Text {
			return i
		}
		names = append(names, state.name)
	}
	c.problem(name.Pos, "there is no state %q%s", name.Text, alternatives(name.Text, names))
	return -1
}

// wanted reports whether the cause works in a state, and as the how manieth of an
// entity's steps that count.
func (k *cause) wanted(m *machine, state, step int) (index int64, ok bool) {
	switch {
	case m == nil:
		return 0, true
	case len(k.in) == 0:
		return int64(step), true
	}
	for i, in := range k.in {
		if in == state {
			if k.perStep == maxSteps {
				return int64(step), true
			}
			return int64(i), true
		}
	}
	return 0, false
}

// number returns the caused record's number; back gives its cause's number, the step's
// index and which of the records it is.
func (k *cause) number(n, index, i int64) int64 { return (n*k.perStep+index)*k.count + i }

func (k *cause) back(number int64) (n, index, i int64) {
	i = number % k.count
	number /= k.count
	return number / k.perStep, number % k.perStep, i
}

// delayAt returns how many ms after its cause a caused record is.
func (k *cause) delayAt(entity uint64, index, i int64) int64 {
	return k.after.draw(mix(entity + k.salt + uint64(index*k.count+i+1)*golden))
}

// happensAt reports whether the cause has an effect at all.
func (k *cause) happensAt(entity uint64, index int64) bool {
	return happens(mix(entity+k.salt+mix(uint64(index))), k.share)
}

// enter pushes the frame of the record that caused a slot's: its number and step
// follow from the slot's number, its time from the delay.
func (o *origin) enter(w *worker, at slot) *frame {
	n, index, i := o.cause.back(at.n)
	entity := recordKey(o.stream.random, n)
	step := int(index)
	if m := o.stream.machine; m != nil && o.cause.perStep != maxSteps {
		step = m.stepOf(entity, o.cause.in[index])
	}
	f := w.push()
	own := slot{n: n, at: at.at - o.cause.delayAt(entity, index, i), step: int16(step)}
	o.stream.frame(f, own)
	if o.stream.from != nil {
		f.own.cause = o.stream.from.enter(w, own)
	}
	return f
}

// stepOf returns the step at which an entity enters a state, which it does.
func (m *machine) stepOf(entity uint64, state int) int {
	at := 0
	for step := range maxSteps {
		if at == state {
			return step
		}
		next, _, ok := m.follow(entity, at, step)
		if !ok {
			break
		}
		at = next
	}
	return 0
}

// follow puts the records that come of this one aside until they are due.
func (s *schedule) follow(at slot, due time.Duration) {
	stream := s.plan.streams[at.stream]
	entity := recordKey(stream.random, at.n)
	state := 0
	if m := stream.machine; m != nil {
		state = m.stateAt(entity, int(at.step))
		if _, after, ok := m.follow(entity, state, int(at.step)); ok {
			next := at
			next.step++
			next.at = 0 // not known before it is due
			s.wait(due+ms(after), next)
		}
	}
	for _, k := range stream.causes {
		index, ok := k.wanted(stream.machine, state, int(at.step))
		if !ok || !k.happensAt(entity, index) {
			continue
		}
		count := k.count
		if k.length != nil {
			f := s.worker.push()
			stream.frame(f, at)
			f.set(mix(f.h+uint64(index)*golden), f.n, f.at, nil, &f.own)
			count = min(max(k.length(s.worker, f), 0), k.count)
			s.worker.pop()
		}
		for i := range count {
			s.wait(due+ms(k.delayAt(entity, index, i)), slot{n: k.number(at.n, index, i), stream: k.to})
		}
	}
}

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// state returns the entity's state in a record.
func (b *builder) state(s *scenario.State, pos scenario.Position) *node {
	m := b.stream.machine
	if m == nil {
		b.c.problem(pos, "state: producer %q has no `states:`", b.stream.name)
		return broken()
	}
	if s.Step {
		n := number(0, func(_ *worker, f *frame) int64 { return int64(f.of.step) })
		n.timed = true
		return n
	}
	names := make([][]byte, len(m.states))
	n := &node{kind: kindString, safe: true, timed: true}
	for i, state := range m.states {
		names[i] = []byte(state.name)
		n.safe = n.safe && plain(names[i])
	}
	n.text = func(_ *worker, f *frame, dst []byte) []byte { return append(dst, names[f.of.state]...) }
	return leaf(n)
}

// inStates leaves a field out in other states.
func (b *builder) inStates(in []scenario.Name, also testFunc) testFunc {
	if b.stream.machine == nil {
		b.c.problem(in[0].Pos, "in: producer %q has no `states:`", b.stream.name)
		return also
	}
	wanted := make([]bool, len(b.stream.machine.states))
	for _, name := range in {
		if i := b.c.stateIndex(b.stream, name); i >= 0 {
			wanted[i] = true
		}
	}
	return func(w *worker, f *frame) bool { return !wanted[f.of.state] || also != nil && also(w, f) }
}

// freshen computes a node again in each state.
func (b *builder) freshen(n *node, pos scenario.Position) *node {
	if n.text == nil {
		b.c.problem(pos, "fresh: only a plain value can be fresh, not %s", kindNames[n.kind])
		return n
	}
	n.timed = true
	return n.moved(func(w *worker, f *frame) *frame {
		e := w.push()
		e.set(f.of.fresh, f.n, f.at, f.up, f.of)
		return e
	}, (*worker).pop)
}

// identity computes the key of a record that may take an earlier one's.
func (b *builder) identity(n *node) *node {
	return n.moved(func(w *worker, f *frame) *frame {
		e := w.push()
		e.set(f.of.earlier, f.of.earlierN, f.at, f.up, f.of)
		return e
	}, (*worker).pop)
}

// caused returns a field of the record that caused this one.
func (b *builder) caused(s *scenario.Caused) *node {
	origin := b.c.causeOf[b.stream.name]
	if origin == nil || origin.stream.builder == nil {
		if origin == nil && b.c.causedProducer(b.stream.spec) == "" {
			b.c.problem(s.Path.Pos, "caused_by: no producer causes the records of %q", b.stream.name)
		}
		return broken()
	}
	n, _ := origin.stream.builder.lookup(s.Path.Text, s.Path.Pos, "caused_by")
	if n == nil {
		return broken()
	}
	if n.text == nil {
		b.c.problem(s.Path.Pos, "caused_by: %q is %s; only a plain value can be taken", s.Path.Text, kindNames[n.kind])
		return broken()
	}
	n = n.moved(func(_ *worker, f *frame) *frame { return f.of.cause }, nil)
	n.timed = true
	return n
}
