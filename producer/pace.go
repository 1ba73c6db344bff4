package producer

import (
	"math"
	"math/bits"
	"time"

	"inv/internal/scenario"
)

// arrivals is when a producer's records are due: record n so long after the
// start. It is a function of n alone, so that a shard that makes each fourth
// record makes it when it is due.
type arrivals interface {
	due(n int64) time.Duration
}

// forever is later than any run ends.
const forever = time.Duration(1<<62 - 1)

// atOnce is due now: the rate max.
type atOnce struct{}

func (atOnce) due(int64) time.Duration { return 0 }

// steady is one record after the other at the same distance.
type steady struct{ rate scenario.Rate }

func (s steady) due(n int64) time.Duration {
	// n * Per * 10^decimals / units, in 128 bits.
	scale := uint64(pow10(s.rate.Count.Decimals))
	hi, lo := bits.Mul64(uint64(n), uint64(s.rate.Per)*scale)
	units := uint64(s.rate.Count.Units)
	if hi >= units {
		return forever
	}
	q, _ := bits.Div64(hi, lo, units)
	return time.Duration(min(q, uint64(forever)))
}

// curve is a rate that changes: segments one after the other in which it goes
// evenly from one value to another, once or again and again. Behind the last
// segment the rate stays as it is.
type curve struct {
	segments []segment
	count    float64 // records in all segments
	length   float64 // s
	repeat   bool
}

type segment struct {
	length, from, to float64 // s, records a second
}

func (s segment) count() float64 { return s.length * (s.from + s.to) / 2 }

// after returns when, in the segment, so many records have come.
func (s segment) after(k float64) float64 {
	slope := (s.to - s.from) / s.length
	if math.Abs(slope) < 1e-12 {
		return k / s.from
	}
	// The root of from*t + slope*t²/2 = k.
	return (math.Sqrt(max(0, float64(s.from*s.from)+float64(2*slope*k))) - s.from) / slope
}

func newCurve(repeat bool, segments ...segment) *curve {
	c := &curve{repeat: repeat}
	for _, s := range segments {
		if s.length > 0 {
			c.segments = append(c.segments, s)
			c.count += s.count()
			c.length += s.length
		}
	}
	return c
}

func (c *curve) due(n int64) time.Duration { return c.at(float64(n)) }

// at returns when so many records, perhaps a part of one, have come.
func (c *curve) at(n float64) time.Duration {
	t := 0.0
	if c.repeat {
		rounds := math.Floor(n / c.count)
		t, n = rounds*c.length, n-float64(rounds*c.count)
	}
	for _, s := range c.segments {
		if k := s.count(); n > k {
			n -= k
			t += s.length
			continue
		}
		return seconds(t + s.after(n))
	}
	return seconds(t + n/c.segments[len(c.segments)-1].to)
}

func seconds(t float64) time.Duration {
	if t >= forever.Seconds() {
		return forever
	}
	return time.Duration(math.Round(t * 1e9))
}

// poisson spreads the records so that the gaps between them are exponential, as
// of callers who know nothing of each other. Each block of records has its own
// random places, so that any record's can be found without those before.
type poisson struct {
	even   func(n float64) time.Duration
	random uint64
	block  int64
	places [blockSize]float64
	known  bool
}

const blockSize = 256

func (p *poisson) due(n int64) time.Duration {
	if block := n / blockSize; !p.known || block != p.block {
		p.block, p.known = block, true
		total := 0.0
		h := recordKey(p.random, block)
		for i := range p.places {
			total += exponential(mix(h + uint64(i)*golden))
			p.places[i] = total
		}
		total += exponential(mix(h - golden))
		for i := range p.places {
			p.places[i] *= blockSize / total
		}
	}
	return p.even(float64(p.block*blockSize) + p.places[n%blockSize])
}

// newArrivals returns the pace of a producer: at a rate that is not max.
func newArrivals(rate scenario.Rate, pace scenario.Pace, random uint64) arrivals {
	base := rate.PerSecond()
	var c *curve
	switch {
	case pace.Ramp != nil:
		r := pace.Ramp
		low := r.From.PerSecond()
		segments := []segment{{r.Up.Seconds(), low, base}, {r.Hold.Seconds(), base, base}, {r.Down.Seconds(), base, low}}
		c = newCurve(false, segments...)
	case pace.Bursts != nil:
		b := pace.Bursts
		high := b.Rate.PerSecond()
		c = newCurve(true, segment{(b.Every - b.For).Seconds(), base, base}, segment{b.For.Seconds(), high, high})
	case !pace.Poisson:
		return steady{rate}
	default:
		c = newCurve(true, segment{1, base, base})
	}
	if pace.Poisson {
		return &poisson{even: c.at, random: mix(random + saltPace)}
	}
	return c
}

const saltPace = 0x70616365
