package theme

import (
	"testing"
	"unicode/utf8"
)

func TestLocales(t *testing.T) {
	for _, c := range []struct {
		all, ctype, lang string
		want             bool
	}{
		{"", "", "", false},
		{"", "", "C", true},
		{"", "", "POSIX", true},
		{"", "", "de_DE", true},
		{"", "", "de_DE.ISO-8859-15@euro", true},
		{"", "", "de_DE.UTF-8", false},
		{"", "", "C.utf8", false},
		{"", "UTF-8", "C", false}, // as macOS sets it
		{"", "C", "en_GB.UTF-8", true},
		{"C", "en_GB.UTF-8", "en_GB.UTF-8", true},
		{"en_GB.UTF-8", "C", "C", false},
	} {
		env := map[string]string{"LC_ALL": c.all, "LC_CTYPE": c.ctype, "LANG": c.lang}
		if got := Detect(Never, true, func(name string) string { return env[name] }).ASCII; got != c.want {
			t.Errorf("LC_ALL=%s LC_CTYPE=%s LANG=%s: ASCII only is %v, want %v", c.all, c.ctype, c.lang, got, c.want)
		}
	}
}

func TestGlyphs(t *testing.T) {
	for text, want := range map[string]string{
		"plain":                  "plain",
		"█▇▁ ▏ │·┊":              "#%_ | |.:",
		"✕ ▲ ◆ ● ○ › ✓ ✗":        "x ! * o . > + x",
		"≤5 −2 ±0 “a”…":          `<=5 -2 +-0 "a"...`,
		"↑↓ move":                "Up/Down move",
		"Schlüssel 電 \U0001f4a9": `Schl\u00fcssel \u96fb \U0001f4a9`,
		"\xff\x9b \ufffd":        `\xff\x9b \ufffd`,
	} {
		if got := (&Theme{}).Glyphs(text); got != text {
			t.Errorf("%q became %q in UTF-8", text, got)
		}
		if got := (&Theme{ASCII: true}).Glyphs(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestFit(t *testing.T) {
	for _, c := range []struct {
		text        string
		columns     int
		utf8, ascii string
	}{
		{"plain text", 6, "plain…", "plain~"},
		{"no more …", 20, "no more …", "no more ..."},
		{"red\x1b[0m", 20, `red\x1b[0m`, `red\x1b[0m`},
		{"電気", 3, "電…", `\u~`},
	} {
		if got := (&Theme{}).Fit(c.text, c.columns); got != c.utf8 {
			t.Errorf("%q in %d columns: %q, want %q", c.text, c.columns, got, c.utf8)
		}
		if got := (&Theme{ASCII: true}).Fit(c.text, c.columns); got != c.ascii {
			t.Errorf("%q in %d columns of ASCII: %q, want %q", c.text, c.columns, got, c.ascii)
		}
	}
}

// Distinct states and heights stay distinct.
func TestGlyphsStayDistinct(t *testing.T) {
	for _, set := range []string{"✕▲◆●○", "▁▂▃▄▅▆▇█", "█│┊·", "✓✗?-"} {
		seen := map[string]rune{}
		for _, r := range set {
			form := (&Theme{ASCII: true}).Glyphs(string(r))
			if other, taken := seen[form]; taken || utf8.RuneCountInString(form) != 1 {
				t.Errorf("%c and %c of %s are both %q", r, other, set, form)
			}
			seen[form] = r
		}
	}
}
