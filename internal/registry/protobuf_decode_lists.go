package registry

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// list appends a list, all of whose elements are of wire types that the field takes.
func (d *protoDecoder) list(dst []byte, f *protoField, b []byte, slot protoSlot) ([]byte, error) {
	dst = append(dst, '[')
	if !slot.set {
		return append(dst, ']'), nil
	}
	first := true
	start, end := slot.start, slot.end
	for next := slot.next; ; next = d.runs[next-1].next {
		for at := int(start); at < int(end); {
			number, wire, n := protowire.ConsumeTag(b[at:])
			from := at + n
			at = from + protowire.ConsumeFieldValue(number, wire, b[from:])
			var err error
			if dst, err = d.element(dst, f, b, wire, from, at, &first); err != nil {
				return dst, err
			}
			if len(dst) > d.limit {
				return dst, errLarge
			}
		}
		if next == 0 {
			return append(dst, ']'), nil
		}
		start, end = d.runs[next-1].start, d.runs[next-1].end
	}
}

// element appends one element of a list, or those that are packed.
func (d *protoDecoder) element(dst []byte, f *protoField, b []byte, wire protowire.Type, from, to int, first *bool) (_ []byte, err error) {
	if wire != f.wire {
		content, _ := protowire.ConsumeBytes(b[from:to])
		return d.packed(dst, f, content, first)
	}
	if !*first {
		dst = append(dst, ',')
	}
	*first = false
	slot := protoSlot{}
	if err = d.set(f, &slot, b, from, to); err != nil {
		return dst, err
	}
	return d.single(dst, f, b, slot)
}

func (d *protoDecoder) packed(dst []byte, f *protoField, b []byte, first *bool) (_ []byte, err error) {
	for len(b) > 0 {
		n := protowire.ConsumeFieldValue(1, f.wire, b)
		if n < 0 {
			return dst, errWire
		}
		slot := protoSlot{}
		if err = d.set(f, &slot, b, 0, n); err != nil {
			return dst, err
		}
		if !*first {
			dst = append(dst, ',')
		}
		*first = false
		if dst, err = d.number(dst, f, slot.value); err != nil {
			return dst, err
		}
		if b = b[n:]; len(dst) > d.limit {
			return dst, errLarge
		}
	}
	return dst, nil
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
