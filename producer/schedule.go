package producer

import (
	"container/heap"
	"time"
)

// source is a running producer's place in the schedule.
type source struct {
	stream   int32
	next     int64    // the record's number
	end      int64    // the first number that is not made; -1: unlimited
	step     int64    // from one of the shard's records to the next
	arrivals arrivals // nil: the rate is max
	dueNext  time.Duration
}

func (s *source) advance() {
	s.next += s.step
	if s.arrivals != nil {
		s.dueNext = s.arrivals.due(s.next)
	}
}

func (s *source) over() bool { return s.end >= 0 && s.next >= s.end }

// left returns the number of records to come; -1: unlimited.
func (s *source) left() int64 {
	if s.end < 0 {
		return -1
	}
	return max(0, (s.end-s.next+s.step-1)/s.step)
}

// fill adds as many of the source's records as there is room for, with the same event
// time.
func (s *source) fill(slots []slot, at int64) []slot {
	first, size := len(slots), cap(slots)
	if left := s.left(); left >= 0 {
		size = int(min(int64(size), int64(first)+left))
	}
	slots = slots[:size]
	for i := first; i < size; i++ {
		slots[i] = slot{n: s.next, at: at, stream: s.stream}
		s.next += s.step
	}
	return slots
}

// later is a record that is due later.
type later struct {
	due  time.Duration
	slot slot
	seq  int64 // the order of those that are due at the same time
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

// schedule orders the records of all sources, and those that wait, by the time when
// they are due. It has no clock: the caller passes the time.
type schedule struct {
	plan    *Plan
	sources []*source
	waiting laterHeap
	seq     int64
	limit   time.Duration // records that are due later are not made
	faults  []Fault
	worker  *worker // to compute how many records a record causes
	drained bool    // the sources have no more records
	stores  map[int32]*store
	err     error // why it ended

	simulated bool    // the clock is
	newest    []int64 // the last event time of the records so far, by stream
}

// only returns the schedule's source, if that alone determines the records to come: no
// others wait or follow from them, and there are no faults and no rate; otherwise nil.
func (s *schedule) only() *source {
	if len(s.sources) != 1 || len(s.waiting) > 0 || len(s.faults) > 0 || s.sources[0].arrivals != nil || s.limit <= 0 {
		return nil
	}
	stream := s.plan.streams[s.sources[0].stream]
	if stream.machine != nil || len(stream.causes) > 0 || stream.memory != nil {
		return nil
	}
	return s.sources[0]
}

// wait schedules a record. One that a fault delays does not prolong a run whose sources
// have no more records.
func (s *schedule) wait(due time.Duration, at slot) {
	if s.drained && at.fault != noFault {
		due = 0
	}
	s.seq++
	heap.Push(&s.waiting, later{due, at, s.seq})
}

// overrun is how long after its end a run still makes records that were due before.
const overrun = time.Second

// peek returns when the next record is due and its source, nil if it waited; false if
// there are no more. At the rate max, it is due now. Records that follow from others, or
// that a fault delays, are made even if the run has not kept up.
func (s *schedule) peek(now time.Duration) (due time.Duration, from *source, ok bool) {
	ended := now-overrun > s.limit
	for _, src := range s.sources {
		at := src.dueNext
		if src.arrivals == nil {
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

// drain makes the records that a fault delays due at once.
func (s *schedule) drain() {
	s.drained = true
	for i := range s.waiting {
		if s.waiting[i].slot.fault != noFault {
			s.waiting[i].due = 0
		}
	}
	heap.Init(&s.waiting)
}

// take removes the record that peek found. at is its event time since start.
func (s *schedule) take(due time.Duration, from *source, at time.Duration, start time.Time) slot {
	if from == nil {
		w := heap.Pop(&s.waiting).(later)
		if w.slot.fault != noFault {
			return s.delayed(w.slot)
		}
		return s.fresh(w.slot, due, start)
	}
	out := slot{n: from.next, stream: from.stream}
	s.catchUp(from, start)
	from.advance()
	return s.fresh(out, at, start)
}

// remember passes the record what earlier ones have kept.
func (s *schedule) remember(out *slot) {
	st := s.stores[out.stream]
	if st == nil {
		if s.stores == nil {
			s.stores = map[int32]*store{}
		}
		st = newStore(s.plan.streams[out.stream])
		s.stores[out.stream] = st
	}
	if err := st.remember(s.worker, out); err != nil && s.err == nil {
		s.err = err
	}
	if out.n >= 0 {
		st.next = out.n + 1
	}
}

// catchUp computes what the records before a source's next one keep, which this run
// doesn't make.
func (s *schedule) catchUp(from *source, start time.Time) {
	stream := s.plan.streams[from.stream]
	if stream.memory == nil || stream.machine != nil {
		return
	}
	first := int64(0)
	if st := s.stores[from.stream]; st != nil {
		first = st.next
	}
	for n := first; n < from.next && s.err == nil; n++ {
		skipped := slot{n: n, stream: from.stream, at: start.UnixMilli()}
		if from.arrivals != nil {
			skipped.at = start.Add(from.arrivals.due(n)).UnixMilli()
		}
		s.remember(&skipped)
	}
}

// delayed returns a record that a fault has delayed, when it is due. If no other one of
// its producer has overtaken it, it waits for the next one, and then loses the fault:
// nobody could tell that it was delayed, unless by the wall clock.
func (s *schedule) delayed(at slot) slot {
	waited := at.fault == late && !s.simulated && !s.drained
	if at.fault != duplicate && !waited && at.at >= s.newest[at.stream] {
		if next, ok := s.nextSource(); ok && !at.held {
			at.held = true
			s.wait(next+1, at)
			at.skip = true
			return at
		}
		at.fault = noFault
	}
	s.newest[at.stream] = max(s.newest[at.stream], at.at)
	return at
}

// nextSource returns when the next record of a source with a rate is due; false if there
// is none.
func (s *schedule) nextSource() (due time.Duration, ok bool) {
	for _, src := range s.sources {
		if src.arrivals != nil && !src.over() && src.dueNext < s.limit && (!ok || src.dueNext < due) {
			due, ok = src.dueNext, true
		}
	}
	return due, ok
}

// fresh gives a record its event time and its fault, and schedules what follows from
// it. A record that a fault delays is skipped here and waits.
func (s *schedule) fresh(out slot, at time.Duration, start time.Time) slot {
	out.at = start.Add(at).UnixMilli()
	stream := s.plan.streams[out.stream]
	if stream.memory != nil {
		s.remember(&out)
	}
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
	if !out.skip {
		s.newest[out.stream] = max(s.newest[out.stream], out.at)
	}
	return out
}
