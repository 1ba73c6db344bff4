package producer

import (
	"inv/internal/scenario"
)

// copyOf returns the value of another field, or where it has none its default.
func (b *builder) copyOf(s *scenario.Copy, path string) *node {
	n, climb := b.lookup(s.Path.Text, s.Path.Pos, "copy")
	switch {
	case n == nil:
		return broken()
	case climb > 0 && n.text == nil:
		return b.fail(s.Path.Pos, "copy: %q is %s; from outside an element only a plain value can be copied", s.Path.Text, kindNames[n.kind])
	}
	n = n.climbed(climb)
	if s.Default == nil {
		return n
	}
	otherwise, missing := b.gen(s.Default, path+"#default"), either(n.null, n.absent)
	switch {
	case n.kind == kindNull:
		return otherwise
	case missing == nil:
		return n // it is always there
	}
	there := *n
	there.null, there.absent = nil, nil
	out := choose([]*node{&there, otherwise}, func(w *worker, f *frame) (*frame, int64) {
		if missing(w, f) {
			return f, 1
		}
		return f, 0
	})
	out.cost = n.cost + otherwise.cost
	return out
}

func (b *builder) count(s *scenario.Count) *node {
	n, climb := b.lookup(s.Path.Text, s.Path.Pos, "count")
	switch {
	case n == nil:
		return broken()
	case n.kind != kindList:
		return b.fail(s.Path.Pos, "count: %q is %s, not a list", s.Path.Text, kindNames[n.kind])
	}
	length, l := n.length, n.limits
	if length == nil {
		fixed := int64(len(n.items))
		length, l = func(*worker, *frame) int64 { return fixed }, limits{fixed, fixed}
	}
	return guard(number(0, l, length), n.missing()).climbed(climb)
}

func (b *builder) list(s *scenario.List, path string, key uint64) *node {
	length := b.gen(s.Length, path+"[length]")
	count := b.length(s.Length, length)
	if count == nil {
		return broken()
	}
	n := &node{kind: kindList, slot: b.c.lists, key: key, null: length.missing(), limits: limits{
		min(max(length.limits.low, 0), maxLength), min(max(length.limits.high, 0), maxLength)}}
	b.c.lists++
	if length.limits == n.limits {
		if n.length = count; length.inline != nil && length.inline.kind == stepInt {
			n.lengths = &length.inline.uniform
		}
	} else {
		n.length = func(w *worker, f *frame) int64 { return min(max(count(w, f), 0), maxLength) }
	}
	in := b.inner(s.Of, path+"[]", 1)
	if _, ok := s.Of.Spec.(*scenario.Object); ok {
		n.elem, n.element = in.presence(s.Of, in.object(), path+"[]"), in
	} else {
		n.elem = in.gen(s.Of, path+"[]")
	}
	if n.elem.absent != nil {
		b.c.problem(s.Of.Pos, "an element can't be left out; give the list another length")
	}
	n.timed, n.cost = n.elem.timed || length.timed, int(n.limits.high)*max(n.elem.cost, 1)
	n.enter = func(_ *worker, f *frame, e *frame, i int64) {
		e.set(mix(f.h+key+uint64(i+1)*golden), f.n, f.at, f, f.of)
	}
	return n
}

// maxLength bounds a list whose length comes from a generator.
const maxLength = 10_000

// length returns a list's length, not yet bounded; nil with a problem if it isn't one.
// A distribution's tail is cut off, but a number that can't be a length is a mistake.
func (b *builder) length(g *scenario.Gen, n *node) numFunc {
	switch {
	case n.kind == kindNull:
		b.c.problem(g.Pos, "a list's length must be a whole number, not null")
		return nil
	case n.num != nil && (n.limits.high < 0 || n.limits.low > maxLength || constrained(g) && (n.limits.low < 0 || n.limits.high > maxLength)):
		at := n.limits.high
		if n.limits.low < 0 {
			at = n.limits.low
		}
		b.c.problem(g.Pos, "a list's length is from 0 to %d, and can't be %s", maxLength, appendDecimal(nil, at, n.dec))
		return nil
	}
	return b.c.whole(n, g.Pos, "a list's length")
}

// constrained reports whether a generator's values are listed in the scenario.
func constrained(g *scenario.Gen) bool {
	switch g.Spec.(type) {
	case *scenario.Int, *scenario.Literal, *scenario.OneOf:
		return true
	}
	return false
}

// sum adds up an expression over the elements of the list that it names.
func (b *builder) sum(s *scenario.Sum, pos scenario.Position) *node {
	list := ""
	s.Expr.Paths(func(path string) {
		if list == "" {
			list, _ = scenario.CutLast(path)
		}
	})
	if list == "" {
		return b.fail(pos, "sum: name fields of a list's elements, such as items.quantity")
	}
	of, climb := b.lookup(list, pos, "sum")
	switch {
	case of == nil:
		return broken()
	case of.kind != kindList || of.element == nil || climb > 0:
		return b.fail(pos, "sum: %q is not a list of objects beside this field", list)
	}
	x := of.element.expr(s.Expr, pos, list+".")
	if x.number == nil {
		return b.fail(pos, "sum: the expression is not a number")
	}
	if x.number.bottom != nil && !x.number.bottom.span.single() && of.limits.high > maxQuotients {
		return b.fail(pos, "sum: at most %d quotients can be added up exactly, and the list has up to %d elements", maxQuotients, of.limits.high)
	}
	total := totalOf(of, x.number)
	n := b.result("sum", total, s.Decimals, pos)
	n.cost, n.timed = min(int(of.limits.high)*max(x.cost, 1), 1<<40), x.timed
	n.null = either(of.missing(), anyElement(of, either(of.elem.null, x.null)))
	if total.bottom != nil {
		return n
	}
	if round, ok := rounding(total.top.span, total.dec, n.dec); ok && total.top.fits {
		n.sum = &sum{of, x.number.top.num, x.number.top.known, round}
	}
	return n
}

func (b *builder) calc(s *scenario.Calc, pos scenario.Position) *node {
	x := b.expr(s.Expr, pos, "")
	if x.number == nil {
		return b.fail(pos, "calc: the expression is not a number")
	}
	n := b.result("calc", x.number, s.Decimals, pos)
	n.cost, n.timed, n.null = x.cost, x.timed, x.null
	return n
}

// test compiles a condition.
func (b *builder) test(e *scenario.Expr, pos scenario.Position) *value {
	x := b.expr(e, pos, "")
	if x.test == nil {
		b.c.problem(pos, "the expression compares nothing; write a comparison such as quantity > 5")
		x.test = never
	}
	return x
}

func (b *builder) compare(s *scenario.Compare, pos scenario.Position) *node {
	x := b.test(s.Expr, pos)
	n := guard(boolean(x.test), x.null)
	n.cost, n.timed = max(x.cost, 1), x.timed
	return n
}

func (b *builder) conditional(s *scenario.If, pos scenario.Position, path string) *node {
	x := b.test(s.Expr, pos)
	nodes := []*node{b.gen(s.Then, path+"#then"), b.gen(s.Else, path+"#else")}
	n := choose(nodes, func(w *worker, f *frame) (*frame, int64) {
		if x.test(w, f) {
			return f, 0
		}
		return f, 1
	})
	n.cost, n.timed = n.cost+x.cost, n.timed || x.timed
	if x.null != nil {
		n.null, n.absent, n.guarded = either(x.null, n.null), except(n.absent, x.null), false
	}
	return n
}
