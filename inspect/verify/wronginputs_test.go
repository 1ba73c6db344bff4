package verify

import (
	"testing"

	"inv/internal/event"

	"github.com/twmb/franz-go/pkg/kgo"
)

func causeAt(r *kgo.Record, line int32) string {
	return event.Cause{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Line: line}.String()
}

// What can be wrong with updates of receipts and of catalogue records, and with
// these themselves.
func TestWrongReceiptsAndCatalogues(t *testing.T) {
	const notApplied = "4.input violated 1"
	manual := func(h *history) *kgo.Record {
		return h.restock(event.Receipt{ReceiptID: "by-hand", ProductID: "chair", Quantity: 3, Timestamp: 3})
	}
	receiptOf := func(h *history, product string) *kgo.Record { return h.by("receipts", `"event_id":"reorder-`+product) }
	lastCause := func(h *history, seq int64, cause string) {
		h.editUpdate("chair", seq, func(u *event.Update) { u.Cause = cause })
	}
	renamed := chair
	renamed.Name = "Armchair"
	eachIsFound(t, map[string]wrongCase{
		"1: a receipt applied twice": {func(h *history) {
			manual(h)
			again := manual(h)
			h.remove(again) // the update of the second names the first
			lastCause(h, 8, causeAt(h.by("receipts", "by-hand"), 0))
		}, []string{"1.causes violated 1"}},
		"1: a line of a receipt": {func(h *history) { lastCause(h, 6, causeAt(receiptOf(h, "chair"), 1)) },
			[]string{"1.causes violated 1", notApplied}},
		"1: a receipt that is not there": {func(h *history) { lastCause(h, 6, "receipts/0@999#0") },
			[]string{"1.causes violated 1", notApplied}},
		"1: a receipt without quantity applied": {func(h *history) {
			bad := h.bad("receipts", `{"receipt_id":"r","product_id":"chair"}`, event.BadQuantity)
			lastCause(h, 6, causeAt(bad, 0))
		}, []string{"1.causes violated 1", notApplied}},
		"1: a receipt applied and dead-lettered": {func(h *history) { h.refuse(receiptOf(h, "chair"), event.UnknownProduct) },
			[]string{"1.once violated 1"}},
		"1: a duplicate of a receipt applied": {func(h *history) {
			copied := h.again(manual(h))
			h.apply(h.stock["chair"], 3, copied, 0, 0, chair.Price)
		}, []string{"1.once violated 1"}},
		"1: a duplicate of a receipt dead-lettered": {func(h *history) { h.refuse(h.again(manual(h)), event.UnknownProduct) },
			[]string{"1.once violated 1"}},
		"1: a catalogue record applied twice": {func(h *history) {
			h.apply(h.stock["chair"], 0, h.records["catalog"][0], 0, 0, chair.Price)
		}, []string{"1.causes violated 1"}},
		"1: a catalogue record that is none applied": {func(h *history) {
			bad := h.bad("catalog", `{"id":5}`, event.WrongType)
			h.apply(h.stock["chair"], 0, bad, 0, 0, chair.Price)
		}, []string{"1.causes violated 1"}},
		"1: dead-lettered though applied, a catalogue record": {func(h *history) { h.refuse(h.records["catalog"][0], event.WrongType) },
			[]string{"1.once violated 1", notApplied}},

		"2: no product": {func(h *history) { h.put("updates", 0, "x", []byte(`{"seq":1}`)) },
			[]string{"2.seq violated 1"}},
		"2: a receipt of another product": {func(h *history) { // the two receipts' updates name each other's
			mine, other := causeAt(receiptOf(h, "chair"), 0), causeAt(receiptOf(h, "desk"), 0)
			lastCause(h, 6, other)
			h.editUpdate("desk-2", 3, func(u *event.Update) { u.Cause = mine })
		}, []string{"2.delta violated 2"}},
		"2: opened by another product's record": {func(h *history) {
			mine, other := causeAt(h.records["catalog"][0], 0), causeAt(h.records["catalog"][1], 0)
			lastCause(h, 1, other)
			h.editUpdate("desk-2", 1, func(u *event.Update) { u.Cause = mine })
		}, []string{"2.delta violated 2"}},
		"2: a changed product changes the stock": {func(h *history) {
			h.product(renamed)
			h.editUpdate("chair", 7, func(u *event.Update) { u.Delta, u.CurrentStock = 1, 51 })
		}, []string{"2.delta violated 1"}},
		"2: a changed product with other thresholds": {func(h *history) {
			h.product(renamed)
			h.editUpdate("chair", 7, func(u *event.Update) { u.ReorderThreshold = 11 })
		}, []string{"2.facts violated 1"}},
		"2: a receipt that leaves something unmet": {func(h *history) {
			h.editUpdate("chair", 6, func(u *event.Update) { u.UnmetQuantity = 1 })
		}, []string{"2.delta violated 1"}},

		"3: an alert with another stock": {func(h *history) {
			edit(h.t, h.by("alerts", "alert-chair-4"), event.ParseAlert, event.AppendAlert, func(v *event.Alert) { v.CurrentStock++ })
		}, []string{"3.alerts violated 1"}},
		"3: an alert of another name": {func(h *history) {
			edit(h.t, h.by("alerts", "alert-chair-4"), event.ParseAlert, event.AppendAlert, func(v *event.Alert) { v.ProductName = "Stool" })
		}, []string{"3.alerts violated 1"}},
		"3: an alert that is no JSON": {func(h *history) { h.put("alerts", 0, "x", []byte("x")) },
			[]string{"3.alerts violated 1"}},
		"3: an alert for an update that is not there": {func(h *history) {
			v := event.Alert{AlertID: "alert-chair-99", AlertType: event.AlertCritical, ProductID: "chair", ProductName: "Chair", Threshold: 5}
			h.put("alerts", 0, "chair", event.AppendAlert(nil, &v))
		}, []string{"3.alerts violated 1"}},
		"3: a reorder with an id of its own kind": {func(h *history) {
			edit(h.t, h.by("reorders", "reorder-chair-3"), event.ParseReorder, event.AppendReorder, func(v *event.Reorder) { v.EventID = "reorder-1" })
		}, []string{"3.reorders violated 2", "4.receipts violated 1", "envelope violated 1"}},
		"3: a reorder dead-lettered though nothing is wrong with it": {func(h *history) {
			h.refuse(h.by("reorders", "reorder-chair-3"), event.WrongType)
		}, []string{"4.input violated 1", "4.receipts violated 1"}},

		"4: a bad receipt is lost":          {func(h *history) { h.put("receipts", 0, "x", []byte("x")) }, []string{notApplied}},
		"4: a bad catalogue record is lost": {func(h *history) { h.put("catalog", 0, "x", []byte("x")) }, []string{notApplied}},
		"4: a receipt for a reorder that is not there": {func(h *history) {
			h.restock(event.Receipt{ReceiptID: "r", EventID: "reorder-chair-9", ProductID: "chair", Quantity: 1, Timestamp: 3}, h.source())
		}, []string{"4.receipts violated 1"}},
		"4: stock that comes from a catalogue record that is gone": {func(h *history) {
			gone := h.product(renamed)
			h.editUpdate("chair", 7, func(u *event.Update) { u.Delta, u.CurrentStock = 1, 51 })
			h.remove(gone)
		}, []string{"2.facts violated 1", "4.quantities violated 1"}},
		"another application wrote a reorder and an alert": {func(h *history) {
			for _, r := range []*kgo.Record{h.by("reorders", "reorder-chair-3"), h.by("alerts", "alert-chair-4")} {
				r.Headers = []kgo.RecordHeader{{Key: event.HeaderSource, Value: []byte("other")}}
			}
		}, []string{"source violated 2"}},
	})
}

// What is unusual and right all the same.
func TestUnusualHistoriesHold(t *testing.T) {
	eachIsFound(t, map[string]wrongCase{
		"a receipt's tombstone": {func(h *history) { h.put("receipts", 0, "x", nil) }, nil},
		"a reorder of a version to come, dead-lettered": {func(h *history) {
			h.remove(h.by("receipts", "reorder-chair-3"))
			h.remove(h.update("chair", 6))
			r := h.by("reorders", "reorder-chair-3")
			r.Headers[1].Value = []byte("inventory.reorder.v2") // ce_type
			h.refuse(r, event.UnknownVersion)
		}, nil},
		"a receipt put back, whose reorder has been answered": {func(h *history) {
			r := h.by("receipts", "reorder-chair-3")
			h.apply(h.stock["chair"], 50, h.put("receipts", r.Partition, "chair", r.Value,
				kgo.RecordHeader{Key: event.HeaderDLQReplay, Value: []byte("receipts.dlq/0@0")}), 0, 0, chair.Price)
		}, nil},
		"a copy whose dlq-replay header is empty": {func(h *history) {
			copied := h.again(h.by("orders", "o4"))
			copied.Headers = []kgo.RecordHeader{{Key: event.HeaderDLQReplay}}
		}, nil},
		"a dead letter that was cut": {func(h *history) {
			d := h.by("orders.dlq", "{ k")
			d.Value = nil
			d.Headers = append(d.Headers, kgo.RecordHeader{Key: event.HeaderDLQTruncated, Value: []byte("1")})
		}, nil},
		"a wrong total accepted": {func(h *history) {
			o := event.Order{OrderID: "o9", Items: []event.Line{line1("chair", 1)}, Total: 7 * event.MoneyUnit}
			r := h.put("orders", 0, "o9", event.AppendOrder(nil, &o))
			h.apply(h.stock["chair"], -1, r, 0, 0, o.Items[0].UnitPrice)
		}, []string{"4.input undecided 0"}},
		"a wrong total refused, and its copy": {func(h *history) {
			o := event.Order{OrderID: "o9", Items: []event.Line{line1("chair", 1)}, Total: 7 * event.MoneyUnit}
			r := h.put("orders", 0, "o9", event.AppendOrder(nil, &o))
			h.refuse(r, event.TotalMismatch)
			h.refuse(h.again(r), event.TotalMismatch)
		}, nil},
	})
}
