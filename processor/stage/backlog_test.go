package stage_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafkatest"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Large records come in several fetches, and all that were there at the first one are
// one transaction: ending one takes longer than waiting for the next fetch.
func TestTransactionTakesWhatIsKnownToBeThere(t *testing.T) {
	const records = 20
	brokers := kafkatest.Embedded(t)
	in := kafkatest.Topic(t, brokers, "in", 1)
	client := kafkatest.Client(t, brokers, kgo.ProducerBatchCompression(kgo.NoCompression()))
	for range records { // each is a batch, and few of them fit into a fetch
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: in, Value: bytes.Repeat([]byte("large"), 10_000)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	topics, err := kadm.NewClient(client).ListTopics(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	first := consumed(make(chan int, 1))
	done := make(chan error, 1)
	go func() {
		done <- stage.NewWorker(stage.Config{
			Name: "large", Kafka: kafka.Config{Brokers: brokers}, Group: in, TransactionalID: in, Sources: []string{in}, TopicIDs: map[string]kadm.TopicID{in: topics[in].ID},
			Stamp: func(int64, string) string { return "" }, CommitEvery: time.Minute, MaxPoll: 1000, StopWithin: time.Second,
			Log: slog.New(slog.DiscardHandler), Now: time.Now, Observer: first,
		}, idle{}).Run(ctx)
	}()
	select {
	case n := <-first:
		if n != records {
			t.Errorf("the first transaction has %d records of %d", n, records)
		}
	case err := <-done:
		t.Fatal("the worker ended:", err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// consumed gets the number of records of the first transaction.
type consumed chan int

func (c consumed) Transaction(_ bool, n, _ int, _ time.Duration) {
	select {
	case c <- n:
	default:
	}
}
func (consumed) Partitions(int, int) {}
func (consumed) Rebuilt(error)       {}

// idle is a stage that does nothing.
type idle struct{}

func (idle) Start(_ context.Context, _ stage.Source, committed int64) (stage.Partition, int64, error) {
	return idle{}, committed, nil
}
func (idle) Process(context.Context, *stage.Tx, *kgo.Record) error { return nil }
func (idle) Seal(*stage.Tx) error                                  { return nil }
func (idle) Commit()                                               {}
func (idle) Rollback()                                             {}
func (idle) Close()                                                {}
