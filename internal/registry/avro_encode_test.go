package registry

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
)

func compiled(t testing.TB, schema string, references ...Reference) *Schema {
	t.Helper()
	s, err := Compile(t.Context(), Source{Form: Avro, Text: schema, References: references})
	if err != nil {
		t.Fatalf("%s: %v", schema, err)
	}
	return s
}

const benchSchema = `{"type":"record","name":"Order","namespace":"shop","fields":[
	{"name":"order_id","type":{"type":"string","logicalType":"uuid"}},
	{"name":"customer","type":"string"},
	{"name":"status","type":{"type":"enum","name":"Status","symbols":["NEW","PAID","SHIPPED"]}},
	{"name":"total","type":{"type":"bytes","logicalType":"decimal","precision":12,"scale":2}},
	{"name":"note","type":["null","string"],"default":null},
	{"name":"coupon","type":["null","string"],"default":null},
	{"name":"day","type":{"type":"int","logicalType":"date"}},
	{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
	{"name":"weight","type":"double"},
	{"name":"items","type":{"type":"array","items":{"type":"record","name":"Item","fields":[
		{"name":"sku","type":"string"},{"name":"quantity","type":"int"},
		{"name":"price","type":{"type":"bytes","logicalType":"decimal","precision":12,"scale":2}}]}}}]}`

const benchOrder = `{"order_id":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","customer":"customer-000017","status":"PAID","total":1234.50,"note":"ring twice","day":"2026-05-01","at":1777636800007,"weight":12.25,"items":[{"sku":"SKU-00017","quantity":3,"price":19.99},{"sku":"SKU-01234","quantity":1,"price":1174.53},{"sku":"SKU-00001","quantity":12,"price":0.50}]}`

// The values that stand for others, and what they come back as.
func TestEncodeAccepts(t *testing.T) {
	field := func(typ, more string) string {
		return `{"type":"record","name":"R","fields":[{"name":"a","type":` + typ + more + `},{"name":"b","type":"int","default":7}]}`
	}
	decimal := `{"type":"bytes","logicalType":"decimal","precision":5,"scale":2}`
	logical := func(kind, name string) string { return `{"type":"` + kind + `","logicalType":"` + name + `"}` }
	duration := `{"type":"fixed","name":"D","size":12,"logicalType":"duration"}`
	for _, c := range []struct{ schema, json, want string }{
		{`"int"`, `1e3`, `1000`}, {`"int"`, `2.0`, `2`}, {`"int"`, `-0`, `0`}, {`"int"`, `2147483647`, `2147483647`}, {`"int"`, `-2147483648`, `-2147483648`},
		{`"long"`, `9223372036854775807`, `9223372036854775807`}, {`"long"`, `-9223372036854775808`, `-9223372036854775808`},
		{`"long"`, `9007199254740993.0`, `9007199254740993`}, {`"long"`, `0.12e2`, `12`}, {`"long"`, `0e99999999999`, `0`}, {`"long"`, `1200e-2`, `12`},
		{`"double"`, `"NaN"`, `"NaN"`}, {`"float"`, `"-Infinity"`, `"-Infinity"`}, {`"double"`, `1`, `1`}, {`"double"`, `-0`, `-0`}, {`"float"`, `0.1`, `0.1`},
		{decimal, `1`, `1.00`}, {decimal, `"12.5"`, `12.50`}, {decimal, `1.5000`, `1.50`}, {decimal, `-999.99`, `-999.99`}, {decimal, `1e2`, `100.00`}, {decimal, `-0.0`, `0.00`}, {decimal, `25e-1`, `2.50`},
		{logical("bytes", "big-decimal"), `1.50`, `1.50`}, {logical("bytes", "big-decimal"), `"1e3"`, `1e3`}, {logical("bytes", "big-decimal"), `0.00`, `0.00`}, {logical("bytes", "big-decimal"), `-120`, `-120`},
		{`"bytes"`, `"\u00ffA\n"`, `"` + "ÿ" + `A\n"`},
		{logical("long", "timestamp-millis"), `"2026-05-01T12:00:00.007Z"`, `1777636800007`}, {logical("long", "timestamp-millis"), `"2026-05-01T14:00:00+02:00"`, `1777636800000`}, {logical("long", "timestamp-millis"), `1777636800007.0`, `1777636800007`},
		{logical("long", "timestamp-micros"), `"1969-12-31T23:59:59.999999Z"`, `-1`}, {logical("long", "timestamp-nanos"), `"1970-01-01T00:00:00.000000007Z"`, `7`},
		{logical("long", "timestamp-millis"), `"1970-01-01T00:00:00.007000000000Z"`, `7`},
		{logical("long", "local-timestamp-millis"), `"1970-01-01T00:00:01.5"`, `1500`},
		{logical("int", "date"), `20574`, `"2026-05-01"`}, {logical("int", "date"), `-1`, `"1969-12-31"`}, {logical("int", "date"), `"12026-05-01"`, `"12026-05-01"`}, {logical("int", "date"), `"-0044-03-15"`, `"-0044-03-15"`}, {logical("int", "date"), `2147483647`, `"5881580-07-11"`}, {logical("int", "date"), `"5881580-07-11"`, `"5881580-07-11"`},
		{logical("int", "time-millis"), `5`, `"00:00:00.005"`}, {logical("int", "time-millis"), `"23:59:59"`, `"23:59:59.000"`}, {logical("int", "time-millis"), `"23:59:59.1200"`, `"23:59:59.120"`},
		{logical("long", "time-micros"), `"00:00:00.000001"`, `"00:00:00.000001"`},
		{duration, `"P1Y2M3W4DT5H6M7.008S"`, `"P14M25DT18367.008S"`}, {duration, `"PT0S"`, `"PT0S"`}, {duration, `"P4294967295D"`, `"P4294967295D"`}, {duration, `"PT4294967.295S"`, `"PT4294967.295S"`},
		{`{"type":"fixed","name":"U","size":16,"logicalType":"uuid"}`, `"6BA7B810-9dad-11d1-80b4-00c04fd430c8"`, `"6ba7b810-9dad-11d1-80b4-00c04fd430c8"`},
		{`"string"`, `"\ud83d\ude00\u00e9"`, `"` + "😀é" + `"`}, {`"string"`, "\"\xff\"", "\"\ufffd\""},
		{`["null","int"]`, ` null `, `null`}, {`["int","long"]`, `5000000000`, `5000000000`}, {`["int","double","string"]`, `1.5`, `1.5`}, {`["double","string"]`, `"x"`, `"x"`},
		{`["null",` + logical("long", "timestamp-millis") + `,"boolean"]`, `"2026-05-01T12:00:00Z"`, `1777636800000`}, {`["null",` + logical("long", "timestamp-millis") + `,"string"]`, `"2026-05-01T12:00:00Z"`, `"2026-05-01T12:00:00Z"`}, {`[` + logical("int", "date") + `,"long"]`, `7`, `7`}, {`[` + logical("int", "date") + `,"long"]`, `"2026-05-01"`, `"2026-05-01"`}, {`[` + decimal + `,"string"]`, `"12"`, `"12"`}, {`[` + decimal + `,"string"]`, `12`, `12.00`}, {`["null",` + logical("long", "timestamp-millis") + `,"string"]`, `"soon"`, `"soon"`},
		{`[{"type":"record","name":"A","fields":[{"name":"x","type":"int"}]},{"type":"record","name":"B","fields":[{"name":"x","type":"string"},{"name":"y","type":["null","int"]}]},{"type":"map","values":"int"}]`, `{"x":"s"}`, `{"x":"s","y":null}`},
		{`[{"type":"record","name":"A","fields":[{"name":"x","type":"int"}]},{"type":"map","values":"int"}]`, `{"z":1,"x":2}`, `{"z":1,"x":2}`},
		{field(`"int"`, `,"default":3`), `{}`, `{"a":3,"b":7}`}, {field(`"int"`, ``), `{"b":1,"a":2}`, `{"a":2,"b":1}`}, {field(`"int"`, ``), `{"a":1,"b":1,"a":2}`, `{"a":2,"b":1}`},
		{field(`["null","int"]`, ``), `{"b":1}`, `{"a":null,"b":1}`}, {field(`["int","null"]`, ``), `{}`, `{"a":null,"b":7}`}, {field(`"null"`, ``), `{}`, `{"a":null,"b":7}`},
		{field(decimal, `,"default":"\u0001"`), `{}`, `{"a":0.01,"b":7}`}, {field(`{"type":"enum","name":"E","symbols":["X","Y"]}`, `,"default":"Y"`), `{}`, `{"a":"Y","b":7}`},
		{field(`{"type":"array","items":["int","string"]}`, `,"default":[1,"s"]`), `{}`, `{"a":[1,"s"],"b":7}`}, {field(`{"type":"map","values":"int"}`, `,"default":{"k":1}`), `{}`, `{"a":{"k":1},"b":7}`},
		{field(`{"type":"record","name":"N","fields":[{"name":"p","type":"int"},{"name":"q","type":"boolean","default":true}]}`, `,"default":{"p":1}`), `{}`, `{"a":{"p":1,"q":true},"b":7}`},
		{field(`["string","null"]`, `,"default":"d"`), `{"a":null}`, `{"a":null,"b":7}`}, {field(`["string","null"]`, `,"default":"d"`), `{}`, `{"a":"d","b":7}`},
		{field(`"double"`, `,"default":1.5`), `{}`, `{"a":1.5,"b":7}`}, {field(`"bytes"`, `,"default":"\u00ff"`), `{}`, `{"a":"ÿ","b":7}`}, {field(`{"type":"fixed","name":"F","size":1}`, `,"default":"f"`), `{}`, `{"a":"f","b":7}`},
	} {
		s := compiled(t, c.schema)
		b, err := s.Encode(nil, []byte(c.json))
		if err != nil {
			t.Errorf("%s of %s: %v", c.schema, c.json, err)
			continue
		}
		if got, err := s.Decode(nil, b, Data); err != nil || string(got) != c.want {
			t.Errorf("%s of %s: %s (%v), want %s", c.schema, c.json, got, err, c.want)
		}
	}
}

// What does not fit is refused, with the place and the reason.
func TestEncodeRefuses(t *testing.T) {
	decimal := `{"type":"bytes","logicalType":"decimal","precision":5,"scale":2}`
	logical := func(kind, name string) string { return `{"type":"` + kind + `","logicalType":"` + name + `"}` }
	duration := `{"type":"fixed","name":"D","size":12,"logicalType":"duration"}`
	order := `{"type":"record","name":"Order","fields":[{"name":"id","type":"string"},{"name":"items","type":{"type":"array","items":{"type":"record","name":"Item","fields":[{"name":"quantity","type":"int"},{"name":"prices","type":{"type":"map","values":` + decimal + `},"default":{}}]}}}]}`
	for _, c := range []struct{ schema, json, path, text string }{
		{`"int"`, `1.5`, "", "1.5 is not a whole number, and the schema wants int"}, {`"int"`, `2147483648`, "", "2147483648 is out of the range of int"}, {`"int"`, `"1"`, "", `the schema wants int, not "1"`},
		{`"long"`, `9223372036854775808`, "", "out of the range of long"}, {`"long"`, `-9223372036854775809`, "", "out of the range"}, {`"long"`, `1e400`, "", "out of the range"}, {`"long"`, `1e-400`, "", "not a whole number"}, {`"long"`, `1e99999999999999999999`, "", "out of the range"}, {`"long"`, `true`, "", "not true"},
		{`"double"`, `1e400`, "", "1e400 is out of the range of double"}, {`"float"`, `1e39`, "", "out of the range of float"}, {`"double"`, `"1"`, "", "wants double"}, {`"double"`, `"nan"`, "", "wants double"},
		{decimal, `1.005`, "", "1.005 has more than 2 decimals, those of decimal(5, 2)"}, {decimal, `1000`, "", "1000 has too many digits for decimal(5, 2)"}, {decimal, `1e9`, "", "too many digits"}, {decimal, `"1,5"`, "", "wants decimal"}, {decimal, `"NaN"`, "", "wants decimal"}, {decimal, `""`, "", "wants decimal"}, {decimal, `1e999999999999`, "", "too many digits"}, {decimal, `1e-999999999999`, "", "decimals"},
		{logical("bytes", "big-decimal"), `1e20000`, "", "more than 10000 digits"},
		{`"bytes"`, `"Ā"`, "", "beyond U+00FF"}, {`{"type":"fixed","name":"F","size":2}`, `"abc"`, "", `"abc" does not have the length of fixed(2)`},
		{`{"type":"enum","name":"E","symbols":["A"]}`, `"B"`, "", `"B" is no symbol of enum E`}, {`{"type":"enum","name":"E","symbols":["A"]}`, `0`, "", "wants enum E, not 0"},
		{logical("long", "timestamp-millis"), `"2026-05-01T12:00:00.0001Z"`, "", "finer"}, {logical("long", "timestamp-millis"), `"2026-05-01"`, "", "RFC 3339"}, {logical("long", "timestamp-millis"), `1.5`, "", "whole"}, {logical("long", "timestamp-nanos"), `"2526-05-01T12:00:00Z"`, "", "out of the range"}, {logical("long", "timestamp-nanos"), `"2026-05-01T12:00:00.0000000001Z"`, "", "finer"},
		{logical("long", "timestamp-millis"), `"2026-05-01T12:00:00,5Z"`, "", "RFC 3339"},
		{logical("long", "local-timestamp-millis"), `"2026-05-01T12:00:00Z"`, "", "without a zone"},
		{logical("int", "date"), `"2026-02-30"`, "", "not a date"}, {logical("int", "date"), `"2026-2-3"`, "", "not a date"}, {logical("int", "date"), `"9999999-01-01"`, "", "out of the range"}, {logical("int", "date"), `true`, "", "wants date"},
		{logical("int", "time-millis"), `86400000`, "", "out of the range of time-millis"}, {logical("int", "time-millis"), `-1`, "", "out of the range"}, {logical("int", "time-millis"), `"24:00:00"`, "", "time of day"}, {logical("int", "time-millis"), `"12:00:00.0001"`, "", "finer"}, {logical("int", "time-millis"), `"12:00:00."`, "", "time of day"},
		{duration, `"P"`, "", "ISO 8601"}, {duration, `"PT"`, "", "ISO 8601"}, {duration, `"P1D2M"`, "", "ISO 8601"}, {duration, `"P4294967296M"`, "", "out of the range"}, {duration, `"PT0.0001S"`, "", "finer"}, {duration, `"P1.5D"`, "", "ISO 8601"}, {duration, `"P1M1M"`, "", "ISO 8601"}, {duration, `"1D"`, "", "ISO 8601"}, {duration, `"P1DT1M1H"`, "", "ISO 8601"}, {duration, `"P-1D"`, "", "ISO 8601"}, {duration, `"PT4294967.296S"`, "", "out of the range"},
		{logical("string", "uuid"), `"x"`, "", "not a UUID"}, {logical("string", "uuid"), `"6ba7b810-9dad-11d1-80b4-00c04fd430cg"`, "", "not a UUID"},
		{`["null","string"]`, `1`, "", "the schema wants union [null, string], not 1"}, {`["int","long"]`, `1.5`, "", "union [int, long]"}, {`"null"`, `0`, "", "wants null"}, {`"boolean"`, `"true"`, "", "wants boolean"},
		{order, `{"id":"a","items":[{"quantity":1},{"quantity":1.5}]}`, "items[1].quantity", "1.5 is not a whole"}, {order, `{"items":[]}`, "id", "is missing"}, {order, `{"id":"a","items":[{"quantity":1,"prices":{"E.UR":1.005}}]}`, `items[0].prices."E.UR"`, "decimals"},
		{order, `{"id":"a","items":[],"note":1}`, "note", "no such field"}, {order, `{"id":"a","items":[{"quantity":1,"q\u202e":1}]}`, `items[0]."q\u202e"`, "no such field"}, {order, `{"id":"a","items":{}}`, "items", "the schema wants array of record Item, not an object"}, {order, `[]`, "", "wants record Order, not a list"},
		{order, ``, "", "not valid JSON"}, {order, `{"id":"a","items":[]`, "", "not valid JSON"}, {order, `{"id":"a","items":[]}}`, "", "not valid JSON"}, {order, `{"id":"a",,"items":[]}`, "", "not valid JSON"}, {`"int"`, `01`, "", "not valid JSON"}, {`"int"`, `-`, "", "not valid JSON"}, {`"string"`, "\"\x01\"", "", "not valid JSON"}, {`"null"`, `nul`, "", "not valid JSON"}, {`{"type":"map","values":"int"}`, `{"a"}`, "", "not valid JSON"},
		{`[{"type":"record","name":"A","fields":[{"name":"x","type":"int"}]},{"type":"record","name":"B","fields":[{"name":"y","type":"int"}]}]`, `{"x":1.5}`, "x", "1.5 is not a whole"},
		{`[{"type":"record","name":"A","fields":[{"name":"x","type":"int"}]},{"type":"record","name":"B","fields":[{"name":"y","type":"int"}]}]`, `{"z":1.5}`, "", "the schema wants union [record A, record B], not an object"},
		{`"string"`, `1` + strings.Repeat("0", 100), "", "not 1" + strings.Repeat("0", 39) + "…"}, {`"int"`, `"` + strings.Repeat("é", 100) + `"`, "", "…"},
	} {
		got, err := compiled(t, c.schema).Encode([]byte("dst"), []byte(c.json))
		var value *ValueError
		if !errors.As(err, &value) || value.Path != c.path || !strings.Contains(value.Text, c.text) || string(got) != "dst" {
			t.Errorf("%s of %.100s: %q, %+v, want %s: %s", c.schema, c.json, got, err, c.path, c.text)
		}
	}
}

// What can't be written is refused when it is compiled, but read.
func TestCompileRefuses(t *testing.T) {
	deep := strings.Repeat(`{"type":"array","items":`, 101) + `"int"` + strings.Repeat("}", 101)
	var many strings.Builder
	many.WriteString(`{"type":"record","name":"R","fields":[`)
	for i := range 10_001 {
		fmt.Fprintf(&many, `{"name":"f%d","type":"int"},`, i)
	}
	for _, c := range []struct {
		schema, text string
		read         bool
	}{
		{`{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]}`, "L refers to itself at next", true},
		{`{"type":"record","name":"A","fields":[{"name":"b","type":{"type":"record","name":"B","fields":[{"name":"as","type":{"type":"array","items":"A"}}]}}]}`, "A refers to itself at b.as[]", true},
		{`{"type":"fixed","name":"F","size":1048577}`, "at most 1048576", true},
		{deep, "100 levels", true},
		{strings.TrimSuffix(many.String(), ",") + "]}", "10000 types", false},
		{`{"type":"record","name":"R","fields":[{"name":"a","type":"int","default":"x"}]}`, "", false},
		{`{`, "parsing the Avro schema", false},
	} {
		if _, err := Compile(t.Context(), Source{Form: Avro, Text: c.schema}); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%.100s: %v, want %s", c.schema, err, c.text)
		}
		if _, err := compileAvroReader(t.Context(), Source{Form: Avro, Text: c.schema}); (err == nil) != c.read {
			t.Errorf("%.100s for reading: %v", c.schema, err)
		}
	}
	if _, err := compiledReader(t, `{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]}`).Encode(nil, []byte(`{}`)); err == nil {
		t.Error("a recursive schema writes")
	}
}

func compiledReader(t testing.TB, schema string) *Schema {
	t.Helper()
	s, err := compileAvroReader(t.Context(), Source{Form: Avro, Text: schema})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A value with many ways to fit a union ends.
func TestUnionsOfUnions(t *testing.T) {
	schema := `"int"`
	for i := range 30 {
		schema = fmt.Sprintf(`[{"type":"record","name":"A%[1]d","fields":[{"name":"u","type":%[2]s},{"name":"z","type":"int"}]},{"type":"record","name":"B%[1]d","fields":[{"name":"u","type":[%[3]s"int"]},{"name":"z","type":"string"}]}]`,
			i, schema, map[bool]string{true: "", false: fmt.Sprintf(`"A%d","B%d",`, i-1, i-1)}[i == 0])
	}
	text := `1`
	for range 30 {
		text = `{"u":` + text + `,"z":"s"}`
	}
	if _, err := compiled(t, schema).Encode(nil, []byte(text)); err == nil || !strings.Contains(err.Error(), "fewer branches") {
		t.Errorf("%v", err)
	}
}

// Neither direction allocates anything for an order.
func TestAvroAllocates(t *testing.T) {
	if RaceEnabled {
		t.Skip("the race detector empties pools")
	}
	s := compiled(t, benchSchema)
	payload, err := s.Encode(nil, []byte(benchOrder))
	if err != nil {
		t.Fatal(err)
	}
	resolved, err := s.Resolved(s)
	if err != nil {
		t.Fatal(err)
	}
	room, order := make([]byte, 0, 4096), []byte(benchOrder)
	disorder := []byte(strings.Replace(benchOrder, `"order_id":"6ba7b810-9dad-11d1-80b4-00c04fd430c8",`, "", 1))
	disorder = append(disorder[:len(disorder)-1], `,"order_id":"6ba7b810-9dad-11d1-80b4-00c04fd430c8"}`...)
	either := compiled(t, `{"type":"array","items":["null",{"type":"int","logicalType":"date"},"long",{"type":"enum","name":"E","symbols":["A"]},{"type":"bytes","logicalType":"decimal","precision":4,"scale":1},"double","string"]}`)
	values := []byte(`["2026-05-01","soon","A",5000000000,1.5,1.25,7,"x"]`)
	for name, call := range map[string]func() error{
		"Encode of a union":      func() error { _, err := either.Encode(room, values); return err },
		"Encode":                 func() error { _, err := s.Encode(room, order); return err },
		"Encode in disorder":     func() error { _, err := s.Encode(room, disorder); return err },
		"Decode, Data":           func() error { _, err := s.Decode(room, payload, Data); return err },
		"Decode, Display":        func() error { _, err := s.Decode(room, payload, Display); return err },
		"Decode as another type": func() error { _, err := resolved(room, payload); return err },
	} {
		n := testing.AllocsPerRun(1000, func() {
			if err := call(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		})
		if n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

// A schema is used by many at once.
func TestAvroConcurrently(t *testing.T) {
	s := compiled(t, benchSchema)
	want, err := s.Encode(nil, []byte(benchOrder))
	if err != nil {
		t.Fatal(err)
	}
	text, err := s.Decode(nil, want, Data)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 3))
			for range 200 {
				got, err := s.Encode(nil, []byte(shuffle(t, r, benchOrder)))
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%x (%v), want %x", got, err, want)
					return
				}
				if back, err := s.Decode(nil, got, Data); err != nil || !bytes.Equal(back, text) {
					t.Errorf("%s (%v), want %s", back, err, text)
					return
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkAvroEncode(b *testing.B) {
	s := compiled(b, benchSchema)
	dst, order := make([]byte, 0, 4096), []byte(benchOrder)
	b.SetBytes(int64(len(order)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Encode(dst, order); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAvroDecode(b *testing.B) {
	s := compiled(b, benchSchema)
	payload, err := s.Encode(nil, []byte(benchOrder))
	if err != nil {
		b.Fatal(err)
	}
	dst := make([]byte, 0, 4096)
	b.SetBytes(int64(len(benchOrder)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Decode(dst, payload, Data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAvroDisplay(b *testing.B) {
	s := compiled(b, benchSchema)
	payload, err := s.Encode(nil, []byte(benchOrder))
	if err != nil {
		b.Fatal(err)
	}
	decode := owned(s.decode[Display])
	b.SetBytes(int64(len(benchOrder)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decode(payload); err != nil {
			b.Fatal(err)
		}
	}
}
