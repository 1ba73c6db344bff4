package scenario

import (
	"net/mail"
	"net/url"
	"slices"
	"strings"
)

// checkSink checks what the keys of a sink mean together. The positions are those of the
// values of its keys; broken reports that it has problems already.
func (d *Decoder) checkSink(s *Sink, at map[string]Position, broken bool) {
	var receivers []string
	for _, key := range []string{"http", "email", "files", "postgres"} {
		if _, ok := at[key]; ok {
			receivers = append(receivers, key)
		}
	}
	switch {
	case len(receivers) > 1:
		d.ProblemAt(at[receivers[1]], "sink %q has `%s:` and `%s:`; leave out one of them, or declare two sinks", s.Name, receivers[0], receivers[1])
	case len(receivers) == 0 && !broken:
		d.ProblemAt(s.Pos, "sink %q needs `http:`, `email:`, `files:` or `postgres:`, the receiver", s.Name)
	case len(receivers) == 1:
		d.checkDelivery(s, at, receivers[0])
	}
	if s.Postgres != nil && !broken {
		d.checkTables(s)
	}
}

// checkDelivery checks how records come to the receiver.
func (d *Decoder) checkDelivery(s *Sink, at map[string]Position, receiver string) {
	stores := receiver == "files" || receiver == "postgres"
	for _, key := range []string{"lane", "lanes", "group"} {
		if pos, ok := at[key]; ok && stores {
			d.ProblemAt(pos, "sink %q: `%s:` is for messages, of `http:` and `email:`; `%s:` keeps the order of each partition", s.Name, key, receiver)
		}
	}
	_, lane := at["lane"]
	_, group := at["group"]
	if lane && group && !stores {
		d.ProblemAt(at["lane"], "sink %q has `lane:` and `group:`; a group is a lane already", s.Name)
	}
	switch {
	case s.HTTP != nil && group && s.HTTP.Method != "" && s.HTTP.Body == nil && s.HTTP.Form == nil:
		d.ProblemAt(s.HTTP.Pos, "sink %q: the message of a group has no value of its own; it needs `body:` or `form:`", s.Name)
	case s.Email != nil && !group && s.Email.ToBy != nil:
		d.ProblemAt(at["email"], "sink %q: email: a mapping under `to:` is by the group's value, and the sink has no `group:`", s.Name)
	}
}

// checkTables checks that each topic has a table, and each table a topic.
func (d *Decoder) checkTables(s *Sink) {
	named := map[string]bool{}
	for i := range s.Postgres.Tables {
		t := &s.Postgres.Tables[i]
		if named[t.Alias] = true; !slices.Contains(s.From, t.Alias) {
			d.ProblemAt(t.Pos, "tables: the sink is not `from:` a topic %q%s", t.Alias, aliasHint(t.Alias, s.From))
		}
	}
	if s.Postgres.Else != nil {
		return
	}
	for _, alias := range s.From {
		if alias != "" && !named[alias] {
			d.ProblemAt(s.Postgres.Pos, "tables: the topic %q has no table; add %s, or `else:` for all topics that have none", alias, alias)
		}
	}
}

// checkPostgres checks the address and what tables have in common.
func (d *Decoder) checkPostgres(p *PostgresSink) {
	d.checkScheme(&p.URL, "url", "postgres", "postgresql")
	tables := slices.Clone(p.Tables)
	if p.Else != nil {
		tables = append(tables, *p.Else)
	}
	for i := range tables {
		for k := range i {
			if tables[i].Name != "" && tables[i].Name == tables[k].Name && (tables[i].Upsert || tables[k].Upsert) {
				d.ProblemAt(tables[i].Pos, "tables: %s is the table of two entries, and a table with `upsert:` has the rows of one", tables[i].Name)
				return
			}
		}
	}
}

// checkScheme checks the beginning of a URL, unless a variable has it, and the whole one
// if it has neither variables nor placeholders.
func (d *Decoder) checkScheme(t *SinkText, what string, schemes ...string) {
	if len(t.Parts) == 0 || t.Parts[0].Variable != "" {
		return
	}
	want := strings.Join(schemes, ":// or ") + "://"
	scheme, rest, ok := strings.Cut(t.Parts[0].Literal, "://")
	if !ok || !slices.Contains(schemes, scheme) {
		d.ProblemAt(t.Pos, "%s must begin with %s, or with a variable such as ${NAME} that does", what, want)
		return
	}
	if len(t.Parts) > 1 {
		return
	}
	u, err := url.Parse(t.Parts[0].Literal)
	switch {
	case err != nil: // its text has the URL, and so perhaps a password
		d.ProblemAt(t.Pos, "%s is no URL; %s is followed by HOST or HOST:PORT, and characters such as blanks are escaped as %%20", what, want)
	case u.Hostname() == "" && scheme != "postgres" && scheme != "postgresql" || rest == "":
		d.ProblemAt(t.Pos, "%s has no host after %s://", what, scheme)
	}
}

// checkURL checks the URL of requests: no record decides the host.
func (d *Decoder) checkURL(t *SinkText, what string) {
	if len(t.Parts) > 0 && (t.Parts[0].Path != nil || t.Parts[0].Meta != "") {
		d.ProblemAt(t.Parts[0].Pos, "%s begins with a placeholder; the host is the same for all records, and placeholders are behind it", what)
		return
	}
	before := len(d.Problems)
	d.checkScheme(t, what, "http", "https")
	if len(d.Problems) > before {
		return
	}
	host := false // the text so far has all of it
	for i, p := range t.Parts {
		literal := p.Literal
		if i == 0 {
			_, after, ok := strings.Cut(literal, "://")
			if ok {
				literal = after
			}
		}
		if host = host || strings.ContainsAny(literal, "/?#"); !host && (p.Path != nil || p.Meta != "") {
			d.ProblemAt(p.Pos, "%s: a placeholder is part of the host; it is the same for all records: write / or ? before the first placeholder", what)
			return
		}
	}
}

func (d *Decoder) checkHTTP(h *HTTPSink) {
	d.checkURL(&h.URL, strings.ToLower(h.Method))
	if h.Body != nil && h.Form != nil {
		d.ProblemAt(h.Form[0].Pos, "http has `body:` and `form:`; leave out one of them")
	}
	if h.Basic != nil && h.Bearer != nil {
		d.ProblemAt(h.Bearer.Pos, "http has `basic:` and `bearer:`; leave out one of them")
	}
	if h.Basic != nil && len(h.Basic.Parts) == 1 && h.Basic.Parts[0].Variable == "" && !strings.Contains(h.Basic.Parts[0].Literal, ":") {
		d.ProblemAt(h.Basic.Pos, "basic must be USER:PASSWORD, or a variable that has them")
	}
	d.checkHeaders(h)
}

// checkHeaders checks the names of headers. Some are set by other keys, or by the
// protocol.
func (d *Decoder) checkHeaders(h *HTTPSink) {
	own := map[string]string{"content-length": "", "host": "", "connection": "", "transfer-encoding": "", "upgrade": "", "te": "", "trailer": "", "keep-alive": "", "expect": ""}
	if h.Basic != nil {
		own["authorization"] = "basic"
	}
	if h.Bearer != nil {
		own["authorization"] = "bearer"
	}
	if h.IdempotencyKey != nil {
		own["idempotency-key"] = "idempotency_key"
	}
	if h.Sign != nil {
		own["webhook-id"], own["webhook-timestamp"], own["webhook-signature"] = "sign", "sign", "sign"
	}
	seen := map[string]string{}
	for _, header := range h.Headers {
		name := strings.ToLower(header.Name)
		by, taken := own[name]
		switch {
		case !headerName(header.Name):
			d.ProblemAt(header.Pos, "headers: %q is no name of a header; it has letters, digits, `-` and `_`", shortened(header.Name))
		case by != "":
			d.ProblemAt(header.Pos, "headers: `%s:` sets %s; leave out one of them", by, header.Name)
		case taken:
			d.ProblemAt(header.Pos, "headers: %s belongs to the connection and can't be set", header.Name)
		case seen[name] != "":
			d.ProblemAt(header.Pos, "headers: %s and %s are one header", seen[name], header.Name)
		}
		seen[name] = header.Name
	}
}

// headerName reports whether a name is a token of RFC 9110.
func headerName(name string) bool {
	return name != "" && len(name) <= maxNameBytes && !strings.ContainsFunc(name, func(r rune) bool {
		return r > '~' || r <= ' ' || !isLetter(byte(r)) && !isDigit(byte(r)) && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}

func (d *Decoder) checkEmail(e *EmailSink) {
	d.checkScheme(&e.Server, "server", "smtp", "smtps")
	d.checkAddress(&e.From, "from")
	d.checkRecipients(e.To)
	for i := range e.ToBy {
		d.checkRecipients(e.ToBy[i].To)
	}
}

// checkRecipients checks the addresses of a message.
func (d *Decoder) checkRecipients(to []SinkText) {
	seen := map[string]bool{}
	for i := range to {
		text, constant := to[i].Constant()
		if d.checkAddress(&to[i], "to"); constant && seen[text] {
			d.ProblemAt(to[i].Pos, "to: %s is given twice", text)
		}
		seen[text] = constant
	}
}

// checkAddress checks an address that is known.
func (d *Decoder) checkAddress(t *SinkText, what string) {
	text, constant := t.Constant()
	if !constant || text == "" {
		return
	}
	if _, err := mail.ParseAddress(text); err == nil {
		return
	}
	if list, err := mail.ParseAddressList(text); err == nil && len(list) > 1 {
		d.ProblemAt(t.Pos, "%s: %q has %d addresses; several are a list: [ONE, TWO]", what, shortened(text), len(list))
		return
	}
	d.ProblemAt(t.Pos, "%s: %q is no address such as ops@example.com, or Ops <ops@example.com>", what, shortened(text))
}

// checkSinks checks what sinks, topologies and topics mean to each other.
func (d *Decoder) checkSinks(s *Scenario) {
	for i := range s.Sinks {
		sink := &s.Sinks[i]
		d.checkFields(s, sink)
		for _, t := range s.Topologies {
			stages := []string{t.Name, t.Name + "-route", t.Name + "-state"}
			if slices.Contains(stages, "forward-"+sink.Name) {
				d.ProblemAt(t.Pos, "topology %q has the consumer group of sink %q; give it another name", t.Name, sink.Name)
			}
		}
		for _, own := range sink.ownTopics() {
			if t, ok := s.Topic(own.Alias); ok && (t.Name != own.Name || t.Compact || t.Partitions != own.Partitions) {
				d.ProblemAt(sink.Pos, "sink %q: the topic with the alias %q is its own, and needs `topic: %q`, `partitions: 1` and `cleanup: delete`", sink.Name, own.Alias, own.Name)
			}
		}
	}
}
