package producer

import (
	"math"
	"math/big"
)

// limits are the smallest and the largest value of a number, in its unit.
type limits struct{ low, high int64 }

// union returns the limits of a number that is one of two.
func (l limits) union(m limits) limits { return limits{min(l.low, m.low), max(l.high, m.high)} }

// scaled returns the limits in a unit that is smaller by 10^dec; false if they don't fit.
func (l limits) scaled(dec int) (limits, bool) {
	if dec > maxSmallDecimals {
		return limits{}, l == limits{}
	}
	unit := pow10(dec)
	if most := math.MaxInt64 / unit; l.low < -most || l.high > most {
		return limits{}, false
	}
	return limits{l.low * unit, l.high * unit}, true
}

func (l limits) span() span {
	return span{new(big.Rat).SetInt64(l.low), new(big.Rat).SetInt64(l.high)}
}

// span is the range of the values that an expression can have, both ends included. It
// is computed from the ranges of the operands, as if they were independent.
type span struct{ low, high *big.Rat }

// exactly returns the span of a constant.
func exactly(v *big.Int) span {
	r := new(big.Rat).SetInt(v)
	return span{r, r}
}

func (s span) plus(t span) span {
	return span{new(big.Rat).Add(s.low, t.low), new(big.Rat).Add(s.high, t.high)}
}

func (s span) negated() span { return span{new(big.Rat).Neg(s.high), new(big.Rat).Neg(s.low)} }

func (s span) times(t span) (out span) {
	for _, a := range []*big.Rat{s.low, s.high} {
		for _, b := range []*big.Rat{t.low, t.high} {
			out = out.with(new(big.Rat).Mul(a, b))
		}
	}
	return out
}

// with returns the smallest span that has v, too.
func (s span) with(v *big.Rat) span {
	if s.low == nil || v.Cmp(s.low) < 0 {
		s.low = v
	}
	if s.high == nil || v.Cmp(s.high) > 0 {
		s.high = v
	}
	return s
}

// over returns the span of the quotient by t where that is not 0; least is the smallest
// absolute value that t has besides 0.
func (s span) over(t span, least *big.Rat) (out span) {
	var ends []*big.Rat
	for _, b := range []*big.Rat{t.low, t.high} {
		if b.Sign() != 0 {
			ends = append(ends, b)
		}
	}
	if t.low.Sign() <= 0 && t.high.Sign() > 0 {
		ends = append(ends, least)
	}
	if t.high.Sign() >= 0 && t.low.Sign() < 0 {
		ends = append(ends, new(big.Rat).Neg(least))
	}
	for _, a := range []*big.Rat{s.low, s.high} {
		for _, b := range ends {
			out = out.with(new(big.Rat).Quo(a, b))
		}
	}
	return out
}

// hasZero reports whether 0 is in the span.
func (s span) hasZero() bool { return s.low.Sign() <= 0 && s.high.Sign() >= 0 }

// single reports whether the span is a single value.
func (s span) single() bool { return s.low.Cmp(s.high) == 0 }

// largest returns the largest absolute value.
func (s span) largest() *big.Rat {
	low, high := new(big.Rat).Abs(s.low), new(big.Rat).Abs(s.high)
	if low.Cmp(high) > 0 {
		return low
	}
	return high
}

// fits reports whether every value, and its negative, is an int64.
func (s span) fits() bool { return s.largest().Cmp(new(big.Rat).SetInt64(math.MaxInt64)) <= 0 }

// rounded returns the limits of a number that is rounded half away from zero; false if
// an int64 can't hold it.
func (s span) rounded() (limits, bool) {
	low, high := nearest(s.low), nearest(s.high)
	return limits{low.Int64(), high.Int64()}, low.IsInt64() && high.IsInt64() && low.Int64() > math.MinInt64
}

// nearest returns the nearest whole number; of two, the one away from zero.
func nearest(r *big.Rat) *big.Int {
	double := new(big.Int).Lsh(r.Denom(), 1)
	v := new(big.Int).Lsh(new(big.Int).Abs(r.Num()), 1)
	v.Add(v, r.Denom()).Quo(v, double)
	if r.Sign() < 0 {
		v.Neg(v)
	}
	return v
}

// tenTo returns 10^n.
func tenTo(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// short returns a number as a text for a message.
func short(r *big.Rat) string {
	if text := r.FloatString(0); len(text) <= 40 {
		return text
	}
	return new(big.Float).SetRat(r).Text('g', 3)
}
