package processor_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafkatest"
	"inv/internal/registry"
	"inv/internal/scenario"
	"inv/processor"
	"inv/processor/builtin"
	"inv/processor/inventory"
	"inv/scenarios"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// system is the inventory system on topics of its own.
type system struct {
	t        testing.TB
	brokers  []string
	prefix   string // of all topics and the application id
	scenario *scenario.Scenario
	client   *kgo.Client
	names    []string // of topologies
	declared string   // the scenario's text, "" for the shipped inventory

	encodings encodings        // of the topics
	schemas   *registry.Topics // likewise; nil: all are JSON
}

func newSystem(t testing.TB, brokers []string) *system {
	t.Helper()
	s := &system{t: t, brokers: brokers, prefix: kafkatest.Name(t, "p"), client: kafkatest.Client(t, brokers),
		names: builtIn()}
	s.scenario = renamed(t, s.prefix)
	s.deleteAfter()
	return s
}

// builtIn returns the names of the built-in topologies.
func builtIn() []string { return []string{inventory.Name, inventory.Procurement} }

// deleteAfter deletes the system's topics when the test ends.
func (s *system) deleteAfter() {
	s.t.Helper()
	var names []string
	for _, spec := range kafka.Specs(s.scenario, s.prefix) {
		names = append(names, spec.Name)
	}
	kafkatest.DeleteAfter(s.t, s.client, names...)
}

// renamed returns the shipped scenario with a prefix before every topic.
func renamed(t testing.TB, prefix string) *scenario.Scenario {
	t.Helper()
	source, err := scenarios.Files.ReadFile("inventory.yaml")
	if err != nil {
		t.Fatal(err)
	}
	sc, err := scenario.Parse("inventory.yaml", source)
	if err != nil {
		t.Fatal(err)
	}
	prefixTopics(sc, prefix)
	return sc
}

func prefixTopics(sc *scenario.Scenario, prefix string) {
	for i := range sc.Topics {
		if topic := &sc.Topics[i]; !topic.Internal && topic.Name != "" {
			topic.Name = prefix + "." + topic.Name
		}
	}
}

// config is a run of the inventory system.
type config struct {
	processor.Config
	inventory.Options
	Topologies []string // names
}

func (c config) selected() ([]processor.Topology, error) {
	return builtin.Select(c.Scenario, c.Topologies, c.Options)
}

// run runs it.
func (c config) run(ctx context.Context) (processor.Summary, error) {
	var err error
	if c.Config.Topologies, err = c.selected(); err != nil {
		return processor.Summary{}, err
	}
	return processor.Run(ctx, c.Config)
}

// config returns what the tests run with unless they say otherwise.
func (s *system) config() config {
	return config{
		Config: processor.Config{
			Kafka: kafka.Config{Brokers: s.brokers}, Scenario: s.scenario, AppID: s.prefix,
			Instance: "test", Drain: true, Log: testLog(s.t), Schemas: s.schemas,
		},
		Options:    inventory.Options{LeadTime: 50 * time.Millisecond},
		Topologies: s.names,
	}
}

func testLog(t testing.TB) *slog.Logger {
	if !testing.Verbose() {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, nil)).With("test", t.Name())
}

// drain runs a processor until the inputs are drained.
func (s *system) drain(change ...func(*config)) processor.Summary {
	s.t.Helper()
	summary, err := s.try(change...)
	if err != nil {
		s.t.Fatal(err)
	}
	return summary
}

func (s *system) try(change ...func(*config)) (processor.Summary, error) {
	s.t.Helper()
	summary, err := s.tryFor(3*time.Minute, change...)
	if errors.Is(err, errLate) {
		s.t.Fatalf("not drained within three minutes: %+v", summary)
	}
	return summary, err
}

var errLate = errors.New("the processor still ran")

// tryFor runs a processor until it ends by itself, or for so long.
func (s *system) tryFor(long time.Duration, change ...func(*config)) (processor.Summary, error) {
	cfg := s.config()
	for _, c := range change {
		c(&cfg)
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), long)
	defer cancel()
	late := time.AfterFunc(long-time.Second, func() {
		stacks := make([]byte, 1<<20)
		s.t.Logf("what it waits for:\n%s", stacks[:runtime.Stack(stacks, true)])
	})
	defer late.Stop()
	summary, err := cfg.run(ctx)
	if ctx.Err() != nil {
		err = errLate
	}
	return summary, err
}

func (s *system) topic(alias string) string {
	return s.scenario.TopicNames(alias, s.prefix)[0]
}

// create makes all topics, as the processor would.
func (s *system) create() {
	s.t.Helper()
	if _, err := kafka.EnsureTopics(s.t.Context(), s.client, kafka.Specs(s.scenario, s.prefix)...); err != nil {
		s.t.Fatal(err)
	}
}

// write produces records and waits until they are acknowledged.
func (s *system) write(records ...*kgo.Record) {
	s.t.Helper()
	if err := s.client.ProduceSync(s.t.Context(), records...).FirstErr(); err != nil {
		s.t.Fatal(err)
	}
}

func (s *system) record(alias, key, value string) *kgo.Record {
	return &kgo.Record{Topic: s.topic(alias), Key: []byte(key), Value: []byte(value)}
}

// line is a JSON order line, product a catalogue record: the tests' own types,
// so that they do not depend on the codec that the processor uses.
type line struct {
	ProductID string  `json:"product_id"`
	Quantity  int64   `json:"quantity"`
	UnitPrice float64 `json:"unit_price"`
}

type order struct {
	OrderID    string  `json:"order_id"`
	CustomerID string  `json:"customer_id"`
	Items      []line  `json:"items"`
	OrderTotal float64 `json:"order_total"`
	Timestamp  int64   `json:"timestamp"`
}

type catalogued struct {
	ID                string  `json:"id"`
	Name              string  `json:"name"`
	Category          string  `json:"category"`
	Price             float64 `json:"price"`
	ReorderThreshold  int64   `json:"reorder_threshold"`
	ReorderQuantity   int64   `json:"reorder_quantity"`
	CriticalThreshold int64   `json:"critical_threshold"`
	WarehouseID       string  `json:"warehouse_id"`
	InitialStock      int64   `json:"initial_stock"`
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // the tests' own types always marshal
	}
	return string(b)
}

// catalogOf makes n products with stock between 0 and 199.
func catalogOf(n int) []catalogued {
	products := make([]catalogued, n)
	for i := range products {
		products[i] = catalogued{
			ID: "prod-" + strconv.Itoa(i), Name: fmt.Sprintf("Product %d “é”", i), Category: "things", Price: 9.5,
			ReorderThreshold: 10, ReorderQuantity: 50, CriticalThreshold: 5, WarehouseID: "wh-1", InitialStock: int64(i * 37 % 200),
		}
	}
	return products
}

// ordersOf makes n random orders of the products.
func ordersOf(n int, products []catalogued, seed uint64) []order {
	rng := rand.New(rand.NewPCG(seed, 1))
	orders := make([]order, n)
	for i := range orders {
		o := order{OrderID: fmt.Sprintf("order-%d-%d", seed, i), CustomerID: "cust-1", Timestamp: time.Now().UnixMilli()}
		for range 1 + rng.IntN(3) {
			p := products[rng.IntN(len(products))]
			q := 1 + rng.Int64N(9)
			o.Items = append(o.Items, line{p.ID, q, p.Price})
			o.OrderTotal += float64(q) * p.Price
		}
		orders[i] = o
	}
	return orders
}

func (s *system) catalogRecords(products []catalogued) (records []*kgo.Record) {
	for _, p := range products {
		records = append(records, s.record("catalog", p.ID, asJSON(p)))
	}
	return records
}

func (s *system) orderRecords(orders []order) (records []*kgo.Record) {
	for _, o := range orders {
		records = append(records, s.record("orders", o.OrderID, asJSON(o)))
	}
	return records
}

// read returns the committed records of a topic by partition.
func (s *system) read(topic string) map[int32][]*kgo.Record {
	s.t.Helper()
	return s.readAs(topic, kgo.ReadCommitted())
}

func (s *system) readAs(topic string, level kgo.IsolationLevel) map[int32][]*kgo.Record {
	s.t.Helper()
	ends, err := kadm.NewClient(s.client).ListEndOffsets(s.t.Context(), topic)
	if err != nil {
		s.t.Fatal(err)
	}
	left := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			left[o.Partition] = o.Offset
		}
	})
	offsets := map[int32]kgo.Offset{}
	for p := range left {
		offsets[p] = kgo.NewOffset().AtStart()
	}
	read := map[int32][]*kgo.Record{}
	if len(left) == 0 {
		return read
	}
	client := kafkatest.Client(s.t, s.brokers, kgo.FetchIsolationLevel(level), kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: offsets}))
	defer client.Close()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	for len(left) > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			s.t.Fatalf("reading %s: %v, left %v", topic, err, left)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			end, ok := left[r.Partition]
			if !ok {
				return
			}
			if r.Offset < end && !r.Attrs.IsControl() {
				s.decoded(r)
				read[r.Partition] = append(read[r.Partition], r)
			}
			// The last record may be of a transaction that was aborted since: then only
			// its marker comes, which is behind the end.
			if r.Offset >= end-1 {
				delete(left, r.Partition)
			}
		})
	}
	return read
}

// all is read without the partitions.
func (s *system) all(topic string) (records []*kgo.Record) {
	s.t.Helper()
	for _, part := range s.read(topic) {
		records = append(records, part...)
	}
	return records
}
