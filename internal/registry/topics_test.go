package registry_test

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"inv/internal/registry"
	"inv/internal/registry/registrytest"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
)

const (
	protobufOrder = `syntax = "proto3"; package shop; message Other { string x = 1; } message Order { string id = 1; int64 total = 2; message Line { int32 quantity = 1; } repeated Line lines = 3; }`
	jsonOrder     = `{"type":"object","title":"Order","properties":{"id":{"type":"string"},"total":{"type":"integer"}},"required":["id"]}`
)

// orders are schemas of the same record in each form.
func orders(t *testing.T) map[string]*registry.Schema {
	t.Helper()
	return map[string]*registry.Schema{
		"avro":        avroOf(t, idField+`,{"name":"total","type":["null","long"],"default":null}`),
		"protobuf":    compile(t, registry.Source{Form: registry.Protobuf, Text: protobufOrder, Message: "shop.Order"}),
		"json_schema": compile(t, registry.Source{Form: registry.JSONSchema, Text: jsonOrder}),
	}
}

// open opens the topic orders for writing and reading.
func open(t *testing.T, r *registrytest.Registry, f registry.Format) *registry.Topics {
	t.Helper()
	topics, err := registry.Open(t.Context(), r.Client(), []registry.TopicFormat{{Topic: "orders", Key: &f, Value: &f, Writes: true}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return topics
}

// record writes a value, or a key.
func record(t *testing.T, w *registry.Writer, json string, key bool) *kgo.Record {
	t.Helper()
	b, err := w.Append(nil, []byte(json))
	if err != nil {
		t.Fatal(err)
	}
	r := &kgo.Record{Topic: "orders", Value: b}
	if key {
		r.Key, r.Value = b, nil
	}
	if w.Header.Key != "" {
		r.Headers = []kgo.RecordHeader{{Key: "other", Value: []byte("x")}, w.Header}
	}
	return r
}

// What is written is read, in each form, with the ID in the value and in a header, and
// without allocations in the room that is given.
func TestWritesAndReads(t *testing.T) {
	const want = `{"id":"o-1","total":5}`
	for form, sch := range orders(t) {
		for _, inHeader := range []bool{false, true} {
			r := registrytest.New(t)
			topics := open(t, r, registry.Format{Schema: sch, Register: true, InHeader: inHeader})
			value := record(t, topics.Writer("orders", false), want, false)
			key := record(t, topics.Writer("orders", true), want, true)
			got, err := topics.Value(nil, value)
			if err != nil || trimLines(got) != want {
				t.Errorf("%s, in a header %v: %s (%v)", form, inHeader, got, err)
			}
			if got, err := topics.Key(nil, key); err != nil || trimLines(got) != want {
				t.Errorf("%s, key in a header %v: %s (%v)", form, inHeader, got, err)
			}
			asked := r.Requests()
			room := make([]byte, 0, 1024)
			if n := testing.AllocsPerRun(100, func() { _, _ = topics.Value(room, value) }); n != 0 && !registry.RaceEnabled {
				t.Errorf("%s, in a header %v: %v allocations a record", form, inHeader, n)
			}
			if r.Requests() != asked {
				t.Errorf("%s: %d requests more", form, r.Requests()-asked)
			}
		}
	}
}

// trimLines leaves out the list that Protobuf has where it is empty.
func trimLines(b []byte) string { return strings.Replace(string(b), `,"lines":[]`, "", 1) }

func TestKeysOfText(t *testing.T) {
	r := registrytest.New(t)
	topics := open(t, r, registry.Format{Schema: compile(t, registry.Source{Form: registry.Avro, Text: `"string"`}), Register: true})
	if got, err := topics.Key(nil, record(t, topics.Writer("orders", true), `"k\"1"`, true)); err != nil || string(got) != `k"1` {
		t.Errorf("%s (%v)", got, err)
	}
}

// Records of earlier and later versions are read as the topic's schema has them.
func TestResolves(t *testing.T) {
	r := registrytest.New(t)
	before := open(t, r, registry.Format{Schema: avroOf(t, `{"name":"id","type":"string"},{"name":"qty","type":"int"},{"name":"gone","type":"string"}`), Register: true})
	old := record(t, before.Writer("orders", false), `{"id":"o-1","qty":3,"gone":"x"}`, false)
	after := open(t, r, registry.Format{Schema: avroOf(t, `{"name":"id","type":"string"},{"name":"quantity","type":"long","aliases":["qty"]},{"name":"note","type":"string","default":"-"}`), Register: true})
	if got, err := after.Value(nil, old); err != nil || string(got) != `{"id":"o-1","quantity":3,"note":"-"}` {
		t.Errorf("%s (%v)", got, err)
	}
	// Schemas that can't be resolved, and forms that differ, are errors of the record.
	r.SetLevel("orders-value", "NONE")
	r.SetLevel("orders-key", "NONE")
	for _, text := range []string{`{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"id","type":"boolean"}]}`, `"string"`} {
		other := open(t, r, registry.Format{Schema: compile(t, registry.Source{Form: registry.Avro, Text: text}), Register: true})
		if _, err := other.Value(nil, old); err == nil {
			t.Errorf("read by %s", text)
		}
	}
	other := open(t, r, registry.Format{Schema: orders(t)["protobuf"], Register: true})
	var e *registry.Error
	if _, err := other.Value(nil, old); !errors.As(err, &e) || e.Away() || e.Unsure() {
		t.Errorf("another form: %v", err)
	}
}

// The message of a Protobuf record is the one that its index names.
func TestProtobufIndex(t *testing.T) {
	r := registrytest.New(t)
	topics := open(t, r, registry.Format{Schema: orders(t)["protobuf"], Register: true})
	w := topics.Writer("orders", false)
	for _, tt := range []struct{ index, payload, want string }{
		{"\x02\x02", "\x0a\x01a", `{"id":"a","total":0}`}, // the second message
		{"", "", ""},                  // nothing at all
		{"\x02\x08", "\x0a\x01a", ""}, // one that the file does not have
		{"\x01", "\x0a\x01a", ""},     // a negative length
		{"\xff\xff", "", ""},          // cut short
		{"\x02\x02", "\x0a\x05a", ""}, // a payload that is cut short
	} {
		b := append(append([]byte(nil), w.Prefix[:5]...), tt.index+tt.payload...)
		got, err := topics.Value(nil, &kgo.Record{Topic: "orders", Value: b})
		if (err != nil) != (tt.want == "") || trimLines(got) != tt.want {
			t.Errorf("%x %x: %s (%v), want %s", tt.index, tt.payload, got, err, tt.want)
		}
	}
}

func TestUnframed(t *testing.T) {
	for form, sch := range orders(t) {
		r := registrytest.New(t)
		topics := open(t, r, registry.Format{Schema: sch, Register: true})
		for _, tt := range []struct {
			value []byte
			ok    bool
		}{
			{nil, true}, {[]byte(`{"id": "old"}`), true}, {[]byte("3"), true}, {[]byte(""), false}, {[]byte("{"), false}, {[]byte("\x00\x00"), false},
		} {
			got, err := topics.Value(nil, &kgo.Record{Topic: "orders", Value: tt.value})
			if (err == nil) != tt.ok || tt.ok && string(got) != string(tt.value) || (got == nil) != (tt.value == nil || !tt.ok) {
				t.Errorf("%s: %q: %q (%v)", form, tt.value, got, err)
			}
		}
		plain := &kgo.Record{Topic: "other", Value: []byte("\xffx"), Key: []byte("k")}
		value, err := topics.Value(nil, plain)
		key, keyErr := topics.Key(nil, plain)
		if string(value) != "\xffx" || string(key) != "k" || err != nil || keyErr != nil {
			t.Errorf("%s: another topic: %q %q (%v, %v)", form, key, value, err, keyErr)
		}
	}
	topics, err := registry.Open(t.Context(), nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	framed := &kgo.Record{Topic: "orders", Value: []byte("\x00\x00\x00\x00\x01x")}
	if got, err := topics.Value(nil, framed); err != nil || string(got) != string(framed.Value) {
		t.Errorf("without a registry: %q (%v)", got, err)
	}
}

// IDs that the registry does not have are errors of their records, however many there
// are; the next schema is found all the same. While the registry is away nothing is
// known of a record.
func TestUnknownIDs(t *testing.T) {
	r := registrytest.New(t)
	topics := open(t, r, registry.Format{Schema: orders(t)["avro"], Register: true})
	unknown := func(id uint32) error {
		b := append(binary.BigEndian.AppendUint32([]byte{0}, id), "\x02a\x00"...)
		_, err := topics.Value(nil, &kgo.Record{Topic: "orders", Value: b})
		return err
	}
	var e *registry.Error
	for id := range uint32(300) {
		if err := unknown(1000 + id); !errors.As(err, &e) || !e.Certain() || e.Away() {
			t.Fatal(err)
		}
	}
	asked := r.Requests()
	if err := unknown(1000); err == nil || r.Requests() != asked {
		t.Errorf("it is asked for once more (%v)", err)
	}
	made := r.Register("orders-value", sr.Schema{Schema: avroOf(t, idField).Text})
	if err := unknown(uint32(made.ID)); err == nil || !strings.Contains(err.Error(), "left over") {
		t.Errorf("a record of a version that came later, with a byte too many: %v", err)
	}
	r.SetAway(true)
	if err := unknown(2000); !errors.As(err, &e) || !e.Away() {
		t.Errorf("away: %v", err)
	}
}
