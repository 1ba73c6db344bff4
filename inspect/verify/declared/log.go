package declared

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"

	"inv/inspect/verify"
	"inv/internal/event"
	"inv/internal/kafka/fetch"
	"inv/internal/kafka/partition"

	"github.com/itchyny/gojq"
	"github.com/twmb/franz-go/pkg/kgo"
)

// logFormat is the header of the log's records.
const (
	formatHeader = "inv-format"
	logFormat    = "declared-log/1"
)

// logbook is what the log says, by the records that its lines are of.
type logbook struct {
	seed  maphash.Seed
	lines map[event.Place][]*logLine
	parts map[int32]*logPartition
	rows  map[string]any // joined rows, each once
}

// logLine is a line of the log.
type logLine struct {
	at    event.Place // of its record in the log
	index int64       // of the element; -1 without each
	sum   uint64      // of the line without its rows
	rows  map[string]any
	met   bool // its record was read, too
}

// logPartition is the replay of a partition of the log.
type logPartition struct {
	replay *Replay
	ticks  map[fetch.ID]int64 // the latest of each source partition
	order  map[fetch.ID]order // the last line of each source partition
}

// order is the place of a line in its source partition.
type order struct{ offset, index int64 }

func newLogbook() *logbook {
	return &logbook{seed: maphash.MakeSeed(), lines: map[event.Place][]*logLine{}, parts: map[int32]*logPartition{}, rows: map[string]any{}}
}

// readLog replays the log, and keeps what its lines say.
func (a *audit) readLog(ctx context.Context) error {
	a.trimmedTopic(a.topic(a.t.Log()), checkInputs, checkOutputs, checkLetters)
	err := a.records.Each(ctx, a.topic(a.t.Log()), func(r *kgo.Record) { a.logRecord(ctx, r) })
	for _, p := range a.log.parts {
		a.counts.Held += int64(p.replay.Held())
		a.counts.Keys += int64(len(p.replay.states))
	}
	return err
}

// logRecord applies a record of the log, which has lines.
func (a *audit) logRecord(ctx context.Context, r *kgo.Record) {
	at := placeOf(r)
	if value, _ := event.Header(r.Headers, formatHeader); string(value) != logFormat {
		a.note(checkTicks, verify.Finding{Where: at.String(), Expected: formatHeader + " " + logFormat, Seen: fmt.Sprintf("%.80q", value)})
		return
	}
	p := a.log.parts[r.Partition]
	if p == nil {
		p = &logPartition{replay: a.t.NewReplay(), ticks: map[fetch.ID]int64{}, order: map[fetch.ID]order{}}
		p.replay.refused = a.refusedThere
		a.log.parts[r.Partition] = p
	}
	for n, text := range bytes.SplitAfter(bytes.TrimSuffix(r.Value, []byte("\n")), []byte("\n")) {
		if ctx.Err() != nil {
			return // which ends the reading, too
		}
		l, err := ParseLine(text)
		if err == nil {
			a.logLine(p, at, l)
			a.called(r, p.replay.Apply(r.Offset, l))
		} else {
			a.note(checkTicks, verify.Finding{Where: fmt.Sprintf("%s line %d", at, n+1), Expected: "a line", Seen: fmt.Sprintf("%v: %.100q", err, text)})
		}
	}
}

// logLine judges a line by itself, and keeps it for the comparison with the inputs.
func (a *audit) logLine(p *logPartition, at event.Place, l *Line) {
	if l.Tick != nil {
		a.tick(p, at, l.Tick)
		return
	}
	a.counts.Lines++
	if at.Offset >= a.progress.Applied[idOf(at)] {
		a.counts.LinesInFlight++
	}
	a.checks[checkOnce].Checked++
	source, here := idOf(l.Source), order{l.Source.Offset, index(l)}
	if last, ok := p.order[source]; ok && (here.offset < last.offset || here.offset == last.offset && here.index <= last.index) {
		a.note(checkOnce, verify.Finding{Key: l.Key, Where: at.String(), Expected: "a line of a record after " + event.Place{Topic: source.Topic, Partition: source.Partition, Offset: last.offset}.String(), Seen: "a line of " + l.Source.String()})
	}
	p.order[source] = here
	if want := partition.Murmur2([]byte(l.Key), int(a.partitions(at.Topic))); want != at.Partition {
		a.note(checkLines, verify.Finding{Key: l.Key, Where: at.String(), Expected: fmt.Sprintf("partition %d", want), Seen: fmt.Sprintf("partition %d", at.Partition)})
	}
	kept := &logLine{at: at, index: -1, sum: a.log.sum(l)}
	if l.Index != nil {
		kept.index = index(l)
	}
	if len(l.Rows) > 0 {
		kept.rows = make(map[string]any, len(l.Rows))
	}
	for name, row := range l.Rows {
		text := canonical(row)
		if _, ok := a.log.rows[text]; !ok {
			a.log.rows[text] = row
		}
		kept.rows[name] = a.log.rows[text]
	}
	a.log.lines[l.Source] = append(a.log.lines[l.Source], kept)
}

// sum returns a hash of a line without its rows.
func (b *logbook) sum(l *Line) uint64 {
	o := l.Object()
	delete(o, "j")
	text, _ := gojq.Marshal(o)
	return maphash.Bytes(b.seed, text)
}

// tick checks that the times of a source partition don't go back.
func (a *audit) tick(p *logPartition, at event.Place, t *Tick) {
	a.counts.Ticks++
	a.checks[checkTicks].Checked++
	if t.Time == nil {
		return
	}
	source := idOf(t.Of)
	if last, ok := p.ticks[source]; ok && *t.Time < last {
		a.note(checkTicks, verify.Finding{Where: at.String(), Expected: fmt.Sprintf("a time of %s not before %d", partitionOf(t.Of), last), Seen: fmt.Sprint(*t.Time)})
	}
	p.ticks[source] = *t.Time
}

// called takes what a line of the log calls for.
func (a *audit) called(r *kgo.Record, results []Result) {
	due := r.Offset < a.progress.Applied[fetch.ID{Topic: r.Topic, Partition: r.Partition}]
	for i := range results {
		if o := results[i].Output; o != nil {
			a.callOutput(o, placeOf(r), due)
		} else {
			a.callLetter(a.applying(), results[i].Letter, placeOf(r), due)
		}
	}
}

// finish looks for lines without a record.
func (b *logbook) finish(a *audit) {
	for source, lines := range b.lines {
		for _, l := range lines {
			switch {
			case l.met:
			case source.Offset < a.progress.Starts[idOf(source)]:
				a.doubt("some lines are of records that have been deleted", checkLines)
			default:
				a.note(checkLines, verify.Finding{Where: l.at.String(), Expected: "no line that " + source.String() + " does not call for", Seen: fmt.Sprintf("one of element %d", l.index)})
			}
		}
	}
}
