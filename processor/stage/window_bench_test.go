package stage

import (
	"math/rand/v2"
	"testing"
)

// A record's way through six windows, one after the other, as partitions take turns.
func BenchmarkWindow(b *testing.B) {
	var windows [6]*Window
	for i := range windows {
		windows[i] = NewWindow(50_000)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	offset := int64(0)
	add := func(n int) {
		for range n {
			windows[offset%6].Add(Fingerprint{rng.Uint64(), rng.Uint64()}, offset/6)
			if offset++; offset%20_000 == 0 {
				for _, w := range windows {
					w.Commit(offset / 6)
				}
			}
		}
	}
	add(400_000)
	b.ReportAllocs()
	b.ResetTimer()
	add(b.N)
}
