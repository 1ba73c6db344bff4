package jsonscan

import (
	"bytes"
	"unicode/utf8"
)

// Cursor steps over the elements of a well-formed JSON array, or the members of a
// well-formed object, in the order of the text.
type Cursor struct {
	text []byte
	at   int
	scan scanner
}

// Open returns a Cursor before the first element or member of a well-formed array or
// object. Any other value has none.
func Open(text []byte) Cursor {
	c := Cursor{text: text}
	i := c.scan.begin(text)
	if i >= len(text) || text[i] != '[' && text[i] != '{' {
		c.at = len(text)
		return c
	}
	c.at = c.scan.space(text, i+1)
	return c
}

// Element returns the text of the next element of an array, or false after the last.
func (c *Cursor) Element() (value []byte, ok bool) {
	if c.at >= len(c.text) || c.text[c.at] == ']' || c.text[c.at] == '}' {
		return nil, false
	}
	end := c.scan.value(c.text, c.at, 0)
	if end < 0 {
		c.at = len(c.text)
		return nil, false
	}
	value = c.text[c.at:end:end]
	c.next(end)
	return value, true
}

// Member returns the key, in its quotes, and the value of the next member of an object,
// or false after the last.
func (c *Cursor) Member() (key, value []byte, ok bool) {
	if c.at >= len(c.text) || c.text[c.at] != '"' {
		return nil, nil, false
	}
	end := c.scan.str(c.text, c.at)
	if end < 0 {
		return nil, nil, false
	}
	key = c.text[c.at:end:end]
	if c.at = c.scan.colon(c.text, end); c.at < 0 {
		c.at = len(c.text)
		return nil, nil, false
	}
	value, ok = c.Element()
	return key, value, ok
}

// next moves to the element or member after the value that ends at i.
func (c *Cursor) next(i int) {
	if i = c.scan.space(c.text, i); i < len(c.text) && c.text[i] == ',' {
		i = c.scan.space(c.text, i+1)
	}
	c.at = i
}

// Member returns the text of the value of a key in a well-formed object, nil if it is
// absent. Of a repeated key the last counts.
func Member(object []byte, key string) []byte {
	var found []byte
	for c := Open(object); ; {
		k, v, ok := c.Member()
		if !ok {
			return found
		}
		if keyIs(k, key) {
			found = v
		}
	}
}

// keyIs reports whether a key in its quotes is the text key.
func keyIs(quoted []byte, key string) bool {
	inner := quoted[1 : len(quoted)-1]
	if len(inner) == len(key) && string(inner) == key {
		return bytes.IndexByte(inner, '\\') < 0
	}
	if bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return false
	}
	return string(Unquote(quoted)) == key
}
