package producer

import (
	"math"
	"slices"
	"time"

	"inv/internal/scenario"
)

// cause is a compiled cause: which records a record causes.
type cause struct {
	to      int32 // the caused stream
	in      []int // the states in which it has an effect; none: every record
	share   uint64
	count   int64   // the largest number of records
	length  numFunc // their number; nil: count
	after   delay
	salt    uint64
	perStep int64 // how many indexes an entity has, see index
	byStep  bool  // the index is the step; there may be more than perStep
}

// origin is where a caused stream's records come from.
type origin struct {
	stream *stream
	cause  *cause
}

// maxCaused bounds how many records one record causes.
const maxCaused = 1000

// causedSpec returns a producer whose records are caused by a stream's, which must
// already be in the plan, so that cycles are found; nil with a problem if they can't be.
func (c *compiler) causedSpec(s *stream, name scenario.Name) *scenario.Producer {
	if name.Text == "" {
		return nil // a problem of the file
	}
	to := c.spec(name.Text)
	if to == nil {
		c.problem(name.Pos, "causes: there is no producer %q%s", name.Text, alternatives(name.Text, producerNames(c.scenario)))
		return nil
	}
	problem := ""
	switch {
	case len(to.Rows) > 0 || to.Read || to.States != nil:
		problem = "%q can't be caused; only a producer with `value:` and without `states:` can"
	case c.causeOf[to.Name] != nil:
		problem = "%q already has a cause; copy it under another name for a second one"
	case s.causedBy(to.Name) || slices.ContainsFunc(c.streams, func(known *stream) bool { return known.spec == to }):
		problem = "%q causes itself in a cycle"
	default:
		return to
	}
	c.problem(name.Pos, "causes: "+problem, to.Name)
	return nil
}

// causedBy reports whether a stream is a producer's, or caused by that producer's
// records, however indirectly.
func (s *stream) causedBy(producer string) bool {
	for s.name != producer {
		if s.from == nil {
			return false
		}
		s = s.from.stream
	}
	return true
}

// causes compiles what a stream's records cause.
func (c *compiler) causes(s *stream) {
	for i, spec := range s.spec.Causes {
		to := c.causedSpec(s, spec.Producer)
		if to == nil {
			continue
		}
		k := &cause{share: threshold(float64(spec.Share)), count: 1, after: delayOf(spec.After), salt: saltCause + uint64(i)*golden, perStep: 1}
		if s.machine != nil {
			for _, name := range spec.In {
				if at := c.stateIndex(s.machine, name); at >= 0 {
					k.in = append(k.in, at)
				}
			}
			k.perStep = int64(max(len(k.in), 1))
			if k.byStep = s.machine.cyclic || len(k.in) == 0; k.byStep {
				k.perStep = firstSteps
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

// causeCount compiles how many records a record causes, at most k.count, so that a
// caused record's number determines its cause's.
func (c *compiler) causeCount(s *stream, k *cause, spec scenario.Cause) {
	if spec.Count == nil {
		return
	}
	n := c.builder(s, &scenario.Gen{}).gen(spec.Count, "causes."+spec.Producer.Text)
	if k.length = unlessZero(n.missing(), c.whole(n, spec.Count.Pos, "count")); k.length != nil {
		k.count = min(max(highest(spec.Count), 1), maxCaused)
	}
}

// highest returns the largest number that a generator of whole numbers gives, if the
// scenario determines it.
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

// index returns the number, among an entity's steps with an effect, of its step in a
// state; false if it has no effect there.
func (k *cause) index(m *machine, state, step int) (index int64, ok bool) {
	switch {
	case m == nil:
		return 0, true
	case len(k.in) == 0:
		return int64(step), true
	}
	i := slices.Index(k.in, state)
	if i >= 0 && k.byStep {
		i = step
	}
	return int64(i), i >= 0
}

// The records that the first steps of an entity cause are numbered in a row, those of
// later ones from laterSteps on, in the order of a pairing function.
const (
	firstSteps = 64
	laterSteps = 1 << 44
)

// number returns the number of the i-th record that a step of record n causes; back is
// its inverse.
func (k *cause) number(n, index, i int64) int64 {
	if number := (n*k.perStep+index)*k.count + i; !k.byStep || index < firstSteps && number < laterSteps {
		return number
	}
	return laterSteps + pair(n, index)*k.count + i
}

func (k *cause) back(number int64) (n, index, i int64) {
	later := k.byStep && number >= laterSteps
	if later {
		number -= laterSteps
	}
	i = number % k.count
	if number /= k.count; later {
		n, index = unpair(number)
		return n, index, i
	}
	return number / k.perStep, number % k.perStep, i
}

// pair maps two numbers to one that is not much larger than the square of the larger
// one (Szudzik's pairing function).
func pair(x, y int64) int64 {
	if x >= y {
		return x*x + x + y
	}
	return y*y + x
}

func unpair(z int64) (x, y int64) {
	root := int64(math.Sqrt(float64(z)))
	for root*root > z {
		root--
	}
	for (root+1)*(root+1) <= z {
		root++
	}
	if rest := z - root*root; rest < root {
		return rest, root
	}
	return root, z - root*root - root
}

// delayAt returns how many ms after its cause a caused record is due.
func (k *cause) delayAt(entity uint64, index, i int64) int64 {
	return k.after.draw(mix(entity + k.salt + uint64(index*k.count+i+1)*golden))
}

// happensAt reports whether the step causes any records.
func (k *cause) happensAt(entity uint64, index int64) bool {
	return happens(mix(entity+k.salt+mix(uint64(index))), k.share)
}

// enter pushes the frame of the record that caused a slot's record. Its number and
// step follow from the slot's number, its time from the delay.
func (o *origin) enter(w *worker, at slot) *frame {
	n, index, i := o.cause.back(at.n)
	entity := recordKey(o.stream.random, n)
	step := int(index)
	state := 0
	switch m := o.stream.machine; {
	case m == nil:
	case o.cause.byStep:
		state = m.stateAt(entity, step)
	default:
		state = o.cause.in[index]
		step = m.stepOf(entity, state)
	}
	f := w.push()
	own := slot{n: n, at: at.at - o.cause.delayAt(entity, index, i), step: int32(step), state: int32(state)}
	o.stream.frame(f, own)
	if o.stream.from != nil {
		f.own.cause = o.stream.from.enter(w, own)
	}
	return f
}

// follow schedules the records that follow from this one: the entity's next state, and
// those that it causes.
func (s *schedule) follow(at slot, due time.Duration) {
	stream := s.plan.streams[at.stream]
	entity := recordKey(stream.random, at.n)
	state := int(at.state)
	if m := stream.machine; m != nil {
		if to, after, ok := m.follow(entity, state, int(at.step)); ok {
			next := at
			next.step, next.state = at.step+1, int32(to)
			next.at = 0 // not known before it is due
			s.wait(due+ms(after), next)
		} else if stream.memory != nil {
			s.stores[at.stream].forget(&at)
		}
	}
	for _, k := range stream.causes {
		index, ok := k.index(stream.machine, state, int(at.step))
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

// unknownCauses reports whether a producer causes records of one that does not exist, which
// is a problem already: any other may be meant.
func (c *compiler) unknownCauses() bool {
	return slices.ContainsFunc(c.scenario.Producers, func(p scenario.Producer) bool {
		return slices.ContainsFunc(p.Causes, func(k scenario.Cause) bool { return c.spec(k.Producer.Text) == nil })
	})
}

// caused returns a field of the causing record.
func (b *builder) caused(s *scenario.Caused) *node {
	origin := b.c.causeOf[b.stream.name]
	if origin == nil && b.c.causedProducer(b.stream.spec) == "" && !b.c.unknownCauses() {
		return b.fail(s.Path.Pos, "caused_by: no producer causes the records of %q", b.stream.name)
	}
	if origin == nil || origin.stream.builder == nil {
		return broken()
	}
	n, _ := origin.stream.builder.lookup(s.Path.Text, s.Path.Pos, "caused_by")
	if n == nil {
		return broken()
	}
	if n.text == nil {
		return b.fail(s.Path.Pos, "caused_by: %q is %s, not a plain value", s.Path.Text, kindNames[n.kind])
	}
	n = n.in(func(_ *worker, f *frame) *frame { return f.of.cause })
	n.timed = true
	return n
}
