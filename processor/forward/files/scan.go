package files

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/klauspost/compress/zstd"
)

// headBytes is how much of a line is looked at. The offset is in it: a topic's name has at
// most 249 bytes.
const headBytes = 512

var errTruncated = errors.New("its last line is not complete")

// checkText reads a file to its end, and returns its rows and the offset in the last one;
// -1 without rows.
func checkText(in file, csv, compressed bool) (rows, last int64, err error) {
	size, err := in.Size()
	if err != nil {
		return 0, 0, err
	}
	var from io.Reader = io.NewSectionReader(in, 0, size)
	if compressed {
		if size == 0 {
			return 0, 0, errTruncated
		}
		z, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(8<<20))
		if err != nil {
			return 0, 0, err
		}
		defer z.Close()
		from = z
	}
	return scanLines(from, csv)
}

// scanLines reads lines of JSON or CSV, with little memory.
func scanLines(from io.Reader, csv bool) (rows, last int64, err error) {
	s := lineScanner{csv: csv, head: make([]byte, 0, headBytes), line: make([]byte, 0, headBytes)}
	chunk := make([]byte, 64<<10)
	for {
		n, err := from.Read(chunk)
		s.scan(chunk[:n])
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, 0, err
		}
	}
	if s.open || s.quoted {
		return 0, 0, errTruncated
	}
	rows = s.lines
	if csv {
		if rows--; rows < 0 {
			return 0, 0, errTruncated // without the columns' names
		}
	}
	if rows == 0 {
		return 0, -1, nil
	}
	last, err = lineOffset(s.line, csv)
	return rows, last, err
}

// lineScanner counts lines and keeps the beginning of the last one.
type lineScanner struct {
	csv    bool
	quoted bool // within a quoted field of CSV
	open   bool // within a line
	lines  int64
	head   []byte // of the line in progress
	line   []byte // of the last complete line
}

func (s *lineScanner) scan(b []byte) {
	for len(b) > 0 {
		end := s.end(b)
		part := b
		if end >= 0 {
			part = b[:end]
		}
		s.head = append(s.head, part[:min(len(part), headBytes-len(s.head))]...)
		if end < 0 {
			s.open = true
			return
		}
		s.lines++
		s.open = false
		s.head, s.line = s.line[:0], s.head
		b = b[end+1:]
	}
}

// end returns the index of the newline that ends the line, or -1.
func (s *lineScanner) end(b []byte) int {
	if !s.csv {
		return bytes.IndexByte(b, '\n')
	}
	for i := 0; i < len(b); i++ {
		if s.quoted {
			n := bytes.IndexByte(b[i:], '"')
			if n < 0 {
				return -1
			}
			i += n
			s.quoted = false
			continue
		}
		switch b[i] {
		case '"':
			s.quoted = true
		case '\n':
			return i
		}
	}
	return -1
}

// lineOffset returns the offset in the beginning of a line: its third value, behind the
// topic, which needs no quotes or escapes, and the partition.
func lineOffset(line []byte, csv bool) (int64, error) {
	_, rest, ok := bytes.Cut(line, []byte{','})
	if ok {
		_, rest, ok = bytes.Cut(rest, []byte{','})
	}
	if ok && !csv {
		rest, ok = bytes.CutPrefix(rest, []byte(`"_offset":`))
	}
	end := bytes.IndexAny(rest, ",}")
	if end < 0 && csv {
		end = len(rest) // the last column
	}
	if !ok || end < 0 {
		return 0, wrongLine(line)
	}
	n, err := strconv.ParseUint(string(rest[:end]), 10, 64)
	if err != nil || n >= math.MaxInt64 {
		return 0, wrongLine(line)
	}
	return int64(n), nil
}

func wrongLine(line []byte) error {
	return fmt.Errorf("its last line has no offset: %q", line[:min(len(line), 80)])
}
