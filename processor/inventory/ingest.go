package inventory

import (
	"context"
	"fmt"
	"sync/atomic"

	"inv/internal/event"
	"inv/internal/kafka/partition"
	"inv/processor"
	"inv/processor/lines"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kgo"
)

// ingest decides each record of the source topics once: structure first, then
// duplicate, then whether its product is known.
type ingest struct {
	kinds     map[string]inputKind // by source topic
	aliases   map[string]string    // likewise
	limits    limits
	fits      *fits
	catalogue *catalogue
	reader    *stage.Reader
	prints    stage.Fingerprinter
	window    int64 // offsets; 0: no deduplication
	env       processor.Env
	log       *lines.Packer
	otherKeys *atomic.Int64
}

func newIngest(env processor.Env, o Options, reads []string) (*ingest, error) {
	l, err := o.limitsFor(env)
	if err != nil {
		return nil, err
	}
	g := &ingest{
		kinds: map[string]inputKind{}, limits: l, reader: env.Reader, aliases: map[string]string{}, fits: fitsFor(env),
		prints: stage.NewFingerprinter(), window: o.DedupeWindow, env: env,
		log:       lines.New(env.Topic("log"), logFormat, env.Partitions("log"), env.MaxBatch(env.Topic("log"))),
		otherKeys: env.Counter(otherKeys),
	}
	kinds := map[string]inputKind{"catalog": catalogInput, "orders": orderInput, "receipts": receiptInput, "reorders": reorderInput}
	for _, alias := range reads {
		g.kinds[env.Topic(alias)] = kinds[alias]
		g.aliases[env.Topic(alias)] = alias
	}
	g.catalogue, err = newCatalogue(env, g.limits, g.fits)
	return g, err
}

// Run follows the catalogue.
func (g *ingest) Run(ctx context.Context) error { return g.catalogue.Follower.Run(ctx) }

// Grow implements [processor.Grower].
func (g *ingest) Grow(topic string, partitions int) {
	if topic == g.catalogue.topic {
		g.catalogue.Grow(partitions)
	}
}

// Close releases the catalogue's connections.
func (g *ingest) Close() { g.catalogue.reader.Close() }

// decidedFrom returns the text by which a line of the log names the partition
// that it came from, see [event.AppendEntry].
func decidedFrom(source stage.Source) string {
	return fmt.Sprintf(`"src":"%s/%d@`, source.Topic, source.Partition)
}

// Start rereads the window behind the committed offset.
func (g *ingest) Start(ctx context.Context, source stage.Source, committed int64) (stage.Partition, int64, error) {
	p := &ingestPartition{stage: g, kind: g.kinds[source.Topic], topic: source.Topic, window: stage.NewWindow(0),
		counts: map[processor.Tally]int64{}, lines: make([]int64, g.log.Partitions())}
	p.in.fits = g.fits
	p.in.values = g.env.Values(g.aliases[source.Topic])
	p.byContent = g.env.Encoded(g.aliases[source.Topic])
	if err := g.catalogue.Refresh(ctx); err != nil {
		return nil, 0, fmt.Errorf("reading the catalogue: %w", err)
	}
	if p.kind != orderInput && p.kind != receiptInput || g.window == 0 {
		return p, committed, nil
	}
	p.window = stage.NewWindow(g.window)
	if committed <= 0 {
		return p, committed, nil
	}
	from := max(committed-g.window, 0)
	err := g.reader.Read(ctx, source.Topic, source.Partition, from, committed, func(r *kgo.Record) error {
		g.env.Stats.Restored(1)
		err := p.in.decode(ctx, p.kind, r, g.limits)
		if err == nil && !p.in.tombstone {
			p.window.Add(p.print(r), r.Offset)
		}
		if refusal(err) == nil {
			return err
		}
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("rereading the window of duplicates: %w", err)
	}
	p.window.Commit(committed)
	return p, committed, nil
}

// print returns the fingerprint by which records are duplicates: of the value,
// and of the dead letter that it was replayed from. Equal values have equal ids. Where
// values may be in several encodings, it is what the system reads of them that counts:
// the same order in another encoding is the same order.
func (p *ingestPartition) print(r *kgo.Record) stage.Fingerprint {
	replay, _ := event.Header(r.Headers, event.HeaderDLQReplay)
	value := r.Value
	if p.byContent && !p.in.tombstone {
		switch p.kind {
		case orderInput:
			p.content = event.AppendOrder(p.content[:0], &p.in.order)
		case receiptInput:
			p.content = event.AppendReceipt(p.content[:0], &p.in.receipt)
		default:
			p.content = append(p.content[:0], p.in.value...)
		}
		value = p.content
	}
	return p.stage.prints.Of(value, replay)
}

// ingestPartition is one source partition.
type ingestPartition struct {
	stage  *ingest
	kind   inputKind
	topic  string
	window *stage.Window
	next   int64

	in        input
	byContent bool   // records may be in several encodings
	content   []byte // scratch
	list      []event.Entry
	line      []byte
	refreshed int // Tx.Polls when the catalogue's end was last asked for

	counts    map[processor.Tally]int64 // of the transaction in progress
	accepted  int64                     // which are not in counts
	lines     []int64                   // by log partition
	otherKeys int64
}

// Process decides one record.
func (p *ingestPartition) Process(ctx context.Context, tx *stage.Tx, r *kgo.Record) error {
	p.next = r.Offset + 1
	if err := p.in.decode(ctx, p.kind, r, p.stage.limits); err != nil {
		if why := refusal(err); why != nil {
			p.refuse(tx, r, why)
			return nil
		}
		return err
	}
	if p.in.tombstone && p.kind != catalogInput {
		p.count(r.Topic, processor.Skipped, "")
		return nil
	}
	if p.window.Add(p.print(r), r.Offset) && !p.in.tombstone {
		p.count(r.Topic, processor.Duplicate, "")
		return nil
	}
	p.list = p.in.entries(p.kind, r, p.list[:0])
	missing, err := p.unknown(ctx, tx)
	if err != nil {
		return fmt.Errorf("reading the catalogue: %w", err)
	}
	if missing != "" {
		p.refuse(tx, r, &event.Error{Reason: event.UnknownProduct, Message: "no such product in the catalogue: " + quoted(missing)})
		return nil
	}
	if p.kind != catalogInput {
		if why := p.stage.fits.entries(p.list); why != nil {
			p.refuse(tx, r, why)
			return nil
		}
	}
	if err := p.encode(); err != nil {
		p.refuse(tx, r, err)
		return nil
	}
	if err := p.write(tx); err != nil {
		return err
	}
	if p.kind == orderInput && string(r.Key) != p.in.order.OrderID && !p.keyed(ctx, r) {
		p.otherKeys++
	}
	p.accepted++
	return nil
}

// keyed reports whether an order's key, in the format of its topic, is its id.
func (p *ingestPartition) keyed(ctx context.Context, r *kgo.Record) bool {
	key, err := p.in.values.Key(ctx, r)
	return err == nil && string(key) == p.in.order.OrderID
}

// unknown returns a product of the record that the catalogue lacks, or "". It is
// certain: the catalogue has been read to an end that was asked for after the
// record was fetched.
func (p *ingestPartition) unknown(ctx context.Context, tx *stage.Tx) (string, error) {
	missing := p.missing()
	if missing == "" || p.refreshed == tx.Polls() {
		return missing, nil
	}
	if err := p.stage.catalogue.refresh(ctx); err != nil {
		return "", err
	}
	p.refreshed = tx.Polls()
	return p.missing(), nil
}

func (p *ingestPartition) missing() string {
	if p.kind == catalogInput {
		return ""
	}
	return p.stage.catalogue.missing(p.list, p.kind == orderInput)
}

// encode encodes the entries as lines of the log. Each line fits: a product's was
// measured with its record, and the others have only ids in them.
func (p *ingestPartition) encode() *event.Error {
	p.line = p.line[:0]
	for i := range p.list {
		if p.line = event.AppendEntry(p.line, &p.list[i]); len(p.line) > maxEntries {
			return tooLarge("its lines are too long for the product log")
		}
	}
	return nil
}

// write puts the lines into the log, each in the partition of its product.
func (p *ingestPartition) write(tx *stage.Tx) error {
	rest := p.line
	for i := range p.list {
		end := lineEnd(rest)
		to := partition.Murmur2([]byte(p.list[i].ProductID), len(p.lines))
		if err := p.stage.log.Add(tx, to, rest[:end]); err != nil {
			return err
		}
		p.lines[to]++
		rest = rest[end:]
	}
	return nil
}

func (p *ingestPartition) refuse(tx *stage.Tx, r *kgo.Record, why *event.Error) {
	tx.Produce(processor.DeadLetter(r, "ingest", string(why.Reason), why.Message, p.stage.env.MaxBatch(processor.DeadLetterTopic(r.Topic))))
	p.count(r.Topic, processor.DeadLettered, why.Reason)
}

func (p *ingestPartition) count(topic string, outcome processor.Outcome, reason event.Reason) {
	p.counts[processor.Tally{Topic: topic, Outcome: outcome, Reason: reason}]++
}

// Seal writes the records of the log that are not full yet. They hold the lines
// of all partitions, so the first one to be sealed writes them.
func (p *ingestPartition) Seal(tx *stage.Tx) error { return p.stage.log.Flush(tx) }

// Commit publishes the transaction's counts.
func (p *ingestPartition) Commit() {
	for partition, n := range p.lines {
		if n > 0 {
			p.stage.env.Flow.Add(int32(partition), n)
		}
	}
	p.window.Commit(p.next)
	if p.accepted > 0 {
		p.counts[processor.Tally{Topic: p.topic, Outcome: processor.Accepted}] = p.accepted
	}
	p.stage.env.Stats.Tally(p.counts)
	p.stage.otherKeys.Add(p.otherKeys)
	p.reset()
}

// Rollback drops them: the records come again.
func (p *ingestPartition) Rollback() {
	p.stage.log.Discard()
	p.window.Rollback()
	p.reset()
}

func (p *ingestPartition) reset() {
	clear(p.counts)
	clear(p.lines)
	p.accepted, p.otherKeys = 0, 0
}

// Close has nothing to release.
func (p *ingestPartition) Close() {}
