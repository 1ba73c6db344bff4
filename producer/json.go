package producer

import "encoding/json"

// isJSON reports whether a value is one JSON document in one line.
func isJSON(value []byte) bool {
	for _, c := range value {
		if c == '\n' || c == '\r' {
			return false
		}
	}
	return json.Valid(value)
}
