// Package inspect shows what is on Kafka topics: it selects records, filters
// them, and renders one line each, by a scenario's views or as they are.
//
// [Run] is the whole of `inv tail`. For lines of records that a program has at
// hand, compile the views and render them:
//
//	views, err := inspect.Views(s, "inv")
//	pretty := inspect.NewPretty(inspect.PrettyOptions{Theme: t, Now: now, Views: views})
//	line = pretty.Append(line[:0], record)
//
// Everything but run.go, last.go and discover.go is free of Kafka, clock and
// terminal.
package inspect

import (
	"errors"
	"slices"
	"time"

	"inv/internal/kafka/partition"
	"inv/internal/scenario"
)

// Renderer turns records into output.
type Renderer interface {
	// Append appends what is shown of the record. The record is not kept.
	Append(dst []byte, r *Record) []byte
}

// measurer is a Renderer that aligns better if it sees in advance what it will
// be given.
type measurer interface{ Measure([]*Record) }

// A buffer that a large value has made larger than this is not kept.
const keepBuffer = 4 << 20

// emptied returns a buffer to use again.
func emptied(b []byte) []byte {
	if cap(b) > keepBuffer {
		return nil
	}
	return b[:0]
}

// reserve makes room for a large value at once: growing by and by would take
// several times its size.
func reserve(dst []byte, size int) []byte {
	if size < keepBuffer {
		return dst
	}
	return slices.Grow(dst, size+size/16)
}

// DefaultLast is how many records are shown before following.
const DefaultLast = 10

// Options say which records Run shows, and for how long.
type Options struct {
	Topics   []string // aliases of the scenario, topic names, globs
	Scenario *scenario.Scenario
	App      string // the application id, {app} in topic names
	Wait     bool   // a topic that nobody knows is waited for

	// Where to begin: with the last Last records of all partitions in time
	// order, or, if Begin is set, there in each partition.
	// With both, the last Last records from Begin on.
	Last  int // negative: as many as there are
	Begin *Begin
	// Until ends the run at a time: records from then on are not shown.
	Until time.Time
	// Partitions to read; none: all.
	Partitions []int32
	// Key is that of the records to show, if it is not nil; Partitioner says
	// which partition they are in, "": look at all.
	Key         []byte
	Partitioner partition.Partitioner
	// Follow goes on with what comes; else Run stops at the end that was there
	// when it began.
	Follow bool
	Idle   time.Duration // stop when nothing has come for so long; 0: never

	// MaxBatch is how many bytes a compressed batch may unpack to; one that
	// holds more is passed over. 0: fetch.DefaultMaxBatch.
	MaxBatch int

	Uncommitted bool   // also data of transactions that are open or were aborted
	Match       Match  // which records are shown
	FailOn      string // a jq condition: the first record for which it holds ends the run with ErrFailOn
	// Expect ends the run well once so many records have been shown, and Within
	// (if it isn't 0) with ErrExpect if that takes longer.
	Expect   int
	Within   time.Duration
	Values   ValueDecoder // nil: values are shown as they are
	Renderer Renderer
	// Notice is told, one line each, what the reader should know but is not
	// data. The text is safe for a terminal.
	Notice func(text string)
}

// Begin is a place in each partition to begin at. The zero value is the start.
type Begin struct {
	Time   time.Time // the first record at or after it, unless zero
	Group  string    // where this consumer group stands, unless ""
	Offset int64     // counted from the start of the log, or from the end if FromEnd
	Place  Place
}

// Place says what a Begin without a time and a group means.
type Place uint8

// The places.
const (
	AtStart Place = iota
	AtEnd
	AtOffset // Offset
	Back     // Offset records' worth of offsets before the end
)

// Stats count what Run has done.
type Stats struct {
	Read, Shown int64
}

// Views compiles all views of a scenario by topic name. The error wraps
// scenario.Problems: all that is wrong with them, with their positions.
func Views(s *scenario.Scenario, app string) (map[string]*View, error) {
	views := map[string]*View{}
	var problems scenario.Problems
	for _, t := range s.Topics {
		if t.View == nil {
			continue
		}
		view, err := CompileView(s.File, t.Alias, t.View)
		var ps scenario.Problems
		if errors.As(err, &ps) {
			problems = append(problems, ps...)
			continue
		}
		for _, n := range s.TopicNames(t.Alias, app) {
			views[n] = view
		}
	}
	if len(problems) > 0 {
		return nil, &UsageError{Err: problems}
	}
	return views, nil
}

// Labels returns short names by topic for the topics that args (aliases, names,
// globs) can stand for: only one if a line needs no name.
func Labels(s *scenario.Scenario, app string, args []string) map[string]string {
	sel, err := selectTopics(args, s, app)
	if err != nil {
		return nil // Run says so
	}
	labels := map[string]string{}
	for _, n := range sel.names {
		if labels[n] = sel.labels[n]; labels[n] == "" {
			labels[n] = n
		}
	}
	for n, l := range sel.labels {
		if len(sel.matches([]string{n})) > 0 {
			labels[n] = l
		}
	}
	return labels
}
