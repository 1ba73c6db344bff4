package rules_test

import (
	"fmt"
	"strings"
	"testing"

	"inv/internal/event"
	"inv/processor/inventory/rules"
)

// listed returns a catalogue record with the thresholds that most tests use.
func listed(stock int64) event.Product {
	return event.Product{ID: "p", Name: "Thing", Category: "c", Price: 10 * event.MoneyUnit, ReorderThreshold: 10,
		ReorderQuantity: 50, CriticalThreshold: 5, WarehouseID: "w", InitialStock: stock}
}

func product(p event.Product) event.Entry {
	return event.Entry{Kind: event.EntryProduct, ProductID: "p", Cause: "catalog/0@1#0", Timestamp: 1, Product: p}
}

func priced(price event.Money) event.Product {
	p := listed(20)
	p.Price = price
	return p
}

func thresholds(reorder, critical int64) event.Product {
	p := listed(20)
	p.ReorderThreshold, p.CriticalThreshold = reorder, critical
	return p
}

func withoutReorders(stock int64) event.Product {
	p := listed(stock)
	p.ReorderQuantity = 0
	return p
}

func take(quantity int64) event.Entry {
	return event.Entry{Kind: event.EntryLine, ProductID: "p", Cause: "orders/0@1#0", Timestamp: 2, Quantity: quantity, Price: 3 * event.MoneyUnit, OrderID: "o"}
}

func arrive(quantity int64, reorder string) event.Entry {
	return event.Entry{Kind: event.EntryReceipt, ProductID: "p", Cause: "receipts/0@1#0", Timestamp: 3, Quantity: quantity, EventID: reorder}
}

func delist() event.Entry {
	return event.Entry{Kind: event.EntryDelist, ProductID: "p", Cause: "catalog/0@9#0", Timestamp: 4}
}

// describe returns a step in short: seq, delta, stock, unmet, and what follows.
func describe(steps []rules.Step) string {
	var list []string
	for _, s := range steps {
		u := s.Update
		text := fmt.Sprintf("%d: %+d=%d", u.Seq, u.Delta, u.CurrentStock)
		if u.UnmetQuantity > 0 {
			text += fmt.Sprintf(" unmet %d", u.UnmetQuantity)
		}
		if s.Reorders {
			text += " " + s.Reorder.Priority + " " + s.Reorder.EventID
		}
		if s.Alerts {
			text += " " + s.Alert.AlertID
		}
		list = append(list, text)
	}
	return strings.Join(list, ", ")
}

func TestRules(t *testing.T) {
	for _, c := range []struct {
		rule    string
		policy  rules.Policy
		entries []event.Entry
		want    string
	}{
		{"1: the first record opens with the initial stock", rules.Default,
			[]event.Entry{product(listed(40))}, "1: +40=40"},
		{"1: no initial stock is 0, which is low and critical", rules.Default,
			[]event.Entry{product(listed(0))}, "1: +0=0 urgent reorder-p-1 alert-p-1"},
		{"1: an identical record writes nothing", rules.Default,
			[]event.Entry{product(listed(40)), product(listed(40))}, "1: +40=40"},
		{"1: a changed record writes delta 0 and leaves the stock", rules.Default,
			[]event.Entry{product(listed(20)), product(priced(5))}, "1: +20=20, 2: +0=20"},
		{"1: A, B, A are two changes", rules.Default,
			[]event.Entry{product(listed(20)), product(priced(5)), product(listed(20))}, "1: +20=20, 2: +0=20, 3: +0=20"},
		{"1: another initial stock later never changes stock", rules.Default,
			[]event.Entry{product(listed(40)), product(listed(99))}, "1: +40=40, 2: +0=40"},
		{"1: delisted: lines in the log still apply, without reorders and alerts", rules.Default,
			[]event.Entry{product(listed(20)), delist(), take(18), take(9)}, "1: +20=20, 2: -18=2, 3: -2=0 unmet 7"},
		{"1: stock and seq survive relisting, and the reorder comes then", rules.Default,
			[]event.Entry{product(listed(20)), delist(), take(18), product(listed(20)), take(1)},
			"1: +20=20, 2: -18=2, 3: +0=2 urgent reorder-p-3, 4: -1=1"},
		{"1: a tombstone for a product that never was", rules.Default,
			[]event.Entry{delist(), product(listed(20))}, "1: +20=20"},

		{"2: a line takes what it asks for", rules.Default,
			[]event.Entry{product(listed(40)), take(7)}, "1: +40=40, 2: -7=33"},
		{"2: the rest is unmet", rules.Default,
			[]event.Entry{product(withoutReorders(4)), take(7)}, "1: +4=4 alert-p-1, 2: -4=0 unmet 3"},
		{"2: an update also when nothing is filled", rules.Default,
			[]event.Entry{product(withoutReorders(0)), take(7)}, "1: +0=0 alert-p-1, 2: +0=0 unmet 7"},

		{"3: at the threshold is low", rules.Default,
			[]event.Entry{product(listed(20)), take(10)}, "1: +20=20, 2: -10=10 normal reorder-p-2"},
		{"3: above it is not", rules.Default,
			[]event.Entry{product(listed(20)), take(9)}, "1: +20=20, 2: -9=11"},
		{"3: never two open", rules.Default,
			[]event.Entry{product(listed(20)), take(10), take(1), take(1)}, "1: +20=20, 2: -10=10 normal reorder-p-2, 3: -1=9, 4: -1=8"},
		{"3: a raised threshold reorders", rules.Default,
			[]event.Entry{product(listed(20)), product(thresholds(30, 5))}, "1: +20=20, 2: +0=20 normal reorder-p-2"},
		{"3: quantity 0 never reorders", rules.Default,
			[]event.Entry{product(withoutReorders(20)), take(12)}, "1: +20=20, 2: -12=8"},
		{"3: a receipt that does not lift stock over the threshold reorders again", rules.Default,
			[]event.Entry{product(listed(20)), take(20), arrive(3, "reorder-p-2")},
			"1: +20=20, 2: -20=0 urgent reorder-p-2 alert-p-2, 3: +3=3 urgent reorder-p-3"},

		{"4: at the critical threshold is normal", rules.Default,
			[]event.Entry{product(listed(20)), take(15)}, "1: +20=20, 2: -15=5 normal reorder-p-2 alert-p-2"},
		{"4: below it is urgent", rules.Default,
			[]event.Entry{product(listed(20)), take(16)}, "1: +20=20, 2: -16=4 urgent reorder-p-2 alert-p-2"},

		{"5: an alert on the way down only", rules.Default,
			[]event.Entry{product(withoutReorders(20)), take(15), take(1), arrive(9, ""), take(9)},
			"1: +20=20, 2: -15=5 alert-p-2, 3: -1=4, 4: +9=13, 5: -9=4 alert-p-5"},
		{"5: a raised threshold alerts", rules.Default,
			[]event.Entry{product(listed(20)), product(thresholds(10, 25))}, "1: +20=20, 2: +0=20 alert-p-2"},

		{"6: a receipt closes the reorder that it names", rules.Default,
			[]event.Entry{product(listed(20)), take(12), arrive(50, "reorder-p-2"), take(50)},
			"1: +20=20, 2: -12=8 normal reorder-p-2, 3: +50=58, 4: -50=8 normal reorder-p-4"},
		{"6: another one it leaves open", rules.Default,
			[]event.Entry{product(listed(20)), take(12), arrive(1, "reorder-p-1"), arrive(1, ""), take(1)},
			"1: +20=20, 2: -12=8 normal reorder-p-2, 3: +1=9, 4: +1=10, 5: -1=9"},

		{"8: what comes before its product waits, and is applied in order", rules.Default,
			[]event.Entry{take(5), arrive(2, ""), take(30), product(listed(20))},
			"1: +20=20, 2: -5=15, 3: +2=17, 4: -17=0 unmet 13 urgent reorder-p-4 alert-p-4"},

		{"reference: opens at 0 without an update", rules.Reference,
			[]event.Entry{product(listed(40)), take(3)}, "1: +0=0 urgent reorder-p-1 alert-p-1"},
		{"reference: a reorder and an alert at every low update", rules.Reference,
			[]event.Entry{product(listed(0)), arrive(8, "x"), take(2), take(1), take(1)},
			"1: +8=8 normal reorder-p-1, 2: -2=6 normal reorder-p-2, 3: -1=5 urgent reorder-p-3 alert-p-3, 4: -1=4 urgent reorder-p-4 alert-p-4"},
		{"reference: unmet demand is forgotten", rules.Reference,
			[]event.Entry{product(withoutReorders(0)), take(3)}, "1: +0=0 alert-p-1"},
		{"reference: catalogue changes write nothing", rules.Reference,
			[]event.Entry{product(listed(0)), product(thresholds(30, 20)), arrive(25, "x")}, "1: +25=25 normal reorder-p-1"},
		{"reference: delisted", rules.Reference,
			[]event.Entry{product(listed(0)), delist(), take(1)}, "1: +0=0"},
		{"reference: what comes before its product waits", rules.Reference,
			[]event.Entry{take(1), product(listed(0))}, "1: +0=0 urgent reorder-p-1 alert-p-1"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			var s rules.State
			var steps []rules.Step
			for i := range c.entries {
				steps = c.policy(&s, &c.entries[i], steps)
			}
			if got := describe(steps); got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

// Rule 7 and the records' fields: what an update, a reorder and an alert say.
func TestRecordsAreSelfContained(t *testing.T) {
	var s rules.State
	opening, line := product(listed(20)), take(16)
	steps := rules.Default(&s, &opening, nil)
	steps = rules.Default(&s, &line, steps[:0])
	u, r, a := steps[0].Update, steps[0].Reorder, steps[0].Alert
	wantUpdate := event.Update{ProductID: "p", ProductName: "Thing", Category: "c", CurrentStock: 4, WarehouseID: "w", Timestamp: 2,
		UnitPrice: 3 * event.MoneyUnit, ReorderThreshold: 10, ReorderQuantity: 50, CriticalThreshold: 5, Seq: 2, Delta: -16,
		Cause: "orders/0@1#0", LastOrderID: "o"}
	wantReorder := event.Reorder{EventID: "reorder-p-2", ProductID: "p", ProductName: "Thing", CurrentStock: 4, ReorderQuantity: 50,
		Priority: event.PriorityUrgent, WarehouseID: "w", Timestamp: 2}
	wantAlert := event.Alert{AlertID: "alert-p-2", AlertType: event.AlertCritical, ProductID: "p", ProductName: "Thing", CurrentStock: 4,
		Threshold: 5, WarehouseID: "w", Timestamp: 2, Message: "Critical inventory level: Thing (4 units remaining)"}
	if u != wantUpdate || r != wantReorder || a != wantAlert {
		t.Errorf("got\n%+v\n%+v\n%+v", u, r, a)
	}
}

// A copy of a state keeps what waited in it, and an entry stays as it is: a
// transaction that is rolled back relies on both.
func TestCopiesKeepWhatWaits(t *testing.T) {
	for name, policy := range map[string]rules.Policy{"default": rules.Default, "reference": rules.Reference} {
		var s rules.State
		entries := []event.Entry{take(1), take(2), product(listed(20))}
		var before []rules.State
		for i := range entries {
			before = append(before, s)
			policy(&s, &entries[i], nil)
		}
		if len(before[0].Waiting) != 0 || len(before[1].Waiting) != 1 || len(before[2].Waiting) != 2 || before[2].Opened ||
			before[2].Waiting[0].Quantity != 1 || before[2].Waiting[1].Quantity != 2 || len(s.Waiting) != 0 {
			t.Errorf("%s: %+v, then %+v", name, before, s)
		}
		if entries[0] != take(1) || entries[2] != product(listed(20)) {
			t.Errorf("%s: an entry was changed", name)
		}
	}
}
