package registry

import (
	"context"
	"errors"

	"inv/internal/registry/shape"
)

var errJSONSchema = errors.New("JSONSchema can't be compiled yet")

func compileJSONSchema(ctx context.Context, s Source) (*Schema, error) { return nil, errJSONSchema }

func fitJSONSchema(sch *Schema, s shape.Type) []Misfit {
	return []Misfit{{Text: errJSONSchema.Error()}}
}

func deriveJSONSchema(name, namespace string, t shape.Type) (Source, []Misfit) {
	return Source{}, []Misfit{{Text: errJSONSchema.Error()}}
}

func diffJSONSchema(before, after *Schema) []string { return nil }
