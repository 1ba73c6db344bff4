package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"inv/internal/jq"

	"github.com/itchyny/gojq"
)

// pair is an expression in both engines.
type pair struct {
	sample
	closures *jq.Expr
	code     *gojq.Code
}

// compile compiles the expressions of a topology for both engines, in a scope for each
// kind of record.
func compile(t *topology, o jq.Options) ([]pair, error) {
	scopes := map[string]*jq.Scope{}
	definitions := ""
	for _, let := range t.lets {
		definitions += fmt.Sprintf("def %s: (%s\n); ", let[0], let[1])
	}
	var out []pair
	for _, s := range t.samples {
		scope := scopes[s.of]
		if scope == nil {
			scope = jq.NewScope(nil)
			for _, name := range names {
				scope.Variable(name)
			}
			for _, let := range t.lets {
				if err := scope.Define(let[0], let[1], o); err != nil {
					return nil, fmt.Errorf("%s, %s: %w", t.name, let[0], err)
				}
			}
			scopes[s.of] = scope
		}
		x, err := scope.Compile(s.source, o)
		if err != nil {
			return nil, fmt.Errorf("%s, %s: %w", t.name, s.place, err)
		}
		q, err := gojq.Parse(definitions + s.source)
		if err != nil {
			return nil, err
		}
		code, err := gojq.Compile(q, append(jq.Functions(), gojq.WithVariables(names))...)
		if err != nil {
			return nil, err
		}
		out = append(out, pair{s, x, code})
	}
	return out, nil
}

// input is a record with the variables, as text and decoded.
type input struct {
	record    []byte
	variables [][]byte
}

func newInput(m *maker, of string) input {
	in := input{record: []byte(m.record(of))}
	for _, v := range m.variables() {
		in.variables = append(in.variables, []byte(v))
	}
	return in
}

// decode decodes all for gojq.
func (in *input) decode() (record any, variables []any) {
	variables = make([]any, len(in.variables))
	for i, v := range in.variables {
		variables[i] = decode(v)
	}
	return decode(in.record), variables
}

func decode(text []byte) any {
	var v any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil
	}
	return v
}

// set gives all to an evaluator.
func (in *input) set(e *jq.Evaluator) {
	e.SetRecord(jq.JSON(in.record), nil)
	for i, v := range in.variables {
		e.Set(i+1, jq.JSON(v))
	}
}

// interpret evaluates an expression with gojq, and appends its results.
func interpret(dst []byte, code *gojq.Code, record any, variables []any) ([]byte, error) {
	for iter := code.Run(record, variables...); ; {
		v, ok := iter.Next()
		if !ok {
			return dst, nil
		}
		if err, failed := v.(error); failed {
			return dst, err
		}
		text, err := gojq.Marshal(v)
		if err != nil {
			return dst, err
		}
		dst = append(append(dst, text...), '\n')
	}
}

// evaluate evaluates an expression with closures, and appends its results.
func evaluate(dst []byte, x *jq.Expr, e *jq.Evaluator) ([]byte, error) {
	values, err := x.Eval(e)
	for _, v := range values {
		dst = append(v.AppendJSON(dst), '\n')
	}
	return dst, err
}
