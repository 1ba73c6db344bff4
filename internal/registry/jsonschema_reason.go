package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	textmessage "golang.org/x/text/message"
)

// schemaError returns an error of the library without its addresses.
func schemaError(err error) error {
	var invalid *jsonschema.SchemaValidationError
	if errors.As(err, &invalid) {
		var failed *jsonschema.ValidationError
		if errors.As(invalid.Err, &failed) {
			return valueError(failed, nil)
		}
	}
	return err
}

// valueError returns the first error of a validation as a *ValueError.
func valueError(err error, value any) error {
	var failed *jsonschema.ValidationError
	if !errors.As(err, &failed) {
		return err
	}
	failed = firstCause(failed)
	path := ""
	for _, token := range failed.InstanceLocation {
		switch v := value.(type) {
		case []any:
			path += "[" + token + "]"
			if i, err := strconv.Atoi(token); err == nil && i < len(v) {
				value = v[i]
			}
			continue
		case map[string]any:
			value = v[token]
		}
		path = join(path, stepName([]byte(token)))
	}
	if k, ok := failed.ErrorKind.(*kind.Required); ok && len(k.Missing) > 0 {
		return &ValueError{join(path, stepName([]byte(k.Missing[0]))), "is missing, and the schema requires it"}
	}
	return &ValueError{path, reason(failed.ErrorKind, value)}
}

// firstCause returns the error that names the deepest place, of those the first by name,
// since members come in any order: of alternatives it is the one that came the farthest.
func firstCause(e *jsonschema.ValidationError) *jsonschema.ValidationError {
	var best *jsonschema.ValidationError
	for _, cause := range e.Causes {
		c := firstCause(cause)
		if best == nil || len(c.InstanceLocation) > len(best.InstanceLocation) ||
			len(c.InstanceLocation) == len(best.InstanceLocation) && slices.Compare(c.InstanceLocation, best.InstanceLocation) < 0 {
			best = c
		}
	}
	switch e.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf:
		if best == nil || len(best.InstanceLocation) == len(e.InstanceLocation) {
			return e // none came farther than another
		}
	}
	if best == nil {
		return e
	}
	return best
}

// reason returns what is wrong with a value. The library's own texts write numbers for
// people of one language.
func reason(k jsonschema.ErrorKind, value any) string {
	got := text(value)
	if s, ok := value.(string); ok {
		got = brief(strconv.Quote(s))
	}
	switch k := k.(type) {
	case *kind.Type:
		return got + " is not of the type " + strings.Join(k.Want, " or ")
	case *kind.Enum:
		return got + " is not one of " + strings.TrimSuffix(strings.TrimPrefix(text(k.Want), "["), "]")
	case *kind.Const:
		return got + " is not " + text(k.Want)
	case *kind.Format:
		return got + " is not of the format " + k.Want
	case *kind.Pattern:
		return got + " does not match " + brief(k.Want)
	case *kind.Minimum:
		return got + " is less than the minimum " + ratText(k.Want)
	case *kind.ExclusiveMinimum:
		return got + " is not more than " + ratText(k.Want)
	case *kind.Maximum:
		return got + " is more than the maximum " + ratText(k.Want)
	case *kind.ExclusiveMaximum:
		return got + " is not less than " + ratText(k.Want)
	case *kind.MultipleOf:
		return got + " is not a multiple of " + ratText(k.Want)
	case *kind.MinLength:
		return fmt.Sprintf("%s has fewer than %d characters", got, k.Want)
	case *kind.MaxLength:
		return fmt.Sprintf("%s has more than %d characters", got, k.Want)
	case *kind.MinItems:
		return fmt.Sprintf("%s has fewer than %d elements", got, k.Want)
	case *kind.MaxItems:
		return fmt.Sprintf("%s has more than %d elements", got, k.Want)
	case *kind.UniqueItems:
		return got + " has an element twice"
	case *kind.AdditionalProperties:
		return "the schema has no property " + brief(strconv.Quote(strings.Join(k.Properties, ", ")))
	case *kind.AnyOf:
		return got + " fits none of the schemas in anyOf"
	case *kind.OneOf:
		if len(k.Subschemas) > 0 {
			return got + " fits more than one of the schemas in oneOf"
		}
		return got + " fits none of the schemas in oneOf"
	case *kind.FalseSchema:
		return "the schema has no value for it"
	}
	return brief(k.LocalizedString(textmessage.NewPrinter(language.English)))
}

// ratText returns a number of a schema.
func ratText(r *big.Rat) string {
	if r.IsInt() {
		return brief(r.Num().String())
	}
	f, _ := r.Float64()
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// text returns a value as JSON, in short; a string that is a type without its quotes.
func text(v any) string {
	if s, ok := v.(string); ok {
		return brief(s)
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return ""
	}
	return shown(bytes.TrimSpace(out.Bytes()))
}
