package query

import (
	"bytes"
	"cmp"

	"inv/internal/jsonscan"

	"github.com/itchyny/gojq"
)

// answer is the result of a condition on the fast path.
type answer uint8

const (
	isFalse answer = iota
	isTrue
	isNull // a comparison with an absent field, in views
	unsure // gojq has to evaluate it
)

func answerOf(holds bool) answer {
	if holds {
		return isTrue
	}
	return isFalse
}

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
	kindUnsure // arrays, objects, numbers that a float64 can't hold: left to gojq
)

// value is a scalar; the zero value is null.
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

// boolean compiles a condition, nil for all but the common forms.
func (c *compiler) boolean(q *gojq.Query) expr {
	if q == nil || len(q.FuncDefs) > 0 || len(q.Imports) > 0 || q.Meta != nil || len(q.Patterns) > 0 {
		return nil
	}
	switch {
	case q.Term != nil:
		return c.booleanTerm(q)
	case q.Op == gojq.OpAnd || q.Op == gojq.OpOr:
		if left, right := c.boolean(q.Left), c.boolean(q.Right); left != nil && right != nil {
			return connect(left, right, q.Op == gojq.OpOr)
		}
	case isComparison(q.Op):
		return c.comparison(q)
	case q.Op == gojq.OpPipe:
		return c.pipe(q.Left, q.Right)
	}
	return nil
}

func (c *compiler) booleanTerm(q *gojq.Query) expr {
	t := q.Term
	switch {
	case t.Type == gojq.TermTypeQuery && len(t.SuffixList) == 0:
		return c.boolean(t.Query)
	case t.Type == gojq.TermTypeFunc && t.Func.Name == "select" && len(t.Func.Args) == 1 && len(t.SuffixList) == 0:
		inner := c.boolean(t.Func.Args[0])
		if inner == nil {
			return nil
		}
		return func(in *Input) answer {
			if !jsonscan.IsObject(in.Value) {
				return unsure // select(…) yields the value itself, which may be false
			}
			return inner(in)
		}
	}
	of := c.operand(q)
	if of == nil {
		return nil
	}
	return func(in *Input) answer {
		switch v := of(in); v.kind {
		case kindUnsure:
			return unsure
		case kindNull:
			return isNull
		case kindFalse:
			return isFalse
		}
		return isTrue
	}
}

// connect is `and` and `or`, which evaluate the right side only if they need it.
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

// pipe compiles `… | not`, `PATH | startswith("…")` and the like.
func (c *compiler) pipe(left, right *gojq.Query) expr {
	if right.Term == nil || right.Term.Type != gojq.TermTypeFunc || len(right.Term.SuffixList) > 0 {
		return nil
	}
	f := right.Term.Func
	if f.Name == "not" && len(f.Args) == 0 {
		return c.negate(c.boolean(left))
	}
	test := stringTests[f.Name]
	if test == nil || len(f.Args) != 1 {
		return nil
	}
	text, ok := literal(f.Args[0].Term)
	of := c.operand(left)
	if !ok || of == nil {
		return nil
	}
	want := []byte(text)
	return func(in *Input) answer {
		v := of(in)
		if v.kind != kindString {
			return unsure // an error in jq
		}
		return answerOf(test(v.text, want))
	}
}

func (c *compiler) negate(inner expr) expr {
	if inner == nil {
		return nil
	}
	return func(in *Input) answer {
		a := inner(in)
		if a == unsure || a == isNull && c.dialect == AbsentFalse {
			return a
		}
		return answerOf(a != isTrue)
	}
}

// stringTests are jq's tests of a string.
var stringTests = map[string]func(text, want []byte) bool{
	"startswith": bytes.HasPrefix,
	"endswith":   bytes.HasSuffix,
	"contains":   bytes.Contains,
}

// comparisons are the results of jq's comparisons for less, equal and greater.
var comparisons = map[gojq.Operator][3]bool{
	gojq.OpEq: {false, true, false},
	gojq.OpNe: {true, false, true},
	gojq.OpLt: {true, false, false},
	gojq.OpLe: {true, true, false},
	gojq.OpGt: {false, false, true},
	gojq.OpGe: {false, true, true},
}

func isComparison(op gojq.Operator) bool {
	_, ok := comparisons[op]
	return ok
}

func (c *compiler) comparison(q *gojq.Query) expr {
	left, right := c.operand(q.Left), c.operand(q.Right)
	if left == nil || right == nil {
		return nil
	}
	absentNull := c.dialect == AbsentFalse && !isNullLiteral(q.Left) && !isNullLiteral(q.Right)
	holds := comparisons[q.Op]
	return func(in *Input) answer {
		l, r := left(in), right(in)
		switch {
		case l.kind == kindUnsure || r.kind == kindUnsure:
			return unsure
		case absentNull && (l.kind == kindNull || r.kind == kindNull):
			return isNull
		}
		return answerOf(holds[1+compare(l, r)])
	}
}

func compare(l, r value) int {
	return cmp.Or(cmp.Compare(l.kind, r.kind), cmp.Compare(l.number, r.number), bytes.Compare(l.text, r.text))
}

// operand compiles a path, a constant or a variable, nil for anything else.
func (c *compiler) operand(q *gojq.Query) operand {
	if q == nil || q.Term == nil || len(q.FuncDefs) > 0 {
		return nil
	}
	t := q.Term
	switch {
	case t.Type == gojq.TermTypeIndex:
		return c.path(t)
	case t.Type == gojq.TermTypeFunc && t.Func.Name == "$headers":
		return headerOperand(t)
	case len(t.SuffixList) > 0:
		return nil
	case t.Type == gojq.TermTypeQuery:
		return c.operand(t.Query)
	case t.Type == gojq.TermTypeFunc:
		return variable(t.Func)
	}
	v := constant(t)
	if v.kind == kindUnsure {
		return nil
	}
	return func(*Input) value { return v }
}

func constant(t *gojq.Term) value {
	switch t.Type {
	case gojq.TermTypeNull:
		return value{}
	case gojq.TermTypeTrue:
		return value{kind: kindTrue}
	case gojq.TermTypeFalse:
		return value{kind: kindFalse}
	case gojq.TermTypeNumber:
		return numberOf([]byte(t.Number))
	case gojq.TermTypeUnary:
		if t.Unary.Op == gojq.OpSub && t.Unary.Term.Type == gojq.TermTypeNumber && len(t.Unary.Term.SuffixList) == 0 {
			v := numberOf([]byte(t.Unary.Term.Number))
			v.number = -v.number
			return v
		}
	}
	if text, ok := literal(t); ok {
		return value{kind: kindString, text: []byte(text)}
	}
	return value{kind: kindUnsure}
}

// literal returns a string without interpolation.
func literal(t *gojq.Term) (string, bool) {
	if t == nil || t.Type != gojq.TermTypeString || len(t.SuffixList) > 0 || len(t.Str.Queries) > 0 {
		return "", false
	}
	return t.Str.Str, true
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
	case i.Start != nil:
		return literal(i.Start.Term)
	}
	return "", false
}

// path compiles .a.b.c. A step into a value that is not an object is an error in jq,
// unless it is absent or null, so each step is checked.
func (c *compiler) path(t *gojq.Term) operand {
	first, ok := name(t.Index)
	if !ok {
		return nil
	}
	keys := []string{first}
	for _, s := range t.SuffixList {
		key, ok := name(s.Index)
		if !ok || s.Iter || s.Optional {
			return nil
		}
		keys = append(keys, key)
	}
	at := make([]int, len(keys))
	for i := range keys {
		at[i] = c.fields.Add(keys[:i+1]...)
	}
	last := at[len(at)-1]
	return func(in *Input) value {
		if !jsonscan.IsObject(in.Value) {
			return value{kind: kindUnsure}
		}
		for _, i := range at[:len(at)-1] {
			if step := in.Fields[i]; step != nil && step[0] != '{' {
				if step[0] == 'n' {
					return value{}
				}
				return value{kind: kindUnsure}
			}
		}
		return scalar(in.Fields[last])
	}
}
