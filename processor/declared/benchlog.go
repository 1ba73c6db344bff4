package declared

import (
	"bytes"
	"fmt"

	"inv/internal/event"
	"inv/internal/kafka/partition"

	"github.com/twmb/franz-go/pkg/kgo"
)

// benchUntold is the time of a source of which a log partition has heard nothing.
const benchUntold = -2

// benchPartition is a partition of a Bench's log, with its machine.
type benchPartition struct {
	machine *Machine
	next    int64   // offset
	lines   []byte  // of the transaction
	told    []int64 // the latest time that each source has told
}

func newBenchPartition(b *Bench) *benchPartition {
	p := &benchPartition{machine: b.p.NewMachine()}
	p.machine.Now = b.o.Clock
	p.machine.Takes = b.takes()
	return p
}

// benchLines writes the lines of a source's record to the log.
type benchLines struct {
	b      *Bench
	source int
}

func (l benchLines) Line(key, line []byte) error {
	p := l.b.log[partition.Hash(key)%uint32(len(l.b.log))]
	p.lines = append(p.lines, line...)
	if p.told[l.source] != benchUntold {
		p.told[l.source] = max(p.told[l.source], l.b.router.time)
	}
	return nil
}

// tick tells each log partition the times of the sources that it knows too little of:
// those that are more than some milliseconds newer than what it was told.
func (b *Bench) tick(every int64) {
	if !b.p.Topology.Timed() {
		return
	}
	for _, p := range b.log {
		for i, s := range b.sources {
			if told := p.told[i]; told == s.latest || told >= 0 && s.latest-told <= every {
				continue
			}
			p.lines = AppendTick(p.lines, &Tick{Time: s.latest, Topic: b.parts[s.input].Topic, Partition: s.partition, Parts: b.parts})
			p.told[i] = s.latest
		}
	}
}

// apply ends the transaction: each partition of the log applies its lines.
func (b *Bench) apply() error {
	for _, p := range b.log {
		if len(p.lines) == 0 {
			continue
		}
		if err := b.applyTo(p); err != nil {
			return err
		}
		p.lines = p.lines[:0]
		p.next++
	}
	return b.give()
}

func (b *Bench) applyTo(p *benchPartition) error {
	from := b.events.mark()
	if err := p.machine.Apply(p.next, p.lines, &b.events); err != nil {
		return err
	}
	if b.o.Rollback {
		first := b.events.since(from)
		p.machine.Rollback()
		b.events.cut(from)
		if err := p.machine.Apply(p.next, p.lines, &b.events); err != nil {
			return err
		}
		if again := b.events.since(from); first != again {
			return fmt.Errorf("after a rollback the same lines gave something else:\n%s\nand then\n%s\nof\n%s", first, again, p.lines)
		}
	}
	if err := p.machine.Seal(func(_, _ []byte) error { return nil }); err != nil {
		return err
	}
	p.machine.Commit()
	return nil
}

// benchEvents are what a transaction gives, in its order.
type benchEvents struct {
	text   []byte
	events []benchEvent
}

// benchEvent is an output, whose texts follow one another in the text up to their ends, or
// a dead letter.
type benchEvent struct {
	emit                int
	time                int64
	start, id, key, end int
	keyless             bool
	ofMachine           *Letter
	ofRouter            *BenchLetter
}

func (e *benchEvents) Output(o *Output) error {
	x := benchEvent{emit: o.Emit, time: o.Time, start: len(e.text), keyless: o.Key == nil}
	e.text = append(e.text, o.ID...)
	x.id = len(e.text)
	e.text = append(e.text, o.Key...)
	x.key = len(e.text)
	e.text = append(e.text, o.Value...)
	x.end = len(e.text)
	e.events = append(e.events, x)
	return nil
}

func (e *benchEvents) Letter(l *Letter) error {
	kept := *l
	kept.Key, kept.Value = bytes.Clone(l.Key), bytes.Clone(l.Value)
	e.events = append(e.events, benchEvent{ofMachine: &kept, start: len(e.text), end: len(e.text)})
	return nil
}

func (e *benchEvents) letter(l *BenchLetter) error {
	e.events = append(e.events, benchEvent{ofRouter: l, start: len(e.text), end: len(e.text)})
	return nil
}

// mark is a place in the events, to cut them at.
func (e *benchEvents) mark() int { return len(e.events) }

func (e *benchEvents) cut(mark int) {
	if mark < len(e.events) {
		e.text = e.text[:e.events[mark].start]
		e.events = e.events[:mark]
	}
}

// since describes the events since a mark.
func (e *benchEvents) since(mark int) string {
	var out bytes.Buffer
	for _, x := range e.events[mark:] {
		if l := x.ofMachine; l != nil {
			fmt.Fprintf(&out, "%s: %s %+v %s %s\n", l.Reason, l.Message, l.Record, l.Key, l.Value)
			continue
		}
		fmt.Fprintf(&out, "%d %d %s %s %s\n", x.emit, x.time, e.text[x.start:x.id], e.text[x.id:x.key], e.text[x.key:x.end])
	}
	return out.String()
}

// give passes on what the transaction gave.
func (b *Bench) give() error {
	defer func() { b.events.text, b.events.events = b.events.text[:0], b.events.events[:0] }()
	for i := range b.events.events {
		x := &b.events.events[i]
		var err error
		switch {
		case x.ofRouter != nil:
			err = b.giveLetter(x.ofRouter)
		case x.ofMachine != nil:
			err = b.giveLetter(b.original(x.ofMachine))
		case b.o.Output != nil:
			err = b.o.Output(b.output(x))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *Bench) giveLetter(l *BenchLetter) error {
	if b.o.Letter == nil {
		return nil
	}
	return b.o.Letter(l)
}

func (b *Bench) output(x *benchEvent) *BenchOutput {
	text, emit := b.events.text, &b.p.Topology.Emit[x.emit]
	o := &BenchOutput{Alias: emit.To, Key: text[x.id:x.key:x.key], Value: text[x.key:x.end:x.end], Timestamp: x.time}
	if x.keyless {
		o.Key = nil
	}
	o.Headers = event.AppendHeaders(nil, event.Envelope{
		Type: b.p.EventType(x.emit), Source: b.o.App, ID: string(text[x.start:x.id]), Time: x.time,
	})
	return o
}

// original returns a machine's letter with the record as it was read.
func (b *Bench) original(l *Letter) *BenchLetter {
	out := &BenchLetter{Refusal: l.Refusal, Stage: b.p.Topology.Name + "-state"}
	if r := b.past.find(&l.Record); r != nil {
		out.Record = *r
		return out
	}
	out.Record = BenchRecord{Alias: b.p.Topology.From[0].Alias, Partition: l.Record.Partition, Offset: l.Record.Offset, Timestamp: l.Record.Timestamp, Key: l.Key, Value: l.Value}
	if l.Record.Topic == "" {
		out.Record.Partition, out.Record.Offset = -1, -1
		return out
	}
	for i := range b.parts {
		if string(b.parts[i].Topic) == l.Record.Topic {
			out.Record.Alias = b.p.Topology.From[i].Alias
		}
	}
	return out
}

// maxOriginals bounds the records that are kept for dead letters, in bytes. A letter of an
// older one has the line's own copy.
const maxOriginals = 64 << 20

// originals are the last records, for the dead letters of lines that wait.
type originals struct {
	size   int
	places []Origin
	kept   map[Origin]*BenchRecord
}

func (o *originals) keep(rec *Record, r *BenchRecord) {
	if o.kept == nil {
		o.kept = map[Origin]*BenchRecord{}
	}
	kept := placed(r, rec)
	kept.Key, kept.Value = bytes.Clone(r.Key), bytes.Clone(r.Value)
	kept.Headers = nil
	for _, h := range r.Headers {
		kept.Headers = append(kept.Headers, kgo.RecordHeader{Key: h.Key, Value: bytes.Clone(h.Value)})
	}
	if before := o.kept[rec.Origin]; before != nil {
		o.size -= size(before)
	} else {
		o.places = append(o.places, rec.Origin)
	}
	o.kept[rec.Origin] = &kept
	for o.size += size(&kept); o.size > maxOriginals && len(o.places) > 1; {
		first := o.places[0]
		o.size -= size(o.kept[first])
		delete(o.kept, first)
		o.places = o.places[1:]
	}
}

// size is about what a record takes.
func size(r *BenchRecord) int {
	n := 200 + len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return n
}

func (o *originals) find(at *Origin) *BenchRecord { return o.kept[*at] }
