package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// A few lines of a schema can ask for more work than any computer does: schemas that
// refer to others twice each, and those twice to others. So the steps that one value
// takes are counted, while it is validated, and before that as far as they are the same
// for every value.

const (
	maxSteps     = 10_000 // subschemas for a value, and
	stepsPerByte = 100    // for each byte of it
	maxExpansion = 10_000 // subschemas for one place of a value
	maxPower     = 400    // of a number, which the library writes out
)

var (
	errSteps  = errors.New("the schema takes too many steps for this value")
	errExpand = errors.New("the JSON Schema refers to itself, or to other schemas too often")
)

// stepCounter counts the subschemas that are applied. The library offers a vocabulary as
// the place to do that.
type stepCounter struct{ v *jsonValidator }

// Validate implements [jsonschema.SchemaExt]. Validation ends with a panic, since it has
// no other end before its own.
func (s stepCounter) Validate(*jsonschema.ValidatorContext, any) {
	if s.v.left--; s.v.left < 0 {
		panic(errSteps)
	}
}

func (v *jsonValidator) steps() *jsonschema.Vocabulary {
	return &jsonschema.Vocabulary{
		URL: "inv:steps",
		Compile: func(*jsonschema.CompilerContext, map[string]any) (jsonschema.SchemaExt, error) {
			return stepCounter{v}, nil
		},
	}
}

// boundedSchema reports whether a schema applies a bounded number of subschemas to each
// place of a value.
func boundedSchema(s *jsonschema.Schema) error {
	const open = -1
	counts := map[*jsonschema.Schema]int{}
	var count func(s *jsonschema.Schema) int
	count = func(s *jsonschema.Schema) int {
		if n := counts[s]; n != 0 {
			if n == open {
				return maxExpansion + 1
			}
			return n
		}
		counts[s] = open
		n := 1
		for _, inner := range inPlace(s) {
			n = min(n+count(inner), maxExpansion+1)
		}
		counts[s] = n
		return n
	}
	seen := map[*jsonschema.Schema]bool{}
	queue := []*jsonschema.Schema{s}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		if s == nil || seen[s] {
			continue
		}
		if seen[s] = true; len(seen) > maxTypes {
			return fmt.Errorf("the JSON Schema has more than %d subschemas", maxTypes)
		}
		if count(s) > maxExpansion {
			return errExpand
		}
		queue = append(append(queue, inPlace(s)...), below(s)...)
	}
	return nil
}

// inPlace returns the subschemas that apply to the same value as a schema.
func inPlace(s *jsonschema.Schema) []*jsonschema.Schema {
	all := []*jsonschema.Schema{s.Ref, s.RecursiveRef, s.Not, s.If, s.Then, s.Else}
	if s.DynamicRef != nil {
		all = append(all, s.DynamicRef.Ref)
	}
	all = append(append(append(all, s.AllOf...), s.AnyOf...), s.OneOf...)
	for _, inner := range s.DependentSchemas {
		all = append(all, inner)
	}
	for _, d := range s.Dependencies {
		if inner, ok := d.(*jsonschema.Schema); ok {
			all = append(all, inner)
		}
	}
	return notNil(all)
}

// below returns the subschemas that apply to parts of a value.
func below(s *jsonschema.Schema) []*jsonschema.Schema {
	all := []*jsonschema.Schema{s.PropertyNames, s.UnevaluatedProperties, s.Contains, s.Items2020, s.UnevaluatedItems, s.ContentSchema}
	for _, inner := range s.Properties {
		all = append(all, inner)
	}
	for _, inner := range s.PatternProperties {
		all = append(all, inner)
	}
	for _, v := range []any{s.AdditionalProperties, s.AdditionalItems, s.Items} {
		switch inner := v.(type) {
		case *jsonschema.Schema:
			all = append(all, inner)
		case []*jsonschema.Schema:
			all = append(all, inner...)
		}
	}
	return notNil(append(all, s.PrefixItems...))
}

func notNil(all []*jsonschema.Schema) []*jsonschema.Schema {
	out := all[:0]
	for _, s := range all {
		if s != nil {
			out = append(out, s)
		}
	}
	return out
}

// checkValue refuses a nesting and numbers that take too much room or time.
func checkValue(v any, depth int) error {
	if depth < 0 {
		return errors.New("it is nested too deeply")
	}
	switch v := v.(type) {
	case []any:
		for _, element := range v {
			if err := checkValue(element, depth-1); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, member := range v {
			if err := checkValue(member, depth-1); err != nil {
				return err
			}
		}
	case json.Number:
		_, exponent, _ := strings.Cut(strings.ToLower(string(v)), "e")
		if n, err := strconv.Atoi(exponent); exponent != "" && (err != nil || n < -maxPower || n > maxPower) {
			return fmt.Errorf("the exponent of %s is out of the range of %d", shown([]byte(v)), maxPower)
		}
	}
	return nil
}
