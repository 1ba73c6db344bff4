package registry

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"github.com/twmb/franz-go/pkg/sr"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"
)

const protoAll = `syntax = "proto3"; package t;
import "google/protobuf/timestamp.proto"; import "google/protobuf/duration.proto"; import "google/protobuf/wrappers.proto";
import "google/protobuf/struct.proto"; import "google/protobuf/any.proto";
message All {
  int64 big = 1; uint64 ubig = 2; fixed64 fbig = 3; int32 small = 4; bool flag = 5; string text = 6; bytes raw = 7; double real = 8; float single = 9;
  enum Color { RED = 0; BLUE = 2; } Color color = 10;
  repeated int64 list = 11; map<int64, sint64> table = 12; map<string, All> nested = 13;
  optional int64 maybe = 14; oneof one { int64 first = 15; string second = 16; }
  google.protobuf.Timestamp at = 17; google.protobuf.Duration took = 18; google.protobuf.Int64Value wrapped = 19;
  google.protobuf.Struct any_json = 20; google.protobuf.Any any = 21; All self = 22;
}`

const protoZeros = `"big":0,"ubig":0,"fbig":0,"small":0,"flag":false,"text":"","raw":"","real":0,"single":0,"color":"RED","list":[],"table":{},"nested":{}`

// Integers keep all their digits as numbers, and what has no presence is there.
func TestProtobufJSON(t *testing.T) {
	compiled, err := (&protocompile.Compiler{Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{
		Accessor: protocompile.SourceAccessorFromMap(map[string]string{mainFile: protoAll})})}).Compile(t.Context(), mainFile)
	if err != nil {
		t.Fatal(err)
	}
	decode, err := protobufDecoder(t.Context(), sr.Schema{Schema: protoAll, Type: sr.TypeProtobuf}, nil)
	if err != nil {
		t.Fatal(err)
	}
	resolver := linker.ResolverFromFile(compiled[0])
	for _, c := range []struct{ proto, want string }{
		{`{}`, `{` + protoZeros + `}`},
		{`{"big":"-9223372036854775808","ubig":"18446744073709551615","fbig":"3","list":["9007199254740993"],"table":{"10":"-1","9":"2"}}`,
			`{"big":-9223372036854775808,"ubig":18446744073709551615,"fbig":3,"small":0,"flag":false,"text":"","raw":"","real":0,"single":0,"color":"RED","list":[9007199254740993],"table":{"9":2,"10":-1},"nested":{}}`},
		{`{"maybe":"0","first":"0"}`, `{` + protoZeros + `,"maybe":0,"first":0}`},
		{`{"second":""}`, `{` + protoZeros + `,"second":""}`},
		{`{"text":"\u001b","raw":"AAE=","real":"NaN","single":1.1,"color":7}`,
			`{"big":0,"ubig":0,"fbig":0,"small":0,"flag":false,"text":"\u001b","raw":"AAE=","real":"NaN","single":1.1,"color":7,"list":[],"table":{},"nested":{}}`},
		{`{"at":"2026-05-01T12:00:00.5Z","took":"1.5s","wrapped":"9007199254740993","anyJson":{"a":[1, null]}}`,
			`{` + protoZeros + `,"at":"2026-05-01T12:00:00.500Z","took":"1.500s","wrapped":9007199254740993,"any_json":{"a":[1,null]}}`},
		{`{"any":{"@type":"x/google.protobuf.Int64Value","value":"5"}}`, `{` + protoZeros + `,"any":{"@type":"x/google.protobuf.Int64Value","value":5}}`},
		{`{"any":{"@type":"x/t.All","big":"5"}}`, `{` + protoZeros + `,"any":{"@type":"x/t.All",` + strings.Replace(protoZeros, `"big":0`, `"big":5`, 1) + `}}`},
		{`{"nested":{"k":{"maybe":"1"}},"self":{}}`, `{` + strings.Replace(protoZeros, `"nested":{}`, `"nested":{"k":{`+protoZeros+`,"maybe":1}}`, 1) + `,"self":{` + protoZeros + `}}`},
	} {
		m := dynamicpb.NewMessage(compiled[0].Messages().Get(0))
		if err := (protojson.UnmarshalOptions{Resolver: resolver}).Unmarshal([]byte(c.proto), m); err != nil {
			t.Fatal(err)
		}
		payload, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decode(append([]byte{0}, payload...))
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %v\n got %s\nwant %s", c.proto, err, got, c.want)
		}
		if !json.Valid(got) {
			t.Errorf("%s is not JSON", got)
		}
	}
}

// What ProtoJSON has no form for is still shown: a time that is out of range, an Any
// of an unknown type, and Any in Any without end.
func TestProtobufBeyondJSON(t *testing.T) {
	const schema = `syntax = "proto3"; import "google/protobuf/timestamp.proto"; import "google/protobuf/any.proto";
message M { google.protobuf.Timestamp at = 1; google.protobuf.Any any = 2; }`
	decode, err := protobufDecoder(t.Context(), sr.Schema{Schema: schema, Type: sr.TypeProtobuf}, nil)
	if err != nil {
		t.Fatal(err)
	}
	field := func(tag byte, b []byte) []byte { return append([]byte{tag, byte(len(b))}, b...) }
	for _, c := range []struct {
		payload []byte
		want    string
	}{
		{field(0x0a, []byte{0x10, 0xff, 0xff, 0xff, 0xff, 0x0f}), `{"at":{"seconds":0,"nanos":-1}}`},
		{field(0x12, append(field(0x0a, []byte("x/no.Such")), 0x12, 1, 'v')), `{"any":{"type_url":"x/no.Such","value":"dg=="}}`},
	} {
		got, err := decode(append([]byte{0}, c.payload...))
		if err != nil || string(got) != c.want {
			t.Errorf("%x: %s (%v), want %s", c.payload, got, err, c.want)
		}
	}
	held := []byte{}
	for range 1000 {
		url := []byte("x/google.protobuf.Any")
		held = append(append([]byte{0x0a, byte(len(url))}, url...), append(protoLength(0x12, len(held)), held...)...)
	}
	got, err := decode(append(append([]byte{0}, protoLength(0x12, len(held))...), held...))
	if err != nil || strings.Count(string(got), "@type") != maxAnys {
		t.Errorf("%v: %.200s", err, got)
	}
}

func protoLength(tag byte, n int) []byte {
	b := []byte{tag}
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}
