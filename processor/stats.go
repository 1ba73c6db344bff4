package processor

import (
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
	commits, aborts, rebuilds           atomic.Int64
	otherKeys                           atomic.Int64
	waiting, pending                    atomic.Int64

	mu      sync.Mutex
	records map[Tally]int64
}

// Summary is the counts at one moment.
type Summary struct {
	Records                             map[Tally]int64
	Updates, Reorders, Alerts, Receipts int64
	OtherKeys                           int64 // orders whose key is not their id
	Waiting                             int64 // lines that wait for their product, in this process
	Pending                             int64 // receipts that are not due, in this process
	Commits, Aborts                     int64 // transactions
	Rebuilds                            int64 // sessions made anew
}

// Summary returns the counts so far.
func (s *Stats) Summary() Summary {
	s.mu.Lock()
	records := make(map[Tally]int64, len(s.records))
	for k, v := range s.records {
		records[k] = v
	}
	s.mu.Unlock()
	return Summary{
		Records: records,
		Updates: s.updates.Load(), Reorders: s.reorders.Load(), Alerts: s.alerts.Load(), Receipts: s.receipts.Load(),
		OtherKeys: s.otherKeys.Load(), Waiting: s.waiting.Load(), Pending: s.pending.Load(),
		Commits: s.commits.Load(), Aborts: s.aborts.Load(), Rebuilds: s.rebuilds.Load(),
	}
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

func (s *Stats) transaction(committed bool, _ time.Duration) {
	if committed {
		s.commits.Add(1)
	} else {
		s.aborts.Add(1)
	}
}
