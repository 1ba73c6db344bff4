package main

import (
	"fmt"
	"sync"
	"time"
)

// drawEvery is how often a line on the terminal is redrawn.
const drawEvery = 250 * time.Millisecond

// liveLine is a last line on a terminal that is written over, with a log above it. It is
// the log's writer.
type liveLine struct {
	s *streams

	mu   sync.Mutex
	text string // what stands on the terminal; "": nothing
}

// Write writes lines of the log above the line.
func (l *liveLine) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.text != "" {
		fmt.Fprint(l.s.live(), eraseLine)
	}
	n, err := l.s.err.Write(p)
	fmt.Fprint(l.s.live(), l.text)
	return n, err
}

func (l *liveLine) draw(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if text != l.text {
		fmt.Fprint(l.s.live(), eraseLine+text)
		l.text = text
	}
}
