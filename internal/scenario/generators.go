package scenario

import (
	"math"
	"slices"
	"time"

	"gopkg.in/yaml.v3"
)

// generator is one entry of the grammar: the key of a generator, its argument, and
// its modifiers.
type generator struct {
	about     string
	example   string
	make      func() any
	arg       attr // its name is the generator's
	modifiers []attr
}

// generators returns the table of all generators, the source of the parser, the schema
// and the documentation.
func generators() []generator {
	return slices.Concat(textGenerators(), numberGenerators(), timeGenerators(), derivedGenerators(), nestedGenerators())
}

func textGenerators() []generator {
	return []generator{
		{"a constant, like a plain value", `{literal: EUR}`,
			func() any { return &Literal{} },
			attr{name: "literal", about: "a text, number, true, false or null", schema: ref("scalar"),
				read: func(d *Decoder, n *yaml.Node, t any) { t.(*Literal).Value, _ = d.scalar(n, "literal") }}, nil},
		{"numbers the records; in a text, {n} is the number, {seed} the seed of the run", `{sequence: "order-{seed}-{n}"}`,
			func() any { return &Sequence{First: 1} },
			attr{name: "sequence", about: "a text with {n} and perhaps {seed}; or the first number, for numbers", schema: obj{"anyOf": []any{
				obj{"type": "string"}, obj{"type": "integer", "minimum": 0, "maximum": maxSequence}}},
				read: func(d *Decoder, n *yaml.Node, t any) { d.sequence(n, t.(*Sequence)) }},
			[]attr{valueAttr("from", "the first number in a text; 1 by default", obj{"type": "integer", "minimum": 0, "maximum": maxSequence},
				func(s *Sequence) **int { return &s.From }, optional(func(d *Decoder, n *yaml.Node, what string) int { return d.Int(n, what, 0, maxSequence) }))}},
		{"a text with other fields in it", `{text: "{first}.{last}@example.com", case: lower}`,
			func() any { return &Text{} },
			attr{name: "text", about: "a text with {field} placeholders", schema: obj{"type": "string"},
				read: func(d *Decoder, n *yaml.Node, t any) {
					if v := d.template(n, "text"); v != nil {
						t.(*Text).Text = *v
					}
				}},
			[]attr{choiceAttr("case", "convert ASCII letters to lower or upper case", func(s *Text) *string { return &s.Case }, "lower", "upper")}},
		{"one of several values, uniformly or by weight", `{one_of: {card: 7, paypal: 3}}`,
			func() any { return &OneOf{} },
			attr{name: "one_of", about: "a list of values or generators, or a mapping of texts to weights, which are numbers or percentages", schema: obj{"anyOf": []any{
				obj{"type": "array", "items": ref("generator"), "minItems": 1},
				obj{"type": "object", "minProperties": 1, "additionalProperties": obj{"anyOf": []any{
					obj{"type": "number", "minimum": 0}, obj{"type": "string", "pattern": `^(100(\.0+)?|\d{1,2}(\.\d{1,9})?) ?%$`}}}},
			}},
				read: func(d *Decoder, n *yaml.Node, t any) { t.(*OneOf).Choices = d.choices(n) }},
			[]attr{{name: "weights", about: "the weights of a list's elements; all the same by default",
				schema: obj{"type": "array", "items": obj{"type": "number", "minimum": 0}, "minItems": 1},
				read:   func(d *Decoder, n *yaml.Node, t any) { t.(*OneOf).weights = d.weights(n) }}}},
		{"a function of gofakeit: name, email, city, productname, …", `{fake: email}`,
			func() any { return &Fake{Pool: 4096} },
			nameAttr("fake", "the function's name", func(f *Fake) *Name { return &f.Function }),
			[]attr{
				{name: "with", about: "the function's parameters", schema: obj{"type": "object", "additionalProperties": obj{
					"anyOf": []any{ref("scalar"), obj{"type": "array", "items": ref("scalar")}}}},
					read: func(d *Decoder, n *yaml.Node, t any) { t.(*Fake).Params = d.params(n) }},
				intAttr("pool", "the number of different values; 4096 by default", 1, 100_000, func(f *Fake) *int { return &f.Pool }),
				{name: "locale", about: "the language; gofakeit has only en", schema: obj{"enum": []any{"en"}},
					read: func(d *Decoder, n *yaml.Node, _ any) { d.choice(n, "locale", "en") }},
			}},
		{"a random UUID, version 4", `{uuid: v4}`, func() any { return &UUID{} },
			attr{name: "uuid", about: "v4", schema: obj{"enum": []any{"v4"}},
				read: func(d *Decoder, n *yaml.Node, _ any) { d.choice(n, "uuid", "v4") }}, nil},
		{"random hexadecimal digits", `{hex: 12}`, func() any { return &Hex{} },
			intAttr("hex", "the number of digits", 1, 64, func(h *Hex) *int { return &h.Digits }), nil},
	}
}

func shapeAttrs[T any](at func(*T) *Shape) []attr {
	return []attr{
		decimalsAttr(func(t *T) *int { return &at(t).Decimals }),
		optionalNumberAttr("min", "smaller values are raised to this", func(t *T) **Number { return &at(t).Min }),
		optionalNumberAttr("max", "larger values are lowered to this", func(t *T) **Number { return &at(t).Max }),
	}
}

func numberGenerators() []generator {
	return []generator{
		{"uniformly distributed whole numbers", `{int: [1, 9]}`, func() any { return &Int{} },
			attr{name: "int", about: "[LOWEST, HIGHEST]", schema: pairOf(obj{"type": "integer"}),
				read: func(d *Decoder, n *yaml.Node, t any) {
					v := t.(*Int)
					v.Low, v.High, _ = d.ints(n, "int", "[LOWEST, HIGHEST]", math.MinInt64, math.MaxInt64)
				}},
			[]attr{boolAttr("unique", "no number repeats in a run", func(i *Int) *bool { return &i.Unique })}},
		{"uniformly distributed numbers with decimals", `{decimal: [1, 99.99], decimals: 2}`, func() any { return &Decimal{Decimals: 2} },
			attr{name: "decimal", about: "[LOWEST, HIGHEST]", schema: pairOf(obj{"type": "number"}),
				read: func(d *Decoder, n *yaml.Node, t any) {
					v, _ := interval(d, n, "decimal", "[LOWEST, HIGHEST]", Number.Compare, func(item *yaml.Node) Number { return d.number(item, "decimal") })
					t.(*Decimal).Low, t.(*Decimal).High = v[0], v[1]
				}},
			[]attr{decimalsAttr(func(v *Decimal) *int { return &v.Decimals })}},
		{"normally distributed numbers", `{normal: {mean: 20, sd: 2.5}, decimals: 1}`, func() any { return &Normal{} },
			mapAttr("normal", "its mean and standard deviation", []attr{
				must(numberAttr("mean", "the mean", func(v *Normal) *Number { return &v.Mean })),
				must(numberAttr("sd", "the standard deviation", func(v *Normal) *Number { return &v.SD })),
			}), shapeAttrs(func(v *Normal) *Shape { return &v.Shape })},
		{"exponentially distributed numbers", `{exponential: {mean: 30}, max: 600}`, func() any { return &Exponential{} },
			mapAttr("exponential", "its mean", []attr{
				must(numberAttr("mean", "the mean", func(v *Exponential) *Number { return &v.Mean })),
			}), shapeAttrs(func(v *Exponential) *Shape { return &v.Shape })},
		{"ranks from 1, whose probability falls as rank^-s", `{zipf: {n: 1000, s: 1.1}}`, func() any { return &Zipf{} },
			mapAttr("zipf", "the number of ranks and the exponent", []attr{
				must(attr{name: "n", about: "the number of ranks", schema: obj{"type": "integer", "minimum": 1, "maximum": 1_000_000_000},
					read: func(d *Decoder, n *yaml.Node, t any) { t.(*Zipf).N = int64(d.Int(n, "n", 1, 1_000_000_000)) }}),
				must(numberAttr("s", "the exponent, above 0", func(v *Zipf) *Number { return &v.S })),
			}), nil},
		{"true with a probability", `{bool: 30%}`, func() any { return &Bool{} },
			shareAttr("bool", "the probability of true", func(b *Bool) *Share { return &b.Share }), nil},
		{"a smooth curve over event time with noise, as from a sensor", `{drift: {base: 20, daily: 4, noise: 0.3}, decimals: 1, by: sensor_id}`, func() any { return &Drift{} },
			mapAttr("drift", "the curve", []attr{
				must(numberAttr("base", "the mean", func(v *Drift) *Number { return &v.Base })),
				numberAttr("daily", "the amplitude over a day", func(v *Drift) *Number { return &v.Daily }),
				numberAttr("per_day", "the trend per day", func(v *Drift) *Number { return &v.PerDay }),
				numberAttr("noise", "the standard deviation of a reading", func(v *Drift) *Number { return &v.Noise }),
			}), []attr{
				decimalsAttr(func(v *Drift) *int { return &v.Decimals }),
				nameAttr("by", "a field; each of its values has a curve of its own", func(v *Drift) *Name { return &v.By }),
			}},
	}
}

func timeGenerators() []generator {
	return []generator{
		{"the record's event time, or a time before or after it or another field's", `{time: now, format: rfc3339}`,
			func() any { return &Time{Format: TimeFormat{Name: "epoch_ms"}} },
			attr{name: "time", about: "now, {ago: 5m}, {ago: [SHORTEST, LONGEST]}, {in: [SHORTEST, LONGEST]}, or one of these after {of: FIELD}", schema: obj{"anyOf": []any{
				obj{"const": "now"}, atLeastOne(mappingSchema(awayTable())),
			}},
				read: func(d *Decoder, n *yaml.Node, t any) { d.time(n, t.(*Time)) }},
			[]attr{
				formatAttr("a name or a pattern; epoch_ms by default", func(v *Time) *TimeFormat { return &v.Format }),
				valueAttr("zone", "the time zone, such as Europe/Berlin or +02:00; UTC by default", obj{"type": "string", "examples": []any{"Europe/Berlin", "+02:00"}},
					func(v *Time) **time.Location { return &v.Format.Zone }, (*Decoder).zone),
			}},
		{"a uniformly distributed day", `{date: [1950-01-01, 2005-12-31]}`,
			func() any { return &Date{Format: TimeFormat{Name: "date"}} },
			attr{name: "date", about: "[FIRST, LAST]", schema: pairOf(obj{"type": "string", "pattern": `^\d{4}-\d\d-\d\d$`}),
				read: func(d *Decoder, n *yaml.Node, t any) {
					v, _ := interval(d, n, "date", "[FIRST, LAST]", time.Time.Compare, d.day)
					t.(*Date).Low, t.(*Date).High = v[0], v[1]
				}},
			[]attr{formatAttr("a name or a pattern; date by default", func(v *Date) *TimeFormat { return &v.Format })}},
	}
}

// awayTable returns the keys of a time that is not the record's.
func awaySchema() obj { return obj{"anyOf": []any{durationSchema(), pairOf(durationSchema())}} }

func awayTable() []attr {
	return []attr{
		valueAttr("ago", "how long before", awaySchema(), func(t *Time) *[2]time.Duration { return &t.Ago }, (*Decoder).periodOrRange),
		valueAttr("in", "how long after", awaySchema(), func(t *Time) *[2]time.Duration { return &t.In }, (*Decoder).periodOrRange),
		nameAttr("of", "before or after the time in this field, or its epoch milliseconds", func(t *Time) *Name { return &t.Of }),
	}
}

func derivedGenerators() []generator {
	return []generator{
		{"a field of a row of another producer; several refs to a producer in one object use the same row", `{ref: catalog.id, skew: 1.1}`,
			func() any { return &Ref{} },
			attr{name: "ref", about: "PRODUCER.FIELD", schema: obj{"type": "string", "pattern": `^[^.]+\.[^.]+`},
				read: func(d *Decoder, n *yaml.Node, t any) { d.refTo(n, t.(*Ref)) }},
			[]attr{
				optionalNumberAttr("skew", "prefer the first rows, as zipf does: the probability falls as rank^-skew", func(v *Ref) **Number { return &v.Skew }),
				textAttr("row", "a name: refs of one object with different names, or without, are to different rows", func(v *Ref) *string { return &v.Row }),
				intAttr("first", "only the first rows; all by default", 1, 1_000_000_000, func(v *Ref) *int { return &v.First }),
				valueAttr("weight", "weight rows by this field", obj{"type": "string"}, func(v *Ref) **Name { return &v.Weight }, optional((*Decoder).name)),
			}},
		{"the value of another field", `{copy: customer_id}`, func() any { return &Copy{} },
			nameAttr("copy", "the field", func(v *Copy) *Name { return &v.Path }),
			[]attr{genAttr("default", "a generator, instead where the field is null or absent", func(v *Copy) **Gen { return &v.Default })}},
		{"the sum of an expression over the elements of a list, computed exactly and rounded once", `{sum: items.quantity * items.unit_price, decimals: 2}`,
			func() any { return &Sum{Decimals: -1} }, exprAttr("sum", "an expression of fields of a list's elements", func(v *Sum) **Expr { return &v.Expr }),
			[]attr{resultDecimals(func(v *Sum) *int { return &v.Decimals })}},
		{"an expression of numbers with + - * /, computed exactly and rounded once", `{calc: "price * 0.21", decimals: 2}`,
			func() any { return &Calc{Decimals: -1} }, exprAttr("calc", "an expression of fields and numbers", func(v *Calc) **Expr { return &v.Expr }),
			[]attr{resultDecimals(func(v *Calc) *int { return &v.Decimals })}},
		{"whether a comparison holds", `{compare: "stock <= threshold"}`,
			func() any { return &Compare{} }, exprAttr("compare", "a comparison; combine several with and, or, not", func(v *Compare) **Expr { return &v.Expr }), nil},
		{"one of two generators", `{if: "total > 100", then: gold, else: {one_of: [silver, bronze]}}`,
			func() any { return &If{} }, exprAttr("if", "a comparison", func(v *If) **Expr { return &v.Expr }),
			[]attr{
				must(genAttr("then", "the value if it holds", func(v *If) **Gen { return &v.Then })),
				must(genAttr("else", "the value otherwise", func(v *If) **Gen { return &v.Else })),
			}},
		{"the length of a list", `{count: items}`, func() any { return &Count{} },
			nameAttr("count", "the list", func(v *Count) *Name { return &v.Path }), nil},
		{"the entity's state: its name, or its number from 0", `{state: name}`, func() any { return &State{} },
			switchAttr("state", "name or step", "name", "step", func(s *State) *bool { return &s.Step }), nil},
		{"what the last record has kept under a name with `keep:`", `{last: balance, by: account_id, start: 100.00}`,
			func() any { return &Last{} }, nameAttr("last", "the name", func(v *Last) *Name { return &v.Name }),
			[]attr{
				nameAttr("by", "a field: what a record with the same value of it has kept", func(v *Last) *Name { return &v.By }),
				genAttr("start", "the value if nothing has been kept yet; null by default", func(v *Last) **Gen { return &v.Start }),
			}},
		{"a field of the record that caused this one", `{caused_by: order_id}`, func() any { return &Caused{} },
			nameAttr("caused_by", "the field", func(v *Caused) *Name { return &v.Path }),
			[]attr{boolAttr("root", "where a producer causes itself: of the first record, which may be this one", func(v *Caused) *bool { return &v.Root })}},
		{"the name of the producer that caused this record, null without one; or how deep the record is where producers cause themselves, from 0", `{cause: producer}`,
			func() any { return &Origin{} }, switchAttr("cause", "producer or depth", "producer", "depth", func(v *Origin) *bool { return &v.Depth }), nil},
	}
}

func resultDecimals[T any](at func(*T) *int) attr {
	return intAttr("decimals", "the number of decimals; by default those that the exact result has, but / needs them", 0, MaxDecimals, at)
}

func nestedGenerators() []generator {
	return []generator{
		{"a list; its length is [SHORTEST, LONGEST] or a generator of whole numbers", `{list: [1, 3], of: {sku: {hex: 8}}}`,
			func() any { return &List{} },
			attr{name: "list", about: "the length", schema: obj{"anyOf": []any{
				pairOf(obj{"type": "integer", "minimum": 0, "maximum": maxList}), ref("generator")}},
				read: func(d *Decoder, n *yaml.Node, t any) { t.(*List).Length = d.length(n) }},
			[]attr{
				{name: "of", about: "the fields of each element", schema: ref("fields"),
					read: func(d *Decoder, n *yaml.Node, t any) { t.(*List).Of = d.elements(n) }},
				genAttr("each", "the generator of each element, for plain values", func(v *List) **Gen { return &v.Of }),
			}},
		{"a nested object", `{object: {city: {fake: city}, zip: {fake: zip}}}`, func() any { return &Object{} },
			attr{name: "object", about: "its fields", schema: ref("fields"),
				read: func(d *Decoder, n *yaml.Node, t any) {
					if o, ok := d.object(n, "object").Spec.(*Object); ok {
						*t.(*Object) = *o
					}
				}}, nil},
	}
}

// commonAttrs returns the modifiers of all generators.
func commonAttrs() []attr {
	return []attr{
		templateAttr("as", "a text with {} for the value", func(g *Gen) **Template { return &g.As }),
		shareAttr("optional", "the probability that the field is present", func(g *Gen) *Share { return &g.Optional }),
		shareAttr("nulls", "the probability that the value is null", func(g *Gen) *Share { return &g.Null }),
		namesAttr("in", "only in these states", func(g *Gen) *[]Name { return &g.In }),
		boolAttr("hidden", "not written into the value, but available to the key, headers, refs and other fields", func(g *Gen) *bool { return &g.Hidden }),
		valueAttr("keep", "keep the value for later records' `last:`, under this name, or with {NAME: FIELD} for each value of a field",
			obj{"anyOf": []any{obj{"type": "string"}, obj{"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": obj{"type": "string"}}}},
			func(g *Gen) **Keep { return &g.Keep }, (*Decoder).keep),
		boolAttr("fresh", "a new value in every state of an entity", func(g *Gen) *bool { return &g.Fresh }),
		{name: "default", about: "of a topic with a format: the value that readers give the field in records that don't have it, such as those of earlier versions", schema: obj{},
			read: func(d *Decoder, n *yaml.Node, t any) { d.defaultOf(n, t.(*Gen)) }},
		{name: "alias", about: "of a topic with a format: the field's name in earlier versions, or a list of them", schema: obj{"anyOf": []any{
			obj{"type": "string"}, obj{"type": "array", "items": obj{"type": "string"}, "minItems": 1}}},
			read: func(d *Decoder, n *yaml.Node, t any) { d.aliasesOf(n, t.(*Gen)) }},
	}
}
