package verify

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"inv/internal/event"

	"github.com/twmb/franz-go/pkg/kgo"
)

// ksml is the reference system: a task for each partition, which reads the orders and
// the reorders there and has a stock of its own. With one partition that is right.
type ksml struct {
	*history
	tasks   []map[string]*ksmlStock
	queue   []*kgo.Record // reorders that wait
	ids     int           // how many order ids there are
	reduced bool          // as in the port to Kafka Streams: one stock for all, and updates name only their cause
}

type ksmlStock struct {
	stock                  int64
	lastOrder, lastReorder string
}

func newKSML(t *testing.T, seed uint64, partitions int32) *ksml {
	k := &ksml{history: newHistory(t, seed), ids: 1 << 20}
	k.partitions = partitions
	for range partitions {
		k.tasks = append(k.tasks, map[string]*ksmlStock{})
	}
	for _, id := range []string{"a", "b", "c"} {
		p := chair
		p.ID, p.InitialStock = id, 0
		k.put("catalog", 0, id, event.AppendProduct(nil, &p))
		k.stock[id] = &keeper{Product: p}
	}
	return k
}

func (k *ksml) run(orders int) {
	for range orders {
		k.order()
		for len(k.queue) > 0 && k.rnd.IntN(3) > 0 {
			k.restock()
		}
	}
	for len(k.queue) > 0 {
		k.restock()
	}
}

func (k *ksml) order() {
	o := event.Order{OrderID: fmt.Sprintf("order-%d", k.rnd.IntN(k.ids)), Timestamp: 1}
	for range 1 + k.rnd.IntN(3) {
		o.Items = append(o.Items, line1(string("abc"[k.rnd.IntN(3)]), 1+k.rnd.Int64N(9)))
		l := &o.Items[len(o.Items)-1]
		o.Total += event.Money(l.Quantity) * l.UnitPrice
	}
	r := k.put("orders", k.partitionOf(o.OrderID), o.OrderID, event.AppendOrder(nil, &o))
	for _, l := range o.Items {
		s := k.state(r.Partition, l.ProductID)
		s.stock, s.lastOrder = max(0, s.stock-l.Quantity), o.OrderID
		k.write(l.ProductID, s, true)
	}
}

func (k *ksml) restock() {
	r := k.queue[0]
	k.queue = k.queue[1:]
	var v event.Reorder
	if err := event.ParseReorder(r.Value, &v); err != nil {
		k.t.Fatal(err)
	}
	s := k.state(r.Partition, v.ProductID)
	s.stock, s.lastReorder = s.stock+v.ReorderQuantity, v.EventID
	k.write(v.ProductID, s, false)
}

func (k *ksml) state(partition int32, product string) *ksmlStock {
	if k.reduced {
		partition = 0
	}
	if k.tasks[partition][product] == nil {
		k.tasks[partition][product] = &ksmlStock{}
	}
	return k.tasks[partition][product]
}

// write writes an update and what follows from it.
func (k *ksml) write(product string, s *ksmlStock, line bool) {
	ids := fmt.Sprintf(`"last_order_id":%q,`, s.lastOrder)
	switch {
	case k.reduced && !line:
		ids = fmt.Sprintf(`"last_reorder_id":%q,`, s.lastReorder)
	case !k.reduced && s.lastReorder != "":
		ids += fmt.Sprintf(`"last_reorder_id":%q,`, s.lastReorder)
	}
	k.put("updates", k.partitionOf(product), product, fmt.Appendf(nil, `{"current_stock":%d,%s"last_updated":1,"product_id":%q}`, s.stock, ids, product))
	p := &k.history.stock[product].Product
	if s.stock <= p.ReorderThreshold {
		v := event.Reorder{EventID: fmt.Sprintf("reorder-%08x", k.rnd.Uint32()), ProductID: product, ProductName: p.Name, CurrentStock: s.stock,
			ReorderQuantity: p.ReorderQuantity, Priority: event.PriorityNormal, Timestamp: 1}
		if s.stock <= 5 {
			v.Priority = event.PriorityUrgent
		}
		k.queue = append(k.queue, k.put("reorders", k.partitionOf(v.EventID), v.EventID, event.AppendReorder(nil, &v)))
	}
	if s.stock <= p.CriticalThreshold {
		v := event.Alert{AlertID: fmt.Sprintf("alert-%08x", k.rnd.Uint32()), AlertType: event.AlertCritical, ProductID: product, ProductName: p.Name,
			CurrentStock: s.stock, Threshold: p.CriticalThreshold, Timestamp: 1,
			Message: fmt.Sprintf("Critical inventory level: %s (%d units remaining)", p.Name, s.stock)}
		k.put("alerts", k.partitionOf(product), product, event.AppendAlert(nil, &v))
	}
}

// The reference system is right at one partition only, which shows in the stock and
// in the last ids of its updates. The port to Kafka Streams is right at any number.
func TestReferenceSystemByPartitions(t *testing.T) {
	for seed := range uint64(20) {
		for _, c := range []struct {
			partitions int32
			reduced    bool
			ids        int
			want       Verdict
		}{
			{1, false, 1 << 20, Holds},
			{1, false, 10, Holds}, // ids of orders repeat
			{2, false, 1 << 20, Violated},
			{6, false, 1 << 20, Violated},
			{1, true, 1 << 20, Holds},
			{2, true, 1 << 20, Holds},
			{6, true, 10, Holds},
		} {
			k := newKSML(t, seed, c.partitions)
			k.reduced, k.ids = c.reduced, c.ids
			k.run(50)
			r := k.audit(referenceOptions(), "")
			if r.Verdict != c.want {
				t.Errorf("seed %d, %+v: %s, %q, %+v", seed, c, r.Verdict, r.seen(), r.Findings)
			}
			if n := r.Checks[checkStock].Violations; c.want == Violated && n < r.Counts.Updates/8 {
				t.Errorf("seed %d, %+v: just %d of %d updates are found to be wrong", seed, c, n, r.Counts.Updates)
			}
			if r = k.audit(referenceOptions(), "it runs"); r.Verdict == Violated && c.want == Holds {
				t.Errorf("seed %d, %+v, while it runs: %q, %+v", seed, c, r.seen(), r.Findings)
			}
		}
	}
}

// What is wrong in updates without numbers, deltas and causes.
func TestWrongUpdatesOfTheReferenceSystem(t *testing.T) {
	replace := func(old, new string, n int) func(*ksml) {
		return func(k *ksml) {
			for _, r := range k.records["updates"] {
				if strings.Contains(string(r.Value), old) {
					if n--; n < 0 {
						r.Value = []byte(strings.Replace(string(r.Value), old, new, 1))
						return
					}
				}
			}
			k.t.Fatalf("no update with %s", old)
		}
	}
	for name, c := range map[string]struct {
		wrong func(k *ksml)
		want  []string // among the findings
	}{
		"lost": {func(k *ksml) { k.remove(k.records["updates"][20]) }, []string{"2.stock violated 1"}},
		"twice": {func(k *ksml) {
			k.records["updates"] = slices.Insert(k.records["updates"], 21, k.records["updates"][20])
		}, []string{"1.causes violated 1"}},
		"out of order":       {func(k *ksml) { u := k.records["updates"]; u[20], u[23] = u[23], u[20] }, []string{"2.stock"}},
		"stock below 0":      {replace(`"current_stock":0`, `"current_stock":-1`, 0), []string{"2.stock"}},
		"another stock":      {replace(`"current_stock":4`, `"current_stock":5`, 0), []string{"2.stock"}},
		"an unknown order":   {replace(`"order-`, `"order-x`, 10), []string{"1.causes"}},
		"an unknown reorder": {replace(`"last_reorder_id":"reorder-`, `"last_reorder_id":"reorder-x`, 10), []string{"1.causes"}},
		"an order lost":      {func(k *ksml) { k.remove(k.records["orders"][20]) }, []string{"1.causes"}},
		"an order not applied": {func(k *ksml) {
			o := event.Order{OrderID: "o", Items: []event.Line{line1("a", 1)}, Total: 5 * event.MoneyUnit}
			k.put("orders", 0, "o", event.AppendOrder(nil, &o))
		}, []string{"4.input violated 1"}},
		"a reorder not delivered": {func(k *ksml) {
			k.records["updates"] = slices.DeleteFunc(k.records["updates"], func(r *kgo.Record) bool {
				return strings.Contains(string(r.Value), string(k.records["reorders"][3].Key))
			})
		}, []string{"4.input violated 1"}},
	} {
		k := newKSML(t, 3, 1)
		k.run(50)
		c.wrong(k)
		got := strings.Join(k.audit(referenceOptions(), "").seen(), "; ")
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
	}
}
