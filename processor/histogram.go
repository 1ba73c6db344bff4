package processor

import (
	"math"
	"sync/atomic"
	"time"
)

// bucketBounds are the upper bounds of a histogram of seconds.
var bucketBounds = [...]float64{0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}

// histogram counts durations. The zero value is ready; it may be used from any
// goroutine.
type histogram struct {
	counts  [len(bucketBounds) + 1]atomic.Uint64
	seconds atomic.Uint64 // the bits of a float64
}

func (h *histogram) observe(d time.Duration) {
	s := max(d.Seconds(), 0)
	i := 0
	for i < len(bucketBounds) && s > bucketBounds[i] {
		i++
	}
	h.counts[i].Add(1)
	for {
		old := h.seconds.Load()
		if h.seconds.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+s)) {
			return
		}
	}
}

// Durations is a histogram at one moment.
type Durations struct {
	Count   uint64
	Seconds float64            // their sum
	Buckets map[float64]uint64 // those of at most so many seconds
}

func (h *histogram) durations() Durations {
	d := Durations{Seconds: math.Float64frombits(h.seconds.Load()), Buckets: map[float64]uint64{}}
	for i, bound := range bucketBounds {
		d.Count += h.counts[i].Load()
		d.Buckets[bound] = d.Count
	}
	d.Count += h.counts[len(bucketBounds)].Load()
	return d
}
