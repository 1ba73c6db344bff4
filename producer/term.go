package producer

import (
	"math/big"
	"math/bits"
)

// term is a whole number that an expression computes. What it can be is known when it is
// compiled, so a term that fits in an int64 is computed without a check, and only one
// that doesn't fit is computed with as many digits as it takes.
type term struct {
	num   numFunc // only if fits
	exact bigFunc
	span  span
	fits  bool         // all values, of its operands too, are int64s
	known *drawnNumber // num, if it follows from draws alone; otherwise nil
	cost  int
	size  int // the number of operands, each as often as it is computed
}

// bigFunc computes a number of any size. The result is the worker's, and must not be
// changed.
type bigFunc func(w *worker, f *frame) *big.Int

// bigs are a worker's numbers of any size: a stack whose numbers keep their memory.
type bigs struct {
	list []*big.Int
	used int
}

func (b *bigs) take() *big.Int {
	if b.used == len(b.list) {
		b.list = append(b.list, new(big.Int))
	}
	b.used++
	return b.list[b.used-1]
}

// smallTerm returns a term that is an int64.
func smallTerm(num numFunc, s span, cost int) *term {
	return &term{num: num, span: s, fits: true, cost: cost, size: 1,
		exact: func(w *worker, f *frame) *big.Int { return w.bigs.take().SetInt64(num(w, f)) }}
}

// constantTerm returns the term of a constant.
func constantTerm(v *big.Int) *term {
	t := &term{span: exactly(v), size: 1, exact: func(*worker, *frame) *big.Int { return v }}
	if t.fits = t.span.fits(); t.fits {
		units := v.Int64()
		t.num = func(*worker, *frame) int64 { return units }
		t.known = &drawnNumber{num: func(func(*picker) int) int64 { return units }}
	}
	return t
}

// completed returns the term of an operation: by num if the operands and the result fit.
func completed(s span, num numFunc, exact bigFunc, operands ...*term) *term {
	fits, cost, size := s.fits(), 1, 0
	for _, t := range operands {
		fits, cost, size = fits && t.fits, min(cost+t.cost, 1<<40), size+t.size
	}
	if !fits {
		return &term{exact: exact, span: s, cost: cost, size: size}
	}
	t := smallTerm(num, s, cost)
	t.size = size
	return t
}

func (t *term) plus(u *term) *term {
	l, r := t.num, u.num
	return completed(t.span.plus(u.span), func(w *worker, f *frame) int64 { return l(w, f) + r(w, f) },
		func(w *worker, f *frame) *big.Int { return w.bigs.take().Add(t.exact(w, f), u.exact(w, f)) }, t, u)
}

func (t *term) minus(u *term) *term {
	l, r := t.num, u.num
	return completed(t.span.plus(u.span.negated()), func(w *worker, f *frame) int64 { return l(w, f) - r(w, f) },
		func(w *worker, f *frame) *big.Int { return w.bigs.take().Sub(t.exact(w, f), u.exact(w, f)) }, t, u)
}

func (t *term) negated() *term {
	of := t.num
	return completed(t.span.negated(), func(w *worker, f *frame) int64 { return -of(w, f) },
		func(w *worker, f *frame) *big.Int { return w.bigs.take().Neg(t.exact(w, f)) }, t)
}

// times returns the product; a nil factor is 1.
func (t *term) times(u *term) *term {
	switch {
	case t == nil:
		return u
	case u == nil:
		return t
	}
	l, r := t.num, u.num
	out := completed(t.span.times(u.span), func(w *worker, f *frame) int64 { return l(w, f) * r(w, f) },
		func(w *worker, f *frame) *big.Int { return w.bigs.take().Mul(t.exact(w, f), u.exact(w, f)) }, t, u)
	if out.fits {
		out.known = drawnProduct(t.known, u.known)
	}
	return out
}

// scaled returns the product with 10^dec.
func (t *term) scaled(dec int) *term {
	switch {
	case dec == 0:
		return t
	case !t.fits || dec > maxSmallDecimals || !t.span.times(exactly(tenTo(dec))).fits():
		return t.times(constantTerm(tenTo(dec)))
	}
	of, unit := t.num, pow10(dec)
	out := smallTerm(func(w *worker, f *frame) int64 { return of(w, f) * unit }, t.span.times(exactly(tenTo(dec))), t.cost)
	out.size = t.size
	return out
}

// isZero returns the test that a term is 0.
func (t *term) isZero() testFunc {
	if t.fits {
		return func(w *worker, f *frame) bool { return t.num(w, f) == 0 }
	}
	return func(w *worker, f *frame) bool {
		used := w.bigs.used
		zero := t.exact(w, f).Sign() == 0
		w.bigs.used = used
		return zero
	}
}

// compare returns the comparison of two terms: -1, 0 or 1.
func (t *term) compare(u *term) func(w *worker, f *frame) int {
	if l, r := t.num, u.num; t.fits && u.fits {
		return func(w *worker, f *frame) int {
			a, b := l(w, f), r(w, f)
			switch {
			case a < b:
				return -1
			case a > b:
				return 1
			}
			return 0
		}
	}
	return func(w *worker, f *frame) int {
		used := w.bigs.used
		order := t.exact(w, f).Cmp(u.exact(w, f))
		w.bigs.used = used
		return order
	}
}

// maxSmallDecimals is the largest power of ten that is an int64.
const maxSmallDecimals = 18

// rounding returns the conversion of a number's unit from 10^-from to 10^-to, half
// away from zero; nil if they are equal. It is false if an int64 could overflow.
func rounding(s span, from, to int) (round func(v int64) int64, ok bool) {
	switch {
	case from == to:
		return nil, s.fits()
	case from < to:
		if to-from > maxSmallDecimals || !s.times(exactly(tenTo(to-from))).fits() {
			return nil, false
		}
		unit := pow10(to - from)
		return func(v int64) int64 { return v * unit }, true
	case from-to > maxSmallDecimals:
		return nil, false
	}
	unit := pow10(from - to)
	half := new(big.Rat).SetInt64(unit / 2)
	if !s.plus(span{new(big.Rat).Neg(half), half}).fits() {
		return nil, false
	}
	return func(v int64) int64 {
		if v < 0 {
			return -((-v + unit/2) / unit)
		}
		return (v + unit/2) / unit
	}, true
}

// quotient returns a*unit/b, rounded half away from zero; 0 if b is 0. The result must
// be an int64.
func quotient(a, b, unit int64) int64 {
	if b == 0 {
		return 0
	}
	ua, ub := uint64(abs(a)), uint64(abs(b))
	hi, lo := bits.Mul64(ua, uint64(unit))
	lo, carry := bits.Add64(lo, ub/2, 0)
	q, _ := bits.Div64(hi+carry, lo, ub)
	if (a < 0) != (b < 0) {
		return -int64(q)
	}
	return int64(q)
}

func abs(v int64) int64 { return max(v, -v) }

// bigQuotient returns a/b, rounded half away from zero; 0 if b is 0.
func bigQuotient(w *worker, a, b *big.Int) int64 {
	if b.Sign() == 0 {
		return 0
	}
	q, rest := w.bigs.take(), w.bigs.take()
	q.QuoRem(a, b, rest)
	if rest.Lsh(rest, 1).CmpAbs(b) >= 0 {
		return q.Int64() + int64(a.Sign()*b.Sign())
	}
	return q.Int64()
}
