package registry

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"strings"

	"inv/internal/jsonscan"
	"inv/internal/registry/protofile"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// resolveProtobuf returns a decoder of the writer's payloads by the reader's message:
// fields are the same by their numbers, and those that only the writer has are dropped.
// The messages' names without packages must be equal, as Avro asks of records: otherwise
// a record of any other schema would be read as one of this topic. A number that does
// not fit the reader's narrower type is an error of the record, and not truncated.
func resolveProtobuf(writer, reader *Schema) (func(dst, payload []byte) ([]byte, error), error) {
	if w, r := simpleName(writer.Name), simpleName(reader.Name); w != r {
		return nil, fmt.Errorf("the record is of the message %s, and the topic's schema has %s", writer.Name, reader.Name)
	}
	c := &protoResolver{compiler: newProtoCompiler(), pairs: map[protoPair]*protoMessage{}, defaults: reader.Defaults}
	m := c.message("", writer.message, reader.message)
	if err := errors.Join(c.errs...); err != nil {
		return nil, fmt.Errorf("the schema of the record can't be read as that of the topic: %w", err)
	}
	if c.compiler.anys {
		return protoDecode(m, reader.protoTypes, Data), nil
	}
	return protoDecode(m, nil, Data), nil
}

func simpleName(fullName string) string { return fullName[strings.LastIndexByte(fullName, '.')+1:] }

// protoPair is a writer's and a reader's message.
type protoPair struct{ writer, reader protoreflect.FullName }

// protoResolver compiles the reader's messages as they read those of a writer.
type protoResolver struct {
	compiler *protoCompiler
	pairs    map[protoPair]*protoMessage
	defaults map[string]string // by path
	errs     []error
}

// maxUnresolved bounds how many fields an error lists.
const maxUnresolved = 10

func (c *protoResolver) message(path string, writer, reader protoreflect.MessageDescriptor) *protoMessage {
	pair := protoPair{writer.FullName(), reader.FullName()}
	if m := c.pairs[pair]; m != nil {
		return m
	}
	m := new(protoMessage)
	c.pairs[pair] = m
	*m = *c.compiler.message(reader)
	if len(c.pairs) > maxTypes {
		c.errs = append(c.errs, fmt.Errorf("the schemas have more than %d types", maxTypes))
		return m
	}
	m.fields = append([]protoField(nil), m.fields...)
	for i := range m.fields {
		f := &m.fields[i]
		w := writer.Fields().ByNumber(f.number)
		at := join(path, f.name)
		if value, ok := c.defaults[at]; ok && w == nil {
			f.absent = []byte(value)
		}
		if w == nil || len(c.errs) >= maxUnresolved {
			continue
		}
		r := reader.Fields().ByNumber(f.number)
		text := moved(writer, reader, w, r)
		if text == "" {
			text = wireConflict(w, r)
		}
		if text != "" {
			c.errs = append(c.errs, fmt.Errorf("field %s of %s: %s", r.Name(), reader.FullName(), text))
			continue
		}
		if w.Message() != nil && r.Message() != nil {
			if f.list {
				at += "[]"
			}
			f.message = c.message(at, w.Message(), r.Message())
		}
		if w.Enum() != nil && r.Enum() != nil {
			f.enum = resolveEnum(w.Enum(), f.enum)
		}
		if w.Kind() != r.Kind() {
			f.from = w.Kind()
		}
		f.utf8 = f.utf8 || r.Kind() == protoreflect.StringKind && w.Kind() == protoreflect.BytesKind
	}
	return m
}

// moved returns why two fields with the same number are not the same: a field has another
// number than before, which nobody means by a new name. It may be of the same type.
func moved(writer, reader protoreflect.MessageDescriptor, w, r protoreflect.FieldDescriptor) string {
	if w.Name() == r.Name() {
		return ""
	}
	if at := reader.Fields().ByName(w.Name()); at != nil {
		return fmt.Sprintf("number %d is %s to the writer, which has number %d to the reader", w.Number(), w.Name(), at.Number())
	}
	if at := writer.Fields().ByName(r.Name()); at != nil {
		return fmt.Sprintf("it has number %d to the writer, and number %d to the reader", at.Number(), r.Number())
	}
	return ""
}

// resolveEnum returns a reader's enum as it reads the numbers of a writer's. A value has
// the writer's name, since a symbol that is put between others in a shape moves those
// after it; but if the reader has another name at its number, which the writer does not
// have, the value has been renamed.
func resolveEnum(writer protoreflect.EnumDescriptor, reader *protoEnum) *protoEnum {
	e := *reader
	e.texts = maps.Clone(reader.texts)
	for i := range writer.Values().Len() {
		v := writer.Values().Get(i)
		if writer.Values().ByNumber(v.Number()) != v {
			continue // of aliases the first one
		}
		there := reader.desc.Values().ByNumber(v.Number())
		_, kept := reader.numbers[string(v.Name())]
		if kept || there == nil || writer.Values().ByName(there.Name()) != nil {
			e.texts[v.Number()] = jsonscan.AppendString(nil, []byte(v.Name()))
		}
	}
	return &e
}

// wireConflict returns why values of a writer's field can't be read as a reader's; "" if
// they can. The groups of types are those of "Updating A Message Type" in the language
// guide of Protocol Buffers.
func wireConflict(w, r protoreflect.FieldDescriptor) string {
	switch {
	case w.IsMap() != r.IsMap():
		return fmt.Sprintf("number %d is %s to the writer, and %s to the reader", w.Number(), typeText(w), typeText(r))
	case w.IsList() && !r.IsList():
		return fmt.Sprintf("number %d is a list to the writer, and a single value to the reader", w.Number())
	case protofile.WireGroup(w.Kind()) != protofile.WireGroup(r.Kind()):
		return fmt.Sprintf("number %d is %s to the writer, and %s to the reader", w.Number(), typeText(w), typeText(r))
	case w.IsMap():
		if text := wireConflict(w.MapKey(), r.MapKey()); text != "" {
			return text
		}
		return wireConflict(w.MapValue(), r.MapValue())
	}
	return ""
}

// typeText returns a field's type as a schema has it.
func typeText(f protoreflect.FieldDescriptor) string {
	name := f.Kind().String()
	switch {
	case f.IsMap():
		return "map<" + typeText(f.MapKey()) + ", " + typeText(f.MapValue()) + ">"
	case f.Message() != nil:
		name = string(f.Message().FullName())
	case f.Enum() != nil:
		name = string(f.Enum().FullName())
	}
	if f.IsList() {
		return "repeated " + name
	}
	return name
}

// widens reports whether a value of an integer kind is one of another kind.
func widens(from, to protoreflect.Kind, raw uint64) bool {
	low, high := kindRange(to)
	switch from {
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return raw <= high
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return raw&math.MaxUint32 <= high
	case protoreflect.BoolKind:
		return true
	case protoreflect.StringKind, protoreflect.BytesKind:
		return true
	}
	v := signed(from, raw)
	if v < 0 {
		return low > 0 && v >= -int64(low-1)-1
	}
	return uint64(v) <= high
}
