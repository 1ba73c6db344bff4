package declared

import (
	"inv/internal/event"
)

// Router decides the records of a topology with keys. It is for one goroutine.
type Router struct {
	readers []*reader
	refusal Refusal

	key, value []byte
	text       []byte // the keys and lines of a record, one after the other
	ends       []lineEnds
	time       int64
	timed      bool
}

// lineEnds are the ends of a key and its line in the router's text.
type lineEnds struct{ key, line int }

// Router returns a router of a topology that is keyed. tables is asked only by inputs with
// joins, and may be nil without.
func (p *Program) Router(tables Tables) *Router {
	r := &Router{}
	for _, in := range p.inputs {
		r.readers = append(r.readers, newReader(p, in, tables))
	}
	return r
}

// Route decides a record and gives its lines to to, all or none. The refusal is valid
// until the next call. An error is one of the tables, or of to; then the record is not
// decided.
func (r *Router) Route(rec *Record, to Lines) (Outcome, *Refusal, error) {
	in := r.readers[rec.Input]
	r.text, r.ends = r.text[:0], r.ends[:0]
	outcome, err := in.read(rec)
	r.time, r.timed = in.time, in.timed && err == nil
	if outcome == Routed {
		if err = r.route(in, rec); err == nil && len(r.ends) == 0 {
			return Dropped, nil, nil
		}
	}
	switch {
	case err == nil && outcome == Routed:
		return Routed, nil, r.give(to)
	case err == nil:
		return outcome, nil, nil
	}
	why, ok := refusal(err)
	if !ok {
		return 0, nil, err
	}
	r.timed = false
	r.refusal = why
	return Refused, &r.refusal, nil
}

// Time returns the event time of the record that was routed last, in epoch ms. It reports
// false if it has none, or counts for nothing since it was refused. A record that is
// dropped has a time, so that its partition doesn't hold back the others.
func (r *Router) Time() (int64, bool) { return r.time, r.timed }

// route makes the lines of a record.
func (r *Router) route(in *reader, rec *Record) error {
	line := Line{
		Time: in.time, Input: in.inName, Topic: in.topic, Partition: rec.Partition, Offset: rec.Offset,
		Timestamp: rec.Timestamp, Index: -1,
	}
	for i := range in.count() {
		ok, err := in.enter(i)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if r.key, err = in.inputProgram.key.appendKey(r.key[:0], in.e); err != nil {
			return err
		}
		r.value = in.appendValue(r.value[:0])
		line.Key, line.Value = r.key, r.value
		if in.each != nil {
			line.Index = i
		}
		if len(in.joins) > 0 {
			line.Rows = in.rows
		}
		if in.lined {
			line.Headers = in.headers
		}
		if err := r.add(&line); err != nil {
			return err
		}
	}
	return nil
}

// add appends a line.
func (r *Router) add(line *Line) error {
	r.text = append(r.text, line.Key...)
	ends := lineEnds{key: len(r.text)}
	r.text = AppendLine(r.text, line)
	ends.line = len(r.text)
	switch size := ends.line - ends.key; {
	case size > MaxLine:
		return refused(event.TooLarge, "a line of %d bytes; at most %d", size, MaxLine)
	case ends.line > maxFanOut:
		return refused(event.TooLarge, "the lines have more than %d MiB", maxFanOut>>20)
	}
	r.ends = append(r.ends, ends)
	return nil
}

// give gives the lines to to.
func (r *Router) give(to Lines) error {
	start := 0
	for _, e := range r.ends {
		if err := to.Line(r.text[start:e.key:e.key], r.text[e.key:e.line:e.line]); err != nil {
			return err
		}
		start = e.line
	}
	return nil
}
