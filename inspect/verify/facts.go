package verify

import (
	"fmt"
	"hash/maphash"

	"inv/internal/event"
)

// facts are what outputs repeat of a catalogue record.
type facts struct {
	name, category, warehouse uint64 // hashes
	threshold, quantity       int64  // at which stock is reordered, and how much
	critical                  int64  // threshold
	price                     int64  // event.Money
}

func (p *parser) factsOf(v *event.Product) facts {
	return facts{name: maphash.String(p.seed, v.Name), category: maphash.String(p.seed, v.Category), warehouse: maphash.String(p.seed, v.WarehouseID),
		threshold: v.ReorderThreshold, quantity: v.ReorderQuantity, critical: v.CriticalThreshold, price: int64(v.Price)}
}

// source is what an update's cause says of it. The zero value is a cause of which
// nothing is known.
type source struct {
	known  bool
	time   int64            // of the event, epoch ms
	order  uint64           // hash of the order's id, if it is a line
	answer uint64           // hash of the reorder's id that a receipt names, 0: none
	record *catalogueRecord // if it is one
	gone   bool             // it is a catalogue record that was compacted
}

// repeats compares what an update repeats with where it has it from.
func (a *auditor) repeats(c *updateRow, p *product) {
	a.checks[checkFacts].Checked++
	a.catalogueFacts(c, p)
	a.lastIDs(c, p)
	if !c.own {
		return
	}
	if s := &c.source; s.known && timeKnown(s.time) && c.time != s.time {
		a.differs(c, p, "timestamp", formatTime(s.time)+", as "+a.causeOf(c)+" has it", formatTime(c.time))
	}
	a.stamped(p, c.at, c.time, c.kafka, c.updated)
	a.fieldsOf(c)
}

func (a *auditor) differs(c *updateRow, p *product, field, expected, seen string) {
	a.note(checkFacts, Finding{Product: p.id, Where: c.at.String(), Expected: field + " " + expected, Seen: seen})
}

// catalogueFacts compares an update with the catalogue record that was in force. It
// is the one of the product's last update that a catalogue record caused; if that
// record is gone, then what the update said.
func (a *auditor) catalogueFacts(c *updateRow, p *product) {
	s := &c.source
	switch {
	case a.reference() || c.missing(event.HasUpdateCause):
		a.listedFacts(c, p)
		return
	case s.record != nil:
		p.force, p.forcePriced, p.unsure = &s.record.facts, true, false
		a.relisted(c, p)
	case s.gone || !c.follows || p.force == nil:
		p.force = nil // of other processors, which may leave out what they like
		if c.own {
			said := a.factsIn(c)
			p.force = &said
		}
		p.forcePriced = c.cause.of != fromOrders
		if p.unsure = s.gone || p.unsure; s.gone {
			a.relisted(c, p)
		}
		return
	}
	if d := a.differing(c, p.force, p.forcePriced && c.cause.of != fromOrders); d != 0 {
		a.differ(c, p, p.force, d, "as the catalogue record in force has it")
	}
}

func (a *auditor) factsIn(c *updateRow) facts {
	return facts{name: c.named.hash, category: c.category, warehouse: c.warehouse, threshold: c.reorder.threshold, quantity: c.reorder.quantity,
		critical: c.critical, price: int64(c.price)}
}

// relisted notes that a catalogue record lists the product again, if it was delisted.
func (a *auditor) relisted(c *updateRow, p *product) {
	delete(a.lost, c.i)
	p.listedAgain = p.tombstone.partition == c.cause.partition && p.tombstone.offset < c.cause.offset
}

// listedFacts compares an update of which it is not known which catalogue record
// was in force: it must be one of the product's, and none before that of the
// product's last update.
func (a *auditor) listedFacts(c *updateRow, p *product) {
	if !p.inCatalogue {
		return
	}
	versions := a.versions[c.i]
	if versions == nil {
		versions = []facts{p.last.facts}
	}
	priced := c.source.known && c.cause.of != fromOrders
	if p.scattered {
		p.version = 0 // their order is unknown
	}
	for n := int(p.version); n < len(versions); n++ {
		if a.differing(c, &versions[n], priced) == 0 {
			p.version = int32(n)
			return
		}
	}
	if a.gaps {
		a.doubt("records of the catalogue are gone", checkFacts)
		return
	}
	in := &versions[p.version]
	a.differ(c, p, in, a.differing(c, in, priced), "as the catalogue has it")
}

// The facts that differ, in the order of [facts].
const (
	differName = 1 << iota
	differCategory
	differWarehouse
	differThreshold
	differQuantity
	differCritical
	differPrice
)

// differing returns the facts that an update has otherwise. Other processors may
// leave some out.
func (a *auditor) differing(c *updateRow, want *facts, priced bool) (d int) {
	text := func(bit int, got, want uint64) {
		if got != want && (c.own || got != a.absent) {
			d |= bit
		}
	}
	number := func(bit int, field event.UpdateFields, got, want int64) {
		if got != want && !c.missing(field) {
			d |= bit
		}
	}
	text(differName, c.named.hash, want.name)
	text(differCategory, c.category, want.category)
	text(differWarehouse, c.warehouse, want.warehouse)
	number(differThreshold, event.HasUpdateReorderThreshold, c.reorder.threshold, want.threshold)
	number(differQuantity, event.HasUpdateReorderQuantity, c.reorder.quantity, want.quantity)
	number(differCritical, event.HasUpdateCriticalThreshold, c.critical, want.critical)
	if priced {
		number(differPrice, event.HasUpdateUnitPrice, int64(c.price), want.price)
	}
	return d
}

// differ reports the facts that differ.
func (a *auditor) differ(c *updateRow, p *product, want *facts, d int, why string) {
	for _, f := range []struct {
		bit            int
		name           string
		expected, seen any
	}{
		{differName, "product_name", "", a.text(c.named.text)}, {differCategory, "category", "", "another"}, {differWarehouse, "warehouse_id", "", "another"},
		{differThreshold, "reorder_threshold", want.threshold, c.reorder.threshold}, {differQuantity, "reorder_quantity", want.quantity, c.reorder.quantity},
		{differCritical, "critical_threshold", want.critical, c.critical}, {differPrice, "unit_price", event.Money(want.price), c.price},
	} {
		if d&f.bit == 0 {
			continue
		}
		expected := fmt.Sprint(f.expected)
		if expected != "" {
			expected += ", "
		}
		a.differs(c, p, f.name, expected+why, fmt.Sprint(f.seen))
	}
}

// lastIDs checks which order and which reorder an update names as the last ones.
func (a *auditor) lastIDs(c *updateRow, p *product) {
	s := &c.source
	if c.follows && c.seq == 1 {
		p.lastOrder, p.lastReorder, p.idsKnown = a.absent, a.absent, true
	}
	if !c.follows || !s.known && !s.gone {
		p.idsKnown = false
	}
	order, reorder := p.lastOrder, p.lastReorder
	orderKnown, reorderKnown := p.idsKnown && c.own, p.idsKnown && c.own
	if s.known && s.order != 0 {
		order, orderKnown = s.order, c.own || c.lastOrder.hash != a.absent
	}
	if s.known && s.answer != 0 {
		reorder, reorderKnown = s.answer, c.own || c.lastReorder.hash != a.absent
	}
	if orderKnown && c.lastOrder.hash != order {
		a.differs(c, p, "last_order_id", "of the product's last order", "another")
	}
	if reorderKnown && c.lastReorder.hash != reorder {
		a.differs(c, p, "last_reorder_id", "of the product's last receipt", "another")
	}
	if !orderKnown {
		order = c.lastOrder.hash
	}
	if !reorderKnown {
		reorder = c.lastReorder.hash
	}
	p.lastOrder, p.lastReorder, p.idsKnown = order, reorder, true
}

// updateFields are those that all updates of this program have.
var updateFields = [...]struct {
	field event.UpdateFields
	name  string
}{
	{event.HasUpdateStock, "current_stock"}, {event.HasUpdateReorderThreshold, "reorder_threshold"}, {event.HasUpdateReorderQuantity, "reorder_quantity"},
	{event.HasUpdateCriticalThreshold, "critical_threshold"}, {event.HasUpdateSeq, "seq"}, {event.HasUpdateDelta, "delta"},
	{event.HasUpdateCause, "cause"}, {event.HasUpdateUnitPrice, "unit_price"}, {0, "last_updated"},
}

// fieldCount is how many there are.
const fieldCount = len(updateFields)

func (a *auditor) fieldsOf(c *updateRow) {
	for i, f := range updateFields {
		has := !c.missing(f.field)
		if f.field == 0 {
			has = c.updated != 0
		}
		a.fields[i].see(has, c.at)
	}
}

// leftFacts makes the checks of facts that need everything to have been read.
func (a *auditor) leftFacts() {
	a.judgeLayouts()
	if a.argued && !a.o.AcceptTotals {
		a.doubt("an order was applied whose total is not the sum of its lines, which is right only if the processor accepts them", checkInput)
	}
	for i, f := range updateFields {
		a.lacking(&a.fields[i], checkFacts, "a field "+f.name)
	}
	a.lacking(&a.reorderFields, checkReorders, "a field current_stock")
	a.lacking(&a.alertFields[0], checkAlerts, "a field current_stock")
	a.lacking(&a.alertFields[1], checkAlerts, "a field threshold")
	for out := range a.headed {
		// Without any headers they are another processor's, or receipts by others.
		if h := &a.headed[out]; h.having > 0 || a.ownSeen && out != outReceipts {
			a.lacking(h, checkEnvelope, "CloudEvents headers")
		}
	}
	if !a.atRest || !a.ownSeen || a.reference() || !a.decidable(a.o.Topics.Catalog) {
		return
	}
	for i := range a.products {
		p := &a.products[i]
		if p.compacted && !p.scattered && p.force != nil && p.inCatalogue && !p.delisted && !p.last.marks.any(refused) && !p.broken {
			a.finalFacts(p)
		}
	}
}

// finalFacts compares the catalogue record in force with the last one, for a product
// of which others are gone: compaction leaves the last.
func (a *auditor) finalFacts(p *product) {
	last, force := p.last.facts, *p.force
	if !p.forcePriced {
		force.price = last.price
	}
	if last != force {
		a.note(checkFacts, Finding{Product: p.id, Expected: "a last update with the fields of the product's last catalogue record", Seen: "others"})
	}
}
