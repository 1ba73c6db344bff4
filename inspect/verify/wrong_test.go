package verify

import (
	"slices"
	"strings"
	"testing"

	"inv/internal/event"
	"inv/internal/registry"

	"github.com/twmb/franz-go/pkg/kgo"
)

// edit changes a record's value.
func edit[T any](t *testing.T, r *kgo.Record, parse func([]byte, *T) error, write func([]byte, *T) []byte, change func(*T)) {
	t.Helper()
	var v T
	if err := parse(r.Value, &v); err != nil {
		t.Fatal(err)
	}
	change(&v)
	r.Value = write(nil, &v)
	partition := r.Partition
	(&history{app: "inv", partitions: 1}).seal(r)
	r.Partition = partition
}

// update returns the nth update of the chair, from 1.
func (h *history) update(product string, seq int64) *kgo.Record {
	h.t.Helper()
	for _, r := range h.records["updates"] {
		var u event.Update
		if err := event.ParseUpdate(r.Value, &u); err != nil {
			h.t.Fatal(err)
		}
		if u.ProductID == product && u.Seq == seq {
			return r
		}
	}
	h.t.Fatalf("%s has no update %d", product, seq)
	return nil
}

func (h *history) editUpdate(product string, seq int64, change func(*event.Update)) {
	h.t.Helper()
	edit(h.t, h.update(product, seq), event.ParseUpdate, event.AppendUpdate, change)
}

// remove takes a record out of its topic.
func (h *history) remove(r *kgo.Record) {
	h.records[r.Topic] = slices.DeleteFunc(h.records[r.Topic], func(x *kgo.Record) bool { return x == r })
}

// by returns the nth record of a topic, from 0, that contains a text.
func (h *history) by(topic, text string) *kgo.Record {
	h.t.Helper()
	for _, r := range h.records[topic] {
		if strings.Contains(string(r.Value)+" "+string(r.Key), text) {
			return r
		}
	}
	h.t.Fatalf("%s has nothing with %q", topic, text)
	return nil
}

// Each history is wrong in one way, and exactly that is found. What a missing
// or doubled record entails is a finding of its own.
func TestWrongHistories(t *testing.T) {
	receipt := func(h *history, change func(*event.Receipt)) {
		edit(h.t, h.records["receipts"][0], event.ParseReceipt, event.AppendReceipt, change)
	}
	reorder := func(h *history, change func(*event.Reorder)) {
		edit(h.t, h.by("reorders", "reorder-chair-3"), event.ParseReorder, event.AppendReorder, change)
	}
	alert := func(h *history, change func(*event.Alert)) {
		edit(h.t, h.by("alerts", "alert-chair-4"), event.ParseAlert, event.AppendAlert, change)
	}
	eachIsFound(t, map[string]wrongCase{
		"1: an update without a record": {func(h *history) { h.update("chair", 2).Value = []byte("{") },
			[]string{"2.seq violated 2", "4.input violated 1"}},
		"1: no cause": {func(h *history) { h.editUpdate("chair", 2, func(u *event.Update) { u.Cause = "somewhere" }) },
			[]string{"1.causes violated 1", "4.input violated 1"}},
		"1: a cause in another topic": {func(h *history) { h.editUpdate("chair", 2, func(u *event.Update) { u.Cause = "updates/0@0#0" }) },
			[]string{"1.causes violated 1", "4.input violated 1"}},
		"1: a cause that is not there": {func(h *history) { h.editUpdate("chair", 2, func(u *event.Update) { u.Cause = "orders/0@999#0" }) },
			[]string{"1.causes violated 1", "4.input violated 1"}},
		"1: a cause in a partition that is not there": {func(h *history) { h.editUpdate("chair", 2, func(u *event.Update) { u.Cause = "orders/9@0#0" }) },
			[]string{"1.causes violated 1", "4.input violated 1"}},
		"1: a cause named twice, and a line not applied": {func(h *history) {
			var third event.Update
			h.editUpdate("chair", 3, func(u *event.Update) { third = *u })
			h.editUpdate("chair", 4, func(u *event.Update) { u.Cause = third.Cause })
		}, []string{"1.causes violated 1", "1.lines violated 1"}},
		"1: a line that the order does not have": {func(h *history) {
			h.editUpdate("chair", 2, func(u *event.Update) { u.Cause = strings.Replace(u.Cause, "#0", "#1", 1) })
		}, []string{"1.lines violated 1", "4.input violated 1"}},
		"1: the update of a duplicate": {func(h *history) {
			copied := h.records["orders"][2]
			h.editUpdate("chair", 2, func(u *event.Update) {
				u.Cause = event.Cause{Topic: copied.Topic, Partition: copied.Partition, Offset: copied.Offset}.String()
			})
		}, []string{"1.once violated 1", "4.input violated 1"}},
		"1: applied and dead-lettered": {func(h *history) { h.refuse(h.by("orders", "o1"), event.UnknownProduct) },
			[]string{"1.once violated 1"}},
		"1: dead-lettered twice": {func(h *history) { h.refuse(h.by("orders", "o3"), event.UnknownProduct) },
			[]string{"1.once violated 1"}},
		"1: a duplicate dead-lettered": {func(h *history) { h.refuse(h.records["orders"][2], event.UnknownProduct) },
			[]string{"1.once violated 1"}},
		"1: dead-lettered without coordinates": {func(h *history) { h.put("orders.dlq", 0, "k", []byte("x")) },
			[]string{"1.once violated 1"}},
		"1: dead-lettered from nowhere": {func(h *history) {
			h.refuse(&kgo.Record{Topic: "orders", Partition: 0, Offset: 998, Value: []byte("x")}, event.NotJSON)
		}, []string{"1.once violated 1"}},
		"1: a record that is no order was applied": {func(h *history) {
			bad := h.by("orders", "{ k")
			h.editUpdate("chair", 2, func(u *event.Update) {
				u.Cause = event.Cause{Topic: bad.Topic, Partition: bad.Partition, Offset: bad.Offset}.String()
			})
		}, []string{"1.causes violated 1", "4.input violated 1"}},

		"2: a gap": {func(h *history) { h.remove(h.update("chair", 2)) },
			[]string{"2.seq violated 1", "4.input violated 1"}},
		"2: an update twice": {func(h *history) {
			r := *h.update("chair", 2)
			h.records["updates"] = append(h.records["updates"], &r)
		}, []string{"1.causes violated 1", "2.seq violated 1"}},
		"2: the last update is lost": {func(h *history) { h.remove(h.update("chair", 6)) },
			[]string{"4.input violated 1"}},
		"2: stock that does not add up": {func(h *history) {
			h.editUpdate("chair", 6, func(u *event.Update) { u.CurrentStock++ })
		}, []string{"2.stock violated 1"}},
		"2: stock below 0": {func(h *history) {
			h.editUpdate("chair", 5, func(u *event.Update) { u.CurrentStock, u.Delta, u.UnmetQuantity = -2, -6, 0 })
			h.editUpdate("chair", 6, func(u *event.Update) { u.CurrentStock = 48 })
		}, []string{"2.delta violated 1", "2.stock violated 1"}},
		"2: too little taken": {func(h *history) {
			h.editUpdate("chair", 2, func(u *event.Update) { u.Delta, u.CurrentStock = -7, 13 })
			h.editUpdate("chair", 3, func(u *event.Update) { u.Delta = -5 })
		}, []string{"2.delta violated 2"}},
		"2: unmet demand forgotten": {func(h *history) {
			h.editUpdate("chair", 5, func(u *event.Update) { u.UnmetQuantity = 0 })
		}, []string{"2.delta violated 1"}},
		"2: another price": {func(h *history) {
			h.editUpdate("chair", 2, func(u *event.Update) { u.UnitPrice++ })
		}, []string{"2.delta violated 1"}},
		"2: an update of another product": {func(h *history) {
			desk := h.update("desk-2", 2)
			var line event.Update
			edit(h.t, desk, event.ParseUpdate, event.AppendUpdate, func(u *event.Update) { line = *u })
			var mine event.Update
			h.editUpdate("chair", 3, func(u *event.Update) { mine = *u; u.Cause = line.Cause })
			h.editUpdate("desk-2", 2, func(u *event.Update) { u.Cause = mine.Cause })
		}, []string{"2.delta violated 2"}},
		"2: a receipt of another quantity": {func(h *history) {
			h.editUpdate("chair", 6, func(u *event.Update) { u.Delta, u.CurrentStock = 51, 51 })
		}, []string{"2.delta violated 1"}},
		"2: opened with other stock": {func(h *history) {
			edit(h.t, h.records["catalog"][0], event.ParseProduct, event.AppendProduct, func(p *event.Product) { p.InitialStock = 21 })
		}, []string{"2.opening violated 1"}},
		"2: opened with other thresholds": {func(h *history) {
			edit(h.t, h.records["catalog"][0], event.ParseProduct, event.AppendProduct, func(p *event.Product) { p.CriticalThreshold = 6 })
		}, []string{"2.facts violated 6"}},
		"2: opened by something else": {func(h *history) {
			h.editUpdate("chair", 1, func(u *event.Update) { u.Cause = "orders/0@997#0" })
		}, []string{"1.causes violated 1", "2.opening violated 1", "4.input violated 1"}},

		"3: a reorder is missing": {func(h *history) { h.remove(h.by("reorders", "reorder-chair-3")) },
			[]string{"3.reorders violated 1", "4.receipts violated 1"}},
		"3: a reorder that nothing called for": {func(h *history) {
			v := event.Reorder{EventID: "reorder-chair-4", ProductID: "chair", ReorderQuantity: 50, Priority: "normal", CurrentStock: 4, ProductName: "Chair"}
			h.put("reorders", 0, v.EventID, event.AppendReorder(nil, &v))
		}, []string{"3.reorders violated 1", "4.receipts violated 1"}},
		"3: a reorder for an update that is not there": {func(h *history) {
			v := event.Reorder{EventID: "reorder-chair-99", ProductID: "chair", ReorderQuantity: 50, Priority: "normal"}
			h.put("reorders", 0, v.EventID, event.AppendReorder(nil, &v))
		}, []string{"3.reorders violated 1", "4.receipts violated 1"}},
		"3: the wrong priority": {func(h *history) { reorder(h, func(v *event.Reorder) { v.Priority = "urgent" }) },
			[]string{"3.reorders violated 1"}},
		"3: no priority": {func(h *history) { reorder(h, func(v *event.Reorder) { v.Priority = "soon" }) },
			[]string{"3.reorders violated 1"}},
		"3: the wrong reorder quantity": {func(h *history) {
			reorder(h, func(v *event.Reorder) { v.ReorderQuantity = 49 })
		}, []string{"3.reorders violated 1", "4.receipts violated 1"}},
		"3: a reorder with another stock": {func(h *history) { reorder(h, func(v *event.Reorder) { v.CurrentStock = 9 }) },
			[]string{"3.reorders violated 1"}},
		"3: a reorder of another name": {func(h *history) { reorder(h, func(v *event.Reorder) { v.ProductName = "Stool" }) },
			[]string{"3.reorders violated 1"}},
		"3: a reorder id twice": {func(h *history) {
			r := *h.by("reorders", "reorder-chair-3")
			h.put("reorders", r.Partition, string(r.Key), r.Value)
		}, []string{"3.ids violated 1"}},
		"3: a reorder that is no JSON": {func(h *history) { h.put("reorders", 0, "x", []byte("x")) },
			[]string{"3.reorders violated 1", "4.input violated 1"}},
		"3: but it was dead-lettered": {func(h *history) { h.refuse(h.put("reorders", 0, "x", []byte("x")), event.NotJSON) },
			[]string{"3.reorders violated 1"}},
		"3: an alert is missing": {func(h *history) { h.remove(h.by("alerts", "alert-chair-4")) },
			[]string{"3.alerts violated 1"}},
		"3: an alert without crossing": {func(h *history) {
			v := event.Alert{AlertID: "alert-chair-5", AlertType: "critical_inventory", ProductID: "chair", ProductName: "Chair", Threshold: 5}
			h.put("alerts", 0, "chair", event.AppendAlert(nil, &v))
		}, []string{"3.alerts violated 1"}},
		"3: an alert with another threshold": {func(h *history) { alert(h, func(v *event.Alert) { v.Threshold = 4 }) },
			[]string{"3.alerts violated 1"}},
		"3: an alert of another type": {func(h *history) { alert(h, func(v *event.Alert) { v.AlertType = "fire" }) },
			[]string{"3.alerts violated 1"}},
		"3: an alert with an id of its own kind": {func(h *history) { alert(h, func(v *event.Alert) { v.AlertID = "alert-1" }) },
			[]string{"3.alerts violated 2"}},
		"3: an alert id twice": {func(h *history) {
			r := *h.by("alerts", "alert-chair-4")
			h.put("alerts", r.Partition, string(r.Key), r.Value)
		}, []string{"3.ids violated 1"}},

		"4: an order is lost": {func(h *history) {
			h.put("orders", 0, "o9", h.by("orders", "o4").Value[:0:0])
		}, []string{"4.input violated 1"}},
		"4: a sound order is lost": {func(h *history) {
			value := strings.Replace(string(h.by("orders", "o4").Value), "o4", "o9", 1)
			h.put("orders", 0, "o9", []byte(value))
		}, []string{"4.input violated 1"}},
		"4: one line is lost": {func(h *history) {
			o := h.by("orders", "o1")
			edit(h.t, o, event.ParseOrder, event.AppendOrder, func(o *event.Order) {
				o.Items = append(o.Items, event.Line{ProductID: "chair", Quantity: 1})
			})
			h.records["orders"][2].Value = o.Value // its duplicate
		}, []string{"1.lines violated 1"}},
		"4: a bad order is lost": {func(h *history) { h.records["orders.dlq"] = h.records["orders.dlq"][:1] },
			[]string{"4.input violated 1"}},
		"4: dead-lettered with other bytes": {func(h *history) { h.by("orders.dlq", "{ k").Value = []byte("}") },
			[]string{"4.input violated 1"}},
		"4: a good order dead-lettered": {func(h *history) {
			value := strings.Replace(string(h.by("orders", "o4").Value), "o4", "o9", 1)
			h.refuse(h.put("orders", 0, "o9", []byte(value)), event.WrongType)
		}, []string{"4.input violated 1"}},
		"4: a changed product is overlooked": {func(h *history) {
			p := chair
			p.Name = "Armchair"
			h.put("catalog", 0, "chair", event.AppendProduct(nil, &p))
		}, []string{"4.input violated 1"}},
		"4: a receipt by hand is lost": {func(h *history) {
			v := event.Receipt{ReceiptID: "r", ProductID: "chair", Quantity: 1}
			h.put("receipts", 0, "chair", event.AppendReceipt(nil, &v))
		}, []string{"4.input violated 1"}},
		"4: two receipts for a reorder": {func(h *history) {
			v := event.Receipt{ReceiptID: "receipt-reorder-chair-3", EventID: "reorder-chair-3", ProductID: "chair", Quantity: 50, Timestamp: 3}
			h.restock(v, h.source())
		}, []string{"3.ids violated 1", "4.receipts violated 1"}},
		"4: a receipt with another quantity": {func(h *history) {
			receipt(h, func(v *event.Receipt) { v.Quantity = 51 })
			h.editUpdate("chair", 6, func(u *event.Update) { u.Delta, u.CurrentStock = 51, 51 })
		}, []string{"4.receipts violated 1"}},
		"4: a reorder without receipt": {func(h *history) {
			edit(h.t, h.records["receipts"][0], event.ParseReceipt, event.AppendReceipt, func(v *event.Receipt) { v.EventID, v.ReceiptID = "", "r" })
		}, []string{"2.facts violated 1", "4.receipts violated 2"}},
		"another application wrote it": {func(h *history) {
			h.update("chair", 2).Headers = []kgo.RecordHeader{{Key: event.HeaderSource, Value: []byte("other")}}
		}, []string{"source violated 1"}},
		"one without headers": {func(h *history) { h.update("chair", 2).Headers = nil }, []string{"envelope violated 1"}},
		"no headers are no finding": {func(h *history) {
			for _, topic := range []string{"updates", "reorders", "alerts", "receipts"} {
				for _, r := range h.records[topic] {
					r.Headers = nil
				}
			}
		}, nil},
	})
}

// wrongCase makes the plain history wrong and says what is found then.
type wrongCase struct {
	wrong func(h *history)
	want  []string
}

// eachIsFound audits each history in JSON and encoded.
func eachIsFound(t *testing.T, cases map[string]wrongCase) {
	e := newEncoder(t, registry.Avro)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			h := plain(t)
			c.wrong(h)
			r := h.audit(testOptions(), "")
			if got := r.seen(); !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q\n%+v", got, c.want, r.Findings)
			}
			o := testOptions()
			o.Schemas = e.topics
			e.encode(h)
			r = h.audit(o, "")
			if got := r.seen(); !slices.Equal(got, c.want) {
				t.Errorf("encoded: got  %q\nwant %q\n%+v", got, c.want, r.Findings)
			}
		})
	}
}
