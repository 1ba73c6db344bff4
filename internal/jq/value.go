package jq

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"unicode/utf8"
	"unsafe"

	"inv/internal/jsonscan"
)

// kind orders values of different types as jq does.
type kind uint8

const (
	kindNull kind = iota
	kindFalse
	kindTrue
	kindNumber
	kindString
	kindArray
	kindObject

	failed // an error in jq
	unsure // only gojq knows
)

// form is how a number or a string is held.
type form uint8

const (
	formText  form = iota // JSON text
	formInt               // bits are an int64
	formFloat             // bits are a float64
	formPlain             // text is the string itself, valid UTF-8
)

// Value is a JSON value. The zero value is null. Its text is borrowed: it is valid as
// long as the bytes that it came from, or until the next evaluation by the Evaluator
// that made it.
type Value struct {
	kind kind
	form form
	text []byte
	bits uint64
}

// Int returns a whole number.
func Int(n int64) Value { return Value{kind: kindNumber, form: formInt, bits: uint64(n)} }

// Float returns a number. It must be finite.
func Float(f float64) Value {
	return Value{kind: kindNumber, form: formFloat, bits: math.Float64bits(f)}
}

// Text returns a string; nil is null. What is not UTF-8 in it becomes U+FFFD.
func Text(b []byte) Value {
	switch {
	case b == nil:
		return Value{}
	case !utf8.Valid(b):
		b = bytes.ToValidUTF8(b, []byte("\ufffd"))
	}
	return plain(b)
}

// JSON returns the value of well-formed JSON text; nil is null.
func JSON(text []byte) Value {
	if n := len(text); n > 0 && (text[0] <= ' ' || text[n-1] <= ' ' || text[0] == 0xef) {
		text = bytes.Trim(jsonscan.TrimMark(text), " \t\r\n")
	}
	return fromText(text)
}

// Unknown returns a value that the closures can't work with: an expression that uses it
// is evaluated by gojq.
func Unknown() Value { return Value{kind: unsure} }

func plain(b []byte) Value { return Value{kind: kindString, form: formPlain, text: b} }

func boolean(b bool) Value {
	if b {
		return Value{kind: kindTrue}
	}
	return Value{kind: kindFalse}
}

// fromText returns the value of well-formed JSON text without white space around it.
func fromText(raw []byte) Value {
	if len(raw) == 0 {
		return Value{}
	}
	switch raw[0] {
	case '"':
		return Value{kind: kindString, text: raw}
	case 't':
		return Value{kind: kindTrue}
	case 'f':
		return Value{kind: kindFalse}
	case 'n':
		return Value{}
	case '{':
		return Value{kind: kindObject, text: raw}
	case '[':
		return Value{kind: kindArray, text: raw}
	}
	return Value{kind: kindNumber, text: raw}
}

// Truthy reports whether v is neither null nor false.
func (v Value) Truthy() bool { return v.kind > kindFalse }

// str returns the text of a string.
func (v Value) str() []byte {
	if v.form == formPlain {
		return v.text
	}
	return jsonscan.Unquote(v.text)
}

// AppendJSON appends the value as compact JSON, valid UTF-8 on one line. Numbers that
// nothing computed keep their text.
func (v Value) AppendJSON(dst []byte) []byte {
	switch v.kind {
	case kindNull:
		return append(dst, "null"...)
	case kindFalse:
		return append(dst, "false"...)
	case kindTrue:
		return append(dst, "true"...)
	case kindNumber:
		return v.appendNumber(dst)
	case kindString:
		if v.form == formPlain {
			return jsonscan.AppendString(dst, v.text)
		}
	}
	flags, _ := jsonscan.Valid(v.text)
	return jsonscan.AppendSafe(dst, v.text, flags)
}

func (v Value) appendNumber(dst []byte) []byte {
	switch v.form {
	case formInt:
		return strconv.AppendInt(dst, int64(v.bits), 10)
	case formFloat:
		return appendFloat(dst, math.Float64frombits(v.bits))
	}
	return append(dst, v.text...)
}

// appendFloat appends a finite number as gojq writes it.
func appendFloat(dst []byte, f float64) []byte {
	if x := math.Abs(f); x == 0 || x >= 1e-6 && x < 1e21 {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	if n := len(dst); n-start >= 4 && dst[n-4] == 'e' && dst[n-3] == '-' && dst[n-2] == '0' {
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}

// native returns the value as gojq has it.
func (v Value) native() any {
	switch v.kind {
	case kindNull:
		return nil
	case kindFalse, kindTrue:
		return v.kind == kindTrue
	case kindNumber:
		switch v.form {
		case formInt:
			return int(int64(v.bits))
		case formFloat:
			return math.Float64frombits(v.bits)
		}
		return json.Number(v.text)
	case kindString:
		return string(v.str())
	}
	return decode(v.text)
}

// decode decodes JSON text with numbers as their text.
func decode(text []byte) any {
	var out any
	d := json.NewDecoder(bytes.NewReader(jsonscan.TrimMark(text)))
	d.UseNumber()
	if d.Decode(&out) != nil {
		return nil
	}
	return out
}

// num is a number to compute with: whole if it can be, as in gojq.
type num struct {
	n     int64
	f     float64
	whole bool
}

func (x num) float() float64 {
	if x.whole {
		return float64(x.n)
	}
	return x.f
}

// exactDigits is how many decimal digits a float64 always holds exactly, intDigits how
// many an int64 does.
const (
	exactDigits = 15
	intDigits   = 18
)

var powers = [intDigits + 1]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

// number returns a number to compute with. It reports false if neither an int64 nor a
// float64 holds it.
func (v Value) number() (num, bool) {
	switch v.form {
	case formInt:
		return num{n: int64(v.bits), whole: true}, true
	case formFloat:
		return num{f: math.Float64frombits(v.bits)}, true
	}
	return parseNumber(v.text)
}

// parseNumber parses a JSON number. The common case is a few digits with at most one
// decimal point: two exact floats, and one correctly rounded division.
func parseNumber(raw []byte) (num, bool) {
	i, negative := 0, false
	if len(raw) > 0 && raw[0] == '-' {
		i, negative = 1, true
	}
	if len(raw)-i > intDigits {
		return oddNumber(raw)
	}
	var digits int64
	point := -1
	for ; i < len(raw); i++ {
		c := raw[i] - '0'
		if c > 9 {
			if raw[i] != '.' || point >= 0 {
				return oddNumber(raw)
			}
			point = i
			continue
		}
		digits = digits*10 + int64(c)
	}
	if point < 0 {
		if negative {
			digits = -digits
		}
		return num{n: digits, whole: true}, true
	}
	if digits >= 1e15 {
		return oddNumber(raw)
	}
	f := float64(digits) / powers[len(raw)-1-point]
	if negative {
		f = -f
	}
	return num{f: f}, true
}

// oddNumber parses numbers with an exponent or many digits.
func oddNumber(raw []byte) (num, bool) {
	text := unsafe.String(unsafe.SliceData(raw), len(raw))
	if !bytes.ContainsAny(raw, ".eE") {
		n, err := strconv.ParseInt(text, 10, 64)
		return num{n: n, whole: true}, err == nil
	}
	f, err := strconv.ParseFloat(text, 64)
	return num{f: f}, err == nil && !math.IsInf(f, 0)
}
