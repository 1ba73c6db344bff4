package runtime

import (
	"context"
	"errors"
	"fmt"

	"inv/internal/send"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// outcome is how the last transaction of a transactional id has ended.
type outcome uint8

const (
	unknown outcome = iota // it is open, or there was none, or it can't be told: InitProducerId ends it
	hasCommitted
	hasAborted
)

// describe asks what the coordinator knows of this id. Its State is "" if there is
// none, or if that can't be told.
func (t *transactions) describe(ctx context.Context) kadm.DescribedTransaction {
	if t.id == "" {
		return kadm.DescribedTransaction{}
	}
	described, err := kadm.NewClient(t.client).DescribeTransactions(ctx, t.id)
	if d := described[t.id]; err == nil && d.Err == nil {
		return d
	}
	return kadm.DescribedTransaction{}
}

// ended asks how the last transaction of this id has ended. Brokers before Kafka
// 3.0 can't tell.
func (t *transactions) ended(ctx context.Context) outcome {
	switch t.describe(ctx).State {
	case "CompleteCommit":
		return hasCommitted
	case "CompleteAbort":
		return hasAborted
	}
	return unknown
}

// mend ends the last transaction once more where the brokers have not. A broker
// that is stopped takes a partition without a leader for a deleted one, leaves its
// end marker out and calls the transaction complete (seen with Apache Kafka 4.3.1,
// of which the only broker was stopped: COMPLETE_COMMIT on the coordinator, no
// marker in __consumer_offsets). From then on the group's offsets are unstable and
// the partition's records invisible until this producer ends another transaction
// there. So that is what is done, and with the same outcome.
func (t *transactions) mend(ctx context.Context, last outcome) error {
	if last == unknown {
		return nil
	}
	admin := kadm.NewClient(t.client)
	hanging, err := t.hanging(ctx, admin)
	if err != nil || !hanging {
		return err
	}
	ends, err := admin.ListEndOffsets(ctx, t.outputs...)
	if err != nil {
		return fmt.Errorf("asking for the outputs' partitions: %w", err)
	}
	var to []send.Partition
	ends.Each(func(o kadm.ListedOffset) {
		if o.Err == nil {
			to = append(to, send.Partition{Topic: o.Topic, Partition: o.Partition})
		}
	})
	t.mu.Lock()
	t.open = true
	err = t.add(ctx, to)
	t.mu.Unlock()
	if err != nil {
		return err
	}
	if err := t.addGroup(ctx); err != nil {
		return err
	}
	return t.end(ctx, last == hasCommitted)
}

// hanging says whether something of a transaction has not ended: the offsets of
// the group, or records of an output. It may be somebody else's that goes on.
func (t *transactions) hanging(ctx context.Context, admin *kadm.Client) (bool, error) {
	offsets, err := admin.FetchOffsets(kadm.RequireStable(ctx), t.group)
	if err == nil {
		err = offsets.Error()
	}
	switch {
	case errors.Is(err, kerr.UnstableOffsetCommit):
		return true, nil
	case err != nil && !errors.Is(err, kerr.GroupIDNotFound):
		return false, fmt.Errorf("asking for the group's offsets: %w", err)
	}
	stable, err := admin.ListCommittedOffsets(ctx, t.outputs...)
	if err != nil {
		return false, fmt.Errorf("asking for the outputs' stable ends: %w", err)
	}
	ends, err := admin.ListEndOffsets(ctx, t.outputs...)
	if err != nil {
		return false, fmt.Errorf("asking for the outputs' ends: %w", err)
	}
	found := false
	stable.Each(func(o kadm.ListedOffset) {
		if end, ok := ends.Lookup(o.Topic, o.Partition); ok && o.Err == nil && end.Err == nil && o.Offset < end.Offset {
			found = true
		}
	})
	return found, nil
}
