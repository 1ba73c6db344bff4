package producer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"inv/internal/kafka/partition"
	"inv/internal/registry"
	"inv/internal/scenario"
)

// Options says how to run a plan. The zero value sends everything in the scenario, at
// its own rates, by the wall clock.
type Options struct {
	App         string         // the application id, for topics named with {app}
	Rate        *scenario.Rate // instead of the producers' own
	Pace        Pace           // the same
	Count       int64          // records of each producer without rows; 0: unlimited
	Skip        int64          // leave out as many records at the beginning of each producer, see [Run]
	For         time.Duration  // 0: unlimited
	Start       time.Time      // the event time of the first record; zero: the wall clock
	Shard       int            // this run's among Shards, from 1
	Shards      int            // 0 and 1: there are no others
	Workers     int            // goroutines that render records; 0 and 1: the caller's
	Faults      []Fault
	Other       *registry.Writer      // of a schema of another subject, with one text, for the faults wrong_id and other_schema
	NoEvents    bool                  // no CloudEvents headers
	NoTags      bool                  // no header on faulty records
	Partitions  map[string]int        // by topic name; default: the scenario's
	Partitioner partition.Partitioner // instead of the producers' own
	Clock       Clock                 // nil: [WallClock]
	Progress    func(Progress)        // called every 200 ms or so, by one goroutine at a time
}

// Pace overrides how the rates of the scenario's producers change.
type Pace struct {
	Poisson *bool
	Bursts  *scenario.Bursts
	Ramp    *scenario.Ramp
}

// over returns a producer's own pace with the overrides applied.
func (p Pace) over(own scenario.Pace) scenario.Pace {
	if p.Poisson != nil {
		own.Poisson = *p.Poisson
	}
	if p.Bursts != nil || p.Ramp != nil {
		own.Bursts, own.Ramp, own.Daily = p.Bursts, p.Ramp, nil
	}
	return own
}

// Progress is the state of a run.
type Progress struct {
	Counts
	Made    int64 // records scheduled so far
	Sent    int64 // records accepted by the sink; each becomes acknowledged or failed
	Elapsed time.Duration
	Behind  time.Duration // how late the run is
	Left    int64         // records to come; -1: unlimited
	Rest    time.Duration // what is left of Options.For, by the wall clock; 0: nothing
}

// Summary is the result of a run.
type Summary struct {
	Progress
	Finite bool             // the run ends by itself
	Faults map[string]int64 // the number of records by fault
	// Refused is how many records were not sent, since they don't fit the schema of their
	// topic, and FirstRefused a *[RefusedError] of the first of them.
	Refused      int64
	FirstRefused error
	Event        [2]time.Time // the first and last event time of a simulated clock
}

// batchSize is the largest number of records in a batch.
const batchSize = 256

// Finite reports whether a run of the plan ends by itself.
func (p *Plan) Finite(o Options) bool {
	if o.For > 0 {
		return true
	}
	if p.endless() {
		return false
	}
	if o.Count > 0 {
		return true
	}
	for _, i := range p.running {
		if p.streams[i].total < 0 {
			return false
		}
	}
	return true
}

// endless reports whether entities of a running producer may never end.
func (p *Plan) endless() bool {
	return slices.ContainsFunc(p.running, func(i int) bool {
		m := p.streams[i].machine
		return m != nil && m.endless
	})
}

// Errors of Options that don't fit a plan.
var (
	ErrNoEnd   = errors.New("a simulated clock does not wait, so the run needs an end")
	ErrEndless = errors.New("a simulated clock does not wait, and the states of a producer lead on for ever")
	ErrFarTime = errors.New("an expression computes with times, which must be from 1678 to 2261")
	ErrNoRate  = errors.New("bursts, a ramp and jitter change a rate, and no producer has one")
	// ErrFineTimes is for times beyond what 64 bits of nanoseconds reach.
	ErrFineTimes = errors.New("epoch_us and epoch_ns are for the years 1678 to 2261, and the run's times are beyond them")
)

// UniqueError is returned for a run with more records of a producer than a unique field
// has values.
type UniqueError struct {
	Producer string
	Values   int64
}

func (e *UniqueError) Error() string {
	return fmt.Sprintf("producer %q has a unique field with %d values, and can't make more records than that", e.Producer, e.Values)
}

// ShardError is returned for a shard of a producer, or a run that skips records of one,
// whose records depend on others in the order of their times.
type ShardError struct{ Producer string }

func (e *ShardError) Error() string {
	return fmt.Sprintf("the records of producer %q keep values for records of other entities, so they can't be made in shards or from a later one on", e.Producer)
}

// SkipError is returned for a run that would skip all records of a producer.
type SkipError struct {
	Producer string
	Records  int64 // -1: without an end, but too many to skip
}

func (e *SkipError) Error() string {
	if e.Records < 0 {
		return fmt.Sprintf("producer %q would need more than 146 years at its rate to make the skipped records, or they are more than %d", e.Producer, int64(maxSkip))
	}
	return fmt.Sprintf("producer %q has %d records, and all would be skipped", e.Producer, e.Records)
}

// maxRecords bounds the numbers of records that expressions are checked for.
const maxRecords = 1_000_000_000_000

// maxSkip bounds the number of skipped records.
const maxSkip = maxRecords

// firstOf returns the number of the first record of a run: of its shard, and not skipped.
func firstOf(o Options) int64 {
	first, shards := int64(o.Shard-1), int64(o.Shards)
	if o.Skip > first {
		first += (o.Skip - first + shards - 1) / shards * shards
	}
	return first
}

// CheckOptions reports whether a plan can be run with these options, before anything is
// sent.
func CheckOptions(p *Plan, o Options) error {
	if err := checkFaults(p, o); err != nil {
		return err
	}
	switch simulated := !o.Start.IsZero(); {
	case simulated && o.For == 0 && p.endless():
		return ErrEndless
	case simulated && !p.Finite(o):
		return ErrNoEnd
	}
	if at := o.Start.UnixMilli(); !o.Start.IsZero() && p.computesTimes && (at < timeLimits().low || at+o.For.Milliseconds() > timeLimits().high) {
		return ErrFarTime
	}
	if p.fine.some && !o.Start.IsZero() {
		first, last := o.Start.UnixMilli()+p.fine.low, o.Start.UnixMilli()+o.For.Milliseconds()+p.fine.high
		if first < firstNano || last > lastNano {
			return ErrFineTimes
		}
	}
	_, err := newRun(p, o, nil)
	return err
}

// Run renders the plan's records and writes them to the sink, until there are no more,
// the sink fails or ctx ends. With Options.Skip they are those of a run without it,
// without the first records of each producer and what follows from these; on a simulated
// clock at the same times, by the wall clock from now on. The summary is valid in any case. The error is nil if every
// record was rendered and acknowledged, otherwise the sink's or the cause of ctx.
func Run(ctx context.Context, p *Plan, o Options, sink Sink) (Summary, error) {
	r, err := newRun(p, o, sink)
	if err != nil {
		return Summary{}, err
	}
	r.begin = r.clock.Now()
	r.reported = r.begin
	err = r.work(ctx, max(o.Workers, 1))
	if flushErr := flush(ctx, sink); flushErr != nil && (err == nil || ctx.Err() != nil) {
		err = flushErr
	}
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return Summary{Progress: r.progress(), Finite: p.Finite(o), Faults: r.faults,
		Refused: r.refused.records, FirstRefused: r.refused.first, Event: r.event}, err
}

// flushTimeout bounds how long a stopped run waits for acknowledgements.
const flushTimeout = 8 * time.Second

// flush waits until the sink has sent everything; once ctx ends, for flushTimeout.
func flush(ctx context.Context, sink Sink) error {
	bounded, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(flushTimeout, cancel) })
	defer stop()
	return sink.Flush(bounded)
}

type run struct {
	plan      *Plan
	options   Options
	sink      Sink
	clock     Clock
	schedule  *schedule
	renderer  *renderer
	simulated bool
	begin     time.Time
	behind    time.Duration
	reported  time.Time

	made int64

	// Of the batches that the sink has accepted.
	sent    atomic.Int64
	faults  map[string]int64
	event   [2]time.Time
	refused refused
}

func newRun(p *Plan, o Options, sink Sink) (*run, error) {
	if o.Clock == nil {
		o.Clock = WallClock{}
	}
	o.Shards, o.Shard = max(o.Shards, 1), max(o.Shard, 1)
	if o.Shard > o.Shards {
		return nil, fmt.Errorf("shard %d of %d does not exist", o.Shard, o.Shards)
	}
	r := &run{plan: p, options: o, sink: sink, clock: o.Clock, faults: map[string]int64{},
		renderer: newRenderer(p, o), simulated: !o.Start.IsZero()}
	r.schedule = &schedule{plan: p, limit: forever, faults: o.Faults, worker: &worker{},
		simulated: r.simulated, newest: make([]int64, len(p.streams))}
	if o.For > 0 {
		r.schedule.limit = o.For
	}
	for _, i := range p.running {
		src, err := r.source(int32(i))
		if err != nil {
			return nil, err
		}
		r.schedule.sources = append(r.schedule.sources, src)
	}
	if o.Pace != (Pace{}) && !slices.ContainsFunc(r.schedule.sources, func(s *source) bool { return s.arrivals != nil }) {
		return nil, ErrNoRate
	}
	return r, nil
}

// source returns the source of a stream's records. Rows are due at once unless the
// producer has a rate.
func (r *run) source(i int32) (*source, error) {
	s, o := r.plan.streams[i], r.options
	src := &source{stream: i, next: firstOf(o), step: int64(o.Shards), end: s.total}
	if s.total < 0 && o.Count > 0 {
		src.end = min(o.Count, math.MaxInt64-o.Skip) + o.Skip
	}
	if o.Skip > 0 && src.end >= 0 && o.Skip >= src.end || o.Skip > maxSkip {
		return nil, &SkipError{s.name, src.end}
	}
	if s.unique > 0 && (src.end < 0 || src.end > s.unique) {
		return nil, &UniqueError{s.name, s.unique}
	}
	rate, pace := s.spec.Rate, s.spec.Pace
	if m := s.memory; m != nil && (o.Shards > 1 || o.Skip > 0) && (s.from != nil || s.machine != nil && m.crosses()) {
		return nil, &ShardError{s.name}
	}
	switch {
	case o.Rate != nil:
		rate, pace.Bursts, pace.Ramp, pace.Daily = o.Rate, nil, nil, nil
	case rate == nil && s.total < 0 && len(pace.Daily) == 0:
		rate = &scenario.Rate{Count: scenario.Number{Units: 1}, Per: time.Second}
	}
	pace = o.Pace.over(pace)
	unlimited := (rate == nil || rate.Max()) && len(pace.Daily) == 0
	if unlimited && o.Pace != (Pace{}) && s.total < 0 {
		return nil, fmt.Errorf("bursts, a ramp and jitter need a rate to change, and the rate of %s is max", s.name)
	}
	if unlimited && r.simulated {
		// A simulated clock uses the producer's own rate, or a record each ms.
		rate = &scenario.Rate{Count: scenario.Number{Units: 1}, Per: time.Millisecond}
		if own := s.spec.Rate; own != nil && !own.Max() {
			rate = own
		}
	} else if unlimited {
		return src, nil
	}
	if err := pace.Check(rate); err != nil {
		return nil, err
	}
	if rate == nil {
		rate = &scenario.Rate{} // that of the day
	}
	start := o.Start
	if start.IsZero() {
		start = o.Clock.Now()
	}
	src.arrivals = newArrivals(*rate, pace, s.random, start)
	if o.Skip > 0 && r.simulated && src.arrivals.due(o.Skip) == forever {
		return nil, &SkipError{s.name, -1}
	}
	if o.Skip > 0 && !r.simulated {
		src.arrivals = shifted{src.arrivals, o.Skip}
	}
	src.dueNext = src.arrivals.due(src.next)
	return src, nil
}

// now returns the time since the run began; 0 on a simulated clock.
func (r *run) now() time.Duration {
	if r.simulated {
		return 0
	}
	return r.clock.Now().Sub(r.begin)
}

// collect fills the batch with the records that are due; false if there are no more.
func (r *run) collect(b *Batch, now time.Duration) bool {
	start := r.begin
	if r.simulated {
		start = r.options.Start
	}
	if src := r.schedule.only(); src != nil && now < r.schedule.limit {
		b.slots = src.fill(b.slots, start.Add(now).UnixMilli())
	}
	for len(b.slots) < cap(b.slots) {
		due, from, ok := r.schedule.peek(now)
		if !ok {
			return false
		}
		if due > now && !r.simulated {
			return true
		}
		at := due
		if from != nil && !r.simulated {
			r.behind, at = now-due, now
		}
		if s := r.schedule.take(due, from, at, start); !s.skip {
			b.slots = append(b.slots, s)
		}
	}
	return true
}

// lasts reports whether the run continues although no more records are due: a run with
// a duration takes that long, so that its rate is right.
func (r *run) lasts(now time.Duration) bool {
	return !r.simulated && now < r.options.For && slices.ContainsFunc(r.schedule.sources, func(s *source) bool { return !s.over() })
}

// wake returns when the next record is due, or progress is to be reported.
func (r *run) wake(now time.Duration) time.Time {
	due, _, ok := r.schedule.peek(now)
	if !ok {
		due = r.options.For
	}
	until := r.begin.Add(due)
	if report := r.reported.Add(reportEvery); report.Before(until) && r.options.Progress != nil {
		until = report
	}
	return until
}

// counted is a batch's part of the summary.
type counted struct {
	records int64
	faults  [faultKinds]int64
	refused refused
	event   [2]int64 // the first and last event time, epoch ms
}

// count counts a batch, before the sink takes it.
func (r *run) count(b *Batch) counted {
	c := counted{records: int64(len(b.slots)), refused: b.refused}
	if len(r.options.Faults) > 0 {
		for _, s := range b.slots {
			c.faults[s.fault]++
		}
	}
	if len(b.slots) == 0 {
		return c
	}
	c.event = [2]int64{b.slots[0].at, b.slots[len(b.slots)-1].at}
	return c
}

// add counts a batch that the sink has accepted.
func (r *run) add(c counted) {
	if r.refused.add(c.refused.records, c.refused.first); c.records == 0 {
		return
	}
	if r.simulated && r.sent.Load() == 0 {
		r.event[0] = time.UnixMilli(c.event[0])
	}
	if r.simulated {
		r.event[1] = time.UnixMilli(c.event[1])
	}
	r.sent.Add(c.records)
	for kind, n := range c.faults {
		if n > 0 && fault(kind) != noFault {
			r.faults[fault(kind).String()] += n
		}
	}
}

// reportEvery is the time between two reports of progress.
const reportEvery = 200 * time.Millisecond

func (r *run) report() {
	if r.options.Progress == nil {
		return
	}
	if now := r.clock.Now(); now.Sub(r.reported) >= reportEvery {
		r.reported = now
		r.options.Progress(r.progress())
	}
}

func (r *run) progress() Progress {
	left := int64(0)
	for _, s := range r.schedule.sources {
		if s.end < 0 {
			left = -1
			break
		}
		left += s.left()
	}
	p := Progress{Counts: r.sink.Counts(), Made: r.made, Sent: r.sent.Load(), Elapsed: r.clock.Now().Sub(r.begin), Behind: max(r.behind, 0), Left: left}
	if !r.simulated {
		p.Rest = max(0, r.options.For-p.Elapsed)
	}
	return p
}
