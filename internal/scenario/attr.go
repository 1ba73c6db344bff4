package scenario

import (
	"time"

	"gopkg.in/yaml.v3"
)

// attr is one key of a mapping in the grammar: its meaning, the JSON Schema of its
// value, and how the value is read into a *T. The parser and the schema both come
// from tables of these.
type attr struct {
	name     string
	about    string
	required bool
	schema   map[string]any
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
	d.Fields(n, what, fields)
	if n.Kind != yaml.MappingNode {
		return
	}
	for _, a := range table {
		if a.required && !seen[a.name] && d.own() == before {
			d.Problem(n, "%s needs `%s:`, %s", what, a.name, a.about)
		}
	}
}

func textAttr[T any](name, about string, at func(*T) *string) attr {
	return attr{name: name, about: about, schema: obj{"type": "string"},
		read: func(d *Decoder, n *yaml.Node, t any) { *at(t.(*T)) = d.String(n, name) }}
}

func nameAttr[T any](name, about string, at func(*T) *Name) attr {
	return attr{name: name, about: about, schema: obj{"type": "string"},
		read: func(d *Decoder, n *yaml.Node, t any) { *at(t.(*T)) = d.name(n, name) }}
}

func namesAttr[T any](name, about string, at func(*T) *[]Name) attr {
	return attr{name: name, about: about, schema: obj{"type": "array", "items": obj{"type": "string"}},
		read: func(d *Decoder, n *yaml.Node, t any) {
			d.Items(n, name, func(item *yaml.Node) { *at(t.(*T)) = append(*at(t.(*T)), d.name(item, "an element of "+name)) })
		}}
}

func choiceAttr[T any](name, about string, at func(*T) *string, choices ...string) attr {
	return attr{name: name, about: about, schema: obj{"enum": anyOf(choices)},
		read: func(d *Decoder, n *yaml.Node, t any) { *at(t.(*T)) = d.choice(n, name, choices...) }}
}

func boolAttr[T any](name, about string, at func(*T) *bool) attr {
	return attr{name: name, about: about, schema: obj{"type": "boolean"},
		read: func(d *Decoder, n *yaml.Node, t any) { *at(t.(*T)) = d.Bool(n, name) }}
}

func intAttr[T any](name, about string, low, high int, at func(*T) *int) attr {
	return attr{name: name, about: about, schema: obj{"type": "integer", "minimum": low, "maximum": high},
		read: func(d *Decoder, n *yaml.Node, t any) { *at(t.(*T)) = d.Int(n, name, low, high) }}
}

func shareAttr[T any](name, about string, at func(*T) *Share) attr {
	return attr{name: name, about: about, schema: shareSchema(),
		read: func(d *Decoder, n *yaml.Node, t any) { *at(t.(*T)) = d.share(n, name) }}
}

func numberAttr[T any](name, about string, at func(*T) *Number) attr {
	return attr{name: name, about: about, schema: obj{"type": "number"},
		read: func(d *Decoder, n *yaml.Node, t any) { *at(t.(*T)) = d.number(n, name) }}
}

func optionalNumberAttr[T any](name, about string, at func(*T) **Number) attr {
	return attr{name: name, about: about, schema: obj{"type": "number"},
		read: func(d *Decoder, n *yaml.Node, t any) {
			v := d.number(n, name)
			*at(t.(*T)) = &v
		}}
}

func decimalsAttr[T any](at func(*T) *int) attr {
	return intAttr("decimals", "how many decimals it has", 0, MaxDecimals, at)
}

func timeAttr[T any](name, about string, at func(*T) *time.Duration) attr {
	return attr{name: name, about: about, schema: durationSchema(),
		read: func(d *Decoder, n *yaml.Node, t any) { *at(t.(*T)) = d.period(n, name) }}
}

func rateAttr[T any](name, about string, at func(*T) *Rate) attr {
	return attr{name: name, about: about, schema: rateSchema(),
		read: func(d *Decoder, n *yaml.Node, t any) { *at(t.(*T)) = d.rate(n, name) }}
}

func templateAttr[T any](name, about string, at func(*T) **Template) attr {
	return attr{name: name, about: about, schema: obj{"type": "string"},
		read: func(d *Decoder, n *yaml.Node, t any) { *at(t.(*T)) = d.template(n, name) }}
}

func exprAttr[T any](name, about string, at func(*T) **Expr) attr {
	return attr{name: name, about: about, schema: obj{"type": "string"},
		read: func(d *Decoder, n *yaml.Node, t any) { *at(t.(*T)) = d.expr(n, name) }}
}

func genAttr[T any](name, about string, at func(*T) **Gen) attr {
	return attr{name: name, about: about, schema: ref("generator"),
		read: func(d *Decoder, n *yaml.Node, t any) { *at(t.(*T)) = d.gen(n, name) }}
}

func fieldsAttr[T any](name, about string, at func(*T) **Gen) attr {
	return attr{name: name, about: about, schema: ref("fields"),
		read: func(d *Decoder, n *yaml.Node, t any) { *at(t.(*T)) = d.object(n, name) }}
}

// name reads a word that refers to something.
func (d *Decoder) name(n *yaml.Node, what string) Name {
	return Name{d.String(n, what), positionOf(n)}
}

func (d *Decoder) share(n *yaml.Node, what string) Share {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || n.Tag == "!!bool" {
		d.Problem(n, "%s must be a share such as 2.5%%, not %s", what, kindOf(n))
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
		if v, ok := ParseNumber(n.Value); ok {
			return v
		}
		d.Problem(n, "%s must be a number of at most %d decimals within ±%d, not %s", what, MaxDecimals, int64(MaxWhole), n.Value)
		return Number{}
	}
	d.Problem(n, "%s must be a number, not %s", what, kindOf(n))
	return Number{}
}

// period reads a duration of 0 or more.
func (d *Decoder) period(n *yaml.Node, what string) time.Duration {
	v := d.String(n, what)
	t, err := time.ParseDuration(v)
	if v != "" && (err != nil || t < 0) {
		d.Problem(n, "%s must be a time such as 250ms, 10s or 2h30m, not %q", what, v)
		return 0
	}
	return t
}

func (d *Decoder) rate(n *yaml.Node, what string) Rate {
	if n.Kind == yaml.ScalarNode && (n.Tag == "!!int" || n.Tag == "!!float") {
		d.Problem(n, "%s: a rate says in what time, such as 500/s, 1s or max, unlike the number %s", what, n.Value)
		return Rate{}
	}
	v := d.String(n, what)
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
	text := d.String(n, what)
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
		d.Problem(n, "%s must be an expression, not %s", what, kindOf(n))
		return nil
	}
	e, err := ParseExpr(n.Value)
	if err != nil {
		d.Problem(n, "%s: %v", what, err)
		return nil
	}
	return e
}

// pair reads a list of two.
func (d *Decoder) pair(n *yaml.Node, what, form string, read func(*yaml.Node, int)) bool {
	if n.Kind != yaml.SequenceNode || len(n.Content) != 2 {
		d.Problem(n, "%s must be %s, not %s", what, form, kindOf(n))
		return false
	}
	before := len(d.Problems)
	i := 0
	d.Items(n, what, func(item *yaml.Node) { read(item, i); i++ })
	return len(d.Problems) == before
}

func (d *Decoder) periods(n *yaml.Node, what string) (v [2]time.Duration) {
	ok := d.pair(n, what, "[SHORTEST, LONGEST]", func(item *yaml.Node, i int) { v[i] = d.period(item, what) })
	if ok && v[0] > v[1] {
		d.Problem(n, "%s: the shortest, %v, is longer than the longest, %v", what, v[0], v[1])
	}
	return v
}
