package scenario

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Decoder reads YAML nodes and collects every problem instead of stopping at the
// first. A method that records a problem returns the zero value.
type Decoder struct {
	File     string
	Problems Problems
	Secret   bool // values may be secrets: no problem repeats one

	generators map[string]generator // the grammar's table, see table
	depth      int                  // of nested generators
	count      int                  // of generators so far
	trial      bool                 // problems are only counted, see isGenerator
	merges     int                  // of mappings so far, see merged
	inner      int                  // problems of nested generators, see own
	isField    bool                 // the next generator is that of a field, see evolution

	bounded     bool                // problems are, see whole
	lines       []string            // of the file
	marks       map[int][]int       // see marksOf
	expressions map[*yaml.Node]*JQ  // by the node
	leaves      int                 // see another
	nested      int                 // depth of fields
	later       []func(*Scenario)   // checks of what refers to other parts of the file
	plain       int                 // bytes of the values of tests
	fields      map[string][]string // of topics, see fieldsOf
	unknowns    int                 // names of fields so far that are not known, see wrongField
}

// Problem records a problem at a node.
func (d *Decoder) Problem(n *yaml.Node, format string, args ...any) {
	d.ProblemAt(positionOf(n), format, args...)
}

// ProblemAt records a problem at a position.
func (d *Decoder) ProblemAt(p Position, format string, args ...any) {
	if d.bounded && len(d.Problems) == maxProblems {
		panic(tooMany{})
	}
	d.Problems = append(d.Problems, Problem{File: d.File, Pos: p, Text: fmt.Sprintf(format, args...)})
}

// Err returns the problems so far in the file's order, or nil.
func (d *Decoder) Err() error {
	if len(d.Problems) == 0 {
		return nil
	}
	d.Problems.Sort()
	return d.Problems
}

// Fields reads a mapping with known keys: it calls each key's function with its node.
// An unknown or repeated key is a problem, with the nearest key.
func (d *Decoder) Fields(n *yaml.Node, what string, fields map[string]func(*yaml.Node)) {
	d.Each(n, what, func(key, value *yaml.Node) {
		read, ok := fields[key.Value]
		switch {
		case ok:
			read(value)
		case d.Secret && value.Tag == "!!null": // {hunter2} is a key without a value
			d.Problem(key, "unknown key in %s; it takes %s", what, strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
		default:
			d.Problem(key, "unknown key %q in %s%s", key.Value, what, suggestion(key.Value, slices.Sorted(maps.Keys(fields))))
		}
	})
}

// Each calls read for every key of a mapping, in order; a repeated key is a problem.
func (d *Decoder) Each(n *yaml.Node, what string, read func(key, value *yaml.Node)) {
	switch n = aliased(n); n.Kind {
	case yaml.MappingNode:
	case yaml.SequenceNode:
		d.Problem(n, "%s must be a mapping, not a list; write NAME: … for each element, without dashes", what)
		return
	default:
		d.Problem(n, "%s must be a mapping, not %s%s", what, d.kindOf(n), d.missingBlank(n))
		return
	}
	n = d.merged(n)
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], aliased(n.Content[i+1])
		if hint := d.missingBlank(key); hint != "" && value.Tag == "!!null" && value.Value == "" {
			d.Problem(key, "%s: %q is a key without a value%s", what, key.Value, hint)
			continue
		}
		if seen[key.Value] {
			d.Problem(key, "%q is given twice in %s", key.Value, what)
			continue
		}
		seen[key.Value] = true
		read(key, value)
	}
}

// Items calls read for each element of a list.
func (d *Decoder) Items(n *yaml.Node, what string, read func(*yaml.Node)) {
	if n.Kind != yaml.SequenceNode {
		d.Problem(n, "%s must be a list, not %s%s", what, d.kindOf(n), d.asList(n))
		return
	}
	for _, item := range n.Content {
		read(aliased(item))
	}
}

// entries returns what read makes of the keys of a mapping, and items of the elements
// of a list.
func entries[V any](d *Decoder, n *yaml.Node, what string, read func(key, value *yaml.Node) V) (out []V) {
	d.Each(n, what, func(key, value *yaml.Node) { out = append(out, read(key, value)) })
	return out
}

func items[V any](d *Decoder, n *yaml.Node, what string, read func(*yaml.Node) V) (out []V) {
	d.Items(n, what, func(item *yaml.Node) { out = append(out, read(item)) })
	return out
}

// String reads a text.
func (d *Decoder) String(n *yaml.Node, what string) string {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
		d.Problem(n, "%s must be a text, not %s", what, d.kindOf(n))
		return ""
	}
	return n.Value
}

// Strings reads a list of texts.
func (d *Decoder) Strings(n *yaml.Node, what string) []string {
	return items(d, n, what, func(item *yaml.Node) string { return d.String(item, "an element of "+what) })
}

// octal matches whole numbers with a leading 0, which YAML reads as octal.
var octal = regexp.MustCompile(`^[-+]?0[0-9_]`)

// Bool reads true or false.
func (d *Decoder) Bool(n *yaml.Node, what string) bool {
	var v bool
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" || n.Decode(&v) != nil {
		d.Problem(n, "%s must be true or false, not %s", what, d.kindOf(n))
	}
	return v
}

// Int reads a whole number from low to high.
func (d *Decoder) Int(n *yaml.Node, what string, low, high int) int {
	var v int
	n = plainInt(n)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" {
		d.Problem(n, "%s must be a whole number, not %s", what, d.kindOf(n))
		return 0
	}
	if octal.MatchString(n.Value) && n.Decode(&v) == nil {
		d.Problem(n, "%s: YAML reads %s as the number %d; write it without the leading 0", what, n.Value, v)
		return 0
	}
	if n.Decode(&v) != nil || v < low || v > high {
		value := n.Value
		if d.Secret {
			value = "this one"
		}
		d.Problem(n, "%s must be from %d to %d, not %s", what, low, high, value)
		return 0
	}
	return v
}

// missingBlank returns how to write a:1 if a mapping is meant, for a problem.
func (d *Decoder) missingBlank(n *yaml.Node) string {
	m := noBlank.FindStringSubmatch(n.Value)
	if m == nil || d.Secret || n.Kind != yaml.ScalarNode || n.Style != 0 || len(n.Value) > maxQuoted {
		return ""
	}
	return fmt.Sprintf("; a blank is missing after the colon: %s: %s", m[1], m[2])
}

// asList returns how to write a node as a list of one element, for a problem.
func (d *Decoder) asList(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "; begin each element with a dash"
	case n.Kind == yaml.ScalarNode && n.Tag != "!!null" && !d.Secret && len(n.Value) <= maxQuoted:
		return fmt.Sprintf("; write [%s]", n.Value)
	}
	return ""
}

// plainInt returns a whole number such as 1e6 with its digits, any other node unchanged.
func plainInt(n *yaml.Node) *yaml.Node {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!float" || !strings.ContainsAny(n.Value, "eE") {
		return n
	}
	number, ok := ParseNumber(n.Value)
	whole, isWhole := number.Whole()
	if !ok || !isWhole {
		return n
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.FormatInt(whole, 10), Line: n.Line, Column: n.Column}
}

// kindOf describes a node for a problem.
func (d *Decoder) kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch {
	case n.Tag == "!!null":
		return "nothing"
	case d.Secret:
		return cmp.Or(map[string]string{"!!int": "a number", "!!float": "a number", "!!bool": "true or false"}[n.Tag], "a text")
	case n.Tag == "!!int", n.Tag == "!!float":
		return "the number " + n.Value
	case n.Tag == "!!bool":
		return n.Value
	}
	if len(n.Value) > maxQuoted {
		return fmt.Sprintf("the text %q…", strings.ToValidUTF8(n.Value[:maxQuoted], ""))
	}
	return fmt.Sprintf("the text %q", n.Value)
}

// maxQuoted is the longest value that a problem repeats, in bytes.
const maxQuoted = 60
