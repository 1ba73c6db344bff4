// Package termsafe makes text from topics, files and networks fit for a
// terminal: nothing in it can move the cursor, change colours, reorder text or
// hide. It is the one way by which data reaches the screen.
package termsafe

import (
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

const hex = "0123456789abcdef"

// Append appends text with everything that a terminal would act on written out:
// \n, \t, \r, \x1b for control characters, \x9b for bytes that are not UTF-8,
// \u202e for C1 controls, bidi overrides and other invisible characters. What
// it appends is valid UTF-8 without control characters.
func Append(dst, text []byte) []byte {
	start := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c >= 0x20 && c < 0x7f {
			i++
			continue
		}
		size := 1
		if c >= 0x80 {
			var r rune
			r, size = utf8.DecodeRune(text[i:])
			if !(r == utf8.RuneError && size == 1) && !Hidden(r) {
				i += size
				continue
			}
			dst = append(dst, text[start:i]...)
			if size == 1 {
				dst = append(dst, '\\', 'x', hex[c>>4], hex[c&15])
			} else {
				dst = AppendRune(dst, r)
			}
		} else {
			dst = appendControl(append(dst, text[start:i]...), c)
		}
		i += size
		start = i
	}
	return append(dst, text[start:]...)
}

// String is Append for a string.
func String(text string) string { return string(Append(nil, []byte(text))) }

func appendControl(dst []byte, c byte) []byte {
	switch c {
	case '\n':
		return append(dst, '\\', 'n')
	case '\t':
		return append(dst, '\\', 't')
	case '\r':
		return append(dst, '\\', 'r')
	}
	return append(dst, '\\', 'x', hex[c>>4], hex[c&15])
}

// AppendRune appends r as JSON writes it: \u202e, or two of them above U+FFFF.
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

// Hidden reports whether a character acts on a terminal or can't be seen:
// controls, line separators, and format characters (bidi overrides and
// isolates, zero-width ones, tags) but for the two joiners and the soft hyphen,
// which words and emoji need.
func Hidden(r rune) bool {
	switch {
	case r < 0x20 || r >= 0x7f && r < 0xa0:
		return true
	case r < 0x600: // no format character but the soft hyphen up to here
		return false
	case r == 0x200c || r == 0x200d:
		return false
	}
	return unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}

// The locale of the process must not change what a golden file holds.
func widths() *runewidth.Condition {
	return &runewidth.Condition{EastAsianWidth: false, StrictEmojiNeutral: true}
}

// Width returns how many columns of a terminal the text takes. Text is as Append
// leaves it.
func Width(text []byte) int {
	columns := 0
	for i := 0; i < len(text); {
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

// narrow reports whether a character is certainly one column wide and combines
// with none beside it: Latin letters, punctuation, arrows and mathematics.
func narrow(r rune) bool {
	return r >= 0xa0 && r < 0x300 && r != 0xad || r >= 0x2010 && r < 0x2028 || r >= 0x2190 && r < 0x2300
}

// Cut returns the longest beginning of text that fits into the columns together
// with an ellipsis, and text itself if it fits whole. It may return a new slice.
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

// Split cuts text, as Append leaves it, in two: the first part is what fits
// into the columns, at least one character.
func Split(text []byte, columns int) (first, rest []byte) {
	// A character of many parts apart, no more than this can fit.
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
