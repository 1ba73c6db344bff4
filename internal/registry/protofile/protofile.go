// Package protofile is what a registry and its clients have in common of Protobuf: finding
// the files of schemas for the compiler, and which kinds of fields are alike.
package protofile

import (
	"encoding/base64"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

// Resolver returns a resolver of files by name, and of the standard imports. A file is
// either source text or, as Confluent's clients for Python and C register it, a
// FileDescriptorProto in base64.
func Resolver(files map[string]string) protocompile.Resolver {
	sources := &protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(files)}
	return protocompile.WithStandardImports(protocompile.ResolverFunc(func(name string) (protocompile.SearchResult, error) {
		if file := Descriptor(files[name]); file != nil {
			file.Name = proto.String(name)
			nameJSON(file.MessageType)
			return protocompile.SearchResult{Proto: file}, nil
		}
		return sources.FindFileByPath(name)
	}))
}

// maxNesting bounds the levels of messages in messages.
const maxNesting = 100

// Descriptor returns the descriptor that a schema is in base64; nil if it is source text.
func Descriptor(text string) *descriptorpb.FileDescriptorProto {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b) == 0 {
		return nil
	}
	file := &descriptorpb.FileDescriptorProto{}
	if proto.Unmarshal(b, file) != nil || len(file.MessageType) == 0 && len(file.EnumType) == 0 && len(file.Dependency) == 0 || deeper(file.MessageType, maxNesting) {
		return nil
	}
	return file
}

func deeper(messages []*descriptorpb.DescriptorProto, levels int) bool {
	for _, m := range messages {
		if levels == 0 || deeper(m.NestedType, levels-1) {
			return true
		}
	}
	return false
}

// nameJSON gives fields the JSON names that they have by default: protoc leaves them out
// of what it generates, and the compiler expects them.
func nameJSON(messages []*descriptorpb.DescriptorProto) {
	for _, m := range messages {
		for _, f := range m.Field {
			if f.JsonName == nil {
				f.JsonName = proto.String(jsonName(f.GetName()))
			}
		}
		nameJSON(m.NestedType)
	}
}

// jsonName returns the name in lowerCamelCase, as
// https://protobuf.dev/programming-guides/json/ defines it.
func jsonName(name string) string {
	var b []byte
	for i := range len(name) {
		c := name[i]
		if c == '_' {
			continue
		}
		if i > 0 && name[i-1] == '_' && 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		b = append(b, c)
	}
	return string(b)
}
