package event_test

import (
	"math/rand/v2"
	"testing"

	"inv/internal/event"
)

// What the Append functions write is of the shape of its kind, for records that are full
// of limits as well as for empty ones.
func TestShape(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		for kind, value := range randomRecords(r) {
			s, ok := event.Shape(kind)
			if !ok {
				t.Fatalf("%s has no shape", kind)
			}
			if err := s.Admit(value); err != nil {
				t.Errorf("%s: %v\n%s", kind, err, value)
			}
		}
	}
	if _, ok := event.Shape("line"); ok {
		t.Error("a line has a shape")
	}
}

// randomRecords returns a record of each kind.
func randomRecords(r *rand.Rand) map[string][]byte {
	pick := func(of ...int64) int64 { return of[r.IntN(len(of))] }
	units := func() int64 { return pick(0, 1, r.Int64N(1000), event.MaxInt) }
	number := func() int64 { return pick(0, -1, r.Int64(), -r.Int64()) }
	moment := func() int64 { return pick(0, 1, r.Int64N(event.MaxTime), event.MaxTime) }
	money := func() event.Money {
		return event.Money(pick(0, 1, 10_000, r.Int64N(int64(event.MaxMoney)), int64(event.MaxMoney)))
	}
	text := func() string {
		return []string{"", "a", "prod-007", "ünï \"quoted\" \\ \x01", "emoji 🙂", string([]byte{0xff, 'a'})}[r.IntN(6)]
	}
	items := make([]event.Line, r.IntN(4))
	for i := range items {
		items[i] = event.Line{ProductID: text(), Quantity: units(), UnitPrice: money()}
	}
	priority := []string{event.PriorityNormal, event.PriorityUrgent}[r.IntN(2)]
	return map[string][]byte{
		event.KindProduct: event.AppendProduct(nil, &event.Product{ID: text(), Name: text(), Category: text(), Price: money(), ReorderThreshold: units(), ReorderQuantity: units(), CriticalThreshold: units(), WarehouseID: text(), InitialStock: units()}),
		event.KindOrder:   event.AppendOrder(nil, &event.Order{OrderID: text(), CustomerID: text(), Items: items, Total: money(), Timestamp: moment()}),
		event.KindUpdate: event.AppendUpdate(nil, &event.Update{ProductID: text(), ProductName: text(), Category: text(), CurrentStock: number(), WarehouseID: text(), Timestamp: moment(), UnitPrice: money(),
			ReorderThreshold: units(), ReorderQuantity: units(), CriticalThreshold: units(), Seq: number(), Delta: number(), Cause: text(), UnmetQuantity: number(), LastOrderID: text(), LastReorderID: text(), LastUpdated: moment()}),
		event.KindReorder: event.AppendReorder(nil, &event.Reorder{EventID: text(), ProductID: text(), ProductName: text(), CurrentStock: number(), ReorderQuantity: units(), Priority: priority, WarehouseID: text(), Timestamp: moment()}),
		event.KindAlert:   event.AppendAlert(nil, &event.Alert{AlertID: text(), AlertType: event.AlertCritical, ProductID: text(), ProductName: text(), CurrentStock: number(), Threshold: units(), WarehouseID: text(), Timestamp: moment(), Message: text()}),
		event.KindReceipt: event.AppendReceipt(nil, &event.Receipt{ReceiptID: text(), EventID: text(), ProductID: text(), Quantity: units(), WarehouseID: text(), Timestamp: moment()}),
	}
}
