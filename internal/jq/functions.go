package jq

import (
	"bytes"
	"math"
	"regexp"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/itchyny/gojq"

	"inv/internal/jsonscan"
)

// simple are functions of the value alone.
var simple = map[string]func(*Evaluator, Value) Value{
	"length": length, "floor": floor, "ascii_downcase": downcase, "todate": toDate,
	"tostring": toString, "min": leastOf, "max": greatestOf, "add": sum,
}

// stringTests are jq's tests of a string.
var stringTests = map[string]func(text, want []byte) bool{
	"startswith": bytes.HasPrefix,
	"endswith":   bytes.HasSuffix,
	"contains":   bytes.Contains,
}

// call compiles a definition of the scope, or a function.
func (c *compiler) call(f *gojq.Func) node {
	if len(f.Args) == 0 {
		if i := c.scope.let(f.Name); i >= 0 && i < c.visible {
			return c.definition(i)
		}
		if apply := simple[f.Name]; apply != nil {
			return c.dot().apply(func(e *Evaluator, v Value) Value {
				if !e.charge(v.text) {
					return Unknown()
				}
				return apply(e, v)
			})
		}
	}
	switch f.Name + "/" + strconv.Itoa(len(f.Args)) {
	case "not/0":
		return c.negation(c.dot(), c.absent != nil)
	case "empty/0":
		return node{many: func(*Evaluator) bool { return true }}
	case "select/1":
		return c.selection(f.Args[0])
	case "map/1":
		return collect(c.piped(c.elements(), f.Args[0]))
	case "any/0", "all/0":
		return quantified(c.elements(), f.Name == "any")
	case "any/1", "all/1":
		return quantified(c.piped(c.elements(), f.Args[0]), f.Name == "any")
	case "any/2", "all/2":
		return quantified(c.piped(c.compile(f.Args[0]), f.Args[1]), f.Name == "any")
	case "startswith/1", "endswith/1", "contains/1":
		return c.stringTest(f)
	case "test/1":
		return c.matches(f)
	case "decimals/1":
		return c.decimals(f)
	}
	return c.not(f.Name)
}

// definition compiles a named expression of the scope where it is used. Of the record it
// has one value in an evaluation.
func (c *compiler) definition(i int) node {
	locals, visible := c.locals, c.visible
	c.locals, c.visible = nil, i
	n := c.compile(c.scope.lets[i].Body)
	c.locals, c.visible = locals, visible
	if n.one == nil || !c.atRoot {
		return n
	}
	one := n.one
	return node{one: func(e *Evaluator) Value {
		k := &e.kept[i]
		if k.run != e.run {
			v := one(e)
			k.run, k.value = e.run, v
		}
		return k.value
	}}
}

// dot compiles the value that an expression is evaluated on.
func (c *compiler) dot() node {
	if c.atRoot {
		return node{one: func(e *Evaluator) Value { return e.slots[0].value }}
	}
	return node{one: func(e *Evaluator) Value { return e.dot }}
}

func (c *compiler) elements() node { return node{many: c.dot().each(iterate)} }

// piped compiles n | q.
func (c *compiler) piped(n node, q *gojq.Query) node { return c.pipe(n, q, false) }

func (c *compiler) selection(q *gojq.Query) node {
	n := c.one(q)
	if n.one == nil {
		return node{}
	}
	test, dot := n.test(), c.dot().one
	return node{many: func(e *Evaluator) bool {
		switch a := test(e); a {
		case isTrue:
			return e.push(dot(e))
		case isFalse, isNull:
			return true
		default:
			return e.push(a.value())
		}
	}}
}

// quantified compiles any and all over the truth of n's results.
func quantified(n node, any bool) node {
	if n.none() {
		return n
	}
	push := n.push()
	return conditional(func(e *Evaluator) answer {
		start := len(e.stack)
		ok := push(e)
		found := false
		for _, v := range e.stack[start:] {
			found = found || v.Truthy() == any
		}
		e.stack = e.stack[:start]
		if !ok {
			return isUnsure // the error may come after the result that decides
		}
		return answerOf(found == any)
	})
}

func (c *compiler) stringTest(f *gojq.Func) node {
	n := c.one(f.Args[0])
	if n.one == nil {
		return node{}
	}
	dot, want, test := c.dot().one, n.one, stringTests[f.Name]
	return conditional(func(e *Evaluator) answer {
		v := dot(e)
		if v.kind != kindString {
			return isUnsure
		}
		w := want(e)
		if w.kind != kindString || !e.charge(v.text) {
			return isUnsure
		}
		return answerOf(test(v.str(), w.str()))
	})
}

func (c *compiler) matches(f *gojq.Func) node {
	if f.Args[0].Term == nil {
		return c.not("a pattern that is not a literal")
	}
	pattern, ok := literal(f.Args[0].Term)
	if !ok {
		return c.not("a pattern that is not a literal")
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return c.not("a wrong pattern")
	}
	dot := c.dot().one
	return conditional(func(e *Evaluator) answer {
		v := dot(e)
		if v.kind != kindString || !e.charge(v.text) {
			return isUnsure
		}
		return answerOf(re.Match(v.str()))
	})
}

func length(_ *Evaluator, v Value) Value {
	switch v.kind {
	case kindNull:
		return Int(0)
	case kindString:
		return Int(int64(utf8.RuneCount(v.str())))
	case kindArray:
		return Int(int64(count(v.text)))
	case kindObject:
		if n, ok := members(v.text); ok {
			return Int(int64(n))
		}
	}
	return Unknown()
}

func floor(_ *Evaluator, v Value) Value {
	if v.kind != kindNumber {
		return Value{kind: failed}
	}
	x, ok := v.number()
	if !ok {
		return Unknown()
	}
	return Float(math.Floor(x.float()))
}

func downcase(e *Evaluator, v Value) Value {
	if v.kind != kindString {
		return Value{kind: failed}
	}
	start := len(e.buf)
	e.buf = append(e.buf, v.str()...)
	for i, b := range e.buf[start:] {
		if b >= 'A' && b <= 'Z' {
			e.buf[start+i] = b + 'a' - 'A'
		}
	}
	return e.made(start)
}

// lastSecond is the last second of the year 9999.
const lastSecond = 253402300799

func toDate(e *Evaluator, v Value) Value {
	if v.kind != kindNumber {
		return Unknown()
	}
	x, ok := v.number()
	if !ok || x.float() < 0 || x.float() > lastSecond {
		return Unknown()
	}
	start := len(e.buf)
	e.buf = time.Unix(int64(math.Floor(x.float())), 0).UTC().AppendFormat(e.buf, "2006-01-02T15:04:05Z")
	return e.made(start)
}

func toString(e *Evaluator, v Value) Value {
	switch {
	case v.kind == kindString:
		return v
	case v.kind >= kindArray:
		return Unknown()
	}
	start := len(e.buf)
	e.buf = v.appendText(e.buf)
	return e.made(start)
}

// leastOf and greatestOf return the first of the least, and the last of the greatest.
func leastOf(_ *Evaluator, v Value) Value    { return extreme(v, func(c int) bool { return c < 0 }) }
func greatestOf(_ *Evaluator, v Value) Value { return extreme(v, func(c int) bool { return c >= 0 }) }

func extreme(v Value, better func(int) bool) Value {
	if v.kind != kindArray {
		return Value{kind: failed}
	}
	var best Value
	elements := jsonscan.Open(v.text)
	for first := true; ; first = false {
		text, ok := elements.Element()
		if !ok {
			return best
		}
		x := fromText(text)
		if first {
			best = x
			continue
		}
		order, ok := compare(x, best)
		if !ok {
			return Unknown()
		}
		if better(order) {
			best = x
		}
	}
}

// sum adds numbers. The sums of all else are left to gojq.
func sum(e *Evaluator, v Value) Value {
	if v.kind != kindArray {
		return Unknown()
	}
	var total Value
	for elements := jsonscan.Open(v.text); ; {
		text, ok := elements.Element()
		if !ok {
			return total
		}
		if !e.step() {
			return Unknown()
		}
		x := fromText(text)
		switch {
		case x.kind == kindNull:
		case total.kind == kindNull && x.kind == kindNumber:
			total = x.computed()
		case x.kind == kindNumber:
			total = calculate(gojq.OpAdd, total, x)
		default:
			return Unknown()
		}
		if total.kind >= failed {
			return total
		}
	}
}
