// Package scenario is the grammar of scenario files: topics, the producers that fill
// them, the topologies that process them, the sinks that they are delivered to and the
// views that show them. It reads YAML
// into the types below, or reports every problem with line and column. It knows no Kafka
// and no particular scenario; package producer compiles a [Producer], package inspect a
// [View], package declared a [Topology].
package scenario

import "strings"

// Scenario is one parsed file.
type Scenario struct {
	Name       string
	About      string
	Topologies []Topology // of the processor, which run by default, in the file's order
	Topics     []Topic    // in the file's order, then those that declared topologies and sinks need
	Producers  []Producer
	Sinks      []Sink // in the file's order
	Tests      []Test // of declared topologies
	File       string // for messages
}

// Topic describes how the topic of an alias is created and shown.
type Topic struct {
	Alias         string
	Name          string // {app} stands for the application id
	Partitions    int
	Compact       bool
	Retention     string // a duration, or "" to keep everything
	Replicas      int    // of each partition; 0: the cluster's default
	Settings      []Setting
	Internal      bool     // the processor's own
	DeadLettersOf []string // aliases; the alias then names <topic>.dlq of each
	Sink          string   // the name of the sink whose dead letters or retries it has; only the sink needs it
	View          *View    // nil: the inspector's default

	Format, KeyFormat Encoding  // of values and keys
	Schemas           Schemas   // how their schemas are registered
	Upgrades          []Upgrade // of other versions of its events
}

// View describes how the inspector shows a topic's records: on one line, with a time,
// a severity and columns. Conditions are jq expressions; the first of critical, warning
// and good that holds is the severity.
type View struct {
	Lines    bool   // the value holds one JSON document a line, each shown as a record
	Time     string // path of the field with the event time in epoch ms; "": the record's
	Critical Condition
	Warning  Condition
	Good     Condition
	Columns  []Column
}

// Condition is the source of one condition and its position.
type Condition struct {
	Source string
	Pos    Position
}

// Column is one column of a view: a text with {path} placeholders, where {path:+}
// writes a number with its sign. With Each, it is that text for each element of a
// list, joined.
type Column struct {
	Show string
	Each string // path of a list, or ""
	Join string // between elements; default ", "
	Pos  Position
}

// Topology returns the topology of this name, nil if the file names none.
func (s *Scenario) Topology(name string) *Topology {
	for i := range s.Topologies {
		if s.Topologies[i].Name == name {
			return &s.Topologies[i]
		}
	}
	return nil
}

// Sink returns the sink of this name, nil if the file declares none.
func (s *Scenario) Sink(name string) *Sink {
	for i := range s.Sinks {
		if s.Sinks[i].Name == name {
			return &s.Sinks[i]
		}
	}
	return nil
}

// Topic returns the topic with this alias.
func (s *Scenario) Topic(alias string) (Topic, bool) {
	for _, t := range s.Topics {
		if t.Alias == alias {
			return t, true
		}
	}
	return Topic{}, false
}

// TopicNames returns the names on the broker of an alias: one, or the dead-letter
// topics of its DeadLettersOf; nil for an unknown alias.
func (s *Scenario) TopicNames(alias, app string) []string {
	t, ok := s.Topic(alias)
	if !ok {
		return nil
	}
	if len(t.DeadLettersOf) == 0 {
		return []string{t.NameFor(app)}
	}
	var names []string
	for _, a := range t.DeadLettersOf {
		for _, n := range s.TopicNames(a, app) {
			names = append(names, n+".dlq")
		}
	}
	return names
}

// NameFor returns the topic's name on the broker for an application id.
func (t Topic) NameFor(app string) string {
	return strings.ReplaceAll(t.Name, "{app}", app)
}
