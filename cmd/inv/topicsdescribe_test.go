package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"inv/internal/kafkatest"
	"inv/internal/registry/registrytest"

	"github.com/twmb/franz-go/pkg/sr"
)

// A description has the versions of the topic's schemas, also of subjects that the
// scenario names in another way; a registry that is away is a line.
func TestDescribeSchemas(t *testing.T) {
	brokers := kafkatest.Embedded(t)
	topic := kafkatest.Topic(t, brokers, "described", 1)
	r := registrytest.New(t, registrytest.WithAuth("u", "secret"))
	r.Register(topic+"-key", sr.Schema{Schema: `"string"`})
	for _, fields := range []string{``, `{"name":"n","type":"int","default":0}`} {
		r.Register("shop.Order", sr.Schema{Schema: `{"type":"record","name":"Order","namespace":"shop","fields":[` + fields + `]}`})
	}
	r.SetLevel("shop.Order", "FULL")
	folder := t.TempDir()
	file := filepath.Join(folder, "t.yaml")
	for name, text := range map[string]string{
		"t.yaml":     "scenario: t\ntopics:\n  orders: {topic: " + topic + ", partitions: 1, format: {avro: order.avsc}, schemas: {subject: record}}\n",
		"order.avsc": `{"type":"record","name":"Order","namespace":"shop","fields":[]}`,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"INV_BROKERS=" + brokers[0], "INV_SCENARIO=" + file}
	address := r.URL[:len("http://")] + "u:secret@" + r.URL[len("http://"):]
	told := invoke(t, append(env[:2:2], "INV_REGISTRY="+address), "topics", "describe", "orders")
	told.wants(t, 0, topic+"-key", "")
	told.wants(t, 0, "shop.Order", "")
	told.wants(t, 0, "2        3   avro  FULL", "")
	var got struct {
		Subjects []struct {
			Subject       string
			Compatibility string
			Versions      []struct {
				Version, ID int
				Type        string
			}
		}
	}
	out := invoke(t, append(env[:2:2], "INV_REGISTRY="+address), "topics", "describe", "orders", "-o", "json").stdout
	if err := json.Unmarshal([]byte(out), &got); err != nil || fmt.Sprint(got.Subjects) != "[{"+topic+"-key BACKWARD [{1 1 avro}]} {shop.Order FULL [{1 2 avro} {2 3 avro}]}]" {
		t.Errorf("%s (%v)", out, err)
	}
	r.SetAway(true)
	invoke(t, append(env[:2:2], "INV_REGISTRY="+address), "topics", "describe", "orders").wants(t, 0, topic, "the schemas are not shown: the schema registry: it answers 503")
	plain := invoke(t, env, "topics", "describe", "orders")
	if plain.code != 0 || plain.stderr != "" {
		t.Errorf("%+v", plain)
	}
}
