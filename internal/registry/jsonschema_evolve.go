package registry

import "inv/internal/registry/shape"

func fitJSONSchema(sch *Schema, s shape.Type) []Misfit { return nil }

func diffJSONSchema(before, after *Schema) []string { return nil }
