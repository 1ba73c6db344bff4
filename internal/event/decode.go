package event

import "strconv"

// The Parse functions read one value into *dst, overwriting it even on error. They
// check that the value is one valid JSON document, an object, and that known fields
// have their types. Names are case-sensitive, fields come in any order, the last of
// a repeated field counts, unknown fields are skipped, and null means absent. The
// Check methods validate the values.
//
// Every error is an [*Error] with reason [NotJSON], [WrongType], [BadQuantity],
// [OutOfRange], [NotUnicode] or [StructuredMode], where NotJSON takes precedence.
// Strings are copies: dst does not retain value. All functions are safe for
// concurrent use.

// ParseProduct reads a catalogue record. An envelope of a CloudEvent, whose data the
// product would be, is refused: it has an id, too.
func ParseProduct(value []byte, dst *Product) error {
	*dst = Product{}
	var s scanner
	var envelope uint8 // attributes that every CloudEvent has beside its id
	for more := s.begin(value, "the product"); more; more = s.next('}') {
		switch string(s.name()) {
		case "id":
			s.readID("id", &dst.ID)
		case "name":
			s.readText("name", &dst.Name)
		case "category":
			s.readText("category", &dst.Category)
		case "price":
			s.readMoney("price", &dst.Price)
		case "reorder_threshold":
			s.readInt("reorder_threshold", &dst.ReorderThreshold)
		case "reorder_quantity":
			s.readInt("reorder_quantity", &dst.ReorderQuantity)
		case "critical_threshold":
			s.readInt("critical_threshold", &dst.CriticalThreshold)
		case "warehouse_id":
			s.readText("warehouse_id", &dst.WarehouseID)
		case "initial_stock":
			s.readInt("initial_stock", &dst.InitialStock)
		case "specversion":
			s.skip()
			envelope |= 1
		case "type":
			s.skip()
			envelope |= 2
		case "source":
			s.skip()
			envelope |= 4
		default:
			s.skip()
		}
	}
	err := s.finish()
	if err == nil && envelope == 7 {
		err = structured("the value is the envelope of a CloudEvent")
	}
	return err
}

var orderOrder = inOrder("order_id", "customer_id", "items", "product_id", "quantity", "unit_price", "order_total", "timestamp")

// ParseOrder reads an order. It reuses dst.Items.
func ParseOrder(value []byte, dst *Order) error { return parseOrder(value, dst, false) }

func parseOrder(value []byte, dst *Order, borrow bool) error {
	*dst = Order{Items: dst.Items[:0]}
	s := scanner{borrow: borrow, usual: orderOrder}
	for more := s.begin(value, "the order"); more; more = s.next('}') {
		switch string(s.name()) {
		case "order_id":
			s.readID("order_id", &dst.OrderID)
		case "customer_id":
			s.readText("customer_id", &dst.CustomerID)
		case "items":
			dst.Items = s.readLines(dst.Items[:0])
		case "order_total":
			s.readAmount("order_total", &dst.Total, &dst.TotalText)
		case "timestamp":
			s.readInt("timestamp", &dst.Timestamp)
		default:
			s.skip()
		}
	}
	return s.finish()
}

// readLines reads an order's items. Issues in any of them are noted for the field
// items, because an order is accepted or refused as a whole.
func (s *scanner) readLines(lines []Line) []Line {
	if s.issues != nil {
		s.settle("items")
	}
	if s.space() != '[' {
		if !s.null() {
			s.mistyped("items", "a list")
		}
		return lines
	}
	for more := s.open(']'); more; more = s.next(']') {
		outer := s.issues
		s.issues = nil
		lines = append(lines, Line{})
		s.readLine(&lines[len(lines)-1])
		if len(s.issues) > 0 && !s.failed {
			first := s.issues[0].err
			first.Message = "items[" + strconv.Itoa(len(lines)-1) + "]: " + first.Message
			outer = append(outer, issue{"items", first})
		}
		s.issues = outer
	}
	return lines
}

func (s *scanner) readLine(line *Line) {
	if s.space() != '{' {
		s.mistyped("the element", "an object")
		return
	}
	for more := s.open('}'); more; more = s.next('}') {
		switch string(s.name()) {
		case "product_id":
			s.readID("product_id", &line.ProductID)
		case "quantity":
			s.readInt("quantity", &line.Quantity)
		case "unit_price":
			s.readAmount("unit_price", &line.UnitPrice, &line.PriceText)
		default:
			s.skip()
		}
	}
}

var reorderOrder = inOrder("event_id", "product_id", "product_name", "current_stock", "reorder_quantity", "priority", "warehouse_id", "timestamp")

// ParseReorder reads a reorder.
func ParseReorder(value []byte, dst *Reorder) error {
	_, err := parseReorder(value, dst, false)
	return err
}

func parseReorder(value []byte, dst *Reorder, borrow bool) (has ReactionFields, err error) {
	*dst = Reorder{}
	s := scanner{borrow: borrow, usual: reorderOrder}
	for more := s.begin(value, "the reorder"); more; more = s.next('}') {
		switch string(s.name()) {
		case "event_id":
			s.readID("event_id", &dst.EventID)
		case "product_id":
			s.readID("product_id", &dst.ProductID)
		case "product_name":
			s.readText("product_name", &dst.ProductName)
		case "current_stock":
			has.set(HasReactionStock, s.readInt("current_stock", &dst.CurrentStock))
		case "reorder_quantity":
			s.readInt("reorder_quantity", &dst.ReorderQuantity)
		case "priority":
			s.readText("priority", &dst.Priority)
		case "warehouse_id":
			s.readText("warehouse_id", &dst.WarehouseID)
		case "timestamp":
			s.readInt("timestamp", &dst.Timestamp)
		default:
			s.skip()
		}
	}
	return has, s.finish()
}

var alertOrder = inOrder("alert_id", "alert_type", "product_id", "product_name", "current_stock", "threshold", "warehouse_id",
	"timestamp", "message")

// ParseAlert reads an alert.
func ParseAlert(value []byte, dst *Alert) error {
	_, err := parseAlert(value, dst, false)
	return err
}

func parseAlert(value []byte, dst *Alert, borrow bool) (has ReactionFields, err error) {
	*dst = Alert{}
	s := scanner{borrow: borrow, usual: alertOrder}
	for more := s.begin(value, "the alert"); more; more = s.next('}') {
		switch string(s.name()) {
		case "alert_id":
			s.readText("alert_id", &dst.AlertID)
		case "alert_type":
			s.readText("alert_type", &dst.AlertType)
		case "product_id":
			s.readText("product_id", &dst.ProductID)
		case "product_name":
			s.readText("product_name", &dst.ProductName)
		case "current_stock":
			has.set(HasReactionStock, s.readInt("current_stock", &dst.CurrentStock))
		case "threshold":
			has.set(HasReactionThreshold, s.readInt("threshold", &dst.Threshold))
		case "warehouse_id":
			s.readText("warehouse_id", &dst.WarehouseID)
		case "timestamp":
			s.readInt("timestamp", &dst.Timestamp)
		case "message":
			s.readText("message", &dst.Message)
		default:
			s.skip()
		}
	}
	return has, s.finish()
}

// ParseReceipt reads a stock receipt.
func ParseReceipt(value []byte, dst *Receipt) error { return parseReceipt(value, dst, false) }

func parseReceipt(value []byte, dst *Receipt, borrow bool) error {
	*dst = Receipt{}
	s := scanner{borrow: borrow}
	for more := s.begin(value, "the receipt"); more; more = s.next('}') {
		switch string(s.name()) {
		case "receipt_id":
			s.readID("receipt_id", &dst.ReceiptID)
		case "event_id":
			s.readID("event_id", &dst.EventID)
		case "product_id":
			s.readID("product_id", &dst.ProductID)
		case "quantity":
			s.readInt("quantity", &dst.Quantity)
		case "warehouse_id":
			s.readText("warehouse_id", &dst.WarehouseID)
		case "timestamp":
			s.readInt("timestamp", &dst.Timestamp)
		default:
			s.skip()
		}
	}
	return s.finish()
}
