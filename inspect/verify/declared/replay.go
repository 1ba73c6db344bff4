package declared

import (
	"cmp"
	"container/heap"
	"fmt"
	"slices"
	"strings"

	"inv/internal/event"
	"inv/internal/kafka/fetch"

	"github.com/itchyny/gojq"
)

// Letter is a dead letter.
type Letter struct {
	Refusal
	Source event.Place // of the record; Topic is "" for a timer's or window's step
	Value  []byte      // of a timer's letter
	Key    string      // of the state
}

// Result is an output or a letter, and the number of the line that led to it.
type Result struct {
	Output *Output
	Letter *Letter
	Line   int64
}

// Replay applies the lines of one partition of a log. It is for one goroutine.
type Replay struct {
	// refused, if not nil, reports a line that the processor refused for a reason that
	// can't be foreseen here, such as a topic's limit: such a step is undone.
	refused func(l *Line, after *state, out []Output) *Refusal

	t       *Topology
	line    int64 // the number of the line that is applied
	states  map[string]*state
	open    map[string]*state // the open session of a key
	due     dues
	latest  map[fetch.ID]int64 // by source partition; those that are empty have none
	empty   map[fetch.ID]bool
	parts   map[string]int64
	mark    *int64 // the watermark; nil: undefined
	held    heldLines
	results []Result
}

// NewReplay returns the state of a partition before its first line.
func (t *Topology) NewReplay() *Replay {
	return &Replay{t: t, states: map[string]*state{}, open: map[string]*state{}, latest: map[fetch.ID]int64{}, empty: map[fetch.ID]bool{}}
}

// Apply applies the next line, and returns what follows from it.
func (r *Replay) Apply(number int64, l *Line) []Result {
	r.line, r.results = number, nil
	switch {
	case l.Tick != nil:
		r.tick(l.Tick)
		r.pass()
	case r.late(l):
		r.see(idOf(l.Source), l.Time)
		r.letter(&Letter{Refusal: Refusal{Reason: reasonLate}, Source: l.Source, Key: l.Key})
		r.pass()
	case r.t.ordered():
		r.see(idOf(l.Source), l.Time)
		heap.Push(&r.held, l.outline())
		r.pass()
	default:
		r.see(idOf(l.Source), l.Time)
		r.pass()
		r.apply(l)
		r.pass()
	}
	return r.results
}

// Held returns the lines that wait for their time.
func (r *Replay) Held() int { return len(r.held) }

// see counts a time of a source partition, and raises the watermark.
func (r *Replay) see(source fetch.ID, ms int64) {
	if before, ok := r.latest[source]; !ok || ms > before {
		r.latest[source] = ms
		r.raise()
	}
}

func (r *Replay) tick(t *Tick) {
	r.parts = t.Parts
	if source := idOf(t.Of); t.Time == nil {
		r.empty[source] = true
		r.raise()
	} else {
		r.see(source, *t.Time)
		r.raise()
	}
}

// raise sets the watermark to the least of the latest times of all partitions.
func (r *Replay) raise() {
	if r.parts == nil {
		return
	}
	var least *int64
	for topic, n := range r.parts {
		for p := range n {
			source := fetch.ID{Topic: topic, Partition: int32(p)}
			ms, ok := r.latest[source]
			switch {
			case !ok && !r.empty[source]:
				return // nothing is known of it
			case ok && (least == nil || ms < *least):
				least = &ms
			}
		}
	}
	if least != nil && (r.mark == nil || *least > *r.mark) {
		r.mark = least
	}
}

// stageTime returns T, and reports whether it is defined.
func (r *Replay) stageTime() (int64, bool) {
	if r.mark == nil {
		return 0, false
	}
	grace, _ := r.t.Graceful()
	return *r.mark - grace.Milliseconds(), true
}

// late reports whether a line comes too late.
func (r *Replay) late(l *Line) bool {
	_, limited := r.t.Graceful()
	now, ok := r.stageTime()
	return limited && ok && l.Time < now
}

// pass makes everything happen that is due now.
func (r *Replay) pass() {
	now, ok := r.stageTime()
	if !ok {
		return
	}
	if r.t.ordered() {
		for len(r.held) > 0 && r.held[0].Time < now {
			l := heap.Pop(&r.held).(*Line).complete()
			r.happen(l.Time)
			r.apply(l)
		}
	} else if r.t.Window == nil {
		now = *r.mark
	}
	r.happen(now)
}

// byTime is the order of lines with order: time.
func byTime(a, b *Line) int {
	return cmp.Or(cmp.Compare(a.Time, b.Time), strings.Compare(a.Source.Topic, b.Source.Topic), cmp.Compare(a.Source.Partition, b.Source.Partition),
		cmp.Compare(a.Source.Offset, b.Source.Offset), cmp.Compare(index(a), index(b)))
}

func index(l *Line) int64 {
	i, _ := whole(l.Index)
	return i
}

// heldLines is a heap of lines in the order of their times.
type heldLines []*Line

func (h heldLines) Len() int           { return len(h) }
func (h heldLines) Less(i, j int) bool { return byTime(h[i], h[j]) < 0 }
func (h heldLines) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *heldLines) Push(l any)        { *h = append(*h, l.(*Line)) }
func (h *heldLines) Pop() any {
	last := len(*h) - 1
	l := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return l
}

// happen makes everything happen that is due at or before a time, in its order; what
// follows from it, too.
func (r *Replay) happen(clock int64) {
	for len(r.due) > 0 && r.due[0].at <= clock {
		d := heap.Pop(&r.due).(due)
		s := r.states[d.id]
		if s == nil || s.dueAt(r.t, d) != d.at {
			continue // it was stopped, or put off
		}
		switch d.kind {
		case dueTimer:
			r.timer(d, s)
		case dueWindow:
			r.close(d, s)
		default:
			r.forget(d.id, s)
		}
	}
}

// timer does the step of a timer. If it fails, the timer has fired, and nothing else has
// happened.
func (r *Replay) timer(d due, s *state) {
	timer := &r.t.Timers[d.timer]
	after, out, forgotten, err := r.t.step(s, moment{timer: d.timer, time: d.at})
	if refusal := r.t.misfit(out); refusal != nil {
		err = refusal
	}
	if err == nil {
		r.done(d.id, after, out, forgotten)
		return
	}
	r.timerLetter(s, timer.Name, d.at, err)
	s = s.clone()
	delete(s.running, timer.Name)
	s.fired[timer.Name] = true
	r.states[d.id] = s
}

// close does the step of a window's end, after which the window is forgotten.
func (r *Replay) close(d due, s *state) {
	after, out, _, err := r.t.step(s, moment{timer: -1, closed: true, time: d.at})
	if refusal := r.t.misfit(out); refusal != nil {
		err = refusal
	}
	if err != nil {
		r.timerLetter(s, "closed", d.at, err)
		after, out = s, nil
	}
	r.done(d.id, after, out, true)
}

func (r *Replay) timerLetter(s *state, name string, at int64, err error) {
	refusal := refusalOf(err)
	refusal.Reason = reasonTimer
	value, _ := gojq.Marshal(map[string]any{"key": s.key, "timer": name, "due": int(at), "state": r.t.object(s, at)})
	r.letter(&Letter{Refusal: *refusal, Value: value, Key: s.key})
}

func refusalOf(err error) *Refusal {
	if refusal, ok := err.(*Refusal); ok {
		return refusal
	}
	return &Refusal{Reason: reasonExpression, Detail: err.Error()}
}

// done takes the state after a step, and what the step has written.
func (r *Replay) done(id string, s *state, out []Output, forgotten bool) {
	for i := range out {
		r.results = append(r.results, Result{Output: &out[i], Line: r.line})
	}
	if forgotten {
		r.forget(id, s)
		return
	}
	r.states[id] = s
	for i := range r.t.Timers {
		if at, ok := s.running[r.t.Timers[i].Name]; ok {
			heap.Push(&r.due, due{at: at, kind: dueTimer, key: s.key, start: s.start, timer: i, id: id})
		}
	}
	switch {
	case r.t.Window != nil:
		heap.Push(&r.due, due{at: s.end, kind: dueWindow, key: s.key, start: s.start, id: id})
	case !r.t.TTLForever:
		heap.Push(&r.due, due{at: s.newest + r.t.TTL.Milliseconds(), kind: dueExpiry, key: s.key, id: id})
	}
}

func (r *Replay) forget(id string, s *state) {
	delete(r.states, id)
	if r.open[s.key] != nil && r.open[s.key].start == s.start {
		delete(r.open, s.key)
	}
}

func (r *Replay) letter(l *Letter) {
	r.results = append(r.results, Result{Letter: l, Line: r.line})
}

// apply does the step of a line, or one for each of its windows: all of them or none.
func (r *Replay) apply(l *Line) {
	type done struct {
		id        string
		after     *state
		out       []Output
		forgotten bool
	}
	var steps []done
	for _, w := range r.windows(l) {
		d := done{id: l.Key}
		if r.t.Window != nil {
			d.id = fmt.Sprintf("%d/%s", w.start, l.Key)
		}
		s := r.states[d.id]
		if s == nil {
			s = r.t.newState(l.Key)
		}
		s = s.clone()
		s.start, s.end = w.start, w.end
		var err error
		d.after, d.out, d.forgotten, err = r.t.step(s, moment{line: l, timer: -1, time: l.Time})
		if err == nil && r.refused != nil {
			if refusal := r.refused(l, d.after, d.out); refusal != nil {
				err = refusal
			}
		}
		if err != nil {
			r.letter(&Letter{Refusal: *refusalOf(err), Source: l.Source, Key: l.Key})
			return
		}
		steps = append(steps, d)
	}
	for _, d := range steps {
		if refusal := r.t.misfit(d.out); refusal != nil {
			r.letter(&Letter{Refusal: *refusal, Source: l.Source, Key: l.Key})
			return
		}
	}
	for _, d := range steps {
		if r.t.session() && !d.forgotten {
			r.open[l.Key] = d.after
		}
		r.done(d.id, d.after, d.out, d.forgotten)
	}
}

type window struct{ start, end int64 }

// windows returns the windows of a line, oldest first; one without bounds if there are
// none.
func (r *Replay) windows(l *Line) (all []window) {
	w := r.t.Window
	switch {
	case w == nil:
		return []window{{}}
	case r.t.session():
		start := l.Time
		if s := r.open[l.Key]; s != nil {
			start = s.start
		}
		return []window{{start, l.Time + w.Gap.Milliseconds()}}
	}
	every, size := w.Every.Milliseconds(), w.Size.Milliseconds()
	for start := floor(l.Time, every); start > l.Time-size; start -= every {
		all = append(all, window{start, start + size})
	}
	slices.Reverse(all)
	return all
}

// floor returns the greatest multiple of every that is at most ms.
func floor(ms, every int64) int64 {
	return ms - ((ms%every)+every)%every
}
