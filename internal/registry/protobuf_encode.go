package registry

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"inv/internal/jsonscan"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// protoEncoder is the state of encoding one JSON value. Fields are written in the order
// of their numbers, as the Protobuf libraries do, whatever order the JSON has.
type protoEncoder struct {
	types map[string]*protoMessage // that an Any may hold
	// values are those of the fields of the messages that are open, innermost last; of a
	// oneof, its member.
	values [][]byte
	text   []byte // a string without its escapes
	depth  int
	anys   int // levels of Any around
	// careful is how many values are not tried to be written while they are read.
	careful int
}

// protoEncode returns an encoder of JSON values as a message.
func protoEncode(m *protoMessage, types map[string]*protoMessage) func(dst, json []byte) ([]byte, error) {
	pool := &sync.Pool{New: func() any { return &protoEncoder{types: types} }}
	return func(dst, json []byte) ([]byte, error) {
		if len(json) > maxJSON {
			return dst, errTooLarge
		}
		e := pool.Get().(*protoEncoder)
		out, err := e.run(dst, m, json)
		clear(e.values[:cap(e.values)])
		e.values, e.depth, e.anys = e.values[:0], 0, 0
		if cap(e.values) > maxKept {
			e.values = nil
		}
		if cap(e.text) > 16*maxKept {
			e.text = nil
		}
		pool.Put(e)
		if err != nil {
			return dst, err
		}
		return out, nil
	}
}

// wholeValue returns a JSON value without white space around it.
func wholeValue(json []byte) ([]byte, error) {
	if _, ok := jsonscan.Valid(json); !ok {
		return nil, errNotJSON
	}
	return bytes.Trim(jsonscan.TrimMark(json), " \t\r\n"), nil
}

func valueErrorf(format string, args ...any) error {
	return &ValueError{Text: fmt.Sprintf(format, args...)}
}

// maxShown is how many bytes of a value an error shows.
const maxShown = 60

// shown returns a JSON value in short, for an error.
func shown(json []byte) string {
	if len(json) <= maxShown {
		return string(jsonscan.AppendSafe(nil, json, jsonscan.High))
	}
	return string(jsonscan.AppendSafe(nil, bytes.ToValidUTF8(json[:maxShown], nil), jsonscan.High)) + "…"
}

// brief returns a text in short, for an error.
func brief(text string) string {
	if len(text) <= maxShown {
		return text
	}
	return strings.ToValidUTF8(text[:maxShown], "") + "…"
}

// message appends a message.
func (e *protoEncoder) message(dst []byte, m *protoMessage, json []byte) ([]byte, error) {
	if m.known != knownNone {
		return e.known(dst, m, json)
	}
	return e.object(dst, m, json, false)
}

// object appends a message of an object with its fields; typed: beside them, @type.
func (e *protoEncoder) object(dst []byte, m *protoMessage, json []byte, typed bool) ([]byte, error) {
	if json[0] != '{' {
		return dst, valueErrorf("%s is not an object, as the message %s wants", shown(json), m.desc.FullName())
	}
	if e.depth++; e.depth > maxDepth {
		return dst, valueErrorf("%v", errDeep)
	}
	base := len(e.values)
	e.values = append(e.values, make([][]byte, len(m.fields)+len(m.oneofs))...)
	err := e.members(m, base, json, typed)
	for _, i := range m.byNumber {
		if err != nil {
			break
		}
		f, value := &m.fields[i], e.values[base+int(i)]
		if value == nil {
			if f.required {
				err = &ValueError{f.name, "is missing, and the schema requires it"}
			}
			continue
		}
		if dst, err = e.field(dst, f, value); err != nil {
			err = within(err, f.name)
		}
	}
	e.values = e.values[:base]
	e.depth--
	return dst, err
}

// members finds the values of a message's fields. One that is null is not set.
func (e *protoEncoder) members(m *protoMessage, base int, json []byte, typed bool) error {
	next := int32(0) // most objects have the fields in the order of the schema
	for c := jsonscan.Open(json); ; {
		key, value, ok := c.Member()
		if !ok {
			return nil
		}
		name := key[1 : len(key)-1]
		i := next
		if int(i) >= len(m.fields) || string(name) != m.fields[i].name {
			if bytes.IndexByte(name, '\\') >= 0 {
				name = jsonscan.Unquote(key)
			}
			if i, ok = m.names[string(name)]; !ok {
				if typed && string(name) == "@type" {
					continue
				}
				return valueErrorf("the schema's message %s has no field %s", m.desc.FullName(), shown(key))
			}
		}
		next = i + 1
		f := &m.fields[i]
		if value[0] == 'n' && !f.takesNull() {
			continue
		}
		if e.values[base+int(i)] != nil {
			return &ValueError{f.name, "is there twice"}
		}
		e.values[base+int(i)] = value
		if f.oneof >= 0 {
			one := base + len(m.fields) + int(f.oneof)
			if e.values[one] != nil {
				return &ValueError{f.name, fmt.Sprintf("is set beside another field of the oneof %s", m.oneofs[f.oneof])}
			}
			e.values[one] = value
		}
	}
}

// takesNull reports whether null is a value of the field.
func (f *protoField) takesNull() bool {
	return !f.list && (f.message != nil && f.message.known == knownValue || f.enum != nil && f.enum.null)
}

// field appends a field that is set, with its tag.
func (e *protoEncoder) field(dst []byte, f *protoField, json []byte) ([]byte, error) {
	switch {
	case f.entry:
		return e.table(dst, f, json)
	case f.list:
		return e.list(dst, f, json)
	}
	start := len(dst)
	dst = protowire.AppendVarint(dst, f.tag)
	dst, zero, err := e.value(dst, f, json)
	if zero && !f.presence { // what is not there is zero
		return dst[:start], err
	}
	if f.kind == protoreflect.GroupKind {
		return protowire.AppendTag(dst, f.number, protowire.EndGroupType), err
	}
	return dst, err
}

// value appends a value without its tag, with its length if it has one. zero reports
// whether it is that of a field that is not there.
func (e *protoEncoder) value(dst []byte, f *protoField, json []byte) (_ []byte, zero bool, err error) {
	switch f.kind {
	case protoreflect.GroupKind:
		dst, err = e.message(dst, f.message, json)
		return dst, false, err
	case protoreflect.MessageKind:
		at := len(dst)
		dst, err = e.message(append(dst, 0), f.message, json)
		return closeLength(dst, at), false, err
	case protoreflect.StringKind, protoreflect.BytesKind:
		at := len(dst)
		if f.kind == protoreflect.StringKind {
			dst, err = appendText(append(dst, 0), json)
		} else {
			dst, err = e.appendBase64(append(dst, 0), json)
		}
		return closeLength(dst, at), len(dst) == at+1, err
	}
	raw, err := e.number(f, json)
	switch f.wire {
	case protowire.Fixed32Type:
		return protowire.AppendFixed32(dst, uint32(raw)), raw == 0, err
	case protowire.Fixed64Type:
		return protowire.AppendFixed64(dst, raw), raw == 0, err
	}
	return protowire.AppendVarint(dst, raw), raw == 0, err
}

// closeLength puts the length of what follows the byte at an index there, and makes
// room if it takes more than that byte.
func closeLength(dst []byte, at int) []byte {
	size := len(dst) - at - 1
	if size < 0x80 {
		dst[at] = byte(size)
		return dst
	}
	var room [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(room[:], uint64(size))
	dst = append(dst, room[:n-1]...)
	copy(dst[at+n:], dst[at+1:at+1+size])
	copy(dst[at:], room[:n])
	return dst
}

// list appends a repeated field.
func (e *protoEncoder) list(dst []byte, f *protoField, json []byte) (_ []byte, err error) {
	if json[0] != '[' {
		return dst, valueErrorf("%s is not an array", shown(json))
	}
	at := -1
	i := 0
	for c := jsonscan.Open(json); ; i++ {
		element, ok := c.Element()
		if !ok {
			break
		}
		if element[0] == 'n' && !f.elementNull() {
			return dst, &ValueError{index(i), "is null, which a list of Protobuf can't hold"}
		}
		if !f.packed || at < 0 {
			dst = protowire.AppendVarint(dst, f.tag)
		}
		if f.packed && at < 0 {
			at = len(dst)
			dst = append(dst, 0)
		}
		if dst, _, err = e.value(dst, f, element); err != nil {
			return dst, within(err, index(i))
		}
		if f.kind == protoreflect.GroupKind {
			dst = protowire.AppendTag(dst, f.number, protowire.EndGroupType)
		}
	}
	if at >= 0 {
		dst = closeLength(dst, at)
	}
	return dst, nil
}

func (f *protoField) elementNull() bool {
	return f.message != nil && f.message.known == knownValue || f.enum != nil && f.enum.null
}

func index(i int) string { return "[" + strconv.Itoa(i) + "]" }

// table appends a map: an entry for each member, in their order.
func (e *protoEncoder) table(dst []byte, f *protoField, json []byte) (_ []byte, err error) {
	if json[0] != '{' {
		return dst, valueErrorf("%s is not an object, as a map wants", shown(json))
	}
	key, value := &f.message.fields[0], &f.message.fields[1]
	for c := jsonscan.Open(json); ; {
		k, v, ok := c.Member()
		if !ok {
			return dst, nil
		}
		step := func(err error) error { return within(err, stepName(jsonscan.Unquote(k))) }
		if v[0] == 'n' && !value.elementNull() {
			return dst, step(valueErrorf("is null, which a map of Protobuf can't hold"))
		}
		dst = protowire.AppendVarint(dst, f.tag)
		at := len(dst)
		dst = protowire.AppendVarint(append(dst, 0), key.tag)
		if dst, err = e.mapKey(dst, key, k); err != nil {
			return dst, step(err)
		}
		dst = protowire.AppendVarint(dst, value.tag)
		if dst, _, err = e.value(dst, value, v); err != nil {
			return dst, step(err)
		}
		dst = closeLength(dst, at)
	}
}

// mapKey appends a key, which is text in JSON.
func (e *protoEncoder) mapKey(dst []byte, f *protoField, quoted []byte) ([]byte, error) {
	if f.kind == protoreflect.StringKind {
		dst, _, err := e.value(dst, f, quoted)
		return dst, err
	}
	inner := jsonscan.Unquote(quoted)
	if _, ok := jsonscan.Valid(inner); !ok || len(inner) == 0 || inner[0] == '"' {
		return dst, valueErrorf("the key is not of the type %s", f.kind)
	}
	dst, _, err := e.value(dst, f, bytes.TrimSpace(inner))
	return dst, err
}
