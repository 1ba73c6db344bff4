package producer

import (
	"math"
	"math/bits"
	"time"

	"inv/internal/scenario"
)

// arrivals computes when a producer's records are due.
type arrivals interface {
	// due returns how long after the start record n is due. It depends on n alone, so
	// that a shard makes each of its records on time.
	due(n int64) time.Duration
}

// shifted is arrivals that begin with a later record.
type shifted struct {
	arrivals
	first int64
}

func (s shifted) due(n int64) time.Duration { return s.arrivals.due(max(n-s.first, 0)) }

// forever is later than the end of any run.
const forever = time.Duration(1<<62 - 1)

// steady makes records at a constant rate.
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

// curve is a rate that changes linearly in each of a sequence of segments, which may
// repeat. After the last segment the rate stays constant.
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

// after returns the time in the segment, in seconds, at which k records are due.
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

// at returns the time at which n records, not necessarily a whole number, are due.
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

// poisson makes the gaps between records exponential, like those between independent
// callers. The random places of each block of records add up to the block, so that any
// record's can be found without the previous blocks.
type poisson struct {
	even   func(n float64) time.Duration
	random uint64
	block  int64 // of places; -1: none
	places [blockSize]float64
}

const blockSize = 256

func (p *poisson) due(n int64) time.Duration {
	if block := n / blockSize; block != p.block {
		p.block = block
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

// daily returns the curve of the rates of a day, from a time of it on.
func daily(times []scenario.TimeOfDay, start time.Time) *curve {
	const day = 24 * time.Hour
	now := start.UTC().Sub(start.UTC().Truncate(day))
	current := len(times) - 1 // the stretch that now is in: the last of yesterday, or
	for i, t := range times {
		if t.At <= now {
			current = i
		}
	}
	var all []segment
	for i := range times {
		from, to := times[(current+i)%len(times)], times[(current+i+1)%len(times)]
		length := (to.At-from.At+day-1)%day + 1
		all = append(all, segment{length.Seconds(), from.Rate.PerSecond(), to.Rate.PerSecond()})
	}
	first := all[0]
	passed := ((now - times[current].At + day) % day).Seconds()
	middle := first.from + (first.to-first.from)*passed/first.length
	all[0] = segment{first.length - passed, middle, first.to}
	return newCurve(true, append(all, segment{passed, first.from, middle})...)
}

// newArrivals returns the arrivals of a producer at a rate, which is not max, in a run
// that starts at a time.
func newArrivals(rate scenario.Rate, pace scenario.Pace, random uint64, start time.Time) arrivals {
	base := rate.PerSecond()
	var c *curve
	switch {
	case len(pace.Daily) > 0:
		c = daily(pace.Daily, start)
	case pace.Ramp != nil:
		r, low := pace.Ramp, pace.Ramp.From.PerSecond()
		c = newCurve(false, segment{r.Up.Seconds(), low, base}, segment{r.Hold.Seconds(), base, base}, segment{r.Down.Seconds(), base, low})
	case pace.Bursts != nil:
		b, high := pace.Bursts, pace.Bursts.Rate.PerSecond()
		c = newCurve(true, segment{(b.Every - b.For).Seconds(), base, base}, segment{b.For.Seconds(), high, high})
	case !pace.Poisson:
		return steady{rate}
	default:
		c = newCurve(true, segment{1, base, base})
	}
	if pace.Poisson {
		return &poisson{even: c.at, random: mix(random + saltPace), block: -1}
	}
	return c
}

const saltPace = 0x70616365
