package producer

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"inv/internal/registry"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// protoEncoder adds the pieces of a value's payload by a Protobuf schema, fields in the
// order of their numbers. Whatever is constant is encoded when the plan is compiled, by
// [registry.Schema.Encode]; a value for which there is no step here is written as JSON and
// encoded by that, too: a field of a message as a message with nothing else.
type protoEncoder struct {
	source registry.Source
	parts  map[protoreflect.FullName]*registry.Schema // schemas of a message
}

func newProtoEncoder(schema *registry.Schema) *protoEncoder {
	return &protoEncoder{source: schema.Source, parts: map[protoreflect.FullName]*registry.Schema{schema.Message().FullName(): schema}}
}

func (e *protoEncoder) part(m protoreflect.MessageDescriptor) (*registry.Schema, error) {
	if known := e.parts[m.FullName()]; known != nil {
		return known, nil
	}
	source := e.source
	source.Message = string(m.FullName())
	part, err := registry.Compile(context.Background(), source) // its references are in the source
	if err == nil {
		e.parts[m.FullName()] = part
	}
	return part, err
}

// message adds the fields of a message.
func (e *protoEncoder) message(s *steps, n *node, m protoreflect.MessageDescriptor, path string) {
	part, err := e.part(m)
	switch {
	case err != nil:
		s.value(refusing(path, err))
	case n.kind != kindObject || !e.members(s, n, m, part, path):
		s.value(encodedBy(part, jsonValue(n), path))
	}
}

// members adds the fields of an object; false if the message lacks one of them, or not any
// object can be such a message.
func (e *protoEncoder) members(s *steps, n *node, m protoreflect.MessageDescriptor, part *registry.Schema, path string) bool {
	if m.ParentFile().Package() == "google.protobuf" {
		return false
	}
	type member struct {
		node  *node
		field protoreflect.FieldDescriptor
		name  string
	}
	var members []member
	for _, f := range n.fields {
		field := m.Fields().ByName(protoreflect.Name(f.name))
		if field == nil {
			field = m.Fields().ByJSONName(f.name)
		}
		if field == nil || inOneof(field) || slices.ContainsFunc(members, func(m member) bool { return m.field == field }) {
			return false
		}
		members = append(members, member{f.node, field, f.name})
	}
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		if f.Cardinality() == protoreflect.Required && !slices.ContainsFunc(members, func(m member) bool { return m.field == f && m.node.missing() == nil }) {
			return false
		}
	}
	slices.SortFunc(members, func(a, b member) int { return int(a.field.Number() - b.field.Number()) })
	for _, f := range members {
		e.field(s, f.node, &protoField{FieldDescriptor: f.field, part: part, path: path, name: string(appendString([]byte{'{'}, []byte(f.name))) + ":"}, joined(path, f.name))
	}
	return true
}

// inOneof reports whether at most one of several fields can be set.
func inOneof(f protoreflect.FieldDescriptor) bool {
	return f.ContainingOneof() != nil && !f.ContainingOneof().IsSynthetic()
}

// protoField is a field of a message.
type protoField struct {
	protoreflect.FieldDescriptor
	part *registry.Schema // of its message
	name string           // the beginning of the message's JSON
	path string           // of the message
}

// tag returns the bytes before a value.
func (f *protoField) tag() []byte {
	kind := map[protoreflect.Kind]protowire.Type{
		protoreflect.Fixed32Kind: protowire.Fixed32Type, protoreflect.Sfixed32Kind: protowire.Fixed32Type, protoreflect.FloatKind: protowire.Fixed32Type,
		protoreflect.Fixed64Kind: protowire.Fixed64Type, protoreflect.Sfixed64Kind: protowire.Fixed64Type, protoreflect.DoubleKind: protowire.Fixed64Type,
		protoreflect.StringKind: protowire.BytesType, protoreflect.BytesKind: protowire.BytesType, protoreflect.MessageKind: protowire.BytesType,
	}[f.Kind()]
	if f.IsPacked() {
		kind = protowire.BytesType
	}
	return protowire.AppendTag(nil, f.Number(), kind)
}

// constant returns the payload of a message with the field alone.
func (f *protoField) constant(json []byte) ([]byte, error) {
	return f.part.Encode(nil, append(append([]byte(f.name), json...), '}'))
}

// encoded adds a field that is written as JSON first.
func (f *protoField) encoded(s *steps, n *node) { s.value(f.slow(n)) }

// slow returns the function that writes a field as JSON first.
func (f *protoField) slow(n *node) appendFunc {
	value := jsonValue(n)
	return encodedBy(f.part, func(w *worker, fr *frame, dst []byte) []byte {
		return append(value(w, fr, append(dst, f.name...)), '}')
	}, f.path)
}

// field adds a field, with its tag. One that is absent or null is not written, unless its
// type has a null of its own.
func (e *protoEncoder) field(s *steps, n *node, f *protoField, path string) {
	if n.absent != nil {
		there := *n
		there.absent = nil
		s.value(unless(n.absent, e.fieldFunction(s, &there, f, path)))
		return
	}
	switch {
	case n.null != nil && !n.guarded:
		e.nullable(s, n, f, path)
	case n.bytes != nil:
		if payload, err := f.constant(n.bytes); err == nil {
			s.raw(string(payload))
		} else {
			f.encoded(s, n)
		}
	case n.drawn != nil:
		rows := make([][]byte, len(n.drawn))
		for i, row := range n.drawn {
			payload, err := f.constant(row)
			if err != nil {
				f.encoded(s, n)
				return
			}
			rows[i] = payload
		}
		s.draw(n.pick, rows)
	case n.null != nil:
		e.nullable(s, n, f, path)
	case n.kind == kindChoice:
		values := make([]appendFunc, len(n.choices))
		for i, of := range n.choices {
			values[i] = e.fieldFunction(s, of, f, path)
		}
		s.value(choice(n.pickChoice, values))
	case !e.direct(s, n, f, path):
		f.encoded(s, n)
	}
}

func (e *protoEncoder) fieldFunction(s *steps, n *node, f *protoField, path string) appendFunc {
	inner := s.inner()
	e.field(inner, n, f, path)
	return inner.function()
}

func (e *protoEncoder) nullable(s *steps, n *node, f *protoField, path string) {
	there, null := *n, n.null
	there.null = nil
	value := e.fieldFunction(s, &there, f, path)
	payload, err := f.constant([]byte("null"))
	s.value(func(w *worker, fr *frame, dst []byte) []byte {
		switch {
		case !null(w, fr):
			return value(w, fr, dst)
		case err != nil:
			w.refuse(f.path, err)
		}
		return append(dst, payload...)
	})
}

// direct adds a field, which is there and not null, by steps; false if there are none for
// it.
func (e *protoEncoder) direct(s *steps, n *node, f *protoField, path string) bool {
	switch {
	case f.IsMap():
		return false
	case f.IsList():
		return n.kind == kindList && e.list(s, n, f, path)
	case f.Kind() == protoreflect.MessageKind:
		return e.messageField(s, n, f, path)
	case f.Kind() == protoreflect.StringKind:
		return n.kind == kindString && e.text(s, n, f)
	case f.Kind() == protoreflect.EnumKind:
		return n.kind == kindString && n.symbols != nil && e.enum(s, n, f, path)
	case f.Kind() == protoreflect.BoolKind && n.kind == kindBool:
		num, b := n.num, f.form(formVarint)
		s.value(func(w *worker, f *frame, dst []byte) []byte { return b.append(dst, num(w, f)) })
		return true
	}
	b, l, ok := f.number(n)
	if !ok {
		return false
	}
	if b.zero && (n.limits.low > 0 || n.limits.high < 0) && n.limits.low >= l.low && n.limits.high <= l.high { // it is never left out
		s.raw(string(f.tag()))
		b.tag, b.size = 0, 0
	}
	s.numberWithin(n, b, l, f.slow(n))
	return true
}

// form returns the form of a field with its tag.
func (f *protoField) form(kind formKind) form {
	b := form{kind: kind, zero: !f.HasPresence()}
	var tag [8]byte
	b.size = copy(tag[:], f.tag())
	b.tag = binary.LittleEndian.Uint64(tag[:])
	return b
}

// number returns the form of a number, and within which limits it fits; false if there is
// no such form.
func (f *protoField) number(n *node) (b form, l limits, ok bool) {
	switch f.Kind() {
	case protoreflect.Int32Kind:
		return f.form(formVarint), limits32(), n.isWhole()
	case protoreflect.Int64Kind:
		return f.form(formVarint), limits64(), n.isWhole()
	case protoreflect.Uint32Kind:
		return f.form(formVarint), limitsU32(), n.isWhole()
	case protoreflect.Uint64Kind:
		return f.form(formVarint), limitsU64(), n.isWhole()
	case protoreflect.Sint32Kind:
		return f.form(formZigzag), limits32(), n.isWhole()
	case protoreflect.Sint64Kind:
		return f.form(formZigzag), limits64(), n.isWhole()
	case protoreflect.Fixed32Kind:
		return f.form(formFixed32), limitsU32(), n.isWhole()
	case protoreflect.Sfixed32Kind:
		return f.form(formFixed32), limits32(), n.isWhole()
	case protoreflect.Fixed64Kind:
		return f.form(formFixed64), limitsU64(), n.isWhole()
	case protoreflect.Sfixed64Kind:
		return f.form(formFixed64), limits64(), n.isWhole()
	case protoreflect.DoubleKind:
		b = f.form(formDouble)
		b.dec = n.dec
		l, ok = n.doubleLimits()
		return b, l, ok
	}
	return b, l, false
}

// text adds a text. One that is empty is left out, unless the field has presence.
func (e *protoEncoder) text(s *steps, n *node, f *protoField) bool {
	tag := string(f.tag())
	if never := slices.ContainsFunc(n.pieces, func(p piece) bool { return p.literal != "" || p.inline != nil }); f.HasPresence() || never || n.uuid {
		s.raw(tag)
		if !s.sizedText(n, 0) {
			s.sizedValue(n, 0)
		}
		return true
	}
	text, safe := n.text, n.safe
	s.value(func(w *worker, f *frame, dst []byte) []byte {
		start := len(dst)
		dst = append(append(dst, tag...), 0)
		at := len(dst)
		if dst = text(w, f, dst); len(dst) == at {
			return dst[:start]
		}
		if !safe {
			dst = w.valid(dst, at)
		}
		return closeSized(dst, at, 0)
	})
	return true
}

// enum adds a text that is the name of a value; false if some are not.
func (e *protoEncoder) enum(s *steps, n *node, f *protoField, path string) bool {
	numbers := map[string]int64{}
	for i := range f.Enum().Values().Len() {
		v := f.Enum().Values().Get(i)
		numbers[string(v.Name())] = int64(v.Number())
	}
	for _, symbol := range n.symbols {
		if _, known := numbers[symbol]; !known {
			return false
		}
	}
	text, b := n.text, f.form(formVarint)
	s.value(func(w *worker, fr *frame, dst []byte) []byte {
		symbol := text(w, fr, w.takeText())
		number, known := numbers[string(symbol)]
		if !known { // such as the key of the fault unknown_ref
			w.refuse(path, &registry.ValueError{Text: fmt.Sprintf("%.40q is not a value of the enum %s", symbol, f.Enum().FullName())})
		}
		w.giveText(symbol)
		return b.append(dst, number)
	})
	return true
}

// messageField adds a field that is a message.
func (e *protoEncoder) messageField(s *steps, n *node, f *protoField, path string) bool {
	switch {
	case f.Message().FullName() == "google.protobuf.Timestamp" && n.wholeWithin(timeLimits()):
		s.raw(string(f.tag()))
		s.number(n, form{kind: formTimestamp})
		return true
	case n.kind != kindObject || f.Message().ParentFile().Package() == "google.protobuf":
		return false
	}
	e.sized(s, n, f, path)
	return true
}

// sized adds a message that is not of google.protobuf with its tag and length.
func (e *protoEncoder) sized(s *steps, n *node, f *protoField, path string) {
	inner, tag := s.inner(), f.tag()
	e.message(inner, n, f.Message(), path)
	framed := func(row []byte) []byte {
		return append(protowire.AppendVarint(slices.Clone(tag), uint64(len(row))), row...)
	}
	switch {
	case len(inner.list) == 0 && inner.rows == nil:
		s.raw(string(framed(inner.pending)))
		return
	case len(inner.list) == 0: // draws alone
		rows := make([][]byte, len(inner.rows))
		for i, row := range inner.rows {
			rows[i] = framed(row)
		}
		s.drawAll(inner.picks, rows)
		return
	}
	program := inner.done()
	if width, ok := program.width(); ok && width-overshoot <= mostInByte {
		s.raw(string(tag))
		if s.beginSized() {
			e.message(s, n, f.Message(), path)
			s.endSized(0)
			return
		}
	} else {
		s.raw(string(tag))
	}
	value := program.function()
	s.value(func(w *worker, f *frame, dst []byte) []byte { return appendSized(w, f, dst, 0, value) })
}
