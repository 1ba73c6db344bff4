package producer

import (
	"math"

	"inv/internal/scenario"
)

const (
	// defaultDepth is how many times producers cause each other without `depth:`.
	defaultDepth = 8
	// maxDepth is the largest depth.
	maxDepth = scenario.MaxDepth
	// maxGrowth bounds how many records a record of a cycle causes on average, directly
	// or not.
	maxGrowth = 10_000
	// maxPlaces bounds the numbers of the records that a record of a cycle causes, so
	// that there are enough for a million such records.
	maxPlaces = 1 << 43
)

// checkGrowth reports cycles through a stream that grow without a limit, or beyond what
// can be made and numbered.
func (c *compiler) checkGrowth(s *stream) {
	mean := 0.0
	for _, k := range s.causes {
		if k.recursive {
			mean += k.mean
		}
	}
	for _, k := range s.causes {
		if !k.recursive {
			continue
		}
		all, each := 0.0, 1.0
		for range k.depth {
			each *= mean
			all += each
		}
		places := math.Pow(2*float64(k.count)*float64(k.to.from.below()), float64(k.depth))
		switch {
		case mean >= 1 && k.unbounded:
			c.problem(k.pos, "causes: a record of %q causes %.3g on average that cause others in turn, so they would never end; give `depth:`, how often at most", s.name, mean)
		case all > maxGrowth:
			c.problem(k.pos, "causes: with this depth, a record of %q causes %.0f records on average; the limit is %d", s.name, all, maxGrowth)
		case places > maxPlaces:
			c.problem(k.pos, "causes: %d times up to %d records are too many to be numbered; give a lower `depth:`, or a `count:` with a lower limit", k.depth, k.count)
		}
	}
}

// mostOf returns the largest number that a distribution gives; maxCaused if the scenario
// does not determine it.
func mostOf(g *scenario.Gen) int64 {
	var most *scenario.Number
	switch s := g.Spec.(type) {
	case *scenario.Normal:
		most = s.Max
	case *scenario.Exponential:
		most = s.Max
	case *scenario.Zipf:
		return min(s.N, maxCaused)
	}
	if most == nil {
		return min(highest(g), maxCaused)
	}
	return int64(min(math.Ceil(max(most.Float(), 0)), maxCaused))
}

// meanOf returns the mean of a generator of whole numbers from 0 to most; most if the
// scenario does not determine it.
func meanOf(g *scenario.Gen, most int64) float64 {
	var mean float64
	switch s := g.Spec.(type) {
	case *scenario.Int:
		low, high := float64(s.Low), max(float64(s.High), 0)
		if mean = (low + high) / 2; low < 0 {
			mean = high * (high + 1) / 2 / (high - low + 1)
		}
	case *scenario.Normal:
		// The mean of the larger one of it and a constant.
		least, sd := leastOf(s.Min), max(s.SD.Float(), 1e-9)
		z := (s.Mean.Float() - least) / sd
		mean = least + sd*(z*math.Erfc(-z/math.Sqrt2)/2+math.Exp(-z*z/2)/math.Sqrt(2*math.Pi))
	case *scenario.Exponential:
		least, m := leastOf(s.Min), s.Mean.Float()
		mean = least + m*math.Exp(-least/m)
	case *scenario.Zipf:
		sum, total := 0.0, 0.0
		for rank := 1.0; rank <= float64(most); rank++ {
			share := math.Pow(rank, -s.S.Float())
			sum, total = sum+rank*share, total+share
		}
		mean = sum / total
	case *scenario.OneOf:
		sum, total := 0.0, 0.0
		for _, choice := range s.Choices {
			sum, total = sum+choice.Weight*meanOf(choice.Gen, most), total+choice.Weight
		}
		mean = sum / total
	default:
		mean = float64(highest(g))
	}
	return max(0, min(mean, float64(most)))
}

func leastOf(least *scenario.Number) float64 {
	if least == nil {
		return 0
	}
	return max(least.Float(), 0)
}
