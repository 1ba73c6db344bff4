package jq

import (
	"bytes"
	"slices"

	"github.com/itchyny/gojq"

	"inv/internal/jsonscan"
)

// term compiles a term with its suffixes. The names that come first, as in .a.b or
// $v.a, are a path that is found in the scan of the whole value.
func (c *compiler) term(t *gojq.Term) node {
	keys, rest := leadingKeys(t)
	switch {
	case t.Type == gojq.TermTypeIdentity || t.Type == gojq.TermTypeIndex:
		if !c.atRoot {
			return c.suffixes(c.fromDot(t), t.SuffixList)
		}
		if t.Type == gojq.TermTypeIndex && len(keys) == 0 {
			return c.suffixes(c.fromDot(t), t.SuffixList)
		}
		return c.suffixes(c.member(0, keys), rest)
	case t.Type == gojq.TermTypeFunc && t.Func.Name[0] == '$' && len(t.Func.Args) == 0:
		if at, ok := c.locals[t.Func.Name]; ok {
			return c.suffixes(node{one: func(e *Evaluator) Value { return e.locals[at] }}, t.SuffixList)
		}
		i := c.scope.slot(t.Func.Name)
		if i < 0 {
			return c.not(t.Func.Name)
		}
		return c.suffixes(c.member(i, keys), rest)
	}
	return c.suffixes(c.bare(t), t.SuffixList)
}

// bare compiles a term without its suffixes.
func (c *compiler) bare(t *gojq.Term) node {
	switch t.Type {
	case gojq.TermTypeNull:
		return constant(Value{})
	case gojq.TermTypeTrue:
		return constant(boolean(true))
	case gojq.TermTypeFalse:
		return constant(boolean(false))
	case gojq.TermTypeNumber:
		return c.number(t.Number, false)
	case gojq.TermTypeUnary:
		return c.unary(t.Unary)
	case gojq.TermTypeString:
		return c.str(t.Str)
	case gojq.TermTypeQuery:
		return c.compile(t.Query)
	case gojq.TermTypeIf:
		return c.conditional(t.If)
	case gojq.TermTypeArray:
		if t.Array.Query == nil {
			return constant(fromText([]byte("[]")))
		}
		return collect(c.compile(t.Array.Query))
	case gojq.TermTypeObject:
		return c.object(t.Object)
	case gojq.TermTypeFunc:
		return c.call(t.Func)
	}
	return c.not(typeName(t.Type))
}

func typeName(t gojq.TermType) string {
	switch t {
	case gojq.TermTypeRecurse:
		return ".."
	case gojq.TermTypeFormat:
		return "a format"
	case gojq.TermTypeTry:
		return "try"
	case gojq.TermTypeReduce:
		return "reduce"
	case gojq.TermTypeForeach:
		return "foreach"
	case gojq.TermTypeLabel, gojq.TermTypeBreak:
		return "label"
	}
	return "a term"
}

// leadingKeys returns the names that a path begins with, and the suffixes behind them.
func leadingKeys(t *gojq.Term) (keys []string, rest []*gojq.Suffix) {
	rest = t.SuffixList
	if t.Type == gojq.TermTypeIndex {
		key, ok := Name(t.Index)
		if !ok {
			return nil, rest
		}
		keys = []string{key}
	}
	for len(rest) > 0 {
		key, ok := Name(rest[0].Index)
		if !ok || rest[0].Iter || rest[0].Optional || len(rest) > 1 && rest[1].Optional {
			break
		}
		keys, rest = append(keys, key), rest[1:]
	}
	return keys, rest
}

// Name returns the key of a plain .key or .["key"] step.
func Name(i *gojq.Index) (string, bool) {
	switch {
	case i == nil || i.IsSlice || i.End != nil:
		return "", false
	case i.Name != "":
		return i.Name, true
	case i.Str != nil && len(i.Str.Queries) == 0:
		return i.Str.Str, true
	case i.Start != nil && i.Start.Term != nil && len(i.Start.FuncDefs) == 0:
		return literal(i.Start.Term)
	}
	return "", false
}

// literal returns a string without interpolation.
func literal(t *gojq.Term) (string, bool) {
	if t.Type != gojq.TermTypeString || len(t.SuffixList) > 0 || len(t.Str.Queries) > 0 {
		return "", false
	}
	return t.Str.Str, true
}

func (c *compiler) fromDot(t *gojq.Term) node {
	dot := c.dot()
	if t.Type == gojq.TermTypeIdentity {
		return dot
	}
	return c.index(dot, t.Index)
}

// suffixes compiles the steps behind a term. A ? is for the errors of the step before it.
func (c *compiler) suffixes(n node, list []*gojq.Suffix) node {
	for i := 0; i < len(list) && !n.none(); i++ {
		s := list[i]
		tried := !s.Optional && i+1 < len(list) && list[i+1].Optional
		switch {
		case s.Optional:
			n = n.optional()
		case tried:
			n = c.tried(n, s)
			i++
		case s.Iter:
			n = node{many: n.each(iterate)}
		default:
			n = c.index(n, s.Index)
		}
	}
	return n
}

// tried compiles a step whose errors end it without a message.
func (c *compiler) tried(n node, s *gojq.Suffix) node {
	if s.Iter {
		return node{many: n.each(func(e *Evaluator, v Value) bool { return iterate(e, v) || e.forgives() })}
	}
	step := c.step(s.Index)
	if step == nil {
		return node{}
	}
	return node{many: n.each(func(e *Evaluator, v Value) bool { return e.push(step(e, v)) || e.forgives() })}
}

// iterate pushes the elements of an array, or the values of an object in the order of
// their keys.
func iterate(e *Evaluator, v Value) bool {
	switch v.kind {
	case kindArray, kindObject:
	default:
		e.reason = failed
		return false
	}
	if !e.charge(v.text) {
		e.reason = unsure
		return false
	}
	if v.kind == kindObject {
		return iterateObject(e, v.text)
	}
	for elements := jsonscan.Open(v.text); ; {
		x, ok := elements.Element()
		if !ok {
			return true
		}
		if !e.push(fromText(x)) {
			return false
		}
	}
}

// keyed is a member of an object.
type keyed struct{ key, value []byte }

func iterateObject(e *Evaluator, object []byte) bool {
	e.members = e.members[:0]
	for members := jsonscan.Open(object); ; {
		k, v, ok := members.Member()
		if !ok {
			break
		}
		e.members = append(e.members, keyed{jsonscan.Unquote(k), v})
	}
	slices.SortStableFunc(e.members, func(a, b keyed) int { return bytes.Compare(a.key, b.key) })
	for i, m := range e.members {
		if i+1 < len(e.members) && bytes.Equal(m.key, e.members[i+1].key) {
			continue // the last of a repeated key counts
		}
		if !e.push(fromText(m.value)) {
			return false
		}
	}
	return true
}

// index compiles n.key and n[index].
func (c *compiler) index(n node, i *gojq.Index) node {
	step := c.step(i)
	if step == nil {
		return node{}
	}
	return n.apply(step)
}

// step compiles .key and [index] as a function of the value.
func (c *compiler) step(i *gojq.Index) func(*Evaluator, Value) Value {
	if key, ok := Name(i); ok {
		return func(e *Evaluator, v Value) Value { return e.member(v, key) }
	}
	if i.IsSlice || i.End != nil || i.Start == nil {
		c.not("a slice or computed key")
		return nil
	}
	at := c.one(i.Start)
	if at.one == nil {
		return nil
	}
	position := at.one // of the same dot as the whole term's
	return func(e *Evaluator, v Value) Value {
		switch p := position(e); p.kind {
		case failed, unsure:
			return p
		case kindNumber:
			if !e.charge(v.text) {
				return Unknown()
			}
			return element(v, p)
		case kindString:
			return e.member(v, string(p.str()))
		}
		return Unknown()
	}
}

func (e *Evaluator) member(v Value, key string) Value {
	if !e.charge(v.text) {
		return Unknown()
	}
	return member(v, key)
}

// member returns the value of a key.
func member(v Value, key string) Value {
	switch v.kind {
	case kindObject:
		return fromText(jsonscan.Member(v.text, key))
	case kindNull:
		return v
	case unsure:
		return v
	}
	return Value{kind: failed}
}

// element returns the element at an index, from the end if it is negative.
func element(v, at Value) Value {
	n, ok := at.number()
	if !ok || !n.whole {
		return Unknown()
	}
	switch v.kind {
	case kindArray:
	case kindNull:
		return v
	default:
		return Unknown()
	}
	i := n.n
	if i < 0 {
		if i += int64(count(v.text)); i < 0 {
			return Value{}
		}
	}
	for elements := jsonscan.Open(v.text); ; i-- {
		x, ok := elements.Element()
		switch {
		case !ok:
			return Value{}
		case i == 0:
			return fromText(x)
		}
	}
}

// count returns the number of elements of an array.
func count(array []byte) int {
	n := 0
	for elements := jsonscan.Open(array); ; n++ {
		if _, ok := elements.Element(); !ok {
			return n
		}
	}
}

// member compiles a path into the record or a variable.
func (c *compiler) member(i int, keys []string) node {
	fields := c.scope.slots[i].fields
	switch {
	case fields == nil:
		return lookedUp(i, keys)
	case len(keys) == 0:
		return node{one: func(e *Evaluator) Value { return e.slots[i].value }}
	}
	p := &path{slot: i, fields: fields}
	for k := range keys {
		p.before = append(p.before, fields.Add(keys[:k+1]...))
	}
	p.last, p.before = p.before[len(keys)-1], p.before[:len(keys)-1]
	return node{one: p.value, path: p}
}

// lookedUp compiles a path into a variable of the evaluator's Source.
func lookedUp(i int, keys []string) node {
	if len(keys) == 0 {
		return node{one: func(e *Evaluator) Value {
			if e.Source == nil {
				return Value{}
			}
			return e.Source.Variable(i)
		}}
	}
	return node{one: func(e *Evaluator) Value {
		if e.Source == nil {
			return Value{}
		}
		v := e.Source.Member(i, keys[0])
		for _, key := range keys[1:] {
			v = member(v, key)
		}
		return v
	}}
}
