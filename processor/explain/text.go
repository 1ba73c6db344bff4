package explain

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"inv/internal/scenario"
	"inv/internal/termsafe"
	"inv/internal/theme"
	"inv/processor"
	"inv/processor/declared"
)

// Text writes what topologies do: their stages and topics, and of the declared ones, for
// which there is a program, all that they are made of; and where sinks deliver to. The text
// is safe for a terminal.
func Text(w io.Writer, sc *scenario.Scenario, app string, topologies []processor.Topology, programs map[string]*declared.Program, sinks []*scenario.Sink, t *theme.Theme) error {
	p := &page{sc: sc, app: app, theme: t}
	for i := range topologies {
		if i > 0 {
			p.line(0, "")
		}
		program := programs[topologies[i].Name]
		p.topology(&topologies[i], program)
		if program != nil {
			p.declared(program, topologies[i].Stages)
		}
	}
	for i, k := range sinks {
		if i > 0 || len(topologies) > 0 {
			p.line(0, "")
		}
		p.sink(k)
	}
	_, err := io.WriteString(w, p.text.String())
	return err
}

// page is text in the making.
type page struct {
	sc    *scenario.Scenario
	app   string
	theme *theme.Theme
	text  strings.Builder
}

// line writes a line. Its texts are made safe.
func (p *page) line(indent int, format string, args ...any) {
	text := p.theme.Glyphs(termsafe.Sprintf(format, args...))
	p.text.WriteString(strings.TrimRight(strings.Repeat("  ", indent)+text, " ") + "\n")
}

// heading writes a line that stands out.
func (p *page) heading(indent int, format string, args ...any) {
	text := p.theme.Glyphs(termsafe.Sprintf(format, args...))
	p.text.WriteString(strings.Repeat("  ", indent) + p.theme.Strong + text + p.theme.Reset + "\n")
}

// table writes rows whose columns are aligned, each column as wide as its widest cell.
func (p *page) table(indent int, rows [][]string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			row[i] = p.theme.Glyphs(termsafe.String(cell))
			if i == len(widths) {
				widths = append(widths, 0)
			}
			if i < len(row)-1 {
				widths[i] = max(widths[i], termsafe.Width([]byte(row[i])))
			}
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell)
			if i < len(row)-1 {
				line.WriteString(strings.Repeat(" ", widths[i]-termsafe.Width([]byte(cell))+2))
			}
		}
		p.text.WriteString(strings.TrimRight(strings.Repeat("  ", indent)+line.String(), " ") + "\n")
	}
}

// topology writes what every topology has.
func (p *page) topology(t *processor.Topology, program *declared.Program) {
	about := t.About
	if program != nil {
		about = cmp.Or(program.Topology.About, fmt.Sprintf("declared in %s:%d", p.sc.File, program.Topology.Pos.Line))
	}
	first, _, _ := strings.Cut(strings.TrimSpace(about), "\n")
	p.heading(0, "%s", t.Name)
	p.line(1, "%s", first)
	if program == nil {
		p.line(1, "built in: its rules are the program's")
	}
	if d := p.sc.Topology(t.Name); d != nil && d.Off {
		p.line(1, "off: it runs when it is named")
	}
	for i := range t.Stages {
		p.stage(t, &t.Stages[i])
	}
}

func (p *page) stage(t *processor.Topology, s *processor.Stage) {
	p.heading(1, "stage %s, group %s", s.Name, processor.Group(p.app, s.Name))
	var rows [][]string
	add := func(what, alias, note string) {
		names := strings.Join(p.sc.TopicNames(alias, p.app), ", ")
		text := alias
		if names != "" && names != alias {
			text += " (" + names + ")"
		}
		t, _ := p.sc.Topic(alias)
		if t.Internal && t.Partitions > 0 {
			note = joinNotes(note, count(t.Partitions, "partition"))
		}
		note = joinNotes(note, encoding(&t))
		if note != "" {
			text += ", " + note
		}
		if lastWhat(rows) == what {
			what = ""
		}
		rows = append(rows, []string{what, text})
	}
	for _, alias := range s.Reads {
		note := ""
		if alias == s.First {
			note = "first"
		}
		add("reads", alias, note)
	}
	for _, alias := range s.Tables {
		add("joins", alias, "a table, whole in each process")
	}
	if s.Log != "" {
		add("writes", s.Log, "its log")
	}
	for _, w := range s.Writes {
		add("writes", w.Topic, "")
	}
	if s.State != "" {
		add("keeps", s.State, "its state")
	}
	if names := deadLetters(p.sc, p.app, t, s); len(names) > 0 {
		rows = append(rows, []string{"refuses to", strings.Join(names, ", ")})
	}
	p.table(2, rows)
}

// encoding says how a topic is encoded; "" if it is JSON.
func encoding(t *scenario.Topic) string {
	of := func(e scenario.Encoding, what string) string {
		switch {
		case e.Name == "":
			return ""
		case e.File == "":
			return what + e.Name
		case e.Message != "":
			return what + e.Name + " " + e.File + " " + e.Message
		}
		return what + e.Name + " " + e.File
	}
	notes := []string{of(t.Format, ""), of(t.KeyFormat, "keys in ")}
	for _, u := range t.Upgrades {
		notes = append(notes, "upgrades "+u.Type)
	}
	return joinNotes(notes...)
}

// lastWhat returns the first column of the last row that has one.
func lastWhat(rows [][]string) string {
	for _, row := range slices.Backward(rows) {
		if row[0] != "" {
			return row[0]
		}
	}
	return ""
}

func joinNotes(notes ...string) string {
	return strings.Join(slices.DeleteFunc(notes, func(n string) bool { return n == "" }), ", ")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
