package registry

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"inv/internal/registry/shape"

	"github.com/twmb/avro"
)

func objectOf(fields ...shape.Field) shape.Type {
	return shape.Type{Kind: shape.Object, Fields: fields}
}

func fieldOf(name string, t shape.Type) shape.Field {
	return shape.Field{Name: name, Type: t, Place: shape.Place{Line: len(name), Column: 3}}
}

var (
	textShape    = shape.Type{Kind: shape.Text}
	intShape     = shape.Type{Kind: shape.Int, Low: 1, High: 100}
	longShape    = shape.Type{Kind: shape.Int, High: math.MaxInt64}
	decimalShape = shape.Type{Kind: shape.Decimal, Precision: 9, Scale: 2}
	timeShape    = shape.Type{Kind: shape.Time, Unit: time.Millisecond}
	enumShape    = shape.Type{Kind: shape.Enum, Symbols: []string{"NEW", "PAID"}}
)

func listOf(t shape.Type) shape.Type { return shape.Type{Kind: shape.List, Elem: &t} }

func nullable(t shape.Type) shape.Type { t.Nullable = true; return t }

func everyShape() shape.Type {
	item := objectOf(fieldOf("sku", textShape), fieldOf("kind", enumShape))
	with := func(f shape.Field, change func(f *shape.Field)) shape.Field { change(&f); return f }
	byDefault := func(value string) func(f *shape.Field) { return func(f *shape.Field) { f.Default = value } }
	return objectOf(
		with(fieldOf("order_id", textShape), func(f *shape.Field) { f.About, f.Aliases = "the \"key\"", []string{"id", "number"} }),
		fieldOf("paid", shape.Type{Kind: shape.Bool}),
		with(fieldOf("quantity", intShape), byDefault("1")),
		fieldOf("cents", longShape),
		with(fieldOf("total", decimalShape), byDefault("12.5")),
		fieldOf("weight", shape.Type{Kind: shape.Float}),
		with(fieldOf("status", enumShape), byDefault(`"PAID"`)),
		fieldOf("size", shape.Type{Kind: shape.Enum, Symbols: []string{"10 cm", "20 cm"}}),
		fieldOf("at", timeShape),
		fieldOf("at_us", shape.Type{Kind: shape.Time, Unit: time.Microsecond}),
		fieldOf("at_ns", shape.Type{Kind: shape.Time, Unit: time.Nanosecond}),
		fieldOf("at_s", shape.Type{Kind: shape.Time, Unit: time.Second}),
		with(fieldOf("day", shape.Type{Kind: shape.Date}), byDefault(`"2026-05-01"`)),
		with(fieldOf("note", textShape), func(f *shape.Field) { f.Optional = true }),
		fieldOf("coupon", nullable(textShape)),
		with(fieldOf("channel", nullable(textShape)), byDefault(`"web"`)),
		fieldOf("nothing", shape.Type{Kind: shape.Null}),
		fieldOf("items", listOf(item)),
		fieldOf("tags", listOf(nullable(textShape))),
		with(fieldOf("either", shape.Type{Kind: shape.Union, Of: []shape.Type{intShape, textShape, item, textShape}}), byDefault(`"x"`)),
		with(fieldOf("place", objectOf(fieldOf("x", intShape), fieldOf("y", nullable(intShape)))), byDefault(`{"x":1,"y":null}`)),
		fieldOf("empty", objectOf()),
		with(fieldOf("list", listOf(decimalShape)), byDefault("[1, 2.5]")),
	)
}

func TestDeriveAvro(t *testing.T) {
	s, misfits := Derive(Avro, "OrderEvents", "order_lifecycle", everyShape())
	if len(misfits) > 0 {
		t.Fatal(misfits)
	}
	golden(t, "derived.avsc", []byte(s.Text))
	again, _ := Derive(Avro, "OrderEvents", "order_lifecycle", everyShape())
	if again.Text != s.Text {
		t.Error("the text is not stable")
	}
	sch, err := Compile(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if sch.Name != "order_lifecycle.OrderEvents" {
		t.Errorf("it is named %s", sch.Name)
	}
	if misfits := Fit(sch, everyShape()); len(misfits) > 0 {
		t.Errorf("the shape does not fit its own schema: %v", misfits)
	}
	item := `{"sku":"a","kind":"NEW"}`
	value := `{"order_id":"o","paid":true,"cents":5,"weight":1.5,"size":"10 cm","at":7,"at_us":8,"at_ns":9,"at_s":10,"nothing":null,"items":[` + item + `],"tags":[null,"t"],"either":` + item + `,"empty":{}}`
	b, err := sch.Encode(nil, []byte(value))
	if err != nil {
		t.Fatal(err)
	}
	got, err := sch.Decode(nil, b, Data)
	want := `{"order_id":"o","paid":true,"quantity":1,"cents":5,"total":12.50,"weight":1.5,"status":"PAID","size":"10 cm","at":7,"at_us":8,"at_ns":9,"at_s":10,"day":"2026-05-01","note":null,"coupon":null,"channel":"web","nothing":null,"items":[` + item + `],"tags":[null,"t"],"either":` + item + `,"place":{"x":1,"y":null},"empty":{},"list":[1.00,2.50]}`
	if err != nil || string(got) != want {
		t.Errorf("%s (%v)\nwant %s", got, err, want)
	}
}

func TestDeriveAvroRefuses(t *testing.T) {
	withDefault := fieldOf("total", decimalShape)
	withDefault.Default = "1.005"
	alias := fieldOf("b", textShape)
	alias.Aliases = []string{"old-b"}
	deep := textShape
	for range 101 {
		deep = listOf(objectOf(fieldOf("l", deep)))
	}
	for _, c := range []struct {
		name, namespace string
		t               shape.Type
		want            []string
	}{
		{"R", "n", objectOf(fieldOf("items", listOf(objectOf(fieldOf("any", shape.Type{}))))), []string{"items[].any: its type is not known"}},
		{"R", "n", objectOf(fieldOf("order-id", textShape), alias), []string{`order-id: "order-id" is no name in Avro`, `b: "old-b" is no name`}},
		{"R", "n", objectOf(withDefault), []string{"total: its default does not fit: 1.005 has more than 2 decimals"}},
		{"R", "n", objectOf(fieldOf("u", shape.Type{Kind: shape.Union, Of: []shape.Type{intShape, {Kind: shape.Date}}})), []string{`u: both "int" and {"type": "int", "logicalType": "date"} would be "int" in Avro`}},
		{"R", "n-1", objectOf(), []string{`"n-1" is no name`}},
		{"2R", "", objectOf(), []string{`"2R" is no name`}},
		{"R", "n", objectOf(fieldOf("a", textShape), fieldOf("a", textShape)), []string{`duplicate record field name "a"`}},
		{"R", "n", deep, []string{"nested more than 100 levels deep"}},
	} {
		_, misfits := Derive(Avro, c.name, c.namespace, c.t)
		if len(misfits) != len(c.want) {
			t.Errorf("%v, want %q", misfits, c.want)
			continue
		}
		for i, m := range misfits {
			if !strings.Contains(m.String(), c.want[i]) {
				t.Errorf("%s, want %s", m, c.want[i])
			}
			if m.Path != "" && strings.Count(m.Path, "l") == 0 && m.Place.Line == 0 {
				t.Errorf("%s has no place", m)
			}
		}
	}
	for _, c := range []struct {
		t    shape.Type
		want string
	}{
		{textShape, "\"string\"\n"}, {intShape, "\"int\"\n"}, {nullable(textShape), "[\"null\", \"string\"]\n"},
	} {
		if s, misfits := Derive(Avro, "Key", "", c.t); s.Text != c.want || misfits != nil {
			t.Errorf("%q %v, want %q", s.Text, misfits, c.want)
		}
	}
}

// Each type of a shape against types that hold its values and types that don't.
func TestFitAvro(t *testing.T) {
	logical := func(kind, name string) string { return `{"type":"` + kind + `","logicalType":"` + name + `"}` }
	decimal := func(p, s string) string {
		return `{"type":"bytes","logicalType":"decimal","precision":` + p + `,"scale":` + s + `}`
	}
	enum := `{"type":"enum","name":"E","symbols":["NEW","PAID"]}`
	for _, c := range []struct {
		t     shape.Type
		typ   string
		wrong string // "": it fits
	}{
		{shape.Type{Kind: shape.Bool}, `"boolean"`, ""}, {shape.Type{Kind: shape.Bool}, `"string"`, "it is true or false, and the schema has string"},
		{intShape, `"int"`, ""}, {intShape, `"long"`, ""}, {intShape, `"double"`, ""}, {intShape, `"float"`, ""}, {intShape, decimal("3", "0"), ""}, {intShape, logical("int", "date"), ""},
		{longShape, `"int"`, "9223372036854775807 is out of the range of int"}, {longShape, `"double"`, "a double is exact up to 9007199254740992"}, {longShape, decimal("18", "0"), "too many digits"}, {intShape, `"string"`, "it is a whole number, and the schema has string"}, {intShape, logical("long", "timestamp-millis"), "timestamp-millis"}, {longShape, logical("int", "time-millis"), "out of the range"},
		{decimalShape, decimal("9", "2"), ""}, {decimalShape, decimal("20", "5"), ""}, {decimalShape, `"double"`, ""}, {decimalShape, logical("bytes", "big-decimal"), ""},
		{decimalShape, decimal("9", "1"), "it has 2 decimals, and the schema's decimal(9, 1) has 1"}, {decimalShape, decimal("9", "3"), "it has 7 digits before the point, and the schema's decimal(9, 3) has 6"}, {decimalShape, `"float"`, "exact up to 6"}, {decimalShape, `"long"`, "it is a decimal number"}, {decimalShape, `"string"`, "it is a decimal number"},
		{shape.Type{Kind: shape.Decimal, Precision: 9}, `"long"`, ""}, {shape.Type{Kind: shape.Decimal, Precision: 10}, `"int"`, "exact up to 9"},
		{shape.Type{Kind: shape.Float}, `"double"`, ""}, {shape.Type{Kind: shape.Float}, decimal("9", "2"), "it is a number, and"},
		{textShape, `"string"`, ""}, {textShape, `"bytes"`, ""}, {textShape, logical("long", "timestamp-millis"), ""}, {textShape, enum, ""}, {textShape, `"double"`, "it is text"}, {textShape, `"int"`, "it is text"},
		{enumShape, enum, ""}, {enumShape, `"string"`, ""}, {enumShape, `{"type":"enum","name":"E","symbols":["NEW"]}`, "the schema's enum E does not have PAID"}, {enumShape, `"int"`, "it is one of NEW, PAID"}, {enumShape, logical("int", "date"), "does not have NEW, PAID"},
		{timeShape, logical("long", "timestamp-millis"), ""}, {timeShape, logical("long", "local-timestamp-millis"), ""}, {timeShape, `"long"`, ""}, {timeShape, `"double"`, ""}, {timeShape, logical("long", "timestamp-micros"), "it is a time in milliseconds, and the schema has timestamp-micros"}, {timeShape, `"int"`, "milliseconds"}, {timeShape, `"string"`, "milliseconds"}, {timeShape, logical("int", "date"), "milliseconds"},
		{shape.Type{Kind: shape.Time, Unit: time.Second}, `"int"`, ""},
		{shape.Type{Kind: shape.Date}, logical("int", "date"), ""}, {shape.Type{Kind: shape.Date}, `"string"`, ""}, {shape.Type{Kind: shape.Date}, logical("long", "timestamp-millis"), "it is a date"},
		{nullable(textShape), `["null","string"]`, ""}, {nullable(textShape), `"string"`, "it may be null, and the schema has string"}, {textShape, `["null","string"]`, ""}, {longShape, `["null","int"]`, "out of the range of int"}, {longShape, `["int","long"]`, ""}, {textShape, `["int","boolean"]`, "it is text, and the schema has union [int, boolean]"},
		{shape.Type{Kind: shape.Null}, `["string","null"]`, ""}, {shape.Type{Kind: shape.Null}, `"null"`, ""}, {shape.Type{Kind: shape.Null}, `"string"`, "it is null"}, {shape.Type{}, `"int"`, ""},
		{shape.Type{Kind: shape.Union, Of: []shape.Type{intShape, textShape}}, `["int","string"]`, ""}, {shape.Type{Kind: shape.Union, Of: []shape.Type{intShape, textShape}}, `"int"`, "it is text"},
		{listOf(intShape), `{"type":"array","items":"int"}`, ""}, {listOf(intShape), `{"type":"map","values":"int"}`, "it is a list, and the schema has map of int"}, {objectOf(fieldOf("a", intShape)), `{"type":"map","values":"int"}`, ""}, {objectOf(fieldOf("a", intShape)), `"string"`, "it is an object"},
	} {
		sch := compiled(t, `{"type":"record","name":"R","fields":[{"name":"field","type":`+c.typ+`}]}`)
		misfits := Fit(sch, objectOf(fieldOf("field", c.t)))
		if c.wrong == "" && len(misfits) > 0 || c.wrong != "" && (len(misfits) != 1 || misfits[0].Path != "field" || !strings.Contains(misfits[0].Text, c.wrong) || misfits[0].Place.Line == 0) {
			t.Errorf("%+v in %s: %v, want %s", c.t, c.typ, misfits, c.wrong)
		}
	}
}

func TestFitAvroFields(t *testing.T) {
	sch := compiled(t, `{"type":"record","name":"Order","fields":[{"name":"id","type":"string"},{"name":"more","type":"int"},{"name":"note","type":"string"},{"name":"extra","type":"int","default":1},{"name":"maybe","type":["null","int"]},
		{"name":"items","type":{"type":"array","items":{"type":"record","name":"Item","fields":[{"name":"quantity","type":"int"}]}}}]}`)
	note := fieldOf("note", textShape)
	note.Optional = true
	misfits := Fit(sch, objectOf(fieldOf("id", textShape), note, fieldOf("items", listOf(objectOf(fieldOf("quantity", longShape), fieldOf("sku", textShape))))))
	var got []string
	for _, m := range misfits {
		got = append(got, m.String())
	}
	want := []string{
		"note: it may be absent, and the schema has neither a default nor null for it",
		"items[].quantity: 9223372036854775807 is out of the range of int",
		"items[].sku: the schema's record Item has no such field",
		"more: the schema wants it, int without a default, and it is never there",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

func TestDiffAvro(t *testing.T) {
	before := compiled(t, `{"type":"record","name":"Order","namespace":"shop","fields":[
		{"name":"id","type":"string"},{"name":"qty","type":"int"},{"name":"note","type":["null","string"],"default":null},{"name":"status","type":{"type":"enum","name":"S","symbols":["NEW","OLD"]}},
		{"name":"total","type":"double"},{"name":"at","type":"long"},{"name":"either","type":["int","string"]},{"name":"same","type":["null","int"],"default":null},{"name":"channel","type":"string","default":"web"},
		{"name":"items","type":{"type":"array","items":{"type":"record","name":"Item","fields":[{"name":"sku","type":"string"},{"name":"price","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}}]}}}]}`)
	after := compiled(t, `{"type":"record","name":"Orders","namespace":"shop","fields":[
		{"name":"id","type":["null","string"]},{"name":"quantity","type":"long","aliases":["qty"]},{"name":"status","type":{"type":"enum","name":"S","symbols":["NEW","PAID"],"default":"NEW"}},
		{"name":"total","type":"double"},{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"either","type":["int","string","boolean"]},{"name":"same","type":["null","long"],"default":null},{"name":"channel","type":"string","default":"shop"},
		{"name":"items","type":{"type":"array","items":{"type":"record","name":"Item","fields":[{"name":"sku","type":"string"},{"name":"price","type":{"type":"bytes","logicalType":"decimal","precision":12,"scale":2}},{"name":"tax","type":"int","default":19},{"name":"code","type":"int"}]}}}]}`)
	got := Diff(before, after)
	want := []string{
		"record renamed from shop.Order to shop.Orders, without an alias",
		"note: removed",
		"id: type from string to union [null, string]",
		"quantity: renamed from qty by alias",
		"quantity: type from int to long",
		"status: symbols added: PAID",
		"status: symbols removed: OLD",
		"status: default from none to NEW",
		"at: type from long to timestamp-millis",
		"either: type from union [int, string] to union [int, string, boolean]",
		"same: type from int to long",
		`channel: default from "web" to "shop"`,
		"items[].price: type from decimal(9, 2) to decimal(12, 2)",
		"items[].tax: added, with the default 19",
		"items[].code: added, without a default",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\nwant %s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := Diff(before, before); got != nil {
		t.Errorf("no change is %q", got)
	}
	list := func(typ string) *Schema {
		return compiledReader(t, `{"type":"record","name":"L","fields":[{"name":"v","type":`+typ+`},{"name":"next","type":["null","L"]}]}`)
	}
	if got := Diff(list(`"int"`), list(`"long"`)); !slices.Equal(got, []string{"v: type from int to long"}) {
		t.Errorf("of recursive schemas: %q", got)
	}
}

// Version 2 adds a field with a default, renames one by alias and widens numbers: records
// of version 1 are read as it describes them, and other readers may do so, too.
func TestEvolvedAvro(t *testing.T) {
	derived := func(s shape.Type) *Schema {
		source, misfits := Derive(Avro, "Orders", "shop", s)
		if len(misfits) > 0 {
			t.Fatal(misfits)
		}
		return compiled(t, source.Text)
	}
	channel, quantity := fieldOf("channel", textShape), fieldOf("quantity", longShape)
	channel.Default, quantity.Aliases = `"web"`, []string{"qty"}
	before := derived(objectOf(fieldOf("id", textShape), fieldOf("qty", intShape), fieldOf("at", timeShape)))
	after := derived(objectOf(channel, fieldOf("id", textShape), quantity, fieldOf("at", timeShape)))
	want := []string{`channel: added, with the default "web"`, "quantity: renamed from qty by alias", "quantity: type from int to long"}
	if got := Diff(before, after); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	payload, err := before.Encode(nil, []byte(`{"id":"a","qty":3,"at":7}`))
	if err != nil {
		t.Fatal(err)
	}
	decode, err := before.Resolved(after)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := decode(nil, payload); err != nil || string(got) != `{"channel":"web","id":"a","quantity":3,"at":7}` {
		t.Errorf("%s (%v)", got, err)
	}
	if err := avro.CheckCompatibility(avro.MustParse(before.Text), avro.MustParse(after.Text)); err != nil {
		t.Error(err)
	}
	if _, err := after.Resolved(before); err == nil || !strings.Contains(err.Error(), "qty: the records don't have it") {
		t.Errorf("new records as old ones: %v", err)
	}
}

// A derived decimal has room for larger amounts than its field has now.
func TestDerivedPrecision(t *testing.T) {
	for digits, want := range map[int]int{1: 9, 5: 9, 9: 9, 10: 18, 18: 18, 19: 19, 38: 38} {
		of := shape.Type{Kind: shape.Object, Fields: []shape.Field{{Name: "price", Type: shape.Type{Kind: shape.Decimal, Precision: digits}}}}
		source, misfits := Derive(Avro, "Price", "shop", of)
		if part := fmt.Sprintf(`"precision": %d,`, want); len(misfits) > 0 || !strings.Contains(source.Text, part) {
			t.Errorf("%d digits: %v\n%s\nwant %s", digits, misfits, source.Text, part)
		}
	}
}
