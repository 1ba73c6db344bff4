package registry_test

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"inv/internal/kafka/fetch"
	"inv/internal/registry"
	"inv/internal/registry/registrytest"

	"github.com/twmb/franz-go/pkg/sr"
)

const (
	orderV1 = `{"type":"record","name":"Order","fields":[{"name":"id","type":"string"},{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}}]}`
	orderV2 = `{"type":"record","name":"Order","fields":[{"name":"id","type":"string"},{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"note","type":"string","default":""}]}`
	protoV1 = `syntax = "proto3"; message Other { string x = 1; } message Order { string id = 1; }`
)

// registered returns the IDs of schemas of a registry: two versions of an order, one in
// Protobuf, and the schema of keys.
func registered(r *registrytest.Registry) (v1, v2, proto, key int) {
	v1 = r.Register("orders-value", sr.Schema{Schema: orderV1, Type: sr.TypeAvro}).ID
	v2 = r.Register("orders-value", sr.Schema{Schema: orderV2, Type: sr.TypeAvro}).ID
	proto = r.Register("proto-value", sr.Schema{Schema: protoV1, Type: sr.TypeProtobuf}).ID
	key = r.Register("orders-key", sr.Schema{Schema: `"string"`, Type: sr.TypeAvro}).ID
	return v1, v2, proto, key
}

func frameOf(id int, payload string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(id)), payload...)
}

func inHeader(name string, id int, index string) []fetch.Header {
	return []fetch.Header{{Key: "other", Value: []byte("x")}, {Key: name, Value: frameOf(id, index)}}
}

// What is shown of a topic with a format has the style Data, by the schema that it was
// written with; topics without one are displayed.
func TestShown(t *testing.T) {
	r := registrytest.New(t)
	v1, v2, proto, key := registered(r)
	shown := registry.NewShown(t.Context(), r.Client(), registry.ShownOptions{
		KeyTopics: []string{"orders"}, ValueTopics: []string{"orders", "proto"},
	})
	for _, tt := range []struct {
		name, topic string
		key, value  []byte
		headers     []fetch.Header
		wantKey     string
		want        string
		fails       string
	}{
		{name: "the first version", topic: "orders", key: frameOf(key, "\x04k1"), value: frameOf(v1, "\x04o1\x02"), wantKey: "k1", want: `{"id":"o1","at":1}`},
		{name: "the second version", topic: "orders", value: frameOf(v2, "\x04o2\x04\x04hi"), want: `{"id":"o2","at":2,"note":"hi"}`},
		{name: "an ID in a header", topic: "orders", value: []byte("\x04o3\x06"), headers: inHeader("__value_schema_id", v1, ""), want: `{"id":"o3","at":3}`},
		{name: "eight bytes", topic: "orders", value: frameOf(v1, "\x02a\x02"), want: `{"id":"a","at":1}`},
		{name: "Protobuf", topic: "proto", value: frameOf(proto, "\x02\x02\x0a\x02o4"), want: `{"id":"o4"}`},
		{name: "Protobuf, with a header", topic: "proto", value: []byte("\x0a\x02o5"), headers: inHeader("__value_schema_id", proto, "\x02\x02"), want: `{"id":"o5"}`},
		{name: "a tombstone", topic: "orders", key: frameOf(key, "\x04k1"), wantKey: "k1"},
		{name: "JSON from before", topic: "orders", value: []byte(`{"id": "o6"}`), want: `{"id": "o6"}`},
		{name: "truncated", topic: "orders", value: frameOf(v1, "\x04o"), fails: "decoding the value by schema 1: "},
		{name: "an unknown ID", topic: "orders", value: frameOf(77, "\x04o1\x02"), fails: "the registry does not have schema 77 of the value"},
		{name: "no frame", topic: "orders", value: []byte("text"), fails: "no schema ID"},
		{name: "only the key is broken", topic: "orders", key: []byte("k"), value: frameOf(v1, "\x04o1\x02"), wantKey: "k", want: `{"id":"o1","at":1}`, fails: "the key has no schema ID"},
		{name: "a topic without a format", topic: "other", value: frameOf(v1, "\x04o1\x02"), want: `{"id":"o1","at":"1970-01-01T00:00:00.001Z"}`},
		{name: "bytes of a topic without a format", topic: "other", value: []byte("text"), want: "text"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := shown.Reader()
			one := &fetch.Record{Topic: tt.topic, Key: tt.key, Value: tt.value}
			one.SetHeaders(tt.headers)
			err := d.Decode(one, func() {})
			if tt.want == "" && tt.value != nil {
				tt.want = string(tt.value)
			}
			if string(one.Key) != tt.wantKey || string(one.Value) != tt.want || (one.Value == nil) != (tt.value == nil) {
				t.Errorf("%q, %q; want %q, %q", one.Key, one.Value, tt.wantKey, tt.want)
			}
			if (err != nil) != (tt.fails != "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
				t.Errorf("error %v, want %q", err, tt.fails)
			}
		})
	}
}

// One reader's memory serves all records of a topic, and nothing waits for the registry
// if it may not.
func TestReaderUsesItsMemoryAgain(t *testing.T) {
	r := registrytest.New(t)
	v1, _, _, key := registered(r)
	d := registry.NewShown(t.Context(), r.Client(), registry.ShownOptions{KeyTopics: []string{"orders"}, ValueTopics: []string{"orders"}}).Reader()
	k, v := frameOf(key, "\x04k1"), frameOf(v1, "\x04o1\x02")
	one := &fetch.Record{Topic: "orders"}
	one.SetHeaders([]fetch.Header{{Key: "ce_type", Value: []byte("inventory.order.v1")}})
	decode := func(wait func()) error {
		one.Key, one.Value = k, v
		return d.Decode(one, wait)
	}
	var e *registry.Error
	if err := decode(nil); !errors.As(err, &e) || !e.Waits() || string(one.Value) != string(v) {
		t.Fatalf("before the registry was asked: %q, %v", one.Value, err)
	}
	if err := decode(func() {}); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() {
		if err := decode(nil); err != nil || string(one.Key) != "k1" || string(one.Value) != `{"id":"o1","at":1}` {
			t.Fatalf("%q %q %v", one.Key, one.Value, err)
		}
	}); n > 0 {
		t.Errorf("%v allocations a record", n)
	}
	r.SetAway(true)
	one.Key, one.Value = nil, frameOf(99, "x")
	if err := d.Decode(one, func() {}); !errors.As(err, &e) || !e.Away() {
		t.Errorf("while the registry is away: %v", err)
	}
}
