// Package registry decodes keys and values in Confluent's wire format (a zero
// byte, four bytes of schema id, and the payload) into JSON, with the schemas of
// a registry: Avro, Protobuf and JSON Schema.
package registry

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"inv/internal/jsonscan"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/sr"
)

const (
	framing     = 5                // bytes in front of the payload
	lookupLimit = 5 * time.Second  // for one schema
	retryAfter  = 10 * time.Second // a lookup that failed is tried again then
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

// entry is what has been learnt of a schema.
type entry struct {
	decode payloadDecoder
	err    error
	at     time.Time
}

// NewDecoder asks the registry of the client; lookups end with ctx.
func NewDecoder(ctx context.Context, registry *sr.Client) *Decoder {
	return &Decoder{registry: registry, ctx: ctx, schemas: map[int]*entry{}}
}

// Decode replaces a framed key and a framed value by JSON; a key that is a
// string by that string. The record is left as it is where there is no framing.
// If a schema can't be had or does not fit, the bytes stay and the error says so.
func (d *Decoder) Decode(r *fetch.Record) error {
	key, keyErr := d.decode(r.Key)
	if len(key) > 0 && key[0] == '"' {
		key = []byte(jsonscan.Unquote(key))
	}
	r.Key = key
	value, err := d.decode(r.Value)
	r.Value = value
	if keyErr != nil && err == nil {
		err = fmt.Errorf("the key: %w", keyErr)
	}
	return err
}

func (d *Decoder) decode(b []byte) ([]byte, error) {
	if len(b) <= framing || b[0] != 0 {
		return b, nil
	}
	id := int(int32(binary.BigEndian.Uint32(b[1:])))
	if id < 0 {
		return b, nil
	}
	decode, err := d.schema(id)
	if err != nil {
		return b, fmt.Errorf("schema %d: %w", id, err)
	}
	out, err := decode(b[framing:])
	if err != nil {
		return b, fmt.Errorf("decoding by schema %d: %w", id, err)
	}
	return out, nil
}

// schema returns the decoder for an id.
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
	references, err := d.references(ctx, s.References, map[string]string{})
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
	return nil, fmt.Errorf("its type %v is none of Avro, Protobuf and JSON Schema", s.Type)
}

// reference is another schema that one refers to, by the name it has there.
type reference struct{ name, text string }

// references fetches what a schema refers to, and what that refers to, those
// first that others need.
func (d *Decoder) references(ctx context.Context, refs []sr.SchemaReference, seen map[string]string) ([]reference, error) {
	var out []reference
	for _, ref := range refs {
		if _, ok := seen[ref.Name]; ok {
			continue
		}
		seen[ref.Name] = ref.Subject
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
		return nil, fmt.Errorf("the payload is not JSON")
	}
	return jsonscan.AppendSafe(nil, payload, flags), nil
}
