package inspect

import "regexp"

// Highlight marks what a regular expression finds in the lines of another
// renderer. It is for output in colour; the escape strings in a line are not
// searched, and go on behind a match as they were before it.
type Highlight struct {
	Renderer
	patterns     []*regexp.Regexp
	begin, reset string
	line, plain  []byte
	at           []int // where each byte of plain stands in line
	marked       []bool
}

// NewHighlight wraps a renderer; begin and reset are the escape strings around
// a match. The error is a UsageError.
func NewHighlight(r Renderer, sources []string, begin, reset string) (*Highlight, error) {
	h := &Highlight{Renderer: r, begin: begin, reset: reset}
	for _, s := range sources {
		re, err := regexp.Compile(s)
		if err != nil {
			return nil, optionf("highlight", "%v", err)
		}
		h.patterns = append(h.patterns, re)
	}
	return h, nil
}

// Append appends the record's lines with the matches marked.
func (h *Highlight) Append(dst []byte, r *Record) []byte {
	h.line = h.Renderer.Append(h.line[:0], r)
	h.split()
	found := false
	for _, re := range h.patterns {
		for _, m := range re.FindAllIndex(h.plain, -1) {
			for i := m[0]; i < m[1]; i++ {
				h.marked[i], found = true, true
			}
		}
	}
	if !found {
		return append(dst, h.line...)
	}
	return h.join(dst)
}

// split takes the escape strings out of the line.
func (h *Highlight) split() {
	h.plain, h.at, h.marked = h.plain[:0], h.at[:0], h.marked[:0]
	for i := 0; i < len(h.line); i++ {
		if end := escapeEnd(h.line, i); end > i {
			i = end - 1
			continue
		}
		h.plain, h.at, h.marked = append(h.plain, h.line[i]), append(h.at, i), append(h.marked, false)
	}
}

// escapeEnd returns the index behind the colour escape at i, or i if there is none.
func escapeEnd(b []byte, i int) int {
	if b[i] != 0x1b {
		return i
	}
	for j := i; j < len(b); j++ {
		if b[j] == 'm' {
			return j + 1
		}
	}
	return i
}

// join is split's reverse, with the marks.
func (h *Highlight) join(dst []byte) []byte {
	color, open, from := "", false, 0
	for n, at := range h.at {
		if at > from { // escape strings stand here
			color = string(h.line[from:at])
			if color == h.reset {
				color = ""
			}
			dst = append(dst, h.line[from:at]...)
			if open {
				dst = append(dst, h.begin...)
			}
		}
		if mark := h.marked[n] && h.line[at] != '\n'; mark != open {
			if open = mark; open {
				dst = append(dst, h.begin...)
			} else {
				dst = append(append(dst, h.reset...), color...)
			}
		}
		dst = append(dst, h.line[at])
		from = at + 1
	}
	return append(dst, h.line[from:]...)
}

// Measure passes on to a renderer that aligns.
func (h *Highlight) Measure(records []*Record) {
	if m, ok := h.Renderer.(measurer); ok {
		m.Measure(records)
	}
}
