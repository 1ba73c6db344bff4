package stage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"inv/internal/kafka/txn"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// step is one transaction, if there is anything for it. The group gives no
// partition away meanwhile, and none is lost without this member's generation.
func (s *session) step(fetches kgo.Fetches) error {
	now := s.worker.cfg.Now()
	if fetches.NumRecords() == 0 && !s.due(now) {
		return nil
	}
	if s.turns.VersionChanged(s.ctx, versionAge) {
		return errVersion
	}
	tx := s.newTx(now)
	s.txn = s.turns.Begin(s.member(), s.known())
	consumed, ours, err := s.processPolled(tx, fetches)
	if err != nil {
		s.abandon(tx)
		return err
	}
	return s.end(tx, consumed, ours)
}

func (s *session) newTx(now time.Time) *Tx {
	return &Tx{ctx: s.ctx, sender: s.sender, now: now, arena: s.arena}
}

// versionAge is how long a session takes the cluster's transactions for unchanged.
const versionAge = time.Minute

// member returns this session's member of the group now.
func (s *session) member() txn.Member {
	id, generation := s.client.GroupMetadata()
	return txn.Member{ID: id, Generation: generation}
}

func (s *session) due(now time.Time) bool {
	for _, slot := range s.timed() {
		if due, pending := slot.partition.(Timed).NextDue(); pending && !due.After(now) {
			return true
		}
	}
	return false
}

// Transactions of a worker are apart, from where one is sealed to where the next one is,
// by some times as long as the last one took to end. Most of what a small one costs is the
// brokers' work for it, so without a pause they would take all that brokers can do, however
// few records there are; and the busier those are, the more records each should take.
const (
	apartFactor = 3
	leastApart  = 5 * time.Millisecond
	mostApart   = 30 * time.Millisecond
)

// earliest returns when the next transaction may be sealed: not after latest.
func (s *session) earliest(latest time.Time) time.Time {
	at := s.sealed.Add(min(max(apartFactor*s.took, leastApart), mostApart))
	if at.After(latest) {
		return latest
	}
	return at
}

// processPolled processes what was polled, what can be polled without waiting until the
// commit interval is over, and what comes until the transaction may end; then what is due.
func (s *session) processPolled(tx *Tx, fetches kgo.Fetches) (consumed int, ours bool, err error) {
	enough := s.enough()
	latest := time.Now().Add(s.worker.cfg.CommitEvery)
	earliest := s.earliest(latest)
	for {
		tx.polls = s.polls
		n, mine, err := s.process(tx, fetches)
		consumed += n
		if err != nil || !mine {
			tx.rest = fetches
			return consumed, mine, err
		}
		now := time.Now()
		if n == 0 && !now.Before(earliest) || max(tx.produced, consumed) >= enough || now.After(latest) {
			break
		}
		if err := s.sender.Room(s.ctx); err != nil {
			return consumed, true, brokenError{err}
		}
		wait := earliest
		if n > 0 && tx.behind() {
			wait = latest
		}
		fetches = s.pollMore(wait)
		if err := fetchError(fetches); err != nil {
			return consumed, true, err
		}
	}
	now := s.worker.cfg.Now()
	for _, slot := range s.timed() {
		timed := slot.partition.(Timed)
		if due, pending := timed.NextDue(); pending && !due.After(now) {
			tx.touch(slot)
			if err := timed.Due(tx, now); err != nil {
				return consumed, true, err
			}
		}
	}
	for _, slot := range tx.touched {
		if err := slot.partition.Seal(tx); err != nil {
			return consumed, true, err
		}
	}
	return consumed, true, tx.err
}

// pollMore takes what was fetched meanwhile, and waits at most until then if that is nothing.
func (s *session) pollMore(until time.Time) kgo.Fetches {
	s.polls++
	if !time.Now().Before(until) {
		//lint:ignore SA1012 nil means that the poll doesn't wait
		return s.client.PollRecords(nil, s.worker.cfg.MaxPoll)
	}
	ctx, cancel := context.WithDeadline(s.ctx, until)
	defer cancel()
	return s.client.PollRecords(ctx, s.worker.cfg.MaxPoll)
}

// enough returns how many records end a transaction.
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
		if !slot.touched {
			slot.first = p.Records[0].Offset
		}
		slot.end = p.LastStableOffset
		tx.touch(slot)
		for _, r := range p.Records {
			next := r.Offset + 1
			slot.epoch = r.LeaderEpoch
			if !r.Attrs.IsControl() {
				if err = slot.partition.Process(s.ctx, tx, r); err != nil {
					return
				}
				n++
			}
			slot.next = next
			r.Recycle()
		}
	})
	return n, ours, err
}

// end commits, unless the records were not all ours.
func (s *session) end(tx *Tx, consumed int, ours bool) error {
	s.sealed = time.Now()
	late, cancel := s.beforeLate()
	defer cancel()
	committed, err := s.commit(late, tx, ours)
	s.took = time.Since(s.sealed)
	s.worker.observe().Transaction(committed, consumed, tx.produced, s.took)
	if !committed {
		s.rewind(tx)
		tx.rollback()
	}
	if err != nil {
		return s.explain(brokenError{s.lateError(late, err)})
	}
	s.arena.reset()
	if committed {
		s.at(AtCommitted)
		tx.commit()
	}
	return nil
}

// commit ends a transaction. That it wasn't committed is no error if the group
// has moved on meanwhile.
func (s *session) commit(ctx context.Context, tx *Tx, ours bool) (committed bool, err error) {
	if !ours {
		return false, s.abort(ctx)
	}
	s.at(AtSealed)
	if s.worker.cfg.AtLeastOnce {
		return s.commitPlain(ctx)
	}
	switch err := s.txn.Add(ctx, s.positions(tx.touched...), s.flush); {
	case errors.Is(err, txn.ErrRefused):
		s.worker.cfg.Log.Debug("the group refuses the offsets", "stage", s.worker.cfg.Name, "because", err)
		return false, s.abort(ctx)
	case err != nil:
		return false, err
	}
	s.at(AtOffsets)
	if err := s.txn.Commit(ctx); err != nil {
		return false, err
	}
	return true, nil
}

// flush waits until the brokers have all records.
func (s *session) flush(ctx context.Context) error {
	if err := s.sender.Flush(ctx); err != nil {
		return err
	}
	s.at(AtProduced)
	return nil
}

// commitPlain is the end without transactions: records first, then offsets. What
// was written stays written if the offsets are refused, and is written again.
func (s *session) commitPlain(ctx context.Context) (bool, error) {
	if err := s.flush(ctx); err != nil {
		return false, err
	}
	if err := s.client.CommitUncommittedOffsets(kgo.PreCommitFnContext(ctx, s.stampPlain)); err != nil {
		return false, fmt.Errorf("committing: %w", err)
	}
	return true, nil
}

// abort takes back what was written in the transaction.
func (s *session) abort(ctx context.Context) error {
	if err := s.sender.Discard(ctx); err != nil {
		return err
	}
	return s.txn.Abort(ctx)
}

// abandon ends a transaction of a session that ends anyway.
func (s *session) abandon(tx *Tx) {
	late, cancel := s.beforeLate()
	defer cancel()
	_ = s.abort(late) // the next session's Init aborts what is left open
	tx.rollback()
}

// positions returns the next offsets of partitions.
func (s *session) positions(slots ...*slot) (topics []kmsg.TxnOffsetCommitRequestTopic) {
	at := map[string]int{}
	for _, slot := range slots {
		if slot.next < 0 {
			continue
		}
		i, ok := at[slot.source.Topic]
		if !ok {
			i = len(topics)
			at[slot.source.Topic] = i
			t := kmsg.NewTxnOffsetCommitRequestTopic()
			t.Topic = slot.source.Topic
			topics = append(topics, t)
		}
		p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset, p.LeaderEpoch = slot.source.Partition, slot.next, slot.epoch
		p.Metadata = kmsg.StringPtr(s.worker.cfg.Stamp(slot.next, slot.note()))
		topics[i].Partitions = append(topics[i].Partitions, p)
	}
	return topics
}

// known returns an offset that is committed already, if there is one: of the first of
// the partitions that have one, in the order of their names.
func (s *session) known() []kmsg.TxnOffsetCommitRequestTopic {
	s.mu.Lock()
	defer s.mu.Unlock()
	var first *slot
	for _, slot := range s.slots {
		if slot.partition != nil && slot.committed >= 0 && (first == nil || slot.source.less(first.source)) {
			first = slot
		}
	}
	if first == nil {
		return nil
	}
	return s.positions(first)
}

// rewind has everything that was polled for the transaction come again.
func (s *session) rewind(tx *Tx) {
	back := map[string]map[int32]kgo.EpochOffset{}
	to := func(slot *slot, first int64) {
		at := slot.committed
		if at < 0 {
			at = first // nothing was committed before it
		}
		if back[slot.source.Topic] == nil {
			back[slot.source.Topic] = map[int32]kgo.EpochOffset{}
		}
		back[slot.source.Topic][slot.source.Partition] = kgo.EpochOffset{Epoch: -1, Offset: at}
	}
	for _, slot := range tx.touched {
		if slot.next != slot.committed { // not by timers alone
			to(slot, slot.first)
		}
	}
	tx.rest.EachPartition(func(p kgo.FetchTopicPartition) {
		slot := s.owned(Source{p.Topic, p.Partition})
		if slot != nil && !slot.touched && len(p.Records) > 0 {
			to(slot, p.Records[0].Offset)
		}
	})
	s.client.SetOffsets(back)
}

// beforeLate bounds the end of a transaction.
func (s *session) beforeLate() (context.Context, context.CancelFunc) {
	return context.WithTimeout(s.ctx, endWithin)
}

func (s *session) lateError(late context.Context, err error) error {
	if late.Err() != nil && s.ctx.Err() == nil {
		return fmt.Errorf("a transaction did not end within %s: %w", endWithin, err)
	}
	return err
}

// stampPlain puts the worker's stamp on each offset that is committed without a
// transaction.
func (s *session) stampPlain(req *kmsg.OffsetCommitRequest) error {
	for t := range req.Topics {
		topic := &req.Topics[t]
		for p := range topic.Partitions {
			part, note := &topic.Partitions[p], ""
			if slot := s.ready(Source{topic.Topic, part.Partition}); slot != nil && slot.next == part.Offset {
				note = slot.note()
			}
			part.Metadata = kmsg.StringPtr(s.worker.cfg.Stamp(part.Offset, note))
		}
	}
	return nil
}
