package inventory

import (
	"fmt"
	"sync/atomic"

	"inv/internal/event"
	"inv/processor"
	"inv/processor/inventory/rules"

	"github.com/twmb/franz-go/pkg/kgo"
)

// fits finds records of which something would be made that the schemas of the ledger's
// outputs have no place for, while they can still be refused. Whole numbers are no matter:
// the schemas are compared with their ranges before the start. What is left are amounts,
// and the texts of products, orders and receipts. Each comes from a single record, so it is
// tried in an output whose other fields are those of a record that fits. It is safe for
// concurrent use.
type fits struct {
	updates, reorders, alerts processor.Format
	amounts                   bool                         // only amounts may not fit: texts have no bounds
	sample                    atomic.Pointer[event.Update] // of the last product that fits
}

// exactAmount is the amount below which every one is kept by a double: with six decimals
// it has fifteen digits at most.
const exactAmount = event.Money(1_000_000_000_000_000)

// fitsFor returns nil if the outputs' schemas take every record.
func fitsFor(env processor.Env) *fits {
	if env.TakesAll("updates") && env.TakesAll("reorders") && env.TakesAll("alerts") {
		return nil
	}
	return &fits{updates: env.Format("updates"), reorders: env.Format("reorders"), alerts: env.Format("alerts"),
		amounts: env.Derived("updates") && env.Derived("reorders") && env.Derived("alerts")}
}

// product returns why a product is to be refused, or nil.
func (f *fits) product(p *event.Product, r *kgo.Record) error {
	if f == nil {
		return nil
	}
	cause := event.Cause{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}
	u := event.Update{
		ProductID: p.ID, ProductName: p.Name, Category: p.Category, CurrentStock: 1, WarehouseID: p.WarehouseID, Timestamp: 1,
		UnitPrice: p.Price, ReorderThreshold: p.ReorderThreshold, ReorderQuantity: p.ReorderQuantity, CriticalThreshold: p.CriticalThreshold,
		Seq: 1, Delta: 1, Cause: cause.String(), LastUpdated: 1,
	}
	if err := fit(f.updates, p.ID, event.AppendUpdate(nil, &u), "an update"); err != nil {
		return err
	}
	reorder := event.Reorder{
		EventID: event.ReorderID(p.ID, 1), ProductID: p.ID, ProductName: p.Name, CurrentStock: 1, ReorderQuantity: p.ReorderQuantity,
		Priority: event.PriorityNormal, WarehouseID: p.WarehouseID, Timestamp: 1,
	}
	if err := fit(f.reorders, reorder.EventID, event.AppendReorder(nil, &reorder), "a reorder"); err != nil {
		return err
	}
	alert := event.Alert{
		AlertID: event.AlertID(p.ID, 1), AlertType: event.AlertCritical, ProductID: p.ID, ProductName: p.Name, CurrentStock: 1,
		Threshold: p.CriticalThreshold, WarehouseID: p.WarehouseID, Timestamp: 1, Message: rules.AlertMessage(p.Name, 1),
	}
	if err := fit(f.alerts, p.ID, event.AppendAlert(nil, &alert), "an alert"); err != nil {
		return err
	}
	f.sample.Store(&u)
	return nil
}

// entries returns why the record behind some entries of orders or receipts is to be
// refused, or nil.
func (f *fits) entries(list []event.Entry) *event.Error {
	if f == nil {
		return nil
	}
	sample := f.sample.Load()
	if sample == nil {
		return nil
	}
	var value []byte
	for i := range list {
		e := &list[i]
		if f.amounts && (e.Kind != event.EntryLine || e.Price < exactAmount) {
			continue
		}
		u := *sample
		u.ProductID, u.Cause, u.LastOrderID, u.LastReorderID = e.ProductID, e.Cause, e.OrderID, e.EventID
		if e.Kind == event.EntryLine {
			u.UnitPrice = e.Price
		}
		value = event.AppendUpdate(value[:0], &u)
		if err := fit(f.updates, e.ProductID, value, "an update"); err != nil {
			return refusal(err)
		}
	}
	return nil
}

// fit returns an *event.Error if a format has no place for a record.
func fit(f processor.Format, key string, value []byte, what string) error {
	if _, _, _, err := f.Encode(nil, []byte(key), value); err != nil {
		return &event.Error{Reason: event.SchemaMismatch, Message: fmt.Sprintf("%s of it: %v", what, err)}
	}
	return nil
}
