package shape

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

var kindNames = [...]string{"any value", "null", "a boolean", "a whole number", "a decimal number", "a floating-point number", "a text",
	"one of some texts", "a time", "a date", "an object", "a list", "one of several types"}

// String describes the kind for messages, such as "a whole number".
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// ConflictError says that two types have no type in common.
type ConflictError struct {
	Path   string // such as items[].price; "": the whole value
	A, B   string // what the two are, such as "a text"
	PlaceB Place  // of the field in the second type, if it has one
}

func (e *ConflictError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("it is %s and %s", e.A, e.B)
	}
	return fmt.Sprintf("%s is %s and %s", e.Path, e.A, e.B)
}

// Merge returns the narrowest type of values that are of type a or b. A field of an
// object that only one of them has is optional; fields are in a's order, then in b's. The
// error is a *ConflictError: a number and a text, for example, have no type in common.
func Merge(a, b Type) (Type, error) {
	t, err := merge(a, b, "")
	if err != nil {
		return Type{}, err
	}
	return t, nil
}

// Either returns the type of a value that is of one of some types: the merged type of
// those that have one in common, objects only if they have the same fields, and a Union
// of the rest.
func Either(types ...Type) Type {
	var of []Type
	nullable := false
	for _, t := range types {
		if t.Kind == Null {
			nullable = true
			continue
		}
		nullable = nullable || t.Nullable
		t.Nullable = false
		if t.Kind == Union {
			for _, u := range t.Of {
				of = include(of, u)
			}
			continue
		}
		of = include(of, t)
	}
	switch len(of) {
	case 0:
		return Type{Kind: Null}
	case 1:
		of[0].Nullable = nullable
		return of[0]
	}
	return Type{Kind: Union, Of: of, Nullable: nullable}
}

// include adds a type to those of a union.
func include(of []Type, t Type) []Type {
	for i, known := range of {
		if known.Kind == Object && t.Kind == Object && !sameNames(known.Fields, t.Fields) {
			continue
		}
		if both, err := Merge(known, t); err == nil {
			of[i] = both
			return of
		}
	}
	return append(of, t)
}

func sameNames(a, b []Field) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(f Field) bool { return field(b, f.Name) < 0 })
}

func field(fields []Field, name string) int {
	return slices.IndexFunc(fields, func(f Field) bool { return f.Name == name })
}

func merge(a, b Type, path string) (Type, error) {
	nullable := a.Nullable || b.Nullable || a.Kind == Null && b.Kind != Null || b.Kind == Null && a.Kind != Null
	t, err := merged(a, b, path)
	t.Nullable = nullable && t.Kind != Null && t.Kind != Any
	return t, err
}

// merged merges two types, apart from null.
func merged(a, b Type, path string) (Type, error) {
	switch {
	case a.Kind == Null:
		return b, nil
	case b.Kind == Null:
		return a, nil
	case a.Kind == Any || b.Kind == Any:
		return Type{Kind: Any}, nil
	case a.Kind == Union || b.Kind == Union:
		a.Nullable, b.Nullable = false, false
		return Either(a, b), nil
	case number(a) && number(b):
		return mergeNumbers(a, b, path)
	case text(a) && text(b):
		return mergeTexts(a, b), nil
	case a.Kind != b.Kind:
		return Type{}, &ConflictError{Path: path, A: a.Kind.String(), B: b.Kind.String()}
	case a.Kind == Object:
		return mergeObjects(a, b, path)
	case a.Kind == List:
		elem, err := merge(*a.Elem, *b.Elem, path+"[]")
		return Type{Kind: List, Elem: &elem}, err
	}
	return Type{Kind: a.Kind}, nil
}

func number(t Type) bool {
	return t.Kind == Int || t.Kind == Decimal || t.Kind == Float || t.Kind == Time
}

func text(t Type) bool { return t.Kind == Text || t.Kind == Enum || t.Kind == Date }

func mergeNumbers(a, b Type, path string) (Type, error) {
	switch {
	case a.Kind == Time && b.Kind == Time && a.Unit == b.Unit:
		return Type{Kind: Time, Unit: a.Unit}, nil
	case a.Kind == Time && b.Kind == Time:
		return Type{}, &ConflictError{Path: path, A: "a time in " + a.Unit.String(), B: "a time in " + b.Unit.String()}
	case a.Kind == Time:
		a = Type{Kind: Int, Low: math.MinInt64, High: math.MaxInt64}
	case b.Kind == Time:
		b = Type{Kind: Int, Low: math.MinInt64, High: math.MaxInt64}
	}
	switch {
	case a.Kind == Float || b.Kind == Float:
		return Type{Kind: Float}, nil
	case a.Kind == Int && b.Kind == Int:
		return Type{Kind: Int, Low: min(a.Low, b.Low), High: max(a.High, b.High)}, nil
	}
	scale := max(a.Scale, b.Scale)
	return Type{Kind: Decimal, Scale: scale, Precision: max(whole(a), whole(b)) + scale}, nil
}

// whole returns how many digits a number has before the point.
func whole(t Type) int {
	if t.Kind == Decimal {
		return t.Precision - t.Scale
	}
	return max(digits(t.Low), digits(t.High))
}

func digits(v int64) (n int) {
	for ; v != 0; v /= 10 {
		n++
	}
	return n
}

// NewDecimal returns the type of the decimals from low to high, in units of 10^-scale.
func NewDecimal(low, high int64, scale int) Type {
	return Type{Kind: Decimal, Scale: scale, Precision: max(digits(low), digits(high), scale, 1)}
}

func mergeTexts(a, b Type) Type {
	if a.Kind != b.Kind || a.Kind == Text {
		return Type{Kind: Text}
	}
	t := Type{Kind: a.Kind, Symbols: slices.Clone(a.Symbols)}
	for _, s := range b.Symbols {
		if !slices.Contains(t.Symbols, s) {
			t.Symbols = append(t.Symbols, s)
		}
	}
	return t
}

func mergeObjects(a, b Type, path string) (Type, error) {
	t := Type{Kind: Object}
	for _, f := range a.Fields {
		i := field(b.Fields, f.Name)
		if i < 0 {
			f.Optional = true
			t.Fields = append(t.Fields, f)
			continue
		}
		both, err := mergeFields(f, b.Fields[i], within(path, f.Name))
		if err != nil {
			return t, err
		}
		t.Fields = append(t.Fields, both)
	}
	for _, f := range b.Fields {
		if field(a.Fields, f.Name) < 0 {
			f.Optional = true
			t.Fields = append(t.Fields, f)
		}
	}
	return t, nil
}

func mergeFields(a, b Field, path string) (f Field, err error) {
	f = a
	f.Optional = a.Optional || b.Optional
	f.Aliases = slices.Clone(a.Aliases)
	for _, name := range b.Aliases {
		if !slices.Contains(f.Aliases, name) {
			f.Aliases = append(f.Aliases, name)
		}
	}
	if f.About == "" {
		f.About = b.About
	}
	switch {
	case a.Default == "":
		f.Default = b.Default
	case b.Default != "" && a.Default != b.Default:
		return f, &ConflictError{Path: path, A: "by default " + a.Default, B: "by default " + b.Default, PlaceB: b.Place}
	}
	f.Type, err = merge(a.Type, b.Type, path)
	if conflict, ok := err.(*ConflictError); ok && conflict.PlaceB == (Place{}) {
		conflict.PlaceB = b.Place
	}
	return f, err
}

func within(path, name string) string { return strings.TrimPrefix(path+"."+name, ".") }
