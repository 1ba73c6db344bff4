package inspect

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"inv/internal/jsonscan"
)

// ValueDecoder makes values readable before they are filtered and shown.
type ValueDecoder interface {
	// Decode replaces the record's value with JSON. It leaves values alone that are
	// not in the decoder's format, and on an error.
	Decode(r *Record) error
}

// ValueForms returns the forms of NewValueDecoder.
func ValueForms() []string {
	return []string{"auto", "json", "text", "xml", "hex", "base64", "int", "float"}
}

// NewValueDecoder returns the decoder for a form, nil for auto, json and "", which
// need none.
func NewValueDecoder(form string) ValueDecoder {
	switch form {
	case "auto", "json", "":
		return nil
	}
	return &forced{form: form}
}

// forced decodes every value from one form.
type forced struct {
	form string
	buf  []byte
}

func (f *forced) Decode(r *Record) error {
	if r.Value == nil {
		return nil
	}
	if f.form == "xml" {
		if !isXML(r.Value) {
			return errors.New("it is not XML")
		}
		return nil // filters and renderers take it as text
	}
	var err error
	f.buf, err = appendForm(f.buf[:0], f.form, r.Value)
	if err == nil {
		r.Value = f.buf
	}
	return err
}

func appendForm(dst []byte, form string, b []byte) ([]byte, error) {
	switch form {
	case "hex":
		return append(hex.AppendEncode(append(dst, '"'), b), '"'), nil
	case "base64":
		return append(base64.StdEncoding.AppendEncode(append(dst, '"'), b), '"'), nil
	case "int":
		if n, ok := bigEndian(b); ok {
			return strconv.AppendInt(dst, n, 10), nil
		}
		return dst, fmt.Errorf("%d bytes are not an integer, which has 1, 2, 4 or 8", len(b))
	case "float":
		if f, ok := float(b); ok {
			return strconv.AppendFloat(dst, f, 'g', -1, 64), nil
		}
		return dst, fmt.Errorf("%d bytes are not a finite float, which has 4 or 8", len(b))
	}
	return jsonscan.AppendString(dst, b), nil
}

func bigEndian(b []byte) (int64, bool) {
	switch len(b) {
	case 1:
		return int64(int8(b[0])), true
	case 2:
		return int64(int16(binary.BigEndian.Uint16(b))), true
	case 4:
		return int64(int32(binary.BigEndian.Uint32(b))), true
	case 8:
		return int64(binary.BigEndian.Uint64(b)), true
	}
	return 0, false
}

func float(b []byte) (float64, bool) {
	f := math.NaN()
	switch len(b) {
	case 4:
		f = float64(math.Float32frombits(binary.BigEndian.Uint32(b)))
	case 8:
		f = math.Float64frombits(binary.BigEndian.Uint64(b))
	}
	return f, !math.IsNaN(f) && !math.IsInf(f, 0)
}

// isBinary reports whether bytes are not text: not UTF-8, or with a zero byte.
func isBinary(b []byte) bool { return bytes.IndexByte(b, 0) >= 0 || !utf8.Valid(b) }

const schemaWord = "schema "

// appendBinary appends bytes that are not text as what they most likely are, an integer,
// a payload in Confluent's wire format or hex, and returns what that is.
func appendBinary(dst, b []byte) (out []byte, what string) {
	if n, ok := bigEndian(b); ok && len(b) >= 4 {
		return strconv.AppendInt(dst, n, 10), fmt.Sprintf("int%d", 8*len(b))
	}
	if len(b) > 5 && b[0] == 0 {
		return hex.AppendEncode(append(dst, "0x"...), b[5:]), fmt.Sprint(schemaWord, binary.BigEndian.Uint32(b[1:]))
	}
	return hex.AppendEncode(append(dst, "0x"...), b), strconv.Itoa(len(b)) + " bytes"
}
