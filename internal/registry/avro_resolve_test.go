package registry

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/avro"
)

func TestResolveAvro(t *testing.T) {
	record := func(fields string) string {
		return `{"type":"record","name":"R","namespace":"n","fields":[` + fields + `]}`
	}
	field := func(name, typ, more string) string { return `{"name":"` + name + `","type":` + typ + more + `}` }
	decimal := `{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}`
	for _, c := range []struct{ writer, json, reader, want string }{
		{`"int"`, `5`, `"long"`, `5`}, {`"int"`, `5`, `"float"`, `5`}, {`"int"`, `16777217`, `"double"`, `16777217`}, {`"long"`, `16777217`, `"float"`, `16777216`}, {`"float"`, `0.1`, `"double"`, `0.10000000149011612`},
		{`"string"`, `"é"`, `"bytes"`, `"Ã©"`}, {`"bytes"`, `"Ã©"`, `"string"`, `"é"`}, {`"long"`, `7`, `{"type":"long","logicalType":"timestamp-millis"}`, `7`}, {`"int"`, `1`, `{"type":"int","logicalType":"date"}`, `"1970-01-02"`}, {`{"type":"int","logicalType":"date"}`, `"1970-01-02"`, `"long"`, `1`},
		{`"int"`, `5`, `["null","string","long"]`, `5`}, {`["null","int"]`, `5`, `"long"`, `5`}, {`["null","int"]`, `null`, `["int","null"]`, `null`}, {`["int","string"]`, `"x"`, `["bytes","double"]`, `"x"`},
		{decimal, `1.50`, decimal, `1.50`}, {decimal, `-1.50`, `{"type":"bytes","logicalType":"decimal","precision":5,"scale":2}`, `-1.50`}, {decimal, `1.50`, `{"type":"bytes","logicalType":"decimal","precision":12,"scale":4}`, `1.5000`}, {`{"type":"bytes","logicalType":"decimal","precision":5}`, `-7`, decimal, `-7.00`},
		{`{"type":"long","logicalType":"timestamp-millis"}`, `7`, `{"type":"long","logicalType":"local-timestamp-millis"}`, `7`}, {decimal, `1.50`, `"bytes"`, `"\u0000\u0096"`},
		{`{"type":"array","items":"int"}`, `[1,2]`, `{"type":"array","items":"double"}`, `[1,2]`}, {`{"type":"map","values":"int"}`, `{"a":1}`, `{"type":"map","values":["null","long"]}`, `{"a":1}`},
		{`{"type":"enum","name":"E","symbols":["A","B"]}`, `"B"`, `{"type":"enum","name":"x.E","symbols":["B","A","C"]}`, `"B"`}, {`{"type":"enum","name":"E","symbols":["A","B"]}`, `"B"`, `{"type":"enum","name":"E","symbols":["A","U"],"default":"U"}`, `"U"`},
		// Fields that only one of them has, in the order of the reader.
		{record(field("a", `"int"`, "") + "," + field("b", `"string"`, "")), `{"a":1,"b":"x"}`, record(field("b", `"string"`, "") + "," + field("c", `"int"`, `,"default":9`)), `{"b":"x","c":9}`},
		{record(field("a", `"int"`, "") + "," + field("b", `"string"`, "")), `{"a":1,"b":"x"}`, record(field("c", decimal, `,"default":"\u0001"`) + "," + field("b", `"string"`, "") + "," + field("d", `{"type":"long","logicalType":"timestamp-millis"}`, `,"default":5`) + "," + field("a", `"long"`, "")), `{"c":0.01,"b":"x","d":5,"a":1}`},
		{record(field("qty", `"int"`, "")), `{"qty":3}`, record(field("quantity", `"long"`, `,"aliases":["qty","q"]`)), `{"quantity":3}`}, {record(field("qty", `"int"`, "") + "," + field("quantity", `"int"`, "")), `{"qty":3,"quantity":4}`, record(field("quantity", `"long"`, `,"aliases":["qty"]`)), `{"quantity":4}`},
		{record(field("a", `"int"`, "")), `{"a":1}`, `{"type":"record","name":"other.R","fields":[]}`, `{}`}, {record(field("a", `"int"`, "")), `{"a":1}`, `{"type":"record","name":"S","aliases":["n.R"],"fields":[{"name":"a","type":"int"}]}`, `{"a":1}`},
		{record(field("n", record2(`"int"`, `"string"`), "") + "," + field("z", `"int"`, "")), `{"n":{"x":1,"y":"s"},"z":2}`, record(field("z", `"int"`, "") + "," + field("n", record2y(`"string"`), "")), `{"z":2,"n":{"y":"s","x":1}}`},
		{`[` + record(field("a", `"int"`, "")) + `,"string"]`, `{"a":1}`, `["string",` + record(field("b", `"int"`, `,"default":2`)) + `]`, `{"b":2}`},
		{record(field("a", `["null","string","int"]`, "")), `{"a":"x"}`, record(field("a", `["null","string"]`, "")), `{"a":"x"}`},
	} {
		w := compiled(t, c.writer)
		payload, err := w.Encode(nil, []byte(c.json))
		if err != nil {
			t.Fatalf("%s: %v", c.writer, err)
		}
		decode, err := w.Resolved(compiled(t, c.reader))
		if err != nil {
			t.Errorf("%s as %s: %v", c.writer, c.reader, err)
			continue
		}
		got, err := decode([]byte("dst"), payload)
		if err != nil || string(got) != "dst"+c.want {
			t.Errorf("%s as %s: %s (%v), want %s", c.writer, c.reader, got, err, c.want)
		}
	}
}

func record2(x, y string) string {
	return `{"type":"record","name":"N","fields":[{"name":"x","type":` + x + `},{"name":"y","type":` + y + `}]}`
}

func record2y(y string) string {
	return `{"type":"record","name":"N","fields":[{"name":"y","type":` + y + `},{"name":"x","type":"int"}]}`
}

func TestResolveAvroRefuses(t *testing.T) {
	for _, c := range []struct{ writer, reader, wrong string }{
		{`"long"`, `"int"`, "long can't be read as int"}, {`"string"`, `"int"`, "can't be read"}, {`"double"`, `"float"`, "can't be read"}, {`["null","string"]`, `"int"`, "null can't be read as int"}, {`"int"`, `["null","string"]`, "int can't be read as union [null, string]"},
		{`{"type":"record","name":"R","fields":[]}`, `{"type":"record","name":"S","fields":[]}`, "record R can't be read as record S"}, {`{"type":"fixed","name":"F","size":2}`, `{"type":"fixed","name":"F","size":3}`, "fixed(2) can't be read as fixed(3)"},
		{`{"type":"bytes","logicalType":"decimal","precision":9,"scale":3}`, `{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}`, "decimal(9, 3) can't be read as decimal(9, 2)"}, {`{"type":"bytes","logicalType":"decimal","precision":9,"scale":3}`, `{"type":"bytes","logicalType":"big-decimal"}`, "can't be read as big-decimal"},
		{`{"type":"long","logicalType":"timestamp-millis"}`, `{"type":"long","logicalType":"timestamp-micros"}`, "timestamp-millis can't be read as timestamp-micros"}, {`{"type":"int","logicalType":"date"}`, `{"type":"long","logicalType":"timestamp-millis"}`, "date can't be read as timestamp-millis"},
		{`{"type":"record","name":"R","fields":[{"name":"l","type":{"type":"array","items":` + record2(`"long"`, `"int"`) + `}}]}`, `{"type":"record","name":"R","fields":[{"name":"l","type":{"type":"array","items":` + record2(`"int"`, `"int"`) + `}}]}`, "l[].x: long can't be read as int"},
		{`{"type":"record","name":"R","fields":[]}`, `{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}`, "a: the records don't have it, and it has no default"},
	} {
		_, err := compiled(t, c.writer).Resolved(compiled(t, c.reader))
		if err == nil || !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s as %s: %v, want %s", c.writer, c.reader, err, c.wrong)
		}
	}
	// A branch or a symbol that the reader lacks is an error of the records that have it.
	for _, c := range []struct{ writer, json, reader, wrong string }{
		{`["int","string"]`, `"x"`, `"long"`, "string can't be read as long"},
		{`{"type":"enum","name":"E","symbols":["A","B"]}`, `"B"`, `{"type":"enum","name":"E","symbols":["A"]}`, "enum E has no symbol B, and no default"},
	} {
		w := compiled(t, c.writer)
		payload, _ := w.Encode(nil, []byte(c.json))
		decode, err := w.Resolved(compiled(t, c.reader))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := decode([]byte("dst"), payload); err == nil || !strings.Contains(err.Error(), c.wrong) || string(got) != "dst" {
			t.Errorf("%s as %s: %s (%v), want %s", c.writer, c.reader, got, err, c.wrong)
		}
	}
}

// Recursive types are read as others, too, and hostile payloads end.
func TestResolveRecursive(t *testing.T) {
	w := compiledReader(t, `{"type":"record","name":"L","fields":[{"name":"v","type":"int"},{"name":"next","type":["null","L"]},{"name":"kids","type":{"type":"array","items":"L"}}]}`)
	r := compiledReader(t, `{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]},{"name":"v","type":"long"}]}`)
	decode, err := w.Resolved(r)
	if err != nil {
		t.Fatal(err)
	}
	node := func(v int64, next []byte) []byte {
		b := long(v)
		if next == nil {
			return append(append(b, long(0)...), 0)
		}
		return append(append(append(b, long(1)...), next...), 0)
	}
	got, err := decode(nil, node(1, node(2, nil)))
	if want := `{"next":{"next":null,"v":2},"v":1}`; err != nil || string(got) != want {
		t.Errorf("%s (%v), want %s", got, err, want)
	}
	for _, c := range []struct {
		payload []byte
		wrong   string
	}{
		{bytes.Repeat([]byte{2, 2}, 5000), "levels deep"}, {bytes.Repeat([]byte{2, 0, 2}, 5000), "levels deep"}, {[]byte{2, 4}, "no branch 2"}, {[]byte{2}, "too early"}, {append(node(1, nil), 7), "1 bytes are left over"},
	} {
		if _, err := decode(nil, c.payload); err == nil || !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%.20x: %v, want %s", c.payload, err, c.wrong)
		}
	}
	nulls, err := compiled(t, `{"type":"record","name":"R","fields":[{"name":"n","type":{"type":"array","items":"null"}}]}`).Resolved(compiled(t, `{"type":"record","name":"R","fields":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nulls(nil, append(long(math.MaxInt64), 0)); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("many nulls: %v", err)
	}
}

// evolve changes a schema as a later version may: fields come, go, move and get other
// names, numbers widen, and types become unions.
func evolve(r *rand.Rand, node any, inUnion bool) any {
	switch n := node.(type) {
	case string:
		wider := map[string][]any{"int": {"long", "float", "double"}, "long": {"float", "double"}, "float": {"double"}, "string": {"bytes"}, "bytes": {"string"}}[n]
		if len(wider) > 0 && r.IntN(3) == 0 {
			node = wider[r.IntN(len(wider))]
		}
	case []any:
		out := make([]any, len(n))
		for i := range n {
			out[i] = evolve(r, n[i], true)
		}
		r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
		return out
	case map[string]any:
		evolveType(r, n)
	}
	if !inUnion && node != "null" && r.IntN(5) == 0 {
		return []any{"null", node}
	}
	return node
}

func evolveType(r *rand.Rand, n map[string]any) {
	for _, key := range []string{"items", "values"} {
		if inner, ok := n[key]; ok {
			n[key] = evolve(r, inner, false)
		}
	}
	if symbols, ok := n["symbols"].([]any); ok {
		slices.Reverse(symbols)
		n["symbols"] = append([]any{"Z"}, symbols...)
	}
	if name, ok := n["name"].(string); ok && r.IntN(3) == 0 {
		n["name"], n["aliases"] = name+"v2", []any{name}
	}
	fields, ok := n["fields"].([]any)
	if !ok {
		return
	}
	var out []any
	for _, f := range fields {
		f := f.(map[string]any)
		if r.IntN(4) == 0 {
			continue
		}
		f["type"] = evolve(r, f["type"], false)
		if name := f["name"].(string); r.IntN(3) == 0 {
			f["name"], f["aliases"] = name+"b", []any{name + "a", name}
		}
		out = append(out, f)
	}
	if r.IntN(2) == 0 {
		out = append(out, map[string]any{"name": "added", "type": []any{"string", "int"}, "default": "new"},
			map[string]any{"name": "list", "type": map[string]any{"type": "array", "items": "double"}, "default": []any{1.5}})
	}
	if r.IntN(2) == 0 {
		r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	}
	n["fields"] = append([]any{}, out...)
}

// Random values are read as later versions of their types as the library reads them.
func TestRandomResolution(t *testing.T) {
	compared := 0
	for seed := range uint64(500) {
		r := &randomTypes{Rand: rand.New(rand.NewPCG(seed, 2))}
		typ := r.record(3)
		var node any
		if err := json.Unmarshal([]byte(typ.schema), &node); err != nil {
			t.Fatal(err)
		}
		later, err := json.Marshal(evolve(r.Rand, node, true))
		if err != nil {
			t.Fatal(err)
		}
		oracleWriter, oracleReader := avro.MustParse(typ.schema), avro.MustParse(string(later))
		oracle, err := avro.Resolve(oracleWriter, oracleReader)
		if err != nil {
			t.Fatalf("seed %d: %s as %s: %v", seed, typ.schema, later, err)
		}
		reader := compiled(t, string(later))
		decode, err := compiled(t, typ.schema).Resolved(reader)
		if err != nil {
			t.Fatalf("seed %d: %s as %s: %v", seed, typ.schema, later, err)
		}
		for range 5 {
			value, _ := typ.value(r.Rand)
			payload, err := oracleWriter.Encode(value)
			if err != nil {
				t.Fatal(err)
			}
			text, ours := decode(nil, payload)
			if ours != nil {
				t.Fatalf("seed %d: %s as %s: %v", seed, typ.schema, later, ours)
			}
			var v any
			if _, err := oracle.Decode(payload, &v, avro.TaggedUnions()); err != nil {
				continue // it refuses numbers that lose digits when they are promoted
			}
			want, err := oracleReader.Encode(v)
			if err != nil {
				continue // bytes that are no text
			}
			got, err := reader.Encode(nil, text)
			if err != nil || !bytes.Equal(got, want) {
				if !bytes.Contains(text, []byte(`\ufffd`)) {
					t.Fatalf("seed %d: %s as %s:\n%s (%v)\n%x, want\n%x", seed, typ.schema, later, text, err, got, want)
				}
				continue
			}
			compared++
		}
	}
	if compared < 1000 {
		t.Errorf("only %d values were compared", compared)
	}
}
