package forward

import (
	"context"
	"sync"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Times of the group, as those of the processor's.
const (
	sessionTimeout    = 10 * time.Second
	heartbeatInterval = 2 * time.Second
	rebalanceTimeout  = 30 * time.Second
	fetchWait         = 500 * time.Millisecond
)

// Sizes of what is read at once. A response is decoded as a whole, and batches compress ten
// to one and more: with 1 MiB a store takes 25 MB more, and is no faster.
const (
	fetchPartitionBytes = 128 << 10
	fetchBytes          = 512 << 10
	maxPoll             = 4_000
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
		kgo.OnPartitionsAssigned(l.onJoined),
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

// onJoined is called with new partitions, also if there are none, before onAssigned.
func (l *loop) onJoined(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
	l.call(func() {
		l.joined = true
		for topic, list := range partitions {
			for _, p := range list {
				l.expected[fetch.ID{Topic: topic, Partition: p}] = true
			}
		}
	})
}

// settled reports whether the group has the positions of all partitions that this process
// has: a Store may be behind the group's offset, so that this says nothing before.
func (l *loop) settled() bool {
	if !l.joined {
		return false
	}
	for id := range l.expected {
		if o := l.parts[id]; o == nil || o.committed.Topic == "" {
			return false
		}
	}
	return true
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
		if decides(err) {
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
		starts := map[int32]kgo.Offset{}
		adjusted[topic] = starts
		for p := range partitions {
			wait.Go(func() {
				at, err := l.assign(ctx, fetch.ID{Topic: topic, Partition: p}, positions)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					failed = err
					return
				}
				starts[p] = kgo.NewOffset().At(at)
			})
		}
	}
	wait.Wait()
	if failed != nil && ctx.Err() == nil {
		l.post(func() { l.fail(failed) })
	}
	return adjusted, failed
}

// onRevoked is called before partitions go to another member.
func (l *loop) onRevoked(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
	var v *leaving
	ok := l.call(func() {
		l.forget(partitions)
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
		l.forget(partitions)
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

func (l *loop) forget(partitions map[string][]int32) {
	for topic, list := range partitions {
		for _, p := range list {
			delete(l.expected, fetch.ID{Topic: topic, Partition: p})
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
