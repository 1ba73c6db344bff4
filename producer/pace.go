package producer

import (
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

// forever is later than any run ends.
const forever = time.Duration(1<<62 - 1)
