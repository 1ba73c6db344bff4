package query

import (
	"slices"
	"testing"

	"inv/internal/jsonscan"
)

func TestMistakes(t *testing.T) {
	for source, want := range map[string]struct {
		assigns bool
		fields  []string
	}{
		".a == 1":                           {},
		".a = 1":                            {assigns: true},
		".a = 1 and .b == 2":                {assigns: true},
		".b == 2 and (.a = 1)":              {assigns: true},
		"select(.a = 1)":                    {assigns: true},
		". | .a = 1":                        {assigns: true},
		"(.a = 1) | .a == 1":                {},
		"(.a = 1).a == 1":                   {},
		`any(.items[]; .quantity > 8)`:      {},
		".value.a == 1":                     {fields: []string{"value"}},
		`.["value"].a == 1 or .key == "k"`:  {fields: []string{"value", "key"}},
		"select(.value.a > 1)":              {fields: []string{"value"}},
		"(.value | .key) == 1":              {fields: []string{"value"}},
		".a.value == 1 and $key == \"k\"":   {},
		".headers | length > 0 and .offset": {fields: []string{"headers"}},
	} {
		c, err := Compile(source, JQ, jsonscan.NewFields())
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if c.Assigns() != want.assigns || !slices.Equal(c.RecordFields(), want.fields) {
			t.Errorf("%s: assigns %t, fields of the record %q; want %t, %q", source, c.Assigns(), c.RecordFields(), want.assigns, want.fields)
		}
	}
}
