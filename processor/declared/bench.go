package declared

import (
	"fmt"
	"slices"
	"time"

	"inv/internal/event"
	"inv/internal/jsonscan"
	"inv/internal/kafka/partition"
	"inv/internal/registry"
	"inv/internal/scenario"
	"inv/processor"

	"github.com/twmb/franz-go/pkg/kgo"
)

// BenchOptions are how a [Bench] runs a topology.
type BenchOptions struct {
	App        string                   // the application id; it is in names of topics, and ce_source
	Partitions int                      // of the log, at least 1
	Inputs     func(alias string) int   // the partitions of an input; nil: those that the scenario declares
	Clock      func() int64             // $clock, epoch ms; nil: the time that the bench has come to
	TickEvery  time.Duration            // how much event time passes unseen by a log partition; 0: none
	Rollback   bool                     // each record is applied, rolled back and applied again
	Output     func(*BenchOutput) error // takes what the topology writes, in its order
	Letter     func(*BenchLetter) error // takes its dead letters, between the outputs
	// Formats are those of the topics that are written: what does not fit is refused as it
	// is on a cluster. What the bench gives is JSON all the same. nil: there are none.
	Formats Formats
}

// Formats returns the schema of the keys or the values of a topic, by its alias; nil: it has
// none.
type Formats func(alias string, key bool) *registry.Schema

// BenchRecord is a record of an input or a table. A Bench borrows it for a call.
type BenchRecord struct {
	Alias      string
	Partition  int32 // -1: that of the key, 0 without
	Offset     int64 // -1: the next of the partition
	Key, Value []byte
	Headers    []kgo.RecordHeader
	Timestamp  int64 // epoch ms
}

// BenchOutput is a record that a topology writes. It is valid until the call returns.
type BenchOutput struct {
	Alias      string
	Key, Value []byte
	Headers    []kgo.RecordHeader
	Timestamp  int64 // epoch ms
}

// BenchLetter is a dead letter. It is valid until the call returns.
type BenchLetter struct {
	Refusal
	Stage  string
	Record BenchRecord // the refused one; for a timer, one of the first input without a place
}

// Bench runs a topology in memory: a router, and a machine for each partition of a log, or
// a mapper. Every record is a transaction. It is for one goroutine.
type Bench struct {
	p       *Program
	o       BenchOptions
	now     int64 // the time that the bench has come to, epoch ms
	rows    benchTables
	router  *Router
	mapper  *Mapper
	sources []*benchSource
	parts   []TopicSize
	log     []*benchPartition
	past    originals
	record  Record
	events  benchEvents
	schemas []benchSchemas // by emit
	value   []byte         // upgraded
}

// benchSchemas are what the keys and values of an emit must fit; nil: nothing.
type benchSchemas struct{ key, value *registry.Schema }

// benchSource is a partition of an input.
type benchSource struct {
	input     int
	partition int32
	next      int64 // offset
	latest    int64 // event time; -1: none
	at        int64 // when that was the time
}

// benchTables are the rows of tables, by alias and key.
type benchTables map[string]map[string][]byte

func (t benchTables) Row(table string, key []byte) ([]byte, error) {
	return t[table][string(key)], nil
}

// NewBench returns a Bench of a topology without records.
func NewBench(p *Program, o BenchOptions) *Bench {
	b := &Bench{p: p, o: o, rows: benchTables{}}
	if b.o.Clock == nil {
		b.o.Clock = func() int64 { return b.now }
	}
	if b.o.Inputs == nil {
		b.o.Inputs = func(alias string) int {
			topic, _ := p.scenario.Topic(alias)
			return topic.Partitions
		}
	}
	for i := range p.Topology.From {
		in := &p.Topology.From[i]
		for j := range in.Join {
			if b.rows[in.Join[j].Table] == nil {
				b.rows[in.Join[j].Table] = map[string][]byte{}
			}
		}
		b.parts = append(b.parts, TopicSize{Topic: []byte(b.topicName(in.Alias))})
	}
	if o.Formats != nil {
		for i := range p.Topology.Emit {
			to := p.Topology.Emit[i].To
			b.schemas = append(b.schemas, benchSchemas{o.Formats(to, true), o.Formats(to, false)})
		}
	}
	if !p.Topology.Keyed() {
		b.mapper = p.Mapper(b.rows)
		b.mapper.Takes = b.takes()
	} else {
		b.router = p.Router(b.rows)
		for range max(o.Partitions, 1) {
			b.log = append(b.log, newBenchPartition(b))
		}
	}
	for i := range p.Topology.From {
		b.grow(i, int32(max(b.o.Inputs(p.Topology.From[i].Alias), 1)))
	}
	return b
}

// topicName returns the name of an input's topic.
func (b *Bench) topicName(alias string) string {
	topic, ok := b.p.scenario.Topic(alias)
	if !ok || topic.Name == "" {
		return alias
	}
	return topic.NameFor(b.o.App)
}

// takes returns what checks outputs; nil: nothing does.
func (b *Bench) takes() Takes {
	if b.schemas == nil {
		return nil
	}
	return func(o *Output, room []byte) ([]byte, error) {
		s, topic := &b.schemas[o.Emit], b.topicName(b.p.Topology.Emit[o.Emit].To)
		if s.key != nil && o.Key != nil {
			out, err := s.key.EncodeKey(room, o.Key)
			if err != nil {
				return room, b.p.misfit(o.Emit, &processor.MisfitError{Topic: topic, Key: true, Err: err})
			}
			room = out[:len(room)]
		}
		if s.value != nil {
			out, err := s.value.Encode(room, o.Value)
			if err != nil {
				return room, b.p.misfit(o.Emit, &processor.MisfitError{Topic: topic, Err: err})
			}
			room = out[:len(room)]
		}
		return room, nil
	}
}

// grow gives an input partitions that it has not had.
func (b *Bench) grow(input int, partitions int32) {
	for n := b.parts[input].Partitions; n < partitions; n++ {
		b.sources = append(b.sources, &benchSource{input: input, partition: n, latest: -1})
		b.parts[input].Partitions++
		for _, p := range b.log {
			p.told = append(p.told, benchUntold)
		}
	}
}

func (b *Bench) source(input int, partition int32) int {
	return slices.IndexFunc(b.sources, func(s *benchSource) bool { return s.input == input && s.partition == partition })
}

// Record has the topology read a record. One of a table is its row from then on, or removes
// it, if it is a tombstone or not JSON. An error
// is a mistake of the caller or of the topology's code, not one in the record.
func (b *Bench) Record(r *BenchRecord) error {
	value, failed := b.upgraded(r)
	table, isTable := b.rows[r.Alias]
	if isTable {
		delete(table, string(r.Key))
		if flags, ok := jsonscan.Valid(value); ok && failed == nil {
			table[string(r.Key)] = jsonscan.AppendSafe(nil, value, flags)
		}
	}
	input := slices.IndexFunc(b.p.Topology.From, func(in scenario.Input) bool { return in.Alias == r.Alias })
	switch {
	case input < 0 && isTable:
		return nil
	case input < 0:
		return fmt.Errorf("the topology %s does not read %s", b.p.Topology.Name, r.Alias)
	}
	b.now = max(b.now, r.Timestamp)
	to := r.Partition
	if to < 0 {
		if to = 0; r.Key != nil {
			to = int32(partition.Hash(r.Key) % uint32(b.parts[input].Partitions))
		}
	}
	b.grow(input, to+1)
	at := b.source(input, to)
	s := b.sources[at]
	offset := r.Offset
	if offset < 0 {
		offset = s.next
	}
	s.next = offset + 1
	rec := &b.record
	*rec = Record{Input: input, Origin: Origin{string(b.parts[input].Topic), to, offset, r.Timestamp}, Key: r.Key, Value: value, Headers: rec.Headers[:0]}
	if b.p.UsesHeaders() {
		for _, h := range r.Headers {
			rec.Headers = append(rec.Headers, Header{h.Key, h.Value})
		}
	}
	switch {
	case failed != nil:
		return b.refuse(rec, r, &Refusal{registry.Reason(failed), failed.Error()})
	case b.mapper != nil:
		return b.mapRecord(rec, r)
	}
	return b.route(rec, r, at)
}

// upgraded returns a record's value as the version that programs read has it.
func (b *Bench) upgraded(r *BenchRecord) ([]byte, error) {
	u := b.p.upgrades[r.Alias]
	if !u.Has(r.Headers) || slices.ContainsFunc(b.p.Topology.From, func(in scenario.Input) bool { return in.Alias == r.Alias && in.Format != "" }) {
		return r.Value, nil
	}
	value, err := u.Apply(b.value, r.Headers, r.Value)
	if err != nil {
		return nil, err
	}
	b.value = value
	return value, nil
}

// refuse dead-letters a record that is not decided.
func (b *Bench) refuse(rec *Record, original *BenchRecord, why *Refusal) error {
	stage := b.p.Topology.Name
	if b.p.Topology.Keyed() {
		stage = RouteStage(stage)
	}
	if err := b.events.letter(&BenchLetter{Refusal: *why, Stage: stage, Record: placed(original, rec)}); err != nil {
		return err
	}
	return b.give()
}

// mapRecord is Record without state.
func (b *Bench) mapRecord(rec *Record, original *BenchRecord) error {
	outcome, refused, err := b.mapper.Map(rec, b.o.Clock(), &b.events)
	if err == nil && outcome == Refused {
		err = b.events.letter(&BenchLetter{Refusal: *refused, Stage: b.p.Topology.Name, Record: placed(original, rec)})
	}
	if err != nil {
		return err
	}
	return b.give()
}

// placed is a record with its own partition and offset.
func placed(r *BenchRecord, rec *Record) BenchRecord {
	out := *r
	out.Partition, out.Offset = rec.Partition, rec.Offset
	return out
}

// route is Record with state.
func (b *Bench) route(rec *Record, original *BenchRecord, at int) error {
	outcome, refused, err := b.router.Route(rec, benchLines{b, at})
	if err != nil {
		return err
	}
	if outcome == Refused {
		if err := b.events.letter(&BenchLetter{Refusal: *refused, Stage: b.p.Topology.Name + "-route", Record: placed(original, rec)}); err != nil {
			return err
		}
	}
	if outcome == Routed {
		b.past.keep(rec, original)
	}
	if ms, ok := b.router.Time(); ok {
		s := b.sources[at]
		if ms > s.latest {
			s.latest, s.at = ms, b.now
		}
	}
	b.tick(b.o.TickEvery.Milliseconds())
	return b.apply()
}

// Advance lets time pass: the clock shows now, in epoch ms, and the event time of each
// partition that has one has gone on as the clock did since. Everything due by then
// happens.
func (b *Bench) Advance(now int64) error {
	b.now = max(b.now, now)
	if b.mapper != nil {
		return nil
	}
	for _, s := range b.sources {
		if s.latest >= 0 {
			s.latest, s.at = min(s.latest+b.now-s.at, event.MaxTime), b.now
		}
	}
	b.tick(0)
	return b.apply()
}

// Flush ends the records: lines that wait for others are applied, and what is due by the
// latest event time happens, but nothing that is due later.
func (b *Bench) Flush() error {
	if b.mapper != nil {
		return nil
	}
	t := b.p.Topology
	latest := int64(-1)
	for _, s := range b.sources {
		latest = max(latest, s.latest)
	}
	if latest < 0 {
		return nil
	}
	if t.Order == scenario.ByTime || t.Window != nil {
		grace, _ := t.Graceful()
		latest = min(latest+grace.Milliseconds()+1, event.MaxTime)
	}
	for _, s := range b.sources {
		if s.latest >= 0 {
			s.latest, s.at = latest, b.now
		}
	}
	b.tick(0)
	return b.apply()
}
