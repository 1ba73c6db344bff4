package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"inv/internal/kafka"
	"inv/internal/kafkatest"
	"inv/internal/registry"
	"inv/internal/registry/registrytest"
	"inv/internal/scenario"
	"inv/scenarios"

	"github.com/twmb/franz-go/pkg/kgo"
)

// encodedAliases are the topics of the inventory scenario that get a format, and their
// names there.
var encodedAliases = map[string]string{
	"catalog": "product_catalog", "orders": "order_events", "updates": "inventory_updates",
	"reorders": "reorder_events", "alerts": "inventory_alerts", "receipts": "stock_receipts",
}

// system is the inventory scenario with topics of its own.
type system struct {
	t        *testing.T
	brokers  []string
	app      string
	scenario *scenario.Scenario
	env      []string
}

// newSystem returns the scenario with a line such as "format: avro" for each of its
// topics; "": they are JSON.
func newSystem(t *testing.T, brokers []string, lines string, url string) *system {
	t.Helper()
	source, err := scenarios.Files.ReadFile("inventory.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := &system{t: t, brokers: brokers, app: kafkatest.Name(t, "encoded")}
	for _, name := range encodedAliases {
		with := "    topic: " + s.app + "." + name + "\n"
		for line := range strings.Lines(lines) {
			with += "    " + strings.TrimSpace(line) + "\n"
		}
		source = bytes.ReplaceAll(source, []byte("    topic: "+name+"\n"), []byte(with))
	}
	file := filepath.Join(t.TempDir(), "own.yaml")
	if err := os.WriteFile(file, source, 0o600); err != nil {
		t.Fatal(err)
	}
	if s.scenario, err = scenario.Parse(file, source); err != nil {
		t.Fatal(err)
	}
	s.env = []string{"INV_BROKERS=" + brokers[0], "INV_APP_ID=" + s.app, "INV_SCENARIO=" + file}
	if url != "" {
		s.env = append(s.env, "INV_REGISTRY="+url)
	}
	return s
}

func (s *system) invoke(args ...string) invocation {
	s.t.Helper()
	return invoke(s.t, s.env, args...)
}

func (s *system) topic(alias string) string { return s.scenario.TopicNames(alias, s.app)[0] }

// topics opens the topics for writing.
func (s *system) topics(url string) *registry.Topics {
	s.t.Helper()
	f := &sharedFlags{appID: s.app}
	var writes []string
	for alias := range encodedAliases {
		writes = append(writes, alias)
	}
	topics, err := f.topics(s.t.Context(), &streams{err: io.Discard}, s.scenario, topicUse{writes: writes}, registryFlags{address: url})
	if err != nil {
		s.t.Fatal(err)
	}
	return topics
}

// records returns what a topic holds.
func (s *system) records(topic string) (all []*kgo.Record) {
	s.t.Helper()
	client := kafkatest.Client(s.t, s.brokers)
	spans, err := kafka.Spans(s.t.Context(), client, topic)
	if err == nil {
		err = kafka.Read(s.t.Context(), kafka.Config{Brokers: s.brokers}, spans, func(_ int, r *kgo.Record) bool {
			all = append(all, r)
			return false
		})
	}
	if err != nil {
		s.t.Fatal(err)
	}
	slices.SortStableFunc(all, func(a, b *kgo.Record) int { return int(a.Offset - b.Offset) })
	return all
}

// copyTo writes the topics' records to those of another system, with the partitions,
// timestamps and headers, and without gaps in their offsets. Values and keys are encoded
// by the other's formats, unless topics is nil.
func (s *system) copyTo(to *system, topics *registry.Topics) {
	s.t.Helper()
	client := kafkatest.Client(s.t, to.brokers, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	for alias := range encodedAliases {
		from, name := s.topic(alias), to.topic(alias)
		spec := kafka.TopicSpec{Name: name, Partitions: 6}
		if _, err := kafka.EnsureTopics(s.t.Context(), client, spec); err != nil {
			s.t.Fatal(err)
		}
		for _, r := range s.records(from) {
			copied := &kgo.Record{Topic: name, Partition: r.Partition, Timestamp: r.Timestamp, Headers: r.Headers, Key: r.Key, Value: r.Value}
			if err := encodeRecord(copied, topics); err != nil {
				s.t.Fatalf("%s: %s: %v", alias, r.Value, err)
			}
			if err := client.ProduceSync(s.t.Context(), copied).FirstErr(); err != nil {
				s.t.Fatal(err)
			}
		}
	}
}

// encodeRecord encodes a record by the format of its topic. A value that is not JSON
// stays.
func encodeRecord(r *kgo.Record, topics *registry.Topics) (err error) {
	if topics == nil {
		return nil
	}
	if w := topics.Writer(r.Topic, true); w != nil && r.Key != nil {
		if r.Key, err = w.Append(nil, []byte(fmt.Sprintf("%q", r.Key))); err != nil {
			return err
		}
	}
	if w := topics.Writer(r.Topic, false); w != nil && r.Value != nil {
		if r.Value, err = w.Append(nil, r.Value); w.Header.Key != "" {
			r.Headers = append(slices.Clone(r.Headers), w.Header)
		}
	}
	return err
}

// twins returns the same history twice, of JSON and encoded.
func twins(t *testing.T, lines string) (plain, other *system) {
	t.Helper()
	brokers, r := kafkatest.Embedded(t), registrytest.New(t)
	first := newSystem(t, brokers, "", "")
	first.invoke("produce", "catalog").wants(t, 0, "", "")
	first.invoke("produce", "orders", "--rate", "100/s", "--count", "40", "--seed", "7", "--start", "2026-05-01").wants(t, 0, "", "")
	first.invoke("process", "inventory", "procurement", "--drain", "--lead-time", "0s").wants(t, 0, "", "")
	plain, other = newSystem(t, brokers, "", ""), newSystem(t, brokers, lines, r.URL)
	first.copyTo(plain, nil)
	first.copyTo(other, other.topics(r.URL))
	return plain, other
}

// What is shown of topics with a format is what the same scenario shows of JSON. In
// Protobuf the zeros behind a number's last digit are lost.
func TestTailOfEncodedTopicsLooksTheSame(t *testing.T) {
	t.Parallel()
	for name, lines := range map[string]string{
		"avro":        "format: avro\nkey_format: avro",
		"header":      "format: avro\nschemas: {ids: header}",
		"protobuf":    "format: protobuf",
		"json schema": "format: json_schema",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plain, other := twins(t, lines)
			for alias := range encodedAliases {
				tail := func(same func(string) string, args ...string) {
					t.Helper()
					args = append([]string{"tail", alias, "--offset", "start", "--until", "end"}, args...)
					want, got := plain.invoke(args...), other.invoke(args...)
					if want.stdout == "" || same(got.stdout) != same(want.stdout) || got.code != 0 || strings.ReplaceAll(got.stderr, other.app, plain.app) != want.stderr {
						t.Errorf("%v: exit code %d, stderr %q, %s", args, got.code, got.stderr, firstDifference(same(got.stdout), same(want.stdout)))
					}
				}
				exactly := func(s string) string { return s }
				if name != "protobuf" {
					tail(exactly, "--color", "always", "--time", "utc")
				}
				tail(exactly, "--filter", ".timestamp > 0 or .price > 20", "--format", "%p/%o %k\n")
				tail(func(s string) string { return normalized(t, s) }, "--format", "%v\n")
			}
		})
	}
}

// normalized returns lines of JSON without members that are null, and with the shortest
// form of numbers.
func normalized(t *testing.T, lines string) string {
	t.Helper()
	var out strings.Builder
	for line := range strings.Lines(lines) {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		maps.DeleteFunc(v, func(_ string, value any) bool { return value == nil })
		short, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&out, string(short))
	}
	return out.String()
}

// firstDifference returns the first lines that differ.
func firstDifference(a, b string) string {
	as, bs := strings.SplitAfter(a, "\n"), strings.SplitAfter(b, "\n")
	for i := range min(len(as), len(bs)) {
		if as[i] != bs[i] {
			return fmt.Sprintf("line %d of %d and %d:\n%swant\n%s", i+1, len(as), len(bs), as[i], bs[i])
		}
	}
	return fmt.Sprintf("%d and %d lines", len(as), len(bs))
}

// processed returns an encoded system whose orders were processed, and the topics for
// writing more.
func processed(t *testing.T, lines string) (*system, *registrytest.Registry, *registry.Topics) {
	t.Helper()
	brokers, r := kafkatest.Embedded(t), registrytest.New(t)
	plain, other := newSystem(t, brokers, "", ""), newSystem(t, brokers, lines, r.URL)
	plain.invoke("produce", "catalog").wants(t, 0, "", "")
	plain.invoke("produce", "orders", "--rate", "100/s", "--count", "40", "--seed", "7").wants(t, 0, "", "")
	topics := other.topics(r.URL)
	plain.copyTo(other, topics)
	other.invoke("process", "inventory", "procurement", "--drain", "--lead-time", "0s").wants(t, 0, "", "")
	return other, r, topics
}

// The audit and the dashboard read encoded topics as they read JSON, and the audit finds
// what is wrong with them.
func TestAuditOfEncodedTopics(t *testing.T) {
	t.Parallel()
	for name, lines := range map[string]string{
		"avro":     "format: avro\nkey_format: avro",
		"header":   "format: avro\nschemas: {ids: header}",
		"protobuf": "format: protobuf",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _, topics := processed(t, lines)
			s.invoke("verify", "inventory", "procurement").wants(t, 0, "", "")
			var seen struct {
				Counts   map[string]int
				Problems struct{ Malformed []any }
			}
			got := s.invoke("dashboard", "--once", "-o", "json")
			if err := json.Unmarshal([]byte(got.stdout), &seen); err != nil {
				t.Fatalf("%v: %+v", err, got)
			}
			if seen.Counts["products"] != 3 || seen.Counts["unknown"] != 0 || len(seen.Problems.Malformed) > 0 {
				t.Errorf("the dashboard shows %+v", seen)
			}

			// A changed update is found: its stock is not the sum of its product's changes.
			updates := s.records(s.topic("updates"))
			last := updates[len(updates)-1]
			value, err := topics.Value(nil, last)
			if err != nil {
				t.Fatal(err)
			}
			changed := *last
			if changed.Value, err = topics.Writer(last.Topic, false).Append(nil, bytes.Replace(value, []byte(`"current_stock":`), []byte(`"current_stock":1`), 1)); err != nil {
				t.Fatal(err)
			}
			client := kafkatest.Client(t, s.brokers, kgo.RecordPartitioner(kgo.ManualPartitioner()))
			if err := client.ProduceSync(t.Context(), &changed).FirstErr(); err != nil {
				t.Fatal(err)
			}
			s.invoke("verify", "inventory", "procurement").wants(t, 1, "seen      seq", "")
		})
	}
}
