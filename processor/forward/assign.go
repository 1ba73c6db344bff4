package forward

import (
	"context"
	"errors"
	"fmt"

	"inv/internal/kafka"
	"inv/internal/kafka/acl"
	"inv/internal/kafka/fetch"
	"inv/internal/kafka/stamp"
)

// assign begins a partition.
func (l *loop) assign(ctx context.Context, id fetch.ID, positions map[fetch.ID]position) (at int64, err error) {
	t := l.topics[id.Topic]
	o := &owned{Partition: Partition{Alias: t.alias, Topic: id.Topic, Partition: id.Partition, TopicID: t.id.String(), Retry: t.retry}, id: id}
	var stream Stream
	if l.store != nil {
		never := func() bool { return false }
		if stream, err = l.open(ctx, o.Partition, never); err != nil {
			return 0, err
		}
	}
	if at, err = l.startOf(ctx, o.Partition, positions, stream); err != nil {
		if stream != nil {
			stream.Close()
		}
		return 0, err
	}
	was := positions[id]
	taken := l.call(func() {
		if ctx.Err() != nil || l.stopping {
			err = errEnding
			return
		}
		err = l.add(o, stream, at, was)
	})
	if !taken {
		err = errEnding
	}
	if err != nil && stream != nil {
		stream.Close()
	}
	return at, err
}

// add takes a new partition; main calls it.
func (l *loop) add(o *owned, stream Stream, at int64, was position) error {
	if old := l.parts[o.id]; old != nil {
		l.drop(old)
	}
	if l.grouper != nil {
		if err := l.grouper.assigned(Place{o.Topic, o.id.Partition, at}, was.stamp.Fields[noteCuts], l.cfg.Now()); err != nil {
			return fmt.Errorf("the group %s was left by another version of inv: %w", l.group, err)
		}
	}
	l.epoch++
	o.epoch = l.epoch
	l.reader.setEpoch(o.id, o.epoch)
	l.client.ResumeFetchPartitions(map[string][]int32{o.Topic: {o.id.Partition}}) // it may have waited when it was here before
	if stream == nil {
		o.tracker = newTracker(at)
	} else {
		o.storage = l.newStorage(o, stream, at)
	}
	l.parts[o.id] = o
	l.count()
	l.cfg.Log.Debug("reading a partition", "topic", o.Topic, "partition", o.id.Partition, "offset", at)
	if stream == nil {
		return nil
	}
	o.storage.drainTo.Store(l.drainTo[o.id])
	if dead, ok := parseDead(was.stamp.Fields[noteDead]); ok && dead.to == at {
		o.storage.dead = dead
	}
	o.kept = kept{next: at, dead: o.storage.dead} // the group may be behind the store
	l.work.Go(o.storage.run)
	return nil
}

// startOf returns where to read a partition from on: the group's offset, or what a Store
// says, as far as dead letters don't follow there.
func (l *loop) startOf(ctx context.Context, p Partition, positions map[fetch.ID]position, stream Stream) (int64, error) {
	id := fetch.ID{Topic: p.Topic, Partition: p.Partition}
	was, known := positions[id]
	first, end, err := l.bounds(ctx, id)
	if err != nil {
		return 0, err
	}
	at := first
	if known {
		at = was.offset
	}
	if stream != nil {
		next, ok := stream.Next()
		if !ok {
			next = -1
		}
		switch dead, noted := parseDead(was.stamp.Fields[noteDead]); {
		case noted && dead.from == next:
			at = dead.to
		case ok:
			at = next
		case !l.cfg.Latest || p.Retry:
			at = first
		}
	}
	switch {
	case at < first:
		l.lost(id, at, first)
		at = first
	case at > end:
		return 0, beyond(id, at, end)
	}
	return at, nil
}

// relocate finds out why a partition can't be read where it should be, and reads it on from
// its first record if those before were deleted.
func (l *loop) relocate(id fetch.ID) {
	o := l.parts[id]
	if o == nil || o.leaving {
		return
	}
	at := o.next()
	l.work.Go(func() {
		first, end, err := l.bounds(l.hard, id)
		l.post(func() {
			switch {
			case err != nil:
				l.fail(err)
			case l.parts[id] != o:
			case at > end:
				l.fail(beyond(id, at, end))
			default:
				if at < first {
					l.lost(id, at, first)
				}
				l.seek(o, max(at, first), outagePause)
			}
		})
	})
}

func (l *loop) lost(id fetch.ID, from, to int64) {
	l.cfg.Log.Error("records are lost: they were deleted before they were delivered", "topic", id.Topic, "partition", id.Partition, "from", from, "to", to)
}

func beyond(id fetch.ID, at, end int64) error {
	return fmt.Errorf("%s/%d ends at %d, before the sink's position %d: %w", id.Topic, id.Partition, end, at, errBeyond)
}

// errBeyond is a topic that has lost its end, or another one of that name.
var errBeyond = errors.New("records that were delivered are gone from the topic")

// bounds returns the first offset and the end of a partition.
func (l *loop) bounds(ctx context.Context, id fetch.ID) (first, end int64, err error) {
	for {
		var firsts, ends map[fetch.ID]int64
		if firsts, err = kafka.Starts(ctx, l.client, id.Topic); err == nil {
			ends, err = kafka.Ends(ctx, l.client, id.Topic)
		}
		_, known := ends[id]
		switch {
		case err == nil && known:
			return firsts[id], ends[id], nil
		case ctx.Err() != nil:
			return 0, 0, ctx.Err()
		case err != nil && !kafka.Outage(err):
			return 0, 0, err
		}
		if err := kafka.Pause(ctx, outagePause); err != nil {
			return 0, 0, err
		}
	}
}

// decides reports whether an error of the positions ends the sink: asking again can't help.
func decides(err error) bool {
	var recreated *RecreatedError
	var format stamp.FormatError
	var denied *acl.DeniedError
	return errors.As(err, &recreated) || errors.As(err, &format) || errors.As(err, &denied) || errors.Is(err, errBeyond)
}
