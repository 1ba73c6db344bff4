package main

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"inv/internal/kafka"
	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Records written by the reference system are shown like ours.
func TestReferenceSamplesAreShown(t *testing.T) {
	brokers := kafkatest.Embedded(t)
	env := []string{"INV_BROKERS=" + brokers[0]}
	for alias, topic := range map[string]string{
		"catalog": "product_catalog", "orders": "order_events", "updates": "inventory_updates",
		"reorders": "reorder_events", "alerts": "inventory_alerts",
	} {
		n := writeSamples(t, brokers, topic)
		shown := invoke(t, env, "tail", alias, "--until", "end", "-n", "1000")
		shown.wants(t, exitDone, "prod-", "")
		if lines := strings.Count(shown.stdout, "\n"); lines != n {
			t.Errorf("%s: %d lines of %d records", alias, lines, n)
		}
		if strings.Contains(shown.stdout, "{\"") {
			t.Errorf("%s: a record is shown as it is, not by its view:\n%s", alias, shown.stdout)
		}
		invoke(t, env, "tail", alias, "--until", "end", "-n", "1000", "-o", "json").wants(t, exitDone, `"value":{"`, "")
	}
}

// writeSamples writes a topic's samples into it and returns their number.
func writeSamples(t *testing.T, brokers []string, topic string) (n int) {
	t.Helper()
	client := kafkatest.Client(t, brokers)
	if _, err := kafka.EnsureTopics(t.Context(), client, kafka.TopicSpec{Name: topic, Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join("..", "..", "internal", "event", "testdata", "samples", topic+".jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); n++ {
		var s struct{ Key, Value string }
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		record := &kgo.Record{Topic: topic, Key: []byte(s.Key), Value: []byte(s.Value)}
		if err := client.ProduceSync(t.Context(), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	return n
}
