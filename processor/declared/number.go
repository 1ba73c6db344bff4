package declared

import (
	"encoding/binary"
	"math"
)

// Codes of numbers, in the low bits of their first varint. Most are money.
const (
	codeWhole       = iota // the number itself
	codeHundredth          // hundredths
	codeTenThousand        // ten-thousandths
	codeRaw                // the eight bytes of the float follow
	codeBits        = 2
)

var codeScale = [...]float64{1, 100, 10_000}

// appendNumber appends a number in as few bytes as give it back exactly.
func appendNumber(dst []byte, f float64) []byte {
	for code, scale := range codeScale {
		n := math.RoundToEven(f * scale)
		if math.Abs(n) < 1<<50 && n/scale == f && (n != 0 || !math.Signbit(f)) {
			return binary.AppendUvarint(dst, zigzag(int64(n))<<codeBits|uint64(code))
		}
	}
	return binary.LittleEndian.AppendUint64(append(dst, codeRaw), math.Float64bits(f))
}

// number decodes the number that b begins with.
func number(b []byte) (float64, []byte) {
	u, n := binary.Uvarint(b)
	b = b[n:]
	if code := u & (1<<codeBits - 1); code != codeRaw {
		return float64(unzigzag(u>>codeBits)) / codeScale[code], b
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(b)), b[8:]
}

func zigzag(n int64) uint64   { return uint64(n)<<1 ^ uint64(n>>63) }
func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

// numberSize returns the length of the number that b begins with.
func numberSize(b []byte) (int, bool) {
	u, n := binary.Uvarint(b)
	if n > 0 && u&(1<<codeBits-1) == codeRaw {
		n += 8
	}
	return n, n > 0 && n <= len(b)
}
