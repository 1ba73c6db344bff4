package theme

import (
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"

	"inv/internal/termsafe"
)

// asciiOnly reports whether the locale has a character set other than UTF-8. If no
// variable names one, nobody chose a locale, and terminals show UTF-8.
func asciiOnly(getenv func(string) string) bool {
	locale := cmp.Or(getenv("LC_ALL"), getenv("LC_CTYPE"), getenv("LANG"))
	return locale != "" && !strings.Contains(strings.ReplaceAll(strings.ToLower(locale), "-", ""), "utf8")
}

// Glyphs returns a text as the terminal can show it: with ASCII, its glyphs become
// similar characters, mostly of the same width, and other characters escapes as for
// control characters.
func (t *Theme) Glyphs(text string) string {
	if !t.ASCII || !strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		switch form, known := asciiForm(r); {
		case known:
			b.WriteString(form)
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// Fit makes a text safe for the terminal, see termsafe, and cuts it to a number of
// columns.
func (t *Theme) Fit(text string, columns int) string {
	cut := string(termsafe.Cut([]byte(t.Glyphs(termsafe.String(text))), columns))
	if t.ASCII {
		cut = strings.ReplaceAll(cut, "…", "~") // where it was cut
	}
	return cut
}

// asciiForm returns the ASCII form of a character of this program's own texts, or of an
// ASCII character.
func asciiForm(r rune) (form string, known bool) {
	if r < utf8.RuneSelf {
		return string(r), true
	}
	const (
		glyphs = "█▁▂▃▄▅▆▇▏▎▍▌▋▊▉│┊·✕▲◆●○›✓✗–—−×’‘“”"
		ascii  = "#_.-=+*%|:::+++|:.x!*o.>+x---x''\"\""
	)
	if i := strings.IndexRune(glyphs, r); i >= 0 {
		i = utf8.RuneCountInString(glyphs[:i])
		return ascii[i : i+1], true
	}
	switch r {
	case '…':
		return "...", true
	case '≤':
		return "<=", true
	case '≥':
		return ">=", true
	case '±':
		return "+-", true
	case '↑':
		return "Up/", true
	case '↓':
		return "Down", true
	case '→':
		return "->", true
	case '←':
		return "<-", true
	}
	return "", false
}
