package inventory

import (
	"bytes"
	"strconv"
	"unsafe"
)

// borrowed returns b as a string without copying; it is valid while b is unchanged.
func borrowed(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// quoted returns text from a record as messages may repeat it.
func quoted(s string) string {
	if len(s) > 64 {
		s = s[:64]
	}
	return strconv.QuoteToASCII(s)
}

// lineEnd returns the length of the first line, with its line feed.
func lineEnd(b []byte) int { return bytes.IndexByte(b, '\n') + 1 }

// appendID appends an id: the prefix, the product's id, a dash and seq.
func appendID(dst []byte, prefix, product string, seq int64) []byte {
	dst = append(append(append(dst, prefix...), product...), '-')
	return strconv.AppendInt(dst, seq, 10)
}
