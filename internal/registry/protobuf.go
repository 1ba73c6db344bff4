package registry

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"github.com/twmb/franz-go/pkg/sr"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// mainFile is the file name of the schema itself.
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
	json := protobufJSON{types: linker.ResolverFromFile(compiled[0])}
	return func(payload []byte) ([]byte, error) {
		path, payload, err := messagePath(payload)
		if err != nil {
			return nil, err
		}
		message, err := messageAt(compiled[0], path)
		if err != nil {
			return nil, err
		}
		m := dynamicpb.NewMessage(message)
		if err := proto.Unmarshal(payload, m); err != nil {
			return nil, fmt.Errorf("as %s: %w", message.FullName(), err)
		}
		return json.appendMessage(make([]byte, 0, 2*len(payload)), m), nil
	}, nil
}

var errPath = errors.New("the message's path in its schema is malformed")

// maxPath is how deeply messages may be nested.
const maxPath = 100

// messagePath reads the path of the message in its schema: indexes from the top
// level down; a single 0 is the first message.
func messagePath(b []byte) (path []int, rest []byte, err error) {
	count, n := binary.Varint(b)
	if n <= 0 || count < 0 || count > maxPath {
		return nil, nil, errPath
	}
	if b = b[n:]; count == 0 {
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

func messageAt(file protoreflect.FileDescriptor, path []int) (m protoreflect.MessageDescriptor, err error) {
	messages := file.Messages()
	for _, i := range path {
		if i >= messages.Len() {
			return nil, fmt.Errorf("its schema has no message at %v", path)
		}
		m = messages.Get(i)
		messages = m.Messages()
	}
	return m, nil
}
