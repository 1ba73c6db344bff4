package producer

import (
	"strings"

	"inv/internal/scenario"
)

// gen compiles one generator and its modifiers.
func (b *builder) gen(g *scenario.Gen, path string) *node {
	if g == nil || g.Spec == nil {
		return broken()
	}
	n := b.spec1(g, path)
	if n == nil {
		n = broken()
	}
	if n.cost > maxCost {
		b.c.problem(g.Pos, "%s takes up to %d values a record; the limit is %d", path, n.cost, maxCost)
		n.cost = 1
	}
	if g.As != nil {
		n = b.as(g, n)
	}
	return b.presence(g, n, path)
}

func (b *builder) spec1(g *scenario.Gen, path string) *node {
	key := hashText(path)
	switch s := g.Spec.(type) {
	case *scenario.Literal:
		return constant(s.Value)
	case *scenario.Sequence:
		return b.sequence(s)
	case *scenario.Text:
		return b.text(s, g.Pos)
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
		return truth(func(_ *worker, f *frame) bool { return happens(mix(f.h+key), p) })
	case *scenario.OneOf:
		return b.oneOf(s, g.Pos, key, path)
	case *scenario.Fake:
		return b.fake(s, key)
	case *scenario.Time:
		return b.time(s, key)
	case *scenario.Date:
		return b.date(s, key)
	case *scenario.UUID:
		return uuid(key)
	case *scenario.Hex:
		return hex(key, s.Digits)
	case *scenario.Ref:
		return b.ref(s, path)
	case *scenario.Copy:
		return b.copyOf(s)
	case *scenario.Sum:
		return b.sum(s, g.Pos)
	case *scenario.Calc:
		return b.calc(s, g.Pos)
	case *scenario.Compare:
		return b.compare(s, g.Pos)
	case *scenario.If:
		return b.choose(s, g.Pos, path)
	case *scenario.Count:
		return b.count(s)
	case *scenario.List:
		return b.list(s, g.Pos, path, key)
	case *scenario.Tuple:
		n := &node{kind: kindList}
		for _, item := range s.Items {
			in := b.gen(item, path+"[]")
			n.items = append(n.items, in)
			n.cost += in.cost
			n.timed = n.timed || in.timed
		}
		return n
	case *scenario.Object:
		return b.inner(&scenario.Gen{Spec: s}, path, 0).object(g)
	case *scenario.State:
		return b.state(s, g.Pos)
	case *scenario.Caused:
		return b.caused(s)
	case *scenario.Drift:
		return b.drift(s, g.Pos, key)
	}
	b.c.problem(g.Pos, "this generator can't be used here")
	return nil
}

// presence adds what leaves a value out or makes it null.
func (b *builder) presence(g *scenario.Gen, n *node, path string) *node {
	if g.Optional == 1 && g.Null == 0 && len(g.In) == 0 && !g.Fresh {
		return n
	}
	out := *n
	if g.Fresh {
		out = *b.freshen(&out, g.Pos)
	}
	if g.Null > 0 {
		p, key := threshold(float64(g.Null)), hashText(path+"?null")
		out.null = func(_ *worker, f *frame) bool { return happens(mix(f.h+key), p) }
	}
	if g.Optional < 1 {
		p, key := threshold(float64(g.Optional)), hashText(path+"?optional")
		out.absent = func(_ *worker, f *frame) bool { return !happens(mix(f.h+key), p) }
	}
	if len(g.In) > 0 {
		out.absent = b.inStates(g.In, out.absent)
	}
	return &out
}

// as writes a value into a text.
func (b *builder) as(g *scenario.Gen, n *node) *node {
	if n.text == nil {
		b.c.problem(g.As.Pos, "`as` writes a plain value, not %s", kindNames[n.kind])
		return n
	}
	parts := g.As.Parts
	var pieces []piece
	safe := n.safe
	found := false
	for _, p := range parts {
		if !p.Placeholder {
			pieces = append(pieces, piece{literal: p.Text})
			safe = safe && plain([]byte(p.Text))
			continue
		}
		if p.Text != "" {
			b.c.problem(g.As.Pos, "in `as`, {} stands for the value; {%s} stands for nothing", p.Text)
			continue
		}
		found = true
		pieces = append(pieces, b.padded(n, p.Width, g.As.Pos))
	}
	if !found {
		b.c.problem(g.As.Pos, "`as` needs {}, which stands for the value")
	}
	out := leaf(&node{kind: kindString, text: concat(pieces), pieces: pieces, safe: safe, cost: n.cost, timed: n.timed})
	out.absent, out.null = n.absent, n.null
	return out
}

// padded returns a node's text with at least width digits.
func (b *builder) padded(n *node, width int, pos scenario.Position) piece {
	if width == 0 {
		p := piece{value: n.orEmpty()}
		if n.null == nil && n.absent == nil {
			p.short = n.short
		}
		return p
	}
	num := n.num
	if num == nil || n.dec != 0 {
		b.c.problem(pos, "a width such as :06 pads whole numbers, not %s", kindNames[n.kind])
		return piece{value: n.text}
	}
	return piece{value: func(w *worker, f *frame, dst []byte) []byte { return appendPadded(dst, num(w, f), width) }}
}

func literalText(text string) appendFunc {
	return func(_ *worker, _ *frame, dst []byte) []byte { return append(dst, text...) }
}

// concat returns the pieces one after the other.
func concat(pieces []piece) appendFunc {
	s := &steps{}
	for _, p := range pieces {
		s.piece(p)
	}
	return s.function()
}

// lookup finds a field by its path from here; nil with a problem if there is
// none. climb is how many frames up it is computed in.
func (b *builder) lookup(path string, pos scenario.Position, what string) (n *node, climb int) {
	first, rest, nested := strings.Cut(path, ".")
	for at := b; at != nil; at = at.up {
		if at.has(first) {
			if n = at.field(first); n == nil {
				b.c.problem(pos, "%s: %q depends on itself", what, path)
				return nil, 0
			}
			for nested && n != nil {
				first, rest, nested = strings.Cut(rest, ".")
				n = n.fieldNamed(first)
			}
			if n == nil {
				b.c.problem(pos, "%s: %q has no such field inside", what, path)
				return nil, climb
			}
			return n, climb
		}
		climb += at.levels
	}
	b.c.problem(pos, "%s: there is no field %q here%s", what, path, alternatives(first, b.names()))
	return nil, 0
}

func (b *builder) has(name string) bool {
	for _, f := range b.spec.Fields {
		if f.Name == name {
			return true
		}
	}
	return false
}

func (n *node) fieldNamed(name string) *node {
	for _, f := range append(n.fields[:len(n.fields):len(n.fields)], n.hidden...) {
		if f.name == name {
			return f.node
		}
	}
	return nil
}

// climbed returns a node of an enclosing frame, computed from an inner one.
func (n *node) climbed(levels int) *node {
	if levels == 0 {
		return n
	}
	return n.moved(func(_ *worker, f *frame) *frame {
		for range levels {
			f = f.up
		}
		return f
	}, nil)
}

// moved returns a node computed in another frame than the one at hand: of enters it
// and leave (if not nil) leaves it.
func (n *node) moved(of func(w *worker, f *frame) *frame, leave func(w *worker)) *node {
	out := *n
	done := func(w *worker) {
		if leave != nil {
			leave(w)
		}
	}
	move := func(fn appendFunc) appendFunc {
		if fn == nil {
			return nil
		}
		return func(w *worker, f *frame, dst []byte) []byte {
			dst = fn(w, of(w, f), dst)
			done(w)
			return dst
		}
	}
	out.text, out.json = move(n.text), move(n.json)
	out.pieces, out.short, out.pick, out.drawn, out.nums, out.sum = nil, nil, nil, nil, nil, nil
	if num := n.num; num != nil {
		out.num = func(w *worker, f *frame) int64 {
			v := num(w, of(w, f))
			done(w)
			return v
		}
	}
	moveTest := func(fn testFunc) testFunc {
		if fn == nil {
			return nil
		}
		return func(w *worker, f *frame) bool {
			v := fn(w, of(w, f))
			done(w)
			return v
		}
	}
	out.null, out.absent = moveTest(n.null), moveTest(n.absent)
	return &out
}
