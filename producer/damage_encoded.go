package producer

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"

	"inv/internal/registry"
)

// damage returns a record's value with its fault, and reports whether it can have that. id
// is what the header with the schema's ID then has; nil: the right one.
func (r *renderer) damage(w *worker, f *frame, rec *Record, kind fault, to *encoded, s *stream) (value, id []byte, ok bool) {
	if to.writer == nil {
		value, ok = damage(rec, kind, f.h, s.spec.Format.Name, r.oversize)
		return value, nil, ok
	}
	d := &encodedDamage{writer: to.writer, other: r.other, rec: rec, r: mix(f.h + saltDetail)}
	switch {
	case kind == tombstone:
		return nil, nil, rec.Value != nil && rec.Key != nil
	case rec.Value == nil && kind == malformed:
		return []byte{}, nil, true
	case rec.Value == nil && kind > malformed && kind != duplicate && kind != late && kind != outOfOrder && kind != unknownRef:
		return nil, nil, false
	}
	value, ok = rec.Value, true
	switch kind {
	case malformed:
		value = d.malformed()
	case wrongType:
		wrong, has := retype(rec.Value[len(to.writer.Prefix):], d.r)
		value, ok = slices.Concat(to.writer.Prefix, wrong), has
	case oversize:
		value, ok = d.padded(to.json(w, f, nil), s.padding(), r.oversize)
	case wrongID:
		value = d.withID(r.other.ID)
	case unknownID:
		value = d.withID(math.MaxInt32 - int32(below(d.r, mostUnknown)))
	case truncated:
		value, ok = d.truncated()
	case otherSchema:
		value, ok = d.ofOther()
	}
	return value, d.id, ok
}

// mostUnknown is how many of the largest IDs are taken for unknown: registries number
// their schemas from 1.
const mostUnknown = 1000

// encodedDamage makes faults of a record with a schema. They are rare, so it may allocate.
type encodedDamage struct {
	writer, other *registry.Writer
	rec           *Record
	id            []byte // what the header with the ID has; nil: the right one
	r             uint64
}

// malformed returns a value that is no value of any schema.
func (d *encodedDamage) malformed() []byte {
	value, prefix := slices.Clone(d.rec.Value), d.writer.Prefix
	switch {
	case d.writer.Schema.Form == registry.JSONSchema:
		return slices.Concat(prefix, malform(value[len(prefix):], d.r, "json"))
	case len(prefix) == 0: // a varint without an end, whatever the schema
		return slices.Repeat([]byte{0xff}, binary.MaxVarintLen64+1+int(below(d.r, 8)))
	}
	switch below(d.r, 4) {
	case 0:
		return []byte{}
	case 1:
		return []byte("this is no record of a schema")
	case 2: // the frame's first byte
		value[0] = 1 + byte(below(mix(d.r), 16))
		return value
	}
	return value[:1+below(mix(d.r), 4)] // cut off in the ID
}

// withID returns the value under the ID of another schema.
func (d *encodedDamage) withID(id int32) []byte {
	to := d.writer.WithID(id)
	if to.Header.Key != "" {
		d.id = to.Header.Value
		return d.rec.Value
	}
	return slices.Concat(to.Prefix, d.rec.Value[len(d.writer.Prefix):])
}

// mostCuts bounds how often a value is cut in vain: a Protobuf message may end after any
// field.
const mostCuts = 64

// truncated returns the value cut short, so that it can't be decoded.
func (d *encodedDamage) truncated() ([]byte, bool) {
	prefix, r := len(d.writer.Prefix), d.r
	payload := d.rec.Value[prefix:]
	for range mostCuts {
		cut := payload[:below(r, uint64(max(len(payload), 1)))]
		if _, err := d.writer.Schema.Decode(nil, cut, registry.Data); err != nil && len(cut) < len(payload) {
			return d.rec.Value[:prefix+len(cut)], true
		}
		r = mix(r + golden)
	}
	return d.rec.Value, false
}

// ofOther returns a right record of the other schema.
func (d *encodedDamage) ofOther() ([]byte, bool) {
	payload, err := d.other.Schema.Encode(nil, []byte(`{"text":"this is a record of another subject"}`))
	if err != nil {
		return d.rec.Value, false
	}
	frame := slices.Concat(binary.BigEndian.AppendUint32([]byte{0}, uint32(d.other.ID)), d.other.Schema.Index())
	if d.writer.Header.Key != "" {
		d.id = frame
		return payload, true
	}
	return append(frame, payload...), true
}

// padded returns the value with a longer text, so that it has a size, in bytes, even if it
// is compressed. fields are the names of texts.
func (d *encodedDamage) padded(value []byte, fields []string, size int) ([]byte, bool) {
	var object map[string]json.RawMessage
	if json.Unmarshal(value, &object) != nil {
		return d.rec.Value, false
	}
	for _, name := range fields {
		text := object[name]
		if len(text) < 2 || text[0] != '"' {
			continue
		}
		padded := slices.Concat(text[:len(text)-1], padding(size, d.r), []byte{'"'})
		at := spanOf(value, name)
		if out, err := d.writer.Append(nil, slices.Concat(value[:at[0]], padded, value[at[1]:])); err == nil {
			return out, true
		}
	}
	return d.rec.Value, false
}

// padding returns the names of a stream's texts that can be padded: not that of the key.
func (s *stream) padding() (names []string) {
	for _, c := range s.contents() {
		for _, f := range c.root.fields {
			if n := f.node; n.kind == kindString && n.symbols == nil && !n.date && !n.uuid && n != c.keyNode && !slices.Contains(names, f.name) {
				names = append(names, f.name)
			}
		}
	}
	return names
}

func (s *stream) hasPadding() bool { return len(s.padding()) > 0 }
