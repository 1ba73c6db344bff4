package scenario

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// loaded reads a scenario with a topic of this format, and its schema files.
func loaded(t *testing.T, format string, files map[string]string) (*Scenario, Problems) {
	t.Helper()
	s, err := Parse("dir/f.yaml", []byte("scenario: t\ntopics:\n  t: {topic: t, format: "+format+"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	folder := fstest.MapFS{}
	for name, text := range files {
		folder[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return s, s.LoadSchemas(folder.ReadFile)
}

func record(name, fields string) string {
	return fmt.Sprintf(`{"type": "record", "name": %q, "fields": [%s]}`, name, fields)
}

// The files that a schema imports are read in order of dependency, each once, by the names
// that the schema uses.
func TestLoadSchemas(t *testing.T) {
	for name, c := range map[string]struct {
		format string
		files  map[string]string
		want   []string // imports as NAME=FILE
	}{
		"no import": {"{avro: a.avsc}", map[string]string{"a.avsc": record("A", `{"name": "x", "type": ["null", "int"]}`)}, nil},
		"avro": {"{avro: s/a.avsc}", map[string]string{
			"s/a.avsc":      record("shop.A", `{"name": "x", "type": {"type": "array", "items": "B"}}, {"name": "y", "type": {"type": "map", "values": ["null", "other.C"]}}, {"name": "z", "type": "shop.B"}, {"name": "self", "type": "A"}`),
			"s/shop.B.avsc": record("shop.B", `{"name": "c", "type": "other.C"}`),
			"s/C.avsc":      `{"type": "enum", "name": "C", "namespace": "other", "symbols": ["a"]}`,
		}, []string{"other.C=s/C.avsc", "shop.B=s/shop.B.avsc"}},
		"avro in folders by namespace": {"{avro: a.avsc}", map[string]string{
			"a.avsc":      record("A", `{"name": "x", "type": "shop.B"}`),
			"shop/B.avsc": `{"type": "fixed", "name": "shop.B", "size": 2}`,
		}, []string{"shop.B=shop/B.avsc"}},
		"protobuf": {"{protobuf: p/a.proto, message: x.A}", map[string]string{
			"p/a.proto": "/* import \"no.proto\"; */ syntax = \"proto3\"; // import \"no.proto\";\nimport 'b.proto';\nimport public \"shop/c.proto\"; import \"google/protobuf/timestamp.proto\";\nmessage A { string s = 1 [default = \"import\"]; }",
			"p/b.proto": "import \"shop/c.proto\";", "shop/c.proto": "syntax = \"proto3\";",
		}, []string{"shop/c.proto=shop/c.proto", "b.proto=p/b.proto"}},
		"json schema": {"{json_schema: j/a.json}", map[string]string{
			"j/a.json":   `{"$schema": "https://json-schema.org/draft/2020-12/schema", "properties": {"x": {"$ref": "b.json#/$defs/x"}, "y": {"$ref": "#/properties/x"}, "z": {"enum": [{"$ref": "no.json"}]}, "$ref": {"$ref": "k/c.json"}}}`,
			"j/b.json":   `{"$defs": {"x": {"$ref": "k/c.json"}}}`,
			"j/k/c.json": `{"$ref": "https://json-schema.org/draft/2020-12/schema"}`,
		}, []string{"k/c.json=j/k/c.json", "b.json=j/b.json"}},
	} {
		s, problems := loaded(t, c.format, c.files)
		e := s.Topics[0].Format
		var got []string
		for _, i := range e.Imports {
			got = append(got, i.Name+"="+i.File)
			if i.Source != c.files[i.File] {
				t.Errorf("%s: the source of %s is %q", name, i.File, i.Source)
			}
		}
		if len(problems) > 0 || !reflect.DeepEqual(got, c.want) || e.Source != c.files[e.File] {
			t.Errorf("%s: %v\ngot  %q\nwant %q", name, problems, got, c.want)
		}
	}
}

// What is wrong with schema files is told with its place, in the file where it is.
func TestLoadSchemasProblems(t *testing.T) {
	many, deep := map[string]string{"a.proto": ""}, map[string]string{}
	for i := range maxSchemaFiles {
		many["a.proto"] += fmt.Sprintf("import \"b%d.proto\";\n", i)
		many[fmt.Sprintf("b%d.proto", i)] = "\n"
		deep[fmt.Sprintf("b%d.proto", i)] = fmt.Sprintf("import \"b%d.proto\";\n", i+1)
	}
	for name, c := range map[string]struct {
		format string
		files  map[string]string
		want   string
	}{
		"no file":       {"{avro: order.avsc}", nil, `dir/f.yaml:3:25: topic "t": there is no file order.avsc beside the scenario's`},
		"a folder":      {"{avro: a}", map[string]string{"a/b": ""}, `dir/f.yaml:3:25: topic "t": reading a: invalid argument`},
		"large":         {"{avro: a}", map[string]string{"a": strings.Repeat(" ", MaxSchemaFile+1)}, `dir/f.yaml:3:25: topic "t": a is larger than 1 MiB`},
		"not text":      {"{avro: a}", map[string]string{"a": "\xff"}, `dir/f.yaml:3:25: topic "t": a is not UTF-8`},
		"not JSON":      {"{avro: a}", map[string]string{"a": "{\n  \"type\": record\n}"}, `dir/a:2:11: not JSON: invalid character 'r' looking for beginning of value`},
		"cut JSON":      {"{json_schema: a}", map[string]string{"a": "{\n"}, `dir/a:1:2: not JSON: the file ends too early`},
		"empty":         {"{avro: a}", map[string]string{"a": ""}, `dir/a:1:1: not JSON: the file ends too early`},
		"primitive":     {"{avro: s/a}", map[string]string{"s/a": record("A", "\n"+`  {"name": "ü", "type": "strng"}`)}, `dir/s/a:2:25: Avro has no type "strng"; did you mean "string"?`},
		"no type":       {"{avro: a}", map[string]string{"a": record("x.A", `{"name": "b", "type": "Basket"}`)}, `dir/a:1:68: there is no type x.Basket, neither here nor in a file x.Basket.avsc, Basket.avsc or x/Basket.avsc`},
		"other type":    {"{avro: a}", map[string]string{"a": record("A", `{"name": "b", "type": "Basket"}`), "Basket.avsc": record("Bag", "")}, `dir/a:1:66: Basket.avsc does not define Basket`},
		"avro cycle":    {"{avro: A.avsc}", map[string]string{"A.avsc": record("A", `{"name": "b", "type": "Basket"}`), "Basket.avsc": record("Basket", `{"name": "a", "type": "A"}`)}, `dir/Basket.avsc:1:71: a cycle of imports: A.avsc, Basket.avsc, A.avsc`},
		"no import":     {"{protobuf: a.proto}", map[string]string{"a.proto": "syntax = \"proto3\";\n/* \n */ import \"b.proto\";"}, `dir/a.proto:3:12: there is no file b.proto in the scenario's folder`},
		"cycle":         {"{protobuf: a.proto}", map[string]string{"a.proto": `import "b.proto";`, "b.proto": `import "a.proto";`}, `dir/b.proto:1:8: a cycle of imports: a.proto, b.proto, a.proto`},
		"self":          {"{protobuf: a.proto}", map[string]string{"a.proto": `import "a.proto";`}, `dir/a.proto:1:8: a cycle of imports: a.proto, a.proto`},
		"outside":       {"{protobuf: a.proto}", map[string]string{"a.proto": `import "../b.proto";`}, `dir/a.proto:1:8: "../b.proto" is not in the scenario's folder; copy the file there`},
		"web":           {"{json_schema: a.json}", map[string]string{"a.json": `{"$ref": "https://example.com/b.json"}`}, `dir/a.json:1:10: "https://example.com/b.json" is not in the scenario's folder; copy the file there, and refer to it by its name`},
		"ambiguous":     {"{json_schema: a.json}", map[string]string{"a.json": `{"allOf": [{"$ref": "k/b.json"}, {"$ref": "c.json"}]}`, "k/b.json": `{"$ref": "c.json"}`, "k/c.json": "{}", "c.json": "{}"}, `dir/a.json:1:43: "c.json" is c.json here and k/c.json elsewhere; give the files different names`},
		"no ref":        {"{json_schema: a.json}", map[string]string{"a.json": `{"$ref": "b.json#/x"}`}, `dir/a.json:1:10: there is no file b.json in the scenario's folder`},
		"many":          {"{protobuf: a.proto}", many, `dir/a.proto:100:8: the scenario has more than 100 schema files, with what they import`},
		"deep":          {"{protobuf: b0.proto}", deep, `dir/b39.proto:1:8: imports are nested more than 40 deep`},
		"broken import": {"{json_schema: a.json}", map[string]string{"a.json": `{"$ref": "b.json"}`, "b.json": "{"}, `dir/b.json:1:1: not JSON: the file ends too early`},
	} {
		s, problems := loaded(t, c.format, c.files)
		if got := problems.Error(); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, c.want)
		}
		if s.Topics[0].Format.Source != "" {
			t.Errorf("%s: the schema has a source", name)
		}
	}
}

// A file of two topics is read once, and its mistake told once.
func TestLoadSchemasOnce(t *testing.T) {
	s, err := Parse("f.yaml", []byte("scenario: t\ntopics:\n  a: {topic: a, format: {avro: x}, key_format: {avro: k}}\n  b: {topic: b, format: {avro: ./x}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	var read []string
	problems := s.LoadSchemas(func(path string) ([]byte, error) {
		read = append(read, path)
		return []byte(map[string]string{"x": "{", "k": `"string"`}[path]), nil
	})
	if want := []string{"x", "k"}; !slices.Equal(read, want) || problems.Error() != "x:1:1: not JSON: the file ends too early" || s.Topics[0].KeyFormat.Source != `"string"` {
		t.Errorf("read %q, want %q; %v; %+v", read, want, problems, s.Topics[0].KeyFormat)
	}
}

// No text of a schema's file does harm.
func FuzzSchemaMentions(f *testing.F) {
	f.Add(record("A", `{"name": "x", "type": ["null", {"type": "map", "values": "B"}]}`))
	f.Add("syntax = \"proto3\";\nimport public \"a\\\n.proto\"; /* */ import 'b")
	f.Add(`{"$ref": "a.json#/b", "items": [{"$ref": "%zz"}]}`)
	f.Fuzz(func(t *testing.T, source string) {
		for _, m := range protobufImports(source) {
			if m.pos.Line < 1 || m.pos.Column < 1 {
				t.Errorf("%+v", m)
			}
		}
		avroMentions(source)
		mentions, _ := jsonSchemaMentions(source)
		for _, m := range mentions {
			uriPath(m.name)
		}
	})
}
