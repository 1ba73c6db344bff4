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
	return x.code.RunWithContext(&meter{left: x.budget.Steps}, record, vars...)
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
	left int
	done chan struct{}
}

func (m *meter) Done() <-chan struct{} {
	if m.left--; m.left == 0 {
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

// The names of the functions that guard puts into expressions. No identifier of an
// expression that is strict begins so.
const (
	boundName = "__bound"
	pairName  = "__pair"
)

// guard rewrites a query so that no value in it can be larger than the budget: one
// instruction of gojq can make a string of gigabytes, or double a value.
func (x *Expr) guard(q *gojq.Query) []gojq.CompilerOption {
	eachQuery(q, func(q *gojq.Query) {
		switch {
		case q.Op == gojq.OpMul:
			pair := call(pairName, q.Left, q.Right)
			at := func(i string) *gojq.Query {
				return &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeIndex, Index: &gojq.Index{Start: &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeNumber, Number: i}}}}}
			}
			product := &gojq.Query{Left: at("0"), Op: gojq.OpMul, Right: at("1")}
			*q = *pipe(pipe(pair, product), call(boundName))
		case q.Op == gojq.OpAdd, q.Op == gojq.OpDiv, q.Term != nil && grows(q.Term):
			before := *q
			*q = *pipe(&before, call(boundName))
		}
	})
	limit := x.budget.Bytes
	return []gojq.CompilerOption{
		gojq.WithFunction(boundName, 0, 0, func(v any, _ []any) any {
			if !within(v, limit) {
				return ErrBudget
			}
			return v
		}),
		gojq.WithFunction(pairName, 2, 2, func(_ any, args []any) any {
			if !smallProduct(args[0], args[1], limit) || !smallProduct(args[1], args[0], limit) {
				return ErrBudget
			}
			return []any{args[0], args[1]}
		}),
	}
}

func call(name string, args ...*gojq.Query) *gojq.Query {
	return &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeFunc, Func: &gojq.Func{Name: name, Args: args}}}
}

func pipe(l, r *gojq.Query) *gojq.Query {
	group := &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeQuery, Query: &gojq.Query{Left: l, Op: gojq.OpPipe, Right: r}}}
	return group
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
