package registry

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"inv/internal/registry/shape"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// fitJSONSchema compares a shape with a schema: properties that it does not have or that
// it requires, types, ranges and values of enums. What is said with not, if and patterns
// is seen when values are written.
func fitJSONSchema(sch *Schema, s shape.Type) []Misfit {
	v, err := newJSONValidator(sch.Source)
	if err != nil {
		return []Misfit{{Text: err.Error()}}
	}
	f := jsonFitter{validator: v, left: maxTypes}
	return f.fit(v.schema, s, "", shape.Place{})
}

type jsonFitter struct {
	validator *jsonValidator
	left      int // comparisons
}

func (f *jsonFitter) fit(s *jsonschema.Schema, t shape.Type, path string, place shape.Place) []Misfit {
	if f.left--; f.left < 0 || t.Kind == shape.Any {
		return nil
	}
	refuse := func(format string, args ...any) []Misfit {
		return []Misfit{{path, place, fmt.Sprintf(format, args...)}}
	}
	if s.Bool != nil {
		if *s.Bool {
			return nil
		}
		return refuse("the schema has no value for it")
	}
	if t.Nullable && t.Kind != shape.Null {
		t.Nullable = false
		if misfits := f.fit(s, t, path, place); misfits != nil {
			return misfits
		}
		return f.fit(s, shape.Type{Kind: shape.Null}, path, place)
	}
	if t.Kind == shape.Union {
		for _, one := range t.Of {
			if misfits := f.fit(s, one, path, place); misfits != nil {
				return misfits
			}
		}
		return nil
	}
	if s.Types != nil && !s.Types.IsEmpty() && !slices.ContainsFunc(s.Types.ToStrings(), func(name string) bool { return isOfType(t, name) }) {
		if t.Kind == shape.Null {
			return refuse("may be null, and the schema has %s", strings.Join(s.Types.ToStrings(), " or "))
		}
		return refuse("is %s, and the schema has %s", nameOf(t), strings.Join(s.Types.ToStrings(), " or "))
	}
	var out []Misfit
	switch t.Kind {
	case shape.Int:
		if text := outOfRange(s, t); text != "" {
			out = refuse("%s", text)
		}
	case shape.Enum, shape.Null:
		out = f.values(s, t, path, place)
	case shape.Object:
		out = f.object(s, t, path, place)
	case shape.List:
		out = f.list(s, t, path, place)
	}
	return append(out, f.applied(s, t, path, place)...)
}

// isOfType reports whether values of a type are of a JSON Schema type.
func isOfType(t shape.Type, name string) bool {
	switch t.Kind {
	case shape.Null:
		return name == "null"
	case shape.Bool:
		return name == "boolean"
	case shape.Int, shape.Time:
		return name == "integer" || name == "number"
	case shape.Decimal:
		return name == "number" || name == "integer" && t.Scale == 0
	case shape.Float:
		return name == "number"
	case shape.Object:
		return name == "object"
	case shape.List:
		return name == "array"
	}
	return name == "string"
}

func outOfRange(s *jsonschema.Schema, t shape.Type) string {
	low, high := new(big.Rat).SetInt64(t.Low), new(big.Rat).SetInt64(t.High)
	limit, word := (*big.Rat)(nil), ""
	switch {
	case s.Minimum != nil && low.Cmp(s.Minimum) < 0:
		limit, word = s.Minimum, "at least"
	case s.ExclusiveMinimum != nil && low.Cmp(s.ExclusiveMinimum) <= 0:
		limit, word = s.ExclusiveMinimum, "more than"
	case s.Maximum != nil && high.Cmp(s.Maximum) > 0:
		limit, word = s.Maximum, "at most"
	case s.ExclusiveMaximum != nil && high.Cmp(s.ExclusiveMaximum) >= 0:
		limit, word = s.ExclusiveMaximum, "less than"
	default:
		return ""
	}
	return fmt.Sprintf("is from %d to %d, and the schema wants %s %s", t.Low, t.High, word, ratText(limit))
}

// values checks those that are known by validating them.
func (f *jsonFitter) values(s *jsonschema.Schema, t shape.Type, path string, place shape.Place) (out []Misfit) {
	if t.Kind == shape.Null {
		if err := f.validate(s, nil); err != nil {
			return []Misfit{{path, place, "may be null: " + err.Error()}}
		}
	}
	for _, symbol := range t.Symbols {
		if err := f.validate(s, symbol); err != nil {
			out = append(out, Misfit{path, place, fmt.Sprintf("may be %q: %v", symbol, err)})
		}
	}
	return out
}

// validate validates a value. What is recursive without end is told when it is written.
func (f *jsonFitter) validate(s *jsonschema.Schema, value any) (err error) {
	defer func() {
		if r := recover(); r != nil && r != errSteps {
			panic(r)
		}
	}()
	f.validator.left = maxSteps
	return valueError(s.Validate(value), value)
}

func (f *jsonFitter) object(s *jsonschema.Schema, t shape.Type, path string, place shape.Place) (out []Misfit) {
	optional := map[string]bool{}
	for _, field := range t.Fields {
		optional[field.Name] = field.Optional
		at := join(path, field.Name)
		inner, closed := propertyOf(s, field.Name)
		switch {
		case inner != nil:
			out = append(out, f.fit(inner, field.Type, at, field.Place)...)
		case closed:
			out = append(out, Misfit{at, field.Place, "the schema has no such property"})
		}
	}
	for _, name := range s.Required {
		if absent, there := optional[name]; !there {
			out = append(out, Misfit{join(path, name), place, "is never there, and the schema requires it"})
		} else if absent {
			i := slices.IndexFunc(t.Fields, func(field shape.Field) bool { return field.Name == name })
			out = append(out, Misfit{join(path, name), t.Fields[i].Place, "may be absent, and the schema requires it"})
		}
	}
	return out
}

// propertyOf returns the schema of a property; closed reports that it may have no other.
func propertyOf(s *jsonschema.Schema, name string) (inner *jsonschema.Schema, closed bool) {
	if inner = s.Properties[name]; inner != nil {
		return inner, false
	}
	for pattern, inner := range s.PatternProperties {
		if pattern.MatchString(name) {
			return inner, false
		}
	}
	switch additional := s.AdditionalProperties.(type) {
	case bool:
		return nil, !additional
	case *jsonschema.Schema:
		return additional, false
	}
	return nil, false
}

func (f *jsonFitter) list(s *jsonschema.Schema, t shape.Type, path string, place shape.Place) []Misfit {
	items, _ := s.Items.(*jsonschema.Schema)
	if s.Items2020 != nil && len(s.PrefixItems) == 0 {
		items = s.Items2020
	}
	if items == nil || t.Elem == nil {
		return nil
	}
	return f.fit(items, *t.Elem, path+"[]", place)
}

// applied checks the schemas that a schema applies to the same value.
func (f *jsonFitter) applied(s *jsonschema.Schema, t shape.Type, path string, place shape.Place) (out []Misfit) {
	if t.Kind == shape.Enum || t.Kind == shape.Null {
		return nil // its values have been validated
	}
	if s.Ref != nil {
		out = append(out, f.fit(s.Ref, t, path, place)...)
	}
	for _, all := range s.AllOf {
		out = append(out, f.fit(all, t, path, place)...)
	}
	for _, alternatives := range [][]*jsonschema.Schema{s.AnyOf, s.OneOf} {
		var best []Misfit
		for i, one := range alternatives {
			misfits := f.fit(one, t, path, place)
			if i == 0 || len(misfits) < len(best) || len(misfits) == len(best) && deeper(misfits, best) {
				best = misfits
			}
		}
		out = append(out, best...)
	}
	return out
}

// deeper reports whether misfits are of parts of a value rather than of all of it.
func deeper(a, b []Misfit) bool { return len(a) > 0 && len(a[0].Path) > len(b[0].Path) }
