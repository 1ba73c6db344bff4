package server

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

type jsonSchema struct {
	root any // a bool or a map
	text string
}

func parseJSON(text string, references []referred) (parsed, error) {
	for _, r := range references {
		if _, err := parseJSON(r.text, nil); err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
	}
	var root any
	if err := json.Unmarshal([]byte(text), &root); err != nil {
		return nil, err
	}
	switch root.(type) {
	case bool, map[string]any:
		return jsonSchema{root, text}, nil
	}
	return nil, fmt.Errorf("a JSON Schema is an object or a Boolean")
}

func (jsonSchema) kind() string       { return typeJSON }
func (j jsonSchema) identity() string { return compact(j.text) }

// reads compares what the keywords of each part of the schemas allow. Like Confluent's
// registry it takes the open content model seriously: a writer whose objects may have
// properties that are not defined may have written one that the reader defines.
func (j jsonSchema) reads(writer parsed) []string {
	w := writer.(jsonSchema)
	c := jsonCheck{reader: j.root, writer: w.root}
	c.compare("#", j.root, w.root, 0)
	return c.reasons
}

type jsonCheck struct {
	reader, writer any // the roots
	reasons        []string
}

func (c *jsonCheck) addf(path, format string, args ...any) {
	c.reasons = append(c.reasons, path+": "+fmt.Sprintf(format, args...))
}

// resolved follows a reference within a schema.
func resolved(root, s any) any {
	for range maxDepth {
		m, _ := s.(map[string]any)
		ref, ok := m["$ref"].(string)
		if !ok || !strings.HasPrefix(ref, "#/") {
			break
		}
		s = root
		for part := range strings.SplitSeq(ref[2:], "/") {
			m, _ := s.(map[string]any)
			s = m[part]
		}
	}
	return s
}

func (c *jsonCheck) compare(path string, reader, writer any, depth int) {
	reader, writer = resolved(c.reader, reader), resolved(c.writer, writer)
	if depth > maxDepth || reflect.DeepEqual(reader, writer) || reader == true || reader == nil || writer == false {
		return
	}
	r, ok := reader.(map[string]any)
	if !ok {
		c.addf(path, "nothing is allowed here")
		return
	}
	if len(r) == 0 {
		return
	}
	w, _ := writer.(map[string]any)
	if c.branches(path, r, w, depth) {
		return
	}
	rTypes, wTypes := types(r), types(w)
	for _, t := range wTypes {
		if !slices.Contains(rTypes, t) && !(t == "integer" && slices.Contains(rTypes, "number")) {
			c.addf(path, "the type %s is not allowed", t)
			return
		}
	}
	c.values(path, r, w)
	if slices.Contains(wTypes, "object") {
		c.object(path, r, w, depth)
	}
	if slices.Contains(wTypes, "array") {
		c.compare(path+"/items", r["items"], w["items"], depth+1)
	}
}

// branches compares alternatives: each of the writer's must be one of the reader's. It
// reports whether there are any.
func (c *jsonCheck) branches(path string, r, w map[string]any, depth int) bool {
	rs, ws := alternatives(r), alternatives(w)
	if rs == nil && ws == nil {
		return false
	}
	if rs == nil {
		rs = []any{r}
	}
	if ws == nil {
		ws = []any{w}
	}
	for i, one := range ws {
		if !slices.ContainsFunc(rs, func(other any) bool {
			try := jsonCheck{reader: c.reader, writer: c.writer}
			try.compare(path, other, one, depth+1)
			return len(try.reasons) == 0
		}) {
			c.addf(path, "alternative %d of the writer's schema is none of the reader's", i+1)
		}
	}
	return true
}

func alternatives(s map[string]any) []any {
	for _, key := range []string{"anyOf", "oneOf"} {
		if of, ok := s[key].([]any); ok {
			return of
		}
	}
	return nil
}

// types returns the types of values that a schema allows.
func types(s map[string]any) (names []string) {
	switch t := s["type"].(type) {
	case string:
		return []string{t}
	case []any:
		for _, one := range t {
			if name, ok := one.(string); ok {
				names = append(names, name)
			}
		}
		return names
	}
	return []string{"null", "boolean", "number", "string", "array", "object"}
}

// values compares enumerations and bounds.
func (c *jsonCheck) values(path string, r, w map[string]any) {
	if allowed, ok := r["enum"].([]any); ok {
		written, ok := w["enum"].([]any)
		if !ok {
			c.addf(path, "only some values are allowed")
		}
		for _, v := range written {
			if !slices.ContainsFunc(allowed, func(a any) bool { return reflect.DeepEqual(a, v) }) {
				c.addf(path, "the value %v is not allowed", v)
			}
		}
	}
	for _, bound := range []struct {
		key  string
		sign float64
	}{{"minimum", 1}, {"minLength", 1}, {"minItems", 1}, {"maximum", -1}, {"maxLength", -1}, {"maxItems", -1}} {
		limit, ok := r[bound.key].(float64)
		if !ok {
			continue
		}
		if written, ok := w[bound.key].(float64); !ok || bound.sign*written < bound.sign*limit {
			c.addf(path, "%s %v is narrower", bound.key, limit)
		}
	}
}

func (c *jsonCheck) object(path string, r, w map[string]any, depth int) {
	rProperties, _ := r["properties"].(map[string]any)
	wProperties, _ := w["properties"].(map[string]any)
	rOpen, wOpen := r["additionalProperties"] != false, w["additionalProperties"] != false
	if wOpen && !rOpen {
		c.addf(path, "other properties are not allowed")
	}
	for _, name := range slices.Sorted(maps.Keys(wProperties)) {
		if property, ok := rProperties[name]; ok {
			c.compare(path+"/properties/"+name, property, wProperties[name], depth+1)
		} else if !rOpen {
			c.addf(path, "the property %s is not allowed", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rProperties)) {
		if _, ok := wProperties[name]; !ok && wOpen && !free(rProperties[name]) {
			c.addf(path, "the property %s may have been written with any value, since additionalProperties is not false", name)
		}
	}
	required, _ := r["required"].([]any)
	written, _ := w["required"].([]any)
	for _, name := range required {
		text, _ := name.(string)
		property, _ := rProperties[text].(map[string]any)
		if _, defaulted := property["default"]; !slices.Contains(written, name) && !defaulted {
			c.addf(path, "the property %s is required", text)
		}
	}
}

// free reports whether a schema allows everything.
func free(s any) bool {
	m, ok := s.(map[string]any)
	return s == true || ok && len(m) == 0
}
