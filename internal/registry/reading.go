package registry

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"inv/internal/jsonscan"

	"github.com/twmb/franz-go/pkg/kgo"
)

// wireID is the identifier of a schema as records have it: a zero and an ID, or a one
// and a GUID.
type wireID [guidBytes]byte

func (w wireID) schemaID() schemaID {
	if w[0] == 1 {
		return schemaID{guid: guidText(w[1:])}
	}
	return schemaID{id: int32(binary.BigEndian.Uint32(w[1:idBytes]))}
}

// maxMissing is how many IDs that the registry does not have are remembered.
const maxMissing = 10_000

// payloadFunc appends the JSON of a payload to dst.
type payloadFunc func(dst, payload []byte) ([]byte, error)

// coding reads the keys or the values of a topic with a format, and has their writer.
type coding struct {
	column
	schema *Schema // the topic's, which records are resolved with; nil: they are not
	writer *Writer // nil: they are not written

	known atomic.Pointer[map[wireID]*written] // never changed, but replaced

	mu      sync.Mutex // held while the registry is asked
	missing map[wireID]time.Time
}

// written is a schema that records have been written with.
type written struct {
	err    error         // it can't be read with the topic's
	decode payloadFunc   // nil for Protobuf
	file   *protobufFile // of Protobuf

	mu      sync.Mutex
	byIndex atomic.Pointer[map[string]message] // by the bytes of the index
}

// message is a message of a Protobuf file.
type message struct {
	decode payloadFunc
	err    error
}

func newCoding(c column, sch *Schema) *coding {
	to := &coding{column: c, schema: sch, missing: map[wireID]time.Time{}}
	to.known.Store(&map[wireID]*written{})
	return to
}

// Value returns the JSON of a record's value: of a topic with a format by that, in the
// style Data, resolved with the topic's schema; of another topic as [Decoder.Value]. A
// record of a topic with a format that is not framed is JSON, if it is valid JSON: such
// topics may have older records. dst is the room to use, and may be nil; the result may
// be r.Value. A value whose type has an upgrade is decoded with the writer's schema alone,
// since that of the topic is of another version, and upgraded. The error is an [*Error] or
// an [*UpgradeError]. The nil Topics returns values as they are.
func (t *Topics) Value(dst []byte, r *kgo.Record) ([]byte, error) {
	if t == nil {
		return r.Value, nil
	}
	if u := t.upgrades[r.Topic]; u.Has(r.Headers) {
		value, err := t.valueBy(t.upgraded, nil, r)
		if err != nil {
			return nil, err
		}
		return u.Apply(dst, r.Headers, value)
	}
	return t.valueBy(t.values, dst, r)
}

func (t *Topics) valueBy(codings map[string]*coding, dst []byte, r *kgo.Record) ([]byte, error) {
	if c := codings[r.Topic]; c != nil {
		return c.read(t.decoder, dst, r.Headers, r.Value, noWait)
	}
	if t.decoder == nil {
		return r.Value, nil
	}
	return t.decoder.Value(r)
}

// Key returns the JSON of a record's key likewise, and of one that is a JSON string the
// text; the key of a topic without a format for keys as it is, and so one that is neither
// framed nor JSON: the topic may have records of the time before its keys had a format.
func (t *Topics) Key(dst []byte, r *kgo.Record) ([]byte, error) {
	if t == nil {
		return r.Key, nil
	}
	c := t.keys[r.Topic]
	if c == nil {
		return r.Key, nil
	}
	key, err := c.read(t.decoder, dst, r.Headers, r.Key, noWait)
	var e *Error
	if err != nil && errors.As(err, &e) && e.kind == notFramed {
		return r.Key, nil
	}
	if err == nil && len(key) > 0 && key[0] == '"' {
		key = jsonscan.Unquote(key)
	}
	return key, err
}

func noWait() {}

// read returns the JSON of b, a key or a value of a record with these headers. It calls
// wait before it waits for the registry; if wait is nil, it does not wait, and the error is
// one that [Error.Waits].
func (c *coding) read(d *Decoder, dst []byte, headers []kgo.RecordHeader, b []byte, wait func()) ([]byte, error) {
	if b == nil {
		return nil, nil
	}
	id, index, payload, ok := c.frame(headers, b)
	if !ok {
		if _, valid := jsonscan.Valid(b); valid {
			return b, nil
		}
		return nil, c.errorf(notFramed, "the %s has no schema ID, and is not JSON", c.column)
	}
	w := (*c.known.Load())[id]
	if w == nil {
		var err error
		if w, err = c.ask(d, id, wait); err != nil {
			return nil, err
		}
	}
	decode, err := w.decode, w.err
	if err == nil && w.file != nil {
		if index == nil {
			index, payload, err = splitIndex(payload)
		}
		if err == nil {
			decode, err = w.message(index, c.schema)
		}
	}
	var out []byte
	if err == nil {
		out, err = decode(dst[:0], payload)
	}
	if err != nil {
		s := id.schemaID()
		return nil, c.errorf(s.String(), "decoding the %s by %v: %w", c.column, s, err)
	}
	return out, nil
}

// frame finds the schema ID of b; index is what follows it in a header, which is not nil
// then.
func (c *coding) frame(headers []kgo.RecordHeader, b []byte) (id wireID, index, payload []byte, ok bool) {
	name := c.header()
	for i := len(headers) - 1; i >= 0; i-- {
		h := &headers[i]
		switch {
		case h.Key != name:
		case len(h.Value) >= idBytes && h.Value[0] == 0:
			copy(id[:], h.Value[:idBytes])
			return id, h.Value[idBytes:len(h.Value):len(h.Value)], b, true
		case len(h.Value) >= guidBytes && h.Value[0] == 1:
			copy(id[:], h.Value)
			return id, h.Value[guidBytes:len(h.Value):len(h.Value)], b, true
		}
	}
	if len(b) < idBytes || b[0] != 0 {
		return id, nil, nil, false
	}
	copy(id[:], b[:idBytes])
	return id, nil, b[idBytes:], true
}

// ask looks up the schema of an ID. Lookups are made one after the other.
func (c *coding) ask(d *Decoder, id wireID, wait func()) (*written, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := *c.known.Load()
	if w := known[id]; w != nil {
		return w, nil
	}
	name := id.schemaID()
	noSchema := func() error {
		return c.errorf(absent, "the registry does not have %v of the %s", name, c.column)
	}
	if at, ok := c.missing[id]; ok && time.Since(at) < missedFor {
		return nil, noSchema()
	}
	d.mu.Lock()
	s, references, err := d.fetch(name, wait)
	d.mu.Unlock()
	switch {
	case isMissing(err):
		if len(c.missing) >= maxMissing {
			clear(c.missing)
		}
		c.missing[id] = time.Now()
		return nil, noSchema()
	case errors.Is(err, errUnasked):
		return nil, &Error{err, unasked, unasked}
	case err != nil:
		return nil, c.errorf(away, "%v of the %s: %w", name, c.column, err)
	}
	w := newWritten(d.ctx, sourceOf(s, references, ""), c.schema)
	known = maps.Clone(known)
	known[id] = w
	c.known.Store(&known)
	return w, nil
}

// newWritten compiles a schema of the registry for reading with the topic's.
func newWritten(ctx context.Context, source Source, reader *Schema) *written {
	if reader != nil && source.Form != reader.Form {
		return &written{err: fmt.Errorf("it is %s, and the topic is %s", source.Form, reader.Form)}
	}
	var sch *Schema
	var err error
	switch source.Form {
	case Protobuf:
		w := &written{}
		w.file, w.err = parseProtobuf(ctx, source)
		w.byIndex.Store(&map[string]message{})
		return w
	case Avro:
		sch, err = compileAvroReader(ctx, source)
	default: // the JSON needs nothing of its schema, which may be one that only others can read
		sch = jsonReader(source)
	}
	if err != nil {
		return &written{err: err}
	}
	decode, err := resolve(sch, reader)
	return &written{decode: decode, err: err}
}

func resolve(sch, reader *Schema) (payloadFunc, error) {
	if reader == nil {
		return func(dst, payload []byte) ([]byte, error) { return sch.Decode(dst, payload, Data) }, nil
	}
	decode, err := sch.Resolved(reader)
	if err != nil {
		return nil, fmt.Errorf("reading it with the topic's schema: %w", err)
	}
	return decode, nil
}

var errManyMessages = errors.New("records have more messages of one schema than a file has")

// maxIndexes of one file are remembered, those that do not exist included: indexes come
// with records.
const maxIndexes = 1000

// message returns the decoder of the message at an index of the file.
func (w *written) message(index []byte, reader *Schema) (payloadFunc, error) {
	if len(index) == 0 {
		index = firstMessage
	}
	m, ok := (*w.byIndex.Load())[string(index)]
	if ok {
		return m.decode, m.err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	byIndex := *w.byIndex.Load()
	if m, ok = byIndex[string(index)]; ok {
		return m.decode, m.err
	}
	if len(byIndex) >= maxIndexes {
		return nil, errManyMessages
	}
	m.decode, m.err = w.resolve(index, reader)
	byIndex = maps.Clone(byIndex)
	byIndex[string(index)] = m
	w.byIndex.Store(&byIndex)
	return m.decode, m.err
}

var firstMessage = []byte{0}

func (w *written) resolve(index []byte, reader *Schema) (payloadFunc, error) {
	path, rest, err := messagePath(index)
	if err != nil || len(rest) > 0 {
		return nil, errPath
	}
	sch, err := w.file.at(path)
	if err != nil {
		return nil, err
	}
	return resolve(sch, reader)
}

// splitIndex splits the index of a Protobuf message from what follows it.
func splitIndex(b []byte) (index, rest []byte, err error) {
	if len(b) > 0 && b[0] == 0 {
		return b[:1], b[1:], nil
	}
	rest = b
	count, n := binary.Varint(b)
	if n <= 0 || count < 0 || count > maxPath {
		return nil, nil, errPath
	}
	for range count + 1 {
		_, n := binary.Varint(rest)
		if n <= 0 {
			return nil, nil, errPath
		}
		rest = rest[n:]
	}
	return b[:len(b)-len(rest)], rest, nil
}
