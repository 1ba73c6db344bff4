package jq

import (
	"bytes"
	"cmp"

	"inv/internal/jsonscan"
)

// compare orders two values as jq does. It reports false if only gojq knows.
func compare(l, r Value) (int, bool) {
	if l.kind != r.kind {
		return cmp.Compare(l.kind, r.kind), true
	}
	switch l.kind {
	case kindNumber:
		return compareNumbers(l, r)
	case kindString:
		return bytes.Compare(l.str(), r.str()), true
	case kindArray:
		return compareArrays(l.text, r.text, 0)
	case kindObject:
		return 0, bytes.Equal(l.text, r.text)
	}
	return 0, true
}

func compareNumbers(l, r Value) (int, bool) {
	x, ok := l.number()
	if !ok {
		return 0, false
	}
	y, ok := r.number()
	if !ok {
		return 0, false
	}
	return compareNums(x, y), true
}

// maxNested bounds how deeply arrays are compared, since an element is scanned at each
// level.
const maxNested = 16

func compareArrays(l, r []byte, depth int) (int, bool) {
	if depth > maxNested {
		return 0, false
	}
	a, b := jsonscan.Open(l), jsonscan.Open(r)
	for {
		x, more := a.Element()
		y, other := b.Element()
		if !more || !other {
			return cmp.Compare(truth(more), truth(other)), true
		}
		left, right := fromText(x), fromText(y)
		c, ok := 0, true
		if left.kind == kindArray && right.kind == kindArray {
			c, ok = compareArrays(x, y, depth+1)
		} else {
			c, ok = compare(left, right)
		}
		if c != 0 || !ok {
			return c, ok
		}
	}
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}
