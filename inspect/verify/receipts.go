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
	closes   int64 // seq in the id of the reorder that it names, if that is this product's; else 0
}

// receiptRow is a stock receipt.
type receiptRow struct {
	inputRow
	product     name
	id, answers name // answers: the reorder that it names, or ""
	quantity    int64
	closes      int64
	own         bool // the application that is expected wrote it
}

func (p *parser) readReceipt(r *kgo.Record, row *receiptRow) {
	var v event.Receipt
	p.input(r, &row.inputRow, func() error {
		err := event.ParseReceipt(r.Value, &v)
		if err == nil {
			err = v.Check()
		}
		return err
	})
	if row.marks.any(tombstone | unsound) {
		return
	}
	row.product, row.id, row.answers = p.name(v.ProductID), p.name(v.ReceiptID), p.name(v.EventID)
	row.quantity, row.closes = v.Quantity, seqInID(v.EventID, "reorder-", v.ProductID)
	w := p.writer(r)
	row.own = w.named && w.other == ""
}

// receipt records a stock receipt.
func (a *auditor) receipt(r *receiptRow) {
	a.counts.Receipts++
	row := tableOf(a.receipts, r.at.partition).add(r.at.offset)
	row.marks = r.marks
	if row.marks.any(tombstone) {
		a.counts.Skipped++
		return
	}
	row.marks |= a.refusal(&r.inputRow)
	if row.marks.any(unsound) {
		return
	}
	row.product, row.quantity, row.closes = a.productOf(r.product), r.quantity, r.closes
	if earlier, again, _ := a.receiptContents.seen(r.content, r.at.partition, r.at.offset); again {
		row.marks |= duplicate
		if row.marks.any(refused) {
			a.note(checkOnce, Finding{Where: r.at.String(), Product: a.text(r.product.text),
				Expected: fmt.Sprintf("ignored as a duplicate of offset %d", earlier), Seen: "dead-lettered"})
		} else {
			a.counts.Duplicates++
		}
		return
	}
	if r.answers.size > 0 {
		a.answer(r, row)
	}
}

// answer connects a receipt with the reorder that it names.
func (a *auditor) answer(r *receiptRow, row *receiptRecord) {
	if r.replayed {
		return
	}
	product, reorder := a.text(r.product.text), a.text(r.answers.text)
	if a.seenID(r.id) {
		a.note(checkIDs, Finding{Where: r.at.String(), Product: product, Expected: "a receipt id of its own", Seen: a.text(r.id.text) + " again"})
	}
	reaction := a.reorders.find(row.product, row.closes)
	if reaction == nil {
		if r.own && !a.trimmed[a.o.Topics.Reorders] && !a.reference() {
			a.note(checkReceipts, Finding{Where: r.at.String(), Product: product, Expected: "a receipt for a reorder", Seen: "no reorder has the id " + reorder})
		}
		return
	}
	if reaction.answers++; reaction.answers > 1 {
		a.note(checkReceipts, Finding{Where: r.at.String(), Product: product, Expected: "one receipt for " + reorder, Seen: "another one"})
	} else if reaction.quantity != r.quantity {
		a.note(checkReceipts, Finding{Where: r.at.String(), Product: product,
			Expected: fmt.Sprintf("quantity %d, as %s has it", reaction.quantity, reorder), Seen: fmt.Sprintf("quantity %d", r.quantity)})
	}
}

// seenID reports whether an id was there before. The kind of record is in the id.
func (a *auditor) seenID(id name) bool {
	a.checks[checkIDs].Checked++
	return a.ids.add(id.hash)
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
