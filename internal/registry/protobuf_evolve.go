package registry

import (
	"errors"

	"inv/internal/registry/shape"
)

var errProtobuf = errors.New("Protobuf can't be compiled yet")

func fitProtobuf(sch *Schema, s shape.Type) []Misfit { return []Misfit{{Text: errProtobuf.Error()}} }

func diffProtobuf(before, after *Schema) []string { return nil }
