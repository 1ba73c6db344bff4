package declared

import (
	"bufio"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"inv/internal/scenario"
)

// samplesFile has the topologies of the specification.
const samplesFile = "../../internal/scenario/testdata/topologies.yaml"

// samples returns the scenario with them.
func samples(t testing.TB) *scenario.Scenario {
	t.Helper()
	source, err := os.ReadFile(samplesFile)
	if err != nil {
		t.Fatal(err)
	}
	s, err := scenario.Parse("topologies.yaml", source)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sample compiles one of them.
func sample(t testing.TB, name string) *Program {
	t.Helper()
	s := samples(t)
	p, problems := Compile(s, s.Topology(name))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return p
}

func TestSamplesAreCompiledToClosures(t *testing.T) {
	s := samples(t)
	var names []string
	for i := range s.Topologies {
		topology := &s.Topologies[i]
		names = append(names, topology.Name)
		p, problems := Compile(s, topology)
		if len(problems) > 0 {
			t.Error(problems)
			continue
		}
		for _, x := range p.Expressions() {
			if !x.Compiled {
				t.Errorf("%s: %s is not compiled: %s", x.What, x.Source, x.Reason)
			}
		}
	}
	if got := strings.Join(names, " "); got != "standardize low-stock pricing promotions fraud delays backorders" {
		t.Errorf("the samples are %s", got)
	}
}

// recorded is a record of a real topic.
type recorded struct {
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Timestamp int64  `json:"timestamp"`
	Key       string `json:"key"`
	Value     string `json:"value"`
}

func readRecorded(t testing.TB, name string) (records []recorded) {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var r recorded
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	if len(records) == 0 {
		t.Fatalf("%s is empty", name)
	}
	return records
}

// mapped is what a mapper has given.
type mapped struct {
	key, value string
	time       int64
}

type mappings struct{ list []mapped }

func (m *mappings) Output(o *Output) error {
	m.list = append(m.list, mapped{string(o.Key), string(o.Value), o.Time})
	return nil
}

func (m *mappings) Letter(*Letter) error { return nil }

// TestStandardizeAsTheReference maps the records of the reference with the segments that
// there were at the time of each, and compares with what the reference wrote. It had
// joined two records with a segment that is newer than they are.
func TestStandardizeAsTheReference(t *testing.T) {
	segments, want := readRecorded(t, "customer_segments.jsonl"), readRecorded(t, "standardized_customer_data.jsonl")
	byKey := map[string]recorded{}
	for _, r := range want {
		byKey[r.Key] = r
	}
	before := func(r recorded) tables {
		rows := tables{}
		for _, s := range segments {
			if s.Timestamp <= r.Timestamp {
				rows["segments/"+s.Key] = s.Value
			}
		}
		return rows
	}
	all := before(recorded{Timestamp: 1 << 60})
	p := sample(t, "standardize")
	var newer []string
	for _, r := range readRecorded(t, "legacy_customer_data.jsonl") {
		got := standardized(t, p, before(r), r)
		if expected := byKey[r.Key]; !sameCustomer(t, got, expected) {
			newer = append(newer, r.Key)
			if later := standardized(t, p, all, r); !sameCustomer(t, later, expected) {
				t.Errorf("%s is %+v with all segments, want %+v", r.Key, later, expected)
			}
		}
	}
	if len(newer) != 2 {
		t.Errorf("%q were joined with a newer segment, want two records", newer)
	}
}

func standardized(t *testing.T, p *Program, rows tables, r recorded) mapped {
	t.Helper()
	var out mappings
	record := &Record{Origin: Origin{"legacy_customers", r.Partition, r.Offset, r.Timestamp}, Key: []byte(r.Key), Value: []byte(r.Value)}
	outcome, refusal, err := p.Mapper(rows).Map(record, r.Timestamp, &out)
	if outcome != Routed || err != nil || len(out.list) != 1 {
		t.Fatalf("%s gave %v, %+v, %v, %v", r.Key, outcome, refusal, err, out.list)
	}
	return out.list[0]
}

// sameCustomer compares all but the time of the transformation.
func sameCustomer(t *testing.T, got mapped, want recorded) bool {
	t.Helper()
	parse := func(text string) map[string]any {
		var out map[string]any
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			t.Fatal(err)
		}
		metadata := out["metadata"].(map[string]any)
		if len(metadata["last_updated"].(string)) != len("2026-11-23T00:39:32Z") {
			t.Errorf("last_updated is %v", metadata["last_updated"])
		}
		delete(metadata, "last_updated")
		return out
	}
	return got.key == want.Key && got.time == want.Timestamp && reflect.DeepEqual(parse(got.value), parse(want.Value))
}

func TestMapper(t *testing.T) {
	field := func(name, source string) scenario.Member { return scenario.Member{Name: name, JQ: expr(1, source)} }
	fields := func(members ...scenario.Member) *scenario.Mapping { return &scenario.Mapping{Members: members} }
	topology := func(in scenario.Input, emits ...scenario.Emit) *scenario.Topology {
		in.Alias = "orders"
		return &scenario.Topology{Name: "m", From: []scenario.Input{in}, Emit: emits}
	}
	rows := tables{"products/p1": `{"x":1}`}
	for name, c := range map[string]struct {
		topology *scenario.Topology
		value    string
		want     []string // ID KEY VALUE, or the refusal
	}{
		"the record itself": {topology(scenario.Input{}, scenario.Emit{To: "a"}), ` {"n": 1.0}`, []string{`m-order_events-3-47-0 raw {"n":1.0}`}},
		"fields": {
			topology(scenario.Input{}, scenario.Emit{To: "a", Key: expr(2, ".id"), Fields: fields(field("at", "$t"), field("now", "$clock"), field("key", "$key"))}), `{"id":7}`,
			[]string{`m-order_events-3-47-0 7 {"at":1000,"now":99,"key":"raw"}`}},
		"several emits": {
			topology(scenario.Input{}, scenario.Emit{To: "a", If: expr(2, ".n > 1")}, scenario.Emit{To: "b", If: expr(2, ".n > 2")}, scenario.Emit{To: "c", Each: expr(2, ".n, 8")}), `{"n":2}`,
			[]string{`m-order_events-3-47-0 raw {"n":2}`, `m-order_events-3-47-2.0 raw 2`, `m-order_events-3-47-2.1 raw 8`}},
		"elements": {
			topology(scenario.Input{Each: expr(1, ".[]"), Join: []scenario.Join{join("p", ".p", scenario.MissingDrop)}}, scenario.Emit{To: "a", Fields: fields(field("i", "$i"), field("x", "$p.x"))}), `[{"p":"p1"},{"p":"p2"},{"p":"p1"}]`,
			[]string{`m-order_events-3-47-0-0 raw {"i":0,"x":1}`, `m-order_events-3-47-2-0 raw {"i":2,"x":1}`}},
		"the record is . again for the next emit": {
			topology(scenario.Input{}, scenario.Emit{To: "a", Each: expr(1, ".l[]"), Fields: fields(field("n", ".n"))}, scenario.Emit{To: "b", Fields: fields(field("n", ".n"))}), `{"n":1,"l":[{"n":2}]}`,
			[]string{`m-order_events-3-47-0.0 raw {"n":2}`, `m-order_events-3-47-1 raw {"n":1}`}},
		"one emit fails for all": {
			topology(scenario.Input{}, scenario.Emit{To: "a"}, scenario.Emit{To: "b", Fields: fields(field("n", ".n.x"))}), `{"n":1}`,
			[]string{`expression: test.yaml:1:5: expected an object but got: number (1)`}},
		"no emit":    {topology(scenario.Input{}, scenario.Emit{To: "a", If: expr(2, "false")}), `{}`, nil},
		"dropped":    {topology(scenario.Input{Where: expr(2, "false")}, scenario.Emit{To: "a"}), `{}`, []string{"dropped"}},
		"a wrong if": {topology(scenario.Input{}, scenario.Emit{To: "a", If: expr(2, ".n | keys")}), `{}`, []string{"expression: test.yaml:2:5: keys cannot be applied to: null"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, problems := Compile(ordersScenario(), c.topology)
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			m := p.Mapper(rows)
			for range 2 {
				var out outputs
				outcome, refusal, err := m.Map(at(c.value), 99, &out)
				switch {
				case err != nil:
					t.Fatal(err)
				case outcome == Dropped:
					out.lines = append(out.lines, "dropped")
				case outcome == Refused:
					out.lines = append(out.lines, string(refusal.Reason)+": "+refusal.Message)
				}
				if !slices.Equal(out.lines, c.want) {
					t.Errorf("got  %s\nwant %s", strings.Join(out.lines, "\n"), strings.Join(c.want, "\n"))
				}
			}
		})
	}
}

func TestARecordWithoutAKeyStaysWithoutOne(t *testing.T) {
	p := compiled(t, &scenario.Topology{Name: "m", From: []scenario.Input{{Alias: "a"}}, Emit: []scenario.Emit{{To: "out"}}})
	var got *Output
	if _, _, err := p.Mapper(nil).Map(&Record{Value: []byte("1")}, 0, effect(func(o *Output) { copied := *o; got = &copied })); err != nil {
		t.Fatal(err)
	}
	if got == nil || got.Key != nil {
		t.Errorf("got %+v", got)
	}
}

// effect calls a function with each output.
type effect func(*Output)

func (f effect) Output(o *Output) error { f(o); return nil }
func (effect) Letter(*Letter) error     { return nil }

func TestMappingXMLAllocatesNothing(t *testing.T) {
	p := sample(t, "standardize")
	r := readRecorded(t, "legacy_customer_data.jsonl")[0]
	m := p.Mapper(fixed{[]byte(`{"segment_name":"Premium"}`)})
	record := &Record{Origin: Origin{"legacy_customers", 0, 1, r.Timestamp}, Key: []byte(r.Key), Value: []byte(r.Value)}
	if n := testing.AllocsPerRun(100, func() {
		if outcome, _, err := m.Map(record, r.Timestamp, discard{}); outcome != Routed || err != nil {
			t.Fatal(outcome, err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
