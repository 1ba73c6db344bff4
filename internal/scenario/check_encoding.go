package scenario

import "fmt"

// checkEncoding checks what the keys of a topic say together of its format.
func (d *Decoder) checkEncoding(t *Topic) {
	at, key := t.Format.Pos, "format"
	if t.Format.Name == "" {
		at, key = t.KeyFormat.Pos, "key_format"
	}
	encoded := t.Format.Name != "" || t.KeyFormat.Name != ""
	switch {
	case !encoded && t.Schemas.Pos != Position{} && t.Format.Pos == Position{} && t.KeyFormat.Pos == Position{}:
		d.ProblemAt(t.Schemas.Pos, "topic %q: `schemas:` has no effect without `format:` or `key_format:`", t.Alias)
	case !encoded && t.Schemas.Pos != Position{} && t.Format.Pos != Position{}:
		d.ProblemAt(t.Schemas.Pos, "topic %q: `schemas:` has no effect on JSON, which has no schema; write format: json_schema", t.Alias)
	case encoded && t.Internal:
		d.ProblemAt(at, "topic %q: `%s:` is not for internal topics, which only the processor reads", t.Alias, key)
	case encoded && len(t.DeadLettersOf) > 0:
		d.ProblemAt(at, "topic %q: `%s:` is not for dead letters, which keep the bytes of their records", t.Alias, key)
	case t.Format.Name != "" && t.View != nil && t.View.Lines:
		d.ProblemAt(at, "topic %q: with a `format:`, a value is one document; leave out `lines:` of its view", t.Alias)
	}
	if len(t.Upgrades) > 0 && (t.Internal || len(t.DeadLettersOf) > 0) {
		d.ProblemAt(t.Upgrades[0].Pos, "topic %q: `upgrades:` is for topics of events", t.Alias)
	}
}

// checkFormats checks that what writes a topic agrees with its format.
func (d *Decoder) checkFormats(s *Scenario) {
	first := map[string]*Topic{} // by the name on the broker
	for i := range s.Topics {
		b := &s.Topics[i]
		a := first[b.Name]
		if a == nil {
			first[b.Name] = b
		} else if b.Name != "" && !a.sameFormat(b) {
			at := b.Format.Pos
			if at == (Position{}) {
				at = a.Format.Pos
			}
			d.ProblemAt(at, "topics %q and %q are both %s, and their formats differ", a.Alias, b.Alias, a.Name)
		}
	}
	for i := range s.Topologies {
		for _, in := range s.Topologies[i].From {
			if t, ok := s.Topic(in.Alias); ok && t.Format.Name != "" && in.Format != "" && in.Format != "json" {
				d.ProblemAt(in.Pos, "topology %q: input %q is read as %s, and the format of the topic is %s; leave out one of them", s.Topologies[i].Name, in.Alias, in.Format, t.Format.Name)
			}
		}
	}
	for i := range s.Producers {
		p := &s.Producers[i]
		for _, alias := range p.topics() {
			if t, ok := s.Topic(alias); ok {
				d.checkWriter(p, &t)
			}
		}
	}
}

func (t *Topic) sameFormat(o *Topic) bool {
	plain := func(e Encoding) Encoding { return Encoding{Name: e.Name, File: e.File, Message: e.Message} }
	return fmt.Sprint(plain(t.Format), plain(t.KeyFormat)) == fmt.Sprint(plain(o.Format), plain(o.KeyFormat))
}

// topics returns the aliases of the topics that a producer writes, each once.
func (p *Producer) topics() []string {
	out := []string{p.Topic.Text}
	if p.Route == nil {
		return out
	}
	seen := map[string]bool{p.Topic.Text: true}
	for _, c := range p.Route.Cases {
		if !seen[c.Topic.Text] {
			seen[c.Topic.Text] = true
			out = append(out, c.Topic.Text)
		}
	}
	return out
}

func (d *Decoder) checkWriter(p *Producer, t *Topic) {
	if name := p.Format.Name; t.Format.Name != "" && name != "json" {
		d.ProblemAt(p.Format.Pos, "producer %q: its format is %s, and that of its topic %q is %s; leave out one of them", p.Name, name, t.Alias, t.Format.Name)
	}
	if p.Key != nil && t.KeyFormat.Name != "" && p.Key.Encoding != "string" {
		d.ProblemAt(p.Key.Pos, "producer %q: its key has `encoding: %s`, and its topic %q the key_format %s; leave out one of them", p.Name, p.Key.Encoding, t.Alias, t.KeyFormat.Name)
	}
}
