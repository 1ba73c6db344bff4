package forward

import "time"

// leaving is partitions that are given up: first what is under way is finished, then it is
// committed, then they are dropped.
type leaving struct {
	parts  []*owned
	until  time.Time
	commit int // the number of the commit that is waited for, 0: not yet
	done   chan struct{}
	over   bool
}

// leave begins to give partitions up. Nothing new of them is begun.
func (l *loop) leave(parts []*owned, within time.Duration) *leaving {
	v := &leaving{parts: parts, until: time.Now().Add(within), done: make(chan struct{})}
	for _, o := range parts {
		o.leaving = true
		l.dispatch.drop(o, true)
		if o.storage != nil {
			o.storage.end(within)
		}
	}
	if l.grouper != nil {
		l.dispatch.drop(nil, true)
	}
	l.leavings = append(l.leavings, v)
	return v
}

// stop begins to give everything up.
func (l *loop) stop() *leaving {
	l.stopping = true
	l.reader.stop()
	parts := make([]*owned, 0, len(l.parts))
	for _, o := range l.parts {
		parts = append(parts, o)
	}
	return l.leave(parts, stopWithin)
}

// mustCommit reports whether partitions that are given up wait for a commit.
func (l *loop) mustCommit() bool {
	for _, v := range l.leavings {
		if v.commit > l.commits.begun {
			return true
		}
	}
	return false
}

// progress takes partitions that are given up one step further.
func (l *loop) progress() {
	kept := l.leavings[:0]
	for _, v := range l.leavings {
		late := !time.Now().Before(v.until)
		if v.commit == 0 && (late || l.quiet(v)) {
			v.commit = l.commits.begun + 1
			v.until = time.Now().Add(commitWithin)
			l.commits.after = time.Time{}
			late = false
		}
		if v.commit == 0 || l.commits.ended < v.commit && !late {
			kept = append(kept, v)
			continue
		}
		for _, o := range v.parts {
			l.drop(o)
		}
		v.over = true
		close(v.done)
	}
	clear(l.leavings[len(kept):])
	l.leavings = kept
}

// quiet reports whether nothing of the partitions is under way.
func (l *loop) quiet(v *leaving) bool {
	for _, o := range v.parts {
		if o.flying > 0 || o.storage != nil && !o.storage.hasEnded() {
			return false
		}
	}
	return l.grouper == nil || l.dispatch.underWay == 0
}

// drop forgets a partition. What is acknowledged later is ignored.
func (l *loop) drop(o *owned) {
	if l.parts[o.id] != o {
		return
	}
	delete(l.parts, o.id)
	l.cfg.Log.Debug("giving a partition up", "topic", o.Topic, "partition", o.id.Partition, "offset", o.committed.at)
	o.leaving = true
	l.dispatch.drop(o, false)
	if o.storage != nil {
		o.storage.kill()
		l.holds.drop(o.id)
		if len(o.kept.letters) > 0 {
			o.kept.letters = nil
			close(o.kept.written)
		}
	}
	if l.grouper != nil {
		l.grouper.revoked(Place{o.Topic, o.id.Partition, 0})
	}
	if l.grouper != nil && len(l.parts) == 0 {
		l.dispatch.drop(nil, false)
		l.ready, l.letters = nil, nil
	}
	l.count()
}
