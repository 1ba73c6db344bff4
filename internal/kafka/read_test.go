package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Only committed records of the spans come, each once and in order, until there
// are enough; spans whose end is aborted data or a marker end without waiting.
func TestRead(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		topic := kafkatest.Topic(t, brokers, "read", 3)
		client := kafkatest.Client(t, brokers, kgo.TransactionalID(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		next := 0
		transact := func(n int, end kgo.TransactionEndTry) {
			t.Helper()
			if err := client.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			for range n {
				for p := range int32(2) { // the third stays empty
					header := kgo.RecordHeader{Key: "n", Value: fmt.Append(nil, next)}
					client.Produce(t.Context(), &kgo.Record{Topic: topic, Partition: p, Value: fmt.Append(nil, next), Headers: []kgo.RecordHeader{header}}, nil)
				}
				if end == kgo.TryCommit {
					next++
				}
			}
			if err := errors.Join(client.Flush(t.Context()), client.EndTransaction(t.Context(), end)); err != nil {
				t.Fatal(err)
			}
		}
		for range 5 {
			transact(40, kgo.TryCommit)
			transact(30, kgo.TryAbort)
		}
		config := kafka.Config{Brokers: brokers}
		var spans []kafka.Span
		kafkatest.Eventually(t, 20*time.Second, "all is stable", func() (bool, error) {
			var err error
			spans, err = kafka.Spans(t.Context(), client, topic)
			return len(spans) == 3 && spans[0].To == 360 && spans[1].To == 360, err
		})
		counts, err := kafka.CountRecords(t.Context(), config, 1<<40, spans...)
		if err != nil || fmt.Sprint(counts) != "[200 200 0]" {
			t.Errorf("%v records are counted (%v)", counts, err)
		}
		if counts, err = kafka.CountRecords(t.Context(), config, 7, spans...); err != nil || fmt.Sprint(counts) != "[7 7 0]" {
			t.Errorf("up to 7, %v records are counted (%v)", counts, err)
		}
		spans[0].From, spans[0].To = 41, 112 // what was aborted first, and the second transaction without its marker
		var got [3]int
		var kept []*kgo.Record
		err = kafka.Read(t.Context(), config, spans, func(span int, r *kgo.Record) bool {
			got[span]++
			kept = append(kept, r)
			return span == 1 && got[1] == 50
		})
		if err != nil || got != [3]int{40, 50, 0} {
			t.Errorf("%v records come (%v)", got, err)
		}
		last := map[int32]int{0: 39, 1: -1}
		for _, r := range kept {
			want := fmt.Sprint(last[r.Partition] + 1)
			if string(r.Value) != want || len(r.Headers) != 1 || string(r.Headers[0].Value) != want {
				t.Fatalf("p%d@%d is %s with %v where %s is next", r.Partition, r.Offset, r.Value, r.Headers, want)
			}
			last[r.Partition]++
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := kafka.Read(ctx, config, spans, func(int, *kgo.Record) bool { return false }); !errors.Is(err, context.Canceled) {
			t.Errorf("a read that is cancelled: %v", err)
		}
	})
}
