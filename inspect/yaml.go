package inspect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"inv/internal/termsafe"
)

// YAML renders each record as one YAML document with the fields of [JSON], in
// block style.
type YAML struct{ object []byte }

// Append appends the record's document.
func (y *YAML) Append(dst []byte, r *Record) []byte {
	y.object = appendObject(emptied(y.object), r, r.Value, -1)
	dst = reserve(dst, len(y.object))
	d := json.NewDecoder(bytes.NewReader(y.object))
	d.UseNumber()
	dst = append(dst, "---\n"...)
	token, err := d.Token()
	if err != nil {
		return dst // appendObject writes well-formed JSON
	}
	return appendYAML(dst, d, token, 0, false)
}

// appendYAML appends the value that begins with token at an indentation; inline, it
// follows the dash of a list.
func appendYAML(dst []byte, d *json.Decoder, token json.Token, indent int, inline bool) []byte {
	delim, ok := token.(json.Delim)
	if !ok {
		return append(appendYAMLScalar(dst, token), '\n')
	}
	if !d.More() {
		_, _ = d.Token() // the closing delimiter
		if delim == '{' {
			return append(dst, "{}\n"...)
		}
		return append(dst, "[]\n"...)
	}
	for first := true; d.More(); first = false {
		if !first || !inline {
			dst = append(dst, strings.Repeat("  ", indent)...)
		}
		next, err := d.Token()
		if err != nil {
			return dst
		}
		if delim == '[' {
			dst = append(dst, "- "...)
			dst = appendYAML(dst, d, next, indent+1, true)
			continue
		}
		dst = append(appendYAMLScalar(dst, next), ':')
		value, err := d.Token()
		if err != nil {
			return dst
		}
		if _, nested := value.(json.Delim); nested && d.More() {
			dst = appendYAML(append(dst, '\n'), d, value, indent+1, false)
		} else {
			dst = appendYAML(append(dst, ' '), d, value, indent+1, false)
		}
	}
	_, _ = d.Token()
	return dst
}

func appendYAMLScalar(dst []byte, token json.Token) []byte {
	switch v := token.(type) {
	case nil:
		return append(dst, "null"...)
	case bool:
		return strconv.AppendBool(dst, v)
	case json.Number:
		return append(dst, v...)
	case string:
		if plainYAML(v) {
			return append(dst, v...)
		}
		return appendYAMLQuoted(dst, v)
	}
	return dst
}

// plainYAML reports whether text needs no quotes: words that every parser of YAML reads
// as a string.
func plainYAML(s string) bool {
	if s == "" || len(s) > 80 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_':
		case c == ' ' && i > 0 && i < len(s)-1 && s[i-1] != ' ':
		case i > 0 && (c >= '0' && c <= '9' || c == '-' || c == '.' || c == '/'):
		default:
			return false
		}
	}
	switch strings.ToLower(s) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n", "inf", "nan":
		return false
	}
	return true
}

func appendYAMLQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, '\\', 'n')
		case r == '\t':
			dst = append(dst, '\\', 't')
		case !termsafe.Hidden(r):
			dst = utf8.AppendRune(dst, r)
		default:
			dst = fmt.Appendf(dst, "\\U%08x", r)
		}
	}
	return append(dst, '"')
}
