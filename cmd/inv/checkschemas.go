package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"

	"inv/internal/jq"
	"inv/internal/registry"
	"inv/internal/registry/shape"
	"inv/internal/scenario"
	"inv/producer"
)

// checkSchemas returns the mistakes in the encodings of a scenario's topics: schemas that
// can't be compiled or derived, what does not fit them field by field, defaults of another
// type than their field's, and expressions of upgrades.
func checkSchemas(ctx context.Context, sc *scenario.Scenario) scenario.Problems {
	c := &schemaCheck{ctx: ctx, sc: sc, shapes: producer.NewShapes(sc), seen: map[scenario.Problem]bool{}}
	for i := range sc.Topics {
		t := &sc.Topics[i]
		c.upgrades(t)
		c.topic(t, false)
		c.topic(t, true)
	}
	return c.problems
}

// schemaCheck collects the problems of schemas.
type schemaCheck struct {
	ctx      context.Context
	sc       *scenario.Scenario
	shapes   *producer.Shapes
	seen     map[scenario.Problem]bool
	problems scenario.Problems
}

func (c *schemaCheck) problem(p scenario.Problem) {
	if !c.seen[p] { // two topics may have the same file
		c.seen[p] = true
		c.problems = append(c.problems, p)
	}
}

// at reports a problem in the scenario's file.
func (c *schemaCheck) at(pos scenario.Position, format string, args ...any) {
	c.problem(scenario.Problem{File: c.sc.File, Pos: pos, Text: fmt.Sprintf(format, args...)})
}

func (c *schemaCheck) upgrades(t *scenario.Topic) {
	_, err := registry.NewUpgrades(t.Upgrades)
	var expression *registry.ExpressionError
	if !errors.As(err, &expression) {
		return
	}
	with, text, pos := expression.Upgrade.With, expression.Err.Error(), expression.Upgrade.Pos
	if at := new(jq.Error); errors.As(err, &at) {
		text, pos = at.Err.Error(), with.At(at.Offset)
	}
	c.problem(scenario.Problem{File: c.sc.File, Pos: pos, Expression: true, Text: fmt.Sprintf("topic %q: upgrade %s: %s", t.Alias, expression.Upgrade.Type, text)})
}

// topic checks the format of a topic's values or keys.
func (c *schemaCheck) topic(t *scenario.Topic, key bool) {
	e := t.Format
	if key {
		e = t.KeyFormat
	}
	if e.Name == "" || e.File != "" && e.Source == "" { // its file has a problem already
		return
	}
	of, err := topicShape(c.shapes, t.Alias, key)
	shapeless := errors.As(err, new(*shapelessError))
	switch {
	case errors.As(err, new(scenario.Problems)): // of producers, which are told with them
		return
	case err != nil && (!shapeless || e.Derived()):
		c.at(e.Pos, "%v", err)
		return
	case err == nil && !c.defaults(of):
		return
	}
	source, err := topicSchema(c.shapes, *t, key, registry.Form(e.Name))
	var underived *underivedError
	if errors.As(err, &underived) {
		c.misfits(e.Pos, underived.what(), underived.misfits)
		return
	}
	if err != nil {
		c.at(e.Pos, "%v", err)
		return
	}
	sch, err := registry.Compile(c.ctx, source)
	if err != nil {
		c.uncompiled(t, e, source, err)
		return
	}
	schema := cmp.Or(e.File, "its schema")
	what := fmt.Sprintf("topic %s does not fit %s", t.Alias, schema)
	if key {
		what = fmt.Sprintf("the keys of topic %s do not fit %s", t.Alias, schema)
	}
	if !shapeless {
		c.misfits(e.Pos, what, registry.Fit(sch, of))
	}
	if !key {
		c.emitted(t, sch, what)
	}
}

func (c *schemaCheck) misfits(pos scenario.Position, what string, misfits []registry.Misfit) {
	for _, m := range misfits {
		at := pos
		if m.Place != (shape.Place{}) {
			at = scenario.Position(m.Place)
		}
		c.at(at, "%s: %v", what, m)
	}
}

// uncompiled reports a mistake in a schema, in its file.
func (c *schemaCheck) uncompiled(t *scenario.Topic, e scenario.Encoding, source registry.Source, err error) {
	if e.File == "" {
		c.at(e.Pos, "the derived schema of topic %s: %v", t.Alias, err)
		return
	}
	reference, at, text := registry.PlaceOf(source, err)
	file := e.File
	for _, i := range e.Imports {
		if i.Name == reference {
			file = i.File
		}
	}
	c.problem(scenario.Problem{File: filepath.Join(filepath.Dir(c.sc.File), filepath.FromSlash(file)), Pos: scenario.Position(at), Text: text})
}

// defaults reports whether the defaults in a shape are of their fields' types.
func (c *schemaCheck) defaults(t shape.Type) bool {
	before := len(c.problems)
	for _, f := range t.Fields {
		if f.Default != "" {
			if err := admitting(f.Type).Admit([]byte(f.Default)); err != nil && (f.Default != "null" || !f.Optional) {
				c.at(scenario.Position(f.Place), "%s: the default %v", f.Name, err)
			}
		}
		c.defaults(f.Type)
	}
	if t.Elem != nil {
		c.defaults(*t.Elem)
	}
	for _, of := range t.Of {
		c.defaults(of)
	}
	return len(c.problems) == before
}

// admitting returns the type of a field's default: a number of the same width may be one
// that is never generated.
func admitting(t shape.Type) shape.Type {
	if t.Kind == shape.Int && t.Low >= math.MinInt32 && t.High <= math.MaxInt32 {
		t.Low, t.High = math.MinInt32, math.MaxInt32
	} else if t.Kind == shape.Int {
		t.Low, t.High = math.MinInt64, math.MaxInt64
	}
	return t
}

// emitted checks the fields that declared topologies write to a topic: their names, and
// the values that are literals.
func (c *schemaCheck) emitted(t *scenario.Topic, sch *registry.Schema, what string) {
	for i := range c.sc.Topologies {
		for _, e := range c.sc.Topologies[i].Emit {
			if e.To == t.Alias && e.Fields != nil {
				c.misfits(e.Pos, what, registry.Fit(sch, shapeOfMapping(e.Fields)))
			}
		}
	}
}

// shapeOfMapping returns what is known of an object of expressions before they run.
func shapeOfMapping(m *scenario.Mapping) shape.Type {
	t := shape.Type{Kind: shape.Object}
	for _, member := range m.Members {
		t.Fields = append(t.Fields, shape.Field{Name: member.Name, Type: shapeOfMember(member), Place: shape.Place(member.Pos)})
	}
	return t
}

func shapeOfMember(m scenario.Member) shape.Type {
	switch {
	case m.Mapping != nil:
		return shapeOfMapping(m.Mapping)
	case m.JQ != nil:
		return shape.OfLiteral([]byte(m.JQ.Source))
	case len(m.List) == 0:
		return shape.Type{Kind: shape.List, Elem: &shape.Type{Kind: shape.Any}}
	}
	elem := shapeOfMember(m.List[0])
	for _, item := range m.List[1:] {
		merged, err := shape.Merge(elem, shapeOfMember(item))
		if err != nil {
			merged = shape.Type{Kind: shape.Any}
		}
		elem = merged
	}
	return shape.Type{Kind: shape.List, Elem: &elem}
}
