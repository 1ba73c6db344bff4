package declared

import (
	"context"
	"fmt"
	"time"

	"inv/internal/event"
	"inv/internal/kafka/partition"
	"inv/processor"
	"inv/processor/lines"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kgo"
)

// logFormat is the [lines.FormatHeader] of the records of a log.
const logFormat = "declared-log/1"

// intake is what the stages that read a topology's inputs have in common.
type intake struct {
	env     processor.Env
	program *Program
	stage   string
	inputs  map[string]int // index in the topology's from, by topic
	headed  bool           // it uses the records' headers
	tables  *tableSet
	decoder topicDecoder
}

func newIntake(env processor.Env, p *Program, name string) (*intake, error) {
	in := &intake{env: env, program: p, stage: name, inputs: map[string]int{}, headed: p.UsesHeaders(), decoder: newTopicDecoder(env.Schemas, env.Logger)}
	for i := range p.Topology.From {
		in.inputs[env.Topic(p.Topology.From[i].Alias)] = i
	}
	var err error
	in.tables, err = newTables(env.Kafka, joined(p.Topology), func(alias string) (string, int) {
		return env.Topic(alias), env.Partitions(alias)
	}, env.Schemas, env.Logger)
	return in, err
}

// Run follows the tables.
func (in *intake) Run(ctx context.Context) error { return in.tables.follow(ctx) }

// Close releases the tables' connections.
func (in *intake) Close() { in.tables.close() }

// Grow implements [processor.Grower].
func (in *intake) Grow(topic string, partitions int) { in.tables.grow(topic, partitions) }

// record makes what is decided of a record. A key or a value that can't be decoded is a
// *refusalError.
func (in *intake) record(ctx context.Context, rec *Record, r *kgo.Record) error {
	*rec = Record{
		Input: in.inputs[r.Topic], Key: r.Key, Value: r.Value, Headers: rec.Headers[:0],
		Origin: Origin{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp.UnixMilli()},
	}
	if in.headed {
		for i := range r.Headers {
			rec.Headers = append(rec.Headers, Header{r.Headers[i].Key, r.Headers[i].Value})
		}
	}
	var err error
	if rec.Key, err = in.decoder.keyOf(ctx, r); err != nil {
		return err
	}
	if in.program.Topology.From[rec.Input].Format != "" {
		return nil
	}
	rec.Value, err = in.decoder.valueOf(ctx, r)
	return err
}

// letter returns the dead letter of a record.
func (in *intake) letter(r *kgo.Record, why *Refusal) *kgo.Record {
	return processor.DeadLetter(r, in.stage, string(why.Reason), why.Message, in.env.MaxBatch(processor.DeadLetterTopic(r.Topic)))
}

// counts are what became of the records of a source partition in a transaction.
type counts struct {
	topic             string
	accepted, skipped int64
	refused           map[processor.Tally]int64
}

func newCounts(topic string) counts {
	return counts{topic: topic, refused: map[processor.Tally]int64{}}
}

func (c *counts) refuse(reason event.Reason) {
	c.refused[processor.Tally{Topic: c.topic, Outcome: processor.DeadLettered, Reason: reason}]++
}

// publish adds the counts to the statistics, and sets them to 0.
func (c *counts) publish(s *processor.Stats) {
	if c.accepted > 0 {
		c.refused[processor.Tally{Topic: c.topic, Outcome: processor.Accepted}] = c.accepted
	}
	if c.skipped > 0 {
		c.refused[processor.Tally{Topic: c.topic, Outcome: processor.Skipped}] = c.skipped
	}
	s.Tally(c.refused)
	c.reset()
}

// none reports whether no record was counted.
func (c *counts) none() bool { return c.accepted+c.skipped == 0 && len(c.refused) == 0 }

func (c *counts) reset() {
	c.accepted, c.skipped = 0, 0
	clear(c.refused)
}

// decidedFrom returns the text by which a line of a log names the partition that it came
// from. See [AppendLine].
func decidedFrom(source stage.Source) string {
	return fmt.Sprintf(`"src":"%s/%d@`, source.Topic, source.Partition)
}

// route is the stage that decides the records of a topology with keys, each once, into
// lines of its log.
type route struct {
	*intake
	log     *lines.Packer
	ends    ends
	touched []*routePartition // by the transaction in progress
}

func newRoute(env processor.Env, p *Program, name string) (*route, error) {
	in, err := newIntake(env, p, name)
	if err != nil {
		return nil, err
	}
	log := p.Topology.Log()
	return &route{
		intake: in, ends: ends{env: env},
		log: lines.New(env.Topic(log), logFormat, env.Partitions(log), env.MaxBatch(env.Topic(log))),
	}, nil
}

// parts returns the numbers of partitions of the topology's inputs.
func (s *route) parts(to []TopicSize) []TopicSize {
	for i := range s.program.Topology.From {
		alias := s.program.Topology.From[i].Alias
		to = append(to, TopicSize{[]byte(s.env.Topic(alias)), int32(s.env.Partitions(alias))})
	}
	return to
}

// Start reads the tables to their ends, and what was noted of the partition's time.
func (s *route) Start(ctx context.Context, source stage.Source, committed int64) (stage.Partition, int64, error) {
	if err := s.tables.refresh(ctx); err != nil {
		return nil, 0, fmt.Errorf("reading the tables: %w", err)
	}
	notes, err := s.env.Notes(ctx, source, committed)
	if err != nil {
		return nil, 0, err
	}
	p := &routePartition{
		stage: s, ctx: ctx, source: source, joins: joins{tables: s.tables},
		counts: newCounts(source.Topic), lines: make([]int64, s.log.Partitions()),
	}
	p.router = s.program.Router(&p.joins)
	if !s.program.Topology.Timed() {
		return p, committed, nil
	}
	p.ticker = newTicker(s.program.Topology.Idle, s.log.Partitions(), notes[noteClock], s.env.Now())
	if committed < 0 { // a tick commits where the partition is, so that only its owner writes one
		if committed, err = s.env.Reader.LogStart(ctx, source.Topic, source.Partition); err != nil {
			return nil, 0, err
		}
	}
	p.next = committed
	return p, committed, nil
}

// routePartition is one source partition.
type routePartition struct {
	stage  *route
	ctx    context.Context // of the ownership
	source stage.Source
	router *Router
	joins  joins
	ticker *ticker // nil: time makes nothing happen
	next   int64   // behind the last record; may be less than what was polled

	record  Record
	text    []byte // of the record's lines
	decided []decidedLine
	tick    []byte
	parts   []TopicSize
	touched bool
	silent  bool // in the transaction in progress: the time that has elapsed is told

	counts counts  // of the transaction in progress
	lines  []int64 // by log partition
}

// decidedLine is a line's partition and its end in the text.
type decidedLine struct {
	to  int32
	end int
}

// Process decides one record.
func (p *routePartition) Process(ctx context.Context, tx *stage.Tx, r *kgo.Record) error {
	p.touch()
	p.next = r.Offset + 1
	p.joins.ctx, p.joins.polls = ctx, tx.Polls()
	p.text, p.decided = p.text[:0], p.decided[:0]
	outcome, refusal, err := p.decide(ctx, r)
	if err != nil {
		return err
	}
	if longest := p.longest(); outcome == Routed && longest > p.stage.log.Longest() {
		outcome, refusal = Refused, &Refusal{event.TooLarge, fmt.Sprintf("a line of %d bytes; the topic %s accepts %d", longest, p.stage.env.Topic(p.stage.program.Topology.Log()), p.stage.log.Longest())}
	}
	ms, timed := p.router.Time()
	if p.ticker != nil {
		p.ticker.read(ms, timed && outcome != Refused, tx.Now())
	}
	switch outcome {
	case Dropped:
		p.counts.skipped++
	case Refused:
		tx.Produce(p.stage.letter(r, refusal))
		p.counts.refuse(refusal.Reason)
	default:
		p.counts.accepted++
		return p.write(tx, ms)
	}
	return nil
}

func (p *routePartition) decide(ctx context.Context, r *kgo.Record) (Outcome, *Refusal, error) {
	if err := p.stage.record(ctx, &p.record, r); err != nil {
		return undecoded(err)
	}
	return p.router.Route(&p.record, p)
}

// Line implements [Lines]. A record's lines are written when all of them are known.
func (p *routePartition) Line(key, line []byte) error {
	p.text = append(p.text, line...)
	p.decided = append(p.decided, decidedLine{partition.Murmur2(key, p.stage.log.Partitions()), len(p.text)})
	return nil
}

// longest returns the length of the longest line of the record.
func (p *routePartition) longest() (n int) {
	start := 0
	for _, d := range p.decided {
		n, start = max(n, d.end-start), d.end
	}
	return n
}

// write puts the record's lines into the log, each in the partition of its key.
func (p *routePartition) write(tx *stage.Tx, ms int64) error {
	start := 0
	for _, d := range p.decided {
		if err := p.stage.log.Add(tx, d.to, p.text[start:d.end]); err != nil {
			return err
		}
		start = d.end
		p.lines[d.to]++
		if p.ticker != nil {
			p.ticker.line(int(d.to), ms)
		}
	}
	return nil
}

// touch adds the partition to those of the transaction.
func (p *routePartition) touch() {
	if !p.touched {
		p.touched = true
		p.stage.touched = append(p.stage.touched, p)
	}
}

// NextDue returns when the partition has been silent for so long that its time goes on
// without a record.
func (p *routePartition) NextDue() (time.Time, bool) {
	if p.ticker == nil {
		return time.Time{}, false
	}
	return p.ticker.due()
}

// Due lets the partition's time go on, if all of its records have been read.
func (p *routePartition) Due(tx *stage.Tx, now time.Time) error {
	p.touch()
	read, err := p.stage.ends.read(p.ctx, p.source, max(p.next, tx.Position(p.source)), now)
	if err != nil || !read { // it is looked at again
		p.ticker.wait(now)
		return nil
	}
	p.silent = p.ticker.elapse(now, othersTime(p.stage.ends.notes, p.source, now, p.stage.program.Topology.Idle))
	return nil
}

// Seal writes the ticks, and the records of the log that are not full yet. They hold the
// lines of all partitions, so the first one to be sealed writes them.
func (p *routePartition) Seal(tx *stage.Tx) error {
	s := p.stage
	for _, p := range s.touched {
		if err := p.ticks(tx); err != nil {
			return err
		}
	}
	s.touched = s.touched[:0]
	return s.log.Flush(tx)
}

// ticks writes what the log's partitions are to know of this partition's time.
func (p *routePartition) ticks(tx *stage.Tx) error {
	if p.ticker == nil || !p.silent && p.counts.none() {
		return nil
	}
	p.ticker.settle(p.stage.env.Now())
	p.parts = p.stage.parts(p.parts[:0])
	tick := Tick{Time: p.ticker.latest, Topic: []byte(p.source.Topic), Partition: p.source.Partition, Parts: p.parts}
	p.tick = AppendTick(p.tick[:0], &tick)
	return p.ticker.tell(p.silent, func(to int) error {
		p.lines[to]++
		return p.stage.log.Add(tx, int32(to), p.tick)
	})
}

// Note implements [stage.Noted].
func (p *routePartition) Note() string {
	if p.ticker == nil {
		return ""
	}
	return p.ticker.note()
}

// Commit publishes the transaction's counts.
func (p *routePartition) Commit() {
	for to, n := range p.lines {
		if n > 0 {
			p.stage.env.Flow.Add(int32(to), n)
		}
	}
	p.counts.publish(p.stage.env.Stats)
	if p.ticker != nil {
		p.ticker.commit()
	}
	p.reset()
}

// Rollback drops them: the records come again.
func (p *routePartition) Rollback() {
	p.stage.log.Discard()
	p.stage.touched = p.stage.touched[:0]
	if p.ticker != nil {
		p.ticker.rollback()
	}
	p.counts.reset()
	p.reset()
}

func (p *routePartition) reset() {
	p.touched, p.silent = false, false
	clear(p.lines)
}

// Close has nothing to release.
func (p *routePartition) Close() {}
