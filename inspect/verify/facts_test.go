package verify

import (
	"slices"
	"strings"
	"testing"
	"time"

	"inv/internal/event"

	"github.com/twmb/franz-go/pkg/kgo"
)

var (
	lamp = event.Product{ID: "lamp", Name: "Lamp", Category: "lights", WarehouseID: "w-1", Price: 5 * event.MoneyUnit, ReorderThreshold: 10,
		ReorderQuantity: 50, CriticalThreshold: 5, InitialStock: 20}
	// dearLamp is the lamp's second catalogue record.
	dearLamp = event.Product{ID: "lamp", Name: "Floor lamp", Category: "floors", WarehouseID: "w-2", Price: 7 * event.MoneyUnit, ReorderThreshold: 12,
		ReorderQuantity: 40, CriticalThreshold: 6, InitialStock: 20}
)

// lit returns a history of the lamp. Its updates are 1: +20 (20), 2: −12 (8, reorder),
// 3: −4 (4, alert), 4: +50 (54), 5: the second record, 6: −44 (10, reorder),
// 7: +3 by hand (13), 8: +40 (53).
func lit(t *testing.T) *history {
	h := newHistory(t, 2)
	h.product(lamp)
	h.order("o1", line1("lamp", 12))
	h.order("o2", line1("lamp", 4))
	h.deliver()
	h.product(dearLamp)
	h.order("o3", line1("lamp", 44))
	h.restock(event.Receipt{ReceiptID: "by-hand", ProductID: "lamp", Quantity: 3, Timestamp: h.now.UnixMilli()})
	h.deliver()
	return h
}

// Each fact that an update repeats is compared with where it has it from.
func TestWrongFactsOfUpdates(t *testing.T) {
	one := []string{"2.facts violated 1"}
	for name, change := range map[string]func(u *event.Update){
		"the name":              func(u *event.Update) { u.ProductName = "Lamp" },
		"no name":               func(u *event.Update) { u.ProductName = "" },
		"the category":          func(u *event.Update) { u.Category = "lights" },
		"the warehouse":         func(u *event.Update) { u.WarehouseID = "" },
		"the reorder threshold": func(u *event.Update) { u.ReorderThreshold-- },
		"the reorder quantity":  func(u *event.Update) { u.ReorderQuantity = 50 },
		"the critical one":      func(u *event.Update) { u.CriticalThreshold = 0 },
		"a receipt's price":     func(u *event.Update) { u.UnitPrice = 5 * event.MoneyUnit },
		"the last order":        func(u *event.Update) { u.LastOrderID = "o1" },
		"the last reorder":      func(u *event.Update) { u.LastReorderID = "" },
		"no time of processing": func(u *event.Update) { u.LastUpdated = 0 },
	} {
		for _, seq := range []int64{5, 7} { // of a catalogue record and of a receipt
			h := lit(t)
			h.editUpdate("lamp", seq, change)
			if got := h.audit(testOptions(), "").seen(); !slices.Equal(got, one) {
				t.Errorf("%s, seq %d: %q", name, seq, got)
			}
		}
	}
	for name, c := range map[string]struct {
		seq    int64
		change func(u *event.Update)
		want   []string
	}{
		"an order's id":     {6, func(u *event.Update) { u.LastOrderID = "o9" }, []string{"2.facts violated 1"}},
		"a receipt's id":    {4, func(u *event.Update) { u.LastReorderID = "reorder-lamp-3" }, []string{"2.facts violated 1"}},
		"a record's time":   {5, func(u *event.Update) { u.Timestamp++ }, []string{"2.facts violated 1"}},
		"an order's time":   {3, func(u *event.Update) { u.Timestamp++ }, []string{"2.facts violated 1", "3.alerts violated 1"}},
		"an opening unmet":  {1, func(u *event.Update) { u.UnmetQuantity = 2 }, []string{"2.opening violated 1"}},
		"what is not there": {2, func(u *event.Update) { u.Category = "other" }, []string{"2.facts violated 1"}},
	} {
		h := lit(t)
		h.editUpdate("lamp", c.seq, c.change)
		if got := h.audit(testOptions(), "").seen(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if got := lit(t).audit(testOptions(), "").seen(); got != nil {
		t.Errorf("the right history: %q", got)
	}
}

// So is what reorders, alerts and procurement's receipts repeat.
func TestWrongFactsOfReactionsAndReceipts(t *testing.T) {
	reorder := func(change func(*event.Reorder)) func(h *history) {
		return func(h *history) {
			edit(h.t, h.by("reorders", "reorder-lamp-6"), event.ParseReorder, event.AppendReorder, change)
		}
	}
	alert := func(change func(*event.Alert)) func(h *history) {
		return func(h *history) {
			edit(h.t, h.by("alerts", "alert-lamp-3"), event.ParseAlert, event.AppendAlert, change)
		}
	}
	receipt := func(change func(*event.Receipt)) func(h *history) {
		return func(h *history) {
			edit(h.t, h.by("receipts", "reorder-lamp-6"), event.ParseReceipt, event.AppendReceipt, change)
		}
	}
	for name, c := range map[string]wrongCase{
		"a reorder's warehouse": {reorder(func(v *event.Reorder) { v.WarehouseID = "w-1" }), []string{"3.reorders violated 1", "4.receipts violated 1"}},
		"a reorder's time":      {reorder(func(v *event.Reorder) { v.Timestamp-- }), []string{"3.reorders violated 1"}},
		"an alert's warehouse":  {alert(func(v *event.Alert) { v.WarehouseID = "" }), []string{"3.alerts violated 1"}},
		"an alert's time":       {alert(func(v *event.Alert) { v.Timestamp++ }), []string{"3.alerts violated 1"}},
		"an alert's message":    {alert(func(v *event.Alert) { v.Message = "Fire" }), []string{"3.alerts violated 1"}},
		"a receipt's warehouse": {receipt(func(v *event.Receipt) { v.WarehouseID = "w-1" }), []string{"4.receipts violated 1"}},
		"a receipt's id":        {receipt(func(v *event.Receipt) { v.ReceiptID += "0" }), []string{"4.receipts violated 1"}},
		"a receipt before its reorder": {receipt(func(v *event.Receipt) { v.Timestamp -= 1000 }),
			[]string{"2.facts violated 1", "4.receipts violated 1"}},
		"a copy of a receipt": {func(h *history) { h.again(h.by("receipts", "reorder-lamp-6")) }, []string{"4.receipts violated 1"}},
		"no stock in an alert": {func(h *history) {
			r := h.by("alerts", "alert-lamp-3")
			r.Value = []byte(strings.Replace(string(r.Value), `"current_stock":4,`, "", 1))
		}, []string{"3.alerts violated 2"}},
		"reorders in another order": {func(h *history) {
			a, b := h.by("reorders", "reorder-lamp-2"), h.by("reorders", "reorder-lamp-6")
			b.Partition, b.Offset = a.Partition, a.Offset-1
		}, []string{"3.reorders violated 1"}},
	} {
		h := lit(t)
		c.wrong(h)
		if r := h.audit(testOptions(), ""); !slices.Equal(r.seen(), c.want) {
			t.Errorf("%s: %q, want %q\n%+v", name, r.seen(), c.want, r.Findings)
		}
	}
}

// Keys, timestamps and headers are as the program writes them, or are all another
// program's.
func TestWrongEnvelopes(t *testing.T) {
	header := func(key, value string) func(r *kgo.Record) {
		return func(r *kgo.Record) {
			r.Headers = slices.DeleteFunc(slices.Clone(r.Headers), func(h kgo.RecordHeader) bool { return h.Key == key })
			if value != "" {
				r.Headers = append(r.Headers, kgo.RecordHeader{Key: key, Value: []byte(value)})
			}
		}
	}
	for name, change := range map[string]func(r *kgo.Record){
		"another key":          func(r *kgo.Record) { r.Key = []byte("lam") },
		"no key":               func(r *kgo.Record) { r.Key = nil },
		"a later timestamp":    func(r *kgo.Record) { r.Timestamp = r.Timestamp.Add(time.Millisecond) },
		"an earlier timestamp": func(r *kgo.Record) { r.Timestamp = r.Timestamp.Add(-time.Millisecond) },
		"no headers":           func(r *kgo.Record) { r.Headers = nil },
		"no ce_source":         header(event.HeaderSource, ""),
		"no ce_id":             header(event.HeaderID, ""),
		"another ce_id":        header(event.HeaderID, "x"),
		"another ce_type":      header(event.HeaderType, "inventory.other.v1"),
		"another ce_time":      header(event.HeaderTime, "2026-01-01T00:00:00Z"),
		"another specversion":  header(event.HeaderSpecVersion, "0.3"),
		"another content-type": header(event.HeaderContentType, "text/plain"),
		"a second ce_id":       func(r *kgo.Record) { r.Headers = append(slices.Clone(r.Headers), r.Headers[3]) },
	} {
		for _, topic := range []string{"updates", "alerts", "reorders", "receipts"} {
			h := lit(t)
			change(h.records[topic][0])
			r := h.audit(testOptions(), "")
			if !slices.Contains(r.seen(), "envelope violated 1") && r.Checks[checkEnvelope].Violations == 0 {
				t.Errorf("%s in %s: %q, %+v", name, topic, r.seen(), r.Findings)
			}
		}
	}
	// An update an hour before its event, of which the clock was not that far behind.
	h := lit(t)
	h.update("lamp", 3).Timestamp = h.now.Add(-time.Hour)
	if r := h.audit(testOptions(), ""); r.Checks[checkEnvelope].Violations != 1 {
		t.Errorf("%q", r.seen())
	}
}

// A processor that never reorders and whose updates carry thresholds of 0 is wrong,
// also when compaction has left only the last catalogue record.
func TestProcessorThatNeverReorders(t *testing.T) {
	for _, compacted := range []bool{false, true} {
		h := newHistory(t, 2)
		first := h.product(lamp)
		second := h.product(dearLamp)
		for _, k := range h.stock {
			k.ReorderThreshold, k.ReorderQuantity, k.CriticalThreshold = 0, 0, 0
		}
		h.order("o1", line1("lamp", 12))
		h.order("o2", line1("lamp", 6))
		for seq := range int64(4) {
			h.editUpdate("lamp", seq+1, func(u *event.Update) { u.ReorderThreshold, u.ReorderQuantity, u.CriticalThreshold = 0, 0, 0 })
		}
		h.records["reorders"], h.records["alerts"] = nil, nil
		if compacted {
			h.remove(first)
			h.remove(second)
			h.put("catalog", 0, "lamp", second.Value) // an identical one, which changes nothing
		}
		r := h.audit(testOptions(), "")
		if r.Verdict != Violated || r.Checks[checkFacts].Violations == 0 {
			t.Errorf("compacted %v: %q, %+v", compacted, r.seen(), r.Findings)
		}
	}
}

// Without the record in force what its update said must stay.
func TestFactsOfACompactedRecord(t *testing.T) {
	h := lit(t)
	h.remove(h.records["catalog"][0])
	if got := h.audit(testOptions(), "").seen(); got != nil {
		t.Errorf("%q", got)
	}
	h.editUpdate("lamp", 2, func(u *event.Update) { u.ReorderThreshold = 11 })
	if got := h.audit(testOptions(), "").seen(); !slices.Equal(got, []string{"2.facts violated 1"}) {
		t.Errorf("another threshold: %q", got)
	}
	h = lit(t)
	h.remove(h.records["catalog"][0])
	h.remove(h.by("reorders", "reorder-lamp-2"))
	h.remove(h.by("receipts", "reorder-lamp-2"))
	h.remove(h.update("lamp", 8))
	if got := h.audit(testOptions(), "").seen(); !slices.Contains(got, "3.reorders undecided 0") {
		t.Errorf("a reorder may be missing since the product was delisted: %q", got)
	}
}

// A delisted product was still listed where it has a reorder or an alert, and is again
// from its next catalogue record on.
func TestReactionsOfADelistedProduct(t *testing.T) {
	delisted := func(t *testing.T) *history {
		h := newHistory(t, 2)
		h.product(lamp)
		h.order("o1", line1("lamp", 12)) // reorder-lamp-2
		h.order("o2", line1("lamp", 4))  // alert-lamp-3
		h.deliver()
		h.delist("lamp")
		h.product(lamp)
		h.order("o3", line1("lamp", 46)) // reorder-lamp-6
		h.deliver()
		return h
	}
	for id, want := range map[string][]string{
		"reorder-lamp-2": {"3.reorders violated 1", "4.receipts violated 1"}, // there is an alert behind it
		"alert-lamp-3":   nil,
		"reorder-lamp-6": {"3.reorders violated 1", "4.receipts violated 1"},
	} {
		h := delisted(t)
		topic := "reorders"
		if strings.HasPrefix(id, "alert") {
			topic = "alerts"
		}
		h.remove(h.by(topic, id))
		if got := h.audit(testOptions(), "").seen(); !slices.Equal(got, want) {
			t.Errorf("without %s: %q, want %q", id, got, want)
		}
	}
}

// An order whose total is not the sum was right to be applied only if the processor
// accepts such orders.
func TestAcceptedTotals(t *testing.T) {
	h := lit(t)
	o := event.Order{OrderID: "o9", Items: []event.Line{line1("lamp", 1)}, Total: 7 * event.MoneyUnit}
	h.apply(h.stock["lamp"], -1, h.put("orders", 0, "o9", event.AppendOrder(nil, &o)), 0, 0, o.Items[0].UnitPrice)
	options := testOptions()
	r := h.audit(options, "")
	if !slices.Equal(r.seen(), []string{"4.input undecided 0"}) || !r.Signs.Argued {
		t.Errorf("%q, %+v", r.seen(), r.Signs)
	}
	options.AcceptTotals = true
	if r := h.audit(options, ""); r.Verdict != Holds || r.Signs.Argued {
		t.Errorf("%q", r.seen())
	}
}

// A catalogue that was enlarged has records of a product in several partitions, which
// are read in any order.
func TestScatteredCatalogue(t *testing.T) {
	for _, turned := range []bool{false, true} {
		h := lit(t)
		h.put("catalog", 1, "lamp", h.records["catalog"][1].Value) // an identical one
		moved := h.put("catalog", 1, "lamp", event.AppendProduct(nil, &lamp))
		h.stock["lamp"].Product = lamp
		h.apply(h.stock["lamp"], 0, moved, 0, 0, lamp.Price)
		if turned {
			slices.SortStableFunc(h.records["catalog"], func(x, y *kgo.Record) int { return int(y.Partition - x.Partition) })
		}
		if got := h.audit(testOptions(), "").seen(); got != nil {
			t.Errorf("turned %v: %q", turned, got)
		}
	}
}
