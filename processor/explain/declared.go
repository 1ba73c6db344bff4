package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"inv/internal/scenario"
	"inv/internal/when"
	"inv/processor"
	"inv/processor/declared"
)

// declared writes what a declared topology is made of.
func (p *page) declared(program *declared.Program, stages []processor.Stage) {
	t := program.Topology
	p.inputs(t)
	if t.Keyed() {
		p.state(t)
		p.time(t)
	} else {
		p.heading(1, "state")
		p.line(2, "none: each record is a step of its own")
	}
	p.outputs(t)
	if t.Keyed() {
		p.changes(t, stages)
	}
	p.expressions(program)
}

// short returns an expression on one line.
func short(x *scenario.JQ) string { return strings.Join(strings.Fields(x.Source), " ") }

func (p *page) inputs(t *scenario.Topology) {
	p.heading(1, "inputs")
	for i := range t.From {
		in := &t.From[i]
		format := in.Format
		if format == "" {
			topic, _ := p.sc.Topic(in.Alias)
			format = cmp.Or(topic.Format.Name, "json")
		}
		rows := [][]string{{"as", format}}
		add := func(what string, x *scenario.JQ) {
			if x != nil {
				rows = append(rows, []string{what, short(x)})
			}
		}
		add("only if", in.Where)
		add("each of", in.Each)
		for k := range in.Join {
			j := &in.Join[k]
			missing := map[scenario.Missing]string{
				scenario.MissingNull: "else null", scenario.MissingDrop: "else dropped", scenario.MissingDeadLetter: "else dead-lettered",
			}[j.Missing]
			rows = append(rows, []string{"joins", fmt.Sprintf("$%s, the row of %s with the key %s, %s", j.Name, j.Table, short(&j.Key), missing)})
		}
		add("key", in.Key)
		for k := range in.Set {
			rows = append(rows, []string{"sets", in.Set[k].Field + ": " + short(&in.Set[k].JQ)})
		}
		p.line(2, "%s", in.Alias)
		p.table(3, rows)
	}
}

func (p *page) state(t *scenario.Topology) {
	unit := "key"
	if t.Window != nil {
		unit = "key in each window"
	}
	p.heading(1, "state of a %s", unit)
	var rows [][]string
	for i := range t.Keep {
		a := &t.Keep[i]
		text := fmt.Sprintf("%s of %s", a.Kind, short(&a.Of))
		if a.Within > 0 {
			text += " within " + when.FormatDuration(a.Within)
		}
		if a.Last > 0 {
			text += fmt.Sprintf(" over the last %d", a.Last)
		}
		rows = append(rows, []string{a.Field, text})
	}
	for _, field := range setFields(t) {
		rows = append(rows, []string{field.name, "set by " + strings.Join(field.by, ", ")})
	}
	if len(rows) == 0 {
		p.line(2, "no fields; keys are counted as $n")
	}
	p.table(2, rows)
	switch {
	case t.Window != nil:
		p.line(2, "forgotten at the window's end")
	case t.TTLForever:
		p.line(2, "kept for ever")
	default:
		p.line(2, "forgotten %s after the key's last step", when.FormatDuration(t.TTL))
	}
	if t.Until != nil {
		p.line(2, "forgotten when %s", short(t.Until))
	}
	if w := t.Window; w != nil {
		switch {
		case w.Gap > 0:
			p.line(2, "windows are sessions, which end %s after their last record", when.FormatDuration(w.Gap))
		case w.Every == w.Size:
			p.line(2, "windows have %s, one after another", when.FormatDuration(w.Size))
		default:
			p.line(2, "windows have %s and begin every %s", when.FormatDuration(w.Size), when.FormatDuration(w.Every))
		}
	}
}

// field is a field of the state, and what sets it.
type field struct {
	name string
	by   []string
}

func setFields(t *scenario.Topology) (fields []field) {
	add := func(name, by string) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
		if i < 0 {
			i = len(fields)
			fields = append(fields, field{name: name})
		}
		if !slices.Contains(fields[i].by, by) {
			fields[i].by = append(fields[i].by, by)
		}
	}
	for i := range t.From {
		for _, a := range t.From[i].Set {
			add(a.Field, t.From[i].Alias)
		}
	}
	for i := range t.Emit {
		for _, a := range t.Emit[i].Set {
			add(a.Field, "the output to "+t.Emit[i].To)
		}
	}
	return fields
}

func (p *page) time(t *scenario.Topology) {
	p.heading(1, "time")
	for i := range t.From {
		alias := t.From[i].Alias
		topic, _ := p.sc.Topic(alias)
		switch {
		case t.Time != nil:
			p.line(2, "the time of %s is %s", alias, short(t.Time))
		case topic.View != nil && topic.View.Time != "" && !topic.View.Lines:
			p.line(2, "the time of %s is the field %s, else the record's timestamp", alias, topic.View.Time)
		default:
			p.line(2, "the time of %s is the record's timestamp", alias)
		}
	}
	grace, limited := t.Graceful()
	switch {
	case t.Order == scenario.ByTime:
		p.line(2, "records of a key are applied in the order of their times, %s after them", when.FormatDuration(grace))
	default:
		p.line(2, "records are applied in the order of their arrival")
	}
	if limited {
		p.line(2, "one that comes more than %s late is dead-lettered as late", when.FormatDuration(grace))
	} else {
		p.line(2, "no record is late")
	}
	if !t.Timed() {
		return
	}
	p.line(2, "a partition that is silent for %s does not hold time back", when.FormatDuration(t.Idle))
	var rows [][]string
	for i := range t.Timers {
		timer := &t.Timers[i]
		rows = append(rows, []string{"timer " + timer.Name, fmt.Sprintf("%s after it began to hold that %s", when.FormatDuration(timer.After), short(&timer.While))})
	}
	p.table(2, rows)
}

func (p *page) outputs(t *scenario.Topology) {
	p.heading(1, "outputs")
	for i := range t.Emit {
		e := &t.Emit[i]
		var rows [][]string
		add := func(what, text string) { rows = append(rows, []string{what, text}) }
		switch e.When {
		case "":
			add("at", "each record")
		case scenario.Closed:
			add("at", "the end of a window")
		default:
			add("at", "the timer "+e.When)
		}
		if e.If != nil {
			add("if", short(e.If))
		}
		if e.Once > 0 {
			add("once in", when.FormatDuration(e.Once))
		}
		if e.Each != nil {
			add("each of", short(e.Each))
		}
		switch {
		case e.Key != nil:
			add("key", short(e.Key))
		case t.Keyed():
			add("key", "$key")
		default:
			add("key", "the record's")
		}
		if e.Fields != nil {
			var names []string
			for _, m := range e.Fields.Members {
				names = append(names, m.Name)
			}
			add("fields", strings.Join(names, ", "))
		} else {
			add("value", "the record itself")
		}
		for k := range e.Set {
			add("sets", e.Set[k].Field+": "+short(&e.Set[k].JQ))
		}
		p.line(2, "%s", e.To)
		p.table(3, rows)
	}
}

// changes writes what may change over existing state.
func (p *page) changes(t *scenario.Topology, stages []processor.Stage) {
	var shape []string
	for _, s := range stages {
		for part := range strings.SplitSeq(s.Shape, ",") {
			if name, _, ok := strings.Cut(part, "."); ok {
				shape = append(shape, name)
			}
		}
	}
	p.heading(1, "changes over existing state")
	p.line(2, "at any time: let, if, fields, keys of outputs, until, ttl")
	p.line(2, "with a higher version than %d and an upgrade, or after a reset: %s", t.Version, strings.Join(shape, ", "))
}

func (p *page) expressions(program *declared.Program) {
	all := program.Expressions()
	compiled := 0
	for _, x := range all {
		if x.Compiled {
			compiled++
		}
	}
	if len(all) == 0 {
		return
	}
	p.heading(1, "expressions: %d compiled, %d by gojq", compiled, len(all)-compiled)
	var rows [][]string
	for _, x := range all {
		how := "compiled"
		if !x.Compiled {
			how = "gojq"
		}
		text := strings.Join(strings.Fields(x.Source), " ")
		if !x.Compiled && x.Reason != "" {
			text += "  (" + x.Reason + ")"
		}
		rows = append(rows, []string{fmt.Sprintf("%d:%d", x.Pos.Line, x.Pos.Column), x.What, how, text})
	}
	p.table(2, rows)
}
