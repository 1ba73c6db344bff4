// Package offline runs a declared topology over records in files, in memory and without a
// broker, by the code that processes topics.
//
// Records of tables are rows before anything else is read. The other records come in the
// order of their timestamps, those of a partition in their own order, as if all
// partitions were followed while they were written. Time goes by the timestamps: where
// they leave a gap, what is due in it happens. At the end, lines that wait are applied,
// and what is due by the last time happens.
package offline

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"inv/internal/envelope"
	"inv/internal/kafka/partition"
	"inv/internal/scenario"
	"inv/processor"
	"inv/processor/declared"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Options describe a run.
type Options struct {
	Scenario *scenario.Scenario
	Program  *declared.Program
	App      string
	Sources  []Source
	Now      func() time.Time // of records without a timestamp, and $clock
	// Formats are those of the topics that are written: what does not fit is dead-lettered.
	// Files have JSON all the same. nil: there are none.
	Formats declared.Formats
	// Output takes what the topology writes, with the topic's name. It must not keep the
	// record.
	Output func(*envelope.Record) error
	// Letter takes dead letters as they would be in their topic; nil: they are counted.
	Letter func(*envelope.Record) error
	// Input is called with each record before it is processed, rows included; nil: it is
	// not.
	Input func(*declared.BenchRecord) error
}

// Summary counts records.
type Summary struct {
	Rows, Read int64
	Ignored    map[string]int64 // of topics that the topology does not read, by name
	Written    map[string]int64 // by alias
	Letters    map[string]int64 // by reason
	First      string           // the message of the first dead letter
}

// Run runs a topology over all records of the sources. It stops at the first line that is
// not a record (a [LineError]), and when ctx is done.
func Run(ctx context.Context, o Options) (Summary, error) {
	r := &run{Options: o, sum: Summary{Ignored: map[string]int64{}, Written: map[string]int64{}, Letters: map[string]int64{}}, began: o.Now().UnixMilli()}
	r.bench = declared.NewBench(o.Program, declared.BenchOptions{
		App: o.App, Partitions: 1, TickEvery: time.Second, Output: r.output, Letter: r.letter, Formats: o.Formats,
		Clock: func() int64 { return o.Now().UnixMilli() },
	})
	for i := range o.Sources {
		if err := r.index(ctx, &o.Sources[i]); err != nil {
			return r.sum, err
		}
	}
	if err := r.merge(ctx); err != nil {
		return r.sum, err
	}
	return r.sum, r.bench.Flush()
}

type run struct {
	Options
	bench   *declared.Bench
	sum     Summary
	began   int64
	streams []*stream
	records int
}

// streamKey is what makes a stream of its own.
type streamKey struct {
	alias     string
	partition int32
}

// index finds the streams of a source, and takes rows.
func (r *run) index(ctx context.Context, s *Source) error {
	content, size, err := s.content(ctx)
	if err != nil {
		return err
	}
	streams := map[streamKey]*stream{}
	return scan(ctx, s.Name, content, size, func(at place, _ int64, text []byte) error {
		record, err := envelope.Parse(text)
		if err != nil {
			return err
		}
		if record.Partition >= maxPartitions {
			return fmt.Errorf("it is of partition %d; there are at most %d", record.Partition, maxPartitions)
		}
		alias, err := r.alias(s, record.Topic)
		if err != nil {
			return err
		}
		table, input := r.reads(alias)
		if table {
			if err := r.row(alias, &record); err != nil {
				return err
			}
		}
		switch {
		case input == nil && !table:
			r.sum.Ignored[cmp.Or(record.Topic, alias)]++
		case input != nil && !table: // what is both has been read
			key := streamKey{alias, record.Partition}
			if streams[key] == nil {
				streams[key] = &stream{alias: alias, text: input.Format != "", name: s.Name, r: content, at: r.began}
				r.streams = append(r.streams, streams[key])
			}
			if r.records++; r.records > maxRecords {
				return fmt.Errorf("there are more than %d records", maxRecords)
			}
			streams[key].places = append(streams[key].places, at)
		}
		return nil
	})
}

// alias returns the alias of a topic by its name; a record that names none is of the
// source's topic.
func (r *run) alias(s *Source, topic string) (string, error) {
	if topic == "" {
		switch from := r.Program.Topology.From; {
		case s.Alias != "":
			return s.Alias, nil
		case len(r.Program.Topology.Reads()) == 1:
			return from[0].Alias, nil
		}
		return "", errors.New(`it has no "topic", and the topology reads several`)
	}
	for _, t := range r.Scenario.Topics {
		if len(t.DeadLettersOf) == 0 && (t.NameFor(r.App) == topic || t.Alias == topic) {
			return t.Alias, nil
		}
	}
	return "", nil
}

// reads reports whether a topic is a table of the topology, and returns the input that it
// is.
func (r *run) reads(alias string) (table bool, input *scenario.Input) {
	t := r.Program.Topology
	for i := range t.From {
		if t.From[i].Alias == alias {
			input = &t.From[i]
		}
		table = table || slices.ContainsFunc(t.From[i].Join, func(j scenario.Join) bool { return j.Table == alias })
	}
	return table, input
}

func (r *run) row(alias string, e *envelope.Record) error {
	if e.Key == nil {
		return fmt.Errorf("it is a row of the table %s and has no key", alias)
	}
	at := e.Timestamp
	if at < 0 {
		at = r.began
	}
	r.sum.Rows++
	return r.give(alias, e, plain(e, false), at)
}

// give passes a record to the bench.
func (r *run) give(alias string, e *envelope.Record, value []byte, at int64) error {
	b := declared.BenchRecord{Alias: alias, Partition: e.Partition, Offset: e.Offset, Key: e.Key, Value: value, Headers: e.Headers, Timestamp: at}
	if r.Input != nil {
		if err := r.Input(&b); err != nil {
			return err
		}
	}
	return r.bench.Record(&b)
}

// merge processes the records of all streams by their times.
func (r *run) merge(ctx context.Context) error {
	q := queue{}
	for i, s := range r.streams {
		more, err := s.advance()
		if err != nil {
			return err
		}
		if more {
			q = append(q, queued{s, i})
		}
	}
	heap.Init(&q)
	idle, passed := r.Program.Topology.Idle.Milliseconds(), int64(0)
	for len(q) > 0 {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		s := q[0].stream
		if s.at-passed >= idle {
			if err := r.bench.Advance(s.at); err != nil {
				return err
			}
			passed = s.at
		}
		r.sum.Read++
		if err := r.give(s.alias, &s.record, s.record.Value, s.at); err != nil {
			return err
		}
		more, err := s.advance()
		if err != nil {
			return err
		}
		if more {
			heap.Fix(&q, 0)
		} else {
			heap.Pop(&q)
		}
	}
	return nil
}

// queue has the streams by the times of their next records.
type queue []queued

type queued struct {
	*stream
	index int
}

func (q queue) Len() int { return len(q) }
func (q queue) Less(a, b int) bool {
	return cmp.Or(cmp.Compare(q[a].at, q[b].at), cmp.Compare(q[a].index, q[b].index)) < 0
}
func (q queue) Swap(a, b int) { q[a], q[b] = q[b], q[a] }
func (q *queue) Push(x any)   { *q = append(*q, x.(queued)) }
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

func (r *run) output(o *declared.BenchOutput) error {
	r.sum.Written[o.Alias]++
	topic, _ := r.Scenario.Topic(o.Alias)
	out := envelope.Record{Topic: topic.NameFor(r.App), Offset: -1, Timestamp: o.Timestamp, Key: o.Key, Value: o.Value, Headers: o.Headers}
	if p, keyed := partition.ByMurmur2.Of(o.Key, max(topic.Partitions, 1)); keyed && o.Key != nil {
		out.Partition = p
	}
	return r.Output(&out)
}

func (r *run) letter(l *declared.BenchLetter) error {
	r.sum.Letters[string(l.Reason)]++
	if r.sum.First == "" {
		r.sum.First = l.Message
	}
	if r.Letter == nil {
		return nil
	}
	topic, _ := r.Scenario.Topic(l.Record.Alias)
	dead := processor.DeadLetter(&kgo.Record{
		Topic: topic.NameFor(r.App), Partition: l.Record.Partition, Offset: l.Record.Offset, Timestamp: time.UnixMilli(l.Record.Timestamp),
		Key: l.Record.Key, Value: l.Record.Value, Headers: l.Record.Headers,
	}, l.Stage, string(l.Reason), l.Message, maxLine)
	return r.Letter(&envelope.Record{
		Topic: dead.Topic, Partition: max(l.Record.Partition, 0), Offset: -1, Timestamp: r.Now().UnixMilli(), Key: dead.Key, Value: dead.Value, Headers: dead.Headers,
	})
}
