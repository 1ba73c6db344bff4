package jsonscan

import (
	"bytes"
	"encoding/json"
	"slices"
	"unicode/utf8"
)

// Fields finds the values at a fixed set of paths in one pass. It is immutable
// once all paths are added and safe for concurrent use.
type Fields struct {
	root  node
	count int
}

// NewFields returns a Fields without paths.
func NewFields() *Fields { return &Fields{root: node{index: -1}} }

// node is one key of the tree of paths.
type node struct {
	keys     []string
	children []*node
	index    int // of the value in the results of Scan; -1: not wanted
}

// Add adds a path of keys and returns the index of its value in the results of
// Scan; the same path has the same index. The empty path is the whole value.
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

// AddBelow adds the paths of g below a key without paths, and returns by how much the
// indexes of their values are greater than in the results of g.
func (f *Fields) AddBelow(key string, g *Fields) (by int) {
	by = f.count
	f.root.child(key).graft(&g.root, by)
	f.count += g.count
	return by
}

// graft adds what another node wants, with indexes that are greater.
func (n *node) graft(from *node, by int) {
	if from.index >= 0 {
		n.index = from.index + by
	}
	for i, key := range from.keys {
		n.child(key).graft(from.children[i], by)
	}
}

func (n *node) child(key string) *node {
	if i := slices.Index(n.keys, key); i >= 0 {
		return n.children[i]
	}
	c := &node{index: -1}
	n.keys, n.children = append(n.keys, key), append(n.children, c)
	return c
}

// Len returns the number of results of Scan.
func (f *Fields) Len() int { return f.count }

// Scan sets values[i] to the JSON text of the value at path i, nil if it is absent.
// Of a repeated key the last counts, as in encoding/json. Scan reports whether b is
// one well-formed JSON value; otherwise values are undefined. values must have at
// least Len elements.
func (f *Fields) Scan(b []byte, values [][]byte) bool {
	_, ok := f.Find(b, values)
	return ok
}

// Find is Scan with the flags that [AppendSafe] takes.
func (f *Fields) Find(b []byte, values [][]byte) (Flags, bool) {
	values = values[:f.count]
	clear(values)
	var s scanner
	end := s.find(b, &f.root, s.begin(b), 0, values)
	ok := end >= 0 && s.space(b, end) == len(b)
	return s.flags, ok
}

// ScanPrefix is Scan of the JSON value that b begins with, without white space before it.
// It returns the index after it, or -1.
func (f *Fields) ScanPrefix(b []byte, values [][]byte) int {
	values = values[:f.count]
	clear(values)
	var s scanner
	return s.find(b, &f.root, 0, 0, values)
}

// ScanElements scans each element of a well-formed JSON array, in one pass, and
// calls yield with its results in values, until yield returns false. Other JSON
// has no elements.
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

// find returns the index after the value at i, or -1, and sets what n wants of it.
func (s *scanner) find(b []byte, n *node, i, depth int, values [][]byte) int {
	end := 0
	if i < len(b) && b[i] == '{' && len(n.keys) > 0 {
		end = s.object(b, n, i, depth, values)
	} else {
		end = s.value(b, i, depth)
	}
	if end >= 0 && n.index >= 0 {
		values[n.index] = b[i:end:end]
	}
	return end
}

// match returns the child for a key in its quotes; unclean reports that the key may
// need unquoting.
func (n *node) match(quoted []byte, unclean bool) *node {
	key := quoted[1 : len(quoted)-1]
	if unclean {
		key = Unquote(quoted)
	}
	for i, k := range n.keys {
		if len(k) == len(key) && k == string(key) {
			return n.children[i]
		}
	}
	return nil
}

// forget drops the values of an earlier occurrence of the same key.
func (n *node) forget(values [][]byte) {
	if n.index >= 0 {
		values[n.index] = nil
	}
	for _, c := range n.children {
		c.forget(values)
	}
}

// Unquote returns the text of a well-formed JSON string, as encoding/json reads it.
// It may be part of quoted.
func Unquote(quoted []byte) []byte {
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return inner
	}
	var text string
	if json.Unmarshal(quoted, &text) != nil {
		return inner // it was not well-formed
	}
	return []byte(text)
}

// IsObject reports whether well-formed JSON is an object.
func IsObject(b []byte) bool {
	var s scanner
	i := s.begin(b)
	return i < len(b) && b[i] == '{'
}
