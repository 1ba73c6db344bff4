package browse

import (
	"bytes"
	"fmt"
	"strings"

	"inv/internal/termsafe"
	"inv/internal/theme"
)

// View returns the whole screen: a title, the list or the open record, and the keys.
func (m *Model) View() string {
	var b strings.Builder
	b.WriteString(m.title() + "\n")
	for i := range m.rows() {
		b.WriteString(m.row(i) + "\n")
	}
	b.WriteString(m.foot())
	return b.String()
}

func (m *Model) title() string {
	state := "following"
	if !m.following {
		state = fmt.Sprintf("paused, %d below", max(0, len(m.shown)-1-m.cursor))
	}
	text := fmt.Sprintf("%s · %d record", m.o.Title, len(m.kept.records))
	if len(m.kept.records) != 1 {
		text += "s"
	}
	if m.kept.dropped {
		text += ", older ones dropped"
	}
	if m.match != nil {
		text += fmt.Sprintf(" · %d match", len(m.shown))
	}
	return m.o.Theme.Strong + m.fit(text+" · "+state) + m.o.Theme.Reset
}

// fit makes text safe and no wider than the terminal.
func (m *Model) fit(text string) string {
	return m.o.Theme.Fit(text, max(1, m.width))
}

// row returns a line between title and keys, counted from 0.
func (m *Model) row(i int) string {
	if m.open != nil {
		if i += m.scroll; i < len(m.open) {
			return m.open[i]
		}
		return ""
	}
	if i += m.top; i >= len(m.shown) {
		return ""
	}
	line, _, _ := bytes.Cut(m.pretty.Append(nil, m.shown[i]), []byte("\n"))
	if i == m.cursor {
		return m.marked(line)
	}
	return string(line)
}

// marked returns a line in reverse video, or after a > without colours.
func (m *Model) marked(line []byte) string {
	plain := m.o.Theme.Strip(line)
	if !m.o.Theme.Enabled() {
		return ">" + string(termsafe.Cut(plain, m.width-1))
	}
	padding := strings.Repeat(" ", max(0, m.width-termsafe.Width(plain)))
	return m.o.Theme.Match + string(plain) + padding + m.o.Theme.Reset
}

// wrap breaks a line that is wider than the screen. Its colour continues in the next
// one.
func (m *Model) wrap(line string) []string {
	t := m.o.Theme
	if termsafe.Width(t.Strip([]byte(line))) <= m.width {
		return []string{line}
	}
	var lines []string
	var row []byte
	color, left := "", m.width
	for piece, escape := range theme.Pieces([]byte(line)) {
		if escape {
			if color = string(piece); color == t.Reset {
				color = ""
			}
			row = append(row, piece...)
			continue
		}
		for len(piece) > 0 {
			first, rest := termsafe.Split(piece, left)
			if w := termsafe.Width(first); w > left && left < m.width {
				first, rest = nil, piece // it doesn't fit into the rest of this row
			} else {
				left -= w
			}
			row = append(row, first...)
			if piece = rest; len(piece) > 0 {
				lines = append(lines, string(row)+t.Reset)
				row, left = []byte(color), m.width
			}
		}
	}
	return append(lines, string(row))
}

func (m *Model) foot() string {
	t := m.o.Theme
	switch {
	case m.editing:
		return "/" + m.fit(strings.TrimSuffix(m.filter.view(m.width-1)+" "+m.wrong+m.mistake, " "))
	case m.status != "":
		return t.Hostile + m.fit(m.status) + t.Reset
	case m.open != nil:
		return t.Dim + m.fit("esc back · ↑↓ scroll · c copy place") + t.Reset
	}
	help := "↑↓ move · space pause/follow · / filter · enter open · c copy place · q quit"
	if len(m.filter.text) > 0 {
		help = "filter: " + string(m.filter.text) + " · esc all · " + help
	}
	return t.Dim + m.fit(help) + t.Reset
}
