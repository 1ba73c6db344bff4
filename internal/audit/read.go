package audit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Fetches are kept small and one ahead of what is being looked at, so that
// memory does not depend on the number of partitions.
const (
	fetchBytes          = 4 << 20 // of one request
	fetchPartitionBytes = 1 << 20
	fetchRetries        = 20
	fetchRetryPause     = 250 * time.Millisecond
)

// reader reads parts of partitions by fetch requests of its own. A consumer
// would not do: it says nothing of offsets that hold no record, so it can't tell
// the end of a partition whose last offsets are control records from one that
// has more to come.
type reader struct {
	client      *kgo.Client
	progress    func(read, total int64)
	read_, size int64
}

// span is the part of a partition from an offset up to another.
type span struct {
	topic     string
	id        kadm.TopicID
	partition int32
	leader    int32
	from, to  int64
}

// expect sums up how many offsets are to be read, for the progress.
func (r *reader) expect(s *snapshot) {
	for _, spans := range s.spans {
		for _, p := range spans {
			r.size += p.to - p.from
		}
	}
}

// read hands every data record of the topics to take, each partition's in order.
func (r *reader) read(ctx context.Context, s *snapshot, topics []string, take func(*kgo.Record)) error {
	var spans []*span
	for _, t := range topics {
		for _, p := range s.spans[t] {
			if p.from < p.to {
				spans = append(spans, &p)
			}
		}
	}
	if len(spans) == 0 {
		return nil
	}
	return r.scan(ctx, spans, func(rec *kgo.Record) bool { take(rec); return true })
}

// batch is what one response had of one partition.
type batch struct {
	partition kgo.FetchPartition
	advanced  int64 // offsets, records or not
}

// scan reads the spans until they are done or take returns false. It moves
// their from along.
func (r *reader) scan(ctx context.Context, spans []*span, take func(*kgo.Record) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	batches := make(chan []batch, 1)
	failed := make(chan error, 1)
	var fetching sync.WaitGroup
	fetching.Go(func() {
		defer close(batches)
		failed <- r.fetch(ctx, spans, batches)
	})
	defer fetching.Wait()
	defer cancel()
	for fetched := range batches {
		for _, b := range fetched {
			for _, rec := range b.partition.Records {
				if !take(rec) {
					return nil
				}
				rec.Recycle()
			}
			if r.read_ += b.advanced; r.progress != nil {
				r.progress(r.read_, r.size)
			}
		}
	}
	return <-failed
}

// fetch sends what the spans hold, a response at a time, until they are done.
func (r *reader) fetch(ctx context.Context, spans []*span, out chan<- []batch) error {
	pools := []kgo.Pool{&recordPool{}}
	decompressor := kgo.DefaultDecompressor()
	retries := 0
	for {
		requests := requestsFor(spans)
		if len(requests) == 0 {
			return nil
		}
		for leader, request := range requests {
			batches, err := r.fetchOnce(ctx, leader, request, spans, decompressor, pools)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err == nil {
				retries = 0
			} else if retries++; retries > fetchRetries || !retriable(err) {
				return err
			} else if err := r.relocate(ctx, spans); err != nil {
				return err
			}
			if len(batches) == 0 {
				continue
			}
			select {
			case out <- batches:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
}

// requestsFor asks each leader for the spans that are not done.
func requestsFor(spans []*span) map[int32]*kmsg.FetchRequest {
	requests := map[int32]*kmsg.FetchRequest{}
	for _, s := range spans {
		if s.from >= s.to {
			continue
		}
		request := requests[s.leader]
		if request == nil {
			request = kmsg.NewPtrFetchRequest()
			request.IsolationLevel = 1 // read_committed
			request.MaxBytes = fetchBytes
			request.MaxWaitMillis = 500
			request.MinBytes = 1
			requests[s.leader] = request
		}
		n := len(request.Topics)
		if n == 0 || request.Topics[n-1].Topic != s.topic {
			t := kmsg.NewFetchRequestTopic()
			t.Topic, t.TopicID = s.topic, s.id
			request.Topics = append(request.Topics, t)
			n++
		}
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.FetchOffset, p.PartitionMaxBytes = s.partition, s.from, fetchPartitionBytes
		request.Topics[n-1].Partitions = append(request.Topics[n-1].Partitions, p)
	}
	for _, request := range requests {
		rotate(request)
	}
	return requests
}

// rotate asks for another partition first each time: a broker fills a response
// in the order of the request, so the last ones would starve.
func rotate(request *kmsg.FetchRequest) {
	for i := range request.Topics {
		p := request.Topics[i].Partitions
		lowest := 0
		for j := range p {
			if p[j].FetchOffset < p[lowest].FetchOffset {
				lowest = j
			}
		}
		request.Topics[i].Partitions = append(p[lowest:len(p):len(p)], p[:lowest]...)
	}
}

func (r *reader) fetchOnce(ctx context.Context, leader int32, request *kmsg.FetchRequest, spans []*span,
	decompressor kgo.Decompressor, pools []kgo.Pool) (batches []batch, err error) {
	response, err := request.RequestWith(ctx, r.client.Broker(int(leader)))
	if err != nil {
		return nil, fmt.Errorf("fetching from broker %d: %w", leader, err)
	}
	if err := kerr.ErrorForCode(response.ErrorCode); err != nil {
		return nil, fmt.Errorf("fetching from broker %d: %w", leader, err)
	}
	empty := true
	for i := range response.Topics {
		for _, p := range response.Topics[i].Partitions {
			empty = empty && len(p.RecordBatches) == 0 && p.ErrorCode == 0
		}
	}
	for i := range response.Topics {
		t := &response.Topics[i]
		for j := range t.Partitions {
			s := find(spans, t, t.Partitions[j].Partition)
			if s == nil {
				continue
			}
			processed, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
				Offset: s.from, IsolationLevel: kgo.ReadCommitted(), Topic: s.topic, Partition: s.partition, Pools: pools,
			}, &t.Partitions[j], decompressor, nil)
			if processed.Err != nil {
				err = fmt.Errorf("fetching %s partition %d at offset %d: %w", s.topic, s.partition, s.from, processed.Err)
				continue
			}
			for n := len(processed.Records); n > 0 && processed.Records[n-1].Offset >= s.to; n-- {
				processed.Records = processed.Records[:n-1]
			}
			if empty && processed.LastStableOffset >= s.to {
				next = s.to // what compaction left has no batch up to the end
			}
			next = min(next, s.to)
			if next > s.from {
				batches = append(batches, batch{processed, next - s.from})
				s.from = next
			}
		}
	}
	return batches, err
}

func find(spans []*span, t *kmsg.FetchResponseTopic, partition int32) *span {
	for _, s := range spans {
		if s.partition == partition && (t.Topic == s.topic || t.Topic == "" && t.TopicID == s.id) {
			return s
		}
	}
	return nil
}

func retriable(err error) bool {
	return kerr.IsRetriable(err) || !errors.As(err, new(*kerr.Error))
}

// relocate waits a little and looks the partitions' leaders up again.
func (r *reader) relocate(ctx context.Context, spans []*span) error {
	select {
	case <-time.After(fetchRetryPause):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	var topics []string
	for _, s := range spans {
		topics = append(topics, s.topic)
	}
	details, err := kadm.NewClient(r.client).ListTopics(ctx, topics...)
	if err != nil {
		return fmt.Errorf("looking up leaders: %w", err)
	}
	for _, s := range spans {
		if p, ok := details[s.topic].Partitions[s.partition]; ok && p.Leader >= 0 {
			s.leader = p.Leader
		}
	}
	return nil
}

// recordPool reuses the slices that records are decoded into: all records of a
// batch are recycled before the batch after the next one is fetched.
type recordPool struct {
	mu   sync.Mutex
	free [][]kgo.Record
}

// GetRecords implements kgo.PoolRecords.
func (p *recordPool) GetRecords(n int) []kgo.Record {
	p.mu.Lock()
	defer p.mu.Unlock()
	if last := len(p.free) - 1; last >= 0 {
		s := p.free[last]
		p.free = p.free[:last]
		if cap(s) >= n {
			return s[:0]
		}
	}
	return make([]kgo.Record, 0, n)
}

// PutRecords implements kgo.PoolRecords.
func (p *recordPool) PutRecords(s []kgo.Record) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) < 64 {
		p.free = append(p.free, s)
	}
}
