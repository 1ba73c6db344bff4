package jq

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

func TestReadValues(t *testing.T) {
	for _, c := range []struct {
		value  Value
		kind   string
		number string // as a float and, rounded down, as a whole number; "" if it is none
		text   string // "-" if it has none
	}{
		{Value{}, "null", "", "-"},
		{JSON([]byte("false")), "boolean", "", "false"},
		{JSON([]byte(" 1.50 ")), "number", "1.5 1", "1.50"},
		{JSON([]byte("-0.5")), "number", "-0.5 -1", "-0.5"},
		{Int(math.MaxInt64), "number", "9.223372036854776e+18 9223372036854775807", "9223372036854775807"},
		{Float(2.5), "number", "2.5 2", "2.5"},
		{JSON([]byte("12345678901234567890")), "number", "1.2345678901234567e+19 none", "12345678901234567890"},
		{JSON([]byte("1e400")), "number", "", "1e400"},
		{JSON([]byte(`"a\n"`)), "string", "", "a\n"},
		{Text([]byte("b")), "string", "", "b"},
		{JSON([]byte("[]")), "array", "", "-"},
		{JSON([]byte("{}")), "object", "", "-"},
	} {
		f, ok := c.value.Number()
		n, whole := c.value.Whole()
		number := ""
		if ok {
			number = fmt.Sprint(f, " none")
		}
		if ok && whole {
			number = fmt.Sprint(f, " ", n)
		}
		text, ok := c.value.AppendText([]byte("x"))
		if !ok {
			text = []byte("x-")
		}
		if got := c.value.Type(); got != c.kind || number != c.number || string(text) != "x"+c.text || c.value.IsNull() != (got == "null") {
			t.Errorf("%+v is %s, %s, %s; want %+v", c.value, got, number, text, c)
		}
	}
}

func TestScalarsAndConstants(t *testing.T) {
	for source, want := range map[string]string{
		`"a"`: `true "a"`, "-1.5": "true -1.5", "null": "true null", ".a": "true", ".a[]": "false", "empty": "false", "1, 2": "false", ".a | tojson": "false",
	} {
		x, err := testScope().Compile(source, Options{})
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(x.Scalar())
		if v, ok := x.Constant(); ok {
			got += " " + string(v.AppendJSON(nil))
		}
		if got != want {
			t.Errorf("%s is %s, want %s", source, got, want)
		}
	}
}

func TestReferences(t *testing.T) {
	s := testScope()
	for _, d := range [][2]string{{"a", "$s.x + 1"}, {"b", "a | a"}, {"c", "1"}} {
		if err := s.Define(d[0], d[1], Options{}); err != nil {
			t.Fatal(err)
		}
	}
	for source, want := range map[string]string{
		".x":                       "",
		"1 + $s.x + $s.y":          "$s@4",
		"$h | {$s}":                "$h@0 $s@6",
		`"\($s.x)"`:                "$s@3",
		"if .x then b else $h end": "$s@11 through b, $h@18",
		"c + a":                    "$s@4 through a",
		". as $s | $s":             "$s@5 bound",
		"[.[] | select(.a > $h)]":  "$h@19",
		"1 +":                      "",
		".[$s.n]":                  "$s@2",
		". as [$x, {y: $z}] | $h":  "$h@21",
	} {
		var got []string
		for _, r := range s.References(source) {
			text := fmt.Sprintf("%s@%d", r.Name, r.Offset)
			if r.Let != "" {
				text += " through " + r.Let + ","
			}
			if r.Bound {
				text += " bound"
			}
			got = append(got, text)
		}
		if text := strings.TrimSuffix(strings.Join(got, " "), ","); text != want {
			t.Errorf("%s refers to %s, want %s", source, text, want)
		}
	}
}

func TestMembers(t *testing.T) {
	for source, want := range map[string]string{
		"$s":                           "",
		"$s.a + $s.b.c + $s.a":         "$s.a@0 $s.b@7",
		`$s["x y"]`:                    "$s.x y@0",
		"$s[0]":                        "",
		"[$h.a[] | select(.b > $s.c)]": "$h.a@1 $s.c@22",
		". as $s | $s.a":               "",
		"1 +":                          "",
	} {
		var got []string
		for _, m := range Members(source) {
			got = append(got, fmt.Sprintf("%s.%s@%d", m.Variable, m.Key, m.Offset))
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%s has %s, want %s", source, text, want)
		}
	}
}
