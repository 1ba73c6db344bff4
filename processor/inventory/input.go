package inventory

import (
	"context"
	"strings"

	"inv/internal/event"
	"inv/processor"

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
// of the record's value, or of its JSON.
type input struct {
	values  *processor.Values
	fits    *fits // nil: all that is made of it has a place
	product event.Product
	order   event.Order
	receipt event.Receipt
	reorder event.Reorder

	value     []byte // as JSON
	causes    []byte
	line      []byte
	tombstone bool
	key       string // of a catalogue tombstone
}

// decode decodes a record and checks its structure; the result depends on nothing but the
// record and its schema. A tombstone is accepted, and its meaning left to the caller. The
// error of a record that is to be refused is an *event.Error; another one is that the
// schema registry does not answer.
func (in *input) decode(ctx context.Context, kind inputKind, r *kgo.Record, l limits) error {
	in.value = nil
	if in.tombstone = r.Value == nil; in.tombstone {
		if kind != catalogInput {
			return nil
		}
		key, err := in.values.Key(ctx, r)
		if err != nil {
			return err
		}
		in.key = string(key)
		return event.CheckTombstone(key)
	}
	err := in.decodeValue(ctx, kind, r, l)
	if err != nil {
		return err
	}
	switch kind {
	case catalogInput:
		return in.decodeProduct(ctx, r, l)
	case orderInput:
		return in.decodeOrder(l)
	case receiptInput:
		if err = event.BorrowReceipt(in.value, &in.receipt); err == nil {
			err = in.receipt.Check()
		}
	case reorderInput:
		if err = event.BorrowReorder(in.value, &in.reorder); err == nil {
			err = in.reorder.Check()
		}
	}
	return err
}

// decodeValue decodes a value that is not larger than the limit, neither as it is in the
// record nor as JSON, of a version that is known.
func (in *input) decodeValue(ctx context.Context, kind inputKind, r *kgo.Record, l limits) error {
	if len(r.Value) > l.value(kind) {
		return tooLarge("the value is larger than the limit")
	}
	if err := in.values.CheckVersion(r); err != nil {
		return err
	}
	var err error
	if in.value, err = in.values.Of(ctx, r); err != nil {
		return err
	}
	if len(in.value) > l.value(kind) {
		return tooLarge("the value, as JSON, is larger than the limit")
	}
	return nil
}

func (in *input) decodeProduct(ctx context.Context, r *kgo.Record, l limits) error {
	if err := event.ParseProduct(in.value, &in.product); err != nil {
		return err
	}
	if err := in.product.Check(); err != nil {
		return err
	}
	key, err := in.values.Key(ctx, r)
	if err != nil {
		return err
	}
	if err := in.product.CheckKey(key); err != nil {
		return err
	}
	if err := in.fits.product(&in.product, r); err != nil {
		return err
	}
	if most := 6 * len(in.value); most+besideTexts <= l.entry { // if every byte were escaped
		return nil
	}
	entries := in.entries(catalogInput, r, nil)
	if in.line = event.AppendEntry(in.line[:0], &entries[0]); len(in.line) > l.entry {
		return tooLarge("its id and names are too long for the product log")
	}
	return nil
}

func (in *input) decodeOrder(l limits) error {
	if err := event.BorrowOrder(in.value, &in.order); err != nil {
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

// refusal returns why a record is to be refused, by an error of decode; nil for another
// error.
func refusal(err error) *event.Error {
	e, _ := err.(*event.Error)
	return e
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
