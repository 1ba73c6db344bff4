package jq

import (
	"maps"

	"github.com/itchyny/gojq"
)

// maxNodes bounds what definitions that use each other can become.
const maxNodes = 10_000

// compiler compiles a parsed query to closures. A method that returns the zero node
// has found something that they don't have.
type compiler struct {
	scope   *Scope
	absent  *absence // nil: comparisons are jq's
	atRoot  bool     // dot is the record
	locals  map[string]int
	visible int // how many of the scope's definitions can be used
	nodes   int
	reason  string
}

// not notes what can't be compiled.
func (c *compiler) not(what string) node {
	if c.reason == "" {
		c.reason = what
	}
	return node{}
}

func (c *compiler) compile(q *gojq.Query) node {
	if c.nodes++; c.nodes > maxNodes {
		return c.not("its length")
	}
	switch {
	case q == nil:
		return c.not("an empty expression")
	case len(q.FuncDefs) > 0 || len(q.Imports) > 0 || q.Meta != nil:
		return c.not("def")
	case q.Term != nil:
		return c.term(q.Term)
	case len(q.Patterns) > 0:
		return c.bind(q)
	}
	switch q.Op {
	case gojq.OpPipe:
		if misread(q.Left, q.Right) {
			return c.not("a constant behind a condition")
		}
		if isCall(q.Right, "not") {
			return c.negation(c.compile(q.Left), c.absent != nil && !c.absent.exempt(q.Left))
		}
		return c.pipe(c.compile(q.Left), q.Right, isIdentity(q.Left))
	case gojq.OpComma:
		return comma(c.compile(q.Left), c.compile(q.Right))
	case gojq.OpAlt:
		return c.alternative(q)
	case gojq.OpAnd, gojq.OpOr:
		return c.connect(q)
	case gojq.OpAdd, gojq.OpSub, gojq.OpMul, gojq.OpDiv, gojq.OpMod:
		return c.arithmetic(q)
	}
	if isComparison(q.Op) {
		return c.comparison(q)
	}
	return c.not(q.Op.String())
}

// one compiles an expression that must have one result.
func (c *compiler) one(q *gojq.Query) node {
	n := c.compile(q)
	if n.many != nil {
		return c.not("several results inside an expression")
	}
	return n
}

func isIdentity(q *gojq.Query) bool {
	return q.Term != nil && q.Term.Type == gojq.TermTypeIdentity && len(q.Term.SuffixList) == 0
}

// inner runs f with a dot that is not the record.
func (c *compiler) inner(f func() node) node {
	before := c.atRoot
	c.atRoot = false
	n := f()
	c.atRoot = before
	return n
}

func (c *compiler) pipe(left node, right *gojq.Query, same bool) node {
	if left.none() {
		return node{}
	}
	if same {
		return c.compile(right)
	}
	if f := right.Term; left.path != nil && f != nil && f.Type == gojq.TermTypeFunc && len(f.SuffixList) == 0 && len(f.Func.Args) == 1 && len(right.FuncDefs) == 0 {
		if test, want := stringTests[f.Func.Name], f.Func.Args[0].Term; test != nil && want != nil {
			if text, ok := literal(want); ok {
				return conditional(left.path.tested(test, []byte(text)))
			}
		}
	}
	r := c.inner(func() node { return c.compile(right) })
	switch {
	case r.none():
		return node{}
	case left.one != nil && r.one != nil:
		l, f := left.one, r.one
		return node{one: func(e *Evaluator) Value {
			v := l(e)
			if v.kind >= failed {
				return v
			}
			return e.with(v, f)
		}}
	}
	push := r.push()
	return node{many: left.each(func(e *Evaluator, v Value) bool {
		before := e.dot
		e.dot = v
		ok := push(e)
		e.dot = before
		return ok
	})}
}

// negation is n | not. absent: that of null is null.
func (c *compiler) negation(n node, absent bool) node {
	switch {
	case n.none():
		return node{}
	case n.one == nil:
		return n.apply(func(_ *Evaluator, v Value) Value { return negate(v.truth(), absent).value() })
	}
	test := n.test()
	return conditional(func(e *Evaluator) answer { return negate(test(e), absent) })
}

func negate(a answer, absent bool) answer {
	switch {
	case a == isTrue:
		return isFalse
	case a >= isFailed || a == isNull && absent:
		return a
	}
	return isTrue
}

func isCall(q *gojq.Query, name string) bool {
	return q.Term != nil && q.Term.Type == gojq.TermTypeFunc && q.Term.Func.Name == name &&
		len(q.Term.Func.Args) == 0 && len(q.Term.SuffixList) == 0 && len(q.FuncDefs) == 0
}

func comma(l, r node) node {
	if l.none() || r.none() {
		return node{}
	}
	first, second := l.push(), r.push()
	return node{many: func(e *Evaluator) bool { return first(e) && second(e) }}
}

// alternative compiles a // b. As in gojq, and unlike jq, an error of a is one.
func (c *compiler) alternative(q *gojq.Query) node {
	l, r := c.compile(q.Left), c.compile(q.Right)
	switch {
	case l.none() || r.none():
		return node{}
	case l.one != nil && r.one != nil:
		first, second := l.one, r.one
		return node{one: func(e *Evaluator) Value {
			if v := first(e); v.Truthy() {
				return v
			}
			return second(e)
		}}
	}
	first, second := l.push(), r.push()
	return node{many: func(e *Evaluator) bool {
		start := len(e.stack)
		ok := first(e)
		end := start
		for _, v := range e.stack[start:] {
			if v.Truthy() {
				e.stack[end] = v
				end++
			}
		}
		e.stack = e.stack[:end]
		return ok && (end > start || second(e))
	}}
}

// bind compiles X as $name | Y.
func (c *compiler) bind(q *gojq.Query) node {
	if len(q.Patterns) != 1 || q.Patterns[0].Name == "" {
		return c.not("a pattern")
	}
	value := c.compile(q.Left)
	at := c.scope.uses
	c.scope.uses++
	before := c.locals
	c.locals = maps.Clone(before)
	if c.locals == nil {
		c.locals = map[string]int{}
	}
	c.locals[q.Patterns[0].Name] = at
	body := c.compile(q.Right)
	c.locals = before
	switch {
	case value.none() || body.none():
		return node{}
	case value.one != nil && body.one != nil:
		v, b := value.one, body.one
		return node{one: func(e *Evaluator) Value {
			x := v(e)
			if x.kind >= failed {
				return x
			}
			e.locals[at] = x
			return b(e)
		}}
	}
	push := body.push()
	return node{many: value.each(func(e *Evaluator, v Value) bool {
		e.locals[at] = v
		return push(e)
	})}
}
