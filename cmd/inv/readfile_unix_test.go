//go:build unix

package main

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A file that never ends is not read to its end, and a pipe without a writer holds
// no command.
func TestReadFileIsBounded(t *testing.T) {
	if b, err := readFile(t.Context(), "/dev/zero"); err == nil || !strings.Contains(err.Error(), "/dev/zero is larger than 16 MiB") {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	stop := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	if _, err := readFile(ctx, pipe); !errors.Is(err, stop) {
		t.Error(err)
	}
	if _, err := openUntil(ctx, pipe); !errors.Is(err, stop) {
		t.Error(err)
	}
	reader, writer := io.Pipe()
	defer writer.Close()
	if _, err := readInput(ctx, reader); !errors.Is(err, stop) {
		t.Error(err)
	}
}

// Every command that reads a file of the user's bounds it.
func TestEndlessFiles(t *testing.T) {
	for _, args := range [][]string{
		{"scenarios", "validate", "/dev/zero"},
		{"produce", "orders", "--to", "stdout", "--count", "1", "--scenario", "/dev/zero"},
		{"tail", "orders", "--scenario", "/dev/zero"},
		{"tail", "orders", "--config", "/dev/zero"},
		{"dlq", "replay", "t/0@1", "--value", "/dev/zero"},
	} {
		got := invoke(t, []string{"INV_BROKERS=127.0.0.1:1"}, args...)
		if got.code == 0 || !strings.Contains(got.stderr, "larger than 16 MiB") {
			t.Errorf("%q: %+v", args, got)
		}
	}
}
