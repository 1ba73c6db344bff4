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
	var first int
	transactions(t, brokers, in, 1, func(n int) { first = n })
	if first != records {
		t.Errorf("the first transaction has %d records of %d", first, records)
	}
}

// However fast records come, and however soon a transaction ends, the next one takes some
// together.
func TestTransactionsAreApart(t *testing.T) {
	const n = 20
	brokers := kafkatest.Embedded(t)
	in := kafkatest.Topic(t, brokers, "in", 1)
	client := kafkatest.Client(t, brokers, kgo.ProducerLinger(0))
	write := func(int) { client.Produce(t.Context(), &kgo.Record{Topic: in, Value: []byte("small")}, nil) }
	write(0)
	began := time.Now()
	transactions(t, brokers, in, n, write)
	if took, least := time.Since(began), (n-1)*stage.LeastApart; took < least {
		t.Errorf("%d transactions took %v, want at least %v", n, took, least)
	}
}

// transactions runs a worker on a topic until it has ended so many transactions, and calls
// each with the number of records of every one.
func transactions(t *testing.T, brokers []string, in string, n int, each func(records int)) {
	t.Helper()
	topics, err := kadm.NewClient(kafkatest.Client(t, brokers)).ListTopics(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := consumed(make(chan int, n))
	done := make(chan error, 1)
	go func() {
		done <- stage.NewWorker(stage.Config{
			Name: "large", Kafka: kafka.Config{Brokers: brokers}, Group: in, TransactionalID: in, Sources: []string{in}, TopicIDs: map[string]kadm.TopicID{in: topics[in].ID},
			Stamp: func(int64, string) string { return "" }, CommitEvery: time.Minute, MaxPoll: 1000, StopWithin: time.Second,
			Log: slog.New(slog.DiscardHandler), Now: time.Now, Observer: ended,
		}, idle{}).Run(ctx)
	}()
	for range n {
		select {
		case records := <-ended:
			each(records)
		case err := <-done:
			t.Fatal("the worker ended:", err)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// consumed gets the number of records of each transaction, until it is full.
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
