package producer

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"inv/internal/registry/shape"
	"inv/internal/scenario"
)

// NoShapeError is returned for a topic whose values no producer of the scenario
// describes.
type NoShapeError struct{ Topic string }

func (e *NoShapeError) Error() string {
	return fmt.Sprintf("no producer describes the records of topic %s", e.Topic)
}

// ShapeError says that the producers of a topic write different things.
type ShapeError struct {
	Topic, First, Second string // the alias, and the producers
	Pos                  scenario.Position
	Err                  error
}

func (e *ShapeError) Error() string {
	return fmt.Sprintf("topic %s is written by the producers %q and %q, which differ: %v", e.Topic, e.First, e.Second, e.Err)
}

// Unwrap returns how they differ.
func (e *ShapeError) Unwrap() error { return e.Err }

// Shape is [Shapes.Value] of a scenario.
func Shape(sc *scenario.Scenario, alias string) (shape.Type, error) {
	return NewShapes(sc).Value(alias)
}

// KeyShape is [Shapes.Key] of a scenario.
func KeyShape(sc *scenario.Scenario, alias string) (shape.Type, error) {
	return NewShapes(sc).Key(alias)
}

// Shapes knows the types of what the producers of a scenario write, which it compiles once.
// It is not safe for concurrent use.
type Shapes struct {
	Scenario *scenario.Scenario

	shaping *shaping // nil before the first use
	err     error
}

// NewShapes returns the types of a scenario.
func NewShapes(sc *scenario.Scenario) *Shapes { return &Shapes{Scenario: sc} }

// Value returns the type of the values that the producers write to the topic of an alias,
// whatever the seed and the number of products. Where they differ, a field is optional, or
// its type the wider one. The error is a [NoShapeError], a [ShapeError], or a
// [scenario.Problems] of the producers.
func (s *Shapes) Value(alias string) (shape.Type, error) {
	return s.of(alias, (*rowContent).valueShape)
}

// Key returns the type of a topic's keys likewise; a key that is null is no key.
func (s *Shapes) Key(alias string) (shape.Type, error) {
	return s.of(alias, (*rowContent).keyShape)
}

func (r *rowContent) valueShape(x *shaping) (shape.Type, bool) { return x.value(r.root), true }

// keyShape returns the type of the keys, and whether there are any.
func (r *rowContent) keyShape(x *shaping) (shape.Type, bool) {
	if r.keyNode == nil {
		return shape.Type{}, false
	}
	t := x.value(r.keyNode)
	t.Nullable = false
	return t, true
}

func (s *Shapes) of(alias string, of func(*rowContent, *shaping) (shape.Type, bool)) (shape.Type, error) {
	if s.shaping == nil && s.err == nil {
		s.compile()
	}
	if s.err != nil {
		return shape.Type{}, s.err
	}
	return s.shaping.merged(alias, of)
}

func (s *Shapes) compile() {
	c := newCompiler(s.Scenario, CompileOptions{})
	c.shaping = true
	for i := range s.Scenario.Producers {
		if p := &s.Scenario.Producers[i]; !c.lineage.caused[p] && !p.Read {
			c.stream(p)
		}
	}
	c.finish()
	s.shaping, s.err = &shaping{compiler: c, busy: map[any]bool{}}, c.problems.Err()
}

// shaping finds the types of nodes.
type shaping struct {
	*compiler
	busy map[any]bool // what is being found, and so adds nothing to itself
}

// merged returns the type of what the producers of a topic write.
func (x *shaping) merged(alias string, of func(*rowContent, *shaping) (shape.Type, bool)) (out shape.Type, err error) {
	first := (*stream)(nil)
	for _, s := range x.inOrder() {
		if !s.writes(alias) {
			continue
		}
		for _, r := range s.contents() {
			t, ok := of(r, x)
			switch {
			case !ok:
				continue
			case first == nil:
				out, first = t, s
				continue
			}
			both, err := shape.Merge(out, t)
			if err != nil {
				return out, x.differ(alias, first, s, err)
			}
			out = both
		}
	}
	if first == nil {
		return out, &NoShapeError{alias}
	}
	return out, nil
}

// inOrder returns the streams in the order of the file.
func (c *compiler) inOrder() []*stream {
	return slices.SortedStableFunc(slices.Values(c.streams), func(a, b *stream) int {
		return cmp.Or(cmp.Compare(a.spec.Pos.Line, b.spec.Pos.Line), cmp.Compare(a.spec.Pos.Column, b.spec.Pos.Column))
	})
}

func (x *shaping) differ(alias string, first, second *stream, err error) error {
	out := &ShapeError{Topic: alias, First: first.name, Second: second.name, Pos: second.spec.Pos, Err: err}
	if conflict := new(shape.ConflictError); errors.As(err, &conflict) && conflict.PlaceB != (shape.Place{}) {
		out.Pos = scenario.Position(conflict.PlaceB)
	}
	return out
}

// writes reports whether some of a stream's records go to the topic of an alias.
func (s *stream) writes(alias string) bool {
	return !s.isRow && !s.spec.Read && (s.topic.Alias == alias ||
		slices.ContainsFunc(s.routes, func(t scenario.Topic) bool { return t.Alias == alias }))
}

// contents returns all contents of the stream's records.
func (s *stream) contents() (all []*rowContent) {
	for i := range s.rows {
		all = append(all, &s.rows[i])
	}
	if s.record.root != nil {
		all = append(all, &s.record)
	}
	return all
}

// value returns the type of a node's value.
func (x *shaping) value(n *node) shape.Type {
	t := x.present(n)
	if n.null != nil && t.Kind != shape.Null && t.Kind != shape.Any {
		t.Nullable = true
	}
	return t
}

// present returns the type of a value that is not null.
func (x *shaping) present(n *node) shape.Type {
	switch {
	case n.forms != nil:
		return shape.Either(n.forms(x)...)
	case n.kind == kindNull:
		return shape.Type{Kind: shape.Null}
	case n.kind == kindBool:
		return shape.Type{Kind: shape.Bool}
	case n.kind == kindNumber:
		return n.numberShape()
	case n.kind == kindString && n.date:
		return shape.Type{Kind: shape.Date}
	case n.kind == kindString && n.symbols != nil:
		return shape.Type{Kind: shape.Enum, Symbols: n.symbols}
	case n.kind == kindString:
		return shape.Type{Kind: shape.Text}
	case n.kind == kindObject:
		return x.object(n)
	case n.kind == kindList && n.elem != nil:
		elem := x.value(n.elem)
		return shape.Type{Kind: shape.List, Elem: &elem}
	case n.kind == kindList:
		elem := shape.Either(x.all(n.items)...)
		return shape.Type{Kind: shape.List, Elem: &elem}
	case n.kind == kindChoice:
		return shape.Either(x.all(n.choices)...)
	}
	return shape.Type{Kind: shape.Any}
}

func (x *shaping) all(nodes []*node) (types []shape.Type) {
	for _, n := range nodes {
		types = append(types, x.value(n))
	}
	return types
}

func (n *node) numberShape() shape.Type {
	switch {
	case n.unit > 0:
		return shape.Type{Kind: shape.Time, Unit: n.unit}
	case n.num == nil || n.unfit || n.open && n.dec > 0:
		return shape.Type{Kind: shape.Float}
	case n.open:
		return shape.Type{Kind: shape.Int, Low: math.MinInt64, High: math.MaxInt64}
	case n.dec == 0:
		return shape.Type{Kind: shape.Int, Low: n.limits.low, High: n.limits.high}
	}
	return shape.NewDecimal(n.limits.low, n.limits.high, n.dec)
}

func (x *shaping) object(n *node) shape.Type {
	t := shape.Type{Kind: shape.Object}
	for _, f := range n.fields {
		field := shape.Field{Name: f.name, Type: x.value(f.node), Optional: f.node.absent != nil, Place: shape.Place(f.pos)}
		if f.evolved != nil {
			field.Default, field.Aliases = f.evolved.Default, f.evolved.Aliases
		}
		t.Fields = append(t.Fields, field)
	}
	return t
}

// once returns what of returns, and nothing while it is being called for the same key.
func (x *shaping) once(key any, of func() []shape.Type) []shape.Type {
	if x.busy[key] {
		return nil
	}
	x.busy[key] = true
	defer delete(x.busy, key)
	return of()
}

// existing returns the type of a field of the records that a topic has, as far as
// producers of the scenario write such.
func (x *shaping) existing(alias, path string) []shape.Type {
	t := shape.Type{Kind: shape.Any}
	x.once(alias, func() []shape.Type {
		of, err := x.merged(alias, (*rowContent).valueShape)
		if at := slices.IndexFunc(of.Fields, func(f shape.Field) bool { return f.Name == path }); err == nil && at >= 0 {
			t = of.Fields[at].Type
		}
		return nil
	})
	return []shape.Type{t}
}

// forms returns the types of the values that are kept under a name, and of what is used
// without one.
func (m *memory) forms(x *shaping, name int, start *node) []shape.Type {
	return x.once([2]any{m, name}, func() []shape.Type {
		types := []shape.Type{x.value(start)}
		for i := range m.keeps {
			if k := &m.keeps[i]; k.name == name {
				types = append(types, x.value(k.node))
			}
		}
		return types
	})
}

// symbolsOf returns the texts of which a value is one, if all of them are constant; nil
// otherwise.
func symbolsOf(nodes []*node) (symbols []string) {
	for _, n := range nodes {
		own := n.symbols
		switch {
		case n.kind == kindNull:
			continue
		case n.kind != kindString || own == nil && n.bytes == nil:
			return nil
		case own == nil:
			own = []string{string(n.text(nil, nil, nil))}
		}
		for _, s := range own {
			if !slices.Contains(symbols, s) {
				symbols = append(symbols, s)
			}
		}
	}
	return symbols
}

// unitOf returns the unit of the times that a format writes as numbers; 0: they are text.
func unitOf(format scenario.TimeFormat) time.Duration {
	return map[string]time.Duration{"epoch_s": time.Second, "epoch_ms": time.Millisecond, "epoch_us": time.Microsecond, "epoch_ns": time.Nanosecond}[format.Name]
}
