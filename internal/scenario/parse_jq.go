package scenario

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Bounds of the expressions of a file, counting aliases each time.
const (
	maxExpressions     = 10_000
	maxExpressionBytes = 16 << 10
	maxFieldsDepth     = 32
)

// never stands for an expression with a problem, so that it causes no others.
const never = "null"

// jq reads an expression, a scalar of any type. It never returns nil.
func (d *Decoder) jq(n *yaml.Node, what string) *JQ {
	if x := d.expressions[n]; x != nil && d.another(n) {
		return x
	}
	x := &JQ{Source: never, Pos: positionOf(n)}
	source := strings.TrimRightFunc(n.Value, unicode.IsSpace)
	switch {
	case n.Kind == yaml.MappingNode:
		d.Problem(n, "%s must be an expression, not a mapping; an expression with braces is quoted: %s: '{…}'", what, what)
	case n.Kind == yaml.SequenceNode:
		d.Problem(n, "%s must be an expression, not a list; an expression with brackets is quoted: %s: '[…]'", what, what)
	case strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!"):
		d.Problem(n, "%s has the tag %s; it must be an expression", what, n.Tag)
	case source == "":
		d.Problem(n, "%s has no expression; jq's null is written null, and an empty text '\"\"'", what)
	case len(source) > maxExpressionBytes:
		d.Problem(n, "%s has %d bytes; an expression has at most %d", what, len(source), maxExpressionBytes)
	case d.another(n):
		x.Source = source
		x.Pos, x.jumps = d.places(n, source)
		if d.expressions == nil {
			d.expressions = map[*yaml.Node]*JQ{}
		}
		d.expressions[n] = x
	}
	return x
}

// another counts expressions and what contains them, and reports whether there may be
// one more.
func (d *Decoder) another(n *yaml.Node) bool {
	if d.leaves++; d.leaves == maxExpressions+1 {
		d.Problem(n, "the file has more than %d expressions, texts and fields of topologies and sinks, counting aliases each time", maxExpressions)
	}
	return d.leaves <= maxExpressions
}

func jqAttr[T any](name, about string, at func(*T) **JQ) attr {
	return valueAttr(name, about, ref("jq"), at, (*Decoder).jq)
}

// jqValueAttr returns the attr of an expression that is always there.
func jqValueAttr[T any](name, about string, at func(*T) *JQ) attr {
	return must(valueAttr(name, about, ref("jq"), at, func(d *Decoder, n *yaml.Node, what string) JQ { return *d.jq(n, what) }))
}

func jqSchema() obj {
	return titled("jq expression", obj{"type": []any{"string", "number", "boolean", "null"}})
}

// jsonMapping reads an object whose values are expressions.
func (d *Decoder) jsonMapping(n *yaml.Node, what string) *Mapping {
	m := &Mapping{}
	d.Each(n, what, func(key, value *yaml.Node) {
		if key.Kind != yaml.ScalarNode {
			d.Problem(key, "%s: the name of a field must be a text, not %s", what, d.kindOf(key))
			return
		}
		m.Members = append(m.Members, d.member(key, value, key.Value))
	})
	return m
}

// member reads a value of an object or a list: an expression, an object or a list.
func (d *Decoder) member(key, n *yaml.Node, what string) Member {
	m := Member{Name: what, Pos: positionOf(key)}
	if n.Kind == yaml.ScalarNode {
		m.JQ = d.jq(n, what)
		return m
	}
	if !d.another(n) {
		return m
	}
	if d.nested++; d.nested > maxFieldsDepth {
		d.Problem(n, "%s is nested more than %d deep", what, maxFieldsDepth)
	} else if n.Kind == yaml.SequenceNode {
		m.List = []Member{}
		d.Items(n, what, func(item *yaml.Node) {
			element := d.member(item, item, "an element of "+what)
			element.Name = ""
			m.List = append(m.List, element)
		})
	} else {
		m.Mapping = d.jsonMapping(n, what)
	}
	d.nested--
	return m
}

func fieldsSchema() obj {
	return obj{"type": "object", "additionalProperties": ref("jq-fields")}
}

// memberSchema accepts an expression, an object or a list.
func memberSchema() obj {
	return obj{
		"if":   obj{"type": "object"},
		"then": fieldsSchema(),
		"else": obj{"if": obj{"type": "array"}, "then": obj{"items": ref("jq-fields")}, "else": ref("jq")},
	}
}

// places returns where the characters of an expression are in the file: the position of
// the first one, and where the next character is not beside the one before. The
// expression is compared with the file's text, which differs in white space, quotes and
// escapes only; from where it can't be found, positions are approximate.
func (d *Decoder) places(n *yaml.Node, source string) (first Position, jumps []jump) {
	c := d.cursor(n)
	first = c.pos()
	next := first
	for i, r := range source {
		if !unicode.IsSpace(r) {
			c.skipSpace()
			at := c.pos()
			if c.next() != r {
				return first, jumps
			}
			if i == 0 {
				first = at
			} else if at != next {
				jumps = append(jumps, jump{i, at})
			}
			next = at
		}
		next.Column++
	}
	return first, jumps
}

// cursor is a place in the text of a scalar.
type cursor struct {
	lines  []string
	line   int // from 0
	offset int // in the line
	column int // in characters, from 0
	quote  byte
}

// cursor returns the place of the first character of a scalar, without its tag, anchor
// and quote.
func (d *Decoder) cursor(n *yaml.Node) *cursor {
	c := &cursor{lines: d.lines, line: n.Line - 1, column: (n.Column - 1) / marked * marked}
	if marks := d.marksOf(c.line); c.column/marked < len(marks) {
		c.offset = marks[c.column/marked]
	}
	for range (n.Column - 1) % marked {
		c.step()
	}
	for c.peek() == '&' || c.peek() == '!' {
		for !unicode.IsSpace(c.peek()) && c.peek() != end {
			c.step()
		}
		c.skipSpace()
	}
	switch {
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		c.line, c.offset, c.column = c.line+1, 0, 0
	case n.Style&yaml.DoubleQuotedStyle != 0:
		c.step()
		c.quote = '"'
	case n.Style&yaml.SingleQuotedStyle != 0:
		c.step()
		c.quote = '\''
	}
	return c
}

// marked is the number of characters between two marks of a line.
const marked = 256

// marksOf returns the offsets of every 256th character of a line, so that the many
// expressions of a file that is one line don't each count from its beginning.
func (d *Decoder) marksOf(line int) []int {
	if marks := d.marks[line]; marks != nil || line >= len(d.lines) {
		return marks
	}
	var marks []int
	column := 0
	for offset := range d.lines[line] {
		if column%marked == 0 {
			marks = append(marks, offset)
		}
		column++
	}
	if d.marks == nil {
		d.marks = map[int][]int{}
	}
	d.marks[line] = marks
	return marks
}

func (c *cursor) pos() Position { return Position{c.line + 1, c.column + 1} }

// end is the character behind the file.
const end rune = -1

// peek returns the character at the cursor, a line feed at the end of a line.
func (c *cursor) peek() rune {
	if c.line >= len(c.lines) {
		return end
	}
	if c.offset >= len(c.lines[c.line]) {
		return '\n'
	}
	r, _ := utf8.DecodeRuneInString(c.lines[c.line][c.offset:])
	return r
}

func (c *cursor) step() {
	switch c.peek() {
	case end:
	case '\n':
		c.line, c.offset, c.column = c.line+1, 0, 0
	default:
		_, size := utf8.DecodeRuneInString(c.lines[c.line][c.offset:])
		c.offset += size
		c.column++
	}
}

// skipSpace skips white space, also in the form of escapes.
func (c *cursor) skipSpace() {
	for {
		before := *c
		if r := c.next(); r == end || !unicode.IsSpace(r) {
			*c = before
			return
		}
	}
}

// next returns the character that the text at the cursor stands for, and goes behind it.
func (c *cursor) next() rune {
	r := c.peek()
	c.step()
	switch {
	case r == '\'' && c.quote == '\'' && c.peek() == '\'':
		c.step()
	case r == '\\' && c.quote == '"':
		return c.escape()
	}
	return r
}

// escape returns the character of an escape behind its backslash. A line break that is
// escaped is white space.
func (c *cursor) escape() rune {
	kind := c.peek()
	c.step()
	if digits := map[rune]int{'x': 2, 'u': 4, 'U': 8}[kind]; digits > 0 {
		r := c.hex(digits)
		if before := *c; utf16.IsSurrogate(r) && c.peek() == '\\' {
			c.step()
			c.step()
			if r = utf16.DecodeRune(r, c.hex(4)); r == unicode.ReplacementChar {
				*c = before
			}
		}
		return r
	}
	if r, ok := map[rune]rune{
		'0': 0, 'a': '\a', 'b': '\b', 't': '\t', 'n': '\n', 'v': '\v', 'f': '\f', 'r': '\r', 'e': 0x1b,
		'N': 0x85, '_': 0xa0, 'L': 0x2028, 'P': 0x2029,
	}[kind]; ok {
		return r
	}
	return kind
}

func (c *cursor) hex(digits int) rune {
	var text []byte
	for range digits {
		if r := c.peek(); r < utf8.RuneSelf && r > 0 {
			text = append(text, byte(r))
		}
		c.step()
	}
	v, _ := strconv.ParseUint(string(text), 16, 32)
	return rune(v)
}
