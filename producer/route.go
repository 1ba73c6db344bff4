package producer

import (
	"bytes"
	"slices"

	"inv/internal/scenario"
)

// topics finds the topics of a stream.
func (c *compiler) topics(s *stream) {
	s.topic = c.topic(s, s.spec.Topic)
	s.writers = c.options.Writers[s.topic.Alias]
	route := s.spec.Route
	if route == nil {
		return
	}
	if s.spec.Read {
		c.problem(route.Pos, "producer %q reads the rows of one topic; name it", s.name)
	}
	for _, k := range route.Cases {
		s.routes = append(s.routes, c.topic(s, k.Topic))
	}
	s.routes = append(s.routes, s.topic)
}

// topic finds the topic of an alias.
func (c *compiler) topic(s *stream, name scenario.Name) (t scenario.Topic) {
	var aliases []string
	for _, t := range c.scenario.Topics {
		if len(t.DeadLettersOf) == 0 {
			aliases = append(aliases, t.Alias)
		}
	}
	if name.Text == "" {
		return t
	}
	if !slices.Contains(aliases, name.Text) {
		c.problem(name.Pos, "producer %q writes to the topic %q, which is not an alias under topics%s", s.name, name.Text, alternatives(name.Text, aliases))
		return t
	}
	t, _ = c.scenario.Topic(name.Text)
	return t
}

// route compiles which of the stream's routes a record takes: that of the case whose
// text its field has, otherwise the last.
func (b *builder) route(r *scenario.Route) func(w *worker, f *frame) int {
	if r == nil {
		return nil
	}
	n, _ := b.lookup(r.By.Text, r.By.Pos, "by")
	if n == nil {
		return nil
	}
	if n.text == nil {
		b.c.problem(r.By.Pos, "by: %q is %s, not a plain value", r.By.Text, kindNames[n.kind])
		return nil
	}
	text := n.orEmpty()
	cases := make([][]byte, len(r.Cases))
	for i, k := range r.Cases {
		if cases[i] = []byte(k.Value); !n.canBe(k.Value) {
			b.c.problem(k.Pos, "to: %q is never %q", r.By.Text, k.Value)
		}
	}
	return func(w *worker, f *frame) int {
		buf := text(w, f, w.takeText())
		i := slices.IndexFunc(cases, func(c []byte) bool { return bytes.Equal(c, buf) })
		w.giveText(buf)
		if i < 0 {
			return len(cases)
		}
		return i
	}
}

// canBe reports whether a plain value can have a text, as far as that is known.
func (n *node) canBe(text string) bool {
	if n.drawn == nil || text == "" {
		return true
	}
	quoted := appendString(nil, []byte(text))
	return slices.ContainsFunc(n.drawn, func(v []byte) bool { return string(v) == text || bytes.Equal(v, quoted) })
}
