package processor

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"inv/internal/event"
)

// Outcome is what ingest or procurement decided of a record.
type Outcome string

// The outcomes. Every input record has exactly one.
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
	updates, reorders, alerts, receipts atomic.Int64
	otherKeys                           atomic.Int64
	waiting, pending, products          atomic.Int64
	restored                            atomic.Int64
	endToEnd                            histogram

	mu      sync.Mutex
	records map[Tally]int64
	stages  map[string]*stageStats
}

// Summary is the counts at one moment.
type Summary struct {
	Records                             map[Tally]int64
	Updates, Reorders, Alerts, Receipts int64
	OtherKeys                           int64 // orders whose key is not their id
	Waiting                             int64 // lines that wait for their product, in this process
	Pending                             int64 // receipts that are not due, in this process
	Products                            int64 // in this process's state
	Restored                            int64 // records reread to rebuild state
	Commits, Aborts                     int64 // transactions of all stages
	Rebuilds                            int64 // sessions made anew, of all stages
	Stages                              map[string]StageSummary

	// EndToEnd is from the event time of a change to its commit, of the last
	// change of each product in a transaction.
	EndToEnd Durations
}

// Summary returns the counts so far.
func (s *Stats) Summary() Summary {
	s.mu.Lock()
	records := make(map[Tally]int64, len(s.records))
	for k, v := range s.records {
		records[k] = v
	}
	stages := maps.Clone(s.stages)
	s.mu.Unlock()
	summary := Summary{
		Records: records, Stages: map[string]StageSummary{},
		Updates: s.updates.Load(), Reorders: s.reorders.Load(), Alerts: s.alerts.Load(), Receipts: s.receipts.Load(),
		OtherKeys: s.otherKeys.Load(), Waiting: s.waiting.Load(), Pending: s.pending.Load(),
		Products: s.products.Load(), Restored: s.restored.Load(), EndToEnd: s.endToEnd.durations(),
	}
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

// Count sums the records with an outcome, of all topics if topic is "".
func (s Summary) Count(topic string, outcome Outcome) (n int64) {
	for t, count := range s.Records {
		if t.Outcome == outcome && (topic == "" || t.Topic == topic) {
			n += count
		}
	}
	return n
}

func (s *Stats) tally(counts map[Tally]int64) {
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

// StageSummary is one stage at one moment.
type StageSummary struct {
	Assigned, Ready int64 // partitions; those that are not ready are being restored
	Commits, Aborts int64 // transactions
	Rebuilds        int64 // sessions made anew
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

// stage returns a stage's stats, making them when they are first asked for.
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

// Ready says whether every stage has partitions or had the chance to, and all of
// them have their state.
func (s Summary) Ready() bool {
	for _, stage := range s.Stages {
		if stage.Ready < stage.Assigned || stage.Assigned == 0 {
			return false
		}
	}
	return len(s.Stages) > 0
}
