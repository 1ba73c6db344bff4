package termsafe

import (
	"testing"
	"unicode/utf8"
)

func TestAppend(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                 "plain",
		"two\nlines\tand\rmore": `two\nlines\tand\rmore`,
		"\x1b[31mred\x1b[0m":    `\x1b[31mred\x1b[0m`,
		"\x1b]0;title\a":        `\x1b]0;title\x07`,
		"\u009b31m":             `\u009b31m`,
		"\x9b31m":               `\x9b31m`,
		"user\u202etxt.exe":     `user\u202etxt.exe`,
		"\u2066a\u2069 \u200f":  `\u2066a\u2069 \u200f`,
		"zero\u200bwidth\ufeff": `zero\u200bwidth\ufeff`,
		"\xff\xfe":              `\xff\xfe`,
		"tag\U000e0041":         `tag\udb40\udc41`,
		"über 日本 👩‍👩‍👧 soft\u00adhyphen": "über 日本 👩‍👩‍👧 soft\u00adhyphen",
		"\u2028\u2029": `\u2028\u2029`,
		"DEL\x7f":      `DEL\x7f`,
	} {
		if got := String(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzAppend(f *testing.F) {
	f.Add([]byte("\x1b[2J\u202e\x9b\xff日本\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		out := Append([]byte("x"), b)
		if !utf8.Valid(out) {
			t.Fatalf("%q became %q: not UTF-8", b, out)
		}
		for _, r := range string(out) {
			if Hidden(r) {
				t.Fatalf("%q became %q: %U is hidden", b, out, r)
			}
		}
		if w := Width(out); w < 0 || w > 2*len(out) {
			t.Fatalf("%q is %d wide", out, w)
		}
		if cut := Cut(out, 10); Width(cut) > 10 || !utf8.Valid(cut) {
			t.Fatalf("%q cut to 10 columns is %q", out, cut)
		}
		var whole []byte
		for rest, first := out, []byte(nil); len(rest) > 0; whole = append(whole, first...) {
			if first, rest = Split(rest, 10); len(first) == 0 || Width(first) > 10 || !utf8.Valid(first) {
				t.Fatalf("%q begins with %q in 10 columns", out, first)
			}
		}
		if string(whole) != string(out) {
			t.Fatalf("%q in pieces is %q", out, whole)
		}
	})
}

func TestWidthAndCut(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		cut   string // to 5 columns
	}{
		{"", 0, ""}, {"abc", 3, "abc"}, {"abcdef", 6, "abcd…"}, {"日本語", 6, "日本…"}, {"2×a ≤ 3 …", 9, "2×a …"},
		{"👩‍👩‍👧 family", 9, "👩‍👩‍👧 f…"}, {"e\u0301e\u0301e\u0301", 3, "e\u0301e\u0301e\u0301"}, {"🇩🇪🇫🇷", 4, "🇩🇪🇫🇷"},
	} {
		if got := Width([]byte(c.text)); got != c.width {
			t.Errorf("%q is %d wide, want %d", c.text, got, c.width)
		}
		if got := string(Cut([]byte(c.text), 5)); got != c.cut {
			t.Errorf("%q cut to 5 columns: %q, want %q", c.text, got, c.cut)
		}
	}
}

func TestSplit(t *testing.T) {
	for _, c := range []struct{ text, first, rest string }{
		{"", "", ""}, {"abc", "abc", ""}, {"abcdefg", "abcde", "fg"}, {"日本語", "日本", "語"}, {"👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧", "👩‍👩‍👧👩‍👩‍👧", "👩‍👩‍👧"},
	} {
		if first, rest := Split([]byte(c.text), 5); string(first) != c.first || string(rest) != c.rest {
			t.Errorf("%q in 5 columns is %q and %q", c.text, first, rest)
		}
	}
	if first, rest := Split([]byte("日本"), 1); string(first) != "日" || string(rest) != "本" {
		t.Errorf("what fits nowhere is taken alone: %q and %q", first, rest)
	}
}
