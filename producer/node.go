package producer

import (
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
	nums   []int64  // num of the same, if they are numbers
	short  *short   // the value, if a step can write it itself

	absent testFunc // the field is left out; nil: never
	null   testFunc // the value is null; nil: never

	fields  []fieldNode
	hidden  []fieldNode // fields that are not written
	items   []*node
	elem    *node
	element *builder // of the elements' fields
	length  numFunc
	evenly  *uniform                                     // length, if it is a draw; nil: it is not
	key     uint64                                       // of the elements' randomness
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
	short   *short // value, if a step can write it itself
}

// sum adds a number up over a list's elements.
type sum struct {
	list  *node
	num   numFunc                 // of an element
	known *tabled                 // the same, if it follows from draws; nil: it does not
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

// number returns the node of a number in units of 10^-dec.
func number(dec int, num numFunc) *node {
	n := &node{kind: kindNumber, num: num, dec: dec, safe: true}
	if dec == 0 {
		n.text = func(w *worker, f *frame, dst []byte) []byte { return appendInt(dst, num(w, f)) }
	} else {
		n.text = func(w *worker, f *frame, dst []byte) []byte { return appendDecimal(dst, num(w, f), dec) }
	}
	return leaf(n)
}

// truth returns the node of a truth value.
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

// scaled returns a number's function in units of 10^-dec, which is not less than its own.
func (n *node) scaled(dec int) numFunc {
	if n.dec == dec {
		return n.num
	}
	num, unit := n.num, pow10(dec-n.dec)
	return func(w *worker, f *frame) int64 { return num(w, f) * unit }
}
