package main

import (
	"bytes"
	"fmt"
	"strings"
	"sync"

	"inv/inspect"
	"inv/internal/theme"
)

// screen is the output of a tail. On a terminal, a status line below the records
// counts those of each severity; elsewhere it is plain stdout.
type screen struct {
	mu     sync.Mutex
	s      *streams
	colors *theme.Theme
	pretty *inspect.Pretty // counts records; nil without status and bell
	bell   bool
	status bool // there is a status line
	fit    bool // lines are truncated to the terminal's width
	up     bool // the status line is on the screen
	rung   int  // critical records for which the bell has rung
	buf    bytes.Buffer
}

func newScreen(s *streams, colors *theme.Theme, r inspect.Renderer, t *tailFlags, follow bool) *screen {
	pretty, _ := r.(*inspect.Pretty)
	onTerminal := pretty != nil && follow && s.outTerminal
	return &screen{s: s, colors: colors, pretty: pretty, bell: t.bell && pretty != nil && s.outTerminal, status: onTerminal, fit: onTerminal && !t.wide}
}

const eraseLine = "\r\x1b[K"

// Write writes whole lines above the status line.
func (c *screen) Write(lines []byte) (int, error) {
	if !c.status && !c.bell {
		return c.s.out.Write(lines)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.buf.Reset()
	if c.up {
		c.buf.WriteString(eraseLine)
	}
	c.buf.Write(lines)
	c.draw()
	if critical := c.pretty.Count(inspect.Critical); c.bell && critical > c.rung {
		c.rung = critical
		c.buf.WriteString("\a")
	}
	if _, err := c.s.out.Write(c.buf.Bytes()); err != nil {
		return 0, err
	}
	if c.fit {
		c.pretty.SetWidth(c.s.width()) // it may have changed
	}
	return len(lines), nil
}

func (c *screen) draw() {
	if !c.status {
		return
	}
	total := 0
	var parts []string
	columns := 0 // without colours
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
	// A line that wraps can't be erased: a narrow terminal only gets the total.
	if width := c.s.width(); width > 0 && columns+len(text) >= width {
		parts = parts[len(parts)-1:]
	}
	c.buf.WriteString(strings.Join(parts, c.colors.Dim+" · "+c.colors.Reset))
	c.up = true
}

// notice prints a line to stderr, above the status line.
func (c *screen) notice(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	redraw := c.up
	if redraw {
		fmt.Fprint(c.s.out, eraseLine)
	}
	c.s.errf("inv tail: %s\n", text)
	if redraw {
		c.buf.Reset()
		c.draw()
		_, _ = c.s.out.Write(c.buf.Bytes()) // the next record fails, too, and reports it
	}
}

// close erases the status line.
func (c *screen) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.up {
		fmt.Fprint(c.s.out, eraseLine)
		c.up = false
	}
}
