package registry

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// Few bytes are written by a quicker way, with the text that the same number has in more.
func TestShortDecimals(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		v := random.Int64() >> (8 + random.IntN(56))
		if random.IntN(2) == 0 {
			v = -v
		}
		long := binary.BigEndian.AppendUint64(nil, uint64(v))
		short := long
		for len(short) > 1 && (short[0] == 0 && short[1] < 0x80 || short[0] == 0xff && short[1] >= 0x80) {
			short = short[1:]
		}
		scale := int64(random.IntN(10))
		got, want := appendDecimal([]byte("x"), short, scale), appendDecimal([]byte("x"), long, scale)
		if !bytes.Equal(got, want) {
			t.Fatalf("%d with %d decimals: %s from %d bytes, %s from 8", v, scale, got, len(short), want)
		}
	}
}
