// Package rules is the inventory system's rules and nothing else: what one
// entry of the product log does to one product. There is no clock, no
// randomness and no Kafka in it, so that a state and what it wrote are a
// function of the entries applied, in their order.
//
// [Default] is the system's own rules, [Reference] those of the system that it
// was modelled on, for comparison. The numbers in comments are those of the
// rules:
//
//  1. A product's first catalogue record opens it with its initial stock: one
//     update. A later one that changes a field writes one update with delta 0;
//     an identical one writes nothing. A tombstone delists: what is in the log
//     still applies, without reorders and alerts; stock and seq survive.
//  2. An order line takes min(quantity, stock); the rest is unmet. One update.
//  3. After every update, stock at or below the reorder threshold with no open
//     reorder makes one, unless the reorder quantity is 0.
//  4. It is urgent when stock is below the critical threshold.
//  5. An alert if stock is at or below the critical threshold in this update
//     and was not in the one before, or there is none before.
//  6. A receipt adds its quantity, and closes the reorder that it names if that
//     is this product's open one. One update.
//  7. The order is update, reorder, alert.
//  8. What comes before its product waits, and is applied after the opening.
package rules

import (
	"strconv"
	"strings"

	"inv/internal/event"
)

// State is one product. The zero value is a product without any entry yet.
type State struct {
	Product       event.Product // the catalogue record in force
	Opened        bool          // the catalogue record was seen
	Delisted      bool          // the last catalogue record was a tombstone
	Low           bool          // stock was critical in the last update (rule 5)
	Stock         int64
	Seq           int64 // of the last update, 0: none
	OpenReorder   int64 // seq of the update that wrote the open reorder, 0: none
	LastOrderID   string
	LastReorderID string
	Waiting       []event.Entry // in the log's order (rule 8)
}

// Step is one update and its consequences, in the order of rule 7.
type Step struct {
	Update  event.Update
	Reorder event.Reorder // if Reorders
	Alert   event.Alert   // if Alerts

	Reorders, Alerts bool
}

// Policy applies an entry to the state of its product, in place, since copying a
// few hundred bytes for each order line is measurable. It appends the records to
// write to steps. The entry is not changed; texts that the state keeps are cloned,
// because those of the entry are valid only until the steps have been used.
type Policy func(s *State, e *event.Entry, steps []Step) []Step

// update counts one cause and adds the step with its update.
func update(s *State, e *event.Entry, delta int64, steps []Step) ([]Step, *Step) {
	s.Stock += delta
	s.Seq++
	steps = append(steps, Step{})
	step := &steps[len(steps)-1]
	p, u := &s.Product, &step.Update
	u.ProductID = e.ProductID
	u.ProductName = p.Name
	u.Category = p.Category
	u.CurrentStock = s.Stock
	u.WarehouseID = p.WarehouseID
	u.Timestamp = e.Timestamp
	u.UnitPrice = p.Price
	u.ReorderThreshold = p.ReorderThreshold
	u.ReorderQuantity = p.ReorderQuantity
	u.CriticalThreshold = p.CriticalThreshold
	u.Seq = s.Seq
	u.Delta = delta
	u.Cause = e.Cause
	switch e.Kind {
	case event.EntryLine:
		s.LastOrderID = strings.Clone(e.OrderID)
		u.UnitPrice = e.Price
	case event.EntryReceipt:
		if e.EventID != "" {
			s.LastReorderID = strings.Clone(e.EventID)
		}
	}
	u.LastOrderID, u.LastReorderID = s.LastOrderID, s.LastReorderID
	return steps, step
}

// reorder adds a reorder to a step.
func (step *Step) reorder(urgent bool) {
	u := &step.Update
	step.Reorders = true
	step.Reorder = event.Reorder{
		EventID:         event.ReorderID(u.ProductID, u.Seq),
		ProductID:       u.ProductID,
		ProductName:     u.ProductName,
		CurrentStock:    u.CurrentStock,
		ReorderQuantity: u.ReorderQuantity,
		Priority:        event.PriorityNormal,
		WarehouseID:     u.WarehouseID,
		Timestamp:       u.Timestamp,
	}
	if urgent {
		step.Reorder.Priority = event.PriorityUrgent
	}
}

// alert adds an alert to a step.
func (step *Step) alert() {
	u := &step.Update
	step.Alerts = true
	step.Alert = event.Alert{
		AlertID:      event.AlertID(u.ProductID, u.Seq),
		AlertType:    event.AlertCritical,
		ProductID:    u.ProductID,
		ProductName:  u.ProductName,
		CurrentStock: u.CurrentStock,
		Threshold:    u.CriticalThreshold,
		WarehouseID:  u.WarehouseID,
		Timestamp:    u.Timestamp,
		Message:      AlertMessage(u.ProductName, u.CurrentStock),
	}
}

// wait queues an entry (rule 8).
func (s *State) wait(e *event.Entry) {
	w := *e
	w.ProductID, w.Cause, w.OrderID, w.EventID = strings.Clone(e.ProductID), strings.Clone(e.Cause), strings.Clone(e.OrderID), strings.Clone(e.EventID)
	s.Waiting = append(s.Waiting, w)
}

// list puts a catalogue record in force.
func (s *State) list(p event.Product) {
	p.ID, p.Name, p.Category, p.WarehouseID = strings.Clone(p.ID), strings.Clone(p.Name), strings.Clone(p.Category), strings.Clone(p.WarehouseID)
	s.Product, s.Opened, s.Delisted = p, true, false
}

// AlertMessage returns the message of an alert.
func AlertMessage(product string, stock int64) string {
	return "Critical inventory level: " + product + " (" + strconv.FormatInt(stock, 10) + " units remaining)"
}
