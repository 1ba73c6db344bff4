package browse

import (
	"bytes"
	"slices"
	"strings"
	"unicode"

	"inv/inspect"
	"inv/internal/termsafe"

	tea "github.com/charmbracelet/bubbletea"
)

// line is a line of text that is edited with the keys of a shell.
type line struct {
	text []rune
	at   int // the cursor, in text
}

// key edits the line and reports whether the text has changed.
func (l *line) key(k tea.KeyMsg) (changed bool) {
	from, to := l.at, l.at // is deleted
	switch k.Type {
	case tea.KeyLeft:
		l.at = max(l.at-1, 0)
		return false
	case tea.KeyRight:
		l.at = min(l.at+1, len(l.text))
		return false
	case tea.KeyHome, tea.KeyCtrlA:
		l.at = 0
		return false
	case tea.KeyEnd, tea.KeyCtrlE:
		l.at = len(l.text)
		return false
	case tea.KeyBackspace:
		from = max(from-1, 0)
	case tea.KeyDelete:
		to = min(to+1, len(l.text))
	case tea.KeyCtrlU:
		from = 0
	case tea.KeyCtrlW:
		for from > 0 && unicode.IsSpace(l.text[from-1]) {
			from--
		}
		for from > 0 && !unicode.IsSpace(l.text[from-1]) {
			from--
		}
	case tea.KeyRunes, tea.KeySpace:
		l.text, l.at = slices.Insert(l.text, l.at, k.Runes...), l.at+len(k.Runes)
		return true
	}
	l.text, l.at = slices.Delete(l.text, from, to), from
	return from < to
}

// view returns the line with its cursor. Its beginning is cut if the cursor would not be
// within the columns.
func (l *line) view(columns int) string {
	before := string(l.text[:l.at])
	for rest := l.text[:l.at]; len(rest) > 0 && termsafe.Width(termsafe.Append(nil, []byte(before))) > columns-3; {
		rest = rest[1:]
		before = "…" + string(rest)
	}
	return before + "▏" + string(l.text[l.at:])
}

// edit handles a key of the filter, which applies at once. A filter with an error
// can't be entered.
func (m *Model) edit(k tea.KeyMsg) {
	switch k.Type {
	case tea.KeyEnter:
		m.editing = m.wrong != ""
	case tea.KeyEsc:
		m.clearFilter()
	default:
		if m.filter.key(k) {
			m.applyFilter()
		}
	}
}

func (m *Model) clearFilter() {
	m.filter, m.editing, m.entered = line{}, false, nil
	m.applyFilter()
}

// applyFilter shows the records that pass: a jq condition if the text begins like one,
// else a text that the key or the value contains, ignoring case. While the condition
// has an error, the list is that of the filter entered before, not that of the condition
// up to its error.
func (m *Model) applyFilter() {
	m.match, m.wrong, m.mistake = nil, "", ""
	switch text := string(m.filter.text); {
	case text == "":
	case strings.ContainsAny(text[:1], ".$("):
		match, err := inspect.CompileFilter(text)
		if err != nil {
			m.wrong, _, _ = strings.Cut(err.Error(), "\n")
			match = m.entered
		} else {
			m.mistake = inspect.Mistake(text)
		}
		m.match = match
	default:
		want := bytes.ToLower([]byte(text))
		m.match = func(r *inspect.Record) bool {
			return bytes.Contains(bytes.ToLower(r.Value), want) || bytes.Contains(bytes.ToLower(r.Key), want)
		}
	}
	m.shown = slices.DeleteFunc(slices.Clone(m.kept.records), func(r *inspect.Record) bool { return !m.passes(r) })
	m.following = true
	m.clamp()
}
