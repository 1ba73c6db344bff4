// Package browse is `inv tail --tui`: the records of a tail in a terminal that
// scrolls, pauses, filters as one types, opens a record and copies where it is.
// [Model] is pure but for what its commands do; [Run] drives it.
package browse

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"time"

	"inv/inspect"
	"inv/internal/theme"

	tea "github.com/charmbracelet/bubbletea"
)

// What is kept: the newest records, up to either bound.
const (
	maxRecords = 20_000
	maxBytes   = 32 << 20
)

// Collector is a Renderer that keeps records for a Model instead of writing
// them. It is safe for concurrent use.
type Collector struct {
	mu      sync.Mutex
	pending []*inspect.Record
	bytes   int
	notice  string
	dropped bool // something that came is not kept
}

// Append keeps a copy of the record and appends nothing.
func (c *Collector) Append(dst []byte, r *inspect.Record) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = append(c.pending, r.Clone())
	c.bytes += size(r)
	for len(c.pending) > maxRecords || c.bytes > maxBytes && len(c.pending) > 1 {
		c.bytes -= size(c.pending[0])
		c.pending, c.dropped = c.pending[1:], true
	}
	return dst
}

// Notice keeps a line for the status.
func (c *Collector) Notice(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notice = text
}

func (c *Collector) take() (records []*inspect.Record, notice string, dropped bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	records, notice = c.pending, c.notice
	c.pending, c.bytes, c.notice = nil, 0, ""
	return records, notice, c.dropped
}

func size(r *inspect.Record) int { return len(r.Key) + len(r.Value) + len(r.RawHeaders()) + 200 }

// Options say what a Model shows and how.
type Options struct {
	Title  string
	Theme  *theme.Theme
	Pretty inspect.PrettyOptions // Width follows the terminal
	Copy   func(text string)     // puts a text on the clipboard
}

// Model is the state of the browser.
type Model struct {
	o         Options
	collector *Collector
	pretty    *inspect.Pretty

	width, height int
	records       []*inspect.Record // all that are kept
	bytes         int
	dropped       bool              // older ones are no longer kept
	shown         []*inspect.Record // those that pass the filter
	cursor, top   int               // in shown
	following     bool              // the cursor stays on the newest
	editing       bool
	filter        string
	match         func(*inspect.Record) bool // nil: all
	wrong         string                     // what is wrong with the filter
	opened        *inspect.Record            // the record that is open
	open          []string                   // its lines; nil: the list
	scroll        int                        // in open
	status        string
}

// New returns a browser of what the collector gets.
func New(c *Collector, o Options) *Model {
	m := &Model{o: o, collector: c, width: 80, height: 24, following: true}
	m.resize()
	return m
}

type tick struct{}

func nextTick() tea.Cmd {
	return tea.Tick(50*time.Millisecond, func(time.Time) tea.Msg { return tick{} })
}

// Init begins looking for records.
func (m *Model) Init() tea.Cmd { return nextTick() }

// Update handles a key, a new size, or the time to look for records.
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

// keys handles what one read of the terminal brought: keys that are typed fast
// come as one. What is pasted is text for the filter, and never commands.
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

// collect takes what has come. Paused, it is kept all the same, below.
func (m *Model) collect() {
	records, notice, dropped := m.collector.take()
	m.dropped = m.dropped || dropped
	if notice != "" {
		m.status = notice
	}
	for _, r := range records {
		m.records = append(m.records, r)
		m.bytes += size(r)
		if m.match == nil || m.match(r) {
			m.shown = append(m.shown, r)
		}
	}
	m.pretty.Measure(records[max(0, len(records)-200):])
	for len(m.records) > maxRecords || m.bytes > maxBytes && len(m.records) > 1 {
		oldest := m.records[0]
		m.dropped = true
		m.records, m.bytes = m.records[1:], m.bytes-size(oldest)
		if len(m.shown) > 0 && m.shown[0] == oldest {
			m.shown = m.shown[1:]
			m.cursor, m.top = m.cursor-1, m.top-1
		}
	}
	m.clamp()
}

// clamp keeps the cursor on a record, the record on the screen, and the screen
// full as long as there are records for it.
func (m *Model) clamp() {
	if m.following {
		m.cursor = len(m.shown) - 1
	}
	m.cursor = max(0, min(m.cursor, len(m.shown)-1))
	m.top = max(0, min(m.top, m.cursor, len(m.shown)-m.rows()), m.cursor-m.rows()+1)
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
		return m.openKey(k)
	}
	switch k.String() {
	case "q":
		return tea.Quit
	case "up", "k":
		m.move(-1)
	case "down", "j":
		m.move(1)
	case "pgup", "b":
		m.move(-m.rows())
	case "pgdown", "f":
		m.move(m.rows())
	case "home", "g":
		m.move(-len(m.shown))
	case "end", "G":
		m.following = true
		m.clamp()
	case " ", "p":
		m.following = !m.following
		m.clamp()
	case "/":
		m.editing = true
	case "esc":
		m.setFilter("")
	case "enter":
		m.openRecord()
	case "c", "y":
		m.copyPlace()
	}
	return nil
}

func (m *Model) move(by int) {
	m.following = false
	m.cursor += by
	m.clamp()
}

// edit handles a key while the filter is typed: it applies at once.
func (m *Model) edit(k tea.KeyMsg) {
	switch k.Type {
	case tea.KeyEnter:
		m.editing = false
	case tea.KeyEsc:
		m.editing = false
		m.setFilter("")
	case tea.KeyBackspace:
		if runes := []rune(m.filter); len(runes) > 0 {
			m.setFilter(string(runes[:len(runes)-1]))
		}
	case tea.KeyRunes, tea.KeySpace:
		m.setFilter(m.filter + string(k.Runes))
	}
}

// setFilter shows the records that pass: a jq condition if the text begins like
// one, else a text that the key or the value has, in whatever case. While a
// condition is not whole, the list stays as it was.
func (m *Model) setFilter(text string) {
	m.filter, m.wrong = text, ""
	switch {
	case text == "":
		m.match = nil
	case strings.ContainsAny(text[:1], ".$("):
		match, err := inspect.CompileFilter(text)
		if err != nil {
			m.wrong = err.Error()
			return
		}
		m.match = match
	default:
		want := bytes.ToLower([]byte(text))
		m.match = func(r *inspect.Record) bool {
			return bytes.Contains(bytes.ToLower(r.Value), want) || bytes.Contains(bytes.ToLower(r.Key), want)
		}
	}
	m.shown = m.shown[:0:0]
	for _, r := range m.records {
		if m.match == nil || m.match(r) {
			m.shown = append(m.shown, r)
		}
	}
	m.following = true
	m.clamp()
}

// selected returns the record below the cursor, nil if there is none.
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

// layOut makes the lines of the record that is open.
func (m *Model) layOut() {
	location := m.o.Pretty.Location
	if location == nil {
		location = time.Local
	}
	m.open = nil
	for _, line := range inspect.Detail(m.opened, m.o.Theme, location) {
		m.open = append(m.open, m.wrap(line)...)
	}
	m.scroll = max(0, min(m.scroll, len(m.open)-m.rows()))
}

func (m *Model) openKey(k tea.KeyMsg) tea.Cmd {
	switch k.String() {
	case "q", "esc", "enter":
		m.open, m.opened = nil, nil
	case "up", "k":
		m.scroll--
	case "down", "j":
		m.scroll++
	case "pgup", "b":
		m.scroll -= m.rows()
	case "pgdown", "f", " ":
		m.scroll += m.rows()
	case "home", "g":
		m.scroll = 0
	case "end", "G":
		m.scroll = len(m.open)
	case "c", "y":
		m.copyPlace()
	}
	m.scroll = max(0, min(m.scroll, len(m.open)-m.rows()))
	return nil
}

func (m *Model) copyPlace() {
	r := m.selected()
	if r == nil || m.o.Copy == nil {
		return
	}
	place := fmt.Sprintf("%s/%d@%d", r.Topic, r.Partition, r.Offset)
	m.o.Copy(place)
	m.status = "copied " + place
}
