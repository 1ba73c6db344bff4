package compose

import (
	"slices"
	"strings"

	"inv/internal/jq"
	"inv/internal/scenario"
	"inv/processor/forward"
)

// Selector is a value of a record. It is safe for concurrent use.
type Selector struct{ row *Row }

// NewSelector compiles a selector. The error is an *[Error].
func NewSelector(s *scenario.Selector) (*Selector, error) {
	row, err := NewRow([]scenario.Selector{*s})
	if err != nil {
		return nil, err
	}
	return &Selector{row}, nil
}

// JSON returns the value as JSON text, nil if it is missing or null. It may be part of the
// record, so it must not be changed. The error is a [forward.RecordError].
func (s *Selector) JSON(r *forward.Record) ([]byte, error) {
	p := s.row.program
	st := p.begin(nil, r)
	defer p.end(st)
	return s.row.columns[0].json(st)
}

// Text appends the value as text: a string without quotes, and anything else as JSON. It
// reports false, and appends nothing, if it is missing or null. The error is a
// [forward.RecordError].
func (s *Selector) Text(dst []byte, r *forward.Record) ([]byte, bool, error) {
	p, c := s.row.program, &s.row.columns[0]
	st := p.begin(nil, r)
	defer p.end(st)
	if c.expr == nil {
		raw, err := st.field(c.field, c.pos)
		if raw == nil {
			return dst, false, err
		}
		return appendText(dst, raw, st.flags), true, nil
	}
	v, ok, err := st.one(c.expr, c.pos)
	if err != nil || !ok || v.IsNull() {
		return dst, false, err
	}
	if out, ok := v.AppendText(dst); ok {
		return out, true, nil
	}
	return v.AppendJSON(dst), true, nil
}

// Row is a list of selectors, whose values are found in one pass over the record. It is
// safe for concurrent use.
type Row struct {
	program *program
	columns []column
}

type column struct {
	field int      // of the program's fields
	expr  *jq.Expr // nil: the field
	pos   scenario.Position
	name  string
}

// NewRow compiles selectors. The error is an *[Error].
func NewRow(list []scenario.Selector) (*Row, error) {
	row := &Row{program: newProgram(false)}
	for i := range list {
		sel := &list[i]
		c := column{pos: sel.Pos, name: strings.Join(sel.Path, ".")}
		if sel.JQ == nil {
			c.field = row.program.fields.Add(sel.Path...)
		} else {
			var err error
			if c.expr, err = row.program.compile(sel.JQ); err != nil {
				return nil, err
			}
			c.pos, c.name = sel.JQ.Pos, sel.JQ.Source
		}
		row.columns = append(row.columns, c)
	}
	return row, nil
}

// Len returns the number of selectors.
func (w *Row) Len() int { return len(w.columns) }

// JSON sets values, which has as many elements as there are selectors, as [Selector.JSON]
// returns them.
func (w *Row) JSON(r *forward.Record, values [][]byte) error {
	st := w.program.begin(nil, r)
	defer w.program.end(st)
	for i := range w.columns {
		var err error
		if values[i], err = w.columns[i].json(st); err != nil {
			return err
		}
	}
	return nil
}

func (c *column) json(st *state) ([]byte, error) {
	if c.expr == nil {
		return st.field(c.field, c.pos)
	}
	v, ok, err := st.one(c.expr, c.pos)
	if err != nil || !ok || v.IsNull() {
		return nil, err
	}
	return v.AppendJSON(nil), nil
}

// Condition is a compiled condition. It is safe for concurrent use.
type Condition struct {
	program *program
	expr    *jq.Expr
	pos     scenario.Position
}

// NewCondition compiles a condition. The error is an *[Error].
func NewCondition(x *scenario.JQ) (*Condition, error) {
	c := &Condition{program: newProgram(false), pos: x.Pos}
	var err error
	if c.expr, err = c.program.compile(x); err != nil {
		return nil, err
	}
	return c, nil
}

// Holds reports whether a result of the condition is neither false nor null. The error is
// a [forward.RecordError].
func (c *Condition) Holds(r *forward.Record) (bool, error) {
	st := c.program.begin(nil, r)
	defer c.program.end(st)
	holds, sure := c.expr.Matches(&st.eval)
	switch {
	case sure:
		return holds, nil
	case st.notJSON:
		return false, fails(r, forward.NotJSON, c.pos, errNotJSON)
	}
	results, err := c.expr.Eval(&st.eval)
	if err != nil {
		return false, fails(r, forward.Expression, c.pos, err)
	}
	return slices.ContainsFunc(results, jq.Value.Truthy), nil
}
