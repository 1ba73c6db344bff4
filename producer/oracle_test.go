package producer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"inv/internal/scenario"
)

// decoded returns the fields of a JSON object, with numbers as they are written.
func decoded(t *testing.T, value []byte) (fields map[string]any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber()
	if err := d.Decode(&fields); err != nil {
		t.Fatalf("%s: %v", value, err)
	}
	return fields
}

// valueAt returns a field, absent{} without it, or nil if what contains it is missing.
func valueAt(fields map[string]any, path string) any {
	first, rest, nested := strings.Cut(path, ".")
	v, ok := fields[first]
	switch {
	case !ok && nested:
		return nil
	case !ok:
		return absent{}
	case nested:
		inner, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		return valueAt(inner, rest)
	}
	return v
}

// evaluate computes an expression: a *big.Rat, a bool, a string or nil.
func evaluate(e *scenario.Expr, value func(string) any) any {
	switch {
	case e.Number != nil:
		return new(big.Rat).SetFrac(big.NewInt(e.Number.Units), tenTo(e.Number.Decimals))
	case e.Path != "":
		v := value(e.Path)
		if missing(v) {
			return nil
		}
		r, _ := new(big.Rat).SetString(fmt.Sprint(v))
		return r
	}
	left := evaluate(e.Left, value)
	var right any
	if e.Right != nil {
		if right = evaluate(e.Right, value); right == nil {
			return nil
		}
	}
	switch l := left.(type) {
	case nil:
		return nil
	case bool:
		switch e.Op {
		case "and":
			return l && right.(bool)
		case "or":
			return l || right.(bool)
		}
		return !l
	}
	l := left.(*big.Rat)
	if e.Right == nil {
		return new(big.Rat).Neg(l)
	}
	r := right.(*big.Rat)
	switch e.Op {
	case "+":
		return new(big.Rat).Add(l, r)
	case "-":
		return new(big.Rat).Sub(l, r)
	case "*":
		return new(big.Rat).Mul(l, r)
	case "/":
		if r.Sign() == 0 {
			return nil
		}
		return new(big.Rat).Quo(l, r)
	}
	order := l.Cmp(r)
	return map[string]bool{"<": order < 0, "<=": order <= 0, "==": order == 0, "!=": order != 0, ">": order > 0, ">=": order >= 0}[e.Op]
}

// totalOfList adds up an expression over the elements of the list l.
func totalOfList(e *scenario.Expr, value func(string) any) any {
	if missing(value("l")) {
		return nil
	}
	sum := new(big.Rat)
	for _, element := range asList(value("l")) {
		v := evaluate(e, func(path string) any {
			if name, ok := strings.CutPrefix(path, "l."); ok {
				return valueAt(element.(map[string]any), name)
			}
			return value(path)
		})
		if v == nil {
			return nil
		}
		sum.Add(sum, v.(*big.Rat))
	}
	return sum
}

// rounded returns a number as JSON, rounded half away from zero; exact if decimals is
// negative.
func rounded(v any, decimals int) any {
	r, ok := v.(*big.Rat)
	if !ok || decimals < 0 {
		return v
	}
	text := r.FloatString(decimals) // rounds half away from zero
	if !strings.ContainsAny(text, "123456789") {
		text = strings.TrimPrefix(text, "-")
	}
	return json.Number(text)
}
