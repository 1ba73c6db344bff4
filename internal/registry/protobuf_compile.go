package registry

import (
	"context"
	"errors"

	"inv/internal/registry/shape"
)

var errProtobuf = errors.New("Protobuf can't be compiled yet")

func compileProtobuf(ctx context.Context, s Source) (*Schema, error) { return nil, errProtobuf }

func fitProtobuf(sch *Schema, s shape.Type) []Misfit { return []Misfit{{Text: errProtobuf.Error()}} }

func deriveProtobuf(name, namespace string, t shape.Type) (Source, []Misfit) {
	return Source{}, []Misfit{{Text: errProtobuf.Error()}}
}

func diffProtobuf(before, after *Schema) []string { return nil }

func resolveProtobuf(writer, reader *Schema) (func(dst, payload []byte) ([]byte, error), error) {
	return nil, errProtobuf
}
