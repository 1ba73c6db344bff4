package demo

import (
	"bytes"
	"fmt"
	"io"
	"sort"
	"strings"
	"sync"
	"time"

	"inv/internal/termsafe"
	"inv/internal/theme"
)

// Screen shows lines of records and below them, on a terminal, a status line
// that stays. Its methods may be called from any goroutine.
type Screen struct {
	out, err io.Writer
	theme    *theme.Theme
	width    func() int // columns; 0: no terminal
	status   bool       // err is a terminal
	now      func() time.Time
	length   time.Duration
	Page     string // the dashboard's address, which the status repeats; the line that said it scrolls away

	mu          sync.Mutex
	began, told time.Time
	standing    bool // the status line is on the screen
}

// NewScreen writes records to out and the status to err, which is drawn if
// terminal says that err is one, and is otherwise a line each ten seconds.
func NewScreen(out, err io.Writer, t *theme.Theme, width func() int, terminal bool, now func() time.Time, length time.Duration) *Screen {
	began := now()
	return &Screen{out: out, err: err, theme: t, width: width, status: terminal, now: now, length: length, began: began, told: began}
}

// Lines writes lines of records, and the status below them.
func (s *Screen) Lines(lines []byte, t *Tally) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(lines) > 0 {
		s.clear()
		if _, err := s.out.Write(lines); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
	}
	s.draw(t)
	return nil
}

// End takes the status line away.
func (s *Screen) End() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
}

func (s *Screen) clear() {
	if s.standing {
		fmt.Fprint(s.err, "\r\x1b[K")
		s.standing = false
	}
}

// draw writes the status. Nothing depends on it, so its errors don't matter.
func (s *Screen) draw(t *Tally) {
	elapsed := s.now().Sub(s.began)
	if !s.status {
		if s.now().Sub(s.told) >= 10*time.Second {
			s.told = s.now()
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
		if columns += len(text) + 1 + barColumns + len(number) + 3; columns > s.columnsOf() {
			break
		}
		fmt.Fprintf(&b, "%s %s%s%s%s   ", text, s.color(&p), bar(p.Stock, p.Peak), number, s.theme.Reset)
	}
	_, _ = s.err.Write(b.Bytes())
	s.standing = true
}

func (s *Screen) columnsOf() int {
	if w := s.width(); w > 0 {
		return w
	}
	return 80
}

func (s *Screen) color(p *Product) string {
	switch {
	case p.Stock <= p.Critical:
		return s.theme.Critical
	case p.Stock <= p.Reorder:
		return s.theme.Warning
	}
	return s.theme.Good
}

// byUrgency has the products nearest to nothing first, of many only the first
// few; of few the order stays, so that they don't jump.
func byUrgency(products []Product) []Product {
	const few = 4
	sorted := append([]Product(nil), products...)
	if len(sorted) > few {
		sort.SliceStable(sorted, func(i, j int) bool {
			return sorted[i].Stock-sorted[i].Critical < sorted[j].Stock-sorted[j].Critical
		})
		return sorted[:few]
	}
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].ID < sorted[j].ID })
	return sorted
}

const barColumns = 8

// bar is n of most as blocks, in eighths of a column.
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
