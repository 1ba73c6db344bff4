package verify_test

import (
	"bytes"
	"strings"
	"testing"

	"inv/inspect/verify"
	"inv/internal/event"
	"inv/internal/kafka"
	"inv/internal/kafkatest"
	"inv/processor"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Dead letters as the processor makes them, cut or not, are right, and wrong if
// anything in them is changed.
func TestProcessorsDeadLetters(t *testing.T) {
	brokers := kafkatest.Embedded(t)
	client := kafkatest.Client(t, brokers, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	header := func(key, value string) kgo.RecordHeader { return kgo.RecordHeader{Key: key, Value: []byte(value)} }
	long := strings.Repeat("long ", 200)
	records := []*kgo.Record{
		{Value: []byte("[")},
		{Value: []byte{}},
		{Key: []byte{}, Value: []byte("[")},
		{Key: []byte("key"), Value: []byte("[" + long)},
		{Key: []byte(long), Value: []byte("[")},
		{Key: []byte("key"), Value: []byte("[" + long), Headers: []kgo.RecordHeader{header("a", ""), {Key: "b"}, header("a", "1")}},
		{Key: []byte("key"), Value: []byte("["), Headers: []kgo.RecordHeader{header(event.HeaderDLQTruncated, "9"), header(event.HeaderDLQTopic, "x")}},
		{Key: []byte("key"), Value: []byte("[" + long), Headers: []kgo.RecordHeader{header(event.HeaderDLQTruncated, "9")}},
		{Key: []byte("key"), Value: []byte("["), Headers: []kgo.RecordHeader{header(event.HeaderDLQReplay, "x.dlq/0@1"), header(event.HeaderDLQHistory, long)}},
	}
	for _, maxBytes := range []int{1 << 20, 1500, 700, 0} {
		app := kafkatest.Name(t, "letters")
		topics := verify.Topics{Catalog: app + ".c", Orders: app + ".o", Receipts: app + ".r", Updates: app + ".u", Reorders: app + ".re", Alerts: app + ".a"}
		if _, err := kafka.EnsureTopics(t.Context(), client, kafka.TopicSpec{Name: topics.Orders, Partitions: 1},
			kafka.TopicSpec{Name: processor.DeadLetterTopic(topics.Orders), Partitions: 1}); err != nil {
			t.Fatal(err)
		}
		for i, r := range records {
			sent := *r
			sent.Topic = topics.Orders
			if err := client.ProduceSync(t.Context(), &sent).FirstErr(); err != nil {
				t.Fatal(err)
			}
			reason := event.NotJSON
			letter := processor.DeadLetter(&sent, "ingest", string(reason), "why", maxBytes)
			if err := client.ProduceSync(t.Context(), letter).FirstErr(); err != nil {
				t.Fatal(err)
			}
			report, err := verify.Run(t.Context(), client, verify.OptionsFor(app, verify.PolicyDefault, topics, nil, true))
			if err != nil {
				t.Fatal(err)
			}
			if len(report.Findings) > 0 || report.Counts.DeadLettered != int64(i+1) {
				t.Fatalf("record %d, cut to %d bytes: %+v", i, maxBytes, report.Findings)
			}
		}
		// One that follows, with its value changed in its last byte.
		sent := kgo.Record{Topic: topics.Orders, Key: []byte("key"), Value: []byte("[" + long)}
		if err := client.ProduceSync(t.Context(), &sent).FirstErr(); err != nil {
			t.Fatal(err)
		}
		letter := processor.DeadLetter(&sent, "ingest", string(event.NotJSON), "why", maxBytes)
		if letter.Value = bytes.Clone(letter.Value); len(letter.Value) == 0 {
			letter.Value = []byte("x")
		}
		letter.Value[len(letter.Value)-1]++
		if err := client.ProduceSync(t.Context(), letter).FirstErr(); err != nil {
			t.Fatal(err)
		}
		report, err := verify.Run(t.Context(), client, verify.OptionsFor(app, verify.PolicyDefault, topics, nil, true))
		if err != nil || report.Verdict != verify.Violated {
			t.Fatalf("changed, cut to %d bytes: %v, %+v", maxBytes, err, report)
		}
	}
}
