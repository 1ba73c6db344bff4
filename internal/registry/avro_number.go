package registry

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"math/bits"

	"inv/internal/jsonscan"
)

// number is a decimal number: its digits, as a whole number, times 10^-scale.
type number struct {
	negative bool
	digits   []byte // without zeros before or after them; 0 has none
	scale    int64
	zeros    int64  // after the digits, as it was written
	room     []byte // that digits may be in
}

// maxExponent bounds exponents: no type has larger numbers.
const maxExponent = 1 << 40

// parseNumber parses a JSON number. Its digits are in room.
func parseNumber(room, token []byte) number {
	var n number
	if token[0] == '-' {
		n.negative, token = true, token[1:]
	}
	point := false
	i := 0
	for ; i < len(token) && token[i]|0x20 != 'e'; i++ {
		if token[i] == '.' {
			point = true
			continue
		}
		room = append(room, token[i])
		if point {
			n.scale++
		}
	}
	if i < len(token) {
		n.scale -= exponent(token[i+1:])
	}
	n.room = room
	n.digits = bytes.TrimLeft(room, "0")
	trimmed := bytes.TrimRight(n.digits, "0")
	n.zeros = int64(len(n.digits) - len(trimmed))
	n.digits = trimmed
	n.scale -= n.zeros
	if len(n.digits) == 0 {
		n.zeros = n.scale // those after the point of 0.00
		n.scale = 0
	}
	return n
}

func exponent(b []byte) (v int64) {
	negative := b[0] == '-'
	if negative || b[0] == '+' {
		b = b[1:]
	}
	for _, c := range b {
		v = min(10*v+int64(c-'0'), maxExponent)
	}
	if negative {
		return -v
	}
	return v
}

// long returns the value of a whole number; false: it has more than 64 bits.
func (n number) long() (int64, bool) {
	if len(n.digits) == 0 {
		return 0, true
	}
	if int64(len(n.digits))-n.scale > 19 {
		return 0, false
	}
	var v uint64
	for _, c := range n.digits {
		v = 10*v + uint64(c-'0')
	}
	for range -n.scale {
		v *= 10
	}
	if n.negative {
		return -int64(v), v <= 1<<63
	}
	return int64(v), v <= math.MaxInt64
}

// appendTwos appends digits and zeros after them as a big-endian two's complement
// integer, as short as it can be. It allocates nothing up to 38 digits.
func (n number) appendTwos(dst []byte, zeros int64) []byte {
	if int64(len(n.digits))+zeros > 38 {
		return n.appendBig(dst, zeros)
	}
	var high, low uint64
	for i := range int64(len(n.digits)) + zeros {
		var digit uint64
		if i < int64(len(n.digits)) {
			digit = uint64(n.digits[i] - '0')
		}
		carry, product := bits.Mul64(low, 10)
		sum, c := bits.Add64(product, digit, 0)
		high, low = high*10+carry+c, sum
	}
	if n.negative {
		var borrow uint64
		low, borrow = bits.Sub64(0, low, 0)
		high, _ = bits.Sub64(0, high, borrow)
	}
	var room [16]byte
	for i := range 8 {
		room[i], room[8+i] = byte(high>>(56-8*i)), byte(low>>(56-8*i))
	}
	return append(dst, shortest(room[:])...)
}

// shortest returns a big-endian two's complement integer without the bytes before it that
// only repeat its sign.
func shortest(b []byte) []byte {
	for len(b) > 1 && (b[0] == 0 && b[1] < 0x80 || b[0] == 0xff && b[1] >= 0x80) {
		b = b[1:]
	}
	return b
}

func (n number) appendBig(dst []byte, zeros int64) []byte {
	digits := append(append([]byte{}, n.digits...), bytes.Repeat([]byte{'0'}, int(zeros))...)
	v, _ := new(big.Int).SetString(string(digits), 10)
	b := v.FillBytes(make([]byte, v.BitLen()/8+1))
	if n.negative {
		carry := uint16(1)
		for i := len(b) - 1; i >= 0; i-- {
			carry += uint16(^b[i])
			b[i] = byte(carry)
			carry >>= 8
		}
	}
	return append(dst, shortest(b)...)
}

// decimal returns the number at at, which may be text, and the index after it.
func (e *avroEncoder) decimal(at int, want string) (token []byte, end int, err error) {
	if token = e.number(at); token != nil {
		return token, at + len(token), nil
	}
	end, _ = jsonscan.String(e.text, at)
	if end < 0 {
		return nil, 0, e.mismatch(at, want)
	}
	token = e.text[at+1 : end-1]
	if len(token) == 0 || classOf(token[0]) != numberClass || jsonscan.End(token) != len(token) {
		return nil, 0, e.mismatch(at, want)
	}
	return token, end, nil
}

// decimalParser parses decimals: no digit is lost.
func decimalParser(t *avroType) avroParser {
	want := t.String()
	precision, scale := int64(t.precision), int64(t.scale)
	tooFine := fmt.Sprintf("has more than %d decimals, those of", scale)
	fixed, size := t.kind == "fixed", t.size
	return func(e *avroEncoder, dst []byte, at int) ([]byte, int, error) {
		token, end, err := e.decimal(at, want)
		if err != nil {
			return nil, 0, err
		}
		n := parseNumber(e.scratch[:0], token)
		e.scratch = n.room
		zeros := scale - n.scale
		if len(n.digits) == 0 {
			zeros = 0
		}
		if zeros < 0 {
			return nil, 0, e.refuse(token, tooFine, want)
		}
		if int64(len(n.digits))+zeros > precision {
			return nil, 0, e.refuse(token, "has too many digits for", want)
		}
		if !fixed {
			dst = append(dst, 0)
		}
		start := len(dst)
		dst = n.appendTwos(dst, zeros)
		length := len(dst) - start
		if !fixed {
			return endSized(dst, start-1), end, nil
		}
		if length > size {
			return nil, 0, e.refuse(token, "has too many digits for", want)
		}
		return extendSign(dst, start, size), end, nil
	}
}

// endSized writes the length of what follows the byte at start in that byte, and as many
// more as it takes.
func endSized(dst []byte, start int) []byte {
	length := len(dst) - start - 1
	if length < 64 {
		dst[start] = byte(2 * length)
		return dst
	}
	varint := appendLongValue(nil, int64(length))
	dst = append(dst, varint[1:]...)
	copy(dst[start+len(varint):], dst[start+1:start+1+length])
	copy(dst[start:], varint)
	return dst
}

// extendSign makes the integer from start on as long as size.
func extendSign(dst []byte, start, size int) []byte {
	length := len(dst) - start
	sign := byte(0)
	if dst[start]&0x80 != 0 {
		sign = 0xff
	}
	for range size - length {
		dst = append(dst, sign)
	}
	copy(dst[start+size-length:], dst[start:start+length])
	for i := range size - length {
		dst[start+i] = sign
	}
	return dst
}

var tooLong = fmt.Sprintf("has more than %d digits", maxScale)

// parseBigDecimal keeps the scale as it is written: 1.50 has two decimals.
func parseBigDecimal(e *avroEncoder, dst []byte, at int) ([]byte, int, error) {
	token, end, err := e.decimal(at, "big-decimal")
	if err != nil {
		return nil, 0, err
	}
	n := parseNumber(e.scratch[:0], token)
	e.scratch = n.room
	scale := n.scale + n.zeros
	zeros := n.zeros
	if len(n.digits) == 0 {
		zeros = 0
	}
	if scale < -maxScale || scale > maxScale || int64(len(n.digits))+zeros > maxScale {
		return nil, 0, e.refuse(token, tooLong, "")
	}
	start := len(dst)
	dst = append(dst, 0, 0)
	dst = endSized(n.appendTwos(dst, zeros), start+1)
	return endSized(appendLongValue(dst, scale), start), end, nil
}
