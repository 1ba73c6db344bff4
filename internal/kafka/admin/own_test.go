package admin

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func ownHeader(r *kgo.Record) bool {
	return slices.ContainsFunc(r.Headers, func(h kgo.RecordHeader) bool { return h.Key == "own" })
}

// content returns what others wrote to a topic, in the order of its partitions.
func content(t *testing.T, c *Client, topic string) (records []string) {
	t.Helper()
	spans, err := kafka.Spans(t.Context(), c.client, topic)
	if err != nil {
		t.Fatal(err)
	}
	err = kafka.Read(t.Context(), c.config, spans, func(_ int, r *kgo.Record) bool {
		records = append(records, fmt.Sprintf("%d %s %.9s %d %d %t", r.Partition, r.Key, r.Value, len(r.Value), r.Timestamp.UnixMilli(), ownHeader(r)))
		return false
	})
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// What others wrote is there at any moment, and once at the end, although the first
// tries failed after the copies were made; a record of the largest size, too.
func TestRemoveOwnKeepsWhatOthersWrote(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		c, err := Connect(t.Context(), kafka.Config{Brokers: brokers})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		topic, empty := kafkatest.Topic(t, brokers, "receipts", 2), kafkatest.Topic(t, brokers, "updates", 1)
		producer := kafkatest.Client(t, brokers, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchMaxBytes(1<<20+12), kgo.ProducerBatchCompression(kgo.NoCompression()))
		write := func(topic string, partition int32, value string, own bool) {
			t.Helper()
			r := &kgo.Record{Topic: topic, Partition: partition, Key: []byte("k"), Value: []byte(value), Timestamp: time.UnixMilli(1_700_000_000_000)}
			if own {
				r.Headers = []kgo.RecordHeader{{Key: "own"}}
			} else {
				// Others may have any header, and write the same twice.
				r.Headers = []kgo.RecordHeader{{Key: headerKept, Value: []byte("same")}, {Key: "x"}}
				if value == "twice" {
					r.Headers = nil
				}
			}
			if err := producer.ProduceSync(t.Context(), r).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		largest := strings.Repeat("l", 1<<20-100)
		write(topic, 0, "own", true)
		write(topic, 0, "twice", false)
		write(topic, 0, "twice", false)
		write(topic, 1, "other", false)
		write(topic, 1, "own", true)
		write(topic, 1, "another", false)
		write(topic, 1, largest, false)
		write(empty, 0, "own", true)

		counts, err := c.CountOwn(t.Context(), ownHeader, topic, empty, topic+"-none")
		if err != nil || len(counts) != 2 || counts[topic].Own != 2 || counts[topic].Others != 5 || counts[empty].Own != 1 || counts[empty].Others != 0 {
			t.Fatalf("%+v, %v", counts, err)
		}
		write(topic, 1, "late", false)
		if err := c.RemoveOwn(t.Context(), topic, counts[topic], ownHeader); !errors.Is(err, ErrChanged) {
			t.Errorf("a topic that has changed: %v", err)
		}
		for range 2 { // copies without an end
			spans, err := kafka.Spans(t.Context(), c.client, topic)
			if err == nil {
				err = c.copyOthers(t.Context(), topic, spans, ownHeader)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if counts, err = c.CountOwn(t.Context(), ownHeader, topic, empty); err != nil {
			t.Fatal(err)
		}
		for name, counted := range counts {
			if err := c.RemoveOwn(t.Context(), name, counted, ownHeader); err != nil {
				t.Fatal(err)
			}
		}
		const at = 1_700_000_000_000
		want := []string{
			fmt.Sprintf("0 k twice 5 %d false", at), fmt.Sprintf("0 k twice 5 %d false", at),
			fmt.Sprintf("1 k another 7 %d false", at), fmt.Sprintf("1 k late 4 %d false", at),
			fmt.Sprintf("1 k lllllllll %d %d false", len(largest), at), fmt.Sprintf("1 k other 5 %d false", at),
		}
		got := content(t, c, topic)
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("left are\n%q, want\n%q", got, want)
		}
		if lost, err := c.Lost(t.Context(), topic, empty); err != nil || len(lost) != 1 || lost[topic] == 0 {
			t.Errorf("lost %v, %v", lost, err)
		}
	})
}

// A topic whose beginning can't be deleted is left as it is.
func TestRemoveOwnLeavesACompactedTopic(t *testing.T) {
	brokers := kafkatest.Embedded(t)
	c, err := Connect(t.Context(), kafka.Config{Brokers: brokers})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	topic := kafkatest.Topic(t, brokers, "compacted", 1)
	value := "compact"
	if _, err := c.admin.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: "cleanup.policy", Value: &value}}, topic); err != nil {
		t.Fatal(err)
	}
	producer := kafkatest.Client(t, brokers)
	if err := producer.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Key: []byte("k"), Value: []byte("v")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	before := content(t, c, topic)
	counts, err := c.CountOwn(t.Context(), ownHeader, topic)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.RemoveOwn(t.Context(), topic, counts[topic], ownHeader); err == nil || !strings.Contains(err.Error(), "compact") {
		t.Errorf("a compacted topic: %v", err)
	}
	if after := content(t, c, topic); len(after) != 1 || !slices.Equal(before, after) {
		t.Errorf("%q became %q", before, after)
	}
}
