package main

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"inv/internal/kafkatest"
	"inv/internal/registry"
	"inv/internal/registry/registrytest"

	"github.com/twmb/franz-go/pkg/kgo"
)

// encodedScenario is a scenario of which one topic has a format. Its orders refer to the
// rows of a topic that is read first.
const encodedScenario = `
scenario: shop
topics:
  orders: {topic: TOPIC, partitions: 2, format: FORMAT, KEYS schemas: {ids: IDS}}
  items: {topic: TOPIC-items, partitions: 1, format: FORMAT}
producers:
  items:
    topic: items
    key: sku
    rows: [{sku: a-1, price: 1.25}, {sku: b-2, price: 30}]
  shelf: {topic: items, read: true}
  orders:
    topic: orders
    key: id
    type: shop.order.v1
    value:
      id: {sequence: "order-{n}"}
      sku: {ref: shelf.sku}
      price: {ref: shelf.price}
      quantity: {int: [1, 9]}
      note: {one_of: [fast, slow, null], optional: 50%}
      at: {time: now}
`

// decodedBy returns the JSON of a framed value, by the schema in the registry.
func decodedBy(t *testing.T, r *registrytest.Registry, frame []byte, payload []byte) string {
	t.Helper()
	got, err := r.Client().SchemaByID(t.Context(), int(binary.BigEndian.Uint32(frame[1:])))
	if err != nil {
		t.Fatal(err)
	}
	source := registry.Source{Form: registry.Avro, Text: got.Schema}
	if form := got.Type.String(); form == "PROTOBUF" {
		source.Form, payload = registry.Protobuf, payload[1:]
	} else if form == "JSON" {
		source.Form = registry.JSONSchema
	}
	sch, err := registry.Compile(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	text, err := sch.Decode(nil, payload, registry.Data)
	if err != nil {
		t.Fatalf("%q: %v", payload, err)
	}
	return string(text)
}

// Lines of JSON are encoded, too, and a line that does not fit is told by its number.
func TestProduceLinesThroughARegistry(t *testing.T) {
	r := registrytest.New(t)
	brokers := kafkatest.Embedded(t)
	client := kafkatest.Client(t, brokers)
	file := filepath.Join(t.TempDir(), "shop.yaml")
	source := strings.NewReplacer("TOPIC", "lines", "FORMAT", "avro", "KEYS", "key_format: avro,", "IDS", "value").Replace(encodedScenario)
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"INV_BROKERS=" + brokers[0], "INV_SCENARIO=" + file, "INV_REGISTRY=" + r.URL}
	invoke(t, env, "produce", "items").wants(t, 0, "", "")
	invoke(t, env, "produce", "orders", "--count", "1").wants(t, 0, "", "")
	one := `{"id":"x","sku":"a-1","price":1.25,"quantity":9,"at":5}`
	invokeWith(t, env, "x:"+one+"\n"+"y:"+strings.Replace(one, "9", `"many"`, 1)+"\n", "produce", "--topic", "orders", "-K", ":").
		wants(t, 1, "", "line 2: quantity: the schema wants int")
	invokeWith(t, env, `{"key":"z","headers":{"a":"b"},"value":`+one+"}\n"+`{"key":"z","value":null}`, "produce", "--topic", "orders", "--envelope").
		wants(t, 0, "", "produced 2 records to lines, 1 tombstone")
	sent := 0
	for _, rec := range fetched(t, client, "lines", 4) {
		key := decodedBy(t, r, rec.Key[:5], rec.Key[5:])
		switch {
		case key == `"z"` && rec.Value == nil:
			sent++
		case key == `"z"` || key == `"x"`:
			sent++
			if got := decodedBy(t, r, rec.Value[:5], rec.Value[5:]); alike(got) != one {
				t.Errorf("%s, want %s", got, one)
			}
		}
	}
	if sent != 3 {
		t.Errorf("%d lines were sent", sent)
	}
}

// Faults of records with a schema need the schema of another subject, and Kafka. What the
// rows of a topic have is compared with the schema before the first record.
func TestProduceFaultsThroughARegistry(t *testing.T) {
	r := registrytest.New(t)
	brokers := kafkatest.Embedded(t)
	file := filepath.Join(t.TempDir(), "shop.yaml")
	source := strings.NewReplacer("TOPIC", "faults", "format: FORMAT}", "format: json}", "FORMAT", "avro", "KEYS", "", "IDS", "value").Replace(encodedScenario)
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"INV_BROKERS=" + brokers[0], "INV_SCENARIO=" + file, "INV_REGISTRY=" + r.URL}
	invoke(t, env, "produce", "items").wants(t, 0, "", "")
	const faults = "wrong_id=20%,unknown-id=20%,truncated=20%,other_schema=20%"
	invoke(t, env, "produce", "orders", "--count", "100", "--rate", "max", "--seed", "7", "--fault", faults).wants(t, 0, "", "fault wrong_id: ")
	if _, err := r.Client().SchemaByVersion(t.Context(), "inv-fault", 1); err != nil {
		t.Error(err)
	}
	invoke(t, env, "produce", "orders", "--count", "1", "--to", "stdout", "--fault", faults).wants(t, 2, "", "JSON on stdout and in files")
	invoke(t, env, "produce", "items", "--count", "1", "--fault", faults).wants(t, 2, "", "have no schema")
	invokeWith(t, env, `k:{"sku":"k","price":1.2345}`, "produce", "--topic", "faults-items", "-K", ":").wants(t, 0, "", "")
	invoke(t, env, "produce", "orders", "--count", "1").wants(t, 2, "", "shop.yaml:19:7: price: it has 4 decimals")
}

// What is produced to a topic with a format is what a file has as JSON, under a schema
// that is registered before the first record.
func TestProduceThroughARegistry(t *testing.T) {
	for _, tt := range []struct{ format, keys, ids, contentType string }{
		{"avro", "key_format: avro,", "value", "application/avro"},
		{"avro", "", "header", "application/avro"},
		{"protobuf", "", "value", "application/protobuf"},
		{"json_schema", "", "value", "application/json"},
	} {
		t.Run(tt.format+" "+tt.ids, func(t *testing.T) {
			r := registrytest.New(t)
			brokers := kafkatest.Embedded(t)
			topic := "orders-" + strings.ReplaceAll(tt.format+tt.ids, "_", "-")
			client := kafkatest.Client(t, brokers)
			file := filepath.Join(t.TempDir(), "shop.yaml")
			source := strings.NewReplacer("TOPIC", topic, "FORMAT", tt.format, "KEYS", tt.keys, "IDS", tt.ids).Replace(encodedScenario)
			if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
				t.Fatal(err)
			}
			env := []string{"INV_BROKERS=" + brokers[0], "INV_SCENARIO=" + file}
			invoke(t, env, "produce", "orders", "--count", "1").wants(t, 2, "", "which needs a schema registry: use --registry URL")
			env = append(env, "INV_REGISTRY="+r.URL)
			invoke(t, env, "produce", "items").wants(t, 0, "", "produced 2 records")
			args := []string{"produce", "orders", "--count", "50", "--seed", "7", "--start", "2026-01-01T00:00:00Z"}
			want := invoke(t, env, append(args, "--to", "stdout")...).stdout
			invoke(t, env, args...).wants(t, 0, "", "produced 50 records")
			lines := map[string]int{}
			for line := range strings.Lines(want) {
				lines[alike(strings.TrimSpace(line))]++
			}
			for _, rec := range fetched(t, client, topic, 50) {
				headers := map[string]string{}
				for _, h := range rec.Headers {
					headers[h.Key] = string(h.Value)
				}
				frame, payload := rec.Value[:min(5, len(rec.Value))], rec.Value[min(5, len(rec.Value)):]
				if tt.ids == "header" {
					frame, payload = []byte(headers["__value_schema_id"]), rec.Value
				}
				text := decodedBy(t, r, frame, payload)
				if tt.keys != "" {
					if key := decodedBy(t, r, rec.Key[:5], rec.Key[5:]); !strings.Contains(text, `"id":`+key) {
						t.Errorf("the key of %s is %s", text, key)
					}
				}
				if headers["content-type"] != tt.contentType || headers["ce_type"] != "shop.order.v1" {
					t.Errorf("headers %v", headers)
				}
				lines[alike(text)]--
			}
			for line, n := range lines {
				if n != 0 {
					t.Errorf("%d of %s", n, line)
				}
			}
		})
	}
}

// alike returns the JSON of a record without what a schema does not distinguish: null and
// absent, and the decimals of a number.
func alike(text string) string {
	return strings.NewReplacer(`,"note":null`, "", ":30.00,", ":30,").Replace(text)
}

// fetched returns the first n records of a topic.
func fetched(t *testing.T, client *kgo.Client, topic string, n int) (records []*kgo.Record) {
	t.Helper()
	client.AddConsumeTopics(topic)
	for len(records) < n {
		fetches := client.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		for _, r := range fetches.Records() {
			if r.Topic == topic {
				records = append(records, r)
			}
		}
	}
	return records
}
