// Package txn speaks Kafka's transaction protocol for a producer that writes its
// own record batches (package produce) and commits the offsets of what it consumed.
//
// Since KIP-890 (transaction.version 2, Kafka 4.0) records and offsets join a
// transaction implicitly, and each transaction has an epoch of its own, so a
// request of an earlier one can't fall into it. On older clusters both are added
// by requests of their own. A [Producer] speaks one of the two.
//
// An error leaves it unknown what the brokers made of a request. The producer is
// useless then; the next one's [Producer.Init] aborts what is open and completes
// what the brokers have only half completed. The exception is [ErrRefused].
package txn

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"inv/internal/kafka/produce"
	"inv/internal/kafka/recordbatch"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Config is what a [Producer] must know.
type Config struct {
	ID       string        // transactional; without one, a Producer only gets a producer id
	Timeout  time.Duration // after which brokers abort a transaction
	Group    string        // whose offsets are committed
	Instance *string       // of the member, if it is a static one
	Outputs  []string      // topics that may be written to, for Init to complete
	TopicIDs map[string]kadm.TopicID
	Implicit bool // as [Implicit] reported; the client has [Versions] for it
}

// Producer is one transactional id's way through Kafka's protocol: [Producer.Init]
// once, then for each transaction [Producer.Begin], [Producer.Join] before records
// are sent, [Producer.Add], and [Producer.Commit] or [Producer.Abort]. All but Join
// are called by one goroutine.
type Producer struct {
	client  *kgo.Client
	cfg     Config
	become  func(recordbatch.Producer)
	sampled time.Time // when cfg.Implicit was last known to be right

	producer recordbatch.Producer
	// coordinator is the group's: its node id + 1, 0 if unknown.
	coordinator atomic.Int32

	mu      sync.Mutex
	from    Member
	known   []kmsg.TxnOffsetCommitRequestTopic
	started bool                       // the coordinator may have begun the transaction
	joined  bool                       // it has, with known offsets, or needs none
	refused error                      // by the group, when it began
	added   map[produce.Partition]bool // to the transaction, by request
}

// Member is who commits offsets. The group refuses those of a member that it knows
// by another generation.
type Member struct {
	ID         string
	Generation int32
}

// New makes a producer on a client with [Versions] for cfg.Implicit.
func New(client *kgo.Client, cfg Config) *Producer {
	return &Producer{client: client, cfg: cfg, sampled: time.Now(), added: map[produce.Partition]bool{}}
}

// Init gets the producer's id. A transaction that a dead process with this
// transactional id left open is aborted by that, and a live process is fenced.
// become is called with the id and epoch that batches must carry, now and whenever
// they change; sequence numbers start over.
func (p *Producer) Init(ctx context.Context, become func(recordbatch.Producer)) error {
	p.become = become
	last := p.lastOutcome(ctx)
	err := whileBusy(ctx, func() error {
		id, err := produce.Identify(ctx, p.client, p.cfg.ID, p.cfg.Timeout)
		if err == nil {
			p.setID(id)
		}
		return err
	})
	if err != nil {
		return err
	}
	return p.recover(ctx, last)
}

func (p *Producer) setID(id recordbatch.Producer) {
	p.producer = id
	p.become(id)
}

// Begin begins a transaction that this member commits. No request is sent: Kafka
// begins it with the first one. known is an offset that is committed already, if
// there is one, see [Producer.Join].
func (p *Producer) Begin(from Member, known []kmsg.TxnOffsetCommitRequestTopic) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.from, p.known, p.refused = from, known, nil
}

// Started reports whether a request of the transaction was sent.
func (p *Producer) Started() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.started
}

// Join prepares partitions for records of the transaction. It is called before each
// produce request, by several goroutines.
//
// Older clusters need a request for each partition. With the newer protocol a produce
// request that comes too soon, while the markers of the previous transaction are
// being written, waits in the broker, which looks again after 20 ms (Kafka's
// add.partitions.to.txn.retry.backoff.ms); offsets are refused at once and sent
// again. So a transaction begins with offsets: with its own if nothing was sent
// before Add, otherwise with the known one, which its own replace.
//
// If the group refuses that offset, it will refuse the transaction's own, too. Add
// returns that refusal; until then records may be sent, and are aborted. Any other
// error is the caller's to handle, or to retry.
func (p *Producer) Join(ctx context.Context, to []produce.Partition) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.started = true
	if !p.cfg.Implicit {
		return p.addPartitions(ctx, to)
	}
	if p.joined || len(p.known) == 0 {
		return nil
	}
	err := p.commitOffsets(ctx, p.known)
	if errors.Is(err, ErrRefused) {
		p.refused, err = err, nil
	}
	p.joined = err == nil
	return err
}

// Add puts the offsets of what was consumed into the transaction, and by flush all
// records that are left. The error is [ErrRefused] if the group does not take the
// offsets from this member.
func (p *Producer) Add(ctx context.Context, offsets []kmsg.TxnOffsetCommitRequestTopic, flush func(context.Context) error) error {
	if p.Started() {
		if err := flush(ctx); err != nil {
			return err
		}
		return p.addOffsets(ctx, offsets)
	}
	if err := p.addOffsets(ctx, offsets); err != nil {
		return err
	}
	return flush(ctx)
}

func (p *Producer) addOffsets(ctx context.Context, topics []kmsg.TxnOffsetCommitRequestTopic) error {
	if p.from.ID == "" || p.from.Generation < 0 {
		return ErrRefused // brokers accept offsets in the name of nobody
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refused != nil {
		return p.refused
	}
	p.started, p.joined = true, true
	if !p.cfg.Implicit {
		if err := p.addGroup(ctx); err != nil {
			return err
		}
	}
	return p.commitOffsets(ctx, topics)
}

// Commit commits the transaction. After an error it is unknown whether it was.
func (p *Producer) Commit(ctx context.Context) error { return p.end(ctx, true) }

// Abort aborts the transaction, of which nothing may be under way.
func (p *Producer) Abort(ctx context.Context) error { return p.end(ctx, false) }

// Abandon aborts what a failed producer leaves open, as far as that can be done. An
// id that nobody takes over would hold its group and its readers back until the
// brokers abort it. Requests that are still on their way have an epoch that is over
// then, but on older clusters they would not, and could leave a transaction without
// an end there: the timeout does it.
func (p *Producer) Abandon(ctx context.Context) {
	if p.cfg.Implicit && p.cfg.ID != "" && p.Started() {
		_ = p.Abort(ctx) // it may not be ours any more, or the brokers away
	}
}

func (p *Producer) end(ctx context.Context, commit bool) error {
	p.mu.Lock()
	started := p.started
	p.started, p.joined, p.refused, p.known = false, false, nil, nil
	clear(p.added)
	p.mu.Unlock()
	if !started {
		return nil
	}
	req := kmsg.NewPtrEndTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = p.cfg.ID, p.producer.ID, p.producer.Epoch, commit
	return whileBusy(ctx, func() error {
		resp, err := req.RequestWith(ctx, p.client)
		if err == nil {
			err = kerr.ErrorForCode(resp.ErrorCode)
		}
		if err != nil {
			return fmt.Errorf("ending the transaction: %w", err)
		}
		if resp.Version >= implicitEndTxn && resp.ProducerID >= 0 {
			p.setID(recordbatch.Producer{ID: resp.ProducerID, Epoch: resp.ProducerEpoch, Transactional: true})
		}
		return nil
	})
}

// addPartitions adds partitions by request; the lock is held.
func (p *Producer) addPartitions(ctx context.Context, to []produce.Partition) error {
	req := kmsg.NewPtrAddPartitionsToTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch = p.cfg.ID, p.producer.ID, p.producer.Epoch
	at := map[string]int{}
	for _, part := range to {
		if p.added[part] {
			continue
		}
		i, ok := at[part.Topic]
		if !ok {
			i = len(req.Topics)
			at[part.Topic] = i
			topic := kmsg.NewAddPartitionsToTxnRequestTopic()
			topic.Topic = part.Topic
			req.Topics = append(req.Topics, topic)
		}
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, part.Partition)
	}
	if len(req.Topics) == 0 {
		return nil
	}
	err := whileBusy(ctx, func() error {
		resp, err := req.RequestWith(ctx, p.client)
		if err == nil {
			err = addError(resp)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("adding partitions to the transaction: %w", err)
	}
	for _, part := range to {
		p.added[part] = true
	}
	return nil
}

// addError returns a response's error. Partitions beside one that can't be added
// are not attempted, which says less than its own error.
func addError(resp *kmsg.AddPartitionsToTxnResponse) error {
	first := kerr.ErrorForCode(resp.ErrorCode)
	for _, topic := range resp.Topics {
		for _, p := range topic.Partitions {
			err := kerr.ErrorForCode(p.ErrorCode)
			if err != nil && (first == nil || errors.Is(first, kerr.OperationNotAttempted)) {
				first = err
			}
		}
	}
	return first
}

// addGroup adds the group by request.
func (p *Producer) addGroup(ctx context.Context) error {
	req := kmsg.NewPtrAddOffsetsToTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group = p.cfg.ID, p.producer.ID, p.producer.Epoch, p.cfg.Group
	return whileBusy(ctx, func() error {
		resp, err := req.RequestWith(ctx, p.client)
		if err == nil {
			err = kerr.ErrorForCode(resp.ErrorCode)
		}
		if err != nil {
			return fmt.Errorf("adding the group to the transaction: %w", err)
		}
		return nil
	})
}

// Pauses between the tries of whileBusy.
const (
	busyBackoff = 2 * time.Millisecond
	loadBackoff = 100 * time.Millisecond // the longest, reached by doubling the other
)

// whileBusy repeats a request while the response is CONCURRENT_TRANSACTIONS, since
// the markers of the previous transaction are being written, or
// COORDINATOR_LOAD_IN_PROGRESS, which a broker also returns if it was interrupted
// in verifying the transaction (once in 150 of them in a drain).
func whileBusy(ctx context.Context, request func() error) error {
	for backoff := busyBackoff; ; {
		err := request()
		switch {
		case errors.Is(err, kerr.CoordinatorLoadInProgress):
			backoff = min(2*backoff, loadBackoff)
		case !errors.Is(err, kerr.ConcurrentTransactions):
			return err
		}
		t := time.NewTimer(backoff)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return err
		}
	}
}
