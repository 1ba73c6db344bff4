package producer

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"inv/internal/envelope"
	"inv/internal/kafka"
	"inv/internal/kafka/partition"
	"inv/internal/registry"
)

// MaxLine is the longest line of [SendLines] in bytes, without its end.
const MaxLine = 16 << 20

// Lines describes lines that are records.
type Lines struct {
	Topic       string
	Partitioner partition.Partitioner // of records with a key; "": murmur2. The others go round
	// Envelope: each line is a JSON object such as the inspector writes: key, headers,
	// value, timestamp and their encodings; other members are ignored. Otherwise a line
	// is a value.
	Envelope     bool
	KeySeparator string           // without Envelope: ends the key in a line; "": no keys
	Headers      []Header         // added to each record
	Now          func() time.Time // the time of records without one
	// Writers, if they are set, encode the records: lines have the JSON of values, and the
	// text of keys. A value with a frame, which can only come from an Envelope, is sent as
	// it is.
	Writers Writers
	// Enveloped, if not nil, is called if the first line looks like one for Envelope,
	// which is not set.
	Enveloped func()
}

// LineError is a line that is not a record.
type LineError struct {
	Line int64 // from 1
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns the error without the line.
func (e *LineError) Unwrap() error { return e.Err }

// LinesSummary counts the records of SendLines.
type LinesSummary struct{ Sent, Acknowledged, Tombstones int64 }

// flushWithin bounds the wait for acknowledgements after ctx has ended.
const flushWithin = 5 * time.Second

// SendLines sends each line of r, idempotently, until its end, the first line that is
// not a record (a [LineError]), or the end of ctx; it then returns the cause. The
// records before that are sent. The last line needs no end.
func SendLines(ctx context.Context, config kafka.Config, o Lines, r io.Reader) (sum LinesSummary, err error) {
	config, timeout, err := deliveryTimeout(config)
	if err != nil {
		return sum, err
	}
	client, err := kafka.Connect(ctx, config, KafkaOptions()...)
	if err != nil {
		return sum, err
	}
	defer client.Close()
	counts, err := kafka.PartitionCounts(ctx, client, o.Topic)
	if err != nil {
		return sum, err
	}
	if counts[o.Topic] == 0 {
		return sum, fmt.Errorf("there is no topic %s", o.Topic)
	}
	sink, err := NewKafkaSink(client, timeout)
	if err != nil {
		return sum, err
	}
	defer sink.Close()
	err = o.send(ctx, sink, counts[o.Topic], r, &sum)
	flush, cancel := context.WithCancel(ctx)
	if ctx.Err() != nil {
		flush, cancel = context.WithTimeout(context.WithoutCancel(ctx), flushWithin)
	}
	defer cancel()
	if flushed := sink.Flush(flush); flushed != nil && (err == nil || ctx.Err() == nil) {
		err = flushed
	}
	sum.Acknowledged = sink.Counts().Acknowledged
	return sum, err
}

// send writes the lines to a sink.
func (o *Lines) send(ctx context.Context, sink Sink, partitions int, r io.Reader, sum *LinesSummary) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lines, failed := scanLines(ctx, r)
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-sink.Failed():
			return nil // Flush returns why
		case line, more := <-lines:
			if !more {
				if err := <-failed; err != nil {
					return &LineError{sum.Sent + 1, err}
				}
				return nil
			}
			if sum.Sent == 0 && !o.Envelope && o.Enveloped != nil && looksEnveloped(line) {
				o.Enveloped()
			}
			record, err := o.record(line)
			if err == nil {
				err = o.encode(&record)
			}
			if err != nil {
				return &LineError{sum.Sent + 1, err}
			}
			record.Partition = o.partition(record.Key, partitions, sum.Sent)
			if err := sink.Write(ctx, &Batch{Records: []Record{record}, release: func(*Batch) {}}); err != nil {
				return err
			}
			if sum.Sent++; record.Value == nil {
				sum.Tombstones++
			}
		}
	}
}

// scanLines reads lines in the background, since a read can't be interrupted. The error
// is sent once the lines are closed.
func scanLines(ctx context.Context, r io.Reader) (<-chan []byte, <-chan error) {
	lines, failed := make(chan []byte), make(chan error, 1)
	go func() {
		defer close(lines)
		s := bufio.NewScanner(r)
		s.Buffer(make([]byte, 0, 64<<10), MaxLine+2)
		s.Split(splitLines)
		for s.Scan() {
			select {
			case lines <- bytes.Clone(s.Bytes()):
			case <-ctx.Done():
				return
			}
		}
		err := s.Err()
		if errors.Is(err, bufio.ErrTooLong) {
			err = fmt.Errorf("it is longer than %d MiB", MaxLine>>20)
		}
		failed <- err
	}()
	return lines, failed
}

// splitLines is bufio.ScanLines, but keeps a carriage return, which is data.
func splitLines(data []byte, atEOF bool) (advance int, line []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

func (o *Lines) partition(key []byte, partitions int, number int64) int32 {
	if key != nil {
		by := o.Partitioner
		if by == "" {
			by = partition.ByMurmur2
		}
		if p, keyed := by.Of(key, partitions); keyed {
			return p
		}
	}
	return int32(number % int64(partitions))
}

// looksEnveloped reports whether a line begins as the inspector's JSON does.
func looksEnveloped(line []byte) bool {
	head := line[:min(len(line), 400)]
	return bytes.HasPrefix(head, []byte(`{"topic":"`)) && bytes.Contains(head, []byte(`,"partition":`)) && bytes.Contains(head, []byte(`,"key":`))
}

// record reads a line.
func (o *Lines) record(line []byte) (Record, error) {
	r := Record{Topic: o.Topic, Value: line, Headers: o.Headers, At: o.Now().UnixMilli()}
	switch {
	case o.Envelope:
		return r, r.open(line)
	case o.KeySeparator != "":
		key, value, ok := bytes.Cut(line, []byte(o.KeySeparator))
		if !ok {
			return r, fmt.Errorf("it has no key separator %q", o.KeySeparator)
		}
		r.Key, r.Value = key, value
	}
	return r, nil
}

// open sets the record from its envelope.
func (r *Record) open(line []byte) error {
	e, err := envelope.Parse(line)
	if err != nil {
		return err
	}
	if e.Timestamp >= 0 {
		r.At = e.Timestamp
	}
	r.Key, r.Value, r.Headers = e.Key, e.Value, append(e.Headers, r.Headers...)
	return nil
}

// encode encodes a record's key and value, if its topic has a format.
func (o *Lines) encode(r *Record) error {
	if o.Writers.Key == nil && o.Writers.Value == nil {
		return nil
	}
	r.Headers = slices.DeleteFunc(slices.Clone(r.Headers), func(h Header) bool { return o.Writers.replaces(h) })
	if to := o.Writers.Key; to != nil && r.Key != nil {
		key, err := to.AppendKey(nil, r.Key)
		if err != nil {
			return fmt.Errorf("its key: %w", err)
		}
		r.Key, r.Headers = key, append(r.Headers, idHeader(to)...)
	}
	to := o.Writers.Value
	if to == nil || r.Value == nil || o.Envelope && framed(r.Value) {
		return nil
	}
	value, err := to.Append(nil, r.Value)
	if err != nil {
		return err
	}
	r.Value, r.Headers = value, append(r.Headers, idHeader(to)...)
	return nil
}

// framed reports whether a value begins as one with the ID of a schema, which JSON does
// not.
func framed(value []byte) bool { return len(value) > 4 && value[0] == 0 }

// replaces reports whether a header, of a record that was copied, has the ID of another
// topic's schema.
func (w Writers) replaces(h Header) bool {
	return slices.ContainsFunc([]*registry.Writer{w.Key, w.Value}, func(to *registry.Writer) bool { return to != nil && to.Header.Key == h.Key })
}
