package registry

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math"
	"strconv"

	"inv/internal/jsonscan"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

func (e *protoEnum) append(dst []byte, number protoreflect.EnumNumber) []byte {
	if text := e.texts[number]; text != nil {
		return append(dst, text...)
	}
	return strconv.AppendInt(dst, int64(number), 10)
}

// text appends a string or bytes.
func (d *protoDecoder) text(dst []byte, f *protoField, b []byte) []byte {
	switch {
	case f.kind == protoreflect.BytesKind:
		return append(base64.StdEncoding.AppendEncode(append(dst, '"'), b), '"')
	case d.strict > 0:
		return appendProtoText(dst, b)
	}
	return jsonscan.AppendString(dst, b)
}

// appendProtoText appends text with the escapes of ProtoJSON.
func appendProtoText(dst, text []byte) []byte {
	if !bytes.ContainsAny(text, "\b\f") {
		return jsonscan.AppendString(dst, text)
	}
	dst = append(dst, '"')
	for len(text) > 0 {
		n := bytes.IndexAny(text, "\b\f")
		if n < 0 {
			n = len(text)
		}
		at := len(dst)
		dst = jsonscan.AppendString(dst, text[:n])
		dst = append(dst[:at], dst[at+1:len(dst)-1]...) // without its quotes
		if text = text[n:]; len(text) > 0 {
			escape := byte('b')
			if text[0] == '\f' {
				escape = 'f'
			}
			dst, text = append(dst, '\\', escape), text[1:]
		}
	}
	return append(dst, '"')
}

// number appends a value that is not text, bytes or a message.
func (d *protoDecoder) number(dst []byte, f *protoField, raw uint64) ([]byte, error) {
	if f.from != 0 && !widens(f.from, f.kind, raw) {
		return dst, fmt.Errorf("%s: %s is out of the range of %s, as the topic's schema has it", f.name, appendNumber(nil, f.from, raw), f.kind)
	}
	switch f.kind {
	case protoreflect.BoolKind:
		return strconv.AppendBool(dst, raw != 0), nil
	case protoreflect.EnumKind:
		return f.enum.append(dst, protoreflect.EnumNumber(raw)), nil
	}
	return appendNumber(dst, f.kind, raw), nil
}

func appendNumber(dst []byte, kind protoreflect.Kind, raw uint64) []byte {
	switch kind {
	case protoreflect.FloatKind:
		return appendFloat(dst, float64(math.Float32frombits(uint32(raw))), 32)
	case protoreflect.DoubleKind:
		return appendFloat(dst, math.Float64frombits(raw), 64)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return strconv.AppendUint(dst, uint64(uint32(raw)), 10)
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return strconv.AppendUint(dst, raw, 10)
	case protoreflect.Sint32Kind:
		return strconv.AppendInt(dst, protowire.DecodeZigZag(raw&math.MaxUint32), 10)
	case protoreflect.Sint64Kind:
		return strconv.AppendInt(dst, protowire.DecodeZigZag(raw), 10)
	case protoreflect.Int64Kind, protoreflect.Sfixed64Kind:
		return strconv.AppendInt(dst, int64(raw), 10)
	}
	return strconv.AppendInt(dst, int64(int32(raw)), 10)
}

// signed returns the value of a signed kind.
func signed(kind protoreflect.Kind, raw uint64) int64 {
	switch kind {
	case protoreflect.Sint32Kind:
		return protowire.DecodeZigZag(raw & math.MaxUint32)
	case protoreflect.Sint64Kind:
		return protowire.DecodeZigZag(raw)
	case protoreflect.Int64Kind, protoreflect.Sfixed64Kind:
		return int64(raw)
	}
	return int64(int32(raw))
}
