package mutate

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"inv/inspect/verify"

	"github.com/twmb/franz-go/pkg/kgo"
)

var update = flag.Bool("update", false, "write the golden files")

// options are those of the processor that wrote the histories in testdata.
func options(policy verify.Policy) verify.Options {
	t := verify.Topics{Catalog: "product_catalog", Orders: "order_events", Receipts: "stock_receipts", Updates: "inventory_updates",
		Reorders: "reorder_events", Alerts: "inventory_alerts", PendingReceipts: "inv-procurement-changelog"}
	return verify.OptionsFor("inv", policy, t, []verify.Group{{Name: "inv-ingest"}}, true)
}

// history returns what a processor wrote with a policy, see cmd/bench/verify.
func history(t *testing.T, policy verify.Policy) (*verify.History, verify.Options) {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", string(policy)+".jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h, err := Read(f)
	if err != nil {
		t.Fatal(err)
	}
	return h, options(policy)
}

var policies = []verify.Policy{verify.PolicyDefault, verify.PolicyReference}

// nth is which mutations are tried: every one with INV_MUTANTS=all.
func nth() int {
	if os.Getenv("INV_MUTANTS") == "all" {
		return 1
	}
	return 7
}

// Each mutation of a right history is found, or can't be decided, or is named as out of
// reach; and nothing is named that is found. What can't be decided is rare.
func TestEachMutationIsFound(t *testing.T) {
	for _, policy := range policies {
		h, o := history(t, policy)
		if r := h.Audit(o); r.Verdict != verify.Holds {
			t.Fatalf("%s: the history itself: %+v", policy, r.Findings)
		}
		s := Judge(h, o, nth())
		t.Logf("%s: %d enumerated, %d violated, %d undecided, %d out of reach", policy, s.Enumerated, s.Caught, s.Undecided, s.Named())
		for _, m := range s.Survivors {
			t.Errorf("%s: not found: %s in %s", policy, m, placeOf(m.Record))
		}
		for _, m := range s.Found {
			t.Errorf("%s: said to be out of reach, and found: %s in %s", policy, m, placeOf(m.Record))
		}
		if s.Enumerated < 1000 || s.Share() != 1 || 50*s.Undecided > s.Enumerated {
			t.Errorf("%s: %+v", policy, s)
		}
		if r := h.Audit(o); r.Verdict != verify.Holds {
			t.Errorf("%s: mutations changed the history: %+v", policy, r.Findings)
		}
	}
}

// An auditor that is told less finds less: a score of 100 % is no matter of course.
func TestScoreOfABlindAuditor(t *testing.T) {
	h, o := history(t, verify.PolicyDefault)
	o.App, o.Groups = "", nil
	o.Procurement = false
	if s := Judge(h, o, 13); s.Caught+len(s.Survivors) == 0 || s.Share() == 1 || len(s.Survivors) == 0 {
		t.Errorf("%d caught, %d not found", s.Caught, len(s.Survivors))
	}
}

// Each limit is there for a mutation that is enumerated.
func TestEachLimitIsReached(t *testing.T) {
	reached := map[string]bool{}
	for _, policy := range policies {
		h, o := history(t, policy)
		of := fatesOf(h, o)
		for m := range All(h, o.Topics) {
			if l := limitOf(m, of); l != nil {
				reached[l.Name] = true
			}
		}
	}
	for _, l := range OutOfReach() {
		if !reached[l.Name] {
			t.Errorf("no mutation is %q", l.Name)
		}
	}
}

// docs/verify.md lists exactly the limits.
func TestLimitsAreDocumented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "verify.md"))
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for _, l := range OutOfReach() {
		reason := l.Reason
		if l.Partly {
			reason += " (some are found)"
		}
		fmt.Fprintf(&want, "| %s | %s |\n", l.Name, reason)
	}
	const head = "| can't be seen | because |\n|---|---|\n"
	_, table, found := strings.Cut(string(page), head)
	if !found {
		t.Fatalf("docs/verify.md has no table with the head\n%s", head)
	}
	if !strings.HasPrefix(table, want.String()+"\n") {
		t.Errorf("docs/verify.md should have\n%s%s", head, want.String())
	}
}

// All mutations of one record and its neighbour.
func TestAll(t *testing.T) {
	o := options(verify.PolicyDefault)
	alert := func(id string, offset int64) *kgo.Record {
		return &kgo.Record{Topic: o.Topics.Alerts, Offset: offset, Key: []byte("k"), Value: fmt.Appendf(nil, `{"alert_id":%q,"current_stock":3,"list":[1.5,{"x":true}]}`, id),
			Headers: []kgo.RecordHeader{{Key: "ce_id", Value: []byte(id)}}}
	}
	h := &verify.History{Records: map[string][]*kgo.Record{o.Topics.Alerts: {alert("a", 0), alert("b", 1)}}, Partitions: map[string]int32{o.Topics.Alerts: 2}}
	var got bytes.Buffer
	for m := range All(h, o.Topics) {
		if m.Record.Offset > 0 {
			break
		}
		fmt.Fprintln(&got, m)
		for _, r := range m.Apply(h).Records[o.Topics.Alerts] {
			fmt.Fprintf(&got, "\t%d@%d %q %q %v", r.Partition, r.Offset, r.Key, r.Value, r.Timestamp.UnixMilli())
			for _, header := range r.Headers {
				fmt.Fprintf(&got, " %s=%s", header.Key, header.Value)
			}
			fmt.Fprintln(&got)
		}
	}
	golden := filepath.Join("testdata", "mutations.txt")
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("got\n%s\nwant\n%s", got.Bytes(), want)
	}
}

func TestFileRoundTrip(t *testing.T) {
	null, empty := []byte(nil), []byte{}
	h := &verify.History{
		Records: map[string][]*kgo.Record{"t": {
			{Topic: "t", Partition: 1, Offset: 7, Key: null, Value: empty, Headers: []kgo.RecordHeader{{Key: "h", Value: null}, {Key: "", Value: []byte("<é>")}}},
			{Topic: "t", Partition: 1, Offset: 8, Key: empty, Value: null},
		}},
		Partitions: map[string]int32{"t": 2, "empty": 1},
	}
	var file bytes.Buffer
	if err := Write(&file, h); err != nil {
		t.Fatal(err)
	}
	back, err := Read(&file)
	if err != nil {
		t.Fatal(err)
	}
	if len(back.Partitions) != 2 || back.Partitions["t"] != 2 || len(back.Records["t"]) != 2 {
		t.Fatalf("%+v", back)
	}
	for i, r := range back.Records["t"] {
		w := h.Records["t"][i]
		same := func(x, y []byte) bool { return bytes.Equal(x, y) && (x == nil) == (y == nil) }
		if !same(r.Key, w.Key) || !same(r.Value, w.Value) || r.Offset != w.Offset || r.Partition != w.Partition ||
			!slices.EqualFunc(r.Headers, w.Headers, func(x, y kgo.RecordHeader) bool { return x.Key == y.Key && same(x.Value, y.Value) }) {
			t.Errorf("%+v, want %+v", r, w)
		}
	}
	if _, err := Read(strings.NewReader("{")); err == nil {
		t.Error("a broken line is read")
	}
}
