// Package query compiles conditions in jq's language: filters, and the conditions of
// a scenario's views. The common ones (comparisons of fields with constants, and,
// or, string tests) are evaluated on the bytes of the few fields that they need; all
// others, and input that this fast path does not handle, go through gojq, with the
// same result.
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

// Dialect is the meaning of a comparison with a field that is absent or null.
type Dialect int

const (
	// JQ is plain jq: null sorts before all numbers, so .absent <= 5 holds.
	JQ Dialect = iota
	// AbsentFalse is for views: neither a comparison with an absent field nor its
	// negation holds. Comparisons with null itself are jq's.
	AbsentFalse
)

// Condition is a compiled condition. It is safe for concurrent use.
type Condition struct {
	fast expr // nil: always gojq
	code *gojq.Code
	meta bool // it may use the variables
	list bool // it may use $header_list

	assigns      bool
	recordFields []string
}

// variables are what a condition may use besides the record's value. $headers is an
// object, which has the last of several headers of a name; $header_list has all of
// them, in their order, as objects with key and value.
var variables = [...]string{"$key", "$topic", "$partition", "$offset", "$timestamp", "$headers", headerList}

const headerList = "$header_list"

// Error is a condition that can't be compiled.
type Error struct {
	Source string
	Offset int // of the mistake, in bytes; -1 if unknown
	Err    error
}

func (e *Error) Error() string {
	if e.Offset < 0 {
		return fmt.Sprintf("%v in %q", e.Err, e.Source)
	}
	return fmt.Sprintf("%v at character %d of %q", e.Err, utf8.RuneCountInString(e.Source[:e.Offset])+1, e.Source)
}

func (e *Error) Unwrap() error { return e.Err }

// Pointed returns the source and a line with a caret below the mistake, or nil if the
// source has more than one line or the place is unknown.
func (e *Error) Pointed() []string {
	if e.Offset < 0 || strings.ContainsAny(e.Source, "\n\t") {
		return nil
	}
	return []string{e.Source, strings.Repeat(" ", utf8.RuneCountInString(e.Source[:e.Offset])) + "^"}
}

// Compile compiles a condition. It adds the fields that the fast path needs to
// fields, which must not be used before all conditions are compiled. The error is an
// *Error.
func Compile(source string, dialect Dialect, fields *jsonscan.Fields) (*Condition, error) {
	if strings.TrimSpace(source) == "" {
		return nil, &Error{source, -1, errors.New("an empty condition")}
	}
	parsed, err := gojq.Parse(source)
	if err != nil {
		return nil, syntaxError(source, err)
	}
	f := &compiler{fields: fields, dialect: dialect}
	c := &Condition{fast: f.boolean(parsed), meta: strings.Contains(source, "$"), list: strings.Contains(source, headerList),
		assigns: assigns(parsed), recordFields: recordFields(parsed, nil)}
	if dialect == AbsentFalse {
		if parsed, err = absentFalse(parsed); err != nil {
			return nil, &Error{source, -1, err}
		}
	}
	if c.code, err = gojq.Compile(parsed, gojq.WithVariables(variables[:])); err != nil {
		return nil, compileError(source, err)
	}
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

// compileError finds the unknown function or variable in the source.
func compileError(source string, err error) error {
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 {
		name, _, _ := strings.Cut(text[i+2:], "/")
		if at := strings.Index(source, name); at >= 0 && name != "" {
			if strings.HasPrefix(name, "$") {
				text += "; there are " + strings.Join(variables[:], ", ")
			} else if strings.HasSuffix(text, "/0") { // without arguments
				text += " (a field is ." + name + ")"
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
	Fields [][]byte      // if JSON: the results of the Fields given to Compile
	JSON   bool          // Value is one well-formed JSON value
}

// Match reports whether any result of the condition is neither false nor null.
// After an error, such as .a.b where .a is a number, it does not hold. A value that is
// not JSON is a string to the condition.
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

func (c *Condition) slow(in *Input) bool {
	vars := make([]any, len(variables))
	if c.meta && in.Record != nil {
		setVariables(vars, in.Record, c.list)
	}
	iter := c.code.Run(decode(in), vars...)
	for {
		v, ok := iter.Next()
		if _, failed := v.(error); failed || !ok {
			return false
		}
		if v != nil && v != false {
			return true
		}
	}
}

func decode(in *Input) any {
	if in.JSON {
		var v any
		d := json.NewDecoder(bytes.NewReader(jsonscan.TrimMark(in.Value)))
		d.UseNumber()
		if d.Decode(&v) == nil {
			return v
		}
	}
	return text(in.Value)
}

// text is a string for gojq, or nil for null.
func text(b []byte) any {
	if b == nil {
		return nil
	}
	return strings.ToValidUTF8(string(b), "\ufffd")
}

func setVariables(vars []any, r *fetch.Record, list bool) {
	headers, all := map[string]any{}, []any{}
	r.EachHeader(func(k, v []byte) bool {
		key, value := strings.ToValidUTF8(string(k), "\ufffd"), text(v)
		headers[key] = value
		if list {
			all = append(all, map[string]any{"key": key, "value": value})
		}
		return true
	})
	copy(vars, []any{text(r.Key), r.Topic, int(r.Partition), int(r.Offset), int(r.Timestamp), headers, all})
}

// absentFalse rewrites each comparison to be null if one of its sides is.
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

func isNullLiteral(q *gojq.Query) bool {
	return q != nil && q.Term != nil && q.Term.Type == gojq.TermTypeNull && len(q.Term.SuffixList) == 0
}
