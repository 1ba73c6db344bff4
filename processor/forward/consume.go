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

// Times of the group, as those of the processor's.
const (
	sessionTimeout    = 10 * time.Second
	heartbeatInterval = 2 * time.Second
	rebalanceTimeout  = 30 * time.Second
	fetchWait         = 500 * time.Millisecond
)

// Sizes of what is read at once. They are of compressed batches, which are several times as
// large in memory, and the client reads ahead.
const (
	fetchPartitionBytes = 256 << 10
	fetchBytes          = 1 << 20
	maxPoll             = 5_000
)

// connect makes the client and lets it join the group.
func (l *loop) connect() error {
	var names []string
	for name := range l.topics {
		names = append(names, name)
	}
	opts := []kgo.Opt{
		kgo.ClientID(l.group + "-" + l.cfg.Instance),
		kgo.ConsumerGroup(l.group),
		kgo.ConsumeTopics(names...),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// Markers are passed over, and committed, so that the watermark reaches the end.
		kgo.KeepControlRecords(),
		kgo.FetchMaxPartitionBytes(fetchPartitionBytes),
		kgo.FetchMaxBytes(fetchBytes),
		kgo.FetchMaxWait(fetchWait),
		kgo.DisableClientMetrics(),
		kgo.BlockRebalanceOnPoll(),
		kgo.DisableAutoCommit(),
		kgo.SessionTimeout(sessionTimeout),
		kgo.HeartbeatInterval(heartbeatInterval),
		kgo.RebalanceTimeout(rebalanceTimeout),
		kgo.OnPartitionsRevoked(l.onRevoked),
		kgo.OnPartitionsLost(l.onLost),
		kgo.AdjustFetchOffsetsFn(l.onAssigned),
		kgo.WithHooks(l.cfg.Hooks...),
	}
	if l.grouper != nil {
		opts = append(opts, kgo.Balancers(allToOne{}))
	}
	var err error
	l.client, err = kafka.New(l.cfg.Kafka, opts...)
	return err
}

// onAssigned is called with the committed offsets of new partitions, and before their
// first fetch. It opens those of a Store, and returns where to begin.
func (l *loop) onAssigned(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	<-l.reader.connected
	var positions map[fetch.ID]position
	for {
		var err error
		positions, err = l.committed(ctx, l.client)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var recreated *RecreatedError
		if errors.As(err, &recreated) {
			l.post(func() { l.fail(err) })
			return nil, err
		}
		l.cfg.Log.Debug("asking for the group's offsets", "error", err)
		if err := kafka.Pause(ctx, outagePause); err != nil {
			return nil, err
		}
	}
	var mu sync.Mutex
	var wait sync.WaitGroup
	var failed error
	adjusted := map[string]map[int32]kgo.Offset{}
	for topic, partitions := range offsets {
		adjusted[topic] = map[int32]kgo.Offset{}
		for p := range partitions {
			wait.Go(func() {
				at, err := l.assign(ctx, fetch.ID{Topic: topic, Partition: p}, positions)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					failed = err
					return
				}
				adjusted[topic][p] = kgo.NewOffset().At(at)
			})
		}
	}
	wait.Wait()
	if failed != nil && ctx.Err() == nil {
		l.post(func() { l.fail(failed) })
	}
	return adjusted, failed
}

// assign begins a partition.
func (l *loop) assign(ctx context.Context, id fetch.ID, positions map[fetch.ID]position) (at int64, err error) {
	t := l.topics[id.Topic]
	o := &owned{Partition: Partition{Alias: t.alias, Topic: id.Topic, Partition: id.Partition, TopicID: t.id.String(), Retry: t.retry}, id: id}
	var stream Stream
	if l.store != nil {
		never := func() bool { return false }
		if stream, err = l.open(ctx, o.Partition, never); err != nil {
			return 0, err
		}
	}
	if at, err = l.startOf(ctx, o.Partition, positions, stream); err != nil {
		if stream != nil {
			stream.Close()
		}
		return 0, err
	}
	was := positions[id]
	taken := l.call(func() {
		if ctx.Err() != nil || l.stopping {
			err = errEnding
			return
		}
		err = l.add(o, stream, at, was)
	})
	if !taken {
		err = errEnding
	}
	if err != nil && stream != nil {
		stream.Close()
	}
	return at, err
}

// add takes a new partition; main calls it.
func (l *loop) add(o *owned, stream Stream, at int64, was position) error {
	if old := l.parts[o.id]; old != nil {
		l.drop(old)
	}
	if l.grouper != nil {
		if err := l.grouper.assigned(Place{o.Topic, o.id.Partition, at}, was.stamp.Fields[noteCuts], l.cfg.Now()); err != nil {
			return fmt.Errorf("the group %s was left by another version of inv: %w", l.group, err)
		}
	}
	l.epoch++
	o.epoch = l.epoch
	l.reader.setEpoch(o.id, o.epoch)
	l.parts[o.id] = o
	l.stats.assigned.Store(int64(len(l.parts)))
	l.cfg.Log.Debug("reading a partition", "topic", o.Topic, "partition", o.id.Partition, "offset", at)
	if stream == nil {
		o.tracker = newTracker(at)
		return nil
	}
	o.storage = l.newStorage(o, stream, at)
	if dead, ok := parseDead(was.stamp.Fields[noteDead]); ok && dead.to == at {
		o.storage.dead = dead
	}
	o.kept = kept{next: at, dead: o.storage.dead} // the group may be behind the store
	l.work.Go(o.storage.run)
	return nil
}

// startOf returns where to read a partition from on: the group's offset, or what a Store
// says, as far as dead letters don't follow there.
func (l *loop) startOf(ctx context.Context, p Partition, positions map[fetch.ID]position, stream Stream) (int64, error) {
	id := fetch.ID{Topic: p.Topic, Partition: p.Partition}
	was, known := positions[id]
	first, end, err := l.bounds(ctx, id)
	if err != nil {
		return 0, err
	}
	at := first
	if known {
		at = was.offset
	}
	if stream != nil {
		next, ok := stream.Next()
		if !ok {
			next = -1
		}
		switch dead, noted := parseDead(was.stamp.Fields[noteDead]); {
		case noted && dead.from == next:
			at = dead.to
		case ok:
			at = next
		case !l.cfg.Latest || p.Retry:
			at = first
		}
	}
	switch {
	case at < first:
		l.cfg.Log.Error("records are lost: they were deleted before they were delivered", "topic", p.Topic, "partition", p.Partition, "from", at, "to", first)
		at = first
	case at > end:
		return 0, fmt.Errorf("%s/%d ends at %d, before the sink's position %d: %w", p.Topic, p.Partition, end, at, errBeyond)
	}
	return at, nil
}

// errBeyond is a topic that has lost its end, or another one of that name.
var errBeyond = errors.New("records that were delivered are gone from the topic")

// bounds returns the first offset and the end of a partition.
func (l *loop) bounds(ctx context.Context, id fetch.ID) (first, end int64, err error) {
	for {
		var firsts, ends map[fetch.ID]int64
		if firsts, err = kafka.Starts(ctx, l.client, id.Topic); err == nil {
			ends, err = kafka.Ends(ctx, l.client, id.Topic)
		}
		_, known := ends[id]
		switch {
		case err == nil && known:
			return firsts[id], ends[id], nil
		case ctx.Err() != nil:
			return 0, 0, ctx.Err()
		case err != nil && !kafka.Outage(err):
			return 0, 0, err
		}
		if err := kafka.Pause(ctx, outagePause); err != nil {
			return 0, 0, err
		}
	}
}

// onRevoked is called before partitions go to another member.
func (l *loop) onRevoked(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
	var v *leaving
	ok := l.call(func() {
		if parts := l.of(partitions); len(parts) > 0 {
			v = l.leave(parts, finishWithin)
		}
	})
	if ok && v != nil {
		l.await(v.done)
	}
}

// onLost is called when partitions are another member's already.
func (l *loop) onLost(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
	var parts []*owned
	l.call(func() {
		parts = l.of(partitions)
		for _, o := range parts {
			l.drop(o)
		}
	})
	for _, o := range parts {
		if o.storage != nil {
			l.await(o.storage.done)
		}
	}
}

func (l *loop) of(partitions map[string][]int32) (parts []*owned) {
	for topic, list := range partitions {
		for _, p := range list {
			if o := l.parts[fetch.ID{Topic: topic, Partition: p}]; o != nil {
				parts = append(parts, o)
			}
		}
	}
	return parts
}

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
		ctx, cancel := context.WithTimeout(r.ctx, r.apply())
		r.mu.Lock()
		r.wake = cancel
		r.mu.Unlock()
		fetches := r.loop.client.PollRecords(ctx, maxPoll)
		cancel()
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

// failure returns the error of fetches that ends the loop.
func (r *reader) failure(fetches kgo.Fetches) (failed error) {
	fetches.EachError(func(topic string, partition int32, err error) {
		var lost *kgo.ErrDataLoss
		switch {
		case failed != nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), r.ctx.Err() != nil:
		case errors.Is(err, kgo.ErrClientClosed):
		case errors.As(err, &lost), errors.Is(err, kerr.OffsetOutOfRange):
			failed = fmt.Errorf("reading %s/%d: %w: %w", topic, partition, errBeyond, err)
		case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.UnknownTopicID):
			failed = &RecreatedError{r.loop.group, topic}
		case topic == "":
			r.loop.cfg.Log.Warn("the group could not be joined, it is tried again", "because", err)
		default:
			failed = fmt.Errorf("reading %s/%d: %w", topic, partition, acl.Check(err, acl.Read, acl.Topic(topic)))
		}
	})
	return failed
}
