package registry

import (
	"fmt"

	"inv/internal/registry/shape"
)

// Misfit is a part of a shape that a schema can't hold, or that no schema can be derived
// from.
type Misfit struct {
	Path  string      // such as items[].quantity; "": the whole value
	Place shape.Place // of the field; zero if it is not known
	Text  string      // what does not fit, such as "the schema's int is too small for 5000000000"
}

func (m Misfit) String() string {
	if m.Path == "" {
		return m.Text
	}
	return m.Path + ": " + m.Text
}

// Fit compares a shape with a schema, field by field: values of the shape that Encode
// would refuse, as far as it can be known. Nil means that they fit.
func Fit(sch *Schema, s shape.Type) []Misfit {
	switch sch.Form {
	case Avro:
		return fitAvro(sch, s)
	case Protobuf:
		return fitProtobuf(sch, s)
	case JSONSchema:
		return fitJSONSchema(sch, s)
	}
	return []Misfit{{Text: ErrForm.Error()}}
}

// Derive returns the schema of a shape, by the table in docs/dev/registry.md. name is the
// name of the record or message, and namespace that of the scenario. The text depends on
// nothing else.
func Derive(form Form, name, namespace string, t shape.Type) (Source, []Misfit) {
	switch form {
	case Avro:
		return deriveAvro(name, namespace, t)
	case Protobuf:
		return deriveProtobuf(name, namespace, t)
	case JSONSchema:
		return deriveJSONSchema(name, namespace, t)
	}
	return Source{}, []Misfit{{Text: ErrForm.Error()}}
}

// Diff returns what has changed from one version of a schema to another, a line for each
// field, such as "quantity: type from int to long". Nil means that no field has.
func Diff(before, after *Schema) []string {
	switch {
	case before.Form != after.Form:
		return []string{fmt.Sprintf("the form from %s to %s", before.Form, after.Form)}
	case before.Form == Avro:
		return diffAvro(before, after)
	case before.Form == Protobuf:
		return diffProtobuf(before, after)
	}
	return diffJSONSchema(before, after)
}

// Resolved returns a decoder of payloads that s has written to JSON of the style Data as
// reader describes it. The error is that the schemas can't be resolved. The decoder is
// safe for concurrent use.
func (s *Schema) Resolved(reader *Schema) (decode func(dst, payload []byte) ([]byte, error), err error) {
	switch {
	case s.Form != reader.Form:
		return nil, fmt.Errorf("the schema of the record is %s, and that of the topic %s", s.Form, reader.Form)
	case s.Form == Avro:
		return resolveAvro(s, reader)
	case s.Form == Protobuf:
		return resolveProtobuf(s, reader)
	}
	return s.decode[Data], nil
}
