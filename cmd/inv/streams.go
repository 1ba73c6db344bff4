package main

import (
	"context"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// streams is all that a command knows of the process around it, so that a test
// can be a terminal, a pipe or another time of day.
type streams struct {
	in     io.Reader
	out    io.Writer // data only
	err    io.Writer // progress, logs and hints
	getenv func(string) string
	now    func() time.Time

	inTerminal, outTerminal, errTerminal bool
	width                                func() int // of the terminal on out in columns; 0: none

	hangUp func() // returns when the reader of out has gone away; nil: nobody can tell
}

func processStreams() *streams {
	out := int(os.Stdout.Fd())
	return &streams{
		in:          os.Stdin,
		hangUp:      func() { hangUp(os.Stdout) },
		out:         pipe{os.Stdout},
		err:         os.Stderr,
		getenv:      os.Getenv,
		now:         time.Now,
		inTerminal:  term.IsTerminal(int(os.Stdin.Fd())),
		outTerminal: term.IsTerminal(out),
		errTerminal: term.IsTerminal(int(os.Stderr.Fd())),
		width: func() int {
			w, _, err := term.GetSize(out)
			if err != nil {
				return 0
			}
			return w
		},
	}
}

// untilHangUp returns a context that also ends, with errOutputClosed, when out's
// reader has gone away: for commands that may have nothing to write for long.
func (s *streams) untilHangUp(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	if s.hangUp != nil {
		go func() { s.hangUp(); cancel(errOutputClosed) }()
	}
	return ctx, func() { cancel(nil) }
}
