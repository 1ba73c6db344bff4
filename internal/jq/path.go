package jq

import (
	"bytes"
	"cmp"

	"inv/internal/jsonscan"
)

// path is a field of the record or of a variable. Most conditions compare one with a
// constant, so that has closures of its own, which work on the text.
type path struct {
	slot   int
	fields *jsonscan.Fields
	before []int // the fields on the way
	last   int
}

// find returns the text of the field, nil if it is absent. It reports false if there is
// an error: a step into a value that is neither an object nor null.
func (p *path) find(e *Evaluator) ([]byte, bool) {
	h := &e.slots[p.slot]
	if h.value.kind != kindObject {
		return nil, h.value.kind == kindNull
	}
	if !h.scanned {
		e.scan(h, p.fields)
	}
	for _, k := range p.before {
		if step := h.found[k]; step != nil && step[0] != '{' {
			return nil, step[0] == 'n'
		}
	}
	return h.found[p.last], true
}

func (p *path) value(e *Evaluator) Value {
	raw, ok := p.find(e)
	if !ok {
		return Value{kind: failed}
	}
	return fromText(raw)
}

func (p *path) truth(e *Evaluator) answer {
	raw, ok := p.find(e)
	switch {
	case !ok:
		return isFailed
	case len(raw) == 0 || raw[0] == 'n':
		return isNull
	}
	return answerOf(raw[0] != 'f')
}

// compared returns the comparison of the field with a constant.
func (p *path) compared(with Value, holds [3]bool, absent, constantAbsent bool) condition {
	want, isNumber := num{}, false
	if with.kind == kindNumber {
		want, isNumber = with.number()
	}
	var text []byte
	if with.kind == kindString {
		text = with.str()
	}
	return func(e *Evaluator) answer {
		raw, ok := p.find(e)
		switch {
		case !ok:
			return isFailed
		case absent && (len(raw) == 0 || raw[0] == 'n') || constantAbsent && with.kind == kindNull:
			return isNull
		case len(raw) == 0:
		case text != nil && raw[0] == '"':
			return answerOf(holds[1+bytes.Compare(jsonscan.Unquote(raw), text)])
		case isNumber && isDigit(raw[0]):
			x, ok := parseNumber(raw)
			if !ok {
				return isUnsure
			}
			return answerOf(holds[1+compareNums(x, want)])
		}
		order, ok := compare(fromText(raw), with)
		if !ok {
			return isUnsure
		}
		return answerOf(holds[1+order])
	}
}

// comparedWith returns the comparison of the field with another one.
func (p *path) comparedWith(q *path, holds [3]bool, absent, otherAbsent bool) condition {
	return func(e *Evaluator) answer {
		l, ok := p.find(e)
		if !ok {
			return isFailed
		}
		r, ok := q.find(e)
		switch {
		case !ok:
			return isFailed
		case absent && (len(l) == 0 || l[0] == 'n') || otherAbsent && (len(r) == 0 || r[0] == 'n'):
			return isNull
		case len(l) > 0 && len(r) > 0 && isDigit(l[0]) && isDigit(r[0]):
			x, sure := parseNumber(l)
			y, known := parseNumber(r)
			if !sure || !known {
				return isUnsure
			}
			return answerOf(holds[1+compareNums(x, y)])
		}
		order, ok := compare(fromText(l), fromText(r))
		if !ok {
			return isUnsure
		}
		return answerOf(holds[1+order])
	}
}

// isDigit reports whether a JSON value that begins with c is a number.
func isDigit(c byte) bool { return c <= '9' && c != '"' }

func compareNums(x, y num) int {
	if x.whole && y.whole {
		return cmp.Compare(x.n, y.n)
	}
	return cmp.Compare(x.float(), y.float())
}

// tested returns a test of the field, which must be a string.
func (p *path) tested(test func(text, want []byte) bool, want []byte) condition {
	return func(e *Evaluator) answer {
		raw, ok := p.find(e)
		if !ok || len(raw) == 0 || raw[0] != '"' {
			return isUnsure
		}
		return answerOf(test(jsonscan.Unquote(raw), want))
	}
}
