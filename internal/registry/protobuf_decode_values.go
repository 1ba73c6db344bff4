package registry

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"math"
	"slices"
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

// table appends a map sorted by its keys, whose order in the payload means nothing. Of
// entries with the same key the last counts.
func (d *protoDecoder) table(dst []byte, f *protoField, b []byte, slot protoSlot) ([]byte, error) {
	dst = append(dst, '{')
	if !slot.set {
		return append(dst, '}'), nil
	}
	if d.depth == maxDepth {
		return dst, errDeep
	}
	d.depth++
	base := len(d.entries)
	err := d.gather(f, b, slot)
	key := &f.message.fields[0]
	if err == nil {
		slices.SortStableFunc(d.entries[base:], func(x, y protoEntry) int { return compareKeys(key, b, x, y) })
	}
	for i := base; i < len(d.entries) && err == nil; i++ {
		e := d.entries[i]
		if i+1 < len(d.entries) && compareKeys(key, b, e, d.entries[i+1]) == 0 {
			err = d.check(func() ([]byte, error) { return d.entryValue(nil, f.message, b[e.start:e.end]) })
			continue
		}
		if dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
		dst = append(d.key(dst, key, b, e), ':')
		dst, err = d.entryValue(dst, f.message, b[e.start:e.end])
		if err == nil && len(dst) > d.limit {
			err = errLarge
		}
	}
	d.entries = d.entries[:base]
	d.depth--
	return append(dst, '}'), err
}

// gather adds the entries of a map.
func (d *protoDecoder) gather(f *protoField, b []byte, slot protoSlot) error {
	start, end := slot.start, slot.end
	for next := slot.next; ; next = d.runs[next-1].next {
		for at := int(start); at < int(end); {
			_, _, n := protowire.ConsumeTag(b[at:])
			content, size := protowire.ConsumeBytes(b[at+n:])
			at += n + size
			e := protoEntry{start: int32(at - len(content)), end: int32(at)}
			base := len(d.slots)
			runs := len(d.runs)
			if err := d.scan(f.message, content); err != nil {
				return err
			}
			key := d.slots[base]
			d.slots, d.runs = d.slots[:base], d.runs[:runs]
			e.number, e.key = key.value, [2]int32{e.start + key.start, e.start + key.end}
			d.entries = append(d.entries, e)
		}
		if next == 0 {
			return nil
		}
		start, end = d.runs[next-1].start, d.runs[next-1].end
	}
}

func compareKeys(f *protoField, b []byte, x, y protoEntry) int {
	switch f.kind {
	case protoreflect.StringKind:
		return bytes.Compare(b[x.key[0]:x.key[1]], b[y.key[0]:y.key[1]])
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return cmp.Compare(uint32(x.number), uint32(y.number))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return cmp.Compare(x.number, y.number)
	case protoreflect.BoolKind:
		return cmp.Compare(min(x.number, 1), min(y.number, 1))
	}
	return cmp.Compare(signed(f.kind, x.number), signed(f.kind, y.number))
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

// key appends the key of an entry as a string.
func (d *protoDecoder) key(dst []byte, f *protoField, b []byte, e protoEntry) []byte {
	switch f.kind {
	case protoreflect.StringKind:
		return d.text(dst, f, b[e.key[0]:e.key[1]])
	case protoreflect.BoolKind:
		return append(strconv.AppendBool(append(dst, '"'), e.number != 0), '"')
	}
	return append(appendNumber(append(dst, '"'), f.kind, e.number), '"')
}

// entryValue appends the value of an entry, which without one is the default.
func (d *protoDecoder) entryValue(dst []byte, m *protoMessage, b []byte) ([]byte, error) {
	slots, runs := len(d.slots), len(d.runs)
	err := d.scan(m, b)
	if err == nil {
		dst, err = d.single(dst, &m.fields[1], b, d.slots[slots+1])
	}
	d.slots, d.runs = d.slots[:slots], d.runs[:runs]
	return dst, err
}
