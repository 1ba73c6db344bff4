package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"inv/internal/jsonscan"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// compileJSONSchema compiles a JSON Schema. A schema without $schema is of draft-07, which
// is the registries' default. What it refers to must be among the references: nothing is
// loaded from files or the network. Patterns are those of Go's regexp.
func compileJSONSchema(_ context.Context, s Source) (*Schema, error) {
	if len(s.References) > maxReferences {
		return nil, fmt.Errorf("the schema refers to more than %d others", maxReferences)
	}
	v, err := newJSONValidator(s)
	if err != nil {
		return nil, err
	}
	pool := &sync.Pool{New: func() any {
		v, err := newJSONValidator(s) // did not fail before, and does not
		if err != nil {
			return err
		}
		return v
	}}
	pool.Put(v)
	sch := jsonReader(s)
	sch.Name, sch.json = v.schema.Title, v.schema
	sch.encode = func(dst, json []byte) ([]byte, error) {
		flags, err := checkJSON(json)
		if err != nil {
			return dst, &ValueError{Text: err.Error()}
		}
		switch v := pool.Get().(type) {
		case *jsonValidator:
			err = v.validate(json)
			pool.Put(v)
		case error:
			err = v
		}
		if err != nil {
			return dst, err
		}
		return jsonscan.AppendSafe(dst, json, flags), nil
	}
	return sch, nil
}

// jsonReader returns a JSON Schema for reading alone, which needs nothing of it.
func jsonReader(s Source) *Schema {
	sch := &Schema{Source: s}
	sch.decode[Display] = decodeJSON
	sch.decode[Data] = decodeJSON
	sch.encode = func(dst, _ []byte) ([]byte, error) {
		return dst, &ValueError{Text: "the schema is for reading alone"}
	}
	return sch
}

// decodeJSON appends a payload that is JSON.
func decodeJSON(dst, payload []byte) ([]byte, error) {
	flags, err := checkJSON(payload)
	if err != nil {
		return dst, err
	}
	return jsonscan.AppendSafe(dst, payload, flags), nil
}

var errPayloadJSON = errors.New("the payload is not JSON")

func checkJSON(b []byte) (jsonscan.Flags, error) {
	if len(b) > maxJSON {
		return 0, errLarge
	}
	flags, ok := jsonscan.Valid(b)
	if !ok {
		return 0, errPayloadJSON
	}
	return flags, nil
}

// compactJSON returns JSON without white space between its tokens.
func compactJSON(text string) string {
	out, err := decodeJSON(nil, []byte(text))
	if err != nil {
		return "null" // what a scenario has as a literal is JSON
	}
	return string(out)
}

// jsonValidator validates values, one at a time.
type jsonValidator struct {
	schema *jsonschema.Schema
	left   int // steps for this value
}

// The addresses of a schema and of what it refers to, unless they have an $id. They only
// serve to resolve references.
const jsonBase = "inv:///"

func newJSONValidator(s Source) (*jsonValidator, error) {
	v := &jsonValidator{}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	c.RegisterVocabulary(v.steps())
	c.AssertVocabs()
	c.AssertFormat()
	root, err := jsonDocument("the JSON Schema", s.Text)
	if err != nil {
		return nil, err
	}
	documents := jsonDocuments{}
	bases := []string{jsonBase}
	if object, ok := root.(map[string]any); ok {
		if id, ok := object["$id"].(string); ok {
			bases = append(bases, id)
		}
	}
	for _, r := range s.References {
		doc, err := jsonDocument("the JSON Schema "+r.Name, r.Text)
		if err != nil {
			return nil, err
		}
		for _, base := range bases {
			documents[resolveURL(base, r.Name)] = doc
		}
	}
	c.UseLoader(documents)
	if err := c.AddResource(jsonBase+"schema", root); err != nil {
		return nil, fmt.Errorf("compiling the JSON Schema: %w", err)
	}
	if v.schema, err = c.Compile(jsonBase + "schema"); err != nil {
		return nil, fmt.Errorf("compiling the JSON Schema: %w", schemaError(err))
	}
	return v, boundedSchema(v.schema)
}

func resolveURL(base, name string) string {
	b, err := url.Parse(base)
	if err != nil {
		return name
	}
	u, err := b.Parse(name)
	if err != nil {
		return name
	}
	u.Fragment = ""
	return u.String()
}

// jsonDocuments are the schemas that one refers to, by address.
type jsonDocuments map[string]any

// Load implements [jsonschema.URLLoader].
func (d jsonDocuments) Load(address string) (any, error) {
	if doc, ok := d[address]; ok {
		return doc, nil
	}
	return nil, fmt.Errorf("%s is not among the schema's references", strings.TrimPrefix(address, jsonBase))
}

// jsonDocument parses a schema.
func jsonDocument(what, text string) (any, error) {
	if _, err := checkJSON([]byte(text)); err != nil {
		return nil, fmt.Errorf("%s is not JSON", what)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err == nil {
		err = checkValue(doc, 4*maxSchemaDepth)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return doc, nil
}

// validate returns a *ValueError if a well-formed value is not valid.
func (v *jsonValidator) validate(json []byte) (err error) {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(jsonscan.TrimMark(json)))
	if err == nil {
		err = checkValue(value, maxDepth)
	}
	if err != nil {
		return &ValueError{Text: err.Error()}
	}
	defer func() {
		if r := recover(); r == errSteps {
			err = &ValueError{Text: errSteps.Error()}
		} else if r != nil {
			panic(r)
		}
	}()
	v.left = maxSteps + stepsPerByte*len(json)
	return valueError(v.schema.Validate(value), value)
}
