// Package query compiles the conditions of --filter, --fail-on and of a
// scenario's views, all written in jq's language. What most of them are
// (comparisons of fields with constants, and, or, string tests) is answered
// from the bytes of the few fields that are needed; the rest, and any input that
// the fast path is not sure of, goes through gojq. Both give the same answer.
package query

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"inv/internal/jsonscan"
	"inv/internal/kafka/fetch"

	"github.com/itchyny/gojq"
)

// Dialect says what a comparison with a field that is absent (or null) means.
type Dialect int

const (
	// JQ is jq as it is: null sorts before all numbers, so .absent <= 5 holds.
	JQ Dialect = iota
	// AbsentFalse is for views: a condition over an absent field does not hold,
	// in whatever direction it compares, and neither does its negation. A
	// comparison with null itself is jq's.
	AbsentFalse
)

// Condition is one compiled condition. It is safe for concurrent use.
type Condition struct {
	source string
	fast   expr // nil: always gojq
	code   *gojq.Code
	fields *jsonscan.Fields
	meta   bool // it uses one of the variables
}

// Variables that a condition may use beside the record's value.
var variables = [...]string{"$key", "$topic", "$partition", "$offset", "$timestamp", "$headers"}

// Error is a condition that can't be compiled.
type Error struct {
	Source string
	Offset int // in bytes: where it went wrong; -1 if unknown
	Err    error
}

func (e *Error) Error() string {
	if e.Offset < 0 {
		return fmt.Sprintf("%v in %q", e.Err, e.Source)
	}
	return fmt.Sprintf("%v at character %d of %q", e.Err, utf8.RuneCountInString(e.Source[:e.Offset])+1, e.Source)
}

func (e *Error) Unwrap() error { return e.Err }

// Pointed returns the source on one line and a caret below where it went wrong.
func (e *Error) Pointed() string {
	if e.Offset < 0 || strings.ContainsAny(e.Source, "\n\t") {
		return e.Source
	}
	return e.Source + "\n" + strings.Repeat(" ", utf8.RuneCountInString(e.Source[:e.Offset])) + "^"
}

// Compile reads a condition. The fields that its fast path needs are added to
// fields, which must not be scanned with before all conditions are compiled.
func Compile(source string, dialect Dialect, fields *jsonscan.Fields) (*Condition, error) {
	if strings.TrimSpace(source) == "" {
		return nil, &Error{source, -1, errors.New("an empty condition")}
	}
	parsed, err := gojq.Parse(source)
	if err != nil {
		return nil, syntaxError(source, err)
	}
	c := &Condition{source: source, fields: fields}
	f := &compiler{fields: fields, dialect: dialect}
	if e, ok := f.boolean(parsed); ok {
		c.fast = e
	}
	if dialect == AbsentFalse {
		if parsed, err = absentFalse(parsed); err != nil {
			return nil, &Error{source, -1, err}
		}
	}
	if c.code, err = gojq.Compile(parsed, gojq.WithVariables(variables[:])); err != nil {
		return nil, compileError(source, err)
	}
	c.meta = strings.Contains(source, "$")
	return c, nil
}

func syntaxError(source string, err error) error {
	var parse *gojq.ParseError
	if !errors.As(err, &parse) {
		return &Error{source, -1, err}
	}
	offset := max(0, parse.Offset-len(parse.Token))
	return &Error{source, min(offset, len(source)), err}
}

// compileError finds where an unknown function or variable stands.
func compileError(source string, err error) error {
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 {
		name, _, _ := strings.Cut(text[i+2:], "/")
		if at := strings.Index(source, name); at >= 0 && name != "" {
			if strings.HasPrefix(name, "$") {
				text += "; there are " + strings.Join(variables[:], ", ")
			}
			return &Error{source, at, errors.New(text)}
		}
	}
	return &Error{source, -1, err}
}

// Input is one record's value for a condition.
type Input struct {
	Record *fetch.Record // for the variables; may be nil
	Value  []byte        // nil: null
	// Fields holds the answers of the Fields given to Compile, if JSON.
	Fields [][]byte
	JSON   bool // Value is one well-formed JSON value
}

// Match reports whether the condition holds: whether any of its results is
// neither false nor null. An error of evaluation, such as .a.b where .a is a
// number, means no. A value that is not JSON is a string to the condition.
func (c *Condition) Match(in *Input) bool {
	if c.fast != nil && in.JSON && in.Value != nil {
		switch c.fast(in) {
		case isTrue:
			return true
		case isFalse, isNull:
			return false
		}
	}
	return c.slow(in)
}

// Fast reports whether the condition has a fast path, for tests and -v.
func (c *Condition) Fast() bool { return c.fast != nil }

func (c *Condition) slow(in *Input) bool {
	vars := make([]any, len(variables))
	if c.meta && in.Record != nil {
		fillVariables(vars, in.Record)
	}
	iter := c.code.Run(decode(in), vars...)
	for {
		v, ok := iter.Next()
		if !ok {
			return false
		}
		if _, failed := v.(error); failed {
			return false
		}
		if v != nil && v != false {
			return true
		}
	}
}

func decode(in *Input) any {
	if in.Value == nil {
		return nil
	}
	if in.JSON {
		var v any
		d := json.NewDecoder(bytes.NewReader(in.Value))
		d.UseNumber()
		if d.Decode(&v) == nil {
			return v
		}
	}
	return strings.ToValidUTF8(string(in.Value), "\ufffd")
}

func fillVariables(vars []any, r *fetch.Record) {
	if r.Key != nil {
		vars[0] = strings.ToValidUTF8(string(r.Key), "\ufffd")
	}
	vars[1] = r.Topic
	vars[2] = int(r.Partition)
	vars[3] = int(r.Offset)
	vars[4] = int(r.Timestamp)
	headers := map[string]any{}
	r.EachHeader(func(k, v []byte) bool {
		var value any
		if v != nil {
			value = strings.ToValidUTF8(string(v), "\ufffd")
		}
		headers[strings.ToValidUTF8(string(k), "\ufffd")] = value
		return true
	})
	vars[5] = headers
}

// absentFalse rewrites each comparison so that it is null if a side is.
func absentFalse(q *gojq.Query) (*gojq.Query, error) {
	rewriteQuery(q)
	text := "def not: if . == null then null elif . then false else true end; " + q.String()
	out, err := gojq.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("a condition too unusual for a view: %w", err)
	}
	return out, nil
}

func rewriteQuery(q *gojq.Query) {
	if q == nil {
		return
	}
	rewriteQuery(q.Left)
	rewriteQuery(q.Right)
	rewriteTerm(q.Term)
	if !isComparison(q.Op) || isNullLiteral(q.Left) || isNullLiteral(q.Right) {
		return
	}
	text := fmt.Sprintf("((%s) as $__l | (%s) as $__r | if $__l == null or $__r == null then null else $__l %s $__r end)", q.Left, q.Right, q.Op)
	if out, err := gojq.Parse(text); err == nil {
		*q = *out
	}
}

func rewriteTerm(t *gojq.Term) {
	if t == nil {
		return
	}
	rewriteQuery(t.Query)
	if t.Func != nil {
		for _, a := range t.Func.Args {
			rewriteQuery(a)
		}
	}
	if t.If != nil {
		rewriteQuery(t.If.Cond)
		rewriteQuery(t.If.Then)
		rewriteQuery(t.If.Else)
		for _, e := range t.If.Elif {
			rewriteQuery(e.Cond)
			rewriteQuery(e.Then)
		}
	}
	if t.Unary != nil {
		rewriteTerm(t.Unary.Term)
	}
}

func isComparison(op gojq.Operator) bool {
	switch op {
	case gojq.OpEq, gojq.OpNe, gojq.OpGt, gojq.OpLt, gojq.OpGe, gojq.OpLe:
		return true
	}
	return false
}

func isNullLiteral(q *gojq.Query) bool {
	return q != nil && q.Term != nil && q.Term.Type == gojq.TermTypeNull && len(q.Term.SuffixList) == 0
}
