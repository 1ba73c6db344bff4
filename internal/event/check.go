package event

import (
	"math/bits"
	"strconv"
)

// Limits of every record.
const (
	MaxInt  int64 = 1_000_000_000       // largest whole number of units
	MaxTime int64 = 253_402_300_799_999 // the end of the year 9999 in epoch ms
)

// totalTolerance is the permitted difference between an order's total and the sum
// of its lines: half a cent, because others add in floating point.
const totalTolerance = MoneyUnit / 200

// Check returns an error if the record has no id or a number out of range.
func (p *Product) Check() error {
	if p.ID == "" {
		return missingID("id")
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

// Check returns an error if the order is invalid, its total aside.
func (o *Order) Check() error {
	if o.OrderID == "" {
		return missingID("order_id")
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
	switch {
	case l.ProductID == "":
		return missingID("product_id")
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

// CheckTotal returns an error if the total is not the sum of the lines, within half
// a cent. The order must have passed Check.
func (o *Order) CheckTotal() error {
	var high, low, carry uint64 // Σ quantity × unit price may need more than 64 bits
	for i := range o.Items {
		h, l := bits.Mul64(uint64(o.Items[i].Quantity), uint64(o.Items[i].UnitPrice))
		low, carry = bits.Add64(low, l, 0)
		high, _ = bits.Add64(high, h, carry)
	}
	total := uint64(o.Total)
	if high == 0 {
		difference := low - total
		if total > low {
			difference = total - low
		}
		if difference <= uint64(totalTolerance) {
			return nil
		}
	}
	sum := "more than 10^12"
	if high == 0 && low <= uint64(MaxMoney) {
		sum = Money(low).String()
	}
	return &Error{TotalMismatch, "order_total is " + o.Total.String() + ", the sum of the items " + sum}
}

// Check returns an error if the receipt is invalid.
func (r *Receipt) Check() error {
	switch {
	case r.ReceiptID == "":
		return missingID("receipt_id")
	case r.ProductID == "":
		return missingID("product_id")
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
	switch {
	case r.EventID == "":
		return missingID("event_id")
	case r.ProductID == "":
		return missingID("product_id")
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

func missingID(field string) *Error {
	return &Error{MissingID, field + " is missing"}
}

func outOfRange(field string, v int64) *Error {
	return &Error{OutOfRange, field + " is out of range: " + strconv.FormatInt(v, 10)}
}
