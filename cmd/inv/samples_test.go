package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"inv/internal/kafka"
	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kadm"
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

// The reference system's own records are verified by its group. Without it nobody is
// told to start a processor beside it.
func TestReferenceSamplesAreVerified(t *testing.T) {
	brokers := kafkatest.Embedded(t)
	env := []string{"INV_BROKERS=" + brokers[0]}
	offsets := kadm.Offsets{}
	for _, topic := range []string{"product_catalog", "order_events", "inventory_updates", "reorder_events", "inventory_alerts"} {
		n := writeSamples(t, brokers, topic)
		if topic == "order_events" || topic == "reorder_events" {
			offsets.Add(kadm.Offset{Topic: topic, At: int64(n), LeaderEpoch: -1})
		}
	}
	if err := kadm.NewClient(kafkatest.Client(t, brokers)).CommitAllOffsets(t.Context(), "ksml", offsets); err != nil {
		t.Fatal(err)
	}
	invoke(t, env, "verify", "--policy", "reference", "--group", "ksml").wants(t, exitDone, "all invariants hold", "")
	alone := invoke(t, env, "verify", "--policy", "reference")
	alone.wants(t, exitUndecided, "group inv-ingest has read nothing", "name its consumer groups with --group")
	if strings.Contains(alone.stderr+alone.stdout, "inv process") {
		t.Errorf("beside another processor inv's is advised: %s", alone.stderr)
	}
	invoke(t, env, "verify", "--policy", "reference", "--group", "kmsl").wants(t, exitUndecided, "group kmsl has read nothing", "Is --group right?")
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
	type sample struct {
		Offset     int64
		Key, Value string
	}
	var samples []sample
	for lines := bufio.NewScanner(f); lines.Scan(); n++ {
		var s sample
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		samples = append(samples, s)
	}
	// The files are in the order of the timestamps.
	slices.SortFunc(samples, func(x, y sample) int { return cmp.Compare(x.Offset, y.Offset) })
	for _, s := range samples {
		record := &kgo.Record{Topic: topic, Key: []byte(s.Key), Value: []byte(s.Value)}
		if err := client.ProduceSync(t.Context(), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	return n
}
