package inventory

import (
	"reflect"
	"testing"
	"time"

	"inv/internal/event"
	"inv/processor/inventory/rules"
)

func TestStatesAreWrittenAndRead(t *testing.T) {
	for _, s := range []rules.State{
		{},
		{Delisted: true},
		{Opened: true, Low: true, Stock: 7, Seq: 9, OpenReorder: 8, LastOrderID: "o\x00", LastReorderID: "r", Product: event.Product{
			ID: "p", Name: "é", Category: "c", Price: 12345678, ReorderThreshold: 1, ReorderQuantity: 2, CriticalThreshold: 3, WarehouseID: "w", InitialStock: 1e9}},
	} {
		encoded := appendState(nil, &s, 1<<40)
		if applied, err := stateApplied(encoded); applied != 1<<40 || err != nil {
			t.Errorf("applied %d, %v", applied, err)
		}
		got, err := parseState("p", encoded)
		if err != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("read %+v, %v, want %+v", got, err, s)
		}
		for cut := range encoded {
			if _, err := parseState("p", encoded[:cut]); err == nil {
				t.Errorf("%d of %d bytes were read", cut, len(encoded))
			}
		}
		if _, err := parseState("p", append(encoded, 0)); err == nil {
			t.Error("a byte too many was read")
		}
	}
}

func TestAnotherFormatIsRefused(t *testing.T) {
	encoded := appendState(nil, &rules.State{}, 1)
	encoded[0] = 99
	if _, err := parseState("p", encoded); err == nil {
		t.Error("a state of another format was read")
	}
}

func TestWaitingEntriesAreWrittenAndRead(t *testing.T) {
	e := event.Entry{Kind: event.EntryLine, ProductID: "a/b\n", Cause: "t/1@2#3", Timestamp: 4, Quantity: 5, OrderID: "o"}
	n, id, got, err := parseWaiting(waitingKey(12, e.ProductID), appendWaiting(nil, &e, 7))
	if n != 12 || id != e.ProductID || got != e || err != nil {
		t.Errorf("%d, %q, %+v, %v", n, id, got, err)
	}
}

func TestPendingReceiptsAreWrittenAndRead(t *testing.T) {
	d := pending{due: time.UnixMilli(123456), offset: 9, receipt: event.Receipt{ReceiptID: "receipt-r", EventID: "r", ProductID: "p", Quantity: 3, WarehouseID: "w", Timestamp: 8}}
	encoded := appendPending(nil, &d)
	if got, err := parsePending(encoded); err != nil || got != d {
		t.Errorf("%+v, %v", got, err)
	}
	for cut := range encoded {
		if _, err := parsePending(encoded[:cut]); err == nil {
			t.Errorf("%d of %d bytes were read", cut, len(encoded))
		}
	}
}
