package inventory

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"inv/internal/event"
	"inv/internal/kafka/recordbatch"
	"inv/processor"
	"inv/processor/inventory/rules"
	"inv/processor/lines"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kgo"
)

// logFormat is the [lines.FormatHeader] of the product log's records.
const logFormat = "product-log/1"

// ledger applies the product log to the products. Partition p of the log and
// partition p of the changelog belong together.
type ledger struct {
	env    processor.Env
	policy rules.Policy
	names  ledgerTopics
	times  ledgerTimes
	format ledgerFormats

	updates, reorders, alerts, waiting, products *atomic.Int64
}

// ledgerTopics are the names on the broker.
type ledgerTopics struct{ log, changelog, updates, reorders, alerts string }

// ledgerTimes are the timestamps that the outputs accept.
type ledgerTimes struct{ updates, reorders, alerts processor.Times }

func newLedger(env processor.Env, policy rules.Policy) *ledger {
	return &ledger{
		env: env, policy: policy,
		names: ledgerTopics{log: env.Topic("log"), changelog: env.Topic("ledger-changelog"),
			updates: env.Topic("updates"), reorders: env.Topic("reorders"), alerts: env.Topic("alerts")},
		times: ledgerTimes{updates: env.Times(env.Topic("updates")), reorders: env.Times(env.Topic("reorders")),
			alerts: env.Times(env.Topic("alerts"))},
		format: ledgerFormats{updates: formatOf(env, "updates"), reorders: formatOf(env, "reorders"),
			alerts: formatOf(env, "alerts")},
		updates: env.Counter("update"), reorders: env.Counter("reorder"), alerts: env.Counter("alert"),
		waiting: env.Counter(waitingLines), products: env.Counter(stateProducts),
	}
}

// ledgerFormats are those of the outputs.
type ledgerFormats struct{ updates, reorders, alerts processor.Format }

// envelopes returns the envelopes of records of an event type in a format.
func (l *ledger) envelopes(kind string, f processor.Format) *event.Envelopes {
	return event.NewEnvelopes(kind, l.env.App, f.ContentType(), f.Headers()...)
}

// Start reads the changelog of a partition, and checks that it holds exactly the
// effects of the log before the committed offset: no more and no less.
func (l *ledger) Start(ctx context.Context, source stage.Source, committed int64) (stage.Partition, int64, error) {
	p := &ledgerPartition{stage: l, partition: source.Partition,
		ofUpdates: l.envelopes(event.TypeUpdate, l.format.updates), ofReorders: l.envelopes(event.TypeReorder, l.format.reorders), ofAlerts: l.envelopes(event.TypeAlert, l.format.alerts),
		before: -1, applied: -1, committed: stage.NewTable(), waiting: map[string][]event.Entry{}, working: map[string]*product{}}
	if err := l.env.Restore(ctx, source, p.restore); err != nil {
		return nil, 0, err
	}
	if err := p.restored(); err != nil {
		return nil, 0, err
	}
	l.env.Flow.Own(source.Partition)
	if !l.env.Exact {
		return p, committed, nil // the state may be ahead; those lines are applied again
	}
	if committed < 0 {
		if p.applied >= 0 {
			committed = p.applied + 1 // the group's offsets expired; the state knows
		}
		return p, committed, nil
	}
	if err := l.env.CheckApplied(ctx, source, p.applied, committed); err != nil {
		return nil, 0, err
	}
	return p, committed, l.env.CheckState(ctx, source, committed, p.summary.products, p.summary.waiting)
}

// ledgerPartition is the products of one partition. Their state is kept encoded,
// as in the changelog, and decoded while a transaction works on it.
type ledgerPartition struct {
	stage     *ledger
	partition int32
	committed *stage.Table
	working   map[string]*product
	touched   []*product               // by the transaction, in order of first use
	applied   int64                    // last log offset in the state, -1: none
	before    int64                    // applied as of the last commit
	waiting   map[string][]event.Entry // lines without a product, by product id, as of the last commit
	restoring map[string]map[int]event.Entry
	summary   summary // of committed and waiting
	sealed    summary // of the transaction's state, once it is sealed

	ofUpdates, ofReorders, ofAlerts *event.Envelopes
	outputs                         outputs // of the transaction in progress
	key, id, value, headers, room   []byte  // of the record being written

	entry                     event.Entry // its texts are parts of the log record
	steps                     []rules.Step
	updates, reorders, alerts int64
	lines                     int64
}

// summary is what the metadata of an offset says of the state.
type summary struct {
	products processor.Digest
	waiting  int64
}

// outputs are the topics that a ledger writes.
type outputs struct{ updates, reorders, alerts, changelog stage.Output }

func (l *ledger) outputs(tx *stage.Tx) (o outputs, err error) {
	for _, to := range []struct {
		out   *stage.Output
		topic string
	}{{&o.updates, l.names.updates}, {&o.reorders, l.names.reorders}, {&o.alerts, l.names.alerts}, {&o.changelog, l.names.changelog}} {
		if *to.out, err = tx.Output(to.topic); err != nil {
			return o, err
		}
	}
	return o, nil
}

// product is one product in a transaction.
type product struct {
	id      string
	state   rules.State
	text    event.UpdateText
	encoded []byte
	waited  int   // entries that waited as of the last commit
	changed int64 // event time of the last update in epoch ms, 0: none
}

// restore applies one record of the changelog.
func (p *ledgerPartition) restore(r *kgo.Record) error {
	if id, ok := bytes.CutPrefix(r.Key, []byte(productKey)); ok {
		applied, err := stateApplied(r.Value)
		if err != nil {
			return fmt.Errorf("%s/%d@%d: %w", r.Topic, r.Partition, r.Offset, err)
		}
		p.applied = max(p.applied, applied)
		p.committed.Put(string(id), r.Value)
		return nil
	}
	n, id, e, err := parseWaiting(r.Key, r.Value)
	if err != nil {
		return fmt.Errorf("%s/%d@%d: %w", r.Topic, r.Partition, r.Offset, err)
	}
	if p.restoring == nil {
		p.restoring = map[string]map[int]event.Entry{}
	}
	if p.restoring[id] == nil {
		p.restoring[id] = map[int]event.Entry{}
	}
	p.restoring[id][n] = e
	if r.Value == nil {
		if delete(p.restoring[id], n); len(p.restoring[id]) == 0 {
			delete(p.restoring, id)
		}
	}
	return nil
}

// restored puts the waiting entries in their order.
func (p *ledgerPartition) restored() error {
	p.before = p.applied
	p.stage.products.Add(int64(p.committed.Len()))
	for id, numbered := range p.restoring {
		for n := range len(numbered) {
			e, ok := numbered[n]
			if !ok {
				return processor.StartOver("the changelog %s/%d lacks an entry that waits for product %s", p.stage.names.changelog, p.partition, quoted(id))
			}
			p.waiting[id] = append(p.waiting[id], e)
			p.stage.waiting.Add(1)
			p.summary.waiting++
		}
	}
	p.restoring = nil
	p.committed.Each(func(id, value []byte) { p.summary.products.Add(processor.Fingerprint(id, value)) })
	p.sealed = p.summary
	return nil
}

// Note implements [stage.Noted].
func (p *ledgerPartition) Note() string {
	return p.stage.env.Note(p.sealed.products, p.sealed.waiting)
}

// Process applies one record of the log.
func (p *ledgerPartition) Process(_ context.Context, tx *stage.Tx, r *kgo.Record) error {
	if r.Offset <= p.applied && p.stage.env.Exact {
		return fmt.Errorf("offset %d of %s/%d comes a second time: the state includes %d", r.Offset, r.Topic, r.Partition, p.applied)
	}
	if format, _ := event.Header(r.Headers, lines.FormatHeader); string(format) != logFormat {
		return processor.StartOver("%s/%d@%d is in the format %s, and this program reads %s; use the version that wrote it",
			r.Topic, r.Partition, r.Offset, quoted(string(format)), logFormat)
	}
	var err error
	if p.outputs, err = p.stage.outputs(tx); err != nil {
		return err
	}
	p.applied = r.Offset
	for rest := borrowed(r.Value); rest != ""; {
		line, more, _ := strings.Cut(rest, "\n")
		rest = more
		if err := event.ParseEntry(line, &p.entry); err != nil {
			return fmt.Errorf("%s/%d@%d: %w", r.Topic, r.Partition, r.Offset, err)
		}
		if err := p.apply(tx, &p.entry); err != nil {
			return err
		}
		p.lines++
	}
	return nil
}

func (p *ledgerPartition) apply(tx *stage.Tx, e *event.Entry) error {
	w := p.working[e.ProductID]
	if w == nil {
		var err error
		if w, err = p.load(e.ProductID); err != nil {
			return err
		}
	}
	p.steps = p.stage.policy(&w.state, e, p.steps[:0])
	for i := range p.steps {
		w.changed = p.steps[i].Update.Timestamp
		if err := p.write(tx, w, &p.steps[i]); err != nil {
			return err
		}
	}
	return nil
}

// load decodes a product for the transaction.
func (p *ledgerPartition) load(id string) (*product, error) {
	w := &product{id: strings.Clone(id)}
	if encoded, ok := p.committed.Get(id); ok {
		var err error
		if w.state, err = parseState(w.id, encoded); err != nil {
			return nil, fmt.Errorf("product %s in partition %d: %w", quoted(id), p.partition, err)
		}
	}
	w.state.Waiting = p.waiting[id]
	w.waited = len(w.state.Waiting)
	p.working[w.id] = w
	p.touched = append(p.touched, w)
	return w, nil
}

func (p *ledgerPartition) write(tx *stage.Tx, w *product, step *rules.Step) error {
	s, u := p.stage, &step.Update
	u.LastUpdated = tx.Now().UnixMilli()
	p.key = append(p.key[:0], u.ProductID...)
	p.id = appendID(p.id[:0], "update-", u.ProductID, u.Seq)
	p.value = w.text.Append(p.value[:0], u)
	p.updates++
	if err := p.produce(tx, p.outputs.updates, s.format.updates, s.times.updates, p.ofUpdates, p.key, u.Timestamp); err != nil {
		return err
	}
	if step.Reorders {
		p.reorders++
		p.id = append(p.id[:0], step.Reorder.EventID...)
		p.value = event.AppendReorder(p.value[:0], &step.Reorder)
		if err := p.produce(tx, p.outputs.reorders, s.format.reorders, s.times.reorders, p.ofReorders, p.id, u.Timestamp); err != nil {
			return err
		}
	}
	if step.Alerts {
		p.alerts++
		p.id = append(p.id[:0], step.Alert.AlertID...)
		p.value = event.AppendAlert(p.value[:0], &step.Alert)
		return p.produce(tx, p.outputs.alerts, s.format.alerts, s.times.alerts, p.ofAlerts, p.key, u.Timestamp)
	}
	return nil
}

// produce writes a record whose id and value are in p. That a value does not fit its
// schema ends the processor: the schemas of the outputs have been found to have a place
// for every record, and what ingest has accepted can't be refused any more.
func (p *ledgerPartition) produce(tx *stage.Tx, out stage.Output, format processor.Format, times processor.Times, envelopes *event.Envelopes, key []byte, ms int64) error {
	key, value, room, err := format.Encode(p.room[:0], key, p.value)
	if p.room = room; err != nil {
		return fmt.Errorf("%s: %w", quoted(string(p.id)), err)
	}
	p.headers = envelopes.Append(p.headers[:0], p.id, ms)
	out.Append(out.PartitionFor(key), times.Record(ms, tx.Now()), key, value, p.headers)
	return nil
}

// stateRoom is the size that most encoded states fit in, in bytes.
const stateRoom = 200

// Seal writes one changelog record for each product that was touched.
func (p *ledgerPartition) Seal(tx *stage.Tx) error {
	for _, w := range p.touched {
		w.encoded = tx.Keep(appendState(tx.Room(stateRoom), &w.state, p.applied))
		p.seal(w)
		p.key = append(append(p.key[:0], productKey...), w.id...)
		p.log(tx, p.key, w.encoded)
		for n := len(w.state.Waiting); n < w.waited; n++ {
			p.log(tx, waitingKey(n, w.id), nil)
		}
		for n := w.waited; n < len(w.state.Waiting); n++ {
			p.log(tx, waitingKey(n, w.id), appendWaiting(nil, &w.state.Waiting[n], p.applied))
		}
	}
	return nil
}

// seal brings the summary up to date with a product of the transaction.
func (p *ledgerPartition) seal(w *product) {
	p.key = append(p.key[:0], w.id...)
	if before, ok := p.committed.Get(w.id); ok {
		p.sealed.products.Remove(processor.Fingerprint(p.key, before))
	}
	p.sealed.products.Add(processor.Fingerprint(p.key, w.encoded))
	p.sealed.waiting += int64(len(w.state.Waiting) - w.waited)
}

func (p *ledgerPartition) log(tx *stage.Tx, key, value []byte) {
	p.outputs.changelog.Append(p.partition, tx.Now().UnixMilli(), key, value, recordbatch.NoHeaders())
}

// Commit makes the transaction's products the committed state.
func (p *ledgerPartition) Commit() {
	s := p.stage
	now, known := time.Now(), p.committed.Len()
	for _, w := range p.touched {
		if w.changed != 0 {
			s.env.Stats.EndToEnd(now.Sub(time.UnixMilli(w.changed)))
		}
		p.committed.Put(w.id, w.encoded)
		s.waiting.Add(int64(len(w.state.Waiting) - w.waited))
		p.keepWaiting(w)
	}
	s.products.Add(int64(p.committed.Len() - known))
	p.before, p.summary = p.applied, p.sealed
	p.stage.env.Flow.Add(p.partition, -p.lines)
	s.updates.Add(p.updates)
	s.reorders.Add(p.reorders)
	s.alerts.Add(p.alerts)
	p.reset()
}

// keepWaiting updates the lines that wait for a product.
func (p *ledgerPartition) keepWaiting(w *product) {
	if len(w.state.Waiting) == 0 {
		delete(p.waiting, w.id)
		return
	}
	p.waiting[w.id] = w.state.Waiting
}

// Close removes the partition from the counts.
func (p *ledgerPartition) Close() {
	p.stage.products.Add(-int64(p.committed.Len()))
	for _, waiting := range p.waiting {
		p.stage.waiting.Add(-int64(len(waiting)))
	}
	p.stage.env.Flow.Disown(p.partition)
}

// Rollback drops the transaction's products.
func (p *ledgerPartition) Rollback() {
	p.applied, p.sealed = p.before, p.summary
	p.reset()
}

func (p *ledgerPartition) reset() {
	clear(p.working)
	clear(p.touched)
	p.touched = p.touched[:0]
	p.updates, p.reorders, p.alerts, p.lines = 0, 0, 0, 0
}
