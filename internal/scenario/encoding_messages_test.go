package scenario

import (
	"os"
	"reflect"
	"testing"
)

// Mistakes in how a topic is encoded, and what their authors are told.
func TestEncodingMessages(t *testing.T) {
	for _, c := range []struct{ topic, want string }{
		{"format: json", ""},
		{"format: avro", ""},
		{"format: {avro: order.avsc}", ""},
		{"format: {protobuf: proto/order.proto, message: shop.Order}", ""},
		{"format: {json_schema: order.json}, key_format: avro", ""},
		{"format: avro, schemas: {subject: topic-record, ids: header, register: false, compatibility: full_transitive}", ""},
		{"upgrades: {inventory.order.v2: '.items |= map(.quantity = .qty | del(.qty))'}", ""},
		{"format: proto", `25: format can't be "proto"; did you mean "protobuf"?`},
		{"format: jsonschema", `25: format can't be "jsonschema"; did you mean "json_schema"?`},
		{"format: xml", `25: format can't be "xml"; it takes json, avro, protobuf, json_schema`},
		{"format: order.avsc", `25: format: order.avsc is a file; write {avro: order.avsc}`},
		{"format: order.proto", `25: format: order.proto is a file; write {protobuf: order.proto}`},
		{"format: [avro]", `25: format must be a text, not a list`},
		{"format: {avro: a.avsc, protobuf: b.proto}", "40: format has `avro:` and `protobuf:`; it takes one"},
		{"format: {message: a.B}", "25: format needs `avro:`, `protobuf:` or `json_schema:`, the schema's file"},
		{"format: {avro: a.avsc, message: a.B}", "49: format: `message:` is for Protobuf, whose files have several"},
		{"format: {protobuf: a.proto, message: a..B}", `54: format: "a..B" is no name of a message, such as shop.Order`},
		{"format: {avro: }", "32: avro must be a text, not nothing"},
		{"format: {avro: ''}", "32: format: the file has no name"},
		{"format: {avro: ../a.avsc}", `32: format: "../a.avsc" is not in the scenario's folder; copy the file there`},
		{"format: {avro: /etc/a.avsc}", `32: format: "/etc/a.avsc" is not in the scenario's folder; copy the file there`},
		{`format: {avro: 'a\b.avsc'}`, `32: format: "a\\b.avsc" has a backslash; folders are separated by /`},
		{"format: {avsc: a.avsc}", `26: unknown key "avsc" in format; did you mean "avro"?`},
		{"formats: avro", `17: unknown key "formats" in topic "t"; did you mean "format"?`},
		{"serializer: avro", `17: unknown key "serializer" in topic "t"; did you mean "format"?`},
		{"key_format: json", `29: key_format can't be "json"; did you mean "json_schema"?`},
		{"schemas: {ids: header}", "26: topic \"t\": `schemas:` has no effect without `format:` or `key_format:`"},
		{"format: json, schemas: {ids: header}", "40: topic \"t\": `schemas:` has no effect on JSON, which has no schema; write format: json_schema"},
		{"format: avro, schemas: {ids: headers}", `46: ids can't be "headers"; did you mean "header"?`},
		{"format: avro, schemas: {subject: TopicName}", `50: subject can't be "TopicName"; it takes topic, record, topic-record`},
		{"format: avro, schemas: {register: never}", `51: register must be true or false, not the text "never"`},
		{"format: avro, schemas: {compatibility: BACKWARD_TRANSITIVE}", ""},
		{"format: avro, schemas: {compatibility: backwards}", `56: compatibility can't be "backwards"; did you mean "backward"?`},
		{"format: avro, schemas: {registry: 'http://h'}", `41: unknown key "registry" in schemas; did you mean "register"?`},
		{"format: avro, internal: true", "25: topic \"t\": `format:` is not for internal topics, which only the processor reads"},
		{"key_format: avro, internal: true", "29: topic \"t\": `key_format:` is not for internal topics, which only the processor reads"},
		{"format: avro, view: {lines: true}", "25: topic \"t\": with a `format:`, a value is one document; leave out `lines:` of its view"},
		{"upgrades: {inventory.order: .}", `28: upgrades: "inventory.order" is no event type with a version, such as inventory.order.v2`},
		{"upgrades: {inventory.order.v2: {a: .b}}", "48: inventory.order.v2 must be an expression, not a mapping; an expression with braces is quoted: inventory.order.v2: '{…}'"},
		{"upgrades: [.]", "27: upgrades must be a mapping, not a list; write NAME: … for each element, without dashes"},
	} {
		check(t, "scenario: t\ntopics:\n  t: {topic: t, "+c.topic+"}\n", "3:", c.want)
	}
	check(t, "scenario: t\ntopics:\n  t: {topic: t}\n  d: {dead_letters_of: [t], format: avro}\n", "4:", "37: topic \"d\": `format:` is not for dead letters, which keep the bytes of their records")
	check(t, "scenario: t\ntopics:\n  t: {topic: t, format: avro}\n  u: {topic: t, format: protobuf}\n", "4:", `25: topics "t" and "u" are both t, and their formats differ`)
	check(t, "scenario: t\ntopics:\n  t: {topic: t, format: avro}\n  u: {topic: t, format: avro}\n", "4:", "")
}

// Mistakes in fields and producers of topics with a format.
func TestEvolutionMessages(t *testing.T) {
	const head = "scenario: t\ntopics: {a: {topic: a, format: avro, key_format: avro}, b: {topic: b}}\nproducers:\n  p:\n    topic: a\n    value:\n"
	for _, c := range []struct{ field, want string }{
		{"a: {int: [1, 2], default: 1, alias: b}", ""},
		{"a: {int: [1, 2], alias: [b, c]}", ""},
		{"a: {list: 2, of: {b: {literal: 1, default: 0}}, default: []}", ""},
		{"a: {literal: x, default: null}", ""},
		{"a: {literal: 1}\n      b: {copy: a, default: 3}", ""},
		{"a: {int: [1, 2], alias: []}", "31: alias has no name"},
		{"a: {int: [1, 2], alias: {b: c}}", "31: alias must be a list, not a mapping; begin each element with a dash"},
		{"a: {int: [1, 2], alias: a}", "31: alias: a is the field's own name, or given twice"},
		{"a: {int: [1, 2], alias: [b, b]}", "31: alias: b is the field's own name, or given twice"},
		{"a: {int: [1, 2], aliases: [b]}", `24: unknown key "aliases" in the generator int; did you mean "alias"?`},
		{"a: {int: [1, 2], hidden: true, default: 1}", "47: `default:` and `alias:` have no effect on a field that is hidden"},
		{"a: {list: 2, each: {int: [1, 2], default: 1}}", "49: `default:` and `alias:` are for fields of the value"},
		{"a: {one_of: [{literal: 1, alias: b}]}", "40: `default:` and `alias:` are for fields of the value"},
	} {
		check(t, head+"      "+c.field+"\n", "7:", c.want)
	}
	check(t, head+"      a: {int: [1, 2], alias: b}\n      b: 1\n", "7:", "31: alias: b is a name of the field b already")
	check(t, head+"      a: 1\n    headers: {h: {literal: 1, alias: x}}\n", "8:", "38: `default:` and `alias:` are for fields of the value, and headers have no schema")
	check(t, head+"      a: 1\n    format: {xml: r}\n", "8:", `13: producer "p": its format is xml, and that of its topic "a" is avro; leave out one of them`)
	check(t, head+"      a: 1\n    format: json\n", "8:", "")
	check(t, head+"      a: 1\n    key: {int: [1, 2], encoding: int64}\n", "8:", "10: producer \"p\": its key has `encoding: int64`, and its topic \"a\" the key_format avro; leave out one of them")
	check(t, "scenario: t\ntopics: {a: {topic: a, format: avro}, b: {topic: b}}\ntopologies:\n  x: {from: {a: {format: csv}}, emit: [{to: b}]}\n",
		"4:", `14: topology "x": input "a" is read as csv, and the format of the topic is avro; leave out one of them`)
	check(t, "scenario: t\ntopics: {a: {topic: a, format: avro}, b: {topic: b}}\ntopologies:\n  x: {from: {a: {format: json}}, emit: [{to: b}]}\n", "4:", "")
	check(t, "scenario: t\ntopics: {a: {topic: a, format: avro}, b: {topic: b}}\nproducers:\n  p:\n    topic: {by: k, to: {x: a}, else: b}\n    value: {k: x}\n    format: csv\n",
		"7:", `13: producer "p": its format is csv, and that of its topic "a" is avro; leave out one of them`)
}

// What a file says of a topic's encoding and of fields.
func TestEncoding(t *testing.T) {
	s, err := Parse("f.yaml", []byte(`scenario: t
topics:
  a: {topic: a}
  b: {topic: b, format: {protobuf: b.proto, message: x.B}, key_format: avro, schemas: {register: false}, upgrades: {b.v2: .new}}
producers:
  p: {topic: a, value: {x: {int: [1, 2], default: 1, alias: old}, y: {list: 1, each: 1, default: [1, {z: null}], alias: [q, r]}, c: {copy: x, default: "7"}}}
`))
	if err != nil {
		t.Fatal(err)
	}
	a, b := s.Topics[0], s.Topics[1]
	if a.Format.Name != "" || !a.Schemas.Register || a.Schemas.Subject != "topic" || a.Schemas.IDs != "value" {
		t.Errorf("the defaults are %+v", a)
	}
	if want := (Encoding{Name: "protobuf", File: "b.proto", Message: "x.B", Pos: Position{4, 25}}); !reflect.DeepEqual(b.Format, want) {
		t.Errorf("%+v", b.Format)
	}
	if b.KeyFormat.Name != "avro" || !b.KeyFormat.Derived() || b.Schemas.Register || b.Upgrades[0].With.Source != ".new" {
		t.Errorf("%+v", b)
	}
	var got []any
	for _, f := range s.Producers[0].Value.Spec.(*Object).Fields {
		got = append(got, f.Gen.Evolved.Default, f.Gen.Evolved.Aliases)
	}
	want := []any{"1", []string{"old"}, `[1,{"z":null}]`, []string{"q", "r"}, `"7"`, []string(nil)}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The scenarios of the evolution are right.
func TestEvolutionFiles(t *testing.T) {
	for _, f := range []string{"v1", "v2", "bad"} {
		source, err := os.ReadFile("testdata/evolution/" + f + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(f, source); err != nil {
			t.Error(err)
		}
		if !schemaAccepts(t, string(source)) {
			t.Errorf("the schema refuses %s", f)
		}
	}
}
