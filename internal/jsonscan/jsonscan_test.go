package jsonscan

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"inv/internal/termsafe"
)

var texts = []string{
	``, ` `, `{}`, `[]`, `{"a":1}`, `{"a":1,}`, `{"a" : [1, 2.5e-3, "x"] , "b":null}`, `"x`, `"\u12"`, `"\u12ab"`, `"\x"`,
	"\"\x01\"", "\"\xff\"", "\"\x7f\"", `01`, `-`, `-0.0`, `1.`, `.5`, `1e`, `1e+5`, `1E5`, `tru`, `true false`, `nul`, `null`, `{"a"}`, `{1:2}`, `[1 2]`, `[,]`,
	`{"longer key with \"quotes\" and more":"a value that is longer than eight bytes"}`, strings.Repeat("[", 10001) + strings.Repeat("]", 10001),
	strings.Repeat("[", 9999) + strings.Repeat("]", 9999), "\"\u202e\"", `{"é":1}`, "1\n", "\v1", "\ufeff{\"a\":1}", "\ufeff \"x\"", "\ufeff", "\ufeff\ufeff1", " \ufeff1", "1\ufeff", "\"\ufeff\"", "\xef\xbb1",
}

func FuzzValid(f *testing.F) {
	for _, t := range texts {
		f.Add([]byte(t))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		flags, ok := Valid(b)
		if want := json.Valid(TrimMark(b)); ok != want {
			t.Fatalf("%.100q: %v, encoding/json %v", b, ok, want)
		}
		if !ok {
			return
		}
		safe := AppendSafe(nil, b, flags)
		if !json.Valid(safe) || !utf8.Valid(safe) {
			t.Fatalf("%q became %q", b, safe)
		}
		for _, r := range string(safe) {
			if termsafe.Hidden(r) {
				t.Fatalf("%q became %q, in which %U is hidden", b, safe, r)
			}
		}
		var was, is any
		if json.Unmarshal(TrimMark(b), &was) == nil && json.Unmarshal(safe, &is) == nil {
			w, _ := json.Marshal(was)
			i, _ := json.Marshal(is)
			if !bytes.Equal(w, i) {
				t.Fatalf("%q became %q, another document", b, safe)
			}
		}
	})
}

func TestDeep(t *testing.T) {
	for _, depth := range []int{9999, 10000, 10001, 10002} {
		text := []byte(strings.Repeat(`{"a":`, depth) + "1" + strings.Repeat("}", depth))
		want := json.Valid(text)
		if _, ok := Valid(text); ok != want {
			t.Errorf("depth %d: %v, encoding/json %v", depth, ok, want)
		}
		f := NewFields()
		f.Add("a", "a")
		if ok := f.Scan(text, make([][]byte, f.Len())); ok != want {
			t.Errorf("fields at depth %d: %v, encoding/json %v", depth, ok, want)
		}
	}
}

func TestFields(t *testing.T) {
	f := NewFields()
	a, bc, b := f.Add("a"), f.Add("b", "c"), f.Add("b")
	if f.Add("a") != a {
		t.Error("the same path has another index")
	}
	values := make([][]byte, f.Len())
	for _, c := range []struct{ text, a, bc, b string }{
		{`{"a":1,"b":{"c":"x"}}`, `1`, `"x"`, `{"c":"x"}`},
		{` { "a" : [ 1 ] , "z" : { "c" : 2 } } `, `[ 1 ]`, ``, ``},
		{`{"b":{"c":1},"b":7}`, ``, ``, `7`},
		{`{"b":{"c":1},"b":{}}`, ``, ``, `{}`},
		{`{"\u0061":true}`, `true`, ``, ``},
		{`[{"a":1}]`, ``, ``, ``},
		{`{"a":null}`, `null`, ``, ``},
	} {
		if !f.Scan([]byte(c.text), values) {
			t.Errorf("%s: not JSON", c.text)
		}
		if string(values[a]) != c.a || string(values[bc]) != c.bc || string(values[b]) != c.b {
			t.Errorf("%s: a %q, b.c %q, b %q", c.text, values[a], values[bc], values[b])
		}
	}
	if f.Scan([]byte(`{"a":1`), values) || f.Scan([]byte(`{"a":1}}`), values) {
		t.Error("malformed JSON has fields")
	}
}

func FuzzFields(f *testing.F) {
	for _, t := range texts {
		f.Add([]byte(t))
	}
	fields := NewFields()
	index := fields.Add("a")
	fields.Add("b", "c")
	f.Fuzz(func(t *testing.T, b []byte) {
		values := make([][]byte, fields.Len())
		ok := fields.Scan(b, values)
		if want := json.Valid(TrimMark(b)); ok != want {
			t.Fatalf("%.100q: %v, encoding/json %v", b, ok, want)
		}
		var object map[string]json.RawMessage
		if !ok || json.Unmarshal(TrimMark(b), &object) != nil {
			return
		}
		if !bytes.Equal(object["a"], values[index]) {
			t.Fatalf("%q: a is %q, encoding/json %q", b, values[index], object["a"])
		}
	})
}

func TestScanElements(t *testing.T) {
	f := NewFields()
	q := f.Add("q")
	values := make([][]byte, f.Len())
	var got []string
	each := func() bool { got = append(got, string(values[q])); return len(got) < 3 }
	f.ScanElements([]byte(` [ {"q":1} , 5, {"q":"x"}, {"q":9} ] `), values, each)
	if strings.Join(got, "|") != `1||"x"` {
		t.Errorf("got %q", got)
	}
	f.ScanElements([]byte(`{"q":1}`), values, func() bool { t.Error("an object has no elements"); return false })
	f.ScanElements(nil, values, func() bool { t.Error("nothing has no elements"); return false })
}

func FuzzAppendString(f *testing.F) {
	f.Add([]byte("a\"\\\n\x1b[31m\u202e\xff\x7f\u0085"))
	f.Fuzz(func(t *testing.T, b []byte) {
		quoted := AppendString(nil, b)
		var back string
		if err := json.Unmarshal(quoted, &back); err != nil {
			t.Fatalf("%q became %s: %v", b, quoted, err)
		}
		if want := strings.ToValidUTF8(string(b), "\ufffd"); utf8.Valid(b) && back != want {
			t.Fatalf("%q came back as %q", b, back)
		}
		for _, r := range string(quoted) {
			if termsafe.Hidden(r) {
				t.Fatalf("%q became %q", b, quoted)
			}
		}
	})
}

func TestFindHasTheFlagsOfTheWholeText(t *testing.T) {
	f := NewFields()
	f.Add("a")
	for _, text := range []string{`{"a":1,"b":"x"}`, ` {"a" : 1}`, "{\"a\":\"\u00fc\"}", `{"b":"\u202e"}`, "[1, 2]", `{"a":`} {
		want, ok := Valid([]byte(text))
		flags, found := f.Find([]byte(text), make([][]byte, f.Len()))
		if found != ok || ok && flags != want {
			t.Errorf("%s has the flags %b, %v, want %b, %v", text, flags, found, want, ok)
		}
	}
}

func TestEnd(t *testing.T) {
	for text, want := range map[string]int{`{"a":[1]},2`: 9, `"x"y`: 3, "12 ": 2, "true]": 4, " 1": -1, "": -1, "{": -1, "x": -1} {
		if got := End([]byte(text)); got != want {
			t.Errorf("%s ends at %d, want %d", text, got, want)
		}
	}
}

// The fields of several values are found in one pass over the object that has these.
func TestAddBelow(t *testing.T) {
	price, whole := NewFields(), NewFields()
	inner := price.Add("price")
	cents := price.Add("tax", "cents")
	whole.Add()
	name := whole.Add("name")

	f := NewFields()
	first := f.AddBelow("p", price)
	second := f.AddBelow("q", whole)
	row := f.Add("p")
	values := make([][]byte, f.Len())
	for _, c := range []struct {
		text, row, price, cents, whole, name string
		end                                  int
	}{
		{`{"p":{"price":3,"tax":{"cents":7}},"q":{"name":"n"}},"v":1`, `{"price":3,"tax":{"cents":7}}`, "3", "7", `{"name":"n"}`, `"n"`, 52},
		{`{"q":[1],"p":{"price":1},"p":{"tax":null}}`, `{"tax":null}`, "", "", "[1]", "", 42},
		{`{"p":null}`, "null", "", "", "", "", 10},
		{`{}`, "", "", "", "", "", 2},
		{`{"p":{"price":3}`, "", "", "", "", "", -1},
	} {
		end := f.ScanPrefix([]byte(c.text), values)
		if end != c.end {
			t.Errorf("%s ends at %d, not at %d", c.text, end, c.end)
		}
		if end < 0 {
			continue
		}
		got := [...]string{string(values[row]), string(values[first+inner]), string(values[first+cents]), string(values[second]), string(values[second+name])}
		if want := [...]string{c.row, c.price, c.cents, c.whole, c.name}; got != want {
			t.Errorf("%s: %q, not %q", c.text, got, want)
		}
	}
}

// Text without quotes is what encoding/json makes of it.
func FuzzAppendUnquoted(f *testing.F) {
	for _, t := range []string{`"a\"\\\/\b\f\n\r\tz"`, `"\u00e9\ud83d\ude00\ud83d\ud83d\udE00\udc00x\ud800"`, "\"\xff\u00e9\xe2\x82\"", `"\ud800\n"`} {
		f.Add([]byte(t))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		end, flags := String(b, 0)
		var want string
		if err := json.Unmarshal(b, &want); err != nil || b[0] != '"' || b[len(b)-1] != '"' {
			return
		}
		if end != len(b) {
			t.Fatalf("%q ends at %d", b, end)
		}
		if got := string(AppendUnquoted([]byte("+"), b)); got != "+"+want {
			t.Errorf("%q is %q, want %q", b, got, want)
		}
		if inner := string(b[1 : len(b)-1]); flags == 0 && inner != want {
			t.Errorf("%q has no flags", b)
		}
	})
}
