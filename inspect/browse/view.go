package browse

import (
	"bytes"
	"fmt"
	"strings"

	"inv/internal/termsafe"
)

// View returns the whole screen: a title, the records or the one that is open, and
// a line of what can be done.
func (m *Model) View() string {
	var b strings.Builder
	b.WriteString(m.title() + "\n")
	if m.open != nil {
		m.viewOpen(&b)
	} else {
		m.viewList(&b)
	}
	b.WriteString(m.foot())
	return b.String()
}

func (m *Model) title() string {
	state := "following"
	if !m.following {
		state = fmt.Sprintf("paused, %d below", max(0, len(m.shown)-1-m.cursor))
	}
	text := fmt.Sprintf("%s · %d record", m.o.Title, len(m.records))
	if len(m.records) != 1 {
		text += "s"
	}
	if m.dropped {
		text += ", older ones dropped"
	}
	if m.match != nil {
		text += fmt.Sprintf(" · %d match", len(m.shown))
	}
	return m.o.Theme.Strong + m.fit(text+" · "+state) + m.o.Theme.Reset
}

// fit makes a line of our own safe and no wider than the terminal.
func (m *Model) fit(text string) string {
	return string(termsafe.Cut(termsafe.Append(nil, []byte(text)), max(1, m.width)))
}

func (m *Model) viewList(b *strings.Builder) {
	var line []byte
	for row := range m.rows() {
		if i := m.top + row; i < len(m.shown) {
			line = m.pretty.Append(line[:0], m.shown[i])
			first, _, _ := bytes.Cut(line, []byte("\n"))
			if i == m.cursor {
				b.WriteString(m.marked(first))
			} else {
				b.Write(first)
			}
		}
		b.WriteByte('\n')
	}
}

// marked returns a line in reverse, to the edge of the screen.
func (m *Model) marked(line []byte) string {
	plain := m.o.Theme.Strip(line)
	padding := strings.Repeat(" ", max(0, m.width-termsafe.Width(plain)))
	if !m.o.Theme.Enabled() {
		return ">" + string(termsafe.Cut(plain, m.width-1))
	}
	return m.o.Theme.Match + string(plain) + padding + m.o.Theme.Reset
}

func (m *Model) viewOpen(b *strings.Builder) {
	for row := range m.rows() {
		if i := m.scroll + row; i < len(m.open) {
			b.WriteString(m.open[i])
		}
		b.WriteByte('\n')
	}
}

// wrap breaks a line that is wider than the screen. The colour goes on in the
// next one.
func (m *Model) wrap(line string) []string {
	t := m.o.Theme
	if termsafe.Width(t.Strip([]byte(line))) <= m.width {
		return []string{line}
	}
	var lines []string
	var row []byte
	color, left := "", m.width
	for rest := []byte(line); len(rest) > 0; {
		if rest[0] == 0x1b { // one of the theme's: nothing else can be here
			end := bytes.IndexByte(rest, 'm') + 1
			if color = string(rest[:end]); color == t.Reset {
				color = ""
			}
			row, rest = append(row, rest[:end]...), rest[end:]
			continue
		}
		run := rest
		if i := bytes.IndexByte(rest, 0x1b); i >= 0 {
			run = rest[:i]
		}
		first, _ := termsafe.Split(run, left)
		if w := termsafe.Width(first); w > left && left < m.width {
			first = nil // it is wider than what is left of this row
		} else {
			left -= w
		}
		row, rest = append(row, first...), rest[len(first):]
		if len(rest) > 0 && rest[0] != 0x1b {
			lines = append(lines, string(row)+t.Reset)
			row, left = []byte(color), m.width
		}
	}
	return append(lines, string(row))
}

func (m *Model) foot() string {
	t := m.o.Theme
	switch {
	case m.editing && m.wrong != "":
		return "/" + m.fit(m.filter+"▏ "+firstLine(m.wrong))
	case m.editing:
		return "/" + m.fit(m.filter+"▏")
	case m.status != "":
		return t.Hostile + m.fit(m.status) + t.Reset
	case m.open != nil:
		return t.Dim + m.fit("esc back · ↑↓ scroll · c copy place") + t.Reset
	}
	help := "↑↓ move · space pause/follow · / filter · enter open · c copy place · q quit"
	if m.filter != "" {
		help = "filter: " + m.filter + " · esc all · " + help
	}
	return t.Dim + m.fit(help) + t.Reset
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
