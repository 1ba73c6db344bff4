package inspect

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"inv/internal/jsonscan"
)

// The forms that need no decoding: those that bytes have by themselves, and those that
// a SchemaDecoder decodes.
const (
	FormAuto     = "auto"
	FormAvro     = "avro"
	FormProtobuf = "protobuf"
)

// Forms returns the forms that keys and values can have.
func Forms() []string {
	return []string{FormAuto, "string", "text", "json", "xml", "hex", "base64", "int", "int32", "int64", "float", "uuid", FormAvro, FormProtobuf}
}

// form is how the bytes of a key or a value are shown as text.
type form struct {
	name   string // as in "it is not …"
	quoted bool   // as a value, the text is a JSON string
	// append appends the text of bytes, and reports whether they have the form; nil:
	// they are the text.
	append func(dst, b []byte) ([]byte, bool)
	// parse returns the bytes that have a text: several where the size is open.
	parse func(text string) ([][]byte, error)
}

// formOf returns a form, nil if it needs no decoding here.
func formOf(name string) *form {
	switch name {
	case "string", "text":
		return &form{name: "text", quoted: true}
	case "json":
		return &form{name: "JSON", append: func(dst, b []byte) ([]byte, bool) {
			_, ok := jsonscan.Valid(b)
			return append(dst, b...), ok
		}}
	case "xml": // filters and renderers take it as text
		return &form{name: "XML", append: func(dst, b []byte) ([]byte, bool) { return append(dst, b...), isXML(b) }}
	case "hex":
		return &form{"hexadecimal", true,
			func(dst, b []byte) ([]byte, bool) { return hex.AppendEncode(dst, b), true },
			func(text string) ([][]byte, error) { return one(hex.DecodeString(strings.TrimPrefix(text, "0x"))) }}
	case "base64":
		return &form{"base64", true,
			func(dst, b []byte) ([]byte, bool) { return base64.StdEncoding.AppendEncode(dst, b), true },
			func(text string) ([][]byte, error) { return one(base64.StdEncoding.DecodeString(text)) }}
	case "uuid":
		return &form{"a UUID of 16 bytes", true, appendUUID, parseUUID}
	case "int":
		return &form{"an integer of 1, 2, 4 or 8 bytes", false, appendInteger, parseInteger(1, 2, 4, 8)}
	case "int32":
		return &form{"an integer of 4 bytes", false, sized(4, appendInteger), parseInteger(4)}
	case "int64":
		return &form{"an integer of 8 bytes", false, sized(8, appendInteger), parseInteger(8)}
	case "float":
		return &form{"a finite float of 4 or 8 bytes", false, appendFloat, parseFloat}
	}
	return nil
}

// bytesOf returns the bytes that have the form and are shown as text.
func (f *form) bytesOf(text string) ([][]byte, error) {
	if f.parse == nil {
		return [][]byte{[]byte(text)}, nil
	}
	b, err := f.parse(text)
	if err != nil {
		return nil, fmt.Errorf("%q is not %s", text, f.name)
	}
	return b, nil
}

func one(b []byte, err error) ([][]byte, error) { return [][]byte{b}, err }

func appendUUID(dst, b []byte) ([]byte, bool) {
	if len(b) != 16 {
		return dst, false
	}
	return fmt.Appendf(dst, "%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), true
}

func parseUUID(text string) ([][]byte, error) {
	b, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if len(b) != 16 {
		return nil, hex.ErrLength
	}
	return one(b, err)
}

func appendInteger(dst, b []byte) ([]byte, bool) {
	n, ok := bigEndian(b)
	return strconv.AppendInt(dst, n, 10), ok
}

func sized(size int, of func(dst, b []byte) ([]byte, bool)) func(dst, b []byte) ([]byte, bool) {
	return func(dst, b []byte) ([]byte, bool) {
		if len(b) != size {
			return dst, false
		}
		return of(dst, b)
	}
}

// parseInteger returns a function that returns an integer in each of the sizes, in
// bytes, that hold it.
func parseInteger(sizes ...int) func(string) ([][]byte, error) {
	return func(text string) (out [][]byte, err error) {
		for _, size := range sizes {
			var n int64
			if n, err = strconv.ParseInt(text, 10, 8*size); err == nil {
				out = append(out, binary.BigEndian.AppendUint64(nil, uint64(n))[8-size:])
			}
		}
		return out, err // of the largest
	}
}

func appendFloat(dst, b []byte) ([]byte, bool) {
	f, ok := float(b)
	return strconv.AppendFloat(dst, f, 'g', -1, 64), ok
}

func parseFloat(text string) ([][]byte, error) {
	f, err := strconv.ParseFloat(text, 64)
	out := [][]byte{binary.BigEndian.AppendUint64(nil, math.Float64bits(f))}
	if single := float32(f); float64(single) == f {
		out = append(out, binary.BigEndian.AppendUint32(nil, math.Float32bits(single)))
	}
	return out, err
}

// forms decodes the keys and the values of which the form is given.
type forms struct {
	key, value             *form // nil: they are left alone
	keyBuf, valueBuf, text []byte
}

// decode replaces the record's key with text and its value with JSON. It leaves those
// alone that have another form, which the error reports.
func (f *forms) decode(r *Record) error {
	var keyErr, valueErr error
	if f.key != nil && f.key.append != nil && r.Key != nil {
		var ok bool
		if f.keyBuf, ok = f.key.append(f.keyBuf[:0], r.Key); ok {
			r.Key = f.keyBuf
		} else {
			keyErr = fmt.Errorf("the key is not %s", f.key.name)
		}
	}
	if f.value != nil && r.Value != nil {
		if text, ok := f.value.appendJSON(f, r.Value); ok {
			r.Value = text
		} else {
			valueErr = fmt.Errorf("the value is not %s", f.value.name)
		}
	}
	return errors.Join(keyErr, valueErr)
}

// appendJSON returns the text of a value in f's buffers.
func (v *form) appendJSON(f *forms, b []byte) ([]byte, bool) {
	if v.append == nil {
		f.valueBuf = jsonscan.AppendString(emptied(f.valueBuf), b)
		return f.valueBuf, true
	}
	var ok bool
	if f.text, ok = v.append(emptied(f.text), b); !ok || !v.quoted {
		return f.text, ok
	}
	f.valueBuf = jsonscan.AppendString(emptied(f.valueBuf), f.text)
	return f.valueBuf, true
}
