package processor_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"inv/internal/event"
	"inv/internal/kafka"
	"inv/internal/kafkatest"
	"inv/processor"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// noise returns text of so many bytes that hardly compresses.
func noise(seed uint64, bytes int) string {
	rng := rand.New(rand.NewPCG(seed, 3))
	b := make([]byte, bytes*3/4)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return base64.StdEncoding.EncodeToString(b)[:bytes*3/4/3*4]
}

// reasons returns how many dead letters of a topic have each reason.
func (s *system) reasons(alias string) map[string]int {
	s.t.Helper()
	found := map[string]int{}
	for _, r := range s.all(s.topic(alias) + ".dlq") {
		found[headers(r)["dlq-reason"]]++
	}
	return found
}

func (s *system) wantReasons(alias string, want map[string]int) {
	s.t.Helper()
	if got := s.reasons(alias); fmt.Sprint(got) != fmt.Sprint(want) {
		s.t.Errorf("dead letters of %s: %v, want %v", alias, got, want)
	}
}

// stock returns the last update of each product.
func (s *system) stock() map[string]int64 {
	s.t.Helper()
	found := map[string]int64{}
	for _, records := range s.read(s.topic("updates")) {
		for _, r := range records {
			var u struct {
				ID    string `json:"product_id"`
				Stock int64  `json:"current_stock"`
			}
			if err := json.Unmarshal(r.Value, &u); err != nil {
				s.t.Fatal(err)
			}
			found[u.ID] = u.Stock
		}
	}
	return found
}

// Events at the end of time, and records without a time, give reorders and receipts
// that the processor accepts: the products are restocked.
func TestTimesAtTheLimitsAreRestocked(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers)
		s.create()
		products := catalogOf(3)
		for i := range products {
			products[i].InitialStock = 60
		}
		products[2].InitialStock = 0 // reordered by its catalogue record
		records := s.catalogRecords(products)
		for _, r := range records {
			r.Timestamp = time.UnixMilli(-1) // none
		}
		s.write(records...)
		last := orderWith("1625097600000", fmt.Sprint(event.MaxTime))
		s.write(s.record("orders", "o", strings.NewReplacer(`"quantity":2`, `"quantity":55`, `"order_total":19`, `"order_total":522.5`).Replace(last)))
		none := s.record("orders", "n", strings.NewReplacer(`"o"`, `"n"`, `prod-1`, `prod-0`, `"quantity":2`, `"quantity":55`, `"order_total":19`, `"order_total":522.5`, `,"timestamp":1625097600000`, ``).Replace(goodOrder))
		none.Timestamp = time.UnixMilli(-1)
		s.write(none)
		summary := s.drain()
		if n := summary.Count("", processor.DeadLettered); n != 0 {
			t.Errorf("%d dead letters: %v %v", n, s.reasons("reorders"), s.reasons("receipts"))
		}
		if got, want := fmt.Sprint(s.stock()), "map[prod-0:55 prod-1:55 prod-2:50]"; got != want {
			t.Errorf("stock %s, want %s", got, want)
		}
		s.prove()
	})
}

// No record that comes in can stop the processor, however large its parts are: what
// is made of it would not fit, so it is dead-lettered.
func TestNothingThatComesInStopsTheProcessor(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers)
		s.create()
		s.write(s.catalogRecords(catalogOf(3))...)
		id := noise(1, 219_000)
		s.write(
			s.record("catalog", id, productWith("prod-9", id)),
			s.record("catalog", "name", strings.Replace(productWith("prod-9", "name"), `"n"`, `"`+noise(2, 250_000)+`"`, 1)), // just fits
			s.record("catalog", "wh", strings.Replace(productWith("prod-9", "wh"), `"c"`, `"c","warehouse_id":"`+noise(3, 250_000)+`"`, 1)),
			s.record("catalog", "names", strings.NewReplacer("prod-9", "names", `"n"`, `"`+noise(4, 200_000)+`"`, `"c"`, `"`+noise(5, 200_000)+`"`).Replace(goodProduct)),
			&kgo.Record{Topic: s.topic("catalog"), Key: []byte(noise(6, 500_000))},
			s.record("orders", noise(7, 500_000), orderWith(`"o"`, `"long key"`)),
			s.record("orders", "o", orderWith(`"o"`, `"`+noise(8, 500_000)+`"`)),
			s.record("orders", "p", orderWith(`prod-1`, id)),
			s.record("orders", "names", strings.NewReplacer(`"o"`, `"of an unlisted product"`, "prod-1", "names").Replace(goodOrder)),
			s.record("orders", "lines", manyLines(25_000)),
			s.record("receipts", "prod-1", receiptWith(`"receipt_id":"r"`, `"receipt_id":"r","event_id":"`+noise(9, 500_000)+`"`)),
			s.record("receipts", "prod-1", receiptWith(`"receipt_id":"r"`, `"receipt_id":"`+noise(10, 500_000)+`","warehouse_id":"`+noise(11, 300_000)+`"`)),
		)
		headed := s.record("orders", "h", "no JSON")
		for i := range 40 {
			headed.Headers = append(headed.Headers, kgo.RecordHeader{Key: noise(uint64(20+i), 4_000), Value: []byte(noise(uint64(70+i), 12_000))})
		}
		s.write(headed)
		s.drain()
		s.wantReasons("catalog", map[string]int{"too-large": 3})
		s.wantReasons("orders", map[string]int{"not-json": 1, "too-large": 2, "unknown-product": 1})
		s.wantReasons("receipts", map[string]int{"too-large": 1})
		s.wantReasons("reorders", map[string]int{})
		s.prove()

		// A reorder of another system whose receipt would not fit.
		s.write(s.record("reorders", "e", `{"event_id":"e","product_id":"prod-1","reorder_quantity":5,"warehouse_id":"`+noise(12, 900_000)+`"}`))
		s.drain()
		s.wantReasons("reorders", map[string]int{"too-large": 1})
	})
}

// manyLines returns an order of n lines.
func manyLines(n int) string {
	lines := slices.Repeat([]string{`{"product_id":"prod-2","quantity":1}`}, n)
	return `{"order_id":"lines","items":[` + strings.Join(lines, ",") + `],"order_total":0}`
}

// Where the topics accept less, so does the processor; and where they accept too
// little for any product, it says so at the start.
func TestSmallTopicsBoundWhatIsAccepted(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers)
		small := func(alias, bytes string) {
			t.Helper()
			spec := kafka.Specs(s.scenario, s.prefix, alias)[0]
			spec.Configs["max.message.bytes"] = bytes
			if _, err := kafka.EnsureTopics(t.Context(), s.client, spec); err != nil {
				t.Fatal(err)
			}
		}
		for _, alias := range []string{"updates", "alerts", "log", "ledger-changelog", "receipts", "procurement-changelog"} {
			small(alias, "65536")
		}
		s.create()
		s.write(s.catalogRecords(catalogOf(3))...)
		for i, bytes := range []int{10_000, 14_000, 30_000} {
			id := fmt.Sprintf("long-%d", i)
			s.write(s.record("catalog", id, strings.Replace(productWith("prod-9", id), `"n"`, `"`+noise(uint64(i), bytes)+`"`, 1)))
		}
		s.write(s.record("orders", "lines", manyLines(3_000)))
		s.drain()
		s.wantReasons("catalog", map[string]int{"too-large": 2})
		s.prove()

		s = newSystem(t, brokers)
		small("reorders", "65535")
		if _, err := s.try(); err == nil || !strings.Contains(err.Error(), s.topic("reorders")+" accepts records of 65535 bytes at most, and must accept 65536") {
			t.Errorf("a topic that accepts too little: %v", err)
		}
	})
}

// A receipt that is pending and no longer fits, as an earlier version has left one, does
// not stop each start: its reorder is dead-lettered.
func TestPendingReceiptThatIsTooLargeIsDeadLettered(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers)
		s.create()
		s.write(s.catalogRecords(catalogOf(3)[1:])...) // none of which is low
		reorder := `{"event_id":"e","product_id":"prod-1","reorder_quantity":5,"warehouse_id":"` + noise(1, 200_000) + `"}`
		s.write(s.record("reorders", "e", reorder))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		log, ended := newSaid(), make(chan error, 1)
		go func() {
			cfg := s.config()
			cfg.LeadTime, cfg.Log = time.Hour, slog.New(log)
			_, err := cfg.run(ctx)
			ended <- err
		}()
		log.wait(t, "waiting", "which is due at")
		cancel()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		limit := "65536"
		if _, err := kadm.NewClient(s.client).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: "max.message.bytes", Value: &limit}}, s.topic("receipts")); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			s.drain()
			s.wantReasons("reorders", map[string]int{"too-large": 1})
		}
		if dead := s.all(s.topic("reorders") + ".dlq"); string(dead[0].Value) != reorder {
			t.Errorf("the dead letter has another value of %d bytes", len(dead[0].Value))
		}
	})
}

// Topics that refuse old timestamps take what is made of old orders all the same.
func TestTopicsThatRefuseOldTimestamps(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers)
		for _, alias := range []string{"updates", "reorders", "alerts", "receipts"} {
			spec := kafka.Specs(s.scenario, s.prefix, alias)[0]
			spec.Configs["message.timestamp.before.max.ms"] = "3600000"
			if _, err := kafka.EnsureTopics(t.Context(), s.client, spec); err != nil {
				t.Fatal(err)
			}
		}
		s.create()
		s.write(s.catalogRecords(catalogOf(3))...)
		s.write(s.record("orders", "o", strings.NewReplacer(`"quantity":2`, `"quantity":35`, `"order_total":19`, `"order_total":332.5`).Replace(goodOrder)))
		began := time.Now()
		s.drain()
		s.prove()
		for _, alias := range []string{"updates", "reorders", "alerts", "receipts"} {
			old := 0
			for _, r := range s.all(s.topic(alias)) {
				if strings.Contains(string(r.Value), `"timestamp":16250976`) {
					old++
				}
				if r.Timestamp.Before(began.Add(-time.Minute)) {
					t.Errorf("%s has a record of %s", alias, r.Timestamp)
				}
			}
			if old == 0 {
				t.Errorf("%s has no record of the old order", alias)
			}
		}
	})
}
