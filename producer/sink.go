package producer

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"sync/atomic"
)

// Sink takes records. Write is called by one goroutine at a time.
type Sink interface {
	// Write takes the batch over and calls its Release when its bytes are not
	// needed any more, perhaps later.
	Write(ctx context.Context, b *Batch) error
	// Flush returns when everything written has arrived or failed.
	Flush(ctx context.Context) error
	// Counts says how far the records have come.
	Counts() Counts
	// Failed is closed when the sink can't go on; Write then returns why.
	Failed() <-chan struct{}
}

// Counts are a sink's records: Acknowledged have arrived for certain.
type Counts struct {
	Acknowledged, Failed, Bytes int64
}

// WriterSink writes the values, a line each, or with Envelope all of a record as
// a line of JSON.
type WriterSink struct {
	w        *bufio.Writer
	envelope bool
	line     []byte
	count    atomic.Int64
	bytes    atomic.Int64
	failed   chan struct{}
}

// NewWriterSink writes to w.
func NewWriterSink(w io.Writer, envelope bool) *WriterSink {
	return &WriterSink{w: bufio.NewWriterSize(w, 1<<16), envelope: envelope, failed: make(chan struct{})}
}

// Write writes the batch and releases it.
func (s *WriterSink) Write(_ context.Context, b *Batch) error {
	defer b.Release()
	for i := range b.Records {
		r := &b.Records[i]
		s.line = s.line[:0]
		if s.envelope {
			s.line = appendEnvelope(s.line, r)
		} else {
			s.line = append(s.line, r.Value...)
		}
		if _, err := s.w.Write(append(s.line, '\n')); err != nil {
			return fmt.Errorf("writing records: %w", err)
		}
	}
	if len(b.slots) < cap(b.slots) { // there is no more to come for now
		if err := s.w.Flush(); err != nil {
			return fmt.Errorf("writing records: %w", err)
		}
	}
	s.count.Add(int64(len(b.Records)))
	s.bytes.Add(b.Bytes())
	return nil
}

// Flush writes what is buffered.
func (s *WriterSink) Flush(context.Context) error {
	if err := s.w.Flush(); err != nil {
		return fmt.Errorf("writing records: %w", err)
	}
	return nil
}

// Counts counts what has been written.
func (s *WriterSink) Counts() Counts {
	return Counts{Acknowledged: s.count.Load(), Bytes: s.bytes.Load()}
}

// Failed is never closed: Write says at once what went wrong.
func (s *WriterSink) Failed() <-chan struct{} { return s.failed }

// appendEnvelope writes a record as a line of JSON. A value that is JSON stands
// there as it is, any other as a string.
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
