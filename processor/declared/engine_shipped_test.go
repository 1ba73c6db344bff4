package declared_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"inv/internal/kafkatest"
	"inv/internal/registry"
	"inv/internal/registry/registrytest"
	"inv/internal/registry/shape"
	"inv/internal/scenario"
	"inv/scenarios"

	"github.com/twmb/franz-go/pkg/kgo"
)

// The shipped topologies write the same to topics in Avro and in Protobuf as to topics in
// JSON, given the records of their tests. Those of several inputs, or in which time makes
// something happen, are left out: what they write depends on how their inputs interleave,
// or they wait for a time to pass.
func TestShippedTopologiesInFormats(t *testing.T) {
	ran := 0
	files, err := scenarios.Files.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		source, err := scenarios.Files.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		s, err := scenario.Parse(file.Name(), source)
		if err != nil {
			t.Fatal(err)
		}
		for i := range s.Topologies {
			topology := &s.Topologies[i]
			if topology.BuiltIn || len(topology.From) != 1 || topology.Timed() || len(testsOf(s, topology.Name)) == 0 {
				continue
			}
			ran++
			t.Run(topology.Name, func(t *testing.T) {
				t.Parallel()
				run := shippedRun{t, string(source), topology.Name}
				outputs, inputs := run.with("json", nil)
				shapes := map[string]shape.Type{}
				for alias, values := range inputs {
					shapes[alias] = registrytest.ShapeOf(t, values)
				}
				for alias := range outputs {
					shapes[alias] = registrytest.ShapeOf(t, valuesOf(outputs[alias]))
				}
				for _, form := range []registry.Form{registry.Avro, registry.Protobuf} {
					got, _ := run.with(string(form), run.derived(form, shapes))
					for _, alias := range topology.Writes() {
						same(t, fmt.Sprintf("%s in %s", alias, form), got[alias], outputs[alias]...)
					}
				}
			})
		}
	}
	if ran < 2 { // low-stock and standardize
		t.Errorf("%d topologies were run", ran)
	}
}

func testsOf(s *scenario.Scenario, topology string) (tests []*scenario.Test) {
	for i := range s.Tests {
		if s.Tests[i].Topology == topology {
			tests = append(tests, &s.Tests[i])
		}
	}
	return tests
}

// shippedRun runs a topology with the records of its tests.
type shippedRun struct {
	*testing.T
	source   string
	topology string
}

// derived derives the schemas of topics. One that can't have any stays JSON.
func (s shippedRun) derived(form registry.Form, shapes map[string]shape.Type) formats {
	s.Helper()
	f := formats{}
	for alias, of := range shapes {
		source, misfits := registry.Derive(form, "R", "t", of)
		if len(misfits) > 0 {
			s.Logf("%s has no schema in %s: %v", alias, form, misfits)
			continue
		}
		f[alias] = source
	}
	if len(f) < 2 {
		s.Errorf("%d topics have a schema in %s", len(f), form)
	}
	return f
}

var relative = regexp.MustCompile(`"\$t([+-][0-9a-z]+)?"`)

// with runs the topology with formats, for each test by itself, and returns the decoded
// outputs, and the values of its inputs and tables, by alias.
func (s shippedRun) with(name string, f formats) (outputs map[string][]string, inputs map[string][][]byte) {
	s.Helper()
	inputs, outputs = map[string][][]byte{}, map[string][]string{}
	whole, err := scenario.Parse("s.yaml", []byte(s.source))
	if err != nil {
		s.Fatal(err)
	}
	for _, test := range testsOf(whole, s.topology) {
		r := newRig(s, kafkatest.Embedded(s), s.source)
		topics := f.open(r, registrytest.New(s), false)
		for _, e := range test.When {
			if e.Alias == "" {
				continue
			}
			record, value := recordOf(r, topics, &e)
			r.write(record)
			if json.Valid(value) {
				inputs[e.Alias] = append(inputs[e.Alias], value)
			}
		}
		cfg := r.config(s.topology)
		cfg.Drain, cfg.Schemas = true, topics
		if _, err := r.run(cfg); err != nil {
			s.Fatal(err)
		}
		for _, alias := range whole.Topology(s.topology).Writes() {
			for _, line := range r.decoded(topics, alias) {
				// What the clock says is another time in each run.
				outputs[alias] = append(outputs[alias], clocked.ReplaceAllString(line, `"$1":""`))
			}
		}
	}
	return outputs, inputs
}

// recordOf returns the record of a test's event, in its topic's format, and its value
// without one.
func recordOf(r *rig, topics *registry.Topics, e *scenario.TestEvent) (*kgo.Record, []byte) {
	r.Helper()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(e.At)
	value := relative.ReplaceAllFunc(e.Value, func(text []byte) []byte {
		d, _ := time.ParseDuration(string(bytes.TrimPrefix(bytes.Trim(text, `"$t`), []byte("+"))))
		return strconv.AppendInt(nil, at.Add(d).UnixMilli(), 10)
	})
	record := &kgo.Record{Topic: r.topic(e.Alias), Timestamp: at, Key: keyOf(r.scenario, e, value), Value: value}
	for _, h := range e.Headers {
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: h.Name, Value: []byte(*h.Value)})
	}
	if w := topics.Writer(record.Topic, false); w != nil && value != nil {
		var err error
		if record.Value, err = w.Append(nil, value); err != nil {
			r.Fatalf("%v of %s", err, value)
		}
	}
	return record, value
}

var clocked = regexp.MustCompile(`"(last_updated)":"[^"]*"`)

// keyOf returns the key of a test's record: its own, or the field of its producer's key.
func keyOf(s *scenario.Scenario, e *scenario.TestEvent, value []byte) []byte {
	if e.Key != nil {
		return []byte(*e.Key)
	}
	var fields map[string]any
	if json.Unmarshal(value, &fields) != nil {
		return nil
	}
	for i := range s.Producers {
		if p := &s.Producers[i]; p.Topic.Text == e.Alias && p.Key != nil && fields[p.Key.Field.Text] != nil {
			return fmt.Append(nil, fields[p.Key.Field.Text])
		}
	}
	return nil
}

func valuesOf(lines []string) (values [][]byte) {
	for _, line := range lines {
		_, value, _ := strings.Cut(line, " ")
		values = append(values, []byte(value))
	}
	return values
}
