package producer

import (
	"inv/internal/scenario"
)

// pinnedByKey reports whether a field of a record that has an earlier record's key has
// that record's value: the field that is the key, those that the key is made of, and the
// refs to the same row.
func (b *builder) pinnedByKey(name string) bool {
	key := b.stream.spec.Key
	if b.up != nil || key == nil || !revisits(b.stream.spec) {
		return false
	}
	if b.pinned == nil {
		b.pinned = map[string]bool{}
		if key.Gen == nil {
			b.pin(key.Field.Text)
		} else {
			b.pinOperands(key.Gen)
		}
	}
	return b.pinned[name]
}

func (b *builder) pin(path string) {
	name, _, _ := scenario.ResolvePath(scenario.SplitPath(path), func(name string) bool { return b.index(name) >= 0 })
	at := b.index(name)
	if at < 0 || b.pinned[name] {
		return
	}
	b.pinned[name] = true
	b.pinOperands(b.spec.Fields[at].Gen)
}

// pinOperands pins the fields that a generator reads.
func (b *builder) pinOperands(g *scenario.Gen) {
	if g == nil {
		return
	}
	switch s := g.Spec.(type) {
	case *scenario.Text:
		for _, name := range s.Text.Names() {
			b.pin(name)
		}
	case *scenario.Copy:
		b.pin(s.Path.Text)
		b.pinOperands(s.Default)
	case *scenario.Count:
		b.pin(s.Path.Text)
	case *scenario.Calc:
		s.Expr.Paths(b.pin)
	case *scenario.Sum:
		s.Expr.Paths(b.pin)
	case *scenario.Compare:
		s.Expr.Paths(b.pin)
	case *scenario.If:
		s.Expr.Paths(b.pin)
		b.pinOperands(s.Then)
		b.pinOperands(s.Else)
	case *scenario.OneOf:
		for _, c := range s.Choices {
			b.pinOperands(c.Gen)
		}
	case *scenario.Object:
		for _, f := range s.Fields {
			b.pinOperands(f.Gen)
		}
	case *scenario.Tuple:
		for _, item := range s.Items {
			b.pinOperands(item)
		}
	case *scenario.Time:
		b.pin(s.Of.Text)
	case *scenario.Ref:
		b.pinRefs(s.Producer.Text)
	}
}

// pinRefs pins the refs to a producer's row.
func (b *builder) pinRefs(producer string) {
	for _, f := range b.spec.Fields {
		if s, ok := f.Gen.Spec.(*scenario.Ref); ok && s.Producer.Text == producer {
			b.pin(f.Name)
		}
	}
}
