package registry

// The headers in which the ID of a key's and of a value's schema may be.
const (
	KeyHeader   = keyHeader
	ValueHeader = valueHeader
)

// ContentType returns the content type of a topic's framed values.
func (t *Topics) ContentType(string) string { return "application/json" }
