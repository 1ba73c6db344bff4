package inspect

import (
	"bytes"
	"strings"

	"inv/internal/jsonscan"
	"inv/internal/theme"
)

// isXML reports whether text begins like XML: with a tag, a declaration or a comment.
func isXML(b []byte) bool {
	b = jsonscan.TrimMark(b)
	b = bytes.TrimLeft(b[:min(len(b), 1<<10)], " \t\r\n")
	if len(b) < 3 || b[0] != '<' {
		return false
	}
	c := b[1]
	return c == '?' || c == '!' || c == '_' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= 0x80
}

// appendXML appends safe text that begins like XML in the theme's colours: names like
// JSON keys, values of attributes like strings, comments dim.
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

// paintThrough appends text up to and including mark in one colour.
func paintThrough(dst, text []byte, mark, color string, t *theme.Theme) (out, rest []byte) {
	end := len(text)
	if i := bytes.Index(text, []byte(mark)); i >= 0 {
		end = i + len(mark)
	}
	return paint(dst, text[:end], color, t), text[end:]
}

// appendTag appends text from < up to and including its >.
func appendTag(dst, text []byte, t *theme.Theme) (out, rest []byte) {
	i := 1
	for i < len(text) && (text[i] == '/' || text[i] == '?' || text[i] == '!') {
		i++
	}
	name := i
	for i < len(text) && strings.IndexByte(" \\/?>=", text[i]) < 0 {
		i++
	}
	dst = append(dst, text[:name]...)
	dst = paint(dst, text[name:i], t.Key, t)
	for i < len(text) && text[i] != '>' {
		if c := text[i]; c != '"' && c != '\'' {
			dst, i = append(dst, c), i+1
			continue
		}
		end := len(text)
		if n := bytes.IndexByte(text[i+1:], text[i]); n >= 0 {
			end = i + n + 2
		}
		dst, i = paint(dst, text[i:end], t.Text, t), end
	}
	if i < len(text) {
		dst, i = append(dst, '>'), i+1
	}
	return dst, text[i:]
}
