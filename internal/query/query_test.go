package query

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"inv/internal/jsonscan"
	"inv/internal/kafka/fetch"
)

func input(t testing.TB, fields *jsonscan.Fields, value string, r *fetch.Record) *Input {
	t.Helper()
	in := &Input{Record: r, Value: []byte(value), Fields: make([][]byte, fields.Len())}
	in.JSON = fields.Scan(in.Value, in.Fields)
	return in
}

func TestMatch(t *testing.T) {
	record := &fetch.Record{Topic: "orders", Partition: 2, Offset: 1841, Timestamp: 1625097600000, Key: []byte("prod-1")}
	record.SetHeaders([]fetch.Header{{Key: "a", Value: []byte("1")}, {Key: "a", Value: []byte("2")}, {Key: "n"}})
	for _, c := range []struct {
		source, value string
		jq, view      bool // the result in each dialect
		fast          bool
	}{
		{`.stock <= 5`, `{"stock":5}`, true, true, true},
		{`.stock <= 5`, `{"stock":6}`, false, false, true},
		{`.stock <= 5`, `{}`, true, false, true}, // jq: null sorts before numbers
		{`.stock <= 5`, `{"stock":null}`, true, false, true},
		{`.stock > .limit`, `{"stock":5}`, true, false, true},
		{`.stock != 5`, `{}`, true, false, true},
		{`.stock == null`, `{}`, true, true, true},
		{`(.stock <= 5) | not`, `{}`, false, false, true},
		{`(.stock > 5) | not`, `{}`, true, false, true},
		{`.a == 1 or .b == 2`, `{"a":1}`, true, true, true},
		{`.a == 1 and .b == 2`, `{"a":1}`, false, false, true},
		{`.a == 1 and (.b == 2 | not)`, `{"a":1}`, true, false, true},
		{`.p == "urgent"`, `{"p":"urgent"}`, true, true, true},
		{`.p == "urgent"`, `{"p":"\u0075rgent"}`, true, true, true},
		{`.p | startswith("ur")`, `{"p":"urgent"}`, true, true, true},
		{`.p | startswith("ur")`, `{"p":5}`, false, false, true},
		{`.p | contains("gen")`, `{"p":"urgent"}`, true, true, true},
		{`(.p | endswith("x")) | not`, `{"p":"urgent"}`, true, true, true},
		{`.p | endswith("x") | not`, `{"p":"urgent"}`, true, true, true},
		{`.a.b > 1`, `{"a":{"b":2}}`, true, true, true},
		{`.a.b > 1`, `{"a":7}`, false, false, true},
		{`.a.b > 1`, `{"a":{"b":2},"a":{}}`, false, false, true},
		{`.["a b"] == true`, `{"a b":true}`, true, true, true},
		{`.items[0].q > 1`, `{"items":[{"q":2}]}`, true, true, true},
		{`.items | length > 1`, `{"items":[1,2]}`, true, true, true},
		{`any(.items[]; .q > 1)`, `{"items":[{"q":1},{"q":2}]}`, true, true, true},
		{`select(.a > 1)`, `{"a":2}`, true, true, true},
		{`select(.a > 1)`, `{"a":1}`, false, false, true},
		{`.a`, `{"a":0}`, true, true, true},
		{`.a`, `{"a":false}`, false, false, true},
		{`.big == 12345678901234567891`, `{"big":12345678901234567890}`, false, false, false},
		{`.big == 0.1`, `{"big":1e-1}`, true, true, true},
		{`$partition == 2 and $offset > 1800`, `{}`, true, true, true},
		{`$key == "prod-1"`, `{}`, true, true, true},
		{`$headers.a == "2"`, `{}`, true, true, true},
		{`$headers["b"] == "2"`, `{}`, false, false, true},
		{`$headers.n == null`, `{}`, true, true, true},
		{`$headers.a == "1"`, `{}`, false, false, true}, // the last of its name
		{`any($header_list[]; .key == "a" and .value == "1")`, `{}`, true, true, true},
		{`[$header_list[] | select(.key == "a") | .value] == ["1", "2"]`, `{}`, true, true, true},
		{`any($header_list[]; .key == "n" and .value == null)`, `{}`, true, true, true}, // a null header
		{`any($header_list[]; .key == "absent")`, `{}`, false, false, true},
		{`$topic | test("^ord")`, `{}`, true, true, true},
		{`. == "text"`, `text`, true, true, true},
		{`.a == 1`, `[1]`, false, false, true},
		{`empty`, `{}`, false, false, true},
		{`.a == 1`, "\ufeff{\"a\":1}", true, true, true}, // a byte order mark
		{`.a | length == 1`, "\ufeff{\"a\":\"x\"}", true, true, true},
		{`. == "\ufefftext"`, "\ufefftext", true, true, true},
	} {
		for dialect, want := range map[Dialect]bool{JQ: c.jq, AbsentFalse: c.view} {
			fields := jsonscan.NewFields()
			compiled, err := Compile(c.source, dialect, fields)
			if err != nil {
				t.Errorf("%s: %v", c.source, err)
				continue
			}
			if fast := compiled.fast != nil; fast != c.fast {
				t.Errorf("%s: fast path %v, want %v", c.source, fast, c.fast)
			}
			in := input(t, fields, c.value, record)
			if got := compiled.Match(in); got != want {
				t.Errorf("%s of %s in dialect %d: %v, want %v", c.source, c.value, dialect, got, want)
			}
			if got := compiled.slow(in); got != want {
				t.Errorf("%s of %s in dialect %d by gojq: %v, want %v", c.source, c.value, dialect, got, want)
			}
		}
	}
}

func TestTombstoneIsNull(t *testing.T) {
	fields := jsonscan.NewFields()
	c, err := Compile(`. == null`, JQ, fields)
	if err != nil {
		t.Fatal(err)
	}
	if !c.Match(&Input{Fields: make([][]byte, fields.Len())}) {
		t.Error("a tombstone's value is null")
	}
}

func TestErrorPositions(t *testing.T) {
	for source, want := range map[string]string{
		`.a <= `:            "at character 7",
		`.a == "x" nd .b`:   "at character 11",
		`.a | startwith(1)`: `at character 6`,
		`$price > 5`:        "$key, $topic, $partition",
		``:                  "empty",
	} {
		_, err := Compile(source, JQ, jsonscan.NewFields())
		var q *Error
		if !errors.As(err, &q) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q in it", source, err, want)
		}
	}
	_, err := Compile(`.a ==== 5`, JQ, jsonscan.NewFields())
	var q *Error
	if !errors.As(err, &q) || strings.Join(q.Pointed(), "\n") != ".a ==== 5\n     ^" {
		t.Errorf("pointed at as\n%s", q.Pointed())
	}
}

// The fast path and gojq agree on any condition and value.
func TestFastAgreesWithJQ(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(1, 2))}
	sure := 0
	for range 3_000 {
		source, value := g.condition(2), g.object(2)
		for _, dialect := range []Dialect{JQ, AbsentFalse} {
			agree(t, source, value, dialect, &sure)
		}
		if t.Failed() {
			return
		}
	}
	if sure < 3_000 {
		t.Errorf("the fast path was sure only %d times: this proves little", sure)
	}
}

func agree(t *testing.T, source, value string, dialect Dialect, sure *int) {
	t.Helper()
	fields := jsonscan.NewFields()
	c, err := Compile(source, dialect, fields)
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	if c.fast == nil {
		return
	}
	in := input(t, fields, value, nil)
	if !in.JSON {
		t.Fatalf("not JSON: %s", value)
	}
	got := c.fast(in)
	if got == unsure {
		return
	}
	*sure++
	if want := c.slow(in); (got == isTrue) != want {
		t.Errorf("%s of %s in dialect %d: fast %v, gojq %v", source, value, dialect, got, want)
	}
}

func FuzzFastAgreesWithJQ(f *testing.F) {
	f.Add(`.a <= 5 and (.b | startswith("x") | not)`, `{"a":5,"b":"\u0078y","a":null}`)
	f.Fuzz(func(t *testing.T, source, value string) {
		fields := jsonscan.NewFields()
		c, err := Compile(source, JQ, fields)
		if err != nil || c.fast == nil || !fields.Scan([]byte(value), make([][]byte, fields.Len())) {
			return
		}
		sure := 0
		agree(t, source, value, JQ, &sure)
	})
}

// generator makes conditions and values with few names, so that they match.
type generator struct{ *rand.Rand }

func (g generator) pick(words ...string) string { return words[g.IntN(len(words))] }

func (g generator) condition(depth int) string {
	if depth > 0 {
		switch g.IntN(6) {
		case 0:
			return fmt.Sprintf("(%s) and (%s)", g.condition(depth-1), g.condition(depth-1))
		case 1:
			return fmt.Sprintf("%s or %s", g.condition(depth-1), g.condition(depth-1))
		case 2:
			return fmt.Sprintf("(%s | not)", g.condition(depth-1))
		case 3:
			return fmt.Sprintf("(%s | %s(%s))", g.path(), g.pick("startswith", "endswith", "contains"), g.pick(`"a"`, `""`, `"é"`, `"ab"`))
		}
	}
	if g.IntN(8) == 0 {
		return g.path()
	}
	return fmt.Sprintf("%s %s %s", g.operand(), g.pick("==", "!=", "<", "<=", ">", ">="), g.operand())
}

func (g generator) path() string {
	return g.pick(".a", ".b", ".a.b", ".a.c", `.["a"]`, ".b.a.c", `.["é"]`)
}

func (g generator) operand() string {
	if g.IntN(2) == 0 {
		return g.path()
	}
	return g.pick("0", "1", "-1", "1.5", "0.1", "1e2", "100", "9007199254740993", `"a"`, `"ab"`, `"é"`, `""`, "null", "true", "false")
}

func (g generator) object(depth int) string {
	var b strings.Builder
	b.WriteString(g.pick("{", " { "))
	for i := range g.IntN(4) {
		if i > 0 {
			b.WriteString(g.pick(",", " ,\n"))
		}
		fmt.Fprintf(&b, "%s%s%s", g.pick(`"a"`, `"b"`, `"c"`, `"\u0061"`, `"é"`, `"\u00e9"`), g.pick(":", " : "), g.value(depth))
	}
	b.WriteString(g.pick("}", " }\t"))
	return b.String()
}

func (g generator) value(depth int) string {
	if depth > 0 && g.IntN(3) == 0 {
		return strings.TrimSpace(g.object(depth - 1))
	}
	return g.pick("0", "-0", "1", "-1", "1.5", "0.1", "100", "1.0e2", "0.10000000000000001", "9007199254740992", "9007199254740993", "123456789012345678901234567890", "1e400",
		`"a"`, `"ab"`, `"\u0061b"`, `"é"`, `"\u00e9"`, `"\ud800"`, `""`, "\"\xff\"", "null", "true", "false", "[]", `["a"]`)
}
