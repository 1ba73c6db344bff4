package jq

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/itchyny/gojq"
)

// Options are how an expression is understood.
type Options struct {
	// Absent is for views and topologies: neither a comparison with an absent field nor
	// its negation holds. Otherwise null sorts before all numbers, as in jq.
	Absent bool
	// Plain are variables that comparisons are jq's for, even so.
	Plain []string
	// Strict refuses all that is not a function of the values, or may not end, and
	// bounds the evaluation. The zero Budget then is the default.
	Strict bool
	Budget Budget
	// Updates allows strict expressions to change their value, by =, |= and del, at paths
	// of names and [].
	Updates bool
}

// Budget bounds one evaluation by either engine.
type Budget struct {
	Steps int // results of streams, and instructions of gojq
	Bytes int // text that is made, and the size of any value
}

// defaultBudget bounds expressions that are strict.
var defaultBudget = Budget{Steps: 200_000, Bytes: 1 << 20}

// closureBytes is what the closures of an expression that is not strict may make, before
// it is left to gojq.
const closureBytes = 64 << 20

// Expr is a compiled expression. It is safe for concurrent use.
type Expr struct {
	source string
	scope  *Scope
	strict bool
	budget Budget

	push   stream    // nil: gojq evaluates it
	test   condition // if it is a scalar
	reason string

	constant *Value // of an expression that is nothing but that

	code *gojq.Code
	uses []bool // the variables that it may use
}

// Compile compiles an expression. The error is an *Error.
func (s *Scope) Compile(source string, o Options) (*Expr, error) {
	if strings.TrimSpace(source) == "" {
		return nil, &Error{source, -1, errEmpty}
	}
	parsed, err := gojq.Parse(source)
	if err != nil {
		return nil, syntaxError(source, err)
	}
	if isEmptyQuery(parsed) {
		return nil, &Error{source, -1, errEmpty}
	}
	x := &Expr{source: source, scope: s, strict: o.Strict, budget: Budget{Bytes: closureBytes}}
	if o.Strict {
		if err := s.allow(source, parsed, o); err != nil {
			return nil, err
		}
		if x.budget = o.Budget; x.budget == (Budget{}) {
			x.budget = defaultBudget
		}
	}
	c := &compiler{scope: s, atRoot: true, visible: len(s.lets)}
	if o.Absent {
		c.absent = &absence{o.Plain}
	}
	if n := c.compile(parsed); n.none() {
		x.reason = c.reason
	} else {
		x.push = n.push()
		if n.one != nil {
			x.test, x.constant = n.test(), n.constant
		}
	}
	return x, x.forGojq(parsed, c.absent)
}

var errEmpty = errors.New("an empty expression")

// isEmptyQuery reports whether a query is a comment, or nothing but definitions.
func isEmptyQuery(q *gojq.Query) bool { return q.Term == nil && q.Op == 0 }

// forGojq compiles the expression for gojq.
func (x *Expr) forGojq(parsed *gojq.Query, absent *absence) error {
	definitions := x.scope.definitions(parsed)
	text := definitions + x.source
	for _, name := range x.scope.names {
		x.uses = append(x.uses, strings.Contains(text, name))
	}
	var err error
	if definitions != "" {
		if parsed, err = gojq.Parse(text); err != nil {
			return syntaxError(x.source, err)
		}
	}
	if absent != nil {
		absent.rewrite(parsed)
		if parsed, err = gojq.Parse(absentNot + parsed.String()); err != nil {
			return &Error{x.source, -1, fmt.Errorf("an expression too unusual for a view: %w", err)}
		}
	}
	options, names := Functions(), x.scope.names
	if x.strict {
		options, names = append(options, guard(parsed)...), append(slices.Clone(names), meterName)
	}
	options = append(options, gojq.WithVariables(names))
	if x.code, err = gojq.Compile(parsed, options...); err != nil {
		return x.scope.compileError(x.source, err)
	}
	return nil
}

// Compiled reports whether the expression has closures.
func (x *Expr) Compiled() bool { return x.push != nil }

// Reason returns what in the expression has no closures, or "".
func (x *Expr) Reason() string { return x.reason }

// Eval returns all results of the expression. They are valid until the next evaluation by
// the evaluator. After an error, which is an *EvalError, they are those before it.
func (x *Expr) Eval(e *Evaluator) ([]Value, error) {
	e.begin(x)
	if x.push != nil {
		if x.push(e) {
			return e.stack, nil
		}
		if e.spent && x.strict {
			return nil, &EvalError{x.source, ErrBudget}
		}
	}
	return x.interpret(e)
}

// Matches reports whether a result of the expression is neither false nor null. It
// reports unsure if only gojq knows.
func (x *Expr) Matches(e *Evaluator) (holds, sure bool) {
	if x.push == nil {
		return false, false
	}
	e.begin(x)
	if x.test != nil {
		a := x.test(e)
		return a == isTrue, a < isFailed
	}
	if !x.push(e) {
		return false, false
	}
	for _, v := range e.stack {
		if v.Truthy() {
			return true, true
		}
	}
	return false, true
}

// Interpreted reports the same by gojq. After an error it does not hold.
func (x *Expr) Interpreted(e *Evaluator) bool {
	e.begin(x)
	for iter := x.run(e); ; {
		v, ok := iter.Next()
		if _, failed := v.(error); failed || !ok {
			return false
		}
		if v != nil && v != false {
			return true
		}
	}
}
