// Package jsonscan scans JSON text once, without building values: it checks the
// grammar (RFC 8259, as strictly as encoding/json but for a byte order mark), finds the values at a few paths,
// and copies text in a form that is safe and compact.
//
// Package event has a scanner of its own: it knows the type of each field of a
// record, decodes it, and reports what is missing or wrong. Here a value is a slice
// of the text, known only to be well-formed. One scanner for both would do work
// that only one of them needs.
package jsonscan

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// Flags are what a scan found, so that clean text can be copied without a look.
type Flags uint8

const (
	// Space is white space outside of strings, or a byte order mark before all.
	Space Flags = 1 << iota
	// High is a byte from 0x7f on in a string: DEL, or the start of a
	// character that may be invalid, a C1 control or a bidi override.
	High
	// Escaped is a backslash in a string.
	Escaped
)

// maxDepth is how deeply arrays and objects may be nested, as in encoding/json.
const maxDepth = 10000

// byteOrderMark is U+FEFF in UTF-8, which some writers put before a text. RFC 8259
// lets readers ignore it.
var byteOrderMark = []byte("\xef\xbb\xbf")

// TrimMark returns b without a byte order mark before it.
func TrimMark(b []byte) []byte { return bytes.TrimPrefix(b, byteOrderMark) }

// Valid reports whether b is one JSON value, possibly with white space around it and a
// byte order mark before it.
func Valid(b []byte) (flags Flags, ok bool) {
	var s scanner
	end := s.value(b, s.begin(b), 0)
	if end < 0 || s.space(b, end) != len(b) {
		return s.flags, false
	}
	return s.flags, true
}

// End returns the index after the JSON value that b begins with, without white space
// before it; -1 if there is none.
func End(b []byte) int {
	var s scanner
	return s.value(b, 0, 0)
}

// scanner collects the flags of a scan. The text is an argument of each call, so that
// it stays in registers.
type scanner struct{ flags Flags }

// begin returns the index of the first byte that is neither a byte order mark nor white
// space.
func (s *scanner) begin(b []byte) int {
	if len(b) == 0 || b[0] != byteOrderMark[0] || !bytes.HasPrefix(b, byteOrderMark) {
		return s.space(b, 0)
	}
	s.flags |= Space
	return s.space(b, len(byteOrderMark))
}

// space returns the index of the next byte that is not white space.
func (s *scanner) space(b []byte, i int) int {
	if i < len(b) && b[i] > ' ' {
		return i
	}
	return s.spaces(b, i)
}

func (s *scanner) spaces(b []byte, i int) int {
	start := i
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	if i > start {
		s.flags |= Space
	}
	return i
}

// value returns the index after the value at i, or -1.
func (s *scanner) value(b []byte, i, depth int) int {
	if i >= len(b) {
		return -1
	}
	switch b[i] {
	case '"':
		return s.str(b, i)
	case '{':
		return s.object(b, nil, i, depth, nil)
	case '[':
		return s.array(b, i, depth)
	case 't':
		return word(b, i, "true")
	case 'f':
		return word(b, i, "false")
	case 'n':
		return word(b, i, "null")
	}
	return number(b, i)
}

func word(b []byte, i int, word string) int {
	if len(b)-i < len(word) || string(b[i:i+len(word)]) != word {
		return -1
	}
	return i + len(word)
}

// object returns the index after the object at i, or -1, and sets what n, if it is
// not nil, wants of it.
func (s *scanner) object(b []byte, n *node, i, depth int, values [][]byte) int {
	if depth >= maxDepth {
		return -1
	}
	i = s.space(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1
	}
	for {
		if i >= len(b) || b[i] != '"' {
			return -1
		}
		start, before := i, s.flags
		s.flags = 0
		if i = s.str(b, i); i < 0 {
			return -1
		}
		var child *node
		if n != nil {
			child = n.match(b[start:i], s.flags != 0)
		}
		s.flags |= before
		if i = s.colon(b, i); i < 0 {
			return -1
		}
		if child == nil {
			i = s.value(b, i, depth+1)
		} else {
			child.forget(values)
			i = s.find(b, child, i, depth+1, values)
		}
		if i < 0 {
			return -1
		}
		if i = s.space(b, i); i >= len(b) {
			return -1
		}
		switch b[i] {
		case ',':
			i = s.space(b, i+1)
		case '}':
			return i + 1
		default:
			return -1
		}
	}
}

// colon returns the index of the value after a key that ends at i, or -1.
func (s *scanner) colon(b []byte, i int) int {
	if i+1 < len(b) && b[i] == ':' && b[i+1] > ' ' {
		return i + 1
	}
	i = s.space(b, i)
	if i >= len(b) || b[i] != ':' {
		return -1
	}
	return s.space(b, i+1)
}

func (s *scanner) array(b []byte, i, depth int) int {
	if depth >= maxDepth {
		return -1
	}
	i = s.space(b, i+1)
	if i < len(b) && b[i] == ']' {
		return i + 1
	}
	for {
		if i = s.value(b, i, depth+1); i < 0 {
			return -1
		}
		if i = s.space(b, i); i >= len(b) {
			return -1
		}
		switch b[i] {
		case ',':
			i = s.space(b, i+1)
		case ']':
			return i + 1
		default:
			return -1
		}
	}
}

const (
	ones = 0x0101010101010101
	tops = 0x8080808080808080
)

// special returns a mask whose lowest set bit is in the first byte of x (as
// loaded little-endian) that is a quote, a backslash, a control character or
// from 0x7f on. Bytes above that one may be marked wrongly, by the borrow.
func special(x uint64) uint64 {
	return (x | (x - ones*0x20) | ((x ^ ones*'"') - ones) | ((x ^ ones*'\\') - ones) | ((x ^ ones*0x7f) - ones)) & tops
}

// str returns the index after the string that opens at i, or -1.
func (s *scanner) str(b []byte, i int) int {
	for i++; ; {
		for i+8 <= len(b) {
			m := special(binary.LittleEndian.Uint64(b[i:]))
			if m == 0 {
				i += 8
				continue
			}
			if i += bits.TrailingZeros64(m) / 8; b[i] == '"' {
				return i + 1
			}
			break
		}
		if i >= len(b) {
			return -1
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			s.flags |= Escaped
			if i = escape(b, i); i < 0 {
				return -1
			}
		case c < 0x20:
			return -1
		case c >= 0x7f:
			s.flags |= High
			i++
		default:
			i++
		}
	}
}

// escape returns the index after the escape at i, or -1.
func escape(b []byte, i int) int {
	if i+1 >= len(b) {
		return -1
	}
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		if i+6 > len(b) {
			return -1
		}
		for _, c := range b[i+2 : i+6] {
			if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
				return -1
			}
		}
		return i + 6
	}
	return -1
}

// digits returns the index after the digits at i.
func digits(b []byte, i int) int {
	for i < len(b) && b[i]-'0' < 10 {
		i++
	}
	return i
}

// number returns the index after the number at i, or -1.
func number(b []byte, i int) int {
	if b[i] == '-' {
		i++
	}
	start := i
	if i = digits(b, i); i == start || b[start] == '0' && i > start+1 {
		return -1
	}
	if i < len(b) && b[i] == '.' {
		start = i + 1
		if i = digits(b, start); i == start {
			return -1
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		start = i
		if i = digits(b, start); i == start {
			return -1
		}
	}
	return i
}
