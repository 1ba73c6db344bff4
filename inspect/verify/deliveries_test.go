package verify

import (
	"slices"
	"strings"
	"testing"

	"inv/internal/event"

	"github.com/twmb/franz-go/pkg/kgo"
)

// undelivered returns a history with two reorders that wait: 50 chairs and 5 desks.
func undelivered(t *testing.T) *history {
	h := newHistory(t, 2)
	h.product(chair)
	h.product(desk)
	h.order("o1", line1("chair", 12), line1("desk-2", 1))
	if len(h.waiting) != 2 {
		t.Fatalf("%d reorders wait", len(h.waiting))
	}
	return h
}

func delivery(id, reorder, product string, quantity int64) event.Receipt {
	return event.Receipt{ReceiptID: id, EventID: reorder, ProductID: product, Quantity: quantity, Timestamp: 3}
}

// Receipts that somebody else writes are right in any number, of any quantity, in any
// order and under any id: the same in parts, late, too much and for reorders that
// there never were.
func TestReceiptsOfExternalProcurement(t *testing.T) {
	const chairs, desks = "reorder-chair-2", "reorder-desk-2-2"
	supplier := kgo.RecordHeader{Key: event.HeaderSource, Value: []byte("supplier")}
	deskInFull := func(h *history) { h.restock(delivery("d-1", desks, "desk-2", 5)) }
	for name, c := range map[string]struct {
		deliver func(h *history)
		due     bool // not all is there yet
		over    bool // more than that is
	}{
		"a receipt id equal to its reorder's id": {func(h *history) { h.restock(delivery(chairs, chairs, "chair", 50)); deskInFull(h) }, false, false},
		"a receipt id equal to an alert's id":    {func(h *history) { h.restock(delivery("alert-desk-2-2", chairs, "chair", 50)); deskInFull(h) }, false, false},
		"two parts": {func(h *history) {
			h.restock(delivery("r-1", chairs, "chair", 20))
			h.restock(delivery("r-2", chairs, "chair", 30))
			deskInFull(h)
		}, false, false},
		"two parts of one delivery note": {func(h *history) {
			h.restock(delivery("note", chairs, "chair", 20), supplier)
			h.restock(delivery("note", chairs, "chair", 30), supplier)
			h.restock(delivery("note", desks, "desk-2", 5), supplier)
		}, false, false},
		"parts with the reorder's id in theirs": {func(h *history) {
			h.restock(delivery("receipt-"+chairs, chairs, "chair", 20))
			h.restock(delivery("receipt-"+chairs, chairs, "chair", 30))
			deskInFull(h)
		}, false, false},
		"a part that is late, behind another reorder": {func(h *history) {
			h.restock(delivery("r-1", chairs, "chair", 20))
			h.order("o2", line1("chair", 20)) // closed by the first part, so there is another
			h.restock(delivery("r-2", chairs, "chair", 30))
			h.restock(delivery("r-3", "reorder-chair-4", "chair", 50))
			deskInFull(h)
		}, false, false},
		"out of order": {func(h *history) {
			h.restock(delivery("r-1", chairs, "chair", 5))
			h.order("o2", line1("chair", 3))
			h.restock(delivery("r-3", "reorder-chair-4", "chair", 50))
			h.restock(delivery("r-2", chairs, "chair", 45))
			deskInFull(h)
		}, false, false},
		"only a part": {func(h *history) { h.restock(delivery("r-1", chairs, "chair", 20)); deskInFull(h) }, true, false},
		"nothing yet": {func(*history) {}, true, false},
		"too much":    {func(h *history) { h.restock(delivery("r-1", chairs, "chair", 60)); deskInFull(h) }, false, true},
		"an unknown reorder": {func(h *history) {
			h.restock(delivery("r-1", "PO-77", "chair", 60), supplier)
			h.restock(delivery("r-2", "reorder-chair-77", "chair", 1), supplier)
			deskInFull(h)
		}, true, false},
		"another product's reorder": {func(h *history) {
			h.restock(delivery("r-1", chairs, "chair", 50), supplier)
			h.restock(delivery("r-2", chairs, "desk-2", 5), supplier)
		}, true, false},
		"by hand": {func(h *history) {
			h.restock(delivery("r-1", "", "chair", 50))
			deskInFull(h)
		}, true, false},
		"the same receipt twice": {func(h *history) {
			h.again(h.restock(delivery("r-1", chairs, "chair", 50)))
			deskInFull(h)
		}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := undelivered(t)
			c.deliver(h)
			o := testOptions()
			o.Procurement = false
			r := h.audit(o, "")
			if r.Verdict != Holds || r.Checks[checkReceipts].Verdict != Skipped {
				t.Errorf("without procurement: %q, %+v", r.seen(), r.Findings)
			}
			if over := strings.Contains(strings.Join(r.Warnings, ""), "add up to more than was ordered"); over != c.over {
				t.Errorf("warnings %q", r.Warnings)
			}
			o = testOptions()
			o.App = "" // another processor, of which it is not known what it does
			var want []string
			if c.due {
				want = []string{"4.receipts undecided 0"}
			}
			if r = h.audit(o, ""); !slices.Equal(r.seen(), want) {
				t.Errorf("of another processor: %q, want %q, %+v", r.seen(), want, r.Findings)
			}
		})
	}
}

// Beside procurement others may deliver, too; procurement's own receipt is still
// expected, once and in full.
func TestReceiptsBesideProcurement(t *testing.T) {
	const chairs = "reorder-chair-2"
	supplier := kgo.RecordHeader{Key: event.HeaderSource, Value: []byte("supplier")}
	for name, c := range map[string]struct {
		deliver func(h *history)
		want    []string
	}{
		"before":           {func(h *history) { h.restock(delivery("r-1", chairs, "chair", 20)); h.deliver() }, nil},
		"behind":           {func(h *history) { h.deliver(); h.restock(delivery(chairs, chairs, "chair", 50)) }, nil},
		"under its own id": {func(h *history) { h.deliver(); h.restock(delivery("receipt-"+chairs, chairs, "chair", 1), supplier) }, nil},
		"in its place": {func(h *history) {
			h.waiting = h.waiting[1:]
			h.restock(delivery("receipt-"+chairs, chairs, "chair", 50), supplier)
			h.deliver()
		}, []string{"4.receipts violated 1"}},
		"its own twice": {func(h *history) {
			h.deliver()
			h.restock(delivery("r-2", chairs, "chair", 50), h.source())
		}, []string{"4.receipts violated 1"}},
		"its own without headers": {func(h *history) {
			h.deliver()
			for _, r := range h.records["receipts"] {
				r.Headers = nil
			}
		}, nil},
	} {
		h := undelivered(t)
		c.deliver(h)
		if r := h.audit(testOptions(), ""); !slices.Equal(r.seen(), c.want) {
			t.Errorf("%s: %q, want %q, %+v", name, r.seen(), c.want, r.Findings)
		}
	}
}

// A receipt of a product that was never listed waits for it: that is not rest.
func TestReceiptsThatWaitAreNotRest(t *testing.T) {
	h := plain(t)
	h.put("catalog", 0, "lamp", nil)
	h.put("receipts", 0, "lamp", []byte(`{"receipt_id":"r","product_id":"lamp","quantity":1}`))
	r := h.audit(testOptions(), "")
	if r.Verdict != Undecided || !strings.Contains(r.Checks[checkRest].Why, "1 receipt may wait") {
		t.Errorf("%q, %+v, %s", r.seen(), r.Findings, r.Checks[checkRest].Why)
	}
	h = plain(t)
	h.delist("chair") // which has updates, so that its receipts are applied
	h.put("receipts", 0, "chair", []byte(`{"receipt_id":"r","product_id":"chair","quantity":1}`))
	if got := h.audit(testOptions(), "").seen(); !slices.Equal(got, []string{"4.input violated 1"}) {
		t.Errorf("of a product that was listed: %q", got)
	}
}
