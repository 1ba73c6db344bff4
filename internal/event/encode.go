package event

import (
	"strconv"
	"unicode/utf8"
)

// The Append functions append a record's JSON to dst: compact, fields in the
// order of the struct, so that equal records are equal bytes. An optional field
// that is "" or 0 is left out: a product's warehouse_id and initial_stock, an
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
		dst = AppendMoney(append(dst, `,"unit_price":`...), line.UnitPrice)
		dst = append(dst, '}')
	}
	dst = AppendMoney(append(dst, `],"order_total":`...), o.Total)
	dst = appendOptionalInt(dst, `,"timestamp":`, o.Timestamp)
	return append(dst, '}')
}

// AppendUpdate appends u.
func AppendUpdate(dst []byte, u *Update) []byte {
	dst = appendText(dst, `{"product_id":`, u.ProductID)
	dst = appendText(dst, `,"product_name":`, u.ProductName)
	dst = appendText(dst, `,"category":`, u.Category)
	dst = appendInt(dst, `,"current_stock":`, u.CurrentStock)
	dst = appendOptionalText(dst, `,"warehouse_id":`, u.WarehouseID)
	dst = appendInt(dst, `,"timestamp":`, u.Timestamp)
	dst = AppendMoney(append(dst, `,"unit_price":`...), u.UnitPrice)
	dst = appendInt(dst, `,"reorder_threshold":`, u.ReorderThreshold)
	dst = appendInt(dst, `,"reorder_quantity":`, u.ReorderQuantity)
	dst = appendInt(dst, `,"critical_threshold":`, u.CriticalThreshold)
	dst = appendInt(dst, `,"seq":`, u.Seq)
	dst = appendInt(dst, `,"delta":`, u.Delta)
	dst = appendText(dst, `,"cause":`, u.Cause)
	dst = appendOptionalInt(dst, `,"unmet_quantity":`, u.UnmetQuantity)
	dst = appendOptionalText(dst, `,"last_order_id":`, u.LastOrderID)
	dst = appendOptionalText(dst, `,"last_reorder_id":`, u.LastReorderID)
	dst = appendInt(dst, `,"last_updated":`, u.LastUpdated)
	return append(dst, '}')
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

func appendText(dst []byte, name, v string) []byte {
	return AppendString(append(dst, name...), v)
}

func appendOptionalText(dst []byte, name, v string) []byte {
	if v == "" {
		return dst
	}
	return appendText(dst, name, v)
}

// AppendString appends s as a JSON string. Bytes that are not UTF-8 become
// U+FFFD, as they do when a string is read.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
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
