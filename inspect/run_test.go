package inspect

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafkatest"
	"inv/internal/scenario"

	"github.com/twmb/franz-go/pkg/kgo"
)

// values renders a record as its position and value.
type values struct{}

func (values) Append(dst []byte, r *Record) []byte {
	return fmt.Appendf(dst, "p%d@%d %s\n", r.Partition, r.Offset, r.Value)
}

// output collects the output of a run; wait waits for a text in it.
type output struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	grown chan struct{}
}

func newOutput() *output { return &output{grown: make(chan struct{}, 1)} }

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.grown <- struct{}{}:
	default:
	}
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

func (o *output) wait(t *testing.T, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for !strings.Contains(o.String(), text) {
		select {
		case <-o.grown:
		case <-ctx.Done():
			t.Fatalf("no %q in\n%s", text, o.String())
		}
	}
}

func testScenario(t *testing.T, topic string) *scenario.Scenario {
	t.Helper()
	s, err := scenario.Parse("test.yaml", []byte("scenario: test\ntopics:\n  things:\n    topic: "+topic+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// produce writes n records to partitions in turn, 1 ms apart.
func produce(t *testing.T, client *kgo.Client, topic string, partitions, from, n int) {
	t.Helper()
	var records []*kgo.Record
	for i := from; i < from+n; i++ {
		records = append(records, &kgo.Record{
			Topic: topic, Partition: int32(i % partitions), Value: fmt.Appendf(nil, "v%d", i),
			Timestamp: time.UnixMilli(1_700_000_000_000 + int64(i)),
		})
	}
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func producer(t *testing.T, brokers []string, opts ...kgo.Opt) *kgo.Client {
	return kafkatest.Client(t, brokers, append(opts, kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
}

func runTo(t *testing.T, brokers []string, o Options) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	client := kafkatest.Client(t, brokers, ClientOptions()...)
	out := newOutput()
	if o.Renderer == nil {
		o.Renderer = values{}
	}
	if _, err := Run(ctx, client, o, out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func lines(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") }

// The last N are those of all partitions, in time order, and the followed records have
// neither a gap nor a repeat.
func TestLastThenFollow(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		topic := kafkatest.Topic(t, brokers, "last", 3)
		p := producer(t, brokers)
		produce(t, p, topic, 3, 0, 100)
		client := kafkatest.Client(t, brokers, ClientOptions()...)
		ctx, cancel := context.WithCancel(t.Context())
		out := newOutput()
		ended := make(chan error, 1)
		go func() {
			_, err := Run(ctx, client, Options{Topics: []string{topic}, Last: 4, Follow: true, Renderer: values{}}, out)
			ended <- err
		}()
		out.wait(t, "v99")
		produce(t, p, topic, 3, 100, 2)
		out.wait(t, "v100")
		out.wait(t, "v101")
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("a following run that is stopped returns %v", err)
		}
		got := lines(out.String())
		slices.Sort(got[4:])
		want := []string{"p0@32 v96", "p1@32 v97", "p2@32 v98", "p0@33 v99", "p1@33 v100", "p2@33 v101"}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// With commit markers and aborted data between the records and at the end, the end is
// reached.
func TestUntilEndOverTransactions(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		topic := kafkatest.Topic(t, brokers, "txn", 2)
		p := producer(t, brokers, kgo.TransactionalID(topic))
		transaction := func(from, n int, end kgo.TransactionEndTry) {
			if err := p.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			produce(t, p, topic, 2, from, n)
			if err := p.EndTransaction(t.Context(), end); err != nil {
				t.Fatal(err)
			}
		}
		transaction(0, 4, kgo.TryCommit)
		for i := range 30 {
			transaction(100+i*4, 4, kgo.TryAbort)
		}
		transaction(4, 2, kgo.TryCommit)
		transaction(300, 2, kgo.TryAbort)

		all := runTo(t, brokers, Options{Topics: []string{topic}, Begin: &Begin{}, Last: -1})
		for i := range 6 {
			if !strings.Contains(all, fmt.Sprintf("v%d\n", i)) {
				t.Errorf("v%d is missing", i)
			}
		}
		if n := len(lines(all)); n != 6 {
			t.Errorf("%d lines, want the 6 committed ones:\n%s", n, all)
		}
		last := runTo(t, brokers, Options{Topics: []string{topic}, Last: 5})
		if got := strings.Fields(last); !slices.Equal([]string{got[1], got[3], got[5], got[7], got[9]}, []string{"v1", "v2", "v3", "v4", "v5"}) {
			t.Errorf("last 5: %q", got)
		}
		if n := len(lines(runTo(t, brokers, Options{Topics: []string{topic}, Begin: &Begin{}, Last: -1, Uncommitted: true}))); n != 128 {
			t.Errorf("%d lines uncommitted, want all 128", n)
		}
	})
}

// What is shown side by side is whole, and in order, when the run ends.
func TestManyRecordsToTheEnd(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		const n = 20_000
		topic := kafkatest.Topic(t, brokers, "many", 3)
		p := producer(t, brokers, kgo.ProducerBatchCompression(kgo.NoCompression()))
		produce(t, p, topic, 3, 0, n)
		got := lines(runTo(t, brokers, Options{Topics: []string{topic}, Begin: &Begin{}, Last: -1, Renderer: NewJSON(nil, nil)}))
		var next [3]int
		for _, line := range got {
			var r struct {
				Partition, Offset int
				Value             string
			}
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprintf("v%d", 3*r.Offset+r.Partition); r.Offset != next[r.Partition] || r.Value != want {
				t.Fatalf("p%d@%d %s, want @%d %s", r.Partition, r.Offset, r.Value, next[r.Partition], want)
			}
			next[r.Partition]++
		}
		if len(got) != n {
			t.Errorf("%d lines, want %d", len(got), n)
		}
	})
}

func TestEmptyTopicEnds(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		topic := kafkatest.Topic(t, brokers, "empty", 3)
		if got := runTo(t, brokers, Options{Topics: []string{topic}, Last: 10}); got != "" {
			t.Errorf("an empty topic shows %q", got)
		}
	})
}

// A run waits for a topic of the scenario that does not exist yet.
func TestWaitsForTopic(t *testing.T) {
	brokers := kafkatest.Embedded(t)
	client := kafkatest.Client(t, brokers, ClientOptions()...)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, notices := newOutput(), newOutput()
	go Run(ctx, client, Options{Topics: []string{"things"}, Scenario: testScenario(t, "later"), Last: 10, Follow: true,
		Renderer: values{}, Notice: func(text string) { fmt.Fprintln(notices, text) }}, out)
	notices.wait(t, "waiting for later")
	p := producer(t, brokers)
	if _, err := kafka.EnsureTopics(t.Context(), p, kafka.TopicSpec{Name: "later", Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	produce(t, p, "later", 1, 0, 1)
	out.wait(t, "v0")
}

func TestUnknownTopic(t *testing.T) {
	brokers := kafkatest.Embedded(t)
	client := kafkatest.Client(t, brokers, ClientOptions()...)
	_, err := Run(t.Context(), client, Options{Topics: []string{"thingz"}, Scenario: testScenario(t, "later"), Renderer: values{}}, newOutput())
	var usage *UsageError
	if !errors.As(err, &usage) || !strings.Contains(err.Error(), `did you mean "things"?`) {
		t.Errorf("got %v", err)
	}
}

// brokenPipe fails each write.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, syscall.EPIPE }

// A failure to write the last records is not lost when the run has reached its end.
func TestWriteFails(t *testing.T) {
	brokers := kafkatest.Embedded(t)
	topic := kafkatest.Topic(t, brokers, "pipe", 1)
	produce(t, producer(t, brokers), topic, 1, 0, 3)
	client := kafkatest.Client(t, brokers, ClientOptions()...)
	for name, o := range map[string]Options{"the end": {Last: 2}, "enough": {Last: 2, Expect: 1}, "following": {Last: 2, Follow: true}} {
		o.Topics, o.Renderer = []string{topic}, values{}
		if _, err := Run(t.Context(), client, o, brokenPipe{}); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("%s: error %v, want EPIPE", name, err)
		}
	}
}

// A run ends when its time is over, also while records arrive, or when none arrive.
func TestDeadlines(t *testing.T) {
	brokers := kafkatest.Embedded(t)
	client := kafkatest.Client(t, brokers, ClientOptions()...)
	for name, c := range map[string]struct {
		o    Options
		want error
	}{
		"within": {Options{Expect: 1 << 30, Within: 300 * time.Millisecond}, ErrExpect},
		"until":  {Options{Until: time.Now().Add(time.Second)}, nil},
		"idle":   {Options{Idle: time.Millisecond, Expect: 1 << 30}, ErrExpect},
	} {
		topic := kafkatest.Topic(t, brokers, name, 1)
		p := producer(t, brokers)
		ctx, cancel := context.WithCancel(t.Context())
		var writing sync.WaitGroup
		if c.o.Idle == 0 {
			writing.Go(func() {
				for ctx.Err() == nil {
					p.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: []byte("v")})
				}
			})
		}
		o := c.o
		o.Topics, o.Renderer, o.Follow = []string{topic}, values{}, true
		if _, err := Run(ctx, client, o, io.Discard); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
		cancel()
		writing.Wait()
	}
}
