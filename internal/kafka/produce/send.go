// Package produce brings record batches to the leaders of their partitions, in
// order and once, for a program that makes more records than a client library's
// record type can carry.
//
// The caller's goroutine encodes records into a partition's batch
// ([Topic.Append] keeps none of them); others compress and send it. One batch of a
// partition is in flight at a time. A batch without a response, or with a retriable
// error, is sent again byte for byte, so that the broker recognizes it by its
// sequence number. Producer ids, epochs and transactions are the caller's, see
// package txn.
package produce

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafka/recordbatch"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Sizes, before compression.
const (
	batchBytes   = 256 << 10 // of a batch, if the topic takes as much
	requestBytes = 4 << 20   // of a request, give or take a batch
	maxInFlight  = 2         // requests to one broker
)

// Options are what a [Sender] must know.
type Options struct {
	// BatchBytes is the largest batch before compression, 0 for 256 KiB. A record
	// that is larger goes alone.
	BatchBytes int
	// Window is how many bytes may wait for their acknowledgement before
	// [Sender.Room] blocks, 0 for any number.
	Window int
	// Acknowledged is called with the number of records that were acknowledged, and
	// Failed at most once, with the first fatal error. Both may be nil; the sender
	// waits for them.
	Acknowledged func(records int)
	Failed       func(error)
	// TransactionalID is the producer's, "" for one without transactions.
	TransactionalID string
	// MaxBatch is the largest batch of a topic, in bytes; nil leaves it to the sender.
	MaxBatch func(topic string) int
	// Before, if not nil, is called with the partitions of each request before it is
	// sent. Its errors are handled as those of the request.
	Before func(ctx context.Context, to []Partition) error
	// Hooks are the client's. Those for produced batches are called, too.
	Hooks []kgo.Hook
}

// Partition is a partition of a topic.
type Partition struct {
	Topic     string
	Partition int32
}

// Sender sends batches. One goroutine appends records and closes batches; the
// sender's own do the rest.
type Sender struct {
	client     *kgo.Client
	opts       Options
	compressor kgo.Compressor
	hooks      []kgo.HookProduceBatchWritten
	ctx        context.Context // of requests
	cancel     context.CancelFunc
	requests   sync.WaitGroup

	unacknowledged bool // brokers don't answer

	open []*partition // with a batch that is being filled; the appender's

	mu         sync.Mutex
	producer   recordbatch.Producer
	topics     map[string]*Topic
	ready      []*partition // with a batch to send and none under way
	inFlight   map[int32]int
	unanswered int           // batches that were closed
	idle       chan struct{} // closed when unanswered is 0 or err is set
	waiting    int           // bytes of them
	roomy      chan struct{} // closed when waiting is below the window, nil without a waiter
	err        error         // the first fatal one
	spare      [][]byte      // buffers to use again
	spareBytes int
	wires      [][]byte // the same for sealed batches
	scratch    []*bytes.Buffer
}

// New makes a sender on a client, with the client's compression. [Sender.Reset] has
// to set the producer id before anything is sent.
func New(client *kgo.Client, opts Options) (*Sender, error) {
	s := &Sender{client: client, opts: opts, topics: map[string]*Topic{}, inFlight: map[int32]int{}, idle: make(chan struct{})}
	close(s.idle)
	switch acks, _ := client.OptValue(kgo.RequiredAcks).(kgo.Acks); {
	case acks == kgo.NoAck():
		s.unacknowledged = true
		fallthrough
	case acks == kgo.LeaderAck():
		if opts.TransactionalID != "" {
			return nil, errors.New("what a transaction writes must be acknowledged by all replicas; leave out the property acks, or set it to all")
		}
	}
	codecs, _ := client.OptValue(kgo.ProducerBatchCompression).([]kgo.CompressionCodec)
	var err error
	if s.compressor, err = kgo.DefaultCompressor(codecs...); err != nil {
		return nil, fmt.Errorf("choosing the compression: %w", err)
	}
	for _, h := range opts.Hooks {
		if h, ok := h.(kgo.HookProduceBatchWritten); ok {
			s.hooks = append(s.hooks, h)
		}
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// Close gives up what is in flight.
func (s *Sender) Close() {
	s.cancel()
	s.requests.Wait()
}

// Reset begins with a new producer id or epoch: sequence numbers start from 0.
// Nothing may be in flight.
func (s *Sender) Reset(p recordbatch.Producer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.producer = p
	for _, t := range s.topics {
		for _, part := range t.partitions {
			part.sequence = 0
		}
	}
}

// Become has what is sent from now on carry another producer's id and epoch, and the
// Options TransactionalID and Before that belong to them. Nothing may be in flight, and
// sequence numbers start from 0: the producer has sent nothing with that epoch.
func (s *Sender) Become(p recordbatch.Producer, transactionalID string, before func(context.Context, []Partition) error) {
	s.Reset(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opts.TransactionalID, s.opts.Before = transactionalID, before
}

// Topic returns a topic, which must exist, to append records to. Its number of
// partitions is at most some minutes old.
func (s *Sender) Topic(ctx context.Context, name string) (*Topic, error) {
	s.mu.Lock()
	t := s.topics[name]
	s.mu.Unlock()
	if t != nil && time.Since(t.asked) < askAgain {
		return t, nil
	}
	return s.fetchTopic(ctx, name)
}

// TopicWith is Topic for a partition that may be new: unless it is known, the cluster
// is asked again until it shows it.
func (s *Sender) TopicWith(ctx context.Context, name string, partition int32) (*Topic, error) {
	t, err := s.Topic(ctx, name)
	for err == nil && int(partition) >= t.Partitions() {
		if err = kafka.Pause(ctx, later); err == nil {
			t, err = s.fetchTopic(ctx, name)
		}
	}
	return t, err
}

// Topic is one topic that is written to.
type Topic struct {
	sender     *Sender
	name       string
	id         [16]byte
	limit      int // bytes of a batch
	asked      time.Time
	partitions []*partition
}

// Partitions returns how many there are, at least 1.
func (t *Topic) Partitions() int { return len(t.partitions) }

// partition is one partition and its batches.
type partition struct {
	topic  *Topic
	number int32
	batch  *batch // that is being filled, nil if there is none; the appender's
	size   int    // bytes of a full one of late, the appender's
	open   bool   // it is one of the sender's open ones, the appender's

	// The sender's lock guards the rest.
	leader   int32
	sequence int32
	queue    []*batch // closed, in order
	sending  *batch   // the one before them: in flight, or waiting for a retry
}

// batch is one batch on its way.
type batch struct {
	partition *partition
	builder   recordbatch.Builder
	sequence  int32
	wire      []byte // as it is sent, nil before it was
	count     int
	raw       int       // bytes of records
	last      error     // of its last try
	refused   int       // tries that failed, except those during another transaction's end
	unknown   time.Time // of the first response that did not know the topic
}

// Append adds a record to a partition's batch. Its time is in epoch ms; a nil key
// or value is null; headers are as package recordbatch encodes them. All are
// copied. The partition must exist.
func (t *Topic) Append(to int32, ms int64, key, value, headers []byte) {
	p := t.partitions[to]
	room := recordbatch.Room(key, value, headers)
	if p.batch != nil && p.batch.builder.Size()+room > t.limit {
		p.close()
		t.sender.mu.Lock()
		t.sender.dispatch()
		t.sender.mu.Unlock()
	}
	if p.batch == nil {
		p.batch = &batch{partition: p}
		p.batch.builder.Reset(t.sender.buffer(max(room, min(p.size+p.size/8, t.limit))))
		if !p.open {
			p.open = true
			t.sender.open = append(t.sender.open, p)
		}
	}
	p.batch.builder.Append(ms, key, value, headers)
}

// close hands the open batch over.
func (p *partition) close() {
	s, b := p.topic.sender, p.batch
	p.batch = nil
	b.count, b.raw = b.builder.Count(), b.builder.Size()
	p.size = max(b.raw, p.size-p.size/8) // the last of a transaction may be small
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return // nothing is sent any more
	}
	if s.unanswered == 0 {
		s.idle = make(chan struct{})
	}
	s.unanswered++
	s.waiting += b.raw
	if p.queue = append(p.queue, b); len(p.queue) == 1 && p.sending == nil {
		s.ready = append(s.ready, p)
	}
}

// Push sends what was appended, except to partitions with a batch in flight: theirs
// can grow meanwhile. It reports whether it has left any.
func (s *Sender) Push() (left bool) {
	open := s.open[:0]
	for _, p := range s.open {
		s.mu.Lock()
		busy := p.sending != nil || len(p.queue) > 0
		s.mu.Unlock()
		switch {
		case p.batch != nil && busy:
			open = append(open, p)
			continue
		case p.batch != nil:
			p.close()
		}
		p.open = false
	}
	s.open = open
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dispatch()
	return len(open) > 0
}

// Room waits until fewer bytes wait for their acknowledgement than the window has.
func (s *Sender) Room(ctx context.Context) error {
	for {
		s.mu.Lock()
		if s.err != nil || s.opts.Window == 0 || s.waiting < s.opts.Window {
			defer s.mu.Unlock()
			return s.err
		}
		if s.roomy == nil {
			s.roomy = make(chan struct{})
		}
		roomy := s.roomy
		s.mu.Unlock()
		select {
		case <-roomy:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Flush sends all that was appended and waits until it is acknowledged. The error is
// the first fatal one; nothing is sent after it.
func (s *Sender) Flush(ctx context.Context) error {
	for _, p := range s.open {
		if p.open = false; p.batch != nil {
			p.close()
		}
	}
	s.open = s.open[:0]
	s.mu.Lock()
	s.dispatch()
	s.mu.Unlock()
	return s.wait(ctx)
}

// Discard drops what was appended and not sent yet, and waits for the responses to
// what is in flight.
func (s *Sender) Discard(ctx context.Context) error {
	s.mu.Lock()
	for _, p := range s.open {
		if p.open = false; p.batch != nil {
			s.keep(p.batch.builder.Buffer())
			p.batch = nil
		}
	}
	s.open = s.open[:0]
	for _, t := range s.topics {
		for _, p := range t.partitions {
			s.answered(len(p.queue))
			for _, b := range p.queue {
				s.makeRoom(b.raw)
			}
			p.queue = nil
		}
	}
	s.ready = slices.DeleteFunc(s.ready, func(p *partition) bool { return p.sending == nil })
	s.mu.Unlock()
	return s.wait(ctx)
}

func (s *Sender) wait(ctx context.Context) error {
	s.mu.Lock()
	idle := s.idle
	s.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
		return s.late(ctx.Err())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// late returns err with what was waited for.
func (s *Sender) late(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.topics {
		for _, p := range t.partitions {
			if p.sending != nil && p.sending.last != nil {
				return fmt.Errorf("%s/%d has not acknowledged %d records: %w (%v)", t.name, p.number, p.sending.count, err, p.sending.last)
			}
		}
	}
	return fmt.Errorf("the brokers have not acknowledged all records: %w", err)
}

// answered notes that n batches are done or dropped; the lock is held.
func (s *Sender) answered(n int) {
	if n == 0 || s.err != nil {
		return
	}
	if s.unanswered -= n; s.unanswered == 0 {
		close(s.idle)
	}
}

// fail ends all sending; the lock is held.
func (s *Sender) fail(err error) {
	if s.err != nil {
		return
	}
	s.err = err
	s.ready = nil
	if s.unanswered > 0 {
		close(s.idle)
	}
	s.makeRoom(0)
	if s.opts.Failed != nil {
		s.opts.Failed(err)
	}
}

// makeRoom notes that bytes are acknowledged or dropped; the lock is held.
func (s *Sender) makeRoom(bytes int) {
	s.waiting -= bytes
	if s.roomy != nil && (s.err != nil || s.waiting < s.opts.Window) {
		close(s.roomy)
		s.roomy = nil
	}
}

// errClosed is for requests that Close has ended.
var errClosed = errors.New("the sender was closed")
