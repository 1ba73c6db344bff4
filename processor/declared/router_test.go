package declared

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"inv/internal/scenario"
)

// tables are rows by table and key.
type tables map[string]string

func (t tables) Row(table string, key []byte) ([]byte, error) {
	row, ok := t[table+"/"+string(key)]
	switch {
	case !ok:
		return nil, nil
	case row == "broken":
		return nil, errors.New("the table can't be read")
	}
	return []byte(row), nil
}

// logged collects lines.
type logged struct{ lines []string }

func (l *logged) Line(key, line []byte) error {
	l.lines = append(l.lines, string(key)+" "+string(line))
	return nil
}

// keyedBy is a topology of one input.
func keyedBy(in scenario.Input) *scenario.Topology {
	if in.Key == nil {
		in.Key = expr(10, ".id")
	}
	in.Alias = "orders"
	return &scenario.Topology{Name: "t", From: []scenario.Input{in}, TTLForever: true, Emit: []scenario.Emit{{To: "out"}}}
}

// ahead limits how far ahead times may be.
func ahead(by time.Duration, t *scenario.Topology) *scenario.Topology {
	t.Ahead = &by
	return t
}

// ordersScenario has a view with a time.
func ordersScenario() *scenario.Scenario {
	return &scenario.Scenario{Name: "test", File: "test.yaml", Topics: []scenario.Topic{{
		Alias: "orders", Name: "order_events", View: &scenario.View{Time: "at.ms"},
	}}}
}

// at is the record of the tests.
func at(value string) *Record {
	r := &Record{Origin: Origin{"order_events", 3, 47, 1000}, Key: []byte("raw")}
	if value != "null!" {
		r.Value = []byte(value)
	}
	return r
}

func join(name, key string, missing scenario.Missing) scenario.Join {
	return scenario.Join{Name: name, Table: "products", Key: *expr(20, key), Missing: missing}
}

// line is a line of the record of the tests.
func line(key, rest string) string {
	return fmt.Sprintf(`%s {"k":"%s",%s}`+"\n", key, key, strings.Replace(rest, "~", `"in":"orders","src":"order_events/3@47","ts":1000`, 1))
}

func TestRoute(t *testing.T) {
	rows := tables{"products/p1": `{"x":1.0,"name":"ü"}`, "products/p2": `{"x":2,"parent":"p1"}`, "products/7": `{"x":7}`}
	with := func(topology *scenario.Topology, change func(*scenario.Topology)) *scenario.Topology {
		change(topology)
		return topology
	}
	for name, c := range map[string]struct {
		topology *scenario.Topology
		value    string
		headers  []Header
		want     string // lines, or "dropped", or "REASON: message"
	}{
		"a record":               {topology: keyedBy(scenario.Input{}), value: ` {"id": "a", "n": 1.50}`, want: line("a", `"t":1000,~,"v":{"id":"a","n":1.50}`)},
		"a record that is text":  {topology: keyedBy(scenario.Input{Key: expr(10, ".")}), value: `"x"`, want: line("x", `"t":1000,~,"v":"x"`)},
		"a byte order mark":      {topology: keyedBy(scenario.Input{}), value: "\ufeff" + `{"id":"a"}`, want: line("a", `"t":1000,~,"v":{"id":"a"}`)},
		"a tombstone":            {topology: keyedBy(scenario.Input{}), value: "null!", want: "dropped"},
		"an empty value":         {topology: keyedBy(scenario.Input{}), value: "", want: "not-json: the value is not one JSON document"},
		"not JSON":               {topology: keyedBy(scenario.Input{}), value: "{", want: "not-json: the value is not one JSON document"},
		"two documents":          {topology: keyedBy(scenario.Input{}), value: "{}{}", want: "not-json: the value is not one JSON document"},
		"where holds":            {topology: keyedBy(scenario.Input{Where: expr(1, ".n > 1, .n > 5")}), value: `{"id":"a","n":2}`, want: line("a", `"t":1000,~,"v":{"id":"a","n":2}`)},
		"where does not hold":    {topology: keyedBy(scenario.Input{Where: expr(1, ".n > 1")}), value: `{"id":"a","n":1}`, want: "dropped"},
		"where on an absent":     {topology: keyedBy(scenario.Input{Where: expr(1, ".n < 1")}), value: `{"id":"a"}`, want: "dropped"},
		"not where on an absent": {topology: keyedBy(scenario.Input{Where: expr(1, ".n < 1 | not")}), value: `{"id":"a"}`, want: "dropped"},
		"where without a result": {topology: keyedBy(scenario.Input{Where: expr(1, "empty")}), value: `{"id":"a"}`, want: "dropped"},
		"where fails":            {topology: keyedBy(scenario.Input{Where: expr(1, ".n.x")}), value: `{"id":"a","n":1}`, want: "expression: test.yaml:1:5: expected an object but got: number (1)"},
		"where knows the key":    {topology: keyedBy(scenario.Input{Where: expr(1, `$key == "raw"`)}), value: `{"id":"a"}`, want: line("a", `"t":1000,~,"v":{"id":"a"}`)},
		"where knows the time":   {topology: keyedBy(scenario.Input{Where: expr(1, "$t > 1000")}), value: `{"id":"a","at":{"ms":1001}}`, want: line("a", `"t":1001,~,"v":{"id":"a","at":{"ms":1001}}`)},
		"where knows the source": {topology: keyedBy(scenario.Input{Where: expr(1, `"\($in) \($topic)/\($partition)@\($offset)" == "orders order_events/3@47"`)}), value: `{"id":"a"}`, want: line("a", `"t":1000,~,"v":{"id":"a"}`)},

		"a time as far ahead as may be": {topology: ahead(time.Second, keyedBy(scenario.Input{})), value: `{"id":"a","at":{"ms":2000}}`, want: line("a", `"t":2000,~,"v":{"id":"a","at":{"ms":2000}}`)},
		"a time further ahead":          {topology: ahead(time.Second, keyedBy(scenario.Input{})), value: `{"id":"a","at":{"ms":2001}}`, want: "future: its time 1970-01-01T00:00:02.001Z is more than 1s after its timestamp 1970-01-01T00:00:01.000Z"},
		"dropped, and further ahead":    {topology: ahead(0, keyedBy(scenario.Input{Where: expr(1, ".n")})), value: `{"id":"a","at":{"ms":1001}}`, want: "dropped"},

		"each": {
			topology: keyedBy(scenario.Input{Each: expr(2, ".items[] + {order: .o}"), Key: expr(3, `"\(.id)#\($i)"`)}), value: `{"o":1,"items":[{"id":"a"},{"id":"b"}]}`,
			want: line("a#0", `"t":1000,~,"i":0,"v":{"id":"a","order":1}`) + line("b#1", `"t":1000,~,"i":1,"v":{"id":"b","order":1}`)},
		"each without a result":      {topology: keyedBy(scenario.Input{Each: expr(2, ".items[]")}), value: `{"items":[]}`, want: "dropped"},
		"each fails":                 {topology: keyedBy(scenario.Input{Each: expr(2, ".items[]")}), value: `{}`, want: "expression: test.yaml:2:5: cannot iterate over: null"},
		"one element fails for all":  {topology: keyedBy(scenario.Input{Each: expr(2, ".[]")}), value: `[{"id":"a"},{"id":null}]`, want: "expression: test.yaml:10:5: the key is null; it must be a string, a number, true or false"},
		"one element is dropped":     {topology: keyedBy(scenario.Input{Each: expr(2, ".[]"), Join: []scenario.Join{join("p", ".p", scenario.MissingDrop)}}), value: `[{"id":"a","p":"p9"},{"id":"b","p":"p2"}]`, want: line("b", `"t":1000,~,"i":1,"j":{"p":{"x":2,"parent":"p1"}},"v":{"id":"b","p":"p2"}`)},
		"the time is before each":    {topology: with(keyedBy(scenario.Input{Each: expr(2, ".list[]"), Key: expr(3, ".")}), func(t *scenario.Topology) { t.Time = expr(4, ".when") }), value: `{"when":5,"list":[1]}`, want: line("1", `"t":5,~,"i":0,"v":1`)},
		"each makes what is refused": {topology: keyedBy(scenario.Input{Each: expr(2, ".x * 100000")}), value: `{"x":"` + strings.Repeat("x", 1000) + `"}`, want: "expression: test.yaml:2:5: too many steps or too large a value"},

		"a joined row":        {topology: keyedBy(scenario.Input{Join: []scenario.Join{join("p", ".p", scenario.MissingNull)}, Key: expr(3, "$p.name")}), value: `{"p":"p1"}`, want: line("ü", `"t":1000,~,"j":{"p":{"x":1.0,"name":"ü"}},"v":{"p":"p1"}`)},
		"a join by a number":  {topology: keyedBy(scenario.Input{Join: []scenario.Join{join("p", ".p", scenario.MissingDrop)}}), value: `{"id":1.0,"p":7}`, want: line("1.0", `"t":1000,~,"j":{"p":{"x":7}},"v":{"id":1.0,"p":7}`)},
		"a join by a row":     {topology: keyedBy(scenario.Input{Join: []scenario.Join{join("p", ".p", 0), join("q", "$p.parent", 0)}}), value: `{"id":"a","p":"p2"}`, want: line("a", `"t":1000,~,"j":{"p":{"x":2,"parent":"p1"},"q":{"x":1.0,"name":"ü"}},"v":{"id":"a","p":"p2"}`)},
		"no row":              {topology: keyedBy(scenario.Input{Join: []scenario.Join{join("p", ".p", scenario.MissingNull)}}), value: `{"id":"a","p":"p9"}`, want: line("a", `"t":1000,~,"j":{"p":null},"v":{"id":"a","p":"p9"}`)},
		"no row, dropped":     {topology: keyedBy(scenario.Input{Join: []scenario.Join{join("p", ".p", scenario.MissingDrop)}}), value: `{"id":"a","p":"p9"}`, want: "dropped"},
		"no row, refused":     {topology: keyedBy(scenario.Input{Join: []scenario.Join{join("p", ".p", scenario.MissingDeadLetter)}}), value: `{"id":"a","p":"p9"}`, want: `missing-row: products has no row for the key "p9"`},
		"no key of a row":     {topology: keyedBy(scenario.Input{Join: []scenario.Join{join("p", ".p", scenario.MissingDeadLetter)}}), value: `{"id":"a"}`, want: `missing-row: products has no row for the key "null"`},
		"a join by an object": {topology: keyedBy(scenario.Input{Join: []scenario.Join{join("p", ".p", scenario.MissingNull)}}), value: `{"id":"a","p":{}}`, want: "expression: test.yaml:20:5: the key of a join is an object; it must be a string, a number, true or false"},

		"a number as key":       {topology: keyedBy(scenario.Input{}), value: `{"id":17.0}`, want: line("17.0", `"t":1000,~,"v":{"id":17.0}`)},
		"a boolean as key":      {topology: keyedBy(scenario.Input{}), value: `{"id":false}`, want: line("false", `"t":1000,~,"v":{"id":false}`)},
		"the record's own key":  {topology: keyedBy(scenario.Input{Key: expr(3, "$key")}), value: `{}`, want: line("raw", `"t":1000,~,"v":{}`)},
		"no key":                {topology: keyedBy(scenario.Input{}), value: `{}`, want: "expression: test.yaml:10:5: the key is null; it must be a string, a number, true or false"},
		"a list as key":         {topology: keyedBy(scenario.Input{}), value: `{"id":[]}`, want: "expression: test.yaml:10:5: the key is an array; it must be a string, a number, true or false"},
		"a key without result":  {topology: keyedBy(scenario.Input{Key: expr(3, "empty")}), value: `{}`, want: "expression: test.yaml:3:5: no result; a key must have one"},
		"a key of many results": {topology: keyedBy(scenario.Input{Key: expr(3, "1, 2")}), value: `{}`, want: "expression: test.yaml:3:5: 2 results; there must be one"},

		"the view's time":                        {topology: keyedBy(scenario.Input{}), value: `{"id":"a","at":{"ms":77.9}}`, want: line("a", `"t":77,~,"v":{"id":"a","at":{"ms":77.9}}`)},
		"a view's time that is none":             {topology: keyedBy(scenario.Input{}), value: `{"id":"a","at":{"ms":"x"}}`, want: line("a", `"t":1000,~,"v":{"id":"a","at":{"ms":"x"}}`)},
		"the topology's time":                    {topology: with(keyedBy(scenario.Input{}), func(t *scenario.Topology) { t.Time = expr(4, ".s * 1000") }), value: `{"id":"a","s":3,"at":{"ms":77}}`, want: line("a", `"t":3000,~,"v":{"id":"a","s":3,"at":{"ms":77}}`)},
		"the topology's time is null":            {topology: with(keyedBy(scenario.Input{}), func(t *scenario.Topology) { t.Time = expr(4, ".s") }), value: `{"id":"a","at":{"ms":77}}`, want: line("a", `"t":77,~,"v":{"id":"a","at":{"ms":77}}`)},
		"the topology's time is no number":       {topology: with(keyedBy(scenario.Input{}), func(t *scenario.Topology) { t.Time = expr(4, ".s") }), value: `{"id":"a","s":"x"}`, want: "expression: test.yaml:4:5: the time is a string; it must be a number of milliseconds from 0 to 253402300799999"},
		"the topology's time is out of range":    {topology: with(keyedBy(scenario.Input{}), func(t *scenario.Topology) { t.Time = expr(4, ".s") }), value: `{"id":"a","s":-1}`, want: "expression: test.yaml:4:5: the time is -1; it must be"},
		"the topology's time of what is dropped": {topology: with(keyedBy(scenario.Input{Where: expr(1, "false")}), func(t *scenario.Topology) { t.Time = expr(4, ".s") }), value: `{"id":"a","s":"x"}`, want: "dropped"},

		"headers": {
			topology: with(keyedBy(scenario.Input{}), func(t *scenario.Topology) { t.Emit[0].If = expr(5, "$headers.a") }), value: `{"id":"a"}`,
			headers: []Header{{"a", []byte("1")}, {"b", nil}, {"a", []byte("2\xff")}},
			want:    line("a", `"t":1000,~,"h":{"b":null,"a":"2`+"\ufffd"+`"},"v":{"id":"a"}`)},
		"headers of the input alone": {
			topology: keyedBy(scenario.Input{Where: expr(5, `$headers.a == "2"`)}), value: `{"id":"a"}`, headers: []Header{{"a", []byte("2")}},
			want: line("a", `"t":1000,~,"v":{"id":"a"}`)},
		"a definition": {topology: with(keyedBy(scenario.Input{Key: expr(3, "id")}), func(t *scenario.Topology) { t.Let = []scenario.Let{{Name: "id", JQ: *expr(6, `.id // "none"`)}} }), value: `{}`, want: line("none", `"t":1000,~,"v":{}`)},

		"XML":     {topology: keyedBy(scenario.Input{Format: "xml", Lists: []string{"line"}}), value: `<r><id>a</id><line>1</line></r>`, want: line("a", `"t":1000,~,"v":{"id":"a","line":["1"]}`)},
		"not XML": {topology: keyedBy(scenario.Input{Format: "xml"}), value: `<r>`, want: "not-xml: the value is not XML: "},
		"CSV":     {topology: keyedBy(scenario.Input{Format: "csv", Columns: []string{"id", "n"}}), value: "a,\"1\"\n", want: line("a", `"t":1000,~,"v":{"id":"a","n":"1"}`)},
		"not CSV": {topology: keyedBy(scenario.Input{Format: "csv", Columns: []string{"id", "n"}}), value: "a", want: "not-csv: the value is not CSV: "},

		"too large":         {topology: keyedBy(scenario.Input{}), value: `{"id":"a","x":"` + strings.Repeat("x", MaxLine) + `"}`, want: "too-large: a line of 262235 bytes; at most 262144"},
		"too many elements": {topology: keyedBy(scenario.Input{Each: expr(2, ".n[] as $n | .x"), Key: expr(3, "1")}), value: `{"x":"` + strings.Repeat("x", 200_000) + `","n":[` + strings.Repeat("0,", 99) + `0]}`, want: "too-large: the elements have more than 16 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			p, problems := Compile(ordersScenario(), c.topology)
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			router := p.Router(rows)
			record := at(c.value)
			record.Headers = c.headers
			var first string
			for round := range 2 { // the same record gives the same bytes
				var to logged
				outcome, refusal, err := router.Route(record, &to)
				if err != nil {
					t.Fatal(err)
				}
				got := strings.Join(to.lines, "")
				switch outcome {
				case Dropped:
					got += "dropped"
				case Refused:
					got += string(refusal.Reason) + ": " + refusal.Message
				}
				if round == 1 && got != first {
					t.Errorf("the second time it is %.500s", got)
				}
				if first = got; !strings.HasPrefix(got, c.want) || strings.HasSuffix(c.want, "\n") && got != c.want {
					t.Errorf("got  %.500s\nwant %.500s", got, c.want)
				}
				for _, l := range to.lines {
					_, text, _ := strings.Cut(l, " ")
					if err := ParseLine([]byte(text), &Line{}); err != nil {
						t.Errorf("%s: %v", text, err)
					}
				}
			}
		})
	}
}

func TestTimeOfWhatIsRouted(t *testing.T) {
	p, _ := Compile(ordersScenario(), ahead(time.Second, keyedBy(scenario.Input{Where: expr(1, ".id != 1")})))
	router := p.Router(nil)
	for value, want := range map[string]int64{
		`{"id":"a","at":{"ms":5}}`: 5, `{"id":"a"}`: 1000,
		`{"id":1,"at":{"ms":6}}`:  6,           // dropped
		`{"id":[],"at":{"ms":6}}`: -1, `{`: -1, // refused
		`{"id":"a","at":{"ms":2001}}`: -1, `{"id":1,"at":{"ms":2001}}`: -1, // too far ahead; and dropped
	} {
		if _, _, err := router.Route(at(value), &logged{}); err != nil {
			t.Fatal(err)
		}
		if ms, ok := router.Time(); ok != (want >= 0) || ok && ms != want {
			t.Errorf("%s is of %d, %v", value, ms, ok)
		}
	}
}

func TestAFailingTableEndsTheRouting(t *testing.T) {
	p, _ := Compile(ordersScenario(), keyedBy(scenario.Input{Join: []scenario.Join{join("p", ".p", scenario.MissingNull)}}))
	var to logged
	if _, _, err := p.Router(tables{"products/p": "broken"}).Route(at(`{"id":"a","p":"p"}`), &to); err == nil || len(to.lines) > 0 {
		t.Errorf("got %v and %v", err, to.lines)
	}
}

// errFull is the error of a log that takes nothing.
var errFull = errors.New("full")

type full struct{}

func (full) Line(_, _ []byte) error { return errFull }
func (full) Output(*Output) error   { return errFull }
func (full) Letter(*Letter) error   { return errFull }

func TestAnErrorOfTheLogIsReturned(t *testing.T) {
	p, _ := Compile(ordersScenario(), keyedBy(scenario.Input{}))
	if _, _, err := p.Router(nil).Route(at(`{"id":"a"}`), full{}); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
}

// discard takes everything.
type discard struct{}

func (discard) Line(_, _ []byte) error { return nil }
func (discard) Output(*Output) error   { return nil }
func (discard) Letter(*Letter) error   { return nil }

func TestRoutingAllocatesNothing(t *testing.T) {
	topology := keyedBy(scenario.Input{
		Where: expr(1, ".n > 1"), Each: expr(2, ".items[]"), Join: []scenario.Join{join("p", ".p", 0)}, Key: expr(3, `"\(.id)-\($i)-\($t)"`),
	})
	p, problems := Compile(ordersScenario(), topology)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	row := []byte(`{"x":1}`)
	router, record := p.Router(fixed{row}), at(`{"n":2,"items":[{"id":"a","p":"p1"},{"id":"b","p":"p2"}],"at":{"ms":1}}`)
	if n := testing.AllocsPerRun(100, func() {
		if outcome, _, err := router.Route(record, discard{}); outcome != Routed || err != nil {
			t.Fatal(outcome, err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// fixed has one row for all keys.
type fixed struct{ row []byte }

func (f fixed) Row(string, []byte) ([]byte, error) { return f.row, nil }

// FuzzRoute checks that no record breaks the router or what its lines say, and that the
// same record gives the same.
func FuzzRoute(f *testing.F) {
	for _, value := range []string{
		benchmarkOrder, `{"order_id":1,"customer_id":"c","items":[{"product_id":"p1"},{"a":"\ud800"}]}`, `{"items":[{}`, `[]`, `"x"`, `{"items":{"a":{}},"timestamp":-1}`,
	} {
		f.Add([]byte(value), []byte("key"), int64(1732881600123))
	}
	s := samples(f)
	var routers []*Router
	for i := range s.Topologies {
		if p, problems := Compile(s, &s.Topologies[i]); len(problems) == 0 && p.Topology.Keyed() {
			routers = append(routers, p.Router(fixed{[]byte(benchmarkRow)}))
		}
	}
	f.Fuzz(func(t *testing.T, value, key []byte, timestamp int64) {
		for _, router := range routers {
			for input := range router.readers {
				record := &Record{Input: input, Origin: Origin{"order_events", 3, 47, timestamp}, Key: key, Value: value}
				var first, second logged
				outcome, _, err := router.Route(record, &first)
				again, _, err2 := router.Route(record, &second)
				if err != nil || err2 != nil || outcome != again || strings.Join(first.lines, "") != strings.Join(second.lines, "") {
					t.Fatalf("%q gives %v %q, %v, and then %v %q, %v", value, outcome, first.lines, err, again, second.lines, err2)
				}
				for _, text := range first.lines {
					key, rest, _ := strings.Cut(text, ` {"k":`)
					var l Line
					if err := ParseLine([]byte(`{"k":`+rest), &l); err != nil || string(l.Key) != key || strings.Count(text, "\n") != strings.Count(key, "\n")+1 {
						t.Fatalf("%q gives the line %q: %v", value, text, err)
					}
				}
			}
		}
	})
}
