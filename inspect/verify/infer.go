package verify

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"inv/internal/event"
)

// The reference system's updates have no number, delta or cause, but they name the
// last order and the last reorder. With the order in which they stand in their
// partition that is enough to replay them: a reorder that no update named before has
// just been delivered; else the update is of a line of the order.

// candidate is an order line or a restock that an update may be of.
type candidate struct {
	key       uint64 // of the id and the product
	offset    int64
	partition int32
	line      int32
	taken     uint32 // of the first with a key: how many of them have an update
	doubtful  bool   // it is a duplicate, or was dead-lettered: others come first
}

// candidates are sorted by key, and those with the same key in the order in which
// they are to be applied.
type candidates []candidate

func (c candidates) sort() {
	slices.SortFunc(c, func(x, y candidate) int {
		return cmp.Or(cmp.Compare(x.key, y.key), compareBools(x.doubtful, y.doubtful), cmp.Compare(x.partition, y.partition),
			cmp.Compare(x.offset, y.offset), cmp.Compare(x.line, y.line))
	})
}

func compareBools(x, y bool) int {
	switch {
	case x == y:
		return 0
	case y:
		return -1
	}
	return 1
}

// take returns the next candidate with a key. If there is none left, known reports
// whether there ever was one.
func (c candidates) take(key uint64) (next *candidate, known bool) {
	first, known := slices.BinarySearchFunc(c, key, func(x candidate, key uint64) int { return cmp.Compare(x.key, key) })
	if !known {
		return nil, false
	}
	i := first + int(c[first].taken)
	if i == len(c) || c[i].key != key {
		return nil, true
	}
	c[first].taken++
	return &c[i], true
}

// replay finds the causes of updates that name none.
type replay struct {
	built    bool
	lines    candidates
	restocks candidates
}

func candidateKey(id uint64, product uint32) uint64 {
	return id ^ (uint64(product)+1)*0x9e3779b97f4a7c15
}

// build collects the candidates. Orders and reorders have all been read.
func (a *auditor) buildReplay() {
	p := &a.replay
	p.built = true
	for partition, t := range a.orders {
		for i := range t.facts {
			o := &t.rows[i]
			for n, l := range t.lines(o) {
				p.lines = append(p.lines, candidate{key: candidateKey(t.facts[i].id, l.product), partition: partition, offset: t.start + int64(i),
					line: int32(n), doubtful: o.marks.any(duplicate | refused)})
			}
		}
	}
	for partition, t := range a.restocks {
		for i := range t.rows {
			if r := &t.rows[i]; r.marks.any(present) && !r.marks.any(unsound) {
				p.restocks = append(p.restocks, candidate{key: candidateKey(r.id, r.product), partition: partition, offset: t.offsets[i],
					doubtful: r.marks.any(refused)})
			}
		}
	}
	p.lines.sort()
	p.restocks.sort()
}

// replayable reports whether an update's cause can be inferred.
func (a *auditor) replayable(c *updateRow) bool {
	return a.reference() && !a.trimmed[a.o.Topics.Updates] && !c.missing(event.HasUpdateStock) && c.lastOrder.size+c.lastReorder.size > 0 &&
		c.has&(event.HasUpdateSeq|event.HasUpdateDelta|event.HasUpdateCause) == 0
}

// replayed judges an update by the orders and reorders that it names.
func (a *auditor) replayed(c *updateRow, p *product) {
	if !a.replay.built {
		a.buildReplay()
	}
	a.checks[checkCauses].Checked++
	a.checks[checkStock].Checked++
	if c.stock < 0 {
		a.note(checkStock, Finding{Product: p.id, Where: c.at.String(), Expected: "stock of at least 0", Seen: strconv.FormatInt(c.stock, 10)})
	}
	if p.updates > 1 && c.at.partition != p.partition {
		a.doubt("updates of one product are in several partitions, and without seq their order is unknown", checkStock)
		p.unsummed = true
	}
	p.partition = c.at.partition
	c.delta = c.stock - p.stock
	if !a.replayedRestock(c, p) {
		a.replayedLine(c, p)
	}
	p.lastOrder, p.lastReorder = c.lastOrder.hash, c.lastReorder.hash
}

// replayedRestock judges the first update that names a reorder.
func (a *auditor) replayedRestock(c *updateRow, p *product) bool {
	if c.lastReorder.size == 0 {
		return false
	}
	next, known := a.replay.restocks.take(candidateKey(c.lastReorder.hash, c.i))
	if next == nil {
		if c.lastOrder.size > 0 {
			return false
		}
		a.uncaused(c, fmt.Sprintf("reorder %s", a.text(c.lastReorder.text)), known)
		return true
	}
	c.cause = cause{of: fromReorders, partition: next.partition, offset: next.offset}
	row := a.restocks[next.partition].at(next.offset)
	if !a.claim(c, &row.marks, !row.marks.any(applied)) {
		return true
	}
	p.received += c.delta
	a.replayedStock(c, p, p.stock+row.quantity, fmt.Sprintf("%d restocked for %s", row.quantity, a.text(c.lastReorder.text)))
	a.unchangedID(c, p, "last_order_id", c.lastOrder, p.lastOrder)
	return true
}

// replayedLine judges an update of an order line.
func (a *auditor) replayedLine(c *updateRow, p *product) {
	id := a.text(c.lastOrder.text)
	next, known := a.replay.lines.take(candidateKey(c.lastOrder.hash, c.i))
	if next == nil {
		a.uncaused(c, fmt.Sprintf("order %s", id), known)
		return
	}
	c.cause = cause{of: fromOrders, partition: next.partition, offset: next.offset, line: next.line}
	t := a.orders[next.partition]
	o := t.at(next.offset)
	l := &t.lines(o)[next.line]
	quantity := int64(l.quantity &^ lineClaimed)
	if !a.claim(c, &o.marks, l.quantity&lineClaimed == 0) {
		return
	}
	l.quantity |= lineClaimed
	p.lineApplied(c, l)
	a.replayedStock(c, p, max(p.stock-quantity, 0), fmt.Sprintf("%d ordered by %s", quantity, id))
	a.unchangedID(c, p, "last_reorder_id", c.lastReorder, p.lastReorder)
}

// uncaused reports an update without a cause that could be found.
func (a *auditor) uncaused(c *updateRow, what string, known bool) {
	p := &a.products[c.i]
	switch {
	case known:
		a.note(checkCauses, Finding{Product: p.id, Where: c.at.String(), Expected: "a cause of its own", Seen: "all that " + what + " has of the product has its update already"})
	case a.trimmed[a.o.Topics.Orders] || a.trimmed[a.o.Topics.Reorders]:
	default:
		a.note(checkCauses, Finding{Product: p.id, Where: c.at.String(), Expected: "a cause that is there", Seen: what + " has nothing of the product"})
	}
}

// replayedStock compares a stock with what follows from the one before.
func (a *auditor) replayedStock(c *updateRow, p *product, want int64, why string) {
	if c.stock != want && !p.unsummed {
		a.note(checkStock, Finding{Product: p.id, Where: c.at.String(), Expected: fmt.Sprintf("stock %d: %d before, %s (%s)", want, p.stock, why, a.causeOf(c)),
			Seen: fmt.Sprintf("stock %d", c.stock)})
	}
}

// unchangedID checks that an update kept the id that is not its cause's. Some
// processors leave it out.
func (a *auditor) unchangedID(c *updateRow, p *product, field string, id name, before uint64) {
	if id.size > 0 && before != 0 && id.hash != before && !p.unsummed && !p.faulty {
		a.note(checkCauses, Finding{Product: p.id, Where: c.at.String(), Expected: field + " as in the product's update before", Seen: a.text(id.text)})
	}
}
