package registry

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"inv/internal/jsonscan"
	"inv/internal/kafka/fetch"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"
	"google.golang.org/protobuf/encoding/protowire"
)

const avroOrder = `{"type":"record","name":"Order","fields":[{"name":"id","type":"string"},{"name":"total","type":"double"},{"name":"line","type":["null","Line"]},{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}}]}`

const avroLine = `{"type":"record","name":"Line","fields":[{"name":"quantity","type":"int"}]}`

const protoOrder = `syntax = "proto3"; package shop; import "line.proto"; import "google/protobuf/timestamp.proto";
message Order { string id = 1; Line line = 2; message Note { string text_of_it = 1; } google.protobuf.Timestamp at = 3; }`

const protoLine = `syntax = "proto3"; package shop; message Line { int64 quantity = 1; }`

// registry returns a client of a fake schema registry.
func registry(t testing.TB) *sr.Client {
	t.Helper()
	r := srfake.New()
	t.Cleanup(r.Close)
	r.SeedSchema("line-avro", 1, 1, sr.Schema{Schema: avroLine, Type: sr.TypeAvro})
	r.SeedSchema("order-avro", 1, 2, sr.Schema{Schema: avroOrder, Type: sr.TypeAvro, References: []sr.SchemaReference{{Name: "Line", Subject: "line-avro", Version: 1}}})
	r.SeedSchema("line-proto", 1, 3, sr.Schema{Schema: protoLine, Type: sr.TypeProtobuf})
	r.SeedSchema("order-proto", 1, 4, sr.Schema{Schema: protoOrder, Type: sr.TypeProtobuf, References: []sr.SchemaReference{{Name: "line.proto", Subject: "line-proto", Version: 1}}})
	r.SeedSchema("order-json", 1, 5, sr.Schema{Schema: `{"type":"object"}`, Type: sr.TypeJSON})
	r.SeedSchema("orders-key", 1, 6, sr.Schema{Schema: `"string"`, Type: sr.TypeAvro})
	client, err := sr.NewClient(sr.URLs(r.URL()))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func framed(id uint32, payload ...byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, id), payload...)
}

func avroPayload(t testing.TB) []byte {
	t.Helper()
	var cache avro.SchemaCache
	if _, err := cache.Parse(avroLine); err != nil {
		t.Fatal(err)
	}
	s, err := cache.Parse(avroOrder)
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Encode(map[string]any{"id": "order-1", "total": 79.99, "line": map[string]any{"quantity": 2}, "at": int64(1625097600000)})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func protoPayload() []byte {
	b := protowire.AppendTag(nil, 1, protowire.BytesType)
	b = protowire.AppendString(b, "order-1")
	line := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 2)
	b = protowire.AppendTag(b, 2, protowire.BytesType)
	return protowire.AppendBytes(b, line)
}

func TestDecode(t *testing.T) {
	d := NewDecoder(t.Context(), registry(t), Detect, Detect)
	note := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "hi")
	for _, c := range []struct {
		name       string
		value      []byte
		want, says string
	}{
		{"avro with a reference", framed(2, avroPayload(t)...), `{"id":"order-1","total":79.99,"line":{"quantity":2},"at":"2021-07-01T00:00:00.000Z"}`, ""},
		{"protobuf with a reference", framed(4, append([]byte{0}, protoPayload()...)...), `{"id":"order-1","line":{"quantity":2}}`, ""},
		{"a nested message", framed(4, append([]byte{4, 0, 0}, note...)...), `{"text_of_it":"hi"}`, ""},
		{"JSON Schema", framed(5, []byte(`{ "a" : 1 }`)...), `{"a":1}`, ""},
		{"not framed", []byte(`{"a":1}`), `{"a":1}`, ""},
		{"null", nil, "", ""},
		{"an unknown schema", framed(99, 1, 2), string(framed(99, 1, 2)), "schema 99"},
		{"avro cut short", framed(2, 2), string(framed(2, 2)), "decoding the value by schema 2"},
		{"avro with a trailing byte", framed(2, append(avroPayload(t), 0)...), string(framed(2, append(avroPayload(t), 0)...)), "1 bytes are left over"},
		{"protobuf of an unknown message", framed(4, 2, 14), string(framed(4, 2, 14)), "no message at [7]"},
		{"protobuf with a malformed path", framed(4, 0xff), string(framed(4, 0xff)), "malformed"},
		{"JSON Schema without JSON", framed(5, '{'), string(framed(5, '{')), "not JSON"},
	} {
		r := &fetch.Record{Value: c.value}
		err := d.Decode(r, func() {})
		if string(r.Value) != c.want || (r.Value == nil) != (c.value == nil) {
			t.Errorf("%s: %q, want %q", c.name, r.Value, c.want)
		}
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.says)
		}
	}
}

func TestStringKey(t *testing.T) {
	d := NewDecoder(t.Context(), registry(t), Detect, Detect)
	r := &fetch.Record{Topic: "orders", Key: framed(6, 4, 'h', 'i'), Value: []byte("v")}
	if err := d.Decode(r, func() {}); err != nil || !bytes.Equal(r.Key, []byte("hi")) {
		t.Errorf("key %q (%v)", r.Key, err)
	}
	r = &fetch.Record{Key: []byte(`"hi"`)} // JSON that no schema decoded
	if err := d.Decode(r, func() {}); err != nil || string(r.Key) != `"hi"` {
		t.Errorf("key %q (%v)", r.Key, err)
	}
}

func TestNoRegistry(t *testing.T) {
	client, err := sr.NewClient(sr.URLs("http://127.0.0.1:1"))
	if err != nil {
		t.Fatal(err)
	}
	r := &fetch.Record{Value: framed(2, 1)}
	if err := NewDecoder(t.Context(), client, Detect, Detect).Decode(r, func() {}); err == nil || !strings.Contains(err.Error(), "asking the registry") {
		t.Errorf("error %v", err)
	}
}

// Any payload becomes JSON or stays unchanged.
func FuzzDecode(f *testing.F) {
	d := NewDecoder(f.Context(), registry(f), Detect, Detect)
	f.Add(uint32(2), avroPayload(f))
	f.Add(uint32(4), append([]byte{0}, protoPayload()...))
	f.Add(uint32(5), []byte(`{"a":[1]}`))
	f.Fuzz(func(t *testing.T, id uint32, payload []byte) {
		value := framed(1+id%7, payload...)
		r := &fetch.Record{Value: value}
		err := d.Decode(r, func() {})
		_, valid := jsonscan.Valid(r.Value)
		if err == nil && len(payload) > 0 && !valid {
			t.Fatalf("%x became %q", value, r.Value)
		}
		if err != nil && !bytes.Equal(r.Value, value) {
			t.Fatalf("%x was changed to %q though %v", value, r.Value, err)
		}
	})
}

func FuzzMessagePath(f *testing.F) {
	f.Add([]byte{4, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		path, rest, err := messagePath(b)
		if err == nil && (len(path) == 0 || len(rest) > len(b)) {
			t.Errorf("%v of %x leaves %x", path, b, rest)
		}
	})
}
