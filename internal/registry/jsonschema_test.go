package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"inv/internal/registry/shape"
)

func jsonSchema(t testing.TB, text string, references ...Reference) *Schema {
	t.Helper()
	return compile(t, Source{Form: JSONSchema, Text: text, References: references})
}

func TestJSONSchema(t *testing.T) {
	const order = `{"$schema":"http://json-schema.org/draft-07/schema#","$id":"http://shop.example/order.json","title":"shop.Order","type":"object","required":["id"],
"properties":{"id":{"type":"string","minLength":1},"lines":{"type":"array","items":{"$ref":"line.json"}},"total":{"type":"number","multipleOf":0.01},
"status":{"enum":["NEW","PAID"]},"day":{"type":"string","format":"date"},"coupon":{"anyOf":[{"type":"null"},{"$ref":"#/definitions/coupon"}]},"code":{"type":"string","pattern":"^[A-Z]+$"}},
"additionalProperties":false,"definitions":{"coupon":{"type":"object","properties":{"percent":{"type":"integer","maximum":100}}}}}`
	sch := jsonSchema(t, order, Reference{Name: "line.json", Text: `{"type":"object","properties":{"quantity":{"type":"integer","minimum":1}},"required":["quantity"]}`})
	if sch.Name != "shop.Order" || sch.Index() != nil {
		t.Errorf("it is %q with index %x", sch.Name, sch.Index())
	}
	for _, c := range []struct{ json, want string }{ // want: the error, "": none
		{`{"id":"a"}`, ""},
		{`{"id":"a","lines":[{"quantity":1},{"quantity":2.0}],"total":79.99,"status":"NEW","day":"2026-05-01","coupon":null,"code":"AB"}`, ""},
		{`{"id":"a","coupon":{"percent":100}}`, ""},
		{`{`, "the payload is not JSON"},
		{`[]`, "[] is not of the type object"},
		{`{}`, "id: is missing, and the schema requires it"},
		{`{"id":""}`, "id: \"\" has fewer than 1 characters"},
		{`{"id":"a","x":1}`, "the schema has no property \"x\""},
		{`{"id":"a","lines":[{"quantity":1},{"quantity":0}]}`, "lines[1].quantity: 0 is less than the minimum 1"},
		{`{"id":"a","lines":[{"quantity":1.5}]}`, "lines[0].quantity: 1.5 is not of the type integer"},
		{`{"id":"a","total":1.005}`, "total: 1.005 is not a multiple of 0.01"},
		{`{"id":"a","status":"GONE"}`, "status: \"GONE\" is not one of \"NEW\",\"PAID\""},
		{`{"id":"a","day":"tomorrow"}`, "day: \"tomorrow\" is not of the format date"},
		{`{"id":"a","coupon":{"percent":101}}`, "coupon.percent: 101 is more than the maximum 100"},
		{`{"id":"a","coupon":5}`, "coupon: 5 fits none of the schemas in anyOf"},
		{`{"id":"a","code":"a"}`, "code: \"a\" does not match ^[A-Z]+$"},
		{`{"id":"a","total":1e1000}`, "the exponent of 1e1000 is out of the range of 400"},
	} {
		got, err := sch.Encode([]byte("x"), []byte(c.json))
		var v *ValueError
		if c.want == "" {
			if err != nil || string(got) != "x"+c.json {
				t.Errorf("%s: %s, %v", c.json, got, err)
			}
			continue
		}
		if !errors.As(err, &v) || err.Error() != c.want || string(got) != "x" {
			t.Errorf("%s: %v, want %s", c.json, err, c.want)
		}
	}
	got, err := sch.Encode(nil, []byte("\ufeff { \"id\" :\n \"a b\" } "))
	if err != nil || string(got) != `{"id":"a b"}` {
		t.Errorf("%s (%v)", got, err)
	}
	for _, style := range []Style{Display, Data} {
		if got, err := sch.Decode([]byte("x"), []byte(` {"any" : 1}`), style); err != nil || string(got) != `x{"any":1}` {
			t.Errorf("%s (%v)", got, err)
		}
		if got, err := sch.Decode([]byte("x"), []byte(`{`), style); err == nil || string(got) != "x" {
			t.Errorf("%s (%v)", got, err)
		}
	}
}

// Without $schema a schema is of draft-07, as registries take it.
func TestJSONSchemaDraft(t *testing.T) {
	for text, valid := range map[string]bool{
		`{"items":[{"type":"string"}]}`:       false,
		`{"prefixItems":[{"type":"string"}]}`: true, // an unknown word
		`{"$schema":"https://json-schema.org/draft/2020-12/schema","prefixItems":[{"type":"string"}]}`:        false,
		`{"$schema":"http://json-schema.org/draft-04/schema#","items":{"maximum":5,"exclusiveMaximum":true}}`: true,
	} {
		if _, err := jsonSchema(t, text).Encode(nil, []byte(`[1]`)); (err == nil) != valid {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// What a hostile schema asks for ends with an error. Nothing is loaded.
func TestJSONSchemaHostile(t *testing.T) {
	double := `{"definitions":{`
	for i := range 60 {
		double += fmt.Sprintf(`"d%d":{"allOf":[{"$ref":"#/definitions/d%d"},{"$ref":"#/definitions/d%d"}]},`, i, i+1, i+1)
	}
	double += `"d60":{}},"$ref":"#/definitions/d0"}`
	for _, c := range []struct{ text, says string }{
		{`{`, "the JSON Schema is not JSON"},
		{`{"type":5}`, "compiling the JSON Schema: type: "},
		{`{"$ref":"#"}`, "refers to itself"},
		{`{"allOf":[{"$ref":"#/definitions/a"}],"definitions":{"a":{"anyOf":[{"$ref":"#/definitions/a"},{}]}}}`, "refers to itself"},
		{double, "refers to itself, or to other schemas too often"},
		{`{"$ref":"http://127.0.0.1:1/x.json"}`, "http://127.0.0.1:1/x.json is not among the schema's references"},
		{`{"$ref":"file:///etc/passwd"}`, "file:///etc/passwd is not among the schema's references"},
		{`{"$ref":"x.json"}`, "x.json is not among the schema's references"},
		{`{"$schema":"http://127.0.0.1:1/meta"}`, "http://127.0.0.1:1/meta is not among"},
		{`{"pattern":"(?=a)"}`, "compiling the JSON Schema"},
		{`{"maximum":1e999999999}`, "the exponent of 1e999999999 is out of the range"},
		{strings.Repeat(`{"items":`, 500) + "{}" + strings.Repeat("}", 500), "nested too deeply"},
		{`{"properties":{` + strings.Repeat(`"a":{},`, 5) + manyProperties(maxTypes+1) + `}}`, "more than 10000 subschemas"},
	} {
		_, err := Compile(t.Context(), Source{Form: JSONSchema, Text: c.text})
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%.100s: %v, want %s", c.text, err, c.says)
		}
	}
	// Twice as many steps for each level of the value.
	sch := jsonSchema(t, `{"allOf":[{"items":{"$ref":"#"}},{"items":{"$ref":"#"}}]}`)
	if _, err := sch.Encode(nil, []byte(`[[[[1]]]]`)); err != nil {
		t.Error(err)
	}
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	if _, err := sch.Encode(nil, []byte(deep)); err == nil || err.Error() != errSteps.Error() {
		t.Errorf("error %v", err)
	}
	if _, err := sch.Encode(nil, []byte(`[[1]]`)); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	if _, err := sch.Encode(nil, []byte(strings.Repeat("[", 1002)+strings.Repeat("]", 1002))); err == nil || !strings.Contains(err.Error(), "nested too deeply") {
		t.Errorf("error %v", err)
	}
}

func manyProperties(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"p%d":{},`, i)
	}
	return strings.TrimSuffix(b.String(), ",")
}

func TestDeriveJSONSchema(t *testing.T) {
	whole := everyShape()
	whole.Fields = append(whole.Fields, fieldOf("anything", shape.Type{}), fieldOf("maybe_status", nullable(enumShape)), fieldOf("maybe_either", nullable(shape.Type{Kind: shape.Union, Of: []shape.Type{textShape, intShape}})))
	s, misfits := Derive(JSONSchema, "OrderEvents", "order_lifecycle", whole)
	if len(misfits) > 0 {
		t.Fatal(misfits)
	}
	golden(t, "derived.json", []byte(s.Text))
	sch := compile(t, s)
	if sch.Name != "order_lifecycle.OrderEvents" {
		t.Errorf("it is named %s", sch.Name)
	}
	if misfits := Fit(sch, whole); len(misfits) > 0 {
		t.Errorf("the shape does not fit its own schema: %v", misfits)
	}
	const value = `{"order_id":"o","paid":true,"quantity":2,"cents":9223372036854775807,"total":79.99,"weight":1.5,"status":"NEW","size":"10 cm","at":1625097600123,"at_us":8,"at_ns":9,"at_s":10,"day":"2026-05-01","coupon":null,"nothing":null,"items":[{"sku":"a","kind":"NEW"}],"tags":[null,"x"],"either":{"sku":"a","kind":"PAID"},"place":{"x":1,"y":null},"empty":{},"list":[1,2.5],"anything":[1],"maybe_status":null,"maybe_either":null}`
	if _, err := sch.Encode(nil, []byte(value)); err != nil {
		t.Error(err)
	}
	for part, with := range map[string]string{`"quantity":2`: `"quantity":101`, `"cents":9223372036854775807`: `"cents":-1`, `"status":"NEW"`: `"status":"OLD"`, `"paid":true,`: ``, `"anything":`: `"more":`} {
		if _, err := sch.Encode(nil, []byte(strings.Replace(value, part, with, 1))); err == nil {
			t.Errorf("%s for %s is valid", with, part)
		}
	}
	if _, misfits := Derive(JSONSchema, "Text", "", textShape); misfits != nil {
		t.Error(misfits)
	}
}

func TestFitJSONSchema(t *testing.T) {
	sch := jsonSchema(t, `{"type":"object","required":["must"],"additionalProperties":false,"patternProperties":{"^x_":{"type":"string"}},
"properties":{"must":true,"never":false,"small":{"type":"integer","minimum":0,"exclusiveMaximum":100},"text":{"type":"string"},"maybe":{"type":["string","null"]},
"status":{"enum":["NEW",null]},"code":{"type":"string","pattern":"^[A-Z]+$"},"list":{"type":"array","items":{"$ref":"#/definitions/line"}},
"either":{"oneOf":[{"type":"integer"},{"$ref":"#/definitions/line"}]},"both":{"allOf":[{"type":"number"},{"minimum":1}]}},
"definitions":{"line":{"type":"object","properties":{"quantity":{"type":"integer"}},"required":["quantity"]}}}`)
	must := fieldOf("must", textShape)
	for _, c := range []struct {
		f    shape.Field
		want string
	}{
		{fieldOf("small", shape.Type{Kind: shape.Int, High: 99}), ""},
		{fieldOf("small", shape.Type{Kind: shape.Int, High: 100}), "small: is from 0 to 100, and the schema wants less than 100"},
		{fieldOf("small", shape.Type{Kind: shape.Int, Low: -1}), "small: is from -1 to 0, and the schema wants at least 0"},
		{fieldOf("small", decimalShape), "small: is a decimal number, and the schema has integer"},
		{fieldOf("small", textShape), "small: is text, and the schema has integer"},
		{fieldOf("text", timeShape), "text: is a time in milliseconds, and the schema has string"},
		{fieldOf("text", shape.Type{Kind: shape.Date}), ""},
		{fieldOf("text", nullable(textShape)), "text: may be null, and the schema has string"},
		{fieldOf("maybe", nullable(textShape)), ""},
		{fieldOf("status", enumShape), `status: may be "PAID": "PAID" is not one of "NEW",null`},
		{fieldOf("status", nullable(shape.Type{Kind: shape.Enum, Symbols: []string{"NEW"}})), ""},
		{fieldOf("code", shape.Type{Kind: shape.Enum, Symbols: []string{"AB", "a"}}), `code: may be "a": "a" does not match ^[A-Z]+$`},
		{fieldOf("list", listOf(objectOf(fieldOf("quantity", textShape)))), "list[].quantity: is text, and the schema has integer"},
		{fieldOf("list", listOf(objectOf())), "list[].quantity: is never there, and the schema requires it"},
		{fieldOf("list", listOf(objectOf(shape.Field{Name: "quantity", Type: intShape, Optional: true}))), "list[].quantity: may be absent, and the schema requires it"},
		{fieldOf("either", shape.Type{Kind: shape.Union, Of: []shape.Type{intShape, objectOf(fieldOf("quantity", intShape))}}), ""},
		{fieldOf("either", shape.Type{Kind: shape.Union, Of: []shape.Type{intShape, objectOf(fieldOf("quantity", textShape))}}), "either.quantity: is text, and the schema has integer"},
		{fieldOf("both", intShape), ""},
		{fieldOf("both", shape.Type{Kind: shape.Int, High: 1}), "both: is from 0 to 1, and the schema wants at least 1"},
		{fieldOf("nope", textShape), "nope: the schema has no such property"},
		{fieldOf("x_any", textShape), ""},
		{fieldOf("x_any", intShape), "x_any: is a whole number, and the schema has string"},
		{fieldOf("never", textShape), "never: the schema has no value for it"},
	} {
		got := Fit(sch, objectOf(c.f, must))
		if c.want == "" && len(got) == 0 {
			continue
		}
		if len(got) != 1 || got[0].String() != c.want || got[0].Place.Line == 0 && !strings.Contains(c.want, "absent") {
			t.Errorf("%s: %v, want %s", c.f.Name, got, c.want)
		}
	}
	if got := Fit(sch, objectOf()); len(got) != 1 || got[0].String() != "must: is never there, and the schema requires it" {
		t.Errorf("%v", got)
	}
}

func TestDiffJSONSchema(t *testing.T) {
	before := jsonSchema(t, `{"title":"a","type":"object","required":["id","gone"],"properties":{"id":{"type":"string"},"gone":{"type":"integer"},"quantity":{"type":"integer","maximum":5},
"lines":{"type":"array","items":{"properties":{"n":{"type":"integer"}}}}}}`)
	after := jsonSchema(t, `{"title":"b","type":"object","required":["id","quantity"],"additionalProperties":false,"properties":{"id":{"type":"string","description":"new"},"quantity":{"type":"number","minimum":1},
"lines":{"type":"array","items":{"properties":{"n":{"type":["integer","null"]}}}},"more":{"type":"string"}}}`)
	want := []string{
		"additionalProperties false added",
		"gone: removed, integer",
		"lines[].n: type from integer to [\"integer\",\"null\"]",
		"more: added, string",
		"quantity: maximum 5 removed",
		"quantity: minimum 1 added",
		"quantity: type from integer to number",
		"gone: no longer required",
		"quantity: required",
	}
	if got := Diff(before, after); !slices.Equal(got, want) {
		t.Errorf("%s\nwant %s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := Diff(before, before); got != nil {
		t.Errorf("%q", got)
	}
}

// No schema and no value is more than an error.
func FuzzJSONSchema(f *testing.F) {
	f.Add([]byte(`{"type":"object","properties":{"a":{"$ref":"#/definitions/b"}},"definitions":{"b":{"type":["string","null"],"pattern":"a+"}}}`), []byte(`{"a":"b"}`))
	f.Add([]byte(`{"allOf":[{"items":{"$ref":"#"}},{"items":{"$ref":"#"}}]}`), []byte(`[[[1,2,3]]]`))
	f.Add([]byte(`{"$id":"http://a/b","anyOf":[{"minimum":1e3},{"enum":[null,{"a":1.5}]}],"unevaluatedProperties":false}`), []byte(`{"a":1.50}`))
	f.Fuzz(func(t *testing.T, schema, value []byte) {
		sch, err := Compile(t.Context(), Source{Form: JSONSchema, Text: string(schema)})
		if err != nil {
			return
		}
		out, err := sch.Encode(nil, value)
		if err == nil && !json.Valid(out) {
			t.Errorf("%q became %q", value, out)
		}
		if again, err := sch.Encode(nil, out); err == nil && string(again) != string(out) {
			t.Errorf("%q became %q", out, again)
		}
		Fit(sch, objectOf(fieldOf("a", enumShape)))
	})
}
