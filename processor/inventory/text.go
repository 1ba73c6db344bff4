package inventory

import (
	"bytes"
	"strconv"
	"unsafe"
)

// borrowed is b as a string that is good as long as b stays as it is.
func borrowed(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// quoted is text from a record as messages may repeat it.
func quoted(s string) string {
	if len(s) > 64 {
		s = s[:64]
	}
	return strconv.QuoteToASCII(s)
}

// lineEnd is the length of the first line with its line feed.
func lineEnd(b []byte) int { return bytes.IndexByte(b, '\n') + 1 }
