package server

import (
	"context"
	"encoding/base64"
	"fmt"

	"inv/internal/registry/protofile"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// mainFile is the file name of the schema itself.
const mainFile = "schema.proto"

type protobufSchema struct {
	file protoreflect.FileDescriptor
}

func parseProtobuf(ctx context.Context, text string, references []referred) (parsed, error) {
	files := map[string]string{mainFile: text}
	for _, r := range references {
		files[r.name] = r.text
	}
	if err := protofile.CheckDepth(files); err != nil {
		return nil, err
	}
	compiler := protocompile.Compiler{Resolver: protofile.Resolver(files)}
	compiled, err := compiler.Compile(ctx, mainFile)
	if err != nil {
		return nil, err
	}
	return protobufSchema{compiled[0]}, nil
}

func (protobufSchema) kind() string { return typeProtobuf }

func (p protobufSchema) identity() string {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(protodesc.ToFileDescriptorProto(p.file))
	if err != nil {
		return ""
	}
	return string(b)
}

// serialized returns a descriptor of the file in base64.
func (p protobufSchema) serialized() (string, error) {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(protodesc.ToFileDescriptorProto(p.file))
	return base64.StdEncoding.EncodeToString(b), err
}

// reads compares messages by their names and fields by their numbers, as Confluent's
// registry does.
func (p protobufSchema) reads(writer parsed) (reasons []string) {
	w := writer.(protobufSchema)
	c := protobufCheck{seen: map[protoreflect.FullName]bool{}}
	c.messages(p.file.Messages(), w.file.Messages())
	return c.reasons
}

type protobufCheck struct {
	seen    map[protoreflect.FullName]bool
	reasons []string
}

func (c *protobufCheck) addf(format string, args ...any) {
	c.reasons = append(c.reasons, fmt.Sprintf(format, args...))
}

func (c *protobufCheck) messages(reader, writer protoreflect.MessageDescriptors) {
	for i := range writer.Len() {
		w := writer.Get(i)
		r := reader.ByName(w.Name())
		if r == nil || r.FullName() != w.FullName() {
			c.addf("message %s is missing", w.FullName())
			continue
		}
		c.message(r, w)
	}
}

func (c *protobufCheck) message(reader, writer protoreflect.MessageDescriptor) {
	if c.seen[writer.FullName()] {
		return
	}
	c.seen[writer.FullName()] = true
	c.messages(reader.Messages(), writer.Messages())
	for i := range writer.Fields().Len() {
		w := writer.Fields().Get(i)
		if r := reader.Fields().ByNumber(w.Number()); r != nil {
			c.field(r, w)
		}
	}
	for i := range reader.Fields().Len() {
		r := reader.Fields().Get(i)
		if r.Cardinality() == protoreflect.Required && writer.Fields().ByNumber(r.Number()) == nil {
			c.addf("required field %s is not in the writer's schema", r.FullName())
		}
	}
	for i := range reader.Oneofs().Len() {
		c.oneof(reader.Oneofs().Get(i), writer)
	}
}

// oneof refuses to make a oneof of fields that a writer may set together.
func (c *protobufCheck) oneof(reader protoreflect.OneofDescriptor, writer protoreflect.MessageDescriptor) {
	var first protoreflect.FieldDescriptor
	for i := range reader.Fields().Len() {
		w := writer.Fields().ByNumber(reader.Fields().Get(i).Number())
		switch {
		case w == nil:
		case first == nil:
			first = w
		case w.ContainingOneof() == nil || w.ContainingOneof() != first.ContainingOneof():
			c.addf("oneof %s has fields that the writer may set together: %s and %s", reader.FullName(), first.Name(), w.Name())
			return
		}
	}
}

func (c *protobufCheck) field(r, w protoreflect.FieldDescriptor) {
	switch {
	case r.IsMap() != w.IsMap() || r.IsList() != w.IsList():
		c.addf("field %s (number %d) is repeated in only one of the schemas", r.FullName(), r.Number())
	case protofile.WireGroup(r.Kind()) != protofile.WireGroup(w.Kind()):
		c.addf("field %s (number %d) is %s, and %s in the writer's schema", r.FullName(), r.Number(), r.Kind(), w.Kind())
	case r.Message() != nil && r.Message().FullName() != w.Message().FullName():
		c.addf("field %s (number %d) is %s, and %s in the writer's schema", r.FullName(), r.Number(), r.Message().FullName(), w.Message().FullName())
	case r.Message() != nil:
		c.message(r.Message(), w.Message())
	}
}
