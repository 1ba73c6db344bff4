package inspect

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"inv/internal/jsonscan"
	"inv/internal/query"
	"inv/internal/scenario"
)

// View is a compiled view of a topic, which finds what a line needs in one pass over
// the value. It is immutable and safe for concurrent use.
type View struct {
	lines      bool
	time       int // index of the field with the event time; -1: the record's time
	fields     *jsonscan.Fields
	conditions [3]*query.Condition // by severity from Critical down; nil: none
	columns    []column
}

// column is the text of a column, for the value or for each element of an array.
type column struct {
	parts  []part
	each   int              // index of the array; -1: none
	fields *jsonscan.Fields // of an element
	join   string
	number int // index of the field that it begins with; -1: it begins with a word
}

// part is literal text, or the value of a field.
type part struct {
	literal string
	field   int // -1: literal
	signed  bool
}

// CompileView compiles the view of the topic with an alias. The error is a
// scenario.Problems with every problem and its position.
func CompileView(file, alias string, v *scenario.View) (*View, error) {
	d := &scenario.Decoder{File: file}
	out := &View{lines: v.Lines, time: -1, fields: jsonscan.NewFields()}
	if v.Time != "" {
		out.time = out.fields.Add(strings.Split(v.Time, ".")...)
	}
	for i, c := range []scenario.Condition{v.Critical, v.Warning, v.Good} {
		if c.Source == "" {
			continue
		}
		compiled, err := query.Compile(c.Source, query.AbsentFalse, out.fields)
		if err != nil {
			d.ProblemAt(conditionPosition(c, err), "topic %q, the condition of %s: %v", alias, severityKeys[i], err)
		}
		out.conditions[i] = compiled
	}
	for _, c := range v.Columns {
		compiled, err := compileColumn(c, out.fields)
		if err != nil {
			d.ProblemAt(c.Pos, "topic %q, a column: %v", alias, err)
		}
		out.columns = append(out.columns, compiled)
	}
	if err := d.Err(); err != nil {
		return nil, err
	}
	return out, nil
}

// conditionPosition returns the position of the mistake if the condition is on one line,
// else that of the condition.
func conditionPosition(c scenario.Condition, err error) scenario.Position {
	var failed *query.Error
	if !errors.As(err, &failed) || failed.Offset < 0 || c.Pos.Line == 0 || strings.ContainsRune(c.Source, '\n') {
		return c.Pos
	}
	return scenario.Position{Line: c.Pos.Line, Column: c.Pos.Column + utf8.RuneCountInString(c.Source[:failed.Offset])}
}

func compileColumn(c scenario.Column, fields *jsonscan.Fields) (column, error) {
	out := column{each: -1, join: c.Join, number: -1}
	if c.Each != "" {
		out.each = fields.Add(strings.Split(c.Each, ".")...)
		out.fields = jsonscan.NewFields()
		fields = out.fields
	}
	for rest := c.Show; rest != ""; {
		literal, after, found := strings.Cut(rest, "{")
		if literal != "" {
			out.parts = append(out.parts, part{literal: literal, field: -1})
		}
		if !found {
			break
		}
		path, remaining, closed := strings.Cut(after, "}")
		if !closed {
			return out, fmt.Errorf("%q has a { without its }", c.Show)
		}
		path, format, _ := strings.Cut(path, ":")
		if format != "" && format != "+" {
			return out, fmt.Errorf("{%s:%s}: the only format is + (a number with its sign)", path, format)
		}
		if path == "" {
			return out, fmt.Errorf("%q has {} without the path of a field", c.Show)
		}
		out.parts = append(out.parts, part{field: fields.Add(strings.Split(path, ".")...), signed: format == "+"})
		rest = remaining
	}
	begins, _, _ := strings.Cut(c.Show, "{")
	if i := slices.IndexFunc(out.parts, func(p part) bool { return p.field >= 0 }); i >= 0 && c.Each == "" && !strings.ContainsFunc(begins, unicode.IsLetter) {
		out.number = out.parts[i].field
	}
	return out, nil
}
