package inspect

import (
	"bytes"
	"strings"

	"inv/internal/jsonscan"
)

// The words that lines have instead of text.
const (
	markNull      = "null"      // a null key or header
	markEmptyKey  = `""`        // an empty key
	markTombstone = "tombstone" // a null value
	markEmpty     = "empty"     // an empty value
)

// quoted returns text, as a JSON string if it could be mistaken for one of the marks,
// or for one in quotes. Text that is longer than any mark with a few quotes is left alone.
func quoted(text []byte, marks ...string) []byte {
	if len(text) == 0 || len(text) > 64 {
		return text
	}
	bare := bytes.Trim(text, `"\`)
	for _, m := range marks {
		if string(bare) == strings.Trim(m, `"`) {
			return jsonscan.AppendString(nil, text)
		}
	}
	return text
}
