package fetch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"inv/internal/kafka/acl"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// missingTopic is how long a complete read waits for a topic that the brokers don't
// know: their metadata may lag behind.
const missingTopic = 15 * time.Second

// settle compares the cursor's topic with the current one. It reports false if the
// read is over because its topic was deleted. A complete read fails then.
func (s *Stream) settle(ctx context.Context, c *cursor, now *Topic, told map[string]bool) bool {
	tell := func(text string) {
		if !told[c.Topic] {
			told[c.Topic] = true
			s.send(ctx, Event{Notice: "topic " + c.Topic + " " + text})
		}
	}
	recreated := now != nil && c.TopicID != now.ID && c.TopicID != [16]byte{}
	switch {
	case s.options.Complete && recreated:
		s.err = fmt.Errorf("topic %s was recreated while it was read", c.Topic)
	case s.options.Complete && now == nil && c.missing.IsZero():
		c.missing = time.Now()
	case s.options.Complete && now == nil:
		if time.Since(c.missing) > missingTopic {
			s.err = kerr.UnknownTopicOrPartition
		}
	case now == nil && c.To >= 0:
		tell("was deleted while it was read")
		return false
	case now == nil && !c.homeless:
		c.homeless = true
		tell("is gone; waiting for it to come back")
	case recreated:
		if c.To >= 0 {
			tell("was deleted and made again while it was read")
			return false
		}
		tell("was made again; reading it from its start")
		c.next, c.homeless = 0, false
	}
	if now != nil {
		c.TopicID, c.missing = now.ID, time.Time{}
	}
	return true
}

// lost handles a worker's error for a cursor. It returns an error that ends the
// stream.
func (s *Stream) lost(ctx context.Context, r report) error {
	switch {
	case errors.Is(r.err, kerr.OffsetOutOfRange):
		s.repair(ctx, r.cursor)
	case errors.Is(r.err, kerr.TopicAuthorizationFailed):
		return acl.Check(r.err, acl.Read, acl.Topic(r.cursor.Topic))
	case s.options.Complete && fatal(r.err):
		return fmt.Errorf("reading %s: %w", r.cursor.Topic, r.err)
	}
	return nil
}

// refuse reports a partition that can't be read and returns how many cursors are over
// then: 1 or, if it is to be tried again, 0.
func (s *Stream) refuse(ctx context.Context, c *cursor, err error) (over int) {
	if !c.denied {
		c.denied = true
		s.send(ctx, Event{Denied: &Denied{c.ID, err}})
	}
	if c.To >= 0 {
		return 1
	}
	s.denied = append(s.denied, c)
	return 0
}

// fatal reports whether retrying can't help. A closed client's error may be that of
// its own context.
func fatal(err error) bool {
	var code *kerr.Error
	return errors.As(err, &code) && !code.Retriable || errors.Is(err, kgo.ErrClientClosed) || errors.Is(err, context.Canceled)
}

// repair moves a cursor that is outside the partition's offsets: forward to the
// start if its records were deleted, back to the end if the log was truncated. A
// complete read begins again from the start then. What fails is retried with the
// next fetch.
func (s *Stream) repair(ctx context.Context, c *cursor) {
	topics, err := s.cluster.Topics(ctx, c.Topic)
	if err != nil || topics[c.Topic] == nil || topics[c.Topic].ID != c.TopicID {
		return // settle handles a topic that is gone or was recreated
	}
	starts, ends, err := s.cluster.Edges(ctx, []*Topic{topics[c.Topic]})
	if err != nil {
		return
	}
	from, start, end := c.next, starts[c.ID], ends[c.ID]
	switch {
	case from < start:
		c.next = start
		s.send(ctx, Event{Notice: fmt.Sprintf("%s p%d: %d to %d were deleted before they could be read; going on at %d",
			c.Topic, c.Partition, from, start-1, start)})
	case from > end && s.options.Complete:
		c.next = start
	case from > end:
		c.next = end
		s.send(ctx, Event{Notice: fmt.Sprintf("%s p%d: the log was cut back from %d to %d; going on there",
			c.Topic, c.Partition, from, end)})
	}
}
