package event

// The Borrow functions are the Parse functions without copying: strings in dst that
// need no decoding alias value, and are valid until its memory is reused.

// BorrowOrder is [ParseOrder] without copying.
func BorrowOrder(value []byte, dst *Order) error { return parseOrder(value, dst, true) }

// BorrowReceipt is [ParseReceipt] without copying.
func BorrowReceipt(value []byte, dst *Receipt) error { return parseReceipt(value, dst, true) }

// BorrowUpdate is [ParseUpdateFields] without copying.
func BorrowUpdate(value []byte, dst *Update) (UpdateFields, error) {
	return parseUpdate(value, dst, true)
}

// BorrowReorder is [ParseReorder] without copying.
func BorrowReorder(value []byte, dst *Reorder) error {
	_, err := parseReorder(value, dst, true)
	return err
}

// BorrowReorderFields is [BorrowReorder], and says which fields the record has.
func BorrowReorderFields(value []byte, dst *Reorder) (ReactionFields, error) {
	return parseReorder(value, dst, true)
}

// BorrowAlertFields is [ParseAlert] without copying, and says which fields the
// record has.
func BorrowAlertFields(value []byte, dst *Alert) (ReactionFields, error) {
	return parseAlert(value, dst, true)
}
