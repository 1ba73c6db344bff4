package producer

import (
	"slices"
)

// identity computes the key of a record that may have an earlier record's key.
func (b *builder) identity(n *node) *node {
	out := n.in(func(w *worker, f *frame) *frame { return w.other(f, f.of.earlier, f.of.earlierN) })
	if n.kind == kindObject {
		out.fields = b.identities(n.fields)
		out.hidden = b.identities(n.hidden)
	}
	out.items = nil
	for _, item := range n.items {
		out.items = append(out.items, b.identity(item))
	}
	return out
}

// hasElements reports whether a value has a list of elements, which can't be computed
// for an earlier record.
func (n *node) hasElements() bool {
	return n.elem != nil || slices.ContainsFunc(n.items, (*node).hasElements) || slices.ContainsFunc(n.choices, (*node).hasElements) ||
		slices.ContainsFunc(n.fields, func(f fieldNode) bool { return f.node.hasElements() })
}

func (b *builder) identities(fields []fieldNode) (out []fieldNode) {
	for _, f := range fields {
		out = append(out, fieldNode{f.name, b.identity(f.node), f.pos, f.evolved})
	}
	return out
}
