package declared

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"inv/internal/scenario"
)

// shapeOf returns what the state of a topology depends on, as processor.Stage.Shape has
// it: for each key of the file that shapes state, a hash of what it says. What only decides
// what is emitted is not in it, nor is when a key is forgotten, nor let: a change of them
// leaves a state that can be gone on with.
func shapeOf(t *scenario.Topology) string {
	var parts []string
	part := func(name string, write func(w io.Writer)) {
		h := sha256.New()
		write(h)
		parts = append(parts, name+"."+hex.EncodeToString(h.Sum(nil)[:5]))
	}
	part("from", func(w io.Writer) {
		for i := range t.From {
			in := &t.From[i]
			fmt.Fprintf(w, "%q %q %q %q %s %s %s\n", in.Alias, in.Format, in.Lists, in.Columns, textOf(in.Where), textOf(in.Each), textOf(in.Key))
			for _, j := range in.Join {
				fmt.Fprintf(w, " %q %q %s %d\n", j.Name, j.Table, textOf(&j.Key), j.Missing)
			}
		}
	})
	part("set", func(w io.Writer) {
		set := func(list []scenario.Assignment) {
			for i := range list {
				fmt.Fprintf(w, " %q %s\n", list[i].Field, textOf(&list[i].JQ))
			}
		}
		for i := range t.From {
			fmt.Fprintf(w, "from %q\n", t.From[i].Alias)
			set(t.From[i].Set)
		}
		for i := range t.Emit {
			if e := &t.Emit[i]; len(e.Set) > 0 {
				fmt.Fprintf(w, "emit %q\n", e.When)
				set(e.Set)
			}
		}
	})
	part("keep", func(w io.Writer) {
		for i := range t.Keep {
			k := &t.Keep[i]
			fmt.Fprintf(w, "%q %q %s %d %d\n", k.Field, k.Kind, textOf(&k.Of), k.Within, k.Last)
		}
	})
	part("timers", func(w io.Writer) {
		for i := range t.Timers {
			fmt.Fprintf(w, "%q %s %d\n", t.Timers[i].Name, textOf(&t.Timers[i].While), t.Timers[i].After)
		}
	})
	part("window", func(w io.Writer) {
		if t.Window != nil {
			fmt.Fprintf(w, "%d %d %d\n", t.Window.Every, t.Window.Size, t.Window.Gap)
		}
	})
	part("order", func(w io.Writer) { fmt.Fprintf(w, "%d\n", t.Order) })
	part("time", func(w io.Writer) { fmt.Fprintf(w, "%s\n", textOf(t.Time)) })
	return strings.Join(parts, ",")
}

// textOf returns the text of an expression, as a hash has it.
func textOf(x *scenario.JQ) string {
	if x == nil {
		return "-"
	}
	return fmt.Sprintf("%q", strings.TrimSpace(x.Source))
}
