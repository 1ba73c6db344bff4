package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"time"

	"gopkg.in/yaml.v3"
)

// Parse reads a scenario. The error is [Problems] unless the text is not YAML
// at all, when it is one Problem with the line.
func Parse(file string, source []byte) (*Scenario, error) {
	s, problems := Read(file, source)
	if len(problems) > 0 {
		return nil, problems
	}
	return s, nil
}

// Read reads a scenario as far as it is right, with everything that is wrong in
// it, so that other checks can add what they find. The scenario is nil if the
// text is not YAML.
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

func (d *Decoder) topic(key, n *yaml.Node) Topic {
	t := Topic{Alias: key.Value, Partitions: defaultPartitions}
	what := "topic " + strconv.Quote(key.Value)
	d.Fields(n, what, map[string]func(*yaml.Node){
		"topic":           func(n *yaml.Node) { t.Name = d.String(n, "topic") },
		"partitions":      func(n *yaml.Node) { t.Partitions = d.Int(n, "partitions", 1, maxPartitions) },
		"cleanup":         func(n *yaml.Node) { t.Compact = d.choice(n, "cleanup", "delete", "compact") == "compact" },
		"retention":       func(n *yaml.Node) { t.Retention = d.duration(n, "retention") },
		"internal":        func(n *yaml.Node) { t.Internal = d.Bool(n, "internal") },
		"dead_letters_of": func(n *yaml.Node) { t.DeadLettersOf = d.Strings(n, "dead_letters_of") },
		"view":            func(n *yaml.Node) { t.View = d.view(n) },
	})
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

func (d *Decoder) view(n *yaml.Node) *View {
	v := &View{}
	condition := func(c *Condition, what string) func(*yaml.Node) {
		return func(n *yaml.Node) { *c = Condition{d.String(n, what), positionOf(n)} }
	}
	d.Fields(n, "view", map[string]func(*yaml.Node){
		"lines":    func(n *yaml.Node) { v.Lines = d.Bool(n, "lines") },
		"time":     func(n *yaml.Node) { v.Time = d.String(n, "time") },
		"critical": condition(&v.Critical, "critical"),
		"warning":  condition(&v.Warning, "warning"),
		"good":     condition(&v.Good, "good"),
		"columns": func(n *yaml.Node) {
			d.Items(n, "columns", func(item *yaml.Node) { v.Columns = append(v.Columns, d.column(item)) })
		},
	})
	return v
}

func (d *Decoder) column(n *yaml.Node) Column {
	c := Column{Join: ", ", Pos: positionOf(n)}
	if n.Kind != yaml.MappingNode {
		c.Show = d.String(n, "a column")
		return c
	}
	d.Fields(n, "a column", map[string]func(*yaml.Node){
		"show": func(n *yaml.Node) { c.Show = d.String(n, "show") },
		"each": func(n *yaml.Node) { c.Each = d.String(n, "each") },
		"join": func(n *yaml.Node) { c.Join = d.String(n, "join") },
	})
	if c.Show == "" {
		d.Problem(n, "a column needs `show:`, its text")
	}
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
