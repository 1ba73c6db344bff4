package jsonscan

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"

	"inv/internal/termsafe"
)

// AppendSafe appends a well-formed JSON text without white space between its
// tokens and with hidden characters (see termsafe) and bytes that are not UTF-8
// as escapes: the same document, valid UTF-8, on one line. flags are those of
// the scan that found the text well-formed.
func AppendSafe(dst, text []byte, flags Flags) []byte {
	if flags&(Space|High) == 0 {
		return append(dst, text...)
	}
	start, inString := 0, false
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case !inString && c <= ' ':
			dst = append(dst, text[start:i]...)
			i++
			start = i
		case c == '"':
			inString = !inString
			i++
		case inString && c == '\\':
			i += 2
		case c >= 0x7f:
			r, size := utf8.DecodeRune(text[i:])
			if r == utf8.RuneError && size == 1 || termsafe.Hidden(r) {
				dst = termsafe.AppendRune(append(dst, text[start:i]...), r)
				start = i + size
			}
			i += size
		default:
			i++
		}
	}
	return append(dst, text[start:]...)
}

// clean returns the index of the first byte from i on that [special] marks, len(text)
// if there is none.
func clean(text []byte, i int) int {
	for ; i+8 <= len(text); i += 8 {
		if m := special(binary.LittleEndian.Uint64(text[i:])); m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for i < len(text) && text[i] >= 0x20 && text[i] < 0x7f && text[i] != '"' && text[i] != '\\' {
		i++
	}
	return i
}

// Clean reports whether text in quotes is a JSON string that is safe for a terminal.
func Clean(text []byte) bool { return clean(text, 0) == len(text) }

// AppendString appends text as a JSON string that is safe for a terminal. Bytes
// that are not UTF-8 become U+FFFD.
func AppendString(dst, text []byte) []byte {
	dst = append(dst, '"')
	start := 0
	for i := clean(text, 0); i < len(text); i = clean(text, i) {
		c := text[i]
		r, size := utf8.DecodeRune(text[i:])
		bad := r == utf8.RuneError && size == 1
		if !bad && c >= 0x80 && !termsafe.Hidden(r) {
			i += size
			continue
		}
		dst = append(dst, text[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = termsafe.AppendRune(dst, r)
		}
		i += size
		start = i
	}
	return append(append(dst, text[start:]...), '"')
}
