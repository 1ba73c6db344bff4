package processor_test

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"inv/internal/event"
	"inv/internal/kafka"
	"inv/internal/kafkatest"
	"inv/processor"

	"github.com/twmb/franz-go/pkg/kgo"
)

// bad is one input record and what becomes of it.
type bad struct {
	name  string
	alias string
	key   string
	value string // "null": a tombstone
	ce    string // ce_type, if any
	want  string // a reason, or an outcome
}

const goodOrder = `{"order_id":"o","customer_id":"c","items":[{"product_id":"prod-1","quantity":2,"unit_price":9.5}],"order_total":19,"timestamp":1625097600000}`

func orderWith(old, new string) string { return strings.Replace(goodOrder, old, new, 1) }

const goodProduct = `{"id":"prod-9","name":"n","category":"c","price":1.5,"reorder_threshold":1,"reorder_quantity":2,"critical_threshold":1}`

func productWith(old, new string) string { return strings.Replace(goodProduct, old, new, 1) }

const goodReceipt = `{"receipt_id":"r","product_id":"prod-1","quantity":5,"timestamp":1625097600000}`

func receiptWith(old, new string) string { return strings.Replace(goodReceipt, old, new, 1) }

// badInputs is the list of the specification, by name.
var badInputs = []bad{
	{"order: good", "orders", "o", goodOrder, "", "accepted"},
	{"order: not JSON", "orders", "x1", `{"order_id":"o"`, "", "not-json"},
	{"order: an empty value", "orders", "x2", "", "", "not-json"},
	{"order: not an object", "orders", "x3", `[1]`, "", "wrong-type"},
	{"order: a wrong type", "orders", "x4", orderWith(`"o"`, `7`), "", "wrong-type"},
	{"order: a missing id", "orders", "x5", orderWith(`"order_id":"o",`, ``), "", "missing-id"},
	{"order: a line without product", "orders", "x6", orderWith(`"product_id":"prod-1",`, ``), "", "missing-id"},
	{"order: no items", "orders", "x7", orderWith(`{"product_id":"prod-1","quantity":2,"unit_price":9.5}`, ``), "", "no-items"},
	{"order: a quantity of 0", "orders", "x8", orderWith(`"quantity":2`, `"quantity":0`), "", "bad-quantity"},
	{"order: a negative quantity", "orders", "x9", orderWith(`"quantity":2`, `"quantity":-2`), "", "bad-quantity"},
	{"order: a quantity that is not whole", "orders", "x10", orderWith(`"quantity":2`, `"quantity":2.5`), "", "bad-quantity"},
	{"order: a quantity out of range", "orders", "x11", orderWith(`"quantity":2`, `"quantity":1000000001`), "", "out-of-range"},
	{"order: a quantity beyond 64 bits", "orders", "x12", orderWith(`"quantity":2`, `"quantity":99999999999999999999`), "", "out-of-range"},
	{"order: a negative price", "orders", "x13", orderWith(`9.5`, `-9.5`), "", "negative-price"},
	{"order: a negative total", "orders", "x14", orderWith(`"order_total":19`, `"order_total":-19`), "", "negative-total"},
	{"order: money out of range", "orders", "x15", orderWith(`"order_total":19`, `"order_total":1e13`), "", "out-of-range"},
	{"order: a total that is not the sum", "orders", "x16", orderWith(`"order_total":19`, `"order_total":19.01`), "", "total-mismatch"},
	{"order: a total within half a cent", "orders", "x17", orderWith(`"order_total":19`, `"order_total":19.0049`), "", "accepted"},
	{"order: an unknown product", "orders", "x18", orderWith(`prod-1`, `prod-none`), "", "unknown-product"},
	{"order: a later line's product is unknown", "orders", "x19", orderWith(`}]`, `},{"product_id":"prod-none","quantity":1,"unit_price":0}]`), "", "unknown-product"},
	{"order: an unknown version", "orders", "x20", orderWith(`"c"`, `"v2"`), "inventory.order.v2", "unknown-version"},
	{"order: this version", "orders", "x21", orderWith(`"c"`, `"v1"`), "inventory.order.v1", "accepted"},
	{"order: a value over the limit", "orders", "x22", orderWith(`"c"`, `"`+strings.Repeat("c", 64<<10)+`"`), "", "too-large"},
	{"order: another price than the catalogue's", "orders", "x23", orderWith(`"unit_price":9.5}],"order_total":19`, `"unit_price":1}],"order_total":2`), "", "accepted"},
	{"order: another key than its id", "orders", "other", orderWith(`"c"`, `"key"`), "", "accepted"},
	{"order: a tombstone", "orders", "x24", "null", "", "skipped"},
	{"order: unknown fields", "orders", "x25", orderWith(`"order_id"`, `"more":{"a":[1,null]},"order_id"`), "", "accepted"},
	{"order: names with control characters and emoji", "orders", "x26", orderWith(`"o"`, `"\u001b[31m\u0000😀"`), "", "accepted"},
	{"order: half a surrogate pair in its id", "orders", "x27", orderWith(`"o"`, `"\ud800"`), "", "not-unicode"},
	{"order: a product id that is not UTF-8", "orders", "x28", orderWith(`prod-1`, "prod-\xff"), "", "not-unicode"},
	{"order: a customer that is not UTF-8", "orders", "x29", orderWith(`"c"`, "\"\xff\""), "", "accepted"},
	{"order: an id over 1 KiB", "orders", "x30", orderWith(`"o"`, `"`+strings.Repeat("o", 1025)+`"`), "", "too-large"},
	{"order: a price of ten-millionths", "orders", "x31", orderWith(`"quantity":2,"unit_price":9.5}],"order_total":19`, `"quantity":1000000,"unit_price":0.0000004}],"order_total":0.4`), "", "accepted"},
	{"order: that price and a total of 0", "orders", "x32", orderWith(`"quantity":2,"unit_price":9.5}],"order_total":19`, `"quantity":1000000,"unit_price":0.0000004}],"order_total":0`), "", "total-mismatch"},
	{"order: a price a hair below 0", "orders", "x33", orderWith(`"unit_price":9.5}],"order_total":19`, `"unit_price":-1e-9}],"order_total":0`), "", "negative-price"},
	{"order: a total a hair below 0", "orders", "x34", orderWith(`"unit_price":9.5}],"order_total":19`, `"unit_price":0}],"order_total":-1e-9`), "", "negative-total"},

	{"catalogue: good", "catalog", "prod-9", goodProduct, "", "accepted"},
	{"catalogue: a missing id", "catalog", "y1", productWith(`"id":"prod-9",`, ``), "", "missing-id"},
	{"catalogue: another key than its id", "catalog", "y2", goodProduct, "", "key-mismatch"},
	{"catalogue: a negative number", "catalog", "prod-9", productWith(`"reorder_quantity":2`, `"reorder_quantity":-2`), "", "negative-number"},
	{"catalogue: a negative price", "catalog", "prod-9", productWith(`1.5`, `-1.5`), "", "negative-number"},
	{"catalogue: a number out of range", "catalog", "prod-9", productWith(`"reorder_threshold":1`, `"reorder_threshold":1000000001`), "", "out-of-range"},
	{"catalogue: not JSON", "catalog", "prod-9", "prod-9", "", "not-json"},
	{"catalogue: an unknown version", "catalog", "prod-9", productWith(`"n"`, `"m"`), "inventory.product.v3", "unknown-version"},
	{"catalogue: an id that is not UTF-8", "catalog", "prod-\xff", productWith(`prod-9`, "prod-\xff"), "", "not-unicode"},
	{"catalogue: half a surrogate pair, keyed by its replacement", "catalog", "prod-�", productWith(`prod-9`, `prod-\ud800`), "", "not-unicode"},
	{"catalogue: an id that is the replacement", "catalog", "prod-�", productWith(`prod-9`, `prod-�`), "", "accepted"},
	{"catalogue: an id over 1 KiB", "catalog", strings.Repeat("p", 1025), productWith(`prod-9`, strings.Repeat("p", 1025)), "", "too-large"},
	{"catalogue: a price a hair below 0", "catalog", "prod-9", productWith(`1.5`, `-1e-9`), "", "negative-number"},
	{"catalogue: a CloudEvent in structured mode", "catalog", "ce-1", `{"specversion":"1.0","type":"inventory.product.v1","source":"s","id":"ce-1","data":` + goodProduct + `}`, "", "structured-mode"},
	{"catalogue: a tombstone whose key is not UTF-8", "catalog", "prod-\xff", "null", "", "not-unicode"},
	{"catalogue: a tombstone without key", "catalog", "", "null", "", "missing-id"},

	{"receipt: good, without event_id", "receipts", "prod-1", goodReceipt, "", "accepted"},
	{"receipt: a missing id", "receipts", "prod-1", receiptWith(`"receipt_id":"r",`, ``), "", "missing-id"},
	{"receipt: no product", "receipts", "prod-1", receiptWith(`"product_id":"prod-1",`, ``), "", "missing-id"},
	{"receipt: a quantity of 0", "receipts", "prod-1", receiptWith(`5`, `0`), "", "bad-quantity"},
	{"receipt: half a surrogate pair", "receipts", "prod-1", receiptWith(`"receipt_id":"r"`, `"receipt_id":"r","event_id":"\udc00"`), "", "not-unicode"},
	{"receipt: an unknown product", "receipts", "prod-1", receiptWith(`prod-1`, `prod-none`), "", "unknown-product"},
	{"receipt: a tombstone", "receipts", "prod-1", "null", "", "skipped"},

	{"reorder: not JSON", "reorders", "z", "{", "", "not-json"},
	{"reorder: a warehouse that no receipt can hold", "reorders", "z", `{"event_id":"e","product_id":"prod-1","reorder_quantity":5,"warehouse_id":"` + strings.Repeat("w", 320<<10) + `"}`, "", "too-large"},
	{"reorder: half a surrogate pair", "reorders", "z", `{"event_id":"\ud800","product_id":"prod-1","reorder_quantity":5}`, "", "not-unicode"},
	{"reorder: a missing id", "reorders", "z", `{"product_id":"prod-1","reorder_quantity":5}`, "", "missing-id"},
}

func (s *system) badRecord(b bad) *kgo.Record {
	r := s.record(b.alias, b.key, b.value)
	if b.value == "null" {
		r.Value = nil
	}
	if b.ce != "" {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: "ce_type", Value: []byte(b.ce)})
	}
	r.Headers = append(r.Headers, kgo.RecordHeader{Key: "test", Value: []byte(b.name)})
	return r
}

func TestBadInput(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers)
		s.create()
		s.write(s.catalogRecords(catalogOf(3))...)
		var inputs, reorders []*kgo.Record
		for _, b := range badInputs {
			if b.alias == "reorders" {
				reorders = append(reorders, s.badRecord(b))
			} else {
				inputs = append(inputs, s.badRecord(b))
			}
		}
		stats := &processor.Stats{}
		limit := func(c *config) { c.MaxValue, c.Stats = 60<<10, stats }
		for _, r := range inputs {
			s.write(r)
		}
		s.drain(limit)
		s.prove()
		// Reorders are an output: one that no update calls for is a finding.
		s.write(reorders...)
		summary := s.drain(limit)
		s.checkFold()

		dead := map[string]*kgo.Record{}
		for _, alias := range []string{"orders", "catalog", "receipts", "reorders"} {
			for _, r := range s.all(s.topic(alias) + ".dlq") {
				name, _ := event.Header(r.Headers, "test")
				dead[string(name)] = r
			}
		}
		outcomes := map[string]int64{}
		for _, b := range badInputs {
			outcomes[b.want]++
			t.Run(b.name, func(t *testing.T) { s.checkDead(t, b, dead[b.name]) })
		}
		for _, want := range []struct {
			outcome processor.Outcome
			n       int64
		}{
			{processor.Accepted, outcomes["accepted"] + 3 + int64(summary.Counts["reorder"]) + int64(summary.Counts["receipt"])},
			{processor.Skipped, outcomes["skipped"]},
			{processor.DeadLettered, int64(len(dead))},
		} {
			if got := summary.Count("", want.outcome); got != want.n {
				t.Errorf("%d %s, want %d", got, want.outcome, want.n)
			}
		}
		if summary.Counts["orders_with_another_key_total"] < 1 {
			t.Error("the order with another key was not counted")
		}
	})
}

// checkDead compares a dead-lettered record with what was written, byte for byte.
func (s *system) checkDead(t *testing.T, b bad, got *kgo.Record) {
	if b.want == "accepted" || b.want == "skipped" {
		if got != nil {
			t.Errorf("dead-lettered: %s", headers(got))
		}
		return
	}
	if got == nil {
		t.Fatal("not dead-lettered")
	}
	wrote := s.badRecord(b)
	if !bytes.Equal(got.Key, wrote.Key) || !bytes.Equal(got.Value, wrote.Value) || (got.Value == nil) != (wrote.Value == nil) {
		t.Errorf("key %q, value %.80q; wrote %q, %.80q", got.Key, got.Value, wrote.Key, wrote.Value)
	}
	h := headers(got)
	stage := "ingest"
	if b.alias == "reorders" {
		stage = "procurement"
	}
	if h["dlq-topic"] != s.topic(b.alias) || h["dlq-stage"] != stage || h["dlq-reason"] != b.want || h["dlq-message"] == "" {
		t.Errorf("headers %v", h)
	}
	for _, name := range []string{"dlq-partition", "dlq-offset", "dlq-timestamp"} {
		if _, err := strconv.ParseInt(h[name], 10, 64); err != nil {
			t.Errorf("%s is %q", name, h[name])
		}
	}
	if n := len(got.Headers); !slices.EqualFunc(got.Headers[n-len(wrote.Headers):], wrote.Headers, func(a, b kgo.RecordHeader) bool {
		return a.Key == b.Key && bytes.Equal(a.Value, b.Value)
	}) {
		t.Errorf("headers %v, want the record's own at the end", got.Headers)
	}
}

func headers(r *kgo.Record) map[string]string {
	m := map[string]string{}
	for _, h := range r.Headers {
		m[h.Key] = string(h.Value)
	}
	return m
}

func TestTotalsCanBeAccepted(t *testing.T) {
	s := newSystem(t, kafkatest.Embedded(t))
	s.create()
	s.write(s.catalogRecords(catalogOf(3))...)
	s.write(s.record("orders", "o", orderWith(`"order_total":19`, `"order_total":7`)))
	if n := s.drain(func(c *config) { c.AcceptTotals = true }).Count(s.topic("orders"), processor.Accepted); n != 1 {
		t.Errorf("%d accepted", n)
	}
}

// A dead-letter topic that somebody made smaller still takes the record: the
// value is cut, and a header says how long it was.
func TestDeadLetterThatDoesNotFitIsCut(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers)
		dlq := kafka.TopicSpec{Name: s.topic("orders") + ".dlq", Partitions: 1, Configs: map[string]string{"max.message.bytes": "5000"}}
		if _, err := kafka.EnsureTopics(t.Context(), s.client, dlq); err != nil {
			t.Fatal(err)
		}
		s.create()
		value := strings.Repeat("no JSON", 2000)
		s.write(s.record("orders", "key", value))
		s.write(s.record("orders", strings.Repeat("k", 9000), "no JSON either"))
		s.drain()
		byOffset := s.read(dlq.Name)[0]
		if len(byOffset) != 2 {
			t.Fatalf("%d records", len(byOffset))
		}
		for _, r := range byOffset {
			h := headers(r)
			switch h["dlq-truncated"] {
			case strconv.Itoa(len(value)):
				if !strings.HasPrefix(value, string(r.Value)) || len(r.Value) < 4000 || string(r.Key) != "key" {
					t.Errorf("%d bytes of the value, key %q", len(r.Value), r.Key)
				}
			case "14":
				if len(r.Key) != 0 {
					t.Errorf("a key of %d bytes", len(r.Key))
				}
			default:
				t.Errorf("headers %v", h)
			}
		}
	})
}

// A record that just fits its topic fits the dead-letter topic with its headers.
func TestLargestRecordIsDeadLetteredWhole(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers)
		s.create()
		value := strings.Repeat("x", 1<<20-300)
		big := kafkatest.Client(t, brokers, kgo.ProducerBatchMaxBytes(1<<20+10), kgo.ProducerBatchCompression(kgo.NoCompression()))
		if err := big.ProduceSync(t.Context(), s.record("orders", "k", value)).FirstErr(); err != nil {
			t.Fatal(err)
		}
		s.drain()
		dead := s.all(s.topic("orders") + ".dlq")
		if len(dead) != 1 || string(dead[0].Value) != value {
			t.Errorf("%d records", len(dead))
		}
	})
}

// Ids and names that would blow up what is written of them are refused whole.
func TestNamesTooLongForTheLogAreRefused(t *testing.T) {
	s := newSystem(t, kafkatest.Embedded(t))
	s.create()
	s.write(s.catalogRecords(catalogOf(3))...)
	s.write(s.record("catalog", "prod-9", productWith(`"n"`, `"`+strings.Repeat("n", 300<<10)+`"`)))
	s.write(s.record("orders", "o", orderWith(`"o"`, `"`+strings.Repeat("o", 300<<10)+`"`)))
	summary := s.drain()
	if n := summary.Records[processor.Tally{Topic: s.topic("orders"), Outcome: processor.DeadLettered, Reason: event.TooLarge}]; n != 1 {
		t.Errorf("%d orders too large, want 1", n)
	}
	if n := summary.Records[processor.Tally{Topic: s.topic("catalog"), Outcome: processor.DeadLettered, Reason: event.TooLarge}]; n != 1 {
		t.Errorf("%d products too large, want 1", n)
	}
	s.prove()
}

// An event from the far future is taken; brokers would refuse its timestamp.
func TestEventTimeFarAhead(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers)
		s.create()
		s.write(s.catalogRecords(catalogOf(3))...)
		s.write(s.record("orders", "o", orderWith("1625097600000", strconv.FormatInt(time.Now().Add(100*24*time.Hour).UnixMilli(), 10))))
		s.drain()
		s.prove()
	})
}
