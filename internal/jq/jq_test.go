package jq

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// evaluate returns the results of an expression as JSON texts.
func evaluate(t *testing.T, source, record, state string, o Options) (string, error) {
	t.Helper()
	x, err := testScope().Compile(source, o)
	if err != nil {
		return "", err
	}
	var e Evaluator
	set(&e, record, state)
	values, err := x.Eval(&e)
	var parts []string
	for _, v := range values {
		parts = append(parts, string(v.AppendJSON(nil)))
	}
	return strings.Join(parts, " "), err
}

func TestEval(t *testing.T) {
	const order = `{"id":"o-1","total":120.50,"big":12345678901234567890,"at":1625097600500,"name":"A B","items":[{"p":"x","q":2},{"p":"y","q":1.0}],"none":null,"e":1e2}`
	for _, c := range []struct{ source, want string }{
		{`.total`, `120.50`}, // nothing computes with it: its text stays
		{`.big`, `12345678901234567890`},
		{`.total + 0`, `120.5`},
		{`.big + 1`, `12345678901234567891`}, // by gojq
		{`[.items[].q] | max`, `2`},
		{`[.items[].q] | min`, `1.0`},
		{`.items[1].q`, `1.0`},
		{`.items[-1].p`, `"y"`},
		{`.items[].p`, `"x" "y"`},
		{`.items[] | select(.q > 1) | .p`, `"x"`},
		{`.id[]?`, ``},
		{`.none[]?`, ``},
		{`.items | length`, `2`},
		{`.items | map(.q * 2)`, `[4,2]`},
		{`.none // "x"`, `"x"`},
		{`.none // empty`, ``},
		{`"\(.id)-\(.total)-\(.none)"`, `"o-1-120.50-null"`},
		{`{id, t: .total, ("k" + .id): [.items[].p], $s}`, `{"id":"o-1","t":120.50,"ko-1":["x","y"],"s":{"n":3}}`},
		{`.items[] + {id}`, `{"p":"x","q":2,"id":"o-1"} {"p":"y","q":1.0,"id":"o-1"}`},
		{`if .total < 5 then "small" elif .total < 500 then "some" else "large" end`, `"some"`},
		{`.at / 1000 | floor | todate`, `"2021-07-01T00:00:00Z"`},
		{`.name | ascii_downcase`, `"a b"`},
		{`.name | test("^A")`, `true`},
		{`5 / 2`, `2.5`}, {`6 / 2`, `3`}, {`7 % 4`, `3`}, {`.e`, `1e2`}, {`.e * 1`, `100`},
		{`9223372036854775807 + 1`, `9223372036854775808`},
		{`1.005 | decimals(2)`, `1.01`}, {`-1.005 | decimals(2)`, `-1.01`}, {`9.999 | decimals(2)`, `10`},
		{`.total * 0.1 | decimals(2)`, `12.05`}, {`12 | decimals(2)`, `12`}, {`0.1 + 0.2 | decimals(2)`, `0.3`}, {`1e-9 | decimals(2)`, `0`},
		{`$s.n + 1`, `4`}, {`$s.x // 7`, `7`}, {`$h.n`, `3`},
		{`.items as $i | $i[0].q`, `2`},
		{`[.items[].q] | add`, `3`},
		{`. == null or (.items | any(.q > 1))`, `true`},
		{`[] != [1]`, `true`}, {`{} == {}`, `true`},
	} {
		for _, strict := range []bool{false, true} {
			got, err := evaluate(t, c.source, order, `{"n":3}`, Options{Strict: strict})
			if err != nil || got != c.want {
				t.Errorf("%s (strict %t): %s %v, want %s", c.source, strict, got, err, c.want)
			}
		}
	}
}

func TestReasons(t *testing.T) {
	for source, want := range map[string]string{
		`.a.b`:                            "",
		`[.a[]? | select(.b > 1) | .c]`:   "",
		`reduce .a[] as $x (0; . + $x)`:   "reduce",
		`.a | sort_by(.b)`:                "sort_by",
		`try .a catch 1`:                  "try",
		`.a[1:2]`:                         "a slice or computed key",
		`1 + (1, 2)`:                      "several results inside an expression",
		`.a | test($s.re)`:                "a pattern that is not a literal",
		`.. | .a?`:                        "..",
		`@base64 "\(.a)"`:                 "a format",
		`123456789012345678901 < .a`:      "a number with many digits",
		`.a = 1`:                          "=",
		`(.a or .b) | 5`:                  "a constant behind a condition",
		`def f: .a; f`:                    "def",
		`. as {a: $x} | $x`:               "a pattern",
		`label $out | .a`:                 "label",
		`{a: 1, a: 2}`:                    "a repeated key",
		`{(.a): 1, b: .c} | .b // "none"`: "",
	} {
		x, err := testScope().Compile(source, Options{})
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if x.Reason() != want || x.Compiled() != (want == "") {
			t.Errorf("%s: compiled %t, reason %q, want %q", source, x.Compiled(), x.Reason(), want)
		}
	}
}

func TestDefinitions(t *testing.T) {
	s := testScope()
	for _, d := range [][2]string{
		{"rival", `[$s.rivals[]? | select(.t > 10).price] | min`},
		{"wish", `.base * 1.1`},
		{"price", `[([wish, rival // wish] | min), .base * 0.8] | max | decimals(2)`},
	} {
		if err := s.Define(d[0], d[1], Options{Strict: true}); err != nil {
			t.Fatal(err)
		}
	}
	var e Evaluator
	set(&e, `{"base":100}`, `{"rivals":[{"t":11,"price":95.5},{"t":1,"price":1}]}`)
	for source, want := range map[string]string{
		`price`: `95.5`, `price != .base`: `true`, `{old: .base, new: price, rival: rival}`: `{"old":100,"new":95.5,"rival":95.5}`,
		`[price] | sort`: `[95.5]`, `([price] | sort) != [rival]`: `false`,
	} {
		x, err := s.Compile(source, Options{Strict: true, Absent: true})
		if err != nil {
			t.Fatal(err)
		}
		values, err := x.Eval(&e)
		if err != nil || len(values) != 1 || string(values[0].AppendJSON(nil)) != want {
			t.Errorf("%s: %v %v, want %s", source, values, err, want)
		}
	}
	var wrong *Error
	for _, d := range [][2]string{{"x", "# nothing"}, {"a b", "1"}, {"f(g)", "g"}, {"x", "1; def y: 2"}} {
		if err := s.Define(d[0], d[1], Options{}); !errors.As(err, &wrong) {
			t.Errorf("%q: %v", d, err)
		}
	}
	if err := s.Define("x", `.a <`, Options{}); !errors.As(err, &wrong) {
		t.Errorf("a wrong definition: %v", err)
	}
	if err := s.Define("x", `now`, Options{Strict: true}); !errors.As(err, &wrong) || wrong.Offset != 0 {
		t.Errorf("a definition that is not allowed: %v", err)
	}
}

func TestAbsent(t *testing.T) {
	for _, c := range []struct{ source, want string }{
		{`.x < 5`, `null`}, {`(.x < 5) | not`, `null`}, {`.x == null`, `true`}, {`[.x < 5]`, `[null]`},
		{`$s.x < 5`, `true`}, {`$h.x < 5`, `null`}, {`.x < 5 or true`, `true`}, {`"\(.x < 5)"`, `"null"`},
		{`.items | map(.q > 1)`, `[true,null]`}, {`[.x < 5] | sort`, `[null]`},
		{`$s.x | not`, `true`}, {`($s.x) | not`, `true`}, {`[($s.x | not), ($h.x | not)]`, `[true,null]`}, {`.x | not`, `null`},
		{`true and ($s.x | not)`, `true`}, {`($s.x < .x) | not`, `null`}, {`if $s.x.y | not then 1 else 2 end`, `1`},
		{`[$s.x | not] | tojson`, `"[true]"`}, // by gojq
	} {
		got, err := evaluate(t, c.source, `{"items":[{"q":2},{}]}`, `{}`, Options{Absent: true, Plain: []string{"$s"}})
		if err != nil || got != c.want {
			t.Errorf("%s: %s %v, want %s", c.source, got, err, c.want)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		source string
		offset int
		in     string
	}{
		{`.a + now`, 5, "run to run"}, {`.t | localtime`, 5, "machine"}, {`[input]`, 1, "input"}, {`.a | debug`, 5, "terminal"},
		{`halt`, 0, "process"}, {`env.HOME`, 0, "machine"}, {`$ENV.HOME`, 0, "machine"}, {`[range(1e9)]`, 1, "loop"},
		{`[repeat(.)]`, 1, "end"}, {`[limit(1e12; repeat(1))]`, 13, "end"}, {`def f: f; f`, 0, "themselves"},
		{`last(range(1e12))`, 5, "loop"}, {`reduce .[] as $x (0; .)`, 0, "loop"}, {`.a | until(false; .)`, 5, "end"},
		{`"now" | length | now`, 17, "run"}, {`.now | now`, 7, "run"}, {`.a = 1`, 3, "changes none"}, {`.a | getpath(["b"])`, 5, "allowed"},
		{`.a | test(.b)`, 5, "literal"}, {`.a | test("(a")`, 5, "missing closing"}, {`.a | test("(a{1000}){1000}")`, 5, "repeat"},
		{`.a | gsub(.b; "x")`, 5, "literal"}, {`recurse(.a)`, 0, "end"}, {`"\(now)"`, 3, "run"}, {`.a | nosuch`, 5, "nosuch"},
		{`$nosuch`, 0, "there are $s, $h"}, {`label $x | .a`, 0, "loop"}, {`input_line_number`, 0, "input_line_number"}, {`.a |= 1`, 3, "changes"},
		{`.a <`, 4, "unexpected"}, {`__bound`, 0, "allowed"}, {`[.[] | combinations]`, 7, "allowed"}, {`.a | splits("a")`, 5, "allowed"},
		{`$__loc__`, 0, ""}, {`walk(.)`, 0, "allowed"}, {`import "a" as b; .`, 0, "allowed"}, {`get_search_list`, 0, ""}, {`{a: now}`, 4, "run"},
		{`(.a or .b) | 5`, -1, "wrongly"}, {`# nothing`, -1, "empty"}, {`def f: 1;`, -1, "empty"}, {" ", -1, "empty"},
	} {
		_, err := testScope().Compile(c.source, Options{Strict: true})
		var refused *Error
		if !errors.As(err, &refused) {
			t.Errorf("%s: %v, want an *Error", c.source, err)
			continue
		}
		if refused.Offset != c.offset || !strings.Contains(err.Error(), c.in) {
			t.Errorf("%s: offset %d, %v; want offset %d and %q", c.source, refused.Offset, err, c.offset, c.in)
		}
	}
	if _, err := testScope().Compile(strings.Repeat("(", maxSource)+"1", Options{Strict: true}); err == nil {
		t.Error("a source without bounds is accepted")
	}
}

// What is allowed can't hang or take all memory, in either engine.
func TestBudget(t *testing.T) {
	many := "[" + strings.Repeat("1,", 5_000) + "1]"
	large := `"` + strings.Repeat("x", 500_000) + `"`
	largeArray := "[" + strings.Repeat("1,", 200_000) + "1]"
	for _, c := range []struct{ name, source, record string }{
		{"a string times a number", `"x" * 1e9`, `null`},
		{"a number times a string", `1e9 * .`, `"x"`},
		{"doubling", "." + strings.Repeat(" | . + .", 60), `"x"`},
		{"doubling an array", "." + strings.Repeat(" | [., .]", 60), `[1]`},
		{"doubling an object", "." + strings.Repeat(" | {a: ., b: .}", 60), `{}`},
		{"doubling by gojq", "try . catch 1" + strings.Repeat(" | [., .]", 60), `[1]`},
		{"doubling a text", `.` + strings.Repeat(` | "\(.)\(.)"`, 60), `"x"`},
		{"tojson of tojson", `.` + strings.Repeat(` | tojson`, 60), `"\"\""`},
		{"all pairs", `[.[] as $a | .[] as $b | .[] as $c | 1] | length`, many},
		{"all pairs by gojq", `[.[] as $a | .[] as $b | .[] as $c | try 1 catch 2] | length`, many},
		{"comparisons of all pairs", `any(.[] as $a | .[] as $b | $a + $b; . > 5)`, many},
		{"a definition of definitions", `[.[] | . as $x | .[]?] | add, (.[] | sort)`, "[" + strings.Repeat(many+",", 60) + "1]"},
		{"deep recursion", `[..] | [.[] | [..]] | [.[] | [..]] | [.[] | [..]] | length`, strings.Repeat("[", 900) + strings.Repeat("]", 900)},
		{"a large string in a loop", `all(.[]; $s | length > 1)`, many},
		{"a large array in a loop", `[.[] | ($s | length)]`, many},
		{"a large array compared in a loop", `[.[] | $s == $s] | length`, many},
		{"a large array searched in a loop", `[.[] | ($s | max)]`, many},
		{"a large array by gojq", `[.[] | ($s | sort | .[0])]`, many},
		{"a large array compared by gojq", `[.[] | ($s == $s), (try 1 catch 2)] | length`, many},
		{"a large string by gojq", `[.[] | ($s | tojson | length), (try 1 catch 2)] | length`, many},
		{"join", `[.[] | tojson] | join("` + strings.Repeat("x", 10_000) + `")`, many},
	} {
		t.Run(c.name, func(t *testing.T) {
			state := large
			if strings.Contains(c.name, "array") {
				state = largeArray
			}
			_, err := evaluate(t, c.source, c.record, state, Options{Strict: true})
			if !errors.Is(err, ErrBudget) {
				t.Errorf("%v, want the budget's", err)
			}
		})
	}
}

// A pattern that takes exponential time elsewhere is linear here.
func TestPatternIsLinear(t *testing.T) {
	got, err := evaluate(t, `test("^(a+)+$")`, `"`+strings.Repeat("a", 50_000)+`b"`, `null`, Options{Strict: true})
	if err != nil || got != "false" {
		t.Errorf("%s, %v", got, err)
	}
}

func TestEvalErrorIsOfGojq(t *testing.T) {
	_, err := evaluate(t, `.a.b`, `{"a":"x"}`, `null`, Options{})
	var failed *EvalError
	if !errors.As(err, &failed) || failed.Source != ".a.b" || !strings.Contains(err.Error(), "expected an object but got: string") {
		t.Errorf("%v", err)
	}
}

// A compiled expression allocates nothing once its buffers have grown.
func TestNoAllocations(t *testing.T) {
	record := []byte(`{"a":1.5,"b":"x","c":[{"d":1},{"d":2}],"t":1625097600000}`)
	for _, source := range []string{
		`.a`, `.a > 1 and .b == "x"`, `"\(.b)-\($s.n)"`, `{a, b: .b, n: ($s.n + 1)}`, `.a * 1.1 | decimals(2)`, `.t / 1000 | floor | todate`,
		`[.c[] | select(.d > 1)] | length`, `.c | map(.d) | max`, `if .a > 1 then $s.n else .b end`, `.x // "none"`, `.b | ascii_downcase`, `.c[0] + {b}`, `.c[0][]`, `[$s[]]`,
	} {
		s := testScope()
		x, err := s.Compile(source, Options{Strict: true, Absent: true})
		if err != nil || !x.Compiled() {
			t.Fatalf("%s: %v", source, err)
		}
		var e Evaluator
		var out []byte
		state := []byte(`{"n":3}`)
		once := func() {
			e.SetRecord(JSON(record), nil)
			e.Set(1, JSON(state))
			values, err := x.Eval(&e)
			if err != nil {
				t.Fatal(err)
			}
			out = out[:0]
			for _, v := range values {
				out = v.AppendJSON(out)
			}
		}
		once()
		if n := testing.AllocsPerRun(100, once); n > 0 {
			t.Errorf("%s: %v allocations", source, n)
		}
	}
}

// White space around a value is not part of it.
func TestSpace(t *testing.T) {
	for record, want := range map[string]string{"5 ": "5", "\"a\"\n": `"a"`, " [1] ": "[1]", "\ufeff{} ": "{}", "\tnull\r\n": "null"} {
		if got, err := evaluate(t, ".", record, "null", Options{}); got != want || err != nil {
			t.Errorf("%q: %s %v, want %s", record, got, err, want)
		}
	}
}

func TestPointed(t *testing.T) {
	_, err := testScope().Compile(`."é" + now`, Options{Strict: true})
	var refused *Error
	if !errors.As(err, &refused) || strings.Join(refused.Pointed(), "\n") != ".\"é\" + now\n       ^" {
		t.Errorf("pointed at as\n%s", refused.Pointed())
	}
}

func ExampleScope_Compile() {
	s := NewScope(nil)
	state := s.Variable("$s")
	x, err := s.Compile(`if .stock <= $s.low then "order \($s.low * 2 - .stock)" else empty end`, Options{Strict: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	var e Evaluator
	e.SetRecord(JSON([]byte(`{"stock":3}`)), nil)
	e.Set(state, JSON([]byte(`{"low":5}`)))
	values, err := x.Eval(&e)
	fmt.Println(string(values[0].AppendJSON(nil)), err, x.Compiled())
	// Output: "order 7" <nil> true
}

// Mistakes that other languages make likely come with what jq has, at their place.
func TestMistakes(t *testing.T) {
	scope := NewScope(nil)
	scope.Variable("$key")
	if err := scope.Define("wish", "1", Options{}); err != nil {
		t.Fatal(err)
	}
	for source, want := range map[string]string{
		".a && .b":          `unexpected token "&" (jq has and) at character 4`,
		".a || .b":          `unexpected token "|" (jq has or) at character 5`,
		".a | | .b":         `unexpected token "|" at character 6`,
		"!.a":               `unexpected token "!" (as in .a | not) at character 1`,
		".a == 'x'":         `unexpected token "'" (a text has double quotes) at character 7`,
		".größe":            `unexpected token "ö" (a name with such letters is quoted: ."ö…") at character 4`,
		".a | lenght":       `function not defined: lenght/0 (did you mean length?) (a field is .lenght) at character 6`,
		".a | startwith(1)": `function not defined: startwith/1 (did you mean startswith?) at character 6`,
		"wihs":              `function not defined: wihs/0 (did you mean wish?) (a field is .wihs) at character 1`,
		"$kye":              `variable not defined: $kye (did you mean $key?) at character 1`,
		"$k":                `variable not defined: $k; there are $key at character 1`,
		".a = 1":            `= is not allowed: an expression makes values, and changes none; == compares at character 4`,
		".a |= 1":           `|= is not allowed: an expression makes values, and changes none at character 4`,
	} {
		_, err := scope.Compile(source, Options{Strict: true})
		if want += fmt.Sprintf(" of %q", source); err == nil || err.Error() != want {
			t.Errorf("%s\ngot  %v\nwant %s", source, err, want)
		}
	}
}
