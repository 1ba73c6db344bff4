package producer

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"inv/internal/kafka/acl"
	"inv/internal/kafka/produce"
	"inv/internal/kafka/recordbatch"

	"github.com/twmb/franz-go/pkg/kgo"
)

// KafkaOptions returns the client options that [NewKafkaSink] needs: acknowledgements
// from all in-sync replicas.
func KafkaOptions() []kgo.Opt { return []kgo.Opt{kgo.RequiredAcks(kgo.AllISRAcks())} }

// Header is a record header. It is the client's type, so that the sink need not convert
// it.
type Header = kgo.RecordHeader

// Sizes of a sink, before compression.
const (
	sinkBatch  = 512 << 10 // of a record batch, if batch.size allows as much
	sinkWindow = 8 << 20   // of unacknowledged records
)

// KafkaSink sends records to Kafka. A record counts once all in-sync replicas have it.
// Write encodes records into record batches (package recordbatch), so a [Batch] can be
// reused as soon as it returns.
type KafkaSink struct {
	client *kgo.Client
	sender *produce.Sender
	linger time.Duration
	giveUp time.Duration

	mu      sync.Mutex // guards appending to the sender
	topics  map[string]*produce.Topic
	headers []byte
	lingers bool // a push is scheduled
	ready   bool // the producer has its id

	written, writtenBytes, acknowledged atomic.Int64

	once     sync.Once
	failed   chan struct{}
	err      error
	progress atomic.Int64 // the time of the last response, unix ns
	watch    *time.Timer
	closed   atomic.Bool
}

// NewKafkaSink returns a sink that uses the client, which must have [KafkaOptions]; its
// linger, batch size, compression and acknowledgements apply. If nothing is acknowledged
// for giveUp while records are in flight, they count as failed and the run ends,
// although they may have arrived: they are not retried after that.
func NewKafkaSink(client *kgo.Client, giveUp time.Duration) (*KafkaSink, error) {
	s := &KafkaSink{client: client, giveUp: giveUp, topics: map[string]*produce.Topic{}, failed: make(chan struct{})}
	s.linger, _ = client.OptValue(kgo.ProducerLinger).(time.Duration)
	largest, _ := client.OptValue(kgo.ProducerBatchMaxBytes).(int32)
	var err error
	s.sender, err = produce.New(client, produce.Options{
		BatchBytes: min(sinkBatch, int(largest)), Window: sinkWindow, Acknowledged: s.arrived, Failed: s.fail,
	})
	if err != nil {
		return nil, err
	}
	s.progress.Store(time.Now().UnixNano())
	s.watch = time.AfterFunc(time.Hour, s.check)
	s.watch.Reset(giveUp)
	return s, nil
}

// check gives up if there was no response for too long, otherwise it checks again later.
func (s *KafkaSink) check() {
	next := s.giveUp
	if s.written.Load() > s.acknowledged.Load() {
		next -= time.Duration(time.Now().UnixNano() - s.progress.Load())
	}
	if next <= 0 {
		s.fail(fmt.Errorf("producing to the brokers: nothing was acknowledged for %s", s.giveUp))
		s.sender.Close()
		return
	}
	s.watch.Reset(max(next, time.Millisecond))
}

// Close stops the sink.
func (s *KafkaSink) Close() {
	s.watch.Stop()
	s.closed.Store(true)
	s.sender.Close()
}

// Write encodes the records; it blocks while too many are in flight.
func (s *KafkaSink) Write(ctx context.Context, b *Batch) error {
	defer b.Release()
	if err := s.begin(ctx, b); err != nil {
		return err
	}
	if err := s.sender.Room(ctx); err != nil {
		return s.cause(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.written.Load() == s.acknowledged.Load() { // the first after a pause
		s.progress.Store(time.Now().UnixNano())
	}
	for i := range b.Records {
		r := &b.Records[i]
		topic, err := s.topic(ctx, r.Topic)
		if err != nil {
			return err
		}
		if n := topic.Partitions(); r.Partition < 0 || int(r.Partition) >= n {
			return fmt.Errorf("producing to %s: the record's partition is %d, but the topic has %d partitions", r.Topic, r.Partition, n)
		}
		s.headers = recordbatch.AppendHeaders(s.headers[:0], r.Headers)
		s.written.Add(1)
		s.writtenBytes.Add(int64(r.Bytes()))
		topic.Append(r.Partition, r.At, r.Key, r.Value, s.headers)
	}
	if !s.lingers {
		s.lingers = true
		time.AfterFunc(s.linger, s.push)
	}
	return nil
}

// begin fetches a producer id before the first batch, unless idempotence is disabled.
func (s *KafkaSink) begin(ctx context.Context, b *Batch) error {
	if s.ready {
		return nil
	}
	id := recordbatch.Producer{ID: -1, Epoch: -1}
	if off, _ := s.client.OptValue(kgo.DisableIdempotentWrite).(bool); !off {
		var err error
		if id, err = produce.Identify(ctx, s.client, "", 0); err != nil {
			if len(b.Records) > 0 {
				err = acl.Check(err, acl.Write, acl.Topic(b.Records[0].Topic))
			}
			return fmt.Errorf("producing to the brokers: %w", err)
		}
	}
	s.sender.Reset(id)
	s.ready = true
	return nil
}

// topic returns the sender's topic. The lock is held.
func (s *KafkaSink) topic(ctx context.Context, name string) (*produce.Topic, error) {
	if t := s.topics[name]; t != nil {
		return t, nil
	}
	t, err := s.sender.Topic(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("producing to %s: %w", name, err)
	}
	s.topics[name] = t
	return t, nil
}

// push sends lingering batches.
func (s *KafkaSink) push() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lingers = s.sender.Push() && !s.closed.Load(); s.lingers {
		time.AfterFunc(s.linger, s.push)
	}
}

// arrived counts acknowledged records.
func (s *KafkaSink) arrived(records int) {
	s.acknowledged.Add(int64(records))
	s.progress.Store(time.Now().UnixNano())
}

func (s *KafkaSink) fail(err error) {
	s.once.Do(func() {
		s.err = err
		close(s.failed)
	})
}

// cause returns the error that the sink failed with, if it has, otherwise err.
func (s *KafkaSink) cause(err error) error {
	select {
	case <-s.failed:
		return s.err
	default:
		return err
	}
}

// Flush waits for all acknowledgements.
func (s *KafkaSink) Flush(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.sender.Flush(ctx); err != nil {
		s.fail(fmt.Errorf("producing to the brokers: not acknowledged in time: %w", err))
	}
	return s.cause(nil)
}

// Counts returns the counts so far. Once the sink has failed, unacknowledged records
// count as failed.
func (s *KafkaSink) Counts() Counts {
	c := Counts{Acknowledged: s.acknowledged.Load()}
	written := s.written.Load()
	c.Bytes = s.writtenBytes.Load()
	if written > c.Acknowledged { // any of them may be missing, so each counts the same
		c.Bytes = int64(float64(c.Bytes) * float64(c.Acknowledged) / float64(written))
	}
	if s.cause(nil) != nil {
		c.Failed = written - c.Acknowledged
	}
	return c
}

// Failed is closed when a record could not be delivered.
func (s *KafkaSink) Failed() <-chan struct{} { return s.failed }
