package processor_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"inv/internal/event"
	"inv/internal/kafka"
	"inv/internal/kafkatest"
	"inv/processor"
	"inv/processor/inventory"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kadm"
)

// rounds returns how often a test repeats its fault: few, or INV_FAULT_ROUNDS.
func rounds(t testing.TB, few int) int {
	text := os.Getenv("INV_FAULT_ROUNDS")
	if text == "" {
		return few
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("INV_FAULT_ROUNDS: %v", err)
	}
	return n
}

// One to four members come and go, while records flow and while none do. New
// products appear meanwhile and are ordered as soon as their record is readable.
func TestRebalanceStorm(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers)
		products, _ := s.backlog(500)
		var members []func() error
		rng := rand.New(rand.NewPCG(1, 2))
		written := int64(500)
		for round := range rounds(t, 12) {
			if len(members) == 0 || len(members) < 4 && rng.IntN(2) == 0 {
				members = append(members, s.member(fmt.Sprintf("storm-%d", round)))
			} else {
				i := rng.IntN(len(members))
				if err := members[i](); err != nil {
					t.Error(err)
				}
				members = append(members[:i], members[i+1:]...)
			}
			if round%3 == 2 {
				continue // a rebalance while idle
			}
			fresh := catalogued{ID: fmt.Sprintf("new-%d", round), Name: "New", Price: 1, InitialStock: 1000, ReorderThreshold: 1, ReorderQuantity: 5}
			s.write(s.catalogRecords([]catalogued{fresh})...)
			products = append(products, fresh)
			s.write(s.orderRecords([]order{{OrderID: fresh.ID, Items: []line{{fresh.ID, 1, 1}}, OrderTotal: 1}})...)
			s.write(s.orderRecords(ordersOf(200, products, uint64(100+round)))...)
			written += 201
			if rng.IntN(2) == 0 && len(members) > 0 {
				s.untilCommitted("ingest", "orders", written)
			}
		}
		for _, stop := range members {
			if err := stop(); err != nil {
				t.Error(err)
			}
		}
		s.drain()
		s.prove()
		s.checkOrders(written)
	})
}

// member runs a processor; the function that it returns stops it.
func (s *system) member(instance string) (stop func() error) {
	ctx, cancel := context.WithCancel(s.t.Context())
	ended := make(chan error, 1)
	go func() {
		cfg := s.config()
		cfg.Instance, cfg.Drain = instance, false
		_, err := cfg.run(ctx)
		ended <- err
	}()
	return func() error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(10 * time.Second):
			return errors.New("a member does not stop within 10 s")
		}
	}
}

// checkOrders wants each order in the log once, or dead-lettered, and none for
// an unknown product.
func (s *system) checkOrders(written int64) {
	s.t.Helper()
	var inLog int64
	seen := map[string]bool{}
	for _, r := range s.all(s.topic("log")) {
		for _, text := range strings.Split(string(r.Value), "\n") {
			_, source, found := strings.Cut(text, `"src":"`+s.topic("orders")+"/")
			if !found {
				continue
			}
			source, _, _ = strings.Cut(source, `"`)
			if seen[source] {
				s.t.Errorf("%s is in the log twice", source)
			}
			if seen[source] = true; strings.HasSuffix(source, "#0") {
				inLog++
			}
		}
	}
	dead := s.all(s.topic("orders") + ".dlq")
	for _, r := range dead {
		if headers(r)["dlq-reason"] == string(event.UnknownProduct) {
			s.t.Errorf("an order is dead-lettered for an unknown product: %s", r.Value)
		}
	}
	if inLog+int64(len(dead)) != written {
		s.t.Errorf("%d orders in the log and %d dead letters, %d written", inLog, len(dead), written)
	}
}

// A process is killed again and again, and started with the same instance: in every
// other round where records are written and their transaction is open, which is
// waited for, in the others at random transactions, points and times.
func TestKilledAgainAndAgain(t *testing.T) {
	s := newSystem(t, kafkatest.Brokers(t))
	k := &killer{system: s, rng: rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))}
	k.products, _ = s.backlog(5000)
	k.written = 5000
	stages := []string{"ingest", "ledger", "procurement"}
	points := []string{stage.AtSealed, stage.AtProduced, stage.AtOffsets, stage.AtEnding, stage.AtCommitted, stage.AtRestoring}
	aims := []struct{ stage, point, output string }{
		{"ingest", stage.AtProduced, "log"}, {"ledger", stage.AtOffsets, "updates"},
		{"ingest", stage.AtOffsets, "log"}, {"ledger", stage.AtProduced, "updates"},
	}
	kills := rounds(t, 8)
	for round := range kills {
		if round%2 == 1 {
			k.kill(stages[k.rng.IntN(3)], points[k.rng.IntN(len(points))], time.Duration(500+k.rng.IntN(2500))*time.Millisecond)
			continue
		}
		aim := aims[round/2%len(aims)]
		for tries := 1; ; tries++ {
			k.kill(aim.stage, aim.point, 0)
			if s.unended(aim.output) {
				break
			}
			if tries == 20 { // a transaction of duplicates alone writes nothing
				t.Fatalf("round %d: %d kills of %s at %q left nothing open in %s", round, tries, aim.stage, aim.point, aim.output)
			}
		}
	}
	s.start(func(c *childConfig) { c.Instance, c.Stable, c.Drain = "same", true, true }).done(5 * time.Minute)
	s.prove()
	log, updates := s.aborted("log"), s.aborted("updates")
	t.Logf("%d kills, %d orders written; aborted records: %d of the log, %d updates", k.kills, k.written, log, updates)
	if log == 0 || updates == 0 {
		t.Errorf("aborted records: %d of the log, %d updates; want some of both, or no kill hit", log, updates)
	}
}

// killer kills processes while orders flow.
type killer struct {
	*system
	rng      *rand.Rand
	products []catalogued
	written  int64
	kills    int
}

// kill runs a process until one of its next transactions is at a point of a stage,
// or until some time is over; 0 waits for the point.
func (k *killer) kill(stage, point string, after time.Duration) {
	k.t.Helper()
	nth := 1 + k.rng.Int64N(6)
	c := k.start(func(c *childConfig) {
		c.Instance, c.Stable, c.Signal, c.Stage, c.Point, c.Nth = "same", true, syscall.SIGKILL, stage, point, nth
	})
	k.kills++
	var enough <-chan time.Time
	if after > 0 {
		enough = time.After(after)
	}
	tooLate := time.After(time.Minute)
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	for alive := true; alive; {
		list := ordersOf(100, k.products, uint64(k.kills)<<32+uint64(k.written))
		k.write(k.orderRecords(list)...)
		k.write(k.orderRecords(list[:5])...) // duplicates, in this transaction or another
		k.written += 105
		select {
		case <-c.exited:
			alive = false
		case <-enough:
			c.signal(syscall.SIGKILL)
		case <-tooLate:
			k.t.Fatalf("%s is not %d times at %q within a minute:\n%s", stage, nth, point, c.output())
		case <-pace.C:
		}
	}
	if code := c.wait(5 * time.Second); code != -1 {
		k.t.Fatalf("kill %d: exit code %d:\n%s", k.kills, code, c.output())
	}
}

// unended reports whether a topic has records of a transaction without its end.
func (s *system) unended(alias string) (found bool) {
	s.t.Helper()
	admin := kadm.NewClient(s.client)
	stable, err := admin.ListCommittedOffsets(s.t.Context(), s.topic(alias))
	if err != nil {
		s.t.Fatal(err)
	}
	ends, err := admin.ListEndOffsets(s.t.Context(), s.topic(alias))
	if err != nil {
		s.t.Fatal(err)
	}
	stable.Each(func(o kadm.ListedOffset) {
		if end, ok := ends.Lookup(o.Topic, o.Partition); ok && o.Offset < end.Offset {
			found = true
		}
	})
	return found
}

// caught counts what a check finds, in place of failing the test.
type caught struct {
	testing.TB
	mu sync.Mutex
	n  int
}

func (c *caught) Helper() {}
func (c *caught) Errorf(string, ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
}
func (c *caught) Fatal(...any) { c.Errorf("") }

// finds reports whether a check finds something.
func (s *system) finds(check func(*system)) bool {
	c := &caught{TB: s.t}
	watched := *s
	watched.t = c
	check(&watched)
	return c.n > 0
}

// mustBeFound wants the fold and the auditor, each, to find something.
func (s *system) mustBeFound(what string) {
	s.t.Helper()
	if !s.finds(func(s *system) { s.checkFold() }) {
		s.t.Errorf("%s: not found by the fold", what)
	}
	if !s.finds(func(s *system) { s.verify(inventory.Name) }) {
		s.t.Errorf("%s: not found by the auditor", what)
	}
}

// The fold and the auditor see it when a safeguard is off.
func TestChecksCatchWhatSafeguardsPrevent(t *testing.T) {
	t.Run("exactly-once off", func(t *testing.T) {
		s := newSystem(t, kafkatest.Brokers(t))
		products, _ := s.backlog(100)
		s.drain(func(c *config) { c.Guarantee = processor.AtLeastOnce }) // products that open twice change nothing
		s.write(s.orderRecords(ordersOf(2000, products, 16))...)
		loose := func(c *childConfig) { c.Guarantee, c.Instance, c.Stable = processor.AtLeastOnce, "same", true }
		s.start(loose, func(c *childConfig) {
			c.Signal, c.Stage, c.Point, c.Nth = syscall.SIGKILL, "ledger", stage.AtProduced, 1
		}).wait(2 * time.Minute)
		s.start(loose, func(c *childConfig) { c.Drain = true }).done(3 * time.Minute)
		s.mustBeFound("updates that were written twice")
	})
	t.Run("dedupe off", func(t *testing.T) {
		s := newSystem(t, kafkatest.Embedded(t))
		products, orders := s.backlog(200)
		s.write(s.orderRecords(orders[:50])...)
		s.drain(func(c *config) {
			c.DedupeWindow, c.Topologies = -1, []string{inventory.Name}
		})
		if !s.finds(func(s *system) { s.checkFinalStock(products, orders) }) {
			t.Error("orders that were applied twice were not found by the stock that is left")
		}
		if !s.finds(func(s *system) { s.verify(inventory.Name) }) {
			t.Error("orders that were applied twice were not found by the auditor")
		}
	})
	t.Run("changelog off", func(t *testing.T) {
		kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
			s := newSystem(t, brokers)
			s.backlog(200)
			s.drain()
			// Without the group no offset disagrees with the empty changelog.
			s.empty("ledger-changelog")
			if _, err := kadm.NewClient(s.client).DeleteGroups(t.Context(), s.prefix+"-ledger"); err != nil {
				t.Fatal(err)
			}
			s.refused("begins at offset")
		})
	})
}

// recreate deletes a topic and creates it again.
func (s *system) recreate(alias string) {
	s.t.Helper()
	if _, err := kadm.NewClient(s.client).DeleteTopic(s.t.Context(), s.topic(alias)); err != nil {
		s.t.Fatal(err)
	}
	kafkatest.Eventually(s.t, 20*time.Second, "the topic is gone", func() (bool, error) {
		counts, err := kafka.PartitionCounts(s.t.Context(), s.client, s.topic(alias))
		return len(counts) == 0, err
	})
	s.create()
}
