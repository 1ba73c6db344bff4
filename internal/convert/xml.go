package convert

import (
	"bytes"
	"fmt"
	"strings"
)

// XML converts XML values to JSON. It keeps its buffers from one value to the next, and is
// not safe for concurrent use.
type XML struct {
	lists *path
	b     []byte // the value
	v11   bool   // it declares XML 1.1
	nodes []node // the tree: nodes[0] is the root
	open  []int32
	runs  []run
}

// path is an element on the way to declared lists, by their paths from the record.
type path struct {
	name string
	list bool
	next []*path
}

// keepNodes is how large a tree's memory may be to be used again.
const keepNodes = 1 << 14

// NewXML returns a converter. lists are the paths of elements that are lists also when
// there is one or none: names from the record on, with dots between them, such as
// "addr.line".
func NewXML(lists []string) (*XML, error) {
	x := &XML{lists: &path{}}
	for _, list := range lists {
		at := x.lists
		for name := range strings.SplitSeq(list, ".") {
			if n := nameEnd([]byte(name), 0); n == 0 || n != len(name) {
				return nil, fmt.Errorf("%q is not the path of an element: write names with dots between them, as in addr.line", list)
			}
			at = at.add(name)
		}
		at.list = true
	}
	return x, nil
}

func (p *path) add(name string) *path {
	if next := p.child([]byte(name)); next != nil {
		return next
	}
	next := &path{name: name}
	p.next = append(p.next, next)
	return next
}

// child returns the path one element on, nil if no list is there.
func (p *path) child(name []byte) *path {
	if p == nil {
		return nil
	}
	for _, next := range p.next {
		if next.name == string(name) {
			return next
		}
	}
	return nil
}

// declares reports whether elements in this one are declared as lists.
func (p *path) declares() bool {
	if p != nil {
		for _, next := range p.next {
			if next.list {
				return true
			}
		}
	}
	return false
}

// AppendJSON appends an XML value as a JSON object on one line. On an error, which is an
// [*Error], it returns dst as it was.
func (x *XML) AppendJSON(dst, value []byte) ([]byte, error) {
	x.b, x.v11, x.nodes, x.open = value, false, x.nodes[:0], x.open[:0]
	err := x.parse()
	if err == nil {
		dst = x.appendValue(dst, 0, x.lists)
	}
	x.b = nil
	if cap(x.nodes) > keepNodes {
		x.nodes, x.runs = nil, nil
	}
	return dst, err
}

// node is an element, an attribute or a piece of text. Those in an element are chained in
// their order.
type node struct {
	from, to    int32 // the name, or the text
	first, last int32 // an element's first and last node, 0: none; the value of an attribute
	recent      int32 // an element's last element
	next        int32 // in the same element, 0: none
	same        int32 // the next element of the same name in it, 0: none
	kind        kind
	flags       flags
}

type kind uint8

const (
	element kind = iota
	attribute
	text
	cdata
)

type flags uint8

const (
	hasElements flags = 1 << iota
	hasAttributes
	hasText   // more than white space
	described // it has an attribute other than xsi:nil and namespace declarations
	isNil     // xsi:nil="true"
	follower  // an element before it in the same element has its name
	clean     // the text is the content of a JSON string as it is
	blank     // the text is white space
)

// add adds a node to the innermost open element.
func (x *XML) add(n node) error {
	if len(x.nodes) == MaxNodes {
		return wrong(int(n.from), "the value has more than %d elements, attributes and texts", MaxNodes)
	}
	at := int32(len(x.nodes))
	x.nodes = append(x.nodes, n)
	if at == 0 {
		return nil
	}
	in := &x.nodes[x.open[len(x.open)-1]]
	if in.last == 0 {
		in.first = at
	} else {
		x.nodes[in.last].next = at
	}
	in.last = at
	return nil
}

// parse builds the tree.
func (x *XML) parse() error {
	i, err := begin(x.b)
	if err == nil {
		i, err = x.declaration(i)
	}
	if err == nil {
		i, err = x.misc(i, "an element")
	}
	if err == nil && i == len(x.b) {
		err = wrong(i, "the value ends without an element")
	}
	if err == nil {
		i, err = x.startTag(i)
	}
	for err == nil && len(x.open) > 0 {
		i, err = x.content(i)
	}
	if err == nil {
		i, err = x.misc(i, "the end of the value after the root element")
	}
	if err == nil && i < len(x.b) {
		err = wrong(i, "a second root element; expected the end of the value")
	}
	return err
}

// misc skips white space, comments and processing instructions outside of the root, up to
// an element or the end.
func (x *XML) misc(i int, expected string) (int, error) {
	for {
		i = x.space(i)
		switch {
		case i == len(x.b):
			return i, nil
		case x.b[i] != '<' || x.has(i, "</"):
			return i, wrong(i, "expected %s, found %s", expected, x.found(i))
		case !x.has(i, "<!") && !x.has(i, "<?"):
			return i, nil
		case x.has(i, "<![CDATA["):
			return i, wrong(i, "a CDATA section outside of the root element")
		}
		var err error
		if i, err = x.aside(i); err != nil {
			return i, err
		}
	}
}

// content reads the next text, tag, comment or instruction in the innermost element.
func (x *XML) content(i int) (int, error) {
	b := x.b
	switch {
	case i == len(b):
		n := &x.nodes[x.open[len(x.open)-1]]
		return i, wrong(i, "the value ends before </%s>", b[n.from:n.to])
	case b[i] != '<':
		return x.text(i)
	case i+1 < len(b) && b[i+1] == '/':
		return x.endTag(i)
	case i+1 < len(b) && (b[i+1] == '!' || b[i+1] == '?'):
		return x.aside(i)
	}
	return x.startTag(i)
}

// startTag reads a start tag, or the tag of an empty element.
func (x *XML) startTag(i int) (int, error) {
	b, start := x.b, i
	if len(x.open) == MaxDepth {
		return i, wrong(i, "more than %d elements in each other", MaxDepth)
	}
	end := nameEnd(b, i+1)
	if end == i+1 {
		return i, wrong(i+1, "expected the name of an element after <, found %s", x.found(i+1))
	}
	at, n := int32(len(x.nodes)), node{kind: element, from: int32(i + 1), to: int32(end)}
	if len(x.open) > 0 {
		in := &x.nodes[x.open[len(x.open)-1]]
		in.flags |= hasElements
		// Elements of a list mostly follow each other. Others are found in group.
		if last := &x.nodes[in.recent]; in.recent > 0 && bytes.Equal(b[last.from:last.to], b[i+1:end]) {
			last.same, n.flags = at, follower
		}
		in.recent = at
	}
	if err := x.add(n); err != nil {
		return i, err
	}
	x.open = append(x.open, at)
	for i = end; ; {
		before := i
		i = x.space(i)
		switch {
		case i == len(b):
			return i, wrong(i, "the value ends in the tag <%s at byte %d", b[start+1:end], start)
		case b[i] == '>':
			return i + 1, x.distinct(at)
		case x.has(i, "/>"):
			x.open = x.open[:len(x.open)-1]
			return i + 2, x.distinct(at)
		case i == before:
			return i, wrong(i, "expected white space, > or /> in the tag <%s, found %s", b[start+1:end], x.found(i))
		}
		var err error
		if i, err = x.attribute(i, at); err != nil {
			return i, err
		}
	}
}

// endTag reads the end tag of the innermost element.
func (x *XML) endTag(i int) (int, error) {
	n := &x.nodes[x.open[len(x.open)-1]]
	name, end := x.b[n.from:n.to], i+2+int(n.to-n.from)
	if end > len(x.b) || !bytes.Equal(x.b[i+2:end], name) || nameEnd(x.b, i+2) != end {
		return i, wrong(i, "expected </%s>, found %s", name, x.found(i))
	}
	if i = x.space(end); i == len(x.b) || x.b[i] != '>' {
		return i, wrong(i, "expected > after </%s, found %s", name, x.found(i))
	}
	x.open = x.open[:len(x.open)-1]
	return i + 1, nil
}

// attribute reads an attribute of the element at a node.
func (x *XML) attribute(i int, of int32) (int, error) {
	b := x.b
	end := nameEnd(b, i)
	if end == i {
		return i, wrong(i, "expected an attribute, > or />, found %s", x.found(i))
	}
	name := b[i:end]
	n := node{kind: attribute, from: int32(i), to: int32(end)}
	if i = x.space(end); i == len(b) || b[i] != '=' {
		return i, wrong(i, "expected = after the attribute %s, found %s", name, x.found(i))
	}
	if i = x.space(i + 1); i == len(b) || b[i] != '"' && b[i] != '\'' {
		return i, wrong(i, "expected the value of the attribute %s in quotes, found %s", name, x.found(i))
	}
	stop, clean, err := x.attributeValue(i)
	if err != nil {
		return i, err
	}
	n.first, n.last, n.flags = int32(i+1), int32(stop), clean
	if err := x.add(n); err != nil {
		return i, err
	}
	e := &x.nodes[of]
	switch value := b[i+1 : stop]; {
	case string(name) == "xsi:nil":
		if string(value) == "true" || string(value) == "1" {
			e.flags |= isNil
		}
	case !bytes.HasPrefix(name, []byte("xmlns")) || len(name) > 5 && name[5] != ':':
		e.flags |= described
	}
	e.flags |= hasAttributes
	return stop + 1, nil
}

// distinct is an error if an element has two attributes of a name. Its attributes are its
// only nodes so far.
func (x *XML) distinct(at int32) error {
	n := &x.nodes[at]
	if n.first == n.last {
		return nil
	}
	x.runs = x.runs[:0]
	for c := n.first; c != 0; c = x.nodes[c].next {
		x.runs = append(x.runs, run{c, c})
	}
	if second := x.join(); second != 0 {
		n := &x.nodes[second]
		return wrong(int(n.from), "a second attribute %s", x.b[n.from:n.to])
	}
	return nil
}
