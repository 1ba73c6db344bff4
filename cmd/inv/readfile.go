package main

import (
	"context"
	"fmt"
	"io"
	"os"
)

// maxFile bounds a file that the user names, 16 MiB: a device never ends.
const maxFile = 16 << 20

// readFile reads a file of at most maxFile bytes. It returns when ctx is done, also
// while a pipe waits for its writer.
func readFile(ctx context.Context, name string) ([]byte, error) {
	return readUntil(ctx, func() ([]byte, error) {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return readBounded(f, name)
	})
}

// readInput is readFile for an open input.
func readInput(ctx context.Context, r io.Reader) ([]byte, error) {
	return readUntil(ctx, func() ([]byte, error) { return readBounded(r, "the input") })
}

func readBounded(r io.Reader, name string) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(b) > maxFile {
		return nil, fmt.Errorf("%s is larger than %d MiB", name, maxFile>>20)
	}
	return b, err
}

// readUntil leaves a read, or the opening of a file, behind when ctx is done.
func readUntil[T any](ctx context.Context, read func() (T, error)) (T, error) {
	var value, none T
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		value, err = read()
	}()
	select {
	case <-done:
		return value, err
	case <-ctx.Done():
		return none, context.Cause(ctx)
	}
}
