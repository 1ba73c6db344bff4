package producer

import (
	"bytes"
	"unicode/utf8"
)

// escape escapes dst[start:] with a function, unless there is nothing to escape.
func (w *worker) escape(dst []byte, start int, escaped func(dst, text []byte) []byte) []byte {
	if plain(dst[start:]) {
		return dst
	}
	w.scratch = append(w.scratch[:0], dst[start:]...)
	return escaped(dst[:start], w.scratch)
}

// plain reports whether a text needs no escaping in any format.
func plain(text []byte) bool {
	for _, c := range text {
		if c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' || c == ',' || c == '\'' {
			return false
		}
	}
	return true
}

const hexDigits = "0123456789abcdef"

// appendJSONText writes text as the contents of a JSON string. Quotes, backslashes and
// control characters are escaped, invalid UTF-8 is replaced.
func appendJSONText(dst, text []byte) []byte {
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		case c < utf8.RuneSelf:
			dst = append(dst, c)
		default:
			r, size := utf8.DecodeRune(text[i:])
			dst = utf8.AppendRune(dst, r)
			i += size
			continue
		}
		i++
	}
	return dst
}

// appendXMLText writes text as the contents of an XML element. Characters that neither
// XML 1.0 nor 1.1 allows are replaced.
func appendXMLText(dst, text []byte) []byte {
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		switch {
		case r == '<':
			dst = append(dst, "&lt;"...)
		case r == '>':
			dst = append(dst, "&gt;"...)
		case r == '&':
			dst = append(dst, "&amp;"...)
		case r == '\r':
			dst = append(dst, "&#13;"...)
		case r < ' ' && r != '\n' && r != '\t', r == 0xFFFE, r == 0xFFFF:
			dst = utf8.AppendRune(dst, utf8.RuneError)
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}

// appendXMLAttribute writes text as the value of an XML attribute in double quotes.
func appendXMLAttribute(dst, text []byte) []byte {
	for len(text) > 0 {
		i := bytes.IndexAny(text, "\"\n\t")
		if i < 0 {
			return appendXMLText(dst, text)
		}
		dst = appendXMLText(dst, text[:i])
		dst = append(dst, "&#"...)
		dst = append(appendInt(dst, int64(text[i])), ';')
		text = text[i+1:]
	}
	return dst
}

// appendCSVText writes text as a CSV field (RFC 4180), quoted if necessary.
func appendCSVText(dst, text []byte) []byte {
	if !bytes.ContainsAny(text, "\",\n\r") {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	for _, c := range text {
		if c == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}
