package rules_test

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"inv/internal/event"
	"inv/processor/inventory/rules"
)

// sample is a record that the reference system wrote.
type sample struct {
	Offset int64  `json:"offset"`
	Key    string `json:"key"`
	Value  string `json:"value"`
}

func samples(t *testing.T, topic string) (list []sample) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "internal", "event", "testdata", "samples", topic+".jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
		var s sample
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	// The files are sorted by timestamp, which a restock has from its order.
	slices.SortFunc(list, func(a, b sample) int { return cmp.Compare(a.Offset, b.Offset) })
	return list
}

func fields(t *testing.T, value []byte, without ...string) string {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(value, &m); err != nil {
		t.Fatal(err)
	}
	for _, name := range without {
		delete(m, name)
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The reference system's own records, in the order in which it wrote them: a
// restock where last_reorder_id changes, else a line of last_order_id.
func TestReferencePolicyGivesTheRecordedSamples(t *testing.T) {
	states, restocks := openSamples(t)
	lines := sampleLines(t)
	reorders, alerts := samples(t, "reorder_events"), samples(t, "inventory_alerts")
	var nReorders, nAlerts int
	updates := samples(t, "inventory_updates")
	last := map[string]string{}
	for i, u := range updates {
		var want event.Update
		if err := event.ParseUpdate([]byte(u.Value), &want); err != nil {
			t.Fatal(err)
		}
		id := want.ProductID
		e := event.Entry{Kind: event.EntryLine, ProductID: id, OrderID: want.LastOrderID}
		if want.LastReorderID != last[id] {
			e.Kind, e.EventID, e.Quantity = event.EntryReceipt, want.LastReorderID, restocks[want.LastReorderID]
		} else {
			key := want.LastOrderID + "/" + id
			if len(lines[key]) == 0 {
				t.Fatalf("update %d: order %s has no further line for %s", i, want.LastOrderID, id)
			}
			e.Quantity, lines[key] = lines[key][0], lines[key][1:]
		}
		last[id] = want.LastReorderID
		state := states[id]
		steps := rules.Reference(&state, &e, nil)
		states[id] = state
		if len(steps) != 1 {
			t.Fatalf("update %d: %d updates", i, len(steps))
		}
		got := &steps[0].Update
		if got.CurrentStock != want.CurrentStock || got.LastOrderID != want.LastOrderID || got.LastReorderID != want.LastReorderID || u.Key != id {
			t.Errorf("update %d: %+v, recorded %s", i, got, u.Value)
		}
		if steps[0].Reorders {
			compareSample(t, event.AppendReorder(nil, &steps[0].Reorder), reorders, nReorders)
			nReorders++
		}
		if steps[0].Alerts {
			compareSample(t, event.AppendAlert(nil, &steps[0].Alert), alerts, nAlerts)
			nAlerts++
		}
	}
	if len(updates) != 82 || nReorders != 10 || nAlerts != 7 || len(reorders) != 10 || len(alerts) != 7 {
		t.Errorf("%d updates, %d reorders, %d alerts; recorded are 82, 10 and 7", len(updates), nReorders, nAlerts)
	}
}

// compareSample compares a record with the recorded one, generated ids and
// processing times excepted.
func compareSample(t *testing.T, got []byte, recorded []sample, i int) {
	t.Helper()
	if i >= len(recorded) {
		t.Errorf("record %d is one too many: %s", i, got)
		return
	}
	without := []string{"event_id", "alert_id", "timestamp"}
	if g, w := fields(t, got, without...), fields(t, []byte(recorded[i].Value), without...); g != w {
		t.Errorf("record %d:\n got %s\nwant %s", i, g, w)
	}
}

// openSamples returns the catalogue's products, open, and what each recorded reorder
// brings.
func openSamples(t *testing.T) (map[string]rules.State, map[string]int64) {
	t.Helper()
	states, restocks := map[string]rules.State{}, map[string]int64{}
	for _, s := range samples(t, "product_catalog") {
		var p event.Product
		if err := event.ParseProduct([]byte(s.Value), &p); err != nil {
			t.Fatal(err)
		}
		var state rules.State
		steps := rules.Reference(&state, &event.Entry{Kind: event.EntryProduct, ProductID: p.ID, Product: p}, nil)
		if len(steps) != 0 {
			t.Errorf("an opening wrote %+v", steps)
		}
		states[p.ID] = state
	}
	for _, s := range samples(t, "reorder_events") {
		var r event.Reorder
		if err := event.ParseReorder([]byte(s.Value), &r); err != nil {
			t.Fatal(err)
		}
		restocks[r.EventID] = r.ReorderQuantity
	}
	return states, restocks
}

// sampleLines returns the quantities that each order has of each product, by
// order/product.
func sampleLines(t *testing.T) map[string][]int64 {
	t.Helper()
	lines := map[string][]int64{}
	for _, s := range samples(t, "order_events") {
		var o event.Order
		if err := event.ParseOrder([]byte(s.Value), &o); err != nil {
			t.Fatal(err)
		}
		for _, l := range o.Items {
			key := o.OrderID + "/" + l.ProductID
			lines[key] = append(lines[key], l.Quantity)
		}
	}
	return lines
}
