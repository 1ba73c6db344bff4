package jq

import (
	"context"
	"time"

	"github.com/itchyny/gojq"
)

// run starts gojq on the values of an evaluator.
func (x *Expr) run(e *Evaluator) gojq.Iter {
	vars := make([]any, len(x.scope.names))
	for i := range vars {
		switch {
		case !x.uses[i]:
		case x.scope.slots[i+1].fields != nil:
			vars[i] = e.slots[i+1].value.native()
		case e.Source != nil:
			vars[i] = e.Source.Native(i + 1)
		}
	}
	record := e.slots[0].value.native()
	if !x.strict {
		return x.code.Run(record, vars...)
	}
	m := &meter{left: x.budget.Steps, bytes: x.budget.Bytes}
	return x.code.RunWithContext(m, record, append(vars, m)...)
}

// interpret evaluates the expression with gojq.
func (x *Expr) interpret(e *Evaluator) ([]Value, error) {
	e.begin(x)
	for iter := x.run(e); ; {
		v, ok := iter.Next()
		if !ok {
			return e.stack, nil
		}
		if err, failed := v.(error); failed {
			return e.stack, &EvalError{x.source, err}
		}
		if x.strict && !within(v, x.budget.Bytes) {
			return e.stack, &EvalError{x.source, ErrBudget}
		}
		text, err := gojq.Marshal(v)
		if err != nil {
			return e.stack, &EvalError{x.source, err}
		}
		if !e.push(fromText(text)) {
			return e.stack, &EvalError{x.source, ErrBudget}
		}
	}
}

// meter is a context that ends after a number of gojq's instructions, since gojq looks at
// its context before each of them. It bounds an evaluation by the same place every time,
// unlike a clock. It is for one evaluation.
type meter struct {
	left  int
	bytes int // the size of any value
	done  chan struct{}
}

func (m *meter) Done() <-chan struct{} {
	if m.left--; m.left <= 0 && m.done == nil {
		m.done = make(chan struct{})
		close(m.done)
	}
	return m.done
}

func (m *meter) Err() error {
	if m.done == nil {
		return nil
	}
	return ErrBudget
}

func (m *meter) Deadline() (time.Time, bool) { return time.Time{}, false }

func (m *meter) Value(any) any { return nil }

var _ context.Context = (*meter)(nil)

// charge counts the steps of looking at a value, and reports false if it is too large.
func (m *meter) charge(v any) bool {
	left := spend(v, m.bytes)
	m.left -= (m.bytes - left) / bytesPerStep
	return left >= 0
}

// The names that guard puts into expressions. No identifier of a strict expression begins
// so.
const (
	boundName = "__bound"
	pairName  = "__pair"  // of the sides of a comparison
	timesName = "__times" // of the sides of a product
	meterName = "$__meter"
)

// guard rewrites a query so that no value in it can be larger than the budget, and what
// takes long because values are large counts as many steps: one instruction of gojq can
// make a string of gigabytes, double a value, or compare two of them. The meter of the
// evaluation is a variable, which only the functions of the guard get to see.
func guard(q *gojq.Query) []gojq.CompilerOption {
	eachQuery(q, func(q *gojq.Query) {
		definitions := q.FuncDefs
		defer func() { q.FuncDefs = definitions }()
		q.FuncDefs = nil
		switch {
		case q.Op == gojq.OpMul, isComparison(q.Op):
			name := pairName
			if q.Op == gojq.OpMul {
				name = timesName
			}
			operation := &gojq.Query{Left: elementOf("0"), Op: q.Op, Right: elementOf("1")}
			*q = *pipe(pipe(call(name, q.Left, q.Right, meterQuery()), operation), bound())
		case q.Op == gojq.OpAdd, q.Op == gojq.OpSub, q.Op == gojq.OpDiv, q.Term != nil && grows(q.Term):
			before := *q
			*q = *pipe(&before, bound())
			if before.Term != nil && before.Term.Type == gojq.TermTypeFunc {
				*q = *pipe(bound(), q.Term.Query)
			}
		}
	})
	return []gojq.CompilerOption{
		gojq.WithFunction(boundName, 1, 1, func(v any, args []any) any {
			if m, ok := args[0].(*meter); !ok || !m.charge(v) {
				return ErrBudget
			}
			return v
		}),
		gojq.WithFunction(pairName, 3, 3, func(_ any, args []any) any { return sides(args, false) }),
		gojq.WithFunction(timesName, 3, 3, func(_ any, args []any) any { return sides(args, true) }),
	}
}

// sides returns the two sides of an operation, unless they are too large for it.
func sides(args []any, product bool) any {
	l, r := args[0], args[1]
	m, ok := args[2].(*meter)
	switch {
	case !ok || !m.charge(l) || !m.charge(r), product && !(smallProduct(l, r, m.bytes) && smallProduct(r, l, m.bytes)):
		return ErrBudget
	}
	return []any{l, r}
}

func meterQuery() *gojq.Query { return call(meterName) }

func bound() *gojq.Query { return call(boundName, meterQuery()) }

func elementOf(i string) *gojq.Query {
	at := &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeNumber, Number: i}}
	return &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeIndex, Index: &gojq.Index{Start: at}}}
}

func call(name string, args ...*gojq.Query) *gojq.Query {
	return &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeFunc, Func: &gojq.Func{Name: name, Args: args}}}
}

func pipe(l, r *gojq.Query) *gojq.Query {
	return &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeQuery, Query: &gojq.Query{Left: l, Op: gojq.OpPipe, Right: r}}}
}

// grows reports whether a term can be larger than what it is made from.
func grows(t *gojq.Term) bool {
	switch t.Type {
	case gojq.TermTypeArray, gojq.TermTypeObject, gojq.TermTypeFormat:
		return true
	case gojq.TermTypeString:
		return len(t.Str.Queries) > 0
	case gojq.TermTypeFunc:
		return t.Func.Name[0] != '$'
	}
	return false
}

func smallProduct(text, times any, limit int) bool {
	s, ok := text.(string)
	n, number := gojq.ToFloat64(times)
	return !ok || !number || n*float64(len(s)) <= float64(limit)
}

// within reports whether a value has at most size bytes of text, and half as many parts.
func within(v any, size int) bool { return spend(v, size) >= 0 }

func spend(v any, left int) int {
	switch v := v.(type) {
	case string:
		return left - len(v) - 2
	case []any:
		for i := 0; i < len(v) && left >= 0; i++ {
			left = spend(v[i], left-1)
		}
	case map[string]any:
		for k, x := range v {
			if left < 0 {
				break
			}
			left = spend(x, left-len(k)-2)
		}
	case interface{ BitLen() int }:
		return left - v.BitLen()/3
	}
	return left - 2
}
