package main

import (
	"context"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// streams is a command's view of the process: its standard streams, terminal,
// environment and clock. Tests substitute their own.
type streams struct {
	in     io.Reader
	out    io.Writer // data only
	err    io.Writer // progress, logs and hints
	getenv func(string) string
	now    func() time.Time

	inTerminal, outTerminal, errTerminal bool
	inPiped                              bool       // in is a file or a pipe
	width                                func() int // columns of the terminal on out; 0: no terminal

	hangUp func() // returns once the reader of out is gone; nil: unknown
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
		inPiped:     piped(os.Stdin),
		outTerminal: term.IsTerminal(out),
		errTerminal: term.IsTerminal(int(os.Stderr.Fd())),
		width: func() int {
			w, _, _ := term.GetSize(out) // 0 with an error
			return w
		},
	}
}

// piped reports whether a file is a regular one or a pipe, not a device such as a
// terminal or /dev/null.
func piped(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && (info.Mode().IsRegular() || info.Mode()&(os.ModeNamedPipe|os.ModeSocket) != 0)
}

// untilHangUp returns a context that is also cancelled, with errOutputClosed, once
// out's reader is gone: for commands that may not write anything for a long time.
func (s *streams) untilHangUp(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	if s.hangUp != nil {
		go func() { s.hangUp(); cancel(errOutputClosed) }()
	}
	return ctx, func() { cancel(nil) }
}
