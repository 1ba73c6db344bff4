package convert

import (
	"bytes"
	"cmp"
	"slices"
	"unicode/utf8"
)

// run is a chain of elements of a name: its first and last node.
type run struct{ head, tail int32 }

// appendValue appends the JSON value of an element; p has the lists in it.
func (x *XML) appendValue(dst []byte, at int32, p *path) []byte {
	n := &x.nodes[at]
	if at > 0 && n.flags&(isNil|described|hasText|hasElements) == isNil {
		return append(dst, "null"...)
	}
	if at > 0 && n.flags&(hasElements|hasAttributes) == 0 && !p.declares() {
		return append(x.appendText(append(dst, '"'), n), '"')
	}
	dst = append(dst, '{')
	c := n.first
	for ; c != 0 && x.nodes[c].kind == attribute; c = x.nodes[c].next {
		a := &x.nodes[c]
		dst = append(append(append(dst, `"@`...), x.b[a.from:a.to]...), `":"`...)
		dst = append(x.appendPiece(dst, x.b[a.first:a.last], a), '"', ',')
	}
	if n.flags&hasText != 0 {
		dst = append(dst, `"#text":"`...)
		dst = append(x.appendText(dst, n), '"', ',')
	}
	if n.flags&hasElements != 0 {
		x.group(c)
		dst = x.appendElements(dst, c, p)
	}
	if p != nil {
		dst = x.appendEmpty(dst, n, p)
	}
	if last := len(dst) - 1; dst[last] == ',' {
		dst = dst[:last]
	}
	return append(dst, '}')
}

// appendElements appends the elements of the chain from c on, each with a comma.
func (x *XML) appendElements(dst []byte, c int32, p *path) []byte {
	for ; c != 0; c = x.nodes[c].next {
		e := &x.nodes[c]
		if e.kind != element || e.flags&follower != 0 {
			continue
		}
		name := x.b[e.from:e.to]
		of := p.child(name)
		dst = append(append(append(dst, '"'), name...), '"', ':')
		if e.same == 0 && (of == nil || !of.list) {
			dst = append(x.appendValue(dst, c, of), ',')
			continue
		}
		dst = append(dst, '[')
		for s := c; s != 0; s = x.nodes[s].same {
			dst = append(x.appendValue(dst, s, of), ',')
		}
		dst[len(dst)-1] = ']'
		dst = append(dst, ',')
	}
	return dst
}

// appendEmpty appends the declared lists that an element lacks, each with a comma.
func (x *XML) appendEmpty(dst []byte, n *node, p *path) []byte {
	for _, next := range p.next {
		if !next.list || x.holds(n, next.name) {
			continue
		}
		dst = append(append(append(dst, '"'), next.name...), `":[],`...)
	}
	return dst
}

func (x *XML) holds(n *node, name string) bool {
	for c := n.first; c != 0; c = x.nodes[c].next {
		if e := &x.nodes[c]; e.kind == element && string(x.b[e.from:e.to]) == name {
			return true
		}
	}
	return false
}

// group chains the elements of the same name of the chain from c on.
func (x *XML) group(c int32) {
	x.runs = x.runs[:0]
	for ; c != 0; c = x.nodes[c].next {
		switch e := &x.nodes[c]; {
		case e.kind != element:
		case e.flags&follower != 0:
			x.runs[len(x.runs)-1].tail = c
		default:
			x.runs = append(x.runs, run{c, c})
		}
	}
	x.join()
}

// few is how many names are compared each with each; more are sorted, since a hostile value
// could have a million.
const few = 12

// join chains the runs that have the same name, and returns a node that follows another,
// 0 if all names differ.
func (x *XML) join() (second int32) {
	runs := x.runs
	if len(runs) <= few {
		for j := 1; j < len(runs); j++ {
			for i := range j {
				if x.sameName(runs[i].head, runs[j].head) {
					second = x.chain(&runs[i], &runs[j])
					runs = slices.Delete(runs, j, j+1)
					j--
					break
				}
			}
		}
		return second
	}
	slices.SortFunc(runs, func(a, b run) int {
		m, n := &x.nodes[a.head], &x.nodes[b.head]
		return cmp.Or(bytes.Compare(x.b[m.from:m.to], x.b[n.from:n.to]), int(a.head-b.head))
	})
	first := 0
	for i := 1; i < len(runs); i++ {
		if x.sameName(runs[first].head, runs[i].head) {
			second = x.chain(&runs[first], &runs[i])
		} else {
			first = i
		}
	}
	return second
}

func (x *XML) sameName(a, b int32) bool {
	m, n := &x.nodes[a], &x.nodes[b]
	return m.to-m.from == n.to-n.from && string(x.b[m.from:m.to]) == string(x.b[n.from:n.to])
}

// chain appends a run to an earlier one.
func (x *XML) chain(first, second *run) int32 {
	x.nodes[first.tail].same = second.head
	x.nodes[second.head].flags |= follower
	first.tail = second.tail
	return second.head
}

// appendText appends the text of an element. Beside elements, white space at both ends is
// cut.
func (x *XML) appendText(dst []byte, n *node) []byte {
	if n.flags&hasText == 0 {
		return dst
	}
	cut := n.flags&hasElements != 0
	first, last := n.first, n.last
	if cut {
		first, last = 0, 0
		for c := n.first; c != 0; c = x.nodes[c].next {
			if t := &x.nodes[c]; t.kind >= text && t.flags&blank == 0 {
				if last = c; first == 0 {
					first = c
				}
			}
		}
	}
	for c := first; c != 0; c = x.nodes[c].next {
		if t := &x.nodes[c]; t.kind >= text {
			piece := x.b[t.from:t.to]
			if cut && c == first && t.kind == text {
				piece = bytes.TrimLeft(piece, " \t\r\n")
			}
			if cut && c == last && t.kind == text {
				piece = bytes.TrimRight(piece, " \t\r\n")
			}
			dst = x.appendPiece(dst, piece, t)
		}
		if c == last {
			break
		}
	}
	return dst
}

// appendPiece appends a text, or the value of an attribute, as the content of a JSON
// string. It has been checked.
func (x *XML) appendPiece(dst, piece []byte, of *node) []byte {
	if of.flags&clean != 0 {
		return append(dst, piece...)
	}
	start := 0
	for i := 0; i < len(piece); {
		c := piece[i]
		switch classes[c] {
		case plain:
			i++
			continue
		case high:
			r, size := utf8.DecodeRune(piece[i:])
			if !x.v11 || r != 0x85 && r != 0x2028 {
				i += size
				continue
			}
		}
		dst = append(dst, piece[start:i]...)
		switch {
		case c == '&' && of.kind != cdata:
			r, end := reference(piece, i)
			if i = end; r < utf8.RuneSelf {
				dst = appendEscape(dst, byte(r))
			} else {
				dst = utf8.AppendRune(dst, r)
			}
		case of.kind == attribute && (c == '\t' || c == '\n'):
			dst = append(dst, ' ')
			i++
		case c == '\r' || c >= utf8.RuneSelf:
			if i += x.lineEnd(piece[i:]); of.kind == attribute {
				dst = append(dst, ' ')
			} else {
				dst = append(dst, '\\', 'n')
			}
		default:
			dst = appendEscape(dst, c)
			i++
		}
		start = i
	}
	return append(dst, piece[start:]...)
}

// lineEnd returns the length of the line end that a text begins with: CR, CR LF, and in
// XML 1.1 CR NEL, NEL and LS.
func (x *XML) lineEnd(b []byte) int {
	switch {
	case b[0] != '\r':
		_, size := utf8.DecodeRune(b)
		return size
	case len(b) > 1 && b[1] == '\n':
		return 2
	case x.v11 && len(b) > 2 && b[1] == 0xc2 && b[2] == 0x85:
		return 3
	}
	return 1
}
