package verify

import (
	"hash/maphash"

	"inv/internal/event"

	"github.com/twmb/franz-go/pkg/kgo"
)

// receiptFacts is what a receipt of this program's procurement repeats.
type receiptFacts struct {
	envelope
	warehouse uint64 // hash of its id
	happened  int64  // when, epoch ms
	odd       bool   // its id does not follow from its reorder's
}

func (p *parser) receiptFacts(r *kgo.Record, v *event.Receipt) receiptFacts {
	f := receiptFacts{warehouse: maphash.String(p.seed, v.WarehouseID), happened: v.Timestamp, odd: v.ReceiptID != event.ReceiptID(v.EventID)}
	p.id = append(p.id[:0], v.ReceiptID...)
	p.surround(r, &f.envelope, v.ProductID, event.TypeReceipt, p.id, v.Timestamp)
	return f
}

// ownReceipt judges a receipt of this program's procurement.
func (a *auditor) ownReceipt(r *receiptRow, row *receiptRecord) {
	product := a.text(r.product.text)
	wrong := func(expected, seen string) {
		a.note(checkReceipts, Finding{Where: r.at.String(), Product: product, Expected: expected, Seen: seen})
	}
	a.envelope(outReceipts, r.at, row.product, &r.envelope)
	reorder := a.text(r.answers.text)
	if reorder == "" {
		wrong("the id of the reorder that it answers", "none")
		return
	}
	of := a.reorders.find(row.product, row.closes)
	if of == nil {
		return
	}
	if row.marks.any(duplicate) {
		wrong("one receipt for "+reorder, "a copy of it")
	}
	if of.answers > 0 {
		return // that there is another one is a finding of its own
	}
	if r.odd {
		wrong("the id "+event.ReceiptID(reorder), a.text(r.id.text))
	}
	if r.warehouse != of.warehouse {
		wrong("the warehouse_id of "+reorder, "another")
	}
	if timeKnown(of.time) && r.happened < of.time {
		wrong("a timestamp after that of "+reorder+", "+formatTime(of.time), formatTime(r.happened))
	}
	if r.kafka != r.happened {
		a.clocked[place{partition: of.partition, offset: of.offset}] = clockedReceipt{r.at, r.happened, r.kafka}
	}
}
