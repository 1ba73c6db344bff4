package inventory

import (
	"strings"

	"inv/internal/event"

	"github.com/twmb/franz-go/pkg/kgo"
)

// inputKind is what a source topic of ingest holds.
type inputKind uint8

const (
	catalogInput inputKind = iota
	orderInput
	receiptInput
	reorderInput // the reference policy's restocks
)

// input is one decoded source record. It is valid until the next call of decode,
// and as long as the record is: texts of orders, receipts and reorders are parts
// of the record's value.
type input struct {
	product event.Product
	order   event.Order
	receipt event.Receipt
	reorder event.Reorder

	causes    []byte
	line      []byte
	tombstone bool
	key       string // of a catalogue tombstone
}

// decode checks the structure of a record; the result depends on nothing but the
// record. A tombstone is accepted, and its meaning left to the caller.
func (in *input) decode(kind inputKind, r *kgo.Record, l limits) *event.Error {
	if in.tombstone = r.Value == nil; in.tombstone {
		in.key = string(r.Key)
		if kind != catalogInput {
			return nil
		}
		return asEventError(event.CheckTombstone(r.Key))
	}
	if len(r.Value) > l.value(kind) {
		return tooLarge("the value is larger than the limit")
	}
	if err := asEventError(event.CheckVersion(r.Headers)); err != nil {
		return err
	}
	var err error
	switch kind {
	case catalogInput:
		err = in.decodeProduct(r, l)
	case orderInput:
		err = in.decodeOrder(r, l)
	case receiptInput:
		if err = event.BorrowReceipt(r.Value, &in.receipt); err == nil {
			err = in.receipt.Check()
		}
	case reorderInput:
		if err = event.BorrowReorder(r.Value, &in.reorder); err == nil {
			err = in.reorder.Check()
		}
	}
	return asEventError(err)
}

func (in *input) decodeProduct(r *kgo.Record, l limits) error {
	if err := event.ParseProduct(r.Value, &in.product); err != nil {
		return err
	}
	if err := in.product.Check(); err != nil {
		return err
	}
	if err := in.product.CheckKey(r.Key); err != nil {
		return err
	}
	if most := 6 * len(r.Value); most+besideTexts <= l.entry { // if every byte were escaped
		return nil
	}
	entries := in.entries(catalogInput, r, nil)
	if in.line = event.AppendEntry(in.line[:0], &entries[0]); len(in.line) > l.entry {
		return tooLarge("its id and names are too long for the product log")
	}
	return nil
}

func (in *input) decodeOrder(r *kgo.Record, l limits) error {
	if err := event.BorrowOrder(r.Value, &in.order); err != nil {
		return err
	}
	if err := in.order.Check(); err != nil {
		return err
	}
	if l.acceptTotals {
		return nil
	}
	return in.order.CheckTotal()
}

// asEventError returns err, which is nil or an *event.Error, as an *event.Error.
func asEventError(err error) *event.Error {
	if err == nil {
		return nil
	}
	if e, ok := err.(*event.Error); ok {
		return e
	}
	return &event.Error{Reason: event.NotJSON, Message: err.Error()}
}

// entries appends the entries that an accepted record adds to the product log.
func (in *input) entries(kind inputKind, r *kgo.Record, to []event.Entry) []event.Entry {
	cause := event.Cause{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}
	e := event.Entry{Timestamp: event.ClampTime(r.Timestamp.UnixMilli())}
	switch kind {
	case catalogInput:
		e.Kind, e.ProductID, e.Product = event.EntryProduct, in.product.ID, in.product
		if in.tombstone {
			e.Kind, e.ProductID, e.Product = event.EntryDelist, in.key, event.Product{}
		}
	case receiptInput:
		e.Kind, e.ProductID, e.EventID, e.Quantity = event.EntryReceipt, in.receipt.ProductID, in.receipt.EventID, in.receipt.Quantity
		setTime(&e, in.receipt.Timestamp)
	case reorderInput:
		e.Kind, e.ProductID, e.EventID, e.Quantity = event.EntryReceipt, in.reorder.ProductID, in.reorder.EventID, in.reorder.ReorderQuantity
		setTime(&e, in.reorder.Timestamp)
	case orderInput:
		e.Kind, e.OrderID = event.EntryLine, in.order.OrderID
		setTime(&e, in.order.Timestamp)
		causes := in.lineCauses(cause)
		for _, line := range in.order.Items {
			end := strings.IndexByte(causes, '\n')
			e.ProductID, e.Quantity, e.Price, e.Cause = line.ProductID, line.Quantity, line.UnitPrice, causes[:end]
			causes = causes[end+1:]
			to = append(to, e)
		}
		return to
	}
	e.Cause = cause.String()
	return append(to, e)
}

// lineCauses returns the causes of all order lines in one string, one on each
// line. It is valid until the next call.
func (in *input) lineCauses(c event.Cause) string {
	in.causes = in.causes[:0]
	for i := range in.order.Items {
		c.Line = int32(i)
		in.causes = append(c.Append(in.causes), '\n')
	}
	return borrowed(in.causes)
}

// setTime prefers the event's own time, if it has one, to the record's.
func setTime(e *event.Entry, ms int64) {
	if ms != 0 {
		e.Timestamp = ms
	}
}
