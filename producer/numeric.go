package producer

import "math/big"

// numeric is a number that an expression computes, exactly: top / bottom, in units of
// 10^-dec. It is rounded once, when it becomes a field's value.
type numeric struct {
	top, bottom *term // bottom nil: 1
	dec         int
	span        span // of the number
	// quotient, if it is not nil, replaces top and bottom, which then is not nil.
	quotient func(w *worker, f *frame) *big.Rat
}

// fieldNumber returns the number of a field, in units of 10^-dec.
func fieldNumber(num numFunc, dec int, l limits, cost int) *numeric {
	top := smallTerm(num, l.span(), cost)
	return &numeric{top: top, dec: dec, span: unscaled(top.span, dec)}
}

func constantNumber(units int64, dec int) *numeric {
	top := constantTerm(big.NewInt(units))
	return &numeric{top: top, dec: dec, span: unscaled(top.span, dec)}
}

// unscaled returns the span of a number that is given in units of 10^-dec.
func unscaled(s span, dec int) span {
	unit := new(big.Rat).SetFrac(big.NewInt(1), tenTo(dec))
	return s.times(span{unit, unit})
}

// cost returns how many plain values an evaluation computes.
func (n *numeric) cost() int {
	if n.bottom == nil {
		return n.top.cost
	}
	return n.top.cost + n.bottom.cost
}

// size returns how many operands it computes.
func (n *numeric) size() int {
	if n.bottom == nil {
		return n.top.size
	}
	return n.top.size + n.bottom.size
}

func (n *numeric) negated() *numeric {
	return &numeric{top: n.top.negated(), bottom: n.bottom, dec: n.dec, span: n.span.negated()}
}

func (n *numeric) plus(m *numeric) *numeric {
	l, r, bottom, dec := n.aligned(m)
	return &numeric{top: l.plus(r), bottom: bottom, dec: dec, span: n.span.plus(m.span)}
}

func (n *numeric) minus(m *numeric) *numeric {
	l, r, bottom, dec := n.aligned(m)
	return &numeric{top: l.minus(r), bottom: bottom, dec: dec, span: n.span.plus(m.span.negated())}
}

// aligned returns the numbers with the same bottom and unit.
func (n *numeric) aligned(m *numeric) (l, r, bottom *term, dec int) {
	dec = max(n.dec, m.dec)
	l, r = n.top.scaled(dec-n.dec), m.top.scaled(dec-m.dec)
	return l.times(m.bottom), r.times(n.bottom), n.bottom.times(m.bottom), dec
}

func (n *numeric) times(m *numeric) *numeric {
	return &numeric{top: n.top.times(m.top), bottom: n.bottom.times(m.bottom), dec: n.dec + m.dec, span: n.span.times(m.span)}
}

// over returns the quotient; where m is 0, it has no meaning.
func (n *numeric) over(m *numeric) *numeric {
	top, bottom, dec := n.top.times(m.bottom), m.top.times(n.bottom), n.dec-m.dec
	if dec < 0 {
		top, dec = top.scaled(-dec), 0
	}
	least := new(big.Rat).SetFrac(big.NewInt(1), tenTo(m.dec))
	if m.bottom != nil {
		least.Quo(least, m.bottom.span.largest())
	}
	return &numeric{top: top, bottom: bottom, dec: dec, span: n.span.over(m.span, least)}
}

// compare returns the comparison of two numbers: -1, 0 or 1.
func (n *numeric) compare(m *numeric) func(w *worker, f *frame) int {
	l, r, bottom, _ := n.aligned(m)
	order := l.compare(r)
	if bottom == nil || bottom.span.low.Sign() > 0 {
		return order
	}
	sign := bottom.compare(constantTerm(new(big.Int)))
	return func(w *worker, f *frame) int { return order(w, f) * sign(w, f) }
}

// rounded returns the number in units of 10^-dec, rounded half away from zero. It must
// fit.
func (n *numeric) rounded(dec int) numFunc {
	up := max(dec-n.dec, 0)
	if n.quotient != nil {
		return n.roundedQuotient(dec)
	}
	if n.bottom == nil {
		if round, ok := rounding(n.top.span, n.dec, dec); ok && n.top.fits {
			return converted(n.top.num, round)
		}
		return exactQuotient(n.top.scaled(up), constantTerm(tenTo(max(n.dec-dec, 0))))
	}
	bottom := n.bottom.scaled(max(n.dec-dec, 0))
	if !n.top.fits || !bottom.fits || up > maxSmallDecimals {
		return exactQuotient(n.top.scaled(up), bottom)
	}
	a, b, unit := n.top.num, bottom.num, pow10(up)
	return func(w *worker, f *frame) int64 { return quotient(a(w, f), b(w, f), unit) }
}

func (n *numeric) roundedQuotient(dec int) numFunc {
	up, down := tenTo(max(dec-n.dec, 0)), tenTo(max(n.dec-dec, 0))
	return func(w *worker, f *frame) int64 {
		used := w.bigs.used
		q := n.quotient(w, f)
		v := bigQuotient(w, new(big.Int).Mul(q.Num(), up), new(big.Int).Mul(q.Denom(), down))
		w.bigs.used = used
		return v
	}
}

func exactQuotient(top, bottom *term) numFunc {
	return func(w *worker, f *frame) int64 {
		used := w.bigs.used
		v := bigQuotient(w, top.exact(w, f), bottom.exact(w, f))
		w.bigs.used = used
		return v
	}
}

// limits returns the limits of the number in units of 10^-dec, rounded; false if an
// int64 can't hold it.
func (n *numeric) limits(dec int) (limits, bool) {
	return n.span.times(exactly(tenTo(dec))).rounded()
}

// converted returns a number's function in another unit; nil: it is in the right unit.
func converted(num numFunc, round func(v int64) int64) numFunc {
	if round == nil {
		return num
	}
	return func(w *worker, f *frame) int64 { return round(num(w, f)) }
}
