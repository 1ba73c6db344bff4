package main

import (
	"encoding/binary"
	"os"
	"strings"
	"testing"

	"inv/internal/kafkatest"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"
	"google.golang.org/protobuf/encoding/protowire"
)

const (
	avroLine  = `{"type":"record","name":"Line","fields":[{"name":"quantity","type":"int"}]}`
	avroOrder = `{"type":"record","name":"Order","fields":[{"name":"id","type":"string"},{"name":"line","type":"Line"},{"name":"note","type":["null","string"],"default":null}]}`

	protoLine  = `syntax = "proto3"; package shop; message Line { int64 quantity = 1; }`
	protoOrder = `syntax = "proto3"; package shop; import "line.proto"; message Other { string x = 1; } message Order { string id = 1; Line line = 2; }`

	jsonOrder = `{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"id":{"type":"string"}}}`
)

// Records with schemas are decoded, filtered and shown, with franz-go's fake registry
// and with the one that INV_REGISTRY names, see .ci/registry.
func TestTailThroughARegistry(t *testing.T) {
	t.Run("fake", func(t *testing.T) {
		registry := srfake.New()
		t.Cleanup(registry.Close)
		tailThrough(t, registry.URL())
	})
	t.Run("real", func(t *testing.T) {
		url := os.Getenv("INV_REGISTRY")
		if url == "" {
			t.Skip("needs a schema registry: .ci/registry runs this test, or set INV_REGISTRY=URL")
		}
		tailThrough(t, url)
	})
}

func tailThrough(t *testing.T, url string) {
	brokers := kafkatest.Embedded(t)
	client, err := sr.NewClient(sr.URLs(url))
	if err != nil {
		t.Fatal(err)
	}
	register := func(subject string, s sr.Schema) sr.SubjectSchema {
		t.Helper()
		made, err := client.CreateSchema(t.Context(), subject, s)
		if err != nil {
			t.Fatalf("registering %s: %v", subject, err)
		}
		return made
	}
	prefix := kafkatest.Name(t, "registry")
	line := register(prefix+"-avro-line", sr.Schema{Schema: avroLine, Type: sr.TypeAvro})
	order := register(prefix+"-avro-order", sr.Schema{Schema: avroOrder, Type: sr.TypeAvro,
		References: []sr.SchemaReference{{Name: "Line", Subject: line.Subject, Version: line.Version}}})
	protobufLine := register(prefix+"-proto-line", sr.Schema{Schema: protoLine, Type: sr.TypeProtobuf})
	protobufOrder := register(prefix+"-proto-order", sr.Schema{Schema: protoOrder, Type: sr.TypeProtobuf,
		References: []sr.SchemaReference{{Name: "line.proto", Subject: protobufLine.Subject, Version: protobufLine.Version}}})
	document := register(prefix+"-json", sr.Schema{Schema: jsonOrder, Type: sr.TypeJSON})
	topic := kafkatest.Topic(t, brokers, "framed", 1)
	key := register(topic+"-key", sr.Schema{Schema: `"string"`, Type: sr.TypeAvro})
	var records []*kgo.Record
	for _, v := range []struct {
		id      int
		payload []byte
	}{
		{order.ID, avroPayload(t)}, {protobufOrder.ID, protoPayload()}, {document.ID, []byte(`{"id": "order-3"}`)},
	} {
		records = append(records, &kgo.Record{Topic: topic, Key: framed(key.ID, []byte("\x04k1")), Value: framed(v.id, v.payload)})
	}
	if err := kafkatest.Client(t, brokers).ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	env := []string{"INV_BROKERS=" + brokers[0], "INV_REGISTRY=" + url}
	raw := `{"id":"order-1","line":{"quantity":2},"note":"hi"}` + "\n" + `{"id":"order-2","line":{"quantity":3}}` + "\n" + `{"id":"order-3"}` + "\n"
	if got := invoke(t, env, "tail", topic, "--until", "end", "--format", "%v\n"); got.stdout != raw || got.stderr != "" || got.code != 0 {
		t.Errorf("got %+v, want\n%s", got, raw)
	}
	one := invoke(t, env, "tail", topic, "--until", "end", "--filter", ".line.quantity == 2", "--key", "k1", "-o", "json")
	one.wants(t, 0, `"key":"k1"`, "3 records read, 1 matched")
	one.wants(t, 0, `"value":{"id":"order-1","line":{"quantity":2},"note":"hi"}}`, "")
	unknown := invoke(t, env[:1], "tail", topic, "--until", "end")
	unknown.wants(t, 0, "(schema ", "")

	value := framed(1<<30, []byte("x"))
	if err := kafkatest.Client(t, brokers).ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: value}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	invoke(t, env, "tail", topic, "--until", "end", "-n", "1").wants(t, 0, "0x78 (schema 1073741824)", "the registry does not have its schema 1073741824; --key-as")
	invoke(t, env, "tail", topic, "--until", "end", "-n", "1", "--value-as", "hex").wants(t, 0, `"004000000078"`, "")
	invoke(t, env, "tail", topic, "--until", "end", "--registry", "http://127.0.0.1:1").wants(t, 0, "(schema ", "asking the registry")
}

func framed(id int, payload []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(id)), payload...)
}

func avroPayload(t *testing.T) []byte {
	t.Helper()
	var cache avro.SchemaCache
	if _, err := cache.Parse(avroLine); err != nil {
		t.Fatal(err)
	}
	s, err := cache.Parse(avroOrder)
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Encode(map[string]any{"id": "order-1", "line": map[string]any{"quantity": 2}, "note": "hi"})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// protoPayload returns an Order, the second message of its schema.
func protoPayload() []byte {
	b := protowire.AppendVarint(nil, protowire.EncodeZigZag(1)) // one index
	b = protowire.AppendVarint(b, protowire.EncodeZigZag(1))
	b = protowire.AppendString(protowire.AppendTag(b, 1, protowire.BytesType), "order-2")
	line := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 3)
	return protowire.AppendBytes(protowire.AppendTag(b, 2, protowire.BytesType), line)
}

// --value-as decodes values, and reports those in another form.
func TestValueAs(t *testing.T) {
	brokers := kafkatest.Embedded(t)
	topic := kafkatest.Topic(t, brokers, "values", 1)
	client := kafkatest.Client(t, brokers)
	env := []string{"INV_BROKERS=" + brokers[0]}
	for _, c := range []struct{ value, form, want, says string }{
		{"<a b='1'>x</a>", "xml", "<a b='1'>x</a>", ""},
		{"plain", "xml", "plain", "the value is not XML"},
		{"12", "text", `"12"`, ""},
		{"\x00\x00\x00\x07", "int", "7", ""},
		{"\x3f\xc0\x00\x00", "float", "1.5", ""},
		{"abc", "hex", `"616263"`, ""},
		{"abc", "base64", `"YWJj"`, ""},
		{"abc", "int", "abc", "the value is not an integer of 1, 2, 4 or 8 bytes"},
		{"{ \"a\" : 1 }", "json", `{"a":1}`, ""},
	} {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Key: []byte("k"), Value: []byte(c.value)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		got := invoke(t, env, "tail", topic, "--until", "end", "-n", "1", "--value-as", c.form)
		if !strings.HasSuffix(got.stdout, "  k  "+c.want+"\n") || !strings.Contains(got.stderr, c.says) || got.code != 0 {
			t.Errorf("%q as %s: %+v", c.value, c.form, got)
		}
	}
}
