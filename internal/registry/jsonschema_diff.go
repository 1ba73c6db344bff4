package registry

import (
	"encoding/json"
	"fmt"
	"slices"
)

// diffJSONSchema returns what has changed of a schema, property by property. Titles,
// descriptions and the like don't count.
func diffJSONSchema(before, after *Schema) []string {
	var b, a any
	if json.Unmarshal([]byte(before.Text), &b) != nil || json.Unmarshal([]byte(after.Text), &a) != nil {
		return nil
	}
	var d jsonDiffer
	d.schema("", b, a)
	return d.lines
}

type jsonDiffer struct{ lines []string }

func (d *jsonDiffer) add(path, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if path != "" {
		text = path + ": " + text
	}
	d.lines = append(d.lines, text)
}

func (d *jsonDiffer) schema(path string, before, after any) {
	b, isObject := before.(map[string]any)
	a, ok := after.(map[string]any)
	if !ok || !isObject {
		if text(before) != text(after) {
			d.add(path, "from %s to %s", text(before), text(after))
		}
		return
	}
	for _, key := range bothKeys(b, a) {
		switch key {
		case "$schema", "$id", "$comment", "title", "description", "examples":
		case "properties", "patternProperties", "definitions", "$defs":
			d.properties(path, key, b[key], a[key])
		case "items":
			if b[key] != nil && a[key] != nil {
				d.schema(path+"[]", b[key], a[key])
				continue
			}
			d.keyword(path, key, b[key], a[key])
		case "required":
			d.required(path, b[key], a[key])
		default:
			d.keyword(path, key, b[key], a[key])
		}
	}
}

func (d *jsonDiffer) keyword(path, key string, before, after any) {
	b, a := text(before), text(after)
	switch {
	case b == a:
	case before == nil:
		d.add(path, "%s %s added", key, a)
	case after == nil:
		d.add(path, "%s %s removed", key, b)
	default:
		d.add(path, "%s from %s to %s", key, b, a)
	}
}

func (d *jsonDiffer) properties(path, key string, before, after any) {
	b, _ := before.(map[string]any)
	a, _ := after.(map[string]any)
	if key != "properties" {
		path = join(path, key)
	}
	for _, name := range bothKeys(b, a) {
		at := join(path, name)
		switch old, current := b[name], a[name]; {
		case old == nil:
			d.add(at, "added, %s", typeOfSchema(current))
		case current == nil:
			d.add(at, "removed, %s", typeOfSchema(old))
		default:
			d.schema(at, old, current)
		}
	}
}

func typeOfSchema(s any) string {
	if object, ok := s.(map[string]any); ok && object["type"] != nil {
		return text(object["type"])
	}
	return text(s)
}

func (d *jsonDiffer) required(path string, before, after any) {
	b, _ := before.([]any)
	a, _ := after.([]any)
	for _, name := range b {
		if !slices.Contains(a, name) {
			d.add(join(path, fmt.Sprint(name)), "no longer required")
		}
	}
	for _, name := range a {
		if !slices.Contains(b, name) {
			d.add(join(path, fmt.Sprint(name)), "required")
		}
	}
}

func bothKeys(b, a map[string]any) []string {
	var keys []string
	for key := range b {
		keys = append(keys, key)
	}
	for key := range a {
		if _, ok := b[key]; !ok {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}
