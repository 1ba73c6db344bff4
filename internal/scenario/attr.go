package scenario

import (
	"cmp"
	"strings"
	"time"

	"inv/internal/when"

	"gopkg.in/yaml.v3"
)

// attr is one key of a mapping in the grammar: its meaning, the JSON Schema of its
// value, and a function that reads the value into a target. The parser and the schema
// share tables of these.
type attr struct {
	name     string
	about    string
	required bool
	schema   obj
	read     func(d *Decoder, n *yaml.Node, target any)
}

// must marks a required attr.
func must(a attr) attr {
	a.required = true
	return a
}

// mapping reads a mapping by its table into target.
func (d *Decoder) mapping(n *yaml.Node, what string, table []attr, target any) {
	seen := map[string]bool{}
	fields := make(map[string]func(*yaml.Node), len(table))
	for _, a := range table {
		fields[a.name] = func(n *yaml.Node) {
			seen[a.name] = true
			a.read(d, n, target)
		}
	}
	before := d.own()
	if n.Kind != yaml.MappingNode && n.Kind != yaml.AliasNode {
		d.Problem(n, "%s must be a mapping%s, not %s", what, required(table), d.kindOf(n))
		return
	}
	d.Fields(n, what, fields)
	for _, a := range table {
		if a.required && !seen[a.name] && d.own() == before {
			d.Problem(n, "%s needs `%s:`, %s", what, a.name, a.about)
		}
	}
}

// required names the keys that a mapping must have, for a problem.
func required(table []attr) string {
	var names []string
	for _, a := range table {
		if a.required {
			names = append(names, "`"+a.name+":`")
		}
	}
	if len(names) == 0 {
		return ""
	}
	return " with " + strings.Join(names, " and ")
}

// valueAttr returns a key whose value is read into a field of a *T.
func valueAttr[T, V any](name, about string, schema obj, at func(*T) *V, read func(d *Decoder, n *yaml.Node, what string) V) attr {
	return attr{name: name, about: about, schema: schema,
		read: func(d *Decoder, n *yaml.Node, t any) { *at(t.(*T)) = read(d, n, name) }}
}

// optional makes read return a pointer, for fields that are nil without the key.
func optional[V any](read func(*Decoder, *yaml.Node, string) V) func(*Decoder, *yaml.Node, string) *V {
	return func(d *Decoder, n *yaml.Node, what string) *V { return new(read(d, n, what)) }
}

func textAttr[T any](name, about string, at func(*T) *string) attr {
	return valueAttr(name, about, obj{"type": "string"}, at, (*Decoder).String)
}

func textsAttr[T any](name, about string, at func(*T) *[]string) attr {
	return valueAttr(name, about, obj{"type": "array", "items": obj{"type": "string"}}, at, (*Decoder).Strings)
}

func nameAttr[T any](name, about string, at func(*T) *Name) attr {
	return valueAttr(name, about, obj{"type": "string"}, at, (*Decoder).name)
}

func namesAttr[T any](name, about string, at func(*T) *[]Name) attr {
	return valueAttr(name, about, obj{"type": "array", "items": obj{"type": "string"}}, at,
		func(d *Decoder, n *yaml.Node, what string) []Name {
			return items(d, n, what, func(item *yaml.Node) Name { return d.name(item, "an element of "+what) })
		})
}

func choiceAttr[T any](name, about string, at func(*T) *string, choices ...string) attr {
	return valueAttr(name, about, obj{"enum": choices}, at,
		func(d *Decoder, n *yaml.Node, what string) string { return d.choice(n, what, choices...) })
}

func boolAttr[T any](name, about string, at func(*T) *bool) attr {
	return valueAttr(name, about, obj{"type": "boolean"}, at, (*Decoder).Bool)
}

// switchAttr returns a key with two values, of which the second sets the bool.
func switchAttr[T any](name, about, off, on string, at func(*T) *bool) attr {
	return valueAttr(name, about, obj{"enum": []string{off, on}}, at,
		func(d *Decoder, n *yaml.Node, what string) bool { return d.choice(n, what, off, on) == on })
}

func intAttr[T any](name, about string, low, high int, at func(*T) *int) attr {
	return valueAttr(name, about, obj{"type": "integer", "minimum": low, "maximum": high}, at,
		func(d *Decoder, n *yaml.Node, what string) int { return d.Int(n, what, low, high) })
}

func shareAttr[T any](name, about string, at func(*T) *Share) attr {
	return valueAttr(name, about, shareSchema(), at, (*Decoder).share)
}

func numberAttr[T any](name, about string, at func(*T) *Number) attr {
	return valueAttr(name, about, obj{"type": "number"}, at, (*Decoder).number)
}

func optionalNumberAttr[T any](name, about string, at func(*T) **Number) attr {
	return valueAttr(name, about, obj{"type": "number"}, at, optional((*Decoder).number))
}

func decimalsAttr[T any](at func(*T) *int) attr {
	return intAttr("decimals", "the number of decimals", 0, MaxDecimals, at)
}

func timeAttr[T any](name, about string, at func(*T) *time.Duration) attr {
	return valueAttr(name, about, durationSchema(), at, (*Decoder).period)
}

func rateAttr[T any](name, about string, at func(*T) *Rate) attr {
	return valueAttr(name, about, rateSchema(), at, (*Decoder).rate)
}

func templateAttr[T any](name, about string, at func(*T) **Template) attr {
	return valueAttr(name, about, obj{"type": "string"}, at, (*Decoder).template)
}

func exprAttr[T any](name, about string, at func(*T) **Expr) attr {
	return valueAttr(name, about, obj{"type": "string"}, at, (*Decoder).expr)
}

func genAttr[T any](name, about string, at func(*T) **Gen) attr {
	return valueAttr(name, about, ref("generator"), at, (*Decoder).gen)
}

func fieldsAttr[T any](name, about string, at func(*T) **Gen) attr {
	return valueAttr(name, about, ref("fields"), at, (*Decoder).object)
}

// name reads a word that refers to something.
func (d *Decoder) name(n *yaml.Node, what string) Name {
	return Name{d.String(n, what), positionOf(n)}
}

func (d *Decoder) share(n *yaml.Node, what string) Share {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || n.Tag == "!!bool" {
		d.Problem(n, "%s must be a share such as 2.5%%, not %s", what, d.kindOf(n))
		return 0
	}
	v, err := ParseShare(n.Value)
	if err != nil {
		d.Problem(n, "%s: %v", what, err)
	}
	return v
}

func (d *Decoder) number(n *yaml.Node, what string) Number {
	if n.Kind == yaml.ScalarNode && (n.Tag == "!!int" || n.Tag == "!!float") {
		if v, ok := ParseNumber(n.Value); ok && !octal.MatchString(n.Value) {
			return v
		}
		d.Problem(n, "%s must be a number of at most %d decimals within ±%d, not %s", what, MaxDecimals, int64(MaxWhole), n.Value)
		return Number{}
	}
	d.Problem(n, "%s must be a number, not %s", what, d.kindOf(n))
	return Number{}
}

// quantity reads the text of a number with a unit. One without is also read, so that the
// message can name units.
func (d *Decoder) quantity(n *yaml.Node, what string) string {
	if n.Kind == yaml.ScalarNode && (n.Tag == "!!int" || n.Tag == "!!float") {
		return n.Value
	}
	return d.String(n, what)
}

// period reads a duration of 0 or more.
func (d *Decoder) period(n *yaml.Node, what string) time.Duration {
	v := d.quantity(n, what)
	t, err := when.ParseDuration(v)
	switch {
	case v == "":
	case err != nil:
		d.Problem(n, "%s: %v", what, err)
	case t < 0:
		d.Problem(n, "%s is negative: %s", what, v)
		return 0
	}
	return t
}

func (d *Decoder) rate(n *yaml.Node, what string) Rate {
	v := d.quantity(n, what)
	if v == "" {
		return Rate{}
	}
	r, err := ParseRate(v)
	if err != nil {
		d.Problem(n, "%s: %v", what, err)
	}
	return r
}

func (d *Decoder) template(n *yaml.Node, what string) *Template {
	before := len(d.Problems)
	text := d.String(n, what)
	if len(d.Problems) > before {
		return nil
	}
	t, err := ParseTemplate(text)
	if err != nil {
		d.Problem(n, "%s: %v", what, err)
		return nil
	}
	t.Pos = positionOf(n)
	return t
}

func (d *Decoder) expr(n *yaml.Node, what string) *Expr {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		d.Problem(n, "%s must be an expression, not %s", what, d.kindOf(n))
		return nil
	}
	e, err := ParseExpr(n.Value)
	if err != nil {
		d.Problem(n, "%s: %v", what, err)
		return nil
	}
	return e
}

// interval reads a list of two values in order. With a problem, ok is false.
func interval[V any](d *Decoder, n *yaml.Node, what, form string, compare func(V, V) int, read func(*yaml.Node) V) (v [2]V, ok bool) {
	if n.Kind != yaml.SequenceNode {
		d.Problem(n, "%s must be %s, not %s", what, form, d.kindOf(n))
		return v, false
	}
	if len(n.Content) != 2 {
		d.Problem(n, "%s must be %s, not a list of %d", what, form, len(n.Content))
		return v, false
	}
	before := len(d.Problems)
	v = [2]V(items(d, n, what, read))
	if len(d.Problems) == before && compare(v[0], v[1]) > 0 {
		d.Problem(n, "%s must be %s, not [%s, %s]", what, form, n.Content[0].Value, n.Content[1].Value)
	}
	return v, len(d.Problems) == before
}

// periodOrRange reads a duration, or a list of the shortest and the longest.
func (d *Decoder) periodOrRange(n *yaml.Node, what string) [2]time.Duration {
	if n.Kind == yaml.SequenceNode {
		return d.periods(n, what)
	}
	t := d.period(n, what)
	return [2]time.Duration{t, t}
}

func (d *Decoder) periods(n *yaml.Node, what string) [2]time.Duration {
	v, _ := interval(d, n, what, "[SHORTEST, LONGEST]", cmp.Compare, func(item *yaml.Node) time.Duration { return d.period(item, what) })
	return v
}
