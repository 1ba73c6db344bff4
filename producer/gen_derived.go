package producer

import (
	"bytes"
	"math/bits"
	"slices"
	"strings"

	"inv/internal/scenario"
)

func (b *builder) copyOf(s *scenario.Copy) *node {
	n, climb := b.lookup(s.Path.Text, s.Path.Pos, "copy")
	if n == nil {
		return broken()
	}
	if climb > 0 && n.text == nil {
		b.c.problem(s.Path.Pos, "copy: %q is %s; from outside an element only a plain value can be copied", s.Path.Text, kindNames[n.kind])
		return broken()
	}
	return n.climbed(climb)
}

func (b *builder) count(s *scenario.Count) *node {
	n, climb := b.lookup(s.Path.Text, s.Path.Pos, "count")
	if n == nil {
		return broken()
	}
	length := n.length
	switch {
	case n.kind != kindList:
		b.c.problem(s.Path.Pos, "count: %q is %s, not a list", s.Path.Text, kindNames[n.kind])
		return broken()
	case length == nil:
		fixed := int64(len(n.items))
		length = func(*worker, *frame) int64 { return fixed }
	}
	return number(0, length).climbed(climb)
}

func (b *builder) list(s *scenario.List, pos scenario.Position, path string, key uint64) *node {
	length := b.gen(s.Length, path+"[length]")
	if length.num == nil || length.dec != 0 {
		b.c.problem(s.Length.Pos, "a list's length must be whole numbers, not %s", kindNames[length.kind])
		return broken()
	}
	n := &node{kind: kindList, length: boundedLength(length.num), slot: b.c.lists, key: key}
	b.c.lists++
	longest := 1000
	if fixed, ok := s.Length.Spec.(*scenario.Int); ok {
		longest, n.length = int(fixed.High), length.num
		if length.short != nil {
			n.evenly = &length.short.uniform
		}
	}
	if o, ok := s.Of.Spec.(*scenario.Object); ok {
		in := b.inner(s.Of, path+"[]", 1)
		n.elem, n.element = in.object(&scenario.Gen{Pos: s.Of.Pos, Spec: o}), in
	} else {
		in := b.inner(&scenario.Gen{Pos: s.Of.Pos}, path+"[]", 1)
		n.elem = in.gen(s.Of, path+"[]")
		if n.elem.absent != nil {
			b.c.problem(s.Of.Pos, "an element can't be left out; give the list another length")
		}
	}
	n.timed, n.cost = n.elem.timed || length.timed, longest*max(n.elem.cost, 1)
	n.enter = func(_ *worker, f *frame, e *frame, i int64) {
		e.set(mix(f.h+key+uint64(i+1)*golden), f.n, f.at, f, f.of)
	}
	return n
}

// maxLength bounds a list whose length comes from a generator.
const maxLength = 10_000

func boundedLength(length numFunc) numFunc {
	return func(w *worker, f *frame) int64 { return min(max(length(w, f), 0), maxLength) }
}

// sum adds an expression up over the elements of the one list that it names.
func (b *builder) sum(s *scenario.Sum, pos scenario.Position) *node {
	list, outer := "", b
	s.Expr.Paths(func(path string) {
		if i := strings.LastIndexByte(path, '.'); i > 0 && list == "" {
			list = path[:i]
		}
	})
	if list == "" {
		b.c.problem(pos, "sum: name fields of a list's elements, such as items.quantity")
		return broken()
	}
	of, climb := outer.lookup(list, pos, "sum")
	if of == nil {
		return broken()
	}
	if of.kind != kindList || of.element == nil || climb > 0 {
		b.c.problem(pos, "sum: %q is no list of objects beside this field", list)
		return broken()
	}
	x := of.element.expr(s.Expr, pos, list+".")
	if x.num == nil {
		b.c.problem(pos, "sum: the expression is no number")
		return broken()
	}
	length, enter, num, round := of.length, of.enter, x.num, rounding(x.dec, s.Decimals)
	n := number(s.Decimals, func(w *worker, f *frame) int64 {
		total := int64(0)
		count := length(w, f)
		e := w.push()
		for i := range count {
			enter(w, f, e, i)
			total += num(w, e)
		}
		w.pop()
		if round != nil {
			total = round(total)
		}
		return total
	})
	n.cost, n.timed, n.sum = of.cost, x.timed, &sum{of, num, x.known, round}
	return n
}

// rounding changes a number's unit from 10^-from to 10^-to, half away from zero;
// nil if that changes nothing.
func rounding(from, to int) func(v int64) int64 {
	switch {
	case from == to:
		return nil
	case from < to:
		unit := pow10(to - from)
		return func(v int64) int64 { return v * unit }
	}
	unit := pow10(from - to)
	return func(v int64) int64 { return divideRound(v, unit) }
}

// rounded returns the number in another unit.
func rounded(num numFunc, from, to int) numFunc {
	round := rounding(from, to)
	if round == nil {
		return num
	}
	return func(w *worker, f *frame) int64 { return round(num(w, f)) }
}

func divideRound(v, unit int64) int64 {
	if v < 0 {
		return -((-v + unit/2) / unit)
	}
	return (v + unit/2) / unit
}

func (b *builder) calc(s *scenario.Calc, pos scenario.Position) *node {
	x := b.expr(s.Expr, pos, "")
	if x.num == nil {
		b.c.problem(pos, "calc: the expression is no number")
		return broken()
	}
	n := number(s.Decimals, rounded(x.num, x.dec, s.Decimals))
	n.cost, n.timed = x.cost, x.timed
	return n
}

// test compiles a condition.
func (b *builder) test(e *scenario.Expr, pos scenario.Position) *value {
	x := b.expr(e, pos, "")
	if x.test == nil {
		b.c.problem(pos, "the expression compares nothing; write a comparison such as quantity > 5")
		return &value{test: func(*worker, *frame) bool { return false }}
	}
	return x
}

func (b *builder) compare(s *scenario.Compare, pos scenario.Position) *node {
	x := b.test(s.Expr, pos)
	n := truth(x.test)
	n.cost, n.timed = max(x.cost, 1), x.timed
	return n
}

func (b *builder) choose(s *scenario.If, pos scenario.Position, path string) *node {
	x := b.test(s.Expr, pos)
	test := x.test
	then, other := b.gen(s.Then, path+"#then"), b.gen(s.Else, path+"#else")
	if then.text == nil || other.text == nil {
		b.c.problem(pos, "then and else must be plain values")
		return broken()
	}
	n := &node{kind: then.kind, safe: then.safe && other.safe, dec: max(then.dec, other.dec),
		cost: x.cost + max(then.cost, other.cost), timed: x.timed || then.timed || other.timed}
	if then.kind != other.kind {
		n.kind = kindMixed
	}
	pick := func(yes, no appendFunc) appendFunc {
		return func(w *worker, f *frame, dst []byte) []byte {
			if test(w, f) {
				return yes(w, f, dst)
			}
			return no(w, f, dst)
		}
	}
	n.text, n.json = pick(then.orEmpty(), other.orEmpty()), pick(jsonValue(then), jsonValue(other))
	if then.num != nil && other.num != nil {
		yes, no := then.scaled(n.dec), other.scaled(n.dec)
		n.num = func(w *worker, f *frame) int64 {
			if test(w, f) {
				return yes(w, f)
			}
			return no(w, f)
		}
	}
	return leaf(n)
}

// maxExprDecimals bounds the decimals that a product of numbers collects.
const maxExprDecimals = 9

// value is a compiled expression: a number, a text or a test.
type value struct {
	num   numFunc
	dec   int
	text  appendFunc
	test  testFunc
	known *tabled // num, if it follows from draws; nil: it does not
	cost  int
	timed bool
}

// tabled is a number that is a function of the rows that some picks draw.
type tabled struct {
	picks []*picker
	num   func(row func(*picker) int) int64
}

// follows reports whether nothing but these picks is needed.
func (t *tabled) follows(picks []*picker) bool {
	return t != nil && !slices.ContainsFunc(t.picks, func(p *picker) bool { return !slices.Contains(picks, p) })
}

// tabledBoth returns an operation on two numbers, nil if one is not known.
func tabledBoth(left, right *value, op func(a, b int64) int64) *tabled {
	l, r := left.known, right.known
	if l == nil || r == nil {
		return nil
	}
	return &tabled{slices.Concat(l.picks, r.picks), func(row func(*picker) int) int64 { return op(l.num(row), r.num(row)) }}
}

func (v *value) scaled(dec int) numFunc { return rounded(v.num, v.dec, dec) }

// expr compiles an expression; prefix is taken off its paths.
func (b *builder) expr(e *scenario.Expr, pos scenario.Position, prefix string) *value {
	switch {
	case e == nil:
		return &value{num: func(*worker, *frame) int64 { return 0 }}
	case e.Number != nil:
		units := e.Number.Units
		return &value{num: func(*worker, *frame) int64 { return units }, dec: e.Number.Decimals,
			known: &tabled{num: func(func(*picker) int) int64 { return units }}}
	case e.Text != nil:
		return &value{text: literalText(*e.Text)}
	case e.Path != "":
		return b.pathValue(e.Path, pos, prefix)
	case e.Op == "not":
		of := b.expr(e.Left, pos, prefix)
		if of.test == nil {
			b.c.problem(pos, "`not` takes a comparison")
			return of
		}
		return &value{test: func(w *worker, f *frame) bool { return !of.test(w, f) }, cost: of.cost, timed: of.timed}
	case e.Right == nil:
		of := b.expr(e.Left, pos, prefix)
		if of.num == nil {
			b.c.problem(pos, "`-` takes a number")
			return of
		}
		return &value{num: func(w *worker, f *frame) int64 { return -of.num(w, f) }, dec: of.dec, cost: of.cost, timed: of.timed}
	}
	left, right := b.expr(e.Left, pos, prefix), b.expr(e.Right, pos, prefix)
	out := b.operation(e.Op, left, right, pos)
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
		return &value{num: func(*worker, *frame) int64 { return 0 }}
	}
	if at != b {
		climb += b.levels
	}
	if n.text == nil {
		b.c.problem(pos, "%q is %s; an expression is of plain values", path, kindNames[n.kind])
		return &value{num: func(*worker, *frame) int64 { return 0 }}
	}
	n = n.climbed(climb)
	v := &value{num: n.num, dec: n.dec, text: n.orEmpty(), cost: n.cost, timed: n.timed}
	if pick, nums := n.pick, n.nums; pick != nil && nums != nil {
		v.known = &tabled{[]*picker{pick}, func(row func(*picker) int) int64 { return nums[row(pick)] }}
	}
	if n.kind == kindBool {
		num := n.num
		v.test = func(w *worker, f *frame) bool { return num(w, f) != 0 }
	}
	return v
}

func (b *builder) operation(op string, left, right *value, pos scenario.Position) *value {
	switch op {
	case "and", "or":
		if left.test == nil || right.test == nil {
			b.c.problem(pos, "`%s` combines comparisons", op)
			return &value{}
		}
		if op == "and" {
			return &value{test: func(w *worker, f *frame) bool { return left.test(w, f) && right.test(w, f) }}
		}
		return &value{test: func(w *worker, f *frame) bool { return left.test(w, f) || right.test(w, f) }}
	case "+", "-", "*", "/":
		if left.num == nil || right.num == nil {
			b.c.problem(pos, "`%s` takes numbers", op)
			return &value{num: func(*worker, *frame) int64 { return 0 }}
		}
		return b.arithmetic(op, left, right, pos)
	}
	if left.num != nil && right.num != nil {
		dec := max(left.dec, right.dec)
		l, r := left.scaled(dec), right.scaled(dec)
		return &value{test: comparison(op, func(w *worker, f *frame) int {
			a, b := l(w, f), r(w, f)
			return cmp(a, b)
		})}
	}
	if left.text == nil || right.text == nil {
		b.c.problem(pos, "`%s` compares two numbers or two texts", op)
		return &value{test: func(*worker, *frame) bool { return false }}
	}
	lt, rt := left.text, right.text
	return &value{test: comparison(op, func(w *worker, f *frame) int {
		// Both texts stand behind each other in a buffer of the worker's; it is taken
		// meanwhile, since computing them may compare other texts.
		buf := w.takeText()
		buf = lt(w, f, buf)
		middle := len(buf)
		buf = rt(w, f, buf)
		order := bytes.Compare(buf[:middle], buf[middle:])
		w.giveText(buf)
		return order
	})}
}

func cmp(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func comparison(op string, compare func(w *worker, f *frame) int) testFunc {
	switch op {
	case "<":
		return func(w *worker, f *frame) bool { return compare(w, f) < 0 }
	case "<=":
		return func(w *worker, f *frame) bool { return compare(w, f) <= 0 }
	case ">":
		return func(w *worker, f *frame) bool { return compare(w, f) > 0 }
	case ">=":
		return func(w *worker, f *frame) bool { return compare(w, f) >= 0 }
	case "!=":
		return func(w *worker, f *frame) bool { return compare(w, f) != 0 }
	}
	return func(w *worker, f *frame) bool { return compare(w, f) == 0 }
}

func (b *builder) arithmetic(op string, left, right *value, pos scenario.Position) *value {
	switch op {
	case "*":
		dec := left.dec + right.dec
		product := func(w *worker, f *frame) int64 { return left.num(w, f) * right.num(w, f) }
		if dec > maxExprDecimals {
			return &value{num: rounded(product, dec, maxExprDecimals), dec: maxExprDecimals}
		}
		return &value{num: product, dec: dec, known: tabledBoth(left, right, func(a, b int64) int64 { return a * b })}
	case "/":
		// Six decimals of the quotient; by zero is 0.
		const quotientDecimals = 6
		dec := max(left.dec, right.dec)
		l, r, unit := left.scaled(dec), right.scaled(dec), pow10(quotientDecimals)
		return &value{dec: quotientDecimals, num: func(w *worker, f *frame) int64 { return quotient(l(w, f), r(w, f), unit) }}
	}
	dec := max(left.dec, right.dec)
	l, r := left.scaled(dec), right.scaled(dec)
	if op == "+" {
		return &value{dec: dec, num: func(w *worker, f *frame) int64 { return l(w, f) + r(w, f) }}
	}
	return &value{dec: dec, num: func(w *worker, f *frame) int64 { return l(w, f) - r(w, f) }}
}

// quotient returns a*unit/b, rounded half away from zero; 0 if it has no value.
func quotient(a, b, unit int64) int64 {
	if b == 0 {
		return 0
	}
	negative := (a < 0) != (b < 0)
	ua, ub := uint64(abs(a)), uint64(abs(b))
	hi, lo := bits.Mul64(ua, uint64(unit))
	lo, carry := bits.Add64(lo, ub/2, 0)
	hi += carry
	if hi >= ub {
		return 0
	}
	q, _ := bits.Div64(hi, lo, ub)
	if q > 1<<62 {
		return 0
	}
	if negative {
		return -int64(q)
	}
	return int64(q)
}

func abs(v int64) int64 {
	if v < 0 {
		return -v
	}
	return v
}
