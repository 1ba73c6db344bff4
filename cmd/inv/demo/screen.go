package demo

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"inv/internal/termsafe"
	"inv/internal/theme"
)

// Screen shows lines of records and below them, on a terminal, a status line. It is
// safe for concurrent use.
type Screen struct {
	out, err io.Writer
	theme    *theme.Theme
	width    func() int // columns; 0: no terminal
	status   bool       // err is a terminal
	now      func() time.Time
	length   time.Duration
	Page     string // the dashboard's address, for the status

	mu          sync.Mutex
	began, last time.Time // last: of the status off a terminal
	drawn       bool      // the status line is on the screen
	acts        []act     // those to come
}

// tell announces the parts of a story as they begin.
func (s *Screen) tell(acts []act) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acts = acts
}

// announce writes the part that has begun, if one has.
func (s *Screen) announce() {
	for len(s.acts) > 0 && s.now().Sub(s.began).Seconds() >= s.acts[0].after*s.length.Seconds() {
		s.clear()
		fmt.Fprintf(s.err, "%s%s%s\n", s.theme.Strong, s.acts[0].text, s.theme.Reset)
		s.acts = s.acts[1:]
	}
}

// NewScreen returns a screen that writes records to out and the status to err: a
// status line if terminal, otherwise a line every ten seconds.
func NewScreen(out, err io.Writer, t *theme.Theme, width func() int, terminal bool, now func() time.Time, length time.Duration) *Screen {
	began := now()
	return &Screen{out: out, err: err, theme: t, width: width, status: terminal, now: now, length: length, began: began, last: began}
}

// Lines writes lines of records and redraws the status.
func (s *Screen) Lines(lines []byte, t *Tally) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.announce()
	if len(lines) > 0 {
		s.clear()
		if _, err := s.out.Write(lines); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
	}
	s.draw(t)
	return nil
}

// End erases the status line.
func (s *Screen) End() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
}

func (s *Screen) clear() {
	if s.drawn {
		fmt.Fprint(s.err, "\r\x1b[K")
		s.drawn = false
	}
}

// draw writes the status. Errors don't matter: nothing depends on it.
func (s *Screen) draw(t *Tally) {
	elapsed := s.now().Sub(s.began)
	if !s.status {
		if s.now().Sub(s.last) >= 10*time.Second {
			s.last = s.now()
			fmt.Fprintf(s.err, "%s of %s: %d orders, %d reorders, %d alerts\n", seconds(elapsed), seconds(s.length),
				t.Records["orders"], t.Records["reorders"], t.Records["alerts"])
		}
		return
	}
	var b bytes.Buffer
	left := fmt.Sprintf(" %s/%s  %d orders  ", seconds(min(elapsed, s.length)), seconds(s.length), t.Records["orders"])
	if s.Page != "" {
		left += s.Page + "  "
	}
	columns := len(left)
	b.WriteString("\r\x1b[K" + s.theme.Dim + left + s.theme.Reset)
	for _, p := range byUrgency(t.Products) {
		text := termsafe.String(p.ID)
		number := fmt.Sprintf(" %d", p.Stock)
		if columns += len(text) + 1 + barColumns + len(number) + 3; columns > cmp.Or(s.width(), 80) {
			break
		}
		fmt.Fprintf(&b, "%s %s%s%s%s   ", text, stockColor(s.theme, &p), s.theme.Glyphs(bar(p.Stock, p.Peak)), number, s.theme.Reset)
	}
	_, _ = s.err.Write(b.Bytes())
	s.drawn = true
}

func stockColor(t *theme.Theme, p *Product) string {
	switch {
	case p.Stock <= p.Critical:
		return t.Critical
	case p.Stock <= p.Reorder:
		return t.Warning
	}
	return t.Good
}

// byUrgency returns the few products closest to a critical stock. If there are only a
// few, they are sorted by id, so that they don't move.
func byUrgency(products []Product) []Product {
	const few = 4
	if len(products) <= few {
		return slices.SortedFunc(slices.Values(products), func(a, b Product) int { return cmp.Compare(a.ID, b.ID) })
	}
	return slices.SortedStableFunc(slices.Values(products), func(a, b Product) int {
		return cmp.Compare(a.Stock-a.Critical, b.Stock-b.Critical)
	})[:few]
}

const barColumns = 8

// bar draws n of most, in eighths of a column.
func bar(n, most int64) string {
	eighths := int64(0)
	if most > 0 {
		eighths = max(0, min(n, most)) * barColumns * 8 / most
	}
	text := strings.Repeat("█", int(eighths/8))
	if rest := eighths % 8; rest > 0 {
		text += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return text + strings.Repeat("·", barColumns-len([]rune(text)))
}

func seconds(d time.Duration) string { return d.Round(time.Second).String() }
