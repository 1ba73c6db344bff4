package txn

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ErrRefused is the error for offsets that the group does not take from this
// member: another one has, or will have, the partitions. The transaction can be
// aborted, and the producer goes on.
var ErrRefused = errors.New("the group has moved on")

// refused reports whether a response means [ErrRefused].
func refused(err error) bool {
	switch err {
	case kerr.IllegalGeneration, kerr.UnknownMemberID, kerr.RebalanceInProgress, kerr.StaleMemberEpoch,
		kerr.GroupIDNotFound, kerr.TransactionAbortable:
		return true
	}
	return false
}

// commitOffsets puts offsets into the transaction; the lock is held.
func (p *Producer) commitOffsets(ctx context.Context, topics []kmsg.TxnOffsetCommitRequestTopic) error {
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch = p.cfg.ID, p.producer.ID, p.producer.Epoch
	req.Group, req.MemberID, req.Generation, req.InstanceID = p.cfg.Group, p.from.ID, p.from.Generation, p.cfg.Instance
	for i := range topics {
		topics[i].TopicID = p.cfg.TopicIDs[topics[i].Topic]
	}
	req.Topics = topics
	return whileBusy(ctx, func() error {
		resp, err := p.askCoordinator(ctx, req)
		if err != nil {
			return fmt.Errorf("adding offsets to the transaction: %w", err)
		}
		for _, topic := range resp.Topics {
			for _, part := range topic.Partitions {
				err := kerr.ErrorForCode(part.ErrorCode)
				if refused(err) {
					return fmt.Errorf("%w: %w", ErrRefused, err)
				}
				if err != nil {
					return fmt.Errorf("adding the offset of partition %d to the transaction: %w", part.Partition, err)
				}
			}
		}
		return nil
	})
}

// askCoordinator sends offsets to the group's coordinator. The client would look
// the coordinator up again when it is busy, and wait for 250 ms; so it is addressed
// by its node id, as long as it answers and is the coordinator.
func (p *Producer) askCoordinator(ctx context.Context, req *kmsg.TxnOffsetCommitRequest) (*kmsg.TxnOffsetCommitResponse, error) {
	if id := p.coordinator.Load(); id > 0 {
		resp, err := p.client.Broker(int(id-1)).Request(ctx, req)
		if resp, ok := resp.(*kmsg.TxnOffsetCommitResponse); ok && err == nil && !moved(resp) {
			return resp, nil
		}
		p.coordinator.Store(0)
	}
	shard := p.client.RequestSharded(ctx, req)[0] // one group has one coordinator
	resp, ok := shard.Resp.(*kmsg.TxnOffsetCommitResponse)
	switch {
	case shard.Err != nil:
		return nil, shard.Err
	case !ok:
		return nil, fmt.Errorf("the response to offsets is a %T", shard.Resp)
	}
	p.coordinator.Store(shard.Meta.NodeID + 1)
	return resp, nil
}

// moved reports whether a response came from a broker that is not the group's
// coordinator any more.
func moved(resp *kmsg.TxnOffsetCommitResponse) bool {
	for _, topic := range resp.Topics {
		for _, p := range topic.Partitions {
			if p.ErrorCode == kerr.NotCoordinator.Code || p.ErrorCode == kerr.CoordinatorNotAvailable.Code {
				return true
			}
		}
	}
	return false
}
