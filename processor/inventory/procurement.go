package inventory

import (
	"container/heap"
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"inv/internal/event"
	"inv/processor"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kgo"
)

// pendingFormat is the first byte of a procurement changelog value.
const pendingFormat = 1

// dueAtOnce bounds the receipts of one transaction.
const dueAtOnce = 5_000

// procurement answers each reorder with a receipt after the lead time. Partition
// p of the reorders and partition p of its changelog belong together.
type procurement struct {
	env       processor.Env
	lead      time.Duration
	limits    limits
	changelog string
	receipts  string
	times     processor.Times // that receipts accepts
	format    processor.Format

	written, pending *atomic.Int64
}

func newProcurement(env processor.Env, o Options) (*procurement, error) {
	l, err := o.limitsFor(env)
	return &procurement{
		env: env, lead: o.LeadTime, limits: l,
		changelog: env.Topic("procurement-changelog"), receipts: env.Topic("receipts"), times: env.Times(env.Topic("receipts")),
		format:  formatOf(env, "receipts"),
		written: env.Counter("receipt"), pending: env.Counter(pendingReceipts),
	}, err
}

// record returns the record of a receipt that is written now.
func (s *procurement) record(r *event.Receipt, now time.Time) (*kgo.Record, error) {
	key, value, _, err := s.format.Encode(nil, []byte(r.ProductID), event.AppendReceipt(nil, r))
	if err != nil {
		return nil, err
	}
	envelope := event.Envelope{Type: event.TypeReceipt, Source: s.env.App, ID: r.ReceiptID, Time: r.Timestamp, ContentType: s.format.ContentType()}
	return &kgo.Record{
		Topic: s.receipts, Key: key, Value: value,
		Timestamp: time.UnixMilli(s.times.Record(r.Timestamp, now)),
		Headers:   append(event.AppendHeaders(nil, envelope), s.format.Headers()...),
	}, nil
}

// fits returns an error if the schema of the receipts has no place for a receipt.
func (s *procurement) fits(r *event.Receipt) error {
	if s.format.Plain() {
		return nil
	}
	_, err := s.record(r, time.Time{})
	return err
}

// pending is a receipt that is not due yet.
type pending struct {
	due     time.Time // by the clock of the process that read the reorder
	offset  int64     // of the reorder
	receipt event.Receipt
	print   uint64 // of key and value in the changelog
}

// answer returns the receipt of a reorder that was read from r, due at a time. It shares
// no memory with the reorder.
func answer(o *event.Reorder, r *kgo.Record, due time.Time, lead time.Duration) pending {
	at := o.Timestamp
	if at == 0 {
		at = event.ClampTime(r.Timestamp.UnixMilli())
	}
	return pending{
		due:    due,
		offset: r.Offset,
		receipt: event.Receipt{
			ReceiptID: event.ReceiptID(o.EventID), EventID: strings.Clone(o.EventID), ProductID: strings.Clone(o.ProductID), Quantity: o.ReorderQuantity,
			WarehouseID: strings.Clone(o.WarehouseID), Timestamp: event.ClampTime(at + lead.Milliseconds()),
		},
	}
}

// Start reads the changelog of a partition.
func (s *procurement) Start(ctx context.Context, source stage.Source, committed int64) (stage.Partition, int64, error) {
	p := &procurementPartition{stage: s, in: input{values: s.env.Values("reorders")}, partition: source.Partition, open: map[string]pending{}, tooLarge: map[string]bool{}, counts: map[processor.Tally]int64{}}
	if err := s.env.Restore(ctx, source, p.restore); err != nil {
		return nil, 0, err
	}
	last := int64(-1)
	for _, d := range p.open {
		p.digest.Add(d.print)
		if !p.tooLarge[d.receipt.EventID] {
			p.queue = append(p.queue, d)
		}
		last = max(last, d.offset)
	}
	p.sealed = p.digest
	heap.Init(&p.queue)
	if err := p.prepareRefusals(ctx, source); err != nil {
		return nil, 0, err
	}
	s.pending.Add(int64(len(p.open)))
	if s.env.Exact && last >= 0 && last >= committed {
		return nil, 0, processor.StartOver("the changelog %s/%d includes offset %d of %s, but the group is at %d: its offsets were set back or have expired",
			s.changelog, source.Partition, last, source.Topic, committed)
	}
	return p, committed, s.env.CheckState(ctx, source, committed, p.digest, 0)
}

// procurementPartition is what is pending for one partition of the reorders.
type procurementPartition struct {
	stage     *procurement
	partition int32
	open      map[string]pending // by reorder id, as of the last commit
	queue     dueQueue           // open by due time; may hold some that are done
	digest    processor.Digest   // of open
	sealed    processor.Digest   // of what the transaction makes of it
	tooLarge  map[string]bool    // open, by reorder id, and never to be written
	letters   []*kgo.Record      // dead letters of their reorders, to be written first
	refusing  bool               // by the transaction in progress

	in     input
	row    []byte
	added  []pending // by the transaction in progress
	done   []pending
	counts map[processor.Tally]int64
}

func (p *procurementPartition) restore(r *kgo.Record) error {
	if r.Value == nil {
		delete(p.open, string(r.Key))
		delete(p.tooLarge, string(r.Key))
		return nil
	}
	d, err := parsePending(r.Value)
	if err != nil {
		return fmt.Errorf("%s/%d@%d: %w", r.Topic, r.Partition, r.Offset, err)
	}
	d.print = processor.Fingerprint(r.Key, r.Value)
	p.open[d.receipt.EventID] = d
	if len(r.Value) > p.stage.limits.answer() {
		p.tooLarge[d.receipt.EventID] = true
	}
	return nil
}

const tooLargeReceipt = "its ids and its warehouse are too long for a receipt"

// prepareRefusals makes the dead letters of reorders that are pending though their
// receipts fit no longer: an earlier version has accepted them, or a topic accepts less
// than it did. A reorder that its topic has lost has none.
func (p *procurementPartition) prepareRefusals(ctx context.Context, source stage.Source) error {
	for id := range p.tooLarge {
		at := p.open[id].offset
		err := p.stage.env.Reader.Read(ctx, source.Topic, source.Partition, at, at+1, func(r *kgo.Record) error {
			p.letters = append(p.letters, p.letter(r, tooLarge(tooLargeReceipt)))
			return nil
		})
		if err != nil {
			return fmt.Errorf("rereading a reorder whose receipt is too large: %w", err)
		}
	}
	return nil
}

// Note implements [stage.Noted].
func (p *procurementPartition) Note() string { return p.stage.env.Note(p.sealed, 0) }

// Process records one reorder as pending. One that already is, is a duplicate.
func (p *procurementPartition) Process(ctx context.Context, tx *stage.Tx, r *kgo.Record) error {
	if r.Value == nil {
		p.count(r.Topic, processor.Skipped, "")
		return nil
	}
	if err := p.in.decode(ctx, reorderInput, r, p.stage.limits); err != nil {
		if why := refusal(err); why != nil {
			p.refuse(tx, r, why)
			return nil
		}
		return err
	}
	o := &p.in.reorder
	if p.isPending(o.EventID) {
		p.count(r.Topic, processor.Duplicate, "")
		return nil
	}
	d := answer(o, r, tx.Now().Add(p.stage.lead), p.stage.lead)
	p.row = appendPending(p.row[:0], &d)
	if len(p.row) > p.stage.limits.answer() {
		p.refuse(tx, r, tooLarge(tooLargeReceipt))
		return nil
	}
	if err := p.stage.fits(&d.receipt); err != nil {
		p.refuse(tx, r, &event.Error{Reason: event.SchemaMismatch, Message: "its receipt: " + err.Error()})
		return nil
	}
	d.print = processor.Fingerprint([]byte(o.EventID), p.row)
	p.added = append(p.added, d)
	p.sealed.Add(d.print)
	p.count(r.Topic, processor.Accepted, "")
	return p.log(tx, o.EventID, p.row)
}

func (p *procurementPartition) refuse(tx *stage.Tx, r *kgo.Record, why *event.Error) {
	tx.Produce(p.letter(r, why))
	p.count(r.Topic, processor.DeadLettered, why.Reason)
}

func (p *procurementPartition) letter(r *kgo.Record, why *event.Error) *kgo.Record {
	return processor.DeadLetter(r, "procurement", string(why.Reason), why.Message, p.stage.env.MaxBatch(processor.DeadLetterTopic(r.Topic)))
}

func (p *procurementPartition) isPending(id string) bool {
	if _, ok := p.open[id]; ok {
		return true
	}
	for i := range p.added {
		if p.added[i].receipt.EventID == id {
			return true
		}
	}
	return false
}

func (p *procurementPartition) log(tx *stage.Tx, id string, value []byte) error {
	return p.stage.env.Log(tx, p.partition, []byte(id), value)
}

// NextDue returns when the first pending receipt is due.
func (p *procurementPartition) NextDue() (time.Time, bool) {
	if len(p.tooLarge) > 0 {
		return time.Time{}, true
	}
	if len(p.queue) == 0 {
		return time.Time{}, false
	}
	return p.queue[0].due, true
}

// Due writes the receipts that are due and removes them from the changelog.
func (p *procurementPartition) Due(tx *stage.Tx, now time.Time) error {
	for _, letter := range p.letters {
		tx.Produce(letter)
		p.count(p.stage.env.Topic("reorders"), processor.DeadLettered, event.TooLarge)
	}
	for id := range p.tooLarge {
		p.sealed.Remove(p.open[id].print)
		if err := p.log(tx, id, nil); err != nil {
			return err
		}
	}
	p.refusing = true
	for len(p.queue) > 0 && len(p.done) < dueAtOnce && !p.queue[0].due.After(now) {
		d := heap.Pop(&p.queue).(pending)
		p.done = append(p.done, d)
		p.sealed.Remove(d.print)
		r, err := p.stage.record(&d.receipt, tx.Now())
		if err != nil { // the schema had a place for it when its reorder was read
			return fmt.Errorf("the receipt %s: %w", quoted(d.receipt.ReceiptID), err)
		}
		tx.Produce(r)
		if err := p.log(tx, d.receipt.EventID, nil); err != nil {
			return err
		}
	}
	return nil
}

// Seal adds nothing: the changelog is written record by record.
func (p *procurementPartition) Seal(*stage.Tx) error { return nil }

// Commit applies what the transaction added and removed.
func (p *procurementPartition) Commit() {
	for _, d := range p.done {
		delete(p.open, d.receipt.EventID)
	}
	for _, d := range p.added {
		p.open[d.receipt.EventID] = d
		heap.Push(&p.queue, d)
	}
	p.digest = p.sealed
	s := p.stage
	if p.refusing {
		for id := range p.tooLarge {
			delete(p.open, id)
		}
		s.pending.Add(-int64(len(p.tooLarge)))
		p.tooLarge, p.letters = nil, nil
	}
	s.written.Add(int64(len(p.done)))
	s.pending.Add(int64(len(p.added) - len(p.done)))
	s.env.Stats.Tally(p.counts)
	p.reset()
}

// Rollback puts back the receipts that were due.
func (p *procurementPartition) Rollback() {
	for _, d := range p.done {
		heap.Push(&p.queue, d)
	}
	p.sealed = p.digest
	p.reset()
}

// Close removes the partition from the counts.
func (p *procurementPartition) Close() { p.stage.pending.Add(-int64(len(p.open))) }

func (p *procurementPartition) reset() {
	p.added, p.done, p.refusing = p.added[:0], p.done[:0], false
	clear(p.counts)
}

func (p *procurementPartition) count(topic string, outcome processor.Outcome, reason event.Reason) {
	p.counts[processor.Tally{Topic: topic, Outcome: outcome, Reason: reason}]++
}

// dueQueue is a heap by due time.
type dueQueue []pending

func (q dueQueue) Len() int           { return len(q) }
func (q dueQueue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }
func (q dueQueue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *dueQueue) Push(x any)        { *q = append(*q, x.(pending)) }
func (q *dueQueue) Pop() any {
	last := len(*q) - 1
	d := (*q)[last]
	*q = (*q)[:last]
	return d
}

var errPending = processor.StartOver("not a pending receipt; use the version that wrote it")

// appendPending encodes a pending receipt for the changelog: its due time, the
// offset of the reorder, and the receipt as it will be written.
func appendPending(dst []byte, d *pending) []byte {
	dst = append(dst, pendingFormat)
	dst = binary.AppendVarint(dst, d.due.UnixMilli())
	dst = binary.AppendVarint(dst, d.offset)
	return event.AppendReceipt(dst, &d.receipt)
}

// pendingAt returns the offset of the reorder behind a changelog value, and when its
// receipt is due.
func pendingAt(value []byte) (offset int64, due time.Time, err error) {
	d, err := parsePending(value)
	return d.offset, d.due, err
}

func parsePending(value []byte) (d pending, err error) {
	if len(value) == 0 || value[0] != pendingFormat {
		return d, fmt.Errorf("its format is not %d: %w", pendingFormat, errPending)
	}
	due, n := binary.Varint(value[1:])
	offset, m := binary.Varint(value[1+max(n, 0):])
	if n <= 0 || m <= 0 {
		return d, errPending
	}
	d.due, d.offset = time.UnixMilli(due), offset
	if err := event.ParseReceipt(value[1+n+m:], &d.receipt); err != nil {
		return d, fmt.Errorf("%w: %w", errPending, err)
	}
	return d, nil
}
