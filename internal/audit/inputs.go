package audit

import (
	"errors"
	"fmt"
	"hash/maphash"
	"strconv"

	"inv/internal/event"

	"github.com/twmb/franz-go/pkg/kgo"
)

// marks say what became of an input record.
type marks uint8

const (
	present   marks = 1 << iota // there is a data record at this offset
	tombstone                   // it has no value
	unsound                     // it must be dead-lettered
	arguable                    // its total is not the sum: dead-lettered, or accepted by policy
	duplicate                   // a copy of one in the window
	refused                     // it was dead-lettered
	applied                     // an update names it as its cause
)

func (m marks) any(of marks) bool { return m&of != 0 }

// deadRecord is what a dead-letter topic has for one input record.
type deadRecord struct {
	at     place // in the dead-letter topic
	reason event.Reason
	hash   uint64
	cut    bool // the value is not whole
	met    bool // the input record was read, too
}

// deadLetter takes a dead-lettered record.
func (a *auditor) deadLetter(r *kgo.Record) {
	a.counts.DeadLettered++
	topic, ok1 := event.FirstHeader(r.Headers, event.HeaderDLQTopic)
	partition, ok2 := event.FirstHeader(r.Headers, event.HeaderDLQPartition)
	offset, ok3 := event.FirstHeader(r.Headers, event.HeaderDLQOffset)
	p, err1 := strconv.ParseInt(string(partition), 10, 32)
	o, err2 := strconv.ParseInt(string(offset), 10, 64)
	if !(ok1 && ok2 && ok3) || errors.Join(err1, err2) != nil {
		a.note(checkOnce, Finding{Where: placeOf(r).String(), Expected: "dlq-topic, dlq-partition and dlq-offset of the input", Seen: "no such headers"})
		return
	}
	from := place{string(topic), int32(p), o}
	if earlier, twice := a.dead[from]; twice {
		a.note(checkOnce, Finding{Where: placeOf(r).String(), Expected: from.String() + " accounted for once", Seen: "dead-lettered at " + earlier.at.String() + ", too"})
		return
	}
	reason, _ := event.FirstHeader(r.Headers, event.HeaderDLQReason)
	_, cut := event.FirstHeader(r.Headers, event.HeaderDLQTruncated)
	a.dead[from] = deadRecord{at: placeOf(r), reason: event.Reason(reason), hash: maphash.Bytes(a.seed, r.Value), cut: cut}
}

// refusal returns the marks of an input record that come from the dead letters.
// The reason that its value gives for refusing it is "" if there is none.
func (a *auditor) refusal(r *kgo.Record, reason event.Reason) marks {
	if len(a.dead) == 0 {
		return 0
	}
	at := placeOf(r)
	d, ok := a.dead[at]
	if !ok {
		return 0
	}
	d.met = true
	a.dead[at] = d
	if !d.cut && d.hash != maphash.Bytes(a.seed, r.Value) {
		a.note(checkInput, Finding{Where: d.at.String(), Expected: "the bytes of " + at.String(), Seen: "other bytes"})
	}
	switch d.reason {
	case event.NotJSON, event.WrongType, event.MissingID, event.NoItems, event.BadQuantity, event.NegativePrice,
		event.NegativeTotal, event.NegativeNumber, event.OutOfRange, event.KeyMismatch, event.UnknownVersion, event.TotalMismatch:
		if reason == "" {
			a.note(checkInput, Finding{Where: d.at.String(), Expected: at.String() + " processed: nothing is wrong with it", Seen: "dead-lettered as " + string(d.reason)})
		}
	}
	return refused
}

func reasonOf(err error) event.Reason {
	var e *event.Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}

// catalogueRecord is what is kept of a catalogue record.
type catalogueRecord struct {
	product           uint32
	marks             marks
	unchanged         bool // it says nothing new, or may not
	initialStock      int64
	reorderThreshold  int64
	criticalThreshold int64
	fields            uint64 // hash of all the fields
}

// catalogue takes a record of the catalogue.
func (a *auditor) catalogue(r *kgo.Record) {
	a.counts.Catalogue++
	row := tableOf(a.catalog, r.Partition).add(r.Offset)
	row.marks = present
	if r.Value == nil {
		a.counts.Skipped++
		row.marks |= tombstone
		a.products[a.productOf(string(r.Key))].delisted = true
		return
	}
	var p event.Product
	err := event.CheckVersion(r.Headers)
	if err == nil {
		err = event.ParseProduct(r.Value, &p)
	}
	if err == nil {
		err = p.Check()
	}
	if err == nil {
		err = p.CheckKey(r.Key)
	}
	row.marks |= a.refusal(r, reasonOf(err))
	if err != nil {
		row.marks |= unsound
		return
	}
	i := a.productOf(p.ID)
	row.product = i
	row.initialStock = p.InitialStock
	row.reorderThreshold, row.criticalThreshold = p.ReorderThreshold, p.CriticalThreshold
	row.fields = maphash.Comparable(a.seed, p)
	of := &a.products[i]
	row.unchanged = of.inCatalogue && (of.last.fields == row.fields || of.delisted)
	of.inCatalogue = true
	if !row.marks.any(refused) {
		of.last = *row
	}
}

// makeRoom prepares the tables for as many orders as there are offsets, so that
// they don't grow by copying. More than a partition usually has grows after all.
func (a *auditor) makeRoom(s *snapshot) {
	const most = 1 << 22
	for _, p := range s.spans[a.o.Topics.Orders] {
		t := &orderTable{}
		t.rows = make([]orderRecord, 0, min(p.to-p.from, most))
		a.orders[p.partition] = t
	}
}

// orderTable is a partition of the orders.
type orderTable struct {
	table[orderRecord]
	lines []line
}

type orderRecord struct {
	first uint32 // of its lines
	count uint16 // of its lines; many if manyLines
	marks marks
}

// line is one line of an order that may be applied.
type line struct {
	price    event.Money
	product  uint32
	quantity uint32 // with lineClaimed
}

const lineClaimed = 1 << 31 // quantities are at most 10^9

// linesOf returns the lines of the record at an offset.
func (t *orderTable) linesOf(o *orderRecord) []line {
	if o.count < manyLines {
		return t.lines[o.first : o.first+uint32(o.count)]
	}
	return t.lines[o.first+1 : o.first+1+t.lines[o.first].quantity]
}

// manyLines says that the first line's quantity is the number of those behind it.
const manyLines = 1<<16 - 1

// order takes an order.
func (a *auditor) order(r *kgo.Record) {
	a.counts.Orders++
	t := a.orders[r.Partition]
	if t == nil {
		t = &orderTable{}
		a.orders[r.Partition] = t
	}
	row := t.add(r.Offset)
	row.marks = present
	row.first = uint32(len(t.lines))
	if r.Value == nil {
		a.counts.Skipped++
		row.marks |= tombstone
		return
	}
	o := &a.parsed
	err := event.CheckVersion(r.Headers)
	if err == nil {
		err = event.ParseOrder(r.Value, o)
	}
	if err == nil {
		err = o.Check()
	}
	total := error(nil)
	if err == nil {
		total = o.CheckTotal()
	}
	row.marks |= a.refusal(r, reasonOf(errors.Join(err, total)))
	if err != nil {
		row.marks |= unsound
		return
	}
	if total != nil {
		row.marks |= arguable
	}
	hash := a.hash(r)
	if earlier, ok := a.windowOf(r.Topic, r.Partition).seen(hash, r.Offset); ok {
		a.repeated(r, row, earlier)
	} else if there, tag := a.contents.add(hash, uint64(r.Partition)); there && tag != uint64(r.Partition)&0xff {
		a.copies++
	}
	a.keepLines(t, row, o)
}

// repeated marks a duplicate. One that was dead-lettered is accounted for twice,
// unless its total is wrong: then it was refused for that, before it was compared.
func (a *auditor) repeated(r *kgo.Record, row *orderRecord, earlier int64) {
	row.marks |= duplicate
	if !row.marks.any(refused) {
		a.counts.Duplicates++
		return
	}
	if !row.marks.any(arguable) {
		a.note(checkOnce, Finding{Where: placeOf(r).String(), Expected: fmt.Sprintf("ignored as a duplicate of offset %d", earlier), Seen: "dead-lettered"})
	}
}

// keepLines keeps the lines also of an order that must not be applied: an update
// may wrongly name them.
func (a *auditor) keepLines(t *orderTable, row *orderRecord, o *event.Order) {
	row.count = uint16(min(len(o.Items), manyLines))
	if row.count == manyLines {
		t.lines = append(t.lines, line{quantity: uint32(len(o.Items))})
	}
	for i := range o.Items {
		item := &o.Items[i]
		t.lines = append(t.lines, line{item.UnitPrice, a.productOf(item.ProductID), uint32(item.Quantity)})
	}
	a.counts.Lines += int64(len(o.Items))
}

// receiptRecord is what is kept of a receipt, or with the reference policy of a
// reorder, which is a receipt there.
type receiptRecord struct {
	product  uint32
	marks    marks
	quantity int64
	closes   int64 // seq in the id of the reorder that it names, if that is this product's; else 0
}

// receipt takes a stock receipt.
func (a *auditor) receipt(r *kgo.Record) {
	a.counts.Receipts++
	row := tableOf(a.receipts, r.Partition).add(r.Offset)
	row.marks = present
	if r.Value == nil {
		a.counts.Skipped++
		row.marks |= tombstone
		return
	}
	var v event.Receipt
	err := event.CheckVersion(r.Headers)
	if err == nil {
		err = event.ParseReceipt(r.Value, &v)
	}
	if err == nil {
		err = v.Check()
	}
	row.marks |= a.refusal(r, reasonOf(err))
	if err != nil {
		row.marks |= unsound
		return
	}
	row.product, row.quantity = a.productOf(v.ProductID), v.Quantity
	row.closes = seqInID(v.EventID, "reorder-", v.ProductID)
	if earlier, ok := a.windowOf(r.Topic, r.Partition).seen(a.hash(r), r.Offset); ok {
		row.marks |= duplicate
		if row.marks.any(refused) {
			a.note(checkOnce, Finding{Where: placeOf(r).String(), Product: v.ProductID, Expected: fmt.Sprintf("ignored as a duplicate of offset %d", earlier), Seen: "dead-lettered"})
		} else {
			a.counts.Duplicates++
		}
		return
	}
	if v.EventID != "" {
		a.answer(r, &v, row)
	}
}

// answer ties a receipt to the reorder that it names.
func (a *auditor) answer(r *kgo.Record, v *event.Receipt, row *receiptRecord) {
	if _, replayed := event.Header(r.Headers, event.HeaderDLQReplay); replayed {
		return
	}
	if a.seenID(v.ReceiptID) {
		a.note(checkIDs, Finding{Where: placeOf(r).String(), Product: v.ProductID, Expected: "a receipt id of its own", Seen: v.ReceiptID + " again"})
	}
	reaction := a.reorders.find(row.product, row.closes)
	if reaction == nil {
		source, _ := event.Header(r.Headers, event.HeaderSource)
		if string(source) == a.o.App && a.o.App != "" && !a.trimmed[a.o.Topics.Reorders] && !a.reference() {
			a.note(checkReceipts, Finding{Where: placeOf(r).String(), Product: v.ProductID, Expected: "a receipt for a reorder", Seen: "no reorder has the id " + v.EventID})
		}
		return
	}
	if reaction.answers++; reaction.answers > 1 {
		a.note(checkReceipts, Finding{Where: placeOf(r).String(), Product: v.ProductID, Expected: "one receipt for " + v.EventID, Seen: "another one"})
	} else if reaction.quantity != v.Quantity {
		a.note(checkReceipts, Finding{Where: placeOf(r).String(), Product: v.ProductID,
			Expected: fmt.Sprintf("quantity %d, as %s has it", reaction.quantity, v.EventID), Seen: fmt.Sprintf("quantity %d", v.Quantity)})
	}
}

// seenID says whether an id was there before. The kind of record is in the id.
func (a *auditor) seenID(id string) bool {
	a.checks[checkIDs].Checked++
	there, _ := a.ids.add(maphash.String(a.seed, id), 0)
	return there
}

// pendingReceipt takes a record of procurement's changelog, whose key is the id
// of a reorder and whose value is there as long as the receipt is not.
func (a *auditor) pendingReceipt(r *kgo.Record) {
	key := maphash.Bytes(a.seed, r.Key)
	if r.Value == nil {
		delete(a.pending, key)
		return
	}
	a.pending[key] = true
}

func (a *auditor) isPending(reorder string) bool {
	return a.pending[maphash.String(a.seed, reorder)]
}
