// Package registry decodes keys and values in Confluent's wire format (a zero byte,
// a schema ID of four bytes, and the payload), or with a schema ID in a header, into
// JSON, with the Avro, Protobuf and JSON Schemas of a registry.
package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"inv/internal/jsonscan"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/sr"
)

// payloadDecoder turns a payload into JSON.
type payloadDecoder func(payload []byte) ([]byte, error)

// Form is the format of keys or values.
type Form string

// The forms.
const (
	Detect   Form = ""         // those in the wire format or with a schema ID in a header are decoded
	Other    Form = "other"    // none is decoded
	Avro     Form = "avro"     // all are decoded; one without an Avro schema is an error
	Protobuf Form = "protobuf" // all are decoded; one without a Protobuf schema is an error
)

// Decoder decodes records. Each schema is fetched once. It is safe for
// concurrent use.
type Decoder struct {
	registry     *sr.Client
	ctx          context.Context
	keys, values Form

	mu      sync.Mutex
	schemas map[schemaID]*entry
	seen    map[column]*sightings
	away    time.Time // no request before then
	awayErr error
}

// NewDecoder returns a decoder with the schemas of a registry; lookups end with ctx.
func NewDecoder(ctx context.Context, registry *sr.Client, keys, values Form) *Decoder {
	return &Decoder{registry: registry, ctx: ctx, keys: keys, values: values, schemas: map[schemaID]*entry{}, seen: map[column]*sightings{}}
}

// Decode replaces a key and a value in the wire format, or with a schema ID in a
// header, with JSON, and a key that is a JSON string with its text. It leaves other
// keys and values alone, and on an error the one that can't be decoded. The errors
// are of type [*Error], joined. It calls wait before it waits for the registry.
// If wait is nil it does not wait, and the error is one that [Error.Waits].
func (d *Decoder) Decode(r *fetch.Record, wait func()) error {
	keyErr := d.decodeKey(r, wait)
	value, valueErr := d.value(r, wait)
	r.Value = value
	return errors.Join(keyErr, valueErr)
}

// decode returns the JSON of b, a key or a value of r, if it has a schema, else b.
func (d *Decoder) decode(r *fetch.Record, c column, b []byte, wait func()) (out []byte, decoded bool, err error) {
	form := d.values
	if c.key {
		form = d.keys
	}
	if b == nil || form == Other {
		return b, false, nil
	}
	f, ok := frameOf(r, c, b, form != Detect)
	if !ok {
		if form != Detect {
			err = c.errorf(notFramed, "the %s has no schema ID", c)
		}
		return b, false, err
	}
	e, err := d.schema(c, f, form, wait)
	if err != nil {
		return b, false, err
	}
	payload := f.payload
	if e.form == Protobuf && f.inHeader {
		payload = append(f.messagePath(), payload...)
	}
	if out, err = e.decode(payload); err != nil {
		return b, false, c.errorf(f.id.String(), "decoding the %s by %v: %w", c, f.id, err)
	}
	if !f.ambiguous {
		d.hit(c)
	}
	return out, true, nil
}

// reference is a schema that another one refers to by name.
type reference struct{ name, text string }

// maxReferences is how many schemas one may refer to.
const maxReferences = 100

// fetchReferences fetches the schemas that refs refer to, and theirs, in order of
// dependency.
func fetchReferences(ctx context.Context, registry *sr.Client, refs []sr.SchemaReference, seen map[string]bool) ([]Reference, error) {
	var out []Reference
	for _, ref := range refs {
		if seen[ref.Name] {
			continue
		}
		if seen[ref.Name] = true; len(seen) > maxReferences {
			return nil, fmt.Errorf("the schema refers to more than %d others", maxReferences)
		}
		s, err := registry.SchemaByVersion(ctx, ref.Subject, ref.Version)
		if err != nil {
			return nil, fmt.Errorf("asking the registry for %s version %d: %w", ref.Subject, ref.Version, err)
		}
		deeper, err := fetchReferences(ctx, registry, s.References, seen)
		if err != nil {
			return nil, err
		}
		out = append(append(out, deeper...), Reference{Name: ref.Name, Text: s.Schema.Schema, Subject: ref.Subject, Version: ref.Version})
	}
	return out, nil
}

func jsonPayload(payload []byte) ([]byte, error) {
	flags, ok := jsonscan.Valid(payload)
	if !ok {
		return nil, errors.New("the payload is not JSON")
	}
	return jsonscan.AppendSafe(nil, payload, flags), nil
}

// keptRoom is the most that owned keeps for the next value.
const keptRoom = 1 << 20

// owned returns a decoder whose results are in room of their own, no larger than they.
func owned(decode func(dst, payload []byte) ([]byte, error)) payloadDecoder {
	rooms := &sync.Pool{New: func() any { return new([]byte) }}
	return func(payload []byte) ([]byte, error) {
		room := rooms.Get().(*[]byte)
		out, err := decode((*room)[:0], payload)
		if err != nil {
			out = nil
		}
		own := bytes.Clone(out)
		if cap(out) > cap(*room) && cap(out) <= keptRoom {
			*room = out[:0]
		}
		rooms.Put(room)
		return own, err
	}
}
