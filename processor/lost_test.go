package processor_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"inv/internal/kafka"
	"inv/internal/kafka/fetch"
	"inv/internal/kafka/partition"
	"inv/internal/kafkatest"
	"inv/processor"
	"inv/processor/inventory"

	"github.com/twmb/franz-go/pkg/kadm"
)

// lost wants a start to be refused for records of one topic that are gone.
func (s *system) lost(alias string, change ...func(*config)) *processor.LostError {
	s.t.Helper()
	_, err := s.try(change...)
	var lost *processor.LostError
	if !errors.As(err, &lost) || !slices.Equal(lost.Aliases(), []string{alias}) {
		s.t.Fatalf("error %v, want that records of %s are lost", err, alias)
	}
	return lost
}

func skipLost(aliases ...string) func(*config) {
	return func(c *config) { c.SkipLost = aliases }
}

// Orders that retention took before they were processed are named and counted, and
// with the flag the processor goes on from what is left: the state is kept.
func TestGoesOnAfterRetention(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers)
		products, _ := s.backlog(300)
		s.drain()
		s.prove()
		before := s.stocks()
		at := s.offsetOf("ingest", "orders")
		s.write(s.orderRecords(ordersOf(300, products, 31))...)
		s.trim("orders", at.Partition, at.At+10)

		lost := s.lost("orders")
		want := processor.LostRange{Alias: "orders", Topic: s.topic("orders"), Partition: at.Partition, From: at.At, To: at.At + 10, Group: s.prefix + "-ingest"}
		if len(lost.Ranges) != 1 || lost.Ranges[0].String() != want.String() || lost.Ranges[0].Group != want.Group {
			t.Errorf("lost are %+v, want %+v", lost.Ranges, want)
		}
		for _, text := range []string{"up to 10 records", fmt.Sprintf("%s/%d offsets %d to %d", want.Topic, want.Partition, want.From, want.To-1), want.Group} {
			if !strings.Contains(lost.Error(), text) {
				t.Errorf("the error is %q, want %q in it", lost, text)
			}
		}
		if n := lost.Gone[s.topic("orders")]; n != at.At+10 {
			t.Errorf("%d offsets are said to be gone, want %d", n, at.At+10)
		}
		s.lost("orders", skipLost("receipts"))

		summary := s.drain(skipLost("orders"))
		if n := summary.Count(s.topic("orders"), processor.Accepted); n != 290 {
			t.Errorf("%d orders accepted, want the 290 that are left", n)
		}
		if len(summary.Lost) != 1 || summary.Lost[0].String() != want.String() {
			t.Errorf("the summary has lost %+v", summary.Lost)
		}
		s.checkFold() // one history, with the state from before
		for id, seq := range before {
			if now := s.stocks()[id]; now < seq {
				t.Errorf("%s is at update %d and was at %d", id, now, seq)
			}
		}
		s.write(s.orderRecords(ordersOf(50, products, 32))...)
		s.drain() // the gap is behind it: no flag
		s.checkFold()
	})
}

// end returns the offset behind a partition's last record.
func (s *system) end(alias string, partition int32) int64 {
	s.t.Helper()
	ends, err := kafka.Ends(s.t.Context(), s.client, s.topic(alias))
	if err != nil {
		s.t.Fatal(err)
	}
	return ends[fetch.ID{Topic: s.topic(alias), Partition: partition}]
}

// deleteGroup removes a stage's group, as brokers do after a week without a member.
func (s *system) deleteGroup(stage string) {
	s.t.Helper()
	if _, err := kadm.NewClient(s.client).DeleteGroups(s.t.Context(), s.prefix+"-"+stage); err != nil {
		s.t.Fatal(err)
	}
}

// stocks returns the number of the last update of each product.
func (s *system) stocks() map[string]int {
	s.t.Helper()
	last := map[string]int{}
	for _, r := range s.all(s.topic("updates")) {
		last[string(r.Key)]++
	}
	return last
}

// The same for what stages have written for each other.
func TestGoesOnWithoutLostLogAndReorders(t *testing.T) {
	t.Run("log", func(t *testing.T) {
		s := newSystem(t, kafkatest.Embedded(t))
		products, _ := s.backlog(200)
		s.drain()
		at := s.offsetOf("ledger", "log")
		for range 5 {
			s.writeLine(at.Partition, belongingTo(t, products, at.Partition))
		}
		s.trim("log", at.Partition, at.At+3)
		if lost := s.lost("log"); lost.Ranges[0].Group != s.prefix+"-ledger" || lost.Ranges[0].From != at.At {
			t.Errorf("lost are %+v", lost.Ranges)
		}
		s.write(s.orderRecords(ordersOf(50, products, 32))...)
		s.drain(skipLost("log"))
		s.drain()
	})
	t.Run("reorders", func(t *testing.T) {
		s := newSystem(t, kafkatest.Embedded(t))
		products, _ := s.backlog(200)
		s.drain()
		at := s.offsetOf("procurement", "reorders")
		s.write(s.orderRecords(ordersOf(600, products, 33))...)
		s.drain(func(c *config) { c.Topologies = []string{inventory.Name} })
		s.trim("reorders", at.Partition, s.end("reorders", at.Partition)-1) // all but the last marker
		if lost := s.lost("reorders"); lost.Ranges[0].Group != s.prefix+"-procurement" {
			t.Errorf("lost are %+v", lost.Ranges)
		}
		s.drain(skipLost("reorders"))
		s.drain()
	})
}

// belongingTo returns a product of a partition of the log.
func belongingTo(t *testing.T, products []catalogued, to int32) string {
	for _, p := range products {
		if partition.Murmur2([]byte(p.ID), 6) == to {
			return p.ID
		}
	}
	t.Fatal("no product belongs to the partition")
	return ""
}

// A catalogue that has lost its first records doesn't have all products: their
// orders would be dead-lettered as unknown.
func TestCatalogueThatLostItsStartIsRefused(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers)
		products, _ := s.backlog(100)
		s.drain()
		s.configure("catalog", "cleanup.policy", "delete") // brokers refuse to trim a compacted topic
		s.trim("catalog", 0, 5)
		s.write(s.orderRecords(ordersOf(10, products[:5], 3))...)
		lost := s.lost("catalog")
		if r := lost.Ranges[0]; r.From != 0 || r.To != 5 || r.Group != "" || !strings.Contains(lost.Error(), s.topic("catalog")+"/0 offsets 0 to 4") {
			t.Errorf("lost are %+v: %v", lost.Ranges, lost)
		}
		s.write(s.catalogRecords(products[:5])...) // published again, before it goes on
		if n := s.drain(skipLost("catalog")).Count(s.topic("orders"), processor.Accepted); n != 10 {
			t.Errorf("%d orders accepted, want 10", n)
		}
		s.checkFold()
	})
}

// Starting over from inputs that are not complete gives another stock, so the
// error says what they lack.
func TestStartingOverSaysWhatIsGone(t *testing.T) {
	s := newSystem(t, kafkatest.Embedded(t))
	s.backlog(100)
	s.drain()
	at := s.offsetOf("ingest", "orders")
	s.trim("orders", at.Partition, 3)
	moved := at
	moved.At, moved.Metadata = at.At-1, ""
	s.commit("ingest", moved)
	_, err := s.try()
	var gone *processor.InputsGoneError
	if !errors.As(err, &gone) || len(gone.Gone) != 1 || gone.Gone[s.topic("orders")] != 3 {
		t.Errorf("error %v, gone %v", err, gone)
	}
	s.refused("set back or forward")
}

// A topic that ends before what was read of it has lost its last records.
func TestTopicThatLostItsEndIsRefused(t *testing.T) {
	s := newSystem(t, kafkatest.Embedded(t))
	s.backlog(100)
	s.drain()
	at := s.offsetOf("ingest", "orders")
	beyond := at
	beyond.At += 7
	beyond.Metadata = strings.Replace(at.Metadata, fmt.Sprintf(" %d ", at.At), fmt.Sprintf(" %d ", beyond.At), 1)
	s.commit("ingest", beyond)
	s.refused(fmt.Sprintf("%s/%d ends at offset %d", s.topic("orders"), at.Partition, s.end("orders", at.Partition)))
}

// Topics that are written in transactions end in a marker. It is no record: where
// retention has taken everything, nothing is lost.
func TestMarkersAreNotLost(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers)
		products, _ := s.backlog(100)
		s.drain()
		for _, alias := range []string{"log", "receipts", "reorders"} {
			for p := range int32(6) {
				s.trim(alias, p, s.end(alias, p))
			}
		}
		s.write(s.orderRecords(ordersOf(50, products, 41))...)
		if n := s.drain().Count(s.topic("orders"), processor.Accepted); n != 50 {
			t.Errorf("%d orders accepted, want 50", n)
		}
	})
}

// A group without offsets, and a log without its beginning, leave it open what was
// decided before.
func TestForgottenOffsetsWithATrimmedLog(t *testing.T) {
	s := newSystem(t, kafkatest.Embedded(t))
	s.backlog(100)
	s.drain()
	for p := range int32(6) {
		s.trim("log", p, s.end("log", p))
	}
	s.drain() // what is applied is not needed
	s.deleteGroup("ingest")
	s.refused("begins at offset", "can't be known")
}
