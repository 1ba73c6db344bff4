package producer

import (
	"slices"

	"inv/internal/registry/shape"
)

// common returns a node with what the nodes have in common, and reports whether
// all of them are numbers.
func common(nodes []*node) (out *node, numeric bool) {
	out, numeric = &node{kind: kindNull, safe: true}, true
	for _, n := range nodes {
		switch {
		case out.kind == kindNull:
			out.kind = n.kind
		case n.kind != out.kind && n.kind != kindNull:
			out.kind = kindMixed
		}
		out.safe = out.safe && n.safe
		out.dec = max(out.dec, n.dec)
		out.cost = max(out.cost, n.cost)
		out.timed = out.timed || n.timed
		numeric = numeric && n.num != nil
	}
	out.alike(nodes)
	out.limits, out.unfit = limitsOf(nodes, out.dec, func(int) bool { return true })
	return out, numeric && !out.unfit
}

// alike sets what a node's type depends on, apart from its limits, to what all nodes have
// in common.
func (n *node) alike(nodes []*node) {
	if n.kind == kindMixed || slices.ContainsFunc(nodes, func(of *node) bool { return of.forms != nil }) {
		n.forms = func(x *shaping) []shape.Type { return x.all(nodes) }
		return
	}
	first := true
	for _, of := range nodes {
		switch {
		case of.kind == kindNull:
		case first:
			n.unit, n.date, first = of.unit, of.date, false
		default:
			n.date = n.date && of.date
			if of.unit != n.unit {
				n.unit = 0
			}
		}
		n.open = n.open || of.open
	}
}

// limitsOf returns the limits of a number, in units of 10^-dec, that is one of those
// nodes that occur; unfit: they don't fit.
func limitsOf(nodes []*node, dec int, occurs func(i int) bool) (l limits, unfit bool) {
	first := true
	for i, n := range nodes {
		if n.kind == kindNull || !occurs(i) {
			continue
		}
		own, ok := n.limits.scaled(dec - n.dec)
		if unfit = unfit || n.unfit || !ok; first {
			l, first = own, false
		}
		l = l.union(own)
	}
	return l, unfit
}

// choose returns the node of a value that is one of several. pick returns the index of a
// record's, and the frame to compute it in, which it may push.
func choose(nodes []*node, pick func(w *worker, f *frame) (of *frame, i int64)) *node {
	out, numeric := common(nodes)
	out.guarded = true
	texts, jsons := make([]appendFunc, len(nodes)), make([]appendFunc, len(nodes))
	for i, n := range nodes {
		if jsons[i] = jsonValue(n); n.text != nil {
			texts[i] = n.orEmpty()
		} else {
			out.kind, out.choices = kindChoice, nodes
		}
	}
	out.pickChoice, out.json = pick, choice(pick, jsons)
	if out.choices == nil {
		out.text = choice(pick, texts)
	}
	if numeric {
		nums := make([]func(*worker, *frame) int64, len(nodes))
		for i, n := range nodes {
			nums[i] = n.scaled(out.dec)
		}
		out.num = picked(nums, pick)
	}
	out.absent = pickedTest(nodes, pick, func(n *node) testFunc { return n.absent })
	out.null = pickedTest(nodes, pick, func(n *node) testFunc { return n.null })
	return leaf(out)
}

// picked returns the function that pick chooses.
func picked[T any](of []func(*worker, *frame) T, pick func(w *worker, f *frame) (of *frame, i int64)) func(*worker, *frame) T {
	return func(w *worker, f *frame) T {
		depth := w.depth
		frame, i := pick(w, f)
		v := of[i](w, frame)
		w.depth = depth
		return v
	}
}

// pickedTest returns the test of the node that pick chooses; nil if it never holds.
func pickedTest(nodes []*node, pick func(w *worker, f *frame) (of *frame, i int64), test func(*node) testFunc) testFunc {
	tests, some := make([]func(*worker, *frame) bool, len(nodes)), false
	for i, n := range nodes {
		if tests[i] = test(n); tests[i] == nil {
			tests[i] = never
		} else {
			some = true
		}
	}
	if !some {
		return nil
	}
	return picked(tests, pick)
}

// choice returns the function that writes what pick draws.
func choice(pick func(w *worker, f *frame) (of *frame, i int64), values []appendFunc) appendFunc {
	return func(w *worker, f *frame, dst []byte) []byte {
		depth := w.depth
		of, i := pick(w, f)
		dst = values[i](w, of, dst)
		w.depth = depth
		return dst
	}
}

// chosenField returns a field that all objects have of which a node is one; nil if there
// is no such field.
func (n *node) chosenField(name string) *node {
	var fields []*node
	for _, c := range n.choices {
		f := c.fieldNamed(name)
		if f == nil || f.absent != nil {
			return nil
		}
		fields = append(fields, f)
	}
	if fields == nil {
		return nil
	}
	return choose(fields, n.pickChoice)
}

// constants are plain values that never change, one of which is drawn.
type constants struct {
	texts, jsons [][]byte
	nums         []int64 // nil: not all are numbers
	nulls        []bool  // nil: none is null
	common       *node
}

func newConstants(nodes []*node) *constants {
	out, numeric := common(nodes)
	c := &constants{common: out}
	for i, n := range nodes {
		c.texts, c.jsons = append(c.texts, n.text(nil, nil, nil)), append(c.jsons, n.bytes)
		if n.null != nil && c.nulls == nil {
			c.nulls = make([]bool, len(nodes))
		}
		if n.null != nil {
			c.nulls[i] = true
		}
		if numeric {
			c.nums = append(c.nums, n.scaled(out.dec)(nil, nil))
		}
	}
	return c
}

// draw returns the node of the constant that pick draws.
func (c *constants) draw(pick *picker) *node {
	out, nums, nulls := *c.common, c.nums, c.nulls
	out.guarded = true
	if nulls != nil {
		out.null = func(_ *worker, f *frame) bool { return nulls[pick.row(f.h)] }
	}
	out.text = func(_ *worker, f *frame, dst []byte) []byte { return append(dst, c.texts[pick.row(f.h)]...) }
	out.json = func(_ *worker, f *frame, dst []byte) []byte { return append(dst, c.jsons[pick.row(f.h)]...) }
	if nums != nil {
		out.num = func(_ *worker, f *frame) int64 { return nums[pick.row(f.h)] }
	}
	if len(c.texts) <= mostRows {
		out.pick, out.drawn, out.nums = pick, c.jsons, nums
	}
	return leaf(&out)
}

func allConstant(nodes []*node) bool {
	for _, n := range nodes {
		if n.bytes == nil || n.absent != nil || n.null != nil && n.kind != kindNull {
			return false
		}
	}
	return true
}
