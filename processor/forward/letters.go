package forward

import (
	"context"
	"errors"
	"fmt"
	"time"

	"inv/internal/event"
	"inv/internal/kafka"
	"inv/internal/kafka/fetch"
	"inv/internal/kafka/produce"
	"inv/internal/kafka/recordbatch"
	"inv/internal/kafka/txn"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// transactionTimeout is after which brokers abort a transaction that a dead process left.
const transactionTimeout = 10 * time.Second

// letterbox writes dead letters and the offsets that they let pass in transactions. The
// group's generation fences: what a member writes that the group has given up is aborted.
// It is used by one goroutine at a time.
type letterbox struct {
	loop   *loop
	client *kgo.Client
	sender *produce.Sender
	txn    *txn.Producer
	// unsure is a transaction of which it is not known whether it was committed.
	unsure *commit
}

func (b *letterbox) open(ctx context.Context) error {
	l := b.loop
	implicit, err := txn.Implicit(ctx, l.client)
	if err != nil {
		return err
	}
	id := l.group + "/" + l.cfg.Instance
	if b.client, err = kafka.New(l.cfg.Kafka, txn.Versions(implicit), kgo.ClientID(id)); err != nil {
		return err
	}
	ids := map[string]kadm.TopicID{}
	for name, t := range l.topics {
		ids[name] = t.id
	}
	b.txn = txn.New(b.client, txn.Config{ID: id, Timeout: transactionTimeout, Group: l.group, Outputs: []string{l.deadTopic}, TopicIDs: ids, Implicit: implicit})
	limit := func(string) int { return l.deadMax }
	if b.sender, err = produce.New(b.client, produce.Options{TransactionalID: id, Before: b.txn.Join, MaxBatch: limit}); err != nil {
		return err
	}
	return b.txn.Init(ctx, b.sender.Reset)
}

// close ends the producer; a transaction that is open is aborted.
func (b *letterbox) close() {
	if b.client == nil {
		return
	}
	if b.sender != nil {
		b.sender.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		b.txn.Abandon(ctx)
		cancel()
	}
	b.client.Close()
	b.client, b.sender, b.txn = nil, nil, nil
}

// write writes letters and offsets, all or none of them. If an error leaves it open which,
// the next call finds out, and does nothing if they are the same.
func (b *letterbox) write(ctx context.Context, c *commit) error {
	if b.client == nil {
		if err := b.open(ctx); err != nil {
			b.close()
			return fmt.Errorf("preparing to write dead letters: %w", err)
		}
	}
	if b.unsure != nil {
		done, err := b.wasCommitted(ctx)
		if err != nil {
			return err
		}
		last := b.unsure
		if b.unsure = nil; done {
			return &doneError{last}
		}
	}
	err := b.transaction(ctx, c)
	if errors.Is(err, txn.ErrRefused) {
		if err2 := b.sender.Discard(ctx); err2 != nil {
			b.close()
			return err
		}
		if err2 := b.txn.Abort(ctx); err2 != nil {
			b.close()
		}
		return err
	}
	if err != nil {
		b.close()
	}
	return err
}

func (b *letterbox) transaction(ctx context.Context, c *commit) error {
	b.txn.Begin(txn.Member{ID: c.member, Generation: c.generation}, nil)
	topic, err := b.sender.Topic(ctx, b.loop.deadTopic)
	if err != nil {
		return err
	}
	for _, r := range c.letters {
		topic.Append(0, b.loop.cfg.Now().UnixMilli(), r.Key, r.Value, recordbatch.AppendHeaders(nil, r.Headers))
	}
	if err := b.sender.Flush(ctx); err != nil {
		return fmt.Errorf("writing dead letters: %w", err)
	}
	b.loop.cfg.At("letter")
	if err := b.txn.Add(ctx, txnOffsets(c.offsets), b.sender.Flush); err != nil {
		return err
	}
	if err := b.txn.Commit(ctx); err != nil {
		b.unsure = c
		return err
	}
	return nil
}

// wasCommitted reports whether the unsure transaction was: then the group's offsets are
// its own.
func (b *letterbox) wasCommitted(ctx context.Context) (bool, error) {
	commits, err := fetch.NewCluster(b.client, true).Commits(ctx, b.loop.group)
	if err != nil {
		return false, err
	}
	for _, o := range b.unsure.offsets {
		if c := commits[o.ID]; c.At != o.at || c.Metadata != o.metadata {
			return false, nil
		}
	}
	return true, nil
}

// doneError says that the transaction before was committed after all.
type doneError struct{ last *commit }

func (e *doneError) Error() string { return "the last transaction was committed after all" }

func txnOffsets(all []offsetOf) (topics []kmsg.TxnOffsetCommitRequestTopic) {
	byTopic := map[string]int{}
	for _, o := range all {
		i, ok := byTopic[o.Topic]
		if !ok {
			i = len(topics)
			byTopic[o.Topic] = i
			t := kmsg.NewTxnOffsetCommitRequestTopic()
			t.Topic = o.Topic
			topics = append(topics, t)
		}
		p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset, p.Metadata = o.Partition, o.at, kmsg.StringPtr(o.metadata)
		topics[i].Partitions = append(topics[i].Partitions, p)
	}
	return topics
}

// reasonOf returns the reason of a dead letter.
func reasonOf(letter *kgo.Record) string {
	value, _ := event.FirstHeader(letter.Headers, event.HeaderDLQReason)
	return string(value)
}
