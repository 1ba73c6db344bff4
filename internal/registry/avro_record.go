package registry

import (
	"bytes"
	"fmt"

	"inv/internal/jsonscan"
)

// avroRecord parses the JSON of a record.
type avroRecord struct {
	want   string
	fields []avroRecordField
	index  map[string]int // by name
}

type avroRecordField struct {
	name     string
	key      []byte // as it precedes the value in compact JSON
	parse    avroParser
	optional bool
	absent   []byte // what is written without the field
}

func (c *avroParsers) record(t *avroType) (*avroRecord, error) {
	if r := c.records[t]; r != nil {
		return r, nil
	}
	r := &avroRecord{want: t.String(), fields: make([]avroRecordField, len(t.fields)), index: map[string]int{}}
	c.records[t] = r
	for i := range t.fields {
		f := &t.fields[i]
		parse, err := c.compile(f.typ)
		if err != nil {
			return nil, err
		}
		r.index[f.name] = i
		r.fields[i] = avroRecordField{name: f.name, key: memberName(f.name, true)[1:], parse: parse}
		if r.fields[i].absent, r.fields[i].optional, err = f.absent(); err != nil {
			return nil, fmt.Errorf("the default of %s: %w", f.name, err)
		}
	}
	return r, nil
}

// absent returns what is written for a field that the JSON does not have: its default,
// else null. It is not optional if it has neither.
func (f *avroField) absent() (b []byte, optional bool, err error) {
	if f.hasDefault {
		b, err = appendAvroDefault(nil, f.typ, f.value)
		return b, true, err
	}
	if f.typ.kind == "null" {
		return nil, true, nil
	}
	if i := f.typ.nullBranch(); i >= 0 {
		return appendLongValue(nil, int64(i)), true, nil
	}
	return nil, false, nil
}

// nullBranch returns the index of a union's null, -1 if there is none.
func (t *avroType) nullBranch() int {
	for i, b := range t.branches {
		if b.kind == "null" {
			return i
		}
	}
	return -1
}

func (r *avroRecord) parse(e *avroEncoder, dst []byte, at int) ([]byte, int, error) {
	if e.careful {
		spans := len(e.spans)
		out, at, err := r.parseCarefully(e, dst, at)
		e.spans = e.spans[:spans]
		return out, at, err
	}
	at, more, err := e.open(at, '{', '}', r.want)
	if err != nil {
		return nil, 0, err
	}
	next := 0
	for more {
		var i int
		if i, at, err = r.member(e, at, next); err != nil {
			return nil, 0, err
		}
		for ; next < i && r.fields[next].optional; next++ {
			dst = append(dst, r.fields[next].absent...)
		}
		if i != next {
			return nil, 0, errDisorder
		}
		next++
		if dst, at, err = r.fields[i].parse(e, dst, at); err != nil {
			return nil, 0, e.withinField(err, r.fields[i].name)
		}
		if at, more, err = e.next(at, '}'); err != nil {
			return nil, 0, err
		}
	}
	for ; next < len(r.fields); next++ {
		if dst, err = r.fields[next].leaveOut(e, dst); err != nil {
			return nil, 0, err
		}
	}
	return dst, at, nil
}

// parseCarefully finds the fields before it writes them.
func (r *avroRecord) parseCarefully(e *avroEncoder, dst []byte, at int) ([]byte, int, error) {
	base := len(e.spans)
	at, err := r.find(e, at)
	if err != nil {
		return nil, 0, err
	}
	for i := range r.fields {
		f := &r.fields[i]
		if start := e.spans[base+i]; start < 0 {
			dst, err = f.leaveOut(e, dst)
		} else if dst, _, err = f.parse(e, dst, start); err != nil {
			err = e.withinField(err, f.name)
		}
		if err != nil {
			return nil, 0, err
		}
	}
	return dst, at, nil
}

// find appends to e.spans where the value of each field begins, -1 if it is absent, and
// returns the index after the object.
func (r *avroRecord) find(e *avroEncoder, at int) (int, error) {
	base := len(e.spans)
	for range r.fields {
		e.spans = append(e.spans, -1)
	}
	at, more, err := e.open(at, '{', '}', r.want)
	last := -1
	for more && err == nil {
		var i int
		if i, at, err = r.member(e, at, last+1); err != nil {
			break
		}
		if i <= last {
			e.disordered = true
		}
		last = i
		e.spans[base+i] = at
		if at >= len(e.text) {
			return 0, errNotJSON
		}
		end := jsonscan.End(e.text[at:])
		if end < 0 {
			return 0, errNotJSON
		}
		at, more, err = e.next(at+end, '}')
	}
	return at, err
}

// named reports whether the names of an object's members are those of the record: all are
// known, and none is missing.
func (r *avroRecord) named(e *avroEncoder, at int) bool {
	base := len(e.spans)
	defer func() { e.spans = e.spans[:base] }()
	if _, err := r.find(e, at); err != nil {
		return false
	}
	for i := range r.fields {
		if !r.fields[i].optional && e.spans[base+i] < 0 {
			return false
		}
	}
	return true
}

// member returns the field of the member at at and the index of its value. It is most
// likely that of the field next.
func (r *avroRecord) member(e *avroEncoder, at, next int) (field, value int, err error) {
	if next < len(r.fields) && bytes.HasPrefix(e.text[at:], r.fields[next].key) {
		return next, skipSpace(e.text, at+len(r.fields[next].key)), nil
	}
	end, flags := jsonscan.String(e.text, at)
	if end < 0 {
		return 0, 0, errNotJSON
	}
	name := e.text[at+1 : end-1]
	if flags != 0 {
		e.scratch = jsonscan.AppendUnquoted(e.scratch[:0], e.text[at:end])
		name = e.scratch
	}
	if value, err = e.colon(end); err != nil {
		return 0, 0, err
	}
	field, ok := r.index[string(name)]
	if !ok {
		if e.quiet > 0 {
			return 0, 0, errMisfit
		}
		return 0, 0, &ValueError{stepName(name), "the schema has no such field"}
	}
	return field, value, nil
}

func (e *avroEncoder) withinField(err error, name string) error {
	if e.quiet > 0 {
		return err
	}
	return within(err, name)
}

// leaveOut appends what is written without the field.
func (f *avroRecordField) leaveOut(e *avroEncoder, dst []byte) ([]byte, error) {
	if f.optional {
		return append(dst, f.absent...), nil
	}
	if e.quiet > 0 {
		return nil, errMisfit
	}
	return nil, &ValueError{f.name, "it is missing, and the schema has no default for it"}
}
