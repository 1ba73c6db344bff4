package scenario

import (
	"fmt"
	"slices"
	"strings"
)

// grammarPage returns the grammar as a page of documentation, generated from the
// parser's tables.
func grammarPage() string {
	var b strings.Builder
	b.WriteString("## A producer\n\n")
	attrTable(&b, producerTable())
	b.WriteString("\nKeys of `bursts:`\n\n")
	attrTable(&b, burstTable())
	b.WriteString("\nKeys of `ramp:`\n\n")
	attrTable(&b, rampTable())
	b.WriteString("\nKeys of a state under `states:`\n\n")
	attrTable(&b, stateTable())
	b.WriteString("\nKeys of a cause under `causes:`\n\n")
	attrTable(&b, causeTable())
	b.WriteString("\n## Generators\n\nA plain value stands for itself and a list for a list. A generator is a mapping with exactly one of these keys.\n\n| generator | value | modifiers |\n|---|---|---|\n")
	for _, g := range generators() {
		var modifiers []string
		for _, m := range g.modifiers {
			modifiers = append(modifiers, fmt.Sprintf("`%s`: %s", m.name, m.about))
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", strings.ReplaceAll(g.example, "|", `\|`), g.about, strings.Join(modifiers, "<br>"))
	}
	b.WriteString("\nKeys of all generators\n\n")
	attrTable(&b, commonAttrs())
	b.WriteString("\n## A topic and its view\n\n")
	attrTable(&b, topicTable())
	b.WriteString("\nKeys of `format:` and `key_format:` with a file\n\n")
	attrTable(&b, fileTable())
	b.WriteString("\nKeys of `schemas:`\n\n")
	attrTable(&b, schemasTable())
	b.WriteString("\nKeys of `view:`\n\n")
	attrTable(&b, viewTable())
	return b.String()
}

// section is a table of keys.
type section struct {
	of    string
	table []attr
}

// keysPage returns tables of keys as the end of a page.
func keysPage(sections []section) string {
	var b strings.Builder
	b.WriteString("## All keys\n")
	for _, s := range sections {
		fmt.Fprintf(&b, "\n%s\n\n", s.of)
		attrTable(&b, s.table)
	}
	return b.String()
}

func topologiesPage() string {
	return keysPage([]section{
		{"A topology", topologyTable()},
		{"An input, under `from:`", inputTable()},
		{"A table, under `join:`", joinTable()},
		{"A field, under `keep:`: one of `count` to `distinct`", keepTable()},
		{"A timer, under `timers:`", timerTable()},
		{"`window:`", windowTable()},
		{"An element of `emit:`", emitTable()},
		{"A test, in the list `tests:`", testTable()},
	})
}

func attrTable(b *strings.Builder, table []attr) {
	b.WriteString("| key | |\n|---|---|\n")
	for _, a := range table {
		needed := ""
		if a.required {
			needed = " (required)"
		}
		fmt.Fprintf(b, "| `%s` | %s%s |\n", a.name, a.about, needed)
	}
}

// pageOf returns a scenario as a page of documentation, generated from its file.
func pageOf(s *Scenario, source string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n\n", s.Name, strings.Join(strings.Fields(s.About), " "))
	if commands := commandsOf(source); len(commands) > 0 {
		fmt.Fprintf(&b, "```sh\n%s\n```\n\n", strings.Join(commands, "\n"))
	}
	b.WriteString("## Topics\n\n| alias | topic | partitions | kept |\n|---|---|---|---|\n")
	own, keyed := map[string]bool{}, false
	for _, t := range s.Topologies {
		if t.Keyed() {
			own[t.Log()], own[t.Changelog()], keyed = true, true, true
		}
	}
	for _, t := range s.Topics {
		if (own[t.Alias] || t.Sink != "") && !strings.Contains(source, "\n  "+t.Alias+":") {
			continue
		}
		name := "`" + t.Name + "`"
		if len(t.DeadLettersOf) > 0 {
			name = "`<topic>.dlq` of " + strings.Join(t.DeadLettersOf, ", ")
		}
		kept := "forever"
		if t.Compact {
			kept = "the last of each key"
		} else if t.Retention != "" {
			kept = t.Retention
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %s |\n", t.Alias, name, t.Partitions, kept)
	}
	if keyed {
		b.WriteString("\nEach declared topology with keys has `{app}-NAME-log` and `{app}-NAME-changelog` besides.\n")
	}
	topologyPages(&b, s, source)
	sinkPages(&b, s, source)
	if len(s.Producers) > 0 {
		b.WriteString("\n## Producers\n")
	}
	for i := range s.Producers {
		producerPage(&b, s, &s.Producers[i], source)
	}
	return b.String()
}

// commandsOf returns the commands in the file's first comment.
func commandsOf(source string) (out []string) {
	for line := range strings.Lines(source) {
		text, comment := strings.CutPrefix(strings.TrimRight(line, "\n"), "#")
		if !comment {
			break
		}
		if command := strings.TrimSpace(text); strings.HasPrefix(text, "   ") && strings.HasPrefix(command, "inv ") {
			out = append(out, command)
		}
	}
	return out
}

func producerPage(b *strings.Builder, s *Scenario, p *Producer, source string) {
	fmt.Fprintf(b, "\n### %s\n\n", p.Name)
	facts := []string{"to `" + p.Topic.Text + "`"}
	switch {
	case p.Read:
		facts = append(facts, "the records that the topic has")
	case len(p.Rows) > 0:
		facts = append(facts, fmt.Sprintf("%d rows, once", len(p.Rows)))
	}
	if p.More != nil {
		facts = append(facts, "more with `--products N`")
	}
	if p.Rate != nil {
		facts = append(facts, "rate "+p.Rate.String())
	}
	if p.Key != nil && p.Key.Field.Text != "" {
		facts = append(facts, "key `"+p.Key.Field.Text+"`")
	}
	if p.Format.Name != "json" {
		facts = append(facts, "as "+strings.ToUpper(p.Format.Name))
	}
	for _, c := range p.Causes {
		facts = append(facts, "causes `"+c.Producer.Text+"`")
	}
	fmt.Fprintf(b, "%s.\n", strings.Join(facts, "; "))
	if p.States != nil {
		var states []string
		for _, st := range p.States.States {
			var next []string
			for _, n := range st.Then {
				next = append(next, fmt.Sprintf("%s %g%%", n.State.Text, float64(n.Share)*100))
			}
			if len(next) > 0 {
				states = append(states, "`"+st.Name+"` → "+strings.Join(next, ", "))
			}
		}
		fmt.Fprintf(b, "\nStates: %s.\n", strings.Join(states, "; "))
	}
	b.WriteString("\n```yaml\n" + excerpt(p.Pos, source) + "```\n")
}

// topologyPages writes about the declared topologies and their tests.
func topologyPages(b *strings.Builder, s *Scenario, source string) {
	begun := false
	for i := range s.Topologies {
		t := &s.Topologies[i]
		if t.BuiltIn {
			continue
		}
		if !begun {
			b.WriteString("\n## Declared topologies\n")
			begun = true
		}
		var from, to, tests []string
		for _, in := range t.From {
			from = append(from, "`"+in.Alias+"`")
		}
		for _, e := range t.Emit {
			if alias := "`" + e.To + "`"; !slices.Contains(to, alias) {
				to = append(to, alias)
			}
		}
		for _, test := range s.Tests {
			if test.Topology == t.Name {
				tests = append(tests, "- "+test.Name)
			}
		}
		off := ""
		if t.Off {
			off = fmt.Sprintf(" It is off: `inv process %s` runs it.", t.Name)
		}
		fmt.Fprintf(b, "\n### %s\n\n%s: from %s to %s.%s\n\n```yaml\n%s```\n", t.Name, t.About, strings.Join(from, ", "), strings.Join(to, ", "), off, excerpt(t.Pos, source))
		if len(tests) > 0 {
			fmt.Fprintf(b, "\nIts tests in the file:\n\n%s\n", strings.Join(tests, "\n"))
		}
	}
}

// excerpt returns the lines of an entry in the file: those that are indented further than
// its first one.
func excerpt(at Position, source string) string {
	lines := strings.Split(source, "\n")
	first := at.Line - 1
	last := first + 1
	for last < len(lines) && (strings.TrimSpace(lines[last]) == "" || strings.HasPrefix(lines[last], strings.Repeat(" ", at.Column))) {
		last++
	}
	for last > first+1 && (strings.TrimSpace(lines[last-1]) == "" || strings.HasPrefix(strings.TrimSpace(lines[last-1]), "#")) {
		last--
	}
	return strings.Join(lines[first:last], "\n") + "\n"
}
