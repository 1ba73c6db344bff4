package shape

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MismatchError is a value that is not of a type.
type MismatchError struct {
	Path string // such as items[2].quantity; "": the whole value
	Text string // such as "must be a whole number, not 1.5"
}

func (e *MismatchError) Error() string {
	if e.Path == "" {
		return e.Text
	}
	return e.Path + ": " + e.Text
}

// Admit returns an error, a *MismatchError, if a JSON value is not of the type. It is for
// values that are known before any record is written, such as defaults: it is not fast.
func (t Type) Admit(value []byte) error {
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return &MismatchError{Text: "not JSON: " + err.Error()}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return &MismatchError{Text: "not JSON: there is more after the value"}
	}
	if e := t.admit("", v); e != nil {
		return e
	}
	return nil
}

func (t Type) admit(path string, v any) *MismatchError {
	if v == nil && (t.Nullable || t.Kind == Null || t.Kind == Any) {
		return nil
	}
	refuse := func(wanted string) *MismatchError {
		return &MismatchError{path, "must be " + wanted + ", not " + short(v)}
	}
	switch t.Kind {
	case Any:
		return nil
	case Null:
		return refuse("null")
	case Bool:
		if _, ok := v.(bool); !ok {
			return refuse("true or false")
		}
	case Int, Time, Decimal, Float:
		return t.admitNumber(v, refuse)
	case Text, Enum, Date:
		return t.admitText(v, refuse)
	case Object:
		return t.admitObject(path, v, refuse)
	case List:
		list, ok := v.([]any)
		if !ok {
			return refuse("a list")
		}
		for i, item := range list {
			if e := t.Elem.admit(path+"["+strconv.Itoa(i)+"]", item); e != nil {
				return e
			}
		}
	case Union:
		if !slices.ContainsFunc(t.Of, func(of Type) bool { return of.admit(path, v) == nil }) {
			return refuse("one of the types of the field")
		}
	}
	return nil
}

// maxExponent bounds the exponents of numbers that are computed with.
const maxExponent = 400

func (t Type) admitNumber(v any, refuse func(string) *MismatchError) *MismatchError {
	number, ok := v.(json.Number)
	if !ok {
		if t.Kind == Int || t.Kind == Time {
			return refuse("a whole number")
		}
		return refuse("a number")
	}
	if t.Kind == Float {
		return nil
	}
	if e := strings.IndexAny(number.String(), "eE"); e >= 0 {
		if n, err := strconv.Atoi(number.String()[e+1:]); err != nil || n > maxExponent || n < -maxExponent {
			return refuse("a number in range")
		}
	}
	r, ok := new(big.Rat).SetString(number.String())
	if !ok {
		return refuse("a number")
	}
	switch {
	case t.Kind == Decimal:
		scale := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.Scale)), nil))
		r.Mul(r, scale)
		if !r.IsInt() {
			return refuse(fmt.Sprintf("a number with at most %d decimals", t.Scale))
		}
		if len(new(big.Int).Abs(r.Num()).String()) > t.Precision && r.Sign() != 0 {
			return refuse(fmt.Sprintf("a number with at most %d digits, %d of them decimals", t.Precision, t.Scale))
		}
	case !r.IsInt() || !r.Num().IsInt64():
		return refuse("a whole number")
	case t.Kind == Int && (r.Num().Int64() < t.Low || r.Num().Int64() > t.High):
		return refuse(fmt.Sprintf("from %d to %d", t.Low, t.High))
	}
	return nil
}

func (t Type) admitText(v any, refuse func(string) *MismatchError) *MismatchError {
	text, ok := v.(string)
	switch {
	case !ok:
		return refuse("a text")
	case t.Kind == Enum && !slices.Contains(t.Symbols, text):
		return refuse("one of " + strings.Join(t.Symbols, ", "))
	case t.Kind == Date:
		if _, err := time.Parse(time.DateOnly, text); err != nil {
			return refuse("a date such as 2026-05-01")
		}
	}
	return nil
}

func (t Type) admitObject(path string, v any, refuse func(string) *MismatchError) *MismatchError {
	members, ok := v.(map[string]any)
	if !ok {
		return refuse("an object")
	}
	inside := func(name string) string { return strings.TrimPrefix(path+"."+name, ".") }
	known := map[string]bool{}
	for _, f := range t.Fields {
		known[f.Name] = true
		member, ok := members[f.Name]
		if !ok {
			if f.Optional || f.Default != "" {
				continue
			}
			return &MismatchError{inside(f.Name), "is missing"}
		}
		if member == nil && f.Optional {
			continue
		}
		if e := f.Type.admit(inside(f.Name), member); e != nil {
			return e
		}
	}
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if !known[name] {
			return &MismatchError{inside(name), "is no field"}
		}
	}
	return nil
}

// short returns a value for a message.
func short(v any) string {
	switch v := v.(type) {
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	case nil:
		return "null"
	case string:
		if len(v) > 40 {
			return strconv.Quote(strings.ToValidUTF8(v[:40], "")) + "…"
		}
		return strconv.Quote(v)
	case json.Number:
		if len(v) > 40 {
			return string(v[:40]) + "…"
		}
		return string(v)
	}
	return fmt.Sprint(v)
}
