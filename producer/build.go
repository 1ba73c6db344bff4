package producer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"inv/internal/scenario"
)

// builder compiles the generators of a record, row or element. Names are looked up in
// it, then in those that contain it.
type builder struct {
	c      *compiler
	stream *stream
	spec   *scenario.Object
	path   string           // in the value
	up     *builder         // what contains it
	levels int              // how many frames up that is: 1 from an element, 0 from an object in an object
	built  map[string]*node // nil: being compiled
	now    string           // the field that is being compiled, of which others may be built
	fresh  bool             // what is being compiled is computed again in each state
	pinned map[string]bool  // the fields that an earlier key determines; nil: not known yet
}

func (c *compiler) builder(s *stream, g *scenario.Gen) *builder {
	b := &builder{c: c, stream: s, built: map[string]*node{}}
	b.spec, _ = g.Spec.(*scenario.Object)
	if b.spec == nil {
		b.spec = &scenario.Object{}
	}
	return b
}

// inner returns the builder of an object or element in this one.
func (b *builder) inner(g *scenario.Gen, path string, levels int) *builder {
	in := b.c.builder(b.stream, g)
	in.path, in.up, in.levels = path+".", b, levels
	return in
}

// object compiles all fields in order.
func (b *builder) object() *node {
	n := &node{kind: kindObject}
	for _, f := range b.spec.Fields {
		field := b.field(f.Name)
		switch {
		case field == nil:
		case f.Gen.Hidden:
			n.hidden = append(n.hidden, fieldNode{f.Name, field, f.Pos, f.Gen.Evolved})
		default:
			n.fields = append(n.fields, fieldNode{f.Name, field, f.Pos, f.Gen.Evolved})
			n.timed = n.timed || field.timed
			n.cost += field.cost
		}
	}
	return n
}

// index returns a field's index; -1 if there is no such field.
func (b *builder) index(name string) int {
	return slices.IndexFunc(b.spec.Fields, func(f scenario.Field) bool { return f.Name == name })
}

// field compiles a field, once; nil if it refers to itself.
func (b *builder) field(name string) *node {
	if n, ok := b.built[name]; ok {
		return n
	}
	now, fresh := b.now, b.fresh
	b.built[name], b.now, b.fresh = nil, name, false
	n := b.gen(b.spec.Fields[b.index(name)].Gen, b.path+scenario.QuoteName(name))
	if b.fresh = fresh; (n.text != nil || n.kind == kindObject) && b.pinnedByKey(name) {
		n = b.identity(n)
	}
	b.built[name], b.now = n, now
	return n
}

// revisits reports whether some of a producer's records update or delete an earlier key.
func revisits(p *scenario.Producer) bool { return p.Earlier+p.Tombstones > 0 }

// names returns the names that can be looked up here.
func (b *builder) names() []string {
	var names []string
	for at := b; at != nil; at = at.up {
		for _, f := range at.spec.Fields {
			names = append(names, f.Name)
		}
	}
	return names
}

// lookup finds a field by its path from here; nil with a problem if there is no such
// field. climb is how many frames up it is computed. The name of the field that is being
// compiled is that of a field farther out, if there is one.
func (b *builder) lookup(path string, pos scenario.Position, what string) (n *node, climb int) {
	parts := scenario.SplitPath(path)
	self := false
	for at := b; at != nil; at = at.up {
		name, rest, ok := scenario.ResolvePath(parts, func(name string) bool { return at.index(name) >= 0 })
		switch {
		case ok && name == at.now && at.built[name] == nil:
			self = true
		case ok:
			if n = at.field(name); n == nil {
				b.c.problem(pos, "%s: %q depends on itself", what, path)
				return nil, 0
			}
			if n = n.inside(rest); n == nil {
				b.c.problem(pos, "%s: %q has no such field inside", what, path)
			} else if b.fresh && climb == 0 {
				n = n.in(func(_ *worker, f *frame) *frame { return cmp.Or(f.base, f) })
			}
			return n, climb
		}
		climb += at.levels
	}
	if self {
		b.c.problem(pos, "%s: %q depends on itself", what, path)
	} else {
		others := alternatives(parts[0].Name, b.names())
		if what == inExpression && len(parts) == 1 && !strings.HasSuffix(others, "?") {
			others += fmt.Sprintf("; a text is in single quotes, '%s'", path)
		}
		b.c.problem(pos, "%s: there is no field %q here%s", what, parts[0].Name, others)
	}
	return nil, 0
}

// inside returns the field inside an object's that a path leads to; nil if there is none.
func (n *node) inside(path []scenario.PathPart) *node {
	for n != nil && len(path) > 0 {
		var name string
		name, path, _ = scenario.ResolvePath(path, func(name string) bool { return n.fieldNamed(name) != nil })
		of := n
		if n = of.fieldNamed(name); n != nil {
			n = n.within(of)
		}
	}
	return n
}

func (n *node) fieldNamed(name string) *node {
	if n.choices != nil {
		return n.chosenField(name)
	}
	for _, f := range slices.Concat(n.fields, n.hidden) {
		if f.name == name {
			return f.node
		}
	}
	return nil
}

// broken replaces a generator that has a problem, or isn't known yet, so that the others
// are checked. It can be a divisor and a length.
func broken() *node { return number(0, limits{1, 1}, func(*worker, *frame) int64 { return 1 }) }

// fail records a problem, and returns a node in place of the generator that has it.
func (b *builder) fail(pos scenario.Position, format string, args ...any) *node {
	b.c.problem(pos, format, args...)
	return broken()
}

// whole returns a node's number, which must be whole; nil with a problem if it isn't.
func (c *compiler) whole(n *node, pos scenario.Position, what string) numFunc {
	if n.num == nil || n.dec != 0 {
		c.problem(pos, "%s must be a whole number, not %s", what, kindNames[n.kind])
		return nil
	}
	return n.num
}

// maxCost bounds how many plain values a record computes, counting each list at its
// longest, and a field again wherever another one refers to it.
const maxCost = 1_000_000

// gen compiles a generator and its modifiers.
func (b *builder) gen(g *scenario.Gen, path string) *node {
	if g == nil || g.Spec == nil {
		return broken()
	}
	outer := b.fresh
	b.fresh = b.fresh || g.Fresh
	n := b.value(g, path)
	if b.fresh = outer; n.cost > maxCost {
		b.c.problem(g.Pos, "%s computes up to %d values per record; the limit is %d", path, n.cost, maxCost)
		n.cost = 1
	}
	if g.As != nil {
		n = b.as(g, n)
	}
	n = b.presence(g, n, path)
	if g.Keep != nil {
		b.keep(g.Keep, n)
	}
	return n
}

// value compiles a generator without its modifiers.
func (b *builder) value(g *scenario.Gen, path string) *node {
	key := hashText(path)
	switch s := g.Spec.(type) {
	case *scenario.Literal:
		return constant(s.Value)
	case *scenario.Sequence:
		return b.sequence(s, g.Pos)
	case *scenario.Text:
		return b.text(s)
	case *scenario.Int:
		return b.int(s, g.Pos, key)
	case *scenario.Decimal:
		return b.decimal(s, g.Pos, key)
	case *scenario.Normal:
		return b.normal(s, g.Pos, key)
	case *scenario.Exponential:
		return b.exponential(s, g.Pos, key)
	case *scenario.Zipf:
		return b.zipf(s, g.Pos, key)
	case *scenario.Bool:
		p := threshold(float64(s.Share))
		return boolean(func(_ *worker, f *frame) bool { return happens(mix(f.h+key), p) })
	case *scenario.OneOf:
		return b.oneOf(s, key, path)
	case *scenario.Fake:
		return b.fake(s, key)
	case *scenario.Time:
		return b.time(s, key)
	case *scenario.Date:
		return b.date(s, g.Pos, key)
	case *scenario.UUID:
		return uuid(key)
	case *scenario.Hex:
		return hex(key, s.Digits)
	case *scenario.Ref:
		return b.ref(s)
	case *scenario.Copy:
		return b.copyOf(s, path)
	case *scenario.Sum:
		return b.sum(s, g.Pos)
	case *scenario.Calc:
		return b.calc(s, g.Pos)
	case *scenario.Compare:
		return b.compare(s, g.Pos)
	case *scenario.If:
		return b.conditional(s, g.Pos, path)
	case *scenario.Count:
		return b.count(s)
	case *scenario.List:
		return b.list(s, path, key)
	case *scenario.Tuple:
		n := &node{kind: kindList}
		for _, item := range s.Items {
			in := b.gen(item, path+"[]")
			if in.absent != nil {
				b.c.problem(item.Pos, "an element can't be left out")
			}
			n.items = append(n.items, in)
			n.cost += in.cost
			n.timed = n.timed || in.timed
		}
		return n
	case *scenario.Object:
		return b.inner(&scenario.Gen{Spec: s}, path, 0).object()
	case *scenario.State:
		return b.state(s, g.Pos)
	case *scenario.Caused:
		return b.causedBy(s, path)
	case *scenario.Origin:
		return b.origin(s, g.Pos)
	case *scenario.Last:
		return b.last(s, g.Pos, path)
	case *scenario.Drift:
		return b.drift(s, g.Pos, key)
	}
	return b.fail(g.Pos, "this generator can't be used here")
}

// presence adds the conditions under which a value is left out or null.
func (b *builder) presence(g *scenario.Gen, n *node, path string) *node {
	if g.Optional == 1 && g.Null == 0 && len(g.In) == 0 && !g.Fresh {
		return n
	}
	if g.Fresh && !b.fresh {
		n = b.renewed(n, g.Pos)
	}
	out := *n
	out.guarded = out.guarded && g.Null == 0 && g.Optional == 1 && len(g.In) == 0
	if g.Null > 0 {
		p, key := threshold(float64(g.Null)), hashText(path+"?null")
		out.null = either(func(_ *worker, f *frame) bool { return happens(mix(f.h+key), p) }, n.null)
	}
	if g.Optional < 1 {
		p, key := threshold(float64(g.Optional)), hashText(path+"?optional")
		out.absent = either(func(_ *worker, f *frame) bool { return !happens(mix(f.h+key), p) }, n.absent)
	}
	if len(g.In) > 0 {
		out.absent = b.inStates(g.In, out.absent)
	}
	return &out
}
