package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"inv/internal/jsonscan"

	"github.com/twmb/avro"
)

// fuzzSchema has every type.
const fuzzSchema = `{"type":"record","name":"All","namespace":"n","fields":[
	{"name":"b","type":"boolean"},{"name":"i","type":"int"},{"name":"l","type":"long"},{"name":"f","type":"float"},{"name":"d","type":"double"},
	{"name":"s","type":"string"},{"name":"y","type":"bytes"},{"name":"x","type":{"type":"fixed","name":"X","size":3}},
	{"name":"e","type":{"type":"enum","name":"E","symbols":["A","B"]}},{"name":"a","type":{"type":"array","items":["null","string","int",{"type":"map","values":"E"}]}},
	{"name":"dec","type":{"type":"bytes","logicalType":"decimal","precision":40,"scale":3}},{"name":"dfix","type":{"type":"fixed","name":"DF","size":6,"logicalType":"decimal","precision":12,"scale":3}},{"name":"big","type":{"type":"bytes","logicalType":"big-decimal"}},
	{"name":"day","type":{"type":"int","logicalType":"date"}},{"name":"tm","type":{"type":"int","logicalType":"time-millis"}},{"name":"tu","type":{"type":"long","logicalType":"time-micros"}},
	{"name":"ms","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"ns","type":{"type":"long","logicalType":"local-timestamp-nanos"}},{"name":"dur","type":{"type":"fixed","name":"DU","size":12,"logicalType":"duration"}},
	{"name":"u","type":{"type":"string","logicalType":"uuid"}},{"name":"uf","type":{"type":"fixed","name":"UF","size":16,"logicalType":"uuid"}},
	{"name":"or","type":["null",{"type":"record","name":"P","fields":[{"name":"k","type":"int"},{"name":"o","type":["null","string"],"default":null}]},{"type":"record","name":"Q","fields":[{"name":"k","type":"string","default":"q"}]}],"default":null}]}`

const fuzzValue = `{"b":true,"i":-5,"l":1e3,"f":1.5,"d":"NaN","s":"é\u0001\ud83d\ude00","y":"\u00ffA","x":"abc","e":"B","a":[null,"x",7,{"k":"A"}],"dec":-12345678901234567890123456789.125,"dfix":0.5,"big":1.50,
	"day":"2026-05-01","tm":"15:04:05.006","tu":17,"ms":"2026-05-01T12:00:00.007Z","ns":-1,"dur":"P1M2DT3.004S","u":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","uf":"6BA7B810-9dad-11d1-80b4-00c04fd430c8","or":{"k":"z"}}`

// Any text is refused or written so that the library reads it, and what is read is
// written as the same bytes.
func FuzzAvroEncode(f *testing.F) {
	s, oracle := compiled(f, fuzzSchema), avro.MustParse(fuzzSchema)
	for _, text := range []string{fuzzValue, `{"b":1}`, `{"or":{"k":1},` + fuzzValue[1:], ` { } `, `[`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		payload, err := s.Encode(nil, text)
		valid := json.Valid(jsonscan.TrimMark(text))
		if err != nil {
			var value *ValueError
			if !errors.As(err, &value) {
				t.Fatalf("%q: %v is no ValueError", text, err)
			}
			if valid && value.Text == errNotJSON.Text {
				t.Fatalf("%q is JSON", text)
			}
			return
		}
		if !valid {
			t.Fatalf("%q is not JSON, and became %x", text, payload)
		}
		var v any
		if rest, err := oracle.Decode(payload, &v); err != nil || len(rest) > 0 {
			t.Fatalf("%q became %x: %v, %x left over", text, payload, err, rest)
		}
		back, err := s.Decode(nil, payload, Data)
		if err != nil || !json.Valid(back) {
			t.Fatalf("%q became %x: %s (%v)", text, payload, back, err)
		}
		again, err := s.Encode(nil, back)
		if err != nil || !bytes.Equal(again, payload) {
			t.Fatalf("%q became %x, that %s, and that %x (%v)", text, payload, back, again, err)
		}
	})
}

// Any payload becomes JSON or is refused, also as another type, and what can be written
// comes back as the same JSON.
func FuzzAvroDecode(f *testing.F) {
	s := compiled(f, fuzzSchema)
	reader := compiled(f, `{"type":"record","name":"All","fields":[{"name":"ms","type":"long"},{"name":"added","type":"int","default":1},{"name":"s","type":["null","bytes"]},{"name":"i","type":"double"},{"name":"e","type":{"type":"enum","name":"E","symbols":["B","Z"],"default":"Z"}}]}`)
	resolved, err := s.Resolved(reader)
	if err != nil {
		f.Fatal(err)
	}
	payload, err := s.Encode(nil, []byte(fuzzValue))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(payload)
	f.Add(payload[:20])
	f.Fuzz(func(t *testing.T, payload []byte) {
		display, err := s.Decode(nil, payload, Display)
		data, err2 := s.Decode(nil, payload, Data)
		if (err == nil) != (err2 == nil) {
			t.Fatalf("%x: %v, as data %v", payload, err, err2)
		}
		short, err3 := resolved(nil, payload)
		if err == nil && err3 != nil || err3 == nil && !json.Valid(short) {
			t.Fatalf("%x: %s, resolved %s (%v)", payload, data, short, err3)
		}
		if err != nil {
			return
		}
		if !json.Valid(display) || !json.Valid(data) {
			t.Fatalf("%x: %s and %s", payload, display, data)
		}
		again, err := s.Encode(nil, data)
		if err != nil || bytes.Contains(data, []byte(`\ufffd`)) {
			return // times of day beyond a day, more digits than the precision, text that is no UUID or not UTF-8
		}
		if back, err := s.Decode(nil, again, Data); err != nil || !bytes.Equal(back, data) {
			t.Fatalf("%x: %s, and then %s (%v)", payload, data, back, err)
		}
	})
}
