package inspect

import (
	"strings"

	"inv/internal/jsonscan"
)

// Brief is what a line shows of a record, without its layout.
type Brief struct {
	Time     int64 // of the event, epoch ms
	Severity Severity
	Columns  []string // by the topic's view, or key and value; empty ones are left out
}

// Brief returns what Append would show of a record. It takes a value as one document, also
// if the topic's view has several in it.
func (p *Pretty) Brief(r *Record) Brief {
	l := p.layout(r.Topic)
	b := Brief{Time: r.Timestamp, Severity: Plain}
	if l.view == nil || r.Value == nil || !l.view.fields.Scan(r.Value, l.in.Fields) || !jsonscan.IsObject(r.Value) {
		for _, text := range [][]byte{r.Key, r.Value} {
			p.text = p.safe(p.text[:0], text[:min(len(text), maxShown)])
			b.add(p.text)
		}
		return b
	}
	b.Severity, b.Time = l.severity(r, r.Value), l.eventTime(b.Time)
	for i := range l.view.columns {
		p.text = p.text[:0]
		p.column(l, &l.view.columns[i])
		b.add(p.text)
	}
	return b
}

func (b *Brief) add(text []byte) {
	if s := strings.TrimSpace(string(text)); s != "" {
		b.Columns = append(b.Columns, s)
	}
}
