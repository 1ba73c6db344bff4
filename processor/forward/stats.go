package forward

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// Stats counts what a sink does. Its methods may be called at any time from any
// goroutine; the zero value is ready.
type Stats struct {
	read, delivered, messages, dropped atomic.Int64
	tries, failures, commits           atomic.Int64
	underWay, unfinished, bytes        atomic.Int64
	assigned, ready, lag               atomic.Int64

	mu      sync.Mutex
	letters map[string]int64
	held    Held
}

// Held is a sink that does not get on: every try fails.
type Held struct {
	Since  time.Time // the zero time: it is not held
	Reason string    // the last error, without secrets
	Tries  int64     // since then
	Next   time.Time // try
}

// Summary is the counts at one moment.
type Summary struct {
	Read        int64            // records, also those that came again
	Delivered   int64            // records, to a receiver or made durable by a store
	Messages    int64            // deliveries of a [Sender]
	Dropped     int64            // records, by Config.Where
	DeadLetters map[string]int64 // by reason
	Tries       int64            // of deliveries, openings and flushes
	Failures    int64            // of them
	Commits     int64            // of offsets

	UnderWay        int64 // messages that are being sent
	Unfinished      int64 // records that were read and are not finished
	UnfinishedBytes int64
	Assigned, Ready int64 // partitions; those that are not ready are being opened
	Lag             int64 // records, and offsets that were not read yet
	Held            Held
}

// Letters returns the number of dead letters.
func (s Summary) Letters() (n int64) {
	for _, count := range s.DeadLetters {
		n += count
	}
	return n
}

// IsReady reports whether all partitions that the process has are open.
func (s Summary) IsReady() bool { return s.Assigned > 0 && s.Ready == s.Assigned }

// Summary returns the counts so far.
func (s *Stats) Summary() Summary {
	s.mu.Lock()
	letters, held := maps.Clone(s.letters), s.held
	s.mu.Unlock()
	return Summary{
		Read: s.read.Load(), Delivered: s.delivered.Load(), Messages: s.messages.Load(), Dropped: s.dropped.Load(),
		DeadLetters: letters, Tries: s.tries.Load(), Failures: s.failures.Load(), Commits: s.commits.Load(),
		UnderWay: s.underWay.Load(), Unfinished: s.unfinished.Load(), UnfinishedBytes: s.bytes.Load(),
		Assigned: s.assigned.Load(), Ready: s.ready.Load(), Lag: s.lag.Load(), Held: held,
	}
}

func (s *Stats) letter(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.letters == nil {
		s.letters = map[string]int64{}
	}
	s.letters[reason]++
}

func (s *Stats) setHeld(h Held) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = h
}
