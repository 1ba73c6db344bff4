package registry

import (
	"errors"
	"math"
	"strconv"
	"time"

	"inv/internal/jsonscan"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Ranges of google.protobuf.Timestamp and Duration, in seconds, as their files have
// them.
const (
	minTimestamp = -62135596800 // 0001-01-01T00:00:00Z
	maxTimestamp = 253402300799 // 9999-12-31T23:59:59Z
	maxDuration  = 315576000000
	maxNanos     = 999_999_999
)

// appendKnown appends a type of google.protobuf that has a form of its own, in most cases
// that of ProtoJSON. ok is false if the value has none, such as a time out of range: it is
// written field by field.
func (d *protoDecoder) appendKnown(dst []byte, m *protoMessage, b []byte, slots int) (out []byte, ok bool, err error) {
	switch m.known {
	case knownWrapper:
		out, err = d.single(dst, &m.fields[0], b, d.slots[slots])
		return out, true, err
	case knownAny:
		out, ok = d.appendAny(dst, m, b, slots)
		return out, ok, nil
	case knownFieldMask:
		return d.appendMask(dst, m, b, slots)
	case knownTimestamp:
		out, ok = d.appendTimestamp(dst, int64(d.slots[slots].value), int32(d.slots[slots+1].value))
		return out, ok, nil
	case knownDuration:
		out, ok = appendProtoDuration(dst, int64(d.slots[slots].value), int32(d.slots[slots+1].value))
		return out, ok, nil
	}
	d.strict++
	out, err = d.appendJSON(dst, m, b, slots)
	d.strict--
	if d.strict == 0 && errors.Is(err, errNoForm) {
		d.work += len(b)
		return dst, false, nil
	}
	return out, true, err
}

func (d *protoDecoder) appendTimestamp(dst []byte, seconds int64, nanos int32) ([]byte, bool) {
	if seconds < minTimestamp || seconds > maxTimestamp || nanos < 0 || nanos > maxNanos {
		return dst, false
	}
	if d.style == Data {
		return appendMillis(dst, seconds, nanos), true
	}
	dst = time.Unix(seconds, 0).UTC().AppendFormat(append(dst, '"'), "2006-01-02T15:04:05")
	return append(appendNanos(dst, nanos, 3), 'Z', '"'), true
}

// appendMillis appends a number of milliseconds, with as many decimals as it needs.
func appendMillis(dst []byte, seconds int64, nanos int32) []byte {
	millis, rest := seconds*1000+int64(nanos/1e6), nanos%1e6
	if millis < 0 && rest > 0 { // -1 and 0.25 are -0.75
		millis, rest = millis+1, 1e6-rest
		if millis == 0 {
			dst = append(dst, '-')
		}
	}
	dst = strconv.AppendInt(dst, millis, 10)
	return appendNanos(dst, rest*1000, 1)
}

// appendNanos appends a fraction of a second with a point before it, in groups of digits;
// nothing for 0.
func appendNanos(dst []byte, nanos int32, group int) []byte {
	if nanos == 0 {
		return dst
	}
	start := len(dst)
	dst = strconv.AppendInt(dst, 1e9+int64(nanos), 10)
	dst[start] = '.'
	for end := len(dst) - group; allZero(dst[end:]); end -= group {
		dst = dst[:end]
	}
	return dst
}

func allZero(digits []byte) bool {
	for _, c := range digits {
		if c != '0' {
			return false
		}
	}
	return true
}

func appendProtoDuration(dst []byte, seconds int64, nanos int32) ([]byte, bool) {
	if seconds < -maxDuration || seconds > maxDuration || nanos < -maxNanos || nanos > maxNanos ||
		seconds > 0 && nanos < 0 || seconds < 0 && nanos > 0 {
		return dst, false
	}
	dst = append(dst, '"')
	if seconds < 0 || nanos < 0 {
		dst, seconds, nanos = append(dst, '-'), -seconds, -nanos
	}
	return append(appendNanos(strconv.AppendInt(dst, seconds, 10), nanos, 3), 's', '"'), true
}

// appendMask appends the paths of a field mask in camel case, if they can be read back.
func (d *protoDecoder) appendMask(dst []byte, m *protoMessage, b []byte, slots int) (_ []byte, ok bool, err error) {
	f, slot := &m.fields[0], d.slots[slots]
	out := append(dst, '"')
	for start, end, next := slot.start, slot.end, slot.next; slot.set; next = d.runs[next-1].next {
		for at := int(start); at < int(end); {
			_, _, n := protowire.ConsumeTag(b[at:])
			path, size := protowire.ConsumeBytes(b[at+n:])
			at += n + size
			var element protoSlot
			if err := d.set(f, &element, b, at-size, at); err != nil {
				return dst, false, err
			}
			if out[len(out)-1] != '"' {
				out = append(out, ',')
			}
			if out, ok = appendCamel(out, path); !ok {
				return dst, false, nil
			}
		}
		if next == 0 {
			break
		}
		start, end = d.runs[next-1].start, d.runs[next-1].end
	}
	return append(out, '"'), true, nil
}

// appendCamel appends a path in camel case, if it is a name from which the path follows.
func appendCamel(dst, path []byte) ([]byte, bool) {
	if !protoreflect.FullName(path).IsValid() {
		return dst, false
	}
	for i, c := range path {
		switch {
		case c >= 'A' && c <= 'Z':
			return dst, false
		case c == '_':
			if i+1 == len(path) || path[i+1] < 'a' || path[i+1] > 'z' {
				return dst, false
			}
		case i > 0 && path[i-1] == '_':
			dst = append(dst, c-'a'+'A')
		default:
			dst = append(dst, c)
		}
	}
	return dst, true
}

// appendJSON appends a google.protobuf.Struct, Value or ListValue.
func (d *protoDecoder) appendJSON(dst []byte, m *protoMessage, b []byte, slots int) ([]byte, error) {
	switch m.known {
	case knownStruct:
		return d.table(dst, &m.fields[0], b, d.slots[slots])
	case knownList:
		return d.list(dst, &m.fields[0], b, d.slots[slots])
	}
	i := int(d.slots[slots+len(m.fields)].value) - 1
	if i < 0 {
		return dst, errNoForm
	}
	f, slot := &m.fields[i], d.slots[slots+i]
	switch f.kind {
	case protoreflect.EnumKind:
		return append(dst, "null"...), nil
	case protoreflect.DoubleKind:
		v := math.Float64frombits(slot.value)
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return dst, errNoForm
		}
		dst = appendFloat(dst, v, 64)
		if n := len(dst); n >= 4 && string(dst[n-4:n-1]) == "e-0" { // as ProtoJSON writes it
			dst = append(dst[:n-2], dst[n-1])
		}
		return dst, nil
	}
	return d.single(dst, f, b, slot)
}

// maxAnys bounds how deep an Any may hold others.
const maxAnys = 20

// appendAny appends the message that an Any holds, beside its type, if the schema
// defines it.
func (d *protoDecoder) appendAny(dst []byte, m *protoMessage, b []byte, slots int) ([]byte, bool) {
	url, held := d.slots[slots], d.slots[slots+1]
	name := b[url.start:url.end]
	inner := d.types[string(afterSlash(name))]
	if inner == nil || d.anys == maxAnys {
		return dst, false
	}
	d.anys++
	depth, strict := d.depth, d.strict
	defer func() { d.anys, d.depth, d.strict = d.anys-1, depth, strict }()
	out := jsonscan.AppendString(append(dst, `{"@type":`...), name)
	open, runs, entries := len(d.slots), len(d.runs), len(d.entries)
	out, err := d.appendHeld(out, inner, b[held.start:held.end])
	d.slots, d.runs, d.entries = d.slots[:open], d.runs[:runs], d.entries[:entries]
	if err != nil {
		return dst, false
	}
	return append(out, '}'), true
}

func (d *protoDecoder) appendHeld(dst []byte, m *protoMessage, b []byte) ([]byte, error) {
	slots := len(d.slots)
	if err := d.scan(m, b); err != nil {
		return dst, err
	}
	if m.known != knownNone {
		out, ok, err := d.appendKnown(append(dst, `,"value":`...), m, b, slots)
		if ok || err != nil {
			return out, err
		}
	}
	return d.fields(dst, m, b, slots)
}

// afterSlash returns the name of a message at the end of its URL.
func afterSlash(url []byte) []byte {
	for i := len(url) - 1; i >= 0; i-- {
		if url[i] == '/' {
			return url[i+1:]
		}
	}
	return url
}
