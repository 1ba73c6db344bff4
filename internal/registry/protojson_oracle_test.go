package registry

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"inv/internal/jsonscan"

	"github.com/bufbuild/protocompile/linker"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// protobufJSON writes messages as JSON by the Protobuf library, as an oracle of the
// decoder. It follows ProtoJSON with the names of the
// schema, and differs in two points, for filters and for readers: 64-bit integers are
// numbers, and fields without presence are there when they are zero or empty. A
// well-known type that ProtoJSON can't write, such as a time out of range, is written
// field by field.
type protobufJSON struct {
	types linker.Resolver // of what google.protobuf.Any holds
	anys  int             // levels of Any around the message
}

func (j protobufJSON) appendMessage(dst []byte, m protoreflect.Message) []byte {
	if out, ok := j.appendWellKnown(dst, m); ok {
		return out
	}
	return append(j.appendFields(append(dst, '{'), m), '}')
}

// appendFields appends the fields that are present or have no presence, in the order
// of the schema.
func (j protobufJSON) appendFields(dst []byte, m protoreflect.Message) []byte {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if f.HasPresence() && !m.Has(f) {
			continue
		}
		if last := dst[len(dst)-1]; last != '{' {
			dst = append(dst, ',')
		}
		dst = append(jsonscan.AppendString(dst, []byte(f.Name())), ':')
		switch v := m.Get(f); {
		case f.IsMap():
			dst = j.appendMap(dst, f, v.Map())
		case f.IsList():
			dst = j.appendList(dst, f, v.List())
		default:
			dst = j.appendValue(dst, f, v)
		}
	}
	return dst
}

func (j protobufJSON) appendList(dst []byte, f protoreflect.FieldDescriptor, list protoreflect.List) []byte {
	dst = append(dst, '[')
	for i := range list.Len() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = j.appendValue(dst, f, list.Get(i))
	}
	return append(dst, ']')
}

// appendMap appends a map sorted by its keys, whose order on the wire means nothing.
func (j protobufJSON) appendMap(dst []byte, f protoreflect.FieldDescriptor, m protoreflect.Map) []byte {
	var keys []protoreflect.MapKey
	for key := range m.Range {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b protoreflect.MapKey) int {
		switch a.Interface().(type) {
		case int32, int64:
			return cmp.Compare(a.Int(), b.Int())
		case uint32, uint64:
			return cmp.Compare(a.Uint(), b.Uint())
		}
		return strings.Compare(a.String(), b.String())
	})
	dst = append(dst, '{')
	for i, key := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(jsonscan.AppendString(dst, []byte(key.String())), ':')
		dst = j.appendValue(dst, f.MapValue(), m.Get(key))
	}
	return append(dst, '}')
}

func (j protobufJSON) appendValue(dst []byte, f protoreflect.FieldDescriptor, v protoreflect.Value) []byte {
	switch f.Kind() {
	case protoreflect.BoolKind:
		return strconv.AppendBool(dst, v.Bool())
	case protoreflect.StringKind:
		return jsonscan.AppendString(dst, []byte(v.String()))
	case protoreflect.BytesKind:
		return append(base64.StdEncoding.AppendEncode(append(dst, '"'), v.Bytes()), '"')
	case protoreflect.EnumKind:
		if name := f.Enum().Values().ByNumber(v.Enum()); name != nil {
			return jsonscan.AppendString(dst, []byte(name.Name()))
		}
		return strconv.AppendInt(dst, int64(v.Enum()), 10)
	case protoreflect.FloatKind:
		return appendFloat(dst, v.Float(), 32)
	case protoreflect.DoubleKind:
		return appendFloat(dst, v.Float(), 64)
	case protoreflect.Uint32Kind, protoreflect.Uint64Kind, protoreflect.Fixed32Kind, protoreflect.Fixed64Kind:
		return strconv.AppendUint(dst, v.Uint(), 10)
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return j.appendMessage(dst, v.Message())
	}
	return strconv.AppendInt(dst, v.Int(), 10)
}

// appendWellKnown appends a type of google.protobuf that has a form of its own.
func (j protobufJSON) appendWellKnown(dst []byte, m protoreflect.Message) ([]byte, bool) {
	name, ok := strings.CutPrefix(string(m.Descriptor().FullName()), "google.protobuf.")
	if !ok {
		return nil, false
	}
	switch name {
	case "BoolValue", "StringValue", "BytesValue", "FloatValue", "DoubleValue", "Int32Value", "Int64Value", "UInt32Value", "UInt64Value":
		f := m.Descriptor().Fields().ByName("value")
		return j.appendValue(dst, f, m.Get(f)), true
	case "Any":
		return j.appendAny(dst, m)
	case "Timestamp", "Duration", "FieldMask", "Struct", "Value", "ListValue":
		text, err := protojson.Marshal(m.Interface())
		if err != nil {
			return nil, false
		}
		text, err = jsonPayload(text) // protojson's white space is random
		return append(dst, text...), err == nil
	}
	return nil, false
}

// appendAny appends the message that an Any holds, beside its type, if the schema
// defines it.
func (j protobufJSON) appendAny(dst []byte, m protoreflect.Message) ([]byte, bool) {
	fields := m.Descriptor().Fields()
	url := m.Get(fields.ByName("type_url")).String()
	inner, err := j.types.FindMessageByURL(url)
	if err != nil || j.anys == maxAnys {
		return nil, false
	}
	j.anys++
	held := inner.New()
	if err := proto.Unmarshal(m.Get(fields.ByName("value")).Bytes(), held.Interface()); err != nil {
		return nil, false
	}
	dst = jsonscan.AppendString(append(dst, `{"@type":`...), []byte(url))
	if special, ok := j.appendWellKnown(nil, held); ok {
		return append(append(append(dst, `,"value":`...), special...), '}'), true
	}
	return append(j.appendFields(dst, held), '}'), true
}
