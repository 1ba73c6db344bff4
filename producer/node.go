package producer

import (
	"strconv"
	"time"

	"inv/internal/registry/shape"
	"inv/internal/scenario"
)

// kind is the type of a node's value.
type kind int

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindString
	kindMixed // plain values of several kinds
	kindObject
	kindList
	kindChoice // one of several values that are not all plain
)

var kindNames = [...]string{"null", "a boolean", "a number", "a text", "values of several kinds", "an object", "a list", "one of several objects or lists"}

// node is a compiled generator. A plain value has text and json, a number and a
// boolean (0 or 1) num besides; objects have fields, lists items or elem.
type node struct {
	kind   kind
	text   appendFunc // the value as plain text; null is empty
	json   appendFunc
	safe   bool    // text never needs escaping, in any format
	pieces []piece // what text consists of, to merge with its neighbours; nil: unknown
	num    numFunc
	dec    int      // num is in units of 10^-dec
	limits limits   // of num
	unfit  bool     // some values are numbers, but num can't hold all of them
	bytes  []byte   // json of a constant
	pick   *picker  // what draws the value, if a single draw does
	drawn  [][]byte // json of the rows of pick, if they are few and constant
	nums   []int64  // num of the same, if they are numbers
	inline *inline  // the value, if a step can write it without a call

	// What is known of the value besides, for its type, see shaping.
	unit    time.Duration               // it is a number of these since 1970; 0: it is no such time
	date    bool                        // it is a text such as 2006-01-02
	day     bool                        // and of instant in UTC
	uuid    bool                        // it is a UUID
	symbols []string                    // all that a text can be, if the scenario lists them
	open    bool                        // limits are those of a sample
	forms   func(*shaping) []shape.Type // the types of a value of several; nil: it follows from the rest

	instant numFunc // the time that the value is, epoch ms; nil: it is no time

	absent testFunc // the field is left out; nil: never
	null   testFunc // the value is null; nil: never
	// guarded: text is empty, and json null, where the value is null or absent.
	guarded bool

	fields  []fieldNode
	hidden  []fieldNode // fields that are not written
	items   []*node
	elem    *node
	element *builder // of the elements' fields
	length  numFunc
	lengths *uniform                                     // length, if it is a draw; otherwise nil
	key     uint64                                       // of the elements' randomness
	enter   func(w *worker, f *frame, e *frame, i int64) // sets an element's frame
	slot    int                                          // in worker.totals, if less than maxTotals

	choices    []*node // the value is one of these, if not all are plain
	pickChoice func(w *worker, f *frame) (of *frame, i int64)

	sum *sum // what num adds up; nil: it is not a sum

	timed bool // depends on the event time, the state or the cause
	cost  int  // the largest number of plain values that one evaluation computes
}

// piece is a part of a text: a constant or a value.
type piece struct {
	literal string
	value   appendFunc
	inline  *inline // value, if a step can write it without a call
}

// sum adds up a number over a list's elements.
type sum struct {
	list  *node
	num   numFunc                 // of an element
	known *drawnNumber            // the same, if it follows from draws alone; otherwise nil
	round func(total int64) int64 // nil: the total is in the right unit
}

type fieldNode struct {
	name string
	node *node
	pos  scenario.Position // of the name

	evolved *scenario.Evolved // its default and earlier names; nil: none
}

// leaf completes a plain value's node: its JSON is its text, quoted if it is a string.
func leaf(n *node) *node {
	n.cost = max(n.cost, 1)
	switch {
	case n.json != nil:
	case n.kind == kindString:
		text := escapedText(n, appendJSONText)
		n.json = func(w *worker, f *frame, dst []byte) []byte { return append(text(w, f, append(dst, '"')), '"') }
	default:
		n.json = n.text
	}
	return n
}

func constant(v scenario.Scalar) *node {
	n := &node{kind: kind(v.Kind), text: literalText(v.Text), bytes: []byte(v.Text), cost: 1, guarded: true}
	n.safe = plain(n.bytes)
	switch v.Kind {
	case scenario.KindNull:
		n.bytes = []byte("null")
		n.num, n.null = zero, always
	case scenario.KindString:
		n.bytes = appendString(nil, n.bytes)
	case scenario.KindNumber:
		if number, ok := v.Number(); ok {
			n.num, n.dec = func(*worker, *frame) int64 { return number.Units }, number.Decimals
			n.limits = limits{number.Units, number.Units}
		}
		n.unfit = n.num == nil
	case scenario.KindBool:
		n.num, n.limits = boolean(func(*worker, *frame) bool { return v.Text == "true" }).num, limits{0, 1}
	}
	n.json = literalText(string(n.bytes))
	return n
}

func literalText(text string) appendFunc {
	return func(_ *worker, _ *frame, dst []byte) []byte { return append(dst, text...) }
}

// number returns the node of a number in units of 10^-dec.
func number(dec int, l limits, num numFunc) *node {
	return leaf(&node{kind: kindNumber, num: num, dec: dec, limits: l, safe: true,
		text: func(w *worker, f *frame, dst []byte) []byte { return appendDecimal(dst, num(w, f), dec) }})
}

// boolean returns the node of a boolean.
func boolean(test testFunc) *node {
	return leaf(&node{kind: kindBool, safe: true, limits: limits{0, 1},
		num: func(w *worker, f *frame) int64 {
			if test(w, f) {
				return 1
			}
			return 0
		},
		text: func(w *worker, f *frame, dst []byte) []byte { return strconv.AppendBool(dst, test(w, f)) }})
}

// scaled returns a number's function in units of 10^-dec, where dec is at least its own
// and its limits fit.
func (n *node) scaled(dec int) numFunc {
	round, _ := rounding(n.limits.span(), n.dec, dec)
	return converted(n.num, round)
}

// in returns the node computed in another frame, which enter returns and may push unless
// the node is a list.
func (n *node) in(enter func(w *worker, f *frame) *frame) *node {
	out := *n
	out.pieces, out.inline, out.pick, out.drawn, out.nums, out.sum = nil, nil, nil, nil, nil, nil
	out.text, out.json = appendIn(enter, n.text), appendIn(enter, n.json)
	out.num, out.null, out.absent = evalIn(enter, n.num), evalIn(enter, n.null), evalIn(enter, n.absent)
	out.instant = evalIn(enter, n.instant)
	if pick := n.pickChoice; pick != nil {
		out.pickChoice = func(w *worker, f *frame) (*frame, int64) { return pick(w, enter(w, f)) }
	}
	out.length = evalIn(enter, n.length)
	if n.enter != nil {
		out.enter = func(w *worker, f *frame, e *frame, i int64) { n.enter(w, enter(w, f), e, i) }
	}
	return &out
}

func appendIn(enter func(w *worker, f *frame) *frame, fn appendFunc) appendFunc {
	if fn == nil {
		return nil
	}
	return func(w *worker, f *frame, dst []byte) []byte {
		depth := w.depth
		dst = fn(w, enter(w, f), dst)
		w.depth = depth
		return dst
	}
}

func evalIn[T any](enter func(w *worker, f *frame) *frame, fn func(*worker, *frame) T) func(*worker, *frame) T {
	if fn == nil {
		return nil
	}
	return func(w *worker, f *frame) T {
		depth := w.depth
		v := fn(w, enter(w, f))
		w.depth = depth
		return v
	}
}

// climbed returns a node of an enclosing frame, computed from an inner one.
func (n *node) climbed(levels int) *node {
	if levels == 0 {
		return n
	}
	return n.in(func(_ *worker, f *frame) *frame {
		for range levels {
			f = f.up
		}
		return f
	})
}
