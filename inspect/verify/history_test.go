package verify

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"inv/internal/event"
	"inv/internal/kafka/fetch"
	"inv/internal/kafka/partition"

	"github.com/twmb/franz-go/pkg/kgo"
)

func testTopics(prefix string) Topics {
	return Topics{
		Catalog: prefix + "catalog", Orders: prefix + "orders", Receipts: prefix + "receipts",
		Updates: prefix + "updates", Reorders: prefix + "reorders", Alerts: prefix + "alerts",
		Log: prefix + "log", PendingReceipts: prefix + "pending",
	}
}

func testOptions() Options {
	o := OptionsFor("inv", PolicyDefault, testTopics(""), testGroups("inv", testTopics("")), true)
	o.DedupeWindow = 20
	return o
}

// history is the content of all topics, and a stock keeper of its own that
// fills them: it processes each input at once, in the plainest way there is, so
// that its outputs are right by construction.
type history struct {
	t          *testing.T
	rnd        *rand.Rand
	partitions int32
	records    map[string][]*kgo.Record
	ends       map[place]int64 // by topic and partition
	stock      map[string]*keeper
	waiting    []event.Reorder
	window     int64
	app        string
	prefix     string    // of topic names
	dense      bool      // no offsets are left out
	now        time.Time // of all records
	trimmed    string    // the topic whose beginning is gone
}

// keeper is one product's state.
type keeper struct {
	event.Product
	stock, seq int64
	open       string
	low        bool
	delisted   bool

	lastOrder, lastReorder string
}

func newHistory(t *testing.T, seed uint64) *history {
	return &history{t: t, rnd: rand.New(rand.NewPCG(seed, 0)), partitions: 1 + int32(seed%3),
		records: map[string][]*kgo.Record{}, ends: map[place]int64{}, stock: map[string]*keeper{}, window: 20, app: "inv",
		now: time.Now().Truncate(time.Millisecond)}
}

// put appends a record to a partition, now and then leaving room for a commit marker.
func (h *history) put(topic string, partition int32, key string, value []byte, headers ...kgo.RecordHeader) *kgo.Record {
	if !strings.HasPrefix(topic, h.prefix) {
		topic = h.prefix + topic
	}
	r := &kgo.Record{Topic: topic, Partition: partition, Key: []byte(key), Value: value, Headers: headers, Timestamp: h.now}
	h.seal(r)
	at := place{topic: topic, partition: r.Partition}
	if !h.dense && h.rnd.IntN(5) == 0 {
		h.ends[at]++
	}
	r.Offset = h.ends[at]
	h.ends[at]++
	h.records[topic] = append(h.records[topic], r)
	return r
}

func (h *history) partitionOf(key string) int32 {
	return partition.Murmur2([]byte(key), int(h.partitions))
}

func (h *history) source() kgo.RecordHeader {
	return kgo.RecordHeader{Key: event.HeaderSource, Value: []byte(h.app)}
}

// seal gives an output the partition, timestamp and headers that its value calls
// for. A receipt is one if its source says so.
func (h *history) seal(r *kgo.Record) {
	e := event.Envelope{Source: h.app}
	var u event.Update
	var o event.Reorder
	var a event.Alert
	var v event.Receipt
	source, headed := event.Header(r.Headers, event.HeaderSource)
	switch topic := strings.TrimPrefix(r.Topic, h.prefix); {
	case topic == "updates" && event.ParseUpdate(r.Value, &u) == nil:
		e.Type, e.ID, e.Time = event.TypeUpdate, fmt.Sprintf("update-%s-%d", u.ProductID, u.Seq), u.Timestamp
	case topic == "reorders" && event.ParseReorder(r.Value, &o) == nil:
		e.Type, e.ID, e.Time = event.TypeReorder, o.EventID, o.Timestamp
	case topic == "alerts" && event.ParseAlert(r.Value, &a) == nil:
		e.Type, e.ID, e.Time = event.TypeAlert, a.AlertID, a.Timestamp
	case topic == "receipts" && headed && string(source) == h.app && event.ParseReceipt(r.Value, &v) == nil:
		e.Type, e.ID, e.Time = event.TypeReceipt, v.ReceiptID, v.Timestamp
	default:
		return
	}
	r.Partition, r.Timestamp = h.partitionOf(string(r.Key)), time.UnixMilli(e.Time)
	r.Headers = event.AppendHeaders(nil, e)
}

// product puts a catalogue record and lets the keeper see it.
func (h *history) product(p event.Product) *kgo.Record {
	r := h.put("catalog", 0, p.ID, event.AppendProduct(nil, &p))
	k := h.stock[p.ID]
	switch {
	case k == nil:
		h.stock[p.ID] = &keeper{Product: p}
		h.apply(h.stock[p.ID], p.InitialStock, r, 0, 0, p.Price)
	case k.Product != p || k.delisted:
		k.Product, k.delisted = p, false
		h.apply(k, 0, r, 0, 0, p.Price)
	}
	return r
}

func (h *history) delist(id string) {
	h.put("catalog", 0, id, nil)
	h.stock[id].delisted = true
}

// order puts an order of lines and lets the keeper apply or refuse it.
func (h *history) order(id string, lines ...event.Line) *kgo.Record {
	o := event.Order{OrderID: id, CustomerID: "c", Items: lines, Timestamp: h.now.UnixMilli()}
	for _, l := range lines {
		o.Total += event.Money(l.Quantity) * l.UnitPrice
	}
	r := h.put("orders", h.partitionOf(id), id, event.AppendOrder(nil, &o))
	for _, l := range lines {
		if k := h.stock[l.ProductID]; k == nil || k.delisted {
			h.refuse(r, event.UnknownProduct)
			return r
		}
	}
	for i, l := range lines {
		k := h.stock[l.ProductID]
		filled := min(l.Quantity, k.stock)
		h.apply(k, -filled, r, int32(i), l.Quantity-filled, l.UnitPrice)
	}
	return r
}

// again puts a copy of a record; the keeper ignores it, or takes it as new if
// it is too far away.
func (h *history) again(r *kgo.Record) *kgo.Record {
	return h.put(r.Topic, r.Partition, string(r.Key), r.Value, r.Headers...)
}

// bad puts a value that can't be processed.
func (h *history) bad(topic, value string, reason event.Reason) *kgo.Record {
	partition := h.partitionOf(value)
	if topic == "catalog" {
		partition = 0
	}
	r := h.put(topic, partition, "k", []byte(value))
	h.refuse(r, reason)
	return r
}

func (h *history) refuse(r *kgo.Record, reason event.Reason) *kgo.Record {
	stage := "ingest"
	if r.Topic == h.prefix+"reorders" {
		stage = "procurement"
	}
	headers := []kgo.RecordHeader{
		{Key: event.HeaderDLQTopic, Value: []byte(r.Topic)},
		{Key: event.HeaderDLQPartition, Value: []byte(strconv.Itoa(int(r.Partition)))},
		{Key: event.HeaderDLQOffset, Value: []byte(strconv.FormatInt(r.Offset, 10))},
		{Key: event.HeaderDLQTimestamp, Value: []byte(strconv.FormatInt(r.Timestamp.UnixMilli(), 10))},
		{Key: event.HeaderDLQStage, Value: []byte(stage)},
		{Key: event.HeaderDLQReason, Value: []byte(reason)},
		{Key: event.HeaderDLQMessage, Value: []byte("why")},
	}
	return h.put(deadLetters(r.Topic), h.partitionOf(string(r.Key)), string(r.Key), r.Value, append(headers, r.Headers...)...)
}

// restock puts a receipt and lets the keeper apply it.
func (h *history) restock(v event.Receipt, headers ...kgo.RecordHeader) *kgo.Record {
	r := h.put("receipts", h.partitionOf(v.ProductID), v.ProductID, event.AppendReceipt(nil, &v), headers...)
	k := h.stock[v.ProductID]
	if k == nil {
		h.refuse(r, event.UnknownProduct)
		return r
	}
	if k.open == v.EventID {
		k.open = ""
	}
	h.apply(k, v.Quantity, r, 0, 0, k.Price)
	return r
}

// apply changes a product's stock and writes what follows from it.
func (h *history) apply(k *keeper, delta int64, cause *kgo.Record, line int32, unmet int64, price event.Money) {
	k.stock += delta
	k.seq++
	var of struct {
		OrderID   string `json:"order_id"`
		EventID   string `json:"event_id"`
		Timestamp int64
	}
	if err := json.Unmarshal(cause.Value, &of); err != nil {
		h.t.Fatal(err)
	}
	k.lastOrder, k.lastReorder = cmp.Or(of.OrderID, k.lastOrder), cmp.Or(of.EventID, k.lastReorder)
	happened := cmp.Or(of.Timestamp, cause.Timestamp.UnixMilli())
	u := event.Update{LastOrderID: k.lastOrder, LastReorderID: k.lastReorder, LastUpdated: h.now.UnixMilli() + 5000, ProductID: k.ID, ProductName: k.Name, Category: k.Category, CurrentStock: k.stock, WarehouseID: k.WarehouseID,
		Timestamp: happened, UnitPrice: price, ReorderThreshold: k.ReorderThreshold, ReorderQuantity: k.ReorderQuantity,
		CriticalThreshold: k.CriticalThreshold, Seq: k.seq, Delta: delta, UnmetQuantity: unmet,
		Cause: event.Cause{Topic: cause.Topic, Partition: cause.Partition, Offset: cause.Offset, Line: line}.String()}
	h.put("updates", h.partitionOf(k.ID), k.ID, event.AppendUpdate(nil, &u))
	wasLow := k.low
	k.low = k.stock <= k.CriticalThreshold
	if k.delisted {
		return
	}
	if k.stock <= k.ReorderThreshold && k.open == "" && k.ReorderQuantity > 0 {
		v := event.Reorder{EventID: fmt.Sprintf("reorder-%s-%d", k.ID, k.seq), ProductID: k.ID, ProductName: k.Name, CurrentStock: k.stock,
			ReorderQuantity: k.ReorderQuantity, Priority: "normal", WarehouseID: k.WarehouseID, Timestamp: happened}
		if k.stock < k.CriticalThreshold {
			v.Priority = "urgent"
		}
		k.open = v.EventID
		h.put("reorders", h.partitionOf(v.EventID), v.EventID, event.AppendReorder(nil, &v))
		h.waiting = append(h.waiting, v)
	}
	if k.low && !wasLow {
		v := event.Alert{AlertID: fmt.Sprintf("alert-%s-%d", k.ID, k.seq), AlertType: event.AlertCritical, ProductID: k.ID, ProductName: k.Name,
			CurrentStock: k.stock, Threshold: k.CriticalThreshold, WarehouseID: k.WarehouseID, Timestamp: happened,
			Message: fmt.Sprintf("Critical inventory level: %s (%d units remaining)", k.Name, k.stock)}
		h.put("alerts", h.partitionOf(k.ID), k.ID, event.AppendAlert(nil, &v))
	}
}

// deliver puts the receipts for all reorders that wait, and for those that they cause.
func (h *history) deliver() {
	for len(h.waiting) > 0 {
		v := h.waiting[0]
		h.waiting = h.waiting[1:]
		h.restock(event.Receipt{ReceiptID: "receipt-" + v.EventID, EventID: v.EventID, ProductID: v.ProductID, Quantity: v.ReorderQuantity, WarehouseID: v.WarehouseID, Timestamp: v.Timestamp + 1}, h.source())
	}
}

// audit runs the auditor over the history.
func (h *history) audit(o Options, rest string) *Report {
	a := newAuditor(o)
	a.setRest(rest)
	starts := &snapshot{spans: map[string][]fetch.Span{"": nil}}
	for topic := range h.records {
		starts.spans[topic] = make([]fetch.Span, h.partitions)
	}
	if h.trimmed != "" {
		starts.spans[h.trimmed] = nil
		for partition := range h.partitions {
			starts.spans[h.trimmed] = append(starts.spans[h.trimmed],
				fetch.Span{ID: fetch.ID{Topic: h.trimmed, Partition: partition}, From: trimmedFrom, To: 2 * trimmedFrom})
		}
	}
	a.judgeHistory(starts)
	p := newParser(a)
	for _, s := range a.steps() {
		for _, topic := range s.topics {
			h.judge(a, p, s, h.records[topic])
		}
	}
	a.finish()
	return a.report()
}

// judge has records judged in batches of some size, the same batch again and again.
func (h *history) judge(a *auditor, p *parser, s step, records []*kgo.Record) {
	b := s.batches.New().(batch)
	for len(records) > 0 {
		n := 1 + h.rnd.IntN(len(records))
		b.begin(p)
		for _, r := range records[:n] {
			b.add(p, r)
		}
		b.judge(a)
		records = records[n:]
	}
}

// trimmedFrom is the first offset of a topic whose history is trimmed.
const trimmedFrom = 1 << 20

func line1(product string, quantity int64) event.Line {
	return event.Line{ProductID: product, Quantity: quantity, UnitPrice: 5 * event.MoneyUnit}
}

var (
	chair = event.Product{ID: "chair", Name: "Chair", Price: 5 * event.MoneyUnit, ReorderThreshold: 10, ReorderQuantity: 50, CriticalThreshold: 5, InitialStock: 20}
	desk  = event.Product{ID: "desk-2", Name: "Desk", Price: 9 * event.MoneyUnit, ReorderThreshold: 3, ReorderQuantity: 5, CriticalThreshold: 3, InitialStock: 4}
)

// plain returns the history that the mutations start from. The chair's updates are
// 1: +20 (20), 2: −8 (12), 3: −4 (8, reorder), 4: −4 (4, alert), 5: −4 and 2
// unmet (0), 6: +50 (50).
func plain(t *testing.T) *history {
	h := newHistory(t, 2) // three partitions
	h.product(chair)
	h.product(desk)
	first := h.order("o1", line1("chair", 8))
	h.order("o2", line1("chair", 4), line1("desk-2", 1), line1("chair", 4))
	h.again(first)
	h.order("o3", line1("nothing", 1))
	h.bad("orders", "{", event.NotJSON)
	h.put("orders", 0, "gone", nil)
	h.order("o4", line1("chair", 6))
	h.deliver()
	return h
}

func (r *Report) seen() (ids []string) {
	for _, c := range r.Checks {
		if c.Verdict == Violated || c.Verdict == Undecided {
			ids = append(ids, fmt.Sprintf("%s %s %d", c.ID, c.Verdict, c.Violations))
		}
	}
	slices.Sort(ids)
	return ids
}

// testGroups returns the groups of the processor that wrote the history.
func testGroups(app string, t Topics) []Group {
	return []Group{
		{Name: app + "-ingest", Topics: []string{t.Catalog, t.Orders, t.Receipts}},
		{Name: app + "-ledger", Topics: []string{t.Log}},
		{Name: app + "-procurement", Topics: []string{t.Reorders}},
	}
}
