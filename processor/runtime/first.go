package runtime

import (
	"slices"
	"time"

	"inv/internal/kafka"

	"github.com/twmb/franz-go/pkg/kadm"
)

// Reading Config.First ahead of the other topics.
const (
	firstEvery    = 50 * time.Millisecond // how often is looked how far it is
	firstFew      = 1000                  // so few offsets are looked at: they may be markers, which nobody commits
	firstPatience = 5 * time.Second       // when the others could begin, but it makes no progress, they do
)

// holdBack keeps the other topics' partitions paused until the group has read
// the first topic, whichever member does.
func (s *session) holdBack() {
	<-s.connected
	cfg := &s.worker.cfg
	admin := kadm.NewClient(s.client)
	var best int64
	for moved := time.Now(); time.Since(moved) < firstPatience; {
		left, at := s.left(admin, cfg.First)
		if s.empty(left) {
			break
		}
		if at > best || !s.holds() {
			best, moved = at, time.Now()
		}
		if pause(s.ctx, firstEvery) != nil {
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holding = false
	for _, source := range s.held {
		if slot := s.slots[source]; slot == nil || slot.partition == nil {
			continue // given away meanwhile, or being rebuilt
		}
		s.client.ResumeFetchPartitions(map[string][]int32{source.Topic: {source.Partition}})
	}
	s.held = nil
	s.wakeLocked()
}

// holds says whether there is a partition that waits.
func (s *session) holds() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.held) > 0
}

// left is what the group has not committed of a topic, nil if that can't be told
// now, and how many offsets it has.
func (s *session) left(admin *kadm.Client, topic string) (left []kafka.Span, at int64) {
	ends, err := admin.ListCommittedOffsets(s.ctx, topic)
	if err != nil {
		return nil, 0
	}
	committed, err := admin.FetchOffsets(s.ctx, s.worker.cfg.Group)
	if err != nil {
		committed = nil // not there yet
	}
	left = []kafka.Span{}
	ends.Each(func(end kadm.ListedOffset) {
		var done int64
		if o, ok := committed.Lookup(topic, end.Partition); ok && o.Err == nil {
			done = max(o.At, 0)
		}
		at += done
		if done < end.Offset {
			left = append(left, kafka.Span{Topic: topic, Partition: end.Partition, From: done, To: end.Offset})
		}
	})
	return left, at
}

// empty says whether there is certainly no record in the spans.
func (s *session) empty(left []kafka.Span) bool {
	if len(left) == 0 {
		return left != nil
	}
	var offsets int64
	for _, span := range left {
		offsets += span.To - span.From
	}
	if offsets > firstFew {
		return false
	}
	counts, err := kafka.CountRecords(s.ctx, s.worker.cfg.Kafka, 1, left...)
	return err == nil && slices.Max(counts) == 0
}
