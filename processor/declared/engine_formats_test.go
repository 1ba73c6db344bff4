package declared_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"inv/internal/event"
	"inv/internal/kafkatest"
	"inv/internal/registry"
	"inv/internal/registry/registrytest"
	"inv/processor"

	"github.com/twmb/franz-go/pkg/kgo"
)

const formatted = `
scenario: t
topologies:
  sums:
    from:
      orders: {join: {c: {table: customers, key: .customer}}, key: .customer, set: {sum: ($s.sum // 0) + .total}}
    ttl: forever
    emit:
      - to: sums
        fields: {customer: $key, name: $c.name, at: .at, sum: $s.sum}
  copies:
    from: {orders: {}}
    emit:
      - to: copies
        key: .customer
        fields:
          customer: .customer
          inner: {total: .total, kind: "if .total > 100 then \"LARGE\" else \"SMALL\" end"}
topics:
  orders: {topic: orders, partitions: 1}
  customers: {topic: customers, partitions: 1, cleanup: compact}
  sums: {topic: sums, partitions: 3}
  copies: {topic: copies, partitions: 1}
  dlq: {dead_letters_of: [orders]}
`

// formats are the schemas of a test's topics, by alias, and of keys by alias/key.
type formats map[string]registry.Source

func avroOf(fields string) registry.Source {
	return registry.Source{Form: registry.Avro, Text: `{"type":"record","name":"R","namespace":"t","fields":[` + fields + `]}`}
}

func protobufOf(fields string) registry.Source {
	return registry.Source{Form: registry.Protobuf, Text: "syntax = \"proto3\";\npackage t;\n" + fields}
}

// money is a decimal of two digits after the point.
const money = `{"type":"bytes","logicalType":"decimal","precision":12,"scale":2}`

var inAvro = formats{
	"orders":        avroOf(`{"name":"customer","type":"string"},{"name":"total","type":` + money + `},{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"note","type":["null","string"],"default":null}`),
	"orders/key":    {Form: registry.Avro, Text: `"long"`},
	"customers":     avroOf(`{"name":"name","type":"string"}`),
	"customers/key": {Form: registry.Avro, Text: `"string"`},
	"sums":          avroOf(`{"name":"customer","type":"string"},{"name":"name","type":["null","string"]},{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"sum","type":` + money + `}`),
	"sums/key":      {Form: registry.Avro, Text: `"string"`},
	"copies":        avroOf(`{"name":"customer","type":"string"},{"name":"inner","type":{"type":"record","name":"I","fields":[{"name":"total","type":` + money + `},{"name":"kind","type":{"type":"enum","name":"K","symbols":["SMALL","LARGE"]}}]}}`),
}

var inProtobuf = formats{
	"orders":    protobufOf("message Order { string customer = 1; double total = 2; int64 at = 3; optional string note = 4; }"),
	"customers": protobufOf("message Customer { string name = 1; }"),
	"sums":      protobufOf("import \"google/protobuf/timestamp.proto\";\nmessage Sum { string customer = 1; optional string name = 2; google.protobuf.Timestamp at = 3; double sum = 4; }"),
	"copies":    protobufOf("message Copy { message Inner { double total = 1; Kind kind = 2; } enum Kind { KIND_UNSPECIFIED = 0; SMALL = 1; LARGE = 2; } string customer = 1; Inner inner = 2; }"),
}

var inJSONSchema = formats{
	"orders": {Form: registry.JSONSchema, Text: `{"type":"object","title":"Order","properties":{"customer":{"type":"string"},"total":{"type":"number"}},"required":["customer"]}`},
	"sums":   {Form: registry.JSONSchema, Text: `{"type":"object","title":"Sum","properties":{"sum":{"type":"number","maximum":1000000}}}`},
}

// open opens the topics of a rig with schemas, all for writing.
func (f formats) open(r *rig, with *registrytest.Registry, inHeader bool) *registry.Topics {
	r.Helper()
	var list []registry.TopicFormat
	for _, t := range r.scenario.Topics {
		one := registry.TopicFormat{Topic: t.NameFor(r.app), Writes: true}
		var err error
		if one.Upgrades, err = registry.NewUpgrades(t.Upgrades); err != nil {
			r.Fatal(err)
		}
		for name, to := range map[string]**registry.Format{t.Alias: &one.Value, t.Alias + "/key": &one.Key} {
			source, ok := f[name]
			if !ok {
				continue
			}
			sch, err := registry.Compile(r.Context(), source)
			if err != nil {
				r.Fatalf("%s: %v", name, err)
			}
			*to = &registry.Format{Schema: sch, Subject: registry.ByTopic, Register: true, InHeader: inHeader}
		}
		list = append(list, one)
	}
	topics, err := registry.Open(r.Context(), with.Client(), list, nil)
	if err != nil {
		r.Fatal(err)
	}
	return topics
}

// putIn writes a record in its topic's format; "" is a tombstone.
func (r *rig) putIn(topics *registry.Topics, alias, key, value string, headers ...kgo.RecordHeader) {
	r.Helper()
	record := &kgo.Record{Topic: r.topic(alias), Key: []byte(key), Headers: headers}
	if w := topics.Writer(record.Topic, true); w != nil {
		var err error
		if record.Key, err = w.AppendKey(nil, []byte(key)); err != nil {
			r.Fatal(err)
		}
		if w.Header.Key != "" {
			record.Headers = append(record.Headers, w.Header)
		}
	}
	if value != "" {
		record.Value = []byte(value)
	}
	if w := topics.Writer(record.Topic, false); w != nil && value != "" {
		var err error
		if record.Value, err = w.Append(nil, []byte(value)); err != nil {
			r.Fatal(err)
		}
		if w.Header.Key != "" {
			record.Headers = append(record.Headers, w.Header)
		}
	}
	r.write(record)
}

// decoded returns the records of a topic as KEY VALUE, in the order of their offsets.
func (r *rig) decoded(topics *registry.Topics, alias string) (list []string) {
	r.Helper()
	for _, record := range r.read(r.topic(alias)) {
		key, err := topics.Key(nil, record)
		if err != nil {
			r.Error(err)
		}
		value, err := topics.Value(nil, record)
		if err != nil {
			r.Error(err)
		}
		list = append(list, fmt.Sprintf("%s %s", key, value))
	}
	return list
}

// headersOf returns the values of a header in a topic's records, each once.
func (r *rig) headersOf(alias, name string) (values []string) {
	r.Helper()
	for _, record := range r.read(r.topic(alias)) {
		value, _ := event.Header(record.Headers, name)
		if !slices.Contains(values, string(value)) {
			values = append(values, string(value))
		}
	}
	return values
}

// Topologies give the same on topics of any format: joined, summed and copied.
func TestTopicsInFormats(t *testing.T) {
	for _, tt := range []struct {
		name        string
		formats     formats
		inHeader    bool
		contentType string
	}{
		{"json", nil, false, "application/json"},
		{"avro", inAvro, false, "application/avro"},
		{"avro, IDs in headers", inAvro, true, "application/avro"},
		{"protobuf", inProtobuf, false, "application/protobuf"},
		{"protobuf, IDs in headers", inProtobuf, true, "application/protobuf"},
		{"json schema", inJSONSchema, false, "application/json"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, kafkatest.Embedded(t), formatted)
			topics := tt.formats.open(r, registrytest.New(t), tt.inHeader)
			r.putIn(topics, "customers", "anna", `{"name":"Anna"}`)
			r.putIn(topics, "customers", "ben", `{"name":"Ben"}`)
			r.putIn(topics, "customers", "ben", "")
			r.putIn(topics, "orders", "1", `{"customer":"anna","total":10.50,"at":1732881600123}`)
			r.putIn(topics, "orders", "2", `{"customer":"ben","total":200,"at":1732881600124,"note":"x"}`)
			r.putIn(topics, "orders", "3", `{"customer":"anna","total":0.25,"at":1732881600125}`)
			cfg := r.config()
			cfg.Drain, cfg.Schemas = true, topics
			if _, err := r.run(cfg); err != nil {
				t.Fatal(err)
			}
			same(t, "sums", r.decoded(topics, "sums"),
				`anna {"customer":"anna","name":"Anna","at":1732881600123,"sum":10.5}`,
				`anna {"customer":"anna","name":"Anna","at":1732881600125,"sum":10.75}`,
				`ben {"customer":"ben","name":null,"at":1732881600124,"sum":200}`)
			same(t, "copies", r.decoded(topics, "copies"),
				`anna {"customer":"anna","inner":{"total":10.5,"kind":"SMALL"}}`,
				`anna {"customer":"anna","inner":{"total":0.25,"kind":"SMALL"}}`,
				`ben {"customer":"ben","inner":{"total":200,"kind":"LARGE"}}`)
			if got := r.headersOf("sums", event.HeaderContentType); len(got) != 1 || got[0] != tt.contentType {
				t.Errorf("content-type %q", got)
			}
			if ids := r.headersOf("sums", "__value_schema_id"); tt.inHeader == (ids[0] == "") {
				t.Errorf("__value_schema_id %q", ids)
			}
			if letters := r.read(r.topic("dlq")); len(letters) > 0 {
				t.Errorf("dead letters: %q", letters[0].Headers)
			}
		})
	}
}

// same compares lines of a key and JSON as values: without the order of fields and
// partitions, and with numbers by value. A field that a format leaves out is null.
func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	normal := func(lines []string) (out []string) {
		for _, line := range lines {
			key, text, _ := strings.Cut(line, " ")
			var v any
			if err := json.Unmarshal([]byte(text), &v); err != nil {
				t.Fatalf("%s: %v in %q", what, err, line)
			}
			sorted, _ := json.Marshal(present(v))
			out = append(out, key+" "+string(sorted))
		}
		slices.Sort(out)
		return out
	}
	if g, w := normal(got), normal(want); !slices.Equal(g, w) {
		t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(g, "\n"), strings.Join(w, "\n"))
	}
}

// present returns a value without fields that are null or empty lists.
func present(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, x := range v {
			if list, ok := x.([]any); x != nil && (!ok || len(list) > 0) {
				out[name] = present(x)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = present(v[i])
		}
		return out
	}
	return v
}

// An output that does not fit its topic's schema dead-letters its input as a failing
// expression does; nothing of the step is left. So does an input that can't be read; older
// records in JSON can.
func TestWhatDoesNotFitIsDeadLettered(t *testing.T) {
	r := newRig(t, kafkatest.Embedded(t), formatted)
	reg := registrytest.New(t)
	f := formats{"orders/key": inAvro["orders/key"], "sums": inAvro["sums"], "copies": inAvro["copies"],
		"orders": {Form: registry.Avro, Text: `{"type":"record","name":"R","fields":[{"name":"customer","type":["null","string"]},{"name":"total","type":"double"},{"name":"at","type":"long"}]}`}}
	topics := f.open(r, reg, false)
	r.putIn(topics, "orders", "1", `{"customer":"anna","total":1.5,"at":1}`)
	r.putIn(topics, "orders", "2", `{"customer":"anna","total":0.125,"at":2}`)
	r.putIn(topics, "orders", "3", `{"customer":"anna","total":2,"at":3}`)
	r.write(&kgo.Record{Topic: r.topic("orders"), Key: []byte("4"), Value: []byte(`{"customer":"anna","total":4,"at":4}`)})
	cut := []byte("\x00\x00\x00\x00\x02\x02")
	unknown := []byte("\x00\x00\x01\x00\x02\x02\x08anna")
	r.write(&kgo.Record{Topic: r.topic("orders"), Key: []byte("5"), Value: cut}, &kgo.Record{Topic: r.topic("orders"), Key: []byte("6"), Value: unknown})
	cfg := r.config()
	cfg.Drain, cfg.Schemas = true, topics
	if _, err := r.run(cfg); err != nil {
		t.Fatal(err)
	}
	same(t, "sums", r.decoded(topics, "sums"), `anna {"customer":"anna","at":1,"sum":1.5}`, `anna {"customer":"anna","at":3,"sum":3.5}`, `anna {"customer":"anna","at":4,"sum":7.5}`)
	var letters []string
	for _, l := range r.read(r.topic("dlq")) {
		header := func(name string) string { value, _ := event.FirstHeader(l.Headers, name); return string(value) }
		letters = append(letters, header(event.HeaderDLQStage)+" "+header(event.HeaderDLQReason)+" "+header(event.HeaderDLQMessage))
		if value := string(l.Value); header(event.HeaderDLQReason) == "not-json" && value != string(cut) && value != string(unknown) {
			t.Errorf("a letter of %q", value)
		}
	}
	slices.Sort(letters)
	for i, want := range []string{
		"copies expression test.yaml:18:26: the value does not fit the schema of topic " + r.topic("copies") + ": inner.total: 0.125 has more than 2 decimals",
		"copies not-json ", "copies not-json ",
		"sums-route not-json ", "sums-route not-json ",
		"sums-state expression test.yaml:10:63: the value does not fit the schema of topic " + r.topic("sums") + ": sum: ",
	} {
		if i >= len(letters) || !strings.HasPrefix(letters[i], want) {
			t.Errorf("letter %d of\n%s\nis not %s", i, strings.Join(letters, "\n"), want)
		}
	}
	if len(letters) != 6 {
		t.Errorf("%d letters", len(letters))
	}
}

const upgraded = `
scenario: t
topologies:
  copies:
    from: {orders: {join: {c: {table: customers, key: .customer}}}}
    emit: [{to: copies, fields: {customer: .customer, name: $c.name}}]
topics:
  orders: {topic: orders, partitions: 1, upgrades: {o.v2: '{customer: .who}', o.v3: .who}}
  customers: {topic: customers, partitions: 1, cleanup: compact, upgrades: {c.v2: '{name: .full}'}}
  copies: {topic: copies, partitions: 1}
  dlq: {dead_letters_of: [orders]}
`

// Inputs and tables are upgraded by their types, in any format.
func TestInputsAreUpgraded(t *testing.T) {
	typed := func(kind string) kgo.RecordHeader { return kgo.RecordHeader{Key: "ce_type", Value: []byte(kind)} }
	for name, f := range map[string]formats{"json": nil, "avro": {"orders": avroOf(`{"name":"customer","type":"string"}`)}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, kafkatest.Embedded(t), upgraded)
			reg := registrytest.New(t)
			topics := f.open(r, reg, false)
			r.putIn(topics, "customers", "anna", `{"full":"Anna"}`, typed("c.v2"))
			r.putIn(topics, "customers", "ben", `{"name":"Ben"}`, typed("c.v1"))
			r.putIn(topics, "orders", "1", `{"customer":"ben"}`, typed("o.v1"))
			later := topics
			if f != nil { // records of the later version have its schema
				reg.SetLevel(r.topic("orders")+"-value", "NONE")
				later = formats{"orders": avroOf(`{"name":"who","type":"string"}`)}.open(r, reg, false)
			}
			r.putIn(later, "orders", "2", `{"who":"anna"}`, typed("o.v2"))
			r.putIn(later, "orders", "3", `{"who":"anna"}`, typed("o.v3"))
			cfg := r.config()
			cfg.Drain, cfg.Schemas = true, topics
			if _, err := r.run(cfg); err != nil {
				t.Fatal(err)
			}
			same(t, "copies", r.decoded(topics, "copies"), `1 {"customer":"ben","name":"Ben"}`, `2 {"customer":"anna","name":"Anna"}`)
			letters := r.read(r.topic("dlq"))
			if len(letters) != 1 {
				t.Fatalf("%d letters, want one", len(letters))
			}
			if reason, _ := event.FirstHeader(letters[0].Headers, event.HeaderDLQReason); string(reason) != "unknown-version" {
				t.Errorf("the reason is %q", reason)
			}
		})
	}
}

// A schema that a running process has not seen is waited for while the registry is away:
// nothing is dead-lettered, and nothing is lost.
func TestRegistryIsAwayForAWhile(t *testing.T) {
	t.Parallel()
	r := newRig(t, kafkatest.Embedded(t), formatted)
	reg := registrytest.New(t)
	topics := inAvro.open(r, reg, false)
	r.putIn(topics, "customers", "anna", `{"name":"Anna"}`)
	r.putIn(topics, "orders", "1", `{"customer":"anna","total":1,"at":1}`)
	stop := r.member("one", func(c *processor.Config) { c.Schemas = topics })
	r.awaitCount(topics, "copies", 1)
	later := maps.Clone(inAvro)
	later["orders"] = avroOf(`{"name":"total","type":` + money + `},{"name":"customer","type":"string"},{"name":"at","type":"long"},{"name":"more","type":"int","default":0}`)
	changed := later.open(r, reg, false)
	reg.SetAway(true)
	asked := reg.Requests()
	r.putIn(changed, "orders", "2", `{"customer":"anna","total":2,"at":2,"more":1}`)
	r.putIn(topics, "orders", "3", `{"customer":"anna","total":3,"at":3}`)
	for reg.Requests() == asked {
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
	reg.SetAway(false)
	r.awaitCount(topics, "copies", 3)
	r.awaitCount(topics, "sums", 3)
	stop()
	same(t, "sums", r.decoded(topics, "sums"), `anna {"customer":"anna","name":"Anna","at":1,"sum":1}`, `anna {"customer":"anna","name":"Anna","at":2,"sum":3}`, `anna {"customer":"anna","name":"Anna","at":3,"sum":6}`)
	if letters := r.read(r.topic("dlq")); len(letters) > 0 {
		t.Errorf("dead letters: %q", letters[0].Headers)
	}
}

// awaitCount waits until a topic has so many records.
func (r *rig) awaitCount(topics *registry.Topics, alias string, n int) {
	r.Helper()
	for len(r.decoded(topics, alias)) < n {
		select {
		case <-r.Context().Done():
			r.Fatal(r.Context().Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Outputs are validated by a JSON Schema, too.
func TestWhatAJSONSchemaRefusesIsDeadLettered(t *testing.T) {
	r := newRig(t, kafkatest.Embedded(t), formatted)
	topics := inJSONSchema.open(r, registrytest.New(t), false)
	r.putIn(topics, "orders", "1", `{"customer":"anna","total":2000000,"at":1}`)
	r.putIn(topics, "orders", "2", `{"customer":"anna","total":3,"at":2}`)
	cfg := r.config("sums")
	cfg.Drain, cfg.Schemas = true, topics
	if _, err := r.run(cfg); err != nil {
		t.Fatal(err)
	}
	same(t, "sums", r.decoded(topics, "sums"), `anna {"customer":"anna","at":2,"sum":3}`)
	if letters := r.read(r.topic("dlq")); len(letters) != 1 {
		t.Errorf("%d dead letters, want one", len(letters))
	}
}
