package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"inv/internal/when"

	"gopkg.in/yaml.v3"
)

// Parse parses a scenario. The error is a [Problems], with a single Problem for text
// that is not YAML.
func Parse(file string, source []byte) (*Scenario, error) {
	s, problems := Read(file, source)
	if len(problems) > 0 {
		return nil, problems
	}
	return s, nil
}

// Read reads the valid parts of a scenario and returns its problems, so that other
// checks can add theirs. The scenario is nil if the text is not YAML.
func Read(file string, source []byte) (*Scenario, Problems) {
	d := &Decoder{File: file, lines: strings.Split(string(source), "\n"), bounded: true}
	root, problem := document(file, source)
	if problem != nil {
		return nil, Problems{*problem}
	}
	s := &Scenario{File: file}
	d.whole(s, root)
	d.Problems.Sort()
	return s, d.Problems
}

// maxProblems bounds the problems of a file: aliases can make few lines many mistakes.
const maxProblems = 1000

// tooMany ends the reading of a file at maxProblems.
type tooMany struct{}

// whole reads a scenario's parts and checks them together.
func (d *Decoder) whole(s *Scenario, root *yaml.Node) {
	defer func() {
		switch cause := recover().(type) {
		case nil:
		case tooMany:
			d.Problems = append(d.Problems, Problem{File: d.File, Text: fmt.Sprintf("the file has more than %d problems; these are the first", maxProblems)})
		default:
			panic(cause)
		}
	}()
	d.mapping(withoutExtensions(d.merged(root)), "the scenario", scenarioTable(), s)
	if s.Name == "" && root.Kind == yaml.MappingNode && !misnamed(root) {
		d.Problem(root, "the scenario has no name; begin with `scenario: NAME`")
	}
	d.checkDeadLetters(s, root)
	for _, check := range d.later {
		check(s)
	}
	d.checkFormats(s)
	d.checkTopologies(s)
	d.checkSinks(s)
	s.addTopics()
	for i := range s.Tests {
		d.checkTest(s, &s.Tests[i])
	}
}

// misnamed reports whether a scenario has a key that is none, which may be its name's.
func misnamed(root *yaml.Node) bool {
	for i := 0; i+1 < len(root.Content); i += 2 {
		if !slices.ContainsFunc(scenarioTable(), func(a attr) bool { return a.name == root.Content[i].Value }) {
			return true
		}
	}
	return false
}

func scenarioTable() []attr {
	return []attr{
		textAttr("scenario", "its name", func(s *Scenario) *string { return &s.Name }),
		textAttr("about", "a description", func(s *Scenario) *string { return &s.About }),
		valueAttr("topologies", "what the processor runs by default: topologies by name, declared here or `built-in`, or a list of built-in ones", topologiesSchema(),
			func(s *Scenario) *[]Topology { return &s.Topologies }, (*Decoder).topologies),
		{name: "topics", about: "the topics by alias", schema: obj{"type": "object", "additionalProperties": ref("topic")},
			read: func(d *Decoder, n *yaml.Node, t any) { t.(*Scenario).Topics = entries(d, n, "topics", d.topic) }},
		{name: "producers", about: "the producers by name", schema: obj{"type": "object", "additionalProperties": ref("producer")},
			read: func(d *Decoder, n *yaml.Node, t any) {
				t.(*Scenario).Producers = entries(d, n, "producers", d.producer)
			}},
		valueAttr("sinks", "the systems outside Kafka that `inv forward` delivers records to, by name", sinksSchema(), func(s *Scenario) *[]Sink { return &s.Sinks }, (*Decoder).sinks),
		{name: "tests", about: "cases for declared topologies", schema: obj{"type": "array", "maxItems": maxTests, "items": mappingSchema(testTable())},
			read: func(d *Decoder, n *yaml.Node, t any) { t.(*Scenario).Tests = d.tests(n) }},
	}
}

// maxSource bounds a scenario file.
const maxSource = 4 << 20

func document(file string, source []byte) (*yaml.Node, *Problem) {
	if len(source) > maxSource {
		return nil, &Problem{File: file, Text: fmt.Sprintf("the file has %d bytes; a scenario has at most %d", len(source), maxSource)}
	}
	text, escapes := replaceJSONEscapes(source)
	var doc yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, &Problem{File: file, Pos: Position{1, 1}, Text: "the file is empty; a scenario has at least `scenario: NAME` and `topics:`"}
	} else if err != nil {
		p := syntaxProblem(file, source, err)
		return nil, &p
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, &Problem{File: file, Text: "a scenario is a single YAML document; remove the second one, after ---"}
	}
	escapes.restore(&doc)
	return doc.Content[0], nil
}

const (
	defaultPartitions = 6
	maxPartitions     = 10000
	maxReplicas       = 100
)

// topicTable returns the keys of a topic.
func topicTable() []attr {
	return append([]attr{
		textAttr("topic", "its name on the broker; {app} is the application id", func(t *Topic) *string { return &t.Name }),
		intAttr("partitions", "the number of partitions; 6 by default", 1, maxPartitions, func(t *Topic) *int { return &t.Partitions }),
		switchAttr("cleanup", "delete (the default) or compact", "delete", "compact", func(t *Topic) *bool { return &t.Compact }),
		valueAttr("retention", "how long records are kept, or forever (the default)", obj{"type": "string", "pattern": `^(forever|` + durationPattern + `)$`},
			func(t *Topic) *string { return &t.Retention }, (*Decoder).duration),
		intAttr("replication_factor", "the number of replicas of each partition; by default the cluster's. The embedded broker has one", 1, maxReplicas, func(t *Topic) *int { return &t.Replicas }),
		valueAttr("config", "its settings by Kafka's names, such as max.message.bytes", configSchema(), func(t *Topic) *[]Setting { return &t.Settings }, (*Decoder).config),
		boolAttr("internal", "the processor's own", func(t *Topic) *bool { return &t.Internal }),
		textsAttr("dead_letters_of", "instead of a name: the aliases whose dead letters it holds", func(t *Topic) *[]string { return &t.DeadLettersOf }),
		valueAttr("view", "how its records are shown", ref("view"), func(t *Topic) **View { return &t.View }, (*Decoder).view),
	}, encodingAttrs()...)
}

func (d *Decoder) topic(key, n *yaml.Node) Topic {
	t := Topic{Alias: key.Value, Partitions: defaultPartitions, Schemas: Schemas{Subject: "topic", IDs: "value", Register: true}}
	what := "topic " + strconv.Quote(key.Value)
	before := d.own()
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" {
		d.Problem(n, "%s must be a mapping; write {topic: %s}", what, n.Value)
		return t
	}
	d.mapping(n, what, topicTable(), &t)
	if problem := topicName(t.Name); t.Name != "" && problem != "" {
		d.Problem(key, "%s: %q is no name of a topic: %s", what, t.Name, problem)
	}
	if d.own() == before && (t.Name == "") == (len(t.DeadLettersOf) == 0) {
		d.Problem(key, "%s needs either `topic:`, its name on the broker, or `dead_letters_of:`", what)
	}
	if len(t.Settings) > 0 {
		d.checkSettings(key, n, &t)
	}
	d.checkEncoding(&t)
	return t
}

// maxTopicName is the longest name of a topic on a broker.
const maxTopicName = 249

// topicName returns what is wrong with the name of a topic, in which {app} stands for the
// application id; "" for nothing.
func topicName(name string) string {
	name = strings.ReplaceAll(name, "{app}", "a")
	switch {
	case name == "." || name == "..":
		return "brokers refuse it"
	case len(name) > maxTopicName:
		return fmt.Sprintf("it has at most %d characters", maxTopicName)
	case strings.ContainsFunc(name, func(r rune) bool {
		return r >= utf8.RuneSelf || !isLetter(byte(r)) && !isDigit(byte(r)) && r != '.' && r != '-'
	}):
		return "it has only the letters a to z and A to Z, digits, `.`, `_` and `-`, and {app}"
	}
	return ""
}

func (d *Decoder) choice(n *yaml.Node, what string, choices ...string) string {
	v := d.String(n, what)
	if slices.Contains(choices, v) {
		return v
	}
	if v != "" {
		d.Problem(n, "%s can't be %q%s", what, v, suggestion(v, choices))
	}
	return ""
}

func (d *Decoder) duration(n *yaml.Node, what string) string {
	v := d.quantity(n, what)
	if v == "forever" {
		return ""
	}
	switch t, err := when.ParseDuration(v); {
	case v == "":
	case err != nil:
		d.Problem(n, "%s: %v", what, err)
	case t <= 0:
		d.Problem(n, "%s must be a time such as 7d, or forever, not %q", what, v)
	}
	return v
}

// viewTable returns the keys of a view.
func viewTable() []attr {
	condition := func(name, about string, at func(*View) *Condition) attr {
		return valueAttr(name, about, obj{"type": "string"}, at,
			func(d *Decoder, n *yaml.Node, what string) Condition {
				return Condition{d.String(n, what), positionOf(n)}
			})
	}
	return []attr{
		boolAttr("lines", "the value holds one JSON document a line, each shown as a record", func(v *View) *bool { return &v.Lines }),
		textAttr("time", "the field with the event time in epoch milliseconds", func(v *View) *string { return &v.Time }),
		condition("critical", "a jq condition; such records are critical", func(v *View) *Condition { return &v.Critical }),
		condition("warning", "a jq condition; such records are warnings", func(v *View) *Condition { return &v.Warning }),
		condition("good", "a jq condition; such records are good", func(v *View) *Condition { return &v.Good }),
		{name: "columns", about: "the columns of a line", schema: obj{"type": "array", "items": obj{"anyOf": []any{obj{"type": "string"}, mappingSchema(columnTable())}}},
			read: func(d *Decoder, n *yaml.Node, t any) { t.(*View).Columns = items(d, n, "columns", d.column) }},
	}
}

func (d *Decoder) view(n *yaml.Node, what string) *View {
	v := &View{}
	d.mapping(n, what, viewTable(), v)
	return v
}

// columnTable returns the keys of a column.
func columnTable() []attr {
	return []attr{
		must(textAttr("show", "its text, with {path} for a field and {path:+} for a number with its sign", func(c *Column) *string { return &c.Show })),
		textAttr("each", "the text is repeated for each element of this list", func(c *Column) *string { return &c.Each }),
		textAttr("join", "the separator of the repetitions", func(c *Column) *string { return &c.Join }),
	}
}

func (d *Decoder) column(n *yaml.Node) Column {
	c := Column{Join: ", ", Pos: positionOf(n)}
	if n.Kind != yaml.MappingNode {
		c.Show = d.String(n, "a column")
		return c
	}
	d.mapping(n, "a column", columnTable(), &c)
	return c
}

func (d *Decoder) checkDeadLetters(s *Scenario, root *yaml.Node) {
	aliases := make([]string, len(s.Topics))
	for i, t := range s.Topics {
		aliases[i] = t.Alias
	}
	for _, t := range s.Topics {
		for _, a := range t.DeadLettersOf {
			if of, ok := s.Topic(a); !ok || len(of.DeadLettersOf) > 0 {
				d.Problem(root, "topic %q: dead_letters_of names %q, which is no input topic%s", t.Alias, a, suggestion(a, aliases))
			}
		}
	}
}
