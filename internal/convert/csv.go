package convert

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// CSV converts CSV values to JSON. It is safe for concurrent use.
type CSV struct{ names []string }

// NewCSV returns a converter of records with these columns; without, records are arrays.
func NewCSV(columns []string) (*CSV, error) {
	c := &CSV{}
	for i, name := range columns {
		if slices.Contains(columns[:i], name) {
			return nil, fmt.Errorf("two columns are named %q", name)
		}
		quoted := []byte{'"'}
		for _, r := range name {
			if r < utf8.RuneSelf {
				quoted = appendEscape(quoted, byte(r))
			} else {
				quoted = utf8.AppendRune(quoted, r)
			}
		}
		c.names = append(c.names, string(append(quoted, '"', ':')))
	}
	return c, nil
}

// AppendJSON appends a CSV value as JSON on one line. On an error, which is an [*Error], it
// returns dst as it was.
func (c *CSV) AppendJSON(dst, value []byte) ([]byte, error) {
	out, err := c.append(dst, value)
	if err != nil {
		return dst, err
	}
	return out, nil
}

func (c *CSV) append(dst, b []byte) ([]byte, error) {
	i, err := begin(b)
	if err != nil {
		return nil, err
	}
	if i == len(b) || lineBreak(b, i) {
		return nil, wrong(i, "expected a record, found an empty line")
	}
	opening, closing := byte('['), byte(']')
	if len(c.names) > 0 {
		opening, closing = '{', '}'
	}
	dst = append(dst, opening)
	for n := 0; ; n++ {
		switch {
		case len(c.names) == 0 && n == MaxNodes:
			return nil, wrong(i, "more than %d fields", MaxNodes)
		case len(c.names) > 0 && n == len(c.names):
			return nil, wrong(i, "more than %s", c.expected())
		case len(c.names) > 0:
			dst = append(dst, c.names[n]...)
		}
		if dst, i, err = appendField(append(dst, '"'), b, i); err != nil {
			return nil, err
		}
		dst = append(dst, '"')
		if i == len(b) || b[i] != ',' {
			if n+1 < len(c.names) {
				return nil, wrong(i, "the record ends after field %d; expected %s", n+1, c.expected())
			}
			break
		}
		dst = append(dst, ',')
		i++
	}
	if i < len(b) {
		if i += 1; b[i-1] == '\r' {
			i++
		}
		if i < len(b) {
			return nil, wrong(i, "expected the end of the value after the line; a value is one record")
		}
	}
	return append(dst, closing), nil
}

// expected names the columns, the first of many.
func (c *CSV) expected() string {
	const most = 8
	var names strings.Builder
	for i, name := range c.names {
		switch {
		case i == most && len(c.names) > most+1:
			fmt.Fprintf(&names, " and %d more", len(c.names)-most)
			return fmt.Sprintf("%d: %s", len(c.names), &names)
		case i > 0:
			names.WriteString(", ")
		}
		names.WriteString(name[1 : len(name)-2])
	}
	return fmt.Sprintf("%d: %s", len(c.names), &names)
}

// lineBreak reports whether LF or CR LF is at i.
func lineBreak(b []byte, i int) bool {
	return b[i] == '\n' || b[i] == '\r' && i+1 < len(b) && b[i+1] == '\n'
}

// appendField appends the field at i as the content of a JSON string, and returns the index
// of what ends it: a comma, a line break or the end.
func appendField(dst, b []byte, i int) ([]byte, int, error) {
	if i < len(b) && b[i] == '"' {
		return appendQuoted(dst, b, i)
	}
	start := i
	for ; i < len(b) && b[i] != ','; i++ {
		switch c := b[i]; {
		case c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\':
		case c == '"':
			return dst, i, wrong(i, `a " in a field that does not begin with one`)
		case lineBreak(b, i):
			return append(dst, b[start:i]...), i, nil
		case c == '\r':
			return dst, i, wrong(i, "a carriage return outside of quotes, without a line feed")
		case c >= utf8.RuneSelf:
			_, size := utf8.DecodeRune(b[i:])
			if size == 1 {
				return dst, i, wrong(i, "the byte %#x is not UTF-8", c)
			}
			i += size - 1
		default:
			dst = appendEscape(append(dst, b[start:i]...), c)
			start = i + 1
		}
	}
	return append(dst, b[start:i]...), i, nil
}

// appendQuoted appends the field whose first quote is at i.
func appendQuoted(dst, b []byte, i int) ([]byte, int, error) {
	opening := i
	i++
	start := i
	for ; i < len(b); i++ {
		c := b[i]
		switch {
		case c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\':
			continue
		case c >= utf8.RuneSelf:
			_, size := utf8.DecodeRune(b[i:])
			if size == 1 {
				return dst, i, wrong(i, "the byte %#x is not UTF-8", c)
			}
			i += size - 1
			continue
		}
		dst = append(dst, b[start:i]...)
		if c == '"' {
			if i++; i == len(b) || b[i] == ',' || lineBreak(b, i) {
				return dst, i, nil
			}
			if b[i] != '"' {
				return dst, i, wrong(i, `expected a comma or the end of the record after the closing "`)
			}
		}
		dst = appendEscape(dst, c)
		start = i + 1
	}
	return dst, i, wrong(i, `the value ends in a field whose " is at byte %d`, opening)
}
