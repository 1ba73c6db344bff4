package event

import (
	"bytes"
	"math/big"
)

// maxDecimals bounds the digits behind the point of an exact calculation. The
// smallest float64 that is not 0 has 324 zeros there.
const maxDecimals = 400

// decimal is a number as 0.d1d2d3… × 10^point, exactly. Digits have no zeros at
// either end; 0 has none at all.
type decimal struct {
	negative bool
	digits   []byte
	point    int
}

// parseDecimal reads a JSON number; ok is false if it is none. An exponent whose
// amount is a billion or more counts as a billion.
func parseDecimal(number []byte) (d decimal, ok bool) {
	mantissa, exponent := number, []byte(nil)
	if e := bytes.IndexAny(number, "eE"); e >= 0 {
		mantissa, exponent = number[:e], number[e+1:]
		if d.point, ok = parseExponent(exponent); !ok {
			return decimal{}, false
		}
	}
	mantissa, d.negative = bytes.CutPrefix(mantissa, []byte("-"))
	whole, fraction, pointed := bytes.Cut(mantissa, []byte("."))
	if len(whole) == 0 || pointed && len(fraction) == 0 || !areDigits(whole) || !areDigits(fraction) {
		return decimal{}, false
	}
	digits := append(append(make([]byte, 0, len(mantissa)), whole...), fraction...)
	d.point += len(whole)
	d.digits = bytes.TrimLeft(digits, "0")
	d.point -= len(digits) - len(d.digits)
	d.digits = bytes.TrimRight(d.digits, "0")
	return d, true
}

func parseExponent(text []byte) (n int, ok bool) {
	const most = 1_000_000_000
	digits, negative := bytes.CutPrefix(text, []byte("-"))
	if !negative {
		digits = bytes.TrimPrefix(text, []byte("+"))
	}
	if len(digits) == 0 || !areDigits(digits) {
		return 0, false
	}
	for _, c := range digits {
		n = min(10*n+int(c-'0'), most)
	}
	if negative {
		n = -n
	}
	return n, true
}

func areDigits(text []byte) bool {
	for _, c := range text {
		if c-'0' > 9 {
			return false
		}
	}
	return true
}

// money rounds to millionths, half up; what is below 0 stays there. exact reports
// that nothing was rounded.
func (d *decimal) money() (m Money, exact bool, err error) {
	const most = 13 // digits of MaxMoney in whole units
	switch {
	case len(d.digits) == 0:
		return 0, true, nil
	case d.point > most, d.point == most && string(d.digits) != "1":
		return 0, false, errMoney
	}
	kept := d.point + 6
	for i := range kept {
		m *= 10
		if i < len(d.digits) {
			m += Money(d.digits[i] - '0')
		}
	}
	exact = kept >= len(d.digits)
	if !exact && kept >= 0 && d.digits[kept] >= '5' {
		m++
	}
	if d.negative {
		m = min(-m, -1)
	}
	return m, exact, nil
}

// decimals returns how many digits there are behind the point.
func (d *decimal) decimals() int { return max(len(d.digits)-d.point, 0) }

// times10 returns the amount times 10^power without its fraction. It must be below
// 10^13.
func (d *decimal) times10(power int) *big.Int {
	n := d.point + power
	if n <= 0 || len(d.digits) == 0 {
		return new(big.Int)
	}
	text := append([]byte(nil), d.digits[:min(n, len(d.digits))]...)
	for len(text) < n {
		text = append(text, '0')
	}
	v, _ := new(big.Int).SetString(string(text), 10)
	return v
}
