package producer

import (
	"math"
	"math/bits"
)

// The randomness of a field is hash(producer key, record number, field), with the
// finalizer of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number
// Generators, 2014) and Stafford's constants (mix 13). It has no state, so any
// record can be computed on its own.

const golden = 0x9E3779B97F4A7C15

func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xBF58476D1CE4E5B9
	x ^= x >> 27
	x *= 0x94D049BB133111EB
	return x ^ x>>31
}

// hashText returns the random key of a name or a path.
func hashText(s string) uint64 { return mix(fnv(14695981039346656037, s)) }

// fnv adds a text to an FNV-1a hash.
func fnv[T string | []byte](h uint64, text T) uint64 {
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	return h
}

// below maps a random number to 0 … n-1.
func below(r, n uint64) uint64 {
	hi, _ := bits.Mul64(r, n)
	return hi
}

// unit maps a random number to [0, 1).
func unit(r uint64) float64 { return float64(r>>11) * (1.0 / (1 << 53)) }

// threshold returns the bound that a random number is below with probability p.
func threshold(p float64) uint64 {
	switch {
	case p <= 0:
		return 0
	case p >= 1:
		return math.MaxUint64
	}
	return uint64(p * (1 << 63) * 2)
}

// happens reports whether r draws an event with this threshold.
func happens(r, p uint64) bool { return r < p || p == math.MaxUint64 }
