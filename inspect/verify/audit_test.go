package verify

import (
	"fmt"
	"testing"

	"inv/internal/event"
)

func TestARightHistoryHolds(t *testing.T) {
	h := plain(t)
	r := h.audit(testOptions(), "")
	if r.Verdict != Holds {
		t.Fatalf("%v\n%+v", r.seen(), r.Findings)
	}
	want := Counts{Products: 2, Catalogue: 2, Orders: 7, Lines: 7, Applied: 3, Duplicates: 1, DeadLettered: 2, Skipped: 1, Receipts: 2,
		Updates: 9, Reorders: 2, Alerts: 2, Ordered: 23, Filled: 21, Unmet: 2}
	if r.Counts != want {
		t.Errorf("counted %+v\nwant    %+v", r.Counts, want)
	}
}

// Histories of many shapes: any number of partitions, products that open late,
// change, are delisted and come back, orders of everything, copies near and far,
// receipts at once, late, and by hand.
func TestRightHistoriesHold(t *testing.T) {
	for seed := range uint64(300) {
		h := newHistory(t, seed)
		randomHistory(h)
		if r := h.audit(testOptions(), ""); r.Verdict != Holds {
			t.Fatalf("seed %d: %v\n%+v", seed, r.seen(), r.Findings)
		}
	}
}

func randomHistory(h *history) {
	products := []event.Product{chair, desk}
	for i := range h.rnd.IntN(4) {
		products = append(products, event.Product{ID: fmt.Sprintf("p-%d", i), Name: "P", ReorderThreshold: h.rnd.Int64N(20),
			ReorderQuantity: h.rnd.Int64N(30), CriticalThreshold: h.rnd.Int64N(25), InitialStock: h.rnd.Int64N(60)})
	}
	for step := range 40 + h.rnd.IntN(100) {
		p := products[h.rnd.IntN(len(products))]
		id := fmt.Sprintf("o%d", step)
		switch h.rnd.IntN(20) {
		case 0, 1:
			h.product(p)
		case 2:
			p.ReorderThreshold = h.rnd.Int64N(30)
			p.CriticalThreshold = h.rnd.Int64N(30)
			h.product(p)
		case 3:
			if h.stock[p.ID] != nil {
				h.delist(p.ID)
			}
		case 4:
			h.bad("orders", fmt.Sprintf(`{"order_id":%d}`, step), event.WrongType)
		case 5:
			h.put("orders", 0, id, nil)
		case 6:
			h.restock(event.Receipt{ReceiptID: "by-hand-" + id, ProductID: p.ID, Quantity: 1 + h.rnd.Int64N(9), Timestamp: h.now.UnixMilli()})
		case 7:
			h.deliver()
		case 8:
			h.bad("receipts", fmt.Sprintf(`{"receipt_id":"%d"}`, step), event.MissingID)
		case 9:
			h.again(h.order(id, line1(p.ID, 1)))
		default:
			var lines []event.Line
			for range 1 + h.rnd.IntN(3) {
				lines = append(lines, line1(products[h.rnd.IntN(len(products))].ID, 1+h.rnd.Int64N(9)))
			}
			h.order(id, lines...)
		}
	}
	h.deliver()
}
