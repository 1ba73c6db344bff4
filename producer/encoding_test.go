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
			if w.Value.Schema.Form == registry.JSONSchema { // it escapes what JSON need not
				value = bytes.ReplaceAll(value, []byte(`\u0085`), []byte("\u0085"))
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
					products := int64(0)
					if keys {
						products = 40
					}
					sent := checkEncoded(t, sc, CompileOptions{Names: Runnable(sc), Seed: 7, Products: products}, to,
						Options{Count: 200, For: 1e12, Workers: 2, NoEvents: keys})
					if sent == 0 || len(to) == 0 && len(without) == 0 {
						t.Errorf("%d records to %d topics", sent, len(to))
					}
				}
			})
		}
	}
}

// A value that does not fit its schema is counted, and is not sent; all others are.
func TestRefusedRecords(t *testing.T) {
	source := `scenario: t
topics: {t: {topic: t}}
producers:
  p:
    topic: t
    key: id
    value:
      id: {sequence: "{n}"}
      x: FIELD
`
	for _, tt := range []struct{ field, avro, proto, want string }{
		{"{int: [1, 2000]}", "", "", ""},
		{"{sequence: 2147483645}", `"int"`, "int32", "x: "},
		{"{decimal: [1, 12], decimals: 2}", `{"type":"bytes","logicalType":"decimal","precision":3,"scale":2}`, "", "x: "},
		{"{decimal: [1, 2], decimals: 3}", `{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}`, "", "x: "},
		{"{decimal: [1, 2], decimals: 1}", `"int"`, "int64", "x: "},
		{"{int: [-3, 3]}", "", "uint32", "x: "},
		{"{fake: weekday}", `{"type":"enum","name":"E","symbols":["Monday","Tuesday"]}`, "E", "x: "},
		{"{int: [1, 9], nulls: 30%}", `"int"`, "", "x: "},
		{"{int: [1, 9], optional: 70%}", `"int"`, "", "x: "},
		{"{one_of: [1, a]}", `"int"`, "int32", "x: "},
		{"{list: [0, 2], of: {y: {int: [1, 2], optional: 70%}}}", `{"type":"array","items":{"type":"record","name":"I","fields":[{"name":"y","type":"int"}]}}`, "", "x[].y: "},
	} {
		sc := parsed(t, "t.yaml", strings.Replace(source, "FIELD", tt.field, 1))
		var sources []registry.Source
		if tt.avro != "" {
			sources = append(sources, registry.Source{Form: registry.Avro, Text: `{"type":"record","name":"R","fields":[{"name":"id","type":"string"},{"name":"x","type":` + tt.avro + `}]}`})
		}
		if tt.proto != "" {
			sources = append(sources, registry.Source{Form: registry.Protobuf, Text: `syntax = "proto3"; message R { string id = 1; ` + tt.proto + ` x = 2; enum E { Monday = 0; Tuesday = 1; } }`})
		}
		for _, s := range sources {
			to := map[string]Writers{"t": {Value: writerOf(t, s, 1)}}
			// Without the fault's keys, what is known not to fit is a problem of the scenario.
			o := CompileOptions{Names: []string{"p"}, Seed: 7, UnknownRefs: true}
			sent := checkEncoded(t, sc, o, to, Options{Count: 100})
			if sent == 100 {
				t.Errorf("%s to %s: all records fit", tt.field, s.Text)
			}
			o.Writers = to
			summary, err := Run(t.Context(), compiledWith(t, sc, o), Options{Start: testStart, Count: 100}, &collect{})
			if err != nil || summary.FirstRefused == nil || !strings.Contains(summary.FirstRefused.Error(), `of "p" does not fit the schema of t: `+tt.want) {
				t.Errorf("%s to %s: %v, %v", tt.field, s.Text, summary.FirstRefused, err)
			}
		}
	}
}

// Fields that a schema has besides, fields that are sometimes absent, and branches of
// unions are as Encode has them.
func TestGivenSchemas(t *testing.T) {
	sc := parsed(t, "t.yaml", `scenario: t
topics: {t: {topic: t}}
producers:
  p:
    topic: t
    key: id
    value:
      n: {int: [1, 9], optional: 50%}
      id: {sequence: "k{n}"}
      x: {one_of: [1, a, 2.5, true, null]}
      o: {one_of: [{object: {a: 1}}, {object: {b: {fake: city}}}, null]}
      at: {time: now}
      day: {date: [2020-01-01, 2021-01-01]}
      iso: {time: now, format: rfc3339}
      u: {uuid: v4}
      list: [1, a]
      none: null
`)
	field := func(fields ...string) string {
		return `{"type":"record","name":"R","fields":[` + strings.Join(fields, ",") + "]}"
	}
	for _, s := range []registry.Source{
		{Form: registry.Avro, Text: field(`{"name":"gone","type":"null","default":null}`, `{"name":"id","type":"string"}`, `{"name":"n","type":["null","int"],"default":null}`,
			`{"name":"more","type":{"type":"array","items":"int"},"default":[1,2]}`, `{"name":"x","type":["null","int","double","string","boolean"]}`,
			`{"name":"o","type":["null",{"type":"record","name":"A","fields":[{"name":"a","type":"int"}]},{"type":"record","name":"B","fields":[{"name":"b","type":"string"},{"name":"c","type":"A","default":{"a":5}}]}]}`,
			`{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}}`, `{"name":"day","type":{"type":"int","logicalType":"date"}}`,
			`{"name":"iso","type":{"type":"long","logicalType":"timestamp-micros"}}`, `{"name":"u","type":{"type":"string","logicalType":"uuid"}}`,
			`{"name":"list","type":{"type":"array","items":["int","string"]}}`, `{"name":"none","type":["string","null"]}`)},
		{Form: registry.Avro, Text: field(`{"name":"n","type":"double","default":7}`, `{"name":"id","type":["string","bytes"]}`, `{"name":"x","type":["string","double","null","boolean"]}`,
			`{"name":"o","type":["null",{"type":"map","values":["int","string"]}]}`, `{"name":"at","type":"double"}`, `{"name":"day","type":"string"}`, `{"name":"iso","type":["null","string"]}`,
			`{"name":"u","type":{"type":"fixed","name":"U","size":16,"logicalType":"uuid"}}`, `{"name":"list","type":{"type":"array","items":["string","float"]}}`, `{"name":"none","type":"null"}`)},
		{Form: registry.Protobuf, Text: `syntax = "proto3"; import "google/protobuf/struct.proto"; import "google/protobuf/timestamp.proto"; import "google/protobuf/wrappers.proto";
			message R { string id = 9; sint32 n = 2; google.protobuf.Value x = 1; O o = 4; message O { int32 a = 2; optional string b = 1; } google.protobuf.Timestamp at = 5;
			string day = 6; google.protobuf.Timestamp iso = 7; string u = 8; google.protobuf.ListValue list = 300; google.protobuf.StringValue none = 12; repeated int64 more = 13; }`},
		{Form: registry.JSONSchema, Text: `{"type":"object","properties":{"id":{"pattern":"[13579]$"}}}`},
	} {
		sent := checkEncoded(t, sc, CompileOptions{Names: []string{"p"}, Seed: 7, UnknownRefs: true}, map[string]Writers{"t": {Value: writerOf(t, s, 1)}}, Options{Count: 200})
		if sent != 200 && (s.Form != registry.JSONSchema || sent != 100) {
			o := CompileOptions{Names: []string{"p"}, Seed: 7, UnknownRefs: true, Writers: map[string]Writers{"t": {Value: writerOf(t, s, 1)}}}
			summary, _ := Run(t.Context(), compiledWith(t, sc, o), Options{Start: testStart, Count: 9}, &collect{})
			t.Errorf("%d records of 200 fit: %v", sent, summary.FirstRefused)
		}
	}
}

// What is known not to fit a schema is a problem of the scenario, with its place.
func TestMisfits(t *testing.T) {
	source := `scenario: t
topics: {t: {topic: t}}
producers:
  p:
    topic: t
    value:
      id: {sequence: "{n}"}
      x: {list: [1, 2], of: {y: {int: [1, 9]}}}
`
	sc := parsed(t, "t.yaml", source)
	to := writerOf(t, registry.Source{Form: registry.Avro, Text: `{"type":"record","name":"R","fields":[{"name":"id","type":"string"},{"name":"x","type":{"type":"array","items":{"type":"record","name":"I","fields":[{"name":"y","type":"string"}]}}}]}`}, 1)
	_, err := Compile(sc, CompileOptions{Names: []string{"p"}, Writers: map[string]Writers{"t": {Value: to}}})
	if err == nil || !strings.HasPrefix(err.Error(), "t.yaml:8:30: x[].y: ") || !strings.Contains(err.Error(), `so producer "p" can't write topic t`) {
		t.Errorf("%v", err)
	}
}

// The routes of a producer may have different formats.
func TestRoutesOfSeveralFormats(t *testing.T) {
	sc := parsed(t, "t.yaml", `scenario: t
topics: {a: {topic: a}, b: {topic: b}, c: {topic: c}}
producers:
  p:
    topic: {by: kind, to: {x: a, y: b}, else: c}
    key: id
    value: {id: {sequence: "k{n}"}, kind: {one_of: [x, y, z]}}
`)
	avro, _ := derivedWriters(t, sc, registry.Avro, true)
	proto, _ := derivedWriters(t, sc, registry.Protobuf, false)
	to := map[string]Writers{"a": avro["a"], "b": proto["b"]}
	checkEncoded(t, sc, CompileOptions{Names: []string{"p"}, Seed: 7}, to, Options{Count: 200})
	sink := &collect{}
	if _, err := Run(t.Context(), compiledWith(t, sc, CompileOptions{Names: []string{"p"}, Seed: 7, Writers: to}), Options{Start: testStart, Count: 100}, sink); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"a": "application/avro", "b": "application/protobuf", "c": "application/json"}
	for _, r := range sink.records {
		for _, h := range r.Headers {
			if h.Key == "content-type" && string(h.Value) != want[r.Topic] {
				t.Errorf("%s is %s", r.Topic, h.Value)
			}
		}
	}
}

// Every generator in every place is encoded as its JSON would be, by the schema that is
// derived from it.
func TestEveryGeneratorEncoded(t *testing.T) {
	for name, example := range examples(t) {
		t.Run(name, func(t *testing.T) {
			derived := 0
			for _, place := range places {
				with := func(text string) string {
					inner := strings.TrimSuffix(strings.TrimPrefix(example, "{"), "}")
					return strings.ReplaceAll(strings.ReplaceAll(text, "{G,", "{"+inner+","), "G", example)
				}
				source, runs := scenarioOf(name, "json", with(place.attributes), with(place.field))
				// The other producers of the topic have nothing to do with its records.
				source = strings.NewReplacer("topics: {t: {topic: t}}", "topics: {t: {topic: t}, u: {topic: u}}",
					"catalog: {topic: t", "catalog: {topic: u", "others: {topic: t", "others: {topic: u", "cause: {topic: t", "cause: {topic: u").Replace(source)
				if checked(source) != "" {
					continue
				}
				sc := parsed(t, "t.yaml", source)
				for _, form := range forms {
					to, _ := derivedWriters(t, sc, form, false)
					delete(to, "u")
					if len(to) > 0 {
						derived++
						checkEncoded(t, sc, CompileOptions{Names: []string{runs}, Seed: 3}, to, Options{Count: 12, For: 1e12})
					}
				}
			}
			if derived < 4 {
				t.Errorf("only %d schemas are derived", derived)
			}
		})
	}
}

// Encoding allocates nothing that writing JSON does not.
func TestEncodingAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("with the race detector, pools forget some of what they keep")
	}
	for _, name := range []string{"inventory", "order-lifecycle", "cdc", "click-stream", "forum", "iot-sensors", "bank"} {
		sc := shipped(t, name)
		allocs := func(to map[string]Writers) float64 {
			p := compiledWith(t, sc, CompileOptions{Names: Runnable(sc), Seed: 7, Writers: to})
			r := newRenderer(p, Options{})
			w, batch := &worker{}, newBatches().get()
			n := int64(0)
			return testing.AllocsPerRun(20, func() {
				for i, s := range p.streams {
					if s.from != nil || s.memory != nil {
						continue // its records need what the schedule knows
					}
					batch.slots = batch.slots[:0]
					for range batchSize {
						batch.slots = append(batch.slots, slot{n: n, at: 1767225600000 + n, stream: int32(i)})
						n++
					}
					r.render(w, batch)
				}
			})
		}
		json := allocs(nil)
		for _, form := range forms {
			to, _ := derivedWriters(t, sc, form, false)
			if got := allocs(to); got > json {
				t.Errorf("%s as %s: %v allocations for each %d records of each producer, as JSON %v", name, form, got, batchSize, json)
			}
		}
	}
}

// Whatever a scenario's fields are, their records are what Encode makes of their JSON.
func FuzzEncoded(f *testing.F) {
	for i, g := range []string{"a: {int: [-9, 9]}", "a: {list: [0, 2], of: {b: {ref: c.id}, d: {decimal: [-5, 300], decimals: 3, nulls: 5%}}}", "a: {text: \"{b:03}\"}\n      b: 5",
		"a: {one_of: {x: 1, \"\": 2}, optional: 5%}", "a: {if: \"b > 1\", then: 1, else: x}\n      b: {normal: {mean: 1, sd: 2}}", "a: [1, {hex: 3}, null]",
		"a: {one_of: [{object: {b: 1}}, {object: {c: {int: [1, 9]}}}, null]}", "a: {date: [2020-01-01, 2021-01-01]}\n      t: {time: now, format: epoch_us}",
		"\"a_b\": \"\\ud83d\\ude00\"\n      u: {uuid: v4}", "l: {list: [0, 3], each: {int: [1, 9]}}\n      s: {sum: m.x * 2}\n      m: {list: [1, 2], of: {x: {int: [1, 9]}}}",
		"a: {calc: \"9999999999 * b\"}\n      b: {int: [1, 999999]}", "a: {bool: 50%, nulls: 50%}", "a: {copy: o.b}\n      o: {object: {b: {fake: city}}, optional: 50%}"} {
		f.Add(g, byte(i))
	}
	f.Fuzz(func(t *testing.T, fields string, form byte) {
		sc, problems := scenario.Read("f.yaml", []byte("scenario: t\ntopics: {t: {topic: t}, u: {topic: u}}\nproducers:\n  c: {topic: u, key: id, rows: [{id: 1}, {id: 2}]}\n  p:\n    topic: t\n    value:\n      "+fields+"\n"))
		if sc == nil || len(problems) > 0 || len(Check(sc)) > 0 {
			return
		}
		o := CompileOptions{Names: []string{"p"}, Seed: 5}
		if p, err := Compile(sc, o); err != nil || CheckOptions(p, Options{Start: testStart, Count: 8, For: 1e11}) != nil || len(p.Topics()) != 1 || p.Topics()[0] != "t" {
			return
		}
		of, err := Shape(sc, "t")
		if err != nil {
			return
		}
		source, misfits := registry.Derive(forms[int(form)%len(forms)], "R", "t", of)
		if misfits != nil || len(source.Text) > 1<<20 {
			return
		}
		checkEncoded(t, sc, o, map[string]Writers{"t": {Value: writerOf(t, source, 1), Derived: true}}, Options{Count: 8, For: 1e11})
	})
}
