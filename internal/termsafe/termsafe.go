// Package termsafe makes text from topics, files and networks safe for a
// terminal: it can't move the cursor, change colours, reorder text or hide. All
// data that reaches the screen goes through it.
package termsafe

import (
	"encoding/binary"
	"math/bits"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

const hex = "0123456789abcdef"

// Append appends text with everything that a terminal would act on written out:
// \n, \t, \r, \x1b for control characters, \x9b for bytes that are not UTF-8,
// \u202e for C1 controls, bidi overrides and other invisible characters. The
// appended text is valid UTF-8 without control characters.
func Append(dst, text []byte) []byte {
	start := 0
	for i := printable(text, 0); i < len(text); i = printable(text, i) {
		c := text[i]
		r, size := utf8.DecodeRune(text[i:])
		if size > 1 && !Hidden(r) {
			i += size
			continue
		}
		dst = append(dst, text[start:i]...)
		switch {
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case size == 1:
			dst = append(dst, '\\', 'x', hex[c>>4], hex[c&15])
		default:
			dst = AppendRune(dst, r)
		}
		i += size
		start = i
	}
	return append(dst, text[start:]...)
}

const (
	ones = 0x0101010101010101
	tops = 0x8080808080808080
)

// printable returns the index of the first byte from i on that is not printable ASCII,
// len(text) if there is none.
func printable(text []byte, i int) int {
	for ; i+8 <= len(text); i += 8 {
		x := binary.LittleEndian.Uint64(text[i:])
		// The top bits of bytes from 0x80 on, below 0x20 and of 0x7f; a borrow only marks
		// bytes behind the first of these.
		if m := (x | (x - ones*0x20) | ((x ^ ones*0x7f) - ones)) & tops; m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for i < len(text) && text[i] >= 0x20 && text[i] < 0x7f {
		i++
	}
	return i
}

// String is Append for a string.
func String(text string) string { return string(Append(nil, []byte(text))) }

// AppendRune appends r as a JSON escape: \u202e, or a surrogate pair above U+FFFF.
func AppendRune(dst []byte, r rune) []byte {
	if r > 0xffff {
		r -= 0x10000
		dst = appendUnit(dst, 0xd800+r>>10)
		r = 0xdc00 + r&0x3ff
	}
	return appendUnit(dst, r)
}

func appendUnit(dst []byte, r rune) []byte {
	return append(dst, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
}

// Hidden reports whether a terminal acts on a character or doesn't show it:
// controls, line separators, and format characters (bidi overrides and
// isolates, zero-width spaces, tags) except the two joiners and the soft hyphen,
// which words and emoji need.
func Hidden(r rune) bool {
	switch {
	case r < 0x20 || r >= 0x7f && r < 0xa0:
		return true
	case r < 0x600 || r == 0x200c || r == 0x200d: // the only format character below U+0600 is the soft hyphen
		return false
	}
	return unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}

// widths does not depend on the locale, so that output is the same everywhere.
func widths() *runewidth.Condition {
	return &runewidth.Condition{EastAsianWidth: false, StrictEmojiNeutral: true}
}

// Width returns how many columns of a terminal the text from Append takes.
func Width(text []byte) int {
	columns := printable(text, 0)
	for i := columns; i < len(text); {
		c := text[i]
		if c < 0x80 {
			i++
			columns++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		if !narrow(r) {
			return widths().StringWidth(string(text))
		}
		i += size
		columns++
	}
	return columns
}

// narrow reports whether a character is known to be one column wide and not to
// combine with its neighbours: Latin letters, punctuation, arrows and mathematics.
func narrow(r rune) bool {
	return r >= 0xa0 && r < 0x300 && r != 0xad || r >= 0x2010 && r < 0x2028 || r >= 0x2190 && r < 0x2300
}

// Cut returns text if it fits into the columns, else its longest prefix that fits
// with an ellipsis. It may return a new slice.
func Cut(text []byte, columns int) []byte {
	if Width(text) <= columns {
		return text
	}
	if columns < 1 {
		return nil
	}
	if isASCII(text) {
		return append(text[:columns-1:columns-1], "…"...)
	}
	return []byte(widths().Truncate(string(text), columns, "…"))
}

// Split splits text from Append: first is what fits into the columns, at least one
// character.
func Split(text []byte, columns int) (first, rest []byte) {
	// More can't fit, except in characters of many code points.
	near := text[:min(len(text), 16*max(columns, 1))]
	if isASCII(near) {
		n := min(len(near), max(columns, 1))
		return text[:n], text[n:]
	}
	for len(near) > 0 && len(near) < len(text) && !utf8.RuneStart(text[len(near)]) {
		near = near[:len(near)-1]
	}
	n := len(widths().Truncate(string(near), columns, ""))
	if n == 0 {
		_, n = utf8.DecodeRune(text)
	}
	return text[:n], text[n:]
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}
