package inspect

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// Keys and values in a form, and those that are in another.
func TestForms(t *testing.T) {
	for _, c := range []struct {
		form, bytes string
		key, value  string // as shown
		says        string
	}{
		{"string", "12", "12", `"12"`, ""},
		{"text", "\x00\x01", "\x00\x01", `"\u0000\u0001"`, ""},
		{"json", `{ "a": 1.50 }`, `{ "a": 1.50 }`, `{ "a": 1.50 }`, ""},
		{"json", "{", "{", "{", "JSON"},
		{"xml", "<a/>", "<a/>", "<a/>", ""},
		{"xml", "a", "a", "a", "XML"},
		{"hex", "\x00\xab", "00ab", `"00ab"`, ""},
		{"base64", "abc", "YWJj", `"YWJj"`, ""},
		{"int", "\xff", "-1", "-1", ""},
		{"int", "\x01\x00", "256", "256", ""},
		{"int", "abc", "abc", "abc", "1, 2, 4 or 8 bytes"},
		{"int32", "\xff\xff\xff\xfe", "-2", "-2", ""},
		{"int32", "\x00\x00\x00\x00\x00\x00\x00\x01", "\x00\x00\x00\x00\x00\x00\x00\x01", "\x00\x00\x00\x00\x00\x00\x00\x01", "of 4 bytes"},
		{"int64", "\x80\x00\x00\x00\x00\x00\x00\x00", "-9223372036854775808", "-9223372036854775808", ""},
		{"int64", "\x00\x00\x00\x01", "\x00\x00\x00\x01", "\x00\x00\x00\x01", "of 8 bytes"},
		{"float", "\x3f\xc0\x00\x00", "1.5", "1.5", ""},
		{"float", "\x7f\xc0\x00\x00", "\x7f\xc0\x00\x00", "\x7f\xc0\x00\x00", "finite float"},
		{"uuid", "\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef", "01234567-89ab-cdef-0123-456789abcdef", `"01234567-89ab-cdef-0123-456789abcdef"`, ""},
		{"uuid", "abc", "abc", "abc", "16 bytes"},
	} {
		f := &forms{key: formOf(c.form), value: formOf(c.form)}
		r := &Record{Key: []byte(c.bytes), Value: []byte(c.bytes)}
		err := f.decode(r)
		if string(r.Key) != c.key || string(r.Value) != c.value {
			t.Errorf("%q as %s: key %q, value %q; want %q, %q", c.bytes, c.form, r.Key, r.Value, c.key, c.value)
		}
		if (err == nil) != (c.says == "") || err != nil && strings.Count(err.Error(), c.says) != 2 {
			t.Errorf("%q as %s: error %v, want %q of both", c.bytes, c.form, err, c.says)
		}
		// The key is found by what is shown.
		if k, err := compileKey(c.form, []byte(c.key), false); c.says == "" && (err != nil || !k.raw([]byte(c.bytes))) {
			t.Errorf("%q as %s is not found by %q (%v)", c.bytes, c.form, c.key, err)
		}
		r = &Record{}
		if err := f.decode(r); err != nil || r.Key != nil || r.Value != nil {
			t.Errorf("null as %s: %q, %q (%v)", c.form, r.Key, r.Value, err)
		}
	}
}

// Any key is found by the text that lines show for it.
func FuzzKeyAsShown(f *testing.F) {
	for _, key := range []string{"plain", "a\x1bb\"\\", "\x00\x00\x00\x2a", "\x00\x00\x00\x00\x00\x00\x00\x2a", "\x00\x00\x00\x00\x07abc", "\xff\xfe", "\u202e", "\U000e0001", "a\\\x1b"} {
		f.Add([]byte(key))
	}
	f.Fuzz(func(t *testing.T, key []byte) {
		shown := appendKeyText(nil, key)
		k, err := compileKey(FormAuto, shown, false)
		if err != nil {
			t.Fatal(err)
		}
		if len(key) > 0 && !k.raw(key) && !(k.others && k.decoded(key)) {
			t.Errorf("%q is not found by %q", key, shown)
		}
		for _, other := range k.bytes {
			if !bytes.Equal(other, shown) && !isBinary(other) && !slices.Equal(appendKeyText(nil, other), shown) {
				t.Errorf("%q, which is not shown so, is found by %q", other, shown)
			}
		}
	})
}
