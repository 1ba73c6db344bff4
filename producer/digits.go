package producer

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
)

// digitsRoom is how many bytes the put functions may write to. That may be more than
// they return; the next piece overwrites what is beyond the end.
const digitsRoom = 32

const zeros = 0x3030303030303030 // eight times '0'

// eight returns the eight decimal digits of v < 1e8 as bytes 0 … 9, the first one
// lowest. They are computed in parallel: the number is split into two of four digits,
// each of these into two of two digits, and so on (Mula, Langdale; the multiplications
// replace divisions by 100 and 10).
func eight(v uint64) uint64 {
	high := v / 10000
	v = high | (v-high*10000)<<32
	q := v * 10486 >> 20 & 0x7f_0000_007f
	v = q | (v-q*100)<<16
	q = v * 103 >> 10 & 0x000f_000f_000f_000f
	return q | (v-q*10)<<8
}

// three returns the three digits of v < 1000 as text, the first one lowest.
func three(v uint32) uint32 {
	hundreds := v * 41 >> 12
	v -= hundreds * 100
	tens := v * 103 >> 10
	return '0'*0x10101 + hundreds | tens<<8 | (v-tens*10)<<16
}

// putInt writes v and returns its length.
func putInt(to *[digitsRoom]byte, v int64) int {
	u := uint64(v)
	switch {
	case u < 1e8:
		d := eight(u)
		// Leading zeros are cut, but not the last digit.
		skip := bits.TrailingZeros64(d|1<<56) &^ 7
		binary.LittleEndian.PutUint64(to[:], (d|zeros)>>skip)
		return 8 - skip/8
	case v < 0 || v >= 1e16:
		return len(strconv.AppendInt(to[:0], v, 10))
	}
	high := u / 1e8
	n := putInt(to, int64(high))
	binary.LittleEndian.PutUint64(to[n&15:], eight(u-high*1e8)|zeros)
	return n + 8
}

// putDecimal writes v, in units of 10^-dec, with dec decimals.
func putDecimal(to *[digitsRoom]byte, v int64, dec int) int {
	switch {
	case dec == 0:
		return putInt(to, v)
	case dec != 2 || uint64(v) >= 1e8:
		return len(appendFraction(to[:0], v, dec))
	}
	d := eight(uint64(v))
	skip := bits.TrailingZeros64(d|1<<40) &^ 7
	d |= zeros
	binary.LittleEndian.PutUint64(to[:], d>>skip)
	n := 6 - skip/8
	binary.LittleEndian.PutUint32(to[n&7:], uint32(d>>48)<<8|'.')
	return n + 3
}

// thousands writes integers that increase in small steps, such as record numbers and
// epoch milliseconds. It caches the digits before the last three.
type thousands struct {
	above int64
	size  int
	text  [16]byte // of above
}

func (t *thousands) put(to *[digitsRoom]byte, v int64) int {
	if v < 1000 {
		return putInt(to, v)
	}
	above := v / 1000
	if above != t.above {
		t.remember(above)
	}
	*(*[16]byte)(to[:]) = t.text
	binary.LittleEndian.PutUint32(to[t.size&31:], three(uint32(v-above*1000)))
	return t.size + 3
}

func (t *thousands) remember(above int64) {
	var text [digitsRoom]byte
	t.above, t.size = above, putInt(&text, above)
	copy(t.text[:], text[:])
}

func (t *thousands) append(dst []byte, v int64) []byte {
	dst = withRoom(dst, digitsRoom)
	n := len(dst)
	return dst[:n+t.put((*[digitsRoom]byte)(dst[n:n+digitsRoom]), v)]
}

func appendInt(dst []byte, v int64) []byte {
	dst = withRoom(dst, digitsRoom)
	n := len(dst)
	return dst[:n+putInt((*[digitsRoom]byte)(dst[n:n+digitsRoom]), v)]
}

// appendDecimal writes v, in units of 10^-dec, with dec decimals.
func appendDecimal(dst []byte, v int64, dec int) []byte {
	dst = withRoom(dst, digitsRoom)
	n := len(dst)
	return dst[:n+putDecimal((*[digitsRoom]byte)(dst[n:n+digitsRoom]), v, dec)]
}

// appendFraction is appendDecimal for the less common cases.
func appendFraction(dst []byte, v int64, dec int) []byte {
	if v < 0 {
		dst, v = append(dst, '-'), -v
	}
	unit := pow10(dec)
	dst = append(strconv.AppendInt(dst, v/unit, 10), '.')
	for rest := v % unit; dec > 0; dec-- {
		unit /= 10
		dst = append(dst, byte('0'+rest/unit))
		rest %= unit
	}
	return dst
}

// appendPadded writes v with at least width digits.
func appendPadded(dst []byte, v int64, width int) []byte {
	if v == math.MinInt64 { // which has no positive counterpart
		dst = append(dst, '-')
		for range width - 19 {
			dst = append(dst, '0')
		}
		return strconv.AppendUint(dst, 1<<63, 10)
	}
	if v < 0 {
		dst, v = append(dst, '-'), -v
	}
	for rest := width - 1; rest > 0 && (rest > 18 || v < pow10(rest)); rest-- {
		dst = append(dst, '0')
	}
	return appendInt(dst, v)
}

func pow10(n int) int64 {
	v := int64(1)
	for range n {
		v *= 10
	}
	return v
}
