package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"inv/internal/kafkatest"
	"inv/internal/registry"
	"inv/internal/scenario"
	"inv/scenarios"
)

// Confluent's client for Python reads the orders that are produced with a derived schema
// as tail shows them, with the ID in the value and in a header.
func TestRegistryReadsProducedOrders(t *testing.T) {
	python(t)
	source, err := scenarios.Files.ReadFile("inventory.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const orders = "\n  orders:\n    topic: order_events\n"
	if !strings.Contains(string(source), orders) {
		t.Fatal("the scenario has other orders")
	}
	registries(t, func(t *testing.T, address string, own bool) {
		for _, tt := range []struct {
			form registry.Form
			ids  string
		}{{registry.Avro, "value"}, {registry.Avro, "header"}, {registry.Protobuf, "header"}, {registry.JSONSchema, "value"}} {
			if tt.form == registry.Protobuf && !own {
				continue // the client asks for descriptors, and this registry has the source
			}
			brokers := kafkatest.Embedded(t)
			topic := kafkatest.Topic(t, brokers, "produced", 1)
			file := filepath.Join(t.TempDir(), "t.yaml")
			text := strings.Replace(string(source), orders, "\n  orders:\n    topic: "+topic+"\n    format: "+string(tt.form)+"\n    schemas: {ids: "+tt.ids+"}\n", 1)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			env := []string{"INV_BROKERS=" + brokers[0], "INV_SCENARIO=" + file, "INV_REGISTRY=" + address}
			invoke(t, env, "produce", "orders", "--count", "20", "--rate", "max", "--seed", "3").wants(t, 0, "", "")
			schema := invoke(t, env, "scenarios", "schema-of", "orders", "-o", map[registry.Form]string{registry.Avro: "avsc", registry.Protobuf: "proto", registry.JSONSchema: "jsonschema"}[tt.form])
			shown := values(t, []byte(invoke(t, env, "tail", "orders", "--offset", "start", "--until", "end", "--format", "%v\n").stdout))
			var input bytes.Buffer
			for _, r := range fetched(t, kafkatest.Client(t, brokers), topic, 20) {
				headers := [][2]any{}
				for _, h := range r.Headers {
					headers = append(headers, [2]any{h.Key, h.Value})
				}
				line, err := json.Marshal(map[string]any{"topic": topic, "form": tt.form, "schema": schema.stdout, "message": "inventory." + derivedName(scenario.Topic{Name: topic}, false), "value": r.Value, "headers": headers})
				if err != nil {
					t.Fatal(err)
				}
				input.Write(append(line, '\n'))
			}
			var read bytes.Buffer
			for out := runCounterpart(t, input.Bytes(), address, "", "show"); out.More(); {
				var one json.RawMessage
				if err := out.Decode(&one); err != nil {
					t.Fatal(err)
				}
				read.Write(append(one, '\n'))
			}
			if got := values(t, read.Bytes()); len(shown) != 20 || !reflect.DeepEqual(got, shown) {
				t.Errorf("%s, IDs in the %s: the client reads\n%s, and tail\n%v", tt.form, tt.ids, read.Bytes(), shown)
			}
		}
	})
}

// values returns values of JSON, without those of fields that are null.
func values(t *testing.T, lines []byte) (all []map[string]any) {
	t.Helper()
	for d := json.NewDecoder(bytes.NewReader(lines)); d.More(); {
		var one map[string]any
		if err := d.Decode(&one); err != nil {
			t.Fatal(err)
		}
		for key, v := range one {
			if v == nil {
				delete(one, key)
			}
		}
		all = append(all, one)
	}
	return all
}
