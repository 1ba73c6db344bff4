package producer

import (
	"container/heap"
	"time"
)

// source is a running producer's place in the schedule.
type source struct {
	stream   int32
	next     int64 // the record's number
	end      int64 // the first number that is not made; -1: no end
	step     int64 // from one of the shard's records to the next
	arrivals arrivals
	dueNext  time.Duration
	max      bool
}

func (s *source) advance() {
	s.next += s.step
	if !s.max {
		s.dueNext = s.arrivals.due(s.next)
	}
}

func (s *source) over() bool { return s.end >= 0 && s.next >= s.end }

// later is a record whose time has not come yet.
type later struct {
	due  time.Duration
	slot slot
	seq  int64 // among equals, first come first served
}

type laterHeap []later

func (h laterHeap) Len() int { return len(h) }
func (h laterHeap) Less(i, j int) bool {
	return h[i].due < h[j].due || h[i].due == h[j].due && h[i].seq < h[j].seq
}
func (h laterHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *laterHeap) Push(x any)   { *h = append(*h, x.(later)) }
func (h *laterHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}

// schedule puts the records of all sources and those that wait into one order of
// time. It knows no clock: whoever asks says how late it is.
type schedule struct {
	plan    *Plan
	sources []*source
	waiting laterHeap
	seq     int64
	limit   time.Duration // records due later are not made
	sending bool          // false: the sources are cut off, what waits still comes
}

// wait puts a record aside until it is due.
func (s *schedule) wait(due time.Duration, at slot) {
	s.seq++
	heap.Push(&s.waiting, later{due, at, s.seq})
}

// peek is when the next record is due; false if there is none any more. soonest
// is what the rate max means by now.
func (s *schedule) peek(now time.Duration) (due time.Duration, from *source, ok bool) {
	if s.sending {
		for _, src := range s.sources {
			at := src.dueNext
			if src.max {
				at = now
			}
			if !src.over() && at < s.limit && (from == nil || at < due) {
				due, from = at, src
			}
		}
	}
	if len(s.waiting) > 0 && (from == nil || s.waiting[0].due <= due) {
		return s.waiting[0].due, nil, true
	}
	return due, from, from != nil
}

// take takes the record that peek found.
func (s *schedule) take(due time.Duration, from *source) slot {
	if from == nil {
		return heap.Pop(&s.waiting).(later).slot
	}
	out := slot{n: from.next, stream: from.stream}
	from.advance()
	return out
}
