package event

// UpdateFields is the set of those fields present in an update whose zero value is
// meaningful: other processors write fewer fields than ours.
type UpdateFields uint16

// The fields that may be absent from a valid record of another processor. A null
// field is absent.
const (
	HasUpdateStock UpdateFields = 1 << iota
	HasUpdateReorderThreshold
	HasUpdateReorderQuantity
	HasUpdateCriticalThreshold
	HasUpdateSeq
	HasUpdateDelta
	HasUpdateCause
	HasUpdateUnitPrice
)

// AllUpdateFields are the fields that our processor always writes.
const AllUpdateFields = HasUpdateUnitPrice<<1 - 1

// ParseUpdate reads an inventory update.
func ParseUpdate(value []byte, dst *Update) error {
	_, err := ParseUpdateFields(value, dst)
	return err
}

var updateOrder = inOrder("product_id", "product_name", "category", "current_stock", "warehouse_id", "timestamp", "unit_price",
	"reorder_threshold", "reorder_quantity", "critical_threshold", "seq", "delta", "cause", "unmet_quantity", "last_order_id",
	"last_reorder_id", "last_updated")

// ParseUpdateFields reads an inventory update and returns the fields it has.
func ParseUpdateFields(value []byte, dst *Update) (UpdateFields, error) {
	return parseUpdate(value, dst, false)
}

func parseUpdate(value []byte, dst *Update, borrow bool) (UpdateFields, error) {
	*dst = Update{}
	s := scanner{borrow: borrow, usual: updateOrder}
	var has UpdateFields
	set := func(field UpdateFields, present bool) {
		if has &^= field; present {
			has |= field
		}
	}
	for more := s.begin(value, "the update"); more; more = s.next('}') {
		switch string(s.name()) {
		case "product_id":
			s.readText("product_id", &dst.ProductID)
		case "product_name":
			s.readText("product_name", &dst.ProductName)
		case "category":
			s.readText("category", &dst.Category)
		case "current_stock":
			set(HasUpdateStock, s.readInt("current_stock", &dst.CurrentStock))
		case "warehouse_id":
			s.readText("warehouse_id", &dst.WarehouseID)
		case "timestamp":
			s.readInt("timestamp", &dst.Timestamp)
		case "unit_price":
			set(HasUpdateUnitPrice, s.readMoney("unit_price", &dst.UnitPrice))
		case "reorder_threshold":
			set(HasUpdateReorderThreshold, s.readInt("reorder_threshold", &dst.ReorderThreshold))
		case "reorder_quantity":
			set(HasUpdateReorderQuantity, s.readInt("reorder_quantity", &dst.ReorderQuantity))
		case "critical_threshold":
			set(HasUpdateCriticalThreshold, s.readInt("critical_threshold", &dst.CriticalThreshold))
		case "seq":
			set(HasUpdateSeq, s.readInt("seq", &dst.Seq))
		case "delta":
			set(HasUpdateDelta, s.readInt("delta", &dst.Delta))
		case "cause":
			set(HasUpdateCause, s.readText("cause", &dst.Cause))
		case "unmet_quantity":
			s.readInt("unmet_quantity", &dst.UnmetQuantity)
		case "last_order_id":
			s.readText("last_order_id", &dst.LastOrderID)
		case "last_reorder_id":
			s.readText("last_reorder_id", &dst.LastReorderID)
		case "last_updated":
			s.readInt("last_updated", &dst.LastUpdated)
		default:
			s.skip()
		}
	}
	return has, s.finish()
}
