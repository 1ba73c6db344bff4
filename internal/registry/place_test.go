package registry_test

import (
	"fmt"
	"strings"
	"testing"

	"inv/internal/registry"
)

// The mistakes of schemas are where they are in the text, or at the name that they are
// about.
func TestPlaceOf(t *testing.T) {
	const record = `{"type": "record", "name": "A", "fields": [` + "\n"
	for _, c := range []struct {
		form         registry.Form
		text, before string // what precedes the text of the error
	}{
		{registry.Protobuf, "syntax = \"proto3\";\nmessage A { int33 n = 1; }", ":2:13: "},
		{registry.Protobuf, "syntax = \"proto3\";\nmessage A { int32 n = 1 }", ":2:25: "},
		{registry.Protobuf, "syntax = \"proto3\";\nimport \"b.proto\"; message A { b.B x = 1; }", "b.proto:1:12: "},
		{registry.Protobuf, "syntax = \"proto3\";\n  message A { A a = 1; }", ":2:11: "},
		{registry.Protobuf, "", ":1:1: "},
		{registry.Avro, record + `{"name": "n", "type": "int"},` + "\n" + `{"name": "n", "type": "int"}]}`, ":3:10: "},
		{registry.Avro, record + `{"name": "x-y", "type": "int"}]}`, ":2:10: "},
		{registry.Avro, record + `{"name": "n", "type": "int", "default": "x"}]}`, ":2:10: "},
		{registry.Avro, record + `{"name": "x", "type": {"type": "fixed", "name": "F", "size": 2000000}}]}`, ":2:49: "},
		{registry.Avro, record + `{"name": "x", "type": ["null", "A"]}]}`, ":2:10: "},
		{registry.Avro, record + `{"name": "x", "type": {"type": "enum", "name": "E", "symbols": ["a", "a"]}}]}`, ":2:70: "},
		{registry.Avro, record + `{"name": "x", "type": }]}`, ":2:23: "},
		{registry.Avro, record + `{"name": "x", "type": "shop.B"}]}`, "shop.B:2:21: "},
		{registry.JSONSchema, "{\"properties\": {\n\"n\": {\"type\": \"integr\"}}}", ":2:15: "},
		{registry.JSONSchema, "{\"properties\": {\n\"n\": {\"$ref\": \"#/$defs/x\"}}}", ":2:15: "},
		{registry.JSONSchema, "{\"properties\": {\n\"n\": {\"multipleOf\": 0}}}", ":2:21: "},
	} {
		source := registry.Source{Form: c.form, Text: c.text}
		switch {
		case strings.Contains(c.text, "b.proto"):
			source.References = []registry.Reference{{Name: "b.proto", Text: "package b; wrong"}}
		case strings.Contains(c.text, "shop.B"):
			source.References = []registry.Reference{{Name: "shop.B", Text: "{\"type\": \"record\", \"name\": \"shop.B\",\n\"fields\": [{\"name\": \"é\", \"type\": \"int\"}]}"}}
		}
		_, err := registry.Compile(t.Context(), source)
		if err == nil {
			t.Errorf("%s is compiled", c.text)
			continue
		}
		reference, at, text := registry.PlaceOf(source, err)
		if got := fmt.Sprintf("%s:%d:%d: ", reference, at.Line, at.Column); got != c.before || text == "" {
			t.Errorf("%s\nis at %s, not %s: %s", c.text, got, c.before, text)
		}
	}
}
