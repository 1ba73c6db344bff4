package jsonscan

import (
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

// AppendString appends text as a JSON string that is safe for a terminal. Bytes
// that are not UTF-8 become U+FFFD.
func AppendString(dst, text []byte) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c >= 0x20 && c < 0x7f && c != '"' && c != '\\' {
			i++
			continue
		}
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
