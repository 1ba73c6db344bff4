package registrytest

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"inv/internal/registry/shape"
)

// ShapeOf returns the type that JSON values are samples of: the narrowest, but for whole
// numbers, which are those that a float64 holds. What is of several types is a union.
func ShapeOf(t testing.TB, values [][]byte) shape.Type {
	t.Helper()
	var samples []any
	for _, value := range values {
		d := json.NewDecoder(bytes.NewReader(value))
		d.UseNumber()
		var v any
		if err := d.Decode(&v); err != nil {
			t.Fatal(err)
		}
		samples = append(samples, v)
	}
	return shapeOf(samples)
}

func shapeOf(samples []any) shape.Type {
	var nulls, elements []any
	fields, objects, kinds := map[string][]any{}, 0, map[shape.Kind]bool{}
	for _, v := range samples {
		switch v := v.(type) {
		case nil:
			nulls = append(nulls, v)
		case bool:
			kinds[shape.Bool] = true
		case json.Number:
			if _, err := v.Int64(); err != nil {
				kinds[shape.Float] = true
			} else {
				kinds[shape.Int] = true
			}
		case string:
			kinds[shape.Text] = true
		case []any:
			kinds[shape.List] = true
			elements = append(elements, v...)
		case map[string]any:
			kinds[shape.Object] = true
			objects++
			for name, x := range v {
				fields[name] = append(fields[name], x)
			}
		}
	}
	if kinds[shape.Float] {
		delete(kinds, shape.Int)
	}
	var of []shape.Type
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		one := shape.Type{Kind: kind}
		switch kind {
		case shape.Int:
			one.Low, one.High = -1<<53, 1<<53
		case shape.List:
			elem := shapeOf(elements)
			if elem.Kind == shape.Null {
				elem.Kind = shape.Text
			}
			one.Elem = &elem
		case shape.Object:
			for _, name := range slices.Sorted(maps.Keys(fields)) {
				one.Fields = append(one.Fields, shape.Field{Name: name, Type: shapeOf(fields[name]), Optional: len(fields[name]) < objects})
			}
		}
		of = append(of, one)
	}
	out := shape.Type{Kind: shape.Null}
	switch len(of) {
	case 0:
		return out
	case 1:
		out = of[0]
	default:
		out = shape.Type{Kind: shape.Union, Of: of}
	}
	out.Nullable = len(nulls) > 0
	return out
}
