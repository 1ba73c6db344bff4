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
	case n.length != nil:
		return number(0, n.length).climbed(climb)
	}
	fixed := int64(len(n.items))
	return number(0, func(*worker, *frame) int64 { return fixed })
}

func (b *builder) list(s *scenario.List, path string, key uint64) *node {
	length := b.gen(s.Length, path+"[length]")
	count := b.c.whole(length, s.Length.Pos, "a list's length")
	if count == nil {
		return broken()
	}
	n := &node{kind: kindList, slot: b.c.lists, key: key}
	b.c.lists++
	longest := 1000
	if fixed, ok := s.Length.Spec.(*scenario.Int); ok {
		longest, n.length = int(fixed.High), count
		if length.inline != nil {
			n.lengths = &length.inline.uniform
		}
	} else {
		n.length = func(w *worker, f *frame) int64 { return min(max(count(w, f), 0), maxLength) }
	}
	in := b.inner(s.Of, path+"[]", 1)
	if _, ok := s.Of.Spec.(*scenario.Object); ok {
		n.elem, n.element = in.object(), in
	} else if n.elem = in.gen(s.Of, path+"[]"); n.elem.absent != nil {
		b.c.problem(s.Of.Pos, "an element can't be left out; give the list another length")
	}
	n.timed, n.cost = n.elem.timed || length.timed, longest*max(n.elem.cost, 1)
	n.enter = func(_ *worker, f *frame, e *frame, i int64) {
		e.set(mix(f.h+key+uint64(i+1)*golden), f.n, f.at, f, f.of)
	}
	return n
}

// maxLength bounds a list whose length comes from a generator.
const maxLength = 10_000

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
	if x.num == nil {
		return b.fail(pos, "sum: the expression is not a number")
	}
	length, enter, num, round := of.length, of.enter, x.num, rounding(x.dec, s.Decimals)
	n := number(s.Decimals, func(w *worker, f *frame) int64 {
		total := int64(0)
		count := length(w, f)
		e := w.push()
		for i := range count {
			enter(w, f, e, i)
			total += num(w, e)
		}
		w.pop()
		if round != nil {
			total = round(total)
		}
		return total
	})
	n.cost, n.timed, n.sum = of.cost, x.timed, &sum{of, num, x.known, round}
	return n
}

func (b *builder) calc(s *scenario.Calc, pos scenario.Position) *node {
	x := b.expr(s.Expr, pos, "")
	if x.num == nil {
		return b.fail(pos, "calc: the expression is not a number")
	}
	n := number(s.Decimals, rounded(x.num, x.dec, s.Decimals))
	n.cost, n.timed = x.cost, x.timed
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
	n := boolean(x.test)
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
	return n
}
