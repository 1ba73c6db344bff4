package producer

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"

	"inv/internal/envelope"
)

// Sink receives records. Write is called by one goroutine at a time.
type Sink interface {
	// Write takes ownership of the batch. The sink calls its Release once its bytes
	// are no longer needed.
	Write(ctx context.Context, b *Batch) error
	// Flush returns when every record has been acknowledged or has failed.
	Flush(ctx context.Context) error
	// Counts returns the counts so far. It is safe for concurrent use.
	Counts() Counts
	// Failed is closed when the sink can't continue; Flush then returns why.
	Failed() <-chan struct{}
}

// Counts counts the records of a sink. Acknowledged records have certainly arrived; Bytes
// is their size.
type Counts struct {
	Acknowledged, Failed, Bytes int64
}

// WriterSink writes each value on a line, or with an envelope each record as a line of
// JSON. A record counts, with the size of its line, once that is written.
type WriterSink struct {
	w        io.Writer
	envelope bool
	lines    []byte // not written yet
	waiting  int64  // their number
	count    atomic.Int64
	bytes    atomic.Int64
	failed   chan struct{}
}

// writeSize is the size of a write, in bytes, from which lines are written.
const writeSize = 1 << 16

// NewWriterSink returns a sink that writes to w.
func NewWriterSink(w io.Writer, envelope bool) *WriterSink {
	return &WriterSink{w: w, envelope: envelope, lines: make([]byte, 0, 2*writeSize), failed: make(chan struct{})}
}

// Write buffers the batch's lines, and writes them if there are many or the batch is not
// full.
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

// Flush writes the buffered lines.
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

// Counts returns what has been written.
func (s *WriterSink) Counts() Counts {
	return Counts{Acknowledged: s.count.Load(), Bytes: s.bytes.Load()}
}

// Failed is never closed: Write returns errors at once.
func (s *WriterSink) Failed() <-chan struct{} { return s.failed }

// appendEnvelope appends a record as a line of JSON.
func appendEnvelope(dst []byte, r *Record) []byte {
	return envelope.Append(dst, &envelope.Record{
		Topic: r.Topic, Partition: r.Partition, Offset: -1, Timestamp: r.At, Key: r.Key, Value: r.Value, Headers: r.Headers,
	})
}

func appendString(dst, text []byte) []byte {
	return append(appendJSONText(append(dst, '"'), text), '"')
}
