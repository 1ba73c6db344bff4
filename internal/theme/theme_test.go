package theme

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestDetect(t *testing.T) {
	for _, c := range []struct {
		name     string
		mode     Mode
		terminal bool
		env      string // NAME=value …
		colors   bool
	}{
		{"a terminal", Auto, true, "TERM=xterm-256color", true},
		{"a pipe", Auto, false, "TERM=xterm-256color", false},
		{"NO_COLOR", Auto, true, "TERM=xterm-256color NO_COLOR=1", false},
		{"an empty NO_COLOR is none", Auto, true, "TERM=xterm-256color", true},
		{"FORCE_COLOR into a pipe", Auto, false, "FORCE_COLOR=1", true},
		{"FORCE_COLOR=0 forces nothing", Auto, false, "FORCE_COLOR=0", false},
		{"NO_COLOR outranks FORCE_COLOR", Auto, true, "FORCE_COLOR=1 NO_COLOR=1", false},
		{"the flag outranks NO_COLOR", Always, false, "NO_COLOR=1", true},
		{"the flag outranks FORCE_COLOR", Never, true, "FORCE_COLOR=1 TERM=xterm", false},
		{"a dumb terminal", Auto, true, "TERM=dumb", false},
	} {
		env := map[string]string{}
		for _, pair := range strings.Fields(c.env) {
			name, value, _ := strings.Cut(pair, "=")
			env[name] = value
		}
		got := Detect(c.mode, c.terminal, func(name string) string { return env[name] })
		if got.Enabled() != c.colors {
			t.Errorf("%s: colours %v, want %v", c.name, got.Enabled(), c.colors)
		}
	}
}

func TestProfiles(t *testing.T) {
	env := func(term, colorterm string) func(string) string {
		return func(name string) string { return map[string]string{"TERM": term, "COLORTERM": colorterm}[name] }
	}
	for _, c := range []struct{ term, colorterm, critical string }{
		{"xterm-256color", "truecolor", "\x1b[1;38;2;255;95;95m"},
		{"xterm-256color", "", "\x1b[1;38;5;203m"},
		{"xterm", "", "\x1b[1;91m"},
	} {
		if got := Detect(Auto, true, env(c.term, c.colorterm)).Critical; got != c.critical {
			t.Errorf("%s %s: critical is %q, want %q", c.term, c.colorterm, got, c.critical)
		}
	}
}

func TestSourceIsStable(t *testing.T) {
	colors := Detect(Always, false, func(string) string { return "" })
	again := Detect(Always, false, func(string) string { return "" })
	if colors.Source("orders") != again.Source("orders") || colors.Source("orders") == "" {
		t.Error("a topic's colour changes")
	}
	if (&Theme{}).Source("orders") != "" {
		t.Error("no theme, but a colour")
	}
}

func TestPieces(t *testing.T) {
	var got []string
	for piece, escape := range Pieces([]byte("\x1b[1;38;5;203ma\x1b[0m\x1b[7mb\x1b[2J\x1bm\x1b[3")) {
		got = append(got, fmt.Sprintf("%q %t", piece, escape))
	}
	want := []string{`"\x1b[1;38;5;203m" true`, `"a" false`, `"\x1b[0m" true`, `"\x1b[7m" true`, `"b" false`, `"\x1b[2J" false`, `"\x1bm" false`, `"\x1b[3" false`}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSourcesAreDifferent(t *testing.T) {
	colors := Detect(Always, true, func(string) string { return "" })
	topics := []string{"order_events", "stock_receipts", "inventory_updates", "reorder_events", "inventory_alerts", "product_catalog"}
	sources := colors.SourcesOf(topics)
	seen := map[string]string{}
	for _, topic := range topics {
		if sources[topic] == "" || seen[sources[topic]] != "" {
			t.Errorf("%s has the colour %q, as has %q", topic, sources[topic], seen[sources[topic]])
		}
		seen[sources[topic]] = topic
	}
	slices.Reverse(topics)
	if again := colors.SourcesOf(topics); !maps.Equal(sources, again) {
		t.Errorf("in another order: %q, want %q", again, sources)
	}
	// Sixteen colours, of which some are one.
	few := Detect(Always, true, func(name string) string { return map[string]string{"TERM": "xterm"}[name] })
	if sources := few.SourcesOf(append(topics, strings.Split("abcdefghij", "")...)); len(sources) != 16 || sources["order_events"] == "" {
		t.Errorf("of 16 topics in a few colours, %d have one", len(sources))
	}
	many := colors.SourcesOf(append(topics, strings.Split("abcdefghij", "")...))
	if len(many) != 16 || many["a"] == "" {
		t.Errorf("of 16 topics, %d have a colour", len(many))
	}
}
