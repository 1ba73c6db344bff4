// Package explain describes topologies: their stages, topics, state and expressions as
// text, and the way of records through them as pictures.
package explain

import (
	"fmt"
	"slices"
	"strings"

	"inv/internal/scenario"
	"inv/internal/termsafe"
	"inv/processor"
)

// kind is what a node of a picture is.
type kind int

const (
	source  kind = iota // a topic that other programs write
	output              // a topic that a stage writes for others
	kept                // a log or changelog
	dead                // dead letters
	step                // a stage
	outside             // a system that a sink delivers to
)

// node is a topic or a stage.
type node struct {
	kind  kind
	name  string // of a stage or a sink, or the alias of a topic
	below string // the consumer group, the name on the broker, or the receiver
}

// edge leads from one node to another, by their indexes.
type edge struct {
	from, to int
	label    string
	weak     bool // a table, a changelog or dead letters: beside the way of the records
}

// graph is topics and stages, and what each stage reads and writes.
type graph struct {
	title  string
	nodes  []node
	edges  []edge
	groups []group
}

// group is the stages of a topology, and the topics that it keeps for itself.
type group struct {
	name  string
	nodes []int
}

// newGraph returns the graph of topologies and sinks.
func newGraph(sc *scenario.Scenario, app string, topologies []processor.Topology, sinks []*scenario.Sink) *graph {
	g := &graph{title: sc.Name}
	for i := range topologies {
		t := &topologies[i]
		members := group{name: t.Name}
		for j := range t.Stages {
			s := &t.Stages[j]
			members.nodes = append(members.nodes, g.stage(sc, app, t, s))
			for _, alias := range []string{s.Log, s.State} {
				if alias != "" {
					members.nodes = append(members.nodes, g.topic(sc, app, alias))
				}
			}
		}
		g.groups = append(g.groups, members)
	}
	g.classify()
	for _, k := range sinks {
		g.sink(sc, app, k)
	}
	return g
}

// stage adds a stage with its topics.
func (g *graph) stage(sc *scenario.Scenario, app string, t *processor.Topology, s *processor.Stage) int {
	at := g.add(node{step, s.Name, processor.Group(app, s.Name)})
	topic := func(alias string) int { return g.topic(sc, app, alias) }
	for _, alias := range s.Reads {
		g.edges = append(g.edges, edge{from: topic(alias), to: at})
	}
	for _, alias := range s.Tables {
		g.edges = append(g.edges, edge{from: topic(alias), to: at, label: "table", weak: true})
	}
	if s.Log != "" {
		g.edges = append(g.edges, edge{from: at, to: topic(s.Log)})
	}
	for _, w := range s.Writes {
		g.edges = append(g.edges, edge{from: at, to: topic(w.Topic)})
	}
	if s.State != "" {
		g.edges = append(g.edges, edge{from: at, to: topic(s.State), label: "state", weak: true})
	}
	for _, name := range deadLetters(sc, app, t, s) {
		g.edges = append(g.edges, edge{from: at, to: g.add(node{dead, name, ""}), weak: true})
	}
	return at
}

func (g *graph) topic(sc *scenario.Scenario, app, alias string) int {
	return g.add(node{source, alias, strings.Join(sc.TopicNames(alias, app), ", ")})
}

// add returns the index of a node; a topic may be there already.
func (g *graph) add(n node) int {
	if i := slices.IndexFunc(g.nodes, func(o node) bool {
		return (o.kind == step) == (n.kind == step) && (o.kind == outside) == (n.kind == outside) && o.name == n.name && o.below == n.below
	}); i >= 0 {
		return i
	}
	g.nodes = append(g.nodes, n)
	return len(g.nodes) - 1
}

// classify says of each topic whether it is written, and whether it is kept.
func (g *graph) classify() {
	for _, e := range g.edges {
		if n := &g.nodes[e.to]; n.kind == source {
			n.kind = output
		}
	}
	for _, t := range g.groups {
		for _, i := range t.nodes {
			if n := &g.nodes[i]; n.kind == output {
				n.kind = kept
			}
		}
	}
}

// outside returns the nodes that belong to no topology.
func (g *graph) outside() (nodes []int) {
	for i := range g.nodes {
		if !slices.ContainsFunc(g.groups, func(t group) bool { return slices.Contains(t.nodes, i) }) {
			nodes = append(nodes, i)
		}
	}
	return nodes
}

// deadLetters returns the names of the topics for what a stage refuses: of its inputs, and
// in a declared topology of those of the topology.
func deadLetters(sc *scenario.Scenario, app string, t *processor.Topology, s *processor.Stage) (names []string) {
	aliases := s.Reads
	if d := sc.Topology(t.Name); d != nil && !d.BuiltIn {
		aliases = nil
		for i := range d.From {
			aliases = append(aliases, d.From[i].Alias)
		}
	}
	for _, alias := range aliases {
		if t, ok := sc.Topic(alias); ok && !t.Internal {
			names = append(names, processor.DeadLetterTopic(t.NameFor(app)))
		}
	}
	return names
}

// DOT returns a picture of topologies and sinks in Graphviz's language.
func DOT(sc *scenario.Scenario, app string, topologies []processor.Topology, sinks []*scenario.Sink) string {
	g := newGraph(sc, app, topologies, sinks)
	var b strings.Builder
	fmt.Fprintf(&b, "digraph %s {\n  rankdir=LR;\n  fontname=\"Helvetica\";\n  node [fontname=\"Helvetica\", fontsize=11];\n  edge [fontname=\"Helvetica\", fontsize=9];\n", dotText(g.title))
	for i, t := range g.groups {
		fmt.Fprintf(&b, "  subgraph cluster_%d {\n    label=%s;\n    style=rounded;\n", i, dotText(t.name))
		for _, n := range t.nodes {
			fmt.Fprintf(&b, "    n%d [%s];\n", n, g.nodes[n].dot())
		}
		b.WriteString("  }\n")
	}
	for _, n := range g.outside() {
		fmt.Fprintf(&b, "  n%d [%s];\n", n, g.nodes[n].dot())
	}
	for _, e := range g.edges {
		var attributes []string
		if e.label != "" {
			attributes = append(attributes, "label="+dotText(e.label))
		}
		if e.weak {
			attributes = append(attributes, "style=dashed")
		}
		fmt.Fprintf(&b, "  n%d -> n%d", e.from, e.to)
		if len(attributes) > 0 {
			fmt.Fprintf(&b, " [%s]", strings.Join(attributes, ", "))
		}
		b.WriteString(";\n")
	}
	b.WriteString("}\n")
	return b.String()
}

// dot returns a node's attributes.
func (n node) dot() string {
	shape := map[kind]string{
		step: "shape=box, style=filled, fillcolor=\"#dbe9ff\"", source: "shape=cylinder", output: "shape=cylinder, style=filled, fillcolor=\"#e3f5e1\"",
		outside: "shape=house, style=filled, fillcolor=\"#fdf0d5\"",
		kept:    "shape=cylinder, style=dashed", dead: "shape=note, color=\"#999999\", fontcolor=\"#777777\"",
	}[n.kind]
	lines := []string{n.name}
	if n.below != "" && n.below != n.name {
		lines = append(lines, n.below)
	}
	return "label=" + dotText(lines...) + ", " + shape
}

// dotText returns a string with lines. A backslash begins an escape in labels, too.
func dotText(lines ...string) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	for i := range lines {
		lines[i] = escape.Replace(termsafe.String(lines[i]))
	}
	return `"` + strings.Join(lines, `\n`) + `"`
}

// Mermaid returns a picture of topologies and sinks in the language of Mermaid, which
// GitHub and others show in Markdown.
func Mermaid(sc *scenario.Scenario, app string, topologies []processor.Topology, sinks []*scenario.Sink) string {
	g := newGraph(sc, app, topologies, sinks)
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	for i, t := range g.groups {
		fmt.Fprintf(&b, "  subgraph t%d[%s]\n", i, mermaidText(t.name))
		for _, n := range t.nodes {
			fmt.Fprintf(&b, "    n%d%s\n", n, g.nodes[n].mermaid())
		}
		b.WriteString("  end\n")
	}
	for _, n := range g.outside() {
		fmt.Fprintf(&b, "  n%d%s\n", n, g.nodes[n].mermaid())
	}
	for _, e := range g.edges {
		arrow := "-->"
		if e.weak {
			arrow = "-.->"
		}
		if e.label != "" {
			arrow += "|" + mermaidText(e.label) + "|"
		}
		fmt.Fprintf(&b, "  n%d %s n%d\n", e.from, arrow, e.to)
	}
	b.WriteString("  classDef kept stroke-dasharray:4\n  classDef dead fill:none,stroke:#999,color:#777\n")
	g.class(&b, "kept", kept)
	g.class(&b, "dead", dead)
	return b.String()
}

func (g *graph) class(b *strings.Builder, name string, k kind) {
	var ids []string
	for i, n := range g.nodes {
		if n.kind == k {
			ids = append(ids, fmt.Sprintf("n%d", i))
		}
	}
	if len(ids) > 0 {
		fmt.Fprintf(b, "  class %s %s\n", strings.Join(ids, ","), name)
	}
}

// mermaid returns a node's shape and text.
func (n node) mermaid() string {
	lines := []string{n.name}
	if n.below != "" && n.below != n.name {
		lines = append(lines, n.below)
	}
	text := mermaidText(lines...)
	switch n.kind {
	case step:
		return "[" + text + "]"
	case dead:
		return "[/" + text + "/]"
	case outside:
		return "{{" + text + "}}"
	}
	return "[(" + text + ")]"
}

// mermaidText returns a text with lines. In quotes only those characters mean something
// that are written as entities here.
func mermaidText(lines ...string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i, line := range lines {
		if i > 0 {
			b.WriteString("<br/>")
		}
		for _, r := range termsafe.String(line) {
			if strings.ContainsRune("\"#&<>`;\\", r) {
				fmt.Fprintf(&b, "#%d;", r)
			} else {
				b.WriteRune(r)
			}
		}
	}
	b.WriteByte('"')
	return b.String()
}
