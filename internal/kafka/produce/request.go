package produce

import (
	"bytes"
	"math"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafka/acl"
	"inv/internal/kafka/recordbatch"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// byID is the first version of a produce request that names topics by their ids.
const byID = 13

// Times of requests.
const (
	acknowledgeWithin = 10 * time.Second       // how long the broker waits for its replicas
	soon              = 2 * time.Millisecond   // before the first retry, and while the previous transaction is completed
	later             = 100 * time.Millisecond // before any other, at most: each waits twice as long as the one before
	missingFor        = 5 * time.Second        // how long a broker may not know a topic, which may be new
)

// dispatch sends what can be sent; the lock is held.
func (s *Sender) dispatch() {
	for len(s.ready) > 0 && s.err == nil {
		waiting := s.ready[:0:0]
		var to int32
		var request []*batch
		bytes := 0
		for _, p := range s.ready {
			if len(request) == 0 {
				to = p.leader
			}
			if s.inFlight[p.leader] >= maxInFlight || p.leader != to || bytes > requestBytes {
				waiting = append(waiting, p)
				continue
			}
			b := s.nextBatch(p)
			bytes += b.raw
			request = append(request, b)
		}
		s.ready = waiting
		if len(request) == 0 {
			return
		}
		s.inFlight[to]++
		s.requests.Go(func() { s.request(to, request) })
	}
}

// nextBatch returns the batch that a partition sends next, perhaps again; the lock is
// held.
func (s *Sender) nextBatch(p *partition) *batch {
	if p.sending != nil {
		return p.sending
	}
	b := p.queue[0]
	p.queue[0] = nil
	p.queue = p.queue[1:]
	p.sending = b
	b.sequence = p.sequence
	p.sequence = after(p.sequence, b.count)
	return b
}

// after returns the sequence number n records later: 0 follows the largest.
func after(sequence int32, n int) int32 {
	return int32((int64(sequence) + int64(n)) % (math.MaxInt32 + 1))
}

// request sends batches to a leader. Nothing else touches them meanwhile.
func (s *Sender) request(leader int32, batches []*batch) {
	s.seal(batches)
	resp, err := s.produce(leader, batches)
	errs := s.errorsOf(batches, resp, err)

	s.mu.Lock()
	s.inFlight[leader]--
	r := retries{wait: soon}
	for i, b := range batches {
		if s.err == nil {
			s.conclude(b, errs[i], &r)
		}
	}
	s.dispatch()
	s.mu.Unlock()
	if len(r.partitions) > 0 {
		s.retry(r)
	}
}

// retries are the batches of one request that are sent again.
type retries struct {
	partitions []*partition
	wait       time.Duration
	refresh    bool // the leaders first
}

// conclude does what the outcome of a try asks for; the lock is held.
func (s *Sender) conclude(b *batch, err error, r *retries) {
	p := b.partition
	what := s.actionFor(err)
	if what == bounded {
		if b.unknown.IsZero() {
			b.unknown = time.Now()
		}
		if what = refresh; time.Since(b.unknown) > missingFor {
			what = fail
		}
	}
	switch what {
	case arrived:
		s.done(b)
		return
	case fail:
		err = acl.Check(err, acl.Write, acl.Topic(p.topic.name))
		s.fail(&BatchError{Topic: p.topic.name, Partition: p.number, Records: b.count, Bytes: len(b.wire), Err: err})
		return
	case refresh:
		r.refresh = true
		fallthrough
	case retry:
		b.refused++
		r.wait = max(r.wait, kafka.Doubled(soon, later, b.refused-1))
	}
	b.last = err
	r.partitions = append(r.partitions, p)
}

// seal compresses what was not sent before.
func (s *Sender) seal(batches []*batch) {
	s.mu.Lock()
	producer := s.producer
	var scratch *bytes.Buffer
	if last := len(s.scratch) - 1; last >= 0 {
		scratch, s.scratch = s.scratch[last], s.scratch[:last]
	} else {
		scratch = &bytes.Buffer{}
	}
	s.mu.Unlock()
	for _, b := range batches {
		if b.wire != nil {
			continue
		}
		s.mu.Lock()
		var wire []byte
		if last := len(s.wires) - 1; last >= 0 {
			wire, s.wires[last] = s.wires[last][:0], nil
			s.wires = s.wires[:last]
		}
		s.mu.Unlock()
		b.wire = b.builder.Seal(wire, producer, b.sequence, s.compressor, scratch)
		s.mu.Lock()
		s.keep(b.builder.Buffer())
		s.mu.Unlock()
		b.builder.Reset(nil)
	}
	s.mu.Lock()
	s.scratch = append(s.scratch, scratch)
	s.mu.Unlock()
}

// produce sends one produce request.
func (s *Sender) produce(leader int32, batches []*batch) (*kmsg.ProduceResponse, error) {
	if s.opts.Before != nil {
		partitions := make([]Partition, len(batches))
		for i, b := range batches {
			partitions[i] = Partition{b.partition.topic.name, b.partition.number}
		}
		if err := s.opts.Before(s.ctx, partitions); err != nil {
			return nil, err
		}
	}
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = -1, int32(acknowledgeWithin.Milliseconds())
	if s.opts.TransactionalID != "" {
		req.TransactionID = &s.opts.TransactionalID
	}
	at := map[*Topic]int{}
	for _, b := range batches {
		topic := b.partition.topic
		i, ok := at[topic]
		if !ok {
			i = len(req.Topics)
			at[topic] = i
			t := kmsg.NewProduceRequestTopic()
			t.Topic, t.TopicID = topic.name, topic.id
			req.Topics = append(req.Topics, t)
		}
		part := kmsg.NewProduceRequestTopicPartition()
		part.Partition, part.Records = b.partition.number, b.wire
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, part)
	}
	resp, err := s.client.Broker(int(leader)).Request(s.ctx, req)
	if err != nil {
		return nil, err
	}
	return resp.(*kmsg.ProduceResponse), nil
}

// errorsOf returns a response's error for each batch.
func (s *Sender) errorsOf(batches []*batch, resp *kmsg.ProduceResponse, err error) []error {
	errs := make([]error, len(batches))
	for i, b := range batches {
		if errs[i] = err; err != nil || s.unacknowledged {
			continue
		}
		errs[i] = errUnanswered
		topic := b.partition.topic
		for _, t := range resp.Topics {
			if resp.Version >= byID && t.TopicID != topic.id || resp.Version < byID && t.Topic != topic.name {
				continue
			}
			for _, part := range t.Partitions {
				if part.Partition == b.partition.number {
					errs[i] = refusalOf(&part)
				}
			}
		}
	}
	return errs
}

// done completes a batch that was acknowledged; the lock is held.
func (s *Sender) done(b *batch) {
	p := b.partition
	p.sending = nil
	if len(p.queue) > 0 {
		s.ready = append(s.ready, p)
	}
	for _, h := range s.hooks {
		h.OnProduceBatchWritten(kgo.BrokerMetadata{NodeID: p.leader}, p.topic.name, p.number, kgo.ProduceBatchMetrics{
			NumRecords: b.count, UncompressedBytes: b.raw, CompressedBytes: len(b.wire) - recordbatch.Overhead,
			CompressionType: recordbatch.Codec(b.wire),
		})
	}
	if len(s.wires) < keepWires && cap(b.wire) <= batchBytes {
		s.wires = append(s.wires, b.wire)
	}
	b.wire = nil
	if s.opts.Acknowledged != nil {
		s.opts.Acknowledged(b.count)
	}
	s.makeRoom(b.raw)
	s.answered(1)
}

// retry sends batches again, after a pause, to their leaders at that time.
func (s *Sender) retry(r retries) {
	t := time.NewTimer(r.wait)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.ctx.Done():
	}
	if s.ctx.Err() == nil && r.refresh {
		s.refreshLeaders(s.ctx, r.partitions)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		s.fail(errClosed)
	}
	if s.err != nil {
		return
	}
	s.ready = append(s.ready, r.partitions...)
	s.dispatch()
}
