package registry

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"math/big"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twmb/avro"
)

func decoderOf(t testing.TB, schema string) payloadDecoder {
	t.Helper()
	s, err := compileAvroReader(t.Context(), Source{Form: Avro, Text: schema})
	if err != nil {
		t.Fatal(err)
	}
	return owned(s.decode[Display])
}

func long(v int64) []byte { return binary.AppendVarint(nil, v) }

func sized(b ...byte) []byte { return append(long(int64(len(b))), b...) }

// Logical types are numbers and times, in every place where they may stand.
func TestLogicalTypes(t *testing.T) {
	const noon = 1777636800_000 // 2026-05-01T12:00:00Z in ms
	uuid := []byte{0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}
	u32 := func(values ...uint32) (b []byte) {
		for _, v := range values {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
		return b
	}
	huge, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	for _, c := range []struct {
		schema  string
		payload []byte
		want    string
	}{
		{`{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}`, sized(0x04, 0xd2), `12.34`},
		{`{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}`, sized(0xfb, 0x2e), `-12.34`},
		{`{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}`, sized(5), `0.05`},
		{`{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}`, sized(0xff), `-0.01`},
		{`{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}`, sized(), `0.00`},
		{`{"type":"bytes","logicalType":"decimal","precision":9}`, sized(0x00, 0x80), `128`},
		{`{"type":"bytes","logicalType":"decimal","precision":30,"scale":10}`, sized(huge.Bytes()...), `12345678901234567890.1234567890`},
		{`{"type":"fixed","name":"F","size":4,"logicalType":"decimal","precision":9,"scale":3}`, []byte{0xff, 0xff, 0xff, 0xfe}, `-0.002`},
		{`["null",{"type":"bytes","logicalType":"decimal","precision":9,"scale":2},"string"]`, append(long(1), sized(0x04, 0xd2)...), `12.34`},
		{`{"type":"bytes","logicalType":"big-decimal"}`, sized(append(sized(0x04, 0xd2), long(1)...)...), `123.4`},
		{`{"type":"bytes","logicalType":"big-decimal"}`, sized(append(sized(7), long(-3)...)...), `7e3`},
		{`{"type":"int","logicalType":"date"}`, long(20574), `"2026-05-01"`},
		{`{"type":"int","logicalType":"date"}`, long(-1), `"1969-12-31"`},
		{`{"type":"int","logicalType":"time-millis"}`, long(12*3600_000 + 5), `"12:00:00.005"`},
		{`{"type":"long","logicalType":"time-micros"}`, long(12*3600_000_000 + 5), `"12:00:00.000005"`},
		{`{"type":"long","logicalType":"timestamp-millis"}`, long(noon + 7), `"2026-05-01T12:00:00.007Z"`},
		{`{"type":"long","logicalType":"timestamp-micros"}`, long(noon*1000 + 7), `"2026-05-01T12:00:00.000007Z"`},
		{`{"type":"long","logicalType":"timestamp-nanos"}`, long(noon*1_000_000 + 7), `"2026-05-01T12:00:00.000000007Z"`},
		{`{"type":"long","logicalType":"timestamp-nanos"}`, long(math.MinInt64), `"1677-09-21T00:12:43.145224192Z"`},
		{`{"type":"long","logicalType":"local-timestamp-millis"}`, long(noon), `"2026-05-01T12:00:00.000"`},
		{`{"type":"long","logicalType":"local-timestamp-micros"}`, long(noon * 1000), `"2026-05-01T12:00:00.000000"`},
		{`{"type":"long","logicalType":"local-timestamp-nanos"}`, long(noon * 1_000_000), `"2026-05-01T12:00:00.000000000"`},
		{`{"type":"fixed","name":"D","size":12,"logicalType":"duration"}`, u32(1, 2, 3004), `"P1M2DT3.004S"`},
		{`{"type":"fixed","name":"D","size":12,"logicalType":"duration"}`, u32(0, 0, 0), `"PT0S"`},
		{`{"type":"fixed","name":"D","size":12,"logicalType":"duration"}`, u32(math.MaxUint32, 0, 0), `"P4294967295M"`},
		{`{"type":"string","logicalType":"uuid"}`, sized('6', 'b'), `"6b"`},
		{`{"type":"fixed","name":"U","size":16,"logicalType":"uuid"}`, uuid, `"6ba7b810-9dad-11d1-80b4-00c04fd430c8"`},
		// A named type that is defined with a logical type and referred to later, and
		// logical types beside a field's type.
		{`{"type":"record","name":"R","namespace":"n","fields":[{"name":"a","type":{"type":"fixed","name":"U","size":16,"logicalType":"uuid"}},{"name":"b","type":"U"}]}`,
			append(append([]byte{}, uuid...), uuid...), `{"a":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","b":"6ba7b810-9dad-11d1-80b4-00c04fd430c8"}`},
		{`{"type":"record","name":"R","fields":[{"name":"d","type":"int","logicalType":"date"},{"name":"p","type":"bytes","logicalType":"decimal","precision":4,"scale":1}]}`,
			append(long(0), sized(15)...), `{"d":"1970-01-01","p":1.5}`},
		// What the specification does not define is ignored.
		{`{"type":"int","logicalType":"decimal","precision":4}`, long(7), `7`},
		{`{"type":"long","logicalType":"date"}`, long(7), `7`},
		{`{"type":"string","logicalType":"shop-code"}`, sized('x'), `"x"`},
	} {
		got, err := decoderOf(t, c.schema)(c.payload)
		if err != nil || string(got) != c.want {
			t.Errorf("%s of %x: %s (%v), want %s", c.schema, c.payload, got, err, c.want)
		}
		if !json.Valid(got) {
			t.Errorf("%s is not JSON", got)
		}
	}
}

// A payload of a few bytes must not become a value without end.
func TestHostilePayloads(t *testing.T) {
	deep := []byte(strings.Repeat("\x02", 100_000)) // a list of one list of one …
	for _, c := range []struct {
		schema  string
		payload []byte
		want    string
	}{
		{`{"type":"array","items":"null"}`, long(math.MaxInt64), "larger than"},
		{`{"type":"array","items":"null"}`, append(long(math.MinInt64), 0), "larger than"},
		{`{"type":"record","name":"L","fields":[{"name":"l","type":{"type":"array","items":"L"}}]}`, deep, "levels deep"},
		{`{"type":"array","items":{"type":"bytes","logicalType":"big-decimal"}}`, append(long(1), sized(append(sized(1), long(1<<40)...)...)...), "scale"},
		{`{"type":"bytes","logicalType":"decimal","precision":9}`, sized(make([]byte, 32<<10+1)...), "more than 32768"},
		{`{"type":"fixed","name":"F","size":32769,"logicalType":"decimal","precision":9}`, make([]byte, 32<<10+1), "more than 32768"},
		{`{"type":"bytes","logicalType":"big-decimal"}`, sized(make([]byte, 32<<10+1)...), "more than 32768"},
		{`"string"`, long(math.MaxInt64), "too early"},
		{`"string"`, long(-1), "too early"},
		{`"long"`, []byte(strings.Repeat("\xff", 11)), "too early"},
		{`["null"]`, long(1), "no branch 1"},
		{`{"type":"enum","name":"E","symbols":["A"]}`, long(-1), "no symbol -1"},
	} {
		if got, err := decoderOf(t, c.schema)(c.payload); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s of %x: %.60s (%v), want an error with %q", c.schema, c.payload, got, err, c.want)
		}
	}
}

const plainAvro = `{"type":"record","name":"All","namespace":"n","fields":[
	{"name":"b","type":"boolean"},{"name":"i","type":"int"},{"name":"l","type":"long"},{"name":"f","type":"float"},{"name":"d","type":"double"},
	{"name":"s","type":"string"},{"name":"y","type":"bytes"},{"name":"x","type":{"type":"fixed","name":"X","size":3}},
	{"name":"e","type":{"type":"enum","name":"E","symbols":["A","B"]}},{"name":"a","type":{"type":"array","items":["null","string","X"]}},
	{"name":"m","type":{"type":"map","values":"E"}},{"name":"n","type":["null","All"]}]}`

// Values without logical types are what the library makes of them.
func FuzzPlainAvro(f *testing.F) {
	schema, err := avro.Parse(plainAvro)
	if err != nil {
		f.Fatal(err)
	}
	value := map[string]any{"b": true, "i": -1, "l": int64(math.MinInt64), "f": float32(1.5), "d": 1e300, "s": "é\x01", "y": []byte{0, 200}, "x": []byte{1, 2, 3},
		"e": "B", "a": []any{nil, "t"}, "m": map[string]any{"k": "A"}, "n": nil}
	payload, err := schema.Encode(value)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(payload)
	decode := decoderOf(f, plainAvro)
	f.Fuzz(func(t *testing.T, payload []byte) {
		var v any
		rest, err := schema.Decode(payload, &v)
		got, ours := decode(payload)
		if (err == nil && len(rest) == 0) != (ours == nil) {
			t.Skip() // the library bounds what it decodes in other ways
		}
		if ours != nil {
			return
		}
		want, err := schema.EncodeJSON(v)
		if err != nil {
			t.Fatal(err)
		}
		var a, b any
		if err := json.Unmarshal(got, &a); err != nil {
			t.Fatalf("%s: %v", got, err)
		}
		if err := json.Unmarshal(want, &b); err != nil {
			t.Skip()
		}
		if !reflect.DeepEqual(a, b) {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

// Times are written as package time writes them, of any year.
func TestTimeText(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, c := range []struct {
		text   timeText
		layout string
	}{
		{timeText{date: true}, `"2006-01-02"`}, {timeText{clock: true, decimals: 3}, `"15:04:05.000"`}, {timeText{clock: true, decimals: 6}, `"15:04:05.000000"`},
		{timeText{date: true, clock: true, decimals: 9, utc: true}, `"2006-01-02T15:04:05.000000000Z"`}, {timeText{date: true, clock: true, decimals: 3}, `"2006-01-02T15:04:05.000"`},
	} {
		for range 10_000 {
			at := time.Unix(int64(r.Uint64())>>(20+r.IntN(44)), r.Int64N(1e9)).UTC()
			if got, want := string(c.text.append(nil, at)), at.Format(c.layout); got != want {
				t.Fatalf("%s, want %s", got, want)
			}
		}
	}
}
