package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"time"

	"inv/internal/jsonscan"
	"inv/internal/termsafe"

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

// gated returns the streams with err behind the last gate: whatever is written there
// can only add lines. What is known to be ours goes to live.
func (s *streams) gated() *streams {
	gated := *s
	gated.err = termsafe.NewWriter(s.err)
	return &gated
}

// live returns err for lines that are rewritten, with nothing in them that is not ours.
func (s *streams) live() io.Writer {
	if gate, ok := s.err.(termsafe.Writer); ok {
		return gate.Behind()
	}
	return s.err
}

// errf writes a message to err. Names and errors among the arguments are made safe.
// What err doesn't take is lost, as there is nowhere to report it.
func (s *streams) errf(format string, args ...any) { _, _ = termsafe.Fprintf(s.err, format, args...) }

// outf writes text for a reader to out. Names among the arguments are made safe.
func (s *streams) outf(format string, args ...any) error {
	_, err := termsafe.Fprintf(s.out, format, args...)
	return err
}

// recordLines is a terminal for the lines of records: a line of JSON remains equal, and
// what a terminal would act on is escaped. Each write has whole lines.
type recordLines struct{ w io.Writer }

func (r recordLines) Write(lines []byte) (int, error) {
	var safe []byte
	for line := range bytes.Lines(lines) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		if flags, isJSON := jsonscan.Valid(line); isJSON {
			safe = jsonscan.AppendSafe(safe, line, flags)
		} else {
			safe = termsafe.Append(safe, line)
		}
		safe = append(safe, '\n')
	}
	if _, err := r.w.Write(safe); err != nil {
		return 0, err
	}
	return len(lines), nil
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
