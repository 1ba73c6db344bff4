package processor_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"inv/internal/event"
	"inv/internal/kafka"
	"inv/internal/kafka/fetch"
	"inv/internal/kafka/partition"
	"inv/internal/kafkatest"
	"inv/processor"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// configure sets a topic's configuration and waits until the broker shows it.
func (s *system) configure(alias, name, value string) {
	s.t.Helper()
	admin := kadm.NewClient(s.client)
	if _, err := admin.AlterTopicConfigs(s.t.Context(), []kadm.AlterConfig{{Name: name, Value: &value}}, s.topic(alias)); err != nil {
		s.t.Fatal(err)
	}
	kafkatest.Eventually(s.t, 20*time.Second, "the configuration is in force", func() (bool, error) {
		all, err := admin.DescribeTopicConfigs(s.t.Context(), s.topic(alias))
		for _, c := range all {
			for _, v := range c.Configs {
				if v.Key == name && v.MaybeValue() == value {
					return true, nil
				}
			}
		}
		return false, err
	})
}

// trim removes the records of a partition below an offset.
func (s *system) trim(alias string, partition int32, before int64) {
	s.t.Helper()
	var to kadm.Offsets
	to.Add(kadm.Offset{Topic: s.topic(alias), Partition: partition, At: before})
	admin := kadm.NewClient(s.client)
	kafkatest.Eventually(s.t, 20*time.Second, "the records are gone", func() (bool, error) {
		removed, err := admin.DeleteRecords(s.t.Context(), to)
		if err == nil {
			err = removed.Error()
		}
		return err == nil, err
	})
}

// empty removes a topic's records; it stays the topic that it is.
func (s *system) empty(alias string) {
	s.t.Helper()
	ends, err := kafka.Ends(s.t.Context(), s.client, s.topic(alias))
	if err != nil {
		s.t.Fatal(err)
	}
	s.configure(alias, "cleanup.policy", "delete") // brokers refuse it for a compacted topic
	for id, end := range ends {
		s.trim(alias, id.Partition, end)
	}
}

// largest returns the partition of a topic with the most records, and its end.
func (s *system) largest(alias string) (partition int32, end int64) {
	s.t.Helper()
	ends, err := kafka.Ends(s.t.Context(), s.client, s.topic(alias))
	if err != nil {
		s.t.Fatal(err)
	}
	for id, at := range ends {
		if at > end {
			partition, end = id.Partition, at
		}
	}
	return partition, end
}

// A changelog whose oldest part is gone has lost the state of what has not changed
// since, however much of it is left.
func TestChangelogThatLostItsStartIsRefused(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		for _, alias := range []string{"ledger-changelog", "procurement-changelog"} {
			t.Run(alias, func(t *testing.T) {
				s := newSystem(t, brokers)
				products, _ := s.backlog(200)
				s.drain()
				s.configure(alias, "cleanup.policy", "compact,delete") // brokers refuse to trim a compacted topic
				partition, end := s.largest(alias)
				s.trim(alias, partition, end-2)
				s.write(s.orderRecords(ordersOf(20, products, 5))...)
				s.refused(fmt.Sprintf("%s/%d begins at offset %d", s.topic(alias), partition, end-2))
				s.configure(alias, "cleanup.policy", "compact")
				s.refused(fmt.Sprintf("%s/%d begins at offset %d", s.topic(alias), partition, end-2))
			})
		}
	})
}

// A changelog whose lost records were all replaced by later ones is complete
// without them, which the committed digest shows: the flag goes on with it. It does
// not go on where something is missing, or where nothing can show it.
func TestTrimmedChangelogThatIsComplete(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers)
		products, _ := s.backlog(0)
		s.drain()
		partition, end := s.largest("ledger-changelog")
		s.write(s.catalogRecords(repriced(products))...) // each state is replaced
		s.drain()
		s.configure("ledger-changelog", "cleanup.policy", "compact,delete")
		s.configure("ledger-changelog", "retention.ms", "-1")
		s.trim("ledger-changelog", partition, end)
		s.write(s.orderRecords(ordersOf(100, products, 5))...)
		s.refused("begins at offset")
		s.drain(skipLost("ledger-changelog"))
		s.prove()

		for _, o := range s.offsets("ledger") {
			if o.Partition == partition {
				without := o
				without.Metadata, _, _ = strings.Cut(o.Metadata, " @")
				s.commit("ledger", without)
				s.write(s.orderRecords(ordersOf(100, products, 6))...)
				s.refusedWith(skipLost("ledger-changelog"), "begins at offset")
				s.commit("ledger", o)
			}
		}
		s.trim("ledger-changelog", partition, s.end("ledger-changelog", partition)-2)
		s.refusedWith(skipLost("ledger-changelog"), "is not the state")
	})
}

func repriced(products []catalogued) []catalogued {
	changed := slices.Clone(products)
	for i := range changed {
		changed[i].Price++
	}
	return changed
}

// A changelog that will lose its oldest part is refused before it has.
func TestChangelogWithRetentionIsRefused(t *testing.T) {
	s := newSystem(t, kafkatest.Embedded(t))
	products, _ := s.backlog(50)
	s.drain()
	for _, c := range []struct{ name, value, want string }{
		{"retention.ms", "86400000", "cleanup.policy=delete retention.ms=86400000"},
		{"retention.bytes", "1000000", "cleanup.policy=delete retention.bytes=1000000"},
	} {
		s.configure("ledger-changelog", "cleanup.policy", "delete")
		s.configure("ledger-changelog", c.name, c.value)
		_, err := s.try()
		var retention *processor.RetentionError
		if !errors.As(err, &retention) || retention.Topic != s.topic("ledger-changelog") || retention.Config != c.want {
			t.Errorf("%s=%s: error %v", c.name, c.value, err)
		}
		s.configure("ledger-changelog", c.name, "-1")
	}
	s.write(s.orderRecords(ordersOf(20, products, 5))...)
	s.drain()
	s.prove()
}

// A hole in the middle of a changelog shows as a state that is not the one that the
// offset was committed with: an older value comes back, a receipt that was written
// is pending again, or a record is missing.
func TestChangelogWithAHoleIsRefused(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		t.Run("an older state", func(t *testing.T) {
			s := newSystem(t, brokers)
			products, _ := s.backlog(200)
			s.drain()
			s.write(s.outdated("ledger-changelog"))
			s.write(s.orderRecords(ordersOf(100, products, 5))...) // or it ends, drained, before it looks
			s.refused(s.topic("ledger-changelog"), "is not the state")
		})
		t.Run("a pending receipt", func(t *testing.T) {
			s := newSystem(t, brokers)
			products, _ := s.backlog(200)
			s.drain()
			var put *kgo.Record
			for _, r := range s.all(s.topic("procurement-changelog")) {
				if r.Value != nil {
					put = r
				}
			}
			s.write(copyOf(put))
			s.write(s.orderRecords(ordersOf(200, products, 5))...)
			s.refused(s.topic("procurement-changelog"), "is not the state")
		})
		t.Run("a waiting line", func(t *testing.T) {
			s := newSystem(t, brokers)
			s.backlog(50)
			s.drain()
			const late = "prod-late"
			to := partition.Murmur2([]byte(late), 6)
			s.writeLine(to, late)
			r := s.running()
			kafkatest.Eventually(t, 60*time.Second, "the line waits", func() (bool, error) {
				unread, err := s.unread("ledger", "log")
				return r.stats.Summary().Counts["waiting_lines"] == 1 && unread == 1, err
			})
			r.end(t)
			s.writeTo(s.topic("ledger-changelog"), to, "w/0/"+late, nil)
			s.running().refused(t, s.topic("ledger-changelog"), "0 waiting records, and 1 were written")
		})
		t.Run("a record more", func(t *testing.T) {
			s := newSystem(t, brokers)
			products, _ := s.backlog(200)
			s.drain()
			r := s.outdated("ledger-changelog")
			r.Key = append(r.Key, "-unknown"...)
			s.write(r)
			s.write(s.orderRecords(ordersOf(100, products, 5))...)
			s.refused(s.topic("ledger-changelog"), "is not the state")
		})
	})
}

// outdated returns a record of the topic whose key has had another value since.
func (s *system) outdated(alias string) *kgo.Record {
	s.t.Helper()
	for _, records := range s.read(s.topic(alias)) {
		last := map[string]string{}
		for _, r := range records {
			last[string(r.Key)] = string(r.Value)
		}
		for _, r := range records {
			if last[string(r.Key)] != string(r.Value) {
				return copyOf(r)
			}
		}
	}
	s.t.Fatal("each key has one value")
	return nil
}

func copyOf(r *kgo.Record) *kgo.Record {
	return &kgo.Record{Topic: r.Topic, Partition: r.Partition, Key: r.Key, Value: r.Value}
}

// The state that offsets of an earlier version belong to can't be compared, and is
// continued; the next commit says what it is.
func TestStateWithoutANoteIsContinued(t *testing.T) {
	s := newSystem(t, kafkatest.Embedded(t))
	products, _ := s.backlog(200)
	s.drain()
	for _, c := range []struct{ stage, alias string }{{"ledger", "log"}, {"procurement", "reorders"}} {
		for _, o := range s.offsets(c.stage) {
			metadata, noted, _ := strings.Cut(o.Metadata, " @")
			if noted == "" {
				t.Fatalf("%s/%d is committed without a note: %q", o.Topic, o.Partition, o.Metadata)
			}
			o.Metadata = metadata
			s.commit(c.stage, o)
		}
	}
	s.write(s.orderRecords(ordersOf(200, products, 5))...)
	s.drain()
	s.prove()
	s.drain()
	s.write(s.outdated("ledger-changelog"))
	s.write(s.orderRecords(ordersOf(200, products, 6))...) // or it ends, drained, before it looks
	s.refused("is not the state")
}

// Lines that wait for their product count as lag, and are waited for.
func TestWaitingLinesAreLag(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers)
		s.backlog(50)
		s.drain()
		const late = "prod-late"
		to := partition.Murmur2([]byte(late), 6)
		s.writeLine(to, late)
		ended := make(chan error, 1)
		go func() {
			_, err := s.tryFor(2 * time.Minute)
			ended <- err
		}()
		lag := func() kafka.Lag {
			lags, err := kafka.GroupLag(t.Context(), kafka.Config{Brokers: brokers}, s.prefix+"-ledger")
			if err != nil {
				t.Fatal(err)
			}
			return lags[to]
		}
		kafkatest.Eventually(t, 60*time.Second, "the line waits", func() (bool, error) { return lag().Waiting == 1, nil })
		if l := lag(); l.Records != 1 || l.AtRest() {
			t.Errorf("the lag is %+v, want 1 record", l)
		}
		counter := kafka.NewLagCounter(s.client, 10, 0)
		ends, err := kafka.Ends(t.Context(), s.client, s.topic("log"))
		if err != nil {
			t.Fatal(err)
		}
		unread, err := counter.Unread(t.Context(), s.prefix+"-ledger", ends)
		if err != nil || len(unread) != 1 || unread[0].ID != (fetch.ID{Topic: s.topic("log"), Partition: to}) {
			t.Errorf("unread are %v, %v", unread, err)
		}
		if s.audit().AtRest {
			t.Error("the auditor finds the system at rest")
		}
		select {
		case err := <-ended:
			t.Errorf("the drain has ended: %v", err)
		default:
		}
		p := catalogOf(1)[0]
		p.ID, p.InitialStock = late, 10
		s.write(s.catalogRecords([]catalogued{p})...)
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if l := lag(); l.Records != 0 || !l.AtRest() {
			t.Errorf("the lag is %+v, want none", l)
		}
		s.checkFold()
		s.drain() // the state is the one that was committed
	})
}

// writeLine puts a line of an order into a partition of the product log, past ingest.
func (s *system) writeLine(to int32, product string) {
	s.t.Helper()
	line := event.AppendEntry(nil, &event.Entry{Kind: event.EntryLine, ProductID: product, Cause: s.topic("orders") + "/0@900#0", Quantity: 2, Price: 9_500_000, OrderID: "order-late"})
	s.writeTo(s.topic("log"), to, "", line, kgo.RecordHeader{Key: "inv-format", Value: []byte("product-log/1")})
}

// writeTo puts a record into a partition, whatever its key.
func (s *system) writeTo(topic string, to int32, key string, value []byte, headers ...kgo.RecordHeader) {
	s.t.Helper()
	client := kafkatest.Client(s.t, s.brokers, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	r := &kgo.Record{Topic: topic, Partition: to, Value: value, Headers: headers}
	if key != "" {
		r.Key = []byte(key)
	}
	if err := client.ProduceSync(s.t.Context(), r).FirstErr(); err != nil {
		s.t.Fatal(err)
	}
}

// What a changelog loses while its processor runs is said at once: the process has
// the state, and the next one won't.
func TestChangelogThatLosesRecordsMeanwhile(t *testing.T) {
	s := newSystem(t, kafkatest.Embedded(t))
	s.backlog(100)
	r := s.running()
	var partition int32
	var end int64
	kafkatest.Eventually(t, 60*time.Second, "the changelog has some records", func() (bool, error) {
		partition, end = s.largest("ledger-changelog")
		return end > 10, nil
	})
	s.configure("ledger-changelog", "cleanup.policy", "compact,delete") // brokers refuse to trim a compacted topic
	s.trim("ledger-changelog", partition, end-2)
	kafkatest.Eventually(t, 30*time.Second, "the log says it", func() (bool, error) {
		return r.log.has("level=ERROR", s.topic("ledger-changelog"), fmt.Sprintf("start=%d", end-2)), nil
	})
	r.end(t)
}

// The same state is found when a partition comes back to a process that runs.
func TestStateIsComparedAtEachAssignment(t *testing.T) {
	s := newSystem(t, kafkatest.Embedded(t))
	products, _ := s.backlog(200)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() {
		cfg := s.config()
		cfg.Drain = false
		_, err := cfg.run(ctx)
		ended <- err
	}()
	s.untilCommitted("ingest", "orders", 200)
	for i := range 3 {
		s.write(s.orderRecords(ordersOf(100, products, uint64(20+i)))...)
		s.drain(func(c *config) { c.Instance = fmt.Sprint("other-", i) }) // partitions go there and back
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	s.prove()
}
