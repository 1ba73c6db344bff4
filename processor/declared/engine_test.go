package declared_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafkatest"
	"inv/internal/scenario"
	"inv/processor"
	"inv/processor/declared"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// rig is a scenario with declared topologies on topics of its own.
type rig struct {
	testing.TB
	brokers  []string
	app      string // also the prefix of the topics
	scenario *scenario.Scenario
	client   *kgo.Client
}

// newRig makes the topics of a scenario, whose names get a prefix.
func newRig(t testing.TB, brokers []string, source string) *rig {
	t.Helper()
	r := &rig{TB: t, brokers: brokers, app: kafkatest.Name(t, "d"), client: kafkatest.Client(t, brokers)}
	r.scenario = r.parse(source)
	var names []string
	for _, spec := range kafka.Specs(r.scenario, r.app) {
		names = append(names, spec.Name)
	}
	kafkatest.DeleteAfter(t, r.client, names...)
	if _, err := kafka.EnsureTopics(t.Context(), r.client, kafka.Specs(r.scenario, r.app)...); err != nil {
		t.Fatal(err)
	}
	return r
}

// parse parses a form of the scenario.
func (r *rig) parse(source string) *scenario.Scenario {
	r.Helper()
	s, err := scenario.Parse("test.yaml", []byte(source))
	if err != nil {
		r.Fatal(err)
	}
	for i := range s.Topics {
		if t := &s.Topics[i]; len(t.DeadLettersOf) == 0 && !strings.Contains(t.Name, "{app}") {
			t.Name = r.app + "-" + t.Name
		}
	}
	return s
}

func (r *rig) topic(alias string) string {
	r.Helper()
	names := r.scenario.TopicNames(alias, r.app)
	if len(names) != 1 {
		r.Fatalf("the alias %s has the topics %v", alias, names)
	}
	return names[0]
}

// config returns what runs all declared topologies, or those that are named.
func (r *rig) config(names ...string) processor.Config {
	r.Helper()
	all, err := declared.Topologies(r.scenario)
	if err != nil {
		r.Fatal(err)
	}
	if len(names) > 0 {
		all = slices.DeleteFunc(all, func(t processor.Topology) bool { return !slices.Contains(names, t.Name) })
	}
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil)).With("test", r.Name())
	}
	return processor.Config{Kafka: kafka.Config{Brokers: r.brokers}, Scenario: r.scenario, AppID: r.app, Topologies: all, Instance: "test", Log: log}
}

// drain runs topologies until their inputs are drained.
func (r *rig) drain(names ...string) processor.Summary {
	r.Helper()
	cfg := r.config(names...)
	cfg.Drain = true
	summary, err := r.run(cfg)
	if err != nil {
		r.Fatal(err)
	}
	return summary
}

var errLate = errors.New("the processor still runs")

func (r *rig) run(cfg processor.Config) (processor.Summary, error) {
	r.Helper()
	ctx, cancel := context.WithTimeoutCause(r.Context(), 2*time.Minute, errLate)
	defer cancel()
	late := time.AfterFunc(2*time.Minute-time.Second, func() {
		stacks := make([]byte, 1<<20)
		_, _ = os.Stderr.Write(stacks[:runtime.Stack(stacks, true)])
	})
	defer late.Stop()
	summary, err := processor.Run(ctx, cfg)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return summary, err
}

// member runs topologies until the function that it returns is called.
func (r *rig) member(instance string, change ...func(*processor.Config)) (stop func()) {
	r.Helper()
	cfg := r.config()
	cfg.Instance = instance
	for _, c := range change {
		c(&cfg)
	}
	ctx, cancel := context.WithCancel(r.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := processor.Run(ctx, cfg)
		ended <- err
	}()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			r.Errorf("the member %s: %v", instance, err)
		}
	}
	r.Cleanup(stop)
	return stop
}

// put writes records; each is ALIAS, KEY, VALUE. A time is added by at.
func (r *rig) put(alias, key, value string, at ...time.Time) {
	r.Helper()
	record := &kgo.Record{Topic: r.topic(alias), Key: []byte(key), Value: []byte(value)}
	if len(at) > 0 {
		record.Timestamp = at[0]
	}
	r.write(record)
}

func (r *rig) write(records ...*kgo.Record) {
	r.Helper()
	if err := r.client.ProduceSync(r.Context(), records...).FirstErr(); err != nil {
		r.Fatal(err)
	}
}

// read returns the committed records of a topic, when the transactions that are open are
// over.
func (r *rig) read(topic string) (records []*kgo.Record) {
	r.Helper()
	reader, err := stage.NewReader(kafka.Config{Brokers: r.brokers})
	if err != nil {
		r.Fatal(err)
	}
	defer reader.Close()
	ends, err := reader.HighWatermarks(r.Context(), topic)
	if err != nil {
		r.Fatal(err)
	}
	for p, end := range ends {
		err := reader.Read(r.Context(), topic, int32(p), 0, end, func(record *kgo.Record) error {
			copied := *record
			copied.Key, copied.Value = bytes.Clone(record.Key), bytes.Clone(record.Value)
			copied.Headers = nil
			for _, h := range record.Headers {
				copied.Headers = append(copied.Headers, kgo.RecordHeader{Key: h.Key, Value: bytes.Clone(h.Value)})
			}
			records = append(records, &copied)
			return nil
		})
		if err != nil {
			r.Fatal(err)
		}
	}
	return records
}

// values returns the values of a topic's records, sorted.
func (r *rig) values(alias string) (values []string) {
	r.Helper()
	for _, record := range r.read(r.topic(alias)) {
		values = append(values, string(record.Value))
	}
	slices.Sort(values)
	return values
}

// want compares the values of a topic, in any order.
func (r *rig) want(alias string, want ...string) {
	r.Helper()
	slices.Sort(want)
	if got := r.values(alias); !slices.Equal(got, want) {
		r.Errorf("%s has\n%s\nwant\n%s", alias, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// until waits until a topic has so many records.
func (r *rig) until(alias string, n int) {
	r.Helper()
	kafkatest.Eventually(r, 60*time.Second, fmt.Sprintf("%s has %d records", alias, n), func() (bool, error) {
		return len(r.read(r.topic(alias))) >= n, nil
	})
}

func header(record *kgo.Record, key string) string {
	for _, h := range record.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

// notes returns the metadata of a stage's offsets, by topic and partition.
func (r *rig) notes(stage string) map[string]string {
	r.Helper()
	offsets, err := kadm.NewClient(r.client).FetchOffsets(r.Context(), r.app+"-"+stage)
	if err != nil {
		r.Fatal(err)
	}
	notes := map[string]string{}
	offsets.Each(func(o kadm.OffsetResponse) { notes[fmt.Sprintf("%s/%d", o.Topic, o.Partition)] = o.Metadata })
	return notes
}

const countScenario = `scenario: counts
topics:
  clicks: {topic: clicks, partitions: 3}
  sums: {topic: sums, partitions: 2}
topologies:
  counting:
    from:
      clicks: {where: .user != "nobody", key: .user, set: {total: '($s.total // 0) + .n'}}
    ttl: forever
    emit:
      - to: sums
        fields: {user: $key, total: $s.total, n: $n}
`

// A topology counts across restarts, dead-letters what it can't read, in both stages, and
// is counted itself.
func TestCountsAcrossRestarts(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		r := newRig(t, brokers, countScenario)
		at := time.UnixMilli(1_700_000_000_000)
		r.put("clicks", "a", `{"user":"ann","n":1}`, at)
		r.put("clicks", "b", `{"user":"bob","n":2}`, at)
		r.put("clicks", "c", `{"user":"nobody","n":2}`, at)
		r.put("clicks", "d", `no JSON`, at)
		r.put("clicks", "e", `{"user":[1],"n":2}`, at)
		r.write(&kgo.Record{Topic: r.topic("clicks"), Key: []byte("f")})
		r.write(&kgo.Record{Topic: r.topic("clicks"), Key: []byte("bad"), Value: []byte(`{"user": "bob", "n": "x"}`), Timestamp: at, Headers: []kgo.RecordHeader{{Key: "mine", Value: []byte("1")}}})
		summary := r.drain()
		r.want("sums", `{"user":"ann","total":1,"n":1}`, `{"user":"bob","total":2,"n":1}`)
		clicks := r.topic("clicks")
		for tally, want := range map[processor.Tally]int64{
			{Topic: clicks, Outcome: processor.Accepted}:                                        3,
			{Topic: clicks, Outcome: processor.Skipped}:                                         2,
			{Topic: clicks, Outcome: processor.DeadLettered, Reason: "not-json"}:                1,
			{Topic: clicks, Outcome: processor.DeadLettered, Reason: declared.ReasonExpression}: 2,
		} {
			if got := summary.Records[tally]; got != want {
				t.Errorf("%d records are %v, want %d", got, tally, want)
			}
		}
		if summary.Again != 1 || summary.Counts["sum"] != 2 || summary.Counts["state_keys/counting"] != 0 {
			t.Errorf("the summary is %+v", summary)
		}
		for _, dead := range r.read(processor.DeadLetterTopic(clicks)) {
			switch string(dead.Key) {
			case "d":
			case "e", "bad":
				if message := header(dead, "dlq-message"); !strings.HasPrefix(message, "test.yaml:8:") {
					t.Errorf("the message of %s is %s", dead.Key, message)
				}
			default:
				t.Errorf("%s is dead-lettered", dead.Key)
			}
			if string(dead.Key) == "bad" && (string(dead.Value) != `{"user": "bob", "n": "x"}` || header(dead, "mine") != "1" || header(dead, "dlq-stage") != "counting-state") {
				t.Errorf("the original is not in the letter: %s %v", dead.Value, dead.Headers)
			}
		}
		for i := range 3 {
			r.put("clicks", fmt.Sprint(i), `{"user":"ann","n":10}`, at)
			r.drain()
		}
		r.want("sums", `{"user":"ann","total":1,"n":1}`, `{"user":"bob","total":2,"n":1}`,
			`{"user":"ann","total":11,"n":2}`, `{"user":"ann","total":21,"n":3}`, `{"user":"ann","total":31,"n":4}`)
		for _, out := range r.read(r.topic("sums")) {
			if string(out.Key) == "ann" && strings.Contains(string(out.Value), `"n":4`) {
				if id, kind, source := header(out, "ce_id"), header(out, "ce_type"), header(out, "ce_source"); id != "counting-ann-1700000000000-4-0" || kind != "counts.sums.v1" || source != r.app || !out.Timestamp.Equal(at) {
					t.Errorf("an output has the id %s, type %s, source %s and time %s", id, kind, source, out.Timestamp)
				}
			}
		}
	})
}
