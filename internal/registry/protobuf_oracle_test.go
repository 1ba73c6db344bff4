package registry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// protoKinds has every kind of field in proto3, and what google.protobuf has a form for.
const protoKinds = `syntax = "proto3"; package t;
import "google/protobuf/timestamp.proto"; import "google/protobuf/duration.proto"; import "google/protobuf/wrappers.proto";
import "google/protobuf/struct.proto"; import "google/protobuf/any.proto"; import "google/protobuf/field_mask.proto"; import "google/protobuf/empty.proto";
message All {
  enum Color { RED = 0; BLUE = 2; BLACK = -1; }
  double double = 1; float float = 2; int32 int32 = 3; int64 int64 = 4; uint32 uint32 = 5; uint64 uint64 = 6; sint32 sint32 = 7; sint64 sint64 = 8;
  fixed32 fixed32 = 9; fixed64 fixed64 = 10; sfixed32 sfixed32 = 11; sfixed64 sfixed64 = 12; bool bool = 13; string string = 14; bytes bytes = 15;
  Color color = 16; Part part = 17;
  repeated double doubles = 21; repeated float floats = 22; repeated int32 int32s = 23; repeated sint64 sint64s = 28; repeated fixed32 fixed32s = 29;
  repeated sfixed64 sfixed64s = 32; repeated bool bools = 33; repeated string strings = 34; repeated bytes many_bytes = 35; repeated Color colors = 36;
  repeated Part parts = 37; repeated int64 loose = 38 [packed = false];
  optional double may_double = 41; optional int32 may_int32 = 43; optional bool may_bool = 53; optional string may_string = 54; optional bytes may_bytes = 55; optional Color may_color = 56;
  map<string, int64> by_string = 61; map<int32, string> by_int32 = 62; map<bool, Part> by_bool = 63; map<uint64, Color> by_uint64 = 64; map<sint64, bytes> by_sint64 = 65; map<fixed32, double> by_fixed32 = 66;
  oneof choice { int32 number = 71; string text = 72; Part of = 73; Color shade = 74; }
  google.protobuf.Timestamp at = 81; google.protobuf.Duration took = 82; google.protobuf.FieldMask mask = 83; google.protobuf.Struct struct = 84; google.protobuf.Value value = 85;
  google.protobuf.ListValue list = 86; google.protobuf.Any any = 87; google.protobuf.Empty empty = 88; google.protobuf.Int64Value int64_value = 89; google.protobuf.StringValue string_value = 90;
  google.protobuf.BytesValue bytes_value = 91; google.protobuf.BoolValue bool_value = 92; google.protobuf.DoubleValue double_value = 93; google.protobuf.UInt32Value uint32_value = 94;
  google.protobuf.NullValue null_value = 95; repeated google.protobuf.Timestamp times = 96; map<string, google.protobuf.Value> values = 97; repeated google.protobuf.Int32Value int32_values = 98;
  bool late = 5000; string out_of_order = 20;
}
message Part { string name = 1; int64 count = 2; Piece piece = 3; repeated Piece pieces = 4; }
message Piece { optional sint32 size = 1; string of = 2; }`

// proto2Kinds has what only proto2 has, and messages that hold themselves.
const proto2Kinds = `syntax = "proto2"; package t2;
message All {
  required int32 id = 1; optional string name = 2 [default = "none"]; repeated int64 loose = 3; repeated int64 tight = 4 [packed = true];
  optional group Inner = 5 { optional int32 a = 1; optional All all = 2; } repeated group Many = 6 { required bool b = 1; }
  enum Color { RED = 1; BLUE = 2; } optional Color color = 7 [default = BLUE]; repeated Color colors = 8; optional All all = 9; map<string, All> table = 10;
  oneof one { All first = 11; string second = 12; group Third = 13 { optional All all = 1; } }
  extensions 100 to 200;
}
extend All { optional int32 extra = 100; }`

// oracle is a message read and written by the Protobuf library.
type oracle struct {
	schema  *Schema // our own, of the same message
	plan    *protoMessage
	message protoreflect.MessageDescriptor
	json    protobufJSON
}

func newOracle(t testing.TB, text string) *oracle {
	t.Helper()
	compiled, err := (&protocompile.Compiler{Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{
		Accessor: protocompile.SourceAccessorFromMap(map[string]string{mainFile: text})})}).Compile(t.Context(), mainFile)
	if err != nil {
		t.Fatal(err)
	}
	file, err := parseProtobuf(t.Context(), Source{Form: Protobuf, Text: text})
	if err != nil {
		t.Fatal(err)
	}
	schema, err := file.at([]int{0})
	if err != nil {
		t.Fatal(err)
	}
	return &oracle{schema, file.compiler.messages[schema.message.FullName()], compiled[0].Messages().Get(0), protobufJSON{types: linker.ResolverFromFile(compiled[0])}}
}

// encode writes a value in both ways, which must be the same.
func (o *oracle) encode(t testing.TB, text []byte) ([]byte, error) {
	t.Helper()
	quick, careful := protoEncoder{types: o.schema.protoTypes}, protoEncoder{types: o.schema.protoTypes, careful: 1}
	got, err := quick.run(nil, o.plan, text)
	want, wantErr := careful.run(nil, o.plan, text)
	if fmt.Sprint(err) != fmt.Sprint(wantErr) || err == nil && !bytes.Equal(got, want) {
		t.Fatalf("%s: %x (%v) while it is read, %x (%v) afterwards", text, got, err, want, wantErr)
	}
	return got, err
}

// check compares what both make of a payload.
func (o *oracle) check(t testing.TB, payload []byte) {
	t.Helper()
	m := dynamicpb.NewMessage(o.message)
	wantErr, panics := unmarshal(payload, m)
	if panics {
		o.schema.Decode(nil, payload, Display)
		return
	}
	got, err := o.schema.Decode(nil, payload, Display)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("%x: %v, the library %v", payload, err, wantErr)
	}
	if err != nil {
		return
	}
	if want := o.json.appendMessage(nil, m); !bytes.Equal(got, want) {
		t.Fatalf("%x\n got %s\nwant %s", payload, got, want)
	}
	data, err := o.schema.Decode([]byte("x"), payload, Data)
	if err != nil || !json.Valid(data[1:]) {
		t.Fatalf("%x: %q, %v", payload, data, err)
	}
}

// unmarshal reads a payload with the library, which panics if a key of a map comes again
// with another wire type.
func unmarshal(payload []byte, m *dynamicpb.Message) (err error, panics bool) {
	defer func() { panics = recover() != nil }()
	return proto.Unmarshal(payload, m), false
}

// back checks that the JSON of a message is written as the same message.
func (o *oracle) back(t testing.TB, m *dynamicpb.Message) {
	t.Helper()
	payload, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	o.check(t, payload)
	for _, form := range []func() ([]byte, error){
		func() ([]byte, error) { return o.schema.Decode(nil, payload, Display) },
		func() ([]byte, error) { return o.schema.Decode(nil, payload, Data) },
		func() ([]byte, error) { return protojson.MarshalOptions{Resolver: o.json.types}.Marshal(m) },
	} {
		text, err := form()
		if err != nil {
			t.Fatal(err)
		}
		written, err := o.encode(t, text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		again := dynamicpb.NewMessage(o.message)
		if err := proto.Unmarshal(written, again); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if !proto.Equal(again, m) {
			t.Fatalf("%s\n got %v\nwant %v", text, again, m)
		}
	}
}

func TestProtobufLikeTheLibrary(t *testing.T) {
	o := newOracle(t, protoKinds)
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		m := dynamicpb.NewMessage(o.message)
		fill(random, m, 0)
		o.back(t, m)
	}
}

// Fields in any order, lists in parts and messages that are merged are read as the library
// reads them.
func TestProtobufInParts(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for _, text := range []string{protoKinds, proto2Kinds} {
		o := newOracle(t, text)
		for range 200 {
			var fields [][]byte
			for range 1 + random.IntN(3) {
				m := dynamicpb.NewMessage(o.message)
				fill(random, m, 0)
				payload, err := proto.MarshalOptions{AllowPartial: true}.Marshal(m)
				if err != nil {
					t.Fatal(err)
				}
				for len(payload) > 0 {
					_, _, n := protowire.ConsumeField(payload)
					fields, payload = append(fields, payload[:n]), payload[n:]
				}
			}
			o.check(t, bytes.Join(fields, nil))
			random.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
			o.check(t, bytes.Join(fields, nil))
		}
	}
}

// fill sets some fields of a message.
func fill(random *rand.Rand, m protoreflect.Message, depth int) {
	if fillKnown(random, m, depth) {
		return
	}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if random.IntN(3) > 0 || depth > 3 {
			continue
		}
		switch {
		case f.IsMap():
			table := m.Mutable(f).Map()
			for range random.IntN(4) {
				table.Set(scalar(random, f.MapKey()).MapKey(), element(random, table.NewValue(), f.MapValue(), depth))
			}
		case f.IsList():
			list := m.Mutable(f).List()
			for range random.IntN(5) {
				list.Append(element(random, list.NewElement(), f, depth))
			}
		default:
			m.Set(f, element(random, m.NewField(f), f, depth))
		}
	}
}

func element(random *rand.Rand, room protoreflect.Value, f protoreflect.FieldDescriptor, depth int) protoreflect.Value {
	if f.Message() == nil {
		return scalar(random, f)
	}
	fill(random, room.Message(), depth+1)
	return room
}

func fillKnown(random *rand.Rand, m protoreflect.Message, depth int) bool {
	fields := m.Descriptor().Fields()
	set := func(name protoreflect.Name, v any) { m.Set(fields.ByName(name), protoreflect.ValueOf(v)) }
	switch m.Descriptor().FullName() {
	case "google.protobuf.Timestamp":
		set("seconds", random.Int64N(maxTimestamp-minTimestamp)+minTimestamp)
		set("nanos", []int32{0, 1e6, 123e6, 999_999_999, 1000, 5}[random.IntN(6)])
	case "google.protobuf.Duration":
		sign := int64(1 - 2*random.IntN(2))
		set("seconds", sign*random.Int64N(maxDuration))
		set("nanos", int32(sign)*[]int32{0, 1e6, 123e6, 999_999_999, 1000, 5}[random.IntN(6)])
	case "google.protobuf.FieldMask":
		list := m.Mutable(fields.ByName("paths")).List()
		for _, path := range []string{"a", "a_b.c", "x.y_z"}[:random.IntN(4)] {
			list.Append(protoreflect.ValueOf(path))
		}
	case "google.protobuf.Any":
		if held := []string{"", "\x0a\x01a", "\x10\x05"}[random.IntN(3)]; random.IntN(3) > 0 {
			set("type_url", "x/t.Part")
			set("value", []byte(held))
		}
	case "google.protobuf.Value":
		f := fields.Get(random.IntN(fields.Len()))
		if depth > 3 {
			f = fields.ByName("null_value")
		}
		switch v := element(random, m.NewField(f), f, depth); {
		case f.Name() == "number_value":
			m.Set(f, protoreflect.ValueOf(random.NormFloat64()*math.Pow10(random.IntN(40)-20)))
		case f.Enum() != nil:
			m.Set(f, protoreflect.ValueOfEnum(0))
		default:
			m.Set(f, v)
		}
	default:
		return false
	}
	return true
}

func scalar(random *rand.Rand, f protoreflect.FieldDescriptor) protoreflect.Value {
	texts := []string{"", "a", "é\u2028\x1b\u202e", "\b\f\n\"\\/", fmt.Sprintf("%0200d", random.IntN(10)), "<&>", "\U0001f600"}
	bits := random.Uint64() >> random.IntN(64)
	switch f.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOf(bits%2 == 0)
	case protoreflect.EnumKind:
		if f.Enum().FullName() == "google.protobuf.NullValue" {
			return protoreflect.ValueOfEnum(0)
		}
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(random.IntN(5) - 2))
	case protoreflect.StringKind:
		return protoreflect.ValueOf(texts[random.IntN(len(texts))])
	case protoreflect.BytesKind:
		return protoreflect.ValueOf([]byte(fmt.Sprintf("%*x", random.IntN(5), bits))[:random.IntN(4)])
	case protoreflect.FloatKind:
		v := math.Float32frombits(uint32(random.Uint64()))
		if v != v {
			v = 0
		}
		return protoreflect.ValueOf(v)
	case protoreflect.DoubleKind:
		v := math.Float64frombits(random.Uint64())
		if v != v {
			v = math.Inf(-1)
		}
		return protoreflect.ValueOf(v)
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOf(int32(bits))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOf(-int64(bits))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOf(uint32(bits))
	}
	return protoreflect.ValueOf(bits)
}

func FuzzProtobufDecode(f *testing.F) {
	all, two := newOracle(f, protoKinds), newOracle(f, proto2Kinds)
	random := rand.New(rand.NewPCG(3, 4))
	for range 30 {
		m := dynamicpb.NewMessage(all.message)
		fill(random, m, 0)
		b, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	group := protowire.AppendTag([]byte{8, 1}, 5, protowire.StartGroupType)
	f.Add(append(group, 8, 1, 5<<3|4))
	f.Add([]byte{8, 1, 11<<3 | 2, 2, 8, 2, 12<<3 | 2, 1, 'a', 11<<3 | 2, 2, 8, 3})
	f.Add([]byte{8, 1, 9<<3 | 2, 0, 9<<3 | 2, 2, 8, 7, 3<<3 | 2, 2, 1, 2, 3 << 3, 3})
	f.Add([]byte{8, 1, 10<<3 | 2, 4, 10, 1, 'k', 8, 1})
	f.Fuzz(func(t *testing.T, payload []byte) {
		all.check(t, payload)
		two.check(t, payload)
	})
}

// What is written can be read, and is written again as the same bytes. It is the message
// that the library makes of ProtoJSON.
func FuzzProtobufEncode(f *testing.F) {
	o, two := newOracle(f, protoKinds), newOracle(f, `syntax = "proto2"; message M { required int32 id = 1; optional group Part = 2 { repeated sint64 n = 3 [packed = true]; } enum E { ONE = 1; } repeated E e = 4; }`)
	random := rand.New(rand.NewPCG(7, 8))
	for range 30 {
		m := dynamicpb.NewMessage(o.message)
		fill(random, m, 1)
		b, err := protojson.MarshalOptions{Resolver: o.json.types}.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"id":1,"part":{"n":[1,-2]},"e":["ONE"]}`))
	f.Add([]byte(`{"at":1625097600123.5,"took":"-1.5s","int32":2e3,"bytes":"-_8","color":-1,"any":{"@type":"x/t.Part","count":"5"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, o := range []*oracle{o, two} {
			sch := o.schema
			b, err := o.encode(t, text)
			if err != nil {
				continue
			}
			if err := proto.Unmarshal(b, dynamicpb.NewMessage(sch.Message())); err != nil {
				t.Fatalf("%s: %x: %v", text, b, err)
			}
			data, err := sch.Decode(nil, b, Data)
			if err != nil {
				t.Fatalf("%s: %x: %v", text, b, err)
			}
			again, err := sch.Encode(nil, data)
			if err != nil {
				t.Fatalf("%s: %s: %v", text, data, err)
			}
			if once, err := sch.Decode(nil, again, Data); err != nil || !bytes.Equal(once, data) {
				t.Fatalf("%s: %s, then %s (%v)", text, data, once, err)
			}
		}
		m := dynamicpb.NewMessage(o.message)
		if !json.Valid(text) || (protojson.UnmarshalOptions{Resolver: o.json.types}).Unmarshal(text, m) != nil {
			return // the library takes 0e for a number
		}
		b, err := o.schema.Encode(nil, text)
		if err != nil {
			return // the library rounds, and takes 00 for a key and .s for a duration
		}
		ours := dynamicpb.NewMessage(o.message)
		if err := proto.Unmarshal(b, ours); err != nil || !proto.Equal(m, ours) {
			t.Fatalf("%s: %v (%v), want %v", text, ours, err, m)
		}
	})
}

// No schema, payload and value are more than an error.
func FuzzProtobufSchema(f *testing.F) {
	for _, text := range []string{protoKinds, proto2Kinds, protoSpeed, protoAll, `edition = "2023"; message M { int32 a = 1 [features.field_presence = IMPLICIT]; }`,
		`syntax = "proto3"; package google.protobuf; message Any { string a = 1; } message Timestamp { bool b = 7; }`,
		`syntax = "proto3"; package google.protobuf; message Value { Color a = 1; double b = 2; string c = 3; bool d = 4; Struct e = 5; ListValue f = 6; } enum Color { A = 0; } message Struct { map<int32, string> fields = 1; } message ListValue { repeated Struct values = 1; }`} {
		f.Add(text, []byte{8, 1, 0x12, 0}, []byte(`{"a":1,"id":"x"}`))
	}
	f.Fuzz(func(t *testing.T, text string, payload, value []byte) {
		file, err := parseProtobuf(t.Context(), Source{Form: Protobuf, Text: text})
		if err != nil {
			return
		}
		sch, err := file.at([]int{0})
		if err != nil {
			return
		}
		if got, err := sch.Decode(nil, payload, Data); err == nil && !json.Valid(got) {
			t.Errorf("%x became %q", payload, got)
		}
		if b, err := sch.Encode(nil, value); err == nil {
			if _, err := sch.Decode(nil, b, Data); err != nil {
				t.Errorf("%s became %x: %v", value, b, err)
			}
		}
		Fit(sch, objectOf(fieldOf("a", enumShape)))
		if decode, err := sch.Resolved(sch); err == nil {
			decode(nil, payload)
		}
	})
}
