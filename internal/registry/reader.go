package registry

import (
	"bytes"
	"context"
	"errors"

	"inv/internal/jsonscan"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
)

// The headers in which the ID of a key's and of a value's schema may be.
const (
	KeyHeader   = keyHeader
	ValueHeader = valueHeader
)

// Shown decodes records as they are shown: each by its writer's schema, without being
// resolved or upgraded. It is safe for concurrent use.
type Shown struct {
	decoder      *Decoder
	keys, values map[string]*coding
}

// ShownOptions are what is known of the topics.
type ShownOptions struct {
	// Keys and Values are the forms of keys and values of topics without a format, which
	// are in the style Display.
	Keys, Values Form
	// KeyTopics and ValueTopics are the names of topics with a format for keys and
	// values, which are in the style Data.
	KeyTopics, ValueTopics []string
}

// NewShown returns a Shown with the schemas of a registry; lookups end with ctx.
func NewShown(ctx context.Context, client *sr.Client, o ShownOptions) *Shown {
	s := &Shown{decoder: NewDecoder(ctx, client, o.Keys, o.Values), keys: map[string]*coding{}, values: map[string]*coding{}}
	for _, topic := range o.KeyTopics {
		s.keys[topic] = newCoding(column{topic, true}, nil)
	}
	for _, topic := range o.ValueTopics {
		s.values[topic] = newCoding(column{topic, false}, nil)
	}
	return s
}

// Reader returns a reader for one goroutine.
func (s *Shown) Reader() *Reader {
	return newReader(&Topics{decoder: s.decoder, keys: s.keys, values: s.values})
}

// Reader returns a reader, for one goroutine, of what [Topics.Key] and [Topics.Value]
// return.
func (t *Topics) Reader() *Reader { return newReader(t) }

// Reader decodes one record after the other, into memory that it uses again.
type Reader struct {
	topics *Topics

	// Of the topic of the last record.
	topic       string
	keys        *coding
	values      *coding
	upgrades    *Upgrades
	upgraded    *coding
	headers     []kgo.RecordHeader
	key, value  []byte
	upgradeRoom []byte
}

func newReader(t *Topics) *Reader { return &Reader{topics: t} }

// Decode replaces the record's key and value with their JSON, and a key that is a JSON
// string with its text: they are valid until the next call. It leaves those alone that
// have no schema, and on an error the one that can't be decoded. The errors, which may be
// joined, are of the types [*Error] and [*UpgradeError]. Decode calls wait before it waits
// for the registry; if wait is nil, it does not wait, and the error is one that
// [Error.Waits].
func (d *Reader) Decode(r *fetch.Record, wait func()) error {
	if r.Topic != d.topic {
		t := d.topics
		d.topic, d.keys, d.values, d.upgrades, d.upgraded = r.Topic, t.keys[r.Topic], t.values[r.Topic], t.upgrades[r.Topic], t.upgraded[r.Topic]
	}
	d.headers = d.headers[:0]
	if d.upgrades != nil || bytes.Contains(r.RawHeaders(), headerSuffix) {
		d.headers = r.AppendHeaders(d.headers)
	}
	keyErr := d.decodeKey(r, wait)
	valueErr := d.decodeValue(r, wait)
	switch {
	case keyErr == nil:
		return valueErr
	case valueErr == nil:
		return keyErr
	}
	return errors.Join(keyErr, valueErr)
}

// headerSuffix is the end of both headers' names.
var headerSuffix = []byte("_schema_id")

func (d *Reader) decodeKey(r *fetch.Record, wait func()) error {
	if d.keys == nil {
		return d.topics.decoder.decodeKey(r, wait)
	}
	key, err := d.keys.read(d.topics.decoder, d.key, d.headers, r.Key, wait)
	if err != nil {
		return err
	}
	if !sameBytes(key, r.Key) {
		d.key = key
	}
	if len(key) > 0 && key[0] == '"' {
		key = jsonscan.Unquote(key)
	}
	r.Key = key
	return nil
}

func (d *Reader) decodeValue(r *fetch.Record, wait func()) error {
	values := d.values
	upgrade := d.upgrades.Has(d.headers)
	if upgrade {
		values = d.upgraded
	}
	value, err := d.written(values, r, wait)
	if err != nil {
		return err
	}
	if !upgrade {
		r.Value = value
		return nil
	}
	upgraded, err := d.upgrades.Apply(d.upgradeRoom, d.headers, value)
	if err != nil {
		return err
	}
	if !sameBytes(upgraded, value) {
		d.upgradeRoom = upgraded
	}
	r.Value = upgraded
	return nil
}

// written returns the record's value without an upgrade.
func (d *Reader) written(values *coding, r *fetch.Record, wait func()) ([]byte, error) {
	if values == nil {
		return d.topics.decoder.value(r, wait)
	}
	value, err := values.read(d.topics.decoder, d.value, d.headers, r.Value, wait)
	if err == nil && !sameBytes(value, r.Value) {
		d.value = value
	}
	return value, err
}

// sameBytes reports whether two slices are the same memory.
func sameBytes(a, b []byte) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// decodeKey decodes the key of a record. The nil Decoder leaves it alone.
func (d *Decoder) decodeKey(r *fetch.Record, wait func()) error {
	if d == nil {
		return nil
	}
	key, decoded, err := d.decode(r, column{r.Topic, true}, r.Key, wait)
	if decoded && len(key) > 0 && key[0] == '"' {
		key = jsonscan.Unquote(key)
	}
	r.Key = key
	return err
}

// value returns the decoded value of a record. The nil Decoder returns it as it is.
func (d *Decoder) value(r *fetch.Record, wait func()) ([]byte, error) {
	if d == nil {
		return r.Value, nil
	}
	value, _, err := d.decode(r, column{r.Topic, false}, r.Value, wait)
	return value, err
}

// ContentType returns the content type of a topic's framed values.
func (t *Topics) ContentType(topic string) string {
	if c := t.values[topic]; c != nil && c.schema != nil {
		return c.schema.ContentType()
	}
	return "application/json"
}
