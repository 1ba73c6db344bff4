package main

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"inv/producer"

	"github.com/twmb/franz-go/pkg/kgo"
)

// sink produces with the client library.
type sink struct {
	client *kgo.Client
	spare  sync.Pool // of *sent

	acknowledged, failures, bytes atomic.Int64

	once   sync.Once
	failed chan struct{}
	err    error
}

// sent is a batch with unacknowledged records, which refer to its memory.
type sent struct {
	sink    *sink
	batch   *producer.Batch
	records []kgo.Record
	left    atomic.Int64
	done    func(*kgo.Record, error)
}

func (s *sink) take(b *producer.Batch) *sent {
	m, _ := s.spare.Get().(*sent)
	if m == nil {
		m = &sent{sink: s}
		m.done = m.acknowledged // once: a method value allocates
	}
	m.batch = b
	m.records = slices.Grow(m.records[:0], len(b.Records))[:len(b.Records)]
	m.left.Store(int64(len(b.Records)))
	return m
}

// Write produces the records; it blocks while too many are unacknowledged. They outlive
// the context, which ends with the last Write.
func (s *sink) Write(ctx context.Context, b *producer.Batch) error {
	ctx = context.WithoutCancel(ctx)
	select {
	case <-s.failed:
		b.Release()
		return s.err
	default:
	}
	if len(b.Records) == 0 {
		b.Release()
		return nil
	}
	m := s.take(b)
	for i := range b.Records {
		r := &b.Records[i]
		m.records[i] = kgo.Record{Topic: r.Topic, Partition: r.Partition, Key: r.Key, Value: r.Value, Headers: r.Headers, Timestamp: time.UnixMilli(r.At)}
		s.client.Produce(ctx, &m.records[i], m.done)
	}
	return nil
}

func (m *sent) acknowledged(r *kgo.Record, err error) {
	s := m.sink
	if err != nil {
		s.failures.Add(1)
		s.once.Do(func() {
			s.err = err
			close(s.failed)
		})
	} else {
		s.acknowledged.Add(1)
		n := len(r.Key) + len(r.Value)
		for _, h := range r.Headers {
			n += len(h.Key) + len(h.Value)
		}
		s.bytes.Add(int64(n))
	}
	if m.left.Add(-1) == 0 {
		m.batch.Release()
		m.batch = nil
		s.spare.Put(m)
	}
}

// Flush waits for all acknowledgements.
func (s *sink) Flush(ctx context.Context) error {
	if err := s.client.Flush(ctx); err != nil {
		return err
	}
	select {
	case <-s.failed:
		return s.err
	default:
		return nil
	}
}

// Counts returns the numbers of acknowledged and failed records.
func (s *sink) Counts() producer.Counts {
	return producer.Counts{Acknowledged: s.acknowledged.Load(), Failed: s.failures.Load(), Bytes: s.bytes.Load()}
}

// Failed is closed when a record could not be delivered.
func (s *sink) Failed() <-chan struct{} { return s.failed }
