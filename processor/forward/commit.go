package forward

import (
	"context"
	"errors"
	"slices"
	"time"

	"inv/internal/kafka/acl"
	"inv/internal/kafka/stamp"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// lettersAtOnce is about how many dead letters are written in one transaction.
const lettersAtOnce = 200

// commits is what main knows of commits. One is under way at a time; each has what is
// finished when it begins, of all partitions that have something new.
type commits struct {
	box      *letterbox
	due      bool // it is time
	underWay bool
	begun    int // number of the last one
	ended    int
	failures int
	after    time.Time // not before, since the last one failed
	said     time.Time // when a failure was logged last
}

// commit is one of them.
type commit struct {
	offsets    []offsetOf
	letters    []*kgo.Record
	parts      []*owned
	cuts       []*Cut
	member     string
	generation int32
}

// commitNext begins a commit if there is a reason to: it is time, dead letters or cuts
// wait for it, or partitions are given up.
func (l *loop) commitNext() {
	c := &l.commits
	now := time.Now()
	if c.underWay || now.Before(c.after) || !c.due && len(l.ready) == 0 && !l.lettersWait() && !l.mustCommit() {
		return
	}
	c.due = false
	next := l.snapshot()
	if len(next.offsets) == 0 {
		if len(next.cuts) == 0 {
			c.begun++
			c.ended = c.begun
			l.progress()
			return
		}
	}
	c.underWay = true
	c.begun++
	l.ready = nil
	l.work.Go(func() {
		ctx, cancel := context.WithTimeout(l.hard, l.cfg.Timeout)
		defer cancel()
		err := l.write(ctx, next)
		l.post(func() { l.afterCommit(next, err) })
	})
}

// lettersWait reports whether dead letters could be written.
func (l *loop) lettersWait() bool {
	if len(l.letters) > 0 {
		return true
	}
	for _, o := range l.parts {
		if o.storage != nil && len(o.kept.letters) > 0 {
			return true
		}
		if o.tracker != nil && o.tracker.letterWaits() {
			return true
		}
	}
	return false
}

// snapshot returns what is to be committed.
func (l *loop) snapshot() *commit {
	c := &commit{cuts: l.ready, letters: slices.Clone(l.letters)}
	c.member, c.generation = l.client.GroupMetadata()
	changed := len(c.cuts) > 0 || len(c.letters) > 0
	notes := l.groupNotes()
	for id, o := range l.parts {
		at, letters, fields := l.finished(o)
		if note := notes[o]; note != "" {
			fields = append(fields, noteCuts+"="+note)
		}
		next := offsetOf{id, at, stamp.Metadata(at, fields...)}
		if next == o.committed && l.grouper == nil {
			continue
		}
		changed = changed || next != o.committed
		c.offsets, c.parts = append(c.offsets, next), append(c.parts, o)
		c.letters = append(c.letters, letters...)
	}
	if !changed {
		return &commit{}
	}
	return c
}

// finished returns what a partition's offset can be now, the letters that are written with
// it, and the fields of its metadata.
func (l *loop) finished(o *owned) (at int64, letters []*kgo.Record, fields []string) {
	fields = append(fields, l.ids...)
	if o.storage == nil {
		letters, at = o.tracker.dead(lettersAtOnce)
		return at, letters, fields
	}
	if o.kept.dead.to > 0 {
		fields = append(fields, o.kept.dead.String())
	}
	return o.kept.next, o.kept.letters, fields
}

// groupNotes returns the notes of groups by partition.
func (l *loop) groupNotes() map[*owned]string {
	if l.grouper == nil {
		return nil
	}
	var places []Place
	var parts []*owned
	for id, o := range l.parts {
		_, at := o.tracker.dead(lettersAtOnce)
		places = append(places, Place{id.Topic, id.Partition, at})
		parts = append(parts, o)
	}
	notes := map[*owned]string{}
	for i, note := range l.grouper.notes(places, l.cfg.Now()) {
		notes[parts[i]] = note
	}
	return notes
}

// write commits offsets, with dead letters in one transaction.
func (l *loop) write(ctx context.Context, c *commit) error {
	if c.member == "" {
		return kerr.UnknownMemberID // brokers would take offsets in the name of nobody
	}
	if len(c.letters) == 0 {
		return commitOffsets(ctx, l.client, l.group, c.member, c.generation, l.topics, c.offsets)
	}
	if l.commits.box == nil {
		l.commits.box = &letterbox{loop: l}
	}
	return l.commits.box.write(ctx, c)
}

// afterCommit takes the end of a commit.
func (l *loop) afterCommit(c *commit, err error) {
	l.commits.underWay = false
	l.commits.ended = l.commits.begun
	var done *doneError
	if errors.As(err, &done) {
		// The one before took effect; this one is yet to come.
		l.ready = append(c.cuts, l.ready...)
		c, err = &commit{offsets: done.last.offsets, letters: done.last.letters, parts: done.last.parts}, nil
		l.commits.due = true
	}
	if err != nil {
		l.ready = append(c.cuts, l.ready...)
		l.commitFailed(err)
		l.progress()
		return
	}
	l.commits.failures = 0
	l.stats.commits.Add(1)
	for _, r := range c.letters {
		l.stats.letter(reasonOf(r))
	}
	for i, o := range c.parts {
		if l.parts[o.id] != o {
			continue
		}
		o.committed = c.offsets[i]
		if o.storage == nil {
			o.tracker.written(o.committed.at)
		} else if len(o.kept.letters) > 0 && o.kept.next == o.committed.at {
			o.kept.letters = nil
			close(o.kept.written)
		}
	}
	l.letters = slices.DeleteFunc(l.letters, func(r *kgo.Record) bool { return slices.Contains(c.letters, r) })
	l.intended(c.cuts)
	l.progress()
}

// commitFailed decides what a failure means. The offsets are committed again, unless the
// partitions are another member's by now.
func (l *loop) commitFailed(err error) {
	var denied *acl.DeniedError
	switch {
	case errors.As(err, &denied), isAny(err, kerr.OffsetMetadataTooLarge, kerr.TopicAuthorizationFailed, kerr.TransactionalIDAuthorizationFailed, kerr.GroupAuthorizationFailed):
		l.fail(err)
		return
	case movedOn(err), errors.Is(err, context.Canceled):
		l.cfg.Log.Debug("the group takes no offsets now", "error", err)
	case l.commits.said.IsZero() || time.Since(l.commits.said) > sayEvery:
		l.commits.said = time.Now()
		l.cfg.Log.Warn("offsets could not be committed, it is tried again", "because", err)
	}
	l.commits.failures++
	l.commits.after = time.Now().Add(pauseAfter(err, min(l.commits.failures, 4), 1))
}
