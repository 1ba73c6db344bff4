package query

import (
	"bytes"

	"inv/internal/jsonscan"

	"github.com/itchyny/gojq"
)

// answer is what the fast path makes of a condition.
type answer uint8

const (
	isFalse answer = iota
	isTrue
	isNull // a comparison with an absent field, in views
	unsure // gojq must say
)

// expr is a condition of the fast path.
type expr func(*Input) answer

// kind orders values as jq does.
type kind uint8

const (
	kindNull kind = iota
	kindFalse
	kindTrue
	kindNumber
	kindString
	kindUnsure // lists, objects, numbers that a float64 can't hold: gojq's
)

// value is a scalar of the fast path.
type value struct {
	kind   kind
	number float64
	text   []byte
}

type operand func(*Input) value

type compiler struct {
	fields  *jsonscan.Fields
	dialect Dialect
}

// boolean compiles what is used for its truth; ok is false for anything but the
// common forms.
func (c *compiler) boolean(q *gojq.Query) (expr, bool) {
	if q == nil || len(q.FuncDefs) > 0 || len(q.Imports) > 0 || q.Meta != nil || len(q.Patterns) > 0 {
		return nil, false
	}
	if q.Term != nil {
		return c.booleanTerm(q)
	}
	switch {
	case q.Op == gojq.OpAnd || q.Op == gojq.OpOr:
		left, ok := c.boolean(q.Left)
		right, ok2 := c.boolean(q.Right)
		if !ok || !ok2 {
			return nil, false
		}
		return connect(left, right, q.Op == gojq.OpOr), true
	case isComparison(q.Op):
		return c.comparison(q)
	case q.Op == gojq.OpPipe:
		return c.pipe(q.Left, q.Right)
	}
	return nil, false
}

func (c *compiler) booleanTerm(q *gojq.Query) (expr, bool) {
	t := q.Term
	switch {
	case t.Type == gojq.TermTypeQuery && len(t.SuffixList) == 0:
		return c.boolean(t.Query)
	case t.Type == gojq.TermTypeFunc && t.Func.Name == "select" && len(t.Func.Args) == 1 && len(t.SuffixList) == 0:
		inner, ok := c.boolean(t.Func.Args[0])
		if !ok {
			return nil, false
		}
		return func(in *Input) answer {
			if !isObject(in.Value) {
				return unsure // select(…) gives the value itself, whose truth counts
			}
			return inner(in)
		}, true
	}
	o, ok := c.operand(q)
	if !ok {
		return nil, false
	}
	return func(in *Input) answer {
		switch v := o(in); v.kind {
		case kindUnsure:
			return unsure
		case kindNull:
			return isNull
		case kindFalse:
			return isFalse
		}
		return isTrue
	}, true
}

// connect is `and` and `or`, which look at the right side only if they must.
func connect(left, right expr, or bool) expr {
	return func(in *Input) answer {
		l := left(in)
		if l == unsure || (l == isTrue) == or {
			return asBool(l)
		}
		return asBool(right(in))
	}
}

func asBool(a answer) answer {
	if a == isNull {
		return isFalse
	}
	return a
}

// pipe compiles `… | not` and `PATH | startswith("…")` and their like.
func (c *compiler) pipe(left, right *gojq.Query) (expr, bool) {
	if right.Term == nil || right.Term.Type != gojq.TermTypeFunc || len(right.Term.SuffixList) > 0 {
		return nil, false
	}
	f := right.Term.Func
	if f.Name == "not" && len(f.Args) == 0 {
		inner, ok := c.boolean(left)
		if !ok {
			return nil, false
		}
		return c.negate(inner), true
	}
	if len(f.Args) != 1 {
		return nil, false
	}
	test, ok := stringTest(f.Name)
	if !ok {
		return nil, false
	}
	arg := f.Args[0].Term
	if arg == nil || arg.Type != gojq.TermTypeString || len(arg.Str.Queries) > 0 || len(arg.SuffixList) > 0 {
		return nil, false
	}
	of, ok := c.operand(left)
	if !ok {
		return nil, false
	}
	want := []byte(arg.Str.Str)
	return func(in *Input) answer {
		v := of(in)
		if v.kind != kindString {
			return unsure // an error in jq
		}
		if test(v.text, want) {
			return isTrue
		}
		return isFalse
	}, true
}

func (c *compiler) negate(inner expr) expr {
	null := isTrue
	if c.dialect == AbsentFalse {
		null = isNull
	}
	return func(in *Input) answer {
		switch inner(in) {
		case isTrue:
			return isFalse
		case isFalse:
			return isTrue
		case isNull:
			return null
		}
		return unsure
	}
}

func stringTest(name string) (func(text, want []byte) bool, bool) {
	switch name {
	case "startswith":
		return bytes.HasPrefix, true
	case "endswith":
		return bytes.HasSuffix, true
	case "contains":
		return bytes.Contains, true
	}
	return nil, false
}

func (c *compiler) comparison(q *gojq.Query) (expr, bool) {
	left, ok := c.operand(q.Left)
	right, ok2 := c.operand(q.Right)
	if !ok || !ok2 {
		return nil, false
	}
	absentNull := c.dialect == AbsentFalse && !isNullLiteral(q.Left) && !isNullLiteral(q.Right)
	op := q.Op
	return func(in *Input) answer {
		l, r := left(in), right(in)
		switch {
		case l.kind == kindUnsure || r.kind == kindUnsure:
			return unsure
		case absentNull && (l.kind == kindNull || r.kind == kindNull):
			return isNull
		}
		if holds(op, compare(l, r)) {
			return isTrue
		}
		return isFalse
	}, true
}

func compare(l, r value) int {
	switch {
	case l.kind != r.kind:
		if l.kind < r.kind {
			return -1
		}
		return 1
	case l.kind == kindString:
		return bytes.Compare(l.text, r.text)
	case l.kind == kindNumber && l.number < r.number:
		return -1
	case l.kind == kindNumber && l.number > r.number:
		return 1
	}
	return 0
}

func holds(op gojq.Operator, order int) bool {
	switch op {
	case gojq.OpEq:
		return order == 0
	case gojq.OpNe:
		return order != 0
	case gojq.OpLt:
		return order < 0
	case gojq.OpLe:
		return order <= 0
	case gojq.OpGt:
		return order > 0
	}
	return order >= 0
}

// operand compiles a path, a constant or a variable.
func (c *compiler) operand(q *gojq.Query) (operand, bool) {
	if q == nil || q.Term == nil || len(q.FuncDefs) > 0 {
		return nil, false
	}
	t := q.Term
	if t.Type == gojq.TermTypeIndex {
		return c.path(t)
	}
	if len(t.SuffixList) > 0 {
		if t.Type == gojq.TermTypeFunc && t.Func.Name == "$headers" {
			return headerOperand(t)
		}
		return nil, false
	}
	switch t.Type {
	case gojq.TermTypeQuery:
		return c.operand(t.Query)
	case gojq.TermTypeFunc:
		return variable(t.Func)
	}
	v, ok := constant(t)
	return func(*Input) value { return v }, ok
}

func constant(t *gojq.Term) (value, bool) {
	switch t.Type {
	case gojq.TermTypeNull:
		return value{kind: kindNull}, true
	case gojq.TermTypeTrue:
		return value{kind: kindTrue}, true
	case gojq.TermTypeFalse:
		return value{kind: kindFalse}, true
	case gojq.TermTypeNumber:
		v := numberOf([]byte(t.Number))
		return v, v.kind == kindNumber
	case gojq.TermTypeUnary:
		if t.Unary.Op == gojq.OpSub && t.Unary.Term.Type == gojq.TermTypeNumber && len(t.Unary.Term.SuffixList) == 0 {
			v := numberOf([]byte(t.Unary.Term.Number))
			v.number = -v.number
			return v, v.kind == kindNumber
		}
	case gojq.TermTypeString:
		if len(t.Str.Queries) == 0 {
			return value{kind: kindString, text: []byte(t.Str.Str)}, true
		}
	}
	return value{}, false
}

// name returns the key of a plain .key or .["key"] step.
func name(i *gojq.Index) (string, bool) {
	switch {
	case i == nil || i.IsSlice || i.End != nil:
		return "", false
	case i.Name != "":
		return i.Name, true
	case i.Str != nil && len(i.Str.Queries) == 0:
		return i.Str.Str, true
	case i.Start != nil && i.Start.Term != nil && i.Start.Term.Type == gojq.TermTypeString &&
		len(i.Start.Term.SuffixList) == 0 && len(i.Start.Term.Str.Queries) == 0:
		return i.Start.Term.Str.Str, true
	}
	return "", false
}

// path compiles .a.b.c. A step into something that is neither an object nor
// absent is jq's error, so each must be looked at.
func (c *compiler) path(t *gojq.Term) (operand, bool) {
	first, ok := name(t.Index)
	if !ok {
		return nil, false
	}
	keys := []string{first}
	for _, s := range t.SuffixList {
		key, ok := name(s.Index)
		if !ok || s.Iter || s.Optional {
			return nil, false
		}
		keys = append(keys, key)
	}
	at := make([]int, len(keys))
	for i := range keys {
		at[i] = c.fields.Add(keys[:i+1]...)
	}
	last := at[len(at)-1]
	return func(in *Input) value {
		if !isObject(in.Value) {
			return value{kind: kindUnsure}
		}
		for _, i := range at[:len(at)-1] {
			if step := in.Fields[i]; step != nil && step[0] != '{' {
				if step[0] == 'n' {
					return value{kind: kindNull}
				}
				return value{kind: kindUnsure}
			}
		}
		return scalar(in.Fields[last])
	}, true
}
