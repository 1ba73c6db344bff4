package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"inv/internal/kafkatest"
	"inv/internal/registry/registrytest"

	"github.com/twmb/franz-go/pkg/kgo"
)

// The scenario has a topic with a derived schema, and two with files.
const declaredFormats = `
scenario: shop
topics:
  orders: {topic: APP_orders, partitions: 2, format: avro, key_format: avro}
  totals: {topic: APP_totals, partitions: 2, format: {FORM: totals.EXT}, key_format: {avro: key.avsc}}
  large: {topic: APP_large, partitions: 1, format: {FORM: large.EXT}}
  dlq: {dead_letters_of: [orders]}
producers:
  orders:
    topic: orders
    key: customer
    value: {order: {sequence: "o-{n}"}, customer: {one_of: [anna, ben, carl]}, total: {decimal: [1, 200]}, at: {time: now}}
topologies:
  totals:
    from: {orders: {key: .customer, set: {sum: ($s.sum // 0) + .total | decimals(2)}}}
    ttl: forever
    emit: [{to: totals, fields: {customer: $key, sum: $s.sum, at: $t, last: .order}}]
  large:
    from: {orders: {where: .total > 100}}
    emit: [{to: large, fields: {order: .order, total: .total, note: null}}]
sinks:
  lake: {from: [orders, totals], files: {folder: LAKE, format: jsonl}}
  rows:
    from: totals
    files: {folder: ROWS, format: csv, columns: {customer: text, sum: "decimal(12,2)", at: time_ms}}
  hook: {from: totals, off: true, http: {post: "${HOOK_URL}", headers: {X-Key: "{$key}", X-At: "{at}"}}}
tests:
  - name: totals
    topology: totals
    when:
      - {at: 0s, orders: {order: a, customer: anna, total: 1.5, at: $t}}
      - {at: 1s, orders: {order: b, customer: anna, total: 2.25, at: $t}}
    then:
      totals: [{sum: 1.5}, {sum: 3.75}]
  - name: a total that the schema does not take
    topology: totals
    when:
      - {at: 0s, orders: {order: a, customer: anna, total: 123456789012.5, at: $t}}
    then:
      dlq: [{$reason: expression, $message: "sum: "}]
`

var declaredSchemas = map[string]map[string]string{
	"avro": {
		"key.avsc": `"string"`,
		"totals.avsc": `{"type":"record","name":"Total","fields":[{"name":"customer","type":"string"},
{"name":"sum","type":{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}},
{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
{"name":"last","type":["null","string"],"default":null},
{"name":"currency","type":"string","default":"EUR"}]}`,
		"large.avsc": `{"type":"record","name":"Large","fields":[{"name":"order","type":"string"},{"name":"total","type":"double"},{"name":"note","type":["null","string"]}]}`,
	},
	"protobuf": {
		"key.avsc":     `{"type":"enum","name":"Who","symbols":["anna","ben","carl"]}`,
		"totals.proto": `syntax = "proto3"; import "google/protobuf/timestamp.proto"; message Total { string customer = 1; float sum = 2; google.protobuf.Timestamp at = 3; optional string last = 4; }`,
		"large.proto":  `syntax = "proto3"; message Large { string order = 1; double total = 2; optional string note = 3; }`,
	},
}

// shop is the scenario's file in a folder with its schemas, and how commands find it.
func shop(t *testing.T, form string) (env []string, app string, folder string) {
	t.Helper()
	folder, app = t.TempDir(), kafkatest.Name(t, "shop")
	text := strings.NewReplacer("APP", app, "FORM", form, "EXT", map[string]string{"avro": "avsc", "protobuf": "proto"}[form],
		"LAKE", filepath.Join(folder, "lake"), "ROWS", filepath.Join(folder, "rows")).Replace(declaredFormats)
	for name, schema := range declaredSchemas[form] {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(schema), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(folder, "shop.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"INV_APP_ID=" + app, "INV_SCENARIO=" + file}, app, folder
}

// Declared topologies, their audit and sinks follow the formats of a scenario's topics.
func TestDeclaredTopologiesInFormats(t *testing.T) {
	for _, form := range []string{"avro", "protobuf"} {
		t.Run(form, func(t *testing.T) {
			brokers, reg := kafkatest.Embedded(t), registrytest.New(t)
			env, app, folder := shop(t, form)
			without := append(env, "INV_BROKERS="+brokers[0])
			env = append(without[:len(without):len(without)], "INV_REGISTRY="+reg.URL)
			invoke(t, env, "produce", "orders", "--count", "60", "--rate", "max", "--seed", "1").wants(t, 0, "", "")
			invoke(t, without, "process", "--drain").wants(t, 2, "", "needs a schema registry")
			invoke(t, env, "process", "--drain").wants(t, 0, "", "wrote 60 totals, 32 large records")
			invoke(t, env, "verify", "totals", "large").wants(t, 0, "", "")
			checkLake(t, env, folder)
			checkHook(t, env)
			client := kafkatest.Client(t, brokers, kgo.ConsumeTopics(app+"_totals"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
			fetches := client.PollRecords(t.Context(), 1)
			if err := fetches.Err(); err != nil || fetches.NumRecords() == 0 {
				t.Fatal(err)
			}
			// The same record with another digit in its sum.
			r := fetches.Records()[0]
			mutated := &kgo.Record{Topic: r.Topic, Partition: r.Partition, Key: r.Key, Value: append([]byte{}, r.Value...), Headers: r.Headers, Timestamp: r.Timestamp}
			at := strings.Index(string(r.Value), string(r.Key)) + len(r.Key) + 2
			mutated.Value[at] ^= 1
			if err := kafkatest.Client(t, brokers, kgo.RecordPartitioner(kgo.ManualPartitioner())).ProduceSync(t.Context(), mutated).FirstErr(); err != nil {
				t.Fatal(err)
			}
			invoke(t, env, "verify", "totals").wants(t, 1, "ce_id once", "")
		})
	}
}

// checkLake forwards to files, and looks at what is in them.
func checkLake(t *testing.T, env []string, folder string) {
	t.Helper()
	invoke(t, env, "forward", "--drain").wants(t, 0, "", "lake: delivered 120 records")
	lines := 0
	for _, name := range matches(t, folder, "lake/*/*.jsonl") {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(content)) {
			var row struct {
				Key   string `json:"_key"`
				Value struct {
					Customer   string
					At         int64
					Total, Sum float64
				}
			}
			if err := json.Unmarshal([]byte(line), &row); err != nil || row.Key != row.Value.Customer || row.Value.At < 1e12 || row.Value.Sum+row.Value.Total <= 0 {
				t.Fatalf("%v in %s", err, line)
			}
			lines++
		}
	}
	if lines != 120 {
		t.Errorf("%d lines", lines)
	}
	for _, name := range matches(t, folder, "rows/*/*.csv") {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if head, _, _ := strings.Cut(string(content), "\n"); head != "_topic,_partition,_offset,customer,sum,at" {
			t.Errorf("%s begins with %s", name, head)
		}
	}
}

// checkHook forwards to a receiver, which gets JSON.
func checkHook(t *testing.T, env []string) {
	t.Helper()
	var mu sync.Mutex
	got := 0
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body struct {
			Customer string
			At       int64
			Last     string
		}
		err := json.NewDecoder(r.Body).Decode(&body)
		mu.Lock()
		defer mu.Unlock()
		if got++; err != nil || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("X-Key") != body.Customer ||
			r.Header.Get("X-At") != strconv.FormatInt(body.At, 10) || !strings.HasPrefix(body.Last, "o-") {
			t.Errorf("%v, %+v with %v", err, body, r.Header)
		}
	}))
	defer receiver.Close()
	invoke(t, append(env[:len(env):len(env)], "HOOK_URL="+receiver.URL), "forward", "hook", "--drain").wants(t, 0, "", "hook: delivered 60 records")
	mu.Lock()
	defer mu.Unlock()
	if got != 60 {
		t.Errorf("%d requests", got)
	}
}

func matches(t *testing.T, folder, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, pattern))
	if err != nil || len(names) == 0 {
		t.Fatalf("%s has %q, %v", pattern, names, err)
	}
	return names
}

// Tests of scenarios and runs over files know the schemas of what is written, without a
// registry.
func TestDeclaredFormatsWithoutARegistry(t *testing.T) {
	env, _, folder := shop(t, "avro")
	invoke(t, env, "scenarios", "test").wants(t, 0, "2 tests", "")
	orders := filepath.Join(folder, "orders.jsonl")
	if err := os.WriteFile(orders, []byte(`{"key":"anna","value":{"order":"a","customer":"anna","total":1.5,"at":1}}
{"key":"anna","value":{"order":"b","customer":"anna","total":123456789012.5,"at":2}}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	got := invoke(t, env, "process", "totals", "--from", orders)
	got.wants(t, 0, `"sum":1.5`, "dead-lettered 1 as expression")
	got.wants(t, 0, "", "sum: ")
	if strings.Contains(got.stdout, "123456789") {
		t.Errorf("what does not fit was written:\n%s", got.stdout)
	}
}
