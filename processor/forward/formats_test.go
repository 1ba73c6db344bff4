package forward

import (
	"errors"
	"strings"
	"testing"

	"inv/internal/event"
	"inv/internal/kafka/fetch"
	"inv/internal/registry"
	"inv/internal/registry/registrytest"
	"inv/internal/scenario"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Records of topics with a format are decoded: their keys are text, their values JSON.
// What can't be is refused, and its dead letter has the bytes of the record; a replayed
// record is read as one of its original topic.
func TestRecordsInFormats(t *testing.T) {
	compile := func(text string) *registry.Format {
		sch, err := registry.Compile(t.Context(), registry.Source{Form: registry.Avro, Text: text})
		if err != nil {
			t.Fatal(err)
		}
		return &registry.Format{Schema: sch, Subject: registry.ByTopic, Register: true}
	}
	upgrades, err := registry.NewUpgrades([]scenario.Upgrade{{Type: "o.v2", With: scenario.JQ{Source: ".id"}}})
	if err != nil {
		t.Fatal(err)
	}
	schemas, err := registry.Open(t.Context(), registrytest.New(t).Client(), []registry.TopicFormat{{
		Topic: "orders", Writes: true, Upgrades: upgrades, Key: compile(`"long"`),
		Value: compile(`{"type":"record","name":"O","fields":[{"name":"id","type":"string"},{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}}]}`),
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := schemas.Writer("orders", true).AppendKey(nil, []byte("42"))
	if err != nil {
		t.Fatal(err)
	}
	value, err := schemas.Writer("orders", false).Append(nil, []byte(`{"id":"a","at":1732881600123}`))
	if err != nil {
		t.Fatal(err)
	}
	origin := []kgo.RecordHeader{{Key: event.HeaderDLQTopic, Value: []byte("orders")}, {Key: event.HeaderDLQPartition, Value: []byte("1")}, {Key: event.HeaderDLQOffset, Value: []byte("7")}}
	cfg := &Config{Schemas: schemas, Hide: func(err error) error { return err }}
	p := &preparer{cfg: cfg, laned: true, topics: map[string]*topic{
		"orders": {alias: "orders", name: "orders"}, "plain": {alias: "plain", name: "plain"}, "retry": {alias: RetryAlias, name: "retry", retry: true},
	}}
	l := &loop{cfg: *cfg, deadTopic: "dead", deadMax: 1 << 20}
	for _, tt := range []struct {
		name             string
		record           *kgo.Record
		key, json, wrong string
	}{
		{"a record", &kgo.Record{Topic: "orders", Key: key, Value: value}, "42", `{"id":"a","at":1732881600123}`, ""},
		{"no key", &kgo.Record{Topic: "orders", Value: value}, "", `{"id":"a","at":1732881600123}`, ""},
		{"a tombstone", &kgo.Record{Topic: "orders", Key: key}, "42", "", ""},
		{"an older one", &kgo.Record{Topic: "orders", Key: key, Value: []byte(`{"id":"b"}`)}, "42", `{"id":"b"}`, ""},
		{"replayed", &kgo.Record{Topic: "retry", Key: key, Value: value, Headers: origin}, "42", `{"id":"a","at":1732881600123}`, ""},
		{"cut short", &kgo.Record{Topic: "orders", Key: key, Value: value[:len(value)-2]}, "42", "", "not-json"},
		{"an unknown schema", &kgo.Record{Topic: "orders", Key: key, Value: []byte("\x00\x00\x01\x00\x00\x02a")}, "42", "", "not-json"},
		{"a wrong key", &kgo.Record{Topic: "orders", Key: key[:5], Value: value}, "", "", "not-json"},
		{"not upgraded", &kgo.Record{Topic: "orders", Key: key, Value: value, Headers: []kgo.RecordHeader{{Key: "ce_type", Value: []byte("o.v2")}}}, "42", "", "unknown-version"},
		{"replayed, and not upgraded", &kgo.Record{Topic: "retry", Key: key, Value: value, Headers: append(origin[:3:3], kgo.RecordHeader{Key: "ce_type", Value: []byte("o.v2")})}, "42", "", "unknown-version"},
		{"a topic without a format", &kgo.Record{Topic: "plain", Key: key, Value: []byte("\x00\x00\x01\x00\x00\x02a")}, string(key), "", ""},
	} {
		b := p.prepare(fetch.ID{Topic: tt.record.Topic}, []*kgo.Record{tt.record})
		if b.away != nil || len(b.records) != 1 {
			t.Fatalf("%s: %+v", tt.name, b)
		}
		got := &b.records[0]
		reason := ""
		var refused *RecordError
		if errors.As(got.err, &refused) {
			reason = refused.Reason
		}
		if reason != tt.wrong || (got.err == nil) != (tt.wrong == "") {
			t.Errorf("%s: %v, want the reason %q", tt.name, got.err, tt.wrong)
		}
		if tt.wrong == "" && (string(got.Key) != tt.key || string(got.JSON) != tt.json) {
			t.Errorf("%s: key %q, JSON %s", tt.name, got.Key, got.JSON)
		}
		if tt.wrong == "" && tt.key == "42" && got.lane != "k42" {
			t.Errorf("%s: the lane is %q", tt.name, got.lane)
		}
		if tt.wrong == "" {
			continue
		}
		letter := l.letter(got.Record, refusalOf(got.err))
		if string(letter.Key) != string(tt.record.Key) || string(letter.Value) != string(tt.record.Value) {
			t.Errorf("%s: the letter has the key %q and the value %q", tt.name, letter.Key, letter.Value)
		}
		if strings.HasPrefix(tt.name, "replayed") {
			if from, _ := event.FirstHeader(letter.Headers, event.HeaderDLQTopic); string(from) != "orders" {
				t.Errorf("%s: the letter is of %s", tt.name, from)
			}
		}
	}
}
