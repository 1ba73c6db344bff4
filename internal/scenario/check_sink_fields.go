package scenario

import (
	"slices"
	"strings"

	"inv/internal/suggest"
)

// Of some topics the file says which fields their records have: those that only producers
// and declared topologies of the file are known to write. Other programs may write them,
// too, so a field is a mistake only if its name is nearly that of one there is.

// Bounds of what is compared, so that no file takes long: names of fields that a sink's
// records have, bytes of a name, and names that are none of them.
const (
	maxKnown    = 200
	maxUnknowns = 200
)

// checkFields checks the fields that a sink names.
func (d *Decoder) checkFields(s *Scenario, sink *Sink) {
	all := d.fieldsOf(s, sink.From)
	if all != nil {
		check := func(pos Position, path []string, quote func(string) string) {
			if mistake := d.wrongField(path, all, quote); mistake != "" {
				d.ProblemAt(pos, "sink %q: its records have no field %s", sink.Name, mistake)
			}
		}
		for _, t := range sink.Texts() {
			for _, p := range t.Parts {
				check(p.Pos, p.Path, func(name string) string { return "{" + name + "}" })
			}
		}
		for _, x := range sink.messageSelectors() {
			check(x.Pos, x.Path, func(name string) string { return name })
		}
	}
	rest := slices.DeleteFunc(slices.Clone(sink.From), func(alias string) bool { return sink.Postgres.table(alias) != nil })
	for _, t := range sink.Postgres.all() {
		aliases := []string{t.Alias}
		if t.Alias == "" {
			aliases = rest
		}
		known := d.fieldsOf(s, aliases)
		if known == nil {
			continue
		}
		for _, x := range t.selectors() {
			if mistake := d.wrongField(x.Path, known, func(name string) string { return name }); mistake != "" {
				d.ProblemAt(x.Pos, "sink %q: the records of %s have no field %s", sink.Name, strings.Join(aliases, ", "), mistake)
			}
		}
	}
}

// wrongField returns a name that is not among the known ones and nearly one of them, with
// that one; "" otherwise.
func (d *Decoder) wrongField(path, known []string, quote func(string) string) string {
	if len(path) == 0 || len(path[0]) > maxNameBytes || slices.Contains(known, path[0]) {
		return ""
	}
	if d.unknowns++; d.unknowns > maxUnknowns {
		return ""
	}
	if dotted := strings.Join(path, "."); len(path) > 1 && slices.Contains(known, dotted) {
		return path[0] + "; a name with a dot is written in backticks: " + quote("`"+dotted+"`")
	}
	if near := suggest.Nearest(path[0], known); near != "" {
		return path[0] + "; did you mean " + quote(QuoteName(near)) + "?"
	}
	return ""
}

// fieldsOf returns the names of the fields that the records of topics have, nil if the
// file doesn't say it of all of them, or they are too many.
func (d *Decoder) fieldsOf(s *Scenario, aliases []string) (names []string) {
	for _, alias := range aliases {
		of, ok := d.fields[alias]
		if !ok {
			if of = s.fields(alias); len(of) > maxKnown || slices.ContainsFunc(of, func(name string) bool { return len(name) > maxNameBytes }) {
				of = nil
			}
			if d.fields == nil {
				d.fields = map[string][]string{}
			}
			d.fields[alias] = of
		}
		if of == nil {
			return nil
		}
		names = append(names, of...)
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) > maxKnown {
		return nil
	}
	return names
}

// fields returns those of a topic, each once, nil if they are not known.
func (s *Scenario) fields(alias string) []string {
	names := []string{}
	written := false
	for i := range s.Producers {
		p := &s.Producers[i]
		if p.Read || !p.writes(alias) {
			continue
		}
		of := p.fields()
		if of == nil {
			return nil
		}
		written, names = true, append(names, of...)
	}
	for i := range s.Topologies {
		for _, e := range s.Topologies[i].Emit {
			if e.To != alias {
				continue
			}
			if e.Fields == nil {
				return nil
			}
			written = true
			for _, m := range e.Fields.Members {
				names = append(names, m.Name)
			}
		}
	}
	if !written {
		return nil
	}
	if t, ok := s.Topic(alias); ok && t.View != nil {
		for _, c := range t.View.Columns {
			names = append(names, shownFields(c.Show)...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// writes reports whether a producer has records for a topic.
func (p *Producer) writes(alias string) bool {
	if p.Topic.Text == alias {
		return true
	}
	return p.Route != nil && (p.Route.Else.Text == alias || slices.ContainsFunc(p.Route.Cases, func(c Case) bool { return c.Topic.Text == alias }))
}

// fields returns the names of the fields of a producer's records, nil if they are no JSON
// objects.
func (p *Producer) fields() []string {
	if p.Format.Name != "json" {
		return nil
	}
	names := []string{}
	for _, g := range slices.Concat([]*Gen{p.Value, p.More}, p.Rows) {
		if g == nil {
			continue
		}
		o, ok := g.Spec.(*Object)
		if !ok {
			return nil
		}
		for _, f := range o.Fields {
			if f.Gen == nil || !f.Gen.Hidden {
				names = append(names, f.Name)
			}
		}
	}
	if len(names) == 0 {
		return nil
	}
	return names
}

// shownFields returns the first names of the paths that a view's text shows.
func shownFields(show string) (names []string) {
	for {
		_, rest, ok := strings.Cut(show, "{")
		if !ok {
			return names
		}
		path, after, _ := strings.Cut(rest, "}")
		path, _, _ = strings.Cut(path, ":")
		names, show = append(names, SplitPath(path)[0].Name), after
	}
}
