package forward

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kgo"
)

// How often offsets are committed, and how long things may take.
const (
	commitEvery   = time.Second
	drainingEvery = 100 * time.Millisecond
	finishWithin  = 2 * time.Second // messages under way when their partition is revoked
	stopWithin    = 5 * time.Second // the same at the end of Run, and what stores do then
	commitWithin  = 2 * time.Second // the last offsets
	leaveWithin   = 2 * time.Second
	awayPause     = 5 * time.Second // until a registry that does not answer is asked again
)

// loop delivers to a sink. One goroutine, which runs main, owns all state without a
// comment; others send it functions to call.
//
// They are: the reader (poll), which also prepares records; those that try a message, at
// most Config.Lanes, or one per partition of a Store; one that commits; the client's own,
// which call back for rebalances; and those that watch the topics and wait for a drain.
type loop struct {
	cfg        Config
	sender     Sender // or store
	store      Store
	stats      *Stats
	group      string // id of the consumer group
	deadTopic  string
	retryTopic string
	deadMax    int // bytes of a batch of dead letters

	topics map[string]*topic // by name; fixed once Run has begun, but for partitions
	ids    []string          // of topics, as they are in metadata; fixed
	client *kgo.Client       // fixed
	reader *reader           // fixed

	calls   chan func()
	ended   chan struct{} // main has returned
	results chan result

	joined   bool              // the group
	expected map[fetch.ID]bool // partitions that the group has given to this process
	parts    map[fetch.ID]*owned
	epoch    int // of the last assignment or seek
	dispatch *dispatcher
	grouper  grouper       // nil without groups
	looking  bool          // for records that groups wait for
	ready    []*Cut        // whose intents are to be committed
	letters  []*kgo.Record // of groups, to be written
	commits  commits
	pausing  pausing
	crowded  bool // something waits for room, or may have to
	leavings []*leaving
	holds    holds
	drainTo  map[fetch.ID]int64 // what a drain waits for, nil without one
	stopping bool
	err      error
	work     sync.WaitGroup
	hard     context.Context // of tries: outlives that of Run by the time to stop
}

// owned is a partition that the group has assigned to this process.
type owned struct {
	Partition
	id        fetch.ID
	epoch     int // of its assignment, or of the last seek in it
	committed offsetOf
	end       int64     // of what can be read, as of the last fetch
	fetched   time.Time // when something came last
	paused    bool
	leaving   bool
	flying    int      // tries under way
	tracker   *tracker // of a Sender
	storage   *storage // of a Store
	kept      kept     // what is durable in it
}

// result is the end of a try.
type result struct {
	try      *try
	owner    *owned
	messages []Message // of a cut with several of them, or none
	several  bool
	err      error
}

// call runs f in main and waits for it. It reports false if main has ended.
func (l *loop) call(f func()) bool {
	done := make(chan struct{})
	return l.post(func() { f(); close(done) }) && l.await(done)
}

// post lets main call f.
func (l *loop) post(f func()) bool {
	select {
	case l.calls <- f:
		return true
	case <-l.ended:
		return false
	}
}

func (l *loop) await(done chan struct{}) bool {
	select {
	case <-done:
		return true
	case <-l.ended:
		return false
	}
}

// fail ends the loop with an error; the first one counts.
func (l *loop) fail(err error) {
	if err != nil && l.err == nil {
		l.err = err
	}
}

// main runs until ctx ends or something fails, then finishes what is under way.
func (l *loop) main(ctx context.Context) error {
	defer close(l.ended)
	every := commitEvery
	if l.cfg.Drain {
		every = drainingEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	end := ctx.Done()
	var last *leaving
	for {
		l.step()
		if (l.err != nil || ctx.Err() != nil) && last == nil {
			end = nil
			last = l.stop()
			l.step()
		}
		if last != nil && last.over {
			return l.err
		}
		timer.Reset(l.untilWake())
		select {
		case <-end:
		case f := <-l.calls:
			f()
		case b := <-l.reader.batches:
			l.take(b)
			l.reader.taken <- struct{}{}
		case r := <-l.results:
			l.landed(r)
			for more := true; more; {
				select {
				case r := <-l.results:
					l.landed(r)
				default:
					more = false
				}
			}
		case <-timer.C:
		case <-tick.C:
			l.commits.due = true
			l.tick()
		}
	}
}

// step does what is to be done now.
func (l *loop) step() {
	now := l.cfg.Now()
	l.flushGroups()
	l.cutGroups(now)
	for !l.stopping {
		t := l.dispatch.next(now)
		if t == nil {
			break
		}
		l.start(t)
	}
	if l.crowded {
		l.balanceLoad()
	}
	l.progress()
	l.commitNext()
}

// untilWake returns how long nothing is to be done unless something happens.
func (l *loop) untilWake() time.Duration {
	wait := time.Second
	now := l.cfg.Now()
	until := func(at time.Time) {
		if !at.IsZero() {
			wait = min(wait, max(at.Sub(now), 0))
		}
	}
	if !l.stopping {
		until(l.dispatch.wake(now))
		if l.grouper != nil {
			until(l.grouper.due())
		}
	}
	for _, v := range l.leavings {
		wait = min(wait, max(time.Until(v.until), 0))
	}
	return max(wait, time.Millisecond)
}

// tick logs that the sink is held, at the beginning and once a minute.
func (l *loop) tick() {
	l.count()
	l.lookForAwaited()
	now := l.cfg.Now()
	if l.store == nil {
		l.stats.setHeld(l.hidden(l.dispatch.holding.held))
		l.say(&l.dispatch.holding, now)
		return
	}
	held := l.holds.each(now, l.say)
	l.stats.setHeld(l.hidden(held))
}

func (l *loop) say(h *holding, now time.Time) {
	if h.say(now) {
		l.cfg.Log.Warn("held: no delivery succeeds; retrying", "because", l.cfg.Hide(h.why), "since", h.held.Since.UTC().Format(time.RFC3339), "tries", h.held.Tries, "next", h.held.Next.Sub(now).Round(time.Millisecond))
	}
}

// hidden returns what Stats may show.
func (l *loop) hidden(h Held) Held {
	if !h.Since.IsZero() {
		h.Reason = l.cfg.Hide(errors.New(h.Reason)).Error()
	}
	return h
}

// take takes what was fetched of a partition.
func (l *loop) take(b *batch) {
	o := l.parts[b.id]
	if o == nil || o.leaving || o.epoch != b.epoch {
		return
	}
	l.stats.read.Add(int64(len(b.records)))
	l.crowded = true
	o.end, o.fetched = max(o.end, b.end), time.Now()
	if b.away != nil {
		l.wait(o, b.away)
	}
	if o.storage != nil {
		o.storage.add(b)
		return
	}
	now := l.cfg.Now()
	for i := range b.records {
		l.read(o, &b.records[i], now)
	}
	if b.next >= 0 {
		o.tracker.passed(b.next)
		l.passed(o)
	}
}

// read takes a record of a Sender.
func (l *loop) read(o *owned, t *taken, now time.Time) {
	offset := t.At.Offset
	if offset < o.tracker.next {
		return
	}
	o.tracker.read(offset, t.size)
	switch {
	case t.err != nil:
		o.tracker.finish(offset, l.letter(t.Record, refusalOf(t.err)))
	case t.drop:
		l.stats.dropped.Add(1)
		o.tracker.finish(offset)
	case l.grouper != nil:
		if l.grouper.read(t.Record, t.lane, t.size, now) {
			o.tracker.finish(offset)
		}
	default:
		l.dispatch.add(l.single(t.Record), laneKey{o, t.lane})
	}
}

// wait reads a partition on from a record that a registry must describe, which does not
// answer, after a pause.
func (l *loop) wait(o *owned, away *awayError) {
	l.cfg.Log.Warn("waiting for the schema registry", "topic", o.Topic, "partition", o.id.Partition, "because", l.cfg.Hide(away.err))
	l.seek(o, away.from, awayPause)
}

// seek lets a partition be read from an offset on, after a pause. What was fetched of it
// before is dropped.
func (l *loop) seek(o *owned, offset int64, pause time.Duration) {
	l.epoch++
	o.epoch = l.epoch
	l.reader.seek(o.id, offset, o.epoch, pause)
}

// errDrained ends a Run that has nothing left to do.
var errDrained = errors.New("drained")

// newLoop makes the loop of a sink.
func newLoop(cfg Config, sink Sink) (*loop, error) {
	l := &loop{
		cfg: cfg, stats: cfg.Stats, group: GroupID(cfg.App, cfg.Name),
		deadTopic: DeadLetterTopic(cfg.App, cfg.Name), retryTopic: RetryTopic(cfg.App, cfg.Name), deadMax: kafka.DeadLetterMaxBytes,
		topics: map[string]*topic{}, calls: make(chan func()), ended: make(chan struct{}), results: make(chan result, cfg.Lanes),
		expected: map[fetch.ID]bool{}, parts: map[fetch.ID]*owned{}, dispatch: newDispatcher(cfg.Lanes, cfg.Limit, cfg.Rand),
	}
	l.pausing.bound = load{maxUnfinished, maxUnfinishedBytes}
	switch s := sink.(type) {
	case Sender:
		l.sender = s
	case Store:
		l.store = s
		l.pausing.bound.records *= 10 // they are appended in slices: it is their bytes that count
		l.pausing.bound.bytes /= 4    // the store has as much again of what it has taken
	default:
		return nil, fmt.Errorf("%w: %T is neither a Sender nor a Store", ErrUsage, sink)
	}
	if cfg.Group != nil {
		if l.store != nil {
			return nil, fmt.Errorf("%w: a Store gets no groups", ErrUsage)
		}
		l.grouper = newGrouper(l.group, cfg.Group.Wait, cfg.Group.Every, l.noteRoom())
	}
	return l, nil
}
