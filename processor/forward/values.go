package forward

// Condition decides which records a sink gets. Package compose, which imports this one,
// has the implementation, as of [Selector].
type Condition interface {
	// Holds reports whether the record is delivered. The error is a [RecordError].
	Holds(r *Record) (bool, error)
}

// Selector gives the value of a lane or a group.
type Selector interface {
	// Text appends the value of a record as text, and reports false, having appended
	// nothing, if it is missing or null. The error is a [RecordError].
	Text(dst []byte, r *Record) ([]byte, bool, error)
}
