package scenario

// Constant returns the text of one without variables and placeholders, and reports
// whether it is one.
func (t *SinkText) Constant() (string, bool) {
	switch {
	case len(t.Parts) == 0:
		return "", true
	case len(t.Parts) > 1 || t.Parts[0].Literal == "":
		return "", false
	}
	return t.Parts[0].Literal, true
}

// Texts returns all texts of the sink.
func (s *Sink) Texts() (texts []*SinkText) {
	given := func(all ...*SinkText) {
		for _, t := range all {
			if t != nil {
				texts = append(texts, t)
			}
		}
	}
	if h := s.HTTP; h != nil {
		given(&h.URL, h.Sign, h.Basic, h.Bearer, h.CA)
	}
	s.eachBody(func(b *Body) { given(b.Text) })
	if e := s.Email; e != nil {
		given(&e.Server, e.CA, &e.From, &e.Subject, e.Text, e.Line)
		for i := range e.To {
			given(&e.To[i])
		}
		for i := range e.ToBy {
			for k := range e.ToBy[i].To {
				given(&e.ToBy[i].To[k])
			}
		}
	}
	if s.Files != nil {
		given(&s.Files.Folder)
	}
	if s.Postgres != nil {
		given(&s.Postgres.URL)
	}
	return texts
}

// Selectors returns all selectors of the sink.
func (s *Sink) Selectors() []*Selector {
	selectors := s.messageSelectors()
	for _, t := range s.Postgres.all() {
		selectors = append(selectors, t.selectors()...)
	}
	return selectors
}

// messageSelectors returns those that are not of a table.
func (s *Sink) messageSelectors() (selectors []*Selector) {
	if s.Lane != nil {
		selectors = append(selectors, s.Lane)
	}
	if s.Group != nil {
		selectors = append(selectors, &s.Group.By)
	}
	if s.HTTP != nil && s.HTTP.IdempotencyKey != nil {
		selectors = append(selectors, s.HTTP.IdempotencyKey)
	}
	if s.Files != nil {
		selectors = append(selectors, selectorsOf(s.Files.Columns)...)
	}
	return selectors
}

func (t *Table) selectors() (selectors []*Selector) {
	for _, x := range []*Selector{t.Key, t.Newest} {
		if x != nil {
			selectors = append(selectors, x)
		}
	}
	return append(selectors, selectorsOf(t.Columns)...)
}

func selectorsOf(columns []SinkColumn) (selectors []*Selector) {
	for i := range columns {
		selectors = append(selectors, &columns[i].From)
	}
	return selectors
}

// table returns the table of an alias, nil if it has none of its own.
func (p *PostgresSink) table(alias string) *Table {
	if p == nil {
		return nil
	}
	for i := range p.Tables {
		if p.Tables[i].Alias == alias {
			return &p.Tables[i]
		}
	}
	return nil
}

// all returns the tables, that of `else` last.
func (p *PostgresSink) all() (tables []*Table) {
	if p == nil {
		return nil
	}
	for i := range p.Tables {
		tables = append(tables, &p.Tables[i])
	}
	if p.Else != nil {
		tables = append(tables, p.Else)
	}
	return tables
}

// Expressions returns the expressions of the sink: those that are of a record, and those
// that are of a message.
func (s *Sink) Expressions() (ofRecords, ofMessages []*JQ) {
	if s.Where != nil {
		ofRecords = append(ofRecords, s.Where)
	}
	for _, x := range s.Selectors() {
		if x.JQ != nil {
			ofRecords = append(ofRecords, x.JQ)
		}
	}
	s.eachBody(func(b *Body) {
		if b.JQ != nil {
			ofMessages = append(ofMessages, b.JQ)
		}
	})
	return ofRecords, ofMessages
}

// eachBody calls f with every part of the sink's bodies, headers and forms.
func (s *Sink) eachBody(f func(*Body)) {
	if s.HTTP == nil {
		return
	}
	if s.HTTP.Body != nil {
		s.HTTP.Body.each(f)
	}
	for i := range s.HTTP.Headers {
		s.HTTP.Headers[i].Body.each(f)
	}
	for i := range s.HTTP.Form {
		s.HTTP.Form[i].Body.each(f)
	}
}

func (b *Body) each(f func(*Body)) {
	f(b)
	for i := range b.Object {
		b.Object[i].Body.each(f)
	}
	for i := range b.List {
		b.List[i].each(f)
	}
}

// settleCounts makes {count} the field of that name where there is no group.
func (s *Sink) settleCounts() {
	if s.Group != nil {
		return
	}
	for _, t := range s.Texts() {
		for i := range t.Parts {
			if p := &t.Parts[i]; p.Meta == metaCount {
				p.Meta, p.Path = "", []string{metaCount}
			}
		}
	}
}
