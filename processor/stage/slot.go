package stage

import (
	"context"
	"maps"

	"github.com/twmb/franz-go/pkg/kgo"
)

// slot is one ownership of a source partition. A partition that is lost and
// comes back has a new slot; what the old one's restore finds is dropped.
type slot struct {
	source    Source
	ctx       context.Context // ends with the ownership
	cancel    context.CancelFunc
	partition Partition // nil until restored
	committed int64     // next offset as of the last commit, -1: none yet
	next      int64     // next offset in the transaction in progress
	first     int64     // first offset in it
	end       int64     // of what was there to be read when its records were fetched
	epoch     int32     // of the leader that the last record came from, -1: none yet
	touched   bool      // by the transaction in progress
}

// note returns what the partition adds to the metadata of its offset.
func (s *slot) note() string {
	if noted, ok := s.partition.(Noted); ok {
		return noted.Note()
	}
	return ""
}

// assigned is the group's callback with what is new to this member. It is
// called for every rebalance and never during a transaction.
func (w *session) assigned(_ context.Context, _ *kgo.Client, added map[string][]int32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	owned := w.balancer.assigned()
	for source := range w.slots {
		if !owned[source] {
			w.drop(source)
		}
	}
	for topic, partitions := range added {
		for _, p := range partitions {
			w.drop(Source{topic, p})
		}
	}
	w.report(len(owned))
}

// report tells the observer how far restoring is; the lock is held.
func (w *session) report(assigned int) {
	ready := 0
	for _, s := range w.slots {
		if s.partition != nil {
			ready++
		}
	}
	w.worker.observe().Partitions(assigned, ready)
}

// drop ends an ownership; the lock is held.
func (w *session) drop(source Source) {
	s := w.slots[source]
	if s == nil {
		return
	}
	s.cancel()
	if s.partition != nil {
		s.partition.Close()
	}
	delete(w.slots, source)
}

// lost gives partitions up at once. Until the next assignment the member may have
// a new generation already, in whose name the group would take what a timer, or
// the beginning of a transaction, says of them.
func (w *session) lost(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for topic, list := range partitions {
		for _, p := range list {
			w.drop(Source{topic, p})
		}
	}
}

// offsets is called when the group has given the committed offsets of new
// partitions, and before their first fetch. The former owner's transactions are
// over now, so what they wrote can be read.
func (w *session) offsets(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	<-w.connected
	paused := map[string][]int32{}
	for topic, partitions := range offsets {
		for p := range partitions {
			paused[topic] = append(paused[topic], p)
		}
	}
	w.client.PauseFetchPartitions(paused)
	adjusted := maps.Clone(offsets)
	for topic, partitions := range offsets {
		adjusted[topic] = maps.Clone(partitions)
		for p, o := range partitions {
			source := Source{topic, p}
			if at := o.EpochOffset().Offset; at >= 0 {
				go w.restore(w.open(source, at))
				continue
			}
			// Nothing was ever committed: the state says where to begin.
			s := w.open(source, -1)
			stop := context.AfterFunc(ctx, s.cancel)
			w.restore(s)
			stop()
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if s.committed >= 0 {
				adjusted[topic][p] = kgo.NewOffset().At(s.committed)
			}
		}
	}
	return adjusted, nil
}

// open makes the slot of a partition whose restore begins.
func (w *session) open(source Source, committed int64) *slot {
	ctx, cancel := context.WithCancel(w.ctx)
	s := &slot{source: source, ctx: ctx, cancel: cancel, committed: committed, next: committed, epoch: -1}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drop(source)
	w.slots[source] = s
	return s
}

// restore builds a slot's state and lets its records come.
func (w *session) restore(s *slot) {
	w.at(AtRestoring)
	partition, next, err := w.worker.logic.Start(s.ctx, s.source, s.committed)
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.ctx.Err() != nil || w.slots[s.source] != s {
		if partition != nil {
			partition.Close()
		}
		return // no longer ours, or stopping
	}
	if err != nil {
		w.fail(err)
		return
	}
	s.partition, s.committed, s.next = partition, next, next
	if w.holding && s.source.Topic != w.worker.cfg.First {
		w.held = append(w.held, s.source)
	} else {
		w.client.ResumeFetchPartitions(map[string][]int32{s.source.Topic: {s.source.Partition}})
	}
	w.wakeLocked()
	w.report(len(w.balancer.assigned()))
}

// owned returns the slot of a partition, nil if there is none.
func (w *session) owned(source Source) *slot {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.slots[source]
}

// ready returns the slot of a partition whose records may be processed, or nil.
func (w *session) ready(source Source) *slot {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.slots[source]; s != nil && s.partition != nil {
		return s
	}
	return nil
}
