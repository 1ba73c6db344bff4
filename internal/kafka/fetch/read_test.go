package fetch_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafka/fetch"
	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// writer writes values to a partition, each in a transaction of its own.
type writer struct {
	t      *testing.T
	client *kgo.Client
	topic  string
}

func newWriter(t *testing.T, brokers []string, topic string) *writer {
	return &writer{t, kafkatest.Client(t, brokers, kgo.TransactionalID(kafkatest.Name(t, "w")), kgo.RecordPartitioner(kgo.ManualPartitioner())), topic}
}

func (w *writer) begin(partition int32, value string) {
	w.t.Helper()
	if err := w.client.BeginTransaction(); err != nil {
		w.t.Fatal(err)
	}
	if err := w.client.ProduceSync(w.t.Context(), &kgo.Record{Topic: w.topic, Partition: partition, Value: []byte(value)}).FirstErr(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *writer) end(commit kgo.TransactionEndTry) {
	w.t.Helper()
	if err := w.client.EndTransaction(w.t.Context(), commit); err != nil {
		w.t.Fatal(err)
	}
}

func (w *writer) write(partition int32, values ...string) {
	w.t.Helper()
	for _, v := range values {
		w.begin(partition, v)
		w.end(kgo.TryCommit)
	}
}

var complete = fetch.ReadOptions{StreamOptions: fetch.StreamOptions{Complete: true}}

// A partition is read until its visitor has had enough of it, the others go on.
func TestReadUntilEnough(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		topic := kafkatest.Topic(t, brokers, "enough", 2)
		w := newWriter(t, brokers, topic)
		w.write(0, "a", "b", "c")
		w.write(1, "d", "e")
		spans := []fetch.Span{{ID: fetch.ID{Topic: topic, Partition: 0}, To: 6}, {ID: fetch.ID{Topic: topic, Partition: 1}, To: 4}}
		got := map[int32]string{}
		kafkatest.Eventually(t, 20*time.Second, "the markers are there", func() (bool, error) {
			ends, err := kafka.Spans(t.Context(), w.client, topic)
			return err == nil && ends[0].To == 6 && ends[1].To == 4, err
		})
		err := fetch.NewCluster(w.client, true).Read(t.Context(), spans, fetch.ReadOptions{}, func(r *fetch.Record) bool {
			got[r.Partition] += string(r.Value)
			return string(r.Value) != "b"
		})
		if err != nil || got[0] != "ab" || got[1] != "de" {
			t.Errorf("%v is read (%v)", got, err)
		}
	})
}

// A complete read waits for a transaction that is open below its end; another
// one ends there.
func TestACompleteReadWaitsForOpenTransactions(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		topic := kafkatest.Topic(t, brokers, "open", 1)
		var fetches fetchCounter
		reader := kafkatest.Client(t, brokers, kgo.WithHooks(&fetches))
		w := newWriter(t, brokers, topic)
		w.write(0, "a")
		w.begin(0, "b")
		read := func(o fetch.ReadOptions) string {
			var values []string
			span := fetch.Span{ID: fetch.ID{Topic: topic}, To: 3}
			err := fetch.NewCluster(reader, true).Read(t.Context(), []fetch.Span{span}, o, func(r *fetch.Record) bool {
				values = append(values, string(r.Value))
				return true
			})
			return fmt.Sprint(values, err)
		}
		if got := read(fetch.ReadOptions{}); !strings.HasPrefix(got, "[a]") {
			t.Errorf("while a transaction is open: %s", got)
		}
		ended := fetches.n.Load()
		whole := make(chan string, 1)
		go func() { whole <- read(complete) }()
		kafkatest.Eventually(t, 20*time.Second, "it has waited for longer than the other one", func() (bool, error) {
			return fetches.n.Load() > 2*ended, nil
		})
		w.end(kgo.TryCommit)
		if got := <-whole; got != "[a b] <nil>" {
			t.Errorf("a complete read: %s", got)
		}
	})
}

// fetchCounter counts fetch requests.
type fetchCounter struct{ n atomic.Int64 }

func (f *fetchCounter) OnBrokerWrite(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, _ error) {
	if key == int16(kmsg.Fetch) {
		f.n.Add(1)
	}
}

// A complete read of a topic that was recreated fails; so does following it.
func TestACompleteReadFailsWhenItsTopicIsRecreated(t *testing.T) {
	brokers := kafkatest.Embedded(t)
	client := kafkatest.Client(t, brokers)
	topic := kafkatest.Topic(t, brokers, "again", 1)
	cluster := fetch.NewCluster(client, true)
	before, err := cluster.Topics(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kafka.DeleteTopics(t.Context(), client, topic); err != nil {
		t.Fatal(err)
	}
	if _, err := kafka.EnsureTopics(t.Context(), client, kafka.TopicSpec{Name: topic, Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	for _, to := range []int64{5, fetch.Never} {
		span := fetch.Span{ID: fetch.ID{Topic: topic}, To: to, TopicID: before[topic].ID}
		err := cluster.Read(t.Context(), []fetch.Span{span}, complete, func(*fetch.Record) bool { return true })
		if err == nil || !strings.Contains(err.Error(), "recreated") {
			t.Errorf("to %d: %v", to, err)
		}
	}
}

// A complete read ends when the client is closed under it.
func TestACompleteReadEndsWithItsClient(t *testing.T) {
	brokers := kafkatest.Embedded(t)
	topic := kafkatest.Topic(t, brokers, "closed", 1)
	var fetches fetchCounter
	client := kafkatest.Client(t, brokers, kgo.WithHooks(&fetches))
	o := complete
	o.Patience = fetch.Forever
	failed := make(chan error, 1)
	go func() {
		span := fetch.Span{ID: fetch.ID{Topic: topic}, To: fetch.Never}
		failed <- fetch.NewCluster(client, true).Read(t.Context(), []fetch.Span{span}, o, func(*fetch.Record) bool { return true })
	}()
	kafkatest.Eventually(t, 20*time.Second, "it reads", func() (bool, error) { return fetches.n.Load() > 0, nil })
	client.Close()
	select {
	case err := <-failed:
		if err == nil {
			t.Error("no error")
		}
	case <-time.After(20 * time.Second):
		t.Error("it goes on")
	}
}
