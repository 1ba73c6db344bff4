package files

import (
	"errors"
	"unicode/utf8"

	"inv/internal/jsonscan"
	"inv/internal/scenario"
	"inv/processor/forward"
	"inv/processor/forward/column"
	"inv/processor/forward/compose"
)

// cell is a value of a row. The field of its field's kind is set.
type cell struct {
	null   bool
	isJSON bool           // of a valueField: bytes is JSON
	flags  jsonscan.Flags // of JSON
	bytes  []byte         // text and JSON; may be part of the record
	int    int64          // also time, partition and bool
	float  float64
	dec    decimal
}

// layout is how a sink's records become rows. It is safe for concurrent use.
type layout struct {
	fields   []field
	declared *compose.Row // the fields behind the place; nil: _time, _key and value
}

// newLayout compiles a sink's columns.
func newLayout(declared []scenario.SinkColumn) (*layout, error) {
	fields, err := compileFields(declared)
	if err != nil || declared == nil {
		return &layout{fields: fields}, err
	}
	from := make([]scenario.Selector, len(declared))
	for i := range declared {
		from[i] = declared[i].From
	}
	row, err := compose.NewRow(from)
	return &layout{fields: fields, declared: row}, err
}

// rower makes rows, one at a time.
type rower struct {
	*layout
	cells  []cell
	values [][]byte
	topic  []byte
	arena  []byte // of texts; those of a row stay when it grows
}

func newRower(l *layout) *rower {
	return &rower{layout: l, cells: make([]cell, len(l.fields)), values: make([][]byte, max(0, len(l.fields)-len(placeFields)))}
}

// row returns the cells of a record, which are valid until the next call, but for their
// bytes: these are valid until reset. The error is a *forward.RecordError.
func (w *rower) row(r *forward.Record) ([]cell, error) {
	if string(w.topic) != r.Topic {
		w.topic = []byte(r.Topic)
	}
	w.cells[0] = cell{bytes: w.topic}
	w.cells[1] = cell{int: int64(r.Partition)}
	w.cells[2] = cell{int: r.Offset}
	if w.declared == nil {
		return w.cells, w.whole(r)
	}
	if err := w.declared.JSON(r, w.values); err != nil {
		return nil, refused(r, "", err)
	}
	for i, raw := range w.values {
		f := &w.fields[len(placeFields)+i]
		c := &w.cells[len(placeFields)+i]
		if *c = (cell{null: raw == nil}); raw == nil {
			continue
		}
		if err := w.convert(c, f, raw); err != nil {
			return nil, refused(r, forward.Refused, &column.Error{Column: f.name, Type: f.typeName(), Err: err})
		}
	}
	return w.cells, nil
}

// reset forgets the bytes of rows.
func (w *rower) reset() { w.arena = w.arena[:0] }

// whole sets the cells of a record of a sink without columns.
func (w *rower) whole(r *forward.Record) error {
	w.cells[3] = cell{int: r.Time, null: r.Time < 0} // Kafka has -1 for no timestamp
	w.cells[4] = cell{bytes: r.Key, null: r.Key == nil}
	w.cells[5] = cell{null: r.Value == nil}
	if !utf8.Valid(r.Key) {
		return refused(r, forward.NotUnicode, &column.Error{Column: "_key", Type: "text", Err: column.ErrNotUnicode})
	}
	v := &w.cells[5]
	switch {
	case r.JSON != nil:
		v.bytes, v.isJSON = jsonscan.TrimMark(r.JSON), true
	default:
		v.bytes = r.Value
	}
	if !utf8.Valid(v.bytes) {
		return refused(r, forward.NotUnicode, &column.Error{Column: "value", Type: "text", Err: column.ErrNotUnicode})
	}
	return nil
}

// convert sets a cell to a value.
func (w *rower) convert(c *cell, f *field, raw []byte) (err error) {
	switch f.kind {
	case textField:
		start := len(w.arena)
		w.arena, err = column.AppendText(w.arena, raw)
		c.bytes = w.arena[start:]
	case intField:
		c.int, err = column.Int(raw)
	case floatField:
		c.float, err = column.Float(raw)
	case boolField:
		var yes bool
		if yes, err = column.Bool(raw); yes {
			c.int = 1
		}
	case decimalField:
		var digits [maxDigits]byte
		text, negative, wrong := column.AppendDecimal(digits[:0], raw, f.total, f.scale)
		c.dec, err = decimalOf(text, negative), wrong
	case timeField:
		c.int, err = column.Millis(raw)
	default:
		if err = column.CheckUnicode(raw); err == nil {
			c.flags, _ = jsonscan.Valid(raw)
			c.bytes, c.isJSON = raw, true
		}
	}
	return err
}

// refused makes an error a *forward.RecordError about a record, if it isn't one.
func refused(r *forward.Record, reason string, err error) error {
	var already *forward.RecordError
	if errors.As(err, &already) {
		return &forward.RecordError{Record: r, Reason: already.Reason, Err: already.Err}
	}
	if reason == "" {
		reason = forward.Expression
	}
	if errors.Is(err, column.ErrNotUnicode) {
		reason = forward.NotUnicode
	}
	return &forward.RecordError{Record: r, Reason: reason, Err: err}
}
