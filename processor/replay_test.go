package processor_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"inv/internal/deadletter"
	"inv/internal/event"
	"inv/internal/kafka"
	"inv/internal/kafkatest"
	"inv/processor"

	"github.com/twmb/franz-go/pkg/kgo"
)

// replay returns what inv dlq replay does with the letters that have a text in their
// value or history.
func replay(ctx context.Context, brokers []string, dead, text string, repair []byte, opts ...kgo.Opt) (total, already, back int, err error) {
	client, err := deadletter.Connect(ctx, kafka.Config{Brokers: brokers}, opts...)
	if err != nil {
		return 0, 0, 0, err
	}
	defer client.Close()
	match := func(r *kgo.Record) bool {
		return strings.Contains(string(r.Value)+headers(r)[event.HeaderDLQHistory], text)
	}
	plan, err := client.Plan(ctx, []string{dead}, deadletter.Filter{Match: match}, false)
	if err != nil {
		return 0, 0, 0, err
	}
	total, already = plan.Total(), plan.Already
	var with *deadletter.Repair
	if repair != nil {
		with = &deadletter.Repair{Value: repair}
	}
	back, err = plan.Run(ctx, with)
	return total, already, back, err
}

// killAfter kills its process when so many records are acknowledged.
type killAfter struct{ left atomic.Int64 }

func (k *killAfter) OnProduceRecordUnbuffered(*kgo.Record, error) {
	if k.left.Add(-1) == 0 {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

// replayChild returns a replay in a process of its own, which is killed in between.
func replayChild(c childConfig) int {
	kill := &killAfter{}
	kill.left.Store(c.Nth)
	_, _, back, err := replay(context.Background(), c.Brokers, c.Replay, c.Filter, nil, kgo.WithHooks(kill), kgo.MaxBufferedRecords(1), kgo.ProducerLinger(0))
	fmt.Fprintln(os.Stderr, back, err)
	return 0
}

// Dead letters go back once: although the replay is killed in between and run
// again, and although two run at the same time. What is refused again has its
// history, and a repaired value is accepted.
func TestReplayPutsBackOnce(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers)
		s.create()
		s.write(s.catalogRecords(catalogOf(3))...)
		for i := range 20 {
			s.write(s.record("orders", "late", strings.Replace(orderWith("prod-1", "late"), `"o"`, fmt.Sprintf(`"late-%d"`, i), 1)))
		}
		s.write(s.record("orders", "later", orderWith("prod-1", "later")))
		s.write(s.record("orders", "o", orderWith(`"quantity":2`, `"quantity":0`)))
		s.drain()
		dead := s.topic("orders") + ".dlq"
		s.write(s.catalogRecords([]catalogued{{ID: "late", Name: "Late", Price: 9.5, InitialStock: 30, ReorderThreshold: 5, ReorderQuantity: 10}})...)

		repaired := `"product_id":"late"`
		killed := s.start(func(c *childConfig) { c.Replay, c.Filter, c.Nth = dead, repaired, 7 })
		if code := killed.wait(2 * time.Minute); code != -1 {
			t.Fatalf("exit code %d, want a signal:\n%s", code, killed.output())
		}
		s.drain() // some are accepted before the rest is replayed
		total, already, back, err := replay(t.Context(), brokers, dead, repaired, nil)
		if err != nil || already < 7 || already > 8 || total != 20-already || back != total {
			t.Errorf("after the kill: %d to replay, %d already, %d replayed, %v", total, already, back, err)
		}
		s.drain()
		if total, already, _, err := replay(t.Context(), brokers, dead, repaired, nil); total != 0 || already != 20 || err != nil {
			t.Errorf("once more: %d to replay, %d already, %v", total, already, err)
		}
		if n := s.replayed(dead); n != 20 {
			t.Errorf("%d records with their history are back, want 20", n)
		}

		s.write(s.catalogRecords([]catalogued{{ID: "later", Name: "Later", Price: 9.5}})...)
		s.replayTwice(dead)
		summary := s.drain()
		if accepted, n := summary.Count(s.topic("orders"), processor.Accepted), summary.Count(s.topic("orders"), processor.Duplicate); accepted != 1 || n != 1 {
			t.Errorf("%d accepted and %d duplicates of two replays at the same time, want 1 and 1", accepted, n)
		}
		// Refused again, it has its history; with another value it is accepted.
		if _, _, back, err := replay(t.Context(), brokers, dead, `"quantity":0`, nil); back != 1 || err != nil {
			t.Errorf("%d replayed, %v", back, err)
		}
		s.drain()
		again := ": bad-quantity"
		if total, _, back, err := replay(t.Context(), brokers, dead, again, []byte(goodOrder)); total != 1 || back != 1 || err != nil {
			t.Errorf("repairing: %d to replay, %d replayed, %v", total, back, err)
		}
		if n := s.drain().Count(s.topic("orders"), processor.Accepted); n != 1 {
			t.Errorf("%d accepted after the repair, want 1", n)
		}
		s.prove()
	})
}

// replayed counts the orders that are back, and wants each to say where it has
// been.
func (s *system) replayed(dead string) (n int) {
	for _, r := range s.all(s.topic("orders")) {
		h := headers(r)
		if h[event.HeaderDLQReplay] == "" {
			continue
		}
		n++
		if !strings.HasPrefix(h[event.HeaderDLQReplay], dead+"/") || !strings.Contains(h[event.HeaderDLQHistory], "refused by ingest at "+h[event.HeaderDLQReplay]+": unknown-product") {
			s.t.Errorf("headers %v", h)
		}
	}
	return n
}

// replayTwice makes two plans for one letter, and then runs both.
func (s *system) replayTwice(dead string) {
	s.t.Helper()
	client, err := deadletter.Connect(s.t.Context(), kafka.Config{Brokers: s.brokers})
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	var plans []*deadletter.Plan
	for range 2 {
		plan, err := client.Plan(s.t.Context(), []string{dead}, deadletter.Filter{Match: func(r *kgo.Record) bool { return string(r.Key) == "later" }}, false)
		if err != nil || plan.Total() != 1 {
			s.t.Fatalf("%d to replay, %v", plan.Total(), err)
		}
		plans = append(plans, plan)
	}
	for _, plan := range plans {
		if _, err := plan.Run(s.t.Context(), nil); err != nil {
			s.t.Fatal(err)
		}
	}
}
