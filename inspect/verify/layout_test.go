package verify

import (
	"fmt"
	"testing"

	"inv/internal/kafka/partition"
)

// Keys in partitions of their own, and those of a topic that has grown, are right, also
// while some writers don't know it yet.
func TestLayout(t *testing.T) {
	const right, wrong, unsure = "right", "wrong", "unsure"
	key := func(n int) []byte { return fmt.Appendf(nil, "key-%d", n) }
	by := func(partitions int) func(n int) int32 {
		return func(n int) int32 { return partition.Murmur2(key(n), partitions) }
	}
	// elsewhere puts one key, from some number on, into a partition that is not its own.
	elsewhere := func(from int, to int32) func(n int) int32 {
		for by(6)(from) == to {
			from++
		}
		return func(n int) int32 {
			if n == from {
				return to
			}
			return by(6)(n)
		}
	}
	for _, c := range []struct {
		name string
		all  int // keys
		of   func(n int) int32
		want string
	}{
		{"never grown", 100, by(6), right},
		{"grown", 400, func(n int) int32 { return by(3 + n/200*3)(n) }, right},
		{"grown by one", 400, func(n int) int32 { return by(5 + n/200)(n) }, right},
		{"grown from one", 300, func(n int) int32 { return by(1 + min(n/100, 1)*5)(n) }, right},
		{"grown twice", 300, func(n int) int32 { return by(2 + n/100*2)(n) }, right},
		{"grown at once, and one writer does not know it yet", 400, func(n int) int32 { return by(6 - 3*(n%2)*(1-n/200))(n) }, right},
		{"grown, few keys", 8, func(n int) int32 { return by(3 + n/4*3)(n) }, right},
		{"one in the last partition", 400, elsewhere(3, 5), wrong},
		{"one among many in the first", 400, elsewhere(390, 0), unsure},
		{"all by another partitioner", 400, func(n int) int32 { return partition.CRC32(key(n), 6) }, wrong},
		{"all in turn", 400, func(n int) int32 { return int32(n % 6) }, wrong},
	} {
		l := &layout{partitions: 6, keys: map[int32]int64{}, explained: map[int32]int64{}}
		got := right
		for n := range c.all {
			if !l.add(misfit{at: place{"t", c.of(n), int64(n)}}, partition.Hash(key(n)), true) {
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
			t.Errorf("%s: %s, want %s (%d misfits, %d keys before, %v)", c.name, got, c.want, l.misfits, l.before, l.explained)
		}
	}
}
