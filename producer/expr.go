package producer

import (
	"bytes"
	"slices"
	"strings"

	"inv/internal/scenario"
)

// value is a compiled expression: a number, a text or a test.
type value struct {
	number *numeric // nil: it is not a number
	text   appendFunc
	test   testFunc
	null   testFunc // it is null, and the others have no meaning; nil: never
	cost   int
	timed  bool
}

// drawnNumber is a number that is a function of the rows that pickers draw.
type drawnNumber struct {
	picks []*picker
	num   func(row func(*picker) int) int64
}

// follows reports whether the number depends on no other pickers.
func (d *drawnNumber) follows(picks []*picker) bool {
	return d != nil && !slices.ContainsFunc(d.picks, func(p *picker) bool { return !slices.Contains(picks, p) })
}

// drawnProduct returns the product of two drawn numbers; nil if one is not drawn.
func drawnProduct(l, r *drawnNumber) *drawnNumber {
	if l == nil || r == nil {
		return nil
	}
	return &drawnNumber{slices.Concat(l.picks, r.picks), func(row func(*picker) int) int64 { return l.num(row) * r.num(row) }}
}

// inExpression is where a field is looked up, for problems.
const inExpression = "the expression"

// badExpr records a problem, and returns a value in place of the expression that has
// it, whatever is expected there.
func (b *builder) badExpr(pos scenario.Position, format string, args ...any) *value {
	b.c.problem(pos, format, args...)
	return anyValue()
}

// anyValue fits every operator, so that what has a problem makes no second one.
func anyValue() *value {
	return &value{number: constantNumber(1, 0), test: never, text: literalText("")}
}

// expr compiles an expression; prefix is cut off its paths.
func (b *builder) expr(e *scenario.Expr, pos scenario.Position, prefix string) *value {
	switch {
	case e == nil:
		return &value{number: constantNumber(1, 0)}
	case e.Number != nil:
		return &value{number: constantNumber(e.Number.Units, e.Number.Decimals)}
	case e.Text != nil:
		return &value{text: literalText(*e.Text)}
	case e.Path != "":
		return b.pathValue(e.Path, pos, prefix)
	}
	left, right := b.expr(e.Left, pos, prefix), &value{}
	var out *value
	switch {
	case e.Op == "not":
		if left.test == nil {
			return b.badExpr(pos, "`not` takes a comparison")
		}
		out = &value{test: func(w *worker, f *frame) bool { return !left.test(w, f) }}
	case e.Right == nil:
		if left.number == nil {
			return b.badExpr(pos, "`-` takes a number")
		}
		out = &value{number: left.number.negated()}
	default:
		right = b.expr(e.Right, pos, prefix)
		out = b.operation(e.Op, left, right, pos)
	}
	out.cost, out.timed = min(left.cost+right.cost+1, 1<<40), left.timed || right.timed
	if out.number != nil {
		out.cost = out.number.cost()
	}
	out.null = either(either(left.null, right.null), out.null)
	return out
}

func (b *builder) pathValue(path string, pos scenario.Position, prefix string) *value {
	short, within := strings.CutPrefix(path, prefix)
	at := b
	if prefix != "" && !within {
		at = b.up // a field beside the list
	}
	n, climb := at.lookup(short, pos, inExpression)
	if n == nil {
		return anyValue()
	}
	if at != b {
		climb += b.levels
	}
	if n.text == nil {
		return b.badExpr(pos, "%q is %s; an expression is of plain values", path, kindNames[n.kind])
	}
	if n.unfit {
		return b.badExpr(pos, "%q can't be computed with: it has numbers that are too large or have too many decimals", path)
	}
	n = n.climbed(climb)
	v := &value{text: n.orEmpty(), null: n.missing(), cost: n.cost, timed: n.timed}
	if n.num != nil {
		v.number = fieldNumber(n.num, n.dec, n.limits, n.cost)
		if pick, nums := n.pick, n.nums; pick != nil && nums != nil {
			v.number.top.known = &drawnNumber{[]*picker{pick}, func(row func(*picker) int) int64 { return nums[row(pick)] }}
		}
		b.c.computesTimes = b.c.computesTimes || n.limits == timeLimits()
	}
	switch n.kind {
	case kindBool:
		v.test = func(w *worker, f *frame) bool { return n.num(w, f) != 0 }
	case kindNull:
		v.test = never
	}
	return v
}

func (b *builder) operation(op string, left, right *value, pos scenario.Position) *value {
	switch op {
	case "and", "or":
		if left.test == nil || right.test == nil {
			return b.badExpr(pos, "`%s` combines comparisons", op)
		}
		if op == "and" {
			return &value{test: func(w *worker, f *frame) bool { return left.test(w, f) && right.test(w, f) }}
		}
		return &value{test: func(w *worker, f *frame) bool { return left.test(w, f) || right.test(w, f) }}
	case "+", "-", "*", "/":
		if left.number == nil || right.number == nil {
			return b.badExpr(pos, "`%s` takes numbers", op)
		}
		return b.arithmetic(op, left.number, right.number, pos)
	}
	if left.number != nil && right.number != nil {
		return &value{test: comparison(op, left.number.compare(right.number))}
	}
	if left.text == nil || right.text == nil {
		return b.badExpr(pos, "`%s` compares two numbers or two texts", op)
	}
	return &value{test: comparison(op, func(w *worker, f *frame) int {
		// Computing a text may compare other texts, so each comparison has a buffer.
		buf := left.text(w, f, w.takeText())
		middle := len(buf)
		buf = right.text(w, f, buf)
		order := bytes.Compare(buf[:middle], buf[middle:])
		w.giveText(buf)
		return order
	})}
}

// comparison returns the test that compare's result, -1, 0 or 1, satisfies op.
func comparison(op string, compare func(w *worker, f *frame) int) testFunc {
	holds := map[string][3]bool{
		"<": {true, false, false}, "<=": {true, true, false}, "==": {false, true, false},
		"!=": {true, false, true}, ">=": {false, true, true}, ">": {false, false, true},
	}[op]
	return func(w *worker, f *frame) bool { return holds[compare(w, f)+1] }
}

// maxOperands bounds the operands of an expression: a common denominator repeats those
// of the quotients that it is for.
const maxOperands = 10_000

func (b *builder) arithmetic(op string, left, right *numeric, pos scenario.Position) *value {
	out := &value{}
	switch op {
	case "+":
		out.number = left.plus(right)
	case "-":
		out.number = left.minus(right)
	case "*":
		out.number = left.times(right)
	default:
		if right.span.hasZero() && right.span.single() {
			return b.badExpr(pos, "the divisor is always 0")
		}
		if out.number = left.over(right); right.span.hasZero() {
			out.null = right.top.isZero()
		}
	}
	if out.number.size() > maxOperands {
		return b.badExpr(pos, "the expression has too many quotients within others; compute some of them in fields of their own")
	}
	return out
}

// result compiles a number that an expression computes, with this number of decimals,
// or those that it has if decimals is negative: a problem if it can't be held.
func (b *builder) result(what string, x *numeric, decimals int, pos scenario.Position) *node {
	switch {
	case decimals >= 0:
	case x.bottom != nil:
		return b.fail(pos, "%s: a quotient is rounded; write to how many decimals, such as `decimals: 2`", what)
	case x.dec > maxSmallDecimals:
		return b.fail(pos, "%s: the result has %d decimals; write to how many it is rounded, such as `decimals: 2`", what, x.dec)
	default:
		decimals = x.dec
	}
	l, ok := x.limits(decimals)
	if !ok {
		return b.fail(pos, "%s: the result can be as large as %s, but at most %s can be held with %d decimals; choose smaller operands, or fewer decimals with `decimals:`",
			what, short(x.span.largest()), appendDecimal(nil, 1<<63-1, decimals), decimals)
	}
	return number(decimals, l, x.rounded(decimals))
}
