package forward

import (
	"context"
	"fmt"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafka/fetch"
)

// drainPoll is how often a drain looks at the committed offsets.
const drainPoll = 50 * time.Millisecond

// fewOffsets is how far behind a group may be for its remaining offsets to be read, to see
// whether there is a record among them.
const fewOffsets = 200

// drain waits until what is in the topics now is finished, by whichever instances. It looks
// at the group's offsets, once those of this process's partitions are what a Store says.
func (l *loop) drain(ctx context.Context) error {
	client, err := kafka.New(l.cfg.Kafka)
	if err != nil {
		return err
	}
	defer client.Close()
	var names []string
	for name := range l.topics {
		names = append(names, name)
	}
	var ends map[fetch.ID]int64
	for {
		if ends, err = kafka.Ends(ctx, client, names...); err == nil {
			break
		}
		if !kafka.Outage(err) {
			return fmt.Errorf("looking for the ends of the topics: %w", err)
		}
		if err := kafka.Pause(ctx, drainPoll); err != nil {
			return err
		}
	}
	l.post(func() {
		l.drainTo = ends
		for id, o := range l.parts {
			if o.storage != nil {
				o.storage.drainTo.Store(ends[id])
			}
		}
	})
	for settled := l.store == nil; !settled; {
		if err := kafka.Pause(ctx, drainPoll); err != nil {
			return err
		}
		if !l.call(func() { settled = l.settled() }) {
			return nil
		}
	}
	counter := kafka.NewLagCounter(client, 1, fewOffsets)
	for {
		unread, err := counter.Unread(ctx, l.group, ends)
		if err == nil && len(unread) == 0 {
			return nil
		}
		l.cfg.Log.Debug("waiting for unread records", "spans", unread, "error", err)
		if err := kafka.Pause(ctx, drainPoll); err != nil {
			return err
		}
	}
}
