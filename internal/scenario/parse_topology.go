package scenario

import (
	"regexp"
	"slices"
	"strconv"
	"time"

	"gopkg.in/yaml.v3"
)

// Bounds of a topology.
const (
	maxTopologies   = 100
	maxInputs       = 50
	maxJoins        = 20
	maxListed       = 1000 // columns, and paths of XML lists
	maxLets         = 200
	maxEmits        = 50
	maxTimers       = 50
	maxState        = 200 // fields, each of `keep` and of a `set`
	maxLast         = 10_000
	maxVersion      = 1_000_000
	maxNameBytes    = 100
	minIdle         = 100 * time.Millisecond
	maxWindowsAtOne = 1000 // that contain a time
)

// builtIn is the value of a topology that is part of the program.
const builtIn = "built-in"

func topologiesSchema() obj {
	return obj{
		"if":   obj{"type": "array"},
		"then": obj{"items": obj{"type": "string"}},
		"else": obj{"type": "object", "maxProperties": maxTopologies, "additionalProperties": obj{
			"if": obj{"type": "string"}, "then": obj{"const": builtIn}, "else": ref("topology"),
		}},
	}
}

// topologies reads those of the program as a list, or those of the program and declared
// ones as a mapping.
func (d *Decoder) topologies(n *yaml.Node, what string) []Topology {
	if n.Kind == yaml.SequenceNode {
		return items(d, n, what, func(item *yaml.Node) Topology {
			return Topology{Name: d.String(item, "an element of "+what), Pos: positionOf(item), BuiltIn: true}
		})
	}
	return entriesUpTo(d, n, what, maxTopologies, d.topology)
}

// entriesUpTo is entries for a mapping that may not have more than max keys.
func entriesUpTo[V any](d *Decoder, n *yaml.Node, what string, most int, read func(key, value *yaml.Node) V) (out []V) {
	d.Each(n, what, func(key, value *yaml.Node) {
		if len(out) < most {
			out = append(out, read(key, value))
		} else if len(out) == most {
			d.Problem(key, "%s has more than %d entries", what, most)
			out = append(out, *new(V))
		}
	})
	return out[:min(len(out), most)]
}

func topologyTable() []attr {
	return []attr{
		textAttr("about", "a description", func(t *Topology) *string { return &t.About }),
		boolAttr("off", "it runs only when it is named, as in `inv process NAME`", func(t *Topology) *bool { return &t.Off }),
		must(valueAttr("from", "the topics that it reads, by alias", obj{"type": "object", "minProperties": 1, "maxProperties": maxInputs, "additionalProperties": inputSchema()},
			func(t *Topology) *[]Input { return &t.From }, (*Decoder).inputs)),
		valueAttr("let", "expressions with names, which later expressions use like functions", named(ref("jq"), maxLets),
			func(t *Topology) *[]Let { return &t.Let }, func(d *Decoder, n *yaml.Node, what string) []Let {
				lets := entriesUpTo(d, n, what, maxLets, d.let)
				return slices.DeleteFunc(lets, func(l Let) bool { return slices.Contains(keywords, l.Name) || !identifier.MatchString(l.Name) })
			}),
		valueAttr("keep", "fields of the state that are counted or computed, by name", named(oneKey(mappingSchema(keepTable()), "count", "sum", "mean", "min", "max", "distinct"), maxState),
			func(t *Topology) *[]Aggregate { return &t.Keep }, func(d *Decoder, n *yaml.Node, what string) []Aggregate {
				return entriesUpTo(d, n, what, maxState, d.aggregate)
			}),
		valueAttr("timers", "what happens when a condition has held for a time, by name", named(mappingSchema(timerTable()), maxTimers),
			func(t *Topology) *[]Timer { return &t.Timers }, func(d *Decoder, n *yaml.Node, what string) []Timer {
				return entriesUpTo(d, n, what, maxTimers, d.timer)
			}),
		valueAttr("window", "divides a key's state by event time", oneKey(mappingSchema(windowTable()), "every", "gap"),
			func(t *Topology) **Window { return &t.Window }, (*Decoder).window),
		jqAttr("until", "a condition; when it holds, the key is forgotten", func(t *Topology) **JQ { return &t.Until }),
		{name: "ttl", about: "how long after its last record a key is forgotten, or forever; required with keys, but for windows",
			schema: obj{"type": "string", "pattern": `^(forever|` + durationPattern + `)$`}, read: readTTL},
		jqAttr("time", "the event time in epoch milliseconds; by default the `time:` of the topic's view, else the record's timestamp", func(t *Topology) **JQ { return &t.Time }),
		{name: "order", about: "arrival (the default), or time: records of a key are sorted by event time, held for the grace", schema: obj{"enum": []string{"arrival", "time"}},
			read: func(d *Decoder, n *yaml.Node, t any) {
				if d.choice(n, "order", "arrival", "time") == "time" {
					t.(*Topology).Order = ByTime
				}
			}},
		valueAttr("grace", "how long after its time a record is accepted; 10s with `order: time` or a window, else without a limit", durationSchema(),
			func(t *Topology) **time.Duration { return &t.Grace }, optional(millisFrom(0))),
		valueAttr("ahead", "by how much the time of a record may be after its timestamp; without a limit by default", durationSchema(),
			func(t *Topology) **time.Duration { return &t.Ahead }, optional(millisFrom(0))),
		millisAttr("idle", "how long a silent partition holds time back; 5s by default", minIdle, func(t *Topology) *time.Duration { return &t.Idle }),
		intAttr("version", "of the state; a higher one than before comes with `upgrade:`", 1, maxVersion, func(t *Topology) *int { return &t.Version }),
		jqAttr("upgrade", "makes the state of this version from that of an earlier one", func(t *Topology) **JQ { return &t.Upgrade }),
		must(attr{name: "emit", about: "the records that it writes", schema: obj{"type": "array", "minItems": 1, "maxItems": maxEmits, "items": mappingSchema(emitTable())},
			read: func(d *Decoder, n *yaml.Node, t any) { t.(*Topology).Emit = d.emits(n) }}),
	}
}

func readTTL(d *Decoder, n *yaml.Node, target any) {
	t := target.(*Topology)
	if n.Kind == yaml.ScalarNode && n.Value == "forever" {
		t.TTLForever = true
		return
	}
	t.TTL = d.millis(n, "ttl", time.Millisecond)
}

// topology reads one that the program has, or that is declared.
func (d *Decoder) topology(key, n *yaml.Node) Topology {
	t := Topology{Name: key.Value, Pos: positionOf(key), Idle: DefaultIdle, Version: 1}
	what := "topology " + strconv.Quote(key.Value)
	if !topologyName.MatchString(t.Name) || len(t.Name) > maxNameBytes {
		d.Problem(key, "%s: a name has letters, digits, `.`, `_` and `-`, begins with a letter or a digit, and has at most %d characters", what, maxNameBytes)
	}
	if n.Kind == yaml.ScalarNode {
		if t.BuiltIn = true; n.Value != builtIn {
			d.Problem(n, "%s must be a mapping with `from:` and `emit:`, or %s, not %s", what, builtIn, d.kindOf(n))
		}
		return t
	}
	at := map[string]Position{}
	table := topologyTable()
	for i, a := range table {
		table[i].read = func(d *Decoder, n *yaml.Node, target any) {
			at[a.name] = positionOf(n)
			a.read(d, n, target)
		}
	}
	d.mapping(n, what, table, &t)
	if len(at) > 0 {
		d.checkTopology(&t, at)
	}
	return t
}

var (
	topologyName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	identifier   = regexp.MustCompile(identifierPattern)
)

// identifierPattern matches the names of variables, definitions and fields of the state.
const identifierPattern = `^[A-Za-z_][A-Za-z0-9_]*$`

// named is the schema of a mapping with such names.
func named(of obj, most int) obj {
	return obj{"type": "object", "propertyNames": obj{"pattern": identifierPattern}, "additionalProperties": of, "maxProperties": most}
}

// named reports a name that expressions can't use.
func (d *Decoder) named(key *yaml.Node, what string) {
	if !identifier.MatchString(key.Value) || len(key.Value) > maxNameBytes {
		d.Problem(key, "%s: %q is no name; one has letters, digits and _, begins with no digit, and has at most %d characters", what, key.Value, maxNameBytes)
	}
}

// millisAttr returns the attr of a time of at least low, in whole milliseconds.
func millisAttr[T any](name, about string, low time.Duration, at func(*T) *time.Duration) attr {
	return valueAttr(name, about, durationSchema(), at, millisFrom(low))
}

func millisFrom(low time.Duration) func(*Decoder, *yaml.Node, string) time.Duration {
	return func(d *Decoder, n *yaml.Node, what string) time.Duration { return d.millis(n, what, low) }
}

// millis reads a time of at least low, in whole milliseconds. With a problem it returns
// one that causes no others.
func (d *Decoder) millis(n *yaml.Node, what string, low time.Duration) time.Duration {
	before := len(d.Problems)
	t := d.period(n, what)
	switch {
	case len(d.Problems) > before:
	case t < low:
		d.Problem(n, "%s must be at least %s, not %s", what, low, n.Value)
	case t%time.Millisecond != 0:
		d.Problem(n, "%s: times are whole milliseconds, not %s", what, n.Value)
	default:
		return t
	}
	return max(low, time.Millisecond)
}

func (d *Decoder) inputs(n *yaml.Node, what string) []Input {
	switch {
	case n.Kind == yaml.ScalarNode && topologyName.MatchString(n.Value):
		d.Problem(n, "%s must be a mapping, not %s; write {%s: {}}", what, d.kindOf(n), n.Value)
		return nil
	case n.Kind == yaml.MappingNode && len(n.Content) == 0:
		d.Problem(n, "%s is empty; a topology reads something", what)
		return nil
	}
	return entriesUpTo(d, n, what, maxInputs, d.input)
}

func inputSchema() obj {
	s := mappingSchema(inputTable())
	s["type"] = []any{"object", "null"}
	return s
}

func inputTable() []attr {
	return []attr{
		valueAttr("format", "json (the default; also what a schema describes), xml or csv", obj{"enum": []string{"json", "xml", "csv"}},
			func(in *Input) *string { return &in.Format }, func(d *Decoder, n *yaml.Node, what string) string {
				if f := d.choice(n, what, "json", "xml", "csv"); f != "json" {
					return f
				}
				return ""
			}),
		listedAttr("lists", "paths of XML elements that are lists, also where there is only one", func(in *Input) *[]string { return &in.Lists }),
		listedAttr("columns", "the names of a CSV record's fields", func(in *Input) *[]string { return &in.Columns }),
		jqAttr("where", "a condition; other records are passed over", func(in *Input) **JQ { return &in.Where }),
		jqAttr("each", "the results are processed one by one in place of the record; $i is the index", func(in *Input) **JQ { return &in.Each }),
		valueAttr("join", "tables that the record is joined with, each by the name of the variable with its row", named(mappingSchema(joinTable()), maxJoins),
			func(in *Input) *[]Join { return &in.Join }, func(d *Decoder, n *yaml.Node, what string) []Join {
				joins := entriesUpTo(d, n, what, maxJoins, d.join)
				return slices.DeleteFunc(joins, func(j Join) bool { return slices.Contains(reserved, j.Name) || !identifier.MatchString(j.Name) })
			}),
		jqAttr("key", "the key of the state", func(in *Input) **JQ { return &in.Key }),
		setAttr("fields of the state to set, in this order", func(in *Input) *[]Assignment { return &in.Set }),
	}
}

// listedAttr returns the attr of a list of texts, of which there may be maxListed.
func listedAttr[T any](name, about string, at func(*T) *[]string) attr {
	return valueAttr(name, about, obj{"type": "array", "maxItems": maxListed, "items": obj{"type": "string"}}, at,
		func(d *Decoder, n *yaml.Node, what string) []string {
			if n.Kind == yaml.SequenceNode && len(n.Content) > maxListed {
				d.Problem(n, "%s has more than %d elements", what, maxListed)
				return nil
			}
			return d.Strings(n, what)
		})
}

func (d *Decoder) input(key, n *yaml.Node) Input {
	in := Input{Alias: key.Value, Pos: positionOf(key)}
	d.usesTopic(key, "from")
	if n.Tag != "!!null" {
		what := "input " + strconv.Quote(key.Value)
		d.mapping(n, what, inputTable(), &in)
		if len(in.Lists) > 0 && in.Format != "xml" {
			d.Problem(n, "%s: `lists:` is for `format: xml`", what)
		}
		if len(in.Columns) > 0 && in.Format != "csv" {
			d.Problem(n, "%s: `columns:` is for `format: csv`", what)
		}
	}
	return in
}

func joinTable() []attr {
	return []attr{
		must(valueAttr("table", "the alias of a topic; the keys of its records are those of the rows", obj{"type": "string"},
			func(j *Join) *string { return &j.Table }, (*Decoder).alias)),
		jqValueAttr("key", "the key of the row", func(j *Join) *JQ { return &j.Key }),
		{name: "missing", about: "without a row: null (the default), drop the record, or dead-letter it", schema: obj{"enum": []any{nil, "drop", "dead-letter"}},
			read: func(d *Decoder, n *yaml.Node, t any) {
				if n.Tag == "!!null" && n.Value != "" {
					return
				}
				t.(*Join).Missing = map[string]Missing{"drop": MissingDrop, "dead-letter": MissingDeadLetter}[d.choice(n, "missing", "null", "drop", "dead-letter")]
			}},
	}
}

func (d *Decoder) join(key, n *yaml.Node) Join {
	j := Join{Name: key.Value, Pos: positionOf(key), Key: JQ{Source: never, Pos: positionOf(n)}}
	d.named(key, "join")
	d.notReserved(key, "join")
	d.mapping(n, "join "+strconv.Quote(key.Value), joinTable(), &j)
	return j
}

func setAttr[T any](about string, at func(*T) *[]Assignment) attr {
	return valueAttr("set", about, named(ref("jq"), maxState), at, func(d *Decoder, n *yaml.Node, what string) []Assignment {
		return entriesUpTo(d, n, what, maxState, func(key, value *yaml.Node) Assignment {
			d.named(key, what)
			return Assignment{key.Value, positionOf(key), *d.jq(value, key.Value)}
		})
	})
}

func (d *Decoder) let(key, n *yaml.Node) Let {
	d.named(key, "let")
	d.notReserved(key, "let")
	if slices.Contains(keywords, key.Value) {
		d.Problem(key, "let: %q is a word of jq; take another name", key.Value)
	}
	return Let{key.Value, positionOf(key), *d.jq(n, key.Value)}
}
