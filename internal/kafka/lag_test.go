package kafka_test

import (
	"maps"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafka/fetch"
	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
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

func TestUnread(t *testing.T) {
	for _, c := range []struct {
		name      string
		steps     []step
		committed int64 // offset; -1: none
		end       int64
		within    int64 // offsets that are read
		from      int64 // where the group has something to read; -1: nowhere
	}{
		{"empty", nil, -1, 0, 0, -1},
		{"nothing committed", []step{{3, "commit"}}, -1, 4, 0, 0},
		{"all but the marker", []step{{3, "commit"}}, 3, 4, 0, -1},
		{"a record below the end", []step{{3, "commit"}}, 2, 4, 0, 2},
		{"a record from the end on", []step{{3, "commit"}}, 2, 2, 0, -1},
		{"aborted records", []step{{3, "commit"}, {5, "abort"}}, 3, 10, 0, -1},
		{"an open transaction", []step{{3, "commit"}, {1, "open"}}, 3, 5, 0, 3},
		{"markers too far behind to look", []step{{3, "commit"}, {5, "abort"}}, 3, 10, 6, 3},
		{"markers just near enough", []step{{3, "commit"}, {5, "abort"}}, 3, 10, 7, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
				topic, group := kafkatest.Topic(t, brokers, "lag", 1), kafkatest.Name(t, "lag")
				for _, s := range c.steps {
					write(t, brokers, topic, s)
				}
				commit(t, brokers, group, topic, c.committed)
				fetches := &fetchCounter{}
				counter := kafka.NewLagCounter(kafkatest.Client(t, brokers, kgo.WithHooks(fetches)), 1, c.within)
				ends := map[fetch.ID]int64{{Topic: topic}: c.end}
				look := func() int64 {
					unread, err := counter.Unread(t.Context(), group, ends)
					if err != nil {
						t.Fatal(err)
					}
					if len(unread) == 0 {
						return -1
					}
					if len(unread) != 1 || unread[0].To != c.end {
						t.Fatalf("unread is %+v", unread)
					}
					return unread[0].From
				}
				// The markers of Kafka's coordinator come a moment after the transaction's end.
				if c.from < 0 {
					kafkatest.Eventually(t, 20*time.Second, "nothing is left to read", func() (bool, error) { return look() < 0, nil })
				}
				if got := look(); got != c.from {
					t.Errorf("unread from %d, want %d", got, c.from)
				}
				before := fetches.n.Load()
				if got := look(); got != c.from || fetches.n.Load() != before {
					t.Errorf("looking again: unread from %d with %d fetches", got, fetches.n.Load()-before)
				}
			})
		})
	}
}

// fetchCounter counts fetch requests.
type fetchCounter struct{ n atomic.Int64 }

func (f *fetchCounter) OnBrokerWrite(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, _ error) {
	if key == int16(kmsg.Fetch) {
		f.n.Add(1)
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
	// The coordinator acknowledges before the marker is in the topic.
	kafkatest.Eventually(t, 20*time.Second, "the transaction has ended", func() (bool, error) {
		ends, err := kafka.Ends(t.Context(), client, topic)
		if err != nil {
			return false, err
		}
		stable, err := kafka.StableEnds(t.Context(), client, topic)
		return err == nil && maps.Equal(stable, ends), err
	})
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
