package dashboard

import (
	"cmp"
	"slices"
	"strings"

	"inv/internal/event"
)

// applyUpdate folds an update that is newer than all others of its product.
func (m *Model) applyUpdate(r *Record, now int64) error {
	u := &m.update
	has, err := readUpdate(r, u)
	if err != nil {
		return err
	}
	p := m.product(u.ProductID)
	if p == nil || !m.inSequence(p, u) {
		return nil
	}
	c := m.changeOf(u, has)
	if !c.hasDelta && p.stocked {
		c.delta, c.hasDelta = difference(u.CurrentStock, p.stock), true
	}
	m.count(&c, u.LastOrderID, p.lastOrder, p.paid(u), now)
	if c.topic != 0 && m.topics[c.topic] == m.orders && u.LastUpdated > 0 {
		m.latency.add(now, u.LastUpdated-u.Timestamp)
	}
	p.history.add(c, m.orderOf(&c, u.LastOrderID))
	m.setNewest(p, u, has, c.delta)
	return nil
}

// setNewest takes the product's stock from its newest update, which may name the
// reorder that it fulfils.
func (m *Model) setNewest(p *product, u *event.Update, has event.UpdateFields, delta int64) {
	m.change(p, func() { m.setStock(p, u, has, delta) })
	if u.LastReorderID != "" && u.LastReorderID != p.lastReorder {
		p.lastReorder = strings.Clone(u.LastReorderID)
		m.closeReorder(p, p.lastReorder, u.Timestamp)
	}
}

// readUpdate parses an update and sets a missing time to the record's.
func readUpdate(r *Record, u *event.Update) (event.UpdateFields, error) {
	has, err := event.ParseUpdateFields(r.Value, u)
	switch {
	case err != nil:
		return 0, err
	case u.ProductID == "":
		return 0, errNoProduct
	case has&event.HasUpdateStock == 0:
		return 0, &event.Error{Reason: event.WrongType, Message: "current_stock is missing"}
	case u.Timestamp < 0 || u.Timestamp > event.MaxTime:
		return 0, &event.Error{Reason: event.OutOfRange, Message: "timestamp is out of range"}
	}
	u.Timestamp = cmp.Or(u.Timestamp, max(r.Timestamp, 0))
	return has, nil
}

// inSequence reports whether an update is newer than the last one, and counts those
// missing in between. Number 1 starts over: the ledger was reset.
func (m *Model) inSequence(p *product, u *event.Update) bool {
	switch last := p.Seq; {
	case u.Seq == 0 || last == 0 || u.Seq == last+1:
		return true
	case u.Seq == 1:
		m.gap(p, 1)
		return true
	case u.Seq > last:
		m.gap(p, u.Seq-last-1)
		return true
	}
	m.gap(p, 1)
	m.problems.OutOfOrder++
	return false
}

func (m *Model) gap(p *product, n int64) {
	p.Gaps = sum(p.Gaps, n)
	m.problems.Gaps = sum(m.problems.Gaps, n)
	m.problems.version = m.seq + 1
	m.touch(p)
}

func (m *Model) setStock(p *product, u *event.Update, has event.UpdateFields, delta int64) {
	p.stocked = true
	p.stock, p.Delta, p.Seq, p.Updated = u.CurrentStock, delta, u.Seq, u.Timestamp
	if u.LastOrderID != "" && u.LastOrderID != p.lastOrder {
		p.lastOrder = strings.Clone(u.LastOrderID)
	}
	if p.InCatalog {
		return // the catalogue takes precedence
	}
	if name := clip(u.ProductName); name != "" && name != p.Name {
		p.Name = name
		p.fold()
	}
	m.classify(p, u.Category, u.WarehouseID)
	if has&event.HasUpdateUnitPrice != 0 {
		p.UnitPrice = Money(u.UnitPrice)
	}
	if has&event.HasUpdateReorderThreshold != 0 {
		p.ReorderThreshold = u.ReorderThreshold
	}
	if has&event.HasUpdateReorderQuantity != 0 {
		p.ReorderQuantity = u.ReorderQuantity
	}
	if has&event.HasUpdateCriticalThreshold != 0 {
		p.CriticalThreshold = u.CriticalThreshold
	}
}

// Newest folds the newest update of a product while the topic is read backwards,
// and ignores older ones.
func (m *Model) Newest(r *Record) {
	if p := m.products[string(r.Key)]; p != nil && p.stocked {
		return // without parsing: most records end here
	}
	u := &m.update
	has, err := readUpdate(r, u)
	if err != nil {
		return // Older counts it
	}
	p := m.product(u.ProductID)
	if p == nil || p.stocked {
		return
	}
	m.setNewest(p, u, has, u.Delta)
}

// Older folds an update for the charts while the topic is read backwards from
// where the live updates begin, the newest first.
func (m *Model) Older(r *Record, now int64) {
	m.dirty = true
	if r.Value == nil {
		return
	}
	u := &m.update
	has, err := readUpdate(r, u)
	if err != nil {
		m.malformed(r, err)
		return
	}
	p := m.product(u.ProductID)
	if p == nil {
		return
	}
	if u.Seq > 0 {
		if p.backSeq > 0 && u.Seq != p.backSeq-1 && p.backSeq != 1 {
			m.gap(p, max(p.backSeq-u.Seq-1, 1))
		}
		p.backSeq = u.Seq
	}
	if !p.stocked { // not in the catalogue, so Newest did not look back this far
		m.change(p, func() { m.setStock(p, u, has, u.Delta) })
	}
	c := m.changeOf(u, has)
	m.decide(p, c.stock, u.LastOrderID, now)
	if c.topic == 0 || !c.hasDelta {
		p.undecided = &undecided{c, strings.Clone(u.LastOrderID), p.paid(u)}
		return
	}
	m.count(&c, "", "", u.UnitPrice, now)
	m.addOlder(p, c, u.LastOrderID)
}

// undecided is an update without delta or cause, as the reference system writes
// them, from before the dashboard began. What it changed follows from the update
// before it, which is read after it.
type undecided struct {
	change
	order string
	price event.Money
}

// decide counts the product's undecided update: stock and order are of the update
// before it.
func (m *Model) decide(p *product, stock int64, order string, now int64) {
	u := p.undecided
	if u == nil {
		return
	}
	p.undecided = nil
	if !u.hasDelta {
		u.delta, u.hasDelta = difference(u.stock, stock), true
		if p.Seq == 0 && p.Updated == u.time && p.stock == u.stock {
			p.Delta = u.delta // the row shows this update
			m.touch(p)
		}
	}
	m.count(&u.change, u.order, order, u.price, now)
	m.addOlder(p, u.change, u.order)
}

// Undecided returns the IDs of the products with an undecided update.
func (m *Model) Undecided() map[string]struct{} {
	ids := map[string]struct{}{}
	for _, p := range m.all {
		if p.undecided != nil {
			ids[p.ID] = struct{}{}
		}
	}
	return ids
}

// Before takes an update from before the charts, the newest first. It returns
// the ID of the product whose undecided update it decides, or "".
func (m *Model) Before(r *Record, now int64) string {
	u := &m.update
	if _, err := readUpdate(r, u); err != nil {
		return ""
	}
	p := m.products[u.ProductID]
	if p == nil || p.undecided == nil {
		return ""
	}
	m.dirty = true
	m.decide(p, u.CurrentStock, u.LastOrderID, now)
	return p.ID
}

// NothingOlder ends the reading backwards: undecided updates are added to their
// products' histories. If they are known to be the first of their products, their
// orders count, though without units.
func (m *Model) NothingOlder(first bool, now int64) {
	for _, p := range m.all {
		if p.undecided == nil {
			continue
		}
		if first {
			m.count(&p.undecided.change, p.undecided.order, "", p.undecided.price, now)
		}
		m.addOlder(p, p.undecided.change, p.undecided.order)
		p.undecided = nil
		m.dirty = true
	}
}

func (m *Model) addOlder(p *product, c change, order string) {
	if p.history.addOlder(c, m.orderOf(&c, order)) {
		m.touch(p)
	}
}

func (m *Model) changeOf(u *event.Update, has event.UpdateFields) change {
	c := change{
		time: u.Timestamp, stock: u.CurrentStock, delta: u.Delta, unmet: u.UnmetQuantity, seq: u.Seq,
		hasDelta: has&event.HasUpdateDelta != 0,
	}
	cause, err := event.ParseCause(u.Cause)
	if err != nil {
		return c
	}
	topic := slices.Index(m.topics, cause.Topic)
	if topic < 0 {
		if len(m.topics) >= 64 {
			return c
		}
		topic = len(m.topics)
		m.topics = append(m.topics, strings.Clone(cause.Topic))
	}
	c.topic, c.line, c.partition, c.offset = int16(topic), cause.Line, cause.Partition, cause.Offset
	return c
}

func (m *Model) causeText(c *change) string {
	if c.topic == 0 {
		return ""
	}
	return event.Cause{Topic: m.topics[c.topic], Partition: c.partition, Offset: c.offset, Line: c.line}.String()
}

// Kind is what changed a product's stock.
type Kind string

// The kinds.
const (
	ByOrder    Kind = "order"
	ByDelivery Kind = "delivery" // a receipt
	ByOpening  Kind = "opening"  // the product's first catalogue record
	ByCatalog  Kind = "catalog"  // a later one, which changes no stock
	ByUnknown  Kind = ""
)

// kind returns what caused a change. What is no order is known by its effect: a
// receipt adds something, a catalogue record nothing unless it is the first.
func (m *Model) kind(c *change) Kind {
	caused := c.topic != 0
	switch {
	case caused && m.topics[c.topic] == m.orders:
		return ByOrder
	case caused && c.seq == 1:
		return ByOpening
	case !c.hasDelta:
		return ByUnknown
	case c.delta > 0:
		return ByDelivery
	case caused && c.delta == 0:
		return ByCatalog
	case !caused && c.delta < 0:
		return ByOrder
	}
	return ByUnknown
}

// orderOf returns the ID of the order that caused a change, given the update's last
// order, or "".
func (m *Model) orderOf(c *change, last string) string {
	if m.kind(c) != ByOrder {
		return ""
	}
	return last
}

// count adds an update to the sales if an order caused it. If the update has no
// cause, another last order than before, or less stock, means an order.
func (m *Model) count(c *change, order, before string, price event.Money, now int64) {
	first := false
	switch {
	case c.topic != 0:
		if m.topics[c.topic] != m.orders {
			return
		}
		first = c.line == 0
	case order == "" || order == before && c.delta >= 0:
		return
	default:
		first = m.recents.isNew(order)
	}
	line := Minute{Units: max(difference(0, c.delta), 0), Unmet: c.unmet, Revenue: revenue(c.delta, price)}
	if first {
		line.Orders = 1
	}
	m.sales.add(min(c.time, now), line, m.seq+1)
}

// paid returns the price in an update, or the catalogue's if it has none.
func (p *product) paid(u *event.Update) event.Money {
	if u.UnitPrice == 0 && u.Cause == "" {
		return event.Money(p.UnitPrice)
	}
	return u.UnitPrice
}

// orderIDs remembers the last order IDs of updates without a cause: the lines of
// one order are spread over products and partitions.
type orderIDs struct {
	known map[string]struct{}
	ring  []string
	next  int
}

const orderIDsKept = 8192

func (o *orderIDs) isNew(id string) bool {
	if _, known := o.known[id]; known {
		return false
	}
	if o.known == nil {
		o.known, o.ring = map[string]struct{}{}, make([]string, orderIDsKept)
	}
	delete(o.known, o.ring[o.next])
	id = strings.Clone(id)
	o.ring[o.next] = id
	o.known[id] = struct{}{}
	o.next = (o.next + 1) % orderIDsKept
	return true
}
