package producer

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"inv/internal/broker"
	"inv/internal/kafka"
	"inv/internal/kafkatest"
	"inv/internal/scenario"

	"github.com/twmb/franz-go/pkg/kgo"
)

// ordersTo returns the inventory scenario's orders, written to a topic of the test.
func ordersTo(t *testing.T, topic string) *Plan {
	t.Helper()
	sc := shipped(t, "inventory")
	for i := range sc.Topics {
		if sc.Topics[i].Alias == "orders" {
			sc.Topics[i].Name = topic
		}
	}
	return compiled(t, sc, "orders")
}

// The topic has the records that the summary counts, with their partitions, headers and
// timestamps, even those of another year.
func TestKafkaSink(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		topic := kafkatest.Topic(t, brokers, "orders", 6)
		sink, err := NewKafkaSink(kafkatest.Client(t, brokers, KafkaOptions()...), 20*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer sink.Close()
		plan := ordersTo(t, topic)
		o := Options{Start: testStart, Count: 2000, Partitions: map[string]int{topic: 6}, Workers: 2}
		s, err := Run(t.Context(), plan, o, sink)
		if err != nil || s.Acknowledged != 2000 || s.Failed != 0 || s.Bytes == 0 {
			t.Fatalf("%+v, %v", s, err)
		}
		want := &collect{}
		if _, err := Run(t.Context(), plan, o, want); err != nil {
			t.Fatal(err)
		}
		wanted := map[string]Record{}
		for _, r := range want.records {
			wanted[string(r.Key)] = r
		}
		client := kafkatest.Client(t, brokers, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		for got := 0; got < 2000; {
			fetches := client.PollFetches(t.Context())
			if err := fetches.Err(); err != nil {
				t.Fatal(err)
			}
			fetches.EachRecord(func(r *kgo.Record) {
				got++
				w := wanted[string(r.Key)]
				if string(w.Value) != string(r.Value) || w.Partition != r.Partition || w.At != r.Timestamp.UnixMilli() || len(w.Headers) != len(r.Headers) {
					t.Errorf("%s at partition %d: %s", r.Key, r.Partition, r.Value)
				}
			})
		}
	})
}

// A broker that stops ends the run with an error, and each record is counted once:
// acknowledged, sent without an acknowledgement, or never sent.
func TestBrokerStops(t *testing.T) {
	for _, workers := range []int{1, 4} {
		t.Run(strconv.Itoa(workers)+" workers", func(t *testing.T) {
			t.Parallel()
			brokerStops(t, workers)
		})
	}
}

func brokerStops(t *testing.T, workers int) {
	b, err := broker.Start(broker.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	defer func() {
		if !closed {
			b.Close()
		}
	}()
	client, err := kafka.Connect(t.Context(), kafka.Config{Brokers: []string{b.Addr()}}, KafkaOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := kafka.EnsureTopics(t.Context(), client, kafka.TopicSpec{Name: "gone", Partitions: 6}); err != nil {
		t.Fatal(err)
	}
	sink, err := NewKafkaSink(client, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	rate := scenario.Rate{Count: scenario.Number{Units: 2000}, Per: time.Second}
	s, err := Run(t.Context(), ordersTo(t, "gone"), Options{Rate: &rate, Workers: workers, Faults: faultsOf(t, "malformed=50%"), Progress: func(p Progress) {
		if p.Acknowledged > 200 && !closed {
			closed = true
			b.Close()
		}
	}}, sink)
	if err == nil || !strings.Contains(err.Error(), "producing to") {
		t.Fatalf("%+v, %v", s, err)
	}
	if s.Acknowledged <= 200 || s.Acknowledged+s.Failed != s.Sent || s.Sent > s.Made {
		t.Errorf("made %d, sent %d, acknowledged %d, failed %d", s.Made, s.Sent, s.Acknowledged, s.Failed)
	}
	if wrong := s.Faults["malformed"]; wrong > s.Sent || wrong < s.Sent/3 {
		t.Errorf("of %d records sent, %d are counted as malformed, want about half", s.Sent, wrong)
	}
}

// A record with the fault oversize arrives, and is larger than brokers accept by default:
// a topic that is created accepts it, one that exists and does not is refused.
func TestOversizeArrives(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		name := kafkatest.Name(t, "large")
		client := kafkatest.Client(t, brokers, kgo.ConsumeTopics(name), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxPartitionBytes(8<<20), kgo.FetchMaxBytes(8<<20))
		kafkatest.DeleteAfter(t, client, name)
		plan, faults := ordersTo(t, name), faultsOf(t, "oversize=100%")
		out, err := OpenKafka(t.Context(), kafka.Config{Brokers: brokers}, plan, "inv", faults)
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		if _, err := Run(t.Context(), plan, Options{Start: testStart, Count: 2, Partitions: out.Partitions, Faults: faults}, out); err != nil {
			t.Fatal(err)
		}
		for got := 0; got < 2; {
			fetches := client.PollFetches(t.Context())
			if err := fetches.Err(); err != nil {
				t.Fatal(err)
			}
			fetches.EachRecord(func(r *kgo.Record) {
				if got++; len(r.Value) <= 1<<20 {
					t.Errorf("a record of %d bytes", len(r.Value))
				}
			})
		}
		small := kafkatest.Topic(t, brokers, "small", 1, "max.message.bytes=1000000")
		var tooLarge *TooLargeError
		if _, err := OpenKafka(t.Context(), kafka.Config{Brokers: brokers}, ordersTo(t, small), "inv", faults); !errors.As(err, &tooLarge) || tooLarge.Limit != 1000000 {
			t.Errorf("%v", err)
		}
	})
}
