package verify

import (
	"fmt"

	"inv/internal/event"
)

// causeOf returns the text of an update's cause.
func (a *auditor) causeOf(c *updateRow) string {
	if c.cause.of == noPlace || c.cause.of == unknownOrigin {
		return a.text(c.cause.text)
	}
	return event.Cause{Topic: a.topicOf(c.cause.of), Partition: c.cause.partition, Offset: c.cause.offset, Line: c.cause.line}.String()
}

func (a *auditor) topicOf(o origin) string {
	t := &a.o.Topics
	return [...]string{fromCatalog: t.Catalog, fromOrders: t.Orders, fromReceipts: t.Receipts, fromReorders: t.Reorders}[o]
}

// update judges an update; everything else has been read.
func (a *auditor) update(c *updateRow) {
	a.counts.Updates++
	a.source(c.at, c.writer)
	if !a.readable(checkSeq, c.at, c.problem) {
		return
	}
	if c.product.size == 0 {
		a.note(checkSeq, Finding{Where: c.at.String(), Expected: "a product_id", Seen: "none"})
		return
	}
	c.i = a.productOf(c.product)
	p := &a.products[c.i]
	p.updates++
	a.envelope(outUpdates, c.at, c.i, &c.envelope)
	if a.replayable(c) {
		a.replayed(c, p)
		a.reactions(c, p)
		p.stock = c.stock
		return
	}
	if repeated := a.sequence(c, p); repeated {
		a.tie(c, p)
		return
	}
	a.step(c, p)
	a.tie(c, p)
	a.repeats(c, p)
	a.reactions(c, p)
	p.stock = c.stock
}

// sequence checks that the product's updates are numbered without gap or repeat.
// A repeated number says nothing about the product's state.
func (a *auditor) sequence(c *updateRow, p *product) (repeated bool) {
	if c.missing(event.HasUpdateSeq) {
		a.doubt("updates have no seq", checkSeq)
		if !a.reference() {
			a.unsummed(p, "updates have no seq", checkOpening)
		}
		return false
	}
	a.numbered = true
	switch expected := p.seq + 1; {
	case c.seq == expected:
		c.follows = true
	case p.seq == 0 && a.trimmed[a.o.Topics.Updates]:
		p.base = true
	default:
		if repeated = c.seq < expected; repeated {
			a.repeatedSeq(c, p)
		}
		p.broken = p.broken || !repeated
		a.note(checkSeq, Finding{Product: p.id, Where: c.at.String(),
			Expected: fmt.Sprintf("seq %d", expected), Seen: fmt.Sprintf("seq %d", c.seq)})
	}
	p.seq = max(p.seq, c.seq)
	return repeated
}

// step checks the stock against the product's previous update.
func (a *auditor) step(c *updateRow, p *product) {
	a.checks[checkStock].Checked++
	if c.missing(event.HasUpdateStock) {
		a.unsummed(p, "updates have no current_stock", checkStock, checkDelta, checkOpening)
		return
	}
	if c.stock < 0 {
		a.note(checkStock, Finding{Product: p.id, Where: c.at.String(), Expected: "stock of at least 0", Seen: fmt.Sprintf("%d", c.stock)})
	}
	switch {
	case c.missing(event.HasUpdateDelta):
		a.unsummed(p, "updates have no delta", checkStock, checkDelta, checkOpening)
	case c.follows && p.stock+c.delta != c.stock:
		a.note(checkStock, Finding{Product: p.id, Where: c.at.String(),
			Expected: fmt.Sprintf("stock %d%+d = %d", p.stock, c.delta, p.stock+c.delta), Seen: fmt.Sprintf("%d", c.stock)})
	}
}

// unsummed leaves a product's sums undecided, and the checks.
func (a *auditor) unsummed(p *product, why string, checks ...int) {
	p.unsummed = true
	a.doubt(why, append(checks, checkQuantities)...)
}

// tie connects an update with its cause.
func (a *auditor) tie(c *updateRow, p *product) {
	a.checks[checkCauses].Checked++
	if c.missing(event.HasUpdateCause) {
		p.causeless, a.causeless = true, true
		a.doubt("updates have no cause", checkCauses, checkOnce, checkLines, checkDelta, checkOpening, checkQuantities)
		if !a.reference() {
			a.doubt("updates have no cause", checkInput)
		}
		return
	}
	at := &c.cause
	switch {
	case at.of == noPlace:
		a.note(checkCauses, Finding{Product: p.id, Where: c.at.String(), Expected: "a cause topic/partition@offset#line", Seen: a.causeOf(c)})
		return
	case c.follows && c.seq == 1 && at.of != fromCatalog && !a.reference():
		a.note(checkOpening, Finding{Product: p.id, Where: c.at.String(), Expected: "the first update from " + a.o.Topics.Catalog, Seen: "cause " + a.causeOf(c)})
	}
	switch {
	case at.of == fromOrders:
		a.causeLine(c, p)
	case at.of == fromReceipts:
		a.causeReceipt(c, p, a.receipts[at.partition].at(at.offset))
	case at.of == fromReorders && a.reference():
		a.causeReceipt(c, p, a.restocks[at.partition].at(at.offset))
	case at.of == fromCatalog:
		a.causeCatalogue(c, p)
	default:
		a.note(checkCauses, Finding{Product: p.id, Where: c.at.String(), Expected: "a cause in an input topic", Seen: a.causeOf(c)})
	}
}

// unfound reports a missing cause, unless the history is trimmed.
func (a *auditor) unfound(c *updateRow, what string) {
	if a.trimmed[a.topicOf(c.cause.of)] {
		return
	}
	a.note(checkCauses, Finding{Product: a.products[c.i].id, Where: c.at.String(), Expected: "a cause that is there", Seen: a.causeOf(c) + " is " + what})
}

// claim marks an input as applied. It reports whether the update may have it as its
// cause; first is set if no update had it before.
func (a *auditor) claim(c *updateRow, m *marks, first bool) bool {
	if !first {
		a.note(checkCauses, Finding{Product: a.products[c.i].id, Where: c.at.String(), Expected: "a cause of its own", Seen: a.causeOf(c) + " again"})
		return false
	}
	if m.any(applied) {
		return true
	}
	*m |= applied
	switch {
	case m.any(refused):
		a.note(checkOnce, Finding{Product: a.products[c.i].id, Where: c.at.String(), Expected: a.causeOf(c) + " accounted for once", Seen: "applied, and dead-lettered"})
	case m.any(duplicate):
		a.note(checkOnce, Finding{Product: a.products[c.i].id, Where: c.at.String(), Expected: a.causeOf(c) + " ignored as a duplicate", Seen: "applied"})
	}
	return true
}

// unfit reports a cause that must not have been applied.
func (a *auditor) unfit(c *updateRow, what string) {
	a.note(checkCauses, Finding{Product: a.products[c.i].id, Where: c.at.String(), Expected: "a cause that may be applied", Seen: a.causeOf(c) + " is " + what})
}

// ofAnother reports an update whose cause names another product.
func (a *auditor) ofAnother(c *updateRow, named uint32) {
	a.note(checkDelta, Finding{Product: a.products[c.i].id, Where: c.at.String(), Expected: "an update of " + a.products[named].id + ", which " + a.causeOf(c) + " names", Seen: a.products[c.i].id})
}

// causeLine checks an update against the order line that it was made for.
func (a *auditor) causeLine(c *updateRow, p *product) {
	t := a.orders[c.cause.partition]
	o := t.at(c.cause.offset)
	if o == nil {
		a.unfound(c, "not in the topic")
		return
	}
	if o.marks.any(tombstone | unsound) {
		a.unfit(c, "no sound order")
		return
	}
	lines := t.lines(o)
	if int(c.cause.line) >= len(lines) {
		a.note(checkLines, Finding{Product: p.id, Where: c.at.String(), Expected: fmt.Sprintf("one of the order's %d lines", len(lines)), Seen: a.causeOf(c)})
		return
	}
	l := &lines[c.cause.line]
	first := l.quantity&lineClaimed == 0
	if !a.claim(c, &o.marks, first) {
		return
	}
	l.quantity |= lineClaimed
	if l.product != c.i {
		a.ofAnother(c, l.product)
		return
	}
	a.argued = a.argued || c.own && o.marks.any(arguable)
	f := &t.facts[c.cause.offset-t.start]
	c.source = source{known: true, time: f.time, order: f.id}
	p.lineApplied(c, l)
	a.lineFilled(c, p, l)
}

// lineApplied sums up what was ordered and filled.
func (p *product) lineApplied(c *updateRow, l *line) {
	p.ordered += int64(l.quantity &^ lineClaimed)
	p.filled -= c.delta
	p.unmet += c.unmet
}

// lineFilled checks that the line took what was there.
func (a *auditor) lineFilled(c *updateRow, p *product, l *line) {
	if c.missing(event.HasUpdateDelta | event.HasUpdateStock) {
		return
	}
	a.checks[checkDelta].Checked++
	quantity := int64(l.quantity &^ lineClaimed)
	before := c.stock - c.delta
	filled := min(quantity, max(before, 0))
	unmet := quantity - filled
	if a.reference() && c.unmet == 0 {
		unmet = 0 // it forgets what it could not fill
	}
	if c.delta != -filled || c.unmet != unmet {
		a.note(checkDelta, Finding{Product: p.id, Where: c.at.String(),
			Expected: fmt.Sprintf("delta %d and unmet %d for %d of %d in stock", -filled, unmet, quantity, before),
			Seen:     fmt.Sprintf("delta %d and unmet %d", c.delta, c.unmet)})
	}
	if !c.missing(event.HasUpdateUnitPrice) && int64(c.price) != l.price {
		a.note(checkDelta, Finding{Product: p.id, Where: c.at.String(), Expected: "the line's unit_price " + event.Money(l.price).String(), Seen: c.price.String()})
	}
}

// causeReceipt checks an update against the receipt that it was made for.
func (a *auditor) causeReceipt(c *updateRow, p *product, row *receiptRecord) {
	switch {
	case row == nil || !row.marks.any(present):
		a.unfound(c, "not in the topic")
		return
	case row.marks.any(tombstone | unsound):
		a.unfit(c, "no sound receipt")
		return
	case c.cause.line != 0:
		a.note(checkCauses, Finding{Product: p.id, Where: c.at.String(), Expected: "line 0 of a receipt", Seen: a.causeOf(c)})
		return
	}
	if !a.claim(c, &row.marks, !row.marks.any(applied)) {
		return
	}
	if row.product != c.i {
		a.ofAnother(c, row.product)
		return
	}
	if p.open != 0 && row.closes == p.open {
		p.open = 0
	}
	c.source = source{known: true, time: row.time, answer: row.answers}
	p.received += c.delta
	a.plainDelta(c, p, row.quantity, "the quantity received")
}

// plainDelta checks an update whose delta does not depend on the stock.
func (a *auditor) plainDelta(c *updateRow, p *product, delta int64, what string) {
	if c.missing(event.HasUpdateDelta) {
		return
	}
	a.checks[checkDelta].Checked++
	if c.delta != delta || c.unmet != 0 {
		a.note(checkDelta, Finding{Product: p.id, Where: c.at.String(), Expected: fmt.Sprintf("delta %d, %s", delta, what),
			Seen: fmt.Sprintf("delta %d and unmet %d", c.delta, c.unmet)})
	}
}

// causeCatalogue checks an update against its catalogue record, while that exists.
func (a *auditor) causeCatalogue(c *updateRow, p *product) {
	row := a.catalog[c.cause.partition].at(c.cause.offset)
	opening := c.follows && c.seq == 1
	if opening {
		a.checks[checkOpening].Checked++
		p.opening = c.delta
		p.listing = listing{c.cause.partition, c.cause.offset, true}
	}
	if row == nil || !row.marks.any(present) {
		p.compacted, c.source.gone = true, true
		return
	}
	if row.marks.any(tombstone | unsound) {
		a.unfit(c, "no sound catalogue record")
		return
	}
	if !a.claim(c, &row.marks, !row.marks.any(applied)) {
		return
	}
	if row.product != c.i {
		a.ofAnother(c, row.product)
		return
	}
	c.source = source{known: true, time: row.time, record: row}
	switch {
	case a.reference():
	case c.missing(event.HasUpdateDelta | event.HasUpdateStock):
	case opening && c.unmet != 0:
		a.note(checkOpening, Finding{Product: p.id, Where: c.at.String(), Expected: "nothing unmet by an opening", Seen: fmt.Sprintf("unmet %d", c.unmet)})
	case opening && (c.delta != row.initialStock || c.stock != row.initialStock):
		a.note(checkOpening, Finding{Product: p.id, Where: c.at.String(), Expected: fmt.Sprintf("opened with stock %d, as %s has it", row.initialStock, a.causeOf(c)),
			Seen: fmt.Sprintf("delta %d, stock %d", c.delta, c.stock)})
	case !opening && c.follows:
		a.plainDelta(c, p, 0, "as a later catalogue record changes no stock")
	}
}

// reactions checks the reorder and the alert that an update calls for.
func (a *auditor) reactions(c *updateRow, p *product) {
	if c.missing(event.HasUpdateStock) {
		a.factsAbsent = true
		a.doubt("updates have no current_stock", checkReorders, checkAlerts)
		return
	}
	if a.reference() && !c.own {
		a.referenceReactions(c, p)
		return
	}
	if c.missing(event.HasUpdateSeq | event.HasUpdateReorderThreshold | event.HasUpdateReorderQuantity | event.HasUpdateCriticalThreshold) {
		a.factsAbsent = true
		a.doubt("updates lack seq, thresholds or reorder_quantity", checkReorders, checkAlerts)
		return
	}
	low := c.stock <= c.critical
	wasLow := p.low && !a.reference() // which does not remember
	p.low = low
	if p.broken || p.base {
		a.tolerate(c)
		return
	}
	a.checks[checkReorders].Checked++
	called := c.stock <= c.reorder.threshold && p.open == 0 && c.reorder.quantity > 0
	urgent := c.stock < c.critical
	if a.reference() {
		urgent = c.stock <= referenceUrgent
	}
	there := a.react(checkReorders, &a.reorders, "a reorder", c, called, reaction{quantity: c.reorder.quantity, urgent: urgent})
	if !a.reference() && (there || called && !p.mayBeDelisted() && !p.unsure) {
		p.open = c.seq
	}
	a.checks[checkAlerts].Checked++
	a.react(checkAlerts, &a.alerts, "an alert", c, low && !wasLow, reaction{quantity: c.critical})
}

// tolerate accepts any reaction to an update of a product whose state is unknown,
// because earlier updates are missing.
func (a *auditor) tolerate(c *updateRow) {
	for _, of := range []*reactions{&a.reorders, &a.alerts} {
		if got := of.find(c.i, c.seq); got != nil {
			got.matched = true
		}
	}
}

// referenceReactions counts the reactions that an update calls for in the reference
// system, where they depend on the update alone.
func (a *auditor) referenceReactions(c *updateRow, p *product) {
	reorderAt, criticalAt := c.reorder.threshold, c.critical
	if c.missing(event.HasUpdateReorderThreshold | event.HasUpdateCriticalThreshold) {
		if !p.inCatalogue {
			return // it joins with the catalogue, which does not have it
		}
		reorderAt, criticalAt = p.last.facts.threshold, p.last.facts.critical
	}
	key := reactionKey{c.i, c.stock}
	a.checks[checkReorders].Checked++
	if c.stock <= reorderAt && (c.missing(event.HasUpdateReorderQuantity) || c.reorder.quantity > 0) {
		a.reorders.fewer(key, c.at)
	}
	a.checks[checkAlerts].Checked++
	if c.stock <= criticalAt {
		a.alerts.fewer(key, c.at)
	}
}
