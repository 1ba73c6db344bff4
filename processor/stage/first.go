package stage

import (
	"time"

	"inv/internal/kafka"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Reading Config.First ahead of the other topics.
const (
	firstEvery    = 20 * time.Millisecond // how often progress is checked
	firstFew      = 1000                  // so few offsets are read: they may be markers, which nobody commits
	firstPatience = 5 * time.Second       // the others begin if they could and no progress is made for so long
)

// holdBack keeps the other topics' partitions paused until the group has read
// the first topic, whichever member does.
func (s *session) holdBack() {
	<-s.connected
	if client, err := kafka.New(s.worker.cfg.Kafka); err == nil { // the session's own waits for its fetches
		defer client.Close()
		counter := kafka.NewLagCounter(client, 1, firstFew)
		var best int64
		for moved := time.Now(); time.Since(moved) < firstPatience; {
			done, read := s.readFirst(client, counter)
			if done {
				break
			}
			if read > best || !s.holds() {
				best, moved = read, time.Now()
			}
			if kafka.Pause(s.ctx, firstEvery) != nil {
				return
			}
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

// holds reports whether a partition is held back.
func (s *session) holds() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.held) > 0
}

// readFirst reports whether the group has certainly read all of the first topic,
// and how many of its offsets; 0 if that can't be known now.
func (s *session) readFirst(client *kgo.Client, counter *kafka.LagCounter) (done bool, read int64) {
	ends, err := kafka.StableEnds(s.ctx, client, s.worker.cfg.First)
	if err != nil {
		return false, 0
	}
	unread, err := counter.Unread(s.ctx, s.worker.cfg.Group, ends)
	if err != nil {
		return false, 0
	}
	for _, end := range ends {
		read += end
	}
	for _, span := range unread {
		read -= span.To - span.From
	}
	return len(unread) == 0, read
}
