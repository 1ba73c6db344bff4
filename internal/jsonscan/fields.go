package jsonscan

import (
	"bytes"
	"encoding/json"
)

// Fields finds the values at a fixed set of paths in one pass. It is immutable
// once all paths are added and safe for concurrent use.
type Fields struct {
	root  node
	count int
}

// NewFields returns a Fields that looks for nothing yet.
func NewFields() *Fields { return &Fields{root: node{index: -1}} }

// node is one key of the tree of paths.
type node struct {
	keys     []string
	children []*node
	index    int // of the value wanted here, or -1
}

// Add asks for the value at a path of keys and returns its index in the answers
// of Scan; the same path has the same index. The empty path is the value itself.
func (f *Fields) Add(path ...string) int {
	n := &f.root
	for _, key := range path {
		n = n.child(key)
	}
	if n.index < 0 {
		n.index = f.count
		f.count++
	}
	return n.index
}

func (n *node) child(key string) *node {
	for i, k := range n.keys {
		if k == key {
			return n.children[i]
		}
	}
	c := &node{index: -1}
	n.keys, n.children = append(n.keys, key), append(n.children, c)
	return c
}

// Len returns the number of answers of Scan.
func (f *Fields) Len() int { return f.count }

// Scan fills values[i] with the JSON text of the value at path i, nil where
// there is none. Of a repeated key the last counts, as in encoding/json. It
// reports whether b is one well-formed JSON value; if not, values is not to be
// used. values must have at least Len elements.
func (f *Fields) Scan(b []byte, values [][]byte) bool {
	values = values[:f.count]
	clear(values)
	var s scanner
	end := s.find(b, &f.root, s.space(b, 0), 0, values)
	return end >= 0 && s.space(b, end) == len(b)
}

// ScanElements is Scan for each element of a well-formed JSON array, in one
// pass: yield is called when values holds an element's answers, until it returns
// false. A text that is no array has no elements.
func (f *Fields) ScanElements(array []byte, values [][]byte, yield func() bool) {
	values = values[:f.count]
	var s scanner
	i := s.space(array, 0)
	if i >= len(array) || array[i] != '[' {
		return
	}
	for i = s.space(array, i+1); i < len(array) && array[i] != ']'; {
		clear(values)
		end := s.find(array, &f.root, i, 0, values)
		if end < 0 || !yield() {
			return
		}
		if i = s.space(array, end); i < len(array) && array[i] == ',' {
			i = s.space(array, i+1)
		}
	}
}

// find is value, filling in what n wants of it.
func (s *scanner) find(b []byte, n *node, i, depth int, values [][]byte) int {
	end := 0
	if i < len(b) && b[i] == '{' && len(n.keys) > 0 {
		end = s.findIn(b, n, i, depth, values)
	} else {
		end = s.value(b, i, depth)
	}
	if end >= 0 && n.index >= 0 {
		values[n.index] = b[i:end:end]
	}
	return end
}

// findIn is object, filling in what n's children want.
func (s *scanner) findIn(b []byte, n *node, i, depth int, values [][]byte) int {
	i = s.space(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1
	}
	for {
		if i >= len(b) || b[i] != '"' || depth >= maxDepth {
			return -1
		}
		start, before := i, s.flags
		s.flags = 0
		if i = s.str(b, i); i < 0 {
			return -1
		}
		child := n.match(b[start:i], s.flags != 0)
		s.flags |= before
		if i = s.colon(b, i); i < 0 {
			return -1
		}
		if child == nil {
			i = s.value(b, i, depth+1)
		} else {
			child.forget(values)
			i = s.find(b, child, i, depth+1, values)
		}
		if i < 0 {
			return -1
		}
		if i = s.space(b, i); i >= len(b) {
			return -1
		}
		switch b[i] {
		case ',':
			i = s.space(b, i+1)
		case '}':
			return i + 1
		default:
			return -1
		}
	}
}

// match returns the child for a key as it stands in the text, in its quotes;
// odd reports whether it may read differently there than it means.
func (n *node) match(quoted []byte, odd bool) *node {
	if odd {
		key := Unquote(quoted)
		quoted = append(append([]byte{'"'}, key...), '"')
	}
	key := quoted[1 : len(quoted)-1]
	for i, k := range n.keys {
		if len(k) == len(key) && k == string(key) {
			return n.children[i]
		}
	}
	return nil
}

// forget drops what an earlier value of the same key had given.
func (n *node) forget(values [][]byte) {
	if n.index >= 0 {
		values[n.index] = nil
	}
	for _, c := range n.children {
		c.forget(values)
	}
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// Unquote returns the text of a JSON string, as encoding/json reads it.
func Unquote(quoted []byte) string {
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') < 0 && isASCII(inner) {
		return string(inner)
	}
	var text string
	if json.Unmarshal(quoted, &text) != nil {
		return string(inner) // callers pass well-formed strings only
	}
	return text
}
