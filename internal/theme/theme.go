// Package theme holds the colours of inv's terminal output. What the terminal
// can show is found out once; the result is a set of ready escape strings, so
// that writing in colour costs no more than copying bytes.
package theme

import (
	"io"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"
)

// Theme is a set of escape strings by meaning. They are all empty without
// colour. Each may be written over another; Reset ends them.
type Theme struct {
	Critical, Warning, Good string // severities
	Dim                     string // what is there if one looks: times, places
	Strong                  string // what a line is about
	Key, Text, Number, Word string // JSON: keys, strings, numbers, true false null
	Match                   string // what --highlight found
	Hostile                 string // a note about data that is not as it should be
	Sources                 []string
	Reset                   string
}

// Enabled reports whether the theme has colours.
func (t *Theme) Enabled() bool { return t.Reset != "" }

// Source returns the colour of a topic, the same in each run.
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

// Mode is --color.
type Mode string

// The values of --color.
const (
	Auto   Mode = "auto"
	Always Mode = "always"
	Never  Mode = "never"
)

// Detect chooses a theme: none for Never, NO_COLOR or (unless FORCE_COLOR is
// set) an output that is no terminal, else what TERM and COLORTERM allow. The
// flag outranks the environment.
func Detect(mode Mode, terminal bool, getenv func(string) string) *Theme {
	forced := mode == Always
	if mode == Auto || mode == "" {
		switch force := getenv("FORCE_COLOR"); {
		case getenv("NO_COLOR") != "":
			return &Theme{}
		case force != "" && force != "0" && force != "false":
			forced = true
		case !terminal:
			return &Theme{}
		}
	}
	if mode == Never {
		return &Theme{}
	}
	renderer := lipgloss.NewRenderer(io.Discard, termenv.WithEnvironment(environ(getenv)), termenv.WithTTY(true))
	profile := renderer.ColorProfile()
	if profile == termenv.Ascii && forced {
		profile = termenv.ANSI256
	}
	return New(profile)
}

// environ shows termenv the variables by which terminals say what they can do;
// those that switch colour on and off have been looked at already.
type environ func(string) string

func (e environ) Getenv(name string) string {
	switch name {
	case "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE":
		return ""
	}
	return e(name)
}

func (e environ) Environ() []string { return nil }

// New makes the theme for a terminal that can show these colours.
func New(p termenv.Profile) *Theme {
	if p == termenv.Ascii {
		return &Theme{}
	}
	color := func(codes ...string) string { return sequence(p, codes...) }
	t := &Theme{
		Critical: color("1", "#ff5f5f"),
		Warning:  color("", "#ffaf00"),
		Good:     color("", "#5fd75f"),
		Dim:      color("", "#8a8a8a"),
		Strong:   color("1", ""),
		Key:      color("", "#5fafff"),
		Text:     color("", "#87d787"),
		Number:   color("", "#d7af5f"),
		Word:     color("", "#af87ff"),
		Match:    "\x1b[7m",
		Hostile:  color("", "#ff87d7"),
		Reset:    "\x1b[0m",
	}
	for _, c := range []string{"#5fafff", "#87d787", "#d787d7", "#5fd7d7", "#d7af5f", "#af87ff"} {
		t.Sources = append(t.Sources, color("", c))
	}
	return t
}

// sequence returns the escape string for an attribute and a colour, each optional,
// the colour as near as the profile has one.
func sequence(p termenv.Profile, codes ...string) string {
	body := ""
	for i, c := range codes {
		if i == 1 && c != "" {
			c = p.Color(c).Sequence(false)
		}
		if c != "" && body != "" {
			body += ";"
		}
		body += c
	}
	return "\x1b[" + body + "m"
}

// Strip returns text without the theme's escapes, or any other colours.
func (t *Theme) Strip(text []byte) []byte {
	if !t.Enabled() {
		return text
	}
	var out []byte
	for i := 0; i < len(text); i++ {
		if text[i] != 0x1b {
			out = append(out, text[i])
			continue
		}
		for i < len(text) && text[i] != 'm' {
			i++
		}
	}
	return out
}
