package registry

import (
	"encoding/binary"
	"math"
	"strconv"
	"unicode/utf8"

	"inv/internal/jsonscan"
)

// scalarParser returns the parser of a type without parts.
func scalarParser(t *avroType) avroParser {
	want := t.String()
	switch t.logical {
	case "decimal":
		return decimalParser(t)
	case "big-decimal":
		return parseBigDecimal
	case "duration":
		return textParser(want, appendISODuration)
	case "uuid":
		if t.kind == "fixed" {
			return textParser(want, appendFixedUUID)
		}
		return textParser(want, appendTextUUID)
	case "":
	default:
		return timeParser(t)
	}
	switch t.kind {
	case "int":
		return longParser(math.MinInt32, math.MaxInt32, want)
	case "long":
		return longParser(math.MinInt64, math.MaxInt64, want)
	case "float":
		return floatParser(32)
	case "double":
		return floatParser(64)
	case "string":
		return parseString
	case "enum":
		return enumParser(t)
	}
	return bytesParser(t)
}

// number returns the number at at; nil if there is none.
func (e *avroEncoder) number(at int) []byte {
	if at >= len(e.text) || classOf(e.text[at]) != numberClass {
		return nil
	}
	end := jsonscan.End(e.text[at:])
	if end < 0 {
		return nil
	}
	return e.text[at : at+end]
}

// length returns how long the value at at is, -1 if there is none.
func (e *avroEncoder) length(at int) int {
	if at >= len(e.text) {
		return -1
	}
	return jsonscan.End(e.text[at:])
}

// longParser parses whole numbers, such as 1e3 and 2.0, too.
func longParser(low, high int64, want string) avroParser {
	return func(e *avroEncoder, dst []byte, at int) ([]byte, int, error) {
		v, end, err := e.long(at, low, high, want)
		if err != nil {
			return nil, 0, err
		}
		return appendLongValue(dst, v), end, nil
	}
}

// long parses a whole number from low to high.
func (e *avroEncoder) long(at int, low, high int64, want string) (v int64, end int, err error) {
	if v, end = shortLong(e.text, at); end == 0 {
		token := e.number(at)
		if token == nil {
			return 0, 0, e.mismatch(at, want)
		}
		n := parseNumber(e.scratch[:0], token)
		e.scratch = n.room
		var ok bool
		if n.scale > 0 {
			return 0, 0, e.refuse(token, "is not a whole number, and the schema wants", want)
		}
		if v, ok = n.long(); !ok {
			return 0, 0, e.refuse(token, "is out of the range of", want)
		}
		end = at + len(token)
	}
	if v < low || v > high {
		return 0, 0, e.refuse(e.text[at:end], "is out of the range of", want)
	}
	return v, end, nil
}

// shortLong parses a number of up to 18 digits and nothing else; end is 0 if it is not
// one.
func shortLong(text []byte, at int) (v int64, end int) {
	i := at
	if i < len(text) && text[i] == '-' {
		i++
	}
	start := i
	for i < len(text) && text[i]-'0' < 10 {
		v = 10*v + int64(text[i]-'0')
		i++
	}
	switch {
	case i == start || i-start > 18 || text[start] == '0' && i > start+1:
		return 0, 0
	case i < len(text) && (text[i] == '.' || text[i]|0x20 == 'e'):
		return 0, 0
	case start > at:
		return -v, i
	}
	return v, i
}

// floatParser parses numbers of 32 or 64 bits, and the texts for those that JSON does
// not have.
func floatParser(size int) avroParser {
	want := map[int]string{32: "float", 64: "double"}[size]
	return func(e *avroEncoder, dst []byte, at int) ([]byte, int, error) {
		var f float64
		end := at
		token := e.number(at)
		if token != nil {
			var err error
			if f, err = strconv.ParseFloat(string(token), size); err != nil {
				return nil, 0, e.refuse(token, "is out of the range of", want)
			}
			end += len(token)
		} else {
			if end, _ = jsonscan.String(e.text, at); end < 0 {
				return nil, 0, e.mismatch(at, want)
			}
			switch string(e.text[at+1 : end-1]) {
			case "NaN":
				f = math.NaN()
			case "Infinity":
				f = math.Inf(1)
			case "-Infinity":
				f = math.Inf(-1)
			default:
				return nil, 0, e.mismatch(at, want)
			}
		}
		if size == 32 {
			return binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(f))), end, nil
		}
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(f)), end, nil
	}
}

// string returns the text of the string at at, valid until the next one is parsed.
func (e *avroEncoder) string(at int, want string) (text []byte, end int, err error) {
	end, flags := jsonscan.String(e.text, at)
	if end < 0 {
		return nil, 0, e.mismatch(at, want)
	}
	text = e.text[at+1 : end-1]
	if flags&jsonscan.Escaped == 0 && (flags == 0 || utf8.Valid(text)) {
		return text, end, nil
	}
	e.scratch = jsonscan.AppendUnquoted(e.scratch[:0], e.text[at:end])
	return e.scratch, end, nil
}

func parseString(e *avroEncoder, dst []byte, at int) ([]byte, int, error) {
	text, end, err := e.string(at, "string")
	if err != nil {
		return nil, 0, err
	}
	return append(appendLongValue(dst, int64(len(text))), text...), end, nil
}

// textParser parses text that stands for something else. write reports what is wrong
// with it, "" if it is right.
func textParser(want string, write func(dst, text []byte) (out []byte, wrong string)) avroParser {
	return func(e *avroEncoder, dst []byte, at int) ([]byte, int, error) {
		text, end, err := e.string(at, want)
		if err != nil {
			return nil, 0, err
		}
		out, wrong := write(dst, text)
		if wrong != "" {
			return nil, 0, e.refuse(e.text[at:end], wrong, "")
		}
		return out, end, nil
	}
}

func enumParser(t *avroType) avroParser {
	index := make(map[string]int64, len(t.symbols))
	for i, s := range t.symbols {
		index[s] = int64(i)
	}
	want := t.String()
	wrong := "is no symbol of " + want
	return textParser(want, func(dst, text []byte) ([]byte, string) {
		i, ok := index[string(text)]
		if !ok {
			return dst, wrong
		}
		return appendLongValue(dst, i), ""
	})
}

// bytesParser parses bytes and fixed: a character U+0000 to U+00FF for each byte.
func bytesParser(t *avroType) avroParser {
	fixed, size := t.kind == "fixed", t.size
	want := t.String()
	return func(e *avroEncoder, dst []byte, at int) ([]byte, int, error) {
		text, end, err := e.string(at, want)
		if err != nil {
			return nil, 0, err
		}
		length := utf8.RuneCount(text)
		if fixed && length != size {
			return nil, 0, e.refuse(e.text[at:end], "does not have the length of", want)
		}
		if !fixed {
			dst = appendLongValue(dst, int64(length))
		}
		if length == len(text) {
			return append(dst, text...), end, nil
		}
		for len(text) > 0 {
			r, n := utf8.DecodeRune(text)
			if r > 0xff {
				return nil, 0, e.refuse(e.text[at:end], "has a character beyond U+00FF, which is no byte of", want)
			}
			dst, text = append(dst, byte(r)), text[n:]
		}
		return dst, end, nil
	}
}

// appendHex appends the bytes of a UUID; it reports whether text is one.
func appendHex(dst, text []byte) ([]byte, bool) {
	if len(text) != 36 {
		return dst, false
	}
	var high byte
	half := false
	for i, c := range text {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return dst, false
			}
			continue
		}
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return dst, false
		}
		if half = !half; half {
			high = c << 4
		} else {
			dst = append(dst, high|c)
		}
	}
	return dst, true
}

const notUUID = "is not a UUID such as 6ba7b810-9dad-11d1-80b4-00c04fd430c8"

func appendFixedUUID(dst, text []byte) ([]byte, string) {
	out, ok := appendHex(dst, text)
	if !ok {
		return dst, notUUID
	}
	return out, ""
}

func appendTextUUID(dst, text []byte) ([]byte, string) {
	var room [16]byte
	if _, ok := appendHex(room[:0], text); !ok {
		return dst, notUUID
	}
	return append(appendLongValue(dst, int64(len(text))), text...), ""
}
