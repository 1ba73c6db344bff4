package scenario

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// Bounds of a scenario: no file can hang the program or exhaust its memory.
const (
	maxList       = 10_000
	maxDepth      = 40
	maxGenerators = 50_000 // aliases unfolded
)

// mapAttr returns a key whose value is a mapping with a table of its own.
func mapAttr(name, about string, table []attr) attr {
	return attr{name: name, about: about, schema: mappingSchema(table),
		read: func(d *Decoder, n *yaml.Node, t any) { d.mapping(n, name, table, t) }}
}

// table returns the grammar's generators by name.
func (d *Decoder) table() map[string]generator {
	if d.generators == nil {
		d.generators = map[string]generator{}
		for _, g := range generators() {
			d.generators[g.arg.name] = g
		}
	}
	return d.generators
}

// gen reads a generator: a plain value, a list of generators, or a mapping with
// exactly one key of the table.
func (d *Decoder) gen(n *yaml.Node, what string) *Gen {
	defer d.inside(d.own())
	n = aliased(n)
	g := &Gen{Pos: positionOf(n), Optional: 1}
	defer d.evolution(g, d.isField)
	d.isField = false
	if d.depth++; d.depth > maxDepth {
		d.Problem(n, "%s is nested more than %d deep", what, maxDepth)
		d.depth--
		return g
	}
	defer func() { d.depth-- }()
	if d.count++; d.count > maxGenerators {
		if d.count == maxGenerators+1 {
			d.Problem(n, "there are more than %d generators, counting aliases each time", maxGenerators)
		}
		return g
	}
	switch n.Kind {
	case yaml.ScalarNode:
		if v, ok := d.scalar(n, what); ok {
			g.Spec = &Literal{v}
		}
	case yaml.SequenceNode:
		g.Spec = &Tuple{items(d, n, what, func(item *yaml.Node) *Gen { return d.gen(item, "an element of "+what) })}
	default:
		d.genMapping(n, what, g)
	}
	return g
}

// keep reads NAME or {NAME: FIELD}.
func (d *Decoder) keep(n *yaml.Node, what string) *Keep {
	if n.Kind == yaml.MappingNode && len(n.Content) == 2 {
		return &Keep{Name: d.name(n.Content[0], what), By: d.name(n.Content[1], what)}
	}
	if n.Kind == yaml.ScalarNode {
		return &Keep{Name: d.name(n, what)}
	}
	d.Problem(n, "%s must be a name or {NAME: FIELD}", what)
	return nil
}

func (d *Decoder) genMapping(n *yaml.Node, what string, g *Gen) {
	n = d.merged(n)
	var found *generator
	for i := 0; i+1 < len(n.Content); i += 2 {
		entry, ok := d.table()[n.Content[i].Value]
		if !ok {
			continue
		}
		if found != nil {
			d.Problem(n.Content[i], "%s has two generators, %s and %s; it takes one", what, found.arg.name, entry.arg.name)
			return
		}
		found = &entry
	}
	if found == nil {
		d.noGenerator(n, what)
		return
	}
	spec := found.make()
	table := append([]attr{must(found.arg)}, found.modifiers...)
	own := len(table)
	for _, a := range commonAttrs() {
		if !found.has(a.name) {
			table = append(table, a)
		}
	}
	for i, a := range table {
		if read := a.read; i < own {
			table[i].read = func(d *Decoder, n *yaml.Node, _ any) { read(d, n, spec) }
		}
	}
	before := d.own()
	d.mapping(n, "the generator "+found.arg.name, table, g)
	d.complete(n, spec, before)
	if d.own() == before || usable(spec) {
		g.Spec = spec
	}
}

// has reports whether the generator has a modifier of its own with this name.
func (g *generator) has(name string) bool {
	return slices.ContainsFunc(g.modifiers, func(m attr) bool { return m.name == name })
}

// valueOf returns the value of a key that a mapping has.
func valueOf(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return aliased(n.Content[i+1])
		}
	}
	return n
}

// complete checks what the keys of a generator are together, unless one of them has a
// problem.
func (d *Decoder) complete(n *yaml.Node, spec any, before int) {
	if d.own() > before {
		return
	}
	switch s := spec.(type) {
	case *List:
		if s.Of == nil {
			d.Problem(n, "a list needs `of:`, the fields of each element, or `each:`, a generator")
		}
	case *OneOf:
		d.weigh(s, valueOf(n, "one_of"))
	case *Time:
		if strings.HasPrefix(s.Format.Name, "epoch") && s.Format.Zone != nil {
			d.Problem(n, "zone: %s is the same in all time zones", s.Format.Name)
		}
	case *Sequence:
		switch {
		case s.From != nil && s.Text == nil:
			d.Problem(n, "`from:` is for a sequence of texts; {sequence: %d} is the numbers from %d up", *s.From, *s.From)
		case s.From != nil:
			s.First = *s.From
		}
	}
}

// own returns the number of problems outside nested generators.
func (d *Decoder) own() int { return len(d.Problems) - d.inner }

// inside marks the problems since own returned before as those of a nested generator.
func (d *Decoder) inside(before int) { d.inner = len(d.Problems) - before }

// usable reports whether the names and generators in a generator with a problem can
// still be checked. It replaces whatever may be wrong by harmless values.
func usable(spec any) bool {
	switch s := spec.(type) {
	case *List:
		if s.Length == nil {
			s.Length = &Gen{Spec: &Int{High: 1}, Optional: 1}
		}
		return s.Of != nil
	case *Object:
		return len(s.Fields) > 0
	case *If:
		if s.Expr == nil {
			s.Expr, _ = ParseExpr("0 == 0")
		}
		if s.Then == nil {
			s.Then = s.Else
		}
		if s.Else == nil {
			s.Else = s.Then
		}
		return s.Then != nil
	case *OneOf:
		for i := range s.Choices {
			s.Choices[i].Weight = 1
		}
		return len(s.Choices) > 0
	case *Ref:
		s.First, s.Skew, s.Weight = 1, nil, nil
		return s.Producer.Text != "" && s.Field.Text != ""
	case *Copy:
		return s.Path.Text != ""
	case *Count:
		return s.Path.Text != ""
	case *Text:
		return len(s.Text.Parts) > 0
	case *Sum:
		return s.Expr != nil
	case *Calc:
		return s.Expr != nil
	case *Compare:
		return s.Expr != nil
	}
	return false
}

func (d *Decoder) noGenerator(n *yaml.Node, what string) {
	names := slices.Sorted(maps.Keys(d.table()))
	if len(n.Content) == 0 {
		d.Problem(n, "%s is an empty mapping; a generator is one of %s", what, strings.Join(names, ", "))
		return
	}
	first := n.Content[0]
	switch near := nearest(first.Value, names); {
	case d.looksLikeFields(n):
		d.Problem(first, "%s: %q is not a generator; write {object: {%s: …}} for fields", what, first.Value, first.Value)
	case near != "":
		d.Problem(first, "there is no generator %q; did you mean %q?", first.Value, near)
	default:
		d.Problem(first, "%s: there is no generator %q; write {object: {%s: …}} for fields, or one of %s", what, first.Value, first.Value, strings.Join(names, ", "))
	}
}

// looksLikeFields reports whether a mapping is one of fields: their values are generators,
// or there are several and none has the name of a modifier.
func (d *Decoder) looksLikeFields(n *yaml.Node) bool {
	modifiers := 0
	for i := 0; i+1 < len(n.Content); i += 2 {
		if d.isGenerator(n.Content[i+1]) {
			return true
		}
		if slices.ContainsFunc(commonAttrs(), func(a attr) bool { return a.name == n.Content[i].Value }) {
			modifiers++
		}
	}
	return len(n.Content) > 2 && modifiers == 0 && nearest(n.Content[0].Value, slices.Collect(maps.Keys(d.table()))) == ""
}

// isGenerator reports whether a node is the mapping of a right generator.
func (d *Decoder) isGenerator(n *yaml.Node) bool {
	if d.trial || n.Kind != yaml.MappingNode {
		return false
	}
	trial := &Decoder{trial: true, generators: d.generators, depth: d.depth}
	trial.gen(n, "")
	return len(trial.Problems) == 0
}

// elements reads the fields of a list's elements.
func (d *Decoder) elements(n *yaml.Node) *Gen {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.MappingNode {
		d.Problem(n, "of must be a mapping of fields, not %s; elements that are plain values are `each:`", d.kindOf(n))
		return nil
	}
	if d.isGenerator(n) {
		name := n.Content[0].Value
		d.Problem(n, "`of:` has the fields of an object, and this is the generator %s; did you mean `each:`? A field of that name is {%s: {literal: …}}", name, name)
		return nil
	}
	return d.object(n, "of")
}

// object reads a mapping of field names to generators.
func (d *Decoder) object(n *yaml.Node, what string) *Gen {
	defer d.inside(d.own())
	g := &Gen{Pos: positionOf(n), Optional: 1}
	o := &Object{}
	d.Each(n, what, func(key, value *yaml.Node) {
		if !validName(key.Value) {
			d.Problem(key, "%q is not a valid name of a field: it has no braces or backticks, and is not empty", key.Value)
			return
		}
		d.isField = true
		o.Fields = append(o.Fields, Field{key.Value, positionOf(key), d.gen(value, key.Value)})
	})
	d.checkAliases(o.Fields)
	g.Spec = o
	return g
}

// ints reads two whole numbers in order.
func (d *Decoder) ints(n *yaml.Node, what, form string, least, most int) (low, high int64, ok bool) {
	v, ok := interval(d, n, what, form, cmp.Compare, func(item *yaml.Node) int { return d.Int(item, what, least, most) })
	return int64(v[0]), int64(v[1]), ok
}

func (d *Decoder) length(n *yaml.Node) *Gen {
	if n.Kind != yaml.SequenceNode {
		return d.gen(n, "list")
	}
	low, high, ok := d.ints(n, "list", "[SHORTEST, LONGEST] or a generator", 0, maxList)
	if !ok {
		low, high = 0, 1 // the elements are checked in any case
	}
	return &Gen{Pos: positionOf(n), Spec: &Int{Low: low, High: high}, Optional: 1}
}

func (d *Decoder) params(n *yaml.Node) []Param {
	return entries(d, n, "with", func(key, value *yaml.Node) Param {
		text := func(n *yaml.Node) string {
			s, _ := d.scalar(n, key.Value)
			return s.Text
		}
		p := Param{Name: Name{key.Value, positionOf(key)}}
		if value.Kind == yaml.SequenceNode {
			p.Value = items(d, value, key.Value, text)
		} else {
			p.Value = []string{text(value)}
		}
		return p
	})
}

func (d *Decoder) time(n *yaml.Node, t *Time) {
	if n.Kind != yaml.MappingNode {
		d.choice(n, "time", "now")
		return
	}
	before := d.own()
	d.mapping(n, "time", awayTable(), t)
	switch none := [2]time.Duration{}; {
	case d.own() > before:
	case t.Ago != none && t.In != none:
		d.Problem(n, "time: `ago` and `in` exclude each other")
	case len(n.Content) == 0:
		d.Problem(n, "time is now, or a mapping with `ago`, `in` or `of`")
	}
}

func (d *Decoder) day(n *yaml.Node) time.Time {
	if n.Kind == yaml.ScalarNode {
		if t, err := time.Parse(time.DateOnly, n.Value); err == nil {
			return t
		}
	}
	d.Problem(n, "a date is YYYY-MM-DD, such as 2026-01-31, not %s", d.kindOf(n))
	return time.Time{}
}

func (d *Decoder) refTo(n *yaml.Node, v *Ref) {
	text := d.String(n, "ref")
	producer, rest, quoted := cutQuoted(text)
	field, ok := strings.CutPrefix(rest, ".")
	if !quoted {
		producer, field, ok = strings.Cut(text, ".")
	}
	if text != "" && (!ok || producer == "" || field == "") {
		d.Problem(n, "ref: write PRODUCER.FIELD, such as catalog.id, not %q", text)
	}
	p := positionOf(n)
	v.Producer, v.Field = Name{producer, p}, Name{field, Position{p.Line, p.Column + len(text) - len(field)}}
}

// maxSequence bounds the first number of a sequence, so that no number overflows.
const maxSequence = 9_000_000_000_000_000_000

func (d *Decoder) sequence(n *yaml.Node, s *Sequence) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!int" {
		s.First = d.Int(n, "sequence", 0, maxSequence)
		return
	}
	if s.Text = d.template(n, "sequence"); s.Text != nil {
		d.placeholders(n, s.Text, "sequence", "n", "seed")
	}
}

// placeholders checks that a template has only these names, and the first at least
// once.
func (d *Decoder) placeholders(n *yaml.Node, t *Template, what string, names ...string) {
	known := true
	for _, name := range t.Names() {
		if !slices.Contains(names, name) {
			d.Problem(n, "%s: unknown placeholder {%s}%s", what, name, suggestion(name, names))
			known = false
		}
	}
	if known && !slices.Contains(t.Names(), names[0]) {
		d.Problem(n, "%s needs {%s}, or every record would be the same", what, names[0])
	}
}
