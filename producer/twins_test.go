package producer

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"inv/internal/scenario"

	"github.com/twmb/franz-go/pkg/kgo"
)

// twins is a producer with all that faults stumble over: tombstones of its own, records
// without a field, refs that may be absent, and texts that need quotes.
const twins = `scenario: t
topics: {t: {topic: t}}
producers:
  c: {topic: t, key: id, rows: [{id: k1}, {id: k2}]}
  p:
    topic: t
    key: id
    format: %s
    tombstones: 20%%
    rate: 10/s
    headers: {h: {ref: c.id, optional: 50%%}}
    value:
      id: {sequence: "o-{n}", hidden: true}
      of: {ref: c.id, optional: 50%%}
      text: {one_of: ["a, b", 'say "no"', "<&>'", plain, ""], optional: 50%%, nulls: 20%%}
      padding: {int: [1, 9], optional: 30%%}
`

// parses returns why a value is not a record of the format.
func parses(format string, value []byte) error {
	switch format {
	case "csv":
		records, err := csv.NewReader(bytes.NewReader(value)).ReadAll()
		if err == nil && len(records) != 1 {
			err = fmt.Errorf("%d records", len(records))
		}
		return err
	case "json":
		if !json.Valid(value) {
			return errors.New("not JSON")
		}
		return nil
	}
	value = bytes.TrimPrefix(value, []byte("<?xml version='1.1' encoding='UTF-8'?>")) // Go reads only 1.0
	d := xml.NewDecoder(bytes.NewReader(value))
	roots, depth := 0, 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) && roots == 1 {
			return nil
		}
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case xml.StartElement:
			if depth++; depth == 1 {
				roots++
			}
		case xml.EndElement:
			depth--
		case xml.CharData:
			if depth == 0 && len(bytes.TrimSpace(token)) > 0 {
				return errors.New("text outside the root")
			}
		}
	}
}

func sentBy(t *testing.T, sc *scenario.Scenario, faults string) []Record {
	t.Helper()
	sink := &collect{}
	o := Options{Start: testStart, Count: 600}
	if faults != "" {
		o.Faults = faultsOf(t, faults)
	}
	p := compiled(t, sc, "p")
	if err := CheckOptions(p, o); err != nil {
		t.Fatal(err)
	}
	summary, err := Run(t.Context(), p, o, sink)
	if err != nil {
		t.Fatal(err)
	}
	for name, n := range summary.Faults {
		tagged := int64(0)
		for _, r := range sink.records {
			if tagOf(r) == name {
				tagged++
			}
		}
		if n != tagged {
			t.Errorf("%s: the summary has %d records, %d are tagged", name, n, tagged)
		}
	}
	return sink.records
}

// A record that is tagged with a fault differs from the record without it in the way that
// the tag says, in every format; all others are as without faults.
func TestTwins(t *testing.T) {
	for _, format := range []string{"json", "csv", "{xml: R}", "{xml: R, declaration: true}"} {
		sc := parsed(t, "t.yaml", fmt.Sprintf(twins, format))
		name := sc.Producers[1].Format.Name
		right := sentBy(t, sc, "")
		for _, fault := range faultNames[1:] {
			if fault == "wrong_type" && name != "json" || fault == "wrong_id" || fault == "unknown_id" || fault == "truncated" || fault == "other_schema" {
				continue // see TestEncodedFaults
			}
			t.Run(fault+" "+format, func(t *testing.T) {
				text := fault + "=40%"
				if fault == "oversize" {
					text += ":2KiB"
				}
				records := sentBy(t, sc, text)
				tagged := 0
				for i, r := range records {
					twin := right[r.Number]
					if r.Fault == "" {
						if !r.says(&twin) || r.At != twin.At || len(r.Headers) != len(twin.Headers) {
							t.Fatalf("record %d has no fault, and is\n%s\nwithout faults\n%s", r.Number, r.Value, twin.Value)
						}
						continue
					}
					tagged++
					if tagOf(r) != fault || r.Fault != fault {
						t.Fatalf("record %d is tagged %q", r.Number, tagOf(r))
					}
					if problem := differs(fault, name, r, twin, records[:i]); problem != "" {
						t.Fatalf("%s: record %d: %s\n%.300s\nwithout faults\n%s", fault, r.Number, problem, r.Value, twin.Value)
					}
				}
				if tagged < 40 {
					t.Errorf("only %d records of 600 have the fault", tagged)
				}
			})
		}
	}
}

// differs returns in what way a record is not what its fault says, given its twin and the
// records before it.
func differs(fault, format string, r, twin Record, before []Record) string {
	same := r.says(&twin) && (r.Value == nil) == (twin.Value == nil)
	switch fault {
	case "malformed":
		if r.Value == nil || parses(format, r.Value) == nil {
			return "it is well-formed"
		}
	case "tombstone":
		if r.Value != nil || r.Key == nil || twin.Value == nil {
			return "it is no tombstone, or was one before"
		}
	case "duplicate":
		if !same || !slices.ContainsFunc(before, func(b Record) bool { return b.Number == r.Number }) {
			return "it is not what was sent before"
		}
	case "late", "out_of_order":
		if !same || !slices.ContainsFunc(before, func(b Record) bool { return b.At > r.At }) {
			return "no later record came before it"
		}
	case "unknown_ref":
		if same || bytes.Count(r.Value, []byte("-unknown"))+bytes.Count(headerOf(r, "h"), []byte("-unknown")) == 0 {
			return "its refs lead to rows"
		}
	case "wrong_type":
		return wrongTypes(r.Value, twin.Value)
	case "oversize":
		if parses(format, r.Value) != nil {
			return "it is malformed"
		}
		return shrinks(r.Value, 2<<10)
	}
	return ""
}

// wrongTypes returns "" if one of the fields has another type.
func wrongTypes(value, twin []byte) string {
	var got, want map[string]any
	if json.Unmarshal(value, &got) != nil || json.Unmarshal(twin, &want) != nil {
		return "it is no object"
	}
	changed := 0
	for name, v := range want {
		if fmt.Sprintf("%T", got[name]) != fmt.Sprintf("%T", v) {
			changed++
		}
	}
	if changed != 1 || len(got) != len(want) {
		return fmt.Sprintf("%d fields have another type", changed)
	}
	return ""
}

// shrinks returns which compression makes a value smaller than a size.
func shrinks(value []byte, size int) string {
	for name, codec := range map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	} {
		compressor, err := kgo.DefaultCompressor(codec)
		if err != nil {
			return err.Error()
		}
		compressed := value
		if compressor != nil {
			compressed, _ = compressor.Compress(&bytes.Buffer{}, value)
		}
		if len(compressed) < size {
			return fmt.Sprintf("%s makes it %d bytes", name, len(compressed))
		}
	}
	return ""
}

// The largest compressions hardly help against padding of 1 MiB, the default.
func TestPaddingStays(t *testing.T) {
	for _, format := range []string{"json", "csv", "xml"} {
		value := map[string]string{"json": "{}", "csv": "a", "xml": "<R></R>"}[format]
		for r := range uint64(3) {
			padded := inflate([]byte(value), format, defaultOversize, mix(r))
			if err := parses(format, padded); err != nil {
				t.Errorf("%s: %v", format, err)
			}
			if problem := shrinks(padded, defaultOversize); problem != "" {
				t.Errorf("%s: %s", format, problem)
			}
		}
	}
}

// No parser accepts what malform returns, whatever the value was.
func FuzzMalform(f *testing.F) {
	for _, value := range []string{"", "{}", `{"a":"b"}`, "a,b", `"a, ""b""",c`, `""`, "<R><a>1</a></R>", "<R></R>"} {
		f.Add([]byte(value), uint64(len(value)))
	}
	f.Fuzz(func(t *testing.T, value []byte, seed uint64) {
		for _, format := range []string{"json", "csv", "xml"} {
			if parses(format, value) != nil && len(value) > 0 || format == "json" && !bytes.HasPrefix(value, []byte("{")) && len(value) > 0 {
				continue // no value of a producer
			}
			if format == "xml" && (!bytes.HasPrefix(value, []byte("<")) || !bytes.HasSuffix(value, []byte(">"))) {
				continue
			}
			for r := range uint64(24) {
				if out := malform(value, mix(seed+r), format); out == nil || parses(format, out) == nil {
					t.Fatalf("%s: %q becomes %q, which parses", format, value, out)
				}
			}
		}
	})
}

// A record that starts at the epoch has a time like any other.
func TestFaultsAtTheEpoch(t *testing.T) {
	sc := parsed(t, "t.yaml", "scenario: t\ntopics: {t: {topic: t}}\nproducers: {p: {topic: t, value: {a: 1}}}")
	for _, fault := range []string{"late=100%", "out_of_order=100%", "duplicate=100%"} {
		sink := &collect{}
		if _, err := Run(t.Context(), compiled(t, sc, "p"), Options{Start: time.Unix(0, 0), Count: 3, Faults: faultsOf(t, fault)}, sink); err != nil {
			t.Fatal(err)
		}
		if want := 3; len(sink.records) != want && !strings.HasPrefix(fault, "dup") {
			t.Errorf("%s: %d records", fault, len(sink.records))
		}
	}
}
