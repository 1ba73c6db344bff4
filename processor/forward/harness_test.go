package forward_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"inv/internal/event"
	"inv/internal/kafka"
	"inv/internal/kafkatest"
	"inv/processor/forward"

	"github.com/twmb/franz-go/pkg/kgo"
)

// rig is a sink's topics on a broker of its own.
type rig struct {
	t       *testing.T
	brokers []string
	client  *kgo.Client
	app     string
	topics  []string
}

func newRig(t *testing.T, topics, partitions int) *rig {
	t.Helper()
	return newRigOn(t, kafkatest.Embedded(t), "", "app", topics, partitions)
}

// onEach runs a test on an embedded broker and, if available, on Apache Kafka.
func onEach(t *testing.T, topics, partitions int, test func(t *testing.T, r *rig)) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		test(t, newRigOn(t, brokers, kafkatest.Name(t, "f")+"-", kafkatest.Name(t, "app"), topics, partitions))
	})
}

func newRigOn(t *testing.T, brokers []string, prefix, app string, topics, partitions int) *rig {
	t.Helper()
	r := &rig{t: t, brokers: brokers, app: app}
	r.client = kafkatest.Client(t, r.brokers, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	kafkatest.DeleteAfter(t, r.client, forward.DeadLetterTopic(app, "sink"), forward.RetryTopic(app, "sink"))
	for i := range topics {
		name := prefix + "t" + strconv.Itoa(i)
		r.topics = append(r.topics, name)
		kafkatest.DeleteAfter(t, r.client, name)
		if _, err := kafka.EnsureTopics(t.Context(), r.client, kafka.TopicSpec{Name: name, Partitions: partitions}); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func (r *rig) config() forward.Config {
	cfg := forward.Config{Kafka: kafka.Config{Brokers: r.brokers}, App: r.app, Name: "sink", Drain: true, Log: testLog(r.t)}
	for i, name := range r.topics {
		cfg.Sources = append(cfg.Sources, forward.Source{Alias: "a" + strconv.Itoa(i), Topic: name})
	}
	return cfg
}

func testLog(t testing.TB) *slog.Logger {
	if !testing.Verbose() {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("test", t.Name())
}

// produce writes n records, numbered from first on, to all partitions in turn, with keys.
func (r *rig) produce(first, n, partitions, keys int) {
	r.t.Helper()
	records := make([]*kgo.Record, 0, n)
	for i := first; i < first+n; i++ {
		key := i % keys
		records = append(records, &kgo.Record{Topic: r.topics[0], Partition: int32(key % partitions), Key: []byte("k" + strconv.Itoa(key)), Value: []byte(strconv.Itoa(i))})
	}
	if err := r.client.ProduceSync(r.t.Context(), records...).FirstErr(); err != nil {
		r.t.Fatal(err)
	}
}

// run runs a sink until it is drained.
func (r *rig) run(cfg forward.Config, sink forward.Sink) forward.Summary {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 60*time.Second)
	defer cancel()
	summary, err := forward.Run(ctx, cfg, sink)
	if err != nil || ctx.Err() != nil {
		r.t.Fatalf("%v (%v), %+v", err, ctx.Err(), summary)
	}
	return summary
}

// settled waits until the transactions that killed processes have left open are aborted,
// which hide the dead letters behind them.
func (r *rig) settled() {
	r.t.Helper()
	topic := forward.DeadLetterTopic(r.app, "sink")
	kafkatest.Eventually(r.t, 60*time.Second, "the end of all transactions", func() (bool, error) {
		ends, err := kafka.Ends(r.t.Context(), r.client, topic)
		if err != nil {
			return false, err
		}
		stable, err := kafka.StableEnds(r.t.Context(), r.client, topic)
		return maps.Equal(ends, stable), err
	})
}

// letters returns the values of the dead letters, with their reasons.
func (r *rig) letters() (all []string) {
	r.t.Helper()
	for _, l := range r.read(forward.DeadLetterTopic(r.app, "sink")) {
		reason, _ := event.FirstHeader(l.Headers, event.HeaderDLQReason)
		all = append(all, string(l.Value)+" "+string(reason))
	}
	return all
}

// read returns the committed records of a topic.
func (r *rig) read(topic string) (records []*kgo.Record) {
	r.t.Helper()
	spans, err := kafka.Spans(r.t.Context(), r.client, topic)
	if err != nil {
		r.t.Fatal(err)
	}
	err = kafka.Read(r.t.Context(), kafka.Config{Brokers: r.brokers}, spans, func(_ int, record *kgo.Record) bool {
		records = append(records, record)
		return false
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return records
}

// letterBox is a Sender that remembers what it was sent.
type letterBox struct {
	mu       sync.Mutex
	got      []string // values, in the order in which they were accepted
	records  []*forward.Record
	underWay map[string]bool // by partition and key
	overlaps int
	send     func(ctx context.Context, r *forward.Record) error // nil: accepts
	compose  func(c *forward.Cut) error
}

type parcel struct{ cut *forward.Cut }

func (p parcel) Recipient() string { return "" }

func (p parcel) Show(w io.Writer) error {
	for _, r := range p.cut.Records {
		if _, err := fmt.Fprintf(w, "%s\n", r.Value); err != nil {
			return err
		}
	}
	return nil
}

func (s *letterBox) Compose(c *forward.Cut) ([]forward.Message, error) {
	if s.compose != nil {
		if err := s.compose(c); err != nil {
			return nil, err
		}
	}
	return []forward.Message{parcel{c}}, nil
}

func (s *letterBox) Send(ctx context.Context, m forward.Message) error {
	cut := m.(parcel).cut
	lane := func(r *forward.Record) string { return fmt.Sprintf("%d %s", r.Partition, r.Key) }
	s.mu.Lock()
	if s.underWay == nil {
		s.underWay = map[string]bool{}
	}
	for _, r := range cut.Records {
		if s.underWay[lane(r)] && !cut.Grouped {
			s.overlaps++
		}
		s.underWay[lane(r)] = true
	}
	s.mu.Unlock()
	var err error
	for _, r := range cut.Records {
		if s.send != nil {
			err = errors.Join(err, s.send(ctx, r))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range cut.Records {
		delete(s.underWay, lane(r))
		if err == nil {
			s.got = append(s.got, string(r.Value))
			s.records = append(s.records, r)
		}
	}
	return err
}

func (s *letterBox) Check(context.Context) error { return nil }
func (s *letterBox) Close() error                { return nil }

// inOrder fails unless the numbers of each key are what was produced, in order; without
// once, they may go back and come again.
func inOrder(t *testing.T, got []string, first, n, keys int, once bool, without ...int) {
	t.Helper()
	next := map[int]int{}
	seen := map[int]bool{}
	for _, text := range got {
		i, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		key := i % keys
		if want, ok := next[key]; ok && (once && i != want || i > want && !slices.Contains(without, want)) {
			t.Fatalf("%d came, not %d", i, want)
		}
		seen[i] = true
		for next[key] = i + keys; slices.Contains(without, next[key]); next[key] += keys {
		}
	}
	for i := first; i < first+n; i++ {
		if seen[i] == slices.Contains(without, i) {
			t.Fatalf("%d: seen %v", i, seen[i])
		}
	}
}
