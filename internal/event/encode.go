package event

import (
	"strconv"
	"unicode/utf8"
)

// The Append functions append a record's JSON to dst: compact, fields in the
// order of the struct, so that equal records are equal bytes. An optional field
// that is "" or 0 is omitted: a product's warehouse_id and initial_stock, an
// order's timestamp, an update's unmet_quantity, last_order_id and
// last_reorder_id, a receipt's event_id, and any warehouse_id.

// AppendProduct appends p.
func AppendProduct(dst []byte, p *Product) []byte {
	dst = appendText(dst, `{"id":`, p.ID)
	dst = appendText(dst, `,"name":`, p.Name)
	dst = appendText(dst, `,"category":`, p.Category)
	dst = AppendMoney(append(dst, `,"price":`...), p.Price)
	dst = appendInt(dst, `,"reorder_threshold":`, p.ReorderThreshold)
	dst = appendInt(dst, `,"reorder_quantity":`, p.ReorderQuantity)
	dst = appendInt(dst, `,"critical_threshold":`, p.CriticalThreshold)
	dst = appendOptionalText(dst, `,"warehouse_id":`, p.WarehouseID)
	dst = appendOptionalInt(dst, `,"initial_stock":`, p.InitialStock)
	return append(dst, '}')
}

// AppendOrder appends o.
func AppendOrder(dst []byte, o *Order) []byte {
	dst = appendText(dst, `{"order_id":`, o.OrderID)
	dst = appendText(dst, `,"customer_id":`, o.CustomerID)
	dst = append(dst, `,"items":[`...)
	for i := range o.Items {
		if i > 0 {
			dst = append(dst, ',')
		}
		line := &o.Items[i]
		dst = appendText(dst, `{"product_id":`, line.ProductID)
		dst = appendInt(dst, `,"quantity":`, line.Quantity)
		dst = appendAmount(append(dst, `,"unit_price":`...), line.UnitPrice, line.PriceText)
		dst = append(dst, '}')
	}
	dst = appendAmount(append(dst, `],"order_total":`...), o.Total, o.TotalText)
	dst = appendOptionalInt(dst, `,"timestamp":`, o.Timestamp)
	return append(dst, '}')
}

// AppendUpdate appends u.
func AppendUpdate(dst []byte, u *Update) []byte {
	var t UpdateText
	return t.Append(dst, u)
}

// UpdateText encodes the updates of one product and caches the JSON that stays the
// same between them. The zero value is ready to use.
type UpdateText struct {
	text          []byte // the constant parts before the stock, the time and seq
	place, limits int    // where the second and third part begin
	of            updateConstants
}

// updateConstants are the fields of an update that come from the catalogue.
type updateConstants struct {
	id, name, category, warehouse      string
	threshold, reorderAmount, critical int64
}

// Append appends u as [AppendUpdate] does.
func (t *UpdateText) Append(dst []byte, u *Update) []byte {
	of := updateConstants{u.ProductID, u.ProductName, u.Category, u.WarehouseID, u.ReorderThreshold, u.ReorderQuantity, u.CriticalThreshold}
	if t.text == nil || t.of != of {
		t.remember(of)
	}
	dst = strconv.AppendInt(append(dst, t.text[:t.place]...), u.CurrentStock, 10)
	dst = strconv.AppendInt(append(dst, t.text[t.place:t.limits]...), u.Timestamp, 10)
	dst = AppendMoney(append(dst, `,"unit_price":`...), u.UnitPrice)
	dst = strconv.AppendInt(append(dst, t.text[t.limits:]...), u.Seq, 10)
	dst = appendInt(dst, `,"delta":`, u.Delta)
	dst = appendText(dst, `,"cause":`, u.Cause)
	dst = appendOptionalInt(dst, `,"unmet_quantity":`, u.UnmetQuantity)
	dst = appendOptionalText(dst, `,"last_order_id":`, u.LastOrderID)
	dst = appendOptionalText(dst, `,"last_reorder_id":`, u.LastReorderID)
	dst = appendInt(dst, `,"last_updated":`, u.LastUpdated)
	return append(dst, '}')
}

func (t *UpdateText) remember(of updateConstants) {
	t.of = of
	dst := appendText(t.text[:0], `{"product_id":`, of.id)
	dst = appendText(dst, `,"product_name":`, of.name)
	dst = append(appendText(dst, `,"category":`, of.category), `,"current_stock":`...)
	t.place = len(dst)
	dst = append(appendOptionalText(dst, `,"warehouse_id":`, of.warehouse), `,"timestamp":`...)
	t.limits = len(dst)
	dst = appendInt(dst, `,"reorder_threshold":`, of.threshold)
	dst = appendInt(dst, `,"reorder_quantity":`, of.reorderAmount)
	t.text = append(appendInt(dst, `,"critical_threshold":`, of.critical), `,"seq":`...)
}

// AppendReorder appends r.
func AppendReorder(dst []byte, r *Reorder) []byte {
	dst = appendText(dst, `{"event_id":`, r.EventID)
	dst = appendText(dst, `,"product_id":`, r.ProductID)
	dst = appendText(dst, `,"product_name":`, r.ProductName)
	dst = appendInt(dst, `,"current_stock":`, r.CurrentStock)
	dst = appendInt(dst, `,"reorder_quantity":`, r.ReorderQuantity)
	dst = appendText(dst, `,"priority":`, r.Priority)
	dst = appendOptionalText(dst, `,"warehouse_id":`, r.WarehouseID)
	dst = appendInt(dst, `,"timestamp":`, r.Timestamp)
	return append(dst, '}')
}

// AppendAlert appends a.
func AppendAlert(dst []byte, a *Alert) []byte {
	dst = appendText(dst, `{"alert_id":`, a.AlertID)
	dst = appendText(dst, `,"alert_type":`, a.AlertType)
	dst = appendText(dst, `,"product_id":`, a.ProductID)
	dst = appendText(dst, `,"product_name":`, a.ProductName)
	dst = appendInt(dst, `,"current_stock":`, a.CurrentStock)
	dst = appendInt(dst, `,"threshold":`, a.Threshold)
	dst = appendOptionalText(dst, `,"warehouse_id":`, a.WarehouseID)
	dst = appendInt(dst, `,"timestamp":`, a.Timestamp)
	dst = appendText(dst, `,"message":`, a.Message)
	return append(dst, '}')
}

// AppendReceipt appends r.
func AppendReceipt(dst []byte, r *Receipt) []byte {
	dst = appendText(dst, `{"receipt_id":`, r.ReceiptID)
	dst = appendOptionalText(dst, `,"event_id":`, r.EventID)
	dst = appendText(dst, `,"product_id":`, r.ProductID)
	dst = appendInt(dst, `,"quantity":`, r.Quantity)
	dst = appendOptionalText(dst, `,"warehouse_id":`, r.WarehouseID)
	dst = appendInt(dst, `,"timestamp":`, r.Timestamp)
	return append(dst, '}')
}

func appendInt(dst []byte, name string, v int64) []byte {
	return strconv.AppendInt(append(dst, name...), v, 10)
}

func appendOptionalInt(dst []byte, name string, v int64) []byte {
	if v == 0 {
		return dst
	}
	return appendInt(dst, name, v)
}

// appendAmount appends an amount as it was read.
func appendAmount(dst []byte, m Money, text string) []byte {
	if text != "" {
		return append(dst, text...)
	}
	return AppendMoney(dst, m)
}

func appendText(dst []byte, name, v string) []byte {
	return AppendString(append(dst, name...), v)
}

func appendOptionalText(dst []byte, name, v string) []byte {
	if v == "" {
		return dst
	}
	return appendText(dst, name, v)
}

// AppendString appends s as a JSON string. Invalid UTF-8 becomes U+FFFD.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := plainRun(s); i < len(s); {
		c := s[i]
		if plain[c] {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				dst = append(dst, s[start:i]...)
				dst = utf8.AppendRune(dst, utf8.RuneError)
				start = i + 1
			}
			i += size
			continue
		}
		dst = append(dst, s[start:i]...)
		dst = appendEscape(dst, c)
		i++
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// plainRun returns the number of leading bytes of s, up to a multiple of eight, that
// need no escape in a JSON string.
func plainRun(s string) int {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		b := s[i : i+8]
		eight := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
			uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
		if n := plainBytes(eight); n < 8 {
			return i + n
		}
	}
	return i
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
