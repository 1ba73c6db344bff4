package processor_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"inv/internal/event"
	"inv/internal/kafkatest"
	"inv/processor"
	"inv/processor/inventory"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// refused wants a start to be refused in words that hold each text.
func (s *system) refused(texts ...string) {
	s.t.Helper()
	s.refusedWith(func(*config) {}, texts...)
}

func (s *system) refusedWith(change func(*config), texts ...string) {
	s.t.Helper()
	_, err := s.try(change)
	var wrong *processor.StartOverError
	if !errors.As(err, &wrong) {
		s.t.Errorf("error %v, want one that starting over helps against", err)
	}
	for _, text := range texts {
		if err == nil || !strings.Contains(err.Error(), text) {
			s.t.Errorf("error %v\nwant %q in it", err, text)
		}
	}
}

// offsetOf returns a stage's committed offset, above 0, of some partition of a topic.
func (s *system) offsetOf(stage, alias string) kadm.Offset {
	s.t.Helper()
	offsets, err := kadm.NewClient(s.client).FetchOffsets(s.t.Context(), s.prefix+"-"+stage)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, o := range offsets[s.topic(alias)] {
		if o.At > 0 {
			return o.Offset
		}
	}
	s.t.Fatalf("%s has committed nothing of %s", stage, alias)
	return kadm.Offset{}
}

// commit is what other tools do to move an offset.
func (s *system) commit(stage string, o kadm.Offset) {
	s.t.Helper()
	var one kadm.Offsets
	one.Add(o)
	if err := kadm.NewClient(s.client).CommitAllOffsets(s.t.Context(), s.prefix+"-"+stage, one); err != nil {
		s.t.Fatal(err)
	}
}

// An offset that another tool has moved, back or forward, is refused, however
// many others the group has kept. Put back as it was, everything goes on.
func TestMovedOffsetsAreRefused(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers)
		products, _ := s.backlog(200)
		s.drain()
		for _, c := range []struct{ stage, alias string }{
			{"ingest", "orders"}, {"ingest", "catalog"}, {"ingest", "receipts"}, {"ledger", "log"}, {"procurement", "reorders"},
		} {
			was := s.offsetOf(c.stage, c.alias)
			for _, by := range []int64{-1, 5} {
				moved := was
				moved.At, moved.Metadata = was.At+by, ""
				s.commit(c.stage, moved)
				s.refused(s.prefix+"-"+c.stage, fmt.Sprintf("offset %d of %s/%d", moved.At, moved.Topic, moved.Partition), "set back or forward")
			}
			older := was
			older.Metadata = "inv/0" + strings.TrimPrefix(was.Metadata, "inv/2")
			s.commit(c.stage, older)
			s.refused(s.prefix+"-"+c.stage, "another version", "inv/0")
			s.commit(c.stage, was)
		}
		s.write(s.orderRecords(ordersOf(50, products, 97))...)
		s.drain()
		s.prove()
	})
}

// The same for offsets that are gone: all of ingest's, or those of one partition.
func TestForgottenOffsetsAreRefused(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers)
		s.backlog(200)
		s.drain()
		admin := kadm.NewClient(s.client)
		one := s.offsetOf("ingest", "orders")
		var gone kadm.TopicsSet
		gone.Add(one.Topic, one.Partition)
		if _, err := admin.DeleteOffsets(t.Context(), s.prefix+"-ingest", gone); err != nil {
			t.Fatal(err)
		}
		s.refused(fmt.Sprintf("no offset of %s/%d", one.Topic, one.Partition), "would count twice")
		s.commit("ingest", one)
		s.drain()
		s.prove()
		if _, err := admin.DeleteGroups(t.Context(), s.prefix+"-ingest"); err != nil {
			t.Fatal(err)
		}
		s.refused("would count twice")
	})
}

// Groups whose offsets are gone, as after a week without a member, go on from
// what the changelog includes.
func TestExpiredOffsetsOfTheLedger(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers)
		_, orders := s.backlog(200)
		alone := func(c *config) { c.Topologies = []string{inventory.Name} }
		s.drain(alone)
		if _, err := kadm.NewClient(s.client).DeleteGroups(t.Context(), s.prefix+"-ledger"); err != nil {
			t.Fatal(err)
		}
		s.write(s.orderRecords(orders[:10])...) // duplicates: nothing new for most partitions
		s.write(s.orderRecords(ordersOf(50, catalogOf(50), 99))...)
		s.drain(alone)
		s.prove(inventory.Name)
	})
}

// A topic that was deleted and recreated while nothing ran has other records at
// the same offsets, whether it is shorter or longer now.
func TestTopicRecreatedWhileNothingRan(t *testing.T) {
	test := func(t *testing.T, brokers []string, alias string) {
		s := newSystem(t, brokers)
		products, orders := s.backlog(200)
		s.drain()
		s.recreate(alias)
		s.client = kafkatest.Client(t, brokers) // the old one knows the old topic
		switch alias {
		case "orders":
			s.write(s.orderRecords(orders)...)
			s.write(s.orderRecords(ordersOf(200, products, 96))...)
		case "catalog":
			s.write(s.catalogRecords(products)...)
		}
		s.refused("topic " + s.topic(alias) + " was deleted and recreated")
	}
	for _, alias := range []string{"catalog", "receipts", "reorders", "log", "ledger-changelog", "procurement-changelog"} {
		t.Run(alias, func(t *testing.T) { test(t, kafkatest.Embedded(t), alias) })
	}
	t.Run("orders", func(t *testing.T) {
		kafkatest.OnEach(t, func(t *testing.T, brokers []string) { test(t, brokers, "orders") })
	})
}

// A changelog that disagrees with the committed offset, by more or by less, is
// refused by what it includes, whatever the offset's metadata says.
func TestChangelogThatDisagrees(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		t.Run("more", func(t *testing.T) {
			s := newSystem(t, brokers)
			s.backlog(200)
			s.drain()
			o := s.offsetOf("ledger", "log")
			o.Metadata = strings.Replace(o.Metadata, fmt.Sprintf(" %d ", o.At), " 0 ", 1)
			o.At = 0
			s.commit("ledger", o)
			s.write(s.orderRecords(ordersOf(100, catalogOf(50), 95))...) // or it ends, drained, before it looks
			s.refused("includes offset", "set back")
		})
		t.Run("less", func(t *testing.T) {
			s := newSystem(t, brokers)
			s.backlog(200)
			s.drain()
			o := s.offsetOf("ledger", "log")
			for range 3 { // and what ended the last transaction
				s.writeLine(o.Partition, "prod-1")
			}
			o.Metadata = strings.Replace(o.Metadata, fmt.Sprintf(" %d ", o.At), fmt.Sprintf(" %d ", o.At+2), 1)
			o.At += 2
			s.commit("ledger", o)
			s.write(s.orderRecords(ordersOf(100, catalogOf(50), 95))...)
			s.refused(s.topic("ledger-changelog"), "lacks offset")
		})
	})
}

// State, log and receipts of another format are refused, not guessed at.
func TestOlderFormatsAreRefused(t *testing.T) {
	for _, c := range []struct {
		alias, key, value string
		headers           []kgo.RecordHeader
		want              string
	}{
		{"ledger-changelog", "p/prod-1", "\x00\x02\x01", nil, "its format is 0"},
		{"ledger-changelog", "p/prod-1", "", nil, "not a state"},
		{"ledger-changelog", "p/prod-1", "\x01", nil, "not a state"},
		{"procurement-changelog", "reorder-1", "\x00\x02\x01{}", nil, "its format is not 1"},
		{"procurement-changelog", "reorder-1", "\x01\x02\x01{", nil, "not a pending receipt"},
		{"log", "", `{"k":"line"}`, []kgo.RecordHeader{{Key: "inv-format", Value: []byte("product-log/0")}}, `"product-log/0"`},
		{"log", "", `{"k":"line"}`, nil, "format"},
	} {
		t.Run(c.alias+" "+c.want, func(t *testing.T) {
			s := newSystem(t, kafkatest.Embedded(t))
			s.backlog(50)
			r := s.record(c.alias, c.key, c.value)
			r.Headers = c.headers
			s.write(r)
			s.refused(c.want)
		})
	}
}

// What is put back from the dead letters, and equal records that come outside the
// duplicates' window, are new records at new offsets, and nothing of the above.
func TestRepeatedRecordsAreNoMovedOffsets(t *testing.T) {
	s := newSystem(t, kafkatest.Embedded(t))
	_, orders := s.backlog(100)
	narrow := func(c *config) { c.DedupeWindow = 5 }
	s.drain(narrow)
	s.write(s.orderRecords(orders)...)
	again := s.orderRecords(orders[:10])
	for i, r := range again {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: event.HeaderDLQReplay, Value: fmt.Appendf(nil, "orders.dlq/0@%d", i)})
	}
	s.write(again...)
	summary := s.drain(narrow)
	if n := summary.Count(s.topic("orders"), processor.Accepted); n != 110 {
		t.Errorf("%d accepted, want 110", n)
	}
	// Not prove: these dead letters never were, and the auditor looks for them.
	s.checkFold()
}

// State that was made by one policy's rules is not gone on from with the other's.
func TestAnotherPolicyIsRefused(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers)
		s.backlog(50)
		reference := func(c *config) { c.Policy = inventory.PolicyReference }
		s.drain()
		s.refusedWith(reference, `policy "default"`, `this one has "reference"`)
		s.drain()
		s.prove()

		other := newSystem(t, brokers)
		other.backlog(50)
		other.drain(reference)
		other.refused(`policy "reference"`, `this one has "default"`)
		other.drain(reference)
	})
}
