package registry

import (
	"encoding/hex"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"inv/internal/registry/shape"
)

// protobufShape is every shape that has a form in Protobuf.
func protobufShape() shape.Type {
	t := everyShape()
	t.Fields = slices.DeleteFunc(t.Fields, func(f shape.Field) bool {
		return f.Name == "nothing" || f.Name == "tags" || f.Name == "either"
	})
	return shape.Type{Kind: shape.Object, Fields: append(t.Fields,
		fieldOf("digits", shape.Type{Kind: shape.Decimal, Precision: 30, Scale: 2}),
		fieldOf("again", enumShape), // whose symbols are in use
		fieldOf("at_maybe", nullable(timeShape)),
	)}
}

func TestDeriveProtobuf(t *testing.T) {
	s, misfits := Derive(Protobuf, "OrderEvents", "order_lifecycle", protobufShape())
	if len(misfits) > 0 {
		t.Fatal(misfits)
	}
	golden(t, "derived.proto", []byte(s.Text))
	again, _ := Derive(Protobuf, "OrderEvents", "order_lifecycle", protobufShape())
	if again.Text != s.Text {
		t.Error("the text is not stable")
	}
	sch, err := Compile(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if sch.Name != "order_lifecycle.OrderEvents" || hex.EncodeToString(sch.Index()) != "00" {
		t.Errorf("it is %s with index %x", sch.Name, sch.Index())
	}
	if misfits := Fit(sch, protobufShape()); len(misfits) > 0 {
		t.Errorf("the shape does not fit its own schema: %v", misfits)
	}
	const value = `{"order_id":"o","paid":true,"quantity":2,"cents":9223372036854775807,"total":79.99,"weight":1.5,"status":"NEW","size":"10 cm","at":1625097600123,"at_us":8,"at_ns":9,"at_s":10,"day":"2026-05-01","note":"n","coupon":"c","channel":"x","items":[{"sku":"a","kind":"NEW"}],"place":{"x":1,"y":2},"empty":{},"list":[1,2.5],"digits":1234567890123.45,"again":"PAID","at_maybe":0}`
	b, err := sch.Encode(nil, []byte(value))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := sch.Decode(nil, b, Data); err != nil || string(got) != value {
		t.Errorf("%s (%v)\nwant %s", got, err, value)
	}
}

func TestDeriveProtobufRefuses(t *testing.T) {
	deep := textShape
	for range 101 {
		deep = objectOf(fieldOf("d", deep))
	}
	for _, c := range []struct {
		name, namespace string
		t               shape.Type
		want            []string
	}{
		{"R", "n", textShape, []string{"a Protobuf message is an object"}},
		{"R", "n", nullable(objectOf()), []string{"can't be null"}},
		{"2R", "n-1", objectOf(), []string{`"2R" is no name`, `"n-1" is no package`}},
		{"R", "", objectOf(fieldOf("order-id", textShape), fieldOf("a", listOf(listOf(textShape))), fieldOf("b", listOf(nullable(textShape))), fieldOf("c", nullable(listOf(textShape)))),
			[]string{`order-id: "order-id" is no name in Protobuf`, "a[]: a list of lists", "b[]: a list of Protobuf can't hold null", "c: a list that may be null"}},
		{"R", "", objectOf(fieldOf("a_b", textShape), fieldOf("aB", textShape)), []string{"aB: it has the same name in JSON as a_b, aB"}},
		{"R", "", objectOf(fieldOf("o", objectOf(fieldOf("x", shape.Type{Kind: shape.Null}), fieldOf("y", shape.Type{}), fieldOf("z", shape.Type{Kind: shape.Union, Of: []shape.Type{textShape, intShape}})))),
			[]string{"o.x: a value that is always null", "o.y: its type is not known", "o.z: a value of one of several types"}},
		{"R", "", deep, []string{"nesting depth"}},
	} {
		_, misfits := Derive(Protobuf, c.name, c.namespace, c.t)
		if len(misfits) != len(c.want) {
			t.Errorf("%v, want %q", misfits, c.want)
			continue
		}
		for i, m := range misfits {
			if !strings.Contains(m.String(), c.want[i]) {
				t.Errorf("%s, want %s", m, c.want[i])
			}
			if m.Path != "" && m.Place.Line == 0 {
				t.Errorf("%s has no place", m)
			}
		}
	}
}

// Names that would be the same in a message are told apart, or an enum is text.
func TestDeriveProtobufNames(t *testing.T) {
	inner := objectOf(fieldOf("google", textShape))
	enum := func(symbols ...string) shape.Type { return shape.Type{Kind: shape.Enum, Symbols: symbols} }
	s, misfits := Derive(Protobuf, "M", "shop.google", objectOf(
		fieldOf("Items", textShape), fieldOf("items", inner), fieldOf("message", textShape), fieldOf("_1", inner), fieldOf("at", timeShape),
		fieldOf("a", enum("at", "x")), fieldOf("b", enum("STATUS_NEW", "NEW")), fieldOf("status", enum("STATUS_NEW", "NEW")), fieldOf("c", enum("C_UNSPECIFIED")), fieldOf("myKind", enum("ONE")),
	))
	if misfits != nil {
		t.Fatal(misfits)
	}
	for _, want := range []string{"  Items2 items = 2;", "  string message = 3;", "  Field1 _1 = 4;", "  .google.protobuf.Timestamp at = 5;", "  string a = 6;", "  B b = 7;", "  string status = 8;", "  string c = 9;", "MY_KIND_UNSPECIFIED = 0;"} {
		if !strings.Contains(s.Text, want) {
			t.Errorf("%s\nhas no %s", s.Text, want)
		}
	}
}

func TestFitProtobuf(t *testing.T) {
	const schema = `syntax = "proto2"; package p; import "google/protobuf/timestamp.proto"; import "google/protobuf/wrappers.proto"; import "google/protobuf/struct.proto";
message M { optional int32 small = 1; optional uint32 natural = 2; optional float short = 3; optional double long = 4; optional string text = 5; optional bool flag = 6;
enum E { NEW = 1; } optional E e = 7; optional google.protobuf.Timestamp at = 8; repeated N list = 9; map<string, int32> table = 10; required string must = 11; optional int64 big = 12;
oneof one { string first = 13; string second = 14; } optional google.protobuf.Int32Value wrapped = 15; optional google.protobuf.Struct any = 16; optional bytes raw = 17; map<int32, string> by_number = 18; }
message N { required int32 n = 1; }`
	sch := protobufSchema(t, schema)
	must := fieldOf("must", textShape)
	ranged := func(low, high int64) shape.Type { return shape.Type{Kind: shape.Int, Low: low, High: high} }
	decimal := func(precision, scale int) shape.Type {
		return shape.Type{Kind: shape.Decimal, Precision: precision, Scale: scale}
	}
	in := func(unit time.Duration) shape.Type { return shape.Type{Kind: shape.Time, Unit: unit} }
	for _, c := range []struct {
		f    shape.Field
		want string // "": it fits
	}{
		{fieldOf("small", ranged(math.MinInt32, math.MaxInt32)), ""},
		{fieldOf("small", ranged(0, 1<<31)), "small: the schema's int32 is too small for 0 to 2147483648"},
		{fieldOf("small", decimal(9, 0)), ""},
		{fieldOf("small", decimal(9, 2)), "small: has 2 decimals, and the schema's int32 none"},
		{fieldOf("small", decimal(10, 0)), "small: the schema's int32 is too small for 10 digits"},
		{fieldOf("small", textShape), "small: is text, and the schema has int32"},
		{fieldOf("small", in(time.Millisecond)), "small: the schema's int32 is too small for a time in milliseconds"},
		{fieldOf("big", in(time.Nanosecond)), ""},
		{fieldOf("natural", in(time.Second)), ""},
		{fieldOf("natural", ranged(-1, 5)), "natural: the schema's uint32 is too small for -1 to 5"},
		{fieldOf("short", decimal(6, 2)), ""},
		{fieldOf("short", decimal(7, 2)), "short: the schema's float keeps 6 digits, and it has 7"},
		{fieldOf("long", ranged(0, 1<<53+1)), "long: the schema's double does not keep all digits of 0 to 9007199254740993"},
		{fieldOf("long", decimal(16, 2)), ""}, // Encode refuses the values that it does not keep
		{fieldOf("long", shape.Type{Kind: shape.Float}), ""},
		{fieldOf("text", enumShape), ""},
		{fieldOf("text", intShape), "text: is a whole number, and the schema has string"},
		{fieldOf("text", decimal(30, 2)), "text: is a decimal number, and the schema has string"},
		{fieldOf("text", shape.Type{Kind: shape.Union, Of: []shape.Type{textShape, {Kind: shape.Bool}}}), "text: is true or false, and the schema has string"},
		{fieldOf("flag", textShape), "flag: is text, and the schema has bool"},
		{fieldOf("e", enumShape), "e: the schema's enum p.M.E has no PAID"},
		{fieldOf("e", nullable(textShape)), ""},
		{fieldOf("at", timeShape), ""},
		{fieldOf("at", nullable(timeShape)), ""},
		{fieldOf("at", in(time.Second)), "at: is a time in seconds, and a google.protobuf.Timestamp is made of milliseconds"},
		{fieldOf("at", shape.Type{Kind: shape.Date}), "at: is a date, and the schema has google.protobuf.Timestamp"},
		{fieldOf("list", listOf(objectOf(fieldOf("n", ranged(0, 1<<40))))), "list[].n: the schema's int32 is too small for 0 to 1099511627776"},
		{fieldOf("list", listOf(objectOf())), "list[].n: is never there, and the schema requires it"},
		{fieldOf("list", listOf(nullable(objectOf(fieldOf("n", intShape))))), "list[]: may be null, which a list or a map of Protobuf can't hold"},
		{fieldOf("list", nullable(listOf(objectOf(fieldOf("n", intShape))))), "list: may be null, which would be read as empty"},
		{fieldOf("list", objectOf()), "list: is an object, and the schema's repeated p.N a list"},
		{fieldOf("table", objectOf(fieldOf("a", intShape), fieldOf("b", longShape))), "table.b: the schema's int32 is too small for 0 to 9223372036854775807"},
		{fieldOf("by_number", objectOf(fieldOf("a", textShape))), "by_number: has names as keys, and the schema's map<int32, string> has int32"},
		{fieldOf("wrapped", nullable(intShape)), ""},
		{fieldOf("wrapped", longShape), "wrapped: the schema's int32 is too small for 0 to 9223372036854775807"},
		{fieldOf("any", objectOf(fieldOf("x", textShape))), ""},
		{fieldOf("any", textShape), "any: is text, and the schema has google.protobuf.Struct"},
		{fieldOf("raw", textShape), ""},
		{fieldOf("nope", textShape), "nope: the schema's message p.M has no such field"},
		{fieldOf("big", shape.Type{}), ""},
		{shape.Field{Name: "must", Type: textShape, Optional: true}, "must: may be absent, and the schema requires it"},
		{fieldOf("must", nullable(textShape)), "must: may be null, and the schema requires it"},
	} {
		fields := []shape.Field{c.f}
		if c.f.Name != "must" {
			fields = append(fields, must)
		}
		got := Fit(sch, objectOf(fields...))
		if c.want == "" && len(got) == 0 {
			continue
		}
		if len(got) != 1 || got[0].String() != c.want || got[0].Path != "" && got[0].Place != c.f.Place && !strings.Contains(got[0].Path, ".") {
			t.Errorf("%s: %v at %v, want %s", c.f.Name, got, c.f.Place, c.want)
		}
	}
	two := Fit(sch, objectOf(must, fieldOf("first", textShape), fieldOf("second", textShape)))
	if len(two) != 1 || two[0].String() != "second: is always there beside first, and the schema has one of them in one" {
		t.Errorf("%v", two)
	}
	if got := Fit(sch, objectOf()); len(got) != 1 || got[0].String() != "must: is never there, and the schema requires it" {
		t.Errorf("%v", got)
	}
	if got := Fit(sch, nullable(textShape)); len(got) != 2 {
		t.Errorf("%v", got)
	}
	three := protobufSchema(t, `syntax = "proto3"; message M { string s = 1; }`)
	if got := Fit(three, objectOf(fieldOf("s", nullable(textShape)))); len(got) != 1 || !strings.Contains(got[0].Text, "would be read as zero") {
		t.Errorf("%v", got)
	}
}

func TestDiffProtobuf(t *testing.T) {
	before := protobufSchema(t, `syntax = "proto3"; package p; message M { string id = 1; int32 quantity = 2; string old = 3; string name = 4; int32 moved = 5; repeated N lines = 6; map<string, N> table = 7; E e = 8; optional int32 may = 9; int32 one = 10; N same = 11; }
message N { int32 n = 1; } enum E { ZERO = 0; ONE = 1; TWO = 2; }`)
	after := protobufSchema(t, `syntax = "proto3"; package q; message M { string id = 1; int64 quantity = 2; string title = 4; int32 moved = 55; repeated N lines = 6; map<string, N> table = 7; E e = 8; int32 may = 9; oneof o { int32 one = 10; } N same = 11; bool added = 12; }
message N { int32 n = 1; string more = 2; } enum E { ZERO = 0; ONE = 7; THREE = 3; }`)
	want := []string{
		"the message's name from p.M to q.M",
		"quantity: type from int32 to int64",
		"old: removed, string with number 3",
		"name: renamed to title",
		"moved: number from 5 to 55",
		"lines: type from repeated p.N to repeated q.N",
		"lines[].more: added, string with number 2",
		"table: type from map<string, p.N> to map<string, q.N>",
		"e: type from p.E to q.E",
		"e: value ONE from 1 to 7",
		"e: value TWO = 2 removed",
		"e: value THREE = 3 added",
		"may: type from optional int32 to int32",
		"one: oneof from none to o",
		"same: type from p.N to q.N",
		"added: added, bool with number 12",
	}
	if got := Diff(before, after); !slices.Equal(got, want) {
		t.Errorf("%s\nwant %s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := Diff(before, before); got != nil {
		t.Errorf("%q", got)
	}
}

func TestResolveProtobuf(t *testing.T) {
	message := func(fields string) *Schema {
		return protobufSchema(t, `syntax = "proto3"; package p; message M { `+fields+` } message N { int32 n = 1; } message O { int64 other = 1; string more = 2; } enum E { A = 0; B = 1; }`)
	}
	for _, c := range []struct{ writer, reader, json, want string }{
		{"string a = 1; int32 b = 2;", "string a = 1;", `{"a":"x","b":5}`, `{"a":"x"}`},
		{"string a = 1;", "string a = 1; int32 b = 2; optional string c = 3;", `{"a":"x"}`, `{"a":"x","b":0}`},
		{"string a = 1;", "string renamed = 1;", `{"a":"x"}`, `{"renamed":"x"}`},
		{"int32 a = 1;", "int64 a = 1;", `{"a":-5}`, `{"a":-5}`},
		{"int64 a = 1;", "int32 a = 1;", `{"a":-2147483648}`, `{"a":-2147483648}`},
		{"int64 a = 1;", "int32 a = 1;", `{"a":2147483648}`, "a: 2147483648 is out of the range of int32, as the topic's schema has it"},
		{"int32 a = 1;", "uint64 a = 1;", `{"a":-1}`, "a: -1 is out of the range of uint64, as the topic's schema has it"},
		{"uint64 a = 1;", "int64 a = 1;", `{"a":9223372036854775808}`, "a: 9223372036854775808 is out of the range of int64, as the topic's schema has it"},
		{"sint64 a = 1;", "sint32 a = 1;", `{"a":-7}`, `{"a":-7}`},
		{"sint64 a = 1;", "sint32 a = 1;", `{"a":-2147483649}`, "a: -2147483649 is out of the range of sint32, as the topic's schema has it"},
		{"fixed32 a = 1;", "sfixed32 a = 1;", `{"a":4294967295}`, "a: 4294967295 is out of the range of sfixed32, as the topic's schema has it"},
		{"bool a = 1;", "int32 a = 1;", `{"a":true}`, `{"a":1}`},
		{"E a = 1;", "int32 a = 1;", `{"a":"B"}`, `{"a":1}`},
		{"int32 a = 1;", "E a = 1;", `{"a":7}`, `{"a":7}`},
		{"bytes a = 1;", "string a = 1;", `{"a":"/w=="}`, "a: text is not UTF-8"},
		{"int32 a = 1;", "repeated int32 a = 1;", `{"a":7}`, `{"a":[7]}`},
		{"repeated int32 a = 1;", "repeated int64 a = 1 [packed = false];", `{"a":[1,2]}`, `{"a":[1,2]}`},
		{"N a = 1;", "O a = 1;", `{"a":{"n":5}}`, `{"a":{"other":5,"more":""}}`},
		{"map<string, int32> a = 1;", "map<string, int64> a = 1;", `{"a":{"k":5}}`, `{"a":{"k":5}}`},
		{"map<string, int64> a = 1;", "map<string, int32> a = 1;", `{"a":{"k":5000000000}}`, "value: 5000000000 is out of the range of int32, as the topic's schema has it"},
		{"oneof o { string a = 1; int32 b = 2; }", "string a = 1; int32 b = 2;", `{"b":5}`, `{"a":"","b":5}`},
		{"int32 a = 1;", "string a = 1;", "", "field a of p.M: number 1 is int32 to the writer, and string to the reader"},
		{"int32 a = 1;", "sint32 a = 1;", "", "number 1 is int32 to the writer, and sint32 to the reader"},
		{"repeated int32 a = 1;", "int32 a = 1;", "", "number 1 is a list to the writer, and a single value to the reader"},
		{"map<string, int32> a = 1;", "repeated N a = 1;", "", "number 1 is map<string, int32> to the writer, and repeated p.N to the reader"},
		{"map<string, int32> a = 1;", "map<string, string> a = 1;", "", "is int32 to the writer, and string to the reader"},
		{"string a = 1; string b = 2;", "string a = 1; string c = 2; string b = 3;", "", "field c of p.M: number 2 is b to the writer, which has number 3 to the reader"},
		{"string a = 1; string b = 2;", "string b = 1;", "", "field b of p.M: it has number 2 to the writer, and number 1 to the reader"},
		{"N a = 1;", "string a = 1;", "", "number 1 is p.N to the writer, and string to the reader"},
	} {
		writer, reader := message(c.writer), message(c.reader)
		decode, err := writer.Resolved(reader)
		if err != nil {
			if c.json != "" || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s as %s: %v, want %s", c.writer, c.reader, err, c.want)
			}
			continue
		}
		payload, err := writer.Encode(nil, []byte(c.json))
		if err != nil {
			t.Errorf("%s: %v", c.json, err)
			continue
		}
		got, err := decode(nil, payload)
		if err != nil {
			got = []byte(err.Error())
		}
		if !strings.HasSuffix(string(got), c.want) || err == nil && string(got) != c.want {
			t.Errorf("%s %s as %s: %s, want %s", c.writer, c.json, c.reader, got, c.want)
		}
	}
	enums := func(values string) *Schema {
		return protobufSchema(t, `syntax = "proto3"; message M { E e = 1; repeated E l = 2; map<string, E> m = 3; } enum E { ZERO = 0; `+values+` }`)
	}
	for values, want := range map[string]string{
		"A = 1; B = 2; C = 3;": `{"e":"B","l":["A","C"],"m":{"k":"C"}}`,
		"N = 1; A = 2; B = 3;": `{"e":"B","l":["A","C"],"m":{"k":"C"}}`, // C is gone, and its number is another's
		"A = 1; B = 2;":        `{"e":"B","l":["A","C"],"m":{"k":"C"}}`,
		"A = 1; X = 2; C = 3;": `{"e":"X","l":["A","C"],"m":{"k":"C"}}`,
	} {
		writer := enums("A = 1; B = 2; C = 3;")
		payload, err := writer.Encode(nil, []byte(`{"e":"B","l":["A","C"],"m":{"k":"C"}}`))
		if err != nil {
			t.Fatal(err)
		}
		decode, err := writer.Resolved(enums(values))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := decode(nil, payload); err != nil || string(got) != want {
			t.Errorf("as %s: %s (%v), want %s", values, got, err, want)
		}
	}
	other := protobufSchema(t, `syntax = "proto3"; package inv.fault; message Unrelated { string text = 1; }`)
	if _, err := other.Resolved(message("string a = 1;")); err == nil || err.Error() != "the record is of the message inv.fault.Unrelated, and the topic's schema has p.M" {
		t.Errorf("error %v", err)
	}
	moved := protobufSchema(t, `syntax = "proto3"; package q; message M { string a = 1; }`)
	if _, err := moved.Resolved(message("string a = 1;")); err != nil {
		t.Error(err)
	}
}

// Version 2 of a shape adds fields with defaults, renames one and widens another: its
// readers understand the records of version 1.
func TestEvolveProtobuf(t *testing.T) {
	item := objectOf(fieldOf("sku", textShape))
	one, _ := Derive(Protobuf, "Orders", "shop", objectOf(fieldOf("id", textShape), fieldOf("qty", intShape), fieldOf("items", listOf(item))))
	with := func(f shape.Field, value string) shape.Field { f.Default = value; return f }
	renamed := fieldOf("quantity", longShape)
	renamed.Aliases = []string{"qty"}
	two, misfits := Derive(Protobuf, "Orders", "shop", objectOf(fieldOf("id", textShape), renamed,
		fieldOf("items", listOf(objectOf(fieldOf("sku", textShape), with(fieldOf("pack", textShape), `"box"`)))),
		with(fieldOf("channel", textShape), `"web"`), with(fieldOf("gift", shape.Type{Kind: shape.Bool}), "false"), with(fieldOf("codes", listOf(intShape)), "[1, 2]")))
	if misfits != nil {
		t.Fatal(misfits)
	}
	before, after := compile(t, one), compile(t, two)
	decode, err := before.Resolved(after)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := before.Encode(nil, []byte(`{"id":"o","qty":5,"items":[{"sku":"a"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"id":"o","quantity":5,"items":[{"sku":"a","pack":"box"}],"channel":"web","gift":false,"codes":[1,2]}`
	if got, err := decode(nil, payload); err != nil || string(got) != want {
		t.Errorf("%s (%v), want %s", got, err, want)
	}
	// A record of version 2 without the field has none: only earlier versions take the default.
	if decode, err = after.Resolved(after); err != nil {
		t.Fatal(err)
	}
	if got, err := decode(nil, payload); err != nil || string(got) != `{"id":"o","quantity":5,"items":[{"sku":"a"}],"gift":false,"codes":[]}` {
		t.Errorf("%s (%v)", got, err)
	}
}

func compile(t testing.TB, s Source) *Schema {
	t.Helper()
	sch, err := Compile(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return sch
}
