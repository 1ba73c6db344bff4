package registry

import (
	"errors"

	"inv/internal/registry/shape"
)

var errAvro = errors.New("Avro can't be compiled yet")

func fitAvro(sch *Schema, s shape.Type) []Misfit { return []Misfit{{Text: errAvro.Error()}} }

func deriveAvro(name, namespace string, t shape.Type) (Source, []Misfit) {
	return Source{}, []Misfit{{Text: errAvro.Error()}}
}

func diffAvro(before, after *Schema) []string { return nil }
