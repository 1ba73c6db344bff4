package verify

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"inv/internal/event"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A processor that is still running has not written everything yet: what is
// missing at the ends of its outputs is no finding, and what needs the rest is
// undecided.
func TestWhileTheProcessorRuns(t *testing.T) {
	atRest := []string{"4.input undecided 0", "4.quantities undecided 0", "4.receipts undecided 0", "5.rest undecided 0"}
	for name, c := range map[string]struct {
		change func(h *history)
		want   []string
	}{
		"nothing new":                    {func(*history) {}, atRest},
		"an order that is not processed": {func(h *history) { h.put("orders", 0, "o9", []byte(`{"order_id":"o9"}`)) }, atRest},
		"an order processed in part": {func(h *history) {
			h.remove(h.update("chair", 6))
			h.remove(h.update("chair", 5))
			h.remove(h.update("chair", 4))
		}, atRest},
		"a reorder for an update to come": {func(h *history) {
			v := event.Reorder{EventID: "reorder-chair-7", ProductID: "chair", ReorderQuantity: 50, Priority: "normal"}
			h.put("reorders", 0, v.EventID, event.AppendReorder(nil, &v))
		}, atRest},
		"a receipt to come": {func(h *history) { h.remove(h.records["receipts"][1]); h.remove(h.update("desk-2", 3)) }, atRest},
		"but a reorder that is missing is missing": {func(h *history) { h.remove(h.by("reorders", "reorder-chair-3")) },
			[]string{"3.reorders violated 1", "4.input undecided 0", "4.quantities undecided 0", "4.receipts violated 1", "5.rest undecided 0"}},
	} {
		h := plain(t)
		c.change(h)
		r := h.audit(testOptions(), "orders keep coming")
		if got := r.seen(); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q\nwant %q\n%+v", name, got, c.want, r.Findings)
		}
	}
}

func TestPendingReceiptsAreNotRest(t *testing.T) {
	h := plain(t)
	id := `"event_id":"reorder-desk-2-2"`
	h.remove(h.by("receipts", id))
	h.remove(h.update("desk-2", 3))
	h.put("pending", 0, "reorder-chair-3", []byte("x"))
	h.put("pending", 0, "reorder-desk-2-2", []byte("x"))
	h.put("pending", 0, "reorder-chair-3", nil)
	r := h.audit(testOptions(), "")
	if r.AtRest || r.Verdict != Undecided || !strings.Contains(r.Checks[checkRest].Why, "1 receipts are pending") {
		t.Errorf("%v, %+v", r.seen(), r.Findings)
	}
	h.put("pending", 0, "reorder-desk-2-2", nil)
	if got := h.audit(testOptions(), "").seen(); !slices.Equal(got, []string{"4.receipts violated 1"}) {
		t.Errorf("a receipt that is neither there nor pending: %v", got)
	}
}

// With the history trimmed, what is left must still agree, and what can't be
// looked up is undecided.
func TestTrimmedHistory(t *testing.T) {
	for _, topic := range []string{"updates", "orders", "reorders", "alerts", "receipts", "orders.dlq", "catalog"} {
		h := plain(t)
		trim(h, topic)
		r := h.audit(testOptions(), "")
		if r.Verdict != Undecided {
			t.Errorf("%s trimmed: %v, %+v", topic, r.seen(), r.Findings)
		}
	}
}

// trim moves a topic's offsets up, as if there had been a million before, and
// with them what refers to them, and removes each partition's first record.
func trim(h *history, topic string) {
	first := map[int32]bool{}
	var kept []*kgo.Record
	for _, r := range h.records[topic] {
		if first[r.Partition] {
			kept = append(kept, r)
		}
		first[r.Partition] = true
		from := event.Cause{Topic: topic, Partition: r.Partition, Offset: r.Offset}.String()
		r.Offset += trimmedFrom
		to := event.Cause{Topic: topic, Partition: r.Partition, Offset: r.Offset}.String()
		for _, u := range h.records["updates"] {
			u.Value = []byte(strings.Replace(string(u.Value), strings.TrimSuffix(from, "0"), strings.TrimSuffix(to, "0"), 1))
		}
	}
	for _, d := range h.records[topic+".dlq"] {
		for i, header := range d.Headers {
			if header.Key == event.HeaderDLQOffset {
				offset, err := strconv.ParseInt(string(header.Value), 10, 64)
				if err != nil {
					h.t.Fatal(err)
				}
				d.Headers[i].Value = appendInt(offset + trimmedFrom)
			}
		}
	}
	h.records[topic], h.trimmed = kept, topic
}

func TestCompactedCatalogue(t *testing.T) {
	h := newHistory(t, 2)
	first := h.product(chair)
	h.product(desk)
	h.product(chair) // says nothing new
	h.order("o1", line1("chair", 1))
	h.remove(first)
	if r := h.audit(testOptions(), ""); r.Verdict != Holds {
		t.Errorf("%v, %+v", r.seen(), r.Findings)
	}
}

// The processor of somebody else writes fewer fields.
func TestFieldsAbsent(t *testing.T) {
	h := plain(t)
	for _, r := range h.records["updates"] {
		var u event.Update
		if err := event.ParseUpdate(r.Value, &u); err != nil {
			t.Fatal(err)
		}
		r.Value = []byte(`{"product_id":"` + u.ProductID + `","current_stock":` + strings.TrimSpace(string(appendInt(u.CurrentStock))) + `}`)
	}
	r := h.audit(othersOptions(), "")
	if r.Verdict != Undecided || r.Checks[checkSeq].Verdict != Undecided || r.Checks[checkReorders].Verdict != Undecided || r.Checks[checkIDs].Verdict != Holds {
		t.Errorf("%v, %+v", r.seen(), r.Findings)
	}
}

func TestCopiesInOtherPartitionsAreAWarning(t *testing.T) {
	h := newHistory(t, 2)
	h.product(chair)
	r := h.order("o1", line1("chair", 1))
	copied := h.put("orders", (r.Partition+1)%3, "o1", r.Value)
	h.apply(h.stock["chair"], -1, copied, 0, 0, 5*event.MoneyUnit)
	report := h.audit(testOptions(), "")
	if report.Verdict != Holds || len(report.Warnings) != 1 {
		t.Errorf("%v, %+v, %q", report.seen(), report.Findings, report.Warnings)
	}
}

// A copy counts as a duplicate up to the window's last offset, and a record that
// was put back from the dead letters is another one than the one refused.
func TestDuplicatesByWindowAndReplay(t *testing.T) {
	for distance, duplicate := range map[int64]bool{1: true, 20: true, 21: false} {
		h := newHistory(t, 0)
		h.dense = true
		h.product(chair)
		r := h.order("o1", line1("chair", 1))
		for h.ends[place{topic: "orders"}] < r.Offset+distance {
			h.put("orders", 0, "x", nil)
		}
		copied := h.again(r)
		if !duplicate {
			h.apply(h.stock["chair"], -1, copied, 0, 0, 5*event.MoneyUnit)
		}
		report := h.audit(testOptions(), "")
		if report.Verdict != Holds || report.Counts.Duplicates == 1 != duplicate {
			t.Errorf("%d offsets apart: %v, %+v", distance, report.seen(), report.Findings)
		}
	}
	h := newHistory(t, 0)
	r := h.order("o1", line1("chair", 1)) // dead-lettered: the chair is not there yet
	h.product(chair)
	replay := func() *kgo.Record {
		return h.put("orders", 0, "o1", r.Value, kgo.RecordHeader{Key: event.HeaderDLQReplay, Value: []byte("orders.dlq/0@0")})
	}
	h.apply(h.stock["chair"], -1, replay(), 0, 0, 5*event.MoneyUnit)
	replay()
	report := h.audit(testOptions(), "")
	if report.Verdict != Holds || report.Counts.Duplicates != 1 {
		t.Errorf("replayed twice: %v, %+v", report.seen(), report.Findings)
	}
}

func TestFindingsAreBounded(t *testing.T) {
	h := plain(t)
	for range 50 {
		h.put("alerts", 0, "x", []byte("x"))
	}
	r := h.audit(testOptions(), "")
	if len(r.Findings) != 20 || r.Checks[checkAlerts].Violations != 50 {
		t.Errorf("%d findings kept of %d", len(r.Findings), r.Checks[checkAlerts].Violations)
	}
}
