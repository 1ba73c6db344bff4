package convert

import (
	"bytes"
	"unicode/utf8"
)

// class says what a byte is in text.
type class uint8

const (
	plain   class = iota
	escaped       // in JSON, or in an attribute
	ending        // < & > and the quotes of attributes: what a reader of text looks at
	control       // no character of XML 1.0
	high          // the beginning of a character of several bytes, or DEL
)

// classes has the class of each byte.
var classes = func() (c [256]class) {
	for i := range 0x20 {
		c[i] = control
	}
	c['\t'], c['\n'], c['\r'], c['\\'] = escaped, escaped, escaped, escaped
	c['"'], c['\''], c['<'], c['&'], c['>'] = ending, ending, ending, ending, ending
	for i := 0x7f; i < 0x100; i++ {
		c[i] = high
	}
	return c
}()

// text reads the text up to the next <.
func (x *XML) text(i int) (int, error) {
	b, start, found := x.b, i, clean
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		if b[i] != ' ' {
			found = 0
		}
		i++
	}
	in := &x.nodes[x.open[len(x.open)-1]]
	if i < len(b) && b[i] == '<' {
		if in.flags&hasElements != 0 && in.flags&hasText == 0 {
			return i, nil // it would be cut
		}
		return i, x.add(node{kind: text, from: int32(start), to: int32(i), flags: found | blank})
	}
	for ; i < len(b); i++ {
		switch c := b[i]; classes[c] {
		case plain:
			continue
		case ending:
			switch {
			case c == '<':
				in.flags |= hasText
				return i, x.add(node{kind: text, from: int32(start), to: int32(i), flags: found})
			case c == '&':
				end, err := x.reference(i)
				if err != nil {
					return i, err
				}
				i, found = end-1, 0
			case c == '"':
				found = 0
			case c == '>' && i-start >= 2 && b[i-1] == ']' && b[i-2] == ']':
				return i, wrong(i-2, "]]> in text")
			}
		case escaped:
			found = 0
		default:
			end, ok, err := x.character(i)
			if err != nil {
				return i, err
			}
			if i = end - 1; !ok {
				found = 0
			}
		}
	}
	return i, nil // content reports the missing end
}

// attributeValue returns the index of the quote that ends the attribute value whose first
// quote is at i, and whether the value is clean.
func (x *XML) attributeValue(i int) (stop int, found flags, err error) {
	b, start := x.b, i
	found = clean
	for i++; i < len(b); i++ {
		switch c := b[i]; classes[c] {
		case plain:
			continue
		case ending:
			switch {
			case c == b[start]:
				return i, found, nil
			case c == '<':
				return i, 0, wrong(i, "< in the value of an attribute; write &lt;")
			case c == '&':
				end, err := x.reference(i)
				if err != nil {
					return i, 0, err
				}
				i, found = end-1, 0
			case c == '"':
				found = 0
			}
		case escaped:
			found = 0
		default:
			end, ok, err := x.character(i)
			if err != nil {
				return i, 0, err
			}
			if i = end - 1; !ok {
				found = 0
			}
		}
	}
	return i, 0, wrong(i, "the value ends in an attribute that begins at byte %d", start)
}

// character checks a character that is a control character, or not ASCII. It reports the
// end, and whether it stands for itself.
func (x *XML) character(i int) (end int, itself bool, err error) {
	if c := x.b[i]; c < 0x7f {
		return i, false, wrong(i, "the control character %#02x", c)
	}
	r, size := utf8.DecodeRune(x.b[i:])
	switch {
	case r == utf8.RuneError && size == 1:
		return i, false, wrong(i, "the byte %#x is not UTF-8", x.b[i])
	case !x.char(r):
		return i, false, wrong(i, "%U is no character of XML", r)
	case !x.v11:
		return i + size, true, nil
	case r == 0x85 || r == 0x2028: // line ends
		return i + size, false, nil
	case r < 0xa0:
		return i, false, wrong(i, "the control character %#02x; in XML 1.1 write &#%d;", r, r)
	}
	return i + size, true, nil
}

// char reports whether XML has a character, at least as a reference.
func (x *XML) char(r rune) bool {
	if r < ' ' {
		return r == '\t' || r == '\n' || r == '\r' || x.v11 && r > 0
	}
	return r < 0xd800 || r >= 0xe000 && r < 0xfffe || r >= 0x10000 && r <= utf8.MaxRune
}

// reference checks an entity or a character reference, and returns the index after it.
func (x *XML) reference(i int) (int, error) {
	r, end := reference(x.b, i)
	switch {
	case end > 0 && x.char(r):
		return end, nil
	case end > 0:
		return i, wrong(i, "%s is no character of XML %s", x.b[i:end], x.version())
	}
	end = i + 1
	if end < len(x.b) && x.b[end] == '#' {
		return i, wrong(i, "expected the number of a character after &#, and ;")
	}
	if end = nameEnd(x.b, end); end == i+1 {
		return i, wrong(i, "& without a name; write &amp;")
	}
	return i, wrong(i, "the entity &%s; is not one of &lt; &gt; &amp; &quot; &apos;", excerpt(x.b[i+1:end]))
}

func (x *XML) version() string {
	if x.v11 {
		return "1.1"
	}
	return "1.0"
}

var entities = []struct {
	text string
	r    rune
}{{"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&quot;", '"'}, {"&apos;", '\''}}

// reference returns the character of the reference at i and the index after it; end is 0
// if there is none.
func reference(b []byte, i int) (r rune, end int) {
	if i+1 < len(b) && b[i+1] == '#' {
		return numeric(b, i+2)
	}
	for _, e := range entities {
		if len(b)-i >= len(e.text) && string(b[i:i+len(e.text)]) == e.text {
			return e.r, i + len(e.text)
		}
	}
	return 0, 0
}

func numeric(b []byte, i int) (r rune, end int) {
	base := rune(10)
	if i < len(b) && b[i] == 'x' {
		base = 16
		i++
	}
	start := i
	for ; i < len(b); i++ {
		var digit rune
		switch c := rune(b[i]); {
		case c == ';' && i > start:
			return r, i + 1
		case c >= '0' && c <= '9':
			digit = c - '0'
		case base == 16 && (c|0x20) >= 'a' && (c|0x20) <= 'f':
			digit = (c | 0x20) - 'a' + 10
		default:
			return 0, 0
		}
		r = min(r*base+digit, utf8.MaxRune+1)
	}
	return 0, 0
}

// aside reads a comment, a processing instruction or a CDATA section.
func (x *XML) aside(i int) (int, error) {
	switch {
	case x.has(i, "<!--"):
		end, err := x.through(i, i+4, "--", "a comment")
		if err == nil && (end == len(x.b) || x.b[end] != '>') {
			err = wrong(end-2, "-- in a comment; only --> can follow")
		}
		return end + 1, err
	case x.has(i, "<![CDATA["):
		from := i + len("<![CDATA[")
		end, err := x.through(i, from, "]]>", "a CDATA section")
		if err != nil || end == from+3 {
			return end, err
		}
		x.nodes[x.open[len(x.open)-1]].flags |= hasText
		return end, x.add(node{kind: cdata, from: int32(from), to: int32(end - 3)})
	case x.has(i, "<?"):
		end := nameEnd(x.b, i+2)
		switch name := x.b[i+2 : end]; {
		case len(name) == 0:
			return i, wrong(i, "expected the name of a processing instruction after <?")
		case bytes.EqualFold(name, []byte("xml")):
			return i, wrong(i, "an XML declaration can only be at the very beginning")
		case !x.has(end, "?>") && x.space(end) == end:
			return i, wrong(end, "expected white space or ?> after <?%s", excerpt(name))
		}
		return x.through(i, end, "?>", "a processing instruction")
	case x.has(i, "<!DOCTYPE"):
		return i, wrong(i, "a DOCTYPE, which could define entities, is not accepted")
	}
	return i, wrong(i, "expected <!-- or <![CDATA[, found %s", x.found(i))
}

// through returns the index after the next mark from i on, and checks the characters up to
// it.
func (x *XML) through(start, i int, mark, what string) (int, error) {
	n := bytes.Index(x.b[i:], []byte(mark))
	if n < 0 {
		return i, wrong(len(x.b), "the value ends in %s that begins at byte %d", what, start)
	}
	for stop := i + n; i < stop; i++ {
		if c := classes[x.b[i]]; c == control || c == high {
			end, _, err := x.character(i)
			if err != nil {
				return i, err
			}
			i = end - 1
		}
	}
	return i + len(mark), nil
}
