package jq

import (
	"math"

	"github.com/itchyny/gojq"

	"inv/internal/jsonscan"
)

// collect compiles [n].
func collect(n node) node {
	if n.none() {
		return n
	}
	push := n.push()
	return node{one: func(e *Evaluator) Value {
		start := len(e.stack)
		if !push(e) {
			e.stack = e.stack[:start]
			return e.stopped()
		}
		v := e.array(e.stack[start:])
		e.stack = e.stack[:start]
		return v
	}}
}

func (e *Evaluator) array(values []Value) Value {
	start := len(e.buf)
	e.buf = append(e.buf, '[')
	for i, v := range values {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		if !e.room(len(v.text)) || v.ambiguous() {
			return Unknown()
		}
		e.buf = v.appendInner(e.buf)
	}
	e.buf = append(e.buf, ']')
	return e.composed(kindArray, start)
}

// ambiguous reports whether a float would be another number when it is read from a text.
func (v Value) ambiguous() bool {
	if v.kind != kindNumber || v.form != formFloat {
		return false
	}
	f := math.Float64frombits(v.bits)
	return f == 0 && math.Signbit(f) || math.Abs(f) > exact
}

// appendInner appends the value to a text that more is read from. What is JSON already
// is not looked at.
func (v Value) appendInner(dst []byte) []byte {
	if v.form == formText && v.kind >= kindNumber {
		return append(dst, v.text...)
	}
	return v.AppendJSON(dst)
}

// entry is a member of an object that is composed: its key is a constant, in its quotes,
// or a scalar.
type entry struct {
	key   []byte
	name  scalar
	value scalar
}

// object compiles {…}, whose keys and values must be scalars.
func (c *compiler) object(o *gojq.Object) node {
	entries := make([]entry, len(o.KeyVals))
	constants, computed := map[string]bool{}, 0
	for i, kv := range o.KeyVals {
		name, key, value := c.keyValue(kv)
		if value.one == nil {
			return node{}
		}
		entries[i].value = value.one
		if key != nil {
			entries[i].name = key
			computed++
			continue
		}
		if constants[name] {
			return c.not("a repeated key")
		}
		constants[name] = true
		entries[i].key = jsonscan.AppendString(nil, []byte(name))
	}
	if computed > 0 && len(entries) > 1 {
		return node{one: func(e *Evaluator) Value { return e.checked(e.object(entries)) }}
	}
	return node{one: func(e *Evaluator) Value { return e.object(entries) }}
}

// keyValue compiles a member: its constant name or the scalar of its key, and its value.
func (c *compiler) keyValue(kv *gojq.ObjectKeyVal) (name string, key scalar, value node) {
	switch {
	case kv.KeyQuery != nil:
		k := c.one(kv.KeyQuery)
		if k.one == nil {
			return "", nil, node{}
		}
		key = k.one
	case kv.KeyString != nil && len(kv.KeyString.Queries) > 0:
		k := c.str(kv.KeyString)
		if k.one == nil || kv.Val == nil {
			return "", nil, c.not("a computed key")
		}
		key = k.one
	case kv.KeyString != nil:
		name = kv.KeyString.Str
	default:
		name = kv.Key
	}
	switch {
	case kv.Val != nil:
		if key == nil && len(name) > 0 && name[0] == '$' && kv.KeyString == nil {
			return "", nil, c.not("a variable as a key")
		}
		return name, key, c.one(kv.Val)
	case kv.KeyQuery != nil:
		return "", nil, c.not("a key without a value")
	case kv.KeyString == nil && name[0] == '$':
		return name[1:], nil, c.term(&gojq.Term{Type: gojq.TermTypeFunc, Func: &gojq.Func{Name: name}})
	}
	return name, nil, c.term(&gojq.Term{Type: gojq.TermTypeIndex, Index: &gojq.Index{Str: &gojq.String{Str: name}}})
}

func (e *Evaluator) object(entries []entry) Value {
	base := len(e.stack)
	defer func() { e.stack = e.stack[:base] }()
	for i := range entries {
		name := Value{kind: kindString}
		if entries[i].name != nil {
			if name = entries[i].name(e); name.kind != kindString {
				return Unknown()
			}
		}
		v := entries[i].value(e)
		if v.kind >= failed {
			return v
		}
		e.stack = append(e.stack, name, v)
	}
	start := len(e.buf)
	e.buf = append(e.buf, '{')
	for i := range entries {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		name, v := e.stack[base+2*i], e.stack[base+2*i+1]
		if !e.room(len(name.text)+len(v.text)) || v.ambiguous() {
			return Unknown()
		}
		if entries[i].name == nil {
			e.buf = append(e.buf, entries[i].key...)
		} else {
			e.buf = name.appendInner(e.buf)
		}
		e.buf = v.appendInner(append(e.buf, ':'))
	}
	e.buf = append(e.buf, '}')
	return e.composed(kindObject, start)
}

// checked leaves an object with computed keys to gojq if it has a key twice.
func (e *Evaluator) checked(v Value) Value {
	if v.kind == kindObject {
		if _, ok := members(v.text); !ok {
			return Unknown()
		}
	}
	return v
}

// maxKeys is how many keys of an object are compared with each other.
const maxKeys = 64

// members counts the members of an object. It reports false if a key may be repeated.
func members(object []byte) (int, bool) {
	var keys [maxKeys][]byte
	n := 0
	for c := jsonscan.Open(object); ; n++ {
		k, _, ok := c.Member()
		if !ok {
			return n, true
		}
		if n == maxKeys {
			return 0, false
		}
		keys[n] = jsonscan.Unquote(k)
		for i := range n {
			if string(keys[i]) == string(keys[n]) {
				return 0, false
			}
		}
	}
}

// str compiles a string with or without interpolations.
func (c *compiler) str(s *gojq.String) node {
	if len(s.Queries) == 0 {
		return constant(plain([]byte(s.Str)))
	}
	parts := make([]scalar, len(s.Queries))
	for i, q := range s.Queries {
		n := c.one(q)
		if n.one == nil {
			return node{}
		}
		parts[i] = n.one
	}
	return node{one: func(e *Evaluator) Value { return e.interpolate(parts) }}
}

func (e *Evaluator) interpolate(parts []scalar) Value {
	base := len(e.stack)
	defer func() { e.stack = e.stack[:base] }()
	for _, part := range parts {
		v := part(e)
		if v.kind >= failed {
			return v
		}
		e.stack = append(e.stack, v)
	}
	start := len(e.buf)
	for i := range parts {
		v := e.stack[base+i]
		if v.kind >= kindArray || !e.room(len(v.text)) {
			return Unknown() // gojq sorts the keys
		}
		e.buf = v.appendText(e.buf)
	}
	return e.made(start)
}

// appendText appends a scalar as tostring has it.
func (v Value) appendText(dst []byte) []byte {
	if v.kind == kindString {
		return append(dst, v.str()...)
	}
	return v.AppendJSON(dst)
}
