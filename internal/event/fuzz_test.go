package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"testing"
)

// fields reads a document with encoding/json: its fields by their exact names,
// the last of each, or nil if it is no object.
func fields(value []byte) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	if json.Unmarshal(value, &m) != nil {
		return nil
	}
	return m
}

// checkField compares one field that was read without complaint.
func checkField(t *testing.T, name string, raw json.RawMessage, got any) {
	t.Helper()
	absent := raw == nil || string(raw) == "null"
	switch got := got.(type) {
	case string:
		var want string
		if !absent && json.Unmarshal(raw, &want) != nil || got != want {
			t.Errorf("%s is %q, want %q from %s", name, got, want, raw)
		}
	case int64:
		var want int64
		if !absent && json.Unmarshal(raw, &want) != nil || got != want {
			t.Errorf("%s is %d, want %d from %s", name, got, want, raw)
		}
	case Money:
		want := new(big.Rat)
		if !absent {
			if _, ok := want.SetString(string(raw)); !ok { // its exponent is too large for a big.Rat
				want.SetInt64(0)
			}
		}
		// Half a millionth from rounding, as much again where a float was on the way.
		difference := new(big.Rat).Sub(want, big.NewRat(int64(got), int64(MoneyUnit)))
		limit := new(big.Rat).Add(big.NewRat(1, 1_000_000), new(big.Rat).Mul(new(big.Rat).Abs(want), big.NewRat(1, 1<<52)))
		if difference.Abs(difference).Cmp(limit) > 0 {
			t.Errorf("%s is %s, want %s", name, got, raw)
		}
	}
}

// fuzzCodec checks a parser against encoding/json: a document is NotJSON if and
// only if encoding/json refuses it; what is read without complaint has the same
// values; and what was written reads back as the same record.
func fuzzCodec[T any](f *testing.F, seeds []string, parse func([]byte, *T) error, write func([]byte, *T) []byte,
	compare func(t *testing.T, m map[string]json.RawMessage, v *T)) {
	for _, s := range append(seeds, `{"a":[1,2.5e3,{"b":"\ud83d\ude00\n"}],"id":null}`, "{\"id\":\"\xff\",\"id\":5}", `[]`, ``, `{"\u0069d":"x"}x`) {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		var v T
		err := parse(value, &v)
		var e *Error
		errors.As(err, &e)
		if notJSON := e != nil && e.Reason == NotJSON; notJSON == json.Valid(value) {
			t.Fatalf("encoding/json says valid=%v, the parser %v", json.Valid(value), err)
		}
		if err != nil {
			return
		}
		compare(t, fields(value), &v)
		written := write(nil, &v)
		var again T
		if err := parse(written, &again); err != nil || !reflect.DeepEqual(v, again) {
			t.Errorf("%+v was written as %s and read back as %+v, %v", v, written, again, err)
		}
	})
}

// both reads with a Parse function and with its Borrow function, which must not
// differ, nor write into the value.
func both[T any](parse, borrow func([]byte, *T) error) func([]byte, *T) error {
	return func(value []byte, dst *T) error {
		borrowed, before := *dst, string(value)
		err, again := parse(value, dst), borrow(value, &borrowed)
		if !reflect.DeepEqual(err, again) || !reflect.DeepEqual(*dst, borrowed) || string(value) != before {
			panic(fmt.Sprintf("%s\nparsed:   %+v, %v\nborrowed: %+v, %v", before, *dst, err, borrowed, again))
		}
		return err
	}
}

func FuzzParseProduct(f *testing.F) {
	fuzzCodec(f, []string{productJSON}, ParseProduct, AppendProduct, func(t *testing.T, m map[string]json.RawMessage, p *Product) {
		checkField(t, "id", m["id"], p.ID)
		checkField(t, "name", m["name"], p.Name)
		checkField(t, "category", m["category"], p.Category)
		checkField(t, "price", m["price"], p.Price)
		checkField(t, "reorder_threshold", m["reorder_threshold"], p.ReorderThreshold)
		checkField(t, "reorder_quantity", m["reorder_quantity"], p.ReorderQuantity)
		checkField(t, "critical_threshold", m["critical_threshold"], p.CriticalThreshold)
		checkField(t, "warehouse_id", m["warehouse_id"], p.WarehouseID)
		checkField(t, "initial_stock", m["initial_stock"], p.InitialStock)
	})
}

func FuzzParseOrder(f *testing.F) {
	seeds := []string{orderJSON, `{"timestamp":1, "order_total":0.5e1,"items":[{"product_id":"\u00e9\n","quantity":1},{"unit_price":12345678901.999,"product_id":"é"}],"order_id":"12345678\"90"}`, `{"order_id":"a","items":[{"quantity":1,"quantity":null}],"items":[{}],"order_total":-1e-3}`}
	fuzzCodec(f, seeds, both(parseFreshOrder, borrowFreshOrder), AppendOrder, func(t *testing.T, m map[string]json.RawMessage, o *Order) {
		checkField(t, "order_id", m["order_id"], o.OrderID)
		checkField(t, "customer_id", m["customer_id"], o.CustomerID)
		checkField(t, "order_total", m["order_total"], o.Total)
		checkField(t, "timestamp", m["timestamp"], o.Timestamp)
		var items []json.RawMessage
		if raw := m["items"]; raw != nil && json.Unmarshal(raw, &items) != nil || len(items) != len(o.Items) {
			t.Fatalf("%d items from %s", len(o.Items), m["items"])
		}
		for i, raw := range items {
			line := fields(raw)
			checkField(t, "product_id", line["product_id"], o.Items[i].ProductID)
			checkField(t, "quantity", line["quantity"], o.Items[i].Quantity)
			checkField(t, "unit_price", line["unit_price"], o.Items[i].UnitPrice)
		}
	})
}

// parseFreshOrder never returns nil items, so that orders compare.
func parseFreshOrder(value []byte, dst *Order) error {
	dst.Items = []Line{}
	return ParseOrder(value, dst)
}

func borrowFreshOrder(value []byte, dst *Order) error {
	dst.Items = []Line{}
	return BorrowOrder(value, dst)
}

func borrowUpdate(value []byte, dst *Update) error {
	_, err := BorrowUpdate(value, dst)
	return err
}

func FuzzParseUpdate(f *testing.F) {
	fuzzCodec(f, []string{updateJSON, `{"seq":1,"product_id":"prod-12345678","stock":2,"delta":-00,"cause":"\xff\u0020"}`}, both(ParseUpdate, borrowUpdate), AppendUpdate, func(t *testing.T, m map[string]json.RawMessage, u *Update) {
		checkField(t, "product_id", m["product_id"], u.ProductID)
		checkField(t, "product_name", m["product_name"], u.ProductName)
		checkField(t, "category", m["category"], u.Category)
		checkField(t, "current_stock", m["current_stock"], u.CurrentStock)
		checkField(t, "warehouse_id", m["warehouse_id"], u.WarehouseID)
		checkField(t, "timestamp", m["timestamp"], u.Timestamp)
		checkField(t, "unit_price", m["unit_price"], u.UnitPrice)
		checkField(t, "reorder_threshold", m["reorder_threshold"], u.ReorderThreshold)
		checkField(t, "reorder_quantity", m["reorder_quantity"], u.ReorderQuantity)
		checkField(t, "critical_threshold", m["critical_threshold"], u.CriticalThreshold)
		checkField(t, "seq", m["seq"], u.Seq)
		checkField(t, "delta", m["delta"], u.Delta)
		checkField(t, "cause", m["cause"], u.Cause)
		checkField(t, "unmet_quantity", m["unmet_quantity"], u.UnmetQuantity)
		checkField(t, "last_order_id", m["last_order_id"], u.LastOrderID)
		checkField(t, "last_reorder_id", m["last_reorder_id"], u.LastReorderID)
		checkField(t, "last_updated", m["last_updated"], u.LastUpdated)
	})
}

func FuzzParseReorder(f *testing.F) {
	fuzzCodec(f, []string{reorderJSON}, both(ParseReorder, BorrowReorder), AppendReorder, func(t *testing.T, m map[string]json.RawMessage, r *Reorder) {
		checkField(t, "event_id", m["event_id"], r.EventID)
		checkField(t, "product_id", m["product_id"], r.ProductID)
		checkField(t, "product_name", m["product_name"], r.ProductName)
		checkField(t, "current_stock", m["current_stock"], r.CurrentStock)
		checkField(t, "reorder_quantity", m["reorder_quantity"], r.ReorderQuantity)
		checkField(t, "priority", m["priority"], r.Priority)
		checkField(t, "warehouse_id", m["warehouse_id"], r.WarehouseID)
		checkField(t, "timestamp", m["timestamp"], r.Timestamp)
	})
}

func borrowAlert(value []byte, dst *Alert) error {
	_, err := BorrowAlertFields(value, dst)
	return err
}

func FuzzParseAlert(f *testing.F) {
	fuzzCodec(f, []string{alertJSON}, both(ParseAlert, borrowAlert), AppendAlert, func(t *testing.T, m map[string]json.RawMessage, a *Alert) {
		checkField(t, "alert_id", m["alert_id"], a.AlertID)
		checkField(t, "alert_type", m["alert_type"], a.AlertType)
		checkField(t, "product_id", m["product_id"], a.ProductID)
		checkField(t, "product_name", m["product_name"], a.ProductName)
		checkField(t, "current_stock", m["current_stock"], a.CurrentStock)
		checkField(t, "threshold", m["threshold"], a.Threshold)
		checkField(t, "warehouse_id", m["warehouse_id"], a.WarehouseID)
		checkField(t, "timestamp", m["timestamp"], a.Timestamp)
		checkField(t, "message", m["message"], a.Message)
	})
}

func FuzzParseReceipt(f *testing.F) {
	fuzzCodec(f, []string{receiptJSON}, ParseReceipt, AppendReceipt, func(t *testing.T, m map[string]json.RawMessage, r *Receipt) {
		checkField(t, "receipt_id", m["receipt_id"], r.ReceiptID)
		checkField(t, "event_id", m["event_id"], r.EventID)
		checkField(t, "product_id", m["product_id"], r.ProductID)
		checkField(t, "quantity", m["quantity"], r.Quantity)
		checkField(t, "warehouse_id", m["warehouse_id"], r.WarehouseID)
		checkField(t, "timestamp", m["timestamp"], r.Timestamp)
	})
}

// Amounts and totals, against rational numbers.
func FuzzCheckTotal(f *testing.F) {
	f.Add("0.0000004", uint32(1_000_000), "1", uint32(1), "1.4")
	f.Add("79.99", uint32(2), "-1e-9", uint32(1), "159.98")
	f.Add("12345e-11", uint32(999_999_999), "0.33333333333333333", uint32(3), "1.005e0")
	f.Fuzz(func(t *testing.T, price1 string, quantity1 uint32, price2 string, quantity2 uint32, total string) {
		o := Order{OrderID: "o"}
		sum, difference := new(big.Rat), new(big.Rat)
		read := func(literal string, m *Money, text *string) *big.Rat {
			r, ok := new(big.Rat).SetString(literal)
			if len(literal) > 300 || !json.Valid([]byte(literal)) || !ok || r.Denom().BitLen() > 1000 {
				t.Skip()
			}
			got, exact, err := parseMoney([]byte(literal))
			if inRange := r.Cmp(big.NewRat(1_000_000_000_000, 1)) <= 0; err == nil && !inRange || err != nil && inRange && r.Sign() >= 0 {
				t.Fatalf("%s: %v", literal, err)
			}
			if err != nil {
				t.Skip()
			}
			rounded := big.NewRat(int64(got), int64(MoneyUnit))
			if r.Sign() != rounded.Sign() && (r.Sign() < 0 || exact) || exact != (rounded.Cmp(r) == 0) {
				t.Fatalf("%s is %s, exact=%t", literal, got, exact)
			}
			if *m = got; !exact {
				*text = literal
			}
			return r
		}
		o.Items = make([]Line, 2)
		for i, l := range []struct {
			price    string
			quantity uint32
		}{{price1, quantity1}, {price2, quantity2}} {
			line := &o.Items[i]
			line.ProductID, line.Quantity = "p", int64(l.quantity)
			price := read(l.price, &line.UnitPrice, &line.PriceText)
			sum.Add(sum, price.Mul(price, new(big.Rat).SetInt64(line.Quantity)))
		}
		difference.Sub(sum, read(total, &o.Total, &o.TotalText))
		if o.Check() != nil {
			return
		}
		if want, err := difference.Abs(difference).Cmp(big.NewRat(1, 200)) <= 0, o.CheckTotal(); (err == nil) != want {
			t.Errorf("%s × %d + %s × %d = %s is %t, CheckTotal says %v", price1, quantity1, price2, quantity2, total, want, err)
		}
	})
}

func FuzzParseCause(f *testing.F) {
	f.Add("order_events/3@1841#0")
	f.Fuzz(func(t *testing.T, s string) {
		if c, err := ParseCause(s); err == nil && c.String() != s {
			t.Errorf("%q was read as %s", s, c)
		}
	})
}

func FuzzParseVersion(f *testing.F) {
	f.Add("inventory.order.v1")
	f.Fuzz(func(t *testing.T, s string) { ParseVersion(s) })
}

func BenchmarkParseOrder(b *testing.B) {
	value := []byte(orderJSON)
	var o Order
	b.SetBytes(int64(len(value)))
	b.ReportAllocs()
	for b.Loop() {
		if err := ParseOrder(value, &o); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseUpdate(b *testing.B) {
	value := []byte(updateJSON)
	var u Update
	b.SetBytes(int64(len(value)))
	b.ReportAllocs()
	for b.Loop() {
		if err := ParseUpdate(value, &u); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBorrowUpdate(b *testing.B) {
	value := []byte(updateJSON)
	var u Update
	b.SetBytes(int64(len(value)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := BorrowUpdate(value, &u); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendUpdate(b *testing.B) {
	var u Update
	if err := ParseUpdate([]byte(updateJSON), &u); err != nil {
		b.Fatal(err)
	}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendUpdate(buf[:0], &u)
	}
}

// An amount is the same by the quick way and by its decimal digits.
func FuzzPlainMoney(f *testing.F) {
	for _, literal := range []string{"0", "-0", "7.5", "743.8399999999999", "0.0000005", "0.00000049", "-0.0000001", "1000000000000", "1000000000000.00000000",
		"1000000000000.0000001", "999999999999.9999995", "1.23456700", "00.1", ".5", "5.", "1.2.3", "12e3", "0.000000000000000000000000000000000001"} {
		f.Add([]byte(literal))
	}
	f.Fuzz(func(t *testing.T, literal []byte) {
		m, exact, ok := parsePlainMoney(literal)
		if !ok {
			return
		}
		d, number := parseDecimal(literal)
		want, wantExact, err := d.money()
		if !number || err != nil || m != want || exact != wantExact {
			t.Errorf("%q is %d, exact: %t; by its digits %d, exact: %t, %v", literal, m, exact, want, wantExact, err)
		}
	})
}
