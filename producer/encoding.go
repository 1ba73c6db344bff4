package producer

import (
	"fmt"

	"inv/internal/registry"
	"inv/internal/registry/shape"
	"inv/internal/scenario"
)

// Writers are how the records of a topic with a format are written.
type Writers struct {
	Key, Value *registry.Writer // nil: as the producer says
	// Derived: the schema of the values is derived from the topic's producers, so that
	// none needs to be validated.
	Derived bool
}

// RefusedError is a record that was not sent, since it does not fit its schema.
type RefusedError struct {
	Producer, Topic string
	Number          int64 // the record's, from 0; below 0 if it follows from a cycle of causes
	Key             bool  // its key doesn't
	Err             error
}

func (e *RefusedError) Error() string {
	what := "record"
	if e.Key {
		what = "the key of record"
	}
	return fmt.Sprintf("%s %d of %q does not fit the schema of %s: %v", what, e.Number+1, e.Producer, e.Topic, e.Err)
}

// Unwrap returns what does not fit.
func (e *RefusedError) Unwrap() error { return e.Err }

// encoded is how a record is written to one topic.
type encoded struct {
	program *program         // of the value
	value   appendFunc       // the program's
	key     appendFunc       // nil: no key
	writer  *registry.Writer // of the value; nil: it is as the producer's format says
	json    appendFunc       // with a writer: the JSON of the value, for faults
}

// encoded compiles how records are written to a topic.
func (c *compiler) encoded(spec *scenario.Producer, root *node, key keyContent, alias string) encoded {
	writers := c.options.Writers[alias]
	out := encoded{key: key.text}
	field := key.field
	if writers.Key != nil && key.node != nil {
		out.key, field = c.encodedKey(writers.Key, key.node), nil
	}
	if writers.Value != nil {
		out.program = c.writerProgram(writers.Value, root, field, !writers.Derived || c.options.UnknownRefs)
		out.writer, out.json = writers.Value, jsonValue(root)
	} else {
		out.program = encoder(root, spec.Format, field)
	}
	out.value = out.program.function()
	return out
}

// encodedKey returns the function that writes a key. A schema of
// texts takes the text of a number, too, and one of numbers a text with digits, as
// [registry.Writer.AppendKey] does.
func (c *compiler) encodedKey(to *registry.Writer, n *node) appendFunc {
	of := (&shaping{compiler: c, busy: map[any]bool{}}).value(n)
	of.Nullable = false
	if n.text == nil || registry.Fit(to.Schema, of) == nil {
		return c.writerProgram(to, n, nil, true).function()
	}
	text := n.orEmpty()
	return func(w *worker, f *frame, dst []byte) []byte {
		key := text(w, f, w.takeText())
		out, err := to.AppendKey(dst, key)
		w.giveText(key)
		if err != nil {
			w.refuse("", err)
		}
		return out
	}
}

// writerProgram returns the program that writes a value as a registry's schema says, with
// what precedes it. checked: values are validated by a JSON Schema.
func (c *compiler) writerProgram(to *registry.Writer, n *node, key *node, checked bool) *program {
	s := &steps{key: key}
	s.raw(string(to.Prefix))
	switch {
	case to.Schema.Avro() != nil:
		c.avroEncoder(to.Schema).into(s, n, to.Schema.Avro(), "")
	case to.Schema.Message() != nil:
		c.protoEncoder(to.Schema).message(s, n, to.Schema.Message(), "")
	case checked:
		s.value(encodedBy(to.Schema, jsonValue(n), ""))
	default:
		jsonInto(s, n)
	}
	return s.done()
}

// avroEncoder returns the encoder of a schema, which all rows share.
func (c *compiler) avroEncoder(schema *registry.Schema) *avroEncoder {
	if c.avro[schema] == nil {
		c.avro[schema] = newAvroEncoder(schema)
	}
	return c.avro[schema]
}

// protoEncoder likewise.
func (c *compiler) protoEncoder(schema *registry.Schema) *protoEncoder {
	if c.proto[schema] == nil {
		c.proto[schema] = newProtoEncoder(schema)
	}
	return c.proto[schema]
}

// fit reports the fields of a stream that don't fit the schemas of its topics. The broken
// keys of the fault unknown_ref are no mistake of the scenario.
func (c *compiler) fit(s *stream) {
	if c.options.UnknownRefs {
		return
	}
	x := &shaping{compiler: c, busy: map[any]bool{}}
	for _, t := range s.destinations() {
		to := c.options.Writers[t.Alias]
		if to.Value != nil {
			c.misfits(s, t, "", to.Value, s.ofAll((*rowContent).valueShape, x))
		}
		if to.Key != nil {
			c.misfits(s, t, "the key: ", to.Key, s.ofAll((*rowContent).keyShape, x))
		}
	}
}

// ofAll returns the types of all contents of a stream's records, merged if they can be.
func (s *stream) ofAll(of func(*rowContent, *shaping) (shape.Type, bool), x *shaping) (types []shape.Type) {
	for _, r := range s.contents() {
		t, ok := of(r, x)
		if !ok {
			continue
		}
		if len(types) == 0 {
			types = append(types, t)
		} else if both, err := shape.Merge(types[0], t); err == nil {
			types[0] = both
		} else {
			types = append(types, t)
		}
	}
	return types
}

// misfits reports what does not fit the schema of a topic.
func (c *compiler) misfits(s *stream, t scenario.Topic, what string, to *registry.Writer, types []shape.Type) {
	for _, of := range types {
		misfits := registry.Fit(to.Schema, of)
		if to == c.options.Writers[t.Alias].Key && registry.Fit(to.Schema, shape.Type{Kind: shape.Text}) == nil {
			misfits = nil // it is written as text, see encodedKey
		}
		for _, m := range misfits {
			pos := scenario.Position(m.Place)
			if m.Place == (shape.Place{}) {
				pos = s.spec.Pos
			}
			c.problem(pos, "%s%v, so producer %q can't write topic %s", what, m, s.name, t.Alias)
		}
	}
}

// destinations returns the topics of a stream's records: its routes, or its topic.
func (s *stream) destinations() []scenario.Topic {
	if s.routes != nil {
		return s.routes
	}
	return []scenario.Topic{s.topic}
}

// contentType returns the media type of a stream's records in a topic.
func (s *stream) contentType(w Writers) string {
	switch {
	case w.Value != nil:
		return w.Value.Schema.ContentType()
	case s.spec.Format.Name == "xml":
		return "application/xml"
	case s.spec.Format.Name == "csv":
		return "text/csv"
	case s.spec.Format.Name == "text":
		return "text/plain"
	}
	return "application/json"
}

// idHeader returns the header with the ID of a schema that does not precede the payload,
// if there is one.
func idHeader(w *registry.Writer) []Header {
	if w == nil || w.Header.Key == "" {
		return nil
	}
	return []Header{{Key: w.Header.Key, Value: w.Header.Value}}
}

// WritersOf returns how the topics of a scenario with a format are written, as far as
// topics, which may be nil, has writers for them.
func WritersOf(sc *scenario.Scenario, app string, topics *registry.Topics) map[string]Writers {
	out := map[string]Writers{}
	for _, t := range sc.Topics {
		if t.Format.Name+t.KeyFormat.Name == "" || topics == nil {
			continue
		}
		name := t.NameFor(app)
		w := Writers{Key: topics.Writer(name, true), Value: topics.Writer(name, false), Derived: t.Format.Derived()}
		if w.Key != nil || w.Value != nil {
			out[t.Alias] = w
		}
	}
	return out
}
