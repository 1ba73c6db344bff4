package producer

import (
	"inv/internal/scenario"
)

// keptByKey reports whether a field of a record that has an earlier record's key has
// that record's value: the field that is the key, those that the key is made of, and the
// refs to the same row.
func (b *builder) keptByKey(name string) bool {
	key := b.stream.spec.Key
	if b.up != nil || key == nil || !revisits(b.stream.spec) {
		return false
	}
	if b.keeps == nil {
		b.keeps = map[string]bool{}
		if key.Gen == nil {
			b.keepField(key.Field.Text)
		} else {
			b.keepOperands(key.Gen)
		}
	}
	return b.keeps[name]
}

func (b *builder) keepField(path string) {
	name, _, _ := scenario.ResolvePath(scenario.SplitPath(path), func(name string) bool { return b.index(name) >= 0 })
	at := b.index(name)
	if at < 0 || b.keeps[name] {
		return
	}
	b.keeps[name] = true
	b.keepOperands(b.spec.Fields[at].Gen)
}

// keepOperands keeps the fields that a generator reads.
func (b *builder) keepOperands(g *scenario.Gen) {
	if g == nil {
		return
	}
	switch s := g.Spec.(type) {
	case *scenario.Text:
		for _, name := range s.Text.Names() {
			b.keepField(name)
		}
	case *scenario.Copy:
		b.keepField(s.Path.Text)
		b.keepOperands(s.Default)
	case *scenario.Count:
		b.keepField(s.Path.Text)
	case *scenario.Calc:
		s.Expr.Paths(b.keepField)
	case *scenario.Sum:
		s.Expr.Paths(b.keepField)
	case *scenario.Compare:
		s.Expr.Paths(b.keepField)
	case *scenario.If:
		s.Expr.Paths(b.keepField)
		b.keepOperands(s.Then)
		b.keepOperands(s.Else)
	case *scenario.OneOf:
		for _, c := range s.Choices {
			b.keepOperands(c.Gen)
		}
	case *scenario.Object:
		for _, f := range s.Fields {
			b.keepOperands(f.Gen)
		}
	case *scenario.Tuple:
		for _, item := range s.Items {
			b.keepOperands(item)
		}
	case *scenario.Time:
		b.keepField(s.Of.Text)
	case *scenario.Ref:
		b.keepRefs(s.Producer.Text)
	}
}

// keepRefs keeps the refs to a producer's row.
func (b *builder) keepRefs(producer string) {
	for _, f := range b.spec.Fields {
		if s, ok := f.Gen.Spec.(*scenario.Ref); ok && s.Producer.Text == producer {
			b.keepField(f.Name)
		}
	}
}
