package producer

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"inv/internal/registry"
	"inv/internal/scenario"
	"inv/scenarios"
)

// writerOf returns a writer of a schema with an ID.
func writerOf(t testing.TB, s registry.Source, id uint32) *registry.Writer {
	t.Helper()
	sch, err := registry.Compile(context.Background(), s)
	if err != nil {
		t.Fatalf("%v\n%s", err, s.Text)
	}
	return &registry.Writer{Schema: sch, ID: int32(id), Prefix: append(binary.BigEndian.AppendUint32([]byte{0}, id), sch.Index()...)}
}

// derivedWriters returns the writers of all topics of a scenario that its producers write,
// and the aliases of those that no schema of the form can describe.
func derivedWriters(t testing.TB, sc *scenario.Scenario, form registry.Form, keys bool) (to map[string]Writers, without []string) {
	t.Helper()
	to = map[string]Writers{}
	id := uint32(100)
	for _, topic := range sc.Topics {
		of, err := Shape(sc, topic.Alias)
		if errors.As(err, new(*NoShapeError)) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		source, misfits := registry.Derive(form, "Value", "test."+strings.ReplaceAll(sc.Name, "-", "_"), of)
		if misfits != nil {
			t.Logf("%s/%s: %v", sc.Name, topic.Alias, misfits)
			without = append(without, topic.Alias)
			continue
		}
		w := Writers{Value: writerOf(t, source, id), Derived: true}
		if key, err := KeyShape(sc, topic.Alias); keys && err == nil && form == registry.Avro {
			source, misfits := registry.Derive(form, "Key", "test", key)
			if misfits != nil {
				t.Fatalf("%s: %v", topic.Alias, misfits)
			}
			w.Key = writerOf(t, source, id+1000)
		}
		to[topic.Alias] = w
		id++
	}
	return to, without
}

var forms = []registry.Form{registry.Avro, registry.Protobuf, registry.JSONSchema}

// checkEncoded runs a plan with and without writers, and checks that each record with
// them is what Encode makes of the JSON of the same record.
func checkEncoded(t *testing.T, sc *scenario.Scenario, o CompileOptions, to map[string]Writers, run Options) (direct int) {
	t.Helper()
	aliases := map[string]string{}
	for _, topic := range sc.Topics {
		aliases[topic.Name] = topic.Alias
	}
	run.Start = testStart
	plain, coded := &collect{}, &collect{}
	if _, err := Run(t.Context(), compiledWith(t, sc, o), run, plain); err != nil {
		t.Fatal(err)
	}
	o.Writers = to
	summary, err := Run(t.Context(), compiledWith(t, sc, o), run, coded)
	if err != nil {
		t.Fatal(err)
	}
	refused := int64(0)
	at := 0
	for _, want := range plain.records {
		w := to[aliases[want.Topic]]
		value, key := want.Value, want.Key
		if w.Value != nil && value != nil {
			if value, err = w.Value.Append(nil, want.Value); err != nil {
				refused++
				continue
			}
		}
		got := coded.records[at]
		at++
		if !bytes.Equal(got.Value, value) || (got.Value == nil) != (value == nil) {
			t.Fatalf("%s: record %d:\n%s\ngot  %q\nwant %q", want.Topic, want.Number, want.Value, got.Value, value)
		}
		if w.Key != nil && key != nil {
			if decoded, err := w.Key.Schema.Decode(nil, got.Key[len(w.Key.Prefix):], registry.Data); err != nil ||
				string(decoded) != string(key) && string(decoded) != string(appendString(nil, key)) {
				t.Fatalf("%s: key %q is %q, %s, %v", want.Topic, key, got.Key, decoded, err)
			}
		} else if !bytes.Equal(got.Key, key) {
			t.Fatalf("%s: key %q, want %q", want.Topic, got.Key, key)
		}
	}
	if at != len(coded.records) || summary.Refused != refused || summary.Sent != int64(at) {
		t.Fatalf("%d records of %d, %d refused, want %d (%v)", at, len(coded.records), summary.Refused, refused, summary.FirstRefused)
	}
	if refused > 0 && !errors.As(summary.FirstRefused, new(*RefusedError)) {
		t.Errorf("the first refused record: %v", summary.FirstRefused)
	}
	return at
}

// Every record of every shipped scenario is what the general encoder makes of its JSON,
// under the schema that is derived from the scenario, in every form, with and without
// CloudEvents headers and with keys of the same form.
func TestShippedScenariosEncoded(t *testing.T) {
	entries, err := scenarios.Files.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name, yaml := strings.CutSuffix(e.Name(), ".yaml")
		if !yaml {
			continue
		}
		sc := shipped(t, name)
		if len(Runnable(sc)) == 0 {
			continue
		}
		for i := range sc.Producers { // records of every format have such values
			sc.Producers[i].Format = scenario.Format{Name: "json"}
		}
		for _, form := range forms {
			t.Run(fmt.Sprintf("%s as %s", name, form), func(t *testing.T) {
				for _, keys := range []bool{false, true} {
					to, without := derivedWriters(t, sc, form, keys)
					for _, products := range []int64{0, 40} {
						sent := checkEncoded(t, sc, CompileOptions{Names: Runnable(sc), Seed: 7, Products: products}, to,
							Options{Count: 400, For: 1e12, Workers: 2, NoEvents: keys})
						if sent == 0 || len(to) == 0 && len(without) == 0 {
							t.Errorf("%d records to %d topics", sent, len(to))
						}
					}
				}
			})
		}
	}
}
