package registry

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/avro"
)

// logicalAppender returns the appender for a logical type, nil if the node has none
// that applies to its type. The types are those of the Avro specification 1.12,
// "Logical Types":
//
//	decimal, big-decimal         a number with all digits
//	date                         "2026-05-01"
//	time-millis, time-micros     "15:04:05.000", "15:04:05.000000"
//	timestamp-millis …-nanos     "2026-05-01T15:04:05.000Z", with 3, 6 or 9 decimals
//	local-timestamp-millis …     the same without Z
//	duration                     ISO 8601, such as "P1M2DT3.004S"
//	uuid                         "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
func logicalAppender(n *avro.SchemaNode) (avroAppender, error) {
	type kind struct{ logical, of string }
	instant := func(layout string, at func(int64) time.Time) (avroAppender, error) {
		layout = `"` + layout + `"`
		return ofLong(func(dst []byte, v int64) []byte { return at(v).UTC().AppendFormat(dst, layout) }), nil
	}
	const (
		millis = "2006-01-02T15:04:05.000"
		micros = "2006-01-02T15:04:05.000000"
		nanos  = "2006-01-02T15:04:05.000000000"
	)
	fromNanos := func(v int64) time.Time { return time.Unix(0, v) }
	switch (kind{n.LogicalType, n.Type}) {
	case kind{"decimal", "bytes"}:
		return ofSized(func(dst, b []byte) []byte { return appendDecimal(dst, b, int64(n.Scale)) }), nil
	case kind{"decimal", "fixed"}:
		return ofFixed(n.Size, func(dst, b []byte) []byte { return appendDecimal(dst, b, int64(n.Scale)) }), nil
	case kind{"big-decimal", "bytes"}:
		return appendBigDecimal, nil
	case kind{"date", "int"}:
		return instant(time.DateOnly, func(days int64) time.Time { return time.Unix(days*24*60*60, 0) })
	case kind{"time-millis", "int"}:
		return instant("15:04:05.000", time.UnixMilli)
	case kind{"time-micros", "long"}:
		return instant("15:04:05.000000", time.UnixMicro)
	case kind{"timestamp-millis", "long"}:
		return instant(millis+"Z", time.UnixMilli)
	case kind{"timestamp-micros", "long"}:
		return instant(micros+"Z", time.UnixMicro)
	case kind{"timestamp-nanos", "long"}:
		return instant(nanos+"Z", fromNanos)
	case kind{"local-timestamp-millis", "long"}:
		return instant(millis, time.UnixMilli)
	case kind{"local-timestamp-micros", "long"}:
		return instant(micros, time.UnixMicro)
	case kind{"local-timestamp-nanos", "long"}:
		return instant(nanos, fromNanos)
	case kind{"duration", "fixed"}:
		if n.Size == 12 {
			return ofFixed(12, appendDuration), nil
		}
	case kind{"uuid", "fixed"}:
		if n.Size == 16 {
			return ofFixed(16, appendUUID), nil
		}
	}
	return nil, nil
}

// appendDecimal appends a big-endian two's complement integer times 10^-scale.
func appendDecimal(dst, b []byte, scale int64) []byte {
	var v big.Int
	v.SetBytes(b)
	if len(b) > 0 && b[0]&0x80 != 0 {
		v.Sub(&v, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	if v.Sign() < 0 {
		dst = append(dst, '-')
		v.Neg(&v)
	}
	digits := v.String()
	switch {
	case scale < 0 && v.Sign() != 0:
		digits += "e" + strconv.FormatInt(-scale, 10)
	case scale > 0:
		if missing := scale + 1 - int64(len(digits)); missing > 0 {
			digits = strings.Repeat("0", int(missing)) + digits
		}
		point := int64(len(digits)) - scale
		digits = digits[:point] + "." + digits[point:]
	}
	return append(dst, digits...)
}

// maxScale bounds a big-decimal's scale, which stands in the payload.
const maxScale = 10_000

// appendBigDecimal appends bytes that hold an integer, as sized bytes, and its scale.
func appendBigDecimal(dst []byte, in *avroInput) ([]byte, error) {
	b, err := in.sized()
	if err != nil {
		return nil, err
	}
	inner := avroInput{rest: b}
	digits, err := inner.sized()
	if err != nil {
		return nil, err
	}
	scale, err := inner.long()
	if err != nil {
		return nil, err
	}
	if scale < -maxScale || scale > maxScale || len(inner.rest) > 0 {
		return nil, fmt.Errorf("a big-decimal has the scale %d and %d more bytes", scale, len(inner.rest))
	}
	return appendDecimal(dst, digits, scale), nil
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
		if ms%1000 > 0 {
			dst = fmt.Appendf(dst, ".%03d", ms%1000)
		}
		dst = append(dst, 'S')
	}
	return append(dst, '"')
}

func appendUUID(dst, b []byte) []byte {
	dst = append(dst, '"')
	for i, part := range [][]byte{b[:4], b[4:6], b[6:8], b[8:10], b[10:]} {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, part)
	}
	return append(dst, '"')
}
