package produce

import (
	"context"
	"fmt"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafka/acl"
	"inv/internal/kafka/fetch"
	"inv/internal/kafka/recordbatch"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// askAgain is how old a topic's metadata may become. Leaders are refreshed whenever
// a broker isn't one.
const askAgain = 5 * time.Minute

// fetchTopic fetches a topic's partitions, until each has a leader.
func (s *Sender) fetchTopic(ctx context.Context, name string) (*Topic, error) {
	began := time.Now()
	for {
		found, err := fetch.Metadata(ctx, s.client, []string{name})
		if err == nil && len(found.Topics) != 1 {
			err = errUnanswered
		}
		if err == nil {
			if err = unavailable(&found.Topics[0]); err == nil {
				return s.update(name, &found.Topics[0])
			}
		}
		what := s.actionFor(err)
		gone := what == bounded && time.Since(began) > missingFor
		if ctx.Err() != nil || gone || what == fail {
			return nil, fmt.Errorf("looking for topic %s: %w", name, acl.Check(err, acl.Describe, acl.Topic(name)))
		}
		_ = kafka.Pause(ctx, later) // the next round returns its error
	}
}

// unavailable returns why a topic can't be written to yet.
func unavailable(t *kmsg.MetadataResponseTopic) error {
	if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
		return err
	}
	for _, p := range t.Partitions {
		if p.Leader < 0 {
			return kerr.LeaderNotAvailable
		}
	}
	if len(t.Partitions) == 0 {
		return kerr.UnknownTopicOrPartition
	}
	return nil
}

// update takes over a topic's metadata.
func (s *Sender) update(name string, found *kmsg.MetadataResponseTopic) (*Topic, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.topics[name]
	if t == nil {
		t = &Topic{sender: s, name: name, id: found.TopicID, limit: s.opts.BatchBytes}
		if t.limit == 0 {
			t.limit = batchBytes
		}
		if s.opts.MaxBatch != nil {
			t.limit = max(min(t.limit, s.opts.MaxBatch(name)-recordbatch.Overhead), 1)
		}
		s.topics[name] = t
	}
	if t.id != found.TopicID {
		return nil, fmt.Errorf("topic %s was deleted and recreated: %w", name, kerr.UnknownTopicID)
	}
	for n := len(t.partitions); n < len(found.Partitions); n++ {
		t.partitions = append(t.partitions, &partition{topic: t, number: int32(n)})
	}
	t.setLeaders(found)
	t.asked = time.Now()
	return t, nil
}

// setLeaders takes over the partitions' leaders; the sender's lock is held.
func (t *Topic) setLeaders(found *kmsg.MetadataResponseTopic) {
	for _, p := range found.Partitions {
		if n := int(p.Partition); n >= 0 && n < len(t.partitions) && p.Leader >= 0 {
			t.partitions[n].leader = p.Leader
		}
	}
}

// refreshLeaders fetches the leaders of partitions that could not be written to.
// Unless that fails for good, those that it can't find are tried again.
func (s *Sender) refreshLeaders(ctx context.Context, moved []*partition) {
	var names []string
	seen := map[string]bool{}
	for _, p := range moved {
		if !seen[p.topic.name] {
			seen[p.topic.name] = true
			names = append(names, p.topic.name)
		}
	}
	found, err := fetch.Metadata(ctx, s.client, names)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		if ctx.Err() == nil && s.actionFor(err) == fail {
			s.fail(err)
		}
		return
	}
	for i := range found.Topics {
		found := &found.Topics[i]
		if found.Topic == nil || found.ErrorCode != 0 {
			continue
		}
		t := s.topics[*found.Topic]
		switch {
		case t == nil:
		case t.id != found.TopicID:
			s.fail(fmt.Errorf("topic %s was deleted and recreated: %w", t.name, kerr.UnknownTopicID))
		default:
			t.setLeaders(found)
		}
	}
}
