package producer

import (
	"math"

	"inv/internal/scenario"
)

func (b *builder) int(s *scenario.Int, pos scenario.Position, key uint64) *node {
	if s.Unique {
		return b.unique(s, pos, key)
	}
	u := uniform{low: s.Low, key: key, size: uint64(s.High-s.Low) + 1}
	if u.size == 0 { // all 64 bits
		return number(0, limits{s.Low, s.High}, func(_ *worker, f *frame) int64 { return int64(mix(f.h + key)) })
	}
	n := number(0, limits{s.Low, s.High}, func(_ *worker, f *frame) int64 { return u.draw(f.h) })
	n.inline = &inline{kind: stepInt, uniform: u}
	if u.size <= mostRows {
		n.pick = &picker{key: key, size: u.size}
		for i := range int64(u.size) {
			v := s.Low + i
			n.drawn, n.nums = append(n.drawn, appendInt(nil, v)), append(n.nums, v)
		}
	}
	return n
}

// unique permutes the range by the record's number: no value repeats before all have
// occurred (a Feistel network with cycle walking).
func (b *builder) unique(s *scenario.Int, pos scenario.Position, key uint64) *node {
	// 2^64 numbers are one more than can be counted; one is left out.
	low, size := s.Low, max(uint64(s.High-s.Low), uint64(s.High-s.Low)+1)
	if b.up != nil {
		return b.fail(pos, "a unique number numbers records, so it can't be in a list or an object")
	}
	if b.c.lineage.nested[b.stream.spec] {
		return b.fail(pos, "a unique number is not for a producer that causes itself, or is caused by one that does")
	}
	if total := b.stream.total; total > 0 && uint64(total) > size {
		b.c.problem(pos, "%d rows need different numbers, and from %d to %d there are %d", total, s.Low, s.High, size)
	}
	if count, old := int64(min(size, math.MaxInt64)), b.stream.unique; old == 0 || count < old {
		b.stream.unique = count
	}
	half := 1
	for half < 32 && uint64(1)<<(2*half) < size {
		half++
	}
	mask := uint64(1)<<half - 1
	base := b.stream.random + key
	return number(0, limits{s.Low, s.High}, func(_ *worker, f *frame) int64 {
		x := uint64(f.n) % size
		for {
			left, right := x>>half, x&mask
			for round := range uint64(4) {
				left, right = right, left^mix(base+round*golden+right)&mask
			}
			if x = left<<half | right; x < size {
				return low + int64(x)
			}
		}
	})
}

func (b *builder) decimal(s *scenario.Decimal, pos scenario.Position, key uint64) *node {
	low, high, ok := b.inside(s.Low, s.High, s.Decimals, pos)
	if !ok {
		return broken()
	}
	u := uniform{low: low, key: key, size: uint64(high-low) + 1}
	return number(s.Decimals, limits{low, high}, func(_ *worker, f *frame) int64 { return u.draw(f.h) })
}

// inside returns the least and the largest number with so many decimals in a range, in
// units of 10^-decimals; false with a problem if there is none.
func (b *builder) inside(low, high scenario.Number, decimals int, pos scenario.Position) (least, most int64, ok bool) {
	least, ok = roundTo(low, decimals, 1)
	most, ok2 := roundTo(high, decimals, -1)
	switch {
	case !ok || !ok2 || least <= most && most-least < 0:
		b.c.problem(pos, "the range does not fit %d decimals", decimals)
		return 0, 0, false
	case least > most:
		b.c.problem(pos, "no number with `decimals: %d` is from %s to %s", decimals, plainNumber(low), plainNumber(high))
		return 0, 0, false
	}
	return least, most, true
}

// roundTo returns a number in units of 10^-decimals, rounded up (1) or down (-1), and
// reports whether it fits.
func roundTo(n scenario.Number, decimals int, direction int64) (int64, bool) {
	v, ok := n.Scaled(max(decimals, n.Decimals))
	if unit := pow10(max(n.Decimals-decimals, 0)); ok && unit > 1 {
		rest := v % unit
		v /= unit
		if rest*direction > 0 {
			v += direction
		}
	}
	return v, ok
}

func plainNumber(n scenario.Number) string {
	return string(appendDecimal(nil, n.Units, n.Decimals))
}

// shaped bounds and rounds a distribution given as a function of a random number, whose
// results are between low and high.
func (b *builder) shaped(s scenario.Shape, pos scenario.Position, low, high float64, draw func(r uint64) float64, key uint64) *node {
	unit := math.Pow10(s.Decimals)
	least, most := int64(math.MinInt64), int64(math.MaxInt64)
	ok, fits := true, true
	if s.Min != nil {
		low, high = max(low, s.Min.Float()), max(high, s.Min.Float())
		least, ok = roundTo(*s.Min, s.Decimals, 1)
	}
	if s.Max != nil {
		low, high = min(low, s.Max.Float()), min(high, s.Max.Float())
		most, fits = roundTo(*s.Max, s.Decimals, -1)
	}
	switch ok = ok && fits; {
	case s.Min != nil && s.Max != nil && s.Min.Float() > s.Max.Float():
		b.c.problem(pos, "min is above max")
	case !ok:
		b.c.problem(pos, "the range does not fit %d decimals", s.Decimals)
	case least > most:
		b.c.problem(pos, "no number with `decimals: %d` is from %s to %s", s.Decimals, plainNumber(*s.Min), plainNumber(*s.Max))
	}
	l, ok := roundedLimits(low, high, unit)
	if !ok {
		return b.fail(pos, "numbers from %g to %g can't be held with %d decimals", low, high, s.Decimals)
	}
	l = limits{min(max(l.low, least), most), min(max(l.high, least), most)}
	return number(s.Decimals, l, func(_ *worker, f *frame) int64 {
		v := min(max(draw(mix(f.h+key)), low), high)
		return min(max(int64(math.Round(v*unit)), least), most)
	})
}

// roundedLimits returns the limits of a number between low and high, in units of
// 1/unit; false if an int64 can't hold it.
func roundedLimits(low, high, unit float64) (limits, bool) {
	const most = 1 << 62 // far enough from the largest int64 for any rounding
	low, high = math.Round(low*unit), math.Round(high*unit)
	if low < -most || high > most {
		return limits{}, false
	}
	return limits{int64(low), int64(high)}, true
}

func (b *builder) normal(s *scenario.Normal, pos scenario.Position, key uint64) *node {
	mean, sd := s.Mean.Float(), s.SD.Float()
	if sd < 0 {
		b.c.problem(pos, "normal: the standard deviation is negative")
	}
	return b.shaped(s.Shape, pos, mean-mostGauss*sd, mean+mostGauss*sd, func(r uint64) float64 { return mean + float64(sd*gauss(r)) }, key)
}

// No random number gives more than this: each has 53 bits.
const (
	mostGauss       = 8.6 // √(2·53·ln 2)
	mostExponential = 37  // 53·ln 2
)

// gauss maps a random number to a standard normal one (the Box–Muller transform).
func gauss(r uint64) float64 {
	radius := math.Sqrt(-2 * math.Log(1-unit(r)))
	return radius * math.Cos(2*math.Pi*unit(mix(r+golden)))
}

func (b *builder) exponential(s *scenario.Exponential, pos scenario.Position, key uint64) *node {
	mean := s.Mean.Float()
	if mean <= 0 {
		b.c.problem(pos, "exponential: the mean must be above 0")
	}
	return b.shaped(s.Shape, pos, 0, mean*mostExponential, func(r uint64) float64 { return mean * exponential(r) }, key)
}

// exponential maps a random number to an exponential one of mean 1.
func exponential(r uint64) float64 { return -math.Log(1 - unit(r)) }

func (b *builder) zipf(s *scenario.Zipf, pos scenario.Position, key uint64) *node {
	rank := &picker{key: key, size: uint64(s.N), draw: b.zipfRank(s.N, s.S, pos)}
	return number(0, limits{1, s.N}, func(_ *worker, f *frame) int64 { return rank.row(f.h) + 1 })
}

// zipfRank draws ranks 0 … n-1 with a probability proportional to (rank+1)^-s; nil if
// all are equally likely. Few are drawn from an alias table, many by rejection
// inversion (Hörmann, Derflinger: Rejection-inversion to generate variates from
// monotone discrete distributions, 1996).
func (b *builder) zipfRank(n int64, exponent scenario.Number, pos scenario.Position) func(r uint64) int64 {
	const tableSize = 1 << 14
	s := exponent.Float()
	if s <= 0 || s > 20 {
		b.c.problem(pos, "zipf: the exponent must be above 0 and at most 20, not %g", s)
		return nil
	}
	if n <= tableSize {
		weights := make([]float64, n)
		for i := range weights {
			weights[i] = math.Pow(float64(i+1), -s)
		}
		return alias(weights)
	}
	return newRejection(float64(n), s).draw
}

// rejection holds the constants of rejection inversion.
type rejection struct{ n, s, hX1, hN, cut float64 }

func newRejection(n, s float64) *rejection {
	z := &rejection{n: n, s: s}
	z.hX1 = z.h(1.5) - 1
	z.hN = z.h(n + 0.5)
	z.cut = 2 - z.inverse(z.h(2.5)-math.Pow(2, -s))
	return z
}

// h returns the integral of x^-s.
func (z *rejection) h(x float64) float64 {
	if math.Abs(z.s-1) < 1e-9 {
		return math.Log(x)
	}
	return (math.Pow(x, 1-z.s) - 1) / (1 - z.s)
}

func (z *rejection) inverse(y float64) float64 {
	if math.Abs(z.s-1) < 1e-9 {
		return math.Exp(y)
	}
	return math.Pow(max(0, 1+float64(y*(1-z.s))), 1/(1-z.s))
}

func (z *rejection) draw(r uint64) int64 {
	for {
		u := z.hN + float64(unit(r)*(z.hX1-z.hN))
		x := z.inverse(u)
		k := min(max(math.Floor(x+0.5), 1), z.n)
		if k-x <= z.cut || u >= z.h(k+0.5)-math.Pow(k, -z.s) {
			return int64(k) - 1
		}
		r = mix(r + golden)
	}
}

// drift returns a curve over event time: a base value, a daily oscillation with a
// random phase, a trend, and normal noise. It is a function of the time, not of the
// previous record, so that any record can be computed on its own.
func (b *builder) drift(s *scenario.Drift, pos scenario.Position, key uint64) *node {
	base, daily, perDay, noise := s.Base.Float(), s.Daily.Float(), s.PerDay.Float(), s.Noise.Float()
	scale := math.Pow10(s.Decimals)
	curve := func(*worker, *frame) uint64 { return key }
	if s.By.Text != "" {
		of, climb := b.lookup(s.By.Text, s.By.Pos, "by")
		if of == nil || of.text == nil {
			return broken()
		}
		text := of.climbed(climb).orEmpty()
		curve = func(w *worker, f *frame) uint64 {
			w.scratch = text(w, f, w.scratch[:0])
			return mix(fnv(key, w.scratch))
		}
	}
	const day = 86_400_000.0
	reach := math.Abs(daily) + 30*math.Abs(perDay) + mostGauss*math.Abs(noise)
	const most = 1e12
	l, ok := roundedLimits(max(base-reach, -most), min(base+reach, most), scale)
	if !ok {
		return b.fail(pos, "drift: numbers from %g to %g can't be held with %d decimals", base-reach, base+reach, s.Decimals)
	}
	n := number(s.Decimals, l, func(w *worker, f *frame) int64 {
		c := curve(w, f)
		days := float64(f.at) / day
		v := base + float64(daily*math.Sin(2*math.Pi*(days+unit(c))))
		// The trend restarts every 30 days, as if the sensor were recalibrated.
		v += float64(perDay * math.Mod(days+30*unit(mix(c)), 30))
		v += float64(noise * gauss(mix(f.h+key)))
		return int64(math.Round(min(max(v, -most), most) * scale))
	})
	n.timed = true
	return n
}
