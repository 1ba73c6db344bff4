package registry

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"
)

func protobufSchema(t testing.TB, text string, references ...Reference) *Schema {
	t.Helper()
	sch, err := Compile(t.Context(), Source{Form: Protobuf, Text: text, References: references})
	if err != nil {
		t.Fatal(err)
	}
	return sch
}

// Golden bytes in both directions. The bytes are those of the Protobuf encoding,
// https://protobuf.dev/programming-guides/encoding.
func TestProtobufGolden(t *testing.T) {
	const head = `syntax = "proto3"; import "google/protobuf/timestamp.proto"; import "google/protobuf/duration.proto"; import "google/protobuf/wrappers.proto";
import "google/protobuf/struct.proto"; import "google/protobuf/field_mask.proto"; import "google/protobuf/any.proto";
message M { `
	for _, c := range []struct {
		fields, json, bytes string
		data                string // "": as json
	}{
		{"optional int32 a = 1;", `{"a":150}`, "08 9601", ""},
		{"optional int32 a = 1;", `{"a":-1}`, "08 ffffffffffffffffff01", ""},
		{"optional int32 a = 1;", `{"a":0}`, "08 00", ""},
		{"optional int64 a = 1;", `{"a":-9223372036854775808}`, "08 80808080808080808001", ""},
		{"optional int64 a = 1;", `{"a":"9007199254740993"}`, "08 8180808080808010", `{"a":9007199254740993}`},
		{"optional int64 a = 1;", `{"a":1.5e3}`, "08 dc0b", `{"a":1500}`},
		{"optional int64 a = 1;", `{"a":2.000}`, "08 02", `{"a":2}`},
		{"optional uint64 a = 1;", `{"a":18446744073709551615}`, "08 ffffffffffffffffff01", ""},
		{"optional sint32 a = 1;", `{"a":-2}`, "08 03", ""},
		{"optional sint64 a = 1;", `{"a":-9223372036854775808}`, "08 ffffffffffffffffff01", ""},
		{"optional fixed32 a = 1;", `{"a":4294967295}`, "0d ffffffff", ""},
		{"optional sfixed32 a = 1;", `{"a":-2}`, "0d feffffff", ""},
		{"optional fixed64 a = 1;", `{"a":1}`, "09 0100000000000000", ""},
		{"optional sfixed64 a = 1;", `{"a":-1}`, "09 ffffffffffffffff", ""},
		{"optional float a = 1;", `{"a":1.1}`, "0d cdcc8c3f", ""},
		{"optional double a = 1;", `{"a":-0.5}`, "09 000000000000e0bf", ""},
		{"optional double a = 1;", `{"a":"-Infinity"}`, "09 000000000000f0ff", ""},
		{"optional double a = 1;", `{"a":"NaN"}`, "09 010000000000f87f", ""},
		{"optional bool a = 1;", `{"a":true}`, "08 01", ""},
		{"optional string a = 1;", `{"a":"testing"}`, "0a 07 74657374696e67", ""},
		{"optional string a = 1;", `{"a":"\u00e9\n\ud83d\ude00"}`, "0a 07 c3a90af09f9880", `{"a":"é\n😀"}`},
		{"optional bytes a = 1;", `{"a":"+/8="}`, "0a 02 fbff", ""},
		{"optional bytes a = 1;", `{"a":"-_8"}`, "0a 02 fbff", `{"a":"+/8="}`},
		{"optional bytes a = 1;", `{"a":""}`, "0a 00", ""},
		{"optional int32 aB_c = 1;", `{"aBC":1}`, "08 01", `{"aB_c":1}`},
		{"enum E { A = 0; B = 5; C = -1; } optional E a = 1;", `{"a":"B"}`, "08 05", ""},
		{"enum E { A = 0; B = 5; C = -1; } optional E a = 1;", `{"a":-1}`, "08 ffffffffffffffffff01", `{"a":"C"}`},
		{"enum E { A = 0; B = 5; } optional E a = 1;", `{"a":7}`, "08 07", ""},
		{"message N { int32 b = 1; } N a = 3;", `{"a":{"b":150}}`, "1a 03 08 9601", ""},
		{"message N { int32 b = 1; } N a = 3;", `{"a":{}}`, "1a 00", `{"a":{"b":0}}`},
		{"repeated int32 a = 6;", `{"a":[3,270,86942]}`, "32 06 03 8e02 9ea705", ""},
		{"repeated int32 a = 6 [packed = false];", `{"a":[3,0]}`, "30 03 30 00", ""},
		{"repeated string a = 4;", `{"a":["x",""]}`, "22 01 78 22 00", ""},
		{"map<string, int32> a = 7;", `{"a":{"g":0,"x":2}}`, "3a 05 0a0167 1000 3a 05 0a0178 1002", ""},
		{"map<int32, bool> a = 7;", `{"a":{"-1":true}}`, "3a 0d 08ffffffffffffffffff01 1001", ""},
		{"map<bool, string> a = 7;", `{"a":{"false":"n","true":"y"}}`, "3a 05 0800 12016e 3a 05 0801 120179", ""},
		{"oneof o { int32 a = 1; string b = 2; }", `{"b":""}`, "12 00", ""},
		{"oneof o { int32 a = 1; string b = 2; }", `{"a":null,"b":"x"}`, "12 01 78", `{"b":"x"}`},
		{"google.protobuf.Timestamp a = 1;", `{"a":1625097600123}`, "0a 0b 08 808bf48606 10 c0a9d33a", ""},
		{"google.protobuf.Timestamp a = 1;", `{"a":-0.25}`, "0a 11 08 ffffffffffffffffff01 10 f0f2dbdc03", ""},
		{"google.protobuf.Timestamp a = 1;", `{"a":"1970-01-01T02:00:01.5+02:00"}`, "0a 08 08 01 10 80cab5ee01", `{"a":1500}`},
		{"google.protobuf.Timestamp a = 1;", `{"a":0}`, "0a 00", ""},
		{"google.protobuf.Duration a = 1;", `{"a":"-1.500s"}`, "0a 16 08 ffffffffffffffffff01 10 80b6ca91feffffffff01", ""},
		{"google.protobuf.Int64Value a = 1;", `{"a":5}`, "0a 02 08 05", ""},
		{"google.protobuf.StringValue a = 1;", `{"a":""}`, "0a 00", ""},
		{"google.protobuf.FieldMask a = 1;", `{"a":"b,cD.e"}`, "0a 0a 0a0162 0a05635f642e65", ""},
		{"google.protobuf.Struct a = 1;", `{"a":{"k":[null,1.5,"s",true,{}]}}`, "0a 25 0a23 0a016b 121e 321c 0a020800 0a0911000000000000f83f 0a031a0173 0a022001 0a022a00", ""},
		{"google.protobuf.Value a = 1;", `{"a":null}`, "0a 02 0800", ""},
		{"google.protobuf.NullValue a = 1; optional int32 b = 2;", `{"b":1,"a":null}`, "10 01", `{"a":"NULL_VALUE","b":1}`},
		{"message N { int32 b = 1; } google.protobuf.Any a = 1;", `{"a":{"b":5,"@type":"x/M.N"}}`, "0a 0b 0a05782f4d2e4e 12 02 0805", `{"a":{"@type":"x/M.N","b":5}}`},
		{"google.protobuf.Any a = 1; google.protobuf.Duration d = 2;", `{"a":{"@type":"x/google.protobuf.Duration","value":"1s"}}`,
			"0a 20 0a1a782f676f6f676c652e70726f746f6275662e4475726174696f6e 12 02 0801", ""},
		// Fields are written in the order of their numbers, and what is zero is not.
		{"int32 b = 2; int32 a = 1; int32 c = 3; string d = 20; bool e = 21;", `{"c":3,"a":1,"b":0}`, "08 01 18 03", `{"b":0,"a":1,"c":3,"d":"","e":false}`},
	} {
		sch := protobufSchema(t, head+c.fields+"}")
		want, err := hex.DecodeString(strings.ReplaceAll(c.bytes, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		got, err := sch.Encode([]byte("x"), []byte(c.json))
		if err != nil || string(got[1:]) != string(want) {
			t.Errorf("%s %s: %x (%v), want %x", c.fields, c.json, got[1:], err, want)
			continue
		}
		data, err := sch.Decode([]byte("x"), want, Data)
		if c.data == "" {
			c.data = c.json
		}
		if err != nil || string(data[1:]) != c.data {
			t.Errorf("%s %x: %s (%v), want %s", c.fields, want, data, err, c.data)
		}
		if err := proto.Unmarshal(want, dynamicpb.NewMessage(sch.Message())); err != nil {
			t.Errorf("%s %x: %v", c.fields, want, err)
		}
	}
}

func TestProto2(t *testing.T) {
	sch := protobufSchema(t, `syntax = "proto2"; message M { required int32 id = 1; optional group Part = 2 { optional string name = 3; } repeated group Many = 4 { optional bool b = 5; }
enum E { ONE = 1; TWO = 2; } optional E e = 6; }`)
	const json = `{"id":0,"part":{"name":"x"},"many":[{},{"b":true}],"e":"TWO"}`
	b, err := sch.Encode(nil, []byte(json))
	if want := "0800131a01781423242328012430" + "02"; err != nil || hex.EncodeToString(b) != want {
		t.Errorf("%x (%v), want %s", b, err, want)
	}
	if out, err := sch.Decode(nil, b, Data); err != nil || string(out) != json {
		t.Errorf("%s (%v)", out, err)
	}
	for value, want := range map[string]string{
		`{}`:                `id: is missing, and the schema requires it`,
		`{"id":1,"e":3}`:    `e: 3 is not a value of the enum M.E`, // closed
		`{"id":1,"e":"no"}`: `e: "no" is not a value of the enum M.E`,
	} {
		if _, err := sch.Encode(nil, []byte(value)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", value, err, want)
		}
	}
	if _, err := sch.Decode(nil, nil, Data); !errors.Is(err, errRequired) {
		t.Errorf("error %v", err)
	}
}

// In editions presence, packing, groups and what an enum may hold are features.
func TestProtobufEditions(t *testing.T) {
	sch := protobufSchema(t, `edition = "2023"; message M { int32 there = 1; int32 bare = 2 [features.field_presence = IMPLICIT]; int32 must = 3 [features.field_presence = LEGACY_REQUIRED];
repeated int32 packed = 4; repeated int32 loose = 5 [features.repeated_field_encoding = EXPANDED]; N group = 6 [features.message_encoding = DELIMITED]; E closed = 7; F open = 8; }
message N { int32 n = 1; } enum E { option features.enum_type = CLOSED; ONE = 1; } enum F { ZERO = 0; }`)
	const json = `{"there":0,"bare":0,"must":0,"packed":[1,2],"loose":[3,4],"group":{"n":5},"closed":"ONE","open":9}`
	b, err := sch.Encode(nil, []byte(json))
	if want := "08001800" + "22020102" + "28032804" + "33080534" + "3801" + "4009"; err != nil || hex.EncodeToString(b) != want {
		t.Errorf("%x (%v), want %s", b, err, want)
	}
	if out, err := sch.Decode(nil, b, Data); err != nil || string(out) != json {
		t.Errorf("%s (%v)", out, err)
	}
	for value, want := range map[string]string{
		`{}`:                    "must: is missing, and the schema requires it",
		`{"must":1,"closed":9}`: "closed: 9 is not a value of the enum E",
	} {
		if _, err := sch.Encode(nil, []byte(value)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", value, err, want)
		}
	}
}

func TestProtobufValueErrors(t *testing.T) {
	sch := protobufSchema(t, `syntax = "proto3"; package shop; import "google/protobuf/timestamp.proto"; import "google/protobuf/duration.proto"; import "google/protobuf/any.proto"; import "google/protobuf/struct.proto";
message Order { string id = 1; repeated Line lines = 2; map<string, Line> by_name = 3; oneof paid { string card = 4; bool cash = 5; } google.protobuf.Timestamp at = 6;
bytes raw = 7; google.protobuf.Duration took = 8; double total = 9; float small = 10; map<int32, bool> flags = 11; google.protobuf.Any any = 12; uint64 big = 13; bool yes = 14; google.protobuf.Struct more = 15; google.protobuf.ListValue list = 16; }
message Line { int32 quantity = 1; uint32 size = 2; }`)
	for _, c := range []struct{ json, path, text string }{
		{`{`, "", "the value is not valid JSON"},
		{`[]`, "", "[] is not an object, as the message shop.Order wants"},
		{`{"nope":1}`, "", `the schema's message shop.Order has no field "nope"`},
		{`{"lines":[{},{"quantity":"x"}]}`, "lines[1].quantity", `"x" is not a number`},
		{`{"lines":[{"quantity":2147483648}]}`, "lines[0].quantity", "2147483648 is out of the range of int32"},
		{`{"lines":[{"quantity":1.5}]}`, "lines[0].quantity", "1.5 is not a whole number"},
		{`{"lines":[{"quantity":1e400}]}`, "lines[0].quantity", "1e400 has more than 64 bits"},
		{`{"lines":[{"quantity":1e-99999999999999999999}]}`, "lines[0].quantity", "1e-99999999999999999999 is not a whole number"},
		{`{"lines":[{"size":-1}]}`, "lines[0].size", "-1 is out of the range of uint32"},
		{`{"lines":[null]}`, "lines[0]", "is null, which a list of Protobuf can't hold"},
		{`{"lines":{}}`, "lines", "{} is not an array"},
		{`{"by_name":{"a b":{"wrong":1}}}`, `by_name."a b"`, `the schema's message shop.Line has no field "wrong"`},
		{`{"by_name":{"a":null}}`, `by_name.a`, "is null, which a map of Protobuf can't hold"},
		{`{"flags":{"x":true}}`, `flags.x`, "the key is not of the type int32"},
		{`{"card":"x","cash":false}`, "cash", "is set beside another field of the oneof paid"},
		{`{"id":"a","id":"b"}`, "id", "is there twice"},
		{`{"id":true}`, "id", "true is not text"},
		{`{"id":12.50}`, "id", "12.50 is not text"},
		{`{"id":"\ud800"}`, "id", `"\ud800" has half of a surrogate pair`},
		{"{\"id\":\"\xff\"}", "id", `"\ufffd" is not UTF-8`},
		{`{"raw":"a"}`, "raw", `"a" is not base64`},
		{`{"raw":"YQ==\n"}`, "raw", `"YQ==\n" is not base64`},
		{`{"at":"yesterday"}`, "at", `"yesterday" is not a time as in RFC 3339`},
		{`{"at":"2026-01-01T00:00:00,5Z"}`, "at", `"2026-01-01T00:00:00,5Z" is not a time as in RFC 3339`},
		{`{"at":0.0000001}`, "at", "0.0000001 ms is finer than a nanosecond"},
		{`{"at":"2026-01-01T00:00:00.1234567891Z"}`, "at", `"2026-01-01T00:00:00.1234567891Z" is finer than a nanosecond`},
		{`{"at":1e15}`, "at", "1e15 is not from the year 1 to 9999, as google.protobuf.Timestamp wants"},
		{`{"at":1e999999999}`, "at", "1e999999999 is not from the year 1 to 9999, as google.protobuf.Timestamp wants"},
		{`{"took":"1.5"}`, "took", `"1.5" is not a duration such as "1.5s"`},
		{`{"took":"1e3s"}`, "took", `"1e3s" is not a duration such as "1.5s"`},
		{`{"total":"x"}`, "total", `"x" is not a number`},
		{`{"total":1e400}`, "total", "1e400 is out of the range of a number of 64 bits"},
		{`{"small":1e39}`, "small", "1e39 is out of the range of a number of 32 bits"},
		{`{"any":{"@type":"x/no.Such"}}`, "any.@type", `the schema does not define "x/no.Such"`},
		{`{"any":{"@type":"x/shop.Line","size":"x"}}`, "any.size", `"x" is not a number`},
		{`{"big":18446744073709551616}`, "big", "18446744073709551616 has more than 64 bits"},
		{`{"more":[]}`, "more", "[] is not an object"},
		{`{"list":{}}`, "list", "{} is not an array"},
		{`{"more":{"a b":[1,{"c":1e999}]}}`, `more."a b"[1].c`, "1e999 is out of the range of a number of 64 bits"},
		{`{"list":` + strings.Repeat("[", 1100) + strings.Repeat("]", 1100) + `}`, "list" + strings.Repeat("[0]", 1001), errDeep.Error()},
		{`{"yes":1}`, "yes", "1 is not a bool"},
	} {
		got, err := sch.Encode([]byte("kept"), []byte(c.json))
		var v *ValueError
		if !errors.As(err, &v) || v.Path != c.path || v.Text != c.text {
			t.Errorf("%s: %v, want %s: %s", c.json, err, c.path, c.text)
		}
		if string(got) != "kept" {
			t.Errorf("%s: dst is %q", c.json, got)
		}
	}
}

// Values whose fields are not in order are written alike, and so are those after them.
func TestProtobufOrder(t *testing.T) {
	sch := protobufSchema(t, `syntax = "proto3"; message M { int32 b = 2; int32 a = 1; N n = 3; repeated N l = 4; repeated sint32 p = 5; } message N { string x = 1; string longer_name = 2; }`)
	for range 3 {
		for _, json := range []string{
			`{"a":1,"b":2,"n":{"x":"y","longer_name":"z"},"l":[{"x":"1"},{}],"p":[1,-1]}`,
			` { "p" : [ 1 , -1 ] , "n" : { "longerName" : "z" , "x" : "y" } , "l" : [ { "x" : "1" } , { } ] , "b" : 2 , "a" : 1 } `,
			"\ufeff" + `{"a":1,"b":2,"n":{"longer_name":"z","\u0078":"y"},"l":[{"x":"1","longer_name":null},{}],"p":[1,-1]}`,
		} {
			b, err := sch.Encode(nil, []byte(json))
			if want := "080110021a060a01791201" + "7a" + "22030a0131" + "2200" + "2a020201"; err != nil || hex.EncodeToString(b) != want {
				t.Errorf("%s: %x (%v), want %s", json, b, err, want)
			}
		}
		if _, err := sch.Encode(nil, []byte(`{"a":1,"b":2} x`)); !errors.Is(err, errNotJSON) {
			t.Errorf("error %v", err)
		}
	}
}

// A schema that can't be compiled, with the names that are needed to mend it.
func TestProtobufSchemaErrors(t *testing.T) {
	for _, c := range []struct {
		text, message, says string
		references          []Reference
	}{
		{`syntax = "proto3"; import "line.proto";`, "", "line.proto", nil},
		{`syntax = "proto3"; import "a.proto"; message M {}`, "", "cycle", []Reference{
			{Name: "a.proto", Text: `syntax = "proto3"; import "b.proto";`}, {Name: "b.proto", Text: `syntax = "proto3"; import "a.proto";`}}},
		{`syntax = "proto3"; message M { M again = 1; }`, "", "the message M is recursive: it can be read, but not written", nil},
		{`syntax = "proto3"; message M { map<string, N> n = 1; } message N { M m = 1; }`, "", "is recursive", nil},
		{`syntax = "proto3"; enum E { A = 0; }`, "", "the Protobuf schema has no message", nil},
		{`syntax = "proto3"; package p; message A {} message B {}`, "p.C", "has no message p.C, but p.A, p.B", nil},
		{`syntax = "proto3"; message`, "", "compiling the Protobuf schema", nil},
		{strings.Repeat("message M {", 100_000), "", "nested more than 200 levels deep", nil},
		{`syntax = "proto3"; message M {}`, "", "more than 100", make([]Reference, 101)},
	} {
		_, err := Compile(t.Context(), Source{Form: Protobuf, Text: c.text, Message: c.message, References: c.references})
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%.80s: %v, want %s", c.text, err, c.says)
		}
	}
	var deep strings.Builder
	deep.WriteString(`syntax = "proto3"; message M0 { M1 m = 1; }`)
	for i := 1; i < 200; i++ {
		deep.WriteString(strings.NewReplacer("I", itoa(i), "J", itoa(i+1)).Replace(` message MI { MJ m = 1; }`))
	}
	deep.WriteString(" message M200 {}")
	if _, err := Compile(t.Context(), Source{Form: Protobuf, Text: deep.String()}); err == nil || !strings.Contains(err.Error(), "more than 100 levels") {
		t.Errorf("error %v", err)
	}
}

func itoa(i int) string { return strings.Trim(index(i), "[]") }

func TestProtobufIndex(t *testing.T) {
	const text = `syntax = "proto3"; package p; message A { message B { message C {} } message D {} } message E {}`
	for name, want := range map[string]string{"": "00", "p.A": "00", "p.E": "0202", "p.A.B": "040000", "p.A.D": "040002", "p.A.B.C": "06000000"} {
		sch, err := Compile(t.Context(), Source{Form: Protobuf, Text: text, Message: name})
		if err != nil || hex.EncodeToString(sch.Index()) != want {
			t.Errorf("%s: %x (%v), want %s", name, sch.Index(), err, want)
			continue
		}
		path, rest, err := messagePath(sch.Index())
		if err != nil || len(rest) > 0 {
			t.Errorf("%s: %v %v", name, rest, err)
		}
		if m, err := messageAt(sch.Message().ParentFile(), path); err != nil || string(m.FullName()) != sch.Name {
			t.Errorf("%s: %v (%v)", name, m, err)
		}
	}
}

// What few bytes claim ends with an error, soon.
func TestProtobufHostile(t *testing.T) {
	file, err := parseProtobuf(t.Context(), Source{Form: Protobuf, Text: `syntax = "proto3"; message M { M m = 1; repeated N n = 2; } message N { ` +
		func() (s string) {
			for i := 1; i < 200; i++ {
				s += strings.ReplaceAll(" double a_field_with_a_long_name_I = I;", "I", itoa(i))
			}
			return s
		}() + "}"})
	if err != nil {
		t.Fatal(err)
	}
	sch, err := file.at([]int{0})
	if err != nil {
		t.Fatal(err)
	}
	deep := []byte{}
	for range 1001 {
		deep = append(protoLength(0x0a, len(deep)), deep...)
	}
	if _, err := sch.Decode(nil, deep, Data); !errors.Is(err, errDeep) {
		t.Errorf("error %v", err)
	}
	if _, err := sch.Decode(nil, []byte(strings.Repeat("\x12\x00", 100_000)), Data); !errors.Is(err, errLarge) {
		t.Errorf("error %v", err)
	}
	if _, err := sch.Decode(nil, []byte(strings.Repeat("\x0a\x02\x0a\x00", 100_000)), Data); err != nil {
		t.Errorf("error %v", err)
	}
	if _, err := sch.Encode(nil, []byte(`{}`)); err == nil || !strings.Contains(err.Error(), "recursive") {
		t.Errorf("error %v", err)
	}
	// Parts of a message are right by themselves, not only together.
	if _, err := sch.Decode(nil, []byte{0x0a, 1, 0x0a, 0x0a, 1, 0}, Data); !errors.Is(err, errWire) {
		t.Errorf("error %v", err)
	}
}
