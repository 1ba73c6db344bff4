package registry

import (
	"context"
	"errors"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/twmb/avro"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// JSONSchema is the form of JSON Schemas. It is no form of [NewDecoder].
const JSONSchema Form = "json_schema"

// Style is how values are written as JSON.
type Style uint8

const (
	// Display is for readers: times are text.
	Display Style = iota
	// Data is for programs: the JSON that the same producer writes with the format
	// json. Times are whole numbers of their unit since 1970; docs/dev/registry.md has
	// the table. What Encode accepts is a superset.
	Data
)

// Source is the text of a schema.
type Source struct {
	Form       Form // Avro, Protobuf or JSONSchema
	Text       string
	References []Reference
	// Message is the full name of the Protobuf message; "": the first one.
	Message string
	// Defaults are the JSON values, by paths such as items[].quantity, of fields that an
	// earlier version of a Protobuf schema does not have: it can't say them itself. They
	// are set by Derive, for readers of records of such versions.
	Defaults map[string]string
}

// Reference is a schema that another one refers to, by the name that it uses.
type Reference struct {
	Name    string // of a type (Avro), a file (Protobuf) or a URI (JSON Schema)
	Text    string
	Subject string // where it is registered; "": Name
	Version int    // there; 0: not known yet
}

// Schema is a schema compiled for both directions. It is immutable and safe for
// concurrent use.
type Schema struct {
	Source
	// Name is the full name of the record or message, for subjects; of a JSON Schema,
	// its title. "": it has none.
	Name string

	encode func(dst, json []byte) ([]byte, error)
	decode [2]func(dst, payload []byte) ([]byte, error) // by Style

	avro     *avro.SchemaNode
	avroType *avroType
	message  protoreflect.MessageDescriptor
	json     *jsonschema.Schema
	// protoTypes are the messages that a google.protobuf.Any of the schema may hold.
	protoTypes map[string]*protoMessage
	index      []byte // of the message in its file, as it precedes a Protobuf payload
}

// ErrForm is returned for a schema of another form than Avro, Protobuf and JSON Schema.
var ErrForm = errors.New("a schema is Avro, Protobuf or JSON Schema")

// Compile compiles a schema. A recursive type, a fixed size or a nesting beyond the
// limits of docs/dev/registry.md and an import cycle are errors.
func Compile(ctx context.Context, s Source) (*Schema, error) {
	switch s.Form {
	case Avro:
		return compileAvro(ctx, s)
	case Protobuf:
		return compileProtobuf(ctx, s)
	case JSONSchema:
		return compileJSONSchema(ctx, s)
	}
	return nil, ErrForm
}

// Encode appends the payload of a JSON value to dst: what follows the frame. It
// allocates nothing besides dst. A value that does not fit the schema is a *ValueError,
// and dst is returned unchanged.
func (s *Schema) Encode(dst, json []byte) ([]byte, error) { return s.encode(dst, json) }

// Decode appends the JSON of a payload to dst, which is returned unchanged with an error.
func (s *Schema) Decode(dst, payload []byte, style Style) ([]byte, error) {
	return s.decode[style](dst, payload)
}

// sourceReferences returns references as those of a Source.
func sourceReferences(refs []reference) []Reference {
	out := make([]Reference, len(refs))
	for i, r := range refs {
		out[i] = Reference{Name: r.name, Text: r.text}
	}
	return out
}

// Avro returns the parsed schema; nil if it is no Avro schema.
func (s *Schema) Avro() *avro.SchemaNode { return s.avro }

// Message returns the Protobuf message; nil if it is no Protobuf schema.
func (s *Schema) Message() protoreflect.MessageDescriptor { return s.message }

// Index returns the bytes that precede a Protobuf payload in the value, or follow the
// ID in a header: the message's place in its file. Nil for other forms.
func (s *Schema) Index() []byte { return s.index }

// ValueError is a value that does not fit its schema.
type ValueError struct {
	Path string // such as items[2].quantity; "": the whole value
	Text string // what is wrong, such as "1.005 has more than 2 decimals"
}

func (e *ValueError) Error() string {
	if e.Path == "" {
		return e.Text
	}
	return e.Path + ": " + e.Text
}
