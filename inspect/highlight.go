package inspect

import (
	"slices"

	"inv/internal/theme"
)

// Highlight marks matches of regular expressions in the lines of another renderer. The
// colours of the lines are not searched, and continue after a match.
type Highlight struct {
	Renderer
	patterns     []pattern
	begin, reset string
	line, plain  []byte
	marked       []bool // by index of plain
}

// NewHighlight wraps a renderer; begin and reset are the escape strings around a
// match. The error is a *UsageError.
func NewHighlight(r Renderer, sources []string, begin, reset string) (*Highlight, error) {
	patterns, err := compilePatterns("highlight", sources)
	return &Highlight{Renderer: r, patterns: patterns, begin: begin, reset: reset}, err
}

// Append appends the record's lines with the matches marked.
func (h *Highlight) Append(dst []byte, r *Record) []byte {
	h.line, h.plain = h.Renderer.Append(h.line[:0], r), h.plain[:0]
	for piece, escape := range theme.Pieces(h.line) {
		if !escape {
			h.plain = append(h.plain, piece...)
		}
	}
	h.marked = slices.Grow(h.marked[:0], len(h.plain))[:len(h.plain)]
	clear(h.marked)
	found := false
	for _, p := range h.patterns {
		for _, m := range p.re.FindAllIndex(h.plain, -1) {
			for i := m[0]; i < m[1]; i++ {
				h.marked[i], found = true, true
			}
		}
	}
	if !found {
		return append(dst, h.line...)
	}
	return h.mark(dst)
}

// mark appends the line with the marks.
func (h *Highlight) mark(dst []byte) []byte {
	color, open, i := "", false, 0
	for piece, escape := range theme.Pieces(h.line) {
		if escape {
			if color = string(piece); color == h.reset {
				color = ""
			}
			dst = append(dst, piece...)
			if open {
				dst = append(dst, h.begin...)
			}
			continue
		}
		for _, c := range piece {
			if mark := h.marked[i] && c != '\n'; mark != open {
				if open = mark; open {
					dst = append(dst, h.begin...)
				} else {
					dst = append(append(dst, h.reset...), color...)
				}
			}
			dst = append(dst, c)
			i++
		}
	}
	return dst
}

// Header is that of a renderer that has one.
func (h *Highlight) Header(dst []byte) []byte {
	if r, ok := h.Renderer.(headed); ok {
		return r.Header(dst)
	}
	return dst
}

// Measure measures for a renderer that aligns.
func (h *Highlight) Measure(records []*Record) {
	if m, ok := h.Renderer.(measurer); ok {
		m.Measure(records)
	}
}
