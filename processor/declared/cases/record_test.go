package cases

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"inv/internal/scenario"
	"inv/processor/declared"

	"github.com/twmb/franz-go/pkg/kgo"
)

const recorded = `scenario: s
topics:
  orders: {topic: orders}
  products: {topic: products, cleanup: compact}
  alerts: {topic: alerts}
  refused: {dead_letters_of: [orders]}
producers:
  orders: {topic: orders, key: id, value: {id: {sequence: "{n}"}}}
topologies:
  t:
    from: {orders: {key: .customer, join: {p: {table: products, key: .sku}}}}
    order: time
    ttl: 1d
    timers: {quiet: {while: $n > 0, after: 1h}}
    emit:
      - {to: alerts, fields: {id: .id, at: $t, odd: .odd, name: $p.name, label: $headers.label, n: .n + 1}}
      - {to: alerts, when: quiet, fields: {quiet: true}}
`

func recorder(t *testing.T) *Recorder {
	t.Helper()
	sc, problems := scenario.Read("s.yaml", []byte(recorded))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	p, problems := declared.Compile(sc, sc.Topology("t"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	r := &Recorder{Scenario: sc, Program: p}
	at := time.Date(2026, 11, 29, 12, 0, 0, 123e6, time.UTC).UnixMilli()
	add := func(alias, key, value string, ms int64, headers ...kgo.RecordHeader) {
		if err := r.Add(&declared.BenchRecord{Alias: alias, Key: []byte(key), Value: []byte(value), Timestamp: ms, Headers: headers, Partition: 3, Offset: 4}); err != nil {
			t.Fatal(err)
		}
	}
	add("products", "s1", `{"name":"lamp"}`, at+1e9) // newer than all orders
	add("orders", "1", fmt.Sprintf(`{"id":"1","customer":"c: #1","sku":"s1","n":1.50,"odd":["no","1","a: b","\u001b[2J","é"," x",null,-0.1e3],"at":%d}`, at), at, kgo.RecordHeader{Key: "label", Value: []byte("true")})
	add("orders", "other", `{"id":"2","customer":"c","n":"x"}`, at+1000)
	add("orders", "3", "not json", at+2000)
	add("orders", "4", `{"id":"4","customer":"c","n":2}`, at+7_200_000)
	return r
}

// A recorded case is put among the tests, and passes.
func TestRecord(t *testing.T) {
	want := `  - name: "it: is"
    topology: t
    start: 2026-11-29T12:00:00.123Z
    when:
      - {at: 0s, products: {name: lamp}, key: s1}
      - {at: 0s, orders: {id: "1", customer: "c: #1", sku: s1, "n": 1.50, odd: ["no", "1", "a: b", "\u001b[2J", "é", " x", null, -0.1e3], at: $t}, headers: {label: "true"}}
      - {at: 1s, orders: {id: "2", customer: c, "n": x}, key: other}
      - {at: 2s, orders: "not json", key: "3"}
      - {at: 2h, orders: {id: "4", customer: c, "n": 2}}
    then:
      refused:
        - {$key: "3", $reason: not-json}
        - {$key: other, $reason: expression}
      alerts:
        - {$key: "c: #1", $t: 0s, id: "1", at: $t, odd: ["no", "1", "a: b", "\u001b[2J", "é", " x", null, -0.1e3], name: lamp, label: "true", "n": 2.5}
        - {$key: "c: #1", $t: 1h, quiet: true}
        - {$key: c, $t: 2h, id: "4", at: $t, odd: null, name: null, label: null, "n": 3}
`
	test := "  - {name: a, topology: t, when: [{at: 0s}], then: {}}\n"
	for name, c := range map[string]struct{ before, after string }{
		"no tests":      {recorded, recorded + "tests:\n" + want},
		"no line's end": {strings.TrimSpace(recorded), recorded + "tests:\n" + want},
		"tests":         {recorded + "tests:\n" + test + "\n# the end\n", recorded + "tests:\n" + test + want + "\n# the end\n"},
		"in the middle": {"tests:\n" + test + "\n# it is s\n" + recorded, "tests:\n" + test + want + "\n# it is s\n" + recorded},
		"an empty file": {"", "tests:\n" + want},
		"not indented":  {recorded + "tests:\n" + indented(test, 0)[2:], recorded + "tests:\n" + test[2:] + strings.ReplaceAll(want[2:], "\n  ", "\n")},
	} {
		got, err := recorder(t).AppendTo(t.Context(), "s.yaml", []byte(c.before), "it: is")
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if string(got) != c.after {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.after)
		}
	}
}

// What can't be a case is refused, and nothing is written.
func TestRecordRefuses(t *testing.T) {
	for name, c := range map[string]struct{ before, want string }{
		"flow":      {recorded + "tests: [{name: a, topology: t, when: [{at: 0s}], then: {}}]\n", "not a list with a line for each"},
		"JSON":      {"{}", "whose keys have lines of their own"},
		"not YAML":  {"a: [", "yaml: "},
		"other one": {strings.ReplaceAll(recorded, "  t:\n", "  other:\n"), "`topologies:` has no \"t\""},
	} {
		if got, err := recorder(t).AppendTo(t.Context(), "s.yaml", []byte(c.before), "x"); err == nil || !strings.Contains(err.Error(), c.want) || got != nil && c.want == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	r := recorder(t)
	r.records[1].Value = []byte("\xff")
	if _, err := r.AppendTo(t.Context(), "s.yaml", []byte(recorded), "x"); err == nil || !strings.Contains(err.Error(), "record 2 can't be written to a test: it is not UTF-8") {
		t.Error(err)
	}
	r = recorder(t) // in a test $t is a time
	r.records[1].Value = []byte(`{"id":"$t","customer":"c","n":1}`)
	if _, err := r.AppendTo(t.Context(), "s.yaml", []byte(recorded), "x"); err == nil || !strings.Contains(err.Error(), "it has a text such as $t") {
		t.Error(err)
	}
	r.records = nil
	if _, err := r.AppendTo(t.Context(), "s.yaml", nil, "x"); err == nil {
		t.Error("a test without records was written")
	}
	for range MaxRecorded {
		if err := r.Add(&declared.BenchRecord{Alias: "orders"}); err != nil {
			t.Fatal(err)
		}
	}
	if r.Add(&declared.BenchRecord{Alias: "orders"}) == nil {
		t.Error("it may have more records than MaxRecorded")
	}
}

func TestFreeName(t *testing.T) {
	sc := &scenario.Scenario{Tests: []scenario.Test{{Name: "a"}, {Name: "a 2"}}}
	if got := FreeName(sc, "a"); got != "a 3" {
		t.Error(got)
	}
	if got := FreeName(sc, "b"); got != "b" {
		t.Error(got)
	}
}
