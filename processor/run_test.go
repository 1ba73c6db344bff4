package processor_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"inv/internal/kafka"
	"inv/internal/kafkatest"
	"inv/processor"
	"inv/processor/inventory"
)

// The outputs are those of a sequential fold of the product log, and every line
// ordered is in it.
func TestOutputsAreTheFoldOfTheLog(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers)
		products := catalogOf(40)
		orders := ordersOf(2000, products, 7)
		s.create()
		s.write(s.catalogRecords(products)...)
		s.write(s.orderRecords(orders)...)
		summary := s.drain()
		f := s.checkFold()
		if got := summary.Count(s.topic("orders"), processor.Accepted); got != 2000 {
			t.Errorf("%d orders accepted, want 2000", got)
		}
		demand := map[string]int64{}
		for _, o := range orders {
			for _, l := range o.Items {
				demand[l.ProductID] += l.Quantity
			}
		}
		for _, p := range products {
			var filled, unmet int64
			for _, w := range f.out[p.ID] {
				if strings.Contains(w.Cause, "order_events") {
					filled, unmet = filled-w.Delta, unmet+w.Unmet
				}
			}
			if filled+unmet != demand[p.ID] {
				t.Errorf("%s: %d filled and %d unmet, ordered %d", p.ID, filled, unmet, demand[p.ID])
			}
		}
		if n := len(s.all(s.topic("receipts"))); int64(n) != summary.Counts["reorder"] || n == 0 {
			t.Errorf("%d receipts for %d reorders", n, summary.Counts["reorder"])
		}
		s.prove()
	})
}

// Without procurement nothing comes in, so what is left is the opening stock
// less the demand, and never below 0.
func TestFinalStockWithoutProcurement(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers)
		products := catalogOf(30)
		orders := ordersOf(300, products, 3)
		s.create()
		s.write(s.orderRecords(orders[:100])...) // refused: no such products yet
		s.drain(func(c *config) { c.Topologies = []string{inventory.Name} })
		s.write(s.catalogRecords(products)...)
		s.write(s.orderRecords(orders[100:])...)
		s.drain(func(c *config) { c.Topologies = []string{inventory.Name} })
		s.checkFinalStock(products, orders[100:])
		if n := len(s.all(s.topic("orders") + ".dlq")); n != 100 {
			t.Errorf("%d orders dead-lettered, want 100", n)
		}
	})
}

// checkFinalStock is for runs without procurement.
func (s *system) checkFinalStock(products []catalogued, orders []order) {
	s.t.Helper()
	f := s.checkFold()
	left := map[string]int64{}
	for _, p := range products {
		left[p.ID] = p.InitialStock
	}
	for _, o := range orders {
		for _, l := range o.Items {
			left[l.ProductID] -= l.Quantity
		}
	}
	for id, stock := range left {
		if want := max(0, stock); f.products[id] == nil || f.products[id].stock != want {
			s.t.Errorf("%s: %+v, want a stock of %d", id, f.products[id], want)
		}
	}
}

// A processor that starts again goes on from the changelog and the offsets.
func TestRestartGoesOn(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers)
		products := catalogOf(10)
		orders := ordersOf(400, products, 5)
		s.create()
		s.write(s.catalogRecords(products)...)
		var updates int64
		for part := range 4 {
			s.write(s.orderRecords(orders[part*100 : part*100+100])...)
			s.write(s.orderRecords(orders[part*100 : part*100+10])...) // duplicates
			if part > 0 {
				s.write(s.orderRecords(orders[:20])...) // of before the restart
			}
			summary := s.drain()
			updates += summary.Counts["update"]
			want := int64(10)
			if part > 0 {
				want += 20
			}
			if got := summary.Count(s.topic("orders"), processor.Duplicate); got != want {
				t.Errorf("part %d: %d duplicates, want %d", part, got, want)
			}
		}
		f := s.checkFold()
		var want int64
		for _, out := range f.out {
			for _, w := range out {
				if w.topic == f.updates {
					want++
				}
			}
		}
		if updates != want {
			t.Errorf("%d updates counted, the fold has %d", updates, want)
		}
		s.prove()
	})
}

// Equal records count once: within a transaction, in a later one of the same
// process, and in one of the next process.
func TestDuplicatesCountOnce(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers)
		_, orders := s.backlog(100)
		s.write(s.orderRecords(orders)...) // there at the start: within a transaction
		stats := &processor.Stats{}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			cfg := s.config()
			cfg.Drain, cfg.Stats = false, stats
			_, err := cfg.run(ctx)
			ended <- err
		}()
		s.untilCommitted("ingest", "orders", 200)
		s.write(s.orderRecords(orders)...)
		s.untilCommitted("ingest", "orders", 300)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if n := stats.Summary().Count(s.topic("orders"), processor.Duplicate); n != 200 {
			t.Errorf("%d duplicates in one process, want 200", n)
		}
		s.write(s.orderRecords(orders)...)
		if n := s.drain().Count(s.topic("orders"), processor.Duplicate); n != 100 {
			t.Errorf("%d duplicates in the next, want 100", n)
		}
		s.prove()
	})
}

func TestAnotherPartitionCountIsRefused(t *testing.T) {
	for _, topic := range []string{"product-log", "ledger-changelog"} {
		t.Run(topic, func(t *testing.T) {
			s := newSystem(t, kafkatest.Embedded(t))
			if _, err := kafka.EnsureTopics(t.Context(), s.client, kafka.TopicSpec{Name: s.prefix + "-" + topic, Partitions: 3}); err != nil {
				t.Fatal(err)
			}
			_, err := s.try()
			var wrong *kafka.PartitionsError
			if !errors.As(err, &wrong) || *wrong != (kafka.PartitionsError{Topic: s.prefix + "-" + topic, Have: 3, Want: 6}) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestUnknownNamesAreUsageErrors(t *testing.T) {
	s := newSystem(t, kafkatest.Embedded(t))
	for want, change := range map[string]func(*config){
		`did you mean "inventory"`: func(c *config) { c.Topologies = []string{"invntory"} },
		`no policy "strict"`:       func(c *config) { c.Policy = "strict" },
		`no guarantee "maybe"`:     func(c *config) { c.Guarantee = "maybe" },
		`the alias "order", whose`: func(c *config) { c.SkipLost = []string{"order"} },
	} {
		if _, err := s.try(change); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}
