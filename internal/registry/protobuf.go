package registry

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/sr"
	"google.golang.org/protobuf/reflect/protoreflect"
)

func protobufDecoder(ctx context.Context, s sr.Schema, references []reference) (payloadDecoder, error) {
	source := Source{Form: Protobuf, Text: s.Schema}
	for _, r := range references {
		source.References = append(source.References, Reference{Name: r.name, Text: r.text})
	}
	file, err := parseProtobuf(ctx, source)
	if err != nil {
		return nil, err
	}
	return func(payload []byte) ([]byte, error) {
		path, payload, err := messagePath(payload)
		if err != nil {
			return nil, err
		}
		message, err := file.at(path)
		if err != nil {
			return nil, err
		}
		return message.Decode(make([]byte, 0, 2*len(payload)), payload, Display)
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
