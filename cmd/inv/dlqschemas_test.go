package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"inv/internal/kafkatest"
	"inv/internal/registry"
	"inv/internal/registry/registrytest"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Dead letters of encoded topics are shown decoded, put back byte for byte, and repaired
// as JSON.
func TestDeadLettersOfEncodedTopics(t *testing.T) {
	t.Parallel()
	for name, lines := range map[string]string{"avro": "format: avro", "header": "format: avro\nschemas: {ids: header}"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := registrytest.New(t)
			s := newSystem(t, kafkatest.Embedded(t), lines, r.URL)
			topics := s.topics(r.URL)
			s.invoke("produce", "catalog").wants(t, 0, "", "")
			order := func(id, product string) *kgo.Record {
				value := `{"order_id":"` + id + `","customer_id":"c","items":[{"product_id":"` + product + `","quantity":1,"unit_price":2.50}],"order_total":2.50,"timestamp":1777593601490}`
				one := &kgo.Record{Topic: s.topic("orders"), Key: []byte(id), Value: []byte(value), Headers: []kgo.RecordHeader{{Key: "note", Value: []byte("mine")}}}
				if err := encodeRecord(one, topics); err != nil {
					t.Fatal(err)
				}
				return one
			}
			unknown, broken := order("o1", "nothing"), order("o2", "prod-456")
			broken.Value = broken.Value[:len(broken.Value)-3]
			client := kafkatest.Client(t, s.brokers, kgo.RecordPartitioner(kgo.ManualPartitioner()))
			s.invoke("process", "inventory", "--drain").wants(t, 0, "", "")
			if err := client.ProduceSync(t.Context(), unknown, broken).FirstErr(); err != nil {
				t.Fatal(err)
			}
			s.invoke("process", "inventory", "--drain").wants(t, 0, "", "")

			dead := s.topic("orders") + ".dlq"
			s.invoke("dlq", "list").wants(t, 0, "not-json", "")
			list := s.invoke("dlq", "list", "orders", "--filter", `.items[0].product_id == "nothing"`, "-o", "json")
			list.wants(t, 0, `"order_id":"o1"`, "")
			list.wants(t, 0, `"reason":"unknown-product"`, "")
			if strings.Count(list.stdout, "\n") != 1 {
				t.Errorf("the filter leaves\n%s", list.stdout)
			}
			s.invoke("tail", "dlq", "--until", "end").wants(t, 0, `"order_id":"o1"`, "")
			var places []string
			for _, l := range linesIn(t, s.invoke("tail", dead, "--until", "end", "-o", "json").stdout) {
				places = append(places, l.Key)
			}
			if len(places) != 2 {
				t.Fatalf("letters of %v", places)
			}
			refused := s.invoke("dlq", "list", "orders", "--reason", "not-json", "-o", "json")
			refused.wants(t, 0, `"undecoded":"decoding the value by schema`, "")
			at := between(t, refused.stdout, `"at":"`, `"`)
			s.invoke("dlq", "show", at).wants(t, 0, "undecoded decoding the value", "")
			s.invoke("dlq", "show", at, "--registry", "http://127.0.0.1:1").wants(t, 0, "", "values are shown as they are: ")
			s.invoke("dlq", "replay", "--filter", ".x", "--yes", "--registry", "http://127.0.0.1:1").wants(t, 1, "", "the filter needs decoded values")

			s.invoke("dlq", "replay", "orders", "--reason", "unknown-product", "--yes").wants(t, 0, "", "1 replayed")
			again := last(s.records(s.topic("orders")))
			if !bytes.Equal(again.Value, unknown.Value) || !bytes.Equal(again.Key, unknown.Key) {
				t.Errorf("put back as %x, it was %x", again.Value, unknown.Value)
			}
			for _, h := range unknown.Headers {
				if !hasHeader(again, h) {
					t.Errorf("header %s is missing: %v", h.Key, again.Headers)
				}
			}

			repair := func(value string) invocation {
				t.Helper()
				file := filepath.Join(t.TempDir(), "repaired.json")
				if err := os.WriteFile(file, []byte(value), 0o600); err != nil {
					t.Fatal(err)
				}
				return s.invoke("dlq", "replay", at, "--value", file, "--yes")
			}
			good := `{"order_id":"o2","customer_id":"c","items":[{"product_id":"prod-456","quantity":1,"unit_price":2.50}],"order_total":2.50,"timestamp":1777593601490}`
			repair(strings.Replace(good, `"quantity":1`, `"quantity":"one"`, 1)).wants(t, 1, "", "does not fit the schema of topic "+s.topic("orders")+": items[0].quantity: ")
			repair("order o2").wants(t, 2, "", "it takes JSON")
			repair(good).wants(t, 0, "", "1 replayed")
			repaired := last(s.records(s.topic("orders")))
			if value, err := topics.Value(nil, repaired); err != nil || string(value) != good {
				t.Errorf("repaired: %s (%v)", value, err)
			}
			if id, there := headerOf(repaired, registry.ValueHeader); there != (name == "header") {
				t.Errorf("the ID in the header: %x", id)
			}
			s.invoke("process", "inventory", "--drain").wants(t, 0, "", "")
			s.invoke("verify", "inventory").wants(t, 0, "", "")
		})
	}
}

func last(all []*kgo.Record) *kgo.Record {
	newest := all[0]
	for _, r := range all {
		if _, ok := headerOf(r, "dlq-replay"); ok && r.Offset >= newest.Offset {
			newest = r
		}
	}
	return newest
}

func headerOf(r *kgo.Record, name string) (value []byte, ok bool) {
	for _, h := range r.Headers {
		if h.Key == name {
			return h.Value, true
		}
	}
	return nil, false
}

func hasHeader(r *kgo.Record, h kgo.RecordHeader) bool {
	value, ok := headerOf(r, h.Key)
	return ok && bytes.Equal(value, h.Value)
}

// between returns the text between two others.
func between(t *testing.T, text, after, before string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, after)
	found, _, ok2 := strings.Cut(rest, before)
	if !ok || !ok2 {
		t.Fatalf("no %s…%s in %s", after, before, text)
	}
	return found
}
