package declared

import (
	"strings"
	"testing"

	"inv/internal/jq"
	"inv/internal/scenario"
)

// expr returns an expression at a line of the file.
func expr(line int, source string) *scenario.JQ {
	return &scenario.JQ{Source: source, Pos: scenario.Position{Line: line, Column: 5}}
}

// compiled compiles a topology of a scenario without other topics, or fails.
func compiled(t *testing.T, topology *scenario.Topology) *Program {
	t.Helper()
	p, problems := Compile(&scenario.Scenario{Name: "test", File: "test.yaml"}, topology)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return p
}

// lookup is the topology of the placement tests: each case changes it.
func lookup() *scenario.Topology {
	return &scenario.Topology{
		Name: "t",
		From: []scenario.Input{{
			Alias: "orders", Where: expr(1, ".a"), Each: expr(2, ".items[]"), Key: expr(5, ".id"),
			Join: []scenario.Join{{Name: "p", Table: "products", Key: *expr(3, ".p")}, {Name: "q", Table: "products", Key: *expr(4, ".q")}},
			Set:  []scenario.Assignment{{Field: "x", JQ: *expr(6, "$p.x")}},
		}},
		Let:  []scenario.Let{{Name: "late", Pos: scenario.Position{Line: 7}, JQ: *expr(7, "$clock - $t")}},
		Emit: []scenario.Emit{{To: "out", If: expr(8, "$s.x"), Fields: &scenario.Mapping{Members: []scenario.Member{{Name: "f", JQ: expr(9, "late")}}}}},
	}
}

func TestPlaces(t *testing.T) {
	if p := compiled(t, lookup()); !p.state.scope.used["$clock"] || p.state.scope.used["$n"] {
		t.Errorf("used are %v", p.state.scope.used)
	}
	in := func(t *scenario.Topology) *scenario.Input { return &t.From[0] }
	for name, c := range map[string]struct {
		change func(*scenario.Topology)
		want   string
	}{
		"state in where":            {func(t *scenario.Topology) { in(t).Where = expr(1, ".a > $s.x") }, "test.yaml:1:10: $s: where is decided before the key's state is known; use if, set or until"},
		"state in each":             {func(t *scenario.Topology) { in(t).Each = expr(2, "$was.items[]") }, "test.yaml:2:5: $was: each is decided before"},
		"state in a join's key":     {func(t *scenario.Topology) { in(t).Join[0].Key = *expr(3, "$n") }, "test.yaml:3:5: $n: the key of a join is decided before"},
		"state in the key":          {func(t *scenario.Topology) { in(t).Key = expr(5, `"\($s.x)"`) }, "test.yaml:5:8: $s: the key of an input is decided before"},
		"state in the time":         {func(t *scenario.Topology) { t.Time = expr(1, "$s.x") }, "test.yaml:1:5: $s: the time is decided before"},
		"time in the time":          {func(t *scenario.Topology) { t.Time = expr(1, "$t") }, "test.yaml:1:5: $t: this expression is what $t is"},
		"row in where":              {func(t *scenario.Topology) { in(t).Where = expr(1, "$p.x") }, "test.yaml:1:5: $p: rows are joined after where"},
		"row of a later join":       {func(t *scenario.Topology) { in(t).Join[0].Key = *expr(3, "$q.x") }, "test.yaml:3:5: $q: rows are joined in the file's order"},
		"index without each":        {func(t *scenario.Topology) { in(t).Each = nil; in(t).Key = expr(5, "$i") }, "test.yaml:5:5: $i: the input has no each"},
		"clock in if":               {func(t *scenario.Topology) { t.Emit[0].If = expr(8, "$clock > 1") }, "test.yaml:8:5: $clock: only fields have the clock, so that a replay decides the same"},
		"clock through a let":       {func(t *scenario.Topology) { t.Emit[0].If = expr(8, "1 < late") }, "test.yaml:8:9: late uses $clock: only fields have the clock"},
		"clock in set":              {func(t *scenario.Topology) { in(t).Set[0].JQ = *expr(6, "$clock") }, "test.yaml:6:5: $clock: only fields"},
		"window without one":        {func(t *scenario.Topology) { t.Until = expr(1, "$window.start > 1") }, "test.yaml:1:5: $window: the topology has no window"},
		"a field that nothing sets": {func(t *scenario.Topology) { t.Until = expr(1, "1 > $was.xx") }, `test.yaml:1:9: $was.xx: no keep or set gives it; did you mean "x"?`},
		"a field in a definition":   {func(t *scenario.Topology) { t.Let[0].JQ = *expr(7, `$s["y"]`) }, `test.yaml:7:5: $s.y: no keep or set gives it`},
		"a field of the window": {func(t *scenario.Topology) {
			t.Window = &scenario.Window{Every: 1, Size: 1}
			t.Until = expr(1, "$window.starts")
		}, `test.yaml:1:5: $window.starts: a window has start and end; did you mean "start"?`},
		"unknown variable":          {func(t *scenario.Topology) { t.Until = expr(1, "1 + $x") }, "test.yaml:1:9: variable not defined: $x; there are $s, $was, $i"},
		"unknown function":          {func(t *scenario.Topology) { t.Until = expr(1, "price") }, "test.yaml:1:5: function not defined: price/0 (a field is .price, a text '\"price\"')"},
		"wrong let, once":           {func(t *scenario.Topology) { t.Let[0].JQ = *expr(7, "1 +") }, "test.yaml:7:8: unexpected"},
		"a function that may not":   {func(t *scenario.Topology) { t.Until = expr(1, "now > 1") }, "test.yaml:1:5: now is not allowed"},
		"a join that hides a state": {func(t *scenario.Topology) { in(t).Join[0].Name, in(t).Set, t.Emit[0].If = "s", nil, nil }, "a join can't be named s: $s is a variable"},
		"state without keys": {func(t *scenario.Topology) {
			in(t).Key, in(t).Set = nil, nil
		}, "test.yaml:8:5: $s: the topology has no state"},
	} {
		t.Run(name, func(t *testing.T) {
			topology := lookup()
			c.change(topology)
			_, problems := Compile(&scenario.Scenario{Name: "test", File: "test.yaml"}, topology)
			if len(problems) != 1 || !strings.Contains(problems[0].Error(), c.want) {
				t.Errorf("got %v, want %s", problems, c.want)
			}
		})
	}
}

func TestStateFieldsAreInTheFilesOrder(t *testing.T) {
	at := func(field string, line int) scenario.Assignment {
		return scenario.Assignment{Field: field, Pos: scenario.Position{Line: line}, JQ: *expr(line, "1")}
	}
	p := compiled(t, &scenario.Topology{
		From: []scenario.Input{{Alias: "a", Key: expr(1, ".id"), Set: []scenario.Assignment{at("late", 12), at("b", 13)}}},
		Keep: []scenario.Aggregate{{Field: "sum", Kind: "sum", Of: *expr(20, ".n")}},
		Emit: []scenario.Emit{{To: "out", Set: []scenario.Assignment{at("early", 3), at("b", 4)}}},
	})
	if got := strings.Join(p.StateFields(), " "); got != "sum early b late" {
		t.Errorf("got %s", got)
	}
	if set := p.state.emits[0].set; set[0].field != 1 || set[1].field != 2 {
		t.Errorf("the emit sets %v", set)
	}
}

// outputs collects what is given to it, as one line each.
type outputs struct{ lines []string }

func (o *outputs) Output(x *Output) error {
	o.lines = append(o.lines, string(x.ID)+" "+string(x.Key)+" "+string(x.Value))
	return nil
}

func (o *outputs) Letter(l *Letter) error {
	o.lines = append(o.lines, string(l.Reason)+" "+l.Message)
	return nil
}

func TestTemplate(t *testing.T) {
	field := func(name, source string) scenario.Member { return scenario.Member{Name: name, JQ: expr(1, source)} }
	p := compiled(t, &scenario.Topology{
		Name: "t", From: []scenario.Input{{Alias: "a"}},
		Emit: []scenario.Emit{{To: "out", Each: expr(1, ".list[]"), Key: expr(2, ".id"), Fields: &scenario.Mapping{Members: []scenario.Member{
			field("none", "empty"), field("a", `"x"`), field("b", "20"), field("n", ".n"), field("gone", ".n | select(. > 5)"),
			{Name: "in", Mapping: &scenario.Mapping{Members: []scenario.Member{field("c", "null"), field("d", ".d")}}},
			{Name: "list", List: []scenario.Member{field("", ".n"), field("", "empty"), field("", "1")}},
			{Name: "void", Mapping: &scenario.Mapping{}}, field("z", "true"),
		}}}},
	})
	if parts := p.mapping.emits[0].fields.parts; parts[1].text != `"a":"x","b":20` {
		t.Errorf("the constants are %q", parts[1].text)
	}
	var e jq.Evaluator
	s := &step{id: []byte("t-"), record: jq.JSON([]byte(`{"list":[{"id":"k","n":1.50},{"id":7,"n":9,"d":{"x": 1}}]}`))}
	s.enter(&e)
	var held pending
	if err := held.evaluate(p.mapping.emits[0], s, &e); err != nil {
		t.Fatal(err)
	}
	var out outputs
	if err := held.flush(&out); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`t-0.0 k {"a":"x","b":20,"n":1.50,"in":{"c":null,"d":null},"list":[1.50,1],"void":{},"z":true}`,
		`t-0.1 7 {"a":"x","b":20,"n":9,"gone":9,"in":{"c":null,"d":{"x":1}},"list":[9,1],"void":{},"z":true}`,
	}
	if strings.Join(out.lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %s", strings.Join(out.lines, "\n"))
	}
	if v, _, err := p.mapping.emits[0].each.one(&e); err == nil {
		t.Errorf("several results were %v", v)
	} else if got := err.Error(); got != "test.yaml:1:5: 2 results; there must be one" {
		t.Error(got)
	}
}

// An input can't be in a format of its own if its topic has one.
func TestFormatsThatContradictEachOther(t *testing.T) {
	s := &scenario.Scenario{Name: "test", File: "test.yaml", Topics: []scenario.Topic{{Alias: "orders", Format: scenario.Encoding{Name: "avro"}}}}
	topology := &scenario.Topology{Name: "t", From: []scenario.Input{{Alias: "orders", Format: "xml", Pos: scenario.Position{Line: 3, Column: 7}}}, Emit: []scenario.Emit{{To: "out"}}}
	_, problems := Compile(s, topology)
	if want := "test.yaml:3:7: the input is xml, and its topic \"orders\" has the format avro"; len(problems) != 1 || !strings.HasPrefix(problems[0].Error(), want) {
		t.Errorf("%v, want %s", problems, want)
	}
	if topology.From[0].Format = ""; compiled(t, topology) == nil {
		t.Error("it is not compiled")
	}
}
