package compose

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"inv/internal/scenario"
	"inv/processor/forward"
)

// text parses a text as the scenario does, but without escapes.
func text(s string) *scenario.SinkText {
	t := &scenario.SinkText{}
	for s != "" {
		i := strings.IndexAny(s, "${")
		if i < 0 {
			t.Parts = append(t.Parts, scenario.SinkTextPart{Literal: s})
			break
		}
		if i > 0 {
			t.Parts = append(t.Parts, scenario.SinkTextPart{Literal: s[:i]})
		}
		end := i + strings.IndexByte(s[i:], '}')
		part := scenario.SinkTextPart{Pos: scenario.Position{Line: 7, Column: i + 1}}
		switch inner := s[i:end]; {
		case inner[0] == '$':
			part.Variable = inner[2:]
		case inner[1] == '$':
			part.Meta = inner[2:]
		case inner == "{count":
			part.Meta = "count"
		default:
			part.Path = strings.Split(inner[1:], ".")
		}
		t.Parts = append(t.Parts, part)
		s = s[end+1:]
	}
	return t
}

func expr(source string) *scenario.JQ {
	return &scenario.JQ{Source: source, Pos: scenario.Position{Line: 3, Column: 5}}
}

func record(value string) *forward.Record {
	r := &forward.Record{Topic: "orders", Partition: 2, Offset: 41, Time: 1700000000123, Key: []byte("k-1"),
		Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("a")}, {Key: "h", Value: []byte("b\"")}}}
	switch value {
	case "tombstone":
	case "binary":
		r.Value = []byte{0, 1}
	default:
		r.Value = []byte(value)
		r.JSON = r.Value
	}
	return r
}

func cutOf(values ...string) *forward.Cut {
	c := &forward.Cut{ID: strings.Repeat("0", 32)}
	for _, v := range values {
		c.Records = append(c.Records, record(v))
	}
	return c
}

func variablesOf(pairs ...string) *Variables {
	return NewVariables(func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	})
}

// reason returns the reason of a record's error, "" for nil.
func reason(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var refused *forward.RecordError
	if !errors.As(err, &refused) {
		t.Fatalf("%v is not the error of a record", err)
	}
	var place *Error
	if !errors.As(err, &place) || place.Pos.Line == 0 {
		t.Fatalf("%v has no place", err)
	}
	return refused.Reason
}

const sample = `{"a":"x","n":12.50,"big":12345678901234567890,"t":true,"z":null,"o":{"b":"in","c":[1, 2]},"e":"q\"\n\u00fc\ud83d\ude00"}`

func TestTemplate(t *testing.T) {
	for _, c := range []struct{ text, value, want, reason string }{
		{"plain", sample, "plain", ""},
		{"", sample, "", ""},
		{"{a}-{n}-{big}", sample, "x-12.50-12345678901234567890", ""},
		{"{t} {o.b} {o}", sample, `true in {"b":"in","c":[1,2]}`, ""},
		{"{e}", sample, "q\"\nü😀", ""},
		{"{z}", sample, "", forward.Expression},
		{"{missing}", sample, "", forward.Expression},
		{"{a.b}", sample, "", forward.Expression},
		{"{$key} {$topic} {$partition} {$offset} {$time} {count}", "binary", "k-1 orders 2 41 1700000000123 1", ""},
		{"{a}", "binary", "", forward.NotJSON},
		{"{a}", "tombstone", "", forward.Expression},
		{"{a}", `"text"`, "", forward.Expression},
		{"${V}/{a}", sample, "value/x", ""},
		{"${NONE}{a}", sample, "x", ""},
	} {
		v := variablesOf("V", "value")
		got, err := v.Text(text(c.text)).Append([]byte(">"), cutOf(c.value), nil)
		if r := reason(t, err); string(got) != ">"+c.want || r != c.reason {
			t.Errorf("%q of %s: %q, %v, want %q, %q", c.text, c.value, got, err, c.want, c.reason)
		}
	}
}

func TestTemplateOfARecordOfTheCut(t *testing.T) {
	c := cutOf(`{"a":1}`, `{"a":2}`)
	tmpl := variablesOf().Text(text("{a}/{count}"))
	first, _ := tmpl.Append(nil, c, nil)
	second, _ := tmpl.Append(nil, c, c.Records[1])
	if string(first) != "1/2" || string(second) != "2/2" {
		t.Errorf("%s and %s", first, second)
	}
}

func TestKeys(t *testing.T) {
	tmpl := variablesOf().Text(text("{$key}"))
	c := cutOf(`{}`)
	c.Records[0].Key = nil
	if _, err := tmpl.Append(nil, c, nil); reason(t, err) != forward.Expression {
		t.Error(err)
	}
	c.Records[0].Key = []byte{0xff}
	if _, err := tmpl.Append(nil, c, nil); reason(t, err) != forward.NotUnicode {
		t.Error(err)
	}
}

func TestURL(t *testing.T) {
	for _, c := range []struct{ value, want, reason string }{
		{`{"a":"x"}`, "http://h/x?q=x", ""},
		{`{"a":"../ü ?&#%"}`, "http://h/..%2F%C3%BC%20%3F%26%23%25?q=..%2F%C3%BC%20%3F%26%23%25", ""},
		{`{"a":".."}`, "", forward.Expression},
		{`{"a":""}`, "", forward.Expression},
		{`{"a":"\r\nX: y"}`, "http://h/%0D%0AX%3A%20y?q=%0D%0AX%3A%20y", ""},
	} {
		got, err := variablesOf("U", "http://h").URL(text("${U}/{a}?q={a}")).Append(nil, cutOf(c.value), nil)
		if r := reason(t, err); string(got) != c.want || r != c.reason {
			t.Errorf("%s: %q, %v", c.value, got, err)
		}
	}
}

func TestConstant(t *testing.T) {
	v := variablesOf("V", "b")
	if got, ok := v.Text(text("a${V}c")).Constant(); got != "abc" || !ok {
		t.Error(got, ok)
	}
	if _, ok := v.Text(text("a{b}")).Constant(); ok {
		t.Error("a placeholder is constant")
	}
}

func bodyText(s string) scenario.Body {
	t := text(s)
	return scenario.Body{Kind: scenario.BodyText, Text: t, Pos: scenario.Position{Line: 2, Column: 2}}
}

func bodyJQ(s string) scenario.Body { return scenario.Body{Kind: scenario.BodyJQ, JQ: expr(s)} }

func object(pairs ...any) scenario.Body {
	b := scenario.Body{Kind: scenario.BodyObject, Pos: scenario.Position{Line: 1, Column: 1}}
	for i := 0; i < len(pairs); i += 2 {
		b.Object = append(b.Object, scenario.NamedBody{Name: pairs[i].(string), Body: pairs[i+1].(scenario.Body)})
	}
	return b
}

func list(elements ...scenario.Body) scenario.Body {
	return scenario.Body{Kind: scenario.BodyList, List: elements, Pos: scenario.Position{Line: 1, Column: 1}}
}

func literal(s string) scenario.Body { return scenario.Body{Kind: scenario.BodyLiteral, Literal: s} }

func TestBody(t *testing.T) {
	for _, c := range []struct {
		body         scenario.Body
		values       string // separated by |
		want, reason string
	}{
		{object("a", bodyText("{a}"), "n", bodyText("{n}"), "text", bodyText("n={n}"), "q\"", literal("5")), sample, `{"a":"x","n":12.50,"text":"n=12.50","q\"":5}`, ""},
		{object("big", bodyText("{big}"), "o", bodyText("{o}"), "z", bodyText("{z}"), "m", bodyText("{missing}")), sample, `{"big":12345678901234567890,"o":{"b":"in","c":[1,2]},"z":null,"m":null}`, ""},
		{object("e", bodyText("{e}"), "f", bodyText("<{e}>")), sample, `{"e":"q\"\n\u00fc\ud83d\ude00","f":"<q\"\nü😀>"}`, ""},
		{list(bodyText("{$key}"), bodyText("{$offset}"), bodyText("{count}"), bodyText("${V}"), bodyText("")), sample + "|{}", `["k-1",41,2,"va\"lue",""]`, ""},
		{object("j", bodyJQ(`.n > 12`), "k", bodyJQ("$key + $topic"), "h", bodyJQ("$headers.h"), "g", bodyJQ("$headers")), sample, `{"j":true,"k":"k-1orders","h":"b\"","g":{"h":"b\""}}`, ""},
		{object("none", bodyJQ("empty"), "x", literal("null"), "y", bodyJQ("empty")), sample, `{"x":null}`, ""},
		{list(bodyJQ("empty"), literal("true")), sample, `[true]`, ""},
		{bodyJQ("[$records[].a]"), `{"a":1}|{"a":"b"}|tombstone`, `[1,"b",null]`, ""},
		{bodyJQ("[$count, $time, $partition, $offset]"), `{}|{}`, `[2,1700000000123,2,41]`, ""},
		{bodyJQ("$records"), `{}|binary`, "", forward.NotJSON},
		{bodyJQ("empty"), `{}`, "", forward.Expression},
		{bodyJQ("1, 2"), `{}`, "", forward.Expression},
		{bodyJQ(".a + 1"), `{"a":"x"}`, "", forward.Expression},
		{bodyJQ("$key"), `binary`, `"k-1"`, ""},
		{bodyJQ(".a"), `binary`, "", forward.NotJSON},
		{bodyJQ(".a"), `tombstone`, "null", ""},
		{object("x", bodyText("a{missing}")), sample, "", forward.Expression},
		{object(), sample, "{}", ""},
		{list(), sample, "[]", ""},
	} {
		b, err := variablesOf("V", `va"lue`).Body(&c.body)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the state is used again
			got, err := b.AppendJSON([]byte(">"), cutOf(strings.Split(c.values, "|")...))
			if r := reason(t, err); string(got) != ">"+c.want || r != c.reason {
				t.Errorf("%s, %v, want %s %s", got, err, c.want, c.reason)
			}
			if err == nil && !json.Valid(got[1:]) {
				t.Errorf("%s is not JSON", got)
			}
		}
	}
}

func TestSelector(t *testing.T) {
	for _, c := range []struct {
		sel                scenario.Selector
		value              string
		text, json, reason string
		there              bool
	}{
		{scenario.Selector{Path: []string{"a"}}, sample, "x", `"x"`, "", true},
		{scenario.Selector{Path: []string{"o", "b"}}, sample, "in", `"in"`, "", true},
		{scenario.Selector{Path: []string{"n"}}, sample, "12.50", `12.50`, "", true},
		{scenario.Selector{Path: []string{"z"}}, sample, "", "", "", false},
		{scenario.Selector{Path: []string{"missing"}}, sample, "", "", "", false},
		{scenario.Selector{Path: []string{"a"}}, "binary", "", "", forward.NotJSON, false},
		{scenario.Selector{Path: []string{"a"}}, "tombstone", "", "", "", false},
		{scenario.Selector{JQ: expr(".n + 1")}, sample, "13.5", "13.5", "", true},
		{scenario.Selector{JQ: expr(".o")}, sample, `{"b":"in","c":[1,2]}`, `{"b":"in","c":[1,2]}`, "", true},
		{scenario.Selector{JQ: expr("empty")}, sample, "", "", "", false},
		{scenario.Selector{JQ: expr("$key")}, "binary", "k-1", `"k-1"`, "", true},
		{scenario.Selector{JQ: expr(".a")}, "binary", "", "", forward.NotJSON, false},
		{scenario.Selector{JQ: expr(".a.b")}, sample, "", "", forward.Expression, false},
	} {
		c.sel.Pos = scenario.Position{Line: 4, Column: 4}
		s, err := NewSelector(&c.sel)
		if err != nil {
			t.Fatal(err)
		}
		text, there, err := s.Text(nil, record(c.value))
		if reason(t, err) != c.reason || string(text) != c.text || there != c.there {
			t.Errorf("text of %+v in %s: %q, %v, %v", c.sel, c.value, text, there, err)
		}
		raw, err := s.JSON(record(c.value))
		if reason(t, err) != c.reason || string(raw) != c.json {
			t.Errorf("JSON of %+v in %s: %q, %v", c.sel, c.value, raw, err)
		}
	}
}

func TestRow(t *testing.T) {
	row, err := NewRow([]scenario.Selector{{Path: []string{"a"}}, {JQ: expr(".n")}, {Path: []string{"o", "c"}}, {Path: []string{"a"}}})
	if err != nil {
		t.Fatal(err)
	}
	values := make([][]byte, row.Len())
	if err := row.JSON(record(sample), values); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{`"x"`, "12.50", "[1, 2]", `"x"`} {
		if string(values[i]) != want {
			t.Errorf("%d: %s", i, values[i])
		}
	}
}

func TestCondition(t *testing.T) {
	for _, c := range []struct {
		source, value string
		want          bool
		reason        string
	}{
		{".n == 12.5", sample, true, ""},
		{".missing <= 5", sample, false, ""},
		{".missing <= 5 | not", sample, false, ""},
		{".a.b", sample, false, forward.Expression},
		{".a", "binary", false, forward.NotJSON},
		{`$topic == "orders"`, "binary", true, ""},
		{`. == null`, "tombstone", true, ""},
		{`.a == 1`, "tombstone", false, ""},
		{`$headers.h == "b\""`, sample, true, ""},
		{`$headers.missing == null`, sample, true, ""},
		{`empty`, sample, false, ""},
		{`.o.c | any(. == 2)`, sample, true, ""},
		{`$time > 0 and $partition == 2 and $offset == 41`, "binary", true, ""},
	} {
		w, err := NewCondition(expr(c.source))
		if err != nil {
			t.Fatal(err)
		}
		got, err := w.Holds(record(c.value))
		if got != c.want || reason(t, err) != c.reason {
			t.Errorf("%s on %s: %v, %v", c.source, c.value, got, err)
		}
	}
}

func TestWrongExpressionsHaveTheirPlace(t *testing.T) {
	body := object("a", bodyJQ(".a | nope"))
	_, bodyErr := variablesOf().Body(&body)
	_, selectorErr := NewSelector(&scenario.Selector{JQ: expr(".a | nope")})
	_, conditionErr := NewCondition(expr(".a | nope"))
	for _, err := range []error{bodyErr, selectorErr, conditionErr} {
		var at *Error
		if !errors.As(err, &at) || at.Pos != (scenario.Position{Line: 3, Column: 10}) {
			t.Errorf("%v", err)
		}
	}
	if _, err := NewCondition(expr("$count > 1")); err == nil {
		t.Error("a condition knows the cut")
	}
}

func TestTextOfABody(t *testing.T) {
	for _, c := range []struct {
		body   scenario.Body
		want   string
		there  bool
		reason string
	}{
		{bodyJQ(`"a\n" + .a`), "a\nx", true, ""},
		{bodyJQ(".o"), `{"b":"in","c":[1,2]}`, true, ""},
		{literal("7"), "7", true, ""},
		{bodyJQ(".z"), "", false, ""},
		{bodyJQ("empty"), "", false, ""},
		{bodyJQ(".a.b"), "", false, forward.Expression},
	} {
		b, err := variablesOf().Body(&c.body)
		if err != nil {
			t.Fatal(err)
		}
		got, there, err := b.AppendText([]byte(">"), cutOf(sample))
		if string(got) != ">"+c.want || there != c.there || reason(t, err) != c.reason {
			t.Errorf("%q, %v, %v, want %q", got, there, err, c.want)
		}
	}
}
