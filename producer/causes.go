package producer

import (
	"cmp"
	"math"
	"slices"
	"time"

	"inv/internal/scenario"
)

// cause is a compiled cause: which records a record causes.
type cause struct {
	from, to  *stream
	recursive bool  // to's records cause, however indirectly, records of from
	at        int   // its place among to's causes that are recursive, or those that are not
	depth     int   // recursive: how many times records cause each other, at most
	in        []int // the states in which it has an effect; none: every record
	share     uint64
	count     int64   // the largest number of records
	length    numFunc // their number; nil: count
	after     delay
	salt      uint64
	mean      float64 // how many records a record causes on average
	unbounded bool    // the scenario gives no depth
	pos       scenario.Position
	perStep   int64 // how many indexes an entity has, see index
	byStep    bool  // the index is the step; there may be more than perStep
}

// maxCaused bounds how many records one record causes.
const maxCaused = 1000

// caused returns the producer that a cause names; nil with a problem if it can't be
// caused.
func (c *compiler) caused(name scenario.Name) *scenario.Producer {
	if name.Text == "" {
		return nil // a problem of the file
	}
	to := c.spec(name.Text)
	switch {
	case to == nil:
		c.problem(name.Pos, "causes: there is no producer %q%s", name.Text, alternatives(name.Text, producerNames(c.scenario)))
		return nil
	case !causable(to):
		c.problem(name.Pos, "causes: %q can't be caused; only a producer with `value:` and without `states:` can", to.Name)
		return nil
	}
	return to
}

func causable(p *scenario.Producer) bool { return len(p.Rows) == 0 && !p.Read && p.States == nil }

// causes compiles what a stream's records cause.
func (c *compiler) causes(s *stream) {
	for i := range s.spec.Causes {
		spec := &s.spec.Causes[i]
		to := c.caused(spec.Producer)
		if to == nil {
			continue
		}
		e := c.lineage.edge(s.spec, i)
		k := &cause{from: s, recursive: e.recursive, at: e.at, depth: cmp.Or(e.depth, defaultDepth), share: threshold(float64(spec.Share)),
			count: 1, mean: float64(spec.Share), unbounded: e.depth == 0, pos: spec.Pos, after: delayOf(spec.After), salt: saltCause + uint64(i)*golden, perStep: 1}
		c.causeStates(s, k, spec)
		c.causeCount(s, k, spec)
		k.to = c.stream(to)
		k.to.from.add(k)
		s.causes = append(s.causes, k)
		if spec.Depth > 0 && !k.recursive {
			c.problem(spec.Pos, "causes: `depth` is for producers that cause themselves, and the records of %q don't cause any of %q", to.Name, s.name)
		}
	}
	c.checkGrowth(s)
}

// causeStates compiles in which states a record causes others.
func (c *compiler) causeStates(s *stream, k *cause, spec *scenario.Cause) {
	switch {
	case s.machine != nil:
		for _, name := range spec.In {
			if at := c.stateIndex(s.machine, name); at >= 0 {
				k.in = append(k.in, at)
			}
		}
		k.perStep = int64(max(len(k.in), 1))
		if k.byStep = s.machine.cyclic || len(k.in) == 0; k.byStep {
			k.perStep = firstSteps
		}
	case len(spec.In) > 0:
		c.problem(spec.In[0].Pos, "causes: %q has no states", s.name)
	}
}

// causeCount compiles how many records a record causes, at most k.count, so that a
// caused record's number determines its cause's.
func (c *compiler) causeCount(s *stream, k *cause, spec *scenario.Cause) {
	if spec.Count == nil {
		return
	}
	n := c.builder(s, &scenario.Gen{}).gen(spec.Count, "causes."+spec.Producer.Text)
	if k.length = unlessZero(n.missing(), c.whole(n, spec.Count.Pos, "count")); k.length != nil {
		k.count = min(max(highest(spec.Count), 1), maxCaused)
		if k.recursive { // elsewhere, numbers depend on the former bound of distributions
			k.count = max(mostOf(spec.Count), 1)
		}
		k.mean *= meanOf(spec.Count, k.count)
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
		s.cause(k, at, due, entity, state)
	}
}

// cause schedules the records that a record causes.
func (s *schedule) cause(k *cause, at slot, due time.Duration, entity uint64, state int) {
	index, ok := k.index(k.from.machine, state, int(at.step))
	if !ok || !k.happensAt(entity, index) || k.recursive && k.from.depth(at.n) >= k.depth {
		return
	}
	if !k.fits(at.n, index) {
		s.err = &NumberError{k.from.name, k.to.name}
		return
	}
	count := k.count
	if k.length != nil {
		f := s.worker.push()
		k.from.frame(f, at)
		if k.from.from != nil {
			k.from.from.enter(s.worker, f, at)
		}
		f.set(mix(f.h+uint64(index)*golden), f.n, f.at, nil, &f.own)
		count = min(max(k.length(s.worker, f), 0), k.count)
		s.worker.depth = 0
	}
	next := slot{stream: int32(k.to.index)}
	if at.last != nil {
		next.last = &remembered{cause: at.last}
	}
	for i := range count {
		next.n = k.to.from.number(k, at.n, index, i)
		s.wait(due+ms(k.delayAt(entity, index, i)), next)
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
