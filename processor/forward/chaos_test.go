package forward_test

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"inv/internal/event"
	"inv/internal/kafka"
	"inv/internal/kafkatest"
	"inv/processor/forward"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Whatever fails now and then, each record is delivered at least once, and in the order of
// its lane.
func TestAtLeastOnceUnderErrors(t *testing.T) {
	r := newRig(t, 1, 3)
	r.produce(0, 2000, 3, 60)
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(3, 3))
	s := &letterBox{send: func(context.Context, *forward.Record) error {
		mu.Lock()
		defer mu.Unlock()
		if random.IntN(12) == 0 { // six failures in a row would be poison
			return &forward.RetryError{After: time.Millisecond, Err: errors.New("503")}
		}
		return nil
	}}
	cfg := r.config()
	cfg.Rand = func() float64 { return 0.001 }
	summary := r.run(cfg, s)
	inOrder(t, s.got, 0, 2000, 60, true)
	if s.overlaps > 0 || summary.Letters() > 0 || summary.Failures == 0 {
		t.Errorf("%d overlaps, %+v", s.overlaps, summary)
	}
}

// Members come and go while records are delivered: nothing is missing, and lanes keep their
// order but for what comes again.
func TestRebalances(t *testing.T) {
	onEach(t, 1, 6, func(t *testing.T, r *rig) {
		const n = 6000
		s := &letterBox{send: func(context.Context, *forward.Record) error {
			return kafka.Pause(t.Context(), 500*time.Microsecond)
		}}
		var running sync.WaitGroup
		start := func(drain bool) (stop func()) {
			ctx, cancel := context.WithCancel(t.Context())
			cfg := r.config()
			cfg.Drain = drain
			running.Go(func() {
				if summary, err := forward.Run(ctx, cfg, s); err != nil {
					t.Errorf("%v, %+v", err, summary)
				}
			})
			return cancel
		}
		first := start(false)
		stops := []func(){}
		for i := range 3 {
			r.produce(i*n/3, n/3, 6, 60)
			stops = append(stops, start(false))
			s.await(t, (i+1)*n/6)
		}
		first()
		stops[1]()
		s.awaitAll(t, n)
		stops[0]()
		stops[2]()
		running.Wait()
		inOrder(t, s.got, 0, n, 60, false)
		if len(s.got) > n+n/10 {
			t.Errorf("%d of %d records came again", len(s.got)-n, n)
		}
	})
}

func (s *letterBox) await(t *testing.T, n int) {
	t.Helper()
	kafkatest.Eventually(t, 60*time.Second, strconv.Itoa(n)+" records", func() (bool, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.got) >= n, nil
	})
}

// awaitAll waits for n different records.
func (s *letterBox) awaitAll(t *testing.T, n int) {
	t.Helper()
	kafkatest.Eventually(t, 60*time.Second, strconv.Itoa(n)+" different records", func() (bool, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.got) < n {
			return false, nil
		}
		seen := map[string]bool{}
		for _, v := range s.got {
			seen[v] = true
		}
		return len(seen) >= n, nil
	})
}

// Records of aborted transactions never appear, and don't hold a drain back.
func TestAbortedRecords(t *testing.T) {
	onEach(t, 1, 1, func(t *testing.T, r *rig) {
		client := kafkatest.Client(t, r.brokers, kgo.TransactionalID("tx"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		want := 0
		for i := range 20 {
			if err := client.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			commit := kgo.TransactionEndTry(i%3 != 0)
			value := "aborted"
			if commit {
				value = strconv.Itoa(want)
				want++
			}
			if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: r.topics[0], Value: []byte(value)}).FirstErr(); err != nil {
				t.Fatal(err)
			}
			if err := client.EndTransaction(t.Context(), commit); err != nil {
				t.Fatal(err)
			}
		}
		s := &letterBox{}
		r.run(r.config(), s)
		inOrder(t, s.got, 0, want, 1, true)
		table := newTable()
		cfg := r.config()
		cfg.Name = "other"
		r.run(cfg, newShelf(table))
		table.exactlyOnce(t, want)
	})
}

// A topic that was deleted and recreated is refused, between runs and during one.
func TestRecreatedTopic(t *testing.T) {
	onEach(t, 2, 1, func(t *testing.T, r *rig) {
		r.produce(0, 10, 1, 1)
		s := &letterBox{}
		r.run(r.config(), s)
		recreate := func() {
			t.Helper()
			if _, err := kafka.DeleteTopics(t.Context(), r.client, r.topics[0]); err != nil {
				t.Fatal(err)
			}
			if _, err := kafka.EnsureTopics(t.Context(), r.client, kafka.TopicSpec{Name: r.topics[0], Partitions: 1}); err != nil {
				t.Fatal(err)
			}
		}
		recreate()
		var recreated *forward.RecreatedError
		if _, err := forward.Run(t.Context(), r.config(), s); !errors.As(err, &recreated) || recreated.Topic != r.topics[0] {
			t.Errorf("between runs: %v", err)
		}
		cfg := r.config()
		cfg.Name, cfg.Drain = "other", false
		ended := make(chan error, 1)
		stats := &forward.Stats{}
		cfg.Stats = stats
		go func() {
			_, err := forward.Run(t.Context(), cfg, s)
			ended <- err
		}()
		kafkatest.Eventually(t, 20*time.Second, "partitions", func() (bool, error) { return stats.Summary().IsReady(), nil })
		recreate()
		select {
		case err := <-ended:
			var gone *forward.NoTopicError
			if !errors.As(err, &recreated) && !errors.As(err, &gone) {
				t.Errorf("during one: %v", err)
			}
		case <-time.After(30 * time.Second):
			t.Error("it goes on")
		}
	})
}

// Once its context has ended, Run finishes what is under way, commits and returns, also if
// the receiver doesn't answer.
func TestShutdown(t *testing.T) {
	for _, c := range []struct {
		name  string
		hangs bool
	}{{"answers", false}, {"hangs", true}} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, 1, 1)
			r.produce(0, 100, 1, 1)
			ctx, cancel := context.WithCancel(t.Context())
			began := make(chan struct{}, 100)
			s := &letterBox{send: func(send context.Context, r *forward.Record) error {
				if string(r.Value) != "10" {
					return nil
				}
				began <- struct{}{}
				if c.hangs {
					<-send.Done()
					return send.Err()
				}
				return kafka.Pause(send, 300*time.Millisecond)
			}}
			cfg := r.config()
			cfg.Drain = false
			ended := make(chan error, 1)
			go func() {
				_, err := forward.Run(ctx, cfg, s)
				ended <- err
			}()
			<-began
			cancel()
			select {
			case err := <-ended:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("it has not returned after 10 s")
			}
			want := int64(11)
			if c.hangs {
				want = 10
			}
			offsets, err := kadm.NewClient(r.client).FetchOffsets(t.Context(), forward.GroupID(r.app, "sink"))
			if at, ok := offsets.Lookup(r.topics[0], 0); err != nil || !ok || at.At != want {
				t.Errorf("committed %v, %v; want %d", at.At, err, want)
			}
		})
	}
}

// A record of the retry topic stands for the one that it was, and one that is refused again
// is a letter of that one.
func TestReplayedRecord(t *testing.T) {
	r := newRig(t, 1, 1)
	cfg := r.config()
	cfg.JSON = true
	var seen []forward.Record
	s := &letterBox{send: func(_ context.Context, r *forward.Record) error {
		seen = append(seen, *r)
		return &forward.RecordError{Reason: forward.Refused, Err: errors.New("400")}
	}}
	if _, err := kafka.EnsureTopics(t.Context(), r.client, forward.Topics(r.app, "sink")...); err != nil {
		t.Fatal(err)
	}
	header := func(key, value string) kgo.RecordHeader { return kgo.RecordHeader{Key: key, Value: []byte(value)} }
	replayed := &kgo.Record{Topic: forward.RetryTopic(r.app, "sink"), Key: []byte("k"), Value: []byte(`{"a":1}`), Timestamp: time.UnixMilli(1000), Headers: []kgo.RecordHeader{
		header("ce_id", "x"), header(event.HeaderDLQTopic, "t0"), header(event.HeaderDLQPartition, "5"), header(event.HeaderDLQOffset, "77"),
		header(event.HeaderDLQRecipient, "a@example.com"), header(event.HeaderDLQReplay, "app-forward-sink.dlq/0@3"),
	}}
	if err := r.client.ProduceSync(t.Context(), replayed).FirstErr(); err != nil {
		t.Fatal(err)
	}
	r.run(cfg, s)
	if len(seen) != 1 {
		t.Fatalf("%d tries", len(seen))
	}
	got := seen[0]
	if got.Alias != "a0" || got.Topic != "t0" || got.Partition != 5 || got.Offset != 77 || got.Recipient != "a@example.com" || got.At.Topic != replayed.Topic || got.At.Offset != 0 || got.Time != 1000 || string(got.JSON) != `{"a":1}` {
		t.Errorf("%+v", got)
	}
	letters := r.read(forward.DeadLetterTopic(r.app, "sink"))
	if len(letters) != 1 {
		t.Fatalf("%d letters", len(letters))
	}
	var first []string
	for _, h := range letters[0].Headers[:9] {
		first = append(first, h.Key+"="+string(h.Value))
	}
	want := "dlq-topic=t0 dlq-partition=5 dlq-offset=77 dlq-timestamp=1000 dlq-stage=forward-sink dlq-reason=refused dlq-replay-to=app-forward-sink.retry dlq-recipient=a@example.com dlq-message=400"
	if got := strings.Join(first, " "); got != want {
		t.Errorf("headers of the letter:\n%s, want\n%s", got, want)
	}
}

// Where, lanes and what they refuse.
func TestWhereAndLane(t *testing.T) {
	for _, store := range []bool{false, true} {
		r := newRig(t, 1, 1)
		r.produce(0, 100, 1, 7)
		cfg := r.config()
		cfg.Where = func(r *forward.Record) (bool, error) {
			n, err := strconv.Atoi(string(r.JSON))
			if n%10 == 3 {
				return false, &forward.RecordError{Reason: forward.Expression, Err: errors.New("three")}
			}
			return n%2 == 1, err
		}
		var sink forward.Sink
		s, table := &letterBox{}, newTable()
		if sink = s; store {
			sink = newShelf(table)
		} else {
			cfg.Lane = func(dst []byte, r *forward.Record) ([]byte, bool, error) { return append(dst, "all"...), true, nil }
		}
		summary := r.run(cfg, sink)
		var without, letters []int
		for i := range 100 {
			if i%2 == 0 || i%10 == 3 {
				without = append(without, i)
			}
			if i%10 == 3 {
				letters = append(letters, i)
			}
		}
		if store {
			table.exactlyOnce(t, 100, without...)
		} else {
			inOrder(t, s.got, 0, 100, 1, true, without...)
		}
		var got []int
		for _, l := range r.letters() {
			n, _, _ := strings.Cut(l, " ")
			i, err := strconv.Atoi(n)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, i)
		}
		if !slices.Equal(got, letters) || summary.Dropped != 50 || summary.Delivered != 40 {
			t.Errorf("store %v: letters %v, %+v", store, got, summary)
		}
	}
}

// A sink with `start: latest` begins at the end, also if it is restarted before the first
// record, and does not pass over what comes while it is away.
func TestStartsLatest(t *testing.T) {
	r := newRig(t, 1, 2)
	r.produce(0, 100, 2, 10)
	cfg := r.config()
	cfg.Latest = true
	s := &letterBox{}
	r.run(cfg, s)
	r.produce(100, 50, 2, 10)
	r.run(cfg, s)
	inOrder(t, s.got, 100, 50, 10, true)
}

// New partitions are read from their start.
func TestNewPartitions(t *testing.T) {
	r := newRig(t, 1, 1)
	r.produce(0, 10, 1, 1)
	s := &letterBox{}
	ctx, cancel := context.WithCancel(t.Context())
	cfg := r.config()
	cfg.Drain = false
	ended := make(chan error, 1)
	go func() {
		_, err := forward.Run(ctx, cfg, s)
		ended <- err
	}()
	s.await(t, 10)
	if err := kafka.GrowTopic(t.Context(), r.client, r.topics[0], 2); err != nil {
		t.Fatal(err)
	}
	client := kafkatest.Client(t, r.brokers, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: r.topics[0], Partition: 1, Value: []byte("10")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	s.await(t, 11)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A preview shows what would be delivered from the group's position on, and changes nothing.
func TestPreview(t *testing.T) {
	r := newRig(t, 1, 1)
	r.produce(0, 3, 1, 1)
	show := func(sink forward.Sink) string {
		t.Helper()
		var out strings.Builder
		cfg := r.config()
		cfg.Where = func(r *forward.Record) (bool, error) {
			if string(r.Value) == "1" {
				return false, &forward.RecordError{Reason: forward.Expression, Err: errors.New("one")}
			}
			return true, nil
		}
		if err := forward.Preview(t.Context(), cfg, sink, &out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	want := "# t0/0@0\n0\n# t0/0@1 expression: one\n# t0/0@2\n2\n"
	if got := show(&letterBox{}); got != want {
		t.Errorf("%q", got)
	}
	if got := show(newShelf(newTable())); got != want {
		t.Errorf("%q", got)
	}
	r.run(r.config(), &letterBox{})
	if got := show(&letterBox{}); got != "" {
		t.Errorf("after all is delivered: %q", got)
	}
}

// Records that retention deletes before they were read are logged as lost, and the sink goes
// on behind them.
func TestLostRecords(t *testing.T) {
	r := newRig(t, 1, 1)
	const n = 20_000
	padding := strings.Repeat(" ", 1000) // so that the client has not read all of it
	for i := range n {
		r.client.Produce(t.Context(), &kgo.Record{Topic: r.topics[0], Value: []byte(strconv.Itoa(i) + padding)}, nil)
	}
	if err := r.client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	hold := make(chan struct{})
	s := &letterBox{send: func(context.Context, *forward.Record) error { <-hold; return nil }}
	cfg := r.config()
	log := &logBook{}
	cfg.Log, cfg.Stats = slog.New(slog.NewTextHandler(log, nil)), &forward.Stats{}
	var running sync.WaitGroup
	running.Go(func() { r.run(cfg, s) })
	kafkatest.Eventually(t, 20*time.Second, "a full memory", func() (bool, error) { return cfg.Stats.Summary().Unfinished >= 5000, nil })
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: r.topics[0], Partition: 0, At: n - 100})
	if responses, err := kadm.NewClient(r.client).DeleteRecords(t.Context(), offsets); err != nil || responses.Error() != nil {
		t.Fatal(err, responses.Error())
	}
	close(hold)
	running.Wait()
	if got := s.got; len(got) < 5100 || len(got) >= n || got[len(got)-100] != strconv.Itoa(n-100)+padding || got[len(got)-1] != strconv.Itoa(n-1)+padding {
		t.Errorf("%d records, the last %.9s", len(got), got[len(got)-1])
	}
	if text := log.String(); !strings.Contains(text, "records are lost") || !strings.Contains(text, "to=19900") {
		t.Errorf("it logs %s", text)
	}
}
