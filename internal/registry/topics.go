package registry

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

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

var (
	// ErrNoRegistry is that a topic has a format, and no registry is known.
	ErrNoRegistry = errors.New("it needs a schema registry")
	// ErrNameless is that a subject is named by a record whose schema has no name.
	ErrNameless = errors.New("the schema has no name for the subject")
)

// SubjectName returns the subject of a schema, by a strategy.
func SubjectName(topic string, key bool, by Strategy, sch *Schema) (string, error) {
	if (by == ByRecord || by == ByTopicRecord) && sch.Name == "" {
		return "", fmt.Errorf("the %s of %s: %w", column{topic, key}, topic, ErrNameless)
	}
	switch by {
	case ByRecord:
		return sch.Name, nil
	case ByTopicRecord:
		return topic + "-" + sch.Name, nil
	}
	return topic + "-" + column{topic, key}.String(), nil
}

// Topics reads and writes the records of topics by their formats. It is safe for
// concurrent use.
type Topics struct {
	client  *sr.Client
	wait    func(line string)
	decoder *Decoder // of topics without a format; nil without a registry
	keys    map[string]*coding
	values  map[string]*coding

	upgrades map[string]*Upgrades
	// upgraded reads the values that have an upgrade by their writers' schemas alone.
	upgraded map[string]*coding
}

// Open checks and registers, or looks up, the schemas of the topics that are written. An
// incompatible change is an *IncompatibleError; a schema that is not there and is not to
// be registered, a *MissingSchemaError; a registry that refuses, a *RegistryError; one
// that does not answer is waited for until ctx ends, with a line to wait now and then.
// What is only read is looked up when the first record needs it; lookups end with ctx,
// too. client may be nil if no topic has a format, and if there is no registry for the
// others either.
func Open(ctx context.Context, client *sr.Client, topics []TopicFormat, wait func(line string)) (*Topics, error) {
	t := &Topics{client: client, wait: wait, keys: map[string]*coding{}, values: map[string]*coding{}, upgrades: map[string]*Upgrades{}, upgraded: map[string]*coding{}}
	if client != nil {
		t.decoder = NewDecoder(ctx, client, Other, Detect)
	}
	for _, one := range topics {
		if one.Upgrades != nil {
			t.upgrades[one.Topic] = one.Upgrades
			if one.Value != nil {
				t.upgraded[one.Topic] = newCoding(column{topic: one.Topic}, nil)
			}
		}
		for _, side := range []struct {
			key    bool
			format *Format
			to     map[string]*coding
		}{{true, one.Key, t.keys}, {false, one.Value, t.values}} {
			if side.format == nil {
				continue
			}
			c, err := t.open(ctx, column{one.Topic, side.key}, side.format, one.Writes)
			if err != nil {
				return nil, err
			}
			side.to[one.Topic] = c
		}
	}
	return t, nil
}

// open returns how the keys or values of a topic are read, and if they are written,
// with a writer.
func (t *Topics) open(ctx context.Context, c column, f *Format, writes bool) (*coding, error) {
	if t.client == nil {
		return nil, fmt.Errorf("the %s of topic %s is %s: %w", c, c.topic, f.Schema.Form, ErrNoRegistry)
	}
	coded := newCoding(c, f.Schema)
	if !writes {
		return coded, nil
	}
	subject, err := SubjectName(c.topic, c.key, f.Subject, f.Schema)
	if err != nil {
		return nil, err
	}
	id, err := t.register(ctx, subject, f)
	if err != nil {
		return nil, fmt.Errorf("the schema of the %s of %s: %w", c, c.topic, err)
	}
	coded.writer = newWriter(c, f.Schema, id, f.InHeader)
	return coded, nil
}

// Register returns the ID of a schema under a subject, and registers it there if it is
// not yet. It waits for the registry, and its errors are those of [Open].
func (t *Topics) Register(ctx context.Context, subject string, sch *Schema) (id int32, err error) {
	if t.client == nil {
		return 0, ErrNoRegistry
	}
	return t.register(ctx, subject, &Format{Schema: sch, Register: true})
}

func (t *Topics) register(ctx context.Context, subject string, f *Format) (id int32, err error) {
	err = waiting(ctx, t.wait, func(ctx context.Context) error {
		one, err := (&registrar{t.client, f.Register, f.Compatibility}).ensure(ctx, subject, f.Schema)
		id = one.id
		return err
	})
	return id, err
}

// Writer returns how the values (or keys) of a topic are written; nil: as they are. The nil
// Topics has none.
func (t *Topics) Writer(topic string, key bool) *Writer {
	if c := t.coding(topic, key); c != nil {
		return c.writer
	}
	return nil
}

// Schema returns the schema of a topic's values (or keys); nil: it has no format.
func (t *Topics) Schema(topic string, key bool) *Schema {
	if c := t.coding(topic, key); c != nil {
		return c.schema
	}
	return nil
}

func (t *Topics) coding(topic string, key bool) *coding {
	switch {
	case t == nil:
		return nil
	case key:
		return t.keys[topic]
	}
	return t.values[topic]
}

// Writer writes the keys or the values of one topic. It is immutable.
type Writer struct {
	Schema *Schema
	ID     int32
	// Prefix is what precedes a payload: the frame and a Protobuf message's index; nil
	// if the ID is in a header.
	Prefix []byte
	// Header is the header with the ID, if it is not in the Prefix; its Key is "" then.
	Header kgo.RecordHeader
}

func newWriter(c column, sch *Schema, id int32, inHeader bool) *Writer {
	w := &Writer{Schema: sch, ID: id}
	b := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(id)), sch.Index()...)
	if inHeader {
		w.Header = kgo.RecordHeader{Key: c.header(), Value: b}
	} else {
		w.Prefix = b
	}
	return w
}

// WithID returns the same writer with another ID.
func (w *Writer) WithID(id int32) *Writer {
	to := *w
	to.ID = id
	if w.Header.Key != "" {
		to.Header.Value = slices.Clone(w.Header.Value)
		binary.BigEndian.PutUint32(to.Header.Value[1:], uint32(id))
	} else {
		to.Prefix = slices.Clone(w.Prefix)
		binary.BigEndian.PutUint32(to.Prefix[1:], uint32(id))
	}
	return &to
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
