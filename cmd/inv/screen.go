package main

import (
	"bytes"
	"fmt"
	"strings"
	"sync"

	"inv/inspect"
	"inv/internal/theme"
)

// screen is the output of a tail. On a terminal its last line says how many
// records of each severity have been shown, and is rewritten below what comes;
// elsewhere it is stdout as it is.
type screen struct {
	mu     sync.Mutex
	s      *streams
	colors *theme.Theme
	pretty *inspect.Pretty // nil: nothing to count
	bell   bool
	status bool // there is a status line
	fit    bool // lines are as wide as the terminal
	up     bool // it is on the screen now
	rung   int
	buf    bytes.Buffer
}

func newScreen(s *streams, colors *theme.Theme, r inspect.Renderer, t *tailFlags, follow bool) *screen {
	pretty, _ := r.(*inspect.Pretty)
	onTerminal := pretty != nil && follow && s.outTerminal
	return &screen{s: s, colors: colors, pretty: pretty, bell: t.bell && s.outTerminal, status: onTerminal, fit: onTerminal && !t.wide}
}

const (
	eraseLine = "\r\x1b[K"
	ring      = "\a"
)

// Write writes whole lines above the status line.
func (c *screen) Write(lines []byte) (int, error) {
	if !c.status && !c.bell {
		return c.s.out.Write(lines)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.buf.Reset()
	c.erase()
	c.buf.Write(lines)
	c.draw()
	if critical := c.critical(); c.bell && critical > c.rung {
		c.rung = critical
		c.buf.WriteString(ring)
	}
	if _, err := c.s.out.Write(c.buf.Bytes()); err != nil {
		return 0, err
	}
	if c.fit {
		c.pretty.SetWidth(c.s.width()) // it may be another one by now
	}
	return len(lines), nil
}

func (c *screen) critical() int {
	if c.pretty == nil {
		return 0
	}
	return c.pretty.Count(inspect.Critical)
}

func (c *screen) erase() {
	if c.up {
		c.buf.WriteString(eraseLine)
		c.up = false
	}
}

func (c *screen) draw() {
	if !c.status {
		return
	}
	total := 0
	var parts []string
	columns := 0 // without the colours
	for _, severity := range []inspect.Severity{inspect.Critical, inspect.Warning, inspect.Good, inspect.Plain} {
		n := c.pretty.Count(severity)
		total += n
		if word := severity.String(); n > 0 && word != "" {
			text := fmt.Sprintf("%d %s", n, word)
			columns += len(text) + len(" · ")
			parts = append(parts, severity.Color(c.colors)+text+c.colors.Reset)
		}
	}
	text := records(int64(total))
	parts = append(parts, c.colors.Dim+text+c.colors.Reset)
	// A line that wraps can't be erased: in a narrow terminal the total is all.
	if width := c.s.width(); width > 0 && columns+len(text) >= width {
		parts = parts[len(parts)-1:]
	}
	c.buf.WriteString(strings.Join(parts, c.colors.Dim+" · "+c.colors.Reset))
	c.up = true
}

// notice writes a line to stderr, above the status line.
func (c *screen) notice(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	redraw := c.up
	if redraw {
		fmt.Fprint(c.s.out, eraseLine)
	}
	fmt.Fprintln(c.s.err, "inv tail:", text)
	if redraw {
		c.buf.Reset()
		c.draw()
		_, _ = c.s.out.Write(c.buf.Bytes()) // the next record will fail too, and say so
	}
}

// close takes the status line away.
func (c *screen) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.up {
		fmt.Fprint(c.s.out, eraseLine)
		c.up = false
	}
}
