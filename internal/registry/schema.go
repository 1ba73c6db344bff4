// Package registry decodes keys and values in Confluent's wire format (a zero byte,
// a schema ID of four bytes, and the payload) into JSON, with the Avro, Protobuf and
// JSON Schemas of a registry.
package registry

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"inv/internal/jsonscan"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/sr"
)

const (
	framing     = 5                // bytes before the payload
	lookupLimit = 5 * time.Second  // of one schema
	retryAfter  = 10 * time.Second // a failed lookup is retried then
)

// payloadDecoder turns a payload into JSON.
type payloadDecoder func(payload []byte) ([]byte, error)

// Decoder decodes records. Each schema is fetched once. It is safe for
// concurrent use.
type Decoder struct {
	registry *sr.Client
	ctx      context.Context

	mu      sync.Mutex
	schemas map[int]*entry
}

// entry is the result of looking up a schema.
type entry struct {
	decode payloadDecoder
	err    error
	at     time.Time
}

// NewDecoder returns a decoder with the schemas of a registry; lookups end with ctx.
func NewDecoder(ctx context.Context, registry *sr.Client) *Decoder {
	return &Decoder{registry: registry, ctx: ctx, schemas: map[int]*entry{}}
}

// Decode replaces a key and a value in the wire format with JSON, and a key that is
// a JSON string with its text. It leaves other keys and values alone, and on an error
// the one that can't be decoded.
func (d *Decoder) Decode(r *fetch.Record) error {
	var err error
	key, decoded, keyErr := d.decode(r.Key)
	if decoded && key[0] == '"' {
		key = jsonscan.Unquote(key)
	}
	r.Key = key
	r.Value, _, err = d.decode(r.Value)
	if keyErr != nil && err == nil {
		err = fmt.Errorf("the key: %w", keyErr)
	}
	return err
}

// decode returns the JSON of b in the wire format, else b.
func (d *Decoder) decode(b []byte) (out []byte, decoded bool, err error) {
	if len(b) <= framing || b[0] != 0 {
		return b, false, nil
	}
	id := int(int32(binary.BigEndian.Uint32(b[1:])))
	if id < 0 {
		return b, false, nil
	}
	decode, err := d.schema(id)
	if err != nil {
		return b, false, fmt.Errorf("schema %d: %w", id, err)
	}
	if out, err = decode(b[framing:]); err != nil {
		return b, false, fmt.Errorf("decoding by schema %d: %w", id, err)
	}
	return out, true, nil
}

// schema returns the decoder of a schema.
func (d *Decoder) schema(id int) (payloadDecoder, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.schemas[id]
	if e == nil || e.err != nil && time.Since(e.at) > retryAfter {
		e = &entry{at: time.Now()}
		e.decode, e.err = d.lookup(id)
		d.schemas[id] = e
	}
	return e.decode, e.err
}

func (d *Decoder) lookup(id int) (payloadDecoder, error) {
	ctx, cancel := context.WithTimeout(d.ctx, lookupLimit)
	defer cancel()
	s, err := d.registry.SchemaByID(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("asking the registry: %w", err)
	}
	references, err := d.references(ctx, s.References, map[string]bool{})
	if err != nil {
		return nil, err
	}
	switch s.Type {
	case sr.TypeAvro:
		return avroDecoder(s, references)
	case sr.TypeProtobuf:
		return protobufDecoder(ctx, s, references)
	case sr.TypeJSON:
		return jsonPayload, nil
	}
	return nil, fmt.Errorf("its type %v is not Avro, Protobuf or JSON Schema", s.Type)
}

// reference is a schema that another one refers to by name.
type reference struct{ name, text string }

// references fetches the schemas that refs refer to, and theirs, in order of
// dependency.
func (d *Decoder) references(ctx context.Context, refs []sr.SchemaReference, seen map[string]bool) ([]reference, error) {
	var out []reference
	for _, ref := range refs {
		if seen[ref.Name] {
			continue
		}
		seen[ref.Name] = true
		s, err := d.registry.SchemaByVersion(ctx, ref.Subject, ref.Version)
		if err != nil {
			return nil, fmt.Errorf("asking the registry for %s version %d: %w", ref.Subject, ref.Version, err)
		}
		deeper, err := d.references(ctx, s.References, seen)
		if err != nil {
			return nil, err
		}
		out = append(append(out, deeper...), reference{ref.Name, s.Schema.Schema})
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
