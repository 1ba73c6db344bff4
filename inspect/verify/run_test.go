package verify

import (
	"context"
	"errors"
	"testing"

	"inv/internal/kafka"
	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// write puts the history on a broker, in transactions, so that every partition
// ends with a commit marker, and makes a processor's offsets and options for it.
func (h *history) write(t *testing.T, brokers []string) Options {
	t.Helper()
	ctx := t.Context()
	o := OptionsFor(h.app, PolicyDefault, testTopics(h.prefix), testGroups(h.app, testTopics(h.prefix)), true)
	o.DedupeWindow = h.window
	client := kafkatest.Client(t, brokers, kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.TransactionalID(h.app), kgo.ProducerBatchCompression(kgo.SnappyCompression()))
	var specs []kafka.TopicSpec
	for _, name := range o.Topics.names() {
		specs = append(specs, kafka.TopicSpec{Name: name, Partitions: int(h.partitions)})
	}
	if _, err := kafka.EnsureTopics(ctx, client, specs...); err != nil {
		t.Fatal(err)
	}
	kafkatest.DeleteAfter(t, client, o.Topics.names()...)
	inTransaction(t, client, kgo.TryCommit, func() {
		for _, records := range h.records {
			for _, r := range records {
				client.Produce(ctx, r, func(_ *kgo.Record, err error) {
					if err != nil {
						t.Error(err)
					}
				})
			}
		}
	})
	// What is aborted never happened.
	inTransaction(t, client, kgo.TryAbort, func() {
		doubled := *h.records[o.Topics.Updates][0]
		client.Produce(ctx, &doubled, nil)
	})
	h.commit(t, client, o)
	return o
}

func inTransaction(t *testing.T, client *kgo.Client, end kgo.TransactionEndTry, produce func()) {
	t.Helper()
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	produce()
	if err := client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := client.EndTransaction(context.Background(), end); err != nil {
		t.Fatal(err)
	}
}

// commit commits each group's offsets behind the last data record, which is
// before the commit marker.
func (h *history) commit(t *testing.T, client *kgo.Client, o Options) {
	t.Helper()
	for _, g := range o.Groups {
		offsets := kadm.Offsets{}
		for _, topic := range g.Topics {
			for _, r := range h.records[topic] {
				offsets.Add(kadm.Offset{Topic: topic, Partition: r.Partition, At: r.Offset + 1, LeaderEpoch: -1})
			}
		}
		if err := kadm.NewClient(client).CommitAllOffsets(t.Context(), g.Name, offsets); err != nil {
			t.Fatal(err)
		}
	}
}

func brokerHistory(t *testing.T) *history {
	h := newHistory(t, 2)
	h.dense = true
	h.app = kafkatest.Name(t, "audit")
	h.prefix = h.app + "."
	return h
}

func TestRunHoldsAtRest(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		h := brokerHistory(t)
		randomHistory(h)
		o := h.write(t, brokers)
		r, err := Run(t.Context(), kafkatest.Client(t, brokers), o)
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != Holds || !r.AtRest || r.Counts.Updates == 0 {
			t.Errorf("%v at rest %v, %+v", r.seen(), r.AtRest, r.Findings)
		}
	})
}

func TestRunIsUndecidedWhileTheProcessorRuns(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		h := brokerHistory(t)
		h.product(chair)
		o := h.write(t, brokers)
		client := kafkatest.Client(t, brokers, kgo.RecordPartitioner(kgo.ManualPartitioner()))
		late := &kgo.Record{Topic: o.Topics.Orders, Value: []byte(`{"order_id":"late","items":[{"product_id":"chair","quantity":1,"unit_price":1}],"order_total":1}`)}
		if err := client.ProduceSync(t.Context(), late).FirstErr(); err != nil {
			t.Fatal(err)
		}
		r, err := Run(t.Context(), client, o)
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != Undecided || r.AtRest || len(r.Findings) > 0 {
			t.Errorf("with an order that nobody has read: %v, %+v", r.seen(), r.Findings)
		}
	})
}

func TestRunWithoutTopics(t *testing.T) {
	client := kafkatest.Client(t, kafkatest.Embedded(t))
	r, err := Run(t.Context(), client, testOptions())
	if err != nil {
		t.Fatal(err)
	}
	if r.Verdict != Undecided || len(r.Findings) > 0 {
		t.Errorf("no topics are %+v", r)
	}
}

func TestRunEndsWhenItIsTold(t *testing.T) {
	brokers := kafkatest.Embedded(t)
	h := brokerHistory(t)
	randomHistory(h)
	o := h.write(t, brokers)
	ctx, cancel := context.WithCancel(t.Context())
	o.Progress = func(int64, int64) { cancel() }
	if r, err := Run(ctx, kafkatest.Client(t, brokers), o); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", r, err)
	}
}

// A batch that unpacks to very many records is judged in parts, each order once.
func TestRunTakesManyRecordsInOneBatch(t *testing.T) {
	brokers := kafkatest.Embedded(t)
	h := brokerHistory(t)
	h.partitions = 1
	h.product(chair)
	const orders = 3*mostRows + 7
	for n := range orders {
		h.put("orders", 0, "", nil)
		if n == mostRows {
			h.order("o1", line1("chair", 1))
		}
	}
	r, err := Run(t.Context(), kafkatest.Client(t, brokers), h.write(t, brokers))
	if err != nil {
		t.Fatal(err)
	}
	if r.Verdict != Holds || r.Counts.Orders != orders+1 || r.Counts.Skipped != orders || r.Counts.Applied != 1 {
		t.Errorf("%v, %+v, %+v", r.seen(), r.Findings, r.Counts)
	}
}
