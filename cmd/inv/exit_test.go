package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestExitCode(t *testing.T) {
	interrupted, cancel := context.WithCancelCause(t.Context())
	cancel(signalError{os.Interrupt})
	terminated, cancel := context.WithCancelCause(t.Context())
	cancel(signalError{syscall.SIGTERM})
	for _, c := range []struct {
		name string
		ctx  context.Context
		err  error
		code int
		says string
	}{
		{"nothing", t.Context(), nil, 0, ""},
		{"a failure", t.Context(), errors.New("broken"), 1, "inv: broken\n"},
		{"wrong usage", t.Context(), fmt.Errorf("so: %w", usagef("wrong")), 2, "inv: so: wrong\n"},
		{"a code of its own", t.Context(), exitError{3, errors.New("undecided")}, 3, "inv: undecided\n"},
		{"a code without words", t.Context(), exitError{3, nil}, 3, ""},
		{"the reader went away", t.Context(), fmt.Errorf("writing: %w", errOutputClosed), 0, ""},
		{"a broken connection is not that", t.Context(), fmt.Errorf("sending: %w", syscall.EPIPE), 1, "inv: sending: broken pipe\n"},
		{"interrupted, by the cause", interrupted, context.Cause(interrupted), 130, ""},
		{"interrupted, by the context's error", interrupted, fmt.Errorf("reading: %w", interrupted.Err()), 130, ""},
		{"terminated", terminated, fmt.Errorf("reading: %w", terminated.Err()), 143, ""},
		{"a failure while interrupted", interrupted, errors.New("broken"), 1, "inv: broken\n"},
		{"a cancelled part of a command that goes on", t.Context(), context.Canceled, 1, "inv: context canceled\n"},
	} {
		var says strings.Builder
		if got := exitCode(c.ctx, c.err, &says); got != c.code || says.String() != c.says {
			t.Errorf("%s: code %d, says %q; want %d and %q", c.name, got, says.String(), c.code, c.says)
		}
	}
}
