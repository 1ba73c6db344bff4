package jq

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"

	"github.com/itchyny/gojq"
)

// maxPlaces is the most that decimals can round to.
const maxPlaces = 15

// decimals compiles decimals(n), a function of ours: the number rounded to n decimals as
// it is written, with halves away from zero, so that 1.005 | decimals(2) is 1.01 though
// the float64 nearest to 1.005 is less than that. Whole numbers stay.
func (c *compiler) decimals(f *gojq.Func) node {
	n := c.one(f.Args[0])
	if n.one == nil {
		return node{}
	}
	dot, places := c.dot().one, n.one
	return node{one: func(e *Evaluator) Value {
		v, p := dot(e), places(e)
		if p.kind != kindNumber || v.kind != kindNumber {
			return Unknown()
		}
		digits, ok := p.number()
		if !ok || !digits.whole || digits.n < 0 || digits.n > maxPlaces {
			return Unknown()
		}
		x, ok := v.number()
		switch {
		case !ok:
			return Unknown()
		case x.whole:
			return Int(x.n)
		}
		var scratch [64]byte
		f, ok := round(scratch[:0], x.f, int(digits.n))
		if !ok {
			return Unknown()
		}
		return Float(f)
	}}
}

// round rounds a number, with scratch space for its digits; there is no negative zero. It
// reports false for numbers that are not finite.
func round(scratch []byte, f float64, places int) (float64, bool) {
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return 0, false
	case math.Abs(f) >= 1<<53:
		return f, true // whole
	}
	text := strconv.AppendFloat(scratch, math.Abs(f), 'f', -1, 64)
	point := -1
	for i, c := range text {
		if c == '.' {
			point = i
		}
	}
	if point < 0 || len(text)-1-point <= places {
		return f + 0, true
	}
	up := text[point+1+places] >= '5'
	text = text[:point+1+places]
	for i := len(text) - 1; up && i >= 0; i-- {
		switch text[i] {
		case '.':
		case '9':
			text[i] = '0'
		default:
			text[i]++
			up = false
		}
	}
	out, err := strconv.ParseFloat(string(text), 64)
	if up { // all digits were nines
		out += math.Pow10(point)
	}
	return math.Copysign(out, f) + 0, err == nil
}

// Functions returns the functions of ours for gojq, which has all others itself.
func Functions() []gojq.CompilerOption {
	return []gojq.CompilerOption{gojq.WithFunction("decimals", 1, 1, decimalsForGojq)}
}

// decimalsForGojq is the same function for gojq.
func decimalsForGojq(v any, args []any) any {
	places, ok := args[0].(int)
	if !ok || places < 0 || places > maxPlaces {
		return fmt.Errorf("decimals takes a whole number from 0 to %d", maxPlaces)
	}
	switch n := v.(type) {
	case float64:
		if out, ok := round(nil, n, places); ok {
			return out
		}
	case json.Number:
		if x, ok := parseNumber([]byte(n)); ok && !x.whole {
			out, _ := round(nil, x.f, places)
			return out
		} else if ok {
			return int(x.n)
		}
	case int, *big.Int:
	default:
		return fmt.Errorf("decimals cannot be applied to: %s", gojq.TypeOf(v))
	}
	return v
}
