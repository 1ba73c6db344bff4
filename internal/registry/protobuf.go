package registry

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/bufbuild/protocompile"
	"github.com/twmb/franz-go/pkg/sr"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// mainFile is the name under which the schema itself is compiled.
const mainFile = "schema.proto"

func protobufDecoder(ctx context.Context, s sr.Schema, references []reference) (payloadDecoder, error) {
	files := map[string]string{mainFile: s.Schema}
	for _, r := range references {
		files[r.name] = r.text
	}
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(
		&protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(files)})}
	compiled, err := compiler.Compile(ctx, mainFile)
	if err != nil {
		return nil, fmt.Errorf("compiling the Protobuf schema: %w", err)
	}
	file := compiled[0]
	return func(payload []byte) ([]byte, error) {
		path, payload, err := messagePath(payload)
		if err != nil {
			return nil, err
		}
		message, err := messageAt(file, path)
		if err != nil {
			return nil, err
		}
		m := dynamicpb.NewMessage(message)
		if err := proto.Unmarshal(payload, m); err != nil {
			return nil, fmt.Errorf("as %s: %w", message.FullName(), err)
		}
		text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
		if err != nil {
			return nil, fmt.Errorf("as %s: %w", message.FullName(), err)
		}
		return jsonPayload(text) // its white space is random on purpose
	}, nil
}

var errPath = errors.New("the place of the message in its schema is malformed")

// maxPath is how deeply messages are within each other at most.
const maxPath = 100

// messagePath reads which of the schema's messages this is: the indexes from
// the file's top level down; a single 0 stands for the first one.
func messagePath(b []byte) (path []int, rest []byte, err error) {
	count, n := binary.Varint(b)
	if n <= 0 || count < 0 || count > maxPath {
		return nil, nil, errPath
	}
	b = b[n:]
	if count == 0 {
		return []int{0}, b, nil
	}
	for range count {
		index, n := binary.Varint(b)
		if n <= 0 || index < 0 || index > 1<<20 {
			return nil, nil, errPath
		}
		path, b = append(path, int(index)), b[n:]
	}
	return path, b, nil
}

func messageAt(file protoreflect.FileDescriptor, path []int) (protoreflect.MessageDescriptor, error) {
	messages := file.Messages()
	var m protoreflect.MessageDescriptor
	for _, i := range path {
		if i >= messages.Len() {
			return nil, fmt.Errorf("its schema has no message at %v", path)
		}
		m = messages.Get(i)
		messages = m.Messages()
	}
	return m, nil
}
