// Package convert turns XML and CSV values into JSON text, for the expressions of declared
// topologies. It is pure: no clock, network or file, and nothing that a value says makes it
// fetch anything.
//
// # XML
//
// The content of the root element is the record, always an object; the root's own name is
// dropped.
//
//		<Order id="7"><line>A</line><line>B</line><note/></Order>
//		{"@id":"7","line":["A","B"],"note":""}
//
//	  - An element with text only is a string, an empty one is "". Numbers and booleans are
//	    strings, too: which text is a number is for tonumber to decide.
//	  - An attribute is a field named @NAME. An element with attributes, or with elements, is
//	    an object, whose text is the field #text.
//	  - Elements of the same name in an element are a list, in the place of the first.
//	    Elements at the paths in lists are a list always: also one alone, and [] where their
//	    parent has none.
//	  - Text is exact, but for the line ends, which XML makes line feeds. White space alone is
//	    no text, unless it is a CDATA section or a character reference. Beside elements, the
//	    pieces of text are joined, and white space at both ends is cut.
//	  - Names keep their prefixes, and namespace declarations are attributes like others.
//	  - An element is null if it is empty and xsi:nil="true" is its only attribute besides
//	    namespace declarations.
//	  - Comments and processing instructions are left out.
//
// Fields come in this order: attributes, #text, elements, empty lists.
//
// What is not well-formed by XML 1.0 or, if the value declares it, 1.1, is an error:
// duplicate attributes, unknown entities, characters that XML forbids, bytes that are not
// UTF-8. So are a DOCTYPE, since it may define entities, other encodings, and what
// exceeds [MaxSize], [MaxDepth] or [MaxNodes].
//
// # CSV
//
// A value is one record of RFC 4180, with or without a line break at its end. With columns
// it is an object of strings, and must have as many fields; without, it is an array of
// strings. An empty field is "". Text is exact, in quotes also its line breaks.
//
// A byte order mark before XML or CSV is ignored.
package convert

import (
	"bytes"
	"fmt"
)

// Limits of a value.
const (
	MaxSize  = 16 << 20 // bytes
	MaxDepth = 256      // XML elements in each other
	MaxNodes = 1 << 20  // XML elements, attributes and pieces of text; fields of CSV without columns
)

// Error is a value that can't be converted.
type Error struct {
	Offset int    // of the byte in the value, from 0
	Reason string // what is wrong there, or was expected
}

func (e *Error) Error() string { return fmt.Sprintf("at byte %d: %s", e.Offset, e.Reason) }

func wrong(offset int, format string, args ...any) error {
	return &Error{offset, fmt.Sprintf(format, args...)}
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// begin returns the index after a byte order mark.
func begin(value []byte) (int, error) {
	switch {
	case len(value) > MaxSize:
		return 0, wrong(MaxSize, "the value has %d bytes; at most %d are read", len(value), MaxSize)
	case bytes.HasPrefix(value, byteOrderMark):
		return len(byteOrderMark), nil
	}
	return 0, nil
}

const hexDigits = "0123456789abcdef"

// appendEscape appends an ASCII character as the content of a JSON string.
func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	if c >= ' ' {
		return append(dst, c)
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}
