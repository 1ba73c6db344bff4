package forward

import (
	"context"
	"time"
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
		if len(messages) != 1 {
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
		l.dispatch.add(c, laneKey{nil, c.ID})
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

// passed tells groups how far a partition was read.
func (l *loop) passed(o *owned) {
	if l.grouper != nil {
		l.grouper.passed(Place{o.Topic, o.id.Partition, o.tracker.next})
	}
}
