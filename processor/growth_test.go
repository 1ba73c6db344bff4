package processor_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafka/partition"
	"inv/internal/kafkatest"
	"inv/internal/scenario"
	"inv/processor"

	"github.com/twmb/franz-go/pkg/kgo"
)

// grow gives a topic more partitions. What is written from now on goes to them, too.
func (s *system) grow(partitions int, aliases ...string) {
	s.t.Helper()
	for _, alias := range aliases {
		if err := kafka.GrowTopic(s.t.Context(), s.client, s.topic(alias), partitions); err != nil {
			s.t.Fatal(err)
		}
	}
	s.client = kafkatest.Client(s.t, s.brokers) // the old one knows the old partitions
}

// logged is a log that tests read while it is written.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) has(texts ...string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		all := true
		for _, text := range texts {
			all = all && strings.Contains(line, text)
		}
		if all {
			return true
		}
	}
	return false
}

// running is a processor that runs until it is stopped.
type running struct {
	log   logged
	stop  context.CancelFunc
	ended chan error
	stats processor.Stats
}

func (s *system) running(change ...func(*config)) *running {
	r := &running{ended: make(chan error, 1)}
	cfg := s.config()
	cfg.Drain, cfg.Stats, cfg.Log = false, &r.stats, slog.New(slog.NewTextHandler(&r.log, nil))
	for _, c := range change {
		c(&cfg)
	}
	var ctx context.Context
	ctx, r.stop = context.WithCancel(s.t.Context())
	s.t.Cleanup(r.stop)
	go func() {
		_, err := cfg.run(ctx)
		r.ended <- err
	}()
	return r
}

// end stops it and wants no error.
func (r *running) end(t *testing.T) {
	t.Helper()
	r.stop()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
}

// refused waits until it ends because of state that is not right, in words that hold
// each text.
func (r *running) refused(t *testing.T, texts ...string) {
	t.Helper()
	err := <-r.ended
	var wrong *processor.StartOverError
	if !errors.As(err, &wrong) {
		t.Errorf("error %v, want one that starting over helps against", err)
	}
	for _, text := range texts {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("error %v\nwant %q in it", err, text)
		}
	}
}

// decided waits until so many records of a topic were decided.
func (r *running) decided(t *testing.T, topic string, n int64) {
	t.Helper()
	kafkatest.Eventually(t, 40*time.Second, fmt.Sprintf("%d records of %s are decided", n, topic), func() (bool, error) {
		s := r.stats.Summary()
		got := s.Count(topic, processor.Accepted) + s.Count(topic, processor.DeadLettered) + s.Count(topic, processor.Duplicate) + s.Count(topic, processor.Skipped)
		return got >= n, fmt.Errorf("%d", got)
	})
}

// inPartitions reports whether a topic has records in each partition from a number on.
func (s *system) inPartitions(alias string, from, to int32) bool {
	records := s.read(s.topic(alias))
	for p := from; p < to; p++ {
		if len(records[p]) == 0 {
			return false
		}
	}
	return true
}

// named makes n products whose ids begin with a name.
func named(name string, n int) []catalogued {
	products := catalogOf(n)
	for i := range products {
		products[i].ID = name + strconv.Itoa(i)
	}
	return products
}

// Products that are written to a new partition of the catalogue are known to the
// orders after them: the rule that an order is never dead-lettered as unknown holds
// for them, too.
func TestCatalogueGrowsWhileTheProcessorRuns(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers)
		products, _ := s.backlog(100)
		r := s.running()
		r.decided(t, s.topic("orders"), 100)
		s.grow(3, "catalog")
		added := named("added-", 20)
		s.write(s.catalogRecords(added)...)
		s.write(s.orderRecords(ordersOf(200, added, 3))...)
		r.decided(t, s.topic("orders"), 300)
		if n := r.stats.Summary().Count("", processor.DeadLettered); n > 0 {
			t.Errorf("%d records are dead-lettered", n)
		}
		if !s.inPartitions("catalog", 1, 3) {
			t.Fatal("the new partitions have no record")
		}
		r.decided(t, s.topic("catalog"), int64(len(products)+len(added)))
		if !r.log.has("reading new partitions", s.topic("catalog"), "partitions=3", "before=1") {
			t.Errorf("the log does not say so:\n%s", r.log.text.String())
		}
		r.end(t)
		s.drain()
		s.prove()
	})
}

// A product whose records are in two partitions, because the catalogue has grown
// in between, is what the later one says, in whatever order they are read.
func TestLaterRecordOfAProductInANewPartition(t *testing.T) {
	s := newSystem(t, kafkatest.Embedded(t))
	products, _ := s.backlog(0)
	gone, back := moving(t, products, 3), moving(t, products[30:], 3)
	s.write(&kgo.Record{Topic: s.topic("catalog"), Key: []byte(back.ID)}) // delisted, in the old partition
	s.drain()
	s.grow(3, "catalog")
	s.write(&kgo.Record{Topic: s.topic("catalog"), Key: []byte(gone.ID)})
	s.write(s.catalogRecords([]catalogued{back})...)
	s.drain()
	for i := range 5 { // the partitions of the catalogue are read at once
		s.write(s.orderRecords(ordersOf(3, []catalogued{gone}, uint64(60+i)))...)
		s.write(s.orderRecords(ordersOf(3, []catalogued{back}, uint64(80+i)))...)
		summary := s.drain()
		if a, d := summary.Count(s.topic("orders"), processor.Accepted), summary.Count(s.topic("orders"), processor.DeadLettered); a != 3 || d != 3 {
			t.Errorf("%d orders accepted and %d dead-lettered, want 3 of the product that is back and 3 of the one that is gone", a, d)
		}
	}
}

// moving returns a product whose key moves away from partition 0 when there are more.
func moving(t *testing.T, products []catalogued, partitions int) catalogued {
	for _, p := range products {
		if partition.Murmur2([]byte(p.ID), partitions) != 0 {
			return p
		}
	}
	t.Fatal("no product moves")
	return catalogued{}
}

// All inputs get more partitions while the processor runs, and are read within
// seconds; the changelog that belongs to the reorders gets as many.
func TestInputsGrowWhileTheProcessorRuns(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers)
		products, _ := s.backlog(300)
		r, other := s.running(), s.running(func(c *config) { c.Instance = "other" })
		s.untilCommitted("ingest", "orders", 300)
		s.grow(8, "orders", "receipts", "reorders")
		s.write(s.orderRecords(ordersOf(600, products, 21))...)
		s.write(s.receiptRecords(products)...)
		kafkatest.Eventually(t, 40*time.Second, "all orders and receipts are committed", func() (bool, error) {
			unread, err := s.unread("ingest", "orders", "receipts")
			return unread == 0, err
		})
		for _, alias := range []string{"orders", "receipts", "reorders"} {
			kafkatest.Eventually(t, 20*time.Second, "the log says it", func() (bool, error) {
				return r.log.has("reading new partitions", s.topic(alias), "partitions=8"), nil
			})
		}
		kafkatest.Eventually(t, 20*time.Second, "the reorders' new partitions have their state", func() (bool, error) {
			return r.stats.Summary().Stages["procurement"].Ready+other.stats.Summary().Stages["procurement"].Ready == 8, nil
		})
		r.end(t)
		other.end(t)
		s.drain()
		if !s.inPartitions("orders", 6, 8) || !s.inPartitions("receipts", 6, 8) {
			t.Fatal("the new partitions have no record")
		}
		s.prove()
	})
}

func (s *system) receiptRecords(products []catalogued) (records []*kgo.Record) {
	for _, p := range products {
		records = append(records, s.record("receipts", p.ID, fmt.Sprintf(`{"receipt_id":"manual-%s","product_id":%q,"quantity":3,"timestamp":1625097600000}`, p.ID, p.ID)))
	}
	return records
}

// unread returns in how many partitions of topics a stage has something to read.
func (s *system) unread(stage string, aliases ...string) (int, error) {
	var topics []string
	for _, alias := range aliases {
		topics = append(topics, s.topic(alias))
	}
	ends, err := kafka.Ends(s.t.Context(), s.client, topics...)
	if err != nil {
		return 0, err
	}
	unread, err := kafka.NewLagCounter(s.client, 1, 0).Unread(s.t.Context(), s.prefix+"-"+stage, ends)
	return len(unread), err
}

// Inputs that got more partitions while nothing ran are read at the next start.
func TestInputsThatHaveGrownAreRead(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers)
		products, _ := s.backlog(300)
		s.drain()
		s.grow(8, "orders", "receipts", "reorders", "catalog")
		added := named("added-", 20)
		s.write(s.orderRecords(ordersOf(300, append(products, added...), 21))...)
		s.write(s.receiptRecords(products)...)
		s.write(s.catalogRecords(added)...)
		summary := s.drain()
		if n := summary.Count(s.topic("orders"), processor.Accepted); n != 300 {
			t.Errorf("%d orders accepted, want 300", n)
		}
		counts, err := kafka.PartitionCounts(t.Context(), s.client, s.topic("procurement-changelog"))
		if n := counts[s.topic("procurement-changelog")]; n != 8 || err != nil {
			t.Errorf("the changelog of the reorders has %d partitions, want 8, %v", n, err)
		}
		s.write(s.orderRecords(ordersOf(1500, append(products, added...), 22))...)
		s.drain()
		if !s.inPartitions("reorders", 6, 8) || !s.inPartitions("procurement-changelog", 6, 8) {
			t.Fatal("the new partitions have no record")
		}
		s.prove()
	})
}

// The product log and the ledger's changelog can't grow: products would move away
// from their state. A processor that runs ends, and the next start is refused.
func TestGrownLogIsRefused(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		for _, alias := range []string{"log", "ledger-changelog"} {
			t.Run(alias, func(t *testing.T) {
				s := newSystem(t, brokers)
				products, _ := s.backlog(100)
				r := s.running()
				s.untilCommitted("ingest", "orders", 100)
				s.grow(8, alias)
				var grown *processor.GrownError
				if err := <-r.ended; !errors.As(err, &grown) || grown.Topic != s.topic(alias) || grown.Have < 7 || grown.Want != 6 {
					t.Errorf("the processor ended with %v", err)
				}
				s.write(s.orderRecords(ordersOf(20, products, 5))...)
				_, err := s.try()
				var partitions *kafka.PartitionsError
				if !errors.As(err, &partitions) || partitions.Topic != s.topic(alias) || partitions.Have != 8 || partitions.Want != 6 {
					t.Errorf("the next start ended with %v", err)
				}
			})
		}
	})
}

// Giving all topics more partitions and declaring as many in the scenario does not
// get around it: the committed offsets say how many there were.
func TestGrownLogIsRefusedWhateverTheScenarioSays(t *testing.T) {
	s := newSystem(t, kafkatest.Embedded(t))
	products, _ := s.backlog(100)
	s.drain()
	s.grow(8, "log", "ledger-changelog")
	for i := range s.scenario.Topics {
		if topic := &s.scenario.Topics[i]; topic.Internal {
			topic.Partitions = 8
		}
	}
	s.write(s.orderRecords(ordersOf(20, products, 5))...)
	_, err := s.try()
	var grown *processor.GrownError
	if !errors.As(err, &grown) || grown.Topic != s.topic("log") || grown.Have != 8 || grown.Want != 6 {
		t.Errorf("error %v", err)
	}
}

// State that is kept by key can't follow keys that move to another partition.
func TestGrownSourceOfKeyedStateIsRefused(t *testing.T) {
	s := newSystem(t, kafkatest.Embedded(t))
	sc, err := scenario.Parse("markdown.yaml", []byte("scenario: markdown\ntopics:\n"+exampleTopics))
	if err != nil {
		t.Fatal(err)
	}
	prefixTopics(sc, s.prefix)
	s.scenario.Topics = append(s.scenario.Topics, sc.Topics...)
	s.backlog(100)
	c := s.config()
	if c.Config.Topologies, err = withMarkdowns(c); err != nil {
		t.Fatal(err)
	}
	if _, err := processor.Run(t.Context(), c.Config); err != nil {
		t.Fatal(err)
	}
	s.grow(8, "updates")
	_, err = processor.Run(t.Context(), c.Config)
	var grown *processor.GrownError
	if !errors.As(err, &grown) || *grown != (processor.GrownError{Topic: s.topic("updates"), Have: 8, Want: 6}) {
		t.Errorf("error %v", err)
	}
}
