package verify

import (
	"fmt"
	"hash/maphash"

	"inv/internal/event"

	"github.com/twmb/franz-go/pkg/kgo"
)

// receiptRecord is what is kept of a receipt, or with the reference policy of a
// reorder, which is a receipt there.
type receiptRecord struct {
	product  uint32
	marks    marks
	quantity int64
	id       uint64 // hash of a reorder's, with the reference policy
	answers  uint64 // hash of the id of the reorder that it names, 0: none
	time     int64  // of the event, epoch ms
	closes   int64  // seq in the id of the reorder that it names, if that is this product's; else 0
}

// receiptRow is a stock receipt.
type receiptRow struct {
	inputRow
	receiptFacts // if it is own and no replay
	product      name
	id, answers  name // answers: the reorder that it names, or ""
	quantity     int64
	closes       int64
	own          bool // procurement of the application that is expected wrote it
}

func (p *parser) readReceipt(r *kgo.Record, row *receiptRow) {
	var v event.Receipt
	p.input(r, &row.inputRow, func() error {
		err := event.ParseReceipt(p.value, &v)
		if err == nil {
			err = v.Check()
		}
		if err == nil && p.o.Schemas.Encoded(r.Topic) {
			p.contentRoom = event.AppendReceipt(p.contentRoom[:0], &v)
			p.content = p.contentRoom
		}
		return err
	})
	p.rejudge(r, &row.inputRow)
	if row.marks.any(tombstone | unsound) {
		return
	}
	row.product, row.id, row.answers = p.name(v.ProductID), p.name(v.ReceiptID), p.name(v.EventID)
	row.quantity, row.closes = v.Quantity, seqInID(v.EventID, "reorder-", v.ProductID)
	if v.Timestamp != 0 {
		row.time = v.Timestamp
	}
	if row.own = p.ownReceipt(r, &v) && !row.replayed; row.own {
		row.receiptFacts = p.receiptFacts(r, &v)
	}
}

// ownReceipt reports whether the application's procurement wrote a receipt. Without
// headers its id tells: others may deliver, too, under ids of their own.
func (p *parser) ownReceipt(r *kgo.Record, v *event.Receipt) bool {
	if w := p.writer(r); w.named {
		return w.other == ""
	}
	return p.o.App != "" && p.o.Procurement && v.EventID != "" && v.ReceiptID == event.ReceiptID(v.EventID)
}

// receipt records a stock receipt.
func (a *auditor) receipt(r *receiptRow) {
	a.counts.Receipts++
	row := tableOf(a.receipts, r.at.partition).add(r.at.offset)
	row.marks = r.marks | a.refusal(&r.inputRow)
	if row.marks.any(tombstone) {
		a.counts.Skipped++
		return
	}
	if row.marks.any(unsound) {
		return
	}
	row.product, row.quantity, row.closes, row.time = a.productOf(r.product), r.quantity, r.closes, r.time
	if r.answers.size > 0 {
		row.answers = r.answers.hash
	}
	if earlier, again, _ := a.receiptContents.seen(r.content, r.at.partition, r.at.offset); again {
		row.marks |= duplicate
		if row.marks.any(refused) {
			a.note(checkOnce, Finding{Where: r.at.String(), Product: a.text(r.product.text),
				Expected: fmt.Sprintf("ignored as a duplicate of offset %d", earlier), Seen: "dead-lettered"})
		} else {
			a.counts.Duplicates++
		}
	}
	if r.own {
		a.ownReceipt(r, row)
	}
	if row.marks.any(duplicate) {
		return
	}
	if r.answers.size > 0 {
		a.answer(r, row)
	}
}

// answer connects a receipt with the reorder that it names. Procurement answers a
// reorder once and in full. Other writers may name what they like and deliver in
// parts, too much, or late.
func (a *auditor) answer(r *receiptRow, row *receiptRecord) {
	if r.replayed {
		return
	}
	reaction := a.reorders.find(row.product, row.closes)
	if !r.own {
		if reaction != nil {
			reaction.delivered += r.quantity
		}
		return
	}
	product, reorder := a.text(r.product.text), a.text(r.answers.text)
	if a.seenID(receiptIDs, r.id) {
		a.note(checkIDs, Finding{Where: r.at.String(), Product: product, Expected: "a receipt id of its own", Seen: a.text(r.id.text) + " again"})
	}
	if reaction == nil {
		if !a.trimmed[a.o.Topics.Reorders] && !a.reference() {
			a.note(checkReceipts, Finding{Where: r.at.String(), Product: product, Expected: "a receipt for a reorder", Seen: "no reorder has the id " + reorder})
		}
		return
	}
	reaction.delivered += r.quantity
	if reaction.answers++; reaction.answers > 1 {
		a.note(checkReceipts, Finding{Where: r.at.String(), Product: product, Expected: "one receipt for " + reorder, Seen: "another one"})
	} else if reaction.quantity != r.quantity {
		a.note(checkReceipts, Finding{Where: r.at.String(), Product: product,
			Expected: fmt.Sprintf("quantity %d, as %s has it", reaction.quantity, reorder), Seen: fmt.Sprintf("quantity %d", r.quantity)})
	}
}

// Ids are unique among the records of one kind.
const (
	reorderIDs uint64 = iota
	alertIDs
	receiptIDs
)

// seenID reports whether a record of this kind had the id before.
func (a *auditor) seenID(kind uint64, id name) bool {
	a.checks[checkIDs].Checked++
	return a.ids.add(id.hash ^ kind*0x9e3779b97f4a7c15)
}

// pendingRow is a record of procurement's changelog, whose key is the id of a
// reorder and whose value is there as long as the receipt is not.
type pendingRow struct {
	reorder uint64 // hash of the id
	pending bool
}

func (p *parser) readPending(r *kgo.Record, row *pendingRow) {
	*row = pendingRow{maphash.Bytes(p.seed, r.Key), r.Value != nil}
}

func (a *auditor) pendingReceipt(r *pendingRow) {
	if r.pending {
		a.pending[r.reorder] = true
		return
	}
	delete(a.pending, r.reorder)
}

func (a *auditor) isPending(reorder string) bool {
	return a.pending[maphash.String(a.seed, reorder)]
}
