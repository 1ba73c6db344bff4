package registry

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// A payload is decoded message by message in two passes. The first finds where the
// fields are, since they may be in any order, more than once, and in several parts; the
// second writes them in the order of the schema. Parts of a message are merged by
// joining their bytes, as the encoding allows.

// protoDecoder is the state of decoding one payload.
type protoDecoder struct {
	style   Style
	types   map[string]*protoMessage // that an Any may hold
	slots   []protoSlot              // of the messages that are open, innermost last
	runs    []protoRun
	entries []protoEntry
	merged  []byte
	limit   int // of the output
	depth   int
	anys    int  // levels of Any around
	strict  int  // levels of google.protobuf.Value around, which are written whole or not at all
	partial bool // what has been replaced needs no required fields
	work    int  // bytes that have been read more than once
}

// protoSlot is what a message has of a field. Offsets are in the message's bytes.
type protoSlot struct {
	set        bool
	value      uint64 // of a number
	start, end int32  // of text, bytes, a message, or of consecutive elements with their tags
	next, last int32  // of further parts or elements, indexes of runs plus one
}

// protoRun is a further part of a message, or further elements of a list.
type protoRun struct{ start, end, next int32 }

// protoEntry is an entry of a map.
type protoEntry struct {
	number     uint64 // of a key that is one
	key        [2]int32
	start, end int32
}

var (
	errWire     = errors.New("the payload is not Protobuf")
	errNotUTF8  = errors.New("text is not UTF-8")
	errNoForm   = errors.New("the value has no JSON form")
	errTangled  = errors.New("the payload's messages are in too many parts")
	errRequired = errors.New("a required field is missing")
)

// maxWork bounds reading the same bytes again, for parts of messages and groups.
const maxWork = 1 << 30

// protoDecode returns a decoder of the payloads of a message.
func protoDecode(m *protoMessage, types map[string]*protoMessage, style Style) func(dst, payload []byte) ([]byte, error) {
	pool := &sync.Pool{New: func() any { return &protoDecoder{style: style, types: types} }}
	return func(dst, payload []byte) ([]byte, error) {
		if len(payload) > maxJSON {
			return dst, errLarge
		}
		d := pool.Get().(*protoDecoder)
		d.limit = len(dst) + maxJSON
		out, err := d.message(dst, m, payload)
		d.reset()
		pool.Put(d)
		if err != nil {
			return dst, fmt.Errorf("as %s: %w", m.desc.FullName(), err)
		}
		return out, nil
	}
}

// maxKept bounds the room that is kept for the next payload.
const maxKept = 1 << 16

func (d *protoDecoder) reset() {
	*d = protoDecoder{style: d.style, types: d.types, slots: d.slots[:0], runs: d.runs[:0], entries: d.entries[:0], merged: d.merged[:0]}
	if cap(d.slots)+cap(d.runs)+cap(d.entries) > maxKept || cap(d.merged) > 16*maxKept {
		*d = protoDecoder{style: d.style, types: d.types}
	}
}

// message appends the JSON of a message.
func (d *protoDecoder) message(dst []byte, m *protoMessage, b []byte) ([]byte, error) {
	if m.known != knownValue { // the list or object in it counts
		if d.depth++; d.depth > maxDepth {
			return dst, errDeep
		}
		defer func() { d.depth-- }()
	}
	slots, runs := len(d.slots), len(d.runs)
	err := d.scan(m, b)
	if err == nil {
		dst, err = d.value(dst, m, b, slots)
	}
	d.slots, d.runs = d.slots[:slots], d.runs[:runs]
	if len(dst) > d.limit {
		return dst, errLarge
	}
	return dst, err
}

// value appends the JSON of a message that has been scanned.
func (d *protoDecoder) value(dst []byte, m *protoMessage, b []byte, slots int) ([]byte, error) {
	if m.known != knownNone {
		out, ok, err := d.appendKnown(dst, m, b, slots)
		if ok || err != nil {
			return out, err
		}
	}
	dst, err := d.fields(append(dst, '{'), m, b, slots)
	return append(dst, '}'), err
}

// scan finds the fields of a message, and adds a slot for each, and one for each oneof,
// whose value is the index of the field that it has, plus one.
func (d *protoDecoder) scan(m *protoMessage, b []byte) error {
	base := len(d.slots)
	d.slots = append(d.slots, make([]protoSlot, len(m.fields)+len(m.oneofs))...)
	run := -1 // the list whose elements have just been read
	for at := 0; at < len(b); {
		number, wire, n := protowire.ConsumeTag(b[at:])
		if n < 0 || number > protowire.MaxValidNumber {
			return errWire
		}
		start := at
		at += n
		size := protowire.ConsumeFieldValue(number, wire, b[at:])
		if size < 0 {
			return errWire
		}
		content := at
		at += size
		i := m.find(number)
		if i < 0 || !m.fields[i].takes(wire) {
			run = -1
			continue
		}
		f, slot := &m.fields[i], &d.slots[base+i]
		if f.list {
			if i == run {
				d.extend(slot, at)
			} else {
				d.add(slot, start, at)
			}
			run = i
			continue
		}
		run = -1
		if f.oneof >= 0 {
			if err := d.choose(m, b, base, i); err != nil {
				return err
			}
			slot = &d.slots[base+i]
		}
		if err := d.set(f, slot, b, content, at); err != nil {
			return err
		}
	}
	if m.required && !d.partial {
		for i := range m.fields {
			if f := &m.fields[i]; f.required && !d.slots[base+i].set {
				return fmt.Errorf("%w: %s", errRequired, f.name)
			}
		}
	}
	return nil
}

// takes reports whether a value of the field may be of a wire type. Another one is an
// unknown field.
func (f *protoField) takes(wire protowire.Type) bool {
	return wire == f.wire || f.packable && wire == protowire.BytesType
}

// set sets a field that is no list to the value from start to end.
func (d *protoDecoder) set(f *protoField, slot *protoSlot, b []byte, start, end int) error {
	switch f.wire {
	case protowire.VarintType:
		slot.value, _ = protowire.ConsumeVarint(b[start:end])
	case protowire.Fixed32Type:
		v, _ := protowire.ConsumeFixed32(b[start:end])
		slot.value = uint64(v)
	case protowire.Fixed64Type:
		slot.value, _ = protowire.ConsumeFixed64(b[start:end])
	default:
		from, to := d.content(f, b, start, end)
		if f.message != nil && slot.set {
			d.add(slot, from, to)
			return nil
		}
		if f.utf8 && !utf8.Valid(b[from:to]) {
			return fmt.Errorf("%s: %w", f.name, errNotUTF8)
		}
		slot.start, slot.end = int32(from), int32(to)
	}
	slot.set = true
	return nil
}

// content returns where the content is of a value with a length, or of a group.
func (d *protoDecoder) content(f *protoField, b []byte, start, end int) (from, to int) {
	if f.wire == protowire.StartGroupType {
		d.work += end - start
		v, _ := protowire.ConsumeGroup(f.number, b[start:end])
		return start, start + len(v)
	}
	_, n := protowire.ConsumeVarint(b[start:end])
	return start + n, end
}

// add adds a part to a slot.
func (d *protoDecoder) add(slot *protoSlot, start, end int) {
	if !slot.set {
		slot.set, slot.start, slot.end = true, int32(start), int32(end)
		return
	}
	d.runs = append(d.runs, protoRun{int32(start), int32(end), 0})
	i := int32(len(d.runs))
	if slot.last == 0 {
		slot.next = i
	} else {
		d.runs[slot.last-1].next = i
	}
	slot.last = i
}

// extend extends the last part of a slot.
func (d *protoDecoder) extend(slot *protoSlot, end int) {
	if slot.last == 0 {
		slot.end = int32(end)
	} else {
		d.runs[slot.last-1].end = int32(end)
	}
}

// choose clears the other field of a oneof.
func (d *protoDecoder) choose(m *protoMessage, b []byte, base, i int) error {
	one := base + len(m.fields) + int(m.fields[i].oneof)
	before := int(d.slots[one].value) - 1
	d.slots[one].value = uint64(i) + 1
	if before < 0 || before == i {
		return nil
	}
	replaced := d.slots[base+before]
	d.slots[base+before] = protoSlot{}
	if f := &m.fields[before]; f.message != nil {
		return d.check(func() ([]byte, error) { return d.part(nil, f, b, replaced) })
	}
	return nil
}

// check decodes what is not shown since it was replaced: it must be right nevertheless.
func (d *protoDecoder) check(decode func() ([]byte, error)) error {
	partial, limit := d.partial, d.limit
	d.partial, d.limit = true, math.MaxInt
	_, err := decode()
	d.partial, d.limit = partial, limit
	return err
}

// part appends a message, of all its parts.
func (d *protoDecoder) part(dst []byte, f *protoField, b []byte, slot protoSlot) ([]byte, error) {
	if d.work > maxWork {
		return dst, errTangled
	}
	if slot.next == 0 {
		return d.message(dst, f.message, b[slot.start:slot.end])
	}
	from := len(d.merged)
	start, end := slot.start, slot.end
	for next := slot.next; ; next = d.runs[next-1].next {
		if !wellFormed(b[start:end]) { // though it may be once it is joined with others
			return dst, errWire
		}
		d.merged = append(d.merged, b[start:end]...)
		if next == 0 {
			break
		}
		start, end = d.runs[next-1].start, d.runs[next-1].end
	}
	d.work += len(d.merged) - from
	dst, err := d.message(dst, f.message, d.merged[from:])
	d.merged = d.merged[:from]
	return dst, err
}

func wellFormed(b []byte) bool {
	for len(b) > 0 {
		number, _, n := protowire.ConsumeField(b)
		if n < 0 || number > protowire.MaxValidNumber {
			return false
		}
		b = b[n:]
	}
	return true
}

// fields appends the fields that are there or have no presence.
func (d *protoDecoder) fields(dst []byte, m *protoMessage, b []byte, slots int) (_ []byte, err error) {
	for i := range m.fields {
		f, slot := &m.fields[i], d.slots[slots+i]
		if f.presence && !slot.set && f.absent == nil {
			continue
		}
		if last := dst[len(dst)-1]; last != '{' {
			dst = append(dst, ',')
		}
		dst = append(dst, f.key...)
		switch {
		case f.absent != nil:
			dst = append(dst, f.absent...)
		case f.entry:
			dst, err = d.table(dst, f, b, slot)
		case f.list:
			dst, err = d.list(dst, f, b, slot)
		default:
			dst, err = d.single(dst, f, b, slot)
		}
		if err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// single appends a field that is no list.
func (d *protoDecoder) single(dst []byte, f *protoField, b []byte, slot protoSlot) ([]byte, error) {
	switch {
	case f.message != nil:
		return d.part(dst, f, b, slot)
	case !slot.set:
		return append(dst, f.zero...), nil
	case f.wire == protowire.BytesType:
		return d.text(dst, f, b[slot.start:slot.end]), nil
	}
	return d.number(dst, f, slot.value)
}
