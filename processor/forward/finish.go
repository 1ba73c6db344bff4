package forward

import (
	"time"

	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kgo"
)

// landed takes the end of a try.
func (l *loop) landed(r result) {
	if r.owner != nil {
		r.owner.flying--
	}
	now := l.cfg.Now()
	var finished *job
	if r.several {
		finished = l.dispatch.composed(r.try, r.messages)
	} else {
		l.stats.tries.Add(1)
		var stop error
		finished, stop = l.dispatch.done(r.try, r.err, now)
		l.fail(stop)
		switch {
		case r.err != nil:
			l.stats.failures.Add(1)
			l.cfg.Log.Debug("a try failed", "id", r.try.job.cut.ID, "error", l.cfg.Hide(r.err))
		default:
			l.stats.messages.Add(1)
			if line := l.dispatch.holding.succeeded(now); line != "" {
				l.cfg.Log.Info(line)
			}
		}
	}
	if finished != nil {
		l.finish(finished, now)
	}
}

// finish ends the records of a job. The dead letters of groups don't wait for the
// watermark: the next commit has them, and notes that skip their records after a restart.
func (l *loop) finish(j *job, now time.Time) {
	if l.grouper != nil && !l.grouper.underWay(j.cut) {
		return // of an assignment before
	}
	for _, r := range j.cut.Records {
		letters := l.lettersOf(j, r)
		if len(letters) == 0 {
			l.stats.delivered.Add(1)
		}
		o := l.parts[fetch.ID{Topic: r.At.Topic, Partition: r.At.Partition}]
		switch {
		case o == nil:
		case l.grouper != nil:
			l.letters = append(l.letters, letters...)
			o.tracker.finish(r.At.Offset)
		case o == j.lane.key.owner:
			o.tracker.finish(r.At.Offset, letters...)
		}
	}
	if l.grouper != nil {
		l.grouper.delivered(j.cut, now)
	}
}

// lettersOf returns the dead letters of a record of a job: of itself if it was refused
// before the message was made, else one per message that was.
func (l *loop) lettersOf(j *job, r *Record) (letters []*kgo.Record) {
	for _, why := range j.refusals {
		if why.record == r {
			return []*kgo.Record{l.letter(r, why)}
		}
	}
	for _, why := range j.refusals {
		if why.record == nil {
			letters = append(letters, l.letter(r, why))
		}
	}
	return letters
}
