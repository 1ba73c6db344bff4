package audit

import (
	"fmt"

	"inv/internal/event"

	"github.com/twmb/franz-go/pkg/kgo"
)

// current is the update being looked at.
type current struct {
	event.Update
	has     event.UpdateFields
	where   place
	i       uint32 // of its product
	follows bool   // its seq is the one after the last
}

func (c *current) missing(fields event.UpdateFields) bool { return c.has&fields != fields }

// update takes an update; everything else has been read.
func (a *auditor) update(r *kgo.Record) {
	a.counts.Updates++
	a.source(r)
	c := &current{where: placeOf(r)}
	var err error
	c.has, err = event.ParseUpdateFields(r.Value, &c.Update)
	if !a.readable(checkSeq, r, err) {
		return
	}
	if c.ProductID == "" {
		a.note(checkSeq, Finding{Where: c.where.String(), Expected: "a product_id", Seen: "none"})
		return
	}
	c.i = a.productOf(c.ProductID)
	p := &a.products[c.i]
	p.updates++
	if repeated := a.sequence(c, p); repeated {
		a.cause(c, p)
		return
	}
	a.stock(c, p)
	a.cause(c, p)
	a.reactions(c, p)
	p.stock = c.CurrentStock
}

// sequence checks that the product's updates are numbered without gap or repeat.
// An update whose number was there already says nothing of the product's state.
func (a *auditor) sequence(c *current, p *product) (repeated bool) {
	if c.missing(event.HasUpdateSeq) {
		a.doubt("updates have no seq", checkSeq)
		return false
	}
	switch expected := p.seq + 1; {
	case c.Seq == expected:
		c.follows = true
	case p.seq == 0 && a.trimmed[a.o.Topics.Updates]:
		p.base = true
	default:
		repeated = c.Seq < expected
		p.broken = p.broken || !repeated
		a.note(checkSeq, Finding{Product: p.id, Where: c.where.String(),
			Expected: fmt.Sprintf("seq %d", expected), Seen: fmt.Sprintf("seq %d", c.Seq)})
	}
	p.seq = max(p.seq, c.Seq)
	return repeated
}

// stock checks the step from the product's last update.
func (a *auditor) stock(c *current, p *product) {
	a.checks[checkStock].Checked++
	if c.missing(event.HasUpdateStock) {
		a.doubt("updates have no current_stock", checkStock)
		return
	}
	if c.CurrentStock < 0 {
		a.note(checkStock, Finding{Product: p.id, Where: c.where.String(), Expected: "stock of at least 0", Seen: fmt.Sprintf("%d", c.CurrentStock)})
	}
	switch {
	case c.missing(event.HasUpdateDelta):
		a.doubt("updates have no delta", checkStock)
	case c.follows && p.stock+c.Delta != c.CurrentStock:
		a.note(checkStock, Finding{Product: p.id, Where: c.where.String(),
			Expected: fmt.Sprintf("stock %d%+d = %d", p.stock, c.Delta, p.stock+c.Delta), Seen: fmt.Sprintf("%d", c.CurrentStock)})
	}
}

// cause ties the update to the input that it was made for.
func (a *auditor) cause(c *current, p *product) {
	a.checks[checkCauses].Checked++
	if c.missing(event.HasUpdateCause) {
		p.causeless, a.causeless = true, true
		a.doubt("updates have no cause", checkCauses, checkOnce, checkLines, checkDelta, checkOpening, checkQuantities)
		if !a.reference() {
			a.doubt("updates have no cause", checkInput)
		}
		return
	}
	cause, err := event.ParseCause(c.Cause)
	if err != nil {
		a.note(checkCauses, Finding{Product: p.id, Where: c.where.String(), Expected: "a cause topic/partition@offset#line", Seen: c.Cause})
		return
	}
	if c.follows && c.Seq == 1 && cause.Topic != a.o.Topics.Catalog && !a.reference() {
		a.note(checkOpening, Finding{Product: p.id, Where: c.where.String(), Expected: "the first update from " + a.o.Topics.Catalog, Seen: "cause " + c.Cause})
	}
	t := a.o.Topics
	switch {
	case cause.Topic == t.Orders:
		a.causeLine(c, p, cause)
	case cause.Topic == t.Receipts:
		a.causeReceipt(c, p, cause, a.receipts[cause.Partition].at(cause.Offset))
	case cause.Topic == t.Reorders && a.reference():
		a.causeReceipt(c, p, cause, a.restocks[cause.Partition].at(cause.Offset))
	case cause.Topic == t.Catalog:
		a.causeCatalogue(c, p, cause)
	default:
		a.note(checkCauses, Finding{Product: p.id, Where: c.where.String(), Expected: "a cause in an input topic", Seen: c.Cause})
	}
}

// unfound notes a cause that is not there, unless the history is trimmed.
func (a *auditor) unfound(c *current, what string, topic string) {
	if a.trimmed[topic] {
		return
	}
	a.note(checkCauses, Finding{Product: c.ProductID, Where: c.where.String(), Expected: "a cause that is there", Seen: c.Cause + " is " + what})
}

// claim marks an input as applied. It says whether the update may have it as its
// cause; first says that no update had it before.
func (a *auditor) claim(c *current, m *marks, first bool) bool {
	if !first {
		a.note(checkCauses, Finding{Product: c.ProductID, Where: c.where.String(), Expected: "a cause of its own", Seen: c.Cause + " again"})
		return false
	}
	if m.any(applied) {
		return true
	}
	*m |= applied
	switch {
	case m.any(refused):
		a.note(checkOnce, Finding{Product: c.ProductID, Where: c.where.String(), Expected: c.Cause + " accounted for once", Seen: "applied, and dead-lettered"})
	case m.any(duplicate):
		a.note(checkOnce, Finding{Product: c.ProductID, Where: c.where.String(), Expected: c.Cause + " ignored as a duplicate", Seen: "applied"})
	}
	return true
}

// causeLine checks an update against the order line that it was made for.
func (a *auditor) causeLine(c *current, p *product, cause event.Cause) {
	t := a.orders[cause.Partition]
	if t == nil {
		a.unfound(c, "not in the topic", cause.Topic)
		return
	}
	o := t.at(cause.Offset)
	if o == nil || !o.marks.any(present) {
		a.unfound(c, "not in the topic", cause.Topic)
		return
	}
	if o.marks.any(tombstone | unsound) {
		a.unfound(c, "no order that may be applied", "")
		return
	}
	lines := t.linesOf(o)
	if int(cause.Line) >= len(lines) {
		a.note(checkLines, Finding{Product: p.id, Where: c.where.String(), Expected: fmt.Sprintf("one of the order's %d lines", len(lines)), Seen: c.Cause})
		return
	}
	l := &lines[cause.Line]
	first := l.quantity&lineClaimed == 0
	if !a.claim(c, &o.marks, first) {
		return
	}
	l.quantity |= lineClaimed
	if l.product != c.i {
		a.note(checkDelta, Finding{Product: p.id, Where: c.where.String(), Expected: "an update of " + a.products[l.product].id + ", which " + c.Cause + " names", Seen: p.id})
		return
	}
	p.lineApplied(c, l)
	a.lineFilled(c, p, l)
}

// lineApplied sums up what was ordered and filled.
func (p *product) lineApplied(c *current, l *line) {
	p.ordered += int64(l.quantity &^ lineClaimed)
	p.filled -= c.Delta
	p.unmet += c.UnmetQuantity
}

// lineFilled checks that the line took what was there.
func (a *auditor) lineFilled(c *current, p *product, l *line) {
	if c.missing(event.HasUpdateDelta | event.HasUpdateStock) {
		return
	}
	a.checks[checkDelta].Checked++
	quantity := int64(l.quantity &^ lineClaimed)
	before := c.CurrentStock - c.Delta
	filled := min(quantity, max(before, 0))
	unmet := quantity - filled
	if a.reference() && c.UnmetQuantity == 0 {
		unmet = 0 // it forgets what it could not fill
	}
	if c.Delta != -filled || c.UnmetQuantity != unmet {
		a.note(checkDelta, Finding{Product: p.id, Where: c.where.String(),
			Expected: fmt.Sprintf("delta %d and unmet %d for %d of %d in stock", -filled, unmet, quantity, before),
			Seen:     fmt.Sprintf("delta %d and unmet %d", c.Delta, c.UnmetQuantity)})
	}
	if !c.missing(event.HasUpdateUnitPrice) && c.UnitPrice != l.price {
		a.note(checkDelta, Finding{Product: p.id, Where: c.where.String(), Expected: "the line's unit_price " + l.price.String(), Seen: c.UnitPrice.String()})
	}
}

// causeReceipt checks an update against the receipt that it was made for.
func (a *auditor) causeReceipt(c *current, p *product, cause event.Cause, row *receiptRecord) {
	switch {
	case row == nil || !row.marks.any(present):
		a.unfound(c, "not in the topic", cause.Topic)
		return
	case row.marks.any(tombstone | unsound):
		a.unfound(c, "no receipt that may be applied", "")
		return
	case cause.Line != 0:
		a.note(checkCauses, Finding{Product: p.id, Where: c.where.String(), Expected: "line 0 of a receipt", Seen: c.Cause})
		return
	}
	if !a.claim(c, &row.marks, !row.marks.any(applied)) {
		return
	}
	if row.product != c.i {
		a.note(checkDelta, Finding{Product: p.id, Where: c.where.String(), Expected: "an update of " + a.products[row.product].id + ", which " + c.Cause + " names", Seen: p.id})
		return
	}
	if p.open != 0 && row.closes == p.open {
		p.open = 0
	}
	p.received += c.Delta
	a.plainDelta(c, p, row.quantity, "the quantity received")
}

// plainDelta checks an update whose delta does not depend on the stock.
func (a *auditor) plainDelta(c *current, p *product, delta int64, what string) {
	if c.missing(event.HasUpdateDelta) {
		return
	}
	a.checks[checkDelta].Checked++
	if c.Delta != delta || c.UnmetQuantity != 0 {
		a.note(checkDelta, Finding{Product: p.id, Where: c.where.String(), Expected: fmt.Sprintf("delta %d, %s", delta, what),
			Seen: fmt.Sprintf("delta %d and unmet %d", c.Delta, c.UnmetQuantity)})
	}
}

// causeCatalogue checks an update against its catalogue record, while that exists.
func (a *auditor) causeCatalogue(c *current, p *product, cause event.Cause) {
	row := a.catalog[cause.Partition].at(cause.Offset)
	opening := c.follows && c.Seq == 1
	if opening {
		a.checks[checkOpening].Checked++
		p.opening = c.Delta
	}
	if row == nil || !row.marks.any(present) {
		p.compacted = true
		return
	}
	if row.marks.any(tombstone | unsound) {
		a.unfound(c, "no catalogue record that may be applied", "")
		return
	}
	if !a.claim(c, &row.marks, !row.marks.any(applied)) {
		return
	}
	if row.product != c.i {
		a.note(checkDelta, Finding{Product: p.id, Where: c.where.String(), Expected: "an update of " + a.products[row.product].id + ", which " + c.Cause + " names", Seen: p.id})
		return
	}
	switch {
	case a.reference():
	case opening && (c.Delta != row.initialStock || c.CurrentStock != row.initialStock):
		a.note(checkOpening, Finding{Product: p.id, Where: c.where.String(), Expected: fmt.Sprintf("opened with stock %d, as %s has it", row.initialStock, c.Cause),
			Seen: fmt.Sprintf("delta %d, stock %d", c.Delta, c.CurrentStock)})
	case !opening && c.follows:
		a.plainDelta(c, p, 0, "as a later catalogue record changes no stock")
	}
	if c.missing(event.HasUpdateReorderThreshold|event.HasUpdateCriticalThreshold) || !c.follows {
		return
	}
	if c.ReorderThreshold != row.reorderThreshold || c.CriticalThreshold != row.criticalThreshold {
		a.note(checkOpening, Finding{Product: p.id, Where: c.where.String(),
			Expected: fmt.Sprintf("thresholds %d/%d, as %s has them", row.reorderThreshold, row.criticalThreshold, c.Cause),
			Seen:     fmt.Sprintf("%d/%d", c.ReorderThreshold, c.CriticalThreshold)})
	}
}

// reactions checks the reorder and the alert that an update calls for.
func (a *auditor) reactions(c *current, p *product) {
	if c.missing(event.HasUpdateStock) {
		a.factsAbsent = true
		a.doubt("updates have no current_stock", checkReorders, checkAlerts)
		return
	}
	if a.reference() {
		a.referenceReactions(c, p)
		return
	}
	if c.missing(event.HasUpdateSeq | event.HasUpdateReorderThreshold | event.HasUpdateReorderQuantity | event.HasUpdateCriticalThreshold) {
		a.factsAbsent = true
		a.doubt("updates lack seq, thresholds or reorder_quantity", checkReorders, checkAlerts)
		return
	}
	low := c.CurrentStock <= c.CriticalThreshold
	wasLow := p.low
	p.low = low
	if p.broken || p.base {
		a.tolerate(c)
		return
	}
	a.checks[checkReorders].Checked++
	called := c.CurrentStock <= c.ReorderThreshold && p.open == 0 && c.ReorderQuantity > 0
	if a.react(checkReorders, &a.reorders, "a reorder", c.i, &c.Update, c.where, called,
		reaction{quantity: c.ReorderQuantity, urgent: c.CurrentStock < c.CriticalThreshold}) || called && !p.delisted {
		p.open = c.Seq
	}
	a.checks[checkAlerts].Checked++
	a.react(checkAlerts, &a.alerts, "an alert", c.i, &c.Update, c.where, low && !wasLow, reaction{quantity: c.CriticalThreshold})
}

// tolerate takes what there is for an update of a product whose state is not
// known, because updates before it are missing.
func (a *auditor) tolerate(c *current) {
	for _, of := range []*reactions{&a.reorders, &a.alerts} {
		if got := of.find(c.i, c.Seq); got != nil {
			got.matched = true
		}
	}
}

// referenceReactions counts what an update calls for in the reference system,
// where it depends on nothing but the update.
func (a *auditor) referenceReactions(c *current, p *product) {
	reorderAt, criticalAt := c.ReorderThreshold, c.CriticalThreshold
	if c.missing(event.HasUpdateReorderThreshold | event.HasUpdateCriticalThreshold) {
		if !p.inCatalogue {
			return // it joins with the catalogue, which does not have it
		}
		reorderAt, criticalAt = p.last.reorderThreshold, p.last.criticalThreshold
	}
	key := reactionKey{c.i, c.CurrentStock}
	a.checks[checkReorders].Checked++
	if c.CurrentStock <= reorderAt && (c.missing(event.HasUpdateReorderQuantity) || c.ReorderQuantity > 0) {
		a.reorders.counts[key]--
	}
	a.checks[checkAlerts].Checked++
	if c.CurrentStock <= criticalAt {
		a.alerts.counts[key]--
	}
}
