package producer

import (
	"bytes"
	"cmp"
	"math/bits"
	"slices"
	"strings"

	"inv/internal/scenario"
)

// maxExprDecimals bounds the decimals of a product.
const maxExprDecimals = 9

// value is a compiled expression: a number, a text or a test.
type value struct {
	num   numFunc
	dec   int
	text  appendFunc
	test  testFunc
	known *drawnNumber // num, if it follows from draws alone; otherwise nil
	cost  int
	timed bool
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

// badExpr records a problem, and returns a value in place of the expression that has
// it, whatever is expected there.
func (b *builder) badExpr(pos scenario.Position, format string, args ...any) *value {
	b.c.problem(pos, format, args...)
	return &value{num: zero, test: never}
}

// expr compiles an expression; prefix is cut off its paths.
func (b *builder) expr(e *scenario.Expr, pos scenario.Position, prefix string) *value {
	switch {
	case e == nil:
		return &value{num: zero}
	case e.Number != nil:
		units := e.Number.Units
		return &value{num: func(*worker, *frame) int64 { return units }, dec: e.Number.Decimals,
			known: &drawnNumber{num: func(func(*picker) int) int64 { return units }}}
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
		if left.num == nil {
			return b.badExpr(pos, "`-` takes a number")
		}
		out = &value{num: func(w *worker, f *frame) int64 { return -left.num(w, f) }, dec: left.dec}
	default:
		right = b.expr(e.Right, pos, prefix)
		out = b.operation(e.Op, left, right, pos)
	}
	out.cost, out.timed = left.cost+right.cost+1, left.timed || right.timed
	return out
}

func (b *builder) pathValue(path string, pos scenario.Position, prefix string) *value {
	short, within := strings.CutPrefix(path, prefix)
	at := b
	if prefix != "" && !within {
		at = b.up // a field beside the list
	}
	n, climb := at.lookup(short, pos, "the expression")
	if n == nil {
		return &value{num: zero}
	}
	if at != b {
		climb += b.levels
	}
	if n.text == nil {
		return b.badExpr(pos, "%q is %s; an expression is of plain values", path, kindNames[n.kind])
	}
	n = n.climbed(climb)
	v := &value{num: n.num, dec: n.dec, text: n.orEmpty(), cost: n.cost, timed: n.timed}
	if pick, nums := n.pick, n.nums; pick != nil && nums != nil {
		v.known = &drawnNumber{[]*picker{pick}, func(row func(*picker) int) int64 { return nums[row(pick)] }}
	}
	if n.kind == kindBool {
		v.test = func(w *worker, f *frame) bool { return n.num(w, f) != 0 }
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
		if left.num == nil || right.num == nil {
			return b.badExpr(pos, "`%s` takes numbers", op)
		}
		return arithmetic(op, left, right)
	}
	if left.num != nil && right.num != nil {
		dec := max(left.dec, right.dec)
		l, r := left.scaled(dec), right.scaled(dec)
		return &value{test: comparison(op, func(w *worker, f *frame) int { return cmp.Compare(l(w, f), r(w, f)) })}
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

func arithmetic(op string, left, right *value) *value {
	dec := max(left.dec, right.dec)
	l, r := left.scaled(dec), right.scaled(dec)
	switch op {
	case "+":
		return &value{dec: dec, num: func(w *worker, f *frame) int64 { return l(w, f) + r(w, f) }}
	case "-":
		return &value{dec: dec, num: func(w *worker, f *frame) int64 { return l(w, f) - r(w, f) }}
	case "/":
		// A quotient has six decimals.
		const decimals, unit = 6, 1e6
		return &value{dec: decimals, num: func(w *worker, f *frame) int64 { return quotient(l(w, f), r(w, f), unit) }}
	}
	dec = left.dec + right.dec
	product := func(w *worker, f *frame) int64 { return left.num(w, f) * right.num(w, f) }
	if dec > maxExprDecimals {
		return &value{num: rounded(product, dec, maxExprDecimals), dec: maxExprDecimals}
	}
	return &value{num: product, dec: dec, known: drawnProduct(left.known, right.known)}
}

// quotient returns a*unit/b, rounded half away from zero; 0 if b is 0 or the quotient
// overflows.
func quotient(a, b, unit int64) int64 {
	if b == 0 {
		return 0
	}
	ua, ub := uint64(abs(a)), uint64(abs(b))
	hi, lo := bits.Mul64(ua, uint64(unit))
	lo, carry := bits.Add64(lo, ub/2, 0)
	hi += carry
	if hi >= ub {
		return 0
	}
	q, _ := bits.Div64(hi, lo, ub)
	switch {
	case q > 1<<62:
		return 0
	case (a < 0) != (b < 0):
		return -int64(q)
	}
	return int64(q)
}

func abs(v int64) int64 { return max(v, -v) }

func (v *value) scaled(dec int) numFunc { return rounded(v.num, v.dec, dec) }

// rounded returns a number's function in units of 10^-to instead of 10^-from.
func rounded(num numFunc, from, to int) numFunc {
	round := rounding(from, to)
	if round == nil {
		return num
	}
	return func(w *worker, f *frame) int64 { return round(num(w, f)) }
}

// rounding returns the conversion of a number's unit from 10^-from to 10^-to, half
// away from zero; nil if they are equal.
func rounding(from, to int) func(v int64) int64 {
	switch {
	case from == to:
		return nil
	case from < to:
		unit := pow10(to - from)
		return func(v int64) int64 { return v * unit }
	}
	unit := pow10(from - to)
	return func(v int64) int64 {
		if v < 0 {
			return -((-v + unit/2) / unit)
		}
		return (v + unit/2) / unit
	}
}
