package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"inv/internal/when"

	"gopkg.in/yaml.v3"
)

// Bounds of a sink.
const (
	maxSinks      = 100
	maxLanes      = 1000
	maxNamed      = 100  // headers, and fields of a form
	maxAddresses  = 100  // of a message
	maxGroups     = 1000 // with addresses of their own
	maxColumns    = 1000
	maxTextBytes  = 16 << 10
	maxCount      = 1_000_000 // of a limit
	maxRows       = 100_000_000
	maxIdentifier = 63 // bytes of a name in PostgreSQL
	maxDigits     = 38 // of a decimal, in Parquet

	minTimeout, maxTimeout = 100 * time.Millisecond, 10 * time.Minute
	minWait, maxWait       = time.Millisecond, 24 * time.Hour
	maxEvery               = 7 * 24 * time.Hour
	minAfter, maxAfter     = time.Second, 24 * time.Hour
)

// Defaults of a sink.
const (
	DefaultLanes   = 64
	DefaultTimeout = 30 * time.Second
	DefaultRows    = 1_000_000
	DefaultAfter   = 5 * time.Minute
)

func sinksSchema() obj {
	return obj{"type": "object", "maxProperties": maxSinks, "additionalProperties": ref("sink")}
}

func (d *Decoder) sinks(n *yaml.Node, what string) []Sink {
	return entriesUpTo(d, n, what, maxSinks, d.sink)
}

func sinkTable() []attr {
	return []attr{
		textAttr("about", "a description", func(s *Sink) *string { return &s.About }),
		boolAttr("off", "it runs only when it is named, as in `inv forward NAME`", func(s *Sink) *bool { return &s.Off }),
		must(valueAttr("from", "the topics whose records it delivers, by alias: one, or a list", aliasesSchema(),
			func(s *Sink) *[]string { return &s.From }, (*Decoder).aliases)),
		jqAttr("where", "a condition; other records are passed over", func(s *Sink) **JQ { return &s.Where }),
		selectorAttr("lane", "a field, or {jq: …}, within whose value order is kept; the record's key by default", func(s *Sink) **Selector { return &s.Lane }),
		intAttr("lanes", "how many messages are under way at most; 64 by default", 1, maxLanes, func(s *Sink) *int { return &s.Lanes }),
		valueAttr("group", "collects records into one message", mappingSchema(groupingTable()), func(s *Sink) **Grouping { return &s.Group }, (*Decoder).grouping),
		switchAttr("start", "where it begins the first time: earliest (the default) or latest", "earliest", "latest", func(s *Sink) *bool { return &s.Latest }),
		withinAttr("timeout", "of one try; 30s by default", minTimeout, maxTimeout, func(s *Sink) *time.Duration { return &s.Timeout }),
		valueAttr("http", "sends requests", httpSchema(), func(s *Sink) **HTTPSink { return &s.HTTP }, (*Decoder).http),
		valueAttr("email", "sends mail", mappingSchema(emailTable()), func(s *Sink) **EmailSink { return &s.Email }, (*Decoder).email),
		valueAttr("files", "writes files, each record once", mappingSchema(filesTable()), func(s *Sink) **FilesSink { return &s.Files }, (*Decoder).files),
		valueAttr("postgres", "writes rows of PostgreSQL, each record once", mappingSchema(postgresTable()), func(s *Sink) **PostgresSink { return &s.Postgres }, (*Decoder).postgres),
	}
}

func sinkSchema() obj {
	return oneKey(mappingSchema(sinkTable()), "http", "email", "files", "postgres")
}

func (d *Decoder) sink(key, n *yaml.Node) Sink {
	s := Sink{Name: key.Value, Pos: positionOf(key), Lanes: DefaultLanes, Timeout: DefaultTimeout}
	what := "sink " + strconv.Quote(key.Value)
	if !topologyName.MatchString(s.Name) || len(s.Name) > maxNameBytes {
		d.Problem(key, "%s: a name has letters, digits, `.`, `_` and `-`, begins with a letter or a digit, and has at most %d characters", what, maxNameBytes)
	}
	at := map[string]Position{}
	table := sinkTable()
	for i, a := range table {
		table[i].read = func(d *Decoder, n *yaml.Node, target any) {
			at[a.name] = positionOf(n)
			a.read(d, n, target)
		}
	}
	before := len(d.Problems)
	d.mapping(n, what, table, &s)
	s.settleCounts()
	d.checkSink(&s, at, len(d.Problems) > before)
	return s
}

// aliasesSchema accepts an alias or a list of them.
func aliasesSchema() obj {
	return obj{"anyOf": []any{obj{"type": "string"}, obj{"type": "array", "minItems": 1, "maxItems": maxInputs, "items": obj{"type": "string"}}}}
}

// aliases reads the alias of a topic, or a list of them.
func (d *Decoder) aliases(n *yaml.Node, what string) (out []string) {
	if n.Kind != yaml.SequenceNode {
		if n.Kind == yaml.MappingNode {
			d.Problem(n, "%s must be the alias of a topic, or a list of them, not a mapping", what)
			return nil
		}
		return []string{d.alias(n, what)}
	}
	seen := map[string]bool{}
	d.upTo(n, what, maxInputs, func(item *yaml.Node) {
		alias := d.alias(item, what)
		if alias != "" && seen[alias] {
			d.Problem(item, "%s: %q is given twice", what, alias)
		}
		seen[alias] = true
		out = append(out, alias)
	})
	if len(n.Content) == 0 {
		d.Problem(n, "%s is empty; a sink delivers the records of a topic", what)
	}
	return out
}

// upTo is Items for a list that may not have more than most elements.
func (d *Decoder) upTo(n *yaml.Node, what string, most int, read func(*yaml.Node)) {
	if n.Kind == yaml.SequenceNode && len(n.Content) > most {
		d.Problem(n, "%s has more than %d elements", what, most)
		return
	}
	d.Items(n, what, read)
}

func groupingTable() []attr {
	return []attr{
		must(valueAttr("by", "a field, or {jq: …}, whose value the records of a message have in common", selectorSchema(),
			func(g *Grouping) *Selector { return &g.By }, (*Decoder).selector)),
		must(withinAttr("wait", "from the first record of a message until it is sent", minWait, maxWait, func(g *Grouping) *time.Duration { return &g.Wait })),
		withinAttr("every", "from one message of a group to the next; `wait` by default", minWait, maxEvery, func(g *Grouping) *time.Duration { return &g.Every }),
	}
}

func (d *Decoder) grouping(n *yaml.Node, what string) *Grouping {
	g := &Grouping{Pos: positionOf(n), By: nowhere(n)}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" {
		d.Problem(n, "%s must be a mapping with `by:` and `wait:`, not %s; write {by: %s, wait: 30s}", what, d.kindOf(n), n.Value)
		return g
	}
	before := len(d.Problems)
	d.mapping(n, what, groupingTable(), g)
	switch {
	case len(d.Problems) > before:
	case g.Every == 0:
		g.Every = g.Wait
	case g.Every < g.Wait:
		d.Problem(n, "%s: `every:` is at least `wait:`, %s, not %s", what, when.FormatDuration(g.Wait), when.FormatDuration(g.Every))
	}
	return g
}

// withinAttr returns the attr of a time from low to high.
func withinAttr[T any](name, about string, low, high time.Duration, at func(*T) *time.Duration) attr {
	return valueAttr(name, about, durationSchema(), at, func(d *Decoder, n *yaml.Node, what string) time.Duration {
		before := len(d.Problems)
		t := d.period(n, what)
		switch {
		case len(d.Problems) > before:
			return low
		case t < low || t > high:
			d.Problem(n, "%s must be from %s to %s, not %s", what, when.FormatDuration(low), when.FormatDuration(high), n.Value)
			return low
		}
		return t
	})
}

func selectorAttr[T any](name, about string, at func(*T) **Selector) attr {
	return valueAttr(name, about, selectorSchema(), at, optional((*Decoder).selector))
}

func selectorSchema() obj {
	return obj{"anyOf": []any{obj{"type": "string", "minLength": 1}, jqMappingSchema()}}
}

// jqMappingSchema accepts {jq: …}.
func jqMappingSchema() obj {
	return obj{"type": "object", "properties": obj{"jq": ref("jq")}, "required": []any{"jq"}, "additionalProperties": false}
}

// nowhere stands for a selector with a problem, so that it causes no others.
func nowhere(n *yaml.Node) Selector {
	return Selector{Pos: positionOf(n), JQ: &JQ{Source: never, Pos: positionOf(n)}}
}

// selector reads a path, a variable of expressions such as $key, or {jq: …}.
func (d *Decoder) selector(n *yaml.Node, what string) Selector {
	switch {
	case inBraces(n) != "" && inBraces(n) != "jq":
		d.Problem(n, "%s: a field has no braces here: %s", what, shortened(inBraces(n)))
	case n.Kind == yaml.MappingNode:
		return Selector{Pos: positionOf(n), JQ: d.jqOf(n, what)}
	case n.Kind != yaml.ScalarNode || n.Tag != "!!str":
		d.Problem(n, "%s must be a field such as product_id, or an expression, {jq: …}, not %s", what, d.kindOf(n))
	case !d.another(n):
	case strings.HasPrefix(n.Value, "$"):
		x := d.jq(n, what)
		if !slices.Contains(metaNames("$"), n.Value) {
			d.Problem(n, "%s: %q is no variable of a record%s", what, n.Value, suggestion(n.Value, metaNames("$")))
			return nowhere(n)
		}
		return Selector{Pos: positionOf(n), JQ: x}
	default:
		path, problem := fieldPath(n.Value)
		if problem != "" {
			d.Problem(n, "%s: %s; an expression is {jq: …}", what, problem)
			return nowhere(n)
		}
		return Selector{Pos: positionOf(n), Path: path}
	}
	return nowhere(n)
}

// fieldPath returns the names in a path, or what is wrong with it.
func fieldPath(text string) (path []string, problem string) {
	if name, ok := strings.CutPrefix(text, "."); ok && name != "" {
		return nil, "a field is written without the first dot: " + name
	}
	for _, p := range SplitPath(text) {
		switch {
		case p.Name == "":
			return nil, fmt.Sprintf("%q is no field: a name is missing; write NAME, or NAME.NAME for one inside another", shortened(text))
		case !p.Quoted && strings.ContainsAny(p.Name, " \t\n()[]|\"'=<>,:;`$"):
			return nil, fmt.Sprintf("%q is no field; a name with other characters is written in backticks", shortened(text))
		}
		path = append(path, p.Name)
	}
	return path, ""
}

// jqOf reads {jq: …}.
func (d *Decoder) jqOf(n *yaml.Node, what string) (x *JQ) {
	x = &JQ{Source: never, Pos: positionOf(n)}
	d.mapping(n, what, []attr{must(attr{name: "jq", about: "an expression", read: func(d *Decoder, n *yaml.Node, _ any) { x = d.jq(n, "jq") }})}, nil)
	return x
}
