package producer

import (
	"strings"

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
			b.keep(key.Field.Text)
		} else {
			b.keepOperands(key.Gen)
		}
	}
	return b.keeps[name]
}

func (b *builder) keep(path string) {
	name, _, _ := strings.Cut(path, ".")
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
			b.keep(name)
		}
	case *scenario.Copy:
		b.keep(s.Path.Text)
	case *scenario.Count:
		b.keep(s.Path.Text)
	case *scenario.Calc:
		s.Expr.Paths(b.keep)
	case *scenario.Sum:
		s.Expr.Paths(b.keep)
	case *scenario.Compare:
		s.Expr.Paths(b.keep)
	case *scenario.If:
		s.Expr.Paths(b.keep)
		b.keepOperands(s.Then)
		b.keepOperands(s.Else)
	case *scenario.OneOf:
		for _, c := range s.Choices {
			b.keepOperands(c.Gen)
		}
	case *scenario.Ref:
		b.keepRefs(s.Producer.Text)
	}
}

// keepRefs keeps the refs to a producer's row.
func (b *builder) keepRefs(producer string) {
	for _, f := range b.spec.Fields {
		if s, ok := f.Gen.Spec.(*scenario.Ref); ok && s.Producer.Text == producer {
			b.keep(f.Name)
		}
	}
}
