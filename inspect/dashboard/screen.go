package dashboard

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"inv/internal/termsafe"
	"inv/internal/theme"
)

// Screen draws the dashboard as text. It knows no terminal and no clock.
type Screen struct {
	Width, Height int
	View          View
	Searching     bool   // a search is being typed
	Typed         string // so far
	UTC           bool
	Topologies    bool // what declared topologies wrote is shown instead of products

	colors *theme.Theme
	hint   string // shown if there are no products
	frame  Frame
	cursor int // in the page
}

// NewScreen returns a screen of 80×24, to be drawn once it has a frame.
func NewScreen(colors *theme.Theme) *Screen {
	s := &Screen{Width: 80, Height: 24, View: View{Sort: ByUrgency}, colors: colors}
	s.View.Limit = s.tableHeight()
	return s
}

// Take sets the frame to draw, a whole one of the screen's view.
func (s *Screen) Take(f *Frame) {
	s.frame = *f
	s.cursor = max(0, min(s.cursor, len(f.Products.Rows)-1))
}

// Resize sets the size for later draws.
func (s *Screen) Resize(width, height int) {
	s.Width, s.Height = max(width, 20), max(height, 6)
	at := s.View.Offset + s.cursor
	s.View.Limit = s.tableHeight()
	if p := s.frame.Products; p != nil {
		s.View.Offset = max(0, min(s.View.Offset, p.Total-s.View.Limit))
	}
	s.cursor = max(0, min(at-s.View.Offset, s.View.Limit-1))
}

// Move moves the cursor by rows and scrolls if it leaves the page.
func (s *Screen) Move(by int) {
	at := max(0, min(s.View.Offset+s.cursor+by, s.frame.Products.Total-1))
	switch {
	case at < s.View.Offset:
		s.View.Offset = at
	case at >= s.View.Offset+s.View.Limit:
		s.View.Offset = at - s.View.Limit + 1
	}
	s.cursor = at - s.View.Offset
}

// Selected returns the ID of the product under the cursor, or "".
func (s *Screen) Selected() string {
	if rows := s.frame.Products.Rows; s.cursor < len(rows) {
		return rows[s.cursor].ID
	}
	return ""
}

// top scrolls to the first product, after a change of the view.
func (s *Screen) top() { s.View.Offset, s.cursor = 0, 0 }

const footHeight = 1

// headHeight returns the number of lines above the rows: title, counts, columns and,
// if there is room, what is in force.
func (s *Screen) headHeight() int {
	if s.Height < 10 {
		return 3
	}
	return 4
}

// feedHeight returns the number of lines of the alerts with their title.
func (s *Screen) feedHeight() int {
	switch {
	case s.Height < 14:
		return 0
	case s.Height < 30:
		return 5
	}
	return 9
}

func (s *Screen) tableHeight() int {
	return max(1, min(s.Height-s.headHeight()-footHeight-s.feedHeight(), MaxRows))
}

// Draw returns the screen: Height lines of at most Width columns.
func (s *Screen) Draw() string {
	lines := []string{s.title(), s.summary()}
	if s.Topologies {
		lines = append(lines, s.drawPanels(s.Height-len(lines)-footHeight)...)
	} else if s.View.Product != "" {
		lines = append(lines, s.drawDetail()...)
	} else {
		if s.headHeight() > 3 {
			lines = append(lines, s.inForce())
		}
		lines = append(lines, s.drawTable()...)
		lines = append(lines, s.drawFeed()...)
	}
	for len(lines) < s.Height-1 {
		lines = append(lines, "")
	}
	return strings.Join(append(lines[:s.Height-1], s.footer()), "\n")
}

// line builds a line of text of limited width.
type line struct {
	text   strings.Builder
	left   int // columns that are free
	colors *theme.Theme
}

func (s *Screen) line() *line { return &line{left: s.Width, colors: s.colors} }

// put adds text in a colour, cut to the columns that are free.
func (l *line) put(color, text string) *line {
	cut := l.colors.Fit(text, l.left)
	l.left -= termsafe.Width([]byte(cut))
	if color == "" || l.colors.Reset == "" {
		l.text.WriteString(cut)
	} else {
		l.text.WriteString(color + cut + l.colors.Reset)
	}
	return l
}

// cell adds text in a fixed number of columns; a negative width aligns it right.
func (l *line) cell(color, text string, width int) *line {
	right := width < 0
	if right {
		width = -width
	}
	width = min(width, l.left)
	cut := l.colors.Fit(text, width)
	space := strings.Repeat(" ", max(0, width-termsafe.Width([]byte(cut))))
	if right {
		return l.put("", space).put(color, cut)
	}
	return l.put(color, cut).put("", space)
}

// column adds a cell and a space, or nothing if the width is 0.
func (l *line) column(color, text string, width int) *line {
	if width == 0 {
		return l
	}
	return l.cell(color, text, width).put("", " ")
}

func (l *line) String() string { return strings.TrimRight(l.text.String(), " ") }

func (s *Screen) clock(ms int64, layout string) string {
	if ms == 0 {
		return "–"
	}
	t := time.UnixMilli(ms)
	if s.UTC {
		return t.UTC().Format(layout) + "Z"
	}
	return t.Format(layout)
}

func (s *Screen) title() string {
	l := s.line().put(s.colors.Strong, " Inventory").put("", "  ")
	st := s.frame.Status
	switch {
	case st != nil && st.Trouble != "":
		l.put(s.colors.Critical, "▲ STALE since "+s.clock(st.AsOf, "15:04:05")).put("", "  "+st.Trouble)
		return l.String()
	case st == nil || st.Loading == LoadingStock:
		return l.put(s.colors.Warning, "○ reading the topics…").String()
	case len(st.Denied) > 0:
		l.put(s.colors.Critical, "▲ INCOMPLETE").put("", "  not authorized to "+st.Denied[0].String())
		if n := len(st.Denied) - 1; n > 0 {
			l.put("", fmt.Sprintf(" and %d more", n))
		}
		l.put(s.colors.Dim, "  as of "+s.clock(st.AsOf, "15:04:05"))
	default:
		l.put(s.colors.Good, "● live").put(s.colors.Dim, "  as of "+s.clock(st.AsOf, "15:04:05"))
	}
	switch st.Loading {
	case LoadingReorders:
		l.put(s.colors.Dim, "  reading reorders…")
	case LoadingCharts:
		l.put(s.colors.Dim, fmt.Sprintf("  last hour %d %%", int(st.Progress*100)))
	case LoadingPast:
		l.put(s.colors.Dim, fmt.Sprintf("  older reorders %d %%", int(st.Progress*100)))
	}
	l.put("", fmt.Sprintf("  %.0f updates/s", st.Rate))
	if lag, known := totalLag(st.Lag); known {
		l.put("", "  lag "+lag)
	}
	if st.Latency != nil {
		l.put("", fmt.Sprintf("  %d ms", st.Latency.P50))
	}
	if len(st.Missing) > 0 {
		l.put(s.colors.Warning, "  no topic "+strings.Join(st.Missing, ", "))
	}
	return l.String()
}

func totalLag(lags []Lag) (text string, known bool) {
	var n int64
	most := ""
	for _, l := range lags {
		if l.Denied {
			return "", false
		}
		known = known || l.Known
		n = sum(n, l.Records)
		if !l.Exact {
			most = "≤"
		}
	}
	return most + strconv.FormatInt(n, 10), known
}

var glyphs = [severities]string{"✕", "▲", "◆", "●", "○"}

func (s *Screen) severityColor(v Severity) string {
	return [severities]string{s.colors.Critical, s.colors.Critical, s.colors.Warning, s.colors.Good, s.colors.Dim}[v]
}

// inForce shows what selects and sorts the products.
func (s *Screen) inForce() string {
	l := s.line()
	if p := s.frame.Products; p != nil && s.filtered() {
		l.put(s.colors.Strong, fmt.Sprintf(" %d of %d", p.Total, s.frame.Counts.Products+s.frame.Counts.Delisted)).put("", ": ").put(s.colors.Strong, s.filters())
	} else {
		l.put(s.colors.Dim, " all products")
	}
	return l.put(s.colors.Dim, ", "+orderWords[s.View.Sort]).String()
}

// filters names what the view selects by.
func (s *Screen) filters() string {
	var states []string
	for v := range severities {
		if s.View.Severities&(1<<v) != 0 {
			states = append(states, v.String())
		}
	}
	parts := []string{strings.Join(states, " or ")}
	if s.View.Search != "" {
		parts = append(parts, strconv.Quote(s.View.Search))
	}
	parts = append(parts, s.View.Category, s.View.Warehouse)
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), ", ")
}

// orderWords name the orders as the page does.
var orderWords = map[Sort]string{
	ByUrgency: "most urgent first", ByName: "by name", ByStock: "lowest stock first", ByCategory: "by category", ByUpdated: "last changed first",
}

// summary shows counts, as many as fit, the most urgent first.
func (s *Screen) summary() string {
	l := s.line().put("", " ")
	c := s.frame.Counts
	full := false
	item := func(color, format string, args ...any) {
		text := fmt.Sprintf(format, args...)
		if full = full || utf8.RuneCountInString(text) > l.left; !full {
			l.put(color, text).put("", "  ")
		}
	}
	if mark := s.mark(Catalog, Updates); mark != "" {
		item(s.colors.Critical, "stock%s", mark)
	}
	for v, n := range []int{c.Out, c.Critical, c.Low, c.OK} {
		item(s.severityColor(Severity(v)), "%s %s %s", glyphs[v], s.number(int64(n), Catalog, Updates), Severity(v))
	}
	bad := s.frame.Problems.Gaps
	for _, m := range s.frame.Problems.Malformed {
		bad += m.Count
	}
	if bad > 0 {
		item(s.colors.Critical, "%d bad records", bad)
	}
	dead, mark := s.frame.DeadLetters.Total, s.mark(DeadLetters)
	if dead > 0 || mark != "" {
		item(s.colors.Warning, "%s not processed%s", s.number(dead, DeadLetters), mark)
	}
	open, mark := s.frame.Reorders.Total, s.mark(Reorders, Receipts)
	switch {
	case mark != "":
		item("", "%s on order%s", s.number(int64(open), Reorders, Receipts), mark)
	case open == 0 || !s.reordersKnown():
	case s.frame.Status.Loading != LoadingDone:
		item("", "%d on order so far", open)
	default:
		item("", "%d on order", open)
	}
	if n := len(s.frame.Minutes); n > 0 {
		orders := make([]int64, n)
		for i, m := range s.frame.Minutes {
			orders[i] = m.Orders
		}
		if st := s.frame.Status; st != nil && st.Recent != nil {
			item("", "%d orders/min", st.Recent.Orders*60/st.Recent.Seconds)
		}
		if !full {
			l.put(s.colors.Dim, sparkline(orders, l.left-1))
		}
	}
	return l.String()
}

func (s *Screen) reordersKnown() bool {
	return s.frame.Status != nil && s.frame.Status.reordersKnown()
}

// mark returns what to add to a number of sources that can't be read now, "" if they
// can.
func (s *Screen) mark(sources ...Source) string {
	since, stale := s.staleSince(sources...)
	switch {
	case !stale:
		return ""
	case since == 0:
		return ", not readable"
	}
	return ", stale since " + s.clock(since, "15:04:05")
}

// number formats a number of sources: ? if one of them never could be read.
func (s *Screen) number(n int64, sources ...Source) string {
	if since, stale := s.staleSince(sources...); stale && since == 0 {
		return "?"
	}
	return strconv.FormatInt(n, 10)
}

// staleSince reports whether one of the sources can't be read for lack of a permission,
// and since when; 0: it never could be.
func (s *Screen) staleSince(sources ...Source) (since int64, stale bool) {
	if s.frame.Status == nil {
		return 0, false
	}
	sections := make([]string, len(sources))
	for i, source := range sources {
		sections[i] = source.String()
	}
	denied := s.frame.Status.denied(sections...)
	if len(denied) == 0 {
		return 0, false
	}
	return slices.MinFunc(denied, func(a, b Denied) int { return cmp.Compare(a.AsOf, b.AsOf) }).AsOf, true
}

const bars = "▁▂▃▄▅▆▇█"

// sparkline draws the last values, one per column.
func sparkline(values []int64, width int) string {
	if width <= 0 {
		return ""
	}
	values = values[max(0, len(values)-width):]
	top := int64(1)
	for _, v := range values {
		top = max(top, v)
	}
	var b strings.Builder
	steps := []rune(bars)
	for _, v := range values {
		b.WriteRune(steps[max(0, min(len(steps)-1, int(float64(v)/float64(top)*float64(len(steps)-1)+0.5)))])
	}
	return b.String()
}

func (s *Screen) footer() string {
	l := s.line()
	if s.Searching {
		return l.put(s.colors.Strong, " /"+s.Typed+"▏").put(s.colors.Dim, "  Enter to search, Esc to cancel").String()
	}
	if s.Topologies {
		return l.put(s.colors.Dim, " t products  u UTC  q quit").String()
	}
	if s.View.Product != "" {
		return l.put(s.colors.Dim, " Esc back  ↑↓ another product  u UTC  q quit").String()
	}
	keys := " ↑↓ move  Enter details  / search  s state  o order  u UTC  q quit"
	if len(s.frame.Topologies) > 0 {
		keys = strings.Replace(keys, "  u UTC", "  t topologies  u UTC", 1)
	}
	l.put(s.colors.Dim, keys)
	if total := s.frame.Products.Total; total > 0 {
		at := fmt.Sprintf("%d/%d ", s.View.Offset+s.cursor+1, total)
		if l.left > len(at) {
			l.put("", strings.Repeat(" ", l.left-len(at))).put("", at)
		}
	}
	return l.String()
}
