package envelope

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// MaxLine is the longest line of [Read], in bytes.
const MaxLine = 16 << 20

// LineError is a line that is not a record.
type LineError struct {
	Line int64 // from 1
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns the error without the line.
func (e *LineError) Unwrap() error { return e.Err }

// Read calls use with the record of each line that is not empty. It ends at the first line
// that is not a record or that use has an error for, a [LineError], and when ctx is done,
// even while a read of r doesn't return.
func Read(ctx context.Context, r io.Reader, use func(*Record) error) error {
	type line struct {
		number int64
		text   []byte
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lines, failed := make(chan line, 64), make(chan error, 1)
	go func() {
		defer close(lines)
		s := bufio.NewScanner(r)
		s.Buffer(make([]byte, 0, 64<<10), MaxLine+2)
		for number := int64(1); s.Scan(); number++ {
			if len(bytes.TrimSpace(s.Bytes())) == 0 {
				if ctx.Err() != nil {
					return
				}
				continue
			}
			select {
			case lines <- line{number, bytes.Clone(s.Bytes())}:
			case <-ctx.Done():
				return
			}
		}
		err := s.Err()
		if errors.Is(err, bufio.ErrTooLong) {
			err = fmt.Errorf("a line is longer than %d MiB", MaxLine>>20)
		}
		failed <- err
	}()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case l, more := <-lines:
			if !more {
				return <-failed
			}
			record, err := Parse(l.text)
			if err == nil {
				err = use(&record)
			}
			if err != nil {
				return &LineError{l.number, err}
			}
		}
	}
}
