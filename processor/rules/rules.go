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

	"inv/internal/event"
)

// State is one product. The zero value is a product that was never heard of.
// A State is a value: policies return a new one and leave the given one as it
// was. Of the states that follow from one, only the last made is good for use,
// since the lists of waiting entries may share their memory.
type State struct {
	Product       event.Product // the catalogue record in force
	Opened        bool          // the catalogue record was seen
	Delisted      bool          // the catalogue's last word was a tombstone
	Low           bool          // stock was critical in the last update (rule 5)
	Stock         int64
	Seq           int64 // of the last update, 0: none
	OpenReorder   int64 // seq of the update that wrote the open reorder, 0: none
	LastOrderID   string
	LastReorderID string
	Waiting       []event.Entry // in the log's order (rule 8)
}

// Step is one update and what follows from it, in the order of rule 7.
type Step struct {
	Update  event.Update
	Reorder event.Reorder // if Reorders
	Alert   event.Alert   // if Alerts

	Reorders, Alerts bool
}

// Policy applies an entry to the state of its product. It appends what is to be
// written to steps.
type Policy func(s State, e event.Entry, steps []Step) (State, []Step)

// update counts and fills the update of one cause.
func update(s State, e event.Entry, delta int64) (State, event.Update) {
	s.Stock += delta
	s.Seq++
	p := &s.Product
	u := event.Update{
		ProductID:         e.ProductID,
		ProductName:       p.Name,
		Category:          p.Category,
		CurrentStock:      s.Stock,
		WarehouseID:       p.WarehouseID,
		Timestamp:         e.Timestamp,
		UnitPrice:         p.Price,
		ReorderThreshold:  p.ReorderThreshold,
		ReorderQuantity:   p.ReorderQuantity,
		CriticalThreshold: p.CriticalThreshold,
		Seq:               s.Seq,
		Delta:             delta,
		Cause:             e.Cause,
	}
	switch e.Kind {
	case event.EntryLine:
		s.LastOrderID = e.OrderID
		u.UnitPrice = e.Price
	case event.EntryReceipt:
		if e.EventID != "" {
			s.LastReorderID = e.EventID
		}
	}
	u.LastOrderID, u.LastReorderID = s.LastOrderID, s.LastReorderID
	return s, u
}

func reorder(s State, u *event.Update, urgent bool) event.Reorder {
	r := event.Reorder{
		EventID:         event.ReorderID(u.ProductID, u.Seq),
		ProductID:       u.ProductID,
		ProductName:     u.ProductName,
		CurrentStock:    u.CurrentStock,
		ReorderQuantity: s.Product.ReorderQuantity,
		Priority:        event.PriorityNormal,
		WarehouseID:     u.WarehouseID,
		Timestamp:       u.Timestamp,
	}
	if urgent {
		r.Priority = event.PriorityUrgent
	}
	return r
}

func alert(s State, u *event.Update) event.Alert {
	return event.Alert{
		AlertID:      event.AlertID(u.ProductID, u.Seq),
		AlertType:    event.AlertCritical,
		ProductID:    u.ProductID,
		ProductName:  u.ProductName,
		CurrentStock: u.CurrentStock,
		Threshold:    s.Product.CriticalThreshold,
		WarehouseID:  u.WarehouseID,
		Timestamp:    u.Timestamp,
		Message:      "Critical inventory level: " + u.ProductName + " (" + strconv.FormatInt(u.CurrentStock, 10) + " units remaining)",
	}
}

// wait puts an entry behind those that wait already (rule 8).
func wait(s State, e event.Entry) State {
	s.Waiting = append(s.Waiting, e)
	return s
}
