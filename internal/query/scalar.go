package query

import (
	"math"
	"strconv"
	"strings"
	"unsafe"

	"inv/internal/jsonscan"
)

// scalar parses a field's JSON text; nil is an absent field.
func scalar(raw []byte) value {
	if len(raw) == 0 {
		return value{}
	}
	switch raw[0] {
	case '"':
		return value{kind: kindString, text: jsonscan.Unquote(raw)}
	case 't':
		return value{kind: kindTrue}
	case 'f':
		return value{kind: kindFalse}
	case 'n':
		return value{}
	case '{', '[':
		return value{kind: kindUnsure}
	}
	return numberOf(raw)
}

// exactDigits is how many decimal digits a float64 always holds exactly.
const exactDigits = 15

// numberOf parses a JSON number. The common case is a few digits with at most one
// decimal point: two exact floats, and one correctly rounded division.
func numberOf(raw []byte) value {
	i, negative := 0, false
	if len(raw) > 0 && raw[0] == '-' {
		i, negative = 1, true
	}
	var digits uint64
	count, scale := 0, -1
	for ; i < len(raw); i++ {
		switch c := raw[i]; {
		case c >= '0' && c <= '9' && count < exactDigits:
			digits = digits*10 + uint64(c-'0')
			count++
			if scale >= 0 {
				scale++
			}
		case c == '.' && scale < 0:
			scale = 0
		default:
			return oddNumber(raw)
		}
	}
	f := float64(digits)
	if scale > 0 {
		f /= powers[scale]
	}
	if negative {
		f = -f
	}
	return value{kind: kindNumber, number: f}
}

var powers = [exactDigits + 1]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// oddNumber parses numbers with an exponent or many digits. In jq, whole numbers of
// many digits are exact, not floats, so they are left to gojq.
func oddNumber(raw []byte) value {
	text := unsafe.String(unsafe.SliceData(raw), len(raw))
	if !strings.ContainsAny(text, ".eE") {
		return value{kind: kindUnsure}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) {
		return value{kind: kindUnsure}
	}
	return value{kind: kindNumber, number: f}
}
