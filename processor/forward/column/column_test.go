package column_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"inv/internal/jsonscan"
	"inv/processor/forward/column"
)

func TestInt(t *testing.T) {
	for _, c := range []struct {
		raw   string
		want  int64
		wrong string
	}{
		{"0", 0, ""}, {"-0", 0, ""}, {"17", 17, ""}, {"-17.0", -17, ""}, {"5e3", 5000, ""}, {"1200e-2", 12, ""},
		{"0.05e2", 5, ""}, {"0e999999999999999999999", 0, ""}, {`"42"`, 42, ""}, {`"\u0034"`, 4, ""},
		{"9223372036854775807", math.MaxInt64, ""}, {"-9223372036854775808", math.MinInt64, ""},
		{"9223372036854775808", 0, `"9223372036854775808" doesn't fit 64 bits`},
		{"-9223372036854775809", 0, `doesn't fit`}, {"1e19", 0, "doesn't fit"}, {"1e99999999999999999999", 0, "doesn't fit"},
		{"1.5", 0, `"1.5" is not a whole number`}, {"1e-99999999999999999999", 0, "whole"},
		{"true", 0, `"true" is not a number`}, {`"1 "`, 0, "not a number"}, {`"+1"`, 0, "not a number"}, {`"01"`, 0, "not a number"},
		{`"1."`, 0, "not a number"}, {`".5"`, 0, "not a number"}, {`"1e"`, 0, "not a number"}, {`""`, 0, "not a number"},
		{`"0x10"`, 0, "not a number"}, {"[1]", 0, "not a number"}, {`"\u001b[31m"`, 0, `"\x1b[31m"`},
		{`"` + strings.Repeat("x", 100) + `"`, 0, strings.Repeat("x", 40) + `"…`},
	} {
		got, err := column.Int([]byte(c.raw))
		check(t, c.raw, got, c.want, err, c.wrong)
	}
}

func TestFloat(t *testing.T) {
	for _, c := range []struct {
		raw   string
		want  float64
		wrong string
	}{
		{"1.5", 1.5, ""}, {"-2e-3", -0.002, ""}, {`"7"`, 7, ""}, {`"Infinity"`, math.Inf(1), ""}, {`"-Infinity"`, math.Inf(-1), ""},
		{"1e-999", 0, ""}, {"1e999", 0, "doesn't fit 64 bits"}, {`"inf"`, 0, "not a number"}, {`"1_0"`, 0, "not a number"}, {"false", 0, "not a number"},
	} {
		got, err := column.Float([]byte(c.raw))
		check(t, c.raw, got, c.want, err, c.wrong)
	}
	if f, err := column.Float([]byte(`"NaN"`)); err != nil || !math.IsNaN(f) {
		t.Errorf("NaN: %v, %v", f, err)
	}
}

func TestDecimal(t *testing.T) {
	for _, c := range []struct {
		raw          string
		total, scale int
		want, wrong  string
	}{
		{"12.5", 12, 2, "1250", ""}, {"-0.05", 12, 2, "-5", ""}, {"0.00", 12, 2, "", ""}, {"1.500", 4, 1, "15", ""},
		{"9999999999.99", 12, 2, "999999999999", ""}, {`"12.50"`, 12, 2, "1250", ""}, {"1e3", 6, 2, "100000", ""}, {"120e-3", 3, 3, "120", ""},
		{"10000000000", 12, 2, "", "more than 10 digits before the point"}, {"1e999999999999", 12, 2, "", "before the point"},
		{"0.001", 12, 2, "", `"0.001" has more than 2 decimals`}, {"1e-9999999999999", 12, 2, "", "more than 2 decimals"},
		{`"abc"`, 12, 2, "", "not a number"}, {`"NaN"`, 12, 2, "", "not a number"},
	} {
		digits, negative, err := column.AppendDecimal(nil, []byte(c.raw), c.total, c.scale)
		got := string(digits)
		if negative {
			got = "-" + got
		}
		check(t, c.raw, got, c.want, err, c.wrong)
	}
}

func TestMillis(t *testing.T) {
	for _, c := range []struct {
		raw   string
		want  int64
		wrong string
	}{
		{"1700000000123", 1700000000123, ""}, {"-1", -1, ""}, {`"1700000000123"`, 1700000000123, ""},
		{`"2023-11-14T22:13:20.1239Z"`, 1700000000123, ""}, {`"2023-11-14T23:13:20+01:00"`, 1700000000000, ""},
		{"1.5", 0, "not a whole number"}, {`"yesterday"`, 0, "neither epoch milliseconds nor a time of RFC 3339"}, {"{}", 0, "neither"},
	} {
		got, err := column.Millis([]byte(c.raw))
		check(t, c.raw, got, c.want, err, c.wrong)
	}
}

func TestTextAndBool(t *testing.T) {
	for _, c := range []struct{ raw, want, wrong string }{
		{`"a\nb"`, "a\nb", ""}, {"1.50", "1.50", ""}, {"true", "true", ""}, {`{"a":[1]}`, `{"a":[1]}`, ""}, {`"\ud83d\ude00"`, "😀", ""}, {`"\\ud800"`, `\ud800`, ""},
		{"\"\xff\"", "", "not valid Unicode"}, {`"\ud800"`, "", `half a surrogate pair, \ud800`}, {`"\udc00\ud800"`, "", `\udc00`},
		{`"\ud800\ud800"`, "", "half"}, {`["\uDBFF"]`, "", "half"}, {`"\ud800\\dc00"`, "", "half"},
	} {
		got, err := column.AppendText(nil, []byte(c.raw))
		check(t, c.raw, string(got), c.want, err, c.wrong)
		if err != nil && !errors.Is(err, column.ErrNotUnicode) {
			t.Errorf("%s: %v is not ErrNotUnicode", c.raw, err)
		}
	}
	for raw, wrong := range map[string]string{"true": "", `"true"`: "neither true nor false", "1": "neither"} {
		got, err := column.Bool([]byte(raw))
		check(t, raw, got, wrong == "", err, wrong)
	}
	for raw, want := range map[string]bool{`"\u0000"`: true, `{"a\u0000":1}`: true, `"\\u0000"`: false, `"\\\u0000"`: true, `"\u0001"`: false, `"\n"`: false, "0": false} {
		if got := column.HasNUL([]byte(raw)); got != want {
			t.Errorf("HasNUL(%s) = %v", raw, got)
		}
	}
}

func check[T comparable](t *testing.T, raw string, got, want T, err error, wrong string) {
	t.Helper()
	switch {
	case wrong == "" && (err != nil || got != want):
		t.Errorf("%s: %v, %v; want %v", raw, got, err, want)
	case wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong)):
		t.Errorf("%s: %v, %v; want the error %q", raw, got, err, wrong)
	}
}

// FuzzNumbers compares with exact arithmetic.
func FuzzNumbers(f *testing.F) {
	for _, seed := range []string{"0", "-1.250e2", "99999.99", "1e5", "123456789012345678901234567890", "0.000", "1e-5"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 300 || !json.Valid([]byte(text)) || strings.ContainsAny(text, " \t\r\n") {
			return
		}
		exact, ok := new(big.Rat).SetString(text)
		if strings.ContainsAny(text, "eE") {
			if _, after, _ := strings.Cut(strings.ToLower(text), "e"); len(after) > 4 {
				return // too large for big.Rat
			}
		}
		isNumber := ok && text[0] != '"'
		digits, negative, err := column.AppendDecimal(nil, []byte(text), 12, 2)
		scaled := new(big.Rat).Mul(orZero(exact), big.NewRat(100, 1))
		fits := isNumber && scaled.IsInt() && len(new(big.Int).Abs(scaled.Num()).String()) <= 12
		if text[0] != '"' && fits != (err == nil) {
			t.Fatalf("%s fits: %v, but %v", text, fits, err)
		}
		if err == nil && text[0] != '"' {
			got := fmt.Sprint(map[bool]string{true: "-"}[negative], "0", string(digits))
			if n, ok := new(big.Int).SetString(got, 10); !ok || n.Cmp(scaled.Num()) != 0 {
				t.Fatalf("%s: %s, want %s", text, got, scaled)
			}
		}
		whole, err := column.Int([]byte(text))
		if text[0] != '"' {
			fits := isNumber && exact.IsInt() && exact.Num().IsInt64()
			if fits != (err == nil) || fits && whole != exact.Num().Int64() {
				t.Fatalf("%s: %d, %v", text, whole, err)
			}
		}
	})
}

func orZero(r *big.Rat) *big.Rat {
	if r == nil {
		return new(big.Rat)
	}
	return r
}

// FuzzUnicode: what is accepted survives encoding/json.
func FuzzUnicode(f *testing.F) {
	for _, seed := range []string{`"a"`, `"\ud83d\ude00"`, `"\ud800"`, `"\\u0000"`, `["\u0000"]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, ok := jsonscan.Valid(raw); !ok || raw[0] != '"' || raw[len(raw)-1] != '"' {
			return
		}
		text, err := column.AppendText(nil, raw)
		var want string
		if json.Unmarshal(raw, &want) != nil {
			return
		}
		literal := strings.Count(string(raw), "\ufffd") + strings.Count(strings.ToLower(string(raw)), `\ufffd`)
		if err == nil && string(text) != want || err != nil && literal == 0 && !strings.Contains(want, "\ufffd") {
			t.Fatalf("%s: %q, %v; want %q", raw, text, err, want)
		}
		if column.HasNUL(raw) != strings.Contains(want, "\x00") {
			t.Fatalf("%s: NUL is %v", raw, column.HasNUL(raw))
		}
	})
}
