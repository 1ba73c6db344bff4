package forward

import (
	"container/heap"
	"errors"
	"slices"
	"time"
)

// dispatcher decides which message is tried when: one job under way in a lane, a bounded
// number of tries in all, retries, limits, and what makes a message poison. It is pure: it
// is told what was tried, and when.
//
// A message that waits for its next try has no place among those under way, but as long as
// the last try of the sink failed, no more jobs are begun than may be under way, but for
// one every freshEvery: in an outage the receiver isn't met with all lanes at once, and if
// it is only some lanes that fail, the others are found.
type dispatcher struct {
	lanes   int // tries under way at most
	random  func() float64
	limiter *limiter
	holding holding

	active   map[laneKey]*lane
	fresh    []*try // not tried yet
	again    tries  // waiting for their next try
	underWay int
	retrying int // of those under way, second and later tries
	begun    int // tried, and not finished

	delivered  int64
	streak     int // failures since the last delivery
	lastFresh  time.Time
	freshFirst bool // it is their turn
}

// freshEvery is how often a job is begun beyond the bound while all tries fail.
const freshEvery = 5 * time.Second

// laneKey is a lane's partition, nil for groups, and name.
type laneKey struct {
	owner *owned
	name  string
}

// lane has the jobs that wait for each other; the first one is under way.
type lane struct {
	key  laneKey
	jobs []*job
}

// job is the delivery of a cut.
type job struct {
	cut      *Cut
	todo     *Cut // without the records that were refused by themselves
	lane     *lane
	open     int // messages that are neither delivered nor refused
	refusals []refusal
	gone     bool // its partition was revoked
}

// refusal makes dead letters of a cut's records.
type refusal struct {
	record    *Record // nil: all
	recipient string
	reason    string
	err       error
}

// try is a message that is to be delivered.
type try struct {
	job     *job
	message Message // nil: the job's messages are to be composed
	failing failing
	due     time.Time
}

func newDispatcher(lanes int, limit Limit, random func() float64) *dispatcher {
	return &dispatcher{lanes: lanes, limiter: newLimiter(limit), random: random, active: map[laneKey]*lane{}}
}

// add puts a cut behind the others of its lane.
func (d *dispatcher) add(c *Cut, key laneKey) {
	l := d.active[key]
	if l == nil {
		l = &lane{key: key}
		d.active[key] = l
	}
	j := &job{cut: c, todo: c, lane: l}
	if l.jobs = append(l.jobs, j); len(l.jobs) == 1 {
		d.ready(j, nil)
	}
}

// ready lets a message of a job be tried; nil: all, which are composed first.
func (d *dispatcher) ready(j *job, m Message) {
	j.open++
	d.fresh = append(d.fresh, &try{job: j, message: m})
}

// next returns a message to try now, or a cut to compose, nil if there is none.
func (d *dispatcher) next(now time.Time) *try {
	if d.underWay >= d.lanes {
		return nil
	}
	free := !d.limiter.next(now).After(now)
	retry := free && len(d.again) > 0 && !d.again[0].due.After(now)
	fresh := len(d.fresh) > 0 && !d.freshAt().After(now) && (free || d.composes(d.fresh[0]))
	var t *try
	switch {
	case retry && (!fresh || !d.freshFirst && d.retrying < max(d.lanes/2, 1)):
		t = heap.Pop(&d.again).(*try)
		d.retrying++
		d.freshFirst = true
	case fresh:
		t = d.fresh[0]
		d.fresh[0] = nil
		d.fresh = d.fresh[1:]
		d.begun++
		d.lastFresh, d.freshFirst = now, false
	default:
		return nil
	}
	if !d.composes(t) {
		d.limiter.begin(now)
	}
	d.underWay++
	return t
}

// composes reports whether a try only composes messages. Without a limit, it also sends
// them, if there is one.
func (d *dispatcher) composes(t *try) bool { return t.message == nil && d.limiter.limit.Count > 0 }

// freshAt returns from when on a job may be begun; the zero time: at once.
func (d *dispatcher) freshAt() time.Time {
	if d.begun < d.lanes || d.streak == 0 {
		return time.Time{}
	}
	return d.lastFresh.Add(freshEvery)
}

// wake returns when next should be asked again if nothing else happens; the zero time: no
// need to.
func (d *dispatcher) wake(now time.Time) (at time.Time) {
	if d.underWay >= d.lanes {
		return at
	}
	free := d.limiter.next(now)
	earlier := func(t time.Time) {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	if len(d.again) > 0 {
		earlier(later(d.again[0].due, free))
	}
	if len(d.fresh) > 0 {
		begin := later(d.freshAt(), now)
		if !d.composes(d.fresh[0]) {
			begin = later(begin, free)
		}
		earlier(begin)
	}
	return at
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// composed ends a try that has found messages, or none; each is tried, before other cuts
// are composed. It returns the job if there is nothing to do.
func (d *dispatcher) composed(t *try, messages []Message) (finished *job) {
	d.landed(t)
	d.begun--
	if !t.job.gone {
		tries := make([]*try, len(messages))
		for i, m := range messages {
			tries[i] = &try{job: t.job, message: m}
		}
		t.job.open += len(tries)
		d.fresh = slices.Insert(d.fresh, 0, tries...)
	}
	return d.ended(t.job)
}

// done ends a try with the error of Send, or of Compose. It returns the job if that ends
// it: then letters of its refusals are due. The error is a [StopError].
func (d *dispatcher) done(t *try, err error, now time.Time) (finished *job, stop error) {
	d.landed(t)
	var poison *RecordError
	var stopped *StopError
	switch {
	case err == nil:
		d.delivered++
		d.streak = 0
	case errors.As(err, &stopped):
		return nil, err
	case errors.As(err, &poison):
		d.refuse(t, poison)
	case !t.failing.failed(d.delivered):
		d.streak++
		t.due = now.Add(pauseAfter(err, t.failing.failures, d.random()))
		if !t.job.gone {
			heap.Push(&d.again, t)
		} else {
			d.begun--
		}
		if d.streak >= min(d.lanes, max(len(d.active), 1)) {
			d.holding.failed(err, now, d.again.next(t.due))
		}
		return nil, nil
	default:
		d.refuse(t, &RecordError{Reason: Failing, Err: err})
	}
	d.begun--
	return d.ended(t.job), nil
}

func (d *dispatcher) landed(t *try) {
	d.underWay--
	if t.failing.failures > 0 {
		d.retrying--
	}
}

// refuse adds the refusal of a message, or of one of the records that it would be made of:
// the others are composed again.
func (d *dispatcher) refuse(t *try, why *RecordError) {
	j := t.job
	r := refusal{record: why.Record, reason: why.Reason, err: why.Err}
	if t.message != nil {
		r.recipient, r.record = t.message.Recipient(), nil
	}
	j.refusals = append(j.refusals, r)
	if t.message == nil && why.Record != nil && len(j.todo.Records) > 1 && !j.gone {
		rest := *j.todo
		rest.Records = slices.DeleteFunc(slices.Clone(j.todo.Records), func(record *Record) bool { return record == why.Record })
		if len(rest.Records) < len(j.todo.Records) {
			j.todo = &rest
			d.ready(j, nil)
		}
	}
}

// ended takes note of the end of a message, and returns the job if it was the last one.
func (d *dispatcher) ended(j *job) *job {
	if j.open--; j.open > 0 || j.gone {
		return nil
	}
	l := j.lane
	l.jobs[0] = nil
	if l.jobs = l.jobs[1:]; len(l.jobs) > 0 {
		d.ready(l.jobs[0], nil)
	} else {
		delete(d.active, l.key)
	}
	return j
}

// drop forgets the jobs of a partition, nil for groups. What is under way goes on, and its
// end is ignored, unless finish is set: then it counts, but nothing follows.
func (d *dispatcher) drop(owner *owned, finish bool) {
	for key, l := range d.active {
		if key.owner != owner {
			continue
		}
		for i, j := range l.jobs {
			j.gone = !finish || i > 0
		}
		l.jobs = l.jobs[:1]
		if !finish {
			delete(d.active, key)
		}
	}
	idle := func(t *try) bool { return t.job.gone || finish && t.job.lane.key.owner == owner }
	kept := d.fresh[:0]
	for _, t := range d.fresh {
		if !idle(t) {
			kept = append(kept, t)
		}
	}
	clear(d.fresh[len(kept):])
	d.fresh = kept
	waiting := d.again[:0]
	for _, t := range d.again {
		if idle(t) {
			d.begun--
		} else {
			waiting = append(waiting, t)
		}
	}
	clear(d.again[len(waiting):])
	d.again = waiting
	heap.Init(&d.again)
}

// tries is a heap by due.
type tries []*try

func (h tries) Len() int           { return len(h) }
func (h tries) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h tries) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *tries) Push(x any)        { *h = append(*h, x.(*try)) }
func (h *tries) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return t
}

// next returns when the next one is due, otherwise if there is none.
func (h tries) next(otherwise time.Time) time.Time {
	if len(h) > 0 {
		return h[0].due
	}
	return otherwise
}
