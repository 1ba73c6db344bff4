package verify

import "fmt"

// unanswered reports reorders without a receipt. Of a processor that is not known it
// can't be seen whether a delivery is still to come.
func (a *auditor) unanswered() {
	if !a.o.Procurement {
		return
	}
	c := &a.checks[checkReceipts]
	due := 0
	for i := range a.reorders.all {
		c.Checked++
		r := &a.reorders.all[i]
		switch {
		case r.answers > 0 || !a.atRest || a.trimmed[a.o.Topics.Receipts]:
		case a.o.App != "":
			a.note(checkReceipts, Finding{Product: a.products[r.product].id, Where: a.reorders.at(r).String(), Expected: "a receipt for " + a.reorderID(r), Seen: "none, and none is pending"})
		case r.delivered < r.quantity:
			due++
		}
	}
	if due > 0 {
		a.doubt(fmt.Sprintf("%s not delivered in full yet", Counted(int64(due), "reorder")), checkReceipts)
	}
}

// overDelivered warns of deliveries that exceed their reorders. suppliers may
// do so, and each receipt counts.
func (a *auditor) overDelivered() {
	n := int64(0)
	for i := range a.reorders.all {
		if r := &a.reorders.all[i]; r.delivered > r.quantity && r.answers <= 1 {
			n++
		}
	}
	if n > 0 {
		a.warnings = append(a.warnings, fmt.Sprintf("the receipts for %s add up to more than was ordered", Counted(n, "reorder")))
	}
}

// judgeWaiting looks for receipts of products of which the catalogue has tombstones
// only. Such a product may have been listed before the catalogue was compacted, so
// that its receipts are accepted; if it never was, they wait for it.
func (a *auditor) judgeWaiting() {
	waits := func(p *product) bool { return p.delisted && !p.inCatalogue && p.updates == 0 }
	waiting := int64(0)
	for _, t := range a.receipts {
		for i := range t.rows {
			r := &t.rows[i]
			if !r.marks.any(tombstone|unsound|refused|duplicate|applied) && waits(&a.products[r.product]) {
				waiting++
			}
		}
	}
	if waiting > 0 && a.atRest {
		a.setRest(Counted(waiting, "receipt") + " may wait for a product that was delisted before it was ever listed")
		a.unrest = Busy
	}
}
