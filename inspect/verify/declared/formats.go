package declared

import (
	"fmt"
	"slices"

	"inv/internal/event"
	"inv/internal/jsonscan"
	"inv/internal/registry"

	"github.com/twmb/franz-go/pkg/kgo"
)

// decoded is a record of a topic with a format, or that a registry describes: its key as
// text and its value as JSON. What can't be decoded is as it was.
type decoded struct {
	*kgo.Record
	badKey, badValue error
}

// decode decodes a record. raw says that its value is in a format that the topology reads.
func (a *audit) decode(r *kgo.Record, raw bool) decoded {
	d := decoded{Record: r}
	if a.o.Schemas == nil || a.away != nil {
		return d
	}
	out := *r
	key, err := a.o.Schemas.Key(nil, r)
	if d.badKey = a.failed(err); d.badKey == nil {
		out.Key = key
	}
	if !raw && r.Value != nil {
		value, err := a.o.Schemas.Value(nil, r)
		if d.badValue = a.failed(err); d.badValue == nil {
			out.Value = value
		}
	}
	d.Record = &out
	return d
}

// failed returns an error of decoding, and takes note of a registry that does not answer.
func (a *audit) failed(err error) error {
	if registry.Away(err) {
		a.away = err
	}
	return err
}

// refusal returns why a record that can't be decoded is refused; nil: it can be.
func (d *decoded) refusal() *Refusal {
	err := d.badKey
	if err == nil {
		err = d.badValue
	}
	if err == nil {
		return nil
	}
	return &Refusal{Reason: registry.Reason(err), Detail: err.Error()}
}

// contentType returns that of an output, given its value before and after decoding: one
// without a frame is JSON, and may be older than the topic's format.
func (a *audit) contentType(alias string, value, decoded []byte) string {
	sch := a.schema(alias, false)
	if sch == nil || len(value) > 0 && len(decoded) > 0 && &value[0] == &decoded[0] {
		return "application/json"
	}
	return sch.ContentType()
}

// untyped returns a record without its ce_type, by which the topic's readers may upgrade
// it: what was written is compared.
func untyped(r *kgo.Record) *kgo.Record {
	out := *r
	out.Headers = slices.DeleteFunc(slices.Clone(r.Headers), func(h kgo.RecordHeader) bool { return h.Key == event.HeaderType })
	return &out
}

// schema returns the schema of a topic's values or keys; nil: it has none.
func (a *audit) schema(alias string, key bool) *registry.Schema {
	return a.o.Schemas.Schema(a.topic(alias), key)
}

// misfit returns the refusal of the first of some outputs that does not fit the schema of its
// topic, nil if all do.
func (t *Topology) misfit(out []Output) *Refusal {
	if t.schema == nil {
		return nil
	}
	for i := range out {
		o := &out[i]
		at, err := t.Emit[o.Emit].Pos, error(nil)
		if sch := t.schema(o.To, true); sch != nil && !o.Keyless {
			_, err = sch.EncodeKey(nil, []byte(o.Key))
		}
		if sch := t.schema(o.To, false); sch != nil && err == nil {
			if _, err = sch.Encode(nil, o.Value); err != nil {
				at = t.Emit[o.Emit].FieldPos(registry.PathOf(err))
			}
		}
		if err != nil {
			return &Refusal{Reason: reasonExpression, Place: fmt.Sprintf("%s:%d:%d", t.scenario.File, at.Line, at.Column), Detail: err.Error()}
		}
	}
	return nil
}

// held returns a value as its schema can hold it: with the fields that it has for absent
// ones, and numbers as they come back. One that does not fit stays what it is.
func held(sch *registry.Schema, value []byte) []byte {
	if sch == nil {
		return value
	}
	payload, err := sch.Encode(nil, value)
	if err != nil {
		return value
	}
	out, err := sch.Decode(nil, payload, registry.Data)
	if err != nil {
		return value
	}
	return out
}

// heldKey returns the text of a key likewise.
func heldKey(sch *registry.Schema, key string) string {
	if sch == nil {
		return key
	}
	payload, err := sch.EncodeKey(nil, []byte(key))
	if err != nil {
		return key
	}
	out, err := sch.Decode(nil, payload, registry.Data)
	if err != nil {
		return key
	}
	if len(out) > 0 && out[0] == '"' {
		out = jsonscan.Unquote(out)
	}
	return string(out)
}
