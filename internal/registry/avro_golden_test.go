package registry

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"
)

// goldenValues are a schema and the JSON of a value of each type and structure.
var goldenValues = [][2]string{
	{`"null"`, `null`},
	{`"boolean"`, `true`},
	{`"int"`, `-2147483648`},
	{`"long"`, `9223372036854775807`},
	{`"float"`, `3.1415927`},
	{`"float"`, `"NaN"`},
	{`"double"`, `-0.0000025`},
	{`"double"`, `"-Infinity"`},
	{`"string"`, `"Grüße, 世界 😀"`},
	{`"bytes"`, `"\u0000Aÿ"`},
	{`{"type":"fixed","name":"F","size":3}`, `"\u0001Bþ"`},
	{`{"type":"enum","name":"E","symbols":["NEW","PAID"]}`, `"PAID"`},
	{`{"type":"array","items":"long"}`, `[1,-1,64]`},
	{`{"type":"array","items":"long"}`, `[]`},
	{`{"type":"array","items":"boolean"}`, "[" + strings.Repeat("true,", 69) + "true]"},
	{`{"type":"map","values":"int"}`, `{"b":1,"a":2}`},
	{`{"type":"map","values":"int"}`, `{}`},
	{`["null","string"]`, `null`},
	{`["null","string"]`, `"x"`},
	{`["string","null"]`, `"x"`},
	{`["null","boolean","long","string",{"type":"array","items":"int"},{"type":"map","values":"int"}]`, `[7]`},
	{`[{"type":"record","name":"A","fields":[{"name":"a","type":"int"}]},{"type":"record","name":"B","fields":[{"name":"b","type":"int"}]}]`, `{"b":5}`},
	{`{"type":"record","name":"R","fields":[{"name":"n","type":{"type":"record","name":"N","fields":[{"name":"x","type":"int"},{"name":"y","type":["null","int"]}]}},{"name":"m","type":"N"},{"name":"e","type":{"type":"record","name":"Empty","fields":[]}}]}`, `{"n":{"x":1,"y":2},"m":{"x":3,"y":null},"e":{}}`},
	{`{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}`, `1234.50`},
	{`{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}`, `-0.01`},
	{`{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}`, `0.00`},
	{`{"type":"bytes","logicalType":"decimal","precision":9,"scale":0}`, `-128`},
	{`{"type":"bytes","logicalType":"decimal","precision":9,"scale":0}`, `128`},
	{`{"type":"bytes","logicalType":"decimal","precision":38,"scale":10}`, `-9999999999999999999999999999.9999999999`},
	{`{"type":"bytes","logicalType":"decimal","precision":60,"scale":30}`, `123456789012345678901234567890.123456789012345678901234567890`},
	{`{"type":"fixed","name":"D","size":8,"logicalType":"decimal","precision":18,"scale":3}`, `-1.234`},
	{`{"type":"bytes","logicalType":"big-decimal"}`, `-12.3400`},
	{`{"type":"bytes","logicalType":"big-decimal"}`, `7e3`},
	{`{"type":"string","logicalType":"uuid"}`, `"6ba7b810-9dad-11d1-80b4-00c04fd430c8"`},
	{`{"type":"fixed","name":"U","size":16,"logicalType":"uuid"}`, `"6ba7b810-9dad-11d1-80b4-00c04fd430c8"`},
	{`{"type":"int","logicalType":"date"}`, `"2026-05-01"`},
	{`{"type":"int","logicalType":"date"}`, `"1969-12-31"`},
	{`{"type":"int","logicalType":"time-millis"}`, `"15:04:05.006"`},
	{`{"type":"long","logicalType":"time-micros"}`, `"15:04:05.000006"`},
	{`{"type":"long","logicalType":"timestamp-millis"}`, `1777636800007`},
	{`{"type":"long","logicalType":"timestamp-micros"}`, `1777636800000007`},
	{`{"type":"long","logicalType":"timestamp-nanos"}`, `-1`},
	{`{"type":"long","logicalType":"local-timestamp-millis"}`, `1777636800007`},
	{`{"type":"long","logicalType":"local-timestamp-micros"}`, `1777636800000007`},
	{`{"type":"long","logicalType":"local-timestamp-nanos"}`, `1777636800000000007`},
	{`{"type":"fixed","name":"L","size":12,"logicalType":"duration"}`, `"P1M2DT3.004S"`},
	{benchSchema, strings.Replace(benchOrder, `"day"`, `"coupon":null,"day"`, 1)},
}

// The bytes of each type, in both directions.
func TestGoldenAvro(t *testing.T) {
	var got strings.Builder
	for _, v := range goldenValues {
		payload, err := compiled(t, v[0]).Encode(nil, []byte(v[1]))
		if err != nil {
			t.Fatalf("%s of %s: %v", v[0], v[1], err)
		}
		fmt.Fprintf(&got, "%s\n%s\n= %x\n\n", strings.Join(strings.Fields(v[0]), " "), v[1], payload)
	}
	golden(t, "avro.golden", []byte(got.String()))
	file, err := os.ReadFile("testdata/avro.golden")
	if err != nil {
		t.Fatal(err)
	}
	for entry := range strings.SplitSeq(strings.TrimSpace(string(file)), "\n\n") {
		lines := strings.Split(entry, "\n")
		payload, err := hex.DecodeString(strings.TrimSpace(lines[2][1:])) // null takes no byte
		if err != nil {
			t.Fatal(err)
		}
		back, err := compiled(t, lines[0]).Decode(nil, payload, Data)
		if err != nil || !bytes.Equal(back, []byte(lines[1])) {
			t.Errorf("%s of %s: %s (%v), want %s", lines[0], lines[2], back, err, lines[1])
		}
	}
}
