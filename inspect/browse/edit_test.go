package browse

import (
	"strings"
	"testing"

	"inv/internal/termsafe"

	tea "github.com/charmbracelet/bubbletea"
)

// A filter with an error can't be entered; until it is right, the list is that of the
// filter before, also for new records.
func TestBrokenFilterIsNotApplied(t *testing.T) {
	m, c, _ := browser(t, 100, 60, 12)
	press(m, "/", ".n < 50", "enter", "/", " and .n >= 10 andd .x", "enter")
	if len(m.shown) != 50 || !m.editing || m.wrong == "" {
		t.Errorf("%d records, editing %v, error %q", len(m.shown), m.editing, m.wrong)
	}
	add(m, c, 40, 1)
	if len(m.shown) != 51 {
		t.Errorf("%d records with a new one of the filter before", len(m.shown))
	}
	press(m, "ctrl+w", "ctrl+w", "enter")
	if len(m.shown) != 41 || m.editing || string(m.filter.text) != ".n < 50 and .n >= 10 " {
		t.Errorf("%d records of %q", len(m.shown), string(m.filter.text))
	}
	press(m, "/", "|", "esc")
	if len(m.shown) != 101 || m.editing || m.wrong != "" {
		t.Errorf("esc leaves %d records, error %q", len(m.shown), m.wrong)
	}
}

func TestLineEditing(t *testing.T) {
	m, _, _ := browser(t, 1, 60, 12)
	press(m, "/")
	for _, c := range []struct{ keys, want string }{
		{"abc left left X", "aX|bc"},
		{"right right right Y", "aXbcY|"},
		{"home Z", "Z|aXbcY"},
		{"delete delete", "Z|bcY"},
		{"end backspace", "Zbc|"},
		{"ctrl+a left delete", "|bc"},
		{"ctrl+e right d", "bcd|"},
		{"ctrl+u", "|"},
		{"backspace delete ctrl+w ctrl+u", "|"},
		{"日本 left é", "日é|本"},
		{"ctrl+w", "|本"},
	} {
		press(m, strings.Fields(c.keys)...)
		got := string(m.filter.text[:m.filter.at]) + "|" + string(m.filter.text[m.filter.at:])
		if got != c.want {
			t.Errorf("after %s: %s, want %s", c.keys, got, c.want)
		}
	}
	press(m, "ctrl+a", "ctrl+e", "ctrl+u", "one two", "left", "ctrl+w")
	if string(m.filter.text) != "one o" {
		t.Errorf("a word before the cursor: %q", string(m.filter.text))
	}
}

// The cursor of a line that is wider than the screen is on it.
func TestCursorIsVisible(t *testing.T) {
	m, _, _ := browser(t, 1, 30, 12)
	press(m, "/", strings.Repeat("日本x", 30))
	for range 3 {
		foot := m.foot()
		if !strings.Contains(foot, "▏") || termsafe.Width([]byte(foot)) > 31 {
			t.Errorf("%d wide: %s", termsafe.Width([]byte(foot)), foot)
		}
		for range 35 {
			m.Update(tea.KeyMsg{Type: tea.KeyLeft})
		}
	}
}
