package audit

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"inv/internal/event"

	"github.com/twmb/franz-go/pkg/kgo"
)

func appendInt(n int64) []byte { return strconv.AppendInt(nil, n, 10) }

// samples are the records that the reference system really wrote.
func samples(t *testing.T) *history {
	t.Helper()
	h := newHistory(t, 0)
	for topic, file := range map[string]string{"catalog": "product_catalog", "orders": "order_events", "updates": "inventory_updates",
		"reorders": "reorder_events", "alerts": "inventory_alerts"} {
		f, err := os.Open(filepath.Join("..", "event", "testdata", "samples", file+".jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			var r struct {
				Offset     int64
				Key, Value string
			}
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				t.Fatal(err)
			}
			h.records[topic] = append(h.records[topic], &kgo.Record{Topic: topic, Offset: r.Offset, Key: []byte(r.Key), Value: []byte(r.Value)})
		}
	}
	return h
}

func referenceOptions() Options {
	o := OptionsFor("", PolicyReference, testTopics(""), true)
	o.DedupeWindow = 0
	return o
}

var undecidedForTheReference = []string{"1.causes undecided 0", "1.lines undecided 0", "1.once undecided 0", "2.delta undecided 0",
	"2.opening undecided 0", "2.seq undecided 0", "2.stock undecided 0", "4.quantities undecided 0"}

// The reference system's records have no seq, delta or cause; reorders, alerts,
// ids and the number of updates can be checked all the same.
func TestRecordsOfTheReferenceSystem(t *testing.T) {
	r := samples(t).audit(referenceOptions(), "")
	if got := r.seen(); !slices.Equal(got, undecidedForTheReference) {
		t.Errorf("%q\n%+v", got, r.Findings)
	}
	if r.Counts.Updates != 82 || r.Counts.Reorders != 10 || r.Counts.Alerts != 7 {
		t.Errorf("%+v", r.Counts)
	}
	for name, c := range map[string]struct {
		topic string
		want  string
	}{
		"an update is lost": {"updates", "4.input violated 1"}, "a reorder is lost": {"reorders", "3.reorders violated 1"},
		"an alert is lost": {"alerts", "3.alerts violated 1"}, "an order is lost": {"orders", "4.input violated 2"},
	} {
		h := samples(t)
		h.records[c.topic] = h.records[c.topic][1:]
		got := h.audit(referenceOptions(), "").seen()
		if !slices.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// Our own processor with the reference policy writes all fields.
func TestReferencePolicyWithAllFields(t *testing.T) {
	build := func() *history {
		h := newHistory(t, 0)
		h.put("catalog", 0, "chair", event.AppendProduct(nil, &chair))
		k := &keeper{Product: chair}
		h.stock["chair"] = k
		for i := range 40 {
			q := int64(1 + i%7)
			o := event.Order{OrderID: "o" + strconv.Itoa(i), Items: []event.Line{line1("chair", q)}, Total: event.Money(q) * 5 * event.MoneyUnit}
			r := h.put("orders", 0, o.OrderID, event.AppendOrder(nil, &o))
			h.referenceStep(k, -min(q, k.stock), r)
			if len(h.waiting) > 0 && i%3 == 0 {
				h.restockAll(k)
			}
		}
		h.restockAll(k)
		return h
	}
	if r := build().audit(referenceOptions(), ""); r.Verdict != Holds {
		t.Errorf("%v, %+v", r.seen(), r.Findings)
	}
	h := build()
	h.remove(h.records["updates"][7])
	if r := h.audit(referenceOptions(), ""); r.Verdict != Violated {
		t.Errorf("with an update lost: %v", r.seen())
	}
	h = build()
	h.remove(h.records["reorders"][3])
	if r := h.audit(referenceOptions(), ""); r.Verdict != Violated {
		t.Errorf("with a reorder lost: %v", r.seen())
	}
}

// restockAll lets all reorders that wait come back through their topic, without
// those that they cause.
func (h *history) restockAll(k *keeper) {
	for again := true; again; again = len(h.waiting) > 0 {
		waiting := h.waiting
		h.waiting = nil
		for _, v := range waiting {
			h.referenceStep(k, v.ReorderQuantity, h.by("reorders", v.EventID))
		}
	}
}

func (h *history) referenceStep(k *keeper, delta int64, cause *kgo.Record) {
	k.stock += delta
	k.seq++
	u := event.Update{ProductID: k.ID, CurrentStock: k.stock, UnitPrice: k.Price, ReorderThreshold: k.ReorderThreshold, ReorderQuantity: k.ReorderQuantity,
		CriticalThreshold: k.CriticalThreshold, Seq: k.seq, Delta: delta,
		Cause: event.Cause{Topic: cause.Topic, Partition: cause.Partition, Offset: cause.Offset}.String()}
	h.put("updates", 0, k.ID, event.AppendUpdate(nil, &u))
	id := k.ID + "-" + strconv.FormatInt(k.seq, 10)
	if k.stock <= k.ReorderThreshold {
		v := event.Reorder{EventID: "reorder-" + id, ProductID: k.ID, CurrentStock: k.stock, ReorderQuantity: k.ReorderQuantity, Priority: "normal"}
		h.put("reorders", 0, v.EventID, event.AppendReorder(nil, &v))
		h.waiting = append(h.waiting, v)
	}
	if k.stock <= k.CriticalThreshold {
		v := event.Alert{AlertID: "alert-" + id, AlertType: event.AlertCritical, ProductID: k.ID, CurrentStock: k.stock, Threshold: k.CriticalThreshold}
		h.put("alerts", 0, k.ID, event.AppendAlert(nil, &v))
	}
}
