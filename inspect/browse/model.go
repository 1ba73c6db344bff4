// Package browse browses the records of a tail in a terminal: it scrolls, pauses,
// filters while the user types, opens a record and copies its position. [Run] drives a
// [Model].
package browse

import (
	"cmp"
	"fmt"
	"sync"
	"time"

	"inv/inspect"
	"inv/internal/theme"

	tea "github.com/charmbracelet/bubbletea"
)

const (
	maxRecords = 20_000
	maxBytes   = 32 << 20
)

// history keeps the newest records, up to either bound.
type history struct {
	records []*inspect.Record
	bytes   int
	dropped bool // older records are no longer kept
}

// add adds a record and returns those that are no longer kept.
func (h *history) add(r *inspect.Record) (old []*inspect.Record) {
	h.records, h.bytes = append(h.records, r), h.bytes+size(r)
	n := 0
	for ; len(h.records)-n > maxRecords || h.bytes > maxBytes && len(h.records)-n > 1; n++ {
		h.bytes -= size(h.records[n])
		h.dropped = true
	}
	old, h.records = h.records[:n], h.records[n:]
	return old
}

func size(r *inspect.Record) int { return len(r.Key) + len(r.Value) + len(r.RawHeaders()) + 200 }

// Collector is a Renderer that keeps records for a Model instead of rendering
// them. It is safe for concurrent use.
type Collector struct {
	mu      sync.Mutex
	pending history
	notice  string
}

// Append keeps a copy of the record and appends nothing.
func (c *Collector) Append(dst []byte, r *inspect.Record) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending.add(r.Clone())
	return dst
}

// Notice keeps a line for the Model to show.
func (c *Collector) Notice(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notice = text
}

func (c *Collector) take() (pending history, notice string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	pending, notice = c.pending, c.notice
	c.pending, c.notice = history{}, ""
	return pending, notice
}

// Options are the options of a Model.
type Options struct {
	Title  string
	Theme  *theme.Theme
	Pretty inspect.PrettyOptions        // Width follows the terminal
	Copy   func(text string)            // copies text to the clipboard
	Rest   func(*inspect.Record) string // tells how to see the rest of a value that is cut
}

// Model is the state of the browser.
type Model struct {
	o         Options
	collector *Collector
	pretty    *inspect.Pretty

	width, height int
	kept          history
	shown         []*inspect.Record // those that pass the filter
	cursor, top   int               // in shown
	following     bool              // the cursor stays on the newest
	editing       bool
	filter        line
	match         func(*inspect.Record) bool // nil: all
	entered       func(*inspect.Record) bool // the match when editing began
	wrong         string                     // the error of the filter
	mistake       string                     // what a correct filter hardly means
	opened        *inspect.Record            // the open record
	open          []string                   // its lines; nil: the list is shown
	scroll        int                        // in open
	status        string
}

// New returns a Model of the collector's records.
func New(c *Collector, o Options) *Model {
	m := &Model{o: o, collector: c, width: 80, height: 24, following: true}
	m.resize()
	return m
}

type tick struct{}

func nextTick() tea.Cmd {
	return tea.Tick(50*time.Millisecond, func(time.Time) tea.Msg { return tick{} })
}

// Init starts polling the collector.
func (m *Model) Init() tea.Cmd { return nextTick() }

// Update handles a key, a new size, or a tick.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tick:
		m.collect()
		return m, nextTick()
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
		m.resize()
	case tea.KeyMsg:
		return m, m.keys(msg)
	}
	return m, nil
}

// keys handles the keys of one read of the terminal: those that are typed fast come
// together. Pasted text is for the filter, and never a command.
func (m *Model) keys(k tea.KeyMsg) tea.Cmd {
	if k.Paste && !m.editing {
		return nil
	}
	for k.Type == tea.KeyRunes && len(k.Runes) > 1 && !m.editing {
		if cmd := m.key(tea.KeyMsg{Type: tea.KeyRunes, Runes: k.Runes[:1]}); cmd != nil {
			return cmd
		}
		k.Runes = k.Runes[1:]
	}
	return m.key(k)
}

func (m *Model) resize() {
	p := m.o.Pretty
	p.Theme, p.Width = m.o.Theme, m.width
	m.pretty = inspect.NewPretty(p)
	m.pretty.Measure(m.shown[max(0, len(m.shown)-200):])
	m.clamp()
	if m.open != nil {
		m.layOut()
	}
}

// rows returns how many records the list shows.
func (m *Model) rows() int { return max(1, m.height-2) }

// collect takes the collector's records, also while paused.
func (m *Model) collect() {
	pending, notice := m.collector.take()
	m.kept.dropped = m.kept.dropped || pending.dropped
	if notice != "" {
		m.status = notice
	}
	for _, r := range pending.records {
		for _, old := range m.kept.add(r) {
			if len(m.shown) > 0 && m.shown[0] == old {
				m.shown = m.shown[1:]
				m.cursor, m.top = m.cursor-1, m.top-1
			}
		}
		if m.passes(r) {
			m.shown = append(m.shown, r)
		}
	}
	m.pretty.Measure(pending.records[max(0, len(pending.records)-200):])
	m.clamp()
}

func (m *Model) passes(r *inspect.Record) bool { return m.match == nil || m.match(r) }

// clamp keeps the cursor on a record, the record on the screen, and the screen
// full if there are enough records or lines.
func (m *Model) clamp() {
	if m.following {
		m.cursor = len(m.shown) - 1
	}
	m.cursor = max(0, min(m.cursor, len(m.shown)-1))
	m.top = max(0, min(m.top, m.cursor, len(m.shown)-m.rows()), m.cursor-m.rows()+1)
	m.scroll = max(0, min(m.scroll, len(m.open)-m.rows()))
}

// far is more lines than there are.
const far = 1 << 30

// step returns by how many lines a key moves, 0 for other keys.
func (m *Model) step(key string) int {
	switch key {
	case "up", "k":
		return -1
	case "down", "j":
		return 1
	case "pgup", "b":
		return -m.rows()
	case "pgdown", "f":
		return m.rows()
	case "home", "g":
		return -far
	case "end", "G":
		return far
	}
	return 0
}

func (m *Model) key(k tea.KeyMsg) tea.Cmd {
	m.status = ""
	switch {
	case k.Type == tea.KeyCtrlC:
		return tea.Quit
	case m.editing:
		m.edit(k)
		return nil
	case m.open != nil:
		m.openKey(k.String())
		return nil
	}
	switch key := k.String(); key {
	case "q":
		return tea.Quit
	case "end", "G":
		m.following = true
	case " ", "p":
		m.following = !m.following
	case "/":
		m.editing, m.entered, m.filter.at = true, m.match, len(m.filter.text)
	case "esc":
		m.clearFilter()
	case "enter":
		m.openRecord()
	case "c", "y":
		m.copyPlace()
	default:
		if by := m.step(key); by != 0 {
			m.following = false
			m.cursor += by
		}
	}
	m.clamp()
	return nil
}

// selected returns the record under the cursor, nil if the list is empty.
func (m *Model) selected() *inspect.Record {
	if len(m.shown) == 0 {
		return nil
	}
	return m.shown[m.cursor]
}

func (m *Model) openRecord() {
	if m.opened = m.selected(); m.opened != nil {
		m.scroll, m.following = 0, false
		m.layOut()
	}
}

// layOut lays out the open record.
func (m *Model) layOut() {
	m.open = nil
	for _, line := range inspect.Detail(m.opened, m.o.Theme, cmp.Or(m.o.Pretty.Location, time.Local), m.o.Rest) {
		m.open = append(m.open, m.wrap(line)...)
	}
	m.clamp()
}

func (m *Model) openKey(key string) {
	switch key {
	case "q", "esc", "enter":
		m.open, m.opened = nil, nil
	case " ":
		m.scroll += m.rows()
	case "c", "y":
		m.copyPlace()
	default:
		m.scroll += m.step(key)
	}
	m.clamp()
}

func (m *Model) copyPlace() {
	if r := m.selected(); r != nil {
		place := fmt.Sprintf("%s/%d@%d", r.Topic, r.Partition, r.Offset)
		m.o.Copy(place)
		m.status = "copied " + place
	}
}
