package verify

import (
	"fmt"
	"testing"

	"inv/internal/kafka/partition"
)

// Keys in partitions of their own, and those of a topic that has grown, are right; one
// that was moved is wrong, if there are enough to tell.
func TestLayout(t *testing.T) {
	const right, wrong, unsure = "right", "wrong", "unsure"
	key := func(n int) []byte { return fmt.Appendf(nil, "key-%d", n) }
	for _, c := range []struct {
		name       string
		before     int // partitions when the first keys were written
		first, all int // keys
		moved      int // which key is in the next partition; -1: none
		want       string
	}{
		{"never grown", 6, 0, 100, -1, right},
		{"grown", 3, 200, 400, -1, right},
		{"grown by one", 5, 200, 200, -1, right},
		{"grown from one", 1, 100, 300, -1, right},
		{"grown, very many", 3, 9000, 10000, -1, right},
		{"grown, few", 3, 4, 50, -1, unsure},
		{"moved", 6, 0, 400, 399, wrong},
		{"moved among few", 6, 0, 8, 7, unsure},
	} {
		l := &layout{partitions: 6, parts: map[int32]*layoutPart{}}
		got := right
		for n := range c.all {
			partitions := 6
			if n < c.first {
				partitions = c.before
			}
			to := partition.Murmur2(key(n), partitions)
			if n == c.moved {
				to = 0
				for partition.Murmur2(key(n), 6) == 0 {
					n++ // a key that belongs elsewhere
				}
			}
			if !l.add(misfit{at: place{"t", to, int64(n)}}, partition.Hash(key(n)), true) {
				got = wrong
			}
		}
		switch bad, certain := l.judge(); {
		case bad:
			got = wrong
		case !certain && got == right:
			got = unsure
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s (%d of %d)", c.name, got, c.want, l.misfits, l.among)
		}
	}
}

func TestAtMost(t *testing.T) {
	for _, c := range []struct {
		n, k int64
		want float64
	}{{0, 0, 1}, {1, 0, 0.5}, {2, 1, 0.75}, {10, 10, 1}, {10, 0, 1.0 / 1024}, {2000, 5, 0}} {
		if got := atMost(c.n, c.k); got < c.want-1e-9 || got > c.want+1e-9 {
			t.Errorf("at most %d of %d: %v, want %v", c.k, c.n, got, c.want)
		}
	}
}
