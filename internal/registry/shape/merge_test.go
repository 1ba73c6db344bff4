package shape

import (
	"errors"
	"math"
	"reflect"
	"testing"
	"time"
)

func whole9(low, high int64) Type { return Type{Kind: Int, Low: low, High: high} }

func list(of Type) Type { return Type{Kind: List, Elem: &of} }

func object(fields ...Field) Type { return Type{Kind: Object, Fields: fields} }

var (
	textType  = Type{Kind: Text}
	millis    = Type{Kind: Time, Unit: time.Millisecond}
	colours   = Type{Kind: Enum, Symbols: []string{"red", "green"}}
	nullable  = Type{Kind: Text, Nullable: true}
	threeTwo  = NewDecimal(0, 999, 2)
	someField = Field{Name: "a", Type: whole9(1, 2)}
)

func TestMerge(t *testing.T) {
	for _, tt := range []struct {
		name       string
		a, b, want Type
	}{
		{"ranges", whole9(1, 5), whole9(-3, 2), whole9(-3, 5)},
		{"null", textType, Type{Kind: Null}, nullable},
		{"two nulls", Type{Kind: Null}, Type{Kind: Null}, Type{Kind: Null}},
		{"nullable", nullable, textType, nullable},
		{"any", textType, Type{Kind: Any}, Type{Kind: Any}},
		{"decimals", threeTwo, NewDecimal(0, 12345, 1), Type{Kind: Decimal, Precision: 6, Scale: 2}},
		{"a whole number and a decimal", whole9(-12345, 0), threeTwo, Type{Kind: Decimal, Precision: 7, Scale: 2}},
		{"the least whole number", whole9(math.MinInt64, 0), threeTwo, Type{Kind: Decimal, Precision: 21, Scale: 2}},
		{"a decimal and a float", threeTwo, Type{Kind: Float}, Type{Kind: Float}},
		{"times", millis, millis, millis},
		{"a time and a whole number", millis, whole9(1, 2), whole9(math.MinInt64, math.MaxInt64)},
		{"enums", colours, Type{Kind: Enum, Symbols: []string{"blue", "green"}}, Type{Kind: Enum, Symbols: []string{"red", "green", "blue"}}},
		{"an enum and a text", colours, textType, textType},
		{"a date and a text", Type{Kind: Date}, textType, textType},
		{"lists", list(whole9(1, 1)), list(whole9(2, 2)), list(whole9(1, 2))},
		{"objects", object(someField, Field{Name: "b", Type: textType}), object(Field{Name: "c", Type: textType}, Field{Name: "a", Type: whole9(5, 5)}),
			object(Field{Name: "a", Type: whole9(1, 5)}, Field{Name: "b", Type: textType, Optional: true}, Field{Name: "c", Type: textType, Optional: true})},
		{"a union and one of its types", Type{Kind: Union, Of: []Type{whole9(1, 2), textType}}, colours, Type{Kind: Union, Of: []Type{whole9(1, 2), textType}}},
	} {
		got, err := Merge(tt.a, tt.b)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, %v; want %+v", tt.name, got, err, tt.want)
		}
	}
}

func TestMergeConflicts(t *testing.T) {
	place := Place{Line: 7, Column: 3}
	for _, tt := range []struct {
		name string
		a, b Type
		want string
	}{
		{"kinds", textType, whole9(1, 2), "it is a text and a whole number"},
		{"units", millis, Type{Kind: Time, Unit: time.Second}, "it is a time in 1ms and a time in 1s"},
		{"in a list of objects", list(object(Field{Name: "a", Type: textType})), list(object(Field{Name: "a", Type: millis, Place: place})),
			"[].a is a text and a time"},
		{"defaults", object(Field{Name: "a", Type: textType, Default: `"x"`}), object(Field{Name: "a", Type: textType, Default: `"y"`, Place: place}),
			`a is by default "x" and by default "y"`},
	} {
		_, err := Merge(tt.a, tt.b)
		conflict := new(ConflictError)
		if !errors.As(err, &conflict) || err.Error() != tt.want {
			t.Errorf("%s: %v; want %s", tt.name, err, tt.want)
		} else if conflict.Path != "" && conflict.PlaceB != place {
			t.Errorf("%s: its place is %v", tt.name, conflict.PlaceB)
		}
	}
}

func TestEither(t *testing.T) {
	card, iban := object(Field{Name: "card", Type: textType}), object(Field{Name: "iban", Type: textType})
	for _, tt := range []struct {
		name string
		of   []Type
		want Type
	}{
		{"nothing", nil, Type{Kind: Null}},
		{"one", []Type{textType}, textType},
		{"null too", []Type{textType, {Kind: Null}}, nullable},
		{"what has a common type", []Type{whole9(1, 2), textType, whole9(3, 4)}, Type{Kind: Union, Of: []Type{whole9(1, 4), textType}}},
		{"other objects", []Type{card, iban, card}, Type{Kind: Union, Of: []Type{card, iban}}},
		{"a union in it", []Type{{Kind: Union, Of: []Type{whole9(1, 1), textType}, Nullable: true}, {Kind: Bool}},
			Type{Kind: Union, Of: []Type{whole9(1, 1), textType, {Kind: Bool}}, Nullable: true}},
	} {
		if got := Either(tt.of...); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v; want %+v", tt.name, got, tt.want)
		}
	}
}
