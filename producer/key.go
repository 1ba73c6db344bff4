package producer

import (
	"slices"

	"inv/internal/scenario"
)

// inKey reports whether a key is a field or contains it: in a record that updates or
// deletes an earlier key, the field has its earlier value, too.
func inKey(k *scenario.Key, field string) bool {
	if k == nil {
		return false
	}
	return k.Field.Text != "" && scenario.Unquoted(k.Field.Text) == field || contains(k.Gen, field)
}

// contains reports whether a generator copies a field, or has it in a text.
func contains(g *scenario.Gen, field string) bool {
	if g == nil {
		return false
	}
	is := func(path string) bool { return scenario.Unquoted(path) == field }
	switch s := g.Spec.(type) {
	case *scenario.Copy:
		return is(s.Path.Text)
	case *scenario.Text:
		return slices.ContainsFunc(s.Text.Names(), is)
	case *scenario.Object:
		return slices.ContainsFunc(s.Fields, func(f scenario.Field) bool { return contains(f.Gen, field) })
	case *scenario.Tuple:
		return slices.ContainsFunc(s.Items, func(item *scenario.Gen) bool { return contains(item, field) })
	}
	return false
}

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
		out = append(out, fieldNode{f.name, b.identity(f.node)})
	}
	return out
}
