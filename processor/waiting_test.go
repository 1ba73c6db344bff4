package processor_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A drain behind a transaction that somebody has left open says which, where and since
// when, and goes on when it ends.
func TestDrainSaysThatATransactionIsOpen(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers)
		s.create()
		s.write(s.catalogRecords(catalogOf(3))...)
		id := s.prefix + "-left-open"
		producer := kafkatest.Client(t, brokers, kgo.TransactionalID(id), kgo.TransactionTimeout(5*time.Minute), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if err := producer.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		r := s.record("orders", "o", goodOrder)
		r.Partition = 2
		if err := producer.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
		log, ended := newSaid(), make(chan error, 1)
		go func() {
			_, err := s.try(func(c *config) { c.Log = slog.New(log) })
			ended <- err
		}()
		number, _, err := producer.ProducerID(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		log.wait(t, "waiting", "stage=ingest", "an open transaction in "+s.topic("orders")+"/2 from offset 0 since "+time.Now().UTC().Format("2006-01-02"),
			id, fmt.Sprintf("producer id %d", number))
		if log.has("hanging") {
			t.Error("it is said to hang")
		}
		if err := producer.EndTransaction(t.Context(), kgo.TryAbort); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		s.prove()
	})
}

// A drain behind a receipt that is due later says until when it waits.
func TestDrainSaysUntilWhenAReceiptIsDue(t *testing.T) {
	s := newSystem(t, kafkatest.Embedded(t))
	s.create()
	products := catalogOf(2)
	products[0].InitialStock, products[1].InitialStock = 0, 100
	s.write(s.catalogRecords(products)...)
	log, ended := newSaid(), make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	earliest := time.Now().Add(5 * time.Minute)
	go func() {
		cfg := s.config()
		cfg.LeadTime, cfg.Log = 5*time.Minute, slog.New(log)
		_, err := cfg.run(ctx)
		ended <- err
	}()
	log.wait(t, "waiting", "stage=procurement", "1 receipt of "+s.topic("reorders")+"/", "which is due at ")
	latest := time.Now().Add(5 * time.Minute)
	due := strings.TrimSuffix(strings.TrimSpace(log.after("which is due at ")), `"`)
	if at, err := time.Parse(time.RFC3339, due); err != nil || at.Before(earliest.Truncate(time.Second)) || at.After(latest) {
		t.Errorf("due at %q, %v; it must be between %s and %s", due, err, earliest, latest)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
