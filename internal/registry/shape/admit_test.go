package shape_test

import (
	"testing"
	"time"

	"inv/internal/registry/shape"
)

func TestAdmit(t *testing.T) {
	item := shape.Type{Kind: shape.Object, Fields: []shape.Field{
		{Name: "sku", Type: shape.Type{Kind: shape.Text}},
		{Name: "n", Type: shape.Type{Kind: shape.Int, Low: 1, High: 5}, Optional: true},
		{Name: "d", Type: shape.Type{Kind: shape.Bool}, Default: "false"},
	}}
	of := func(k shape.Kind) shape.Type { return shape.Type{Kind: k} }
	decimal := shape.Type{Kind: shape.Decimal, Precision: 4, Scale: 2}
	list := shape.Type{Kind: shape.List, Elem: &item}
	null := shape.Type{Kind: shape.Text, Nullable: true}
	for _, c := range []struct {
		t           shape.Type
		value, want string
	}{
		{of(shape.Any), `{"x": [1]}`, ""},
		{of(shape.Null), `null`, ""},
		{of(shape.Null), `0`, "must be null, not 0"},
		{of(shape.Bool), `true`, ""},
		{of(shape.Bool), `"true"`, `must be true or false, not "true"`},
		{shape.Type{Kind: shape.Int, Low: -5, High: 5}, `-5`, ""},
		{shape.Type{Kind: shape.Int, Low: -5, High: 5}, `0.5e1`, ""},
		{shape.Type{Kind: shape.Int, Low: -5, High: 5}, `6`, "must be from -5 to 5, not 6"},
		{shape.Type{Kind: shape.Int, Low: -5, High: 5}, `1.5`, "must be a whole number, not 1.5"},
		{shape.Type{Kind: shape.Int, Low: -5, High: 5}, `1e999999999`, "must be a number in range, not 1e999999999"},
		{shape.Type{Kind: shape.Int, Low: -5, High: 5}, `null`, "must be a whole number, not null"},
		{shape.Type{Kind: shape.Time, Unit: time.Second}, `1e30`, "must be a whole number, not 1e30"},
		{decimal, `99.99`, ""},
		{decimal, `-99.990`, ""},
		{decimal, `0.001`, "must be a number with at most 2 decimals, not 0.001"},
		{decimal, `100`, "must be a number with at most 4 digits, 2 of them decimals, not 100"},
		{decimal, `"1"`, `must be a number, not "1"`},
		{of(shape.Float), `1e300`, ""},
		{of(shape.Text), `1`, "must be a text, not 1"},
		{null, `null`, ""},
		{shape.Type{Kind: shape.Enum, Symbols: []string{"a", "b"}}, `"b"`, ""},
		{shape.Type{Kind: shape.Enum, Symbols: []string{"a", "b"}}, `"c"`, `must be one of a, b, not "c"`},
		{of(shape.Date), `"2026-02-28"`, ""},
		{of(shape.Date), `"2026-02-30"`, `must be a date such as 2026-05-01, not "2026-02-30"`},
		{list, `[{"sku":"a"},{"sku":"b","n":null,"d":true}]`, ""},
		{list, `[{"sku":"a"},{"sku":"b","n":6}]`, "[1].n: must be from 1 to 5, not 6"},
		{list, `[{}]`, "[0].sku: is missing"},
		{list, `[{"sku":"a","x":1}]`, "[0].x: is no field"},
		{list, `{}`, "must be a list, not an object"},
		{item, `[]`, "must be an object, not a list"},
		{shape.Type{Kind: shape.Union, Of: []shape.Type{of(shape.Bool), of(shape.Text)}}, `"x"`, ""},
		{shape.Type{Kind: shape.Union, Of: []shape.Type{of(shape.Bool), of(shape.Text)}}, `1`, "must be one of the types of the field, not 1"},
		{of(shape.Text), `"a" 1`, "not JSON: there is more after the value"},
	} {
		got := ""
		if err := c.t.Admit([]byte(c.value)); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.value, got, c.want)
		}
	}
}
