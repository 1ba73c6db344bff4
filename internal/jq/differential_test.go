package jq

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/itchyny/gojq"
)

// variables are those of the tests: one that is set, and one that is looked up.
var testVariables = []string{"$s", "$h"}

func testScope() *Scope {
	s := NewScope(nil)
	s.Variable("$s")
	s.LookedUp("$h")
	return s
}

// looked is a source with one object.
type looked struct{ text []byte }

func (l looked) Variable(int) Value             { return JSON(l.text) }
func (l looked) Member(_ int, key string) Value { return member(JSON(l.text), key) }
func (l looked) Native(int) any                 { return decode(l.text) }

// result is what an engine made of an expression.
type result struct {
	values []any
	err    string
}

// byGojq evaluates with gojq alone.
func byGojq(t testing.TB, source, record, state string) result {
	t.Helper()
	q, err := gojq.Parse(source)
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	code, err := gojq.Compile(q, gojq.WithVariables(testVariables), gojq.WithFunction("decimals", 1, 1, decimalsForGojq))
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	var out result
	for iter := code.Run(decode([]byte(record)), decode([]byte(state)), decode([]byte(state))); ; {
		v, ok := iter.Next()
		if !ok {
			return out
		}
		if err, failed := v.(error); failed {
			out.err = err.Error()
			return out
		}
		text, err := gojq.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.values = append(out.values, decode(text))
	}
}

// byClosures evaluates with closures alone. It reports false if they leave it to gojq.
func byClosures(t testing.TB, x *Expr, e *Evaluator, record, state string) (result, bool) {
	t.Helper()
	set(e, record, state)
	e.begin(x)
	if !x.push(e) {
		return result{}, false
	}
	return results(t, e.stack), true
}

func set(e *Evaluator, record, state string) {
	e.Source = looked{[]byte(state)}
	e.SetRecord(JSON([]byte(record)), nil)
	e.Set(1, JSON([]byte(state)))
}

func results(t testing.TB, values []Value) result {
	t.Helper()
	var out result
	for _, v := range values {
		text := v.AppendJSON(nil)
		var x any
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&x); err != nil {
			t.Fatalf("not JSON: %q: %v", text, err)
		}
		out.values = append(out.values, x)
	}
	return out
}

// agree compares the engines, and reports whether the closures had a result.
func agree(t testing.TB, e *Evaluator, source, record, state string) bool {
	t.Helper()
	x, err := testScope().Compile(source, Options{})
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	want := byGojq(t, source, record, state)
	sure := false
	if x.Compiled() {
		var got result
		if got, sure = byClosures(t, x, e, record, state); sure && !reflect.DeepEqual(got, want) {
			t.Errorf("%s\nof %s\n$s %s\nclosures %v\ngojq     %v", source, record, state, got, want)
		}
	}
	set(e, record, state)
	values, err := x.Eval(e)
	got := results(t, values)
	if err != nil {
		got.err = err.(*EvalError).Err.Error()
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s\nof %s\n$s %s\nEval %v\ngojq %v", source, record, state, got, want)
	}
	return sure
}

// cases returns a generator, and a function that reports whether to try case i: n cases
// that are always the same, or, if INV_FUZZ is a duration, others for so long.
func cases(t *testing.T, n int) (g generator, more func(i int) bool) {
	t.Helper()
	seed, long := uint64(n), time.Duration(0)
	if s := os.Getenv("INV_FUZZ"); s != "" {
		var err error
		if long, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
		seed = uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
	}
	start := time.Now()
	return generator{rand.New(rand.NewPCG(seed, 2))}, func(i int) bool { return i < n || time.Since(start) < long }
}

// The closures and gojq agree on random expressions of random values.
func TestClosuresAgreeWithGojq(t *testing.T) {
	g, more := cases(t, 3_000)
	var e Evaluator
	tried, compiled, sure := 0, 0, 0
	for ; more(tried); tried++ {
		source := g.expression(3)
		x, err := testScope().Compile(source, Options{})
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		if x.Compiled() {
			compiled++
		}
		for range 4 {
			if agree(t, &e, source, g.value(3), g.value(2)) {
				sure++
			}
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d expressions of 4 values each: %d compiled, %d results by closures", tried, compiled, sure)
	if compiled < tried/2 || sure < tried {
		t.Error("the closures had so few results that this proves little")
	}
}

// In the dialect of views both engines agree as well.
func TestAbsentAgreesWithGojq(t *testing.T) {
	g, more := cases(t, 5_000)
	var e Evaluator
	sure := 0
	for i := 0; more(i); i++ {
		source, record, state := g.expression(3), g.value(3), g.value(2)
		for _, plain := range [][]string{nil, {"$s"}} {
			x, err := testScope().Compile(source, Options{Absent: true, Plain: plain})
			if err != nil {
				t.Fatalf("%s: %v", source, err)
			}
			if !x.Compiled() {
				continue
			}
			got, ok := byClosures(t, x, &e, record, state)
			if !ok {
				continue
			}
			sure++
			set(&e, record, state)
			values, err := x.interpret(&e)
			if want := results(t, values); err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("%s\nof %s\n$s %s\nclosures %v\ngojq     %v %v", source, record, state, got, want, err)
			}
		}
	}
	if sure < 2_000 {
		t.Errorf("the closures had only %d results", sure)
	}
}

// The guards of strict expressions change no result.
func TestStrictAgreesWithGojq(t *testing.T) {
	g, more := cases(t, 3_001)
	var e Evaluator
	tried := 0
	for i := 0; more(i); i++ {
		source, record, state := g.expression(3), g.value(3), g.value(2)
		x, err := testScope().Compile(source, Options{Strict: true})
		if err != nil {
			continue
		}
		want := byGojq(t, source, record, state)
		set(&e, record, state)
		values, err := x.interpret(&e)
		got := results(t, values)
		if errors.Is(err, ErrBudget) {
			continue
		} else if err != nil {
			got.err = err.(*EvalError).Err.Error()
		}
		tried++
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\nof %s\n$s %s\nguarded %v\ngojq    %v", source, record, state, got, want)
		}
	}
	if tried < 2_000 {
		t.Errorf("only %d were allowed and within the budget", tried)
	}
}

func FuzzClosuresAgreeWithGojq(f *testing.F) {
	for _, s := range [][3]string{
		{`[.a[]? | select(.b > $s.b) | .c // "x"] | min`, `{"a":[{"b":2,"c":"\u00e9"},{"b":1.0}]}`, `{"b":1}`},
		{`{a: (.a + 1), "b\(.c)": $h.x, $s} // empty`, `{"a":1e2,"c":-0}`, `{"x":[]}`},
		{`if .a < 3 and (.b | not) then .a * 1.5 | decimals(1) elif . then "\(.a)" else .b[0] end`, `{"a":2.25}`, `null`},
	} {
		f.Add(s[0], s[1], s[2])
	}
	f.Fuzz(func(t *testing.T, source, record, state string) {
		if !json.Valid([]byte(record)) || !json.Valid([]byte(state)) || len(source) > 200 {
			return
		}
		for _, word := range []string{"input", "def", "reduce", "foreach", "recurse", "repeat", "while", "until", "range", "limit", "*", "now", "local", "debug", "stderr", "halt", "combinations", "=", "error", "$__loc", "builtins", "env", "ENV"} {
			if word != "=" && strings.Contains(source, word) || strings.Contains(strings.NewReplacer("==", "", "!=", "", "<=", "", ">=", "").Replace(source), "=") {
				return // it may not end, or differ from run to run
			}
		}
		if _, err := testScope().Compile(source, Options{}); err != nil {
			return
		}
		var e Evaluator
		agree(t, &e, source, record, state)
	})
}

// generator makes expressions and values with few names, so that they match.
type generator struct{ *rand.Rand }

func (g generator) pick(words ...string) string { return words[g.IntN(len(words))] }

func (g generator) expression(depth int) string {
	if depth <= 0 || g.IntN(6) == 0 {
		return g.leaf()
	}
	sub := func() string { return "(" + g.expression(depth-1) + ")" }
	switch g.IntN(24) {
	case 0, 1, 2:
		return fmt.Sprintf("%s %s %s", g.operand(depth-1), g.pick("==", "!=", "<", "<=", ">", ">="), g.operand(depth-1))
	case 3, 4, 5:
		return fmt.Sprintf("%s %s %s", g.operand(depth-1), g.pick("+", "-", "*", "/", "%", "+"), g.operand(depth-1))
	case 6:
		return fmt.Sprintf("%s %s %s", sub(), g.pick("and", "or"), sub())
	case 7, 8:
		return fmt.Sprintf("%s // %s", g.operand(depth-1), g.operand(depth-1))
	case 9:
		return fmt.Sprintf("if %s then %s else %s end", g.expression(depth-1), g.expression(depth-1), g.expression(depth-1))
	case 10:
		return fmt.Sprintf("if %s then %s elif %s then %s end", g.expression(depth-1), g.expression(depth-1), g.leaf(), g.leaf())
	case 11:
		return fmt.Sprintf(`"x\(%s) é\(%s)"`, g.expression(depth-1), g.leaf())
	case 12:
		return fmt.Sprintf(`{a: %s, %s: %s}`, sub(), g.pick(`"b"`, "b", `"\(.a)"`, "(.c)", `"a b"`, `("b")`, "a"), sub())
	case 13:
		return fmt.Sprintf("[%s, %s]", g.expression(depth-1), g.expression(depth-1))
	case 14:
		return fmt.Sprintf("[%s]", g.expression(depth-1))
	case 15, 16:
		return fmt.Sprintf("%s[]%s | %s", g.path(), g.pick("?", "", "?"), g.expression(depth-1))
	case 17:
		return fmt.Sprintf("%s | select(%s)", sub(), g.expression(depth-1))
	case 18:
		return fmt.Sprintf("%s | %s", sub(), g.function(depth-1))
	case 19:
		return fmt.Sprintf("%s | %s", g.operand(0), g.function(depth-1))
	case 20:
		return fmt.Sprintf("%s as $x | [$x, %s, $x.a?]", sub(), g.expression(depth-1))
	case 21:
		return fmt.Sprintf("%s | %s", sub(), g.expression(depth-1))
	case 22:
		return fmt.Sprintf("%s%s", sub(), g.pick(".a", "[0]", "[]?", ".b?", "[-1]", `["a"]`, "?"))
	}
	return "-" + sub()
}

func (g generator) function(depth int) string {
	switch g.IntN(4) {
	case 0:
		return fmt.Sprintf("map(%s)", g.expression(depth))
	case 1:
		return fmt.Sprintf("%s(%s)", g.pick("any", "all", "select"), g.expression(depth))
	}
	return g.pick("not", "length", "floor", "ascii_downcase", "todate", "min", "max", "add", "tostring", "any", "all", "empty",
		`test("a|é")`, `startswith("a")`, `endswith("b")`, `contains("b")`, "decimals(1)", "decimals(2)", "decimals(0)", "type", "sort", "keys")
}

func (g generator) operand(depth int) string {
	if g.IntN(3) == 0 {
		return "(" + g.expression(depth) + ")"
	}
	return g.leaf()
}

func (g generator) path() string {
	return g.pick(".", ".a", ".b", ".a.b", ".b.a.c", `.["é"]`, ".a[0]", ".a[-1].b", "$s", "$s.a", "$s.b.a", "$h.a", "$h", ".a.b?", ".c", "$h.a.b")
}

func (g generator) leaf() string {
	if g.IntN(2) == 0 {
		return g.path()
	}
	return g.pick("0", "1", "-1", "1.5", "0.1", "1e2", "1.0", "100", "9007199254740993", "9223372036854775807", "-9223372036854775808", "1e308",
		`"a"`, `"ab"`, `"é"`, `""`, "null", "true", "false", "[]", "{}", "empty", `{a}`, `{a, "b"}`, `{$s}`, "[1,2]", ".a[]?", ".[]?", "{a: 1}")
}

func (g generator) value(depth int) string {
	switch n := g.IntN(8); {
	case depth > 0 && n < 4 || depth == 3 && n < 7:
		return g.object(depth - 1)
	case depth > 0 && n == 7:
		parts := make([]string, g.IntN(4))
		for i := range parts {
			parts[i] = g.value(depth - 1)
		}
		return g.pick("[", "[ ") + strings.Join(parts, g.pick(",", " , ")) + "]"
	case n == 6:
		return strconv.FormatFloat((g.Float64()-0.5)*1e4, 'f', g.IntN(6), 64)
	}
	return g.pick("0", "-0", "-0.0", "1", "-1", "1.5", "0.1", "100", "1.0e2", "0.10000000000000001", "1.005", "9007199254740992", "9007199254740993", "9223372036854775807",
		"-9223372036854775808", "123456789012345678901234567890", "1e400", "1E-7", "1625097600000", "1625097600.5",
		`"a"`, `"ab"`, `"AbC"`, `"\u0061b"`, `"é"`, `"\u00e9"`, `"\ud800"`, `""`, "\"\xff\"", `"\n\u007f"`, "null", "true", "false", "[]", `["a"]`, "{}")
}

func (g generator) object(depth int) string {
	parts := make([]string, g.IntN(5))
	for i := range parts {
		parts[i] = g.pick(`"a"`, `"b"`, `"c"`, `"\u0061"`, `"é"`, `"\u00e9"`) + g.pick(":", " : ") + g.value(depth)
	}
	return g.pick("{", "{\n") + strings.Join(parts, g.pick(",", " ,\t")) + "}"
}
