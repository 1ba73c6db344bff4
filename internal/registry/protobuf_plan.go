package registry

import (
	"encoding/base64"
	"fmt"
	"slices"

	"inv/internal/jsonscan"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// protoMessage is a message compiled for both directions. It is immutable once it is
// compiled, and messages may refer to themselves.
type protoMessage struct {
	desc   protoreflect.MessageDescriptor
	known  protoKnown
	fields []protoField // in the order of the schema
	dense  []int32      // by number: an index of fields plus one, for small numbers
	sparse map[protowire.Number]int32
	names  map[string]int32 // by name and JSON name
	// byNumber are indexes of fields in the order of their numbers.
	byNumber []int32
	places   []int32  // in byNumber, of each field
	oneofs   []string // names; synthetic ones left out
	required bool     // a field is
}

// protoField is a field of a message.
type protoField struct {
	name     string
	key      []byte // the name as JSON with a colon
	number   protowire.Number
	kind     protoreflect.Kind
	wire     protowire.Type // of one value
	tag      uint64         // as it is written
	list     bool           // or a map
	packed   bool           // when written
	packable bool
	presence bool
	required bool
	utf8     bool // bytes that are not UTF-8 are an error when read
	oneof    int32
	message  *protoMessage // of a message, a group or an entry of a map
	enum     *protoEnum
	entry    bool              // message is an entry of a map
	zero     []byte            // the JSON of a scalar that is not there
	absent   []byte            // the JSON of the field if the writer's schema does not have it; nil: nothing
	from     protoreflect.Kind // the writer's kind, where values may not fit; 0: as kind
}

// protoEnum is the names of an enum.
type protoEnum struct {
	desc    protoreflect.EnumDescriptor
	texts   map[protoreflect.EnumNumber][]byte // as JSON
	numbers map[string]protoreflect.EnumNumber
	closed  bool
	null    bool // it is google.protobuf.NullValue
}

// protoKnown is a type of google.protobuf that JSON has a form of its own for.
type protoKnown uint8

const (
	knownNone protoKnown = iota
	knownWrapper
	knownAny
	knownTimestamp
	knownDuration
	knownFieldMask
	knownStruct
	knownValue
	knownList
)

// protoCompiler compiles messages, each once.
type protoCompiler struct {
	messages map[protoreflect.FullName]*protoMessage
	enums    map[protoreflect.FullName]*protoEnum
	anys     bool // a message is google.protobuf.Any
	err      error
}

func newProtoCompiler() *protoCompiler {
	return &protoCompiler{messages: map[protoreflect.FullName]*protoMessage{}, enums: map[protoreflect.FullName]*protoEnum{}}
}

func (c *protoCompiler) message(d protoreflect.MessageDescriptor) *protoMessage {
	if m := c.messages[d.FullName()]; m != nil {
		return m
	}
	m := &protoMessage{desc: d}
	c.messages[d.FullName()] = m
	if len(c.messages)+len(c.enums) > maxTypes {
		c.err = fmt.Errorf("the schema has more than %d types", maxTypes)
		return m
	}
	m.known = knownType(d)
	c.anys = c.anys || m.known == knownAny
	fields := d.Fields()
	m.fields = make([]protoField, fields.Len())
	m.names = make(map[string]int32, 2*fields.Len())
	for i := range m.fields {
		f := fields.Get(i)
		m.fields[i] = c.field(m, f)
		m.names[f.JSONName()] = int32(i)
		m.byNumber = append(m.byNumber, int32(i))
		m.required = m.required || m.fields[i].required
	}
	for i := range m.fields { // a name counts more than another field's JSON name
		m.names[m.fields[i].name] = int32(i)
		m.index(m.fields[i].number, int32(i))
	}
	slices.SortFunc(m.byNumber, func(a, b int32) int { return int(m.fields[a].number - m.fields[b].number) })
	m.places = make([]int32, len(m.fields))
	for place, i := range m.byNumber {
		m.places[i] = int32(place)
	}
	return m
}

// maxDense bounds the numbers that are found in a table.
const maxDense = 1 << 10

func (m *protoMessage) index(number protowire.Number, i int32) {
	if number >= maxDense {
		if m.sparse == nil {
			m.sparse = map[protowire.Number]int32{}
		}
		m.sparse[number] = i
		return
	}
	for len(m.dense) <= int(number) {
		m.dense = append(m.dense, 0)
	}
	m.dense[number] = i + 1
}

// find returns the index of the field with a number, or -1.
func (m *protoMessage) find(number protowire.Number) int {
	if int(number) < len(m.dense) {
		return int(m.dense[number]) - 1
	}
	if i, ok := m.sparse[number]; ok {
		return int(i)
	}
	return -1
}

func (c *protoCompiler) field(m *protoMessage, d protoreflect.FieldDescriptor) protoField {
	f := protoField{
		name: string(d.Name()), key: append(jsonscan.AppendString(nil, []byte(d.Name())), ':'),
		number: d.Number(), kind: d.Kind(), wire: wireType(d.Kind()),
		list: d.IsList() || d.IsMap(), packed: d.IsPacked(), entry: d.IsMap(),
		presence: d.HasPresence(), required: d.Cardinality() == protoreflect.Required,
		utf8: d.Kind() == protoreflect.StringKind && enforcesUTF8(d), oneof: -1,
	}
	f.packable = d.IsList() && f.wire != protowire.BytesType && f.wire != protowire.StartGroupType
	written := f.wire
	if f.packed {
		written = protowire.BytesType
	}
	f.tag = protowire.EncodeTag(f.number, written)
	if one := d.ContainingOneof(); one != nil && !one.IsSynthetic() {
		f.oneof = int32(slices.Index(m.oneofs, string(one.Name())))
		if f.oneof < 0 {
			f.oneof = int32(len(m.oneofs))
			m.oneofs = append(m.oneofs, string(one.Name()))
		}
	}
	if d.Message() != nil {
		f.message = c.message(d.Message())
	}
	if d.Enum() != nil {
		f.enum = c.enum(d.Enum())
	}
	if f.message == nil && !f.list {
		f.zero = f.missing(d.Default())
	}
	return f
}

// missing returns the JSON of a default.
func (f *protoField) missing(v protoreflect.Value) []byte {
	switch f.kind {
	case protoreflect.StringKind:
		return jsonscan.AppendString(nil, []byte(v.String()))
	case protoreflect.BytesKind:
		return append(base64.StdEncoding.AppendEncode([]byte{'"'}, v.Bytes()), '"')
	case protoreflect.FloatKind:
		return appendFloat(nil, v.Float(), 32)
	case protoreflect.DoubleKind:
		return appendFloat(nil, v.Float(), 64)
	case protoreflect.EnumKind:
		return f.enum.append(nil, v.Enum())
	}
	return fmt.Append(nil, v.Interface())
}

func (c *protoCompiler) enum(d protoreflect.EnumDescriptor) *protoEnum {
	if e := c.enums[d.FullName()]; e != nil {
		return e
	}
	e := &protoEnum{desc: d, closed: d.IsClosed(), null: d.FullName() == "google.protobuf.NullValue",
		texts: map[protoreflect.EnumNumber][]byte{}, numbers: map[string]protoreflect.EnumNumber{}}
	c.enums[d.FullName()] = e
	values := d.Values()
	for i := range values.Len() {
		v := values.Get(i)
		e.numbers[string(v.Name())] = v.Number()
		if e.texts[v.Number()] == nil { // of aliases the first one
			e.texts[v.Number()] = jsonscan.AppendString(nil, []byte(v.Name()))
		}
	}
	return e
}

func wireType(k protoreflect.Kind) protowire.Type {
	switch k {
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind, protoreflect.FloatKind:
		return protowire.Fixed32Type
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind, protoreflect.DoubleKind:
		return protowire.Fixed64Type
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind:
		return protowire.BytesType
	case protoreflect.GroupKind:
		return protowire.StartGroupType
	}
	return protowire.VarintType
}

// enforcesUTF8 reports whether text that is not UTF-8 is an error, as the Protobuf
// library decides it.
func enforcesUTF8(d protoreflect.FieldDescriptor) bool {
	syntax := d.ParentFile().Syntax()
	if e, ok := d.(interface{ EnforceUTF8() bool }); ok && syntax == protoreflect.Editions {
		return e.EnforceUTF8()
	}
	return syntax == protoreflect.Proto3
}

// knownType returns what a message is if it has the fields of the type of that name: a
// schema can define such a name otherwise.
func knownType(d protoreflect.MessageDescriptor) protoKnown {
	const number, text = protoreflect.Int64Kind, protoreflect.StringKind
	has := func(known protoKnown, kinds ...protoreflect.Kind) protoKnown {
		if d.Fields().Len() != len(kinds) {
			return knownNone
		}
		for i, kind := range kinds {
			if f := d.Fields().Get(i); f.Number() != protowire.Number(i+1) || f.Kind() != kind {
				return knownNone
			}
		}
		return known
	}
	if d.ParentFile().Package() != "google.protobuf" {
		return knownNone
	}
	message := protoreflect.MessageKind
	switch d.FullName().Name() {
	case "BoolValue", "StringValue", "BytesValue", "FloatValue", "DoubleValue", "Int32Value", "Int64Value", "UInt32Value", "UInt64Value":
		if d.Fields().Len() == 1 && d.Fields().Get(0).Name() == "value" && d.Fields().Get(0).Cardinality() == protoreflect.Optional {
			return knownWrapper
		}
	case "Any":
		return has(knownAny, text, protoreflect.BytesKind)
	case "Timestamp":
		return has(knownTimestamp, number, protoreflect.Int32Kind)
	case "Duration":
		return has(knownDuration, number, protoreflect.Int32Kind)
	case "FieldMask":
		if known := has(knownFieldMask, text); known != knownNone && d.Fields().Get(0).IsList() {
			return known
		}
	case "Struct":
		if f := d.Fields().ByNumber(1); has(knownStruct, message) != knownNone && f.IsMap() && f.MapKey().Kind() == text && isNamed(f.MapValue(), "Value") {
			return knownStruct
		}
	case "Value":
		return has(knownValue, protoreflect.EnumKind, protoreflect.DoubleKind, text, protoreflect.BoolKind, message, message).onlyIf(isValue(d))
	case "ListValue":
		if f := d.Fields().ByNumber(1); has(knownList, message) != knownNone && f.IsList() && isNamed(f, "Value") {
			return knownList
		}
	}
	return knownNone
}

func (k protoKnown) onlyIf(ok bool) protoKnown {
	if ok {
		return k
	}
	return knownNone
}

// isNamed reports whether a field is a message of google.protobuf.
func isNamed(f protoreflect.FieldDescriptor, name protoreflect.Name) bool {
	return f.Message() != nil && f.Message().FullName() == "google.protobuf."+protoreflect.FullName(name)
}

// isValue reports whether a message has one of the fields of google.protobuf.Value.
func isValue(d protoreflect.MessageDescriptor) bool {
	for i := range d.Fields().Len() {
		one := d.Fields().Get(i).ContainingOneof()
		if one == nil || one.IsSynthetic() || one.Index() != 0 {
			return false
		}
	}
	return d.Fields().Len() == 6 && isNamed(d.Fields().ByNumber(5), "Struct") && isNamed(d.Fields().ByNumber(6), "ListValue")
}
