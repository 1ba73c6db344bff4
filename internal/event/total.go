package event

import (
	"math/big"
	"math/bits"
)

// totalTolerance is the permitted difference between an order's total and the sum
// of its lines: half a cent, because others add in floating point.
const totalTolerance = MoneyUnit / 200

// CheckTotal returns an error if the total is not the sum of the lines, within half
// a cent. Nothing is rounded before the comparison, but digits after the 400th
// decimal are ignored. The order must have passed Check.
func (o *Order) CheckTotal() error {
	var high, low, carry uint64 // Σ quantity × unit price may need more than 64 bits
	rounded := uint64(0)        // by how much it and the total may be off, in millionths
	for i := range o.Items {
		line := &o.Items[i]
		h, l := bits.Mul64(uint64(line.Quantity), uint64(line.UnitPrice))
		low, carry = bits.Add64(low, l, 0)
		high, _ = bits.Add64(high, h, carry)
		if line.PriceText != "" {
			rounded += uint64(line.Quantity)
		}
	}
	if o.TotalText != "" {
		rounded++
	}
	total := uint64(o.Total)
	if high == 0 {
		difference := low - total
		if total > low {
			difference = total - low
		}
		if off := uint64(totalTolerance); difference <= off && rounded <= off-difference {
			return nil
		}
	}
	switch {
	case rounded > 0:
		return o.checkFineTotal()
	case high == 0 && low <= uint64(MaxMoney):
		return o.totalMismatch(Money(low).String())
	}
	return o.totalMismatch("more than 10^12")
}

func (o *Order) totalMismatch(sum string) error {
	total := o.Total.String()
	if o.TotalText != "" {
		total = quote(o.TotalText)
	}
	return &Error{TotalMismatch, "order_total is " + total + ", the sum of the items " + sum}
}

// checkFineTotal is CheckTotal for an order with amounts of more decimals than Money has,
// which may be more than half a cent apart.
func (o *Order) checkFineTotal() error {
	amounts := make([]decimal, 0, len(o.Items)+1)
	scale := 6
	add := func(m Money, text string) {
		if text == "" {
			text = m.String()
		}
		d, _ := parseDecimal([]byte(text)) // it was parsed before
		scale = max(scale, min(d.decimals(), maxDecimals))
		amounts = append(amounts, d)
	}
	for i := range o.Items {
		add(o.Items[i].UnitPrice, o.Items[i].PriceText)
	}
	add(o.Total, o.TotalText)

	sum, product := new(big.Int), new(big.Int)
	for i := range o.Items {
		sum.Add(sum, product.Mul(amounts[i].times10(scale), big.NewInt(o.Items[i].Quantity)))
	}
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale-6)), nil) // of a millionth
	difference := new(big.Int).Sub(sum, amounts[len(o.Items)].times10(scale))
	tolerance := new(big.Int).Mul(unit, big.NewInt(int64(totalTolerance)))
	if difference.CmpAbs(tolerance) <= 0 {
		return nil
	}
	if millionths := sum.Quo(sum, unit); millionths.Cmp(big.NewInt(int64(MaxMoney))) <= 0 {
		return o.totalMismatch("about " + Money(millionths.Int64()).String())
	}
	return o.totalMismatch("more than 10^12")
}
