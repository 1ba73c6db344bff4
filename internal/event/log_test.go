package event_test

import (
	"encoding/json"
	"strings"
	"testing"

	"inv/internal/event"
)

var entries = []struct {
	name  string
	entry event.Entry
	line  string
}{
	{"line", event.Entry{Kind: event.EntryLine, ProductID: "prod-1", Cause: "order_events/3@1841#0", Timestamp: 1625097600000, Quantity: 2, Price: 79_990_000, OrderID: "order-456"},
		`{"k":"line","id":"prod-1","src":"order_events/3@1841#0","t":1625097600000,"q":2,"p":79.99,"o":"order-456"}`},
	{"receipt", event.Entry{Kind: event.EntryReceipt, ProductID: "prod-1", Cause: "stock_receipts/0@1#0", Timestamp: 5, Quantity: 50, EventID: "reorder-prod-1-2"},
		`{"k":"receipt","id":"prod-1","src":"stock_receipts/0@1#0","t":5,"q":50,"e":"reorder-prod-1-2"}`},
	{"delist", event.Entry{Kind: event.EntryDelist, ProductID: "prod-1", Cause: "product_catalog/0@1#0", Timestamp: 5},
		`{"k":"delist","id":"prod-1","src":"product_catalog/0@1#0","t":5}`},
	{"product", event.Entry{Kind: event.EntryProduct, ProductID: "p", Cause: "c/0@1#0", Timestamp: 5, Product: event.Product{ID: "p", Name: "N", Category: "c",
		Price: 1_500_000, ReorderThreshold: 1, ReorderQuantity: 2, CriticalThreshold: 3, WarehouseID: "w", InitialStock: 4}},
		`{"k":"product","id":"p","src":"c/0@1#0","t":5,"name":"N","category":"c","price":1.50,"reorder_threshold":1,"reorder_quantity":2,"critical_threshold":3,"warehouse_id":"w","initial_stock":4}`},
	{"text that needs escapes", event.Entry{Kind: event.EntryLine, ProductID: "a\"b\\c\n\x1b[31m", Cause: "t/0@1#0", Quantity: 1, OrderID: "é😀\x00"},
		`{"k":"line","id":"a\"b\\c\n\u001b[31m","src":"t/0@1#0","t":0,"q":1,"p":0.00,"o":"é😀\u0000"}`},
}

func TestEntriesAreWrittenAndRead(t *testing.T) {
	for _, c := range entries {
		t.Run(c.name, func(t *testing.T) {
			line := string(event.AppendEntry(nil, &c.entry))
			if line != c.line+"\n" {
				t.Errorf("got %swant %s", line, c.line)
			}
			if !json.Valid([]byte(line)) {
				t.Errorf("not JSON: %s", line)
			}
			var got event.Entry
			if err := event.ParseEntry(c.line, &got); err != nil || got != c.entry {
				t.Errorf("read %+v, %v", got, err)
			}
		})
	}
}

func TestEntriesOfAnotherFormAreRefused(t *testing.T) {
	for _, c := range entries {
		for cut := range len(c.line) {
			var e event.Entry
			if err := event.ParseEntry(c.line[:cut], &e); err == nil {
				t.Errorf("%s was read as %+v", c.line[:cut], e)
			}
		}
	}
	for _, line := range []string{
		entries[0].line + " ", entries[0].line + "{}", strings.Replace(entries[0].line, "line", "lines", 1),
		strings.Replace(entries[0].line, `"q":2`, `"q":2.5`, 1), strings.Replace(entries[0].line, `"q":2,"p":79.99`, `"p":79.99,"q":2`, 1),
		strings.Replace(entries[0].line, `79.99`, `7.9.9`, 1), `null`,
	} {
		var e event.Entry
		if err := event.ParseEntry(line, &e); err == nil {
			t.Errorf("%s was read as %+v", line, e)
		}
	}
}

func FuzzParseEntry(f *testing.F) {
	for _, c := range entries {
		f.Add(c.line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		var e, again event.Entry
		if event.ParseEntry(line, &e) != nil {
			return
		}
		err := event.ParseEntry(strings.TrimSuffix(string(event.AppendEntry(nil, &e)), "\n"), &again)
		if err != nil || again != e {
			t.Errorf("%q reads as %+v, and that as %+v, %v", line, e, again, err)
		}
	})
}
