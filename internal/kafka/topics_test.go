package kafka_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"inv/internal/kafka"
	"inv/internal/kafkatest"
	"inv/internal/scenario"
	"inv/scenarios"

	"github.com/twmb/franz-go/pkg/kadm"
)

func inventory(t *testing.T) *scenario.Scenario {
	t.Helper()
	source, err := scenarios.Files.ReadFile("inventory.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := scenario.Parse("inventory.yaml", source)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSpecs(t *testing.T) {
	specs := kafka.Specs(inventory(t), "shop")
	find := func(name string) kafka.TopicSpec {
		i := slices.IndexFunc(specs, func(s kafka.TopicSpec) bool { return s.Name == name })
		if i < 0 {
			t.Fatalf("no spec of %s", name)
		}
		return specs[i]
	}
	for _, c := range []struct {
		name       string
		partitions int
		exact      bool
		config     string
		value      string
	}{
		{"product_catalog", 1, false, "cleanup.policy", "compact"},
		{"order_events", 6, false, "retention.ms", "-1"},
		{"order_events.dlq", 6, false, "max.message.bytes", "4194304"},
		{"shop-product-log", 6, true, "retention.ms", "-1"},
		{"shop-ledger-changelog", 6, true, "cleanup.policy", "compact"},
	} {
		s := find(c.name)
		if s.Partitions != c.partitions || s.Exact != c.exact || s.Configs[c.config] != c.value {
			t.Errorf("%+v; want %+v", s, c)
		}
	}
	if got := kafka.Specs(inventory(t), "shop", "orders", "no-such-alias"); len(got) != 1 {
		t.Errorf("the specs of one alias are %v", got)
	}
}

// The topics of a sink are created for it, and are not among those of the scenario.
func TestSpecsOfSinks(t *testing.T) {
	sc, err := scenario.Parse("t.yaml", []byte("scenario: t\ntopics: {a: {topic: a}}\nsinks: {x: {from: a, files: {folder: f, format: csv}}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if all := kafka.Specs(sc, "shop"); len(all) != 1 || all[0].Name != "a" {
		t.Errorf("%+v", all)
	}
	own := kafka.Specs(sc, "shop", sc.Sinks[0].DeadLetters(), sc.Sinks[0].Retries())
	for i, name := range []string{"shop-forward-x.dlq", "shop-forward-x.retry"} {
		if s := own[i]; s.Name != name || s.Partitions != 1 || s.Exact || s.Configs["max.message.bytes"] != "4194304" || s.Configs["retention.ms"] != "-1" {
			t.Errorf("%+v", s)
		}
	}
}

// What a scenario says of a topic is what it is created with. Settings by Kafka's names
// replace the defaults; on the embedded broker, a single node, there is one replica.
func TestScenarioSettings(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		name := kafkatest.Name(t, "settings")
		sc, err := scenario.Parse("t.yaml", []byte(`scenario: t
topics:
  a: {topic: `+name+`-a, partitions: 2, replication_factor: 1, cleanup: compact, config: {min.cleanable.dirty.ratio: 0.1, preallocate: true}}
  b: {topic: `+name+`-b, partitions: 1, config: {cleanup.policy: "compact,delete", retention.ms: 60000, max.message.bytes: 2097152}}
  c: {topic: `+name+`-c, partitions: 1, replication_factor: 3, config: {min.insync.replicas: 2}}
`))
		if err != nil {
			t.Fatal(err)
		}
		client := kafkatest.Client(t, brokers)
		kafkatest.DeleteAfter(t, client, name+"-a", name+"-b", name+"-c")
		embedded, err := kafka.IsEmbedded(t.Context(), client)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := kafka.CheckTopics(t.Context(), client, kafka.Specs(sc, "app", "c")...); (err == nil) != embedded {
			t.Errorf("three replicas on one node: %v", err)
		}
		aliases := []string{"a", "b"}
		if embedded {
			aliases = append(aliases, "c")
		}
		if made, err := kafka.EnsureTopics(t.Context(), client, kafka.Specs(sc, "app", aliases...)...); err != nil || len(made) != len(aliases) {
			t.Fatalf("made %v, %v", made, err)
		}
		for _, want := range [][3]string{{"-a", "min.cleanable.dirty.ratio", "0.1"}, {"-a", "preallocate", "true"}, {"-b", "retention.ms", "60000"}, {"-b", "max.message.bytes", "2097152"}, {"-b", "cleanup.policy", "compact,delete"}} {
			if got := setting(t, brokers, name+want[0], want[1]); got != want[2] {
				t.Errorf("%s of %s is %q, want %q", want[1], want[0], got, want[2])
			}
		}
	})
}

func TestEnsureTopics(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		client := kafkatest.Client(t, brokers)
		a, b := kafkatest.Name(t, "ensure"), kafkatest.Name(t, "ensure")
		kafkatest.DeleteAfter(t, client, a, b)
		compacted := kafka.TopicSpec{Name: a, Partitions: 2, Configs: map[string]string{"cleanup.policy": "compact"}}
		exact := kafka.TopicSpec{Name: b, Partitions: 3, Exact: true}
		made, err := kafka.EnsureTopics(t.Context(), client, compacted, exact)
		if err != nil || !slices.Equal(made, []string{a, b}) {
			t.Fatalf("made %v, error %v; want both", made, err)
		}
		if made, err = kafka.EnsureTopics(t.Context(), client, compacted, exact); err != nil || len(made) != 0 {
			t.Errorf("the second time: made %v, error %v; want nothing", made, err)
		}

		if got := policy(t, brokers, a); got != "compact" {
			t.Errorf("cleanup.policy is %q, want compact", got)
		}

		exact.Partitions = 4
		_, err = kafka.EnsureTopics(t.Context(), client, exact)
		if err == nil || !strings.Contains(err.Error(), "has 3 partitions and must have 4") {
			t.Errorf("error %v; want the partitions that it has and must have", err)
		}
		compacted.Partitions = 5
		if _, err = kafka.EnsureTopics(t.Context(), client, compacted); err != nil {
			t.Errorf("another number of partitions of a topic that is not internal: %v", err)
		}
	})
}

// What a broker writes beside an error code is in the error, and the embedded broker
// refuses what Apache Kafka does.
func TestCreateRefused(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		client := kafkatest.Client(t, brokers)
		good := kafkatest.Name(t, "refused")
		kafkatest.DeleteAfter(t, client, good)
		for _, c := range []struct {
			topic, setting, value string
			want                  string
		}{
			{topic: "a/b", want: "ASCII alphanumerics"},
			{topic: "..", want: "not allowed"},
			{topic: strings.Repeat("x", 250), want: "249"},
			{good, "retention.millis", "1", "Unknown topic config name: retention.millis"},
			{good, "retention.ms", "1h", "Not a number of type LONG"},
			{good, "retention.ms", "-2", "at least -1"},
			{good, "cleanup.policy", "shred", "must be one of"},
			{good, "min.cleanable.dirty.ratio", "2", "Value must be"},
			{good, "preallocate", "yes", "true or false"},
		} {
			spec := kafka.TopicSpec{Name: c.topic, Partitions: 1, Configs: map[string]string{}}
			if c.setting != "" {
				spec.Configs[c.setting] = c.value
			}
			if _, err := kafka.EnsureTopics(t.Context(), client, spec); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%.20s with %s=%s: %v, want an error with %q", c.topic, c.setting, c.value, err, c.want)
			}
		}
		fine := kafka.TopicSpec{Name: good, Partitions: 1, Configs: map[string]string{"cleanup.policy": "compact, delete", "retention.ms": "-1", "segment.ms": "1000"}}
		if made, err := kafka.EnsureTopics(t.Context(), client, fine); err != nil || len(made) != 1 {
			t.Errorf("made %q, %v", made, err)
		}
	})
}

func TestDeleteTopics(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		client := kafkatest.Client(t, brokers)
		name := kafkatest.Topic(t, brokers, "delete", 2)
		deleted, err := kafka.DeleteTopics(t.Context(), client, name, name+"-missing")
		if err != nil || !slices.Equal(deleted, []string{name}) {
			t.Fatalf("deleted %v, error %v; want the one there was", deleted, err)
		}
		made, err := kafka.EnsureTopics(t.Context(), client, kafka.TopicSpec{Name: name, Partitions: 3, Exact: true})
		if err != nil || len(made) != 1 {
			t.Errorf("made anew: %v, error %v", made, err)
		}
	})
}

func policy(t *testing.T, brokers []string, topic string) string {
	t.Helper()
	return setting(t, brokers, topic, "cleanup.policy")
}

func setting(t *testing.T, brokers []string, topic, name string) string {
	t.Helper()
	configs, err := kadm.NewClient(kafkatest.Client(t, brokers)).DescribeTopicConfigs(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range configs[0].Configs {
		if c.Key == name {
			return c.MaybeValue()
		}
	}
	return ""
}

func TestConnectSaysWhereItLooked(t *testing.T) {
	_, err := kafka.Connect(t.Context(), kafka.Config{Brokers: []string{"127.0.0.1:1"}})
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") || !errors.Is(err, kafka.ErrUnreachable) {
		t.Errorf("error %v; want the address", err)
	}
}
