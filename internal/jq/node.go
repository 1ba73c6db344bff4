package jq

// scalar has exactly one result, which may be failed or unsure.
type scalar func(*Evaluator) Value

// stream pushes its results. It reports false if it stopped at an error, with the
// results before that on the stack, and the reason in the evaluator.
type stream func(*Evaluator) bool

// answer is the truth of a condition.
type answer uint8

const (
	isFalse answer = iota
	isTrue
	isNull // a comparison with an absent field, if those don't hold
	isFailed
	isUnsure
)

// condition is a scalar that is true, false or null.
type condition func(*Evaluator) answer

// node is a compiled expression: a scalar, or a stream. The zero value is an expression
// that can't be compiled.
type node struct {
	one  scalar
	many stream
	cond condition // for a scalar that is one

	path     *path  // for a scalar that is nothing but that
	constant *Value // likewise
}

func (n node) none() bool { return n.one == nil && n.many == nil }

func constant(v Value) node {
	return node{one: func(*Evaluator) Value { return v }, constant: &v}
}

func conditional(c condition) node {
	return node{cond: c, one: func(e *Evaluator) Value { return c(e).value() }}
}

func (a answer) value() Value {
	switch a {
	case isFalse:
		return Value{kind: kindFalse}
	case isTrue:
		return Value{kind: kindTrue}
	case isNull:
		return Value{}
	case isFailed:
		return Value{kind: failed}
	}
	return Value{kind: unsure}
}

func answerOf(holds bool) answer {
	if holds {
		return isTrue
	}
	return isFalse
}

// truth returns the truth of a value.
func (v Value) truth() answer {
	switch v.kind {
	case kindNull:
		return isNull
	case kindFalse:
		return isFalse
	case failed:
		return isFailed
	case unsure:
		return isUnsure
	}
	return isTrue
}

// test returns a scalar as a condition.
func (n node) test() condition {
	switch {
	case n.cond != nil:
		return n.cond
	case n.path != nil:
		return n.path.truth
	}
	one := n.one
	return func(e *Evaluator) answer { return one(e).truth() }
}

// push pushes all results.
func (n node) push() stream {
	if n.many != nil {
		return n.many
	}
	one := n.one
	return func(e *Evaluator) bool { return e.push(one(e)) }
}

// each runs f on every result of n, in their order, which pushes any number of results.
func (n node) each(f func(*Evaluator, Value) bool) stream {
	if n.one != nil {
		one := n.one
		return func(e *Evaluator) bool {
			v := one(e)
			if v.kind >= failed {
				e.reason = v.kind
				return false
			}
			return f(e, v)
		}
	}
	many := n.many
	return func(e *Evaluator) bool {
		start := len(e.stack)
		ok := many(e)
		reason, end := e.reason, len(e.stack)
		for i := start; i < end; i++ {
			if !f(e, e.stack[i]) {
				ok, reason = false, e.reason
				break
			}
		}
		e.stack = append(e.stack[:start], e.stack[end:]...)
		e.reason = reason
		return ok
	}
}

// apply runs f on the one result of a scalar, or on each of a stream.
func (n node) apply(f func(*Evaluator, Value) Value) node {
	switch {
	case n.one != nil:
		one := n.one
		return node{one: func(e *Evaluator) Value {
			v := one(e)
			if v.kind >= failed {
				return v
			}
			return f(e, v)
		}}
	case n.many != nil:
		return node{many: n.each(func(e *Evaluator, v Value) bool { return e.push(f(e, v)) })}
	}
	return node{}
}

// optional is n?: an error ends it without a message.
func (n node) optional() node {
	push := n.push()
	return node{many: func(e *Evaluator) bool { return push(e) || e.forgives() }}
}

// forgives reports whether a stream stopped at an error of jq.
func (e *Evaluator) forgives() bool { return e.reason == failed && !e.spent }
