package convert

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// nameBytes has what ASCII bytes are in names: 1 for those that begin one, 2 for the others.
var nameBytes = func() (c [256]uint8) {
	for i := 'a'; i <= 'z'; i++ {
		c[i], c[i-'a'+'A'] = 1, 1
	}
	c['_'], c[':'] = 1, 1
	for i := '0'; i <= '9'; i++ {
		c[i] = 2
	}
	c['-'], c['.'] = 2, 2
	return c
}()

// nameEnd returns the end of the XML name that begins at i; i if there is none.
func nameEnd(b []byte, i int) int {
	start := i
	for i < len(b) {
		if c := nameBytes[b[i]]; c == 1 || c == 2 && i > start {
			i++
			continue
		}
		if b[i] < utf8.RuneSelf {
			return i
		}
		r, size := utf8.DecodeRune(b[i:])
		if !nameStart(r) && (i == start || !nameLater(r)) {
			return i
		}
		i += size
	}
	return i
}

// nameStart reports whether a character that is not ASCII can begin a name, by the fifth
// edition of XML 1.0 and XML 1.1.
func nameStart(r rune) bool {
	switch {
	case r < 0x300:
		return r >= 0xc0 && r != 0xd7 && r != 0xf7
	case r < 0x2000:
		return r >= 0x370 && r != 0x37e
	case r < 0x3001:
		return r == 0x200c || r == 0x200d || r >= 0x2070 && r <= 0x218f || r >= 0x2c00 && r <= 0x2fef
	}
	return r <= 0xd7ff || r >= 0xf900 && r <= 0xfdcf || r >= 0xfdf0 && r < utf8.RuneError || r >= 0x10000 && r <= 0xeffff
}

// nameLater reports whether another character that is not ASCII can go on in a name.
func nameLater(r rune) bool {
	return r == 0xb7 || r >= 0x300 && r <= 0x36f || r == 0x203f || r == 0x2040
}

// space returns the index of the first byte from i on that is not white space.
func (x *XML) space(i int) int {
	for i < len(x.b) && (x.b[i] == ' ' || x.b[i] == '\n' || x.b[i] == '\t' || x.b[i] == '\r') {
		i++
	}
	return i
}

// has reports whether a text is at i.
func (x *XML) has(i int, text string) bool {
	return len(x.b)-i >= len(text) && string(x.b[i:i+len(text)]) == text
}

// found describes what is at i, for an error.
func (x *XML) found(i int) string {
	if i >= len(x.b) {
		return "the end of the value"
	}
	b := x.b[i:]
	switch {
	case len(b) > 1 && b[0] == '<' && b[1] == '/':
		return excerpt(b[:nameEnd(b, 2)])
	case b[0] == '<':
		return excerpt(b[:nameEnd(b, 1)])
	case nameEnd(b, 0) > 0:
		return excerpt(b[:nameEnd(b, 0)])
	}
	r, size := utf8.DecodeRune(b)
	if r == utf8.RuneError && size == 1 {
		return "a byte that is not UTF-8"
	}
	return strconv.QuoteRune(r)
}

// excerpt returns a name from a value, cut if it is long.
func excerpt(b []byte) string {
	const most = 40
	if len(b) <= most {
		return string(b)
	}
	for b = b[:most]; !utf8.Valid(b); {
		b = b[:len(b)-1]
	}
	return string(b) + "…"
}

// declaration reads an XML declaration, if there is one at i.
func (x *XML) declaration(i int) (int, error) {
	b := x.b
	if len(b) > 1 && (b[0] == 0xfe && b[1] == 0xff || b[0] == 0xff && b[1] == 0xfe || b[0] == 0 || b[1] == 0) {
		return i, wrong(0, "the value is UTF-16 or UTF-32; only UTF-8 is read")
	}
	if !x.has(i, "<?xml") || x.space(i+5) == i+5 {
		return i, nil
	}
	i, version, at, err := x.pseudo(i+5, "version")
	switch {
	case err != nil:
		return i, err
	case version == nil:
		return i, wrong(x.space(i), "expected version= in the XML declaration")
	case string(version) != "1.0" && string(version) != "1.1":
		return i, wrong(at, "the XML version is %q; expected 1.0 or 1.1", excerpt(version))
	}
	x.v11 = string(version) == "1.1"
	i, encoding, at, err := x.pseudo(i, "encoding")
	switch {
	case err != nil:
		return i, err
	case encoding != nil && !bytes.EqualFold(encoding, []byte("UTF-8")) && !bytes.EqualFold(encoding, []byte("US-ASCII")):
		return i, wrong(at, "the encoding is %q; only UTF-8 is read", excerpt(encoding))
	}
	i, standalone, at, err := x.pseudo(i, "standalone")
	switch {
	case err != nil:
		return i, err
	case standalone != nil && string(standalone) != "yes" && string(standalone) != "no":
		return i, wrong(at, "standalone is %q; expected yes or no", excerpt(standalone))
	}
	if i = x.space(i); !x.has(i, "?>") {
		return i, wrong(i, "expected ?> at the end of the XML declaration, found %s", x.found(i))
	}
	return i + 2, nil
}

// pseudo reads a part of the XML declaration, as ` version="1.0"`. The value is nil if the
// next part has another name; at is its place.
func (x *XML) pseudo(i int, name string) (end int, value []byte, at int, err error) {
	start := x.space(i)
	if start == i || !x.has(start, name) {
		return i, nil, 0, nil
	}
	if at = x.space(start + len(name)); !x.has(at, "=") {
		return i, nil, 0, wrong(at, "expected = after %s in the XML declaration, found %s", name, x.found(at))
	}
	if at = x.space(at + 1); !x.has(at, `"`) && !x.has(at, "'") {
		return i, nil, 0, wrong(at, "expected the value of %s in quotes, found %s", name, x.found(at))
	}
	n := bytes.IndexByte(x.b[at+1:], x.b[at])
	if n < 0 {
		return i, nil, 0, wrong(len(x.b), "the value ends in the XML declaration")
	}
	return at + n + 2, x.b[at+1 : at+1+n : at+1+n], at + 1, nil
}
