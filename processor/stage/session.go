package stage

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafka/acl"
	"inv/internal/kafka/produce"
	"inv/internal/kafka/txn"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Group and transaction times. A crashed member's partitions are given away
// after the session timeout, and its open transaction holds readers for at most
// the transaction timeout.
const (
	sessionTimeout     = 10 * time.Second
	heartbeatInterval  = 2 * time.Second
	rebalanceTimeout   = 30 * time.Second
	transactionTimeout = 10 * time.Second
	endWithin          = transactionTimeout // then the broker has aborted it
	closeWithin        = 2 * time.Second
	idlePoll           = 500 * time.Millisecond
	fetchWait          = 100 * time.Millisecond // a partition that may be read from now on waits for the fetch under way
)

// session is a worker's client from its making to its first failure.
type session struct {
	worker   *Worker
	client   *kgo.Client
	sender   *produce.Sender
	turns    *txn.Turns
	txn      *txn.Producer // of the transaction in progress
	balancer *balancer
	// connected is closed when client is set: the client's own goroutines call
	// back as soon as the group has answered, which may be before that.
	connected chan struct{}
	ctx       context.Context // ends with the session, outlives the worker's by the time to stop
	polls     int
	sealed    time.Time     // when the last transaction was
	took      time.Duration // from then on to end it
	arena     *arena        // of the transaction in progress
	pool      *fetchPool

	mu    sync.Mutex
	slots map[Source]*slot
	err   error // from a restore
	// holding is set while all topics but the first wait; held are those of their
	// partitions that are ready.
	holding bool
	held    []Source
	wake    context.CancelFunc // ends the poll in progress
	woken   bool               // before there was one
}

func (w *Worker) runSession(ctx, hard context.Context) error {
	live, cancel := context.WithCancel(hard)
	s := &session{worker: w, ctx: live, balancer: newBalancer(), connected: make(chan struct{}), slots: map[Source]*slot{}, arena: &arena{}, pool: &fetchPool{}}
	defer cancel()
	if err := s.connect(ctx); err != nil {
		return err
	}
	if w.cfg.First != "" {
		s.holding = true
		go s.holdBack()
	}
	close(s.connected)
	w.client.Store(s.client)
	defer s.close()
	defer w.client.Store(nil)
	if err := s.turns.Init(ctx); err != nil {
		return s.explain(brokenError{err})
	}
	return s.loop(ctx)
}

func (s *session) connect(ctx context.Context) error {
	cfg := &s.worker.cfg
	implicit, err := s.worker.implicit(ctx)
	if err != nil {
		return err
	}
	opts := append([]kgo.Opt{kgo.SeedBrokers(cfg.Kafka.Brokers...), kafka.Backoff()}, cfg.Kafka.Options...)
	opts = append(opts,
		kgo.ClientID(cfg.TransactionalID),
		kgo.ConsumerGroup(cfg.Group),
		kgo.ConsumeTopics(cfg.Sources...),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// Markers are passed over, and committed: else an offset in front of one
		// looks like a record that is lost, once retention has taken it.
		kgo.KeepControlRecords(),
		kgo.FetchMaxPartitionBytes(fetchPartitionBytes),
		kgo.FetchMaxWait(fetchWait),
		kgo.DisableClientMetrics(),
		kgo.FetchMaxBytes(fetchBytes),
		kgo.Balancers(s.balancer),
		kgo.BlockRebalanceOnPoll(),
		kgo.DisableAutoCommit(),
		kgo.SessionTimeout(sessionTimeout),
		kgo.HeartbeatInterval(heartbeatInterval),
		kgo.RebalanceTimeout(rebalanceTimeout),
		kgo.OnPartitionsAssigned(s.assigned),
		kgo.OnPartitionsRevoked(s.lost),
		kgo.OnPartitionsLost(s.lost),
		kgo.AdjustFetchOffsetsFn(s.offsets),
		kgo.WithPools(s.pool),
		txn.Versions(implicit),
	)
	var hooks []kgo.Hook
	if cfg.Hooks != nil {
		hooks = cfg.Hooks()
		opts = append(opts, kgo.WithHooks(hooks...))
	}
	if cfg.Stable {
		// A process that takes the id over takes the member over, too.
		opts = append(opts, kgo.InstanceID(cfg.TransactionalID))
	}
	if cfg.At != nil {
		opts = append(opts, kgo.WithHooks(endingHook{cfg.At}))
	}
	if s.client, err = kgo.NewClient(opts...); err != nil {
		return fmt.Errorf("configuring the %s stage's client: %w", cfg.Name, err)
	}
	if s.sender, s.turns, err = s.worker.producers(s.client, implicit, hooks); err != nil {
		s.client.Close()
		return err
	}
	return nil
}

// Sizes of what a session holds. They bound its memory: fetches wait while
// polled records are processed, and transactions end when they are large enough.
const (
	fetchPartitionBytes = 64 << 10
	fetchBytes          = 512 << 10
	batchBytes          = 256 << 10 // before compression
	windowBytes         = 4 << 20   // of batches that were not acknowledged
	maxRecords          = 32_000    // of a transaction, consumed or produced, give or take a poll
	minRecords          = 200       // for each partition: every one costs the broker a batch and a marker
)

// close leaves the group. It does not wait for a broker that does not answer.
func (s *session) close() {
	s.mu.Lock()
	for source := range s.slots {
		s.drop(source)
	}
	s.report(0)
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.sender.Close()
		ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
		s.turns.Abandon(ctx)
		cancel()
		member, _ := s.client.GroupMetadata()
		s.client.CloseAllowingRebalance()
		s.leave(member)
	}()
	t := time.NewTimer(closeWithin)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}

// leave takes a member with an instance id out of the group, which closing its
// client does not.
func (s *session) leave(member string) {
	cfg := &s.worker.cfg
	if !cfg.Stable || member == "" {
		return
	}
	client, err := kafka.New(cfg.Kafka)
	if err != nil {
		return // the session timeout does it later
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group = cfg.Group
	m := kmsg.NewLeaveGroupRequestMember()
	m.MemberID, m.InstanceID = member, &cfg.TransactionalID
	req.Members = append(req.Members, m)
	if _, err := req.RequestWith(ctx, client); err != nil {
		cfg.Log.Debug("leaving the group", "group", cfg.Group, "error", err)
	}
}

// fail ends the session from a callback; the lock is held.
func (s *session) fail(err error) {
	if s.err == nil {
		s.err = err
	}
	s.wakeLocked()
}

func (s *session) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *session) wakeLocked() {
	s.woken = true
	if s.wake != nil {
		s.wake()
	}
}

// poll waits for records at most so long, or until something else is to be
// done. Rebalances wait from its return to AllowRebalance.
func (s *session) poll(ctx context.Context, wait time.Duration) kgo.Fetches {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	s.polls++
	s.mu.Lock()
	s.wake = cancel
	if s.woken {
		cancel()
	}
	s.woken = false
	s.mu.Unlock()
	return s.client.PollRecords(ctx, s.worker.cfg.MaxPoll)
}

func (s *session) loop(ctx context.Context) error {
	for ctx.Err() == nil {
		if s.worker.cfg.Gate != nil {
			s.worker.cfg.Gate(ctx)
		}
		fetches := s.poll(ctx, s.idle())
		if err := s.failure(); err != nil {
			return err
		}
		if err := fetchError(fetches); err != nil {
			return s.explain(err)
		}
		if err := s.step(fetches); err != nil {
			return err
		}
		s.client.AllowRebalance()
	}
	return nil
}

// idle returns how long nothing has to be done if no record comes.
func (s *session) idle() time.Duration {
	wait := idlePoll
	now := s.worker.cfg.Now()
	for _, slot := range s.timed() {
		if due, pending := slot.partition.(Timed).NextDue(); pending {
			wait = min(wait, max(due.Sub(now), 0))
		}
	}
	return wait
}

// timed returns the slots with timers that are ready.
func (s *session) timed() (slots []*slot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, slot := range s.slots {
		if _, ok := slot.partition.(Timed); ok {
			slots = append(slots, slot)
		}
	}
	return slots
}

func fetchError(fetches kgo.Fetches) (failed error) {
	fetches.EachError(func(topic string, partition int32, err error) {
		var lost *kgo.ErrDataLoss
		switch {
		case failed != nil,
			errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		case errors.Is(err, kgo.ErrClientClosed):
			failed = broken("the client was closed")
		case errors.As(err, &lost), errors.Is(err, kerr.OffsetOutOfRange):
			failed = &LostRecordsError{topic, partition, err}
		case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.UnknownTopicID):
			failed = fmt.Errorf("topic %s, which is being read, is gone: %w", topic, err)
		case topic == "":
			failed = broken("in the group: %w", err)
		default:
			failed = broken("reading %s/%d: %w", topic, partition, acl.Check(err, acl.Read, acl.Topic(topic)))
		}
	})
	return failed
}

// endingHook finds the moment when a transaction's end has been asked for.
type endingHook struct{ at func(string) }

// OnBrokerWrite is called with each request that was sent.
func (h endingHook) OnBrokerWrite(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, err error) {
	if key == int16(kmsg.EndTxn) && err == nil {
		h.at(AtEnding)
	}
}

func (s *session) at(point string) {
	if s.worker.cfg.At != nil {
		s.worker.cfg.At(point)
	}
}

// explain returns the error that a session ends with: whether a new session can
// recover from it may have to be asked for.
func (s *session) explain(err error) error {
	// Brokers refuse to end a transaction that another producer has ended, by
	// getting an id for a transactional id, with InvalidTxnState.
	fenced := errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch) || errors.Is(err, kerr.InvalidTxnState)
	if errors.Is(err, kerr.FencedInstanceID) || fenced && s.worker.cfg.Stable && s.duplicate() {
		return fmt.Errorf("%s stage: %w (%v)", s.worker.cfg.Name, ErrFenced, err)
	}
	return err
}

// errVersion ends a session whose client speaks another protocol than the cluster.
var errVersion = broken("the cluster's transaction.version has changed")

// duplicate reports whether another process has this worker's transactional id, as
// another member of the group or otherwise. It waits a little for one, since a
// process takes the id before it joins.
func (s *session) duplicate() bool {
	ctx, cancel := context.WithTimeout(s.ctx, 5*time.Second)
	defer cancel()
	me, _ := s.client.GroupMetadata()
	admin := kadm.NewClient(s.client)
	for {
		groups, err := admin.DescribeGroups(ctx, s.worker.cfg.Group)
		if err == nil {
			for _, m := range groups[s.worker.cfg.Group].Members {
				if m.InstanceID != nil && *m.InstanceID == s.worker.cfg.TransactionalID && m.MemberID != me {
					return true
				}
			}
		}
		if s.turns.Taken(ctx) {
			return true
		}
		if kafka.Pause(ctx, readerBackoff) != nil {
			return false
		}
	}
}
