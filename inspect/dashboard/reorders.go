package dashboard

import (
	"cmp"
	"strconv"
	"strings"

	"inv/internal/event"
)

// mark orders the reorders of one product and their receipts: by the number of the
// update that caused them if the ID has it, else by time.
type mark struct{ seq, time int64 }

func markOf(product, id string, time int64) mark {
	if number, ok := strings.CutPrefix(id, strings.TrimSuffix(event.ReorderID(product, 0), "0")); ok {
		if seq, err := strconv.ParseInt(number, 10, 64); err == nil {
			return mark{seq, time}
		}
	}
	return mark{0, time}
}

func (m mark) after(other mark) bool {
	if m.seq > 0 && other.seq > 0 {
		return m.seq > other.seq
	}
	return m.time > other.time
}

func (m *Model) applyReorder(r *Record) error {
	var o event.Reorder
	if err := event.ParseReorder(r.Value, &o); err != nil {
		return err
	}
	if o.ProductID == "" || o.EventID == "" {
		return errNoProduct
	}
	m.openReorder(&o, r.Timestamp)
	return nil
}

// openReorder opens a reorder unless it is fulfilled or a later one is known:
// reorders of one product are spread over partitions and arrive in any order, past
// ones the newest first. Only the newest of a product can be open.
func (m *Model) openReorder(o *event.Reorder, recordTime int64) {
	p := m.product(o.ProductID)
	if p == nil {
		return
	}
	since := cmp.Or(o.Timestamp, recordTime)
	at := markOf(p.ID, o.EventID, since)
	newest := at.after(p.reordered)
	if newest {
		p.reordered = at
	}
	switch {
	case p.closed == o.EventID, p.lastReorder == o.EventID:
		return
	case m.earlier && (!newest || p.closedLive):
		return
	case p.OpenReorder != nil && markOf(p.ID, p.OpenReorder.EventID, p.OpenReorder.Time).after(at):
		return
	}
	if p.Name == p.ID && o.ProductName != "" {
		p.Name = clip(o.ProductName)
		p.fold()
	}
	p.OpenReorder = &Reorder{
		EventID: o.EventID, ProductID: p.ID, Quantity: o.ReorderQuantity, Priority: clip(o.Priority), Stock: o.CurrentStock, Time: since,
	}
	m.openings[p] = struct{}{}
	m.reordersVersion = m.seq + 1
	m.touch(p)
}

// closeReorder records that a reorder was fulfilled, at a time in epoch ms.
func (m *Model) closeReorder(p *product, id string, time int64) {
	// Of past ones the newest comes first, and stays.
	if at := markOf(p.ID, id, time); !m.earlier || p.closed == "" || at.after(p.closedAt) {
		p.closed, p.closedAt = strings.Clone(id), at
	}
	if p.OpenReorder != nil && p.OpenReorder.EventID == id {
		p.OpenReorder = nil
		delete(m.openings, p)
		m.reordersVersion = m.seq + 1
		m.touch(p)
	}
}

func (m *Model) applyReceipt(r *Record) error {
	var c event.Receipt
	if err := event.ParseReceipt(r.Value, &c); err != nil {
		return err
	}
	if c.ProductID == "" {
		return errNoProduct
	}
	if p := m.products[c.ProductID]; p != nil && c.EventID != "" {
		p.closedLive = p.closedLive || !m.earlier
		m.closeReorder(p, c.EventID, max(c.Timestamp, r.Timestamp))
	}
	return nil
}

// Earlier folds a reorder, a receipt or a dead letter that is older than the
// records given to Apply.
func (m *Model) Earlier(r *Record, now int64) {
	m.earlier = true
	m.Apply(r, now)
	m.earlier = false
}
