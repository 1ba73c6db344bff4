package main

import (
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
}

func processStreams() *streams {
	out := int(os.Stdout.Fd())
	return &streams{
		in:          os.Stdin,
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
