package convert

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func csvJSON(t *testing.T, value string, columns ...string) (string, error) {
	t.Helper()
	c, err := NewCSV(columns)
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.AppendJSON([]byte("> "), []byte(value))
	got, ok := strings.CutPrefix(string(out), "> ")
	if !ok || err != nil && got != "" {
		t.Fatalf("%q: %q, %v", value, out, err)
	}
	if err == nil && !json.Valid([]byte(got)) {
		t.Fatalf("%q: not JSON: %s", value, got)
	}
	return got, err
}

func TestCSV(t *testing.T) {
	for _, tt := range []struct{ value, columns, want string }{
		{"7,Anna,1.50", "id name price", `{"id":"7","name":"Anna","price":"1.50"}`},
		{"7,Anna,1.50", "", `["7","Anna","1.50"]`},
		{"a,b\n", "x y", `{"x":"a","y":"b"}`},
		{"a,b\r\n", "x y", `{"x":"a","y":"b"}`},
		{"\xef\xbb\xbfa,b", "x y", `{"x":"a","y":"b"}`},
		{",", "x y", `{"x":"","y":""}`},
		{`""`, "x", `{"x":""}`},
		{`"",""` + "\n", "x y", `{"x":"","y":""}`},
		{`"a, ""b""","c` + "\r\n" + `d"`, "x y", `{"x":"a, \"b\"","y":"c\r\nd"}`},
		{`""""`, "", `["\""]`},
		{" a , b\t", "", `[" a "," b\t"]`},
		{`C:\x,"C:\y"`, "", `["C:\\x","C:\\y"]`},
		{"é,\"日本\u2028\"", "", "[\"é\",\"日本\u2028\"]"},
		{"\x00,\"\x1b\",\x7f", "", "[\"\\u0000\",\"\\u001b\",\"\x7f\"]"},
		{"1", "größe", `{"größe":"1"}`},
		{"1", `a"b\`, `{"a\"b\\":"1"}`},
	} {
		if got, err := csvJSON(t, tt.value, strings.Fields(tt.columns)...); err != nil || got != tt.want {
			t.Errorf("%q with %s: %s, %v; want %s", tt.value, tt.columns, got, err, tt.want)
		}
	}
	if _, err := NewCSV([]string{"a", "b", "a"}); err == nil || err.Error() != `two columns are named "a"` {
		t.Errorf("%v", err)
	}
}

func TestCSVErrors(t *testing.T) {
	many := strings.Fields("a b c d e f g h i j k")
	for _, tt := range []struct {
		value   string
		columns []string
		offset  int
		want    string
	}{
		{"", nil, 0, "expected a record, found an empty line"},
		{"\n", nil, 0, "found an empty line"},
		{"\r\na", nil, 0, "found an empty line"},
		{"a", many[:2], 1, `the record ends after field 1; expected 2: a, b`},
		{"a\n", many, 1, `expected 11: a, b, c, d, e, f, g, h and 3 more`},
		{"a,b,c", many[:2], 4, `more than 2: a, b`},
		{"a\nb", nil, 2, "a value is one record"},
		{"a\r\n\r\n", nil, 3, "a value is one record"},
		{`a"b`, nil, 1, `a " in a field that does not begin with one`},
		{` "b"`, nil, 1, `a " in a field`},
		{`"a"b`, nil, 3, `expected a comma or the end of the record after the closing "`},
		{`"a" ,b`, nil, 3, `expected a comma`},
		{`x,"a`, nil, 4, `the value ends in a field whose " is at byte 2`},
		{`"a""`, nil, 4, `the value ends in a field whose " is at byte 0`},
		{"a\rb", nil, 1, "a carriage return outside of quotes"},
		{"a\r", nil, 1, "a carriage return outside of quotes"},
		{"a\xff", nil, 1, "the byte 0xff is not UTF-8"},
		{"\"a\xff\"", nil, 2, "the byte 0xff is not UTF-8"},
		{strings.Repeat(",", MaxNodes), nil, MaxNodes, "more than 1048576 fields"},
		{strings.Repeat("a", MaxSize+1), nil, MaxSize, "at most 16777216 are read"},
	} {
		var e *Error
		switch got, err := csvJSON(t, tt.value, tt.columns...); {
		case !errors.As(err, &e):
			t.Errorf("%.80q: %s, %v; want %s", tt.value, got, err, tt.want)
		case e.Offset != tt.offset || !strings.Contains(e.Reason, tt.want):
			t.Errorf("%.80q: %v; want at byte %d: %s", tt.value, err, tt.offset, tt.want)
		}
	}
}

func TestCSVAllocations(t *testing.T) {
	c, err := NewCSV([]string{"a", "b", "c"})
	if err != nil {
		t.Fatal(err)
	}
	value, dst := []byte(`7,"a ""b""",é`), []byte(nil)
	if n := testing.AllocsPerRun(100, func() {
		if dst, err = c.AppendJSON(dst[:0], value); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkCSV(b *testing.B) {
	columns, value := []string(nil), []byte(nil)
	for i := range 10 {
		columns = append(columns, fmt.Sprint("column_", i))
		value = fmt.Appendf(value, "value %d,", i)
	}
	c, err := NewCSV(columns)
	if err != nil {
		b.Fatal(err)
	}
	value = value[:len(value)-1]
	b.SetBytes(int64(len(value)))
	b.ReportAllocs()
	var out []byte
	for b.Loop() {
		if out, err = c.AppendJSON(out[:0], value); err != nil {
			b.Fatal(err)
		}
	}
}
