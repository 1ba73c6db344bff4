package registry

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
)

// Strategy names the subject of a schema.
type Strategy string

// The strategies of Confluent's clients.
const (
	ByTopic       Strategy = "topic"        // TOPIC-value, TOPIC-key
	ByRecord      Strategy = "record"       // the schema's full name
	ByTopicRecord Strategy = "topic-record" // TOPIC-NAME
)

// Format is how the keys or the values of a topic are written.
type Format struct {
	Schema        *Schema
	Subject       Strategy
	InHeader      bool   // the ID is in a header, and not before the payload
	Register      bool   // the schema is registered, if it is not yet; otherwise it must be
	Compatibility string // of a subject that inv creates, such as "BACKWARD"; "": the registry's
}

// TopicFormat is the formats of a topic.
type TopicFormat struct {
	Topic      string    // its name on the broker
	Key, Value *Format   // nil: bytes as they are
	Upgrades   *Upgrades // of values; nil: none. A topic without formats may have some
	Writes     bool      // this process writes the topic: IDs are needed before the start
}

// Topics reads and writes the records of topics by their formats. It is safe for
// concurrent use.
type Topics struct {
	decoder  *Decoder
	upgrades map[string]*Upgrades
}

// Open checks and registers, or looks up, the schemas of the topics that are written. An
// incompatible change is an *IncompatibleError; a registry that does not answer is
// waited for until ctx ends, with a line to wait now and then. What is only read is
// looked up when the first record needs it. client may be nil if no topic has a format.
func Open(ctx context.Context, client *sr.Client, topics []TopicFormat, wait func(line string)) (*Topics, error) {
	t := &Topics{upgrades: map[string]*Upgrades{}}
	for i := range topics {
		if topics[i].Key != nil || topics[i].Value != nil {
			return nil, ErrForm
		}
		if u := topics[i].Upgrades; u != nil {
			t.upgrades[topics[i].Topic] = u
		}
	}
	if client != nil {
		t.decoder = NewDecoder(ctx, client, Other, Detect)
	}
	return t, nil
}

// Value returns the JSON of a record's value: of a topic with a format by that, in the
// style Data, resolved with the topic's schema; of another topic as [Decoder.Value]. A
// record of a topic with a format that is not framed is JSON, if it is valid JSON: such
// topics may have older records. dst is the room to use, and may be nil; the result may
// be r.Value. A value whose type has an upgrade is decoded with the writer's schema alone,
// since that of the topic is of another version, and upgraded. The error is an [*Error] or
// an [*UpgradeError]. The nil Topics returns values as they are.
func (t *Topics) Value(dst []byte, r *kgo.Record) ([]byte, error) {
	if u := t.Upgrades(r.Topic); u.Has(r.Headers) {
		return t.upgraded(u, dst, r)
	}
	return t.written(dst, r)
}

// written returns a value as its writer's schema has it.
func (t *Topics) written(_ []byte, r *kgo.Record) ([]byte, error) {
	if t == nil || t.decoder == nil {
		return r.Value, nil
	}
	return t.decoder.Value(r)
}

// Key returns a record's key likewise; a JSON string is returned as its text.
func (t *Topics) Key(dst []byte, r *kgo.Record) ([]byte, error) { return r.Key, nil }

// Writer returns how the values (or keys) of a topic are written; nil: as they are.
func (t *Topics) Writer(topic string, key bool) *Writer { return nil }

// Writer writes the keys or the values of one topic. It is immutable.
type Writer struct {
	Schema *Schema
	// Prefix is what precedes a payload: the frame and a Protobuf message's index; nil
	// if the ID is in a header.
	Prefix []byte
	// Header is the header with the ID, if it is not in the Prefix; its Key is "" then.
	Header kgo.RecordHeader
}

// Append appends the key or value of a JSON value, with the prefix. An error is a
// *ValueError, and dst is returned unchanged.
func (w *Writer) Append(dst, json []byte) ([]byte, error) {
	n := len(dst)
	out, err := w.Schema.Encode(append(dst, w.Prefix...), json)
	if err != nil {
		return dst[:n], err
	}
	return out, nil
}
