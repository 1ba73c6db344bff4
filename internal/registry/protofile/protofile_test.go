package protofile

import (
	"encoding/base64"
	"testing"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

func encoded(t *testing.T, file *descriptorpb.FileDescriptorProto) string {
	t.Helper()
	b, err := proto.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b)
}

func field(name string) *descriptorpb.FieldDescriptorProto {
	return &descriptorpb.FieldDescriptorProto{
		Name: proto.String(name), Number: proto.Int32(1),
		Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
	}
}

// A descriptor in base64 is a file like source text, and each may import the other.
func TestResolver(t *testing.T) {
	line := encoded(t, &descriptorpb.FileDescriptorProto{
		Name: proto.String("whatever.proto"), Syntax: proto.String("proto3"), Package: proto.String("shop"),
		MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("Line"), Field: []*descriptorpb.FieldDescriptorProto{field("the_text")}}},
	})
	compiler := protocompile.Compiler{Resolver: Resolver(map[string]string{
		"main.proto": `syntax = "proto3"; import "line.proto"; import "google/protobuf/timestamp.proto"; message Order { shop.Line line = 1; google.protobuf.Timestamp at = 2; }`,
		"line.proto": line,
	})}
	files, err := compiler.Compile(t.Context(), "main.proto")
	if err != nil {
		t.Fatal(err)
	}
	if name := files[0].Messages().Get(0).Fields().Get(0).Message().Fields().Get(0).JSONName(); name != "theText" {
		t.Errorf("the JSON name is %q", name)
	}
	compiler.Resolver = Resolver(map[string]string{"main.proto": `syntax = "proto3"; import "line.proto";`})
	if _, err := compiler.Compile(t.Context(), "main.proto"); err == nil {
		t.Error("a missing import is not missed")
	}
}

func TestDescriptor(t *testing.T) {
	deep := &descriptorpb.DescriptorProto{Name: proto.String("M")}
	for range maxNesting {
		deep = &descriptorpb.DescriptorProto{Name: proto.String("M"), NestedType: []*descriptorpb.DescriptorProto{deep}}
	}
	for name, text := range map[string]string{
		"source":       `syntax = "proto3"; message M {}`,
		"nothing":      "",
		"text":         "abcd",
		"too deep":     encoded(t, &descriptorpb.FileDescriptorProto{MessageType: []*descriptorpb.DescriptorProto{deep}}),
		"no such file": base64.StdEncoding.EncodeToString([]byte("\x0a\x05abc")),
	} {
		if Descriptor(text) != nil {
			t.Errorf("%s is a descriptor", name)
		}
	}
}

func TestJSONName(t *testing.T) {
	for name, want := range map[string]string{"a": "a", "order_id": "orderId", "_x": "X", "a__b": "aB", "A_1b": "A1b", "a_": "a"} {
		if got := jsonName(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
