package declared

import (
	"fmt"
	"strings"
	"testing"

	"inv/internal/scenario"
)

// compiled returns a topology named t of a scenario with the topics in, out and table.
func compiled(t *testing.T, text string) *Topology {
	t.Helper()
	head := "scenario: s\ntopics:\n  in: {topic: in}\n  more: {topic: more}\n  out: {topic: out}\n  table: {topic: table, cleanup: compact}\ntopologies:\n  t:\n"
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		head += "    " + line + "\n"
	}
	s, problems := scenario.Read("f.yaml", []byte(head))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return Compile(s, s.Topology("t"))
}

// record is a line of the log: key, time, partition@offset and the value.
func record(key string, ms int64, place string, value string) string {
	return fmt.Sprintf(`{"k":%q,"t":%d,"in":"in","src":"in/%s","ts":%d,"v":%s}`, key, ms, place, ms, value)
}

// tick is a tick of a partition of the topic in, which has n partitions.
func tick(ms any, partition, n int) string {
	return fmt.Sprintf(`{"tick":%v,"of":"in/%d","parts":{"in":%d}}`, ms, partition, n)
}

// show returns results, one on a line.
func show(results []Result) string {
	var out strings.Builder
	for _, r := range results {
		if o := r.Output; o != nil {
			fmt.Fprintf(&out, "%d %s %s %s @%d\n", r.Line, o.ID, o.Key, o.Value, o.Time)
		} else {
			fmt.Fprintf(&out, "%d %s %s %s%s\n", r.Line, r.Letter.Reason, r.Letter.Place, r.Letter.Source, r.Letter.Value)
		}
	}
	return out.String()
}

// replays are partitions of logs and what they call for, worked out by hand.
var replays = map[string]struct {
	topology string
	log      []string
	want     string
}{
	"state, and what a failing step undoes": {`
from: {in: {key: .k, set: {a: .a, b: '($s.b // 0) + .a'}}}
ttl: forever
emit:
- {to: out, if: '$s.b > 2', fields: {n: $n, was: $was.b, s: $s}}
- {to: out, if: .bad, fields: {x: '.a | error'}}`,
		[]string{record("k", 10, "0@0", `{"a":1}`), record("k", 11, "0@1", `{"a":2}`), record("k", 12, "0@2", `{"a":3,"bad":1}`), record("k", 13, "0@3", `{"a":1.50}`)},
		`1 t-k-10-2-0 k {"n":2,"was":1,"s":{"a":2,"b":3}} @11
2 expression f.yaml:13:40 in/0@2
3 t-k-10-3-0 k {"n":3,"was":3,"s":{"a":1.50,"b":4.5}} @13
`},
	"a comparison with an absent field does not hold, nor does its negation": {`
from: {in: {key: .k, set: {a: .a}}}
ttl: forever
emit:
- {to: out, if: .x < 1, fields: {v: '1'}}
- {to: out, if: .x < 1 | not, fields: {v: '2'}}
- {to: out, if: $s.x < 1, fields: {v: '3'}}
- {to: out, if: .x == null, fields: {v: '4', w: empty}}`,
		[]string{record("k", 10, "0@0", `{"a":1}`)},
		"0 t-k-10-1-2 k {\"v\":3} @10\n0 t-k-10-1-3 k {\"v\":4} @10\n"},
	"aggregates": {`
from: {in: {key: .k}}
ttl: forever
keep:
  recent: {count: .v, within: 10ms}
  sum: {sum: .v}
  mean: {mean: .v, last: 2}
  least: {min: .v, within: 10ms}
  kinds: {distinct: .d, last: 2}
emit: [{to: out, fields: {was: $was.recent, s: $s}}]`,
		[]string{record("k", 10, "0@0", `{"v":1,"d":[1,{"b":1,"a":2}]}`), record("k", 15, "0@1", `{"v":0.5,"d":[1,{"a":2,"b":1}]}`), record("k", 20, "0@2", `{"v":2,"d":"x"}`), record("k", 40, "0@3", `{"v":null}`), record("k", 41, "0@4", `{"v":"1"}`)},
		`0 t-k-10-1-0 k {"was":0,"s":{"kinds":1,"least":1,"mean":1,"recent":1,"sum":1}} @10
1 t-k-10-2-0 k {"was":1,"s":{"kinds":1,"least":0.5,"mean":0.75,"recent":2,"sum":1.5}} @15
2 t-k-10-3-0 k {"was":1,"s":{"kinds":2,"least":0.5,"mean":1.25,"recent":2,"sum":3.5}} @20
3 t-k-10-4-0 k {"was":0,"s":{"kinds":2,"least":null,"mean":1.25,"recent":0,"sum":3.5}} @40
4 expression f.yaml:13:18 in/0@4
`},
	"timers fire once for each stretch, before the record that is due at the same time": {`
from: {in: {key: .k, set: {on: .on}}}
ttl: forever
timers: {slow: {while: $s.on, after: 10ms}}
emit:
- {to: out, when: slow, fields: {t: $t, n: $n, dot: ., in: $in}}
- {to: out, fields: {on: .on}}`,
		[]string{tick(0, 0, 1), record("k", 10, "0@0", `{"on":true}`), record("k", 15, "0@1", `{"on":true}`), record("k", 20, "0@2", `{"on":true}`),
			record("k", 25, "0@3", `{"on":false}`), record("k", 26, "0@4", `{"on":true}`), tick(40, 0, 1)},
		`1 t-k-10-1-1 k {"on":true} @10
2 t-k-10-2-1 k {"on":true} @15
3 t-k-10-3-0 k {"t":20,"n":3,"dot":null,"in":null} @20
3 t-k-10-4-1 k {"on":true} @20
4 t-k-10-5-1 k {"on":false} @25
5 t-k-10-6-1 k {"on":true} @26
6 t-k-10-7-0 k {"t":36,"n":7,"dot":null,"in":null} @36
`},
	"a timer's failing step": {`
from: {in: {key: .k, set: {a: .a}}}
ttl: forever
timers: {slow: {while: $s.a, after: 10ms}}
emit: [{to: out, when: slow, fields: {x: '$s.a | error'}}]`,
		[]string{tick(0, 0, 1), record("k", 10, "0@0", `{"a":1}`), tick(20, 0, 1), tick(90, 0, 1)},
		"2 timer f.yaml:12:47 /0@0{\"due\":20,\"key\":\"k\",\"state\":{\"a\":1},\"timer\":\"slow\"}\n"},
	"keys are forgotten": {`
from: {in: {key: .k}}
ttl: 10ms
until: .end
emit: [{to: out, fields: {n: $n}}]`,
		[]string{tick(0, 0, 1), record("k", 10, "0@0", `{}`), record("k", 19, "0@1", `{}`), record("k", 29, "0@2", `{}`), record("k", 30, "0@3", `{"end":true}`), record("k", 31, "0@4", `{}`)},
		`1 t-k-10-1-0 k {"n":1} @10
2 t-k-10-2-0 k {"n":2} @19
3 t-k-29-1-0 k {"n":1} @29
4 t-k-29-2-0 k {"n":2} @30
5 t-k-31-1-0 k {"n":1} @31
`},
	"order: time, over two partitions of the source, and late lines": {`
from: {in: {key: .k}}
ttl: forever
order: time
grace: 10ms
emit: [{to: out, fields: {n: $n, o: $offset}}]`,
		[]string{record("k", 30, "0@0", `{}`), record("k", 20, "1@0", `{}`), tick(30, 0, 2), tick(41, 1, 2), record("k", 50, "0@1", `{}`), record("k", 25, "1@1", `{}`), record("k", 31, "1@2", `{}`), tick(60, 0, 2), tick(60, 1, 2)},
		`4 t-k-20-1-0 k {"n":1,"o":0} @20
4 t-k-20-2-0 k {"n":2,"o":0} @30
5 late  in/1@1
8 t-k-20-3-0 k {"n":3,"o":2} @31
`},
	"hopping windows": {`
from: {in: {key: .k}}
window: {every: 10ms, size: 20ms}
grace: 5ms
keep: {sum: {sum: .v}}
emit: [{to: out, when: closed, fields: {sum: $s.sum, w: $window, n: $n}}]`,
		[]string{tick(0, 0, 1), record("k", 12, "0@0", `{"v":1}`), record("k", 25, "0@1", `{"v":2}`), tick(45, 0, 1)},
		`2 t-k-0-2-0 k {"sum":1,"w":{"end":20,"start":0},"n":2} @20
3 t-k-10-3-0 k {"sum":3,"w":{"end":30,"start":10},"n":3} @30
3 t-k-20-2-0 k {"sum":2,"w":{"end":40,"start":20},"n":2} @40
`},
	"sessions": {`
from: {in: {key: .k}}
window: {gap: 10ms}
order: time
grace: 0s
keep: {n: {count: .}}
emit: [{to: out, when: closed, fields: {n: $s.n, w: $window}}]`,
		[]string{tick(0, 0, 1), record("k", 12, "0@0", `{}`), record("k", 21, "0@1", `{}`), record("k", 31, "0@2", `{}`), tick(50, 0, 1)},
		`3 t-k-12-3-0 k {"n":2,"w":{"end":31,"start":12}} @31
4 t-k-31-2-0 k {"n":1,"w":{"end":41,"start":31}} @41
`},
	"once, each and an emit's set": {`
from: {in: {key: .k}}
ttl: forever
emit:
- {to: out, once: 10ms, each: '.l[]?', key: .id, fields: {id: .id, did: $s.did}, set: {did: .name}}`,
		[]string{record("k", 10, "0@0", `{"l":[],"name":"x"}`), record("k", 11, "0@1", `{"l":[{"id":1.0},{"id":true}],"name":"y"}`), record("k", 20, "0@2", `{"l":[{"id":"z"}]}`), record("k", 21, "0@3", `{"l":[{"id":"z"}]}`)},
		`1 t-k-10-2-0.0 1.0 {"id":1.0,"did":"x"} @11
1 t-k-10-2-0.1 true {"id":true,"did":"x"} @11
3 t-k-10-4-0.0 z {"id":"z","did":"y"} @21
`},
}

func applyText(r *Replay, number int64, text string) ([]Result, error) {
	l, err := ParseLine([]byte(text))
	if err != nil {
		return nil, err
	}
	return r.Apply(number, l), nil
}

// The oracle's results are those worked out by hand.
func TestReplay(t *testing.T) {
	for name, c := range replays {
		t.Run(name, func(t *testing.T) {
			replay := compiled(t, c.topology).NewReplay()
			got := ""
			for i, line := range c.log {
				results, err := applyText(replay, int64(i), line)
				if err != nil {
					t.Fatal(err)
				}
				got += show(results)
			}
			if got != c.want {
				t.Errorf("got\n%swant\n%s", got, c.want)
			}
		})
	}
}

// What a record makes of an expression takes neither the memory nor the time of a reader.
func TestExpressionsAreBounded(t *testing.T) {
	for name, c := range map[string]struct{ expression, value string }{
		"a string that is repeated": {`.a * .b | length`, `{"a":"abcdefgh","b":1000000000}`},
		"loops in loops":            {`[.l[] as $x | .l[] as $y | .l[] as $z | 1] | length`, `{"l":[` + strings.Repeat("1,", 999) + `1]}`},
	} {
		topology := compiled(t, "from: {in: {key: '\"k\"', set: {x: '"+c.expression+"'}}}\nttl: forever\nemit: [{to: out}]")
		results, err := applyText(topology.NewReplay(), 0, record("k", 1, "0@0", c.value))
		if got := show(results); err != nil || !strings.HasPrefix(got, "0 expression f.yaml:9:") {
			t.Errorf("%s: %s %v", name, got, err)
		}
	}
}

// No line makes the replay fail but by an error.
func FuzzApply(f *testing.F) {
	for _, c := range replays {
		for _, line := range c.log {
			f.Add(line)
		}
	}
	f.Add(`{"tick":null,"of":"in/0","parts":{"in":1e6}}`)
	f.Add(`{"k":"","t":-9223372036854775808,"in":"in","src":"in/0@0","ts":0,"i":1.5,"j":{},"v":[]}`)
	f.Fuzz(func(t *testing.T, line string) {
		replay := compiled(t, replays["sessions"].topology).NewReplay()
		for _, text := range append(replays["sessions"].log, line, line) {
			if _, err := applyText(replay, 0, text); err != nil && text != line {
				t.Fatal(err)
			}
		}
	})
}
