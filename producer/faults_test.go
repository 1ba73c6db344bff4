package producer

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
)

// Every fault has its share of the records, is tagged, and is what its name says.
func TestFaults(t *testing.T) {
	const n = 20_000
	shares := map[string]float64{"malformed": 0.02, "duplicate": 0.03, "late": 0.02, "out_of_order": 0.02,
		"tombstone": 0.01, "unknown_ref": 0.02, "wrong_type": 0.02, "oversize": 0.005}
	o := Options{Start: testStart, Count: n,
		Faults: faultsOf(t, "malformed=2%,duplicate=3%:5s,late=2%:30s,out_of_order=2%:2s,tombstone=1%,unknown_ref=2%,wrong_type=2%,oversize=0.5%:4KiB")}
	sink := &collect{}
	summary, err := Run(t.Context(), compiled(t, shipped(t, "inventory"), "orders"), o, sink)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int64{}
	originals := map[int64]Record{}
	newest := int64(0)
	for _, r := range sink.records {
		if tag := tagOf(r); tag != r.Fault {
			t.Fatalf("record %d has the fault %q and the header %q", r.Number, r.Fault, tag)
		}
		counts[r.Fault]++
		checkFault(t, r, originals[r.Number], newest)
		if r.Fault != "duplicate" {
			originals[r.Number] = r
		}
		newest = max(newest, r.At)
	}
	for name, share := range shares {
		if got := counts[name]; got != summary.Faults[name] || math.Abs(float64(got)-share*n) > 5*math.Sqrt(share*n) {
			t.Errorf("%s: %d records, the summary says %d, want about %g", name, got, summary.Faults[name], share*n)
		}
	}
	if len(originals) != n {
		t.Errorf("%d records, want %d: some are lost", len(originals), n)
	}
}

func tagOf(r Record) string {
	for _, h := range r.Headers {
		if h.Key == FaultHeader {
			return string(h.Value)
		}
	}
	return ""
}

func checkFault(t *testing.T, r, original Record, newest int64) {
	t.Helper()
	valid := json.Valid(r.Value)
	switch r.Fault {
	case "malformed":
		if valid {
			t.Errorf("malformed, but JSON: %s", r.Value)
		}
	case "tombstone":
		if r.Value != nil {
			t.Errorf("a tombstone has the value %s", r.Value)
		}
	case "duplicate":
		if !bytes.Equal(r.Key, original.Key) || !bytes.Equal(r.Value, original.Value) || r.Partition != original.Partition || r.At != original.At {
			t.Errorf("a duplicate of record %d differs from it", r.Number)
		}
	case "late":
		if behind := newest - r.At; behind > 0 && behind < 25_000 && r.Number < 19_000 {
			t.Errorf("record %d is late by %d ms, want about 30,000", r.Number, behind)
		}
	case "unknown_ref":
		if !bytes.Contains(r.Value, []byte(`-unknown"`)) || !valid {
			t.Errorf("unknown_ref: %s", r.Value)
		}
	case "oversize":
		if len(r.Value) < 4096 || !valid {
			t.Errorf("oversize: %d bytes", len(r.Value))
		}
	case "wrong_type":
		if !valid || wellTyped(r.Value) {
			t.Errorf("wrong_type, but right: %s", r.Value)
		}
	default:
		if !wellTyped(r.Value) {
			t.Errorf("a record without fault is wrong: %s", r.Value)
		}
	}
}

func wellTyped(value []byte) bool {
	var o struct {
		OrderID    string           `json:"order_id"`
		CustomerID string           `json:"customer_id"`
		Items      []map[string]any `json:"items"`
		Total      float64          `json:"order_total"`
		Timestamp  int64            `json:"timestamp"`
	}
	return json.Unmarshal(value, &o) == nil
}

func TestUntaggedFaults(t *testing.T) {
	sink := &collect{}
	o := Options{Start: testStart, Count: 100, Faults: faultsOf(t, "malformed=50%"), NoTags: true}
	if _, err := Run(t.Context(), compiled(t, shipped(t, "inventory"), "orders"), o, sink); err != nil {
		t.Fatal(err)
	}
	for _, r := range sink.records {
		if tagOf(r) != "" {
			t.Fatal("there is a tag")
		}
	}
}

// A tombstone of the producer's own has no bytes to damage, and is damaged all the same.
func TestMalformedTombstones(t *testing.T) {
	sc := parsed(t, "t.yaml", "scenario: t\ntopics: {t: {topic: t}}\nproducers: {p: {topic: t, key: id, tombstones: 50%, value: {id: {sequence: \"k-{n}\"}}}}")
	sink := &collect{}
	if _, err := Run(t.Context(), compiled(t, sc, "p"), Options{Start: testStart, Count: 500, Faults: faultsOf(t, "malformed=100%")}, sink); err != nil {
		t.Fatal(err)
	}
	for _, r := range sink.records {
		if r.Value == nil || json.Valid(r.Value) {
			t.Errorf("record %d is not malformed: %q", r.Number, r.Value)
		}
	}
}

func TestParseFaults(t *testing.T) {
	bad := map[string]string{
		"malfromed=1%":               `did you mean "malformed"`,
		"malformed":                  "needs a share",
		"malformed=-1%":              "share",
		"malformed=101%":             "from 0% to 100%",
		"malformed=1%,malformed=1%":  "twice",
		"malformed=60%,late=50%":     "more than 100%",
		"late=1%:soon":               "\"soon\" is not a duration",
		"oversize=1%:huge":           "size",
		"tombstone=1%:5s":            "a share alone",
		"oversize=1%:10000000000MiB": "size",
	}
	for text, want := range bad {
		if _, err := ParseFaults(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	f := faultsOf(t, "duplicate=0.5%:5s, late=0.02")
	if f[0].delay != 5*time.Second || f[0].share != 0.005 || f[1].delay != 30*time.Second || f[1].share != 0.02 {
		t.Errorf("%+v", f)
	}
}

func TestImpossibleFaults(t *testing.T) {
	p := compiled(t, shipped(t, "customers"), "segments", "legacy-customers")
	for _, text := range []string{"wrong_type=1%", "unknown_ref=1%"} {
		if err := CheckOptions(p, Options{Faults: faultsOf(t, text)}); err == nil {
			t.Errorf("%s was accepted", text)
		}
	}
}

// Accepted faults are possible: shares from 0 to 1, times and sizes that are not
// negative.
func FuzzParseFaults(f *testing.F) {
	for _, text := range []string{"malformed=1%", "duplicate=0.5%:5s,late=2%:30s", "oversize=0.1%:2MiB", "unknown_ref=1", "late=2%:-1s", "tombstone=,"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		faults, err := ParseFaults(text)
		if err != nil {
			return
		}
		total := 0.0
		for _, one := range faults {
			total += float64(one.share)
			if one.kind == noFault || one.kind >= faultKinds || !(one.share >= 0 && one.share <= 1) || one.delay < 0 || one.size < 0 || one.size > maxOversize {
				t.Errorf("%q gives %+v", text, one)
			}
		}
		if total > 1.0001 {
			t.Errorf("%q adds up to %g", text, total)
		}
	})
}
