package jq

import "inv/internal/jsonscan"

// Evaluator holds the values of a scope and the buffers that expressions are evaluated
// in. It is for one goroutine. The zero value is ready for use, with any scope.
type Evaluator struct {
	Source Source // of looked-up variables; may be nil

	slots  []held
	locals []Value
	kept   []kept

	dot     Value
	stack   []Value
	members []keyed // scratch
	buf     []byte
	reason  kind // why a stream stopped: failed or unsure

	run   uint64
	steps int
	spent bool // the budget is

	budget *Budget
}

// held is the value of a slot, and of the fields that expressions want of it.
type held struct {
	value   Value
	found   [][]byte
	scanned bool
}

// kept is the value of a definition in one evaluation.
type kept struct {
	run   uint64
	value Value
}

// SetRecord sets the record. found are the results of the scan of its text by the
// scope's fields; nil: it is scanned when a field is needed.
func (e *Evaluator) SetRecord(v Value, found [][]byte) {
	if len(e.slots) == 0 {
		e.fit(0)
	}
	h := &e.slots[0]
	h.value = v
	if h.scanned = found != nil; h.scanned {
		h.found = found
	}
}

// SetFound is Set with the results of the scan of the value's text by the variable's
// [Scope.Fields], if it is an object.
func (e *Evaluator) SetFound(variable int, v Value, found [][]byte) {
	e.fit(variable)
	e.slots[variable] = held{v, found, true}
}

// Set sets a variable. Its text must stay valid until it is set again.
func (e *Evaluator) Set(variable int, v Value) {
	e.fit(variable)
	h := &e.slots[variable]
	h.value, h.scanned = v, false
}

// fit makes room for slots up to i.
func (e *Evaluator) fit(i int) {
	for len(e.slots) <= i {
		e.slots = append(e.slots, held{})
	}
}

// begin makes the evaluator ready for an expression.
func (e *Evaluator) begin(x *Expr) {
	if s := x.scope; len(e.slots) < len(s.slots) || len(e.locals) < s.uses || len(e.kept) < len(s.lets) {
		e.fit(len(s.slots) - 1)
		e.locals = make([]Value, max(len(e.locals), s.uses))
		e.kept = make([]kept, max(len(e.kept), len(s.lets)))
	}
	e.stack, e.buf = e.stack[:0], e.buf[:0]
	e.run++
	e.steps, e.spent, e.budget = 0, false, &x.budget
}

// scan finds the fields of a slot.
func (e *Evaluator) scan(h *held, fields *jsonscan.Fields) {
	if n := fields.Len(); cap(h.found) < n {
		h.found = make([][]byte, n)
	} else {
		h.found = h.found[:n]
	}
	if h.value.kind == kindObject {
		fields.Scan(h.value.text, h.found)
	}
	h.scanned = true
}

// step counts one step of a loop, and reports false if they are used up.
func (e *Evaluator) step() bool {
	e.steps++
	if e.budget.Steps > 0 && e.steps > e.budget.Steps {
		e.spent = true
	}
	return !e.spent
}

// bytesPerStep is how much text that is looked at counts as a step.
const bytesPerStep = 64

// charge counts the steps of looking at a text, and reports false if they are used up.
func (e *Evaluator) charge(text []byte) bool {
	e.steps += len(text) / bytesPerStep
	return e.step()
}

// room reports whether n more bytes may be made.
func (e *Evaluator) room(n int) bool {
	if e.budget.Bytes > 0 && len(e.buf)+n > e.budget.Bytes {
		e.spent = true
	}
	return !e.spent
}

// push adds a result of a stream.
func (e *Evaluator) push(v Value) bool {
	if v.kind >= failed {
		e.reason = v.kind
		return false
	}
	if !e.step() {
		e.reason = unsure
		return false
	}
	e.stack = append(e.stack, v)
	return true
}

// stopped is the value of a scalar whose stream has stopped.
func (e *Evaluator) stopped() Value { return Value{kind: e.reason} }

// made is the string whose text was appended to the buffer from start on.
func (e *Evaluator) made(start int) Value {
	if !e.room(0) {
		return Unknown()
	}
	return plain(e.buf[start:len(e.buf):len(e.buf)])
}

// composed is the array or object that was appended to the buffer from start on.
func (e *Evaluator) composed(of kind, start int) Value {
	if !e.room(0) {
		return Unknown()
	}
	return Value{kind: of, text: e.buf[start:len(e.buf):len(e.buf)]}
}

// with evaluates a scalar with another dot.
func (e *Evaluator) with(dot Value, f scalar) Value {
	before := e.dot
	e.dot = dot
	v := f(e)
	e.dot = before
	return v
}
