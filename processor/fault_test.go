package processor_test

import (
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"inv/internal/kafkatest"
	"inv/processor/inventory"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// backlog writes a catalogue and orders, and returns them.
func (s *system) backlog(orders int) ([]catalogued, []order) {
	s.t.Helper()
	s.create()
	products := catalogOf(50)
	list := ordersOf(orders, products, 11)
	s.write(s.catalogRecords(products)...)
	s.write(s.orderRecords(list)...)
	return products, list
}

// committed returns how many records of a topic a stage has committed.
func (s *system) committed(stage, alias string) (n int64, err error) {
	offsets, err := kadm.NewClient(s.client).FetchOffsets(s.t.Context(), s.prefix+"-"+stage)
	if err != nil {
		return 0, err
	}
	offsets.Each(func(o kadm.OffsetResponse) {
		if o.Topic == s.topic(alias) {
			n += max(o.At, 0)
		}
	})
	return n, nil
}

func (s *system) untilCommitted(stage, alias string, atLeast int64) {
	s.t.Helper()
	kafkatest.Eventually(s.t, 90*time.Second, fmt.Sprintf("%s has committed %d %s", stage, atLeast, alias), func() (bool, error) {
		n, err := s.committed(stage, alias)
		return n >= atLeast, err
	})
}

// aborted returns how many records of a topic are there uncommitted only.
func (s *system) aborted(alias string) (n int) {
	s.t.Helper()
	for _, records := range s.readAs(s.topic(alias), kgo.ReadUncommitted()) {
		n += len(records)
	}
	return n - len(s.all(s.topic(alias)))
}

// Two processes share the work; one is killed in the middle of it. The outputs
// are those of a sequential fold of the log, and the stock is what is left.
func TestOneOfTwoProcessesIsKilled(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := newSystem(t, kafkatest.Brokers(t))
	products, orders := s.backlog(60_000)
	alone := func(c *childConfig) { c.Topologies = []string{inventory.Name} }
	a := s.start(alone, func(c *childConfig) { c.Instance = "a" })
	b := s.start(alone, func(c *childConfig) { c.Instance, c.Drain = "b", true })
	s.untilCommitted("ledger", "log", 1)
	a.signal(syscall.SIGKILL)
	a.wait(5 * time.Second)
	b.done(3 * time.Minute)
	s.prove(inventory.Name)
	s.checkFinalStock(products, orders)
}

// A process that is killed at each point of a transaction is replaced by one
// with the same instance, which fences what the dead one left open.
func TestKilledAtEachPoint(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		stage, point string
		output       string // has aborted records if the kill hit
	}{
		{"ingest", stage.AtSealed, ""},
		{"ingest", stage.AtProduced, "log"},
		{"ingest", stage.AtOffsets, "log"},
		{"ingest", stage.AtEnding, ""},
		{"ingest", stage.AtCommitted, ""},
		{"ledger", stage.AtProduced, "updates"},
		{"ledger", stage.AtOffsets, "updates"},
		{"ledger", stage.AtEnding, ""},
		{"ledger", stage.AtCommitted, ""},
		{"ledger", stage.AtRestoring, ""},
		{"procurement", stage.AtProduced, "procurement-changelog"},
		{"procurement", stage.AtOffsets, "procurement-changelog"},
		{"procurement", stage.AtEnding, ""},
		{"procurement", stage.AtCommitted, ""},
	} {
		t.Run(c.stage+" "+c.point, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t, kafkatest.Brokers(t))
			products, _ := s.backlog(1500)
			nth := int64(1)
			if c.point == stage.AtRestoring {
				nth = 3 // of six partitions, when there is state
				s.drain()
			}
			s.write(s.orderRecords(ordersOf(1500, products, 15))...)
			stable := func(c *childConfig) { c.Instance, c.Stable = "same", true }
			killed := s.start(stable, func(cfg *childConfig) {
				cfg.Signal, cfg.Stage, cfg.Point, cfg.Nth = syscall.SIGKILL, c.stage, c.point, nth
			})
			if code := killed.wait(2 * time.Minute); code != -1 {
				t.Fatalf("exit code %d, want a signal:\n%s", code, killed.output())
			}
			s.start(stable, func(c *childConfig) { c.Drain = true }).done(3 * time.Minute)
			s.prove()
			if c.output != "" && s.aborted(c.output) == 0 {
				t.Error("nothing was aborted: the kill did not hit")
			}
		})
	}
}

// checkReceipts wants one receipt for each reorder.
func (s *system) checkReceipts() {
	s.t.Helper()
	receipts := map[string]int{}
	for _, r := range s.all(s.topic("receipts")) {
		if headers(r)["ce_source"] != s.prefix {
			continue // a restock by hand
		}
		receipts[strings.TrimPrefix(headers(r)["ce_id"], "receipt-")]++
	}
	reorders := s.all(s.topic("reorders"))
	for _, r := range reorders {
		if n := receipts[string(r.Key)]; n != 1 {
			s.t.Errorf("%d receipts for %s", n, r.Key)
		}
	}
	if len(receipts) != len(reorders) {
		s.t.Errorf("%d receipts for %d reorders", len(receipts), len(reorders))
	}
}

// A process that stands still until its partitions are another's, and then goes
// on, writes nothing twice.
func TestStoppedPastTheSessionTimeout(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := newSystem(t, kafkatest.Brokers(t))
	products, _ := s.backlog(20_000)
	lead := func(c *childConfig) { c.LeadTime = 3 * time.Second }
	a := s.start(lead, func(c *childConfig) { c.Instance = "a" })
	s.untilCommitted("procurement", "reorders", 1) // receipts are pending
	b := s.start(lead, func(c *childConfig) { c.Instance = "b" })
	a.signal(syscall.SIGSTOP)
	more := ordersOf(2000, products, 12)
	s.write(s.orderRecords(more)...)
	s.untilCommitted("ingest", "orders", 22_000) // b has a's partitions
	a.signal(syscall.SIGCONT)
	s.write(s.orderRecords(ordersOf(2000, products, 13))...)
	s.drain(func(c *config) { c.LeadTime = 3 * time.Second })
	for _, c := range []*child{a, b} {
		c.signal(syscall.SIGTERM)
		c.done(10 * time.Second)
	}
	s.prove()
}

// Of two live processes with one instance the older one ends and names the flag.
func TestSameInstanceTwice(t *testing.T) {
	s := newSystem(t, kafkatest.Brokers(t))
	products, _ := s.backlog(1000)
	stable := func(c *childConfig) { c.Instance, c.Stable = "same", true }
	older := s.start(stable)
	s.untilCommitted("ingest", "orders", 1000)
	newer := s.start(stable)
	ended := make(chan struct{})
	go func() { <-older.exited; close(ended) }()
	var written int64 = 1000
	for seed := uint64(20); ; seed++ {
		s.write(s.orderRecords(ordersOf(100, products, seed))...)
		written += 100
		select {
		case <-ended:
		case <-time.After(100 * time.Millisecond):
			if seed < 600 {
				continue
			}
			t.Fatalf("the older one still runs:\n%s", older.output())
		}
		break
	}
	if code := older.wait(time.Second); code != 1 || !strings.Contains(older.output(), stage.ErrFenced.Error()) {
		t.Errorf("the older one's exit code is %d:\n%s", code, older.output())
	}
	s.untilCommitted("ingest", "orders", written)
	newer.signal(syscall.SIGTERM)
	newer.done(10 * time.Second)
	s.drain()
	s.prove()
}

// A process with the instance of one that was killed goes on at once: it does not
// wait until the broker finds the transaction that was left open, which is 10 s
// after its beginning at the earliest. One of three is enough on a slow machine.
func TestTakesOverAtOnce(t *testing.T) {
	s := newSystem(t, kafkatest.Brokers(t))
	products, _ := s.backlog(300)
	var took time.Duration
	for seed := range uint64(3) {
		killed := s.start(func(c *childConfig) {
			c.Instance, c.Stable = "same", true
			c.Signal, c.Stage, c.Point, c.Nth = syscall.SIGKILL, "ledger", stage.AtOffsets, 1
		})
		if code := killed.wait(2 * time.Minute); code != -1 {
			t.Fatalf("exit code %d, want a signal:\n%s", code, killed.output())
		}
		began := time.Now()
		var once sync.Once
		s.drain(func(c *config) {
			c.Instance, c.StableInstance = "same", true
			c.At = func(name, point string) {
				if name == "ledger" && point == stage.AtRestoring {
					once.Do(func() { took = time.Since(began) })
				}
			}
		})
		if took < 9*time.Second {
			s.prove()
			return
		}
		s.write(s.orderRecords(ordersOf(300, products, 30+seed))...)
	}
	t.Errorf("the ledger's state was rebuilt %s after the start", took)
}
