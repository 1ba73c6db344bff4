package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// The topics of the inventory scenario.
const (
	orders   = "order_events"
	updates  = "inventory_updates"
	reorders = "reorder_events"
	alerts   = "inventory_alerts"
)

func (s *settings) log() string       { return s.app + "-product-log" }
func (s *settings) changelog() string { return s.app + "-ledger-changelog" }

// As in the processor, except maxBuffered, which bounds the records in the client
// library: the processor makes batches itself.
const (
	maxProduced = 32_000
	maxConsumed = 32_000
	maxBuffered = 10_000
	packBytes   = 128 << 10
	maxBehind   = 40_000 // lines
)

// work makes a hop's outputs from the polled records.
type work interface {
	begin(ctx context.Context)
	records(h *hop, r []*kgo.Record)
	seal(h *hop)
	committed()
	maxPoll() int
}

// hop is one consumer group member with transactions.
type hop struct {
	settings
	session  *kgo.GroupTransactSession
	client   *kgo.Client
	produced int

	mu     sync.Mutex
	failed error
	made   []kgo.Record // of the transaction; reused
}

func newHop(s settings, name string, topics []string) (*hop, error) {
	id := s.app + "-" + name
	explicit := map[string]bool{s.log(): true, s.changelog(): true}
	session, err := kgo.NewGroupTransactSession(
		kgo.SeedBrokers(s.brokers), kgo.ClientID(id),
		kgo.ConsumerGroup(id), kgo.TransactionalID(id), kgo.TransactionTimeout(10*time.Second),
		kgo.ConsumeTopics(topics...), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxPartitionBytes(64<<10), kgo.FetchMaxBytes(512<<10), kgo.FetchMaxWait(200*time.Millisecond),
		kgo.BlockRebalanceOnPoll(), kgo.DisableAutoCommit(), kgo.DisableClientMetrics(),
		kgo.Balancers(kgo.CooperativeStickyBalancer()), kgo.SessionTimeout(10*time.Second), kgo.HeartbeatInterval(2*time.Second),
		kgo.RecordPartitioner(kgo.BasicConsistentPartitioner(func(topic string) func(*kgo.Record, int) int {
			if explicit[topic] {
				return func(r *kgo.Record, _ int) int { return int(r.Partition) }
			}
			hash := kgo.StickyKeyPartitioner(nil).ForTopic(topic)
			return func(r *kgo.Record, n int) int { return hash.Partition(r, n) }
		})),
		kgo.MaxBufferedRecords(maxBuffered), kgo.ProducerLinger(s.linger), kgo.ConcurrentTransactionsBackoff(s.backoff),
	)
	if err != nil {
		return nil, err
	}
	return &hop{settings: s, session: session, client: session.Client()}, nil
}

func (h *hop) close() { h.client.CloseAllowingRebalance() }

// run processes records until ctx ends.
func (h *hop) run(ctx context.Context, w work) error {
	for ctx.Err() == nil {
		w.begin(ctx)
		fetches := h.client.PollRecords(ctx, w.maxPoll())
		if ctx.Err() != nil {
			return nil
		}
		if err := fetches.Err0(); err != nil {
			return err
		}
		if fetches.NumRecords() > 0 {
			if err := h.transaction(ctx, w, fetches); err != nil && ctx.Err() == nil {
				return err
			}
		}
		h.client.AllowRebalance()
	}
	return nil
}

func (h *hop) transaction(ctx context.Context, w work, fetches kgo.Fetches) error {
	if err := h.session.Begin(); err != nil {
		return err
	}
	h.produced, h.made = 0, h.made[:0]
	until := time.Now().Add(h.commit)
	for consumed := 0; fetches.NumRecords() > 0; {
		consumed += fetches.NumRecords()
		fetches.EachPartition(func(p kgo.FetchTopicPartition) { w.records(h, p.Records) })
		if h.produced >= maxProduced || consumed >= maxConsumed || time.Now().After(until) {
			break
		}
		//lint:ignore SA1012 nil means that the poll doesn't wait
		fetches = h.client.PollRecords(nil, w.maxPoll())
	}
	w.seal(h)
	if err := h.client.Flush(ctx); err != nil {
		return err
	}
	if h.failed != nil {
		return fmt.Errorf("producing: %w", h.failed)
	}
	committed, err := h.session.End(ctx, kgo.TryCommit)
	if committed {
		w.committed()
	}
	return err
}

// produce produces a record, whose content must be valid until the transaction's end.
func (h *hop) produce(topic string, partition int32, key, value []byte, headers []kgo.RecordHeader) {
	if len(h.made) == cap(h.made) { // records in use must not move
		h.made = make([]kgo.Record, 0, 1024)
	}
	h.made = append(h.made, kgo.Record{Topic: topic, Partition: partition, Key: key, Value: value, Headers: headers})
	h.produced++
	h.client.Produce(context.Background(), &h.made[len(h.made)-1], h.acknowledged)
}

func (h *hop) acknowledged(_ *kgo.Record, err error) {
	if err != nil {
		h.mu.Lock()
		h.failed = err
		h.mu.Unlock()
	}
}

// gate holds hop 1 back while hop 2 is far behind, like the processor.
type gate struct {
	mu    sync.Mutex
	lines int
	moved chan struct{}
}

func newGate() *gate { return &gate{moved: make(chan struct{}, 1)} }

func (g *gate) add(n int) {
	g.mu.Lock()
	g.lines += n
	g.mu.Unlock()
	select {
	case g.moved <- struct{}{}:
	default:
	}
}

func (g *gate) wait(ctx context.Context) {
	for {
		g.mu.Lock()
		open := g.lines <= maxBehind
		g.mu.Unlock()
		if open {
			return
		}
		select {
		case <-g.moved:
		case <-ctx.Done():
			return
		}
	}
}
