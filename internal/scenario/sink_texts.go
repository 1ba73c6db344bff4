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
func (s *Sink) Selectors() (selectors []*Selector) {
	given := func(all ...*Selector) {
		for _, x := range all {
			if x != nil {
				selectors = append(selectors, x)
			}
		}
	}
	columns := func(columns []SinkColumn) {
		for i := range columns {
			given(&columns[i].From)
		}
	}
	given(s.Lane)
	if s.Group != nil {
		given(&s.Group.By)
	}
	if s.HTTP != nil {
		given(s.HTTP.IdempotencyKey)
	}
	if s.Files != nil {
		columns(s.Files.Columns)
	}
	for _, t := range s.Postgres.all() {
		given(t.Key, t.Newest)
		columns(t.Columns)
	}
	return selectors
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

// Expressions returns all expressions of the sink.
func (s *Sink) Expressions() (expressions []*JQ) {
	if s.Where != nil {
		expressions = append(expressions, s.Where)
	}
	for _, x := range s.Selectors() {
		if x.JQ != nil {
			expressions = append(expressions, x.JQ)
		}
	}
	s.eachBody(func(b *Body) {
		if b.JQ != nil {
			expressions = append(expressions, b.JQ)
		}
	})
	return expressions
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
