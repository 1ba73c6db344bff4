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

// shapeOf returns the bounds of a distribution.
func shapeOf(g *scenario.Gen) scenario.Shape {
	switch s := g.Spec.(type) {
	case *scenario.Normal:
		return s.Shape
	case *scenario.Exponential:
		return s.Shape
	}
	return scenario.Shape{}
}

// meanOf returns the mean of a generator of whole numbers from 0 to most; most if the
// scenario does not determine it.
func meanOf(g *scenario.Gen, most int64) float64 {
	var mean float64
	switch s := g.Spec.(type) {
	case *scenario.Int:
		mean = (float64(max(s.Low, 0)) + float64(max(s.High, 0))) / 2
	case *scenario.Normal:
		mean = s.Mean.Float()
	case *scenario.Exponential:
		mean = s.Mean.Float()
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
