package stage

import (
	"context"
	"slices"
	"time"

	"inv/internal/kafka/partition"
	"inv/internal/kafka/produce"
	"inv/internal/kafka/recordbatch"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Tx is one transaction while it is filled.
type Tx struct {
	ctx      context.Context // ends with the session
	sender   *produce.Sender
	now      time.Time
	arena    *arena
	scratch  []byte
	touched  []*slot
	rest     kgo.Fetches // polled last, and not processed to its end
	produced int
	polls    int
	err      error // the first of what could not be appended
}

// Polls counts the session's polls. While it is the same, no record was fetched
// that is not known yet.
func (tx *Tx) Polls() int { return tx.polls }

// Context returns the context of the session.
func (tx *Tx) Context() context.Context { return tx.ctx }

// Now returns the time at which the transaction began.
func (tx *Tx) Now() time.Time { return tx.now }

// Position returns the offset behind all that was polled of a source partition that the
// transaction has touched, the ends of other transactions included; -1 if it is not known.
func (tx *Tx) Position(source Source) int64 {
	for _, s := range tx.touched {
		if s.source == source {
			return s.next
		}
	}
	return -1
}

// Output is where a topic's records of this transaction go.
type Output struct {
	tx    *Tx
	topic *produce.Topic
}

// Output returns a topic's. It waits for the cluster when a topic is asked for
// the first time.
func (tx *Tx) Output(topic string) (Output, error) { return tx.OutputTo(topic, 0) }

// OutputTo is Output for a topic that may have got a partition just now: it waits
// until the cluster shows it.
func (tx *Tx) OutputTo(topic string, partition int32) (Output, error) {
	t, err := tx.sender.TopicWith(tx.ctx, topic, partition)
	if err != nil {
		return Output{}, brokenError{err}
	}
	return Output{tx, t}, nil
}

// PartitionFor returns the partition of a key.
func (o Output) PartitionFor(key []byte) int32 { return partition.Murmur2(key, o.topic.Partitions()) }

// Append adds a record of this time, epoch ms, to a partition. Headers are as
// package recordbatch encodes them. What is given may be used again: it is copied.
// Errors end the transaction, not this call.
func (o Output) Append(to int32, ms int64, key, value, headers []byte) {
	o.tx.produced++
	o.topic.Append(to, ms, key, value, headers)
}

// Produce adds a record that is not made by the million, to its key's partition. A
// time of zero is the transaction's.
func (tx *Tx) Produce(r *kgo.Record) {
	out, err := tx.Output(r.Topic)
	if err != nil {
		tx.fail(err)
		return
	}
	to := int32(tx.produced % out.topic.Partitions()) // without a key, any
	if r.Key != nil {
		to = out.PartitionFor(r.Key)
	}
	ms := tx.now.UnixMilli()
	if !r.Timestamp.IsZero() {
		ms = r.Timestamp.UnixMilli()
	}
	tx.scratch = recordbatch.AppendHeaders(tx.scratch[:0], r.Headers)
	out.Append(to, ms, r.Key, r.Value, tx.scratch)
}

func (tx *Tx) fail(err error) {
	if tx.err == nil {
		tx.err = err
	}
}

func (tx *Tx) touch(s *slot) {
	if !s.touched {
		s.touched = true
		tx.touched = append(tx.touched, s)
	}
}

// behind reports whether a partition of the transaction is known to have more, which then
// is on its way: it is waited for, since a transaction with more in it costs less. One
// offset may be a record of thousands of lines. End markers of transactions come like
// records, so behind the last one nothing is missing.
func (tx *Tx) behind() bool {
	return slices.ContainsFunc(tx.touched, func(s *slot) bool { return s.next < s.end })
}

func (tx *Tx) commit() {
	for _, s := range tx.touched {
		s.partition.Commit()
		s.committed, s.touched = s.next, false
	}
}

func (tx *Tx) rollback() {
	for _, s := range tx.touched {
		s.partition.Rollback()
		s.next, s.touched = s.committed, false
	}
}
