package producer

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
)

// Sink receives records. Write is called by one goroutine at a time.
type Sink interface {
	// Write owns the batch from now on, and calls its Release when its bytes are
	// no longer needed.
	Write(ctx context.Context, b *Batch) error
	// Flush returns when every record has been acknowledged or has failed.
	Flush(ctx context.Context) error
	// Counts returns the counts so far.
	Counts() Counts
	// Failed is closed when the sink can't go on; Write then returns why.
	Failed() <-chan struct{}
}

// Counts are the records of a sink. Acknowledged ones have certainly arrived.
type Counts struct {
	Acknowledged, Failed, Bytes int64
}

// WriterSink writes each value on a line, or with an envelope the whole record as a
// line of JSON. A record counts, with the bytes of its line, when that is written.
type WriterSink struct {
	w        io.Writer
	envelope bool
	lines    []byte // to be written
	waiting  int64  // number of them
	count    atomic.Int64
	bytes    atomic.Int64
	failed   chan struct{}
}

// writeSize is the size of a write.
const writeSize = 1 << 16

// NewWriterSink returns a sink that writes to w.
func NewWriterSink(w io.Writer, envelope bool) *WriterSink {
	return &WriterSink{w: w, envelope: envelope, lines: make([]byte, 0, 2*writeSize), failed: make(chan struct{})}
}

// Write writes the batch and releases it.
func (s *WriterSink) Write(ctx context.Context, b *Batch) error {
	defer b.Release()
	for i := range b.Records {
		r := &b.Records[i]
		if s.envelope {
			s.lines = appendEnvelope(s.lines, r)
		} else {
			s.lines = append(s.lines, r.Value...)
		}
		s.lines = append(s.lines, '\n')
		s.waiting++
		if len(s.lines) >= writeSize {
			if err := s.Flush(ctx); err != nil {
				return err
			}
		}
	}
	if len(b.slots) < cap(b.slots) { // no more records for now
		return s.Flush(ctx)
	}
	return nil
}

// Flush writes what is buffered.
func (s *WriterSink) Flush(context.Context) error {
	lines, count := s.lines, s.waiting
	s.lines, s.waiting = s.lines[:0], 0
	if _, err := s.w.Write(lines); err != nil {
		return fmt.Errorf("writing records: %w", err)
	}
	s.count.Add(count)
	s.bytes.Add(int64(len(lines)))
	return nil
}

// Counts counts what has been written.
func (s *WriterSink) Counts() Counts {
	return Counts{Acknowledged: s.count.Load(), Bytes: s.bytes.Load()}
}

// Failed is never closed: Write returns errors at once.
func (s *WriterSink) Failed() <-chan struct{} { return s.failed }

// appendEnvelope appends a record as a line of JSON. A value that is JSON is embedded,
// any other is a string.
func appendEnvelope(dst []byte, r *Record) []byte {
	dst = appendString(append(dst, `{"topic":`...), []byte(r.Topic))
	dst = appendInt(append(dst, `,"partition":`...), int64(r.Partition))
	dst = append(dst, `,"key":`...)
	if r.Key == nil {
		dst = append(dst, "null"...)
	} else {
		dst = appendString(dst, r.Key)
	}
	dst = append(dst, `,"headers":{`...)
	for i, h := range r.Headers {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, []byte(h.Key))
		dst = appendString(append(dst, ':'), h.Value)
	}
	dst = appendInt(append(dst, `},"timestamp":`...), r.At)
	dst = append(dst, `,"value":`...)
	switch {
	case r.Value == nil:
		dst = append(dst, "null"...)
	case isJSON(r.Value):
		dst = append(dst, r.Value...)
	default:
		dst = appendString(dst, r.Value)
	}
	return append(dst, '}')
}

func appendString(dst, text []byte) []byte {
	return append(appendJSONText(append(dst, '"'), text), '"')
}
