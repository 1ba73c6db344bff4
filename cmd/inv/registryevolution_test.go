package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"inv/internal/kafkatest"
	"inv/internal/registry"

	"github.com/twmb/franz-go/pkg/sr"
)

// evolving is a schema in three versions: the first, one that may follow, and one that may
// not.
type evolving struct {
	form             registry.Form
	message          string
	first, good, bad string
	changed          string // is in the list of changed fields
}

var evolutions = []evolving{
	{registry.Avro, "",
		`{"type":"record","name":"Order","fields":[{"name":"qty","type":"int"}]}`,
		`{"type":"record","name":"Order","fields":[{"name":"quantity","type":"long","aliases":["qty"]},{"name":"note","type":"string","default":""}]}`,
		`{"type":"record","name":"Order","fields":[{"name":"qty","type":"int"},{"name":"total","type":"long"}]}`, "total"},
	{registry.Protobuf, "Order",
		`syntax = "proto3"; message Order { int32 qty = 1; }`,
		`syntax = "proto3"; message Order { int32 qty = 1; string note = 2; }`,
		`syntax = "proto3"; message Order { string qty = 1; }`, "qty"},
	{registry.JSONSchema, "",
		`{"type":"object","additionalProperties":false,"properties":{"qty":{"type":"integer"}}}`,
		`{"type":"object","additionalProperties":false,"properties":{"qty":{"type":"number"},"note":{"type":"string"}}}`,
		`{"type":"object","additionalProperties":false,"properties":{"qty":{"type":"string"}}}`, "qty"},
}

// The registry decides what may follow, and some say why not; the level that a scenario
// asks for is that of the new subject.
func TestRegistryEvolution(t *testing.T) {
	registries(t, func(t *testing.T, address string, own bool) {
		client, err := registry.NewClient(address, "", "")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range evolutions {
			topic := kafkatest.Name(t, "evolution")
			open := func(text string, register bool) error {
				sch, err := registry.Compile(t.Context(), registry.Source{Form: e.form, Text: text, Message: e.message})
				if err != nil {
					t.Fatal(err)
				}
				_, err = registry.Open(t.Context(), client, []registry.TopicFormat{{Topic: topic, Writes: true, Value: &registry.Format{
					Schema: sch, Register: register, Compatibility: "BACKWARD_TRANSITIVE",
				}}}, func(line string) { t.Log(line) })
				return err
			}
			var missing *registry.MissingSchemaError
			if err := open(e.first, false); !errors.As(err, &missing) || missing.Versions {
				t.Errorf("%s: before it is registered: %v", e.form, err)
			}
			for _, text := range []string{e.first, e.good, e.first} {
				if err := open(text, true); err != nil {
					t.Errorf("%s: %v", e.form, err)
				}
			}
			var refused *registry.IncompatibleError
			if err := open(e.bad, true); !errors.As(err, &refused) || own && len(refused.Messages) == 0 || refused.Version != 2 || refused.Level != "BACKWARD_TRANSITIVE" || !strings.Contains(strings.Join(refused.Changes, "\n"), e.changed) {
				t.Errorf("%s: what may not follow: %+v", e.form, err)
			}
			if err := open(e.bad, false); !errors.As(err, &missing) || !missing.Versions {
				t.Errorf("%s: looking up what is not registered: %v", e.form, err)
			}
			subject, ok, err := registry.Describe(t.Context(), client, topic+"-value")
			if err != nil || !ok || len(subject.Versions) != 2 || subject.Level != "BACKWARD_TRANSITIVE" || subject.Versions[1].Form != e.form {
				t.Errorf("%s: %+v (%v)", e.form, subject, err)
			}
			if _, ok, err := registry.Describe(t.Context(), client, topic+"-key"); ok || err != nil {
				t.Errorf("%s: a subject that does not exist: %v (%v)", e.form, ok, err)
			}
		}
	})
}

// Names of subjects may have characters that paths give a meaning.
func TestRegistryNames(t *testing.T) {
	registries(t, func(t *testing.T, address string, _ bool) {
		client, err := registry.NewClient(address, "", "")
		if err != nil {
			t.Fatal(err)
		}
		sch, err := registry.Compile(t.Context(), registry.Source{Form: registry.Avro, Text: `"string"`})
		if err != nil {
			t.Fatal(err)
		}
		topics, err := registry.Open(t.Context(), client, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"a/b", "a b", "a%2Fb", "a?b#c", "ä"} {
			name = kafkatest.Name(t, "names") + name
			id, err := topics.Register(t.Context(), name, sch)
			if err != nil || id < 1 {
				t.Errorf("%s: %d (%v)", name, id, err)
			}
			if latest, err := client.SchemaByVersion(t.Context(), name, -1); err != nil || latest.Subject != name {
				t.Errorf("%s: %+v (%v)", name, latest, err)
			}
		}
	})
}

// inv refuses the change before the first record, and shows what has changed.
func TestRegistryRefusalIsTold(t *testing.T) {
	registries(t, func(t *testing.T, address string, own bool) {
		brokers := kafkatest.Embedded(t)
		topic := kafkatest.Topic(t, brokers, "refused", 1)
		client, err := sr.NewClient(sr.URLs(address))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "t.yaml")
		produce := func(fields string) invocation {
			t.Helper()
			text := "scenario: t\nproducers:\n  orders:\n    topic: orders\n    value: {id: order-1" + fields + "}\ntopics:\n  orders: {topic: " + topic + ", partitions: 1, format: avro, schemas: {compatibility: backward}}\n"
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			return invoke(t, []string{"INV_BROKERS=" + brokers[0], "INV_SCENARIO=" + file, "INV_REGISTRY=" + address}, "produce", "orders", "--count", "2")
		}
		produce("").wants(t, 0, "", "")
		refused := produce(", total: {int: [1, 5]}")
		refused.wants(t, 1, "", "is not compatible with version 1 of "+topic+"-value, whose level is BACKWARD")
		refused.wants(t, 1, "", "changed: total")
		if own {
			refused.wants(t, 1, "", "the registry: ")
		}
		if versions, err := client.SubjectVersions(t.Context(), topic+"-value"); err != nil || len(versions) != 1 {
			t.Errorf("versions %v (%v)", versions, err)
		}
	})
}
