package scenario

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// read parses a scenario that has no problems.
func read(t *testing.T, source string) *Scenario {
	t.Helper()
	s, problems := Read("t.yaml", []byte(source))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return s
}

// The specification's topologies are read whole.
func TestSampleTopologies(t *testing.T) {
	source, err := os.ReadFile("testdata/topologies.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := read(t, string(source))
	var names []string
	for i := range s.Topologies {
		x := &s.Topologies[i]
		names = append(names, fmt.Sprintf("%s:%v:%v:%v>%v", x.Name, x.Keyed(), x.Timed(), x.Reads(), x.Writes()))
	}
	want := []string{
		"standardize:false:false:[legacy segments]>[standardized]",
		"low-stock:true:false:[updates catalog]>[reorders alerts]",
		"pricing:true:false:[catalog updates rivals]>[price-changes]",
		"promotions:true:true:[updates]>[promotions]",
		"fraud:true:true:[orders]>[fraud-alerts]",
		"delays:true:true:[orders updates]>[delays]",
		"backorders:true:true:[delays updates]>[notices]",
	}
	if !slices.Equal(names, want) {
		t.Errorf("%s", strings.Join(names, "\n"))
	}
	standardize := s.Topology("standardize")
	if in := standardize.From[0]; in.Format != "xml" || in.Join[0].Name != "seg" || in.Join[0].Table != "segments" || in.Join[0].Key.Source != ".legacy_segment" {
		t.Errorf("%+v", in)
	}
	if f := standardize.Emit[0].Fields.Members; len(f) != 8 || f[1].Name != "name" || f[1].Mapping.Members[1].JQ.Source != ".lname" ||
		f[2].Mapping.Members[2].Mapping.Members[4].JQ.Source != `"USA"` {
		t.Errorf("%+v", f)
	}
	fraud := s.Topology("fraud")
	if k := fraud.Keep; fraud.Order != ByTime || fraud.TTL != 30*24*time.Hour || fraud.Emit[0].Once != 10*time.Minute || len(k) != 3 ||
		k[0].Kind != "count" || k[0].Of.Source != "." || k[0].Within != 10*time.Minute || k[1].Kind != "mean" || k[1].Last != 20 {
		t.Errorf("%+v", fraud)
	}
	if p := s.Topology("promotions"); len(p.Timers) != 1 || p.Timers[0].After != 24*time.Hour || p.Emit[0].When != "overstocked" || p.Emit[0].Fields.Members[4].JQ.Source != "20" ||
		p.Emit[1].Set[0].JQ.Source != "null" || p.Idle != DefaultIdle || p.Version != 1 || p.TTLForever {
		t.Errorf("%+v", p)
	}
	if p := s.Topology("low-stock"); p.From[0].Join[0].Missing != MissingDeadLetter || !p.TTLForever {
		t.Errorf("%+v", p)
	}
}

func TestTopologyDefaultsAndForms(t *testing.T) {
	s := read(t, `
scenario: t
topics: {a: {topic: a}, b: {topic: b}}
x-base: &base {key: .k, set: {seen: true}}
topologies:
  inventory: built-in
  w:
    about: counts
    from: {a: *base}
    window: {every: 1m, size: 1h}
    grace: 2m
    ahead: 1d
    emit: [{to: b, when: closed, type: t.v2, fields: {<<: {n: $n}, list: [1, [.x], {y: .z}], none: null, text: '"x"'}}]
  csv:
    from: {a: {<<: {where: .x}, format: csv, columns: [x, y]}}
    emit: [{to: b}]
`)
	if !s.Topologies[0].BuiltIn || s.Topologies[1].BuiltIn {
		t.Errorf("%+v", s.Topologies)
	}
	w := s.Topology("w")
	if grace, limited := w.Graceful(); w.About != "counts" || !w.TTLForever || w.Window.Size != time.Hour || w.Window.Every != time.Minute || grace != 2*time.Minute || !limited || *w.Ahead != 24*time.Hour ||
		w.From[0].Set[0].JQ.Source != "true" || w.Emit[0].Type != "t.v2" {
		t.Errorf("%+v", w)
	}
	if got, want := members(w.Emit[0].Fields.Members), `n=$n list=[=1 =[=.x] ={y=.z}] none=null text="x"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if c := s.Topology("csv"); c.Keyed() || c.From[0].Format != "csv" || !slices.Equal(c.From[0].Columns, []string{"x", "y"}) || c.From[0].Where.Source != ".x" {
		t.Errorf("%+v", c)
	}
}

// members writes fields in a line.
func members(of []Member) string {
	var out []string
	for _, m := range of {
		text := ""
		switch {
		case m.JQ != nil:
			text = m.JQ.Source
		case m.Mapping != nil:
			text = "{" + members(m.Mapping.Members) + "}"
		default:
			text = "[" + members(m.List) + "]"
		}
		out = append(out, m.Name+"="+text)
	}
	return strings.Join(out, " ")
}

// A declared topology adds the topics that it keeps for itself, and its inputs to those whose
// dead letters an alias has. What the file declares stays as it is.
func TestOwnTopics(t *testing.T) {
	const topologies = "\ntopologies: {x: {from: {a: {key: .k}, b: {key: .k}}, ttl: 1h, emit: [{to: c}]}, y: {from: {c: }, emit: [{to: d}]}}\n"
	for topics, want := range map[string]string{
		"": "x-log=inv-x-log/6/internal x-changelog=inv-x-changelog/6/internal/compact dlq=a.dlq,b.dlq,c.dlq/6",
		", x-log: {topic: mine, internal: true, partitions: 24}":          "x-log=mine/24/internal x-changelog=inv-x-changelog/24/internal/compact dlq=a.dlq,b.dlq,c.dlq/6",
		", dead: {dead_letters_of: [b], partitions: 3}":                   "dead=b.dlq,a.dlq,c.dlq/3 x-log=inv-x-log/6/internal x-changelog=inv-x-changelog/6/internal/compact",
		", dead: {dead_letters_of: [d]}, e: {dead_letters_of: [a, b, c]}": "dead=d.dlq/6 e=a.dlq,b.dlq,c.dlq/6 x-log=inv-x-log/6/internal x-changelog=inv-x-changelog/6/internal/compact",
		", dlq: {topic: mine}": "dlq=mine/6 x-log=inv-x-log/6/internal x-changelog=inv-x-changelog/6/internal/compact dlq-2=a.dlq,b.dlq,c.dlq/6",
	} {
		s := read(t, "scenario: t\ntopics: {a: {topic: a}, b: {topic: b}, c: {topic: c}, d: {topic: d}"+topics+"}"+topologies)
		var got []string
		for _, topic := range s.Topics[4:] {
			text := fmt.Sprintf("%s=%s/%d", topic.Alias, strings.Join(s.TopicNames(topic.Alias, "inv"), ","), topic.Partitions)
			if topic.Internal {
				text += "/internal"
			}
			if topic.Compact {
				text += "/compact"
			}
			got = append(got, text)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s\ngot  %s\nwant %s", topics, strings.Join(got, " "), want)
		}
	}
	if s := read(t, "scenario: t\ntopics: {a: {topic: a}}\ntopologies: [inventory]\n"); len(s.Topics) != 1 {
		t.Errorf("%+v", s.Topics)
	}
}

func TestTests(t *testing.T) {
	s := read(t, `
scenario: t
topics: {a: {topic: a}, b: {topic: b}}
x-item: &item {price: 1.50, sku: "007"}
topologies: {x: {from: {a: {key: .k}}, ttl: 1h, emit: [{to: b}]}}
tests:
  - name: all forms
    topology: x
    when:
      - {a: {<<: *item, n: 1e3, "null": null, list: [true, {d: 2024-01-02}], text: "<a> é\n"}}
      - {at: 40m}
      - {at: 1h, a: "<x/>", key: 5}
      - {a: 12.30, key: k}
      - {at: 5s, a: ~}
      - {a: []}
    then:
      b: [{k: 1.0}, {}, text]
      dlq: [{reason: late}]
`)
	key := func(k string) *string { return &k }
	test := s.Tests[0]
	want := []TestEvent{
		{At: 0, Alias: "a", Key: nil, Value: []byte(`{"price":1.50,"sku":"007","n":1e3,"null":null,"list":[true,{"d":"2024-01-02"}],"text":"<a> é\n"}`)},
		{At: 40 * time.Minute},
		{At: time.Hour, Alias: "a", Key: key("5"), Value: []byte("<x/>")},
		{At: time.Hour, Alias: "a", Key: key("k"), Value: []byte("12.30")},
		{At: 5 * time.Second, Alias: "a", Key: nil, Value: nil},
		{At: 5 * time.Second, Alias: "a", Key: nil, Value: []byte("[]")},
	}
	for i := range test.When {
		test.When[i].Pos, test.When[i].aliasPos = Position{}, Position{}
	}
	if test.Name != "all forms" || test.Topology != "x" || !reflect.DeepEqual(test.When, want) {
		t.Errorf("%+v", test)
	}
	var then []string
	for _, out := range test.Then {
		for _, w := range out.Want {
			then = append(then, fmt.Sprintf("%d %s %s", w.Pos.Line, out.Alias, w.Value))
		}
	}
	if got := strings.Join(then, "; "); got != `17 b {"k":1.0}; 17 b {}; 17 b "text"; 18 dlq {"reason":"late"}` {
		t.Error(got)
	}
}

// What a file's aliases multiply is bounded.
func TestTopologyBombs(t *testing.T) {
	bomb := func(leaf, list string) string {
		var b strings.Builder
		fmt.Fprintf(&b, "x-0: &b0 %s\n", leaf)
		for i := range 30 {
			fmt.Fprintf(&b, "x-%d: &b%d "+list+"\n", i+1, i+1, i, i)
		}
		return b.String()
	}
	const topics = "scenario: t\ntopics: {a: {topic: a}, b: {topic: b}}\n"
	for source, want := range map[string]string{
		bomb("[.x]", "[*b%d, *b%d]") + topics + "topologies: {x: {from: {a: }, emit: [{to: b, fields: {x: *b30}}]}}\n":     "more than 10000 expressions",
		bomb("{a: .x}", "{a: *b%d, b: *b%d}") + topics + "topologies: {x: {from: {a: }, emit: [{to: b, fields: *b30}]}}\n": "more than 10000 expressions",
		topics + "topologies: {x: {from: {a: }, emit: [{to: b, fields: &f {x: *f}}]}}\n":                                   "nested more than 32 deep",
		topics + "topologies: {x: {from: {a: }, emit: [{to: b, fields: {f: &f [*f]}}]}}\n":                                 "nested more than 32 deep",
		topics + "topologies: &t {x: *t}\n": `unknown key "x" in topology "x"`,
		topics + "topologies: {x: {from: {a: {where: " + strings.Repeat("x", maxExpressionBytes+1) + "}}, emit: [{to: b}]}}\n":                                                       "an expression has at most 16384",
		bomb("[1]", "[*b%d, *b%d]") + topics + "topologies: {x: {from: {a: }, emit: [{to: b}]}}\ntests: [{name: n, topology: x, when: [{a: *b30}]}]\n":                               "more than 16777216 bytes",
		topics + "topologies: {x: {from: {a: }, emit: [{to: b}]}}\ntests: [{name: n, topology: x, when: [{a: &f [*f]}]}]\n":                                                          "nested more than 100 deep",
		topics + "topologies: {x: {from: {a: }, emit: [{to: b}]}}\ntests: [{name: n, topology: x, when: [{a: {b: " + strings.Repeat("[", 200) + strings.Repeat("]", 200) + "}}]}]\n": "nested more than 100 deep",
	} {
		_, problems := Read("t.yaml", []byte(source))
		if len(problems) == 0 || len(problems) > 3 || !strings.Contains(problems.Error(), want) {
			t.Errorf("%d problems, %.500s, want %s", len(problems), problems.Error(), want)
		}
	}
}

// Nor do few lines with aliases make more problems, or values, than there is memory for.
func TestTopologyBombsOfProblems(t *testing.T) {
	list := func(n int, form string) string { return strings.TrimSuffix(strings.Repeat(form+", ", n), ", ") }
	var inputs strings.Builder
	for i := range maxInputs {
		fmt.Fprintf(&inputs, "i%d: *in, ", i)
	}
	const topics = "scenario: t\ntopics: {a: {topic: a}, b: {topic: b}}\n"
	for source, want := range map[string]string{
		"x-in: &in {" + list(100, "a: 1") + "}\n" + topics + "topologies: {x: {from: {" + inputs.String() + "}, emit: [{to: b}]}}\n":                                                                         "more than 1000 problems",
		"x-when: &when [" + list(9000, "{at: 1s}") + "]\n" + topics + "topologies: {x: {from: {a: }, emit: [{to: b}]}}\ntests: [" + list(500, "{name: n, topology: x, when: *when}") + "]\n":                 "more than 16777216 bytes",
		"x-then: &then {b: [" + list(9000, "1") + "]}\n" + topics + "topologies: {x: {from: {a: }, emit: [{to: b}]}}\ntests: [" + list(500, "{name: n, topology: x, when: [{at: 1s}], then: *then}") + "]\n": "more than 16777216 bytes",
		topics + "topologies: {x: {from: {a: {format: csv, columns: [" + list(1001, "c") + "]}}, emit: [{to: b}]}}\n":                                                                                        "columns has more than 1000 elements",
	} {
		_, problems := Read("t.yaml", []byte(source))
		if len(problems) == 0 || len(problems) > maxProblems+1 || !strings.Contains(problems.Error(), want) {
			t.Errorf("%d problems, %.500s, want %s", len(problems), problems.Error(), want)
		}
	}
}

// Counts are bounded, with one problem for all that is too much.
func TestTopologyCounts(t *testing.T) {
	list := func(n int, form string) string {
		var out []string
		for i := range n {
			out = append(out, strings.ReplaceAll(form, "#", fmt.Sprint(i)))
		}
		return strings.Join(out, ", ")
	}
	const topics = "scenario: t\ntopics: {a: {topic: a}, b: {topic: b}}\n"
	const right = "{from: {a: }, emit: [{to: b}]}"
	for _, c := range []struct {
		most       int
		form       string
		file, want string
	}{
		{maxTopologies, "t#: " + right, "topologies: {@}", "topologies has more than 100 entries"},
		{maxLets, "l#: 1", "topologies: {x: {from: {a: }, let: {@}, emit: [{to: b}]}}", "let has more than 200 entries"},
		{maxEmits, "{to: b}", "topologies: {x: {from: {a: }, emit: [@]}}", "emit has more than 50 elements"},
		{maxJoins, "j#: {table: a, key: .}", "topologies: {x: {from: {a: {join: {@}}}, emit: [{to: b}]}}", "join has more than 20 entries"},
		{maxState, "s#: .x", "topologies: {x: {from: {a: {key: ., set: {@}}}, ttl: 1h, emit: [{to: b}]}}", "set has more than 200 entries"},
		{maxTests, "{name: n#, topology: x, when: [{at: 1s}]}", "topologies: {x: " + right + "}\ntests: [@]", "tests has more than 1000 elements"},
	} {
		for n, want := range map[int]string{c.most: "", c.most + 2: c.want} {
			_, problems := Read("t.yaml", []byte(topics+strings.ReplaceAll(c.file, "@", list(n, c.form))+"\n"))
			if want == "" && len(problems) > 0 || want != "" && (len(problems) != 1 || !strings.Contains(problems.Error(), want)) {
				t.Errorf("%d of %s: %.300s, want %q", n, c.form, problems.Error(), want)
			}
		}
	}
}

// Hostile files with topologies neither panic nor hang, and each expression is where it is
// said to be.
func FuzzReadTopologies(f *testing.F) {
	source, err := os.ReadFile("testdata/topologies.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(source)
	const topics = "scenario: t\ntopics: {a: {topic: a}, b: {topic: b}}\n"
	for _, topology := range []string{
		"{from: {a: {key: .k, set: {x: .y}}}, ttl: 1h, emit: [{to: b, fields: {x: [.y, {z: '.\"q\"'}]}}]}",
		"{from: {a: {format: xml, lists: [x], join: {p: {table: b, key: \".\\u00e9\\t\"}}}}, emit: [{to: a}]}",
		"{from: {a: {key: &k .k}}, window: {every: 1m, size: 5m}, keep: {n: {count: *k, last: 5}}, emit: [{to: b, when: closed}]}",
		"\n    from: {a: }\n    emit:\n      - to: b\n        if: >+\n         .a\n\n         .b\n        key: |1-\n          .c",
	} {
		f.Add([]byte(topics + "topologies:\n  x: " + topology + "\ntests: [{name: n, topology: x, when: [{a: {k: [1, x]}}, {at: 1h}], then: {b: [{y: 1.0}]}}]\n"))
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		s, problems := Read("f.yaml", source)
		if s == nil {
			return
		}
		lines := textOf(string(source))
		plain := !strings.ContainsAny(string(source), "\r\u0085\u2028\u2029\ufeff")
		for i := range s.Topologies {
			eachJQ(&s.Topologies[i], func(x *JQ) {
				switch misplaced := lines.misplaced(x); {
				case x.Source == "":
					t.Fatal("an empty expression")
				case len(problems) == 0 && plain && misplaced != "":
					t.Fatal(misplaced)
				}
			})
		}
		for _, test := range s.Tests {
			for _, out := range test.Then {
				for _, want := range out.Want {
					if !json.Valid(want.Value) {
						t.Fatalf("%q is not JSON", want.Value)
					}
				}
			}
		}
	})
}
