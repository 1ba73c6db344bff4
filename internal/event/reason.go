package event

import "strconv"

// Reason is why a record can't be processed, as in the dlq-reason header and the
// metrics.
type Reason string

// The reasons.
const (
	NotJSON        Reason = "not-json"        // not one JSON document, or an empty value
	WrongType      Reason = "wrong-type"      // the document is not an object, or a field has another JSON type
	MissingID      Reason = "missing-id"      // an id is absent, null or ""
	NoItems        Reason = "no-items"        // an order without lines
	BadQuantity    Reason = "bad-quantity"    // a quantity that is not a whole number from 1
	NegativePrice  Reason = "negative-price"  // a line's unit price below 0
	NegativeTotal  Reason = "negative-total"  // an order's total below 0
	NegativeNumber Reason = "negative-number" // a catalogue record's number below 0
	OutOfRange     Reason = "out-of-range"    // a whole number over 10^9, money over 10^12, a time after the year 9999
	TotalMismatch  Reason = "total-mismatch"  // an order's total is not the sum of its lines
	KeyMismatch    Reason = "key-mismatch"    // a catalogue record's key is not its id
	UnknownVersion Reason = "unknown-version" // a ce_type of another major version
	UnknownProduct Reason = "unknown-product" // not in the catalogue, or delisted
	TooLarge       Reason = "too-large"       // a value, an id or names longer than the processor accepts
	NotUnicode     Reason = "not-unicode"     // an id with invalid UTF-8 or an unpaired surrogate
	Timer          Reason = "timer"           // a timer's or window's step failed; no record caused it, so nothing can be replayed
	SchemaMismatch Reason = "schema-mismatch" // what is made of it does not fit the schema of its topic
	StructuredMode Reason = "structured-mode" // a CloudEvent in structured mode: the value is its envelope
)

// Error describes an invalid record. Its message names fields and positions and
// quotes what it repeats of the record, so it is safe to print.
type Error struct {
	Reason  Reason
	Message string
}

func (e *Error) Error() string { return string(e.Reason) + ": " + e.Message }

// maxQuoted bounds what a message repeats of a record, in bytes before quoting.
const maxQuoted = 64

// quote returns s for a message: ASCII, on one line, truncated to maxQuoted bytes.
func quote(s string) string {
	if len(s) > maxQuoted {
		return strconv.QuoteToASCII(s[:maxQuoted]) + "…"
	}
	return strconv.QuoteToASCII(s)
}
