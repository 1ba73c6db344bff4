package processor

import (
	"inv/internal/registry"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Encoded reports whether the records of one of the stage's topics may not be in JSON, or
// not of the version that programs read: it has a format, or upgrades.
func (e Env) Encoded(alias string) bool { return e.layout.encoded[alias] }

// TakesAll reports whether the schemas of one of the stage's topics have a place for every
// record that is derived from the kind: those of others may not.
func (e Env) TakesAll(alias string) bool { return e.layout.takesAll[alias] }

// Derived reports whether the schemas of one of the stage's topics, if it has any, are
// derived from the kinds of records and not from files.
func (e Env) Derived(alias string) bool { return e.layout.derived[alias] }

// Format is how records are written to a topic. That of a topic without formats, which
// the zero Format is, leaves them as they are. It is safe for concurrent use.
type Format struct {
	topic      string
	key, value *registry.Writer
	fits       bool // every value that is written is known to fit the schema
}

// Format returns the format of a topic, by its name on the broker.
func (e Env) Format(topic string) Format {
	if e.Schemas == nil {
		return Format{topic: topic}
	}
	return Format{topic: topic, key: e.Schemas.Writer(topic, true), value: e.Schemas.Writer(topic, false)}
}

// Unchecked returns the format for values of which each is known to fit the schema:
// JSON is then written without being validated.
func (f Format) Unchecked() Format {
	f.fits = true
	return f
}

// Checked returns the format for a writer whose values may not fit the schema, though those
// of the kind that the topic is for do.
func (f Format) Checked() Format {
	f.fits = false
	return f
}

// Plain reports whether keys and values are written as they are.
func (f Format) Plain() bool { return f.key == nil && f.value == nil }

// ContentType returns the content type of values, "" for JSON without a schema.
func (f Format) ContentType() string {
	if f.value == nil {
		return ""
	}
	return f.value.Schema.ContentType()
}

// Headers returns the headers with the IDs of schemas, of those that are not in keys and
// values themselves.
func (f Format) Headers() (headers []kgo.RecordHeader) {
	for _, w := range []*registry.Writer{f.key, f.value} {
		if w != nil && w.Header.Key != "" {
			headers = append(headers, w.Header)
		}
	}
	return headers
}

// Encode returns a key and a JSON value as the topic has them: the same ones, or what it
// appends to room, which is returned, too. The error wraps a *registry.ValueError.
func (f Format) Encode(room, key, value []byte) (k, v, _ []byte, err error) {
	if f.key != nil && key != nil {
		start := len(room)
		if room, err = f.key.AppendKey(room, key); err != nil {
			return nil, nil, room, &MisfitError{f.topic, true, err}
		}
		key = room[start:len(room):len(room)]
	}
	if f.value != nil && value != nil {
		start := len(room)
		if f.fits && f.value.Schema.Form == registry.JSONSchema { // to validate it takes ten times as long as all else
			room = append(append(room, f.value.Prefix...), value...)
		} else if room, err = f.value.Append(room, value); err != nil {
			return nil, nil, room, &MisfitError{f.topic, false, err}
		}
		value = room[start:len(room):len(room)]
	}
	return key, value, room, nil
}

// MisfitError is a key or a value that the schema of its topic has no place for.
type MisfitError struct {
	Topic string
	Key   bool
	Err   error // a *registry.ValueError
}

func (e *MisfitError) Error() string {
	what := "the value"
	if e.Key {
		what = "the key"
	}
	return what + " does not fit the schema of topic " + e.Topic + ": " + e.Err.Error()
}

func (e *MisfitError) Unwrap() error { return e.Err }
