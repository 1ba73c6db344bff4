package declared

import (
	"bytes"
	"reflect"
	"slices"
	"strconv"

	"inv/internal/registry"

	"github.com/itchyny/gojq"
)

// same reports whether a value is that of an output: the same bytes, or the same JSON, as
// the schema can hold it, but for what depends on the clock. Of that only the kind must be
// the same.
func (o *Output) same(sch *registry.Schema, value []byte) bool {
	if bytes.Equal(o.Value, value) {
		return true
	}
	want, err := decode(held(sch, o.Value))
	if err != nil {
		return false
	}
	got, err := decode(held(sch, value))
	if err != nil {
		return false
	}
	for _, path := range o.Clocked {
		want, got = masked(want, path), masked(got, path)
	}
	return reflect.DeepEqual(want, got)
}

// masked returns a value with the kind of what is at a path in its place.
func masked(v any, path []string) any {
	if len(path) == 0 {
		return shape(v)
	}
	switch v := v.(type) {
	case map[string]any:
		if inner, ok := v[path[0]]; ok {
			v[path[0]] = masked(inner, path[1:])
		}
	case []any:
		if i, err := strconv.Atoi(path[0]); err == nil && i < len(v) {
			v[i] = masked(v[i], path[1:])
		}
	}
	return v
}

// shape returns a value with the kind of each of its scalars.
func shape(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, inner := range v {
			out[name] = shape(inner)
		}
		return out
	case []any:
		return "array"
	}
	return gojq.TypeOf(v)
}

// shown returns the value for a finding, without what depends on the clock.
func (o *Output) shown() string {
	v, err := decode(o.Value)
	if err != nil || len(o.Clocked) == 0 {
		return string(o.Value)
	}
	for _, path := range o.Clocked {
		v = masked(v, path)
	}
	return canonical(v)
}

// sameJSON reports whether two texts are the same JSON; numbers are compared as their
// text.
func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, err := decode(a)
	if err != nil {
		return false
	}
	y, err := decode(b)
	return err == nil && reflect.DeepEqual(x, y)
}

// difference returns the first field in which two values differ, and what is there in
// each, for a finding.
func difference(want, got any, path string) (where, expected, seen string, differ bool) {
	w, ok1 := want.(map[string]any)
	g, ok2 := got.(map[string]any)
	if !ok1 || !ok2 {
		if reflect.DeepEqual(want, got) {
			return "", "", "", false
		}
		return path, canonical(want), canonical(got), true
	}
	var names []string
	for name := range w {
		names = append(names, name)
	}
	for name := range g {
		if _, ok := w[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		a, ok1 := w[name]
		b, ok2 := g[name]
		switch at := path + "." + name; {
		case !ok1:
			return at, "no such field", canonical(b), true
		case !ok2:
			return at, canonical(a), "no such field", true
		default:
			if where, expected, seen, differ := difference(a, b, at); differ {
				return where, expected, seen, true
			}
		}
	}
	return "", "", "", false
}
