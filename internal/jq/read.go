package jq

import (
	"math"
	"strings"

	"github.com/itchyny/gojq"
)

// Type returns the name of the value's type, as jq's function type has it.
func (v Value) Type() string {
	switch v.kind {
	case kindNull:
		return "null"
	case kindFalse, kindTrue:
		return "boolean"
	case kindNumber:
		return "number"
	case kindString:
		return "string"
	case kindArray:
		return "array"
	case kindObject:
		return "object"
	}
	return "unknown"
}

// IsNull reports whether v is null.
func (v Value) IsNull() bool { return v.kind == kindNull }

// Number returns a number as a float64. It reports false for other types, and for numbers
// that no float64 is near.
func (v Value) Number() (float64, bool) {
	if v.kind != kindNumber {
		return 0, false
	}
	if x, ok := v.number(); ok {
		return x.float(), true
	}
	f, ok := gojq.ToFloat64(v.native())
	return f, ok && !math.IsInf(f, 0) && !math.IsNaN(f)
}

// Whole returns a number as a whole one, rounded down. It reports false for other types,
// and for numbers that no int64 holds.
func (v Value) Whole() (int64, bool) {
	if v.kind != kindNumber {
		return 0, false
	}
	if x, ok := v.number(); ok && x.whole {
		return x.n, true
	}
	f, ok := v.Number()
	if f = math.Floor(f); !ok || f < -1<<63 || f >= 1<<63 {
		return 0, false
	}
	return int64(f), true
}

// AppendText appends a string without quotes, a number's text, true or false. It reports
// false, and appends nothing, for other types.
func (v Value) AppendText(dst []byte) ([]byte, bool) {
	if v.kind == kindNull || v.kind >= kindArray {
		return dst, false
	}
	return v.appendText(dst), true
}

// Scalar reports whether the expression has exactly one result, or an error.
func (x *Expr) Scalar() bool { return x.test != nil }

// Constant returns the value of an expression that is nothing but a literal.
func (x *Expr) Constant() (Value, bool) {
	if x.constant == nil {
		return Value{}, false
	}
	return *x.constant, true
}

// Reference is a variable that an expression refers to.
type Reference struct {
	Name   string // with its $
	Offset int    // of the name, or of Let, in the expression; -1 if unknown
	Let    string // the definition through which it is used, "" for the expression itself
	Bound  bool   // the expression itself binds a variable of this name
}

// References returns the variables that an expression refers to, each once, also through
// the definitions of the scope that it uses.
func (s *Scope) References(source string) []Reference {
	q, err := gojq.Parse(source)
	if err != nil {
		return nil
	}
	r := references{scope: s, source: source, seen: map[string]bool{}, lets: map[int]bool{}}
	r.collect(q, len(s.lets), "")
	return r.found
}

// Member is a key that an expression takes of a variable, as in $s.key.
type Member struct {
	Variable, Key string
	Offset        int // of the variable, in the expression; -1 if unknown
}

// Members returns the keys that an expression itself takes of variables by name, each
// once. Those of variables that it binds are left out.
func Members(source string) (found []Member) {
	q, err := gojq.Parse(source)
	if err != nil {
		return nil
	}
	bound := boundNames(q)
	seen := map[[2]string]bool{}
	eachTerm(q, func(t *gojq.Term) {
		if t.Type != gojq.TermTypeFunc || t.Func.Name[0] != '$' || bound[t.Func.Name] || len(t.SuffixList) == 0 {
			return
		}
		name := t.Func.Name
		key, ok := Name(t.SuffixList[0].Index)
		if !ok || seen[[2]string{name, key}] {
			return
		}
		seen[[2]string{name, key}] = true
		at := strings.Index(source, name+"."+key)
		if at < 0 {
			at = offsetOf(source, name)
		}
		found = append(found, Member{name, key, at})
	})
	return found
}

// boundNames returns the variables that a query binds.
func boundNames(q *gojq.Query) map[string]bool {
	bound := map[string]bool{}
	eachQuery(q, func(q *gojq.Query) {
		for _, p := range q.Patterns {
			bind(p, bound)
		}
	})
	return bound
}

type references struct {
	scope  *Scope
	source string
	seen   map[string]bool
	lets   map[int]bool
	found  []Reference
}

// collect adds the references of q, which sees the scope's first visible definitions.
func (r *references) collect(q *gojq.Query, visible int, let string) {
	bound := boundNames(q)
	eachTerm(q, func(t *gojq.Term) {
		switch {
		case t.Type == gojq.TermTypeObject:
			for _, kv := range t.Object.KeyVals {
				if kv.Val == nil && kv.KeyString == nil && kv.KeyQuery == nil && kv.Key != "" && kv.Key[0] == '$' {
					r.variable(kv.Key, let, bound)
				}
			}
		case t.Type != gojq.TermTypeFunc:
		case t.Func.Name[0] == '$':
			r.variable(t.Func.Name, let, bound)
		case len(t.Func.Args) == 0:
			r.definition(t.Func.Name, visible, let)
		}
	})
}

func (r *references) definition(name string, visible int, let string) {
	for i := visible - 1; i >= 0; i-- {
		if r.scope.lets[i].Name != name {
			continue
		}
		if !r.lets[i] {
			r.lets[i] = true
			if let == "" {
				let = name
			}
			r.collect(r.scope.lets[i].Body, i, let)
		}
		return
	}
}

func (r *references) variable(name, let string, bound map[string]bool) {
	if r.seen[name] {
		return
	}
	r.seen[name] = true
	at := let
	if at == "" {
		at = name
	}
	r.found = append(r.found, Reference{name, offsetOf(r.source, at), let, bound[name]})
}

// bind adds the variables of a pattern.
func bind(p *gojq.Pattern, names map[string]bool) {
	if p.Name != "" {
		names[p.Name] = true
	}
	for _, a := range p.Array {
		bind(a, names)
	}
	for _, o := range p.Object {
		if o.Key != "" && o.Key[0] == '$' {
			names[o.Key] = true
		}
		if o.Val != nil {
			bind(o.Val, names)
		}
	}
}
