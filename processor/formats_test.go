package processor_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"inv/internal/event"
	"inv/internal/kafkatest"
	"inv/internal/registry"
	"inv/internal/registry/registrytest"
	"inv/internal/scenario"
	"inv/processor"
	"inv/processor/inventory"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
)

// eachEncoding runs a test with each form, and with keys and IDs in headers.
func eachEncoding(t *testing.T, test func(t *testing.T, e encodings)) {
	for _, e := range []encodings{
		{Form: registry.Avro}, {Form: registry.Protobuf}, {Form: registry.JSONSchema},
		{Form: registry.Avro, Keys: true, Header: true},
	} {
		name := string(e.Form)
		if e.Header {
			name += " with keys, IDs in headers"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e.URL = registrytest.New(t).URL
			test(t, e)
		})
	}
}

// The whole system on encoded topics gives what it gives on JSON: the outputs are the
// fold of the log, and what is left in stock is what was ordered.
func TestInventoryInFormats(t *testing.T) {
	eachEncoding(t, func(t *testing.T, e encodings) {
		s := newSystem(t, kafkatest.Embedded(t))
		s.encode(e)
		s.create()
		products := catalogOf(30)
		orders := ordersOf(600, products, 21)
		s.write(s.encoded(s.catalogRecords(products)...)...)
		s.write(s.encoded(s.orderRecords(orders)...)...)
		twice := s.encoded(s.orderRecords(orders[:7])...)
		s.write(twice...)
		summary := s.drain()
		if n := summary.Decided(); n < 637 {
			t.Errorf("%d records were decided", n)
		}
		s.noLetters("catalog", "orders", "receipts", "reorders")
		for _, alias := range []string{"updates", "reorders", "alerts", "receipts"} {
			s.checkWritten(alias, e)
		}
		s.prove()
		s.checkLines(orders)
	})
}

// checkWritten wants the records of a topic to be in a format, as they are on the broker.
func (s *system) checkWritten(alias string, e encodings) {
	s.t.Helper()
	records := s.rawAll(s.topic(alias))
	if len(records) == 0 {
		s.t.Errorf("no %s", alias)
	}
	want := map[registry.Form]string{registry.Avro: "application/avro", registry.Protobuf: "application/protobuf", registry.JSONSchema: "application/json"}[e.Form]
	for _, r := range records {
		h := headers(r)
		if h["content-type"] != want {
			s.t.Fatalf("the content-type of %s is %q", alias, h["content-type"])
		}
		framed := bytes.HasPrefix(r.Value, []byte{0, 0, 0, 0}) && len(r.Value) > 5
		if framed == e.Header || (len(h["__value_schema_id"]) > 0) != e.Header || (len(h["__key_schema_id"]) > 0) != (e.Header && e.Keys) {
			s.t.Fatalf("%s has the ID elsewhere: %q, %q", alias, r.Value, h)
		}
	}
}

// orderByHand has a total with more digits than are needed, as decimals have them.
const orderByHand = `{"order_id":"by-hand","customer_id":"c","items":[{"product_id":"prod-1","quantity":2,"unit_price":9.50}],"order_total":19.00,"timestamp":1700000000000}`

// handOrder is what checkLines needs to know of orderByHand.
func handOrder(id string) order {
	return order{OrderID: id, Items: []line{{ProductID: "prod-1", Quantity: 2}}}
}

// checkLines wants the log to have the lines of the orders, each once.
func (s *system) checkLines(orders []order) {
	s.t.Helper()
	left := map[string]int{}
	for _, o := range orders {
		for _, l := range o.Items {
			left[fmt.Sprint(o.OrderID, l.ProductID, l.Quantity)]++
		}
	}
	for _, r := range s.all(s.topic("log")) {
		for text := range strings.Lines(string(r.Value)) {
			var e entry
			if err := json.Unmarshal([]byte(text), &e); err != nil {
				s.t.Fatal(err)
			}
			if e.Kind == "line" {
				left[fmt.Sprint(e.Order, e.ID, e.Qty)]--
			}
		}
	}
	maps.DeleteFunc(left, func(_ string, n int) bool { return n == 0 })
	if len(left) > 0 {
		s.t.Errorf("the log lacks %d lines, or has them twice, such as %v", len(left), slices.Sorted(maps.Keys(left))[0])
	}
}

// noLetters wants no dead letter of some topics.
func (s *system) noLetters(aliases ...string) {
	s.t.Helper()
	for _, alias := range aliases {
		if letters := s.rawAll(s.topic(alias) + ".dlq"); len(letters) > 0 {
			h := headers(letters[0])
			s.t.Fatalf("%d dead letters of %s, such as %s: %s: %q", len(letters), alias, h[event.HeaderDLQReason], h[event.HeaderDLQMessage], letters[0].Value)
		}
	}
}

// partitionOf returns the partition that has the first record with a key.
func (s *system) partitionOf(alias, key string) int32 {
	s.t.Helper()
	for p, records := range s.read(s.topic(alias)) {
		for _, r := range records {
			if string(r.Key) == key {
				return p
			}
		}
	}
	s.t.Fatalf("no record %s", key)
	return 0
}

// writeAt writes a record to a partition.
func (s *system) writeAt(r *kgo.Record, partition int32) {
	s.t.Helper()
	client := kafkatest.Client(s.t, s.brokers, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer client.Close()
	r.Partition = partition
	if err := client.ProduceSync(s.t.Context(), r).FirstErr(); err != nil {
		s.t.Fatal(err)
	}
}

// rawAll is all without decoding.
func (s *system) rawAll(topic string) []*kgo.Record {
	s.t.Helper()
	schemas := s.schemas
	s.schemas = nil
	defer func() { s.schemas = schemas }()
	return s.all(topic)
}

// upgrade gives the orders upgrades.
func (s *system) upgrade(list []scenario.Upgrade) {
	for i := range s.scenario.Topics {
		if t := &s.scenario.Topics[i]; t.Alias == "orders" {
			t.Upgrades = list
		}
	}
}

// A topic may hold records of the time before it had a format. The same order in another
// encoding is the same order, also behind a restart.
func TestJSONBecomesAFormat(t *testing.T) {
	eachEncoding(t, func(t *testing.T, e encodings) {
		e.Keys = false // those in a format are in other partitions than the same texts
		s := newSystem(t, kafkatest.Embedded(t))
		s.create()
		products := catalogOf(30)
		before, after := ordersOf(200, products, 22), ordersOf(200, products, 23)
		s.write(s.catalogRecords(products)...)
		s.write(s.orderRecords(before)...)
		s.write(s.record("orders", "by-hand", orderByHand))
		s.drain()

		s.encode(e)
		s.writeAt(s.encoded(s.record("orders", "by-hand", orderByHand))[0], s.partitionOf("orders", "by-hand"))
		s.write(s.encoded(s.orderRecords(after)...)...)
		late := s.record("orders", "order-late", strings.Replace(orderByHand, "by-hand", "order-late", 1))
		s.write(late) // of a client that does not know of the format yet
		summary := s.drain()
		if n := summary.Count(s.topic("orders"), processor.Duplicate); n != 1 {
			t.Errorf("%d duplicates, want 1", n)
		}
		s.prove()
		s.checkLines(slices.Concat(before, after, []order{handOrder("by-hand"), handOrder("order-late")}))
	})
}

// Exactly-once holds with formats, too: killed at points of a transaction, a process is
// replaced, and nothing is lost or doubled.
func TestKilledWithFormats(t *testing.T) {
	for _, c := range []struct{ stage, point string }{
		{"ingest", stage.AtProduced}, {"ledger", stage.AtOffsets}, {"procurement", stage.AtProduced},
	} {
		t.Run(c.stage+" "+c.point, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t, kafkatest.Brokers(t))
			s.encode(encodings{Form: registry.Avro, URL: registrytest.New(t).URL})
			s.create()
			products := catalogOf(50)
			orders := ordersOf(1500, products, 24)
			s.write(s.encoded(s.catalogRecords(products)...)...)
			s.write(s.encoded(s.orderRecords(orders)...)...)
			stable := func(c *childConfig) { c.Instance, c.Stable = "same", true }
			killed := s.start(stable, func(cfg *childConfig) {
				cfg.Signal, cfg.Stage, cfg.Point, cfg.Nth = syscall.SIGKILL, c.stage, c.point, 1
			})
			if code := killed.wait(2 * time.Minute); code != -1 {
				t.Fatalf("exit code %d, want a signal:\n%s", code, killed.output())
			}
			s.start(stable, func(c *childConfig) { c.Drain = true }).done(3 * time.Minute)
			s.prove()
			s.checkLines(orders)
		})
	}
}

// What can't be decoded is a dead letter with its bytes and headers, and can be replayed.
func TestUndecodableIsDeadLettered(t *testing.T) {
	eachEncoding(t, func(t *testing.T, e encodings) {
		s := newSystem(t, kafkatest.Embedded(t))
		s.encode(e)
		s.create()
		s.write(s.encoded(s.catalogRecords(catalogOf(3))...)...)
		good := s.encoded(s.record("orders", "by-hand", orderByHand))[0]
		unframed := kgo.Record{Topic: good.Topic, Key: good.Key, Headers: []kgo.RecordHeader{{Key: "mine", Value: []byte("kept")}}}
		cases := []struct {
			name   string
			change func(r *kgo.Record)
			reason event.Reason
			says   string
		}{
			{"no frame", func(r *kgo.Record) { r.Value = []byte("hello") }, event.NotJSON, "not JSON"},
			{"an unknown ID", func(r *kgo.Record) { r.Value = []byte("\x00\x00\x7f\xff\xff\x00\x02a") }, event.NotJSON, "does not have schema 8388607"},
			{"empty", func(r *kgo.Record) { r.Value = []byte{} }, event.NotJSON, ""},
			{"an unknown version", func(r *kgo.Record) {
				r.Value, r.Headers = good.Value, append(r.Headers, kgo.RecordHeader{Key: "ce_type", Value: []byte("inventory.order.v9")})
			}, event.UnknownVersion, "inventory.order.v9"},
		}
		for i := range cases {
			r := unframed
			r.Headers = slices.Clone(r.Headers)
			cases[i].change(&r)
			s.writeAt(&r, 0)
		}
		s.drain()
		dead := s.topic("orders") + ".dlq"
		letters := s.rawAll(dead)
		if len(letters) != len(cases) {
			t.Fatalf("%d dead letters, want %d", len(letters), len(cases))
		}
		slices.SortFunc(letters, func(a, b *kgo.Record) int { return int(a.Offset - b.Offset) })
		for i, r := range letters {
			c, h := cases[i], headers(r)
			want := unframed
			c.change(&want)
			if !bytes.Equal(r.Value, want.Value) || h["mine"] != "kept" {
				t.Errorf("%s: the letter has %q, %q", c.name, r.Value, h)
			}
			if h[event.HeaderDLQReason] != string(c.reason) || !strings.Contains(h[event.HeaderDLQMessage], c.says) {
				t.Errorf("%s: %s, %s", c.name, h[event.HeaderDLQReason], h[event.HeaderDLQMessage])
			}
		}
		if total, _, back, err := replay(t.Context(), s.brokers, dead, "hello", good.Value); total != 1 || back != 1 || err != nil {
			t.Fatalf("replayed %d of %d: %v", back, total, err)
		}
		if e.Header {
			return // the repaired value has no header
		}
		s.drain()
		s.prove()
	})
}

// A version that has an upgrade is understood, in the topic's format and in JSON.
func TestUpgradedOrders(t *testing.T) {
	const v2 = `{"order_id":"by-hand","customer_id":"c","items":[{"product_id":"prod-1","qty":2,"unit_price":9.50}],"order_total":19.00}`
	upgrades := []scenario.Upgrade{{Type: "inventory.order.v2", With: scenario.JQ{Source: `.items |= map(.quantity = .qty | del(.qty))`}}}
	version := func(r *kgo.Record, v string) *kgo.Record {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: "ce_type", Value: []byte("inventory.order." + v)})
		return r
	}
	test := func(t *testing.T, s *system, r *kgo.Record) {
		s.write(r)
		s.write(version(s.record("orders", "wrong", `{"items":7}`), "v2"))
		s.write(version(s.record("orders", "next", v2), "v3"))
		s.drain()
		s.prove()
		reasons := map[string]int{}
		for _, l := range s.rawAll(s.topic("orders") + ".dlq") {
			reasons[headers(l)[event.HeaderDLQReason]+" "+string(l.Key)]++
		}
		if len(reasons) != 2 || reasons["unknown-version wrong"] != 1 || reasons["unknown-version next"] != 1 {
			t.Errorf("dead letters: %v", reasons)
		}
		s.checkLines([]order{handOrder("by-hand")})
	}
	t.Run("JSON", func(t *testing.T) {
		s := newSystem(t, kafkatest.Embedded(t))
		s.upgrade(upgrades)
		u, err := registry.NewUpgrades(upgrades)
		if err != nil {
			t.Fatal(err)
		}
		if s.schemas, err = registry.Open(t.Context(), nil, []registry.TopicFormat{{Topic: s.topic("orders"), Upgrades: u}}, nil); err != nil {
			t.Fatal(err)
		}
		s.create()
		s.write(s.catalogRecords(catalogOf(3))...)
		test(t, s, version(s.record("orders", "by-hand", v2), "v2"))
	})
	for _, form := range []registry.Form{registry.Avro, registry.Protobuf} {
		t.Run(string(form), func(t *testing.T) {
			s := newSystem(t, kafkatest.Embedded(t))
			s.upgrade(upgrades)
			e := encodings{Form: form, URL: registrytest.New(t).URL}
			s.encode(e)
			s.create()
			s.write(s.encoded(s.catalogRecords(catalogOf(3))...)...)
			of, _ := event.Shape(event.KindOrder)
			line := *of.Fields[2].Type.Elem
			line.Fields = slices.Clone(line.Fields)
			line.Fields[1].Name = "qty"
			of.Fields = slices.Clone(of.Fields)
			of.Fields[2].Type.Elem = &line
			next, err := e.derived(t.Context(), "OrdersV2", of)
			if err != nil {
				t.Fatal(err)
			}
			id, err := s.schemas.Register(t.Context(), "orders-v2", next.Schema)
			if err != nil {
				t.Fatal(err)
			}
			r := version(s.record("orders", "by-hand", ""), "v2")
			prefix := append([]byte{0, 0, 0, 0, byte(id)}, next.Schema.Index()...)
			if r.Value, err = next.Schema.Encode(prefix, []byte(v2)); err != nil {
				t.Fatal(err)
			}
			test(t, s, r)
		})
	}
}

// A registry that is away holds a record whose schema is not known yet, and no other: the
// records behind it come when it is back, and nothing is dead-lettered.
func TestRegistryIsAway(t *testing.T) {
	s := newSystem(t, kafkatest.Embedded(t))
	r := registrytest.New(t)
	e := encodings{Form: registry.JSONSchema, URL: r.URL}
	s.encode(e)
	s.create()
	s.write(s.encoded(s.catalogRecords(catalogOf(3))...)...)
	s.write(s.encoded(s.record("orders", "by-hand", orderByHand))...)
	var err error
	if s.schemas, err = e.open(t.Context(), s.scenario, s.prefix); err != nil { // that knows no schema yet
		t.Fatal(err)
	}
	r.SetAway(true)
	before := r.Requests()
	drained := make(chan error, 1)
	go func() {
		_, err := s.try(func(c *config) { c.Topologies = []string{inventory.Name} })
		drained <- err
	}()
	kafkatest.Eventually(t, time.Minute, "the registry is asked", func() (bool, error) { return r.Requests() > before, nil })
	r.SetAway(false)
	if err := <-drained; err != nil {
		t.Fatal(err)
	}
	s.prove(inventory.Name)
	s.checkLines([]order{handOrder("by-hand")})
	s.noLetters("catalog", "orders")
}

// What the schemas of the outputs have no place for is refused at the door, where it can be
// replayed, and neither stops the ledger nor is changed.
func TestMisfitsAreDeadLettered(t *testing.T) {
	const price = `"unit_price":999999999999.123456`
	precise := strings.NewReplacer("by-hand", "precise", `"quantity":2`, `"quantity":1`, `"unit_price":9.50`, price, "19.00", "999999999999.123456").Replace(orderByHand)
	check := func(t *testing.T, s *system, want ...string) {
		s.create()
		products := catalogOf(3)
		products[2].Name = strings.Repeat("long ", 10)
		for _, r := range s.catalogRecords(products) { // as JSON, which the topics may have, too
			s.write(r)
		}
		s.write(s.record("orders", "precise", precise), s.record("orders", "by-hand", orderByHand))
		s.drain()
		var got []string
		for _, alias := range []string{"catalog", "orders"} {
			for _, l := range s.rawAll(s.topic(alias) + ".dlq") {
				h := headers(l)
				if h[event.HeaderDLQReason] != string(event.SchemaMismatch) || !strings.Contains(h[event.HeaderDLQMessage], "does not fit the schema of topic "+s.topic("updates")) {
					t.Errorf("%s: %s", h[event.HeaderDLQReason], h[event.HeaderDLQMessage])
				}
				got = append(got, string(l.Key))
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("refused are %q, want %q", got, want)
		}
		s.prove()
	}
	t.Run("an amount that Protobuf does not keep", func(t *testing.T) {
		s := newSystem(t, kafkatest.Embedded(t))
		s.encode(encodings{Form: registry.Protobuf, URL: registrytest.New(t).URL})
		check(t, s, "precise")
	})
	t.Run("a text that a schema bounds", func(t *testing.T) {
		s := newSystem(t, kafkatest.Embedded(t))
		e := encodings{Form: registry.JSONSchema, URL: registrytest.New(t).URL}
		source := registry.Source{Form: registry.JSONSchema, Text: `{"type": "object", "properties": {"product_name": {"maxLength": 30}, "unit_price": {"maximum": 1000}}}`}
		sch, err := registry.Compile(t.Context(), source)
		if err != nil {
			t.Fatal(err)
		}
		for i := range s.scenario.Topics {
			if f := &s.scenario.Topics[i].Format; s.scenario.Topics[i].Alias == "updates" {
				f.Name, f.File = string(e.Form), "updates.json"
			}
		}
		updates := registry.TopicFormat{Topic: s.topic("updates"), Writes: true, Value: &registry.Format{Schema: sch, Subject: registry.ByTopic, Register: true}}
		client, err := sr.NewClient(sr.URLs(e.URL))
		if err != nil {
			t.Fatal(err)
		}
		if s.schemas, err = registry.Open(t.Context(), client, []registry.TopicFormat{updates}, nil); err != nil {
			t.Fatal(err)
		}
		check(t, s, "prod-2", "precise")
	})
}
