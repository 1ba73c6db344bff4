package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"inv/internal/scenario"
	"inv/internal/termsafe"
)

// Exit codes, the same for every command.
const (
	exitDone       = 0
	exitFailed     = 1
	exitUsage      = 2
	exitUndecided  = 3
	exitInterrupt  = 130 // 128 + SIGINT
	exitTerminated = 143 // 128 + SIGTERM
)

// usageError marks an invalid command line: exit 2.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// exitError exits with a code of its own; without err, it exits silently, since the
// command has already reported the reason.
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.code)
	}
	return e.err.Error()
}
func (e exitError) Unwrap() error { return e.err }

// signalError is the cause of a context that a signal ended.
type signalError struct{ signal os.Signal }

func (e signalError) Error() string { return "stopped by " + e.signal.String() }

// errOutputClosed is returned by writes to stdout once its reader is gone.
var errOutputClosed = fmt.Errorf("the output was closed: %w", syscall.EPIPE)

// pipe is stdout. It distinguishes its own broken pipe from a broken connection.
type pipe struct{ io.Writer }

func (p pipe) Write(b []byte) (int, error) {
	n, err := p.Writer.Write(b)
	if errors.Is(err, syscall.EPIPE) {
		err = errOutputClosed
	}
	return n, err
}

// exitCode maps an error to the exit code and prints its message, the only place
// that does either. The context's cause is the signal that cancelled it, if any.
func exitCode(ctx context.Context, err error, stderr io.Writer) int {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = fmt.Errorf("%w (%w)", err, context.Cause(ctx))
	}
	var exit exitError
	var usage usageError
	var signal signalError
	switch {
	case err == nil, errors.Is(err, errOutputClosed):
		return exitDone
	case errors.As(err, &exit):
		if exit.err != nil {
			_, _ = termsafe.Fprintf(stderr, "inv: %v\n", exit.err)
		}
		return exit.code
	case errors.As(err, &signal):
		if signal.signal == syscall.SIGTERM {
			return exitTerminated
		}
		return exitInterrupt
	}
	_, _ = termsafe.Fprintf(stderr, "inv: %v\n", err)
	var problems scenario.Problems // an invalid --scenario
	if errors.As(err, &usage) || errors.As(err, &problems) {
		return exitUsage
	}
	return exitFailed
}
