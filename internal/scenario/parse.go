package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// Parse reads a scenario. The error is a [Problems]; for a text that is not YAML it
// has one Problem with the line.
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
	d := &Decoder{File: file}
	root, problem := document(file, source)
	if problem != nil {
		return nil, Problems{*problem}
	}
	s := &Scenario{File: file, Source: source}
	d.mapping(root, "the scenario", scenarioTable(), s)
	if s.Name == "" && root.Kind == yaml.MappingNode {
		d.Problem(root, "the scenario has no name; begin with `scenario: NAME`")
	}
	d.checkDeadLetters(s, root)
	d.Problems.Sort()
	return s, d.Problems
}

func scenarioTable() []attr {
	return []attr{
		textAttr("scenario", "its name", func(s *Scenario) *string { return &s.Name }),
		textAttr("about", "what it is, for `inv scenarios list`", func(s *Scenario) *string { return &s.About }),
		{name: "topologies", about: "which of the processor's topologies run by default", schema: obj{"type": "array", "items": obj{"type": "string"}},
			read: func(d *Decoder, n *yaml.Node, t any) { t.(*Scenario).Topologies = d.Strings(n, "topologies") }},
		{name: "topics", about: "the topics by alias", schema: obj{"type": "object", "additionalProperties": ref("topic")},
			read: func(d *Decoder, n *yaml.Node, t any) { t.(*Scenario).Topics = d.topics(n) }},
		{name: "producers", about: "the generators of records by name", schema: obj{"type": "object", "additionalProperties": ref("producer")},
			read: func(d *Decoder, n *yaml.Node, t any) { t.(*Scenario).Producers = d.producers(n) }},
	}
}

// maxSource bounds a scenario file.
const maxSource = 4 << 20

func document(file string, source []byte) (*yaml.Node, *Problem) {
	if len(source) > maxSource {
		return nil, &Problem{file, Position{}, fmt.Sprintf("the file has %d bytes; a scenario has at most %d", len(source), maxSource)}
	}
	var doc yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(source))
	if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, &Problem{file, Position{1, 1}, "the file is empty; a scenario has at least `scenario: NAME` and `topics:`"}
	} else if err != nil {
		p := syntaxProblem(file, err)
		return nil, &p
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, &Problem{file, Position{}, "a scenario is one YAML document; there is a second one behind ---"}
	}
	return doc.Content[0], nil
}

var yamlLine = regexp.MustCompile(`line (\d+): (.*)`)

func syntaxProblem(file string, err error) Problem {
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		line, _ := strconv.Atoi(m[1])
		if strings.HasPrefix(m[2], "did not find expected") {
			line++ // what its parser finds, other than its scanner, the library counts from 0
		}
		return Problem{file, Position{line, 1}, "not YAML: " + m[2]}
	}
	return Problem{file, Position{}, fmt.Sprintf("not YAML: %v", err)}
}

const (
	defaultPartitions = 6
	maxPartitions     = 10000
)

func (d *Decoder) topics(n *yaml.Node) []Topic {
	var topics []Topic
	d.Each(n, "topics", func(key, value *yaml.Node) {
		topics = append(topics, d.topic(key, value))
	})
	return topics
}

// topicTable returns what a topic may say.
func topicTable() []attr {
	return []attr{
		textAttr("topic", "its name on the broker; {app} is the application id", func(t *Topic) *string { return &t.Name }),
		intAttr("partitions", "how many partitions it is created with; 6 by default", 1, maxPartitions, func(t *Topic) *int { return &t.Partitions }),
		{name: "cleanup", about: "delete (the default) or compact", schema: obj{"enum": []any{"delete", "compact"}},
			read: func(d *Decoder, n *yaml.Node, t any) {
				t.(*Topic).Compact = d.choice(n, "cleanup", "delete", "compact") == "compact"
			}},
		{name: "retention", about: "how long records are kept, or forever (the default)", schema: obj{"type": "string", "pattern": `^(forever|` + durationPattern + `)$`},
			read: func(d *Decoder, n *yaml.Node, t any) { t.(*Topic).Retention = d.duration(n, "retention") }},
		boolAttr("internal", "the processor's own", func(t *Topic) *bool { return &t.Internal }),
		{name: "dead_letters_of", about: "instead of a name: the aliases whose dead letters it holds", schema: obj{"type": "array", "items": obj{"type": "string"}},
			read: func(d *Decoder, n *yaml.Node, t any) { t.(*Topic).DeadLettersOf = d.Strings(n, "dead_letters_of") }},
		{name: "view", about: "how its records are shown", schema: ref("view"),
			read: func(d *Decoder, n *yaml.Node, t any) { t.(*Topic).View = d.view(n) }},
	}
}

func (d *Decoder) topic(key, n *yaml.Node) Topic {
	t := Topic{Alias: key.Value, Partitions: defaultPartitions}
	what := "topic " + strconv.Quote(key.Value)
	d.mapping(n, what, topicTable(), &t)
	if (t.Name == "") == (len(t.DeadLettersOf) == 0) {
		d.Problem(key, "%s needs either `topic:`, its name on the broker, or `dead_letters_of:`", what)
	}
	return t
}

func (d *Decoder) choice(n *yaml.Node, what string, choices ...string) string {
	v := d.String(n, what)
	for _, c := range choices {
		if v == c {
			return v
		}
	}
	if v != "" {
		d.Problem(n, "%s can't be %q%s", what, v, suggestion(v, choices))
	}
	return ""
}

func (d *Decoder) duration(n *yaml.Node, what string) string {
	v := d.String(n, what)
	if v == "forever" {
		return ""
	}
	if t, err := time.ParseDuration(v); v != "" && (err != nil || t <= 0) {
		d.Problem(n, "%s must be a time such as 168h, or forever, not %q", what, v)
	}
	return v
}

// viewTable returns what a view may say.
func viewTable() []attr {
	condition := func(name, about string, at func(*View) *Condition) attr {
		return attr{name: name, about: about, schema: obj{"type": "string"}, read: func(d *Decoder, n *yaml.Node, t any) {
			*at(t.(*View)) = Condition{d.String(n, name), positionOf(n)}
		}}
	}
	return []attr{
		boolAttr("lines", "the value holds one JSON document a line, each shown as a record", func(v *View) *bool { return &v.Lines }),
		textAttr("time", "the field with the event time in epoch milliseconds", func(v *View) *string { return &v.Time }),
		condition("critical", "a jq condition; such records are critical", func(v *View) *Condition { return &v.Critical }),
		condition("warning", "a jq condition; such records are warnings", func(v *View) *Condition { return &v.Warning }),
		condition("good", "a jq condition; such records are good", func(v *View) *Condition { return &v.Good }),
		{name: "columns", about: "the columns of a line", schema: obj{"type": "array", "items": obj{"anyOf": []any{obj{"type": "string"}, mappingSchema(columnTable())}}},
			read: func(d *Decoder, n *yaml.Node, t any) {
				d.Items(n, "columns", func(item *yaml.Node) { t.(*View).Columns = append(t.(*View).Columns, d.column(item)) })
			}},
	}
}

func (d *Decoder) view(n *yaml.Node) *View {
	v := &View{}
	d.mapping(n, "view", viewTable(), v)
	return v
}

// columnTable returns what a column may say.
func columnTable() []attr {
	return []attr{
		must(textAttr("show", "its text, with {path} for a field and {path:+} for a number with its sign", func(c *Column) *string { return &c.Show })),
		textAttr("each", "the text is repeated for each element of this list", func(c *Column) *string { return &c.Each }),
		textAttr("join", "what stands between the repetitions", func(c *Column) *string { return &c.Join }),
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
