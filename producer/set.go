package producer

import (
	"cmp"
	"math"
	"slices"

	"inv/internal/scenario"
)

// set is the rows of a producer that others refer to: those in the file, then those
// that `more:` or `value:` describes, each computed from its number alone.
type set struct {
	spec   *scenario.Producer
	random uint64
	rows   []*node // objects; the last one describes all further rows, up to total
	total  int64
	names  []string // of the fields
	busy   bool     // being compiled
	owner  *stream  // of the rows

	revisiting *stream // the producer, if some of its records have the keys of others
}

// maxRows bounds the number of rows, so that no product overflows.
const maxRows = math.MaxInt32

// set compiles a producer's rows, once; nil with a problem if it can't be
// referred to.
func (c *compiler) set(name scenario.Name) *set {
	if s := c.sets[name.Text]; s != nil {
		if s.busy {
			c.problem(name.Pos, "ref: the references form a cycle through %q", name.Text)
			return nil
		}
		return s
	}
	spec := c.spec(name.Text)
	if spec == nil {
		c.problem(name.Pos, "ref: there is no producer %q%s", name.Text, alternatives(name.Text, producerNames(c.scenario)))
		return nil
	}
	s := &set{spec: spec, random: c.randomKey(spec.Name), busy: true}
	c.sets[name.Text] = s
	c.references[spec.Name] = spec.Topic.Text
	c.fillSet(s)
	s.busy = false
	return s
}

// referred returns the producers that streams refer to, however indirectly.
func referred(streams []*stream) (all []Reference) {
	seen := map[*set]bool{}
	for queue := slices.Clone(streams); len(queue) > 0; queue = queue[1:] {
		for _, s := range queue[0].refs {
			if seen[s] {
				continue
			}
			seen[s] = true
			queue = append(queue, s.owner)
			r := Reference{Producer: s.spec.Name, Topic: s.spec.Topic.Text}
			if s.spec.Value == nil {
				r.Rows = s.total
			}
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b Reference) int { return cmp.Compare(a.Producer, b.Producer) })
	return all
}

func (c *compiler) fillSet(s *set) {
	spec := s.spec
	s.owner = &stream{name: spec.Name, spec: spec, random: s.random, total: -1, isRow: true, forms: map[string]*node{}}
	owner := s.owner
	if spec.States != nil {
		owner.machine = c.machine(spec.States)
	}
	if spec.Live && revisits(spec) {
		c.problem(spec.Pos, "producer %q chooses among live keys, which depend on all its records, so others can't refer to it", spec.Name)
		return
	}
	if revisits(spec) {
		owner.revisits, s.revisiting = true, owner
	}
	add := func(g *scenario.Gen) {
		b := c.builder(owner, g)
		if s.names == nil {
			s.names = b.names()
		}
		s.rows = append(s.rows, b.object())
	}
	for _, row := range spec.Rows {
		add(row)
	}
	s.total = int64(len(s.rows))
	if spec.More != nil {
		c.grows = true
		add(spec.More)
		switch {
		case c.options.Products > 0:
			s.total = c.options.Products
		case c.shaping: // one of each form
			s.total = int64(len(s.rows))
		}
	}
	if spec.Value != nil {
		add(spec.Value)
		s.total = maxRows
	}
}

// field returns a field of each of the rows. missing is the first row without it, from
// 1; 0: all have it.
func (s *set) field(path string) (nodes []*node, missing int) {
	for i, n := range s.rows {
		if n = n.inside(scenario.SplitPath(path)); n == nil {
			return nil, i + 1
		}
		nodes = append(nodes, n)
	}
	return nodes, 0
}
