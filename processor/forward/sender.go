package forward

import (
	"context"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafka/fetch"
)

// start tries a message, or composes those of a cut, in a goroutine of its own.
func (l *loop) start(t *try) {
	owner := t.job.lane.key.owner
	if owner != nil {
		owner.flying++
	}
	cut := t.job.todo
	l.work.Go(func() {
		l.results <- l.try(t, cut, owner)
	})
}

// try composes a cut if that is still to be done, and sends its only message.
func (l *loop) try(t *try, cut *Cut, owner *owned) result {
	r := result{try: t, owner: owner}
	if t.message == nil {
		messages, err := l.sender.Compose(cut)
		if err != nil {
			why := refusalOf(err)
			r.err = &RecordError{Record: why.record, Reason: why.reason, Err: why.err}
			return r
		}
		if len(messages) != 1 || l.cfg.Limit.Count > 0 {
			r.messages, r.several = messages, true
			return r
		}
		t.message = messages[0]
	}
	l.cfg.At("before-send")
	ctx, cancel := context.WithTimeout(l.hard, l.cfg.Timeout)
	defer cancel()
	if r.err = l.sender.Send(ctx, t.message); r.err == nil {
		l.cfg.At("answered")
	}
	return r
}

// noteRoom returns how many bytes of an offset's metadata are for the note of groups.
func (l *loop) noteRoom() int {
	used := 64
	for _, s := range append([]Source{{Alias: RetryAlias}}, l.cfg.Sources...) {
		used += len(s.Alias) + 32
	}
	return max(maxMetadata-used, 0)
}

// maxMetadata is how many bytes the metadata of an offset may have. Brokers bound it by
// offset.metadata.max.bytes, 4,096 by default.
const maxMetadata = 3500

// cutGroups takes the cuts that are due. Before they are sent, what is in them must be
// committed.
func (l *loop) cutGroups(now time.Time) {
	if l.grouper == nil || l.stopping || len(l.leavings) > 0 {
		return
	}
	for c := l.grouper.cut(now); c != nil; c = l.grouper.cut(now) {
		l.ready = append(l.ready, c)
	}
}

// flushGroups cuts groups at once when a drain has read all that it waits for.
func (l *loop) flushGroups() {
	if l.grouper == nil || len(l.drainTo) == 0 || len(l.parts) == 0 {
		return
	}
	for id, end := range l.drainTo {
		if o := l.parts[id]; o == nil || o.tracker.next < end {
			return
		}
	}
	l.drainTo = nil
	l.grouper.flush()
}

// intended lets cuts be sent whose intents are committed.
func (l *loop) intended(cuts []*Cut) {
	if len(cuts) > 0 {
		l.cfg.At("intent")
	}
	for _, c := range cuts {
		if l.grouper.underWay(c) {
			l.dispatch.add(c, laneKey{nil, c.ID})
		}
	}
}

// awaits reports whether groups need what comes next of a partition.
func (l *loop) awaits(o *owned) bool {
	if l.grouper == nil {
		return false
	}
	for _, at := range l.grouper.awaited() {
		if at.Topic == o.Topic && at.Partition == o.id.Partition {
			return true
		}
	}
	return false
}

// lookForAwaited finds out whether there is a record before the places that groups wait
// for, where none has come for a while: what was there may have been compacted away.
func (l *loop) lookForAwaited() {
	if l.grouper == nil || l.looking {
		return
	}
	var spans []kafka.Span
	for _, at := range l.grouper.awaited() {
		id := fetch.ID{Topic: at.Topic, Partition: at.Partition}
		if o := l.parts[id]; o != nil && o.tracker.next < at.Offset && time.Since(o.fetched) > awaitedFor {
			spans = append(spans, kafka.Span{ID: id, From: o.tracker.next, To: at.Offset})
		}
	}
	if len(spans) == 0 {
		return
	}
	l.looking = true
	l.work.Go(func() {
		ctx, cancel := context.WithTimeout(l.hard, l.cfg.Timeout)
		defer cancel()
		counts, err := kafka.CountRecords(ctx, l.cfg.Kafka, 1, spans...)
		l.post(func() {
			l.looking = false
			for i, s := range spans {
				if o := l.parts[s.ID]; err == nil && counts[i] == 0 && o != nil && o.tracker.next == s.From {
					o.tracker.passed(s.To)
					l.passed(o)
				}
			}
		})
	})
}

// awaitedFor is how long a record that groups wait for may not come.
const awaitedFor = 2 * time.Second

// passed tells groups how far a partition was read.
func (l *loop) passed(o *owned) {
	if l.grouper != nil {
		l.grouper.passed(Place{o.Topic, o.id.Partition, o.tracker.next})
	}
}
