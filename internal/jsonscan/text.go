package jsonscan

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"

	"inv/internal/termsafe"
)

// AppendSafe appends a well-formed JSON text without white space between its
// tokens or a byte order mark and with hidden characters (see termsafe) and bytes that are not UTF-8
// as escapes: the same document, valid UTF-8, on one line. flags are those of
// the scan that found the text well-formed.
func AppendSafe(dst, text []byte, flags Flags) []byte {
	if flags&(Space|High) == 0 {
		return append(dst, text...)
	}
	text = TrimMark(text)
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

// String returns the index after the JSON string that opens at b[i], or -1, with High and
// Escaped if they are in it.
func String(b []byte, i int) (end int, flags Flags) {
	var s scanner
	if i >= len(b) || b[i] != '"' {
		return -1, 0
	}
	end = s.str(b, i)
	return end, s.flags
}

// AppendUnquoted appends the text of a well-formed JSON string, as [Unquote] returns it:
// halves of surrogate pairs and bytes that are not UTF-8 become U+FFFD.
func AppendUnquoted(dst, quoted []byte) []byte {
	text := quoted[1 : len(quoted)-1]
	for len(text) > 0 {
		c := text[0]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRune(text)
			dst, text = utf8.AppendRune(dst, r), text[size:]
			continue
		}
		if c != '\\' {
			dst, text = append(dst, c), text[1:]
			continue
		}
		c, text = text[1], text[2:]
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r := hex4(text)
			text = text[4:]
			if utf16.IsSurrogate(r) {
				pair := rune(utf8.RuneError)
				if len(text) >= 6 && text[0] == '\\' && text[1] == 'u' {
					pair = utf16.DecodeRune(r, hex4(text[2:]))
				}
				if r = pair; r != utf8.RuneError {
					text = text[6:]
				}
			}
			dst = utf8.AppendRune(dst, r)
			continue
		}
		dst = append(dst, c)
	}
	return dst
}

// hex4 returns the number of four hex digits.
func hex4(b []byte) (r rune) {
	for _, c := range b[:4] {
		switch {
		case c >= 'a':
			c -= 'a' - 10
		case c >= 'A':
			c -= 'A' - 10
		default:
			c -= '0'
		}
		r = r<<4 | rune(c)
	}
	return r
}
