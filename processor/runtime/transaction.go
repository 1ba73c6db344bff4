package runtime

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"inv/internal/recordbatch"
	"inv/internal/send"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// How long answers that pass are let pass: CONCURRENT_TRANSACTIONS, since the
// markers of the transaction before are still being written, and
// COORDINATOR_LOAD_IN_PROGRESS, by which a broker also says that it was interrupted
// in asking itself whether the transaction is open (once in 150 of them in a drain).
const (
	concurrentBackoff = 2 * time.Millisecond
	loadBackoff       = 100 * time.Millisecond // at most; it begins with the other's
)

// transactions is a session's producer: its id and epoch, its sender, and where
// the transaction in progress is in Kafka's protocol. Without a transactional id
// it only produces.
//
// Since KIP-890 (transaction.version 2, Kafka 4.0) what is written and the offsets
// join a transaction by themselves, and each transaction has an epoch of its own,
// so a request of an earlier one can't fall into it. With older clusters both are
// added by requests of their own.
//
// An error of which it is unknown what the brokers made of it ends the session. The
// next one's InitProducerId aborts what is open, and mend ends what the brokers
// have only half ended.
type transactions struct {
	client   *kgo.Client
	sender   *send.Sender
	id       string // transactional
	group    string
	outputs  []string // topics that may be written to
	instance *string
	implicit bool // transaction.version 2
	topicIDs map[string]kadm.TopicID

	producer recordbatch.Producer
	// coordinator is the group's, one more than its node id, 0: not known.
	coordinator atomic.Int32

	mu    sync.Mutex
	added map[send.Partition]bool // to the transaction in progress, by request
	open  bool                    // it may have begun on the coordinator
	from  member                  // who commits it
	first []kmsg.TxnOffsetCommitRequestTopic
}

// transactions are those of a client; its sender is still to be set.
func (w *Worker) transactions(client *kgo.Client, implicit bool) *transactions {
	cfg := &w.cfg
	t := &transactions{client: client, group: cfg.Group, outputs: cfg.Outputs, implicit: implicit, topicIDs: cfg.TopicIDs, added: map[send.Partition]bool{}}
	if !cfg.AtLeastOnce {
		t.id = cfg.TransactionalID
	}
	if cfg.Stable {
		t.instance = &cfg.TransactionalID
	}
	return t
}

// expect says who will commit the next transaction, and which offsets it may begin
// with: some that are committed already.
func (t *transactions) expect(from member, first []kmsg.TxnOffsetCommitRequestTopic) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.from, t.first = from, first
}

// begin gets the producer's id. The transaction that a dead process with this id
// left open is over then, and a live one is fenced.
func (t *transactions) begin(ctx context.Context) error {
	last := t.ended(ctx)
	err := t.patiently(ctx, func() error {
		p, err := send.Identify(ctx, t.client, t.id, transactionTimeout)
		if err == nil {
			t.become(p)
		}
		return err
	})
	if err != nil {
		return err
	}
	return t.mend(ctx, last)
}

// become takes an id and epoch over. Sequence numbers start over.
func (t *transactions) become(p recordbatch.Producer) {
	t.producer = p
	t.sender.Reset(p)
}

// patiently repeats a request while the transaction before is being ended, or the
// broker is busy with itself.
func (t *transactions) patiently(ctx context.Context, request func() error) error {
	for backoff := concurrentBackoff; ; {
		err := request()
		switch {
		case errors.Is(err, kerr.CoordinatorLoadInProgress):
			backoff = min(2*backoff, loadBackoff)
		case !errors.Is(err, kerr.ConcurrentTransactions):
			return err
		}
		if pause(ctx, backoff) != nil {
			return err
		}
	}
}

// before is called before records are sent. Older clusters must be told of each
// partition. The first request of a transaction may come too soon: the markers of
// the one before are still being written. A produce request would wait in the
// broker then, which looks again after 20 ms (Kafka's
// add.partitions.to.txn.retry.backoff.ms); offsets are refused at once and asked
// again. So a transaction begins with offsets, if need be with those that are
// committed already: the ones of its end replace them.
func (t *transactions) before(ctx context.Context, to []send.Partition) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	begun := t.open
	t.open = true
	if !t.implicit {
		return t.add(ctx, to)
	}
	if begun || len(t.first) == 0 {
		return nil
	}
	// Whatever is wrong with them is wrong with the transaction's own, too.
	_ = t.addOffsets(ctx, t.from, t.first)
	return nil
}

// add adds partitions to the transaction; the lock is held.
func (t *transactions) add(ctx context.Context, to []send.Partition) error {
	req := kmsg.NewPtrAddPartitionsToTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch = t.id, t.producer.ID, t.producer.Epoch
	at := map[string]int{}
	for _, p := range to {
		if t.added[p] {
			continue
		}
		i, ok := at[p.Topic]
		if !ok {
			i = len(req.Topics)
			at[p.Topic] = i
			topic := kmsg.NewAddPartitionsToTxnRequestTopic()
			topic.Topic = p.Topic
			req.Topics = append(req.Topics, topic)
		}
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, p.Partition)
	}
	if len(req.Topics) == 0 {
		return nil
	}
	err := t.patiently(ctx, func() error {
		resp, err := req.RequestWith(ctx, t.client)
		if err != nil {
			return err
		}
		for _, topic := range resp.Topics {
			for _, p := range topic.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return err
				}
			}
		}
		return kerr.ErrorForCode(resp.ErrorCode)
	})
	if err != nil {
		return fmt.Errorf("adding partitions to the transaction: %w", err)
	}
	for _, p := range to {
		t.added[p] = true
	}
	return nil
}

// begun says whether something of the transaction was sent.
func (t *transactions) begun() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.open
}

// member is who commits offsets. The group refuses the offsets of one that it
// knows by another generation.
type member struct {
	id         string
	generation int32
}

// member is who this session is in its group now.
func (t *transactions) member() member {
	id, generation := t.client.GroupMetadata()
	return member{id, generation}
}

// errRefused is for offsets that the group refuses from this member: somebody
// else has, or will have, the partitions. The transaction can be aborted.
var errRefused = errors.New("the group has moved on")

// refusals are the answers that mean errRefused.
var refusals = []error{
	kerr.IllegalGeneration, kerr.UnknownMemberID, kerr.RebalanceInProgress, kerr.StaleMemberEpoch,
	kerr.GroupIDNotFound, kerr.TransactionAbortable,
}

// offsets adds the offsets of what was consumed to the transaction.
func (t *transactions) offsets(ctx context.Context, from member, topics []kmsg.TxnOffsetCommitRequestTopic) error {
	if from.id == "" || from.generation < 0 {
		return errRefused // brokers accept offsets in the name of nobody
	}
	t.mu.Lock()
	t.open = true
	t.mu.Unlock()
	if !t.implicit {
		if err := t.addGroup(ctx); err != nil {
			return err
		}
	}
	return t.addOffsets(ctx, from, topics)
}

func (t *transactions) addOffsets(ctx context.Context, from member, topics []kmsg.TxnOffsetCommitRequestTopic) error {
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch = t.id, t.producer.ID, t.producer.Epoch
	req.Group, req.MemberID, req.Generation, req.InstanceID = t.group, from.id, from.generation, t.instance
	for i := range topics {
		topics[i].TopicID = t.topicIDs[topics[i].Topic]
	}
	req.Topics = topics
	return t.patiently(ctx, func() error {
		resp, err := t.commitOffsets(ctx, req)
		if err != nil {
			return fmt.Errorf("adding offsets to the transaction: %w", err)
		}
		for _, topic := range resp.Topics {
			for _, p := range topic.Partitions {
				err := kerr.ErrorForCode(p.ErrorCode)
				for _, refusal := range refusals {
					if errors.Is(err, refusal) {
						return fmt.Errorf("%w: %w", errRefused, err)
					}
				}
				if err != nil {
					return fmt.Errorf("adding the offset of partition %d to the transaction: %w", p.Partition, err)
				}
			}
		}
		return nil
	})
}

// commitOffsets asks the group's coordinator. The client would look for it when it
// says that it is busy, and wait for 250 ms; so it is asked by its number, as long as
// it answers and is the coordinator.
func (t *transactions) commitOffsets(ctx context.Context, req *kmsg.TxnOffsetCommitRequest) (*kmsg.TxnOffsetCommitResponse, error) {
	if known := t.coordinator.Load(); known > 0 {
		resp, err := t.client.Broker(int(known-1)).Request(ctx, req)
		if resp, ok := resp.(*kmsg.TxnOffsetCommitResponse); ok && err == nil && !elsewhere(resp) {
			return resp, nil
		}
		t.coordinator.Store(0)
	}
	shard := t.client.RequestSharded(ctx, req)[0] // one group has one coordinator
	resp, ok := shard.Resp.(*kmsg.TxnOffsetCommitResponse)
	switch {
	case shard.Err != nil:
		return nil, shard.Err
	case !ok:
		return nil, fmt.Errorf("the answer to offsets is a %T", shard.Resp)
	}
	t.coordinator.Store(shard.Meta.NodeID + 1)
	return resp, nil
}

// elsewhere says that a broker is not the group's coordinator, or not any more.
func elsewhere(resp *kmsg.TxnOffsetCommitResponse) bool {
	for _, topic := range resp.Topics {
		for _, p := range topic.Partitions {
			if p.ErrorCode == kerr.NotCoordinator.Code || p.ErrorCode == kerr.CoordinatorNotAvailable.Code {
				return true
			}
		}
	}
	return false
}

func (t *transactions) addGroup(ctx context.Context) error {
	req := kmsg.NewPtrAddOffsetsToTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group = t.id, t.producer.ID, t.producer.Epoch, t.group
	return t.patiently(ctx, func() error {
		resp, err := req.RequestWith(ctx, t.client)
		if err == nil {
			err = kerr.ErrorForCode(resp.ErrorCode)
		}
		if err != nil {
			return fmt.Errorf("adding the group to the transaction: %w", err)
		}
		return nil
	})
}

// end commits or aborts. After an error it is unknown which of both has happened.
func (t *transactions) end(ctx context.Context, commit bool) error {
	t.mu.Lock()
	open := t.open
	t.open = false
	clear(t.added)
	t.mu.Unlock()
	if !open {
		return nil
	}
	req := kmsg.NewPtrEndTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = t.id, t.producer.ID, t.producer.Epoch, commit
	return t.patiently(ctx, func() error {
		resp, err := req.RequestWith(ctx, t.client)
		if err == nil {
			err = kerr.ErrorForCode(resp.ErrorCode)
		}
		if err != nil {
			return fmt.Errorf("ending the transaction: %w", err)
		}
		if resp.Version >= implicitEndTxn && resp.ProducerID >= 0 {
			t.become(recordbatch.Producer{ID: resp.ProducerID, Epoch: resp.ProducerEpoch, Transactional: true})
		}
		return nil
	})
}
