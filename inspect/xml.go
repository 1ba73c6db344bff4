package inspect

import (
	"bytes"

	"inv/internal/theme"
)

// isXML reports whether text looks like XML: a tag, a declaration or a comment
// comes first.
func isXML(b []byte) bool {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")) // a byte order mark
	b = bytes.TrimLeft(b[:min(len(b), 1<<10)], " \t\r\n")
	if len(b) < 3 || b[0] != '<' {
		return false
	}
	c := b[1]
	return c == '?' || c == '!' || c == '_' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= 0x80
}

// appendXML appends safe text that looks like XML, whole or cut, in the theme's
// colours: names as JSON's keys are, attributes' values as strings, comments dim.
func appendXML(dst, text []byte, t *theme.Theme) []byte {
	if !t.Enabled() {
		return append(dst, text...)
	}
	for len(text) > 0 {
		tag := bytes.IndexByte(text, '<')
		if tag < 0 {
			return append(dst, text...)
		}
		dst, text = append(dst, text[:tag]...), text[tag:]
		switch {
		case bytes.HasPrefix(text, []byte("<!--")):
			dst, text = paintThrough(dst, text, "-->", t.Dim, t)
		case bytes.HasPrefix(text, []byte("<![CDATA[")):
			dst, text = paintThrough(dst, text, "]]>", t.Text, t)
		default:
			dst, text = appendTag(dst, text, t)
		}
	}
	return dst
}

// paintThrough appends text up to the end of mark in one colour.
func paintThrough(dst, text []byte, mark, color string, t *theme.Theme) (out, rest []byte) {
	end := len(text)
	if i := bytes.Index(text, []byte(mark)); i >= 0 {
		end = i + len(mark)
	}
	return paintAs(dst, text[:end], color, t), text[end:]
}

func paintAs(dst, text []byte, color string, t *theme.Theme) []byte {
	return append(append(append(dst, color...), text...), t.Reset...)
}

// appendTag appends text from < up to and with its >.
func appendTag(dst, text []byte, t *theme.Theme) (out, rest []byte) {
	i := 1
	for i < len(text) && (text[i] == '/' || text[i] == '?' || text[i] == '!') {
		i++
	}
	name := i
	for i < len(text) && !bytes.ContainsRune([]byte(" \\/?>="), rune(text[i])) {
		i++
	}
	dst = append(dst, text[:name]...)
	dst = paintAs(dst, text[name:i], t.Key, t)
	for i < len(text) && text[i] != '>' {
		if c := text[i]; c != '"' && c != '\'' {
			dst, i = append(dst, c), i+1
			continue
		}
		end := len(text)
		if n := bytes.IndexByte(text[i+1:], text[i]); n >= 0 {
			end = i + n + 2
		}
		dst, i = paintAs(dst, text[i:end], t.Text, t), end
	}
	if i < len(text) {
		dst, i = append(dst, '>'), i+1
	}
	return dst, text[i:]
}
