package kafka_test

import (
	"strconv"
	"testing"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// step writes n records into the topic as one transaction, which is then
// committed, aborted or left open.
type step struct {
	records int
	end     string
}

func TestGroupLag(t *testing.T) {
	for _, c := range []struct {
		name      string
		steps     []step
		committed int64 // offset; -1: none
		records   int64
		atRest    bool
	}{
		{"empty", nil, -1, 0, true},
		{"a commit marker behind the committed offset is not lag", []step{{3, "commit"}}, 3, 0, true},
		{"nothing committed", []step{{3, "commit"}}, -1, 3, false},
		{"records left", []step{{3, "commit"}, {2, "commit"}}, 2, 3, false},
		{"markers between don't count", []step{{3, "commit"}, {2, "commit"}}, 3, 2, false},
		{"aborted records are not lag", []step{{3, "commit"}, {5, "abort"}}, 3, 0, true},
		{"an open transaction is not rest", []step{{3, "commit"}, {1, "open"}}, 3, 0, false},
		{"committed beyond the end", []step{{3, "commit"}}, 100, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
				topic, group := kafkatest.Topic(t, brokers, "lag", 1), kafkatest.Name(t, "lag")
				for _, s := range c.steps {
					write(t, brokers, topic, s)
				}
				commit(t, brokers, group, topic, c.committed)
				lags, err := kafka.GroupLag(t.Context(), kafka.Config{Brokers: brokers}, group, topic)
				if err != nil {
					t.Fatal(err)
				}
				if len(lags) != 1 {
					t.Fatalf("%d partitions, want 1", len(lags))
				}
				l := lags[0]
				if l.Records != c.records || l.AtRest() != c.atRest || l.Committed != c.committed || !l.Exact {
					t.Errorf("%+v, at rest %v; want %d records, at rest %v, committed %d", l, l.AtRest(), c.records, c.atRest, c.committed)
				}
			})
		})
	}
}

func TestGroupLagBeyondWhatIsCounted(t *testing.T) {
	brokers := kafkatest.Embedded(t)
	topic := kafkatest.Topic(t, brokers, "lag", 1)
	write(t, brokers, topic, step{12_000, "commit"})
	lags, err := kafka.GroupLag(t.Context(), kafka.Config{Brokers: brokers}, "nobody", topic)
	if err != nil {
		t.Fatal(err)
	}
	if l := lags[0]; l.Exact || l.Records != 12_001 || l.AtRest() {
		t.Errorf("%+v; want the difference of the offsets, said to be inexact", l)
	}
}

func TestGroupLagOfATopicThatIsMissing(t *testing.T) {
	lags, err := kafka.GroupLag(t.Context(), kafka.Config{Brokers: kafkatest.Embedded(t)}, "nobody", "missing")
	if err != nil || len(lags) != 0 {
		t.Errorf("%v, %v; want no partitions", lags, err)
	}
}

func write(t *testing.T, brokers []string, topic string, s step) {
	t.Helper()
	client := kafkatest.Client(t, brokers, kgo.TransactionalID(kafkatest.Name(t, "lag")))
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	records := make([]*kgo.Record, s.records)
	for i := range records {
		records[i] = &kgo.Record{Topic: topic, Value: []byte(strconv.Itoa(i))}
	}
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if s.end == "open" {
		return
	}
	if err := client.EndTransaction(t.Context(), kgo.TransactionEndTry(s.end == "commit")); err != nil {
		t.Fatal(err)
	}
}

func commit(t *testing.T, brokers []string, group, topic string, offset int64) {
	t.Helper()
	if offset < 0 {
		return
	}
	var offsets kadm.Offsets
	offsets.AddOffset(topic, 0, offset, -1)
	admin := kadm.NewClient(kafkatest.Client(t, brokers))
	kafkatest.Eventually(t, 20*time.Second, "the offset is committed", func() (bool, error) {
		err := admin.CommitAllOffsets(t.Context(), group, offsets)
		return err == nil, err
	})
}
