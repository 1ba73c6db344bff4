package event

import (
	"math"
	"time"

	"inv/internal/registry/shape"
)

// The kinds of records that have a shape.
const (
	KindProduct = "product"
	KindOrder   = "order"
	KindUpdate  = "update"
	KindReorder = "reorder"
	KindAlert   = "alert"
	KindReceipt = "receipt"
)

// Shape returns the type of a kind of record as its Append function writes it, from which
// the schema of a topic is derived; ok is false for an unknown kind. Its ranges hold every
// record that Check accepts, except for an amount that was read with more than six
// decimals and is written again as it was: a schema can't hold that, and it is an error.
func Shape(kind string) (t shape.Type, ok bool) {
	switch kind {
	case KindProduct:
		return object(
			text("id", "the product, also the key"), text("name", ""), text("category", ""), amount("price", ""),
			units("reorder_threshold", "stock below this is reordered"), units("reorder_quantity", ""), units("critical_threshold", "stock below this is critical"),
			optional(text("warehouse_id", "")), optional(units("initial_stock", "")),
		), true
	case KindOrder:
		lines := object(text("product_id", ""), units("quantity", ""), amount("unit_price", ""))
		return object(
			text("order_id", "the order, also the key"), text("customer_id", ""),
			shape.Field{Name: "items", Type: shape.Type{Kind: shape.List, Elem: &lines}, About: "a product may be listed twice"},
			amount("order_total", ""), optional(moment("timestamp", "when it was placed")),
		), true
	case KindUpdate:
		return object(
			text("product_id", "the product, also the key"), text("product_name", ""), text("category", ""), number("current_stock", "units, after the cause"),
			optional(text("warehouse_id", "")), moment("timestamp", "of the cause"), amount("unit_price", ""),
			units("reorder_threshold", ""), units("reorder_quantity", ""), units("critical_threshold", ""),
			number("seq", "1, 2, 3 … of each product"), number("delta", "the change of the stock"), text("cause", "topic/partition@offset#line"),
			optional(number("unmet_quantity", "demand that exceeded the stock")), optional(text("last_order_id", "")), optional(text("last_reorder_id", "")),
			moment("last_updated", "when it was processed"),
		), true
	case KindReorder:
		priority := shape.Type{Kind: shape.Enum, Symbols: []string{PriorityNormal, PriorityUrgent}}
		return object(
			text("event_id", "the reorder, also the key"), text("product_id", ""), text("product_name", ""), number("current_stock", ""),
			units("reorder_quantity", ""), shape.Field{Name: "priority", Type: priority}, optional(text("warehouse_id", "")), moment("timestamp", ""),
		), true
	case KindAlert:
		return object(
			text("alert_id", ""), text("alert_type", ""), text("product_id", "the product, also the key"), text("product_name", ""),
			number("current_stock", ""), units("threshold", ""), optional(text("warehouse_id", "")), moment("timestamp", ""), text("message", ""),
		), true
	case KindReceipt:
		return object(
			text("receipt_id", ""), optional(text("event_id", "the reorder that it fulfils")), text("product_id", "the product, also the key"),
			units("quantity", ""), optional(text("warehouse_id", "")), moment("timestamp", ""),
		), true
	}
	return shape.Type{}, false
}

func object(fields ...shape.Field) shape.Type {
	return shape.Type{Kind: shape.Object, Fields: fields}
}

func optional(f shape.Field) shape.Field {
	f.Optional = true
	return f
}

func text(name, about string) shape.Field {
	return shape.Field{Name: name, About: about, Type: shape.Type{Kind: shape.Text}}
}

// units is a number of units that Check bounds.
func units(name, about string) shape.Field {
	return shape.Field{Name: name, About: about, Type: shape.Type{Kind: shape.Int, High: MaxInt}}
}

// number is a whole number that is computed, and has no bound of its own.
func number(name, about string) shape.Field {
	return shape.Field{Name: name, About: about, Type: shape.Type{Kind: shape.Int, Low: math.MinInt64, High: math.MaxInt64}}
}

// amount is Money up to MaxMoney: 13 digits before the point and 6 after it.
func amount(name, about string) shape.Field {
	return shape.Field{Name: name, About: about, Type: shape.Type{Kind: shape.Decimal, Precision: 19, Scale: 6}}
}

func moment(name, about string) shape.Field {
	return shape.Field{Name: name, About: about, Type: shape.Type{Kind: shape.Time, Unit: time.Millisecond}}
}
