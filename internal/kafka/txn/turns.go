package txn

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"inv/internal/kafka/produce"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Turns are two producers that take a worker's transactions in turn.
//
// Brokers answer the end of a transaction before its markers are written, and refuse
// the producer's next one until they are: with short transactions that pause is half the
// time. So the other producer begins the next one meanwhile. They don't overlap: each is
// begun when the end of the one before is acknowledged, and from then on nothing undoes
// that one. So records stand in the order of the transactions; and of two offsets of a
// partition a group keeps the one that was written last, whichever marker comes first
// (OffsetMetadataManager of Apache Kafka 4).
//
// That needs the epoch that each transaction has since KIP-890, since sequence numbers
// start over with it. On older clusters there is one producer.
type Turns struct {
	sender    *produce.Sender
	producers []*Producer // the first has the transactional id itself
	begun     int         // transactions
}

// secondSuffix makes the second transactional id: one that no instance of its own is named
// for, and that a right to the ids that begin with an application's name covers.
const secondSuffix = "/2nd"

// NewTurns makes the producers of a transactional id. The sender, which sends the batches
// of both, is one of the same client, which has [Versions] for cfg.Implicit.
func NewTurns(client *kgo.Client, sender *produce.Sender, cfg Config) *Turns {
	t := &Turns{sender: sender, producers: []*Producer{New(client, cfg)}}
	if cfg.Implicit && cfg.ID != "" {
		cfg.ID += secondSuffix
		t.producers = append(t.producers, New(client, cfg))
	}
	return t
}

// Init is [Producer.Init] of both. Who has no right to the second transactional id does
// without it.
func (t *Turns) Init(ctx context.Context) error {
	errs := make([]error, len(t.producers))
	var group sync.WaitGroup
	for i, p := range t.producers {
		group.Go(func() { errs[i] = p.Init(ctx, t.sender.Reset) })
	}
	group.Wait()
	if last := len(errs) - 1; last > 0 && errors.Is(errs[last], kerr.TransactionalIDAuthorizationFailed) {
		t.producers, errs = t.producers[:last], errs[:last]
	}
	t.take(t.producers[0])
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// take makes a producer the one whose batches are sent.
func (t *Turns) take(p *Producer) {
	if p.cfg.ID == "" {
		t.sender.Reset(p.producer)
		return
	}
	t.sender.Become(p.producer, p.cfg.ID, p.Join)
}

// Begin begins a transaction, see [Producer.Begin], and returns the producer whose turn
// it is. The transaction before must have ended.
func (t *Turns) Begin(from Member, known []kmsg.TxnOffsetCommitRequestTopic) *Producer {
	p := t.producers[t.begun%len(t.producers)]
	t.begun++
	if len(t.producers) > 1 {
		t.take(p)
	}
	p.Begin(from, known)
	return p
}

// VersionChanged is [Producer.VersionChanged].
func (t *Turns) VersionChanged(ctx context.Context, maxAge time.Duration) bool {
	return t.producers[0].VersionChanged(ctx, maxAge)
}

// Taken reports whether another process has one of the transactional ids, see
// [Producer.Taken].
func (t *Turns) Taken(ctx context.Context) bool {
	return slices.ContainsFunc(t.producers, func(p *Producer) bool { return p.Taken(ctx) })
}

// Abandon is [Producer.Abandon] of both.
func (t *Turns) Abandon(ctx context.Context) {
	for _, p := range t.producers {
		p.Abandon(ctx)
	}
}
