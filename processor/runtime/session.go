package runtime

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"inv/internal/kafka"

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
	fetchWait          = 200 * time.Millisecond // a partition whose restore is done waits for the fetch under way
)

// session is a worker's client from its making to its first failure.
type session struct {
	worker   *Worker
	client   *kgo.Client
	txn      *kgo.GroupTransactSession // nil: at least once
	balancer *balancer
	// connected is closed when client is set: the client's own goroutines call
	// back as soon as the group has answered, which may be before that.
	connected chan struct{}
	ctx       context.Context // ends with the session, outlives the worker's by the time to stop
	revoked   atomic.Bool     // since the last transaction's end
	polls     int
	arena     *arena   // of the transaction in progress
	free      *buffers // of packed values
	pool      *fetchPool

	mu    sync.Mutex
	slots map[Source]*slot
	err   error // from a restore
	// holding says that all topics but the first wait; held are those of their
	// partitions that are ready.
	holding bool
	held    []Source
	wake    context.CancelFunc // ends the poll in progress
	woken   bool               // before there was one
}

func (w *Worker) runSession(ctx, hard context.Context) error {
	live, cancel := context.WithCancel(hard)
	s := &session{worker: w, ctx: live, balancer: newBalancer(), connected: make(chan struct{}), slots: map[Source]*slot{}, arena: newArena(), free: &buffers{}, pool: &fetchPool{}}
	defer cancel()
	if err := s.connect(); err != nil {
		return err
	}
	if w.cfg.First != "" {
		s.holding = true
		go s.holdBack()
	}
	close(s.connected)
	defer s.close()
	if s.txn != nil {
		// Ends what a dead process with this id left open, and fences a live one.
		if _, _, err := s.client.ProducerID(ctx); err != nil {
			return broken("initializing the producer: %w", err)
		}
	}
	return s.loop(ctx)
}

func (s *session) connect() (err error) {
	cfg := &s.worker.cfg
	opts := append([]kgo.Opt{kgo.SeedBrokers(cfg.Kafka.Brokers...)}, cfg.Kafka.Options...)
	explicit := map[string]bool{}
	for _, topic := range cfg.Explicit {
		explicit[topic] = true
	}
	opts = append(opts,
		kgo.ClientID(cfg.TransactionalID),
		kgo.ConsumerGroup(cfg.Group),
		kgo.ConsumeTopics(cfg.Sources...),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
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
		kgo.RecordPartitioner(partitioner(explicit)),
		kgo.ProducerBatchMaxBytesFn(func(topic string) int32 { return int32(cfg.BatchBytes(topic)) }),
		kgo.MaxBufferedRecords(maxBuffered),
		kgo.ProducerLinger(producerLinger),
		kgo.ConcurrentTransactionsBackoff(concurrentBackoff),
		kgo.WithPools(s.pool),
	)
	if cfg.Hooks != nil {
		opts = append(opts, kgo.WithHooks(cfg.Hooks()...))
	}
	if cfg.Stable {
		// A process that takes the id over takes the member over, too.
		opts = append(opts, kgo.InstanceID(cfg.TransactionalID))
	}
	if cfg.At != nil {
		opts = append(opts, kgo.WithHooks(offsetsHook{cfg.At}))
	}
	if cfg.AtLeastOnce {
		s.client, err = kgo.NewClient(opts...)
	} else {
		opts = append(opts, kgo.TransactionalID(cfg.TransactionalID), kgo.TransactionTimeout(transactionTimeout))
		if s.txn, err = kgo.NewGroupTransactSession(opts...); err == nil {
			s.client = s.txn.Client()
		}
	}
	if err != nil {
		return fmt.Errorf("configuring the %s stage's client: %w", cfg.Name, err)
	}
	return nil
}

// Sizes of what a session holds. They bound its memory: fetches wait while
// polled records are processed, and producing waits while the buffer is full.
const (
	fetchPartitionBytes = 64 << 10
	fetchBytes          = 512 << 10
	maxBuffered         = 10_000
	maxRecords          = 8_000 // of a transaction, consumed or produced, give or take a poll
	minRecords          = 200   // for each partition: every one costs the broker a batch and a marker
	concurrentBackoff   = 5 * time.Millisecond
	producerLinger      = 5 * time.Millisecond // larger batches; the end of a transaction does not wait for it
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

// idle is how long nothing has to be done if no record comes.
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
			failed = fmt.Errorf("%s/%d has lost records that were not processed yet (retention, or the topic was made anew): %w; inv reset --app-id starts over", topic, partition, err)
		case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.UnknownTopicID):
			failed = fmt.Errorf("topic %s, which is being read, is gone: %w", topic, err)
		case topic == "":
			failed = broken("in the group: %w", err)
		default:
			failed = broken("reading %s/%d: %w", topic, partition, err)
		}
	})
	return failed
}

// step is one transaction, if there is anything for it.
func (s *session) step(fetches kgo.Fetches) error {
	if s.revoked.Swap(false) && s.txn != nil {
		return s.clearRevocation()
	}
	now := s.worker.cfg.Now()
	if fetches.NumRecords() == 0 && !s.due(now) {
		return nil
	}
	if s.txn != nil {
		if err := s.txn.Begin(); err != nil {
			return broken("beginning a transaction: %w", err)
		}
	}
	tx := s.newTx(now)
	consumed, ours, err := s.fill(tx, fetches)
	if err != nil {
		s.abort(tx)
		return err
	}
	return s.end(tx, consumed, ours)
}

func (s *session) newTx(now time.Time) *Tx {
	tx := &Tx{ctx: s.ctx, client: s.client, now: now, arena: s.arena, free: s.free,
		topic: s.worker.cfg.Packed, headers: s.worker.cfg.PackedHeaders, packed: map[int32][]byte{}}
	tx.promise = tx.acknowledged
	return tx
}

// clearRevocation ends an empty transaction: the session aborts the first one
// behind a revocation, and rewinds to the committed offsets.
func (s *session) clearRevocation() error {
	if err := s.txn.Begin(); err != nil {
		return broken("beginning a transaction: %w", err)
	}
	late, cancel := s.beforeLate()
	defer cancel()
	if _, err := s.txn.End(late, kgo.TryAbort); err != nil {
		return broken("ending an empty transaction: %w", err)
	}
	return nil
}

func (s *session) due(now time.Time) bool {
	for _, slot := range s.timed() {
		if due, pending := slot.partition.(Timed).NextDue(); pending && !due.After(now) {
			return true
		}
	}
	return false
}

// fill processes what was polled, and what can be polled without waiting until
// the commit interval is over; then what is due.
func (s *session) fill(tx *Tx, fetches kgo.Fetches) (consumed int, ours bool, err error) {
	ours = true
	enough := s.enough()
	until := time.Now().Add(s.worker.cfg.CommitEvery)
	for {
		tx.polls = s.polls
		n, mine, err := s.process(tx, fetches)
		consumed += n
		if err != nil || !mine {
			return consumed, mine, err
		}
		if n == 0 || max(tx.produced, consumed) >= enough || time.Now().After(until) {
			break
		}
		s.polls++
		//lint:ignore SA1012 nil means that the poll doesn't wait
		fetches = s.client.PollRecords(nil, s.worker.cfg.MaxPoll)
		if err := fetchError(fetches); err != nil {
			return consumed, ours, err
		}
	}
	now := s.worker.cfg.Now()
	for _, slot := range s.timed() {
		timed := slot.partition.(Timed)
		if due, pending := timed.NextDue(); pending && !due.After(now) {
			tx.touch(slot)
			if err := timed.Due(tx, now); err != nil {
				return consumed, ours, err
			}
		}
	}
	for _, slot := range tx.touched {
		if err := slot.partition.Seal(tx); err != nil {
			return consumed, ours, err
		}
	}
	tx.packAll()
	return consumed, ours, nil
}

// enough is how many records end a transaction.
func (s *session) enough() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(maxRecords, minRecords*len(s.slots))
}

// process gives records to their partitions, topic after topic. ours is false if one came from a
// partition that is not ready: then nothing of this may be committed.
func (s *session) process(tx *Tx, fetches kgo.Fetches) (n int, ours bool, err error) {
	ours = true
	for _, topic := range s.worker.cfg.Sources {
		more, mine, err := s.processTopic(tx, fetches, topic)
		n += more
		if err != nil || !mine {
			return n, mine, err
		}
	}
	return n, ours, nil
}

func (s *session) processTopic(tx *Tx, fetches kgo.Fetches, topic string) (n int, ours bool, err error) {
	ours = true
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if err != nil || !ours || len(p.Records) == 0 || p.Topic != topic {
			return
		}
		slot := s.ready(Source{p.Topic, p.Partition})
		if slot == nil {
			ours = false
			return
		}
		tx.touch(slot)
		for _, r := range p.Records {
			next := r.Offset + 1
			if err = slot.partition.Process(s.ctx, tx, r); err != nil {
				return
			}
			slot.next = next
			r.Recycle()
		}
		n += len(p.Records)
	})
	return n, ours, err
}

// errNotMember refuses a commit in the name of nobody, which brokers accept.
var errNotMember = errors.New("no member of the group at the moment")

// end commits, unless the records were not all ours.
func (s *session) end(tx *Tx, consumed int, ours bool) error {
	began := time.Now()
	committed, err := s.commit(tx, ours)
	s.worker.observe().Transaction(committed, consumed, tx.produced, time.Since(began))
	if !committed {
		tx.rollback()
	}
	if err != nil {
		return s.explain(brokenError{err})
	}
	s.arena.reset()
	s.free.reset()
	if committed {
		s.at(AtCommitted)
		tx.commit()
	}
	return nil
}

func (s *session) commit(tx *Tx, ours bool) (committed bool, err error) {
	if s.txn == nil {
		return s.commitPlain(tx)
	}
	late, cancel := s.beforeLate()
	defer cancel()
	if err := s.client.Flush(late); err != nil {
		return false, s.lateError(late, "writing", err)
	}
	s.at(AtProduced)
	if err := tx.failed(); err != nil {
		_, _ = s.txn.End(late, kgo.TryAbort) // the session ends with the first error
		return false, fmt.Errorf("writing: %w", err)
	}
	ctx := kgo.PreTxnCommitFnContext(late, func(req *kmsg.TxnOffsetCommitRequest) error {
		if req.MemberID == "" || req.Generation < 0 {
			return errNotMember
		}
		addPositions(req, tx.touched)
		s.stampTxn(req)
		return nil
	})
	committed, err = s.txn.End(ctx, kgo.TransactionEndTry(ours))
	if errors.Is(err, errNotMember) {
		return false, nil
	}
	if err != nil {
		return false, s.lateError(late, "committing", err)
	}
	return committed, nil
}

// beforeLate bounds the end of a transaction. It waits for brokers and, to commit,
// for a heartbeat: if the group's loop has lost its broker meanwhile, that loop
// waits for the rebalance that this transaction holds back.
func (s *session) beforeLate() (context.Context, context.CancelFunc) {
	return context.WithTimeout(s.ctx, endWithin)
}

func (s *session) lateError(late context.Context, what string, err error) error {
	if late.Err() != nil && s.ctx.Err() == nil {
		return fmt.Errorf("%s: a transaction did not end within %s: %w", what, endWithin, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// addPositions puts the position of each touched partition into the commit that
// is not there: one of which only timers ran. The broker then checks the
// member's generation, as for consumed records.
func addPositions(req *kmsg.TxnOffsetCommitRequest, touched []*slot) {
	for _, slot := range touched {
		if slot.next < 0 || commits(req, slot.source) {
			continue
		}
		p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset = slot.source.Partition, slot.next
		t := kmsg.NewTxnOffsetCommitRequestTopic()
		t.Topic, t.Partitions = slot.source.Topic, append(t.Partitions, p)
		req.Topics = append(req.Topics, t)
	}
}

func commits(req *kmsg.TxnOffsetCommitRequest, source Source) bool {
	for _, t := range req.Topics {
		if t.Topic != source.Topic {
			continue
		}
		for _, p := range t.Partitions {
			if p.Partition == source.Partition {
				return true
			}
		}
	}
	return false
}

// commitPlain is the end without transactions: records first, then offsets. What
// was written stays written if the offsets are refused, and is written again.
func (s *session) commitPlain(tx *Tx) (bool, error) {
	if err := s.client.Flush(s.ctx); err != nil {
		return false, fmt.Errorf("writing: %w", err)
	}
	if err := tx.failed(); err != nil {
		return false, fmt.Errorf("writing: %w", err)
	}
	s.at(AtProduced)
	if err := s.client.CommitUncommittedOffsets(kgo.PreCommitFnContext(s.ctx, s.stampPlain)); err != nil {
		return false, fmt.Errorf("committing: %w", err)
	}
	return true, nil
}

// stampTxn puts the worker's stamp on each offset of a commit.
func (s *session) stampTxn(req *kmsg.TxnOffsetCommitRequest) {
	for t := range req.Topics {
		topic := &req.Topics[t]
		for p := range topic.Partitions {
			topic.Partitions[p].Metadata = kmsg.StringPtr(s.worker.cfg.Stamp(topic.Partitions[p].Offset))
		}
	}
}

// stampPlain is stampTxn for a commit without a transaction.
func (s *session) stampPlain(req *kmsg.OffsetCommitRequest) error {
	for t := range req.Topics {
		topic := &req.Topics[t]
		for p := range topic.Partitions {
			topic.Partitions[p].Metadata = kmsg.StringPtr(s.worker.cfg.Stamp(topic.Partitions[p].Offset))
		}
	}
	return nil
}

func (s *session) abort(tx *Tx) {
	if s.txn != nil {
		late, cancel := s.beforeLate()
		defer cancel()
		_, _ = s.txn.End(late, kgo.TryAbort) // the session ends anyway
	}
	tx.rollback()
}

// offsetsHook finds the moments between the offsets' commit and the transaction's,
// and during the latter.
type offsetsHook struct{ at func(string) }

// OnBrokerWrite is called with each request that was sent.
func (h offsetsHook) OnBrokerWrite(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, err error) {
	if key == int16(kmsg.EndTxn) && err == nil {
		h.at(AtEnding)
	}
}

// OnBrokerRead is called with each response.
func (h offsetsHook) OnBrokerRead(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, err error) {
	if key == int16(kmsg.TxnOffsetCommit) && err == nil {
		h.at(AtOffsets)
	}
}

func (s *session) at(point string) {
	if s.worker.cfg.At != nil {
		s.worker.cfg.At(point)
	}
}

// explain tells a session that can be made anew from one that another process
// fenced.
func (s *session) explain(err error) error {
	fenced := errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch)
	if errors.Is(err, kerr.FencedInstanceID) || fenced && s.worker.cfg.Stable && s.twin() {
		return fmt.Errorf("%s stage: %w (%v)", s.worker.cfg.Name, ErrFenced, err)
	}
	return err
}

// twin says whether another member of the group has this worker's transactional
// id. It waits a little for one, since a process takes the id before it joins.
func (s *session) twin() bool {
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
		if pause(ctx, readerBackoff) != nil {
			return false
		}
	}
}
