package producer

import (
	"math"
	"slices"

	"inv/internal/registry/shape"
	"inv/internal/scenario"
)

// ref returns a field of a row of another producer. The row is drawn from the random
// key of the enclosing object, so that all its refs to that producer are to one row.
func (b *builder) ref(s *scenario.Ref) *node {
	set := b.c.set(s.Producer)
	if set == nil {
		return broken()
	}
	if !slices.Contains(b.stream.refs, set) {
		b.stream.refs = append(b.stream.refs, set)
	}
	if set.spec.Read {
		return b.existingRef(s, set)
	}
	nodes, missing := set.field(s.Field.Text)
	if missing > 0 {
		if len(set.rows) == 1 || !slices.Contains(set.names, s.Field.Text) {
			return b.fail(s.Field.Pos, "ref: %q has no field %q%s", set.spec.Name, s.Field.Text, alternatives(s.Field.Text, set.names))
		}
		return b.fail(s.Field.Pos, "ref: row %d of %q has no field %q", missing, set.spec.Name, s.Field.Text)
	}
	for _, n := range nodes {
		if n.text == nil {
			return b.fail(s.Field.Pos, "ref: %q is %s, not a plain value", s.Field.Text, kindNames[n.kind])
		}
		if n.timed {
			return b.fail(s.Field.Pos, "ref: %q depends on the time, the state or the cause of its record, which a row does not have", s.Field.Text)
		}
	}
	total := set.total
	if s.First > 0 {
		total = min(total, int64(s.First))
	} else if total == maxRows {
		return b.fail(s.Producer.Pos, "ref: %q has an unlimited number of records; choose from the first ones with `first:`", set.spec.Name)
	}
	if total == 0 {
		return b.fail(s.Producer.Pos, "ref: %q has no rows to refer to", set.spec.Name)
	}
	pick := b.picker(s, set, total)
	return b.keyRef(s, set, refNode(set, nodes[:min(pick.size, uint64(len(nodes)))], pick))
}

// refNode computes the field of the row that pick draws; nodes has no row that it
// never draws.
func refNode(set *set, nodes []*node, pick *picker) *node {
	if pick.size == uint64(len(nodes)) && allConstant(nodes) {
		return newConstants(nodes).draw(pick)
	}
	last := int64(len(nodes) - 1)
	return choose(nodes, func(w *worker, f *frame) (*frame, int64) {
		i, row := pick.row(f.h), w.push()
		row.set(recordKey(set.random, i), i, 0, nil, &w.nothing)
		if s := set.revisiting; s != nil {
			n := s.keyOf(i)
			row.of, row.own = &row.own, whole{earlierN: n, earlier: recordKey(set.random, n)}
		}
		return row, min(i, last)
	})
}

// keyRef completes a ref. One to a key is broken in a record with the fault
// unknown_ref: no generated key has this suffix, and no number is negative.
func (b *builder) keyRef(s *scenario.Ref, set *set, n *node) *node {
	key := set.spec.Key
	if key == nil || key.Field.Text != s.Field.Text {
		return n
	}
	b.stream.refersToKeys = true
	if !b.c.options.UnknownRefs {
		return n
	}
	var lost *node
	if num, text := n.num, n.orEmpty(); n.kind == kindNumber && num != nil {
		l := max(abs(n.limits.low), abs(n.limits.high))
		lost = number(n.dec, limits{-1 - l, -1}, func(w *worker, f *frame) int64 { return -1 - abs(num(w, f)) })
	} else {
		lost = leaf(&node{kind: kindString, safe: n.safe, text: func(w *worker, f *frame, dst []byte) []byte {
			return append(text(w, f, dst), "-unknown"...)
		}})
	}
	out := choose([]*node{n, lost}, func(_ *worker, f *frame) (*frame, int64) {
		if f.of.lost {
			return f, 1
		}
		return f, 0
	})
	if out.kind = n.kind; out.num == nil {
		out.num = n.num
	}
	return out
}

// existingRef returns a field of a record that a topic already has.
func (b *builder) existingRef(s *scenario.Ref, set *set) *node {
	if b.c.options.Existing == nil { // a check, without the topic's records
		n := broken()
		n.forms = func(x *shaping) []shape.Type { return x.existing(set.spec.Topic.Text, scenario.Unquoted(s.Field.Text)) }
		return n
	}
	nodes := b.c.existingField(set, s.Field)
	if nodes == nil {
		return broken()
	}
	if len(nodes) == 0 {
		return b.fail(s.Producer.Pos, "ref: the topic of %q has no records to refer to", set.spec.Name)
	}
	if s.Weight != nil {
		return b.fail(s.Weight.Pos, "weight: rows that are read from a topic have no weights; use skew")
	}
	return b.keyRef(s, set, newConstants(nodes).draw(b.picker(s, set, int64(len(nodes)))))
}

// picker draws the row. The refs of an object to one producer share a picker, with
// the distribution of the first, unless they name different rows, which are distinct.
func (b *builder) picker(s *scenario.Ref, set *set, total int64) *picker {
	id := b.path + "->" + set.spec.Name
	others := b.stream.rowsOf[id]
	if s.Row != "" {
		id += "#" + s.Row
	}
	if known := b.stream.picks[id]; known != nil {
		if s.Skew != nil || s.Weight != nil {
			b.c.problem(s.Producer.Pos, "ref: the row of %q is already chosen by a ref above; give `skew:` or `weight:` there", set.spec.Name)
		}
		return known
	}
	pick := &picker{key: hashText(id), size: uint64(total)}
	switch {
	case s.Weight != nil:
		pick.draw = b.weighted(s, set, total)
	case s.Skew != nil:
		pick.draw = b.zipfRank(total, *s.Skew, s.Producer.Pos)
	}
	if int64(len(others)) >= total {
		b.c.problem(s.Producer.Pos, "ref: %q has %d rows, too few for %d different ones", set.spec.Name, total, len(others)+1)
	} else {
		pick.apart = others
	}
	if b.stream.picks == nil {
		b.stream.picks, b.stream.rowsOf = map[string]*picker{}, map[string][]*picker{}
	}
	b.stream.picks[id] = pick
	all := b.path + "->" + set.spec.Name
	b.stream.rowsOf[all] = append(slices.Clone(others), pick)
	return pick
}

// maxWeighted bounds the table of weights, which has a cell for each row.
const maxWeighted = 1_000_000

func (b *builder) weighted(s *scenario.Ref, set *set, total int64) func(r uint64) int64 {
	fail := func(format string, args ...any) func(uint64) int64 {
		b.c.problem(s.Weight.Pos, "weight: "+format, args...)
		return nil
	}
	nodes, missing := set.field(s.Weight.Text)
	if missing > 0 {
		return fail("row %d of %q has no field %q%s", missing, set.spec.Name, s.Weight.Text, alternatives(s.Weight.Text, set.names))
	}
	if total > maxWeighted {
		return fail("there are %d rows; at most %d can have weights, use skew", total, maxWeighted)
	}
	weights := make([]float64, total)
	w, f := &worker{}, &frame{}
	sum := 0.0
	for i := range weights {
		n := nodes[min(i, len(nodes)-1)]
		if n.num == nil || n.kind == kindNull {
			return fail("%q is %s, not a number", s.Weight.Text, kindNames[n.kind])
		}
		f.set(recordKey(set.random, int64(i)), int64(i), 0, nil, &w.nothing)
		if missing := n.missing(); missing == nil || !missing(w, f) {
			weights[i] = float64(n.num(w, f)) / math.Pow10(n.dec)
		}
		if weights[i] < 0 {
			return fail("row %d of %q has a negative weight", i+1, set.spec.Name)
		}
		sum += weights[i]
	}
	if sum == 0 {
		return fail("no row of %q has a weight above 0", set.spec.Name)
	}
	return alias(weights)
}
