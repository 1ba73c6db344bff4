package jq

import (
	"bytes"
	"cmp"
	"math"

	"github.com/itchyny/gojq"

	"inv/internal/jsonscan"
)

// connect compiles `and` and `or`, which evaluate the right side only if they need it.
func (c *compiler) connect(q *gojq.Query) node {
	l, r := c.one(q.Left), c.one(q.Right)
	if l.one == nil || r.one == nil {
		return node{}
	}
	left, right, or := l.test(), r.test(), q.Op == gojq.OpOr
	return conditional(func(e *Evaluator) answer {
		a := left(e)
		if a < isFailed && (a == isTrue) != or {
			a = right(e)
		}
		if a == isNull {
			return isFalse
		}
		return a
	})
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

func (c *compiler) comparison(q *gojq.Query) node {
	l, r := c.one(q.Left), c.one(q.Right)
	if l.one == nil || r.one == nil {
		return node{}
	}
	left, right, holds := l.one, r.one, comparisons[q.Op]
	leftAbsent, rightAbsent := c.absent.sides(q)
	if l.path != nil && r.constant != nil {
		return conditional(l.path.compared(*r.constant, holds, leftAbsent, rightAbsent))
	}
	if l.path != nil && r.path != nil {
		return conditional(l.path.comparedWith(r.path, holds, leftAbsent, rightAbsent))
	}
	var text []byte // of a constant string
	if r.constant != nil && r.constant.kind == kindString {
		text = r.constant.str()
	}
	isWhole := r.constant != nil && r.constant.kind == kindNumber && r.constant.form == formInt
	return conditional(func(e *Evaluator) answer {
		x := left(e)
		switch {
		case x.kind >= failed:
			return x.truth()
		case text != nil && x.kind == kindString:
			return answerOf(holds[1+bytes.Compare(x.str(), text)])
		case isWhole && x.kind == kindNumber && x.form == formInt:
			return answerOf(holds[1+cmp.Compare(int64(x.bits), int64(r.constant.bits))])
		}
		y := right(e)
		switch {
		case y.kind >= failed:
			return y.truth()
		case leftAbsent && x.kind == kindNull || rightAbsent && y.kind == kindNull:
			return isNull
		}
		order, ok := compare(x, y)
		if !ok || !e.charge(x.text) {
			return isUnsure
		}
		return answerOf(holds[1+order])
	})
}

// conditional compiles if, whose condition must be a scalar.
func (c *compiler) conditional(i *gojq.If) node {
	otherwise := c.dot()
	if i.Else != nil {
		otherwise = c.compile(i.Else)
	}
	for k := len(i.Elif) - 1; k >= 0; k-- {
		otherwise = choose(c.one(i.Elif[k].Cond), c.compile(i.Elif[k].Then), otherwise)
	}
	return choose(c.one(i.Cond), c.compile(i.Then), otherwise)
}

func choose(cond, then, otherwise node) node {
	if cond.one == nil || then.none() || otherwise.none() {
		return node{}
	}
	test := cond.test()
	if then.one != nil && otherwise.one != nil {
		return node{one: branch(test, then.one, otherwise.one, func(_ *Evaluator, a answer) Value { return a.value() })}
	}
	return node{many: branch(test, then.push(), otherwise.push(), func(e *Evaluator, a answer) bool { return e.push(a.value()) })}
}

// branch evaluates yes or no, or other with an answer that is neither.
func branch[T any](test func(*Evaluator) answer, yes, no func(*Evaluator) T, other func(*Evaluator, answer) T) func(*Evaluator) T {
	return func(e *Evaluator) T {
		switch a := test(e); a {
		case isTrue:
			return yes(e)
		case isFalse, isNull:
			return no(e)
		default:
			return other(e, a)
		}
	}
}

// number compiles a literal, which has its value but not its text.
func (c *compiler) number(text string, negative bool) node {
	x, ok := parseNumber([]byte(text))
	if !ok {
		return c.not("a number with many digits")
	}
	switch {
	case x.whole && negative:
		return constant(Int(-x.n))
	case x.whole:
		return constant(Int(x.n))
	case negative:
		return constant(Float(-x.f))
	}
	return constant(Float(x.f))
}

func (c *compiler) unary(u *gojq.Unary) node {
	if u.Op == gojq.OpSub && u.Term.Type == gojq.TermTypeNumber && len(u.Term.SuffixList) == 0 {
		return c.number(u.Term.Number, true)
	}
	n := c.term(u.Term)
	plus := u.Op == gojq.OpAdd
	return n.apply(func(e *Evaluator, v Value) Value {
		switch {
		case v.kind != kindNumber:
			return Value{kind: failed}
		case plus:
			return v
		}
		return negative(e, v)
	})
}

// negative returns -v; the text of a number stays.
func negative(e *Evaluator, v Value) Value {
	switch v.form {
	case formInt:
		if n := int64(v.bits); n != math.MinInt64 {
			return Int(-n)
		}
		return Unknown()
	case formFloat:
		return Float(-math.Float64frombits(v.bits))
	}
	if x, ok := v.number(); !ok || x.float() == 0 {
		return Unknown() // -0 of an input, 0 of a computed number
	}
	if v.text[0] == '-' {
		return Value{kind: kindNumber, text: v.text[1:]}
	}
	start := len(e.buf)
	e.buf = append(append(e.buf, '-'), v.text...)
	return e.composed(kindNumber, start)
}

func (c *compiler) arithmetic(q *gojq.Query) node {
	l, r := c.compile(q.Left), c.one(q.Right)
	if l.none() || r.one == nil {
		return node{}
	}
	right, op := r.one, q.Op
	if l.many != nil {
		left := l.many
		return node{many: func(e *Evaluator) bool {
			y := right(e) // before the left side, as in jq
			if y.kind >= failed {
				return e.push(y)
			}
			start := len(e.stack)
			ok := left(e)
			for i := start; i < len(e.stack); i++ {
				v := operate(e, op, e.stack[i], y)
				if v.kind >= failed {
					e.stack = e.stack[:i]
					return e.push(v)
				}
				e.stack[i] = v
			}
			return ok
		}}
	}
	left := l.one
	return node{one: func(e *Evaluator) Value {
		x := left(e)
		if x.kind >= failed {
			return x
		}
		return operate(e, op, x, right(e))
	}}
}

func operate(e *Evaluator, op gojq.Operator, x, y Value) Value {
	switch {
	case y.kind >= failed:
		return y
	case x.kind == kindNumber && y.kind == kindNumber:
		return calculate(op, x, y)
	case op == gojq.OpAdd:
		return add(e, x, y)
	}
	return Unknown()
}

// calculate computes with numbers as gojq does: whole if all is, else in floats.
// Overflow, division by zero and all that is not finite are left to gojq.
func calculate(op gojq.Operator, l, r Value) Value {
	x, ok := l.number()
	if !ok {
		return Unknown()
	}
	y, ok := r.number()
	if !ok {
		return Unknown()
	}
	if x.whole && y.whole {
		return whole(op, x.n, y.n)
	}
	a, b := x.float(), y.float()
	var f float64
	switch op {
	case gojq.OpAdd:
		f = a + b
	case gojq.OpSub:
		f = a - b
	case gojq.OpMul:
		f = a * b
	case gojq.OpDiv:
		f = a / b
	default:
		if math.Abs(a) >= 1<<62 || math.Abs(b) >= 1<<62 || int64(b) == 0 {
			return Unknown()
		}
		return Int(int64(a) % int64(b))
	}
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return Unknown()
	}
	return Float(f)
}

// exact is the largest whole number up to which all are floats as well, so that it does
// not matter which of them a number is. A float in a composed array or object has lost
// that: 1e3 * 1 is 1000 there.
const exact = 1 << 53

// whole computes with whole numbers; what is not exact as floats is left to gojq.
func whole(op gojq.Operator, x, y int64) Value {
	if x > exact || x < -exact || y > exact || y < -exact {
		return Unknown()
	}
	var v int64
	switch op {
	case gojq.OpAdd:
		v = x + y
	case gojq.OpSub:
		v = x - y
	case gojq.OpMul:
		if v = x * y; y != 0 && v/y != x {
			return Unknown()
		}
	default:
		switch {
		case y == 0:
			return Unknown()
		case op == gojq.OpMod:
			v = x % y
		case x%y == 0:
			v = x / y
		default:
			return Float(float64(x) / float64(y))
		}
	}
	if v > exact || v < -exact {
		return Unknown()
	}
	return Int(v)
}

// computed returns a number without its text, as a sum with null does.
func (v Value) computed() Value {
	if v.kind != kindNumber || v.form != formText {
		return v
	}
	x, ok := v.number()
	switch {
	case !ok:
		return Unknown()
	case x.whole:
		return Int(x.n)
	}
	return Float(x.f)
}

// add is + of what are not two numbers.
func add(e *Evaluator, x, y Value) Value {
	switch {
	case x.kind == kindNull:
		return y.computed()
	case y.kind == kindNull:
		return x.computed()
	case x.kind != y.kind:
		return Value{kind: failed}
	}
	start := len(e.buf)
	switch x.kind {
	case kindString:
		e.buf = append(append(e.buf, x.str()...), y.str()...)
		return e.made(start)
	case kindArray:
		return e.concat(x, y)
	case kindObject:
		return e.merge(x, y)
	}
	return Value{kind: failed}
}

func (e *Evaluator) concat(x, y Value) Value {
	switch {
	case isEmpty(x.text):
		return y
	case isEmpty(y.text):
		return x
	case !e.room(len(x.text) + len(y.text)):
		return Unknown()
	}
	start := len(e.buf)
	e.buf = append(append(e.buf, x.text[:len(x.text)-1]...), ',')
	e.buf = append(e.buf, y.text[1:]...)
	return e.composed(kindArray, start)
}

func isEmpty(text []byte) bool {
	c := jsonscan.Open(text)
	_, ok := c.Element()
	return !ok
}

// maxMerge bounds the search for each key of an object in another one.
const maxMerge = 4 << 20

// merge adds objects: the right one's members count.
func (e *Evaluator) merge(x, y Value) Value {
	switch {
	case isEmpty(x.text):
		return y
	case isEmpty(y.text):
		return x
	case !e.room(len(x.text)+len(y.text)) || len(x.text)*len(y.text) > maxMerge:
		return Unknown()
	}
	start := len(e.buf)
	e.buf = append(e.buf, '{')
	for c := jsonscan.Open(x.text); ; {
		k, v, ok := c.Member()
		if !ok {
			break
		}
		if !e.charge(y.text) {
			return Unknown()
		}
		if jsonscan.Member(y.text, string(jsonscan.Unquote(k))) != nil {
			continue
		}
		e.buf = append(append(append(append(e.buf, k...), ':'), v...), ',')
	}
	e.buf = append(e.buf, y.text[1:]...)
	return e.composed(kindObject, start)
}
