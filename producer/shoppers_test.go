package producer

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"inv/internal/event"
)

// The labelled orders of the inventory are orders that it accepts, and each kind of fraud
// is in them as its label says: what a detector is measured by must be right itself.
func TestShoppersAreLabelled(t *testing.T) {
	type seen struct {
		at    time.Time
		total event.Money
	}
	before := map[string][]seen{} // by customer, oldest first
	labels := map[string]int{}
	lines := made(t, compiled(t, shipped(t, "inventory"), "shoppers"), Options{For: 24 * time.Hour})
	for line := range strings.Lines(lines) {
		var r struct {
			Headers   map[string]string
			Timestamp int64
			Value     json.RawMessage
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		var o event.Order
		if err := event.ParseOrder(r.Value, &o); err != nil {
			t.Fatalf("%v: %s", err, r.Value)
		}
		if err := o.Check(); err != nil {
			t.Fatalf("%v: %s", err, r.Value)
		}
		if err := o.CheckTotal(); err != nil {
			t.Fatalf("%v: %s", err, r.Value)
		}
		at, history := time.UnixMilli(r.Timestamp), before[o.CustomerID]
		within := func(d time.Duration, most event.Money) (n int) {
			for _, s := range history {
				if at.Sub(s.at) < d && s.total <= most {
					n++
				}
			}
			return n
		}
		label := r.Headers["label"]
		switch labels[label]++; label {
		case "velocity":
			if n := within(10*time.Minute, 1<<62); n < 4 {
				t.Errorf("%s is labelled velocity after %d orders in ten minutes; want at least 4", o.OrderID, n)
			}
		case "test_then_charge":
			if within(30*time.Minute, 15*event.MoneyUnit) == 0 {
				t.Errorf("%s is labelled test_then_charge without a small order in the half hour before", o.OrderID)
			}
		}
		before[o.CustomerID] = append(history, seen{at, o.Total})
	}
	for _, label := range []string{"velocity", "outlier", "test_then_charge"} {
		if n, most := labels[label], labels[""]/20; n < 100 || n > most {
			t.Errorf("%d orders are labelled %s; want 100 to %d", n, label, most)
		}
	}
}
