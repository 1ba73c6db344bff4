package verify

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"inv/internal/event"
	"inv/internal/kafka/fetch"
)

// finish makes the checks that need everything to have been read.
func (a *auditor) finish() {
	a.judgePending()
	a.judgeWaiting()
	if a.judgeRestart() {
		a.sumUp()
		a.leaveOut()
		return
	}
	a.leftReactions(checkReorders, &a.reorders, "reorder")
	a.leftReactions(checkAlerts, &a.alerts, "alert")
	a.ordered(checkReorders, &a.reorders, "reorder")
	a.ordered(checkAlerts, &a.alerts, "alert")
	a.leftDeadLetters()
	a.leftOrders()
	a.leftReceipts()
	a.leftCatalogue()
	a.rejudgeUnlisted()
	a.quantities()
	a.leftFacts()
	a.unanswered()
	a.checks[checkSeq].Checked = a.counts.Updates
	a.leaveOut()
	a.advise()
	a.overDelivered()
	if a.copies > 0 {
		a.warnings = append(a.warnings, fmt.Sprintf("%d orders are copies of one in another partition; they count as orders of their own", a.copies))
	}
}

// leaveOut skips the checks that do not apply.
func (a *auditor) leaveOut() {
	skip := func(check int, why string) {
		if c := &a.checks[check]; c.Violations == 0 {
			c.Verdict, c.Why = Skipped, why
		}
	}
	if !a.o.Procurement {
		skip(checkReceipts, "no procurement")
	}
	if a.o.App == "" {
		skip(checkSource, "of a processor that is not inv")
	}
	if a.replay.built {
		skip(checkSeq, "updates have no seq; gaps and repeats show in 1.lines and 2.stock")
		skip(checkDelta, "updates have no delta; 2.stock compares with the cause")
	}
	if a.reference() && a.checks[checkOpening].Checked == 0 {
		skip(checkOpening, "with this policy products have no opening")
	}
}

// leftReactions reports reorders and alerts that no update called for. While the
// system runs, there may be some for updates after the snapshot.
func (a *auditor) leftReactions(check int, of *reactions, kind string) {
	a.leftCounts(check, of, kind)
	for i := range of.all {
		r := &of.all[i]
		p := &a.products[r.product]
		if r.matched || p.broken || p.base && r.seq <= p.seq || !a.atRest && r.seq > p.seq {
			continue
		}
		if a.trimmed[a.o.Topics.Updates] || a.factsAbsent {
			continue
		}
		a.note(check, Finding{Product: p.id, Where: of.at(r).String(), Expected: fmt.Sprintf("an update with seq %d that calls for the %s", r.seq, kind), Seen: "none"})
	}
}

func (a *auditor) leftCounts(check int, of *reactions, kind string) {
	maps.DeleteFunc(of.counts, func(_ reactionKey, t tally) bool { return t.n == 0 })
	keys := slices.SortedFunc(maps.Keys(of.counts), func(x, y reactionKey) int {
		return cmp.Or(cmp.Compare(x.product, y.product), cmp.Compare(x.number, y.number))
	})
	for _, k := range keys {
		t := of.counts[k]
		n := t.n
		p := &a.products[k.product]
		if n > 0 && !a.atRest || n < 0 && p.delisted || a.trimmed[a.o.Topics.Updates] || a.trimmed[of.topic] {
			continue
		}
		at := place{of.topic, t.partition, t.offset}
		f := Finding{Product: p.id, Expected: fmt.Sprintf("one %s for each update with stock %d", kind, k.number), Seen: fmt.Sprintf("%d too many; this is the last of them", n)}
		if n < 0 {
			at.topic, f.Seen = a.o.Topics.Updates, fmt.Sprintf("%d missing; this is the last update that calls for one", -n)
		}
		f.Where = at.String()
		a.note(check, f)
	}
}

func comparePlaces(x, y place) int {
	return cmp.Or(cmp.Compare(x.topic, y.topic), cmp.Compare(x.partition, y.partition), cmp.Compare(x.offset, y.offset))
}

// leftDeadLetters reports dead letters without an input.
func (a *auditor) leftDeadLetters() {
	for _, from := range slices.SortedFunc(maps.Keys(a.letters.number), comparePlaces) {
		n := a.letters.number[from]
		a.checks[checkOnce].Checked++
		if a.letters.met[n] || a.mayBeGone(from) {
			continue
		}
		a.note(checkOnce, Finding{Where: a.letters.all[n].at.String(), Expected: "the coordinates of an input", Seen: from.String() + " is not in the topic"})
	}
}

// mayBeGone reports whether there may have been a record that is not in its topic any
// more: it was trimmed, or it is one of the catalogue, which may be compacted.
func (a *auditor) mayBeGone(at place) bool {
	spans, known := a.spans[at.topic]
	i := slices.IndexFunc(spans, func(s fetch.Span) bool { return s.Partition == at.partition })
	switch {
	case !known:
	case i < 0 || at.offset >= spans[i].To:
		return false
	case at.offset < spans[i].From:
		return true
	}
	return a.trimmed[at.topic] || at.topic == a.o.Topics.Catalog
}

// leftOrders reports orders that are not, or only in part, accounted for.
func (a *auditor) leftOrders() {
	for _, partition := range slices.Sorted(maps.Keys(a.orders)) {
		t := a.orders[partition]
		for i := range t.rows {
			o := &t.rows[i]
			if !o.marks.any(present) || o.marks.any(tombstone) {
				continue
			}
			a.checks[checkInput].Checked++
			a.checks[checkOnce].Checked++
			at := place{a.o.Topics.Orders, partition, t.start + int64(i)}
			switch {
			case o.marks.any(applied):
				a.counts.Applied++
				a.checks[checkLines].Checked++
				a.wholeOrder(at, t.lines(o))
			case a.causeless:
				a.countLines(t, o)
			case o.marks.any(refused | duplicate):
				// A processor that refuses wrong totals refuses copies, too.
				a.argued = a.argued || a.ownSeen && o.marks.any(arguable) && !o.marks.any(refused)
			case a.decidable(at.topic) && !a.mayBeCopy(at.topic, int64(i)):
				expected := "applied or dead-lettered"
				if o.marks.any(unsound) {
					expected = "dead-lettered"
				}
				a.note(checkInput, Finding{Where: at.String(), Expected: expected, Seen: "neither"})
			}
		}
	}
}

// decidable reports whether all that became of a topic's records can be seen.
func (a *auditor) decidable(topic string) bool {
	return a.atRest && !a.trimmed[a.o.Topics.Updates] && !a.trimmed[deadLetters(topic)]
}

// mayBeCopy reports whether a record, so many offsets behind the start of its
// partition, may be a duplicate of one that is trimmed.
func (a *auditor) mayBeCopy(topic string, behind int64) bool {
	return a.trimmed[topic] && behind < a.o.DedupeWindow
}

// countLines counts the lines of an order, for updates that name no cause.
func (a *auditor) countLines(t *orderTable, o *orderRecord) {
	if o.marks.any(refused | duplicate | unsound) {
		return
	}
	for _, l := range t.lines(o) {
		a.products[l.product].lines++
	}
}

// wholeOrder checks that every line of an applied order was applied. While the
// system runs, some may become visible later.
func (a *auditor) wholeOrder(at place, lines []line) {
	if !a.atRest || a.trimmed[a.o.Topics.Updates] {
		return
	}
	for n, l := range lines {
		if l.quantity&lineClaimed == 0 {
			a.note(checkLines, Finding{Product: a.products[l.product].id, Where: fmt.Sprintf("%s#%d", at, n),
				Expected: "an update for each line of an applied order", Seen: "none for this line"})
		}
	}
}

// leftReceipts reports receipts that are not accounted for.
func (a *auditor) leftReceipts() {
	a.leftOf(a.o.Topics.Receipts, a.receipts)
	if a.reference() || a.o.Procurement {
		a.leftOf(a.o.Topics.Reorders, a.restocks)
	}
}

func (a *auditor) leftOf(topic string, tables map[int32]*table[receiptRecord]) {
	for _, partition := range slices.Sorted(maps.Keys(tables)) {
		t := tables[partition]
		for i := range t.rows {
			r := &t.rows[i]
			if r.marks.any(tombstone) {
				continue
			}
			a.checks[checkInput].Checked++
			a.checks[checkOnce].Checked++
			f := Finding{Where: place{topic, partition, t.offsets[i]}.String(), Expected: "applied or dead-lettered", Seen: "neither"}
			switch {
			case r.marks.any(refused | duplicate):
				continue
			case r.marks.any(unsound):
				f.Expected = "dead-lettered"
			default:
				f.Product = a.products[r.product].id
				a.products[r.product].receivedIn += r.quantity
			}
			if !r.marks.any(applied) && !a.causeless && a.decidable(topic) && !a.mayBeCopy(topic, t.offsets[i]-t.offsets[0]) {
				a.note(checkInput, f)
			}
		}
	}
}

// leftCatalogue reports catalogue records with a change and without an update.
func (a *auditor) leftCatalogue() {
	for _, partition := range slices.Sorted(maps.Keys(a.catalog)) {
		t := a.catalog[partition]
		for i := range t.rows {
			r := &t.rows[i]
			if r.marks.any(tombstone) {
				continue
			}
			a.checks[checkInput].Checked++
			a.checks[checkOnce].Checked++
			at := place{a.o.Topics.Catalog, partition, t.offsets[i]}
			switch {
			case r.marks.any(refused | applied):
			case r.unchanged:
				a.counts.Skipped++
			case !a.decidable(a.o.Topics.Catalog):
			case r.marks.any(unsound):
				a.note(checkInput, Finding{Where: at.String(), Expected: "dead-lettered", Seen: "nothing"})
			case a.products[r.product].scattered: // it may have been identical to the one before
				a.counts.Skipped++
			case !a.reference() && !a.products[r.product].causeless && (!a.products[r.product].compacted || !r.first):
				a.note(checkInput, Finding{Product: a.products[r.product].id, Where: at.String(), Expected: "an update, since it says something new", Seen: "none"})
			}
		}
	}
}

// sumUp counts what the products' updates add up to.
func (a *auditor) sumUp() {
	for i := range a.products {
		p := &a.products[i]
		if p.updates > 0 {
			a.counts.Products++
		}
		a.counts.Ordered += p.ordered
		a.counts.Filled += p.filled
		a.counts.Unmet += p.unmet
	}
}

// quantities checks the sums of each product.
func (a *auditor) quantities() {
	t := a.o.Topics
	a.sumUp()
	partial := !a.atRest || a.trimmed[t.Updates] || a.trimmed[t.Orders] || a.trimmed[t.Receipts]
	for i := range a.products {
		p := &a.products[i]
		if partial || p.updates == 0 {
			continue
		}
		a.checks[checkQuantities].Checked++
		if p.causeless {
			a.countedUpdates(p)
			continue
		}
		if p.broken || p.faulty || p.base || p.unsummed {
			continue // said already, with the place or the reason
		}
		opening := p.opening
		if want := opening + p.received - p.filled; want != p.stock {
			a.note(checkQuantities, Finding{Product: p.id, Expected: fmt.Sprintf("final stock %d = opening %d + receipts %d − filled %d", want, opening, p.received, p.filled), Seen: fmt.Sprintf("%d", p.stock)})
		}
		if p.ordered != p.filled+p.unmet && !a.reference() {
			a.note(checkQuantities, Finding{Product: p.id, Expected: fmt.Sprintf("ordered %d", p.ordered), Seen: fmt.Sprintf("filled %d + unmet %d", p.filled, p.unmet)})
		}
		if p.received != p.receivedIn && a.checks[checkInput].Violations == 0 {
			a.note(checkQuantities, Finding{Product: p.id, Expected: fmt.Sprintf("%d received, by the receipts", p.receivedIn), Seen: fmt.Sprintf("%d", p.received)})
		}
	}
}

// countedUpdates checks a product whose updates name no cause: the reference
// system makes one for every line and for every restock.
func (a *auditor) countedUpdates(p *product) {
	if a.reference() && p.updates != p.lines {
		a.note(checkInput, Finding{Product: p.id, Expected: fmt.Sprintf("%d updates, one for each line and restock", p.lines), Seen: fmt.Sprintf("%d", p.updates)})
	}
}

// judgePending looks for receipts that procurement still owes. Its offsets don't
// show that: it commits a reorder once the receipt is in its changelog.
func (a *auditor) judgePending() {
	pending := 0
	for i := range a.reorders.all {
		if r := &a.reorders.all[i]; r.answers == 0 && a.isPending(a.reorderID(r)) {
			pending++
		}
	}
	if pending > 0 && a.atRest {
		a.setRest(fmt.Sprintf("%d receipts are pending", pending))
		a.unrest = Busy
	}
}

func (a *auditor) reorderID(r *reaction) string {
	return event.ReorderID(a.products[r.product].id, r.seq)
}
