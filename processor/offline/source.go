package offline

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"inv/internal/envelope"
)

// Bounds of the input.
const (
	maxLine    = 16 << 20   // of a line, in bytes
	maxSpool   = 256 << 20  // of what is no file, and so kept in memory
	maxRecords = 50_000_000 // of all sources, whose places are kept in memory

	maxPartitions = 10_000 // of a topic
)

// Source is where records come from: lines of package envelope.
type Source struct {
	Name  string // for messages
	Alias string // of the topic of records that name none; "": the topology's only input
	// File is a regular file, nil for what can be read only once.
	File *os.File
	// Stream is read if File is nil.
	Stream io.Reader
}

// LineError is a line that is not a record.
type LineError struct {
	Source string
	Line   int64 // from 1
	Err    error
}

func (e *LineError) Error() string { return fmt.Sprintf("%s, line %d: %v", e.Source, e.Line, e.Err) }

// Unwrap returns the error without its place.
func (e *LineError) Unwrap() error { return e.Err }

// ErrSpool is returned for a stream that is longer than what is kept in memory.
var ErrSpool = errors.New("it has more than 256 MiB, and a stream is kept in memory")

// content returns what can be read at any place of a source, and its size.
func (s *Source) content(ctx context.Context) (io.ReaderAt, int64, error) {
	if s.File != nil {
		info, err := s.File.Stat()
		if err != nil {
			return nil, 0, err
		}
		return s.File, info.Size(), nil
	}
	var all []byte
	var err error
	done := make(chan struct{})
	go func() { // a read can't be interrupted
		defer close(done)
		all, err = spool(ctx, s.Stream, maxSpool)
	}()
	select {
	case <-done:
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", s.Name, err)
		}
		return bytes.NewReader(all), int64(len(all)), nil
	case <-ctx.Done():
		return nil, 0, context.Cause(ctx)
	}
}

// spool reads a stream to its end. It gives up on a line that is too long, and on more
// than most bytes.
func spool(ctx context.Context, r io.Reader, most int) ([]byte, error) {
	var all []byte
	chunk, line := make([]byte, 64<<10), 0
	for ctx.Err() == nil {
		n, err := r.Read(chunk)
		all = append(all, chunk[:n]...)
		if i := bytes.LastIndexByte(chunk[:n], '\n'); i >= 0 {
			line = n - i - 1
		} else {
			line += n
		}
		switch {
		case line > maxLine:
			return nil, errTooLong
		case len(all) > most:
			return nil, ErrSpool
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, err
		}
	}
	return nil, context.Cause(ctx)
}

var errTooLong = fmt.Errorf("a line is longer than %d MiB", maxLine>>20)

// place is where a line is.
type place struct {
	offset int64
	length int32
}

// scan calls use with each line of a source that is not empty, and its number from 1.
func scan(ctx context.Context, name string, r io.ReaderAt, size int64, use func(at place, number int64, text []byte) error) error {
	s := bufio.NewScanner(io.NewSectionReader(r, 0, size))
	s.Buffer(make([]byte, 0, 64<<10), maxLine+2)
	offset := int64(0)
	s.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		advance, token, err := bufio.ScanLines(data, atEOF)
		offset += int64(advance)
		return advance, token, err
	})
	begin := int64(0)
	for number := int64(1); s.Scan(); number++ {
		if number%1024 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if text := s.Bytes(); len(bytes.TrimSpace(text)) > 0 {
			if err := use(place{begin, int32(len(text))}, number, text); err != nil {
				return &LineError{name, number, err}
			}
		}
		begin = offset
	}
	switch err := s.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return fmt.Errorf("%s: %w", name, errTooLong)
	case err != nil:
		return fmt.Errorf("reading %s: %w", name, err)
	}
	return nil
}

// stream is the records of a partition in a source, in their order.
type stream struct {
	alias   string
	text    bool // the input's values are not JSON
	name    string
	r       io.ReaderAt
	places  []place
	next    int
	record  envelope.Record // that of the place before next
	at      int64           // its time, epoch ms
	scratch []byte
}

// advance reads the next record. It reports false at the end.
func (s *stream) advance() (bool, error) {
	if s.next == len(s.places) {
		return false, nil
	}
	p := s.places[s.next]
	s.next++
	if cap(s.scratch) < int(p.length) {
		s.scratch = make([]byte, p.length)
	}
	text := s.scratch[:p.length]
	if _, err := s.r.ReadAt(text, p.offset); err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("reading %s again: %w", s.name, err)
	}
	r, err := envelope.Parse(text)
	if err != nil {
		return false, fmt.Errorf("reading %s again, which has changed: %w", s.name, err)
	}
	r.Value = plain(&r, s.text)
	if s.record = r; r.Timestamp >= 0 {
		s.at = r.Timestamp
	}
	return true, nil
}

// plain returns a record's value. Some programs write every value as a string; of an
// input that is not JSON, or if the string has an object, its contents are the value.
func plain(r *envelope.Record, text bool) []byte {
	if !r.Quoted {
		return r.Value
	}
	contents := r.Text()
	if trimmed := bytes.TrimSpace(contents); text || len(trimmed) > 1 && trimmed[0] == '{' && trimmed[len(trimmed)-1] == '}' {
		return contents
	}
	return r.Value
}
