package files

import "math/bits"

// decimal is an integer of up to 38 digits, which with a column's scale is a decimal.
type decimal struct {
	hi, lo uint64 // magnitude
	neg    bool
}

// decimalOf returns the decimal of digits, of which there are at most 38.
func decimalOf(digits []byte, negative bool) decimal {
	d := decimal{neg: negative}
	for _, c := range digits {
		d.append(uint64(c - '0'))
	}
	return d
}

// append appends a digit.
func (d *decimal) append(digit uint64) {
	carry, lo := bits.Mul64(d.lo, 10)
	lo, c := bits.Add64(lo, digit, 0)
	d.hi, d.lo = d.hi*10+carry+c, lo
}

// int64 returns an integer of at most 18 digits.
func (d decimal) int64() int64 {
	if d.neg {
		return -int64(d.lo)
	}
	return int64(d.lo)
}

// appendBigEndian appends the integer as 16 bytes, in two's complement.
func (d decimal) appendBigEndian(dst []byte) []byte {
	hi, lo := d.hi, d.lo
	if d.neg {
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	for shift := 56; shift >= 0; shift -= 8 {
		dst = append(dst, byte(hi>>shift))
	}
	for shift := 56; shift >= 0; shift -= 8 {
		dst = append(dst, byte(lo>>shift))
	}
	return dst
}

// appendText appends the decimal with all its digits behind the point.
func (d decimal) appendText(dst []byte, scale int) []byte {
	var text [maxDigits + 1]byte
	i := len(text)
	for d.hi != 0 || d.lo != 0 || i > len(text)-scale-1 {
		var rest uint64
		d.hi, rest = d.hi/10, d.hi%10
		d.lo, rest = bits.Div64(rest, d.lo, 10)
		i--
		text[i] = byte('0' + rest)
	}
	if d.neg {
		dst = append(dst, '-')
	}
	dst = append(dst, text[i:len(text)-scale]...)
	if scale > 0 {
		dst = append(dst, '.')
		dst = append(dst, text[len(text)-scale:]...)
	}
	return dst
}
