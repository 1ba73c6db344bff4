package explain

import (
	"fmt"
	"regexp"
	"strings"

	"inv/internal/scenario"
	"inv/internal/when"
	"inv/processor/forward"
)

// sink adds a sink with the topics that it reads.
func (g *graph) sink(sc *scenario.Scenario, app string, k *scenario.Sink) {
	at := g.add(node{outside, k.Name, receiver(k)})
	for _, alias := range k.From {
		g.edges = append(g.edges, edge{from: g.topic(sc, app, alias), to: at})
	}
	g.edges = append(g.edges, edge{from: at, to: g.add(node{dead, forward.DeadLetterTopic(app, k.Name), ""}), weak: true})
}

// password matches the password of a URL.
var password = regexp.MustCompile(`(://[^/?#:@\s]*:)[^/?#@\s]*@`)

// receiver says where a sink delivers to, with the names of variables and without
// passwords, which can be in the file, too.
func receiver(k *scenario.Sink) string { return password.ReplaceAllString(receiverOf(k), "$1***@") }

func receiverOf(k *scenario.Sink) string {
	switch {
	case k.HTTP != nil:
		return k.HTTP.Method + " " + k.HTTP.URL.String()
	case k.Email != nil:
		return "e-mail by " + k.Email.Server.String()
	case k.Files != nil:
		return k.Files.Format + " files in " + k.Files.Folder.String()
	}
	return "PostgreSQL at " + k.Postgres.URL.String()
}

// sink writes what a sink delivers, and where to.
func (p *page) sink(k *scenario.Sink) {
	about := k.About
	if about == "" {
		about = fmt.Sprintf("a sink, declared in %s:%d", p.sc.File, k.Pos.Line)
	}
	first, _, _ := strings.Cut(strings.TrimSpace(about), "\n")
	p.heading(0, "%s", k.Name)
	p.line(1, "%s", first)
	if k.Off {
		p.line(1, "off: it runs when it is named")
	}
	p.heading(1, "sink %s, group %s", k.Name, forward.GroupID(p.app, k.Name))
	var rows [][]string
	add := func(what, text string) { rows = append(rows, []string{what, text}) }
	for i, alias := range append(k.From[:len(k.From):len(k.From)], k.Retries()) {
		what := ""
		if i == 0 {
			what = "reads"
		}
		text := alias
		if names := strings.Join(p.sc.TopicNames(alias, p.app), ", "); names != "" && names != alias {
			text += " (" + names + ")"
		}
		if alias == k.Retries() {
			text += ", what is to be replayed"
		}
		add(what, text)
	}
	if k.Where != nil {
		add("only if", short(k.Where))
	}
	add("to", receiver(k))
	p.order(k, add)
	add("refuses to", forward.DeadLetterTopic(p.app, k.Name))
	if names := k.Variables(); len(names) > 0 {
		add("needs", "the variables "+strings.Join(names, ", "))
	}
	p.table(2, rows)
}

// order writes what is delivered together, what waits for what, and how often it comes.
func (p *page) order(k *scenario.Sink, add func(what, text string)) {
	switch {
	case k.Files != nil, k.Postgres != nil:
		add("", "each record exactly once, in the order of its partition")
		return
	case k.Group != nil:
		add("", fmt.Sprintf("a message for each %s, %s after its first record, at most every %s", selector(&k.Group.By), when.FormatDuration(k.Group.Wait), when.FormatDuration(k.Group.Every)))
	case k.Lane != nil:
		add("", fmt.Sprintf("at least once, those of the same %s in their order", selector(k.Lane)))
	default:
		add("", "at least once, those of the same key in their order")
	}
	limit := scenario.Limit{}
	if k.HTTP != nil {
		limit = k.HTTP.Limit
	} else if k.Email != nil {
		limit = k.Email.Limit
	}
	if limit.Count > 0 {
		add("", fmt.Sprintf("at most %d in %s", limit.Count, when.FormatDuration(limit.Per)))
	}
}

// selector returns a selector as a file has it.
func selector(s *scenario.Selector) string {
	if s.JQ != nil {
		return short(s.JQ)
	}
	return strings.Join(s.Path, ".")
}
