package producer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"inv/internal/registry/shape"
	"inv/scenarios"
)

// shapeText writes a type on a line, for golden files.
func shapeText(t shape.Type) string {
	text := t.Kind.String()
	switch t.Kind {
	case shape.Int:
		text = fmt.Sprintf("int %d…%d", t.Low, t.High)
	case shape.Decimal:
		text = fmt.Sprintf("decimal(%d,%d)", t.Precision, t.Scale)
	case shape.Enum:
		text = "enum " + strings.Join(t.Symbols, "|")
	case shape.Time:
		text = "time in " + t.Unit.String()
	case shape.List:
		text = "[" + shapeText(*t.Elem) + "]"
	case shape.Union:
		var of []string
		for _, u := range t.Of {
			of = append(of, shapeText(u))
		}
		text = "(" + strings.Join(of, " or ") + ")"
	case shape.Object:
		var fields []string
		for _, f := range t.Fields {
			name := f.Name
			if f.Optional {
				name += "?"
			}
			fields = append(fields, name+": "+shapeText(f.Type))
		}
		text = "{" + strings.Join(fields, ", ") + "}"
	}
	if t.Nullable {
		text += " or null"
	}
	return text
}

// mismatch returns why a JSON value is not of a type; "": it is.
func mismatch(t shape.Type, v any) string {
	wrong := fmt.Sprintf("%v is not %s", v, shapeText(t))
	if v == nil {
		if t.Nullable || t.Kind == shape.Null || t.Kind == shape.Any {
			return ""
		}
		return wrong
	}
	text, isText := v.(string)
	number, isNumber := v.(json.Number)
	ok := false
	switch t.Kind {
	case shape.Any:
		ok = true
	case shape.Bool:
		_, ok = v.(bool)
	case shape.Int, shape.Time:
		n, err := number.Int64()
		ok = isNumber && err == nil && (t.Kind == shape.Time || n >= t.Low && n <= t.High)
	case shape.Decimal:
		r, valid := new(big.Rat).SetString(number.String())
		scale := new(big.Rat).SetInt(tenTo(t.Scale))
		ok = isNumber && valid && r.Mul(r, scale).IsInt() && r.Num().CmpAbs(tenTo(t.Precision)) < 0
	case shape.Float:
		ok = isNumber
	case shape.Text:
		ok = isText
	case shape.Enum:
		ok = isText && slices.Contains(t.Symbols, text)
	case shape.Date:
		_, err := time.Parse(time.DateOnly, text)
		ok = isText && err == nil
	case shape.List:
		list, isList := v.([]any)
		for _, e := range list {
			if m := mismatch(*t.Elem, e); m != "" {
				return m
			}
		}
		ok = isList
	case shape.Union:
		ok = slices.ContainsFunc(t.Of, func(u shape.Type) bool { return mismatch(u, v) == "" })
	case shape.Object:
		object, isObject := v.(map[string]any)
		if !isObject {
			return wrong
		}
		for _, f := range t.Fields {
			in, has := object[f.Name]
			delete(object, f.Name)
			if !has && f.Optional {
				continue
			}
			if !has {
				return f.Name + " is missing"
			}
			if m := mismatch(f.Type, in); m != "" {
				return f.Name + ": " + m
			}
		}
		if len(object) > 0 {
			return fmt.Sprintf("%v are not in the type", object)
		}
		ok = true
	}
	if !ok {
		return wrong
	}
	return ""
}

// The type of each topic of the shipped scenarios, and that their records are of it, with
// more products than the file has, too.
func TestShapesOfShippedScenarios(t *testing.T) {
	var out strings.Builder
	entries, err := scenarios.Files.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".yaml")
		if name == e.Name() {
			continue
		}
		sc := shipped(t, name)
		types := map[string]shape.Type{}
		for _, topic := range sc.Topics {
			of, err := Shape(sc, topic.Alias)
			if errors.As(err, new(*NoShapeError)) {
				continue
			}
			if err != nil {
				fmt.Fprintf(&out, "%s/%s: %v\n", name, topic.Alias, err)
				continue
			}
			key, err := KeyShape(sc, topic.Alias)
			keyText := shapeText(key)
			if errors.As(err, new(*NoShapeError)) {
				keyText, err = "no key", nil
			}
			if err != nil {
				t.Errorf("%s/%s: key: %v", name, topic.Alias, err)
			}
			types[topic.Name] = of
			fmt.Fprintf(&out, "%s/%s\n\tkey: %s\n\tvalue: %s\n", name, topic.Alias, keyText, shapeText(of))
		}
		for _, products := range []int64{0, 50} {
			plan := compiledWith(t, sc, CompileOptions{Names: Runnable(sc), Seed: 7, Products: products})
			sink := &collect{}
			if _, err := Run(t.Context(), plan, Options{Start: testStart, Count: 300, For: 1e12}, sink); err != nil {
				t.Fatal(err)
			}
			for _, r := range sink.records {
				of, known := types[r.Topic]
				if !known || r.Value == nil || plan.streams[r.Stream].spec.Format.Name != "json" {
					continue
				}
				if problem := mismatch(of, decodedValue(t, r.Value)); problem != "" {
					t.Fatalf("%s: %s: %s", r.Topic, r.Value, problem)
				}
			}
		}
	}
	golden := filepath.Join("testdata", "shapes.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("%s", firstDifference(string(want), out.String()))
	}
}

func decodedValue(t testing.TB, value []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", value, err)
	}
	return v
}

// The types of what the generators make, one by one.
func TestShape(t *testing.T) {
	for _, tt := range []struct{ field, want string }{
		{"{int: [1, 9]}", "int 1…9"},
		{"{decimal: [1, 99], decimals: 3}", "decimal(5,3)"},
		{"{bool: 50%}", "a boolean"},
		{"5", "int 5…5"},
		{"1.25", "decimal(3,2)"},
		{"1e300", "a floating-point number"},
		{"null", "null"},
		{"text", "a text"},
		{"{one_of: [a, b, a]}", "enum a|b"},
		{"{one_of: [a, null]}", "enum a or null"},
		{"{one_of: [1, 2.5]}", "decimal(2,1)"},
		{"{one_of: [1, b, true]}", "(int 1…1 or a text or a boolean)"},
		{"{one_of: [{object: {a: 1}}, {object: {b: 1}}]}", "({a: int 1…1} or {b: int 1…1})"},
		{"{one_of: [{object: {a: 1}}, {object: {a: 2}}, 7]}", "({a: int 1…2} or int 7…7)"},
		{"{time: now}", "time in 1ms"},
		{"{time: now, format: epoch_us}", "time in 1µs"},
		{"{time: now, format: rfc3339}", "a text"},
		{"{date: [2020-01-01, 2021-01-01]}", "a date"},
		{"{date: [2020-01-01, 2021-01-01], format: epoch_s}", "time in 1s"},
		{"{fake: latitude}", "a floating-point number"},
		{"{fake: year}", "int -9223372036854775808…9223372036854775807"},
		{"{fake: bool}", "a boolean"},
		{"{int: [1, 9], nulls: 5%}", "int 1…9 or null"},
		{"{ref: rows.name}", "a text"},
		{"{ref: rows.price}", "decimal(5,2)"},
		{"{calc: other * 2}", "int 2…18"},
		{"{copy: other}", "int 1…9"},
		{"{list: [0, 3], of: {a: {int: [1, 2]}, b: {int: [1, 2], optional: 5%}}}", "[{a: int 1…2, b?: int 1…2}]"},
		{"[1, a, null]", "[(int 1…1 or a text) or null]"},
		{"{last: seen}", "int 1…9 or null"},
		{"{if: other > 5, then: high, else: low}", "a text"},
		{"{ref: topic.id}", "int 7…8"},
		{"{ref: elsewhere.id}", "any value"},
	} {
		sc := parsed(t, "t.yaml", `scenario: t
topics: {t: {topic: t}, r: {topic: r}, e: {topic: e}}
producers:
  rows: {topic: r, key: id, rows: [{id: 7, name: a, price: 1.5}], more: {id: {int: [8, 8], unique: true}, name: {fake: city}, price: {decimal: [1, 300]}}}
  topic: {topic: r, read: true}
  elsewhere: {topic: e, read: true}
  p:
    topic: t
    value:
      other: {int: [1, 9], keep: seen}
      x: `+tt.field+"\n")
		got, err := Shape(sc, "t")
		if err != nil {
			t.Errorf("%s: %v", tt.field, err)
		} else if text := shapeText(got.Fields[1].Type); text != tt.want {
			t.Errorf("%s: %s, want %s", tt.field, text, tt.want)
		}
	}
}

func TestShapeOfSeveralProducers(t *testing.T) {
	source := `scenario: t
topics: {t: {topic: t}, u: {topic: u}, n: {topic: n}}
producers:
  a: {topic: t, key: id, value: {id: {int: [1, 9]}, x: {one_of: [a, b]}}}
  b: {topic: {by: id, to: {"7": t}, else: u}, key: {sequence: "{n}"}, value: {id: {int: [5, 99]}, y: 1}}
`
	got, err := Shape(parsed(t, "t.yaml", source), "t")
	if want := "{id: int 1…99, x?: enum a|b, y?: int 1…1}"; err != nil || shapeText(got) != want {
		t.Errorf("%s, %v; want %s", shapeText(got), err, want)
	}
	if _, err := Shape(parsed(t, "t.yaml", source), "n"); !errors.As(err, new(*NoShapeError)) {
		t.Errorf("of a topic that nothing writes: %v", err)
	}
	_, err = KeyShape(parsed(t, "t.yaml", source), "t")
	wrong := new(ShapeError)
	if !errors.As(err, &wrong) || err.Error() != `topic t is written by the producers "a" and "b", which differ: it is a whole number and a text` {
		t.Errorf("the keys: %v", err)
	}
	_, err = Shape(parsed(t, "t.yaml", strings.Replace(source, "y: 1", "x: 1", 1)), "t")
	if !errors.As(err, &wrong) || wrong.Pos.Line != 5 || !strings.Contains(err.Error(), "x is one of some texts and a whole number") {
		t.Errorf("%v", err)
	}
}
