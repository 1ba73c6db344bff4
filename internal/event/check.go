package event

import (
	"strconv"
	"unicode/utf8"
)

// Limits of every record.
const (
	MaxInt  int64 = 1_000_000_000       // largest whole number of units
	MaxTime int64 = 253_402_300_799_999 // the end of the year 9999 in epoch ms
)

// Longest ids, in bytes of UTF-8. Ids are keys, and parts of other ids and of most
// records, so that they bound what is written of a record. An id of a reorder has
// its product's in it.
const (
	MaxID      = 1 << 10 // of products and orders
	MaxEventID = 2 << 10 // of reorders
)

// ClampTime returns the time, in epoch ms, or the nearest one that a record may
// have: Kafka's timestamps, and sums of times, may be out of range.
func ClampTime(ms int64) int64 { return min(max(ms, 0), MaxTime) }

// Check returns an error if the record has no id or a number out of range.
func (p *Product) Check() error {
	if err := checkID("id", p.ID, MaxID); err != nil {
		return err
	}
	numbers := [...]struct {
		name  string
		value int64
	}{
		{"reorder_threshold", p.ReorderThreshold},
		{"reorder_quantity", p.ReorderQuantity},
		{"critical_threshold", p.CriticalThreshold},
		{"initial_stock", p.InitialStock},
	}
	if p.Price < 0 {
		return &Error{NegativeNumber, "price is negative: " + p.Price.String()}
	}
	for _, n := range numbers {
		if n.value < 0 {
			return &Error{NegativeNumber, n.name + " is negative: " + strconv.FormatInt(n.value, 10)}
		}
	}
	if p.Price > MaxMoney {
		return &Error{OutOfRange, "price is over 10^12: " + p.Price.String()}
	}
	for _, n := range numbers {
		if n.value > MaxInt {
			return outOfRange(n.name, n.value)
		}
	}
	return nil
}

// CheckKey returns an error if a catalogue record's key is not its id.
func (p *Product) CheckKey(key []byte) error {
	if string(key) != p.ID {
		return &Error{KeyMismatch, "the key is " + quote(string(key)) + ", the id " + quote(p.ID)}
	}
	return nil
}

// CheckTombstone returns an error if the key of a catalogue tombstone can't be a
// product's id.
func CheckTombstone(key []byte) error {
	if err := checkID("the key of the tombstone", string(key), MaxID); err != nil {
		return err
	}
	if !utf8.Valid(key) {
		return notUnicode("the key of the tombstone")
	}
	return nil
}

// Check returns an error if the order is invalid, its total aside.
func (o *Order) Check() error {
	if err := checkID("order_id", o.OrderID, MaxID); err != nil {
		return err
	}
	if len(o.Items) == 0 {
		return &Error{NoItems, "the order has no items"}
	}
	for i := range o.Items {
		if err := o.Items[i].check(); err != nil {
			err.Message = "items[" + strconv.Itoa(i) + "]: " + err.Message
			return err
		}
	}
	if o.Total < 0 {
		return &Error{NegativeTotal, "order_total is negative: " + o.Total.String()}
	}
	if o.Total > MaxMoney {
		return &Error{OutOfRange, "order_total is over 10^12: " + o.Total.String()}
	}
	return checkTime(o.Timestamp)
}

func (l *Line) check() *Error {
	if err := checkID("product_id", l.ProductID, MaxID); err != nil {
		return err
	}
	switch {
	case l.Quantity < 1:
		return &Error{BadQuantity, "quantity must be at least 1, not " + strconv.FormatInt(l.Quantity, 10)}
	case l.Quantity > MaxInt:
		return outOfRange("quantity", l.Quantity)
	case l.UnitPrice < 0:
		return &Error{NegativePrice, "unit_price is negative: " + l.UnitPrice.String()}
	case l.UnitPrice > MaxMoney:
		return &Error{OutOfRange, "unit_price is over 10^12: " + l.UnitPrice.String()}
	}
	return nil
}

// Check returns an error if the receipt is invalid.
func (r *Receipt) Check() error {
	if err := checkID("product_id", r.ProductID, MaxID); err != nil {
		return err
	}
	switch {
	case r.ReceiptID == "":
		return missingID("receipt_id")
	case len(r.EventID) > MaxEventID:
		return longID("event_id", r.EventID, MaxEventID)
	case r.Quantity < 1:
		return &Error{BadQuantity, "quantity must be at least 1, not " + strconv.FormatInt(r.Quantity, 10)}
	case r.Quantity > MaxInt:
		return outOfRange("quantity", r.Quantity)
	}
	return checkTime(r.Timestamp)
}

// Check returns an error if a field of the reorder that procurement needs is
// invalid.
func (r *Reorder) Check() error {
	if err := checkID("event_id", r.EventID, MaxEventID); err != nil {
		return err
	}
	if err := checkID("product_id", r.ProductID, MaxID); err != nil {
		return err
	}
	switch {
	case r.ReorderQuantity < 1:
		return &Error{BadQuantity, "reorder_quantity must be at least 1, not " + strconv.FormatInt(r.ReorderQuantity, 10)}
	case r.ReorderQuantity > MaxInt:
		return outOfRange("reorder_quantity", r.ReorderQuantity)
	}
	return checkTime(r.Timestamp)
}

// checkTime returns an error, not an *Error, so that nil stays nil.
func checkTime(ms int64) error {
	if ms < 0 || ms > MaxTime {
		return outOfRange("timestamp", ms)
	}
	return nil
}

// checkID checks an id that must be there.
func checkID(field, id string, most int) *Error {
	switch {
	case id == "":
		return missingID(field)
	case len(id) > most:
		return longID(field, id, most)
	}
	return nil
}

func missingID(field string) *Error {
	return &Error{MissingID, field + " is missing"}
}

func longID(field, id string, most int) *Error {
	return &Error{TooLarge, field + " has " + strconv.Itoa(len(id)) + " bytes; at most " + strconv.Itoa(most) + " are accepted"}
}

func notUnicode(field string) *Error {
	return &Error{NotUnicode, field + " is not valid Unicode"}
}

func outOfRange(field string, v int64) *Error {
	return &Error{OutOfRange, field + " is out of range: " + strconv.FormatInt(v, 10)}
}
