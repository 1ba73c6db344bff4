package producer

import (
	"cmp"
	"slices"
	"strconv"

	"inv/internal/scenario"
)

// causedBy returns a field of the causing record, null in a record without one.
func (b *builder) causedBy(s *scenario.Caused, path string) *node {
	edges := b.c.lineage.in[b.stream.spec]
	if len(edges) == 0 {
		if b.c.unknownCauses() {
			return broken()
		}
		return b.fail(s.Path.Pos, "caused_by: no producer causes the records of %q", b.stream.name)
	}
	if s.Root {
		return b.rootField(s, edges)
	}
	nodes := make([]*node, len(edges))
	// What is not in a cycle comes first: it determines the form of what is.
	var like *node
	for _, recursive := range []bool{false, true} {
		for _, e := range edges {
			if e.recursive != recursive {
				continue
			}
			n := b.fieldOf(e, s.Path, like)
			if n == nil {
				return broken()
			}
			like = cmp.Or(like, n)
			nodes[b.c.lineage.place(e)] = n
		}
		b.stream.forms[path] = like
	}
	if !b.alike(edges, nodes, s.Path) {
		return broken()
	}
	if len(nodes) == 1 && b.c.lineage.caused[b.stream.spec] {
		n := nodes[0].in(func(_ *worker, f *frame) *frame { return f.of.cause })
		n.timed = true
		return n
	}
	return ofOrigin(nodes)
}

// compiling reports whether a field of the stream is being compiled.
func (s *stream) compiling(field string) bool {
	n, begun := s.builder.built[field]
	return begun && n == nil
}

// inherited returns a field that each record of a cycle takes from its cause, before the
// field itself is known; it is like that of another cause.
func (b *builder) inherited(e *edge, path scenario.Name, like *node) *node {
	var of *node
	b.c.finally = append(b.c.finally, func() {
		if of = b.c.declared(e.from).builder.built[path.Text]; of == nil {
			of = broken() // there is a problem
		}
		if of.kind != like.kind || of.dec > like.dec || like.num != nil && of.num == nil || !of.fitsIn(like) {
			b.c.problem(path.Pos, "caused_by: %q must be of the same form in %q as in all other causes", path.Text, e.from.Name)
		}
	})
	n := &node{kind: like.kind, dec: like.dec, limits: like.limits, unfit: like.unfit, cost: like.cost, timed: true,
		unit: like.unit, date: like.date, symbols: like.symbols, open: like.open, forms: like.forms}
	n.text = func(w *worker, f *frame, dst []byte) []byte { return of.text(w, f, dst) }
	n.json = func(w *worker, f *frame, dst []byte) []byte { return of.json(w, f, dst) }
	if like.num != nil {
		n.num = func(w *worker, f *frame) int64 { return of.num(w, f) * pow10(like.dec-of.dec) }
	}
	n.null = func(w *worker, f *frame) bool { return of.null != nil && of.null(w, f) }
	n.absent = func(w *worker, f *frame) bool { return of.absent != nil && of.absent(w, f) }
	return n
}

// fitsIn reports whether a node's numbers are within another one's limits.
func (n *node) fitsIn(other *node) bool {
	l, ok := n.limits.scaled(other.dec - n.dec)
	return n.num == nil || ok && l.low >= other.limits.low && l.high <= other.limits.high
}

// rootField returns a field of the record that begins a cycle, which may be the record
// itself.
func (b *builder) rootField(s *scenario.Caused, edges []*edge) *node {
	if !slices.ContainsFunc(edges, func(e *edge) bool { return e.recursive }) ||
		slices.ContainsFunc(edges, func(e *edge) bool { return e.recursive && e.from != e.to }) {
		return b.fail(s.Path.Pos, "caused_by: `root` is for a producer that causes itself, and %q doesn't", b.stream.name)
	}
	n, climb := b.lookup(s.Path.Text, s.Path.Pos, "caused_by")
	if n == nil {
		return broken()
	}
	if n.text == nil {
		return b.fail(s.Path.Pos, "caused_by: %q is %s, not a plain value", s.Path.Text, kindNames[n.kind])
	}
	n = n.in(func(_ *worker, f *frame) *frame {
		for range climb {
			f = f.up
		}
		for f.of.depth > 0 {
			f = f.of.cause
		}
		return f
	})
	n.timed = true
	return n
}

// fieldOf compiles a field of the records of a cause; nil with a problem if it can't. If
// the field is being compiled, it is taken to be like the fields of the other causes.
func (b *builder) fieldOf(e *edge, path scenario.Name, like *node) *node {
	from := b.c.declared(e.from)
	if from.builder == nil && len(e.from.Rows) == 0 {
		return nil // its value has a problem
	}
	if from.builder == nil {
		b.c.problem(path.Pos, "caused_by: %q has rows; only a field of a producer with `value:` can be taken", e.from.Name)
		return nil
	}
	if from.compiling(path.Text) {
		if like = cmp.Or(like, from.forms[path.Text]); like == nil {
			b.c.problem(path.Pos, "caused_by: %q depends on itself; with `root: true` it is that of the first record", path.Text)
			return nil
		}
		return b.inherited(e, path, like)
	}
	what := "caused_by"
	if len(b.c.lineage.in[b.stream.spec]) > 1 {
		what = "caused_by, in " + strconv.Quote(e.from.Name)
	}
	if !e.recursive {
		from.builder.object() // its fields, in their order
	}
	n, _ := from.builder.lookup(path.Text, path.Pos, what)
	if n != nil && n.text == nil {
		b.c.problem(path.Pos, "%s: %q is %s, not a plain value", what, path.Text, kindNames[n.kind])
		return nil
	}
	return n
}

// alike reports whether the field is of the same kind in all causes, with a problem if it
// is not.
func (b *builder) alike(edges []*edge, nodes []*node, path scenario.Name) bool {
	first := edges[0]
	for _, e := range edges[1:] {
		kind, other := nodes[b.c.lineage.place(first)].kind, nodes[b.c.lineage.place(e)].kind
		switch {
		case kind == kindNull:
			first = e
		case other != kind && other != kindNull:
			b.c.problem(path.Pos, "caused_by: %q is %s in %q and %s in %q, which both cause the records of %q",
				path.Text, kindNames[kind], first.from.Name, kindNames[other], e.from.Name, b.stream.name)
			return false
		}
	}
	return true
}

// ofOrigin returns the node that computes the one of a record's cause, and null without
// one.
func ofOrigin(nodes []*node) *node {
	last := len(nodes)
	out := choose(append(nodes[:last:last], constant(scenario.Scalar{Kind: scenario.KindNull})), func(_ *worker, f *frame) (*frame, int64) {
		if f.of.cause == nil {
			return f, int64(last)
		}
		return f.of.cause, int64(f.of.origin)
	})
	out.timed = true
	return out
}

// origin returns the name of the producer that caused a record, or how deep the record is
// in a cycle.
func (b *builder) origin(s *scenario.Origin, pos scenario.Position) *node {
	edges := b.c.lineage.in[b.stream.spec]
	if len(edges) == 0 {
		return b.fail(pos, "cause: no producer causes the records of %q", b.stream.name)
	}
	if s.Depth {
		n := number(0, limits{0, maxDepth}, func(_ *worker, f *frame) int64 { return int64(f.of.depth) })
		n.timed = true
		return n
	}
	nodes := make([]*node, len(edges))
	for _, e := range edges {
		nodes[b.c.lineage.place(e)] = constant(scenario.Scalar{Kind: scenario.KindString, Text: e.from.Name})
	}
	return ofOrigin(nodes)
}
