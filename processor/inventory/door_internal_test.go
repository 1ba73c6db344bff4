package inventory

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"inv/internal/event"
	"inv/internal/kafka/recordbatch"
	"inv/processor"
	"inv/processor/inventory/rules"
	packed "inv/processor/lines"

	"github.com/twmb/franz-go/pkg/kgo"
)

// door takes records in as ingest, the ledger and procurement do, and checks that
// each record that is written fits its topic and is accepted by those that read it.
type door struct {
	t      *testing.T
	rng    *rand.Rand
	batch  int // bytes that topics accept
	limits limits
	policy rules.Policy
	lead   time.Duration

	in       input
	states   map[string]*rules.State
	receipts []*kgo.Record // that were written and not read yet
	accepted int
	offset   int64
}

const doorApp = "an application's id"

// text returns a text that is hard to write, mostly short.
func (d *door) text(most int) string {
	size := d.rng.IntN(12)
	switch d.rng.IntN(8) {
	case 0:
		size = most - d.rng.IntN(3)
	case 1:
		size = d.rng.IntN(most + 2)
	}
	parts := []string{"a", "B7", "é", "😀", "\x00", "\x1b", `"`, `\`, "\n", "\u2028", "�", "</"}
	part := parts[d.rng.IntN(len(parts))]
	if d.rng.IntN(2) == 0 {
		part += parts[d.rng.IntN(len(parts))]
	}
	return strings.Repeat(part, size/len(part)) + strings.Repeat("z", size%len(part))
}

func pick[T any](d *door, of ...T) T { return of[d.rng.IntN(len(of))] }

// time returns a Kafka timestamp: brokers accept any that is not far ahead.
func (d *door) time() time.Time {
	return time.UnixMilli(pick(d, -1, 0, 1, 1625097600000, event.MaxTime, event.MaxTime+1, math.MinInt64, math.MaxInt64))
}

func (d *door) eventTime() int64 {
	return pick(d, 0, 1, 1625097600000, event.MaxTime-1, event.MaxTime, event.MaxTime+1, -1)
}

func (d *door) record(topic, key string, value []byte) *kgo.Record {
	d.offset++
	return &kgo.Record{Topic: topic, Partition: 2147483647, Offset: math.MaxInt64 - 1_000_000 + d.offset, Key: []byte(key), Value: value, Timestamp: d.time()}
}

// product returns a catalogue record.
func (d *door) product(id string) *kgo.Record {
	if d.rng.IntN(8) == 0 {
		return d.record("catalog", id, nil)
	}
	p := event.Product{ID: id, Name: d.text(pick(d, 100, d.limits.entry)), Category: d.text(pick(d, 100, d.limits.entry/2)), WarehouseID: d.text(pick(d, 100, d.limits.entry)),
		Price: pick(d, 0, 1, event.MaxMoney), ReorderThreshold: pick(d, 0, 5, event.MaxInt), ReorderQuantity: pick(d, 0, 1, event.MaxInt),
		CriticalThreshold: pick(d, 0, 5, event.MaxInt), InitialStock: pick(d, 0, 7, event.MaxInt)}
	return d.record("catalog", id, event.AppendProduct(nil, &p))
}

// order returns an order whose total is right.
func (d *door) order(ids []string) *kgo.Record {
	o := event.Order{OrderID: "o" + d.text(event.MaxID), CustomerID: d.text(2000), Timestamp: d.eventTime()}
	for range 1 + d.rng.IntN(3) {
		o.Items = append(o.Items, event.Line{ProductID: pick(d, ids...), Quantity: pick(d, 1, 9, event.MaxInt), UnitPrice: pick[event.Money](d, 0, 1)})
		last := &o.Items[len(o.Items)-1]
		o.Total += event.Money(last.Quantity) * last.UnitPrice
	}
	return d.record("orders", d.text(3000), event.AppendOrder(nil, &o))
}

// receipt returns a manual receipt, or one of another system for a reorder of its own.
func (d *door) receipt(ids []string) *kgo.Record {
	r := event.Receipt{ReceiptID: "r" + d.text(5000), EventID: d.text(event.MaxEventID), ProductID: pick(d, ids...), Quantity: pick(d, 1, event.MaxInt),
		WarehouseID: d.text(d.limits.entry), Timestamp: d.eventTime()}
	return d.record("receipts", r.ProductID, event.AppendReceipt(nil, &r))
}

// take decides a record. One that is accepted goes through the log.
func (d *door) take(kind inputKind, r *kgo.Record) *event.Error {
	d.in.values = &processor.Values{}
	if err := d.in.decode(d.t.Context(), kind, r, d.limits); err != nil {
		return refusal(err)
	}
	d.accepted++
	var lines []byte
	for _, e := range d.in.entries(kind, r, nil) {
		before := len(lines)
		lines = event.AppendEntry(lines, &e)
		d.fits("a line", nil, lines[before:], recordbatch.AppendHeaders(nil, []kgo.RecordHeader{{Key: packed.FormatHeader, Value: []byte(logFormat)}}))
	}
	for line := range strings.Lines(string(lines)) {
		var e event.Entry
		if err := event.ParseEntry(strings.TrimSuffix(line, "\n"), &e); err != nil {
			d.t.Fatal("the ledger:", err)
		}
		d.apply(&e)
	}
	return nil
}

// fits checks that a record can be written in a batch of its own.
func (d *door) fits(what string, key, value, headers []byte) {
	d.t.Helper()
	if size := recordbatch.Overhead + recordbatch.Room(key, value, headers); size > d.batch {
		d.t.Fatalf("%s takes %d bytes, its topic accepts %d", what, size, d.batch)
	}
}

// apply is the ledger.
func (d *door) apply(e *event.Entry) {
	s := d.states[e.ProductID]
	if s == nil {
		s = &rules.State{}
		d.states[e.ProductID] = s
	}
	for _, step := range d.policy(s, e, nil) {
		d.step(&step)
	}
	key := append([]byte(productKey), e.ProductID...)
	row := appendState(nil, s, math.MaxInt64)
	d.fits("a changelog row", key, row, recordbatch.NoHeaders())
	if back, err := parseState(e.ProductID, row); err != nil || back.Stock != s.Stock || back.Product != s.Product {
		d.t.Fatalf("the changelog row is read back as %+v, %v", back, err)
	}
	for n := range s.Waiting {
		key, row := waitingKey(n, e.ProductID), appendWaiting(nil, &s.Waiting[n], math.MaxInt64)
		d.fits("a waiting entry", key, row, recordbatch.NoHeaders())
		if back, id, entry, err := parseWaiting(key, row); err != nil || back != n || id != e.ProductID || entry != s.Waiting[n] {
			d.t.Fatalf("the waiting entry is read back as %d, %q, %+v, %v", back, id, entry, err)
		}
	}
}

// written returns a record as its readers get it.
func (d *door) written(what, topic string, key, value []byte, kind, id string, ms int64) *kgo.Record {
	d.t.Helper()
	if ms < 0 || ms > event.MaxTime {
		d.t.Fatalf("%s has the time %d", what, ms)
	}
	headers := event.AppendHeaders(nil, event.Envelope{Type: kind, Source: doorApp, ID: id, Time: ms})
	d.fits(what, key, value, recordbatch.AppendHeaders(nil, headers))
	r := d.record(topic, string(key), value)
	r.Headers, r.Timestamp = headers, time.UnixMilli(processor.RecordTime(ms, time.UnixMilli(1_700_000_000_000)))
	return r
}

// step is what is written of an update.
func (d *door) step(s *rules.Step) {
	u := s.Update
	u.LastUpdated = math.MaxInt64
	value := event.AppendUpdate(nil, &u)
	d.written("an update", "updates", []byte(u.ProductID), value, event.TypeUpdate, fmt.Sprintf("update-%s-%d", u.ProductID, u.Seq), u.Timestamp)
	u.LastUpdated = 1
	var back event.Update
	if err := event.ParseUpdate(event.AppendUpdate(nil, &u), &back); err != nil || back != u {
		d.t.Fatalf("the update %+v is read back as %+v, %v", u, back, err)
	}
	if s.Alerts {
		value := event.AppendAlert(nil, &s.Alert)
		d.written("an alert", "alerts", []byte(u.ProductID), value, event.TypeAlert, s.Alert.AlertID, s.Alert.Timestamp)
		var back event.Alert
		if err := event.ParseAlert(value, &back); err != nil || back != s.Alert {
			d.t.Fatalf("the alert %+v is read back as %+v, %v", s.Alert, back, err)
		}
	}
	if !s.Reorders {
		return
	}
	value = event.AppendReorder(nil, &s.Reorder)
	r := d.written("a reorder", "reorders", []byte(s.Reorder.EventID), value, event.TypeReorder, s.Reorder.EventID, s.Reorder.Timestamp)
	restock := input{values: &processor.Values{}} // by the reference policy
	if err := restock.decode(d.t.Context(), reorderInput, r, d.limits); err != nil {
		d.t.Fatalf("ingest refuses a reorder: %v", err)
	}
	if err := d.procure(r); err != nil {
		d.t.Fatalf("procurement refuses a reorder: %v", err)
	}
}

// procure is procurement.
func (d *door) procure(r *kgo.Record) *event.Error {
	in := input{values: &processor.Values{}}
	if err := in.decode(d.t.Context(), reorderInput, r, d.limits); err != nil {
		return refusal(err)
	}
	o := &in.reorder
	p := answer(o, r, time.UnixMilli(math.MaxInt32), d.lead)
	row := appendPending(nil, &p)
	if len(row) > d.limits.answer() {
		return tooLarge("")
	}
	d.fits("a pending receipt", []byte(o.EventID), row, recordbatch.NoHeaders())
	back, err := parsePending(row)
	if err != nil || back.receipt != p.receipt || back.offset != p.offset {
		d.t.Fatalf("the pending receipt %+v is read back as %+v, %v", p, back, err)
	}
	v := &back.receipt
	d.receipts = append(d.receipts, d.written("a receipt", "receipts", []byte(v.ProductID), event.AppendReceipt(nil, v), event.TypeReceipt, v.ReceiptID, v.Timestamp))
	return nil
}

// What the processor writes, it accepts: whatever orders, catalogue records, receipts
// and reorders it has accepted, everything that is made of them fits its topic and
// passes the checks of the stage that reads it.
func TestWhatIsWrittenIsAccepted(t *testing.T) {
	for _, batch := range []int{minBatch, 100_000, 1_000_012} {
		for name, policy := range map[string]rules.Policy{"default": rules.Default, "reference": rules.Reference} {
			t.Run(fmt.Sprintf("%s/%d", name, batch), func(t *testing.T) {
				accepted := 0
				for seed := range uint64(16) {
					d := &door{t: t, rng: rand.New(rand.NewPCG(seed, 7)), batch: batch, policy: policy, states: map[string]*rules.State{},
						limits: limits{maxValue: 1 << 20, entry: entryLimit(batch)}, lead: time.Hour}
					if seed%2 == 1 {
						d.limits.maxValue = 4 << 10 // less than what is written
						d.lead = math.MaxInt64
					}
					d.run()
					accepted += d.accepted
				}
				if accepted < 16*20 {
					t.Errorf("only %d records were accepted", accepted)
				}
			})
		}
	}
}

func (d *door) run() {
	ids := []string{"p", "p" + d.text(event.MaxID), "q" + d.text(event.MaxID-1)}
	for range 40 {
		switch d.rng.IntN(5) {
		case 0, 1:
			_ = d.take(catalogInput, d.product(pick(d, ids...)))
		case 2:
			_ = d.take(orderInput, d.order(ids))
		case 3:
			_ = d.take(receiptInput, d.receipt(ids))
		case 4: // a reorder that is not the ledger's
			o := event.Reorder{EventID: "e" + d.text(event.MaxEventID), ProductID: pick(d, ids...), ReorderQuantity: pick(d, 1, event.MaxInt),
				WarehouseID: d.text(2 * d.limits.entry), ProductName: d.text(5000), Timestamp: d.eventTime()}
			_ = d.procure(d.record("reorders", o.EventID, event.AppendReorder(nil, &o)))
		}
		arrived := d.receipts
		d.receipts = nil // a receipt that doesn't lift the stock over its threshold gives another reorder, and so on
		for _, r := range arrived {
			if err := d.take(receiptInput, r); err != nil {
				d.t.Fatalf("ingest refuses a receipt that procurement wrote: %v", err)
			}
		}
	}
}

// The largest reorder that the ledger can write gives a receipt that fits.
func TestLargestReorderIsAnswered(t *testing.T) {
	d := &door{t: t, rng: rand.New(rand.NewPCG(1, 1)), batch: minBatch, policy: rules.Default, states: map[string]*rules.State{},
		limits: limits{maxValue: 1 << 20, entry: entryLimit(minBatch)}}
	id := strings.Repeat("\x01", event.MaxID)
	for size := d.limits.entry / 6; ; size-- {
		p := event.Product{ID: id, WarehouseID: strings.Repeat("\x01", size), ReorderQuantity: 1}
		if d.take(catalogInput, d.record("catalog", id, event.AppendProduct(nil, &p))) == nil {
			break
		}
	}
	if d.accepted != 2 && len(d.receipts) != 1 {
		t.Errorf("%d accepted, %d receipts", d.accepted, len(d.receipts))
	}
	if err := d.take(receiptInput, d.receipts[0]); err != nil || !bytes.Contains(d.receipts[0].Value, []byte(`\u0001`)) {
		t.Error(err)
	}
}
