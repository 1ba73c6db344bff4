package producer

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// KafkaOptions are what a client needs for [NewKafkaSink]: the records say their
// partition, acknowledgements come from all replicas, and retries make no
// duplicates (idempotent is franz-go's default). Its own delivery timeout counts
// from a record's timestamp, which here may be of any year, so the sink has one.
func KafkaOptions(faults ...Fault) []kgo.Opt {
	opts := []kgo.Opt{
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.AllowIdempotentProduceCancellation(),
		// The sink bounds what is on its way itself, so that it can be stopped.
		kgo.MaxBufferedRecords(2 * maxBatches * batchSize),
	}
	for _, f := range faults {
		if f.kind == oversize {
			// Larger than brokers take; compressed, the padding is small.
			opts = append(opts, kgo.ProducerBatchMaxBytes(2*maxOversize), kgo.BrokerMaxWriteBytes(4*maxOversize),
				kgo.ProducerBatchCompression(kgo.ZstdCompression(), kgo.NoCompression()))
		}
	}
	return opts
}

// Header is one header of a record. It is the client's own type, so that the
// sink hands a record's headers on as they are.
type Header = kgo.RecordHeader

// KafkaSink sends records to Kafka. A record counts when all in-sync replicas
// have it.
type KafkaSink struct {
	client   *kgo.Client
	counts   struct{ acknowledged, failed, bytes atomic.Int64 }
	once     sync.Once
	failed   chan struct{}
	err      error
	inFlight sync.WaitGroup
	slots    chan struct{} // as many as batches may be on their way

	giveUp   time.Duration
	progress atomic.Int64 // the time of the last answer, unix ns
	watch    *time.Timer
	send     context.Context // of the records; its end gives them up
	stop     context.CancelFunc
	ended    context.Context // a context that is over, see hurry
}

// NewKafkaSink sends with this client, which must have [KafkaOptions]. If nothing
// is acknowledged for giveUp while records are on their way, they count as failed
// and the run ends, also if they may have arrived without an answer: nothing is
// sent again after that.
func NewKafkaSink(client *kgo.Client, giveUp time.Duration) *KafkaSink {
	s := &KafkaSink{client: client, giveUp: giveUp, failed: make(chan struct{}), slots: make(chan struct{}, maxBatches)}
	s.send, s.stop = context.WithCancel(context.Background())
	ended, end := context.WithCancel(context.Background())
	end()
	s.ended = ended
	s.progress.Store(time.Now().UnixNano())
	s.watch = time.AfterFunc(time.Hour, s.check)
	s.watch.Reset(giveUp)
	return s
}

// check gives up if no answer has come for too long, and else looks again.
func (s *KafkaSink) check() {
	idle := time.Duration(time.Now().UnixNano() - s.progress.Load())
	if len(s.slots) > 0 && idle >= s.giveUp {
		s.fail(fmt.Errorf("nothing was acknowledged for %s", s.giveUp), "the brokers")
		s.stop()
		s.client.AbortBufferedRecords(context.Background())
		return
	}
	next := s.giveUp - idle
	if len(s.slots) == 0 {
		next = s.giveUp
	}
	s.watch.Reset(max(next, time.Millisecond))
}

// Close ends the sink's watch over its records.
func (s *KafkaSink) Close() {
	s.watch.Stop()
	s.stop()
}

// sent is a batch on its way: the client's records for ours, kept with the batch.
type sent struct {
	batch   *Batch
	sink    *KafkaSink
	records []kgo.Record
	left    atomic.Int64
	failed  atomic.Int64
	lost    atomic.Int64 // bytes of the failed
	promise func(*kgo.Record, error)
}

// Write hands the records to the client; it blocks while too many are on their way.
func (s *KafkaSink) Write(ctx context.Context, b *Batch) error {
	if err := s.claim(ctx); err != nil {
		b.Release()
		return err
	}
	if len(s.slots) == 1 { // the first after a pause
		s.progress.Store(time.Now().UnixNano())
	}
	on, _ := b.Data.(*sent)
	if on == nil {
		on = &sent{batch: b, records: make([]kgo.Record, cap(b.slots))}
		on.promise = on.done
		b.Data = on
	}
	on.sink = s
	on.left.Store(int64(len(b.Records)))
	s.inFlight.Add(1)
	for i := range b.Records {
		r, to := &b.Records[i], &on.records[i]
		// The client sets the other fields before it answers.
		to.Topic, to.Partition, to.Key, to.Value = r.Topic, r.Partition, r.Key, r.Value
		to.Headers, to.Timestamp, to.Context = r.Headers, time.UnixMilli(r.At), nil
		s.client.Produce(s.send, to, on.promise)
	}
	return nil
}

// claim waits until one more batch may be on its way.
func (s *KafkaSink) claim(ctx context.Context) error {
	select {
	case s.slots <- struct{}{}:
		return nil
	default:
		s.hurry()
	}
	select {
	case s.slots <- struct{}{}:
		return nil
	case <-s.failed:
		return s.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// hurry has the client send what lingers: there is no room for the records that
// it waits for. A flush begins with that, and this one does not wait for its end.
// The client's own bound on records would do the same, but a goroutine waits for
// each record above it, and it can't be left when ctx ends.
func (s *KafkaSink) hurry() {
	// The error is that of a context that is over.
	_ = s.client.Flush(s.ended)
}

// done is the client's answer for one record. What is counted is counted once a
// batch: one record's share of the time is some tens of nanoseconds.
func (on *sent) done(r *kgo.Record, err error) {
	if err != nil {
		on.failed.Add(1)
		lost := Record{Key: r.Key, Value: r.Value, Headers: r.Headers}
		on.lost.Add(int64(lost.Bytes()))
		on.sink.fail(err, r.Topic)
	}
	if on.left.Add(-1) == 0 {
		on.finish(err)
	}
}

// finish counts a batch whose last record has been answered and gives it back.
func (on *sent) finish(err error) {
	s, failed := on.sink, on.failed.Swap(0)
	s.counts.failed.Add(failed)
	s.counts.acknowledged.Add(int64(len(on.batch.Records)) - failed)
	s.counts.bytes.Add(on.batch.Bytes() - on.lost.Swap(0))
	if err == nil {
		s.progress.Store(time.Now().UnixNano())
	}
	on.batch.Release()
	<-s.slots
	s.inFlight.Done()
}

func (s *KafkaSink) fail(err error, topic string) {
	s.once.Do(func() {
		s.err = fmt.Errorf("producing to %s: %w", topic, err)
		close(s.failed)
	})
}

// Flush waits for all acknowledgements.
func (s *KafkaSink) Flush(ctx context.Context) error {
	if err := s.client.Flush(ctx); err != nil {
		// Nobody waits for the rest any more: it counts as failed.
		s.client.AbortBufferedRecords(context.WithoutCancel(ctx))
		s.fail(fmt.Errorf("not acknowledged in time: %w", err), "the brokers")
	}
	s.inFlight.Wait()
	select {
	case <-s.failed:
		return s.err
	default:
		return nil
	}
}

// Counts says what has been acknowledged.
func (s *KafkaSink) Counts() Counts {
	return Counts{s.counts.acknowledged.Load(), s.counts.failed.Load(), s.counts.bytes.Load()}
}

// Failed is closed when a record could not be delivered.
func (s *KafkaSink) Failed() <-chan struct{} { return s.failed }
