package browse

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"inv/inspect"
	"inv/internal/termsafe"
	"inv/internal/theme"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/muesli/termenv"
)

// browser returns a Model with n records in a terminal of this size.
func browser(t *testing.T, n, width, height int) (*Model, *Collector, *[]string) {
	t.Helper()
	copied := &[]string{}
	c := &Collector{}
	m := New(c, Options{Title: "orders", Theme: &theme.Theme{}, Pretty: inspect.PrettyOptions{Location: time.UTC, Now: time.UnixMilli(0)},
		Copy: func(text string) { *copied = append(*copied, text) },
		Rest: func(r *inspect.Record) string { return fmt.Sprint("The rest is at ", r.Offset) }})
	m.Update(tea.WindowSizeMsg{Width: width, Height: height})
	add(m, c, 0, n)
	return m, c, copied
}

func add(m *Model, c *Collector, from, n int) {
	for i := from; i < from+n; i++ {
		c.Append(nil, &inspect.Record{Topic: "t", Offset: int64(i), Key: fmt.Appendf(nil, "k%d", i), Value: fmt.Appendf(nil, `{"n":%d}`, i)})
	}
	m.Update(tick{})
}

func press(m *Model, keys ...string) tea.Cmd {
	var cmd tea.Cmd
	for _, k := range keys {
		msg := tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(k)}
		for kind, name := range map[tea.KeyType]string{
			tea.KeyUp: "up", tea.KeyEnter: "enter", tea.KeyEsc: "esc", tea.KeyHome: "home", tea.KeyEnd: "end",
			tea.KeyPgUp: "pgup", tea.KeyBackspace: "backspace", tea.KeyCtrlC: "ctrl+c", tea.KeyLeft: "left", tea.KeyRight: "right",
			tea.KeyDelete: "delete", tea.KeyCtrlA: "ctrl+a", tea.KeyCtrlE: "ctrl+e", tea.KeyCtrlU: "ctrl+u", tea.KeyCtrlW: "ctrl+w",
		} {
			if name == k {
				msg = tea.KeyMsg{Type: kind}
			}
		}
		_, cmd = m.Update(msg)
	}
	return cmd
}

func TestScrollAndPause(t *testing.T) {
	m, c, _ := browser(t, 100, 60, 12)
	if m.selected().Offset != 99 || m.top != 90 {
		t.Fatalf("it begins at offset %d, row %d", m.selected().Offset, m.top)
	}
	add(m, c, 100, 5)
	if m.selected().Offset != 104 {
		t.Error("it does not follow")
	}
	press(m, "up")
	add(m, c, 105, 5)
	if m.selected().Offset != 103 || !strings.Contains(m.View(), "paused, 6 below") {
		t.Errorf("paused, it moves: %d\n%s", m.selected().Offset, m.View())
	}
	press(m, "home")
	if m.selected().Offset != 0 || m.top != 0 {
		t.Error("home is not the first record")
	}
	press(m, "pgup", "up", " ")
	if m.selected().Offset != 109 {
		t.Error("a space does not follow again")
	}
}

func TestFilterAsYouType(t *testing.T) {
	m, c, _ := browser(t, 100, 60, 12)
	press(m, "/", ".n >= 9")
	if len(m.shown) != 91 {
		t.Errorf("%d records of .n >= 9", len(m.shown))
	}
	press(m, "5")
	if len(m.shown) != 5 || m.top != 0 {
		t.Errorf("%d records of .n >= 95, from row %d on", len(m.shown), m.top)
	}
	press(m, " and")
	if len(m.shown) != 100 || m.wrong == "" || !strings.Contains(m.View(), "and") || strings.Contains(m.View(), "match") {
		t.Errorf("an incomplete condition is applied up to its error: %d records\n%s", len(m.shown), m.View())
	}
	press(m, "backspace", "backspace", "backspace", "backspace", "enter")
	add(m, c, 100, 1)
	if len(m.shown) != 6 || m.editing {
		t.Error("new records are not filtered")
	}
	press(m, "esc")
	if len(m.shown) != 101 {
		t.Error("esc does not show all")
	}
	press(m, "/", "K10", "enter")
	if len(m.shown) != 2 {
		t.Errorf("%d records with K10 in them, in either case", len(m.shown))
	}
}

func TestOpenAndCopy(t *testing.T) {
	m, _, copied := browser(t, 3, 60, 12)
	press(m, "up", "enter")
	if !strings.Contains(m.View(), `"n": 1`) || !strings.Contains(m.View(), "t p0@1") {
		t.Errorf("the open record:\n%s", m.View())
	}
	press(m, "c")
	if len(*copied) != 1 || (*copied)[0] != "t/0@1" || !strings.Contains(m.View(), "copied t/0@1") {
		t.Errorf("copied %q", *copied)
	}
	press(m, "esc")
	if cmd := press(m, "q"); cmd == nil {
		t.Error("q does not quit")
	}
	if cmd := press(m, "ctrl+c"); cmd == nil {
		t.Error("Ctrl-C does not quit")
	}
}

// A line that is wider than the screen continues in the next one, in its colour.
func TestWrap(t *testing.T) {
	m, c, _ := browser(t, 0, 20, 30)
	m.o.Theme = theme.New(termenv.ANSI256)
	c.Append(nil, &inspect.Record{Topic: "t", Value: []byte(`{"text":"abcdefghijklmnopqrstuvwxyz0123456789日本語日本語日本語日本語"}`)})
	m.Update(tick{})
	press(m, "enter")
	want := []string{"{", `  "text": "abcdefghi`, "jklmnopqrstuvwxyz012", "3456789日本語日本語", `日本語日本語"`, "}"}
	got := m.open[len(m.open)-len(want):]
	for i, line := range got {
		if plain := string(m.o.Theme.Strip([]byte(line))); plain != want[i] {
			t.Errorf("line %d is %q, want %q", i, plain, want[i])
		}
	}
	if !strings.HasPrefix(got[2], m.o.Theme.Text) || !strings.HasSuffix(got[2], m.o.Theme.Reset) {
		t.Errorf("the colour does not continue: %q", got[2])
	}
	m.Update(tea.WindowSizeMsg{Width: 200, Height: 30})
	if n := len(m.open); n > len(want)+4 {
		t.Errorf("%d lines on a wide screen:\n%s", n, m.View())
	}
}

// A large value opens at once, with its beginning and how to see the rest.
func TestOpenLarge(t *testing.T) {
	m, c, _ := browser(t, 0, 80, 24)
	for name, value := range map[string][]byte{
		"json": []byte(`[` + strings.Repeat(`{"n":1},`, 5<<20/8) + `0]`),
		"text": bytes.Repeat([]byte("日本"), 1<<20),
		"line": bytes.Repeat([]byte("a b"), 1<<20),
		"xml":  []byte("<a>" + strings.Repeat("<b/>\n", 1<<20)),
		"bin":  bytes.Repeat([]byte{0, 1, 0xff}, 1<<20),
	} {
		c.Append(nil, &inspect.Record{Topic: "orders", Partition: 3, Offset: 77, Value: value})
		m.Update(tick{})
		press(m, "enter")
		if !strings.Contains(m.View(), fmt.Sprint(len(value))+" bytes") {
			t.Errorf("%s opens as\n%s", name, m.View())
		}
		press(m, "end")
		if !strings.Contains(m.View(), "The rest is at 77") {
			t.Errorf("%s ends as\n%s", name, m.View())
		}
		press(m, "esc", "end")
	}
}

func TestNoRecords(t *testing.T) {
	m, _, copied := browser(t, 0, 40, 5)
	press(m, "up", "enter", "c", "home", "end")
	if len(*copied) != 0 || strings.Count(m.View(), "\n") != 4 {
		t.Errorf("an empty browser:\n%s", m.View())
	}
}

// Keys that are read together are separate keys; pasted text is no command.
func TestKeysTogether(t *testing.T) {
	m, _, _ := browser(t, 100, 60, 12)
	enter := func(text string, paste bool) tea.Cmd {
		_, cmd := m.Update(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(text), Paste: paste})
		return cmd
	}
	enter("gjj", false)
	if m.selected().Offset != 2 {
		t.Errorf("gjj is at %d", m.selected().Offset)
	}
	if cmd := enter("q", true); cmd != nil || m.selected().Offset != 2 {
		t.Error("a pasted q quits")
	}
	enter("/.n >= 95", false)
	if !m.editing || len(m.shown) != 5 {
		t.Errorf("%d records, filter %q", len(m.shown), string(m.filter.text))
	}
	enter(" and .n < 97", true)
	if len(m.shown) != 2 {
		t.Errorf("%d records, filter %q", len(m.shown), string(m.filter.text))
	}
	press(m, "enter")
	if cmd := enter("jjq", false); cmd == nil {
		t.Error("the q of jjq does not quit")
	}
}

// It keeps the newest records, within its bounds.
func TestBounded(t *testing.T) {
	m, c, _ := browser(t, 0, 60, 12)
	press(m, "/", "k", "enter", "up")
	add(m, c, 0, 15_000)
	press(m, "home")
	add(m, c, 15_000, 15_000)
	if len(m.kept.records) != maxRecords || len(m.shown) != maxRecords || m.selected().Offset != 10_000 {
		t.Errorf("%d kept, %d shown, at %d", len(m.kept.records), len(m.shown), m.selected().Offset)
	}
	m.Update(tea.WindowSizeMsg{Width: 100, Height: 12})
	if !strings.Contains(m.View(), "20000 records, older ones dropped") {
		t.Errorf("no sign of dropped records:\n%s", m.View())
	}
}

// In a locale of ASCII the browser's own texts are in ASCII.
func TestScreenInASCII(t *testing.T) {
	m, _, _ := browser(t, 3, 50, 8)
	m.o.Theme = &theme.Theme{ASCII: true}
	for _, keys := range [][]string{nil, {"/", "x"}, {"esc", "enter"}} {
		press(m, keys...)
		screen := m.View()
		if i := strings.IndexFunc(screen, func(r rune) bool { return r > '~' }); i >= 0 {
			t.Errorf("after %v, %q is on the screen:\n%s", keys, screen[i:], screen)
		}
	}
}

// The screen fits the terminal, and has nothing that a terminal would act on.
func TestScreen(t *testing.T) {
	for _, size := range [][2]int{{20, 3}, {80, 24}, {200, 50}, {1, 1}} {
		m, c, _ := browser(t, 5, size[0], size[1])
		c.Append(nil, &inspect.Record{Topic: "t", Key: []byte("\x1b[2J"), Value: []byte("\x1b]0;x\a\u202e日本\n{")})
		m.Update(tick{})
		for _, keys := range [][]string{nil, {"/", "\u202e"}, {"enter", "enter"}, {"c"}} {
			press(m, keys...)
			screen := m.View()
			lines := strings.Split(screen, "\n")
			if want := max(3, size[1]); len(lines) != want {
				t.Errorf("%v: %d lines", size, len(lines))
			}
			for _, line := range lines {
				if w := termsafe.Width([]byte(line)); w > max(size[0], 2)+1 || !utf8.ValidString(line) {
					t.Errorf("%v: %d wide: %q", size, w, line)
				}
				for _, r := range line {
					if termsafe.Hidden(r) {
						t.Errorf("%v: %U in %q", size, r, line)
					}
				}
			}
		}
	}
}
