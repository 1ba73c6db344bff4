package registry

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"

	"inv/internal/registry/protofile"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// mainFile is the file name of the schema itself.
const mainFile = "schema.proto"

// protobufFile is a .proto file, whose messages are compiled when they are first needed:
// which one a payload is of stands before it. It is safe for concurrent use.
type protobufFile struct {
	source Source
	file   linker.File

	mu       sync.Mutex
	compiler *protoCompiler
	types    map[string]*protoMessage // that an Any may hold; nil: not yet compiled
	schemas  map[string]*Schema       // by index
}

// parseProtobuf parses a schema. A missing import and a cycle of imports are errors that
// name the files.
func parseProtobuf(ctx context.Context, s Source) (*protobufFile, error) {
	files := map[string]string{mainFile: s.Text}
	for _, r := range s.References {
		files[r.Name] = r.Text
	}
	if err := protofile.CheckDepth(files); err != nil {
		return nil, fmt.Errorf("compiling the Protobuf schema: %w", err)
	}
	compiler := protocompile.Compiler{SourceInfoMode: protocompile.SourceInfoStandard, Resolver: protofile.Resolver(files)}
	compiled, err := compiler.Compile(ctx, mainFile)
	if err != nil {
		return nil, fmt.Errorf("compiling the Protobuf schema: %w", err)
	}
	return &protobufFile{source: s, file: compiled[0], compiler: newProtoCompiler(), schemas: map[string]*Schema{}}, nil
}

// compileProtobuf compiles the message of a schema for both directions. A recursive
// message is an error.
func compileProtobuf(ctx context.Context, s Source) (*Schema, error) {
	if len(s.References) > maxReferences {
		return nil, fmt.Errorf("the schema refers to more than %d files", maxReferences)
	}
	f, err := parseProtobuf(ctx, s)
	if err != nil {
		return nil, err
	}
	m, err := f.named(s.Message)
	if err != nil {
		return nil, err
	}
	sch, err := f.schema(m)
	if err != nil {
		return nil, err
	}
	return sch, writable(f.compiler.messages[m.FullName()])
}

// named returns the message with a full name; "": the first one.
func (f *protobufFile) named(name string) (protoreflect.MessageDescriptor, error) {
	messages := f.file.Messages()
	if name == "" {
		if messages.Len() == 0 {
			return nil, errors.New("the Protobuf schema has no message")
		}
		return messages.Get(0), nil
	}
	if m, ok := f.file.FindDescriptorByName(protoreflect.FullName(name)).(protoreflect.MessageDescriptor); ok && !m.IsMapEntry() {
		return m, nil
	}
	var names []string
	for i := range min(messages.Len(), 10) {
		names = append(names, string(messages.Get(i).FullName()))
	}
	return nil, fmt.Errorf("the Protobuf schema has no message %s, but %s", name, cmp.Or(strings.Join(names, ", "), "none at all"))
}

// at returns the schema of the message at a path for reading. Its Encode refuses a
// recursive message.
func (f *protobufFile) at(path []int) (*Schema, error) {
	m, err := messageAt(f.file, path)
	if err != nil {
		return nil, err
	}
	return f.schema(m)
}

func (f *protobufFile) schema(d protoreflect.MessageDescriptor) (*Schema, error) {
	index := messageIndex(d)
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.schemas[string(index)]; s != nil {
		return s, nil
	}
	m := f.compiler.message(d)
	if f.compiler.anys && f.types == nil {
		f.types = map[string]*protoMessage{}
		f.visible(f.file, false, map[string]bool{})
	}
	if f.compiler.err != nil {
		return nil, f.compiler.err
	}
	s := &Schema{Source: f.source, Name: string(d.FullName()), message: d, index: index, protoTypes: f.types}
	s.Source.Message = s.Name
	s.decode[Display] = protoDecode(m, f.types, Display)
	s.decode[Data] = protoDecode(m, f.types, Data)
	s.encode = protoEncode(m, f.types)
	if err := writable(m); err != nil {
		s.encode = func(dst, _ []byte) ([]byte, error) { return dst, &ValueError{Text: err.Error()} }
	}
	f.schemas[string(index)] = s
	return s, nil
}

// visible compiles the messages that an Any may hold: those of the file, of its imports
// and of what those import publicly.
func (f *protobufFile) visible(file protoreflect.FileDescriptor, publicOnly bool, seen map[string]bool) {
	if seen[file.Path()] {
		return
	}
	seen[file.Path()] = true
	f.messages(file.Messages())
	imports := file.Imports()
	for i := range imports.Len() {
		if imported := imports.Get(i); !publicOnly || imported.IsPublic {
			f.visible(imported.FileDescriptor, true, seen)
		}
	}
}

func (f *protobufFile) messages(all protoreflect.MessageDescriptors) {
	for i := range all.Len() {
		if d := all.Get(i); f.types[string(d.FullName())] == nil && f.compiler.err == nil {
			f.types[string(d.FullName())] = f.compiler.message(d)
			f.messages(d.Messages())
		}
	}
}

// messageIndex returns the path of a message in its file, as it precedes a payload.
func messageIndex(d protoreflect.MessageDescriptor) []byte {
	var path []int
	for m := protoreflect.Descriptor(d); m != nil; m = m.Parent() {
		if _, ok := m.(protoreflect.FileDescriptor); ok {
			break
		}
		path = append(path, m.Index())
	}
	if len(path) == 1 && path[0] == 0 {
		return []byte{0}
	}
	index := binary.AppendVarint(nil, int64(len(path)))
	for i := len(path) - 1; i >= 0; i-- {
		index = binary.AppendVarint(index, int64(path[i]))
	}
	return index
}

// writable reports why values of a message are not written: it is recursive, or nested
// too deeply. The recursive types of google.protobuf are JSON values, and bounded as such.
func writable(m *protoMessage) error {
	const open, done = 1, 2
	state := map[*protoMessage]int{}
	depths := map[*protoMessage]int{}
	var visit func(m *protoMessage) error
	visit = func(m *protoMessage) error {
		switch state[m] {
		case open:
			return fmt.Errorf("the message %s is recursive: it can be read, but not written", m.desc.FullName())
		case done:
			return nil
		}
		state[m] = open
		for i := range m.fields {
			inner := m.fields[i].message
			if inner == nil || inner.known != knownNone {
				continue
			}
			if err := visit(inner); err != nil {
				return err
			}
			depths[m] = max(depths[m], depths[inner])
		}
		state[m] = done
		if depths[m]++; depths[m] > maxSchemaDepth {
			return fmt.Errorf("the message %s is nested more than %d levels deep", m.desc.FullName(), maxSchemaDepth)
		}
		return nil
	}
	return visit(m)
}
