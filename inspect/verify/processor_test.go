package verify_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"inv/inspect/verify"
	"inv/internal/event"
	"inv/internal/kafka"
	"inv/internal/kafkatest"
	"inv/internal/scenario"
	"inv/processor"
	"inv/processor/builtin"
	"inv/processor/inventory"
	"inv/scenarios"

	"github.com/twmb/franz-go/pkg/kgo"
)

// system is a processor's topics under names of their own, and one who fills
// them with the worst there is.
type system struct {
	t        *testing.T
	brokers  []string
	app      string
	scenario *scenario.Scenario
	policy   verify.Policy
	client   *kgo.Client
	rnd      *rand.Rand
	past     []*kgo.Record // what was sent, to be sent again
	listed   map[string]bool
	running  []string // topologies; none: all
}

func newSystem(t *testing.T, brokers []string, policy verify.Policy, seed uint64) *system {
	t.Helper()
	source, err := scenarios.Files.ReadFile("inventory.yaml")
	if err != nil {
		t.Fatal(err)
	}
	app := kafkatest.Name(t, "chaos")
	text := string(source)
	for _, topic := range []string{"product_catalog", "order_events", "inventory_updates", "reorder_events", "inventory_alerts", "stock_receipts"} {
		text = strings.ReplaceAll(text, "topic: "+topic+"\n", "topic: "+app+"."+topic+"\n")
	}
	sc, err := scenario.Parse("own.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	s := &system{t: t, brokers: brokers, app: app, scenario: sc, policy: policy, rnd: rand.New(rand.NewPCG(seed, 1)), listed: map[string]bool{},
		client: kafkatest.Client(t, brokers, kgo.RecordPartitioner(kgo.ManualPartitioner()))}
	specs := kafka.Specs(sc, app)
	if _, err := kafka.EnsureTopics(t.Context(), s.client, specs...); err != nil {
		t.Fatal(err)
	}
	for _, spec := range specs {
		kafkatest.DeleteAfter(t, s.client, spec.Name)
	}
	return s
}

func (s *system) topic(alias string) string { return s.scenario.TopicNames(alias, s.app)[0] }

func (s *system) send(alias, key, value string, headers ...kgo.RecordHeader) {
	r := &kgo.Record{Topic: s.topic(alias), Key: []byte(key), Headers: headers, Value: []byte(value), Timestamp: time.Now()}
	if value == "" {
		r.Value = nil
	}
	if alias != "catalog" {
		r.Partition = s.rnd.Int32N(6)
	}
	s.produce(r)
	s.past = append(s.past, r)
}

func (s *system) produce(r *kgo.Record) {
	s.client.Produce(s.t.Context(), r, func(_ *kgo.Record, err error) {
		if err != nil && s.t.Context().Err() == nil {
			s.t.Errorf("producing: %v", err)
		}
	})
}

// anything sends one record of some kind.
func (s *system) anything(n int) {
	id := fmt.Sprintf("o%d", n)
	product := fmt.Sprintf("p%d", s.rnd.IntN(12))
	switch s.rnd.IntN(24) {
	case 0:
		s.product(product)
	case 1:
		if s.listed[product] { // receipts of one that never was would wait for it
			s.send("catalog", product, "")
		}
	case 2:
		s.send("catalog", "other", event_(&event.Product{ID: product}, event.AppendProduct))
	case 3:
		s.send("orders", id, "")
	case 4:
		s.send("orders", id, s.badOrder(), s.badHeaders()...)
	case 5:
		s.send("orders", "another key", s.order(id))
	case 6:
		s.send("orders", id, s.order(id), kgo.RecordHeader{Key: event.HeaderType, Value: []byte("inventory.order.v2")})
	case 7:
		s.send("receipts", product, event_(&event.Receipt{ReceiptID: id, ProductID: product, Quantity: 1 + s.rnd.Int64N(20)}, event.AppendReceipt))
	case 8:
		s.send("receipts", product, `{"receipt_id":"`+id+`","product_id":"`+product+`","quantity":-1}`)
	case 9, 10, 11:
		s.again()
	default:
		s.send("orders", id, s.order(id))
	}
}

func event_[T any](v *T, write func([]byte, *T) []byte) string { return string(write(nil, v)) }

func (s *system) product(id string) {
	s.listed[id] = true
	s.send("catalog", id, event_(&event.Product{ID: id, Name: id, Price: event.Money(s.rnd.Int64N(3)) * event.MoneyUnit, ReorderThreshold: s.rnd.Int64N(30),
		ReorderQuantity: s.rnd.Int64N(4) * 20, CriticalThreshold: s.rnd.Int64N(20), InitialStock: s.rnd.Int64N(80)}, event.AppendProduct))
}

func (s *system) order(id string) string {
	o := event.Order{OrderID: id, CustomerID: "c", Timestamp: time.Now().UnixMilli()}
	for range 1 + s.rnd.IntN(4) {
		l := event.Line{ProductID: fmt.Sprintf("p%d", s.rnd.IntN(12)), Quantity: 1 + s.rnd.Int64N(9), UnitPrice: event.Money(s.rnd.Int64N(500)) * event.MoneyUnit / 100}
		o.Items = append(o.Items, l)
		o.Total += event.Money(l.Quantity) * l.UnitPrice
	}
	return event_(&o, event.AppendOrder)
}

func (s *system) badOrder() string {
	bad := []string{"{", `[]`, `{"order_id":1}`, `{"order_id":"a","items":[]}`, `{"order_id":"a","items":[{"product_id":"p1","quantity":0}]}`,
		`{"order_id":"a","items":[{"product_id":"p1","quantity":1,"unit_price":1}],"order_total":2}`, strings.Repeat("x", 1<<10), "\xff\x00\x1b[31m",
		`{"order_id":"a","items":[{"product_id":"nobody","quantity":1,"unit_price":1}],"order_total":1}`}
	return bad[s.rnd.IntN(len(bad))]
}

// badHeaders returns headers that a dead letter's could be taken for.
func (s *system) badHeaders() (headers []kgo.RecordHeader) {
	names := []string{event.HeaderDLQTruncated, event.HeaderDLQTopic, event.HeaderDLQMessage, event.HeaderDLQReplay, event.HeaderDLQHistory, event.HeaderSource, "x"}
	for range s.rnd.IntN(3) {
		h := kgo.RecordHeader{Key: names[s.rnd.IntN(len(names))]}
		if s.rnd.IntN(4) > 0 {
			h.Value = []byte(names[s.rnd.IntN(len(names))])
		}
		headers = append(headers, h)
	}
	return headers
}

// again sends a copy of something sent before: in its partition, mostly.
func (s *system) again() {
	if len(s.past) == 0 {
		return
	}
	old := s.past[len(s.past)-1-s.rnd.IntN(min(len(s.past), 200))]
	r := &kgo.Record{Topic: old.Topic, Partition: old.Partition, Key: old.Key, Value: old.Value, Headers: old.Headers}
	if s.rnd.IntN(10) == 0 && old.Topic != s.topic("catalog") {
		r.Partition = s.rnd.Int32N(6)
	}
	s.produce(r)
}

const chaosWindow = 40

func (s *system) config(instance string) processor.Config {
	return processor.Config{
		Kafka: kafka.Config{Brokers: s.brokers}, Scenario: s.scenario, AppID: s.app, Topologies: s.topologies(), Instance: instance,
	}
}

func (s *system) topologies() []processor.Topology {
	topologies, err := builtin.Select(s.scenario, s.running, inventory.Options{LeadTime: 50 * time.Millisecond, DedupeWindow: chaosWindow, Policy: string(s.policy)})
	if err != nil {
		panic(err) // the tests' own policies are known
	}
	return topologies
}

// churn runs instances that come and go until the context ends.
func (s *system) churn(ctx context.Context, instances int) {
	var all sync.WaitGroup
	for i := range instances {
		rnd := rand.New(rand.NewPCG(uint64(i), 7))
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				life, end := context.WithTimeout(ctx, time.Duration(300+rnd.IntN(1500))*time.Millisecond)
				if _, err := processor.Run(life, s.config(fmt.Sprintf("i%d-%d", i, n))); err != nil && life.Err() == nil {
					s.t.Errorf("instance %d: %v", i, err)
				}
				end()
			}
		})
	}
	all.Wait()
}

func (s *system) verify() *verify.Report {
	s.t.Helper()
	topics, err := verify.TopicsOf(s.scenario, s.app)
	if err != nil {
		s.t.Fatal(err)
	}
	var groups []verify.Group
	for _, g := range processor.Groups(s.scenario, s.app, s.topologies()) {
		groups = append(groups, verify.Group(g))
	}
	o := verify.OptionsFor(s.app, s.policy, topics, groups, len(s.running) == 0)
	o.DedupeWindow = chaosWindow
	r, err := verify.Run(s.t.Context(), s.client, o)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

func (s *system) mustHold() {
	s.t.Helper()
	var r *verify.Report
	kafkatest.Eventually(s.t, time.Minute, "the marker of the last transaction", func() (bool, error) {
		r = s.verify()
		return r.AtRest || r.Verdict == verify.Violated, nil
	})
	if r.Verdict != verify.Holds || !r.AtRest {
		for _, c := range r.Checks {
			if c.Verdict != verify.Holds {
				s.t.Errorf("%s %s: %d findings, %s", c.ID, c.Verdict, c.Violations, c.Why)
			}
		}
		for _, f := range r.Findings {
			s.t.Errorf("%+v", f)
		}
	}
	s.t.Logf("%+v", r.Counts)
}

// TestChaos sends anything while instances come and go, and then asks whether
// every invariant holds. INV_CHAOS=DURATION runs it for longer.
func TestChaos(t *testing.T) {
	length := 1500 * time.Millisecond
	if d, err := time.ParseDuration(os.Getenv("INV_CHAOS")); err == nil {
		length = d
	}
	for _, policy := range []verify.Policy{verify.PolicyDefault, verify.PolicyReference} {
		t.Run(string(policy), func(t *testing.T) {
			kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
				s := newSystem(t, brokers, policy, rand.Uint64())
				ctx, stop := context.WithTimeout(t.Context(), length)
				defer stop()
				var running sync.WaitGroup
				running.Go(func() { s.churn(ctx, 2) })
				s.bombard(ctx)
				running.Wait()
				s.drain()
				s.mustHold()
			})
		})
	}
}

// bombard sends until the context ends, and verifies now and then what must hold
// at any time.
func (s *system) bombard(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		s.anything(n)
		if n%20 == 0 && s.client.Flush(ctx) != nil {
			return
		}
		if n%4000 == 3999 {
			if r := s.verify(); r.Verdict == verify.Violated {
				s.t.Errorf("while it runs: %+v", r.Findings)
			}
		}
	}
}

func (s *system) drain() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 3*time.Minute)
	defer cancel()
	if err := s.client.Flush(ctx); err != nil {
		s.t.Fatal(err)
	}
	c := s.config("last")
	c.Drain = true
	if _, err := processor.Run(ctx, c); err != nil || ctx.Err() != nil {
		s.t.Fatalf("draining: %v, %v", err, ctx.Err())
	}
}
