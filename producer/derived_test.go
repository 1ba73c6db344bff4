package producer

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"inv/internal/scenario"
)

// Everything derived can be computed again from the emitted record alone: with big
// decimals, and with nulls and absent fields as they were sent. The scenarios are
// generated, up to the limits of the generators; those that can't be held are refused.
func TestDerivedFieldsFollowFromTheRecord(t *testing.T) {
	held, refused := 0, map[string]int{}
	for seed := range uint64(400) {
		g := &deriver{rand: rand.New(rand.NewPCG(seed, 1))}
		source := g.scenario()
		sc, problems := scenario.Read("t.yaml", []byte(source))
		if len(problems) > 0 {
			t.Fatalf("%s\n%v", source, problems)
		}
		if problems := Check(sc); len(problems) > 0 {
			for _, p := range problems {
				if p.Pos.Line == 0 {
					t.Fatalf("%s\nhas no place: %v", source, p)
				}
				kind := ""
				for _, known := range []string{"the result can be as large as", "the divisor is always 0", "write to how many decimals", "too large or have too many", "write to how many it is rounded"} {
					if strings.Contains(p.Text, known) {
						kind = known
					}
				}
				if kind == "" {
					t.Fatalf("%s\n%v", source, problems)
				}
				refused[kind]++
			}
			continue
		}
		held++
		sink := &collect{}
		if _, err := Run(t.Context(), compiled(t, sc, "p"), Options{Start: testStart, Count: 60}, sink); err != nil {
			t.Fatal(err)
		}
		for i := range sink.records {
			g.check(t, source, &sink.records[i])
		}
	}
	if held < 180 || refused["the result can be as large as"] == 0 {
		t.Errorf("%d scenarios are held; refused are %v", held, refused)
	}
}

// deriver generates a scenario and computes the derived fields of its records.
type deriver struct {
	rand    *rand.Rand
	fields  []derived
	plain   []string // paths of numbers, some of them derived
	element []string // paths of an element's numbers
	length  string   // of the list l
}

// derived is a field that follows from others.
type derived struct {
	name string
	of   func(value func(path string) any) any // absent{}, nil or a value
}

type absent struct{}

func (g *deriver) one(of ...string) string { return of[g.rand.IntN(len(of))] }

// presence returns modifiers.
func (g *deriver) presence() string {
	out := ""
	if g.rand.IntN(3) == 0 {
		out += ", nulls: 30%"
	}
	if g.rand.IntN(4) == 0 {
		out += ", optional: 70%"
	}
	if g.rand.IntN(6) == 0 {
		out += ", in: [s, u]"
	}
	return out
}

// number returns the generator of a number without its braces.
func (g *deriver) number() string {
	bound := func(most int64) int64 { return g.rand.Int64N(2*most+1) - most }
	pair := func(most int64) string {
		a, b := bound(most), bound(most)
		return fmt.Sprintf("[%d, %d]", min(a, b), max(a, b))
	}
	switch g.rand.IntN(9) {
	case 0:
		return "int: [-1000000000000, 1000000000000]"
	case 1:
		return "int: [0, 3]"
	case 2:
		return "int: " + pair(1_000_000_000_000)
	case 3:
		return "decimal: [-4000000000, 4000000000], decimals: 9"
	case 4:
		a, b := bound(1_000_000), bound(1_000_000)
		return fmt.Sprintf("decimal: [%d.%03d, %d.%03d], decimals: %d", min(a, b), 1, max(a, b), 999, g.rand.IntN(6))
	case 5:
		return g.one("one_of: [1, 2.5, 0.001, null]", "one_of: [0.000000001, -7]", "one_of: {1: 3, 2: 1, 99999999: 0}", "one_of: [null, {int: [1, 9], nulls: 50%}, {literal: 3, optional: 50%}]")
	case 6:
		return "normal: {mean: 20, sd: 7}, decimals: " + strconv.Itoa(g.rand.IntN(4))
	case 7:
		return "exponential: {mean: 30}, decimals: 2"
	}
	return "zipf: {n: 1000, s: 1.1}"
}

// expression returns an expression of some paths.
func (g *deriver) expression(paths []string, depth int) string {
	if depth == 0 || g.rand.IntN(4) == 0 {
		if g.rand.IntN(4) == 0 {
			return g.one("0", "2", "0.1", "3.000001", "1000000", "999999999999", "0.000000001", "7")
		}
		return g.one(paths...)
	}
	left, right := g.expression(paths, depth-1), g.expression(paths, depth-1)
	switch op := g.one("+", "-", "*", "*", "/", "-()"); op {
	case "-()":
		return "-(" + left + ")"
	default:
		return "(" + left + " " + op + " " + right + ")"
	}
}

func (g *deriver) test(paths []string) string {
	out := g.expression(paths, 1) + " " + g.one("<", "<=", "==", "!=", ">", ">=") + " " + g.expression(paths, 1)
	return g.one(out, "not ("+out+")", out+" and "+g.one(paths...)+" > 0", out+" or "+g.one(paths...)+" < 1")
}

// add adds a derived field.
func (g *deriver) add(yaml *strings.Builder, name, generator string, of func(func(string) any) any) {
	fmt.Fprintf(yaml, "      %s: {%s}\n", name, generator)
	g.fields = append(g.fields, derived{name, of})
}

func (g *deriver) scenario() string {
	y := &strings.Builder{}
	y.WriteString("scenario: t\ntopics: {t: {topic: t}}\nproducers:\n  p:\n    topic: t\n    key: key\n    states: {s: {then: {u: 60%}}, u: {then: v}, v: {}}\n" +
		"    headers: {h: {copy: key}, n: {copy: num}, ce_type: {copy: b}}\n    value:\n")
	for _, name := range []string{"a", "b", "c"} {
		fmt.Fprintf(y, "      %s: {%s%s}\n", name, g.number(), g.presence())
		g.plain = append(g.plain, name)
	}
	fmt.Fprintf(y, "      o: {object: {x: {%s%s}, y: {%s}}%s}\n", g.number(), g.presence(), g.number(), g.presence())
	g.plain = append(g.plain, "o.x", "o.y")
	fmt.Fprintf(y, "      n: {int: [0, 3]%s}\n", g.presence())
	g.plain = append(g.plain, "n")
	g.length = g.one("[0, 3]", "2", "{copy: n}", "{int: [0, 2], nulls: 30%}")
	fmt.Fprintf(y, "      l: {list: %s, of: {q: {%s%s}, p: {%s}, d: {calc: \"q - %s\", decimals: 3}}%s}\n",
		g.length, g.number(), g.one("", "", ", nulls: 20%", ", optional: 80%"), g.number(), g.one("a", "p", "o.x"), g.presence())
	g.element = []string{"l.q", "l.p", "l.d", "l.p"}
	g.numbers(y)
	g.others(y)
	return y.String()
}

// numbers adds derived numbers.
func (g *deriver) numbers(y *strings.Builder) {
	number := func(kind, name, source string) {
		decimals := g.rand.IntN(8) - 1
		expr, _ := scenario.ParseExpr(source)
		modifier := ""
		if decimals >= 0 {
			modifier = ", decimals: " + strconv.Itoa(decimals)
		}
		g.add(y, name, kind+": \""+source+"\""+modifier, func(value func(string) any) any {
			if kind == "sum" {
				return rounded(totalOfList(expr, value), decimals)
			}
			return rounded(evaluate(expr, value), decimals)
		})
	}
	for i := range 2 {
		name := "calc" + strconv.Itoa(i)
		number("calc", name, g.expression(g.plain, 1+i))
		g.plain = append(g.plain, name)
	}
	number("sum", "sum", g.one(g.element...)+" * "+g.expression(append(g.element, "a", "2"), 1))
	g.add(y, "num", "if: \""+g.test(g.plain)+"\", then: {copy: "+g.one("a", "b", "o.x")+"}, else: {literal: 5}", nil)
	g.fields = g.fields[:len(g.fields)-1]
}

// others adds derived texts, tests, counts and copies.
func (g *deriver) others(y *strings.Builder) {
	test := func(name string) {
		source := g.test(g.plain)
		expr, _ := scenario.ParseExpr(source)
		g.add(y, name, "compare: \""+source+"\"", func(value func(string) any) any { return evaluate(expr, value) })
	}
	test("t1")
	test("t2")
	source, then := g.test(g.plain), g.one("a", "o.y", "calc0", "n")
	expr, _ := scenario.ParseExpr(source)
	g.add(y, "if", "if: \""+source+"\", then: {copy: "+then+"}, else: no", func(value func(string) any) any {
		switch holds := evaluate(expr, value); {
		case holds == nil:
			return nil
		case holds.(bool):
			return value(then)
		}
		return "no"
	})
	from, other := g.one(g.plain...), g.one(g.plain...)
	g.add(y, "copy", "copy: "+from, func(value func(string) any) any { return value(from) })
	g.add(y, "key", "text: \"<{"+from+"}-{"+other+"}>\"", func(value func(string) any) any {
		one, two := value(from), value(other)
		if missing(one) && missing(two) {
			return nil
		}
		return "<" + plainText(one) + "-" + plainText(two) + ">"
	})
	g.add(y, "single", "text: \"{"+from+"}!\"", func(value func(string) any) any {
		if missing(value(from)) {
			return nil
		}
		return plainText(value(from)) + "!"
	})
	g.add(y, "as", "copy: "+from+", as: \"={}\"", func(value func(string) any) any {
		if missing(value(from)) {
			return value(from)
		}
		return "=" + plainText(value(from))
	})
	g.add(y, "count", "count: l", func(value func(string) any) any {
		if list, ok := value("l").([]any); ok {
			return json.Number(strconv.Itoa(len(list)))
		}
		return nil
	})
}

func missing(v any) bool { return v == nil || v == absent{} }

func plainText(v any) string {
	if missing(v) {
		return ""
	}
	return fmt.Sprint(v)
}

// check compares the derived fields of a record with what its other fields give.
func (g *deriver) check(t *testing.T, source string, r *Record) {
	t.Helper()
	fields := decoded(t, r.Value)
	value := func(path string) any { return valueAt(fields, path) }
	for _, f := range g.fields {
		got, want := value(f.name), f.of(value)
		if exact, ok := want.(*big.Rat); ok && !missing(got) { // natural scale
			if given, ok := new(big.Rat).SetString(fmt.Sprint(got)); ok && given.Cmp(exact) == 0 {
				want = got
			}
		}
		if got != want {
			t.Fatalf("%s\n%s\n%s is %v, and follows as %v", source, r.Value, f.name, got, want)
		}
	}
	if list, ok := fields["l"].([]any); ok && g.length == "{copy: n}" && fmt.Sprint(fields["n"]) != strconv.Itoa(len(list)) {
		t.Fatalf("%s: the list has %d elements", r.Value, len(list))
	}
	for _, list := range asList(fields["l"]) {
		if e := list.(map[string]any); missing(valueAt(e, "q")) && e["d"] != nil {
			t.Fatalf("%s\n%s: d is computed from a missing q", source, r.Value)
		}
	}
	if key := value("key"); key == nil && r.Key != nil || key != nil && string(r.Key) != key {
		t.Fatalf("%s: the key is %q", r.Value, r.Key)
	}
	for header, field := range map[string]string{"h": "key", "n": "num", "ce_type": "b"} {
		want, found := value(field), 0
		for _, h := range r.Headers {
			if h.Key == header {
				found++
				if want == nil && h.Value != nil || want != nil && string(h.Value) != fmt.Sprint(want) {
					t.Fatalf("%s: the header %s is %q", r.Value, header, h.Value)
				}
			}
		}
		if absent := want == (absent{}); found > 1 || absent != (found == 0) {
			t.Fatalf("%s: the header %s is sent %d times", r.Value, header, found)
		}
	}
}

func asList(v any) []any {
	list, _ := v.([]any)
	return list
}
