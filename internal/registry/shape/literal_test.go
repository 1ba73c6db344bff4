package shape_test

import (
	"reflect"
	"testing"

	"inv/internal/registry/shape"
)

func TestOfLiteral(t *testing.T) {
	number := func(n int64) shape.Type { return shape.Type{Kind: shape.Int, Low: n, High: n} }
	for text, want := range map[string]shape.Type{
		`null`:                   {Kind: shape.Null},
		`true`:                   {Kind: shape.Bool},
		`-5`:                     number(-5),
		`12.50`:                  {Kind: shape.Decimal, Precision: 3, Scale: 1},
		`-0.005`:                 {Kind: shape.Decimal, Precision: 3, Scale: 3},
		`0.0`:                    {Kind: shape.Decimal, Precision: 1},
		`99999999999999999999`:   {Kind: shape.Decimal, Precision: 20},
		`1e3`:                    {Kind: shape.Float},
		`"paid"`:                 {Kind: shape.Enum, Symbols: []string{"paid"}},
		`"2026-05-01"`:           {},
		`"2026-05-01T10:00:00Z"`: {},
		`.price`:                 {},
		`"a" + "b"`:              {},
		`{"a": 1}`:               {},
		`[1]`:                    {},
		``:                       {},
	} {
		if got := shape.OfLiteral([]byte(text)); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", text, got, want)
		}
	}
}
