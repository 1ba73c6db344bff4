package registry

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// logicalAppender returns the appender for a logical type, nil if the type is written as
// what it stands for. The types are those of the Avro specification 1.12, "Logical
// Types":
//
//	decimal, big-decimal         a number with all digits
//	date                         "2026-05-01"
//	time-millis, time-micros     "15:04:05.000", "15:04:05.000000"
//	timestamp-millis …-nanos     "2026-05-01T15:04:05.000Z", with 3, 6 or 9 decimals
//	local-timestamp-millis …     the same without Z
//	duration                     ISO 8601, such as "P1M2DT3.004S"
//	uuid                         "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
//
// In the style Data timestamps are numbers, and so is a time of day that is none.
func logicalAppender(t *avroType, style Style) avroAppender {
	switch {
	case t.logical == "decimal":
		return decimalAppender(t)
	case t.logical == "big-decimal":
		return appendBigDecimal
	case t.logical == "duration":
		return ofFixed(t.size, appendDuration)
	case t.logical == "uuid" && t.kind == "fixed":
		return ofFixed(t.size, appendUUID)
	}
	if write := logicalLong(t, style); write != nil {
		return ofLong(write)
	}
	return nil
}

// maxDecimal is how many bytes a decimal may have: more digits than the 65,536 that a
// schema may ask for take a second and more to convert.
const maxDecimal = 32 << 10

func decimalAppender(t *avroType) avroAppender {
	fixed, size, scale := t.kind == "fixed", int64(t.size), int64(t.scale)
	return func(dst []byte, in *avroInput) (_ []byte, err error) {
		length := size
		if !fixed {
			if length, err = in.long(); err != nil {
				return nil, err
			}
		}
		b, err := in.bytes(length)
		if err != nil {
			return nil, err
		}
		if len(b) > maxDecimal {
			return nil, fmt.Errorf("a decimal has %d bytes, more than %d", len(b), maxDecimal)
		}
		return appendDecimal(dst, b, scale), nil
	}
}

// logicalLong returns how a logical type of an int or a long is written, nil if it is
// written as the number.
func logicalLong(t *avroType, style Style) func(dst []byte, v int64) []byte {
	const day = 24 * 60 * 60
	clock := func(decimals int, perSecond int64, at func(int64) time.Time) func(dst []byte, v int64) []byte {
		text := timeText{clock: true, decimals: decimals}
		return func(dst []byte, v int64) []byte {
			if style == Data && (v < 0 || v >= day*perSecond) {
				return strconv.AppendInt(dst, v, 10)
			}
			return text.append(dst, at(v).UTC())
		}
	}
	switch t.logical {
	case "date":
		return func(dst []byte, v int64) []byte { return timeText{date: true}.append(dst, time.Unix(v*day, 0).UTC()) }
	case "time-millis":
		return clock(3, 1e3, time.UnixMilli)
	case "time-micros":
		return clock(6, 1e6, time.UnixMicro)
	}
	if style == Data {
		return nil
	}
	logical, local := strings.CutPrefix(t.logical, "local-")
	text := timeText{date: true, clock: true, utc: !local}
	at := time.UnixMilli
	switch logical {
	case "timestamp-millis":
		text.decimals = 3
	case "timestamp-micros":
		text.decimals, at = 6, time.UnixMicro
	case "timestamp-nanos":
		text.decimals, at = 9, func(v int64) time.Time { return time.Unix(0, v) }
	default:
		return nil
	}
	return func(dst []byte, v int64) []byte { return text.append(dst, at(v).UTC()) }
}

// timeText is how times are written: as time.Time.AppendFormat does, but faster.
type timeText struct {
	date, clock bool
	decimals    int
	utc         bool // with a Z
}

func (f timeText) append(dst []byte, at time.Time) []byte {
	dst = append(dst, '"')
	if f.date {
		year, month, day := at.Date()
		if year < 0 || year > 9999 {
			dst = at.AppendFormat(dst, time.DateOnly)
		} else {
			dst = appendPadded(dst, year, 4)
			dst = appendPadded(append(dst, '-'), int(month), 2)
			dst = appendPadded(append(dst, '-'), day, 2)
		}
	}
	if f.clock {
		if f.date {
			dst = append(dst, 'T')
		}
		hour, minute, second := at.Clock()
		dst = appendPadded(dst, hour, 2)
		dst = appendPadded(append(dst, ':'), minute, 2)
		dst = appendPadded(append(dst, ':'), second, 2)
		fraction := at.Nanosecond()
		for range 9 - f.decimals {
			fraction /= 10
		}
		dst = appendPadded(append(dst, '.'), fraction, f.decimals)
	}
	if f.utc {
		dst = append(dst, 'Z')
	}
	return append(dst, '"')
}

// appendPadded appends a number with zeros before it.
func appendPadded(dst []byte, v, width int) []byte {
	var digits [9]byte
	for i := width - 1; i >= 0; i-- {
		digits[i] = byte('0' + v%10)
		v /= 10
	}
	return append(dst, digits[:width]...)
}

var powersOfTen = [...]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}

// appendShortDecimal is appendDecimal for 1 to 7 bytes and 1 to 9 decimals, as amounts of
// money have.
func appendShortDecimal(dst, b []byte, scale int) []byte {
	v := int64(int8(b[0]))
	for _, c := range b[1:] {
		v = v<<8 | int64(c)
	}
	if v < 0 {
		dst, v = append(dst, '-'), -v
	}
	whole := uint64(v) / powersOfTen[scale]
	decimals := uint64(v) - whole*powersOfTen[scale]
	return appendPadded(append(strconv.AppendUint(dst, whole, 10), '.'), int(decimals), scale)
}

// appendDecimal appends a big-endian two's complement integer times 10^-scale. It
// allocates nothing up to 16 bytes, which hold 38 digits.
func appendDecimal(dst, b []byte, scale int64) []byte {
	if 0 < len(b) && len(b) < 8 && 0 < scale && scale <= 9 {
		return appendShortDecimal(dst, b, int(scale))
	}
	var room [40]byte
	negative, digits := appendDigits(room[:0], b)
	if negative {
		dst = append(dst, '-')
	}
	if scale <= 0 {
		dst = append(dst, digits...)
		if scale < 0 && digits[0] != '0' {
			dst = strconv.AppendInt(append(dst, 'e'), -scale, 10)
		}
		return dst
	}
	point := int64(len(digits)) - scale
	if point > 0 {
		dst = append(dst, digits[:point]...)
		digits = digits[point:]
	} else {
		dst = append(dst, '0')
	}
	dst = append(dst, '.')
	for ; point < 0; point++ {
		dst = append(dst, '0')
	}
	return append(dst, digits...)
}

// appendDigits appends the digits of a big-endian two's complement integer.
func appendDigits(dst, b []byte) (negative bool, digits []byte) {
	negative = len(b) > 0 && b[0]&0x80 != 0
	if len(b) > 16 {
		var v big.Int
		v.SetBytes(b)
		if negative {
			v.Sub(new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))), &v)
		}
		return negative, v.Append(dst, 10)
	}
	var high, low uint64
	if negative {
		high, low = math.MaxUint64, math.MaxUint64
	}
	for _, c := range b {
		high, low = high<<8|low>>56, low<<8|uint64(c)
	}
	if negative {
		var borrow uint64
		low, borrow = bits.Sub64(0, low, 0)
		high, _ = bits.Sub64(0, high, borrow)
	}
	if high == 0 {
		return negative, strconv.AppendUint(dst, low, 10)
	}
	const billions = 1e19 // the digits of which fit a word, and high is less
	high, low = bits.Div64(high, low, billions)
	dst = strconv.AppendUint(dst, high, 10)
	n := len(dst)
	dst = append(dst, "0000000000000000000"...)
	for i := len(dst) - 1; i >= n; i-- {
		dst[i] = byte('0' + low%10)
		low /= 10
	}
	return negative, dst
}

// maxScale bounds a big-decimal's scale, which stands in the payload.
const maxScale = 10_000

// appendBigDecimal appends bytes that hold an integer, as sized bytes, and its scale.
func appendBigDecimal(dst []byte, in *avroInput) ([]byte, error) {
	b, err := in.sized()
	if err != nil {
		return nil, err
	}
	if len(b) > maxDecimal {
		return nil, fmt.Errorf("a big-decimal has %d bytes, more than %d", len(b), maxDecimal)
	}
	digits, rest, err := sizedOf(b)
	if err != nil {
		return nil, err
	}
	scale, n := binary.Varint(rest)
	if n <= 0 {
		return nil, errShort
	}
	if scale < -maxScale || scale > maxScale || len(rest) > n {
		return nil, fmt.Errorf("a big-decimal has the scale %d and %d more bytes", scale, len(rest)-n)
	}
	return appendDecimal(dst, digits, scale), nil
}

// sizedOf returns the sized bytes that b begins with, and what follows them.
func sizedOf(b []byte) (value, rest []byte, err error) {
	size, n := binary.Varint(b)
	if n <= 0 || size < 0 || size > int64(len(b)-n) {
		return nil, nil, errShort
	}
	return b[n : n+int(size)], b[n+int(size):], nil
}

// appendDuration appends months, days and milliseconds, each an unsigned
// little-endian number.
func appendDuration(dst, b []byte) []byte {
	months, days, ms := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint32(b[8:])
	dst = append(dst, `"P`...)
	if months > 0 {
		dst = append(strconv.AppendUint(dst, uint64(months), 10), 'M')
	}
	if days > 0 {
		dst = append(strconv.AppendUint(dst, uint64(days), 10), 'D')
	}
	if ms > 0 || months == 0 && days == 0 {
		dst = strconv.AppendUint(append(dst, 'T'), uint64(ms/1000), 10)
		if ms %= 1000; ms > 0 {
			dst = append(dst, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
		}
		dst = append(dst, 'S')
	}
	return append(dst, '"')
}

func appendUUID(dst, b []byte) []byte {
	dst = append(dst, '"')
	for i := range b[:16] {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, b[i:i+1])
	}
	return append(dst, '"')
}
