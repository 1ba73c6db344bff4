package scenario

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"inv/internal/suggest"

	"gopkg.in/yaml.v3"
)

// Bounds of the tests of a file. Bytes count aliases each time.
const (
	maxTests      = 1000
	maxTestEvents = 10_000 // of a test
	maxTestBytes  = 16 << 20
	maxTestDepth  = 100
	testBytesEach = 100 // that an element of a list counts as, besides its value
)

func testTable() []attr {
	return []attr{
		must(textAttr("name", "its name", func(t *Test) *string { return &t.Name })),
		must(attr{name: "topology", about: "the declared topology that it is for", schema: obj{"type": "string"}, read: func(d *Decoder, n *yaml.Node, t any) {
			t.(*Test).Topology, t.(*Test).topologyPos = d.String(n, "topology"), positionOf(n)
		}}),
		valueAttr("start", "when it begins, in RFC 3339; 2026-01-01T00:00:00Z by default", obj{"type": "string", "format": "date-time"},
			func(t *Test) *time.Time { return &t.Start }, (*Decoder).testStart),
		must(attr{name: "when", about: "what happens: records, as {at: 10s, ALIAS: VALUE, key: KEY}, and times, as {at: 40m}",
			schema: obj{"type": "array", "minItems": 1, "maxItems": maxTestEvents, "items": obj{"type": "object", "minProperties": 1, "maxProperties": 4,
				"properties": obj{"at": timeAttr[Test]("", "", nil).schema, "key": ref("scalar"), "headers": obj{"type": "object", "additionalProperties": ref("scalar")}}}},
			read: func(d *Decoder, n *yaml.Node, t any) { t.(*Test).When = d.testEvents(n) }}),
		{name: "then", about: "the records that each topic gets, by alias; a record has at least these fields", schema: obj{"type": "object", "additionalProperties": obj{"type": "array"}},
			read: func(d *Decoder, n *yaml.Node, t any) { t.(*Test).Then = entries(d, n, "then", d.testOutput) }},
	}
}

func (d *Decoder) tests(n *yaml.Node) (out []Test) {
	names := map[string]bool{}
	d.Items(n, "tests", func(item *yaml.Node) {
		if len(out) == maxTests {
			return
		}
		t := Test{Pos: positionOf(item)}
		d.mapping(item, "a test", testTable(), &t)
		if names[t.Name] && t.Name != "" {
			d.Problem(item, "there is a test %q already; give this one another name", t.Name)
		}
		names[t.Name] = true
		out = append(out, t)
	})
	if n.Kind == yaml.SequenceNode && len(n.Content) > maxTests {
		d.Problem(n, "tests has more than %d elements", maxTests)
	}
	return out
}

func (d *Decoder) testEvents(n *yaml.Node) (out []TestEvent) {
	at := time.Duration(0)
	d.Items(n, "when", func(item *yaml.Node) {
		if len(out) < maxTestEvents && d.testBytes(item, testBytesEach) {
			e := d.testEvent(item, at)
			at = e.At
			out = append(out, e)
		}
	})
	switch {
	case n.Kind != yaml.SequenceNode:
	case len(n.Content) == 0:
		d.Problem(n, "when is empty; a test begins with {at: 0s, ALIAS: {…}}")
	case len(n.Content) > maxTestEvents:
		d.Problem(n, "when has more than %d elements", maxTestEvents)
	}
	return out
}

// testEvent reads a record or a time; without a time, it is that of the event before.
func (d *Decoder) testEvent(n *yaml.Node, before time.Duration) TestEvent {
	e := TestEvent{At: before, Pos: positionOf(n)}
	timed := false
	d.Each(n, "an element of when", func(key, value *yaml.Node) {
		switch {
		case key.Value == "at":
			timed = true
			e.At = d.millis(value, "at", 0)
		case key.Value == "key":
			if k, ok := d.scalar(value, "key"); ok && k.Kind != KindNull {
				e.Key = &k.Text
			}
		case key.Value == "headers":
			e.Headers = entries(d, value, "headers", d.testHeader)
		case e.Alias != "":
			d.Problem(key, "an element of when has one record, not one for %s and one for %s; write two elements", e.Alias, key.Value)
		default:
			e.Alias, e.aliasPos = key.Value, positionOf(key)
			e.Value = d.recordValue(value)
		}
	})
	switch {
	case n.Kind != yaml.MappingNode:
	case e.Alias == "" && e.Key != nil:
		d.Problem(n, "an element of when has a key, and no record; write {ALIAS: {…}, key: …}")
	case e.Alias == "" && e.Headers != nil:
		d.Problem(n, "an element of when has headers, and no record; write {ALIAS: {…}, headers: {…}}")
	case e.Alias == "" && !timed:
		d.Problem(n, "an element of when is empty; write {at: 10s, ALIAS: {…}} for a record, or {at: 10s}")
	}
	return e
}

// testHeader reads a header of a record.
func (d *Decoder) testHeader(key, value *yaml.Node) TestHeader {
	h := TestHeader{Name: key.Value}
	if v, ok := d.scalar(value, "a header"); ok && v.Kind != KindNull && d.testBytes(value, len(v.Text)) {
		h.Value = &v.Text
	}
	return h
}

// testStart reads when a test begins. Records have no time before 1970.
func (d *Decoder) testStart(n *yaml.Node, what string) time.Time {
	text := d.textOrTime(n, what)
	t, err := time.Parse(time.RFC3339Nano, text)
	if text != "" && (err != nil || t.Before(time.Unix(0, 0)) || t.Year() > 9999) {
		d.Problem(n, "start must be a time such as 2026-01-31T12:00:00Z, from 1970 to 9999, not %q", text)
		return time.Time{}
	}
	return t
}

// textOrTime reads a text; YAML takes an unquoted time for a type of its own.
func (d *Decoder) textOrTime(n *yaml.Node, what string) string {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!timestamp" {
		return n.Value
	}
	return d.String(n, what)
}

// recordValue reads the value of a record: a text as it is, anything else as JSON; nil
// for null, a tombstone.
func (d *Decoder) recordValue(n *yaml.Node) []byte {
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		return nil
	case n.Kind == yaml.ScalarNode && n.Tag == "!!str":
		if !d.testBytes(n, len(n.Value)) {
			return nil
		}
		return []byte(n.Value)
	}
	return d.json(n)
}

func (d *Decoder) testOutput(key, n *yaml.Node) TestOutput {
	out := TestOutput{Alias: key.Value, Pos: positionOf(key)}
	d.Items(n, key.Value, func(item *yaml.Node) {
		if d.testBytes(item, testBytesEach) {
			out.Want = append(out.Want, TestRecord{positionOf(item), d.json(item)})
		}
	})
	return out
}

// json returns a value as JSON text, with numbers as they are written.
func (d *Decoder) json(n *yaml.Node) []byte {
	var b []byte
	if !d.appendJSON(&b, n, 0) {
		return []byte("null")
	}
	return b
}

// appendJSON appends a value as JSON text. It returns false after a problem.
func (d *Decoder) appendJSON(b *[]byte, n *yaml.Node, depth int) bool {
	if !d.testBytes(n, 1+len(n.Value)) {
		return false
	}
	if depth == maxTestDepth {
		d.Problem(n, "a value is nested more than %d deep", maxTestDepth)
		return false
	}
	problems := len(d.Problems)
	switch n.Kind {
	case yaml.MappingNode:
		*b = append(*b, '{')
		first, right := true, true
		d.Each(n, "a value", func(key, value *yaml.Node) {
			if key.Kind != yaml.ScalarNode {
				d.Problem(key, "the name of a field must be a text, not %s", d.kindOf(key))
			}
			if !first {
				*b = append(*b, ',')
			}
			first = false
			*b = append(appendText(*b, key.Value), ':')
			right = right && d.appendJSON(b, value, depth+1)
		})
		*b = append(*b, '}')
		return right && len(d.Problems) == problems
	case yaml.SequenceNode:
		*b = append(*b, '[')
		for i, item := range n.Content {
			if i > 0 {
				*b = append(*b, ',')
			}
			if !d.appendJSON(b, aliased(item), depth+1) {
				return false
			}
		}
		*b = append(*b, ']')
		return true
	}
	v, ok := d.scalar(n, "a value")
	*b = append(*b, v.JSON()...)
	return ok
}

// appendText appends a text as JSON.
func appendText(b []byte, text string) []byte {
	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if e.Encode(text) != nil { // no text is refused
		return append(b, `""`...)
	}
	return append(b, strings.TrimSuffix(out.String(), "\n")...)
}

// testBytes counts the bytes of values, and reports whether there may be more.
func (d *Decoder) testBytes(n *yaml.Node, more int) bool {
	over := d.plain > maxTestBytes
	if d.plain += more; d.plain > maxTestBytes && !over {
		d.Problem(n, "the values of tests and defaults have more than %d bytes, counting aliases each time", maxTestBytes)
	}
	return d.plain <= maxTestBytes
}

// checkTest checks that a test names a declared topology and its topics.
func (d *Decoder) checkTest(s *Scenario, test *Test) {
	t := s.Topology(test.Topology)
	if t == nil || t.BuiltIn {
		var names []string
		for _, t := range s.Topologies {
			if !t.BuiltIn {
				names = append(names, t.Name)
			}
		}
		switch {
		case test.Topology == "":
		case t != nil:
			d.ProblemAt(test.topologyPos, "test %q: topology %q is built-in; tests are for those that the file declares", test.Name, test.Topology)
		default:
			d.ProblemAt(test.topologyPos, "test %q: `topologies:` has no %q%s", test.Name, test.Topology, suggest.DidYouMean(test.Topology, names))
		}
		return
	}
	reads := t.Reads()
	for _, e := range test.When {
		if e.Alias != "" && !slices.Contains(reads, e.Alias) {
			d.ProblemAt(e.aliasPos, "test %q: topology %q does not read %q%s", test.Name, t.Name, e.Alias, oneOf(e.Alias, reads))
		}
	}
	writes := t.Writes()
	for _, out := range test.Then {
		topic, _ := s.Topic(out.Alias)
		if !slices.Contains(writes, out.Alias) && len(topic.DeadLettersOf) == 0 {
			d.ProblemAt(out.Pos, "test %q: topology %q does not write %q%s", test.Name, t.Name, out.Alias, oneOf(out.Alias, writes))
		}
	}
}

// oneOf suggests a word, or names all.
func oneOf(word string, words []string) string {
	if hint := suggest.DidYouMean(word, words); hint != "" || len(words) == 0 {
		return hint
	}
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = strconv.Quote(w)
	}
	return ", only " + strings.Join(quoted, ", ")
}
