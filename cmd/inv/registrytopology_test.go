package main

import (
	"os"
	"path/filepath"
	"testing"

	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"
)

// A declared topology reads what a registry describes, and the audit does, too; without
// the registry the records are dead-lettered.
func TestProcessThroughARegistry(t *testing.T) {
	fake := srfake.New()
	t.Cleanup(fake.Close)
	client, err := sr.NewClient(sr.URLs(fake.URL()))
	if err != nil {
		t.Fatal(err)
	}
	made, err := client.CreateSchema(t.Context(), "orders-value", sr.Schema{Schema: `{"type":"record","name":"Order","fields":[{"name":"customer","type":"string"},{"name":"total","type":"long"}]}`, Type: sr.TypeAvro})
	if err != nil {
		t.Fatal(err)
	}
	brokers := kafkatest.Embedded(t)
	topic := kafkatest.Topic(t, brokers, "framed", 1)
	file := filepath.Join(t.TempDir(), "t.yaml")
	if err := os.WriteFile(file, []byte(`
scenario: t
topologies:
  totals:
    from: {orders: {key: .customer, set: {sum: ($s.sum // 0) + .total}}}
    ttl: forever
    emit: [{to: out, fields: {customer: $key, sum: $s.sum}}]
topics:
  orders: {topic: `+topic+`, partitions: 1}
  out: {topic: `+topic+`-out, partitions: 1}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	producer := kafkatest.Client(t, brokers)
	kafkatest.DeleteAfter(t, producer, topic+"-out", topic+".dlq", topic+"-totals-log", topic+"-totals-changelog")
	var records []*kgo.Record
	for _, payload := range []string{"\x08anna\x0a", "\x08anna\x08", "\x40broken"} {
		records = append(records, &kgo.Record{Topic: topic, Value: framed(made.ID, []byte(payload))})
	}
	if err := producer.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	env := []string{"INV_BROKERS=" + brokers[0], "INV_APP_ID=" + topic, "INV_SCENARIO=" + file}
	there := append(env[:3:3], "INV_REGISTRY="+fake.URL())
	invoke(t, there, "process", "--drain").wants(t, 0, "", "")
	invoke(t, there, "tail", "out", "--until", "end", "--format", "%v\n").wants(t, 0, `{"customer":"anna","sum":5}`+"\n"+`{"customer":"anna","sum":9}`, "")
	invoke(t, there, "dlq", "list").wants(t, 0, "not-json", "")
	invoke(t, there, "verify", "totals").wants(t, 0, "", "")
	invoke(t, env, "verify", "totals").wants(t, 1, "", "")
	invoke(t, env, "verify", "totals", "--registry", "http://127.0.0.1:1").wants(t, 1, "", "asking the registry")
}
