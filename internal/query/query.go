// Package query compiles conditions on records in jq's language: filters, and the
// conditions of a scenario's views. Package jq evaluates them, on the bytes of the few
// fields that they need if it can; package query gives them the record's parts as
// variables.
package query

import (
	"errors"
	"strings"

	"inv/internal/jq"
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
	expr *jq.Expr
	fast func(*Input) answer // nil: always gojq

	assigns      bool
	recordFields []string
}

// variables are what a condition may use besides the record's value. $headers is an
// object, which has the last of several headers of a name; $header_list has all of
// them, in their order, as objects with key and value.
var variables = [...]string{"$key", "$topic", "$partition", "$offset", "$timestamp", "$headers", headerList}

const headerList = "$header_list"

// Error is a condition that can't be compiled.
type Error = jq.Error

// Compile compiles a condition. It adds the fields that the fast path needs to
// fields, which must not be used before all conditions are compiled. The error is an
// *Error.
func Compile(source string, dialect Dialect, fields *jsonscan.Fields) (*Condition, error) {
	if strings.TrimSpace(source) == "" {
		return nil, &Error{Source: source, Offset: -1, Err: errors.New("an empty condition")}
	}
	c := &Condition{}
	scope := jq.NewScope(fields)
	for _, name := range variables {
		scope.LookedUp(name)
	}
	var err error
	if c.expr, err = scope.Compile(source, jq.Options{Absent: dialect == AbsentFalse}); err != nil {
		return nil, err
	}
	if c.expr.Compiled() {
		c.fast = c.closures
	}
	parsed, err := gojq.Parse(source)
	if err != nil {
		return nil, err
	}
	c.assigns, c.recordFields = assigns(parsed), recordFields(parsed, nil)
	return c, nil
}

// Input is one record's value for a condition.
type Input struct {
	Record *fetch.Record // for the variables; may be nil
	Value  []byte        // nil: null
	Fields [][]byte      // if JSON: the results of the Fields given to Compile
	JSON   bool          // Value is one well-formed JSON value

	evaluator *jq.Evaluator // of its goroutine
}

// Match reports whether any result of the condition is neither false nor null.
// After an error, such as .a.b where .a is a number, it does not hold. A value that is
// not JSON is a string to the condition.
func (c *Condition) Match(in *Input) bool {
	if c.fast != nil && in.JSON && in.Value != nil {
		switch c.fast(in) {
		case isTrue:
			return true
		case isFalse:
			return false
		}
	}
	return c.slow(in)
}

// answer is the result of a condition by its closures.
type answer uint8

const (
	isFalse answer = iota
	isTrue
	unsure // gojq has to evaluate it
)

func (c *Condition) closures(in *Input) answer {
	holds, sure := c.expr.Matches(in.prepare(true))
	switch {
	case !sure:
		return unsure
	case holds:
		return isTrue
	}
	return isFalse
}

func (c *Condition) slow(in *Input) bool { return c.expr.Interpreted(in.prepare(in.JSON)) }

// prepare returns an evaluator with the record's value, which is a string if it is not
// JSON.
func (in *Input) prepare(isJSON bool) *jq.Evaluator {
	e := in.evaluator
	if e == nil {
		e = &jq.Evaluator{}
		in.evaluator = e
	}
	e.Source = in
	if isJSON {
		e.SetRecord(jq.JSON(in.Value), in.Fields)
	} else {
		e.SetRecord(jq.Text(in.Value), in.Fields)
	}
	return e
}
