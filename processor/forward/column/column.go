// Package column converts JSON values into the types of a sink's columns, so that a table
// and a file have the same rows of a record.
//
//	text      a string, or the JSON of anything else
//	int       a whole number of 64 bits, also as 5.0 or 5e3
//	float     a number of 64 bits; the strings NaN, Infinity and -Infinity
//	bool      true or false
//	decimal   a number that has no more digits than the type, before and behind the point:
//	          it is never rounded
//	time_ms   whole epoch milliseconds, or a time of RFC 3339, of which what is below a
//	          millisecond is cut off
//	json      anything
//
// Numbers may stand in a string, as in "12.50". A value is well-formed JSON without white
// space around it; null is the caller's business. The functions allocate only for what they
// refuse, and for strings with escapes.
package column

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"inv/internal/jsonscan"
	"inv/internal/scenario"
)

// ErrNotUnicode is wrapped by errors of text that is not UTF-8, or has an escape of half a
// surrogate pair.
var ErrNotUnicode = errors.New("not valid Unicode")

// TypeName returns a column's type as a scenario writes it.
func TypeName(c *scenario.SinkColumn) string {
	if c.Type == "decimal" {
		return fmt.Sprintf("decimal(%d,%d)", c.Total, c.Scale)
	}
	return c.Type
}

// Error is a value that is not of a column's type.
type Error struct {
	Column, Type string
	Err          error
}

func (e *Error) Error() string { return "column " + e.Column + " (" + e.Type + "): " + e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// AppendText appends a value as text.
func AppendText(dst, raw []byte) ([]byte, error) {
	if raw[0] == '"' {
		if err := CheckUnicode(raw); err != nil {
			return dst, err
		}
		return append(dst, jsonscan.Unquote(raw)...), nil
	}
	if err := CheckUnicode(raw); err != nil {
		return dst, err
	}
	return append(dst, raw...), nil
}

// Int returns a whole number.
func Int(raw []byte) (int64, error) {
	var n number
	if !n.parse(unquoted(raw)) {
		return 0, fmt.Errorf("%s is not a number", shown(raw))
	}
	if n.exponent < 0 {
		return 0, fmt.Errorf("%s is not a whole number", shown(raw))
	}
	if i, ok := n.int(); ok {
		return i, nil
	}
	return 0, fmt.Errorf("%s doesn't fit 64 bits", shown(raw))
}

// Float returns a number of 64 bits.
func Float(raw []byte) (float64, error) {
	text := unquoted(raw)
	switch string(text) {
	case "NaN":
		return math.NaN(), nil
	case "Infinity":
		return math.Inf(1), nil
	case "-Infinity":
		return math.Inf(-1), nil
	}
	var n number
	if !n.parse(text) {
		return 0, fmt.Errorf("%s is not a number", shown(raw))
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return 0, fmt.Errorf("%s doesn't fit 64 bits", shown(raw))
	}
	return f, nil
}

// Bool returns true or false.
func Bool(raw []byte) (bool, error) {
	if raw[0] != 't' && raw[0] != 'f' {
		return false, fmt.Errorf("%s is neither true nor false", shown(raw))
	}
	return raw[0] == 't', nil
}

// AppendDecimal appends the digits of a number times 10^scale, without leading zeros, and
// returns the sign; zero has no digits. It refuses a number of more than total digits.
func AppendDecimal(dst, raw []byte, total, scale int) (digits []byte, negative bool, err error) {
	var n number
	switch text := unquoted(raw); {
	case !n.parse(text):
		return dst, false, fmt.Errorf("%s is not a number", shown(raw))
	case n.count == 0:
		return dst, false, nil
	case n.exponent < -scale:
		return dst, false, fmt.Errorf("%s has more than %d decimals", shown(raw), scale)
	case n.exponent > total || n.count+n.exponent+scale > total:
		return dst, false, fmt.Errorf("%s has more than %d digits before the point", shown(raw), total-scale)
	}
	dst = n.appendDigits(dst)
	for range n.exponent + scale {
		dst = append(dst, '0')
	}
	return dst, n.negative, nil
}

// Millis returns epoch milliseconds.
func Millis(raw []byte) (int64, error) {
	text := unquoted(raw)
	var n number
	if n.parse(text) {
		return Int(raw)
	}
	t, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil {
		return 0, fmt.Errorf("%s is neither epoch milliseconds nor a time of RFC 3339", shown(raw))
	}
	return t.UnixMilli(), nil
}

// unquoted returns what is in a string, and any other value as it is.
func unquoted(raw []byte) []byte {
	if raw[0] == '"' {
		return jsonscan.Unquote(raw)
	}
	return raw
}

// shown returns a value for an error: short and without control characters.
func shown(raw []byte) string {
	const most = 40
	text := unquoted(raw)
	if len(text) > most {
		return strconv.Quote(string(text[:most])) + "…"
	}
	return strconv.Quote(string(text))
}

// CheckUnicode refuses bytes that are not UTF-8, and escapes of half a surrogate pair, for
// which there is no character (RFC 8259, section 8.2).
func CheckUnicode(raw []byte) error {
	if !utf8.Valid(raw) {
		return ErrNotUnicode
	}
	for i := nextEscape(raw, 0); i >= 0; i = nextEscape(raw, i) {
		unit := escaped(raw[i:])
		i += 2
		switch {
		case unit < 0xd800 || unit > 0xdfff:
			continue
		case unit < 0xdc00 && i+5 < len(raw) && raw[i+4] == '\\' && raw[i+5] == 'u':
			if low := escaped(raw[i+4:]); low >= 0xdc00 && low <= 0xdfff {
				i += 6
				continue
			}
		}
		return fmt.Errorf("%w: half a surrogate pair, \\u%x", ErrNotUnicode, unit)
	}
	return nil
}

// HasNUL reports whether JSON text has the character U+0000 in a string.
func HasNUL(raw []byte) bool {
	for i := nextEscape(raw, 0); i >= 0; i = nextEscape(raw, i+2) {
		if escaped(raw[i:]) == 0 {
			return true
		}
	}
	return false
}
