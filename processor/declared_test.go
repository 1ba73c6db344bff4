package processor_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"inv/inspect/verify"
	audit "inv/inspect/verify/declared"
	"inv/internal/kafkatest"
	"inv/internal/scenario"
	"inv/processor/stage"
	"inv/scenarios"

	"github.com/twmb/franz-go/pkg/kgo"
)

// faultScenario has what can go wrong in a declared topology: state, timers, a table,
// times, and dead letters of both stages. The second one also holds lines back.
const faultScenario = `scenario: faults
topics:
  events: {topic: events, partitions: 4}
  rows: {topic: rows, partitions: 1, cleanup: compact}
  steps: {topic: steps, partitions: 3}
  sorted: {topic: sorted, partitions: 3}
  alarms: {topic: alarms, partitions: 2}
  watching-log: {topic: "{app}-watching-log", internal: true, partitions: 3}
  sorting-log: {topic: "{app}-sorting-log", internal: true, partitions: 3}
topologies:
  watching:
    from:
      events:
        join: {row: {table: rows, key: .k}}
        key: .k
        set: {sum: '($s.sum // 0) + .n', hot: .hot}
    time: .t
    idle: 300ms
    ttl: 10m
    keep: {recent: {count: ., within: 10s}}
    timers: {silent: {while: $s.hot, after: 500ms}}
    emit:
      - to: steps
        fields: {k: $key, n: $n, sum: $s.sum, recent: $s.recent, row: $row.name}
      - to: alarms
        when: silent
        fields: {k: $key, n: $n, at: $t}
        set: {hot: false}
  sorting:
    from:
      events: {key: .k, set: {last: .n}}
    time: .t
    order: time
    grace: 500ms
    idle: 300ms
    ttl: forever
    emit:
      - to: sorted
        fields: {k: $key, n: $n, last: $s.last, t: $t}
`

// newDeclared makes a system of declared topologies.
func newDeclared(t testing.TB, brokers []string, source string) *system {
	t.Helper()
	s := &system{t: t, brokers: brokers, prefix: kafkatest.Name(t, "p"), client: kafkatest.Client(t, brokers), declared: source}
	sc, err := scenario.Parse("test.yaml", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	prefixTopics(sc, s.prefix)
	s.scenario = sc
	s.deleteAfter()
	s.create()
	return s
}

// events makes n events of some keys; each has the number that its key's events have come
// to. A few are wrong, in either stage.
func (s *system) events(n int, seed uint64) (records []*kgo.Record) {
	rng := rand.New(rand.NewPCG(seed, 2))
	for i := range n {
		at := time.Now().UnixMilli() - rng.Int64N(300)
		value := fmt.Sprintf(`{"k":"key-%d","n":%d,"t":%d,"hot":%t}`, rng.IntN(40), 1+rng.IntN(9), at, rng.IntN(3) == 0)
		switch rng.IntN(100) {
		case 0:
			value = "no JSON"
		case 1:
			value = fmt.Sprintf(`{"k":"key-%d","n":"x","t":%d}`, rng.IntN(40), at)
		}
		records = append(records, s.record("events", fmt.Sprint(seed, "-", i), value))
	}
	return records
}

func (s *system) rows() {
	s.t.Helper()
	var records []*kgo.Record
	for i := range 40 {
		if i%4 != 0 {
			records = append(records, s.encoded(s.record("rows", fmt.Sprint("key-", i), fmt.Sprintf(`{"name":"row %d"}`, i)))...)
		}
	}
	s.write(records...)
}

// proveDeclared ends every test of a fault: each event has counted once, and the auditor,
// which replays the log by other code, finds that inputs, log, outputs and dead letters
// belong together, and nothing left.
func (s *system) proveDeclared() {
	s.t.Helper()
	s.checkSteps()
	for i := range s.scenario.Topologies {
		t := &s.scenario.Topologies[i]
		report := s.auditDeclared(t)
		for range 5 { // a process that ends may leave a tick that is not applied yet
			if report.AtRest {
				break
			}
			s.drain()
			report = s.auditDeclared(t)
		}
		if report.Verdict == verify.Holds && report.AtRest {
			continue
		}
		for _, c := range report.Checks {
			if c.Verdict == verify.Violated || c.Verdict == verify.Undecided {
				s.t.Errorf("audit of %s: %s is %s: %d findings; %s", t.Name, c.ID, c.Verdict, c.Violations, c.Why)
			}
		}
		for _, f := range report.Findings {
			s.t.Errorf("audit of %s: %+v", t.Name, f)
		}
		if !report.AtRest {
			s.t.Errorf("audit of %s: not at rest: %+v", t.Name, report.Counts)
		}
	}
}

// auditDeclared runs what inv verify does for a declared topology.
func (s *system) auditDeclared(t *scenario.Topology) *audit.Report {
	s.t.Helper()
	report, err := audit.Run(s.t.Context(), s.client, audit.Options{Scenario: s.scenario, Topology: t, App: s.prefix, Schemas: s.schemas, MaxFindings: 5})
	if err != nil {
		s.t.Fatal("auditing:", err)
	}
	return report
}

// checkSteps wants each key's numbers and sums to follow one another, and as many steps as
// there are events that are right.
func (s *system) checkSteps() {
	s.t.Helper()
	type step struct {
		K   string
		N   int
		Sum int
	}
	last, count := map[string]step{}, 0
	for _, records := range s.read(s.topic("steps")) {
		for _, r := range records {
			var now step
			if err := json.Unmarshal(r.Value, &now); err != nil {
				s.t.Fatal(err)
			}
			before := last[now.K]
			if now.N <= before.N || now.Sum <= before.Sum || now.Sum > before.Sum+9 {
				s.t.Errorf("%s: step %d of the sum %d after %d of %d", now.K, now.N, now.Sum, before.N, before.Sum)
			}
			last[now.K] = now
			count++
		}
	}
	right, sum := 0, 0
	for _, r := range s.all(s.topic("events")) {
		var e struct{ N int }
		if json.Unmarshal(r.Value, &e) == nil {
			right++
			sum += e.N
		}
	}
	total := 0
	for k := range maps.Values(last) {
		total += k.Sum
	}
	if count != right || total != sum {
		s.t.Errorf("%d steps with the sum %d of %d events with the sum %d", count, total, right, sum)
	}
}

// A declared topology whose process is killed at each point of a transaction goes on as if
// nothing had happened.
func TestDeclaredKilledAtEachPoint(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		stage, point string
		output       string // has aborted records if the kill hit
	}{
		{"watching-route", stage.AtSealed, ""},
		{"watching-route", stage.AtProduced, "watching-log"},
		{"watching-route", stage.AtOffsets, "watching-log"},
		{"watching-route", stage.AtEnding, ""},
		{"watching-route", stage.AtCommitted, ""},
		{"watching-state", stage.AtProduced, "steps"},
		{"watching-state", stage.AtOffsets, "steps"},
		{"watching-state", stage.AtEnding, ""},
		{"watching-state", stage.AtCommitted, ""},
		{"watching-state", stage.AtRestoring, ""},
		{"sorting-state", stage.AtOffsets, "sorting-changelog"},
		{"sorting-state", stage.AtCommitted, ""},
		{"sorting-state", stage.AtRestoring, ""},
	} {
		t.Run(c.stage+" "+c.point, func(t *testing.T) {
			t.Parallel()
			s := newDeclared(t, kafkatest.Brokers(t), faultScenario)
			s.rows()
			s.write(s.events(1000, 1)...)
			nth := int64(1)
			if c.point == stage.AtRestoring {
				nth = 2 // of three partitions, when there is state
				s.drain()
			}
			s.write(s.events(1000, 2)...)
			stable := func(c *childConfig) { c.Instance, c.Stable = "same", true }
			killed := s.start(stable, func(cfg *childConfig) {
				cfg.Signal, cfg.Stage, cfg.Point, cfg.Nth = syscall.SIGKILL, c.stage, c.point, nth
			})
			if code := killed.wait(2 * time.Minute); code != -1 {
				t.Fatalf("exit code %d, want a signal:\n%s", code, killed.output())
			}
			s.start(stable, func(c *childConfig) { c.Drain = true }).done(3 * time.Minute)
			s.proveDeclared()
			if c.output != "" && s.aborted(c.output) == 0 {
				t.Error("nothing was aborted: the kill did not hit")
			}
		})
	}
}

// Members of a declared topology come and go, while records flow and while only time does.
func TestDeclaredRebalanceStorm(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newDeclared(t, brokers, faultScenario)
		s.rows()
		var members []func() error
		rng := rand.New(rand.NewPCG(1, 2))
		for round := range rounds(t, 8) {
			if len(members) == 0 || len(members) < 3 && rng.IntN(2) == 0 {
				members = append(members, s.member(fmt.Sprintf("storm-%d", round)))
			} else {
				i := rng.IntN(len(members))
				if err := members[i](); err != nil {
					t.Error(err)
				}
				members = append(members[:i], members[i+1:]...)
			}
			if round%3 == 2 {
				continue // a rebalance while only ticks are written
			}
			s.write(s.events(200, uint64(100+round))...)
			if rng.IntN(2) == 0 && len(members) > 0 {
				s.untilSteps()
			}
		}
		for _, stop := range members {
			if err := stop(); err != nil {
				t.Error(err)
			}
		}
		s.drain()
		s.proveDeclared()
	})
}

// untilSteps waits until all events that are right have their step.
func (s *system) untilSteps() {
	s.t.Helper()
	right := 0
	for _, r := range s.all(s.topic("events")) {
		if strings.Contains(string(r.Value), `"hot"`) {
			right++
		}
	}
	kafkatest.Eventually(s.t, 90*time.Second, fmt.Sprintf("there are %d steps", right), func() (bool, error) {
		return len(s.all(s.topic("steps"))) >= right, nil
	})
}

// The declared process is killed again and again at random points, also while only timers
// fall due.
func TestDeclaredKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	s := newDeclared(t, kafkatest.Brokers(t), faultScenario)
	s.rows()
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	stages := []string{"watching-route", "watching-state", "sorting-route", "sorting-state"}
	points := []string{stage.AtSealed, stage.AtProduced, stage.AtOffsets, stage.AtEnding, stage.AtCommitted, stage.AtRestoring}
	for round := range rounds(t, 6) {
		if round%3 != 2 {
			s.write(s.events(300, uint64(1000+round))...)
		}
		c := s.start(func(c *childConfig) {
			c.Instance, c.Stable, c.Signal = "same", true, syscall.SIGKILL
			c.Stage, c.Point, c.Nth = stages[rng.IntN(len(stages))], points[rng.IntN(len(points))], 1+rng.Int64N(4)
		})
		select {
		case <-c.exited:
		case <-time.After(time.Duration(1000+rng.IntN(2500)) * time.Millisecond):
			c.signal(syscall.SIGKILL)
		}
		if code := c.wait(5 * time.Second); code != -1 {
			t.Fatalf("exit code %d:\n%s", code, c.output())
		}
	}
	s.start(func(c *childConfig) { c.Instance, c.Stable, c.Drain = "same", true, true }).done(3 * time.Minute)
	s.proveDeclared()
}

// The tutorial's detection of low stock, declared in a file, writes what the built-in one
// does, on the same updates.
func TestLowStockAsTheBuiltInOne(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers)
		s.backlog(1500)
		s.drain()
		source, err := scenarios.Files.ReadFile("low-stock.yaml")
		if err != nil {
			t.Fatal(err)
		}
		low, err := scenario.Parse("low-stock.yaml", source)
		if err != nil {
			t.Fatal(err)
		}
		prefixTopics(low, s.prefix)
		declared := *s
		declared.scenario, declared.names = low, nil
		declared.deleteAfter()
		for range 2 { // the second time from the first one's state, with more orders
			declared.drain()
			declared.sameAsBuiltIn(s, "reorders", "low-stock-reorders")
			declared.sameAsBuiltIn(s, "alerts", "low-stock-alerts")
			s.write(s.orderRecords(ordersOf(500, catalogOf(50), 77))...)
			s.drain()
		}
		declared.drain()
		declared.sameAsBuiltIn(s, "reorders", "low-stock-reorders")
	})
}

// sameAsBuiltIn compares the values of two topics by their keys.
func (s *system) sameAsBuiltIn(builtIn *system, theirs, ours string) {
	s.t.Helper()
	values := func(topic string) map[string][]string {
		all := map[string][]string{}
		for _, r := range s.all(topic) {
			var fields map[string]any
			if err := json.Unmarshal(r.Value, &fields); err != nil {
				s.t.Fatal(err)
			}
			all[string(r.Key)] = append(all[string(r.Key)], asJSON(fields))
		}
		for _, list := range all {
			slices.Sort(list)
		}
		return all
	}
	want, got := values(builtIn.topic(theirs)), values(s.topic(ours))
	if len(want) == 0 || !maps.EqualFunc(got, want, slices.Equal) {
		s.t.Errorf("%d keys of %s and %d of %s differ", len(want), theirs, len(got), ours)
		for key, list := range want {
			if !slices.Equal(got[key], list) {
				s.t.Logf("%s: built-in %v, declared %v", key, list, got[key])
				return
			}
		}
	}
}

// The broker goes away in the middle of a transaction of a declared topology and comes
// back. The process waits for it, and timers that were due meanwhile fire.
func TestDeclaredOutlivesTheBroker(t *testing.T) {
	t.Parallel() // it waits more than it works
	node := kafkatest.NewNode(t, nil)
	for _, o := range []struct {
		stage, point string
		signal       syscall.Signal
	}{
		{"watching-route", stage.AtOffsets, syscall.SIGKILL},
		{"watching-state", stage.AtProduced, syscall.SIGKILL},
		{"sorting-state", stage.AtOffsets, syscall.SIGTERM},
	} {
		t.Run(o.stage+" "+o.point, func(t *testing.T) {
			s := newDeclared(t, node.Brokers(), faultScenario)
			defer s.logTransactions()
			s.rows()
			s.write(s.events(2000, 1)...)
			c := s.start(func(c *childConfig) {
				c.Instance, c.Stable = "same", true
				c.Signal, c.PID, c.Stage, c.Point, c.Nth = o.signal, node.PID(), o.stage, o.point, 2
			})
			node.Gone(time.Minute)
			node.Start()
			s.write(s.events(300, 2)...)
			s.untilSteps()
			select {
			case <-c.exited:
				t.Fatalf("the process did not outlive the broker:\n%s", c.output())
			default:
			}
			if summary, err := s.tryFor(3 * time.Minute); err != nil {
				t.Fatalf("%v: %+v", err, summary)
			}
			c.signal(syscall.SIGTERM)
			c.done(10 * time.Second)
			s.proveDeclared()
		})
	}
}
