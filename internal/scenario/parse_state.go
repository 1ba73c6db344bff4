package scenario

import (
	"strconv"
	"time"

	"gopkg.in/yaml.v3"
)

// aggregates are the kinds of fields under `keep:`.
func aggregates() []attr {
	aggregate := func(kind, about string) attr {
		return attr{name: kind, about: about, schema: ref("jq"), read: func(d *Decoder, n *yaml.Node, t any) {
			a := t.(*Aggregate)
			if a.Kind != "" {
				d.Problem(n, "keep %q has `%s:` and `%s:`; leave out one of them", a.Field, a.Kind, kind)
			}
			a.Kind, a.Of = kind, *d.jq(n, kind)
		}}
	}
	return []attr{
		aggregate("count", "how often the expression is neither null nor false"),
		aggregate("sum", "the sum of the expression's numbers"),
		aggregate("mean", "their mean"),
		aggregate("min", "the least"),
		aggregate("max", "the greatest"),
		aggregate("distinct", "the number of different values"),
	}
}

func keepTable() []attr {
	return append(aggregates(),
		millisAttr("within", "only the values of this time before the newest one", time.Millisecond, func(a *Aggregate) *time.Duration { return &a.Within }),
		intAttr("last", "only the last values, this many", 1, maxLast, func(a *Aggregate) *int { return &a.Last }),
	)
}

func (d *Decoder) aggregate(key, n *yaml.Node) Aggregate {
	a := Aggregate{Field: key.Value, Pos: positionOf(key)}
	d.named(key, "keep")
	before := len(d.Problems)
	d.mapping(n, "keep "+strconv.Quote(key.Value), keepTable(), &a)
	switch {
	case len(d.Problems) > before:
	case a.Kind == "":
		d.Problem(n, "keep %q needs one of `count:`, `sum:`, `mean:`, `min:`, `max:` and `distinct:`", key.Value)
	case a.Within > 0 && a.Last > 0:
		d.Problem(n, "keep %q has `within:` and `last:`; leave out one of them", key.Value)
	}
	if a.Kind == "" {
		a.Kind, a.Of = "count", JQ{Source: never, Pos: positionOf(n)}
	}
	return a
}

func timerTable() []attr {
	return []attr{
		jqValueAttr("while", "the condition", func(t *Timer) *JQ { return &t.While }),
		must(millisAttr("after", "how long it must hold", time.Millisecond, func(t *Timer) *time.Duration { return &t.After })),
	}
}

func (d *Decoder) timer(key, n *yaml.Node) Timer {
	t := Timer{Name: key.Value, Pos: positionOf(key), While: JQ{Source: never, Pos: positionOf(n)}}
	d.named(key, "timers")
	if t.Name == Closed {
		d.Problem(key, "timers: %q is a window's end; give the timer another name", Closed)
	}
	d.mapping(n, "timer "+strconv.Quote(key.Value), timerTable(), &t)
	return t
}

func windowTable() []attr {
	return []attr{
		millisAttr("every", "from the beginning of one window to the next", time.Millisecond, func(w *Window) *time.Duration { return &w.Every }),
		millisAttr("size", "its length, if it is not `every`", time.Millisecond, func(w *Window) *time.Duration { return &w.Size }),
		millisAttr("gap", "in place of the others: the window ends when a key has had no record for so long", time.Millisecond, func(w *Window) *time.Duration { return &w.Gap }),
	}
}

func (d *Decoder) window(n *yaml.Node, what string) *Window {
	w := &Window{Pos: positionOf(n)}
	before := len(d.Problems)
	d.mapping(n, what, windowTable(), w)
	switch {
	case len(d.Problems) > before:
	case w.Gap > 0 && w.Every+w.Size > 0:
		d.Problem(n, "window has `gap:`, and so neither `every:` nor `size:`")
	case w.Gap == 0 && w.Every == 0:
		d.Problem(n, "window needs `every:`, or `gap:` for sessions")
	case w.Every > 0 && w.Size/w.Every > maxWindowsAtOne:
		d.Problem(n, "window: a record would be in more than %d windows; make `every:` longer or `size:` shorter", maxWindowsAtOne)
	}
	if w.Size == 0 {
		w.Size = w.Every
	}
	return w
}

func emitTable() []attr {
	return []attr{
		must(valueAttr("to", "the alias of the topic", obj{"type": "string"}, func(e *Emit) *string { return &e.To }, (*Decoder).alias)),
		textAttr("type", "the CloudEvents type of the records; SCENARIO.ALIAS.v1 by default", func(e *Emit) *string { return &e.Type }),
		{name: "when", about: "a timer, or closed, a window's end; by default at each record", schema: obj{"type": "string"},
			read: func(d *Decoder, n *yaml.Node, t any) {
				t.(*Emit).When, t.(*Emit).whenPos = d.String(n, "when"), positionOf(n)
			}},
		jqAttr("if", "the condition", func(e *Emit) **JQ { return &e.If }),
		jqAttr("each", "a record for each result, which is then `.`", func(e *Emit) **JQ { return &e.Each }),
		millisAttr("once", "at most one for a key in this time", time.Millisecond, func(e *Emit) *time.Duration { return &e.Once }),
		jqAttr("key", "the record's key; the key of the state by default", func(e *Emit) **JQ { return &e.Key }),
		valueAttr("fields", "the record, in this order: expressions, objects and lists of them; by default `.`", fieldsSchema(),
			func(e *Emit) **Mapping { return &e.Fields }, (*Decoder).jsonMapping),
		setAttr("fields of the state to set if the record was written", func(e *Emit) *[]Assignment { return &e.Set }),
	}
}

func (d *Decoder) emits(n *yaml.Node) (out []Emit) {
	d.Items(n, "emit", func(item *yaml.Node) {
		if len(out) == maxEmits {
			return
		}
		e := Emit{Pos: positionOf(item)}
		d.mapping(item, "an emit", emitTable(), &e)
		out = append(out, e)
	})
	switch {
	case n.Kind != yaml.SequenceNode:
	case len(n.Content) == 0:
		d.Problem(n, "emit is empty; a topology writes something")
	case len(n.Content) > maxEmits:
		d.Problem(n, "emit has more than %d elements", maxEmits)
	}
	return out
}
