package processor

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"inv/internal/event"
)

// Outcome is what a stage decided of an input record.
type Outcome string

// The outcomes. Every input record has exactly one, but for those that an earlier stage
// accepts and a later one dead-letters, see [Stats.Refused].
const (
	Accepted     Outcome = "accepted"
	Duplicate    Outcome = "duplicate"
	Skipped      Outcome = "skipped"
	DeadLettered Outcome = "dead-lettered"
)

// Tally is a count for one topic.
type Tally struct {
	Topic   string
	Outcome Outcome
	Reason  event.Reason // if dead-lettered
}

// Stats counts what was committed. Its methods may be called at any time from
// any goroutine; the zero value is ready.
type Stats struct {
	restored atomic.Int64
	again    atomic.Int64
	endToEnd histogram

	mu       sync.Mutex
	records  map[Tally]int64
	lost     []LostRange
	stages   map[string]*stageStats
	counters map[string]*atomic.Int64 // by kind of output or key of metric
}

// Summary is the counts at one moment.
type Summary struct {
	Records map[Tally]int64
	// Counts are the records written, by [Output].Kind, and the values of each
	// [Metric], by [Metric.Key]. Gauges are of this process.
	Counts          map[string]int64
	Again           int64       // of Records, those that were accepted before: see Stats.Refused
	Restored        int64       // records read again to rebuild state
	Lost            []LostRange // records that were skipped, see Config.SkipLost
	Commits, Aborts int64       // transactions of all stages
	Rebuilds        int64       // sessions of all stages that were replaced after a failure
	Stages          map[string]StageSummary

	// EndToEnd is from the event time of a change to its commit, of the last
	// change of each key in a transaction.
	EndToEnd Durations
}

// Summary returns the counts so far.
func (s *Stats) Summary() Summary {
	summary := Summary{
		Counts: map[string]int64{}, Stages: map[string]StageSummary{},
		Restored: s.restored.Load(), Again: s.again.Load(), EndToEnd: s.endToEnd.durations(),
	}
	s.mu.Lock()
	summary.Records, summary.Lost = maps.Clone(s.records), slices.Clone(s.lost)
	for name, n := range s.counters {
		summary.Counts[name] = n.Load()
	}
	stages := maps.Clone(s.stages)
	s.mu.Unlock()
	for name, stage := range stages {
		one := StageSummary{
			Assigned: stage.assigned.Load(), Ready: stage.ready.Load(),
			Commits: stage.commits.Load(), Aborts: stage.aborts.Load(), Rebuilds: stage.rebuilds.Load(), Ending: stage.ending.durations(),
		}
		summary.Stages[name] = one
		summary.Commits, summary.Aborts, summary.Rebuilds = summary.Commits+one.Commits, summary.Aborts+one.Aborts, summary.Rebuilds+one.Rebuilds
	}
	return summary
}

// Decided returns the number of input records that were decided.
func (s Summary) Decided() int64 {
	n := -s.Again
	for _, count := range s.Records {
		n += count
	}
	return n
}

// AcceptedAtLast returns how many records were accepted and not dead-lettered later, as
// far as this process has done both.
func (s Summary) AcceptedAtLast() int64 { return max(s.Count("", Accepted)-s.Again, 0) }

// Count sums the records with an outcome, of all topics if topic is "".
func (s Summary) Count(topic string, outcome Outcome) (n int64) {
	for t, count := range s.Records {
		if t.Outcome == outcome && (topic == "" || t.Topic == topic) {
			n += count
		}
	}
	return n
}

// Tally adds counts of input records.
func (s *Stats) Tally(counts map[Tally]int64) {
	if len(counts) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.records == nil {
		s.records = map[Tally]int64{}
	}
	for t, n := range counts {
		s.records[t] += n
	}
}

// Refused adds counts of records that were accepted by an earlier stage, and dead-lettered
// by a later one.
func (s *Stats) Refused(counts map[Tally]int64) {
	s.Tally(counts)
	for _, n := range counts {
		s.again.Add(n)
	}
}

func (s *Stats) skipped(r LostRange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost = append(s.lost, r)
}

// Restored adds records that were read again to rebuild state.
func (s *Stats) Restored(n int64) { s.restored.Add(n) }

// EndToEnd observes the time from a change's event time to its commit.
func (s *Stats) EndToEnd(d time.Duration) { s.endToEnd.observe(d) }

// counter returns the counter of this name, creating it if need be.
func (s *Stats) counter(name string) *atomic.Int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counters == nil {
		s.counters = map[string]*atomic.Int64{}
	}
	if s.counters[name] == nil {
		s.counters[name] = &atomic.Int64{}
	}
	return s.counters[name]
}

// StageSummary is one stage at one moment.
type StageSummary struct {
	Assigned, Ready int64 // partitions; those that are not ready are being restored
	Commits, Aborts int64 // transactions
	Rebuilds        int64 // sessions that were replaced after a failure
	Ending          Durations
}

// stageStats is told by the stage's worker what it does.
type stageStats struct {
	assigned, ready, commits, aborts, rebuilds atomic.Int64
	ending                                     histogram
}

func (s *stageStats) Transaction(committed bool, _, _ int, took time.Duration) {
	if committed {
		s.commits.Add(1)
	} else {
		s.aborts.Add(1)
	}
	s.ending.observe(took)
}

func (s *stageStats) Partitions(assigned, ready int) {
	s.assigned.Store(int64(assigned))
	s.ready.Store(int64(ready))
}

func (s *stageStats) Rebuilt(error) { s.rebuilds.Add(1) }

// stage returns a stage's stats, creating them if need be.
func (s *Stats) stage(name string) *stageStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stages == nil {
		s.stages = map[string]*stageStats{}
	}
	if s.stages[name] == nil {
		s.stages[name] = &stageStats{}
	}
	return s.stages[name]
}

// Ready reports whether every stage has partitions, and all of them have their
// state.
func (s Summary) Ready() bool {
	for _, stage := range s.Stages {
		if stage.Ready < stage.Assigned || stage.Assigned == 0 {
			return false
		}
	}
	return len(s.Stages) > 0
}
