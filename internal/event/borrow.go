package event

// The Borrow functions read as the Parse functions of the same record do, without
// copying: the texts in dst are parts of value where value has them as they are.
// They are valid as long as value's memory is not used for something else.

// BorrowOrder is [ParseOrder] without copying.
func BorrowOrder(value []byte, dst *Order) error { return parseOrder(value, dst, true) }

// BorrowReceipt is [ParseReceipt] without copying.
func BorrowReceipt(value []byte, dst *Receipt) error { return parseReceipt(value, dst, true) }

// BorrowUpdate is [ParseUpdateFields] without copying.
func BorrowUpdate(value []byte, dst *Update) (UpdateFields, error) {
	return parseUpdate(value, dst, true)
}

// BorrowReorder is [ParseReorder] without copying.
func BorrowReorder(value []byte, dst *Reorder) error { return parseReorder(value, dst, true) }

// BorrowAlert is [ParseAlert] without copying.
func BorrowAlert(value []byte, dst *Alert) error { return parseAlert(value, dst, true) }
