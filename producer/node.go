package producer

import (
	"math/bits"
	"strconv"

	"inv/internal/scenario"
)

// kind is what a node's value is.
type kind int

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindString
	kindMixed // a plain value of more than one kind
	kindObject
	kindList
)

var kindNames = [...]string{"null", "a truth value", "a number", "a text", "values of several kinds", "an object", "a list"}

// node is a compiled generator. A plain value has text and json, a number and a
// truth value (0 or 1) num besides; objects have fields, lists items or elem.
type node struct {
	kind   kind
	text   appendFunc // the value as plain text; nothing for null
	json   appendFunc
	safe   bool    // text never needs escaping, in no format
	pieces []piece // what text is made of, if it is; so that it melts into what is around it
	num    numFunc
	dec    int      // num is in units of 10^-dec
	bytes  []byte   // json of a constant
	pick   *picker  // what draws the value, if one draw does
	drawn  [][]byte // json of what it draws from, if that is few constants

	absent testFunc // the field is left out; nil: never
	null   testFunc // the value is null; nil: never

	fields  []fieldNode
	hidden  []fieldNode // fields that are not written
	items   []*node
	elem    *node
	element *builder // of the elements' fields
	length  numFunc
	enter   func(w *worker, f *frame, e *frame, i int64) // fills in an element's frame
	slot    int                                          // in worker.totals, if less than maxTotals

	sum *sum // what num adds up; nil: it is no sum

	timed bool // depends on the event time
	cost  int  // how many plain values one evaluation computes at most
}

// piece is a part of a text: bytes that are always the same, or a value.
type piece struct {
	literal string
	value   appendFunc
}

// sum adds a number up over a list's elements.
type sum struct {
	list  *node
	num   numFunc                 // of an element
	round func(total int64) int64 // nil: the total is in the right unit
}

type fieldNode struct {
	name string
	node *node
}

// leaf completes a plain value's node: its JSON comes from its text and kind.
func leaf(n *node) *node {
	text := n.text
	n.cost = max(n.cost, 1)
	switch {
	case n.json != nil:
	case n.kind != kindString:
		n.json = text
	case n.safe:
		n.json = func(w *worker, f *frame, dst []byte) []byte {
			return append(text(w, f, append(dst, '"')), '"')
		}
	default:
		n.json = func(w *worker, f *frame, dst []byte) []byte {
			dst = append(dst, '"')
			start := len(dst)
			return append(w.escape(text(w, f, dst), start, appendJSONText), '"')
		}
	}
	return n
}

func constant(v scenario.Scalar) *node {
	n := &node{kind: kind(v.Kind), dec: 0}
	text := []byte(v.Text)
	n.text = func(_ *worker, _ *frame, dst []byte) []byte { return append(dst, text...) }
	switch v.Kind {
	case scenario.KindNull:
		n.bytes = []byte("null")
	case scenario.KindString:
		n.bytes = append(appendJSONText([]byte{'"'}, text), '"')
	case scenario.KindNumber:
		n.bytes = text
		if number, ok := v.Number(); ok {
			n.num, n.dec = func(*worker, *frame) int64 { return number.Units }, number.Decimals
		}
	case scenario.KindBool:
		n.bytes = text
		is := int64(0)
		if v.Text == "true" {
			is = 1
		}
		n.num = func(*worker, *frame) int64 { return is }
	}
	n.safe = v.Kind != scenario.KindString
	n.json = func(_ *worker, _ *frame, dst []byte) []byte { return append(dst, n.bytes...) }
	n.cost = 1
	return n
}

// number is the node of a number in units of 10^-dec.
func number(dec int, num numFunc) *node {
	n := &node{kind: kindNumber, num: num, dec: dec, safe: true}
	if dec == 0 {
		n.text = func(w *worker, f *frame, dst []byte) []byte { return appendInt(dst, num(w, f)) }
	} else {
		n.text = func(w *worker, f *frame, dst []byte) []byte { return appendDecimal(dst, num(w, f), dec) }
	}
	return leaf(n)
}

// truth is the node of a truth value.
func truth(test testFunc) *node {
	return leaf(&node{kind: kindBool, safe: true,
		num: func(w *worker, f *frame) int64 {
			if test(w, f) {
				return 1
			}
			return 0
		},
		text: func(w *worker, f *frame, dst []byte) []byte { return strconv.AppendBool(dst, test(w, f)) }})
}

// scaled is a number's function in units of 10^-dec, which is not less than its own.
func (n *node) scaled(dec int) numFunc {
	if n.dec == dec {
		return n.num
	}
	num, unit := n.num, pow10(dec-n.dec)
	return func(w *worker, f *frame) int64 { return num(w, f) * unit }
}

func pow10(n int) int64 {
	v := int64(1)
	for range n {
		v *= 10
	}
	return v
}

const digits = "00010203040506070809101112131415161718192021222324252627282930313233343536373839" +
	"40414243444546474849505152535455565758596061626364656667686970717273747576777879" +
	"8081828384858687888990919293949596979899"

// appendInt is strconv.AppendInt without its buffer: the digits are counted
// first, and written where they belong.
func appendInt(dst []byte, v int64) []byte {
	u, n := uint64(v), len(dst)
	if u < 10 {
		return append(dst, byte('0'+u))
	}
	if u >= 1e18 || cap(dst)-n < 20 {
		return strconv.AppendInt(dst, v, 10)
	}
	// 1233/4096 is a little more than the logarithm of 2 to the base 10.
	width := bits.Len64(u) * 1233 >> 12
	if u >= powers[width] {
		width++
	}
	dst = dst[:n+width]
	at := dst[n:]
	for u >= 100 {
		pair := u % 100 * 2
		u /= 100
		at[len(at)-1], at[len(at)-2] = digits[pair+1], digits[pair]
		at = at[:len(at)-2]
	}
	if u < 10 {
		at[0] = byte('0' + u)
	} else {
		at[0], at[1] = digits[u*2], digits[u*2+1]
	}
	return dst
}

var powers = [...]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

// thousands writes integers that grow in small steps, such as the numbers of
// records and epoch milliseconds: it remembers the digits above the last three.
type thousands struct {
	above int64
	text  literal
	buf   [20]byte
}

func (t *thousands) append(dst []byte, v int64) []byte {
	if v < 1000 {
		return appendInt(dst, v)
	}
	above := v / 1000
	if above != t.above {
		t.above, t.text = above, newLiteral(appendInt(t.buf[:0], above))
	}
	rest := v - above*1000
	pair := rest % 100 * 2
	return append(t.text.append(dst), byte('0'+rest/100), digits[pair], digits[pair+1])
}

// appendPadded writes v with at least width digits.
func appendPadded(dst []byte, v int64, width int) []byte {
	if v < 0 {
		dst, v = append(dst, '-'), -v
	}
	for rest := width - 1; rest > 0 && (rest > 18 || v < pow10(rest)); rest-- {
		dst = append(dst, '0')
	}
	return appendInt(dst, v)
}

// appendDecimal writes v, in units of 10^-dec, with dec decimals.
func appendDecimal(dst []byte, v int64, dec int) []byte {
	if dec == 0 {
		return appendInt(dst, v)
	}
	if v < 0 {
		dst, v = append(dst, '-'), -v
	}
	if dec == 2 {
		cents := v % 100 * 2
		return append(append(appendInt(dst, v/100), '.'), digits[cents], digits[cents+1])
	}
	unit := pow10(dec)
	dst = append(appendInt(dst, v/unit), '.')
	for rest := v % unit; dec > 0; dec-- {
		unit /= 10
		dst = append(dst, byte('0'+rest/unit))
		rest %= unit
	}
	return dst
}
