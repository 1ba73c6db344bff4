package processor

import (
	"context"
	"fmt"

	"inv/internal/event"
	"inv/internal/partition"
	"inv/processor/runtime"

	"github.com/twmb/franz-go/pkg/kgo"
)

const ingestStage = "ingest"

// ingest decides each record of the source topics once: structure first, then
// duplicate, then whether its product is known.
type ingest struct {
	kinds     map[string]inputKind // by source topic
	limits    limits
	catalogue *catalogue
	reader    *runtime.Reader
	prints    runtime.Fingerprinter
	window    int64 // offsets; 0: no deduplication
	logs      int   // partitions of the product log
	maxBatch  func(topic string) int
	stats     *Stats
	flow      *flow
}

// Start rereads the window behind the committed offset.
func (g *ingest) Start(ctx context.Context, source runtime.Source, committed int64) (runtime.Partition, int64, error) {
	p := &ingestPartition{stage: g, kind: g.kinds[source.Topic], topic: source.Topic, window: runtime.NewWindow(0), counts: map[Tally]int64{}, lines: make([]int64, g.logs)}
	if err := g.catalogue.refresh(ctx); err != nil {
		return nil, 0, fmt.Errorf("reading the catalogue: %w", err)
	}
	if p.kind != orderInput && p.kind != receiptInput || g.window == 0 {
		return p, committed, nil
	}
	p.window = runtime.NewWindow(g.window)
	if committed <= 0 {
		return p, committed, nil
	}
	from := max(committed-g.window, 0)
	err := g.reader.Read(ctx, source.Topic, source.Partition, from, committed, func(r *kgo.Record) error {
		g.stats.restored.Add(1)
		if p.in.decode(p.kind, r, g.limits) == nil && !p.in.tombstone {
			p.window.Add(g.print(r), r.Offset)
		}
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("rereading the duplicates' window: %w", err)
	}
	p.window.Commit(committed)
	return p, committed, nil
}

// print is what makes two records duplicates: the value, and where it was
// replayed from. Equal values have equal ids.
func (g *ingest) print(r *kgo.Record) runtime.Fingerprint {
	replay, _ := event.Header(r.Headers, event.HeaderDLQReplay)
	return g.prints.Of(r.Value, replay)
}

// ingestPartition is one source partition.
type ingestPartition struct {
	stage  *ingest
	kind   inputKind
	topic  string
	window *runtime.Window
	next   int64

	in        input
	list      []event.Entry
	line      []byte
	refreshed int // Tx.Polls at which the catalogue was last asked for its end

	counts    map[Tally]int64 // of the transaction in progress
	accepted  int64           // which are not in counts
	lines     []int64         // by log partition
	otherKeys int64
}

// Process decides one record.
func (p *ingestPartition) Process(ctx context.Context, tx *runtime.Tx, r *kgo.Record) error {
	p.next = r.Offset + 1
	if err := p.in.decode(p.kind, r, p.stage.limits); err != nil {
		p.refuse(tx, r, err)
		return nil
	}
	if p.in.tombstone && p.kind != catalogInput {
		p.count(r.Topic, Skipped, "")
		return nil
	}
	if p.window.Add(p.stage.print(r), r.Offset) && !p.in.tombstone {
		p.count(r.Topic, Duplicate, "")
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
	if err := p.write(tx); err != nil {
		p.refuse(tx, r, err)
		return nil
	}
	if p.kind == orderInput && string(r.Key) != p.in.order.OrderID {
		p.otherKeys++
	}
	p.accepted++
	return nil
}

// unknown returns a product of the record that the catalogue doesn't have.
// Before it says so it reads the catalogue up to an end that was asked for after
// the record was fetched.
func (p *ingestPartition) unknown(ctx context.Context, tx *runtime.Tx) (string, error) {
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

// write puts the entries into the log, all or none.
func (p *ingestPartition) write(tx *runtime.Tx) *event.Error {
	p.line = p.line[:0]
	start := 0
	for i := range p.list {
		p.line = event.AppendEntry(p.line, &p.list[i])
		if len(p.line)-start > maxEntry || len(p.line) > maxEntries {
			return &event.Error{Reason: event.TooLarge, Message: "its ids and names are too long for the product log"}
		}
		start = len(p.line)
	}
	rest := p.line
	for i := range p.list {
		end := lineEnd(rest)
		to := partition.Murmur2([]byte(p.list[i].ProductID), p.stage.logs)
		tx.Line(to, rest[:end])
		p.lines[to]++
		rest = rest[end:]
	}
	return nil
}

func (p *ingestPartition) refuse(tx *runtime.Tx, r *kgo.Record, why *event.Error) {
	tx.Produce(deadLetter(r, ingestStage, why, p.stage.maxBatch(deadLetterTopic(r.Topic))))
	p.count(r.Topic, DeadLettered, why.Reason)
}

func (p *ingestPartition) count(topic string, outcome Outcome, reason event.Reason) {
	p.counts[Tally{topic, outcome, reason}]++
}

// Seal adds nothing: lines are packed by the transaction.
func (p *ingestPartition) Seal(*runtime.Tx) error { return nil }

// Commit counts what the transaction decided.
func (p *ingestPartition) Commit() {
	for partition, n := range p.lines {
		if n > 0 {
			p.stage.flow.add(int32(partition), n)
		}
	}
	p.window.Commit(p.next)
	if p.accepted > 0 {
		p.counts[Tally{Topic: p.topic, Outcome: Accepted}] = p.accepted
	}
	p.stage.stats.tally(p.counts)
	p.stage.stats.otherKeys.Add(p.otherKeys)
	p.reset()
}

// Rollback forgets it: the records come again.
func (p *ingestPartition) Rollback() {
	p.window.Rollback()
	p.reset()
}

func (p *ingestPartition) reset() {
	clear(p.counts)
	clear(p.lines)
	p.accepted, p.otherKeys = 0, 0
}

// Close has nothing to end.
func (p *ingestPartition) Close() {}
