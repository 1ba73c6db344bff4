package verify

import (
	"fmt"
	"hash/maphash"

	"inv/internal/event"

	"github.com/twmb/franz-go/pkg/kgo"
)

// marks is the fate of an input record.
type marks uint8

const (
	present   marks = 1 << iota // there is a data record at this offset
	tombstone                   // it has no value
	unsound                     // it must be dead-lettered
	arguable                    // its total is not the sum: dead-lettered, or accepted by policy
	duplicate                   // a copy of one in the window
	refused                     // it was dead-lettered
	applied                     // an update names it as its cause
	unlisted                    // it was dead-lettered, perhaps rightly, for an unknown product
)

func (m marks) any(of marks) bool { return m&of != 0 }

// catalogueRecord is the part of a catalogue record that is kept.
type catalogueRecord struct {
	product      uint32
	marks        marks
	unchanged    bool // it says nothing new
	first        bool // none of the product is before it, or none is left
	initialStock int64
	time         int64 // epoch ms
	facts        facts
	fields       uint64 // hash of all the fields
}

// productRow is a record of the catalogue.
type productRow struct {
	inputRow
	product name // of a tombstone, too
	record  catalogueRecord
}

func (p *parser) readProduct(r *kgo.Record, row *productRow) {
	var v event.Product
	p.input(r, &row.inputRow, func() error {
		err := event.ParseProduct(p.value, &v)
		if err == nil {
			err = v.Check()
		}
		if err == nil {
			err = v.CheckKey(p.key)
		}
		return err
	})
	if row.marks.any(tombstone) && len(p.key) == 0 { // of no product
		row.reason = event.MissingID
		row.marks = present | unsound
	}
	p.rejudge(r, &row.inputRow)
	row.product = p.name(string(p.key))
	row.record = catalogueRecord{initialStock: v.InitialStock, time: row.time, facts: p.factsOf(&v), fields: maphash.Comparable(p.seed, v)}
}

// catalogue records a catalogue record.
func (a *auditor) catalogue(r *productRow) {
	a.counts.Catalogue++
	t := tableOf(a.catalog, r.at.partition)
	a.gaps = a.gaps || r.at.offset != int64(len(t.offsets))
	row := t.add(r.at.offset)
	row.marks = r.inputRow.marks
	row.marks |= a.refusal(&r.inputRow)
	if row.marks.any(tombstone) {
		a.counts.Skipped++
		p := &a.products[a.productOf(r.product)]
		p.listedIn(r.at.partition)
		a.delist(p, r.at)
		return
	}
	if row.marks.any(unsound) {
		return
	}
	marks := row.marks
	*row = r.record
	row.marks, row.product = marks, a.productOf(r.product)
	of := &a.products[row.product]
	of.listedIn(r.at.partition)
	row.first = !of.inCatalogue
	row.unchanged = of.inCatalogue && !of.gone && of.last.fields == row.fields
	if row.marks.any(refused) {
		return
	}
	a.versioned(row.product, of, row)
	of.inCatalogue, of.gone = true, false
	of.last = *row
}

// listedIn notes that the product has a catalogue record in a partition. A catalogue
// that was enlarged may have some in several; their order is unknown then.
func (p *product) listedIn(partition int32) {
	p.scattered = p.scattered || p.home != 0 && p.home != partition+1
	p.home = partition + 1
}

// delist notes a tombstone of a product.
func (a *auditor) delist(p *product, at place) {
	if p.delisted && p.tombstone.partition != at.partition {
		at.partition = -1 // which of them is the last one is unknown
	}
	p.delisted, p.gone = true, true
	p.tombstone.partition, p.tombstone.offset = at.partition, at.offset
}

// versioned keeps the facts of a product's catalogue records once they differ.
func (a *auditor) versioned(i uint32, p *product, row *catalogueRecord) {
	if !p.inCatalogue || p.last.facts == row.facts {
		return
	}
	if a.versions[i] == nil {
		a.versions[i] = []facts{p.last.facts}
	}
	a.versions[i] = append(a.versions[i], row.facts)
}

// makeRoom sizes the tables by the number of offsets, so that they rarely grow.
func (a *auditor) makeRoom(s *snapshot) {
	const most = 1 << 22
	t := a.o.Topics
	total := func(topics ...string) int {
		n := int64(0)
		for _, topic := range topics {
			for _, p := range s.spans[topic] {
				n += p.To - p.From
			}
		}
		return int(min(n, 2*most))
	}
	for _, p := range s.spans[t.Orders] {
		room := min(p.To-p.From, most)
		a.orders[p.Partition] = &orderTable{rows: make([]orderRecord, 0, room), facts: make([]orderFacts, 0, room)}
	}
	a.orderContents.grow(total(t.Orders))
	a.receiptContents.grow(total(t.Receipts))
	a.ids.grow(total(t.Reorders, t.Alerts, t.Receipts))
}

// orderRow is an order. Its lines are in held.
type orderRow struct {
	inputRow
	id           uint64 // hash of its id
	first, count uint32
}

// lineRow is a line of an order.
type lineRow struct {
	product  name
	price    event.Money
	quantity uint32
}

func (p *parser) readOrder(r *kgo.Record, row *orderRow) {
	o := &p.order
	p.input(r, &row.inputRow, func() error {
		err := event.BorrowOrder(p.value, o)
		if err == nil {
			err = o.Check()
		}
		if err == nil && p.o.Schemas.Encoded(r.Topic) {
			p.contentRoom = event.AppendOrder(p.contentRoom[:0], o)
			p.content = p.contentRoom
		}
		return err
	})
	if !row.marks.any(tombstone | unsound) {
		if err := o.CheckTotal(); err != nil {
			row.reason = reasonOf(err)
			row.marks |= arguable
		}
	}
	p.rejudge(r, &row.inputRow)
	if row.marks.any(tombstone | unsound) {
		return
	}
	row.id = maphash.String(p.seed, o.OrderID)
	if o.Timestamp != 0 {
		row.time = o.Timestamp
	}
	h := p.held
	row.first, row.count = uint32(len(h.lines)), uint32(len(o.Items))
	for i := range o.Items {
		item := &o.Items[i]
		h.lines = append(h.lines, lineRow{p.name(item.ProductID), item.UnitPrice, uint32(item.Quantity)})
	}
}

// order records an order.
func (a *auditor) order(r *orderRow) {
	a.counts.Orders++
	t := tableOf(a.orders, r.at.partition)
	row := t.add(r.at.offset)
	row.marks = r.marks | a.refusal(&r.inputRow)
	if row.marks.any(tombstone) {
		a.counts.Skipped++
		return
	}
	if row.marks.any(unsound) {
		return
	}
	if earlier, again, copied := a.orderContents.seen(r.content, r.at.partition, r.at.offset); again {
		a.repeated(r, row, earlier)
	} else if copied {
		a.copies++
	}
	t.describe(r.at.offset, orderFacts{r.id, r.time})
	a.keepLines(t, row, a.linesRead[r.first:r.first+r.count])
}

// repeated marks a duplicate. A dead-lettered one is accounted for twice, unless its
// total is wrong: that is checked before duplicates.
func (a *auditor) repeated(r *orderRow, row *orderRecord, earlier int64) {
	row.marks |= duplicate
	if !row.marks.any(refused) {
		a.counts.Duplicates++
		return
	}
	if !row.marks.any(arguable) {
		a.note(checkOnce, Finding{Where: r.at.String(), Expected: fmt.Sprintf("ignored as a duplicate of offset %d", earlier), Seen: "dead-lettered"})
	}
}

// keepLines keeps the lines, also of an order that must not be applied: an update may
// name them wrongly.
func (a *auditor) keepLines(t *orderTable, row *orderRecord, lines []lineRow) {
	room := t.keep(row, len(lines))
	for i := range lines {
		l := &lines[i]
		room[i] = line{int64(l.price), a.productOf(l.product), l.quantity}
	}
	a.counts.Lines += int64(len(lines))
}
