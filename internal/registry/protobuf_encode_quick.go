package registry

import (
	"bytes"

	"inv/internal/jsonscan"

	"google.golang.org/protobuf/encoding/protowire"
)

// Most values have their fields in the order of their numbers, and are right: those are
// written while they are read, once. What turns out to be otherwise is started over with
// the functions that find the fields of an object first, and tell what is wrong.

// quickAgain is how many values are written the other way after one whose fields were not
// in order: the next ones are likely to be like it.
const quickAgain = 64

// run appends a message of a whole JSON value.
func (e *protoEncoder) run(dst []byte, m *protoMessage, json []byte) ([]byte, error) {
	if e.careful == 0 && m.quick() {
		json := jsonscan.TrimMark(json)
		out, end := e.quickObject(dst, m, json, skipSpace(json, 0))
		if end >= 0 && skipSpace(json, end) == len(json) {
			return out, nil
		}
	}
	json, err := wholeValue(json)
	if err != nil {
		return dst, err
	}
	out, err := e.message(dst, m, json)
	switch {
	case e.careful > 0:
		e.careful--
	case err == nil:
		e.careful = quickAgain
	}
	return out, err
}

// quick reports whether a message may be written while its fields are read: none needs to
// be seen beside others.
func (m *protoMessage) quick() bool {
	return m.known == knownNone && len(m.oneofs) == 0 && !m.required
}

// quickObject appends a message of the object at an index, and returns the index after
// it; -1 if it can't be written like that.
func (e *protoEncoder) quickObject(dst []byte, m *protoMessage, text []byte, at int) ([]byte, int) {
	if at >= len(text) || text[at] != '{' {
		return dst, -1
	}
	at = skipSpace(text, at+1)
	if at < len(text) && text[at] == '}' {
		return dst, at + 1
	}
	for next := 0; ; {
		place, value := m.quickKey(text, at, next)
		if place < 0 {
			return dst, -1
		}
		next = place + 1
		dst, at = e.quickField(dst, &m.fields[m.byNumber[place]], text, skipSpace(text, value))
		if at < 0 {
			return dst, -1
		}
		if at = skipSpace(text, at); at >= len(text) {
			return dst, -1
		}
		switch text[at] {
		case ',':
			at = skipSpace(text, at+1)
		case '}':
			return dst, at + 1
		default:
			return dst, -1
		}
	}
}

// quickKey returns the place, in the order of the numbers, of the field whose key is at an
// index, and the index after its colon. It is -1 for one before next.
func (m *protoMessage) quickKey(text []byte, at, next int) (place, value int) {
	if next < len(m.byNumber) {
		if key := m.fields[m.byNumber[next]].key; bytes.HasPrefix(text[at:], key) {
			return next, at + len(key)
		}
	}
	if at >= len(text) || text[at] != '"' {
		return -1, at
	}
	n := jsonscan.End(text[at:])
	if n < 0 {
		return -1, at
	}
	i, ok := m.names[string(text[at+1:at+n-1])] // a name has no escapes, unless it is written with some
	if !ok || m.places[i] < int32(next) {
		return -1, at
	}
	if at = skipSpace(text, at+n); at >= len(text) || text[at] != ':' {
		return -1, at
	}
	return int(m.places[i]), at + 1
}

// quickField appends a field of the value at an index.
func (e *protoEncoder) quickField(dst []byte, f *protoField, text []byte, at int) ([]byte, int) {
	switch {
	case at >= len(text):
		return dst, -1
	case f.list && !f.entry && text[at] == '[':
		return e.quickList(dst, f, text, at)
	case f.nests() && text[at] == '{' && !f.list:
		dst = protowire.AppendVarint(dst, f.tag)
		return e.quickMessage(dst, f, text, at)
	}
	n := jsonscan.End(text[at:])
	if n < 0 {
		return dst, -1
	}
	value := text[at : at+n]
	if value[0] == 'n' && !f.takesNull() {
		return dst, at + n
	}
	dst, err := e.field(dst, f, value)
	if err != nil {
		return dst, -1
	}
	return dst, at + n
}

// nests reports whether values of the field are messages that are written while they are
// read.
func (f *protoField) nests() bool {
	return f.message != nil && !f.entry && f.wire == protowire.BytesType && f.message.quick()
}

// quickMessage appends a message with its length.
func (e *protoEncoder) quickMessage(dst []byte, f *protoField, text []byte, at int) ([]byte, int) {
	start := len(dst)
	dst, at = e.quickObject(append(dst, 0), f.message, text, at)
	return closeLength(dst, start), at
}

func (e *protoEncoder) quickList(dst []byte, f *protoField, text []byte, at int) ([]byte, int) {
	at = skipSpace(text, at+1)
	if at < len(text) && text[at] == ']' {
		return dst, at + 1
	}
	start := -1
	for nests := f.nests(); ; {
		if !f.packed || start < 0 {
			dst = protowire.AppendVarint(dst, f.tag)
		}
		if f.packed && start < 0 {
			start = len(dst)
			dst = append(dst, 0)
		}
		if nests {
			dst, at = e.quickMessage(dst, f, text, at)
		} else {
			dst, at = e.quickElement(dst, f, text, at)
		}
		if at < 0 {
			return dst, -1
		}
		if at = skipSpace(text, at); at >= len(text) {
			return dst, -1
		}
		switch text[at] {
		case ',':
			at = skipSpace(text, at+1)
		case ']':
			if start >= 0 {
				dst = closeLength(dst, start)
			}
			return dst, at + 1
		default:
			return dst, -1
		}
	}
}

// quickElement appends an element of a list that is no message.
func (e *protoEncoder) quickElement(dst []byte, f *protoField, text []byte, at int) ([]byte, int) {
	if at >= len(text) || f.wire == protowire.StartGroupType {
		return dst, -1
	}
	n := jsonscan.End(text[at:])
	if n < 0 || text[at] == 'n' && !f.elementNull() {
		return dst, -1
	}
	dst, _, err := e.value(dst, f, text[at:at+n])
	if err != nil {
		return dst, -1
	}
	return dst, at + n
}
