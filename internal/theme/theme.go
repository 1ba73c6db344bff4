// Package theme holds the colours of inv's terminal output: escape strings for what
// the terminal can show, so that writing in colour is no more than copying bytes.
package theme

import (
	"bytes"
	"io"
	"iter"
	"slices"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"
)

// Theme is a set of escape strings by meaning, all empty without colour. Reset ends
// the others.
type Theme struct {
	ASCII bool // the terminal shows nothing else, see Glyphs

	Critical, Warning, Good string // severities
	Dim                     string // times, positions
	Strong                  string // what a line is about
	Key, Text, Number, Word string // JSON: keys, strings, numbers, true false null
	Match                   string // matches of a highlight
	Hostile                 string // notes on suspicious data
	Sources                 []string
	Reset                   string
}

// Enabled reports whether the theme has colours.
func (t *Theme) Enabled() bool { return t.Reset != "" }

// SourcesOf gives each topic a colour of its own, as far as there are enough: the one
// of Source or, if another has that, the next free one. The same topics have the same
// colours in each run.
func (t *Theme) SourcesOf(topics []string) map[string]string {
	colors, taken := map[string]string{}, map[string]bool{}
	for _, topic := range slices.Sorted(slices.Values(topics)) {
		color := t.Source(topic)
		// A terminal of few colours shows several of them as one.
		first := slices.Index(t.Sources, color)
		for i := range t.Sources {
			if next := t.Sources[(first+i)%len(t.Sources)]; !taken[next] {
				color = next
				break
			}
		}
		colors[topic], taken[color] = color, true
	}
	return colors
}

// Source returns the colour of a topic by its name alone, the same in each run.
func (t *Theme) Source(name string) string {
	if len(t.Sources) == 0 {
		return ""
	}
	h := uint32(2166136261) // FNV-1a
	for i := range len(name) {
		h = (h ^ uint32(name[i])) * 16777619
	}
	return t.Sources[h%uint32(len(t.Sources))]
}

// Mode is when to use colour.
type Mode string

// The modes.
const (
	Auto   Mode = "auto"
	Always Mode = "always"
	Never  Mode = "never"
)

// Detect chooses a theme: no colours for Never, and in Auto for NO_COLOR or
// (unless FORCE_COLOR is set) an output that is no terminal; otherwise those that
// TERM and COLORTERM allow. Whether there are characters beyond ASCII follows from the
// locale, in LC_ALL, LC_CTYPE or LANG.
func Detect(mode Mode, terminal bool, getenv func(string) string) *Theme {
	t := detect(mode, terminal, getenv)
	t.ASCII = asciiOnly(getenv)
	return t
}

func detect(mode Mode, terminal bool, getenv func(string) string) *Theme {
	forced := mode == Always
	if mode == Auto || mode == "" {
		switch force := getenv("FORCE_COLOR"); {
		case getenv("NO_COLOR") != "":
			mode = Never
		case force != "" && force != "0" && force != "false":
			forced = true
		case !terminal:
			mode = Never
		}
	}
	if mode == Never {
		return &Theme{}
	}
	profile := lipgloss.NewRenderer(io.Discard, termenv.WithEnvironment(environ(getenv)), termenv.WithTTY(true)).ColorProfile()
	if profile == termenv.Ascii && forced {
		profile = termenv.ANSI256
	}
	return New(profile)
}

// environ hides the variables that switch colour on and off from termenv: Detect
// has read them.
type environ func(string) string

func (e environ) Getenv(name string) string {
	switch name {
	case "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE":
		return ""
	}
	return e(name)
}

func (e environ) Environ() []string { return nil }

// New returns the theme for a terminal with these colours.
func New(p termenv.Profile) *Theme {
	if p == termenv.Ascii {
		return &Theme{}
	}
	color := func(attribute, c string) string { return "\x1b[" + attribute + p.Color(c).Sequence(false) + "m" }
	t := &Theme{
		Critical: color("1;", "#ff5f5f"), // bold
		Warning:  color("", "#ffaf00"),
		Good:     color("", "#5fd75f"),
		Dim:      color("", "#8a8a8a"),
		Strong:   "\x1b[1m",
		Key:      color("", "#5fafff"),
		Text:     color("", "#87d787"),
		Number:   color("", "#d7af5f"),
		Word:     color("", "#af87ff"),
		Match:    "\x1b[7m",
		Hostile:  color("", "#ff87d7"),
		Reset:    "\x1b[0m",
	}
	for _, c := range []string{"#5fafff", "#87d787", "#d787d7", "#5fd7d7", "#d7af5f", "#af87ff", "#d7875f", "#ffafaf"} {
		t.Sources = append(t.Sources, color("", c))
	}
	return t
}

// Pieces yields the colour escapes of a text, and the texts between them.
func Pieces(text []byte) iter.Seq2[[]byte, bool] {
	return func(yield func(piece []byte, escape bool) bool) {
		for len(text) > 0 {
			n := escapeLength(text)
			escape := n > 0
			if !escape {
				if n = bytes.IndexByte(text[1:], esc) + 1; n == 0 {
					n = len(text)
				}
			}
			if !yield(text[:n], escape) {
				return
			}
			text = text[n:]
		}
	}
}

const esc = 0x1b

// escapeLength returns the length of the colour escape at the start of text, or 0.
func escapeLength(text []byte) int {
	if len(text) < 3 || text[0] != esc || text[1] != '[' {
		return 0
	}
	for i, c := range text[2:] {
		if c == 'm' {
			return i + 3
		}
		if c != ';' && (c < '0' || c > '9') {
			break
		}
	}
	return 0
}

// Strip returns text without colour escapes, if the theme has colours.
func (t *Theme) Strip(text []byte) []byte {
	if !t.Enabled() {
		return text
	}
	var out []byte
	for piece, escape := range Pieces(text) {
		if !escape {
			out = append(out, piece...)
		}
	}
	return out
}
