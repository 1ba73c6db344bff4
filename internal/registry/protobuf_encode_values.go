package registry

import (
	"bytes"
	"encoding/base64"
	"math"
	"math/bits"
	"strconv"
	"unicode/utf8"

	"inv/internal/jsonscan"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// number returns the wire value of a bool, an enum or a number.
func (e *protoEncoder) number(f *protoField, json []byte) (uint64, error) {
	switch f.kind {
	case protoreflect.BoolKind:
		switch string(json) {
		case "true":
			return 1, nil
		case "false":
			return 0, nil
		}
		return 0, valueErrorf("%s is not a bool", shown(json))
	case protoreflect.EnumKind:
		return f.enum.number(json)
	case protoreflect.FloatKind:
		v, err := floatOf(json, 32)
		return uint64(math.Float32bits(float32(v))), err
	case protoreflect.DoubleKind:
		v, err := floatOf(json, 64)
		return math.Float64bits(v), err
	}
	negative, magnitude, err := wholeOf(json)
	if err != nil {
		return 0, err
	}
	low, high := kindRange(f.kind)
	if negative && (magnitude > low) || !negative && magnitude > high {
		return 0, valueErrorf("%s is out of the range of %s", shown(json), f.kind)
	}
	v := magnitude
	if negative {
		v = -magnitude
	}
	switch f.kind {
	case protoreflect.Sint32Kind, protoreflect.Sint64Kind:
		return protowire.EncodeZigZag(int64(v)), nil
	case protoreflect.Sfixed32Kind:
		return uint64(uint32(v)), nil
	}
	return v, nil
}

// kindRange returns the range of an integer kind: from minus low to high.
func kindRange(k protoreflect.Kind) (low, high uint64) {
	switch k {
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind, protoreflect.EnumKind:
		return 1 << 31, math.MaxInt32
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return 0, math.MaxUint32
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return 0, math.MaxUint64
	case protoreflect.BoolKind:
		return 0, 1
	}
	return 1 << 63, math.MaxInt64
}

// number returns the number of a value of an enum, from its name or its number.
func (e *protoEnum) number(json []byte) (uint64, error) {
	switch {
	case json[0] == '"':
		if n, ok := e.numbers[string(jsonscan.Unquote(json))]; ok {
			return uint64(int64(n)), nil
		}
	case json[0] == 'n' && e.null:
		return 0, nil
	case json[0] == '-' || json[0] >= '0' && json[0] <= '9':
		negative, magnitude, err := wholeOf(json)
		if low, high := kindRange(protoreflect.EnumKind); err != nil || negative && magnitude > low || !negative && magnitude > high {
			break
		}
		n := int64(magnitude)
		if negative {
			n = -n
		}
		if !e.closed || e.texts[protoreflect.EnumNumber(n)] != nil {
			return uint64(n), nil
		}
	}
	return 0, valueErrorf("%s is not a value of the enum %s", shown(json), e.desc.FullName())
}

// unquoted returns a number that is text, as ProtoJSON has those of 64 bits.
func unquoted(json []byte) []byte {
	if json[0] == '"' && len(json) > 2 && (json[1] == '-' || json[1] >= '0' && json[1] <= '9') {
		if inner := json[1 : len(json)-1]; jsonscan.End(inner) == len(inner) {
			return inner
		}
	}
	return json
}

func isNumber(json []byte) bool { return json[0] == '-' || json[0] >= '0' && json[0] <= '9' }

// wholeOf returns a whole number, which may be written as 1e3 or 2.0.
func wholeOf(json []byte) (negative bool, magnitude uint64, err error) {
	text := unquoted(json)
	if !isNumber(text) {
		return false, 0, valueErrorf("%s is not a number", shown(json))
	}
	negative, high, low, ok := scaled(text, 0)
	if !ok {
		return false, 0, valueErrorf("%s is not a whole number", shown(json))
	}
	if high > 0 {
		return false, 0, valueErrorf("%s has more than 64 bits", shown(json))
	}
	return negative, low, nil
}

// scaled returns a JSON number times a power of ten, as 128 bits; one that is larger is the
// largest. ok is false if digits are left after the point that are not 0.
func scaled(text []byte, power int) (negative bool, high, low uint64, ok bool) {
	if text[0] == '-' {
		negative, text = true, text[1:]
	}
	end := len(text)
	for i, c := range text {
		if c == 'e' || c == 'E' {
			n, err := strconv.Atoi(string(text[i+1:]))
			if err != nil { // only its size can be wrong
				n = math.MaxInt32
				if text[i+1] == '-' {
					n = math.MinInt32
				}
			}
			power += min(max(n, math.MinInt32), math.MaxInt32)
			end = i
			break
		}
	}
	point, digits := end, end
	for i, c := range text[:end] {
		if c == '.' {
			point, digits = i, end-1
		}
	}
	whole := point + power // as many digits are before the point
	for i := 0; i < digits; i++ {
		c := text[i]
		if i >= point {
			c = text[i+1]
		}
		if i >= whole {
			if c != '0' {
				return negative, 0, 0, false
			}
			continue
		}
		high, low = timesTen(high, low, uint64(c-'0'))
	}
	for i := digits; i < whole && high|low != 0; i++ {
		high, low = timesTen(high, low, 0)
		if high == math.MaxUint64 {
			break
		}
	}
	return negative, high, low, true
}

// timesTen returns a number of 128 bits times ten and a digit more; the largest, if that
// is larger.
func timesTen(high, low, digit uint64) (uint64, uint64) {
	carry, low := bits.Mul64(low, 10)
	over, high := bits.Mul64(high, 10)
	low, c := bits.Add64(low, digit, 0)
	high, c = bits.Add64(high, carry, c)
	if over+c > 0 {
		return math.MaxUint64, math.MaxUint64
	}
	return high, low
}

// floatOf returns a number, or what JSON has no number for, as a number of 32 or 64 bits.
func floatOf(json []byte, size int) (float64, error) {
	switch string(json) {
	case `"NaN"`:
		return math.NaN(), nil
	case `"Infinity"`:
		return math.Inf(1), nil
	case `"-Infinity"`:
		return math.Inf(-1), nil
	}
	text := unquoted(json)
	if !isNumber(text) {
		return 0, valueErrorf("%s is not a number", shown(json))
	}
	v, err := strconv.ParseFloat(string(text), size)
	if err != nil {
		return 0, valueErrorf("%s is out of the range of a number of %d bits", shown(json), size)
	}
	if size == 64 && len(text) > maxDoubleDigits && !keeps(v, text) {
		return 0, valueErrorf("%s has more digits than a double keeps", shown(json))
	}
	return v, nil
}

// keeps reports whether a double, written with as few digits as it needs, is the number of
// a text.
func keeps(v float64, text []byte) bool {
	var room [32]byte
	return equalNumbers(strconv.AppendFloat(room[:0], v, 'e', -1, 64), text)
}

// equalNumbers reports whether two JSON numbers are equal.
func equalNumbers(a, b []byte) bool {
	var roomA, roomB [64]byte
	digitsA, pointA := significant(roomA[:0], a)
	digitsB, pointB := significant(roomB[:0], b)
	return bytes.Equal(digitsA, digitsB) && (pointA == pointB || len(digitsA) == 0)
}

// significant appends the digits of a JSON number without zeros at either end, and returns
// how many of them are before the point. It leaves the sign out.
func significant(dst, number []byte) (digits []byte, point int) {
	mantissa, exponent := number, []byte(nil)
	if e := bytes.IndexAny(number, "eE"); e >= 0 {
		mantissa, exponent = number[:e], number[e+1:]
	}
	mantissa = bytes.TrimPrefix(mantissa, []byte("-"))
	whole, decimals, _ := bytes.Cut(mantissa, []byte("."))
	digits = append(append(dst, whole...), decimals...)
	point = len(whole)
	trimmed := bytes.TrimLeft(digits, "0")
	point -= len(digits) - len(trimmed)
	if power, err := strconv.Atoi(string(exponent)); err == nil {
		point += power
	}
	return bytes.TrimRight(trimmed, "0"), point
}

// appendText appends the text of a JSON string.
func appendText(dst, json []byte) ([]byte, error) {
	if json[0] != '"' {
		return dst, valueErrorf("%s is not text", shown(json))
	}
	inner := json[1 : len(json)-1]
	if !utf8.Valid(inner) {
		return dst, valueErrorf("%s is not UTF-8", shown(json))
	}
	for i := 0; i < len(inner); i++ {
		if inner[i] != '\\' {
			continue
		}
		dst = append(dst, inner[:i]...)
		r, size := escape(inner[i:])
		if r < 0 {
			return dst, valueErrorf("%s has half of a surrogate pair", shown(json))
		}
		dst = utf8.AppendRune(dst, r)
		inner, i = inner[i+size:], -1
	}
	return append(dst, inner...), nil
}

// escape returns the character of the escape that b begins with, and its length; -1 for
// half of a surrogate pair.
func escape(b []byte) (rune, int) {
	switch b[1] {
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		r := hexRune(b[2:6])
		if r < 0xd800 || r > 0xdfff {
			return r, 6
		}
		if r < 0xdc00 && len(b) >= 12 && b[6] == '\\' && b[7] == 'u' {
			if low := hexRune(b[8:12]); low >= 0xdc00 && low <= 0xdfff {
				return (r-0xd800)<<10 | (low - 0xdc00) + 0x10000, 12
			}
		}
		return -1, 6
	}
	return rune(b[1]), 2
}

func hexRune(b []byte) (r rune) {
	for _, c := range b {
		r <<= 4
		switch {
		case c <= '9':
			r |= rune(c - '0')
		default:
			r |= rune(c|0x20-'a') + 10
		}
	}
	return r
}

// appendBase64 appends bytes from base64, of both alphabets, with or without padding.
func (e *protoEncoder) appendBase64(dst, json []byte) ([]byte, error) {
	if json[0] != '"' {
		return dst, valueErrorf("%s is not text in base64", shown(json))
	}
	text, err := appendText(e.text[:0], json)
	if err != nil {
		return dst, err
	}
	e.text = text
	if len(text)%4 == 0 {
		text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("=")), []byte("="))
	}
	for i, c := range text {
		switch c {
		case '-':
			text[i] = '+'
		case '_':
			text[i] = '/'
		case '\r', '\n': // which the decoder would skip
			return dst, valueErrorf("%s is not base64", shown(json))
		}
	}
	dst, err = base64.RawStdEncoding.AppendDecode(dst, text)
	if err != nil {
		return dst, valueErrorf("%s is not base64", shown(json))
	}
	return dst, nil
}
