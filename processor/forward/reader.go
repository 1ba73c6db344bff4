package forward

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafka/acl"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// reader polls the client, and prepares what was fetched. Rebalances wait while main takes
// it, so that nothing is taken of a partition that is another member's.
type reader struct {
	loop      *loop
	batches   chan *batch
	taken     chan struct{}
	connected chan struct{} // the client is set
	ctx       context.Context
	stop      context.CancelFunc
	prepare   preparer

	mu     sync.Mutex
	epochs map[fetch.ID]int
	seeks  map[fetch.ID]seek
	wake   context.CancelFunc // ends the poll in progress
	closed chan struct{}      // nil, or nothing is polled until it is closed
}

type seek struct {
	offset int64
	epoch  int
	after  time.Time
}

func (l *loop) newReader(ctx context.Context) *reader {
	r := &reader{
		loop: l, batches: make(chan *batch), taken: make(chan struct{}), connected: make(chan struct{}),
		prepare: preparer{cfg: &l.cfg, topics: l.topics, laned: l.sender != nil, grouped: l.grouper != nil},
		epochs:  map[fetch.ID]int{}, seeks: map[fetch.ID]seek{},
	}
	r.ctx, r.stop = context.WithCancel(ctx)
	return r
}

// open lets the reader poll, or not. While it does not, rebalances go on.
func (r *reader) open(open bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case open && r.closed != nil:
		close(r.closed)
		r.closed = nil
	case !open && r.closed == nil:
		r.closed = make(chan struct{})
	}
}

// await waits until the reader may poll, or is stopped.
func (r *reader) await() {
	r.mu.Lock()
	closed := r.closed
	r.mu.Unlock()
	if closed != nil {
		select {
		case <-closed:
		case <-r.ctx.Done():
		}
	}
}

func (r *reader) setEpoch(id fetch.ID, epoch int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.epochs[id] = epoch
	delete(r.seeks, id)
}

// seek reads a partition from an offset on.
func (r *reader) seek(id fetch.ID, offset int64, epoch int, pause time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seeks[id] = seek{offset, epoch, time.Now().Add(pause)}
	if pause > 0 {
		r.loop.client.PauseFetchPartitions(map[string][]int32{id.Topic: {id.Partition}})
	}
	if r.wake != nil {
		r.wake()
	}
}

// apply seeks what is due; the rebalance is blocked. It returns how long others wait.
func (r *reader) apply() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	wait := time.Minute
	for id, s := range r.seeks {
		if left := time.Until(s.after); left > 0 {
			wait = min(wait, left)
			continue
		}
		delete(r.seeks, id)
		r.epochs[id] = s.epoch
		r.loop.client.ResumeFetchPartitions(map[string][]int32{id.Topic: {id.Partition}})
		r.loop.client.SetOffsets(map[string]map[int32]kgo.EpochOffset{id.Topic: {id.Partition: {Epoch: -1, Offset: s.offset}}})
	}
	return wait
}

func (r *reader) epochOf(id fetch.ID) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.epochs[id]
}

// poll runs until the reader is stopped.
func (r *reader) poll() {
	defer r.loop.client.AllowRebalance()
	for r.ctx.Err() == nil {
		r.await()
		fetches := r.fetch()
		if err := r.failure(fetches); err != nil {
			r.loop.post(func() { r.loop.fail(err) })
			return
		}
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			if len(p.Records) == 0 {
				return
			}
			id := fetch.ID{Topic: p.Topic, Partition: p.Partition}
			b := r.prepare.prepare(id, p.Records)
			b.epoch, b.end = r.epochOf(id), p.LastStableOffset
			select {
			case r.batches <- b:
				<-r.taken
			case <-r.ctx.Done():
			}
		})
		r.loop.client.AllowRebalance()
	}
}

// fetch applies what is to be sought and polls. A seek that comes from here on ends the
// poll, also one that just misses being applied: it would wait for a minute otherwise.
func (r *reader) fetch() kgo.Fetches {
	woken, wake := context.WithCancel(r.ctx)
	defer wake()
	r.mu.Lock()
	r.wake = wake
	r.mu.Unlock()
	ctx, cancel := context.WithTimeout(woken, r.apply())
	defer cancel()
	return r.loop.client.PollRecords(ctx, maxPoll)
}

// failure returns the error of fetches that ends the loop.
func (r *reader) failure(fetches kgo.Fetches) (failed error) {
	fetches.EachError(func(topic string, partition int32, err error) {
		var lost *kgo.ErrDataLoss
		switch {
		case failed != nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), r.ctx.Err() != nil:
		case errors.Is(err, kgo.ErrClientClosed):
		case errors.As(err, &lost), errors.Is(err, kerr.OffsetOutOfRange):
			r.loop.post(func() { r.loop.relocate(fetch.ID{Topic: topic, Partition: partition}) })
		case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.UnknownTopicID):
			failed = &RecreatedError{r.loop.group, topic}
		case topic == "" && errors.Is(err, kerr.GroupAuthorizationFailed):
			failed = fmt.Errorf("joining the group %s: %w", r.loop.group, acl.Check(err, acl.Read, acl.Group(r.loop.group)))
		case kafka.Outage(err):
			r.loop.cfg.Log.Debug("reading", "topic", topic, "partition", partition, "error", err)
		case topic == "":
			r.loop.cfg.Log.Warn("the group could not be joined, it is tried again", "because", err)
		default:
			failed = fmt.Errorf("reading %s/%d: %w", topic, partition, acl.Check(err, acl.Read, acl.Topic(topic)))
		}
	})
	return failed
}
