package txn

import (
	"context"
	"errors"
	"fmt"

	"inv/internal/kafka/produce"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// outcome is how the last transaction of a transactional id ended.
type outcome uint8

const (
	unknown outcome = iota // it is open, or there was none, or the coordinator can't tell: InitProducerId ends it
	committed
	aborted
)

// describe returns the coordinator's description of this id's transaction. Its
// State is "" if there is none or it is not known; brokers before Kafka 3.0 can't
// describe transactions.
func (p *Producer) describe(ctx context.Context) kadm.DescribedTransaction {
	if p.cfg.ID == "" {
		return kadm.DescribedTransaction{}
	}
	described, err := kadm.NewClient(p.client).DescribeTransactions(ctx, p.cfg.ID)
	if d := described[p.cfg.ID]; err == nil && d.Err == nil {
		return d
	}
	return kadm.DescribedTransaction{}
}

// Taken reports whether another producer has initialized this transactional id. A
// transaction that a broker has aborted for its age has another epoch, too, but it
// is complete.
func (p *Producer) Taken(ctx context.Context) bool {
	d := p.describe(ctx)
	ours := d.ProducerID == p.producer.ID && d.ProducerEpoch == p.producer.Epoch
	return !ours && (d.State == "Empty" || d.State == "Ongoing")
}

// lastOutcome returns how the last transaction of this id ended.
func (p *Producer) lastOutcome(ctx context.Context) outcome {
	switch p.describe(ctx).State {
	case "CompleteCommit":
		return committed
	case "CompleteAbort":
		return aborted
	}
	return unknown
}

// recover completes the last transaction where the brokers have not. A broker that
// is stopped takes a partition without a leader for a deleted one, leaves out its
// end marker and calls the transaction complete (seen with Apache Kafka 4.3.1, of
// which the only broker was stopped: COMPLETE_COMMIT on the coordinator, no marker
// in __consumer_offsets). From then on the group's offsets are unstable and the
// partition's records invisible until this producer ends another transaction there.
// So that is what recover does, with the same outcome.
func (p *Producer) recover(ctx context.Context, last outcome) error {
	if last == unknown {
		return nil
	}
	admin := kadm.NewClient(p.client)
	hanging, err := p.hanging(ctx, admin)
	if err != nil || !hanging {
		return err
	}
	ends, err := admin.ListEndOffsets(ctx, p.cfg.Outputs...)
	if err != nil {
		return fmt.Errorf("asking for the outputs' partitions: %w", err)
	}
	var to []produce.Partition
	ends.Each(func(o kadm.ListedOffset) {
		if o.Err == nil {
			to = append(to, produce.Partition{Topic: o.Topic, Partition: o.Partition})
		}
	})
	p.mu.Lock()
	p.started = true
	err = p.addPartitions(ctx, to)
	p.mu.Unlock()
	if err != nil {
		return err
	}
	if err := p.addGroup(ctx); err != nil {
		return err
	}
	return p.end(ctx, last == committed)
}

// hanging reports whether some transaction has not ended in the group's offsets or
// in an output. It may be another producer's, which is still going on.
func (p *Producer) hanging(ctx context.Context, admin *kadm.Client) (bool, error) {
	offsets, err := admin.FetchOffsets(kadm.RequireStable(ctx), p.cfg.Group)
	if err == nil {
		err = offsets.Error()
	}
	switch {
	case errors.Is(err, kerr.UnstableOffsetCommit):
		return true, nil
	case err != nil && !errors.Is(err, kerr.GroupIDNotFound):
		return false, fmt.Errorf("asking for the group's offsets: %w", err)
	}
	stable, err := admin.ListCommittedOffsets(ctx, p.cfg.Outputs...)
	if err != nil {
		return false, fmt.Errorf("asking for the outputs' stable ends: %w", err)
	}
	ends, err := admin.ListEndOffsets(ctx, p.cfg.Outputs...)
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
