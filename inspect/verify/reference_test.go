package verify

import (
	"bufio"
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"inv/internal/event"

	"github.com/twmb/franz-go/pkg/kgo"
)

func appendInt(n int64) []byte { return strconv.AppendInt(nil, n, 10) }

// samples returns the records that the reference system really wrote.
func samples(t *testing.T) *history {
	t.Helper()
	h := newHistory(t, 0)
	for topic, file := range map[string]string{"catalog": "product_catalog", "orders": "order_events", "updates": "inventory_updates",
		"reorders": "reorder_events", "alerts": "inventory_alerts"} {
		f, err := os.Open(filepath.Join("..", "..", "internal", "event", "testdata", "samples", file+".jsonl"))
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
		// The files are in the order of the timestamps.
		slices.SortFunc(h.records[topic], func(x, y *kgo.Record) int { return cmp.Compare(x.Offset, y.Offset) })
	}
	return h
}

func referenceOptions() Options {
	o := OptionsFor("", PolicyReference, testTopics(""), testGroups("", testTopics(""))[:2], true)
	o.DedupeWindow = 0
	return o
}

// The reference system's records have no seq, delta or cause; what they have
// suffices to check everything.
func TestRecordsOfTheReferenceSystem(t *testing.T) {
	r := samples(t).audit(referenceOptions(), "")
	if r.Verdict != Holds {
		t.Errorf("%q\n%+v", r.seen(), r.Findings)
	}
	if r.Counts.Updates != 82 || r.Counts.Reorders != 10 || r.Counts.Alerts != 7 {
		t.Errorf("%+v", r.Counts)
	}
	for name, c := range map[string]struct{ topic, old, changed, want string }{
		"another reorder quantity": {"reorders", `"reorder_quantity":100`, `"reorder_quantity":99`, "3.reorders violated 1"},
		"another name":             {"reorders", "Phone Cover", "Phone", "3.reorders violated 1"},
		"another priority":         {"reorders", "urgent", "normal", "3.reorders violated 1"},
		"no such priority":         {"reorders", "urgent", "soon", "3.reorders violated 1"},
		"another threshold":        {"alerts", `"threshold":10`, `"threshold":11`, "3.alerts violated 1"},
	} {
		h := samples(t)
		value := &h.records[c.topic][0].Value
		*value = []byte(strings.Replace(string(*value), c.old, c.changed, 1))
		if got := h.audit(referenceOptions(), "").seen(); !slices.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	for name, c := range map[string]struct {
		topic string
		want  string
	}{
		"an update is lost": {"updates", "1.lines violated 1"}, "a reorder is lost": {"reorders", "3.reorders violated 1"},
		"an alert is lost": {"alerts", "3.alerts violated 1"}, "an order is lost": {"orders", "1.causes violated 2"},
	} {
		h := samples(t)
		h.records[c.topic] = h.records[c.topic][1:]
		got := h.audit(referenceOptions(), "").seen()
		if !slices.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// oursByReference returns what our own processor writes with the reference policy,
// with all fields.
func oursByReference(t *testing.T) *history {
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

func TestReferencePolicyWithAllFields(t *testing.T) {
	last := func(h *history, topic string) *kgo.Record { return h.records[topic][len(h.records[topic])-1] }
	for name, c := range map[string]wrongCase{
		"right":                {func(*history) {}, nil},
		"an update is lost":    {func(h *history) { h.remove(h.records["updates"][7]) }, []string{"2.seq violated 1", "4.input violated 1"}},
		"the last one is lost": {func(h *history) { h.remove(last(h, "updates")) }, []string{"4.input violated 1"}},
		"a reorder is lost": {func(h *history) { h.remove(h.records["reorders"][3]) },
			[]string{"1.causes violated 1", "3.reorders violated 1"}},
		"a reorder for nothing": {func(h *history) {
			v := event.Reorder{EventID: "reorder-x", ProductID: "chair", CurrentStock: 4, ReorderQuantity: 50, Priority: "urgent"}
			r := h.put("reorders", 0, v.EventID, event.AppendReorder(nil, &v))
			h.stock["chair"].ReorderThreshold = -1
			h.referenceStep(h.stock["chair"], 50, r)
		}, []string{"2.facts violated 1", "3.reorders violated 1"}},
		"a reorder refused": {func(h *history) {
			k := h.stock["chair"]
			o := event.Order{OrderID: "all", Items: []event.Line{line1("chair", k.stock)}, Total: event.Money(k.stock) * 5 * event.MoneyUnit}
			h.referenceStep(k, -k.stock, h.put("orders", 0, o.OrderID, event.AppendOrder(nil, &o)))
			h.refuse(last(h, "reorders"), event.UnknownProduct)
		}, nil},
		"a reorder that is no JSON": {func(h *history) { h.put("reorders", 0, "x", []byte("x")) },
			[]string{"3.reorders violated 1", "4.input violated 1"}},
		"and that was dead-lettered": {func(h *history) { h.refuse(h.put("reorders", 0, "x", []byte("x")), event.NotJSON) },
			[]string{"3.reorders violated 1"}},
		"a restock twice": {func(h *history) { h.referenceStep(h.stock["chair"], 50, last(h, "reorders")) },
			[]string{"1.causes violated 1"}},
		"an alert is lost": {func(h *history) { h.remove(last(h, "alerts")) }, []string{"3.alerts violated 1"}},
		"an alert for nothing": {func(h *history) {
			v := event.Alert{AlertID: "alert-x", AlertType: event.AlertCritical, ProductID: "chair", CurrentStock: 4, Threshold: 5}
			h.put("alerts", 0, "chair", event.AppendAlert(nil, &v))
		}, []string{"3.alerts violated 1"}},
	} {
		h := oursByReference(t)
		c.wrong(h)
		r := h.audit(referenceOptions(), "")
		for _, f := range r.Findings {
			if f.Where == "" {
				t.Errorf("%s: no place in %+v", name, f)
			}
		}
		if got := r.seen(); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q\nwant %q\n%+v", name, got, c.want, r.Findings)
		}
	}
	if r := oursByReference(t).audit(testOptions(), ""); r.Checks[checkCauses].Violations == 0 {
		t.Errorf("a reorder is no cause with the default policy: %q", r.seen())
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
		if k.stock <= 5 {
			v.Priority = "urgent"
		}
		h.put("reorders", 0, v.EventID, event.AppendReorder(nil, &v))
		h.waiting = append(h.waiting, v)
	}
	if k.stock <= k.CriticalThreshold {
		v := event.Alert{AlertID: "alert-" + id, AlertType: event.AlertCritical, ProductID: k.ID, CurrentStock: k.stock, Threshold: k.CriticalThreshold}
		h.put("alerts", 0, k.ID, event.AppendAlert(nil, &v))
	}
}
