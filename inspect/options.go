// Package inspect shows the records of Kafka topics: it selects and filters them,
// and renders them as lines, by a scenario's views, or in other formats.
//
// [Run] tails topics. To render records from elsewhere, compile the views:
//
//	views, err := inspect.Views(s, "inv")
//	pretty := inspect.NewPretty(inspect.PrettyOptions{Theme: t, Now: now, Views: views})
//	line = pretty.Append(line[:0], record)
//
// A run with much to show has several renderers, for shares of the records side by
// side, and writes in order what one renderer would; see parallel.go.
//
// Only run.go, begin.go, last.go and discover.go use Kafka or the clock.
package inspect

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"time"

	"inv/internal/kafka/partition"
	"inv/internal/scenario"
)

// Renderer renders records.
type Renderer interface {
	// Append appends the rendered record. It does not keep the record.
	Append(dst []byte, r *Record) []byte
}

// measurer is a Renderer that aligns better if it sees records in advance.
type measurer interface{ Measure([]*Record) }

// headed is a Renderer whose output begins with a header, also without records.
type headed interface{ Header(dst []byte) []byte }

// keepBuffer is the capacity above which a buffer is not reused.
const keepBuffer = 4 << 20

// emptied returns a buffer for reuse.
func emptied(b []byte) []byte {
	if cap(b) > keepBuffer {
		return nil
	}
	return b[:0]
}

// reserve makes room for a large value at once: repeated growth would need several
// times its size.
func reserve(dst []byte, size int) []byte {
	if size < keepBuffer {
		return dst
	}
	return slices.Grow(dst, size+size/16)
}

// DefaultLast is how many records are shown before following.
const DefaultLast = 10

// Options are the options of Run.
type Options struct {
	Topics   []string // aliases of the scenario, topic names, globs
	Scenario *scenario.Scenario
	App      string // the application ID, {app} in topic names
	Wait     bool   // wait until an unknown topic exists

	// Last is how many of the last records of all partitions to begin with, in time
	// order; negative: all. If Begin is set, only records from there on count.
	Last  int
	Begin *Begin
	// Latest begins with the last record of each key instead, in time order, of up to
	// 100,000 keys or 64 MiB.
	Latest bool
	// Until ends the run: records of this time and later are not shown.
	Until time.Time
	// Partitions to read; none: all.
	Partitions []int32
	// Key selects records, if it is not nil: those whose key has these bytes, or is
	// shown as this text. With the Partitioner of their producer, only their partition
	// is read; "": all are.
	Key         []byte
	Partitioner partition.Partitioner
	// Follow continues with new records; otherwise Run stops at the ends that the
	// partitions had when it began.
	Follow bool
	Idle   time.Duration // stop after this time without a record; 0: never

	// MaxBatch is how many bytes a compressed batch may decompress to; larger
	// ones are skipped. 0: fetch.DefaultMaxBatch.
	MaxBatch int

	Uncommitted bool   // also records of open and aborted transactions
	Match       Match  // which records are shown
	FailOn      string // a jq condition: the first shown record for which it holds ends the run with ErrFailOn
	Limit       int    // ends the run once this many records have been shown; 0: never
	// Expect ends the run once this many records have been shown. If it ends before,
	// or takes longer than Within (0: any time), the error is ErrExpect.
	Expect int
	Within time.Duration
	// KeyForm and ValueForm are of Forms; "" is FormAuto.
	KeyForm, ValueForm string
	// Schemas returns a decoder for a goroutine; nil: keys and values have no schema.
	Schemas func() SchemaDecoder
	// Undecoded passes records to the Renderer as they are in the topic; conditions
	// apply to decoded ones all the same.
	Undecoded bool
	Renderer  Renderer
	// Labels are the Renderer's names of topics, as returned by [Labels]. Run corrects
	// those of aliases that are also the names of other topics, before it renders.
	Labels map[string]string
	// Notice is called with each line about the run that is not data. The text is
	// safe for a terminal.
	Notice func(text string)
	// Hint adds advice to the error of a batch that can't be read, before Notice
	// gets it; nil: none.
	Hint func(error) error
}

// most is the number of shown records that ends the run; 0: none does.
func (o *Options) most() int {
	if o.Limit > 0 && o.Expect > 0 {
		return min(o.Limit, o.Expect)
	}
	return max(o.Limit, o.Expect)
}

// Begin is where to start in each partition. The zero value is the beginning.
type Begin struct {
	Time   time.Time // at the first record of this time or later, unless zero
	Group  string    // at the committed offsets of this consumer group, unless ""
	Offset int64     // see Place
	Behind int64     // of AtOffset: the offset after the last one of a range; 0: none
	Place  Place
	Only   bool // with AtOffset: only the record at that offset
}

// Place is the meaning of a Begin without a time and a group.
type Place uint8

// The places.
const (
	AtStart Place = iota
	AtEnd
	AtOffset // at Offset
	Back     // Offset offsets before the end
)

// Stats counts the records of a run.
type Stats struct {
	Read, Shown int64
}

// Views compiles the views of a scenario, by topic name. The error wraps
// scenario.Problems with every problem and its position.
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

// Labels returns short names, by topic, of the topics that args (aliases, names,
// globs) select.
func Labels(s *scenario.Scenario, app string, args []string) map[string]string {
	sel, err := selectTopics(args, s, app, func(string) bool { return false })
	if err != nil {
		return nil // Run reports it
	}
	labels := map[string]string{}
	for _, n := range sel.among(maps.Keys(sel.labels)) {
		labels[n] = cmp.Or(sel.labels[n], n)
	}
	return labels
}
