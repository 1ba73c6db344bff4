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

// fill adds as many of the source's records as there is room for, which all happen
// at the same time.
func (s *source) fill(slots []slot, at int64) []slot {
	n, size := s.next, cap(slots)
	if s.end >= 0 {
		size = int(min(int64(size), int64(len(slots))+max(0, (s.end-n+s.step-1)/s.step)))
	}
	first := len(slots)
	slots = slots[:size]
	for i := first; i < size; i++ {
		slots[i] = slot{n: n, at: at, stream: s.stream}
		n += s.step
	}
	s.next = n
	return slots
}

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
// time. It has no clock: the caller passes the time.
type schedule struct {
	plan    *Plan
	sources []*source
	waiting laterHeap
	seq     int64
	limit   time.Duration // records due later are not made
	faults  []Fault
	worker  *worker // for how many records a record causes
	drained bool    // the sources are at their end
}

// plain returns the one source of a schedule that has no other, nothing that waits and
// nothing that follows from its records, if it is not bound by a rate; else nil.
func (s *schedule) plain() *source {
	if len(s.sources) != 1 || len(s.waiting) > 0 || len(s.faults) > 0 || !s.sources[0].max || s.limit <= 0 {
		return nil
	}
	stream := s.plan.streams[s.sources[0].stream]
	if stream.machine != nil || len(stream.causes) > 0 {
		return nil
	}
	return s.sources[0]
}

// wait puts a record aside until it is due. One that is only late on purpose
// does not keep a run going whose sources are at their end.
func (s *schedule) wait(due time.Duration, at slot) {
	if s.drained && at.fault != noFault {
		due = 0
	}
	s.seq++
	heap.Push(&s.waiting, later{due, at, s.seq})
}

// overrun is how long after its end a run still makes what was due before.
const overrun = time.Second

// peek returns when the next record is due; false if there is none any more. now is
// what the rate max means. What follows from records that were made, or is late on
// purpose, comes also if the run has not kept up.
func (s *schedule) peek(now time.Duration) (due time.Duration, from *source, ok bool) {
	ended := now-overrun > s.limit
	for _, src := range s.sources {
		at := src.dueNext
		if src.max {
			at = now
		}
		if !ended && !src.over() && at < s.limit && (from == nil || at < due) {
			due, from = at, src
		}
	}
	if from == nil && !s.drained {
		s.drain()
	}
	if len(s.waiting) > 0 && (from == nil || s.waiting[0].due <= due) {
		first := s.waiting[0]
		return first.due, nil, first.due < s.limit
	}
	return due, from, from != nil
}

// drain makes what is late on purpose due at once.
func (s *schedule) drain() {
	s.drained = true
	for i := range s.waiting {
		if s.waiting[i].slot.fault != noFault {
			s.waiting[i].due = 0
		}
	}
	heap.Init(&s.waiting)
}

// take takes the record that peek found. at is its event time since start.
func (s *schedule) take(due time.Duration, from *source, at time.Duration, start time.Time) slot {
	if from == nil {
		w := heap.Pop(&s.waiting).(later)
		if w.slot.at != 0 {
			return w.slot // it happened before
		}
		return s.fresh(w.slot, due, start)
	}
	out := slot{n: from.next, stream: from.stream}
	from.advance()
	return s.fresh(out, at, start)
}

// fresh gives a record its event time, what follows from it, and its fault. A
// record that is late on purpose waits, and the next one takes its place.
func (s *schedule) fresh(out slot, at time.Duration, start time.Time) slot {
	out.at = start.Add(at).UnixMilli()
	stream := s.plan.streams[out.stream]
	if stream.machine != nil || len(stream.causes) > 0 {
		s.follow(out, at)
	}
	if len(s.faults) == 0 {
		return out
	}
	h := recordKey(stream.random, out.n) + uint64(out.step)
	if f := faultOf(s.faults, h); f != nil {
		bad := out
		bad.fault = f.kind
		switch f.kind {
		case duplicate:
			s.wait(at+f.delayOf(h), bad)
		case late, outOfOrder:
			s.wait(at+f.delayOf(h), bad)
			out.skip = true
		default:
			out = bad
		}
	}
	return out
}
