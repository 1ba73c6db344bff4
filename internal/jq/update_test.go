package jq

import (
	"errors"
	"testing"
)

func TestUpdates(t *testing.T) {
	tests := []struct{ source, value, want string }{
		{`.a = 1`, `{"b":2}`, `{"a":1,"b":2}`},
		{`.a.b = .c | del(.c)`, `{"c":1.50}`, `{"a":{"b":1.50}}`},
		{`.items |= map(.quantity = .qty | del(.qty))`, `{"items":[{"qty":2},{"qty":3}]}`, `{"items":[{"quantity":2},{"quantity":3}]}`},
		{`.items[].price |= tostring`, `{"items":[{"price":2.10},{"price":3}]}`, `{"items":[{"price":"2.10"},{"price":"3"}]}`},
		{`.items[]?.price = 0`, `{"items":7}`, `{"items":7}`},
		{`del(.a, .["b"], ."c d", .e?)`, `{"a":1,"b":2,"c d":3,"f":4}`, `{"f":4}`},
		{`(.a | .b) |= . + 1`, `{"a":{"b":1}}`, `{"a":{"b":2}}`},
	}
	for _, tt := range tests {
		x, err := NewScope(nil).Compile(tt.source, Options{Absent: true, Strict: true, Updates: true})
		if err != nil {
			t.Errorf("%s: %v", tt.source, err)
			continue
		}
		var e Evaluator
		e.SetRecord(JSON([]byte(tt.value)), nil)
		got, err := x.Eval(&e)
		if err != nil || len(got) != 1 || string(got[0].AppendJSON(nil)) != tt.want {
			t.Errorf("%s of %s: %v, %v; want %s", tt.source, tt.value, got, err, tt.want)
		}
	}
}

func TestRefusedUpdates(t *testing.T) {
	for _, source := range []string{
		`.[500000000] = 1`, `.a[.n] = 1`, `.a[2:3] = []`, `.a[-1] |= 1`, `.["a" + "b"] = 1`, `."\(.a)" = 1`,
		`first(.a[]) = 1`, `getpath(["a"]) = 1`, `.. = 1`, `.a += 1`, `.a //= 1`, `.a *= 2`,
		`del(.a[0])`, `del(.[] | select(.a))`, `del(..)`, `delpaths([["a"]])`, `to_entries |= 1`, `setpath(["a", 500000000]; 1)`,
	} {
		var wrong *Error
		if _, err := NewScope(nil).Compile(source, Options{Strict: true, Updates: true}); !errors.As(err, &wrong) {
			t.Errorf("%s: %v; want an *Error", source, err)
		}
	}
	for _, source := range []string{`.a = 1`, `.a |= 1`, `del(.a)`} {
		if _, err := NewScope(nil).Compile(source, Options{Strict: true}); err == nil {
			t.Errorf("%s is allowed without Updates", source)
		}
	}
}
