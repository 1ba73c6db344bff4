// Package simulate generates the records of a running inventory system, for tests
// and benchmarks of the dashboard that need a history but no processor. Sequence
// numbers, thresholds, reorders and receipts are consistent, but it does not follow
// the processor's rules exactly.
package simulate

import (
	"fmt"
	"math/rand/v2"
	"time"

	"inv/inspect/dashboard"
	"inv/internal/event"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Store is a shop with random orders. It is not safe for concurrent use.
type Store struct {
	topics   dashboard.Topics
	random   *rand.Rand
	products []*Product
	pending  []delivery
	offset   int64
	orders   int64
}

// Product is the state of a product.
type Product struct {
	event.Product
	Stock, Seq int64
	reordered  string // the open reorder
	alerted    bool   // the stock was critical in the last update
}

type delivery struct {
	due     time.Time
	product *Product
	event   string
}

var (
	kinds      = []string{"Headphones", "Charger", "Cover", "Keyboard", "Mouse", "Lamp", "Backpack", "Bottle", "Notebook", "Speaker", "Cable", "Stand", "Monitor", "Webcam", "Tripod"}
	makes      = []string{"Wireless", "Slim", "Laptop", "Phone", "Mini", "Pro", "Travel", "Studio", "Eco", "Smart", "Classic"}
	categories = []string{"electronics", "accessories", "office", "outdoor", "audio"}
	warehouses = []string{"wh-east-1", "wh-west-1", "wh-north-1"}
)

// New returns a store with n products.
func New(topics dashboard.Topics, seed uint64, n int) *Store {
	s := &Store{topics: topics, random: rand.New(rand.NewPCG(seed, 7))}
	r := s.random
	for i := range n {
		critical := int64(2 + r.IntN(9))
		reorder := critical + int64(3+r.IntN(15))
		s.products = append(s.products, &Product{Product: event.Product{
			ID:       fmt.Sprintf("prod-%05d", i+1),
			Name:     fmt.Sprintf("%s %s %c%d", makes[r.IntN(len(makes))], kinds[r.IntN(len(kinds))], 'A'+rune(r.IntN(26)), 1+r.IntN(99)),
			Category: categories[r.IntN(len(categories))], WarehouseID: warehouses[r.IntN(len(warehouses))],
			Price: event.Money(500+r.IntN(20000)) * event.MoneyUnit / 100, ReorderThreshold: reorder,
			ReorderQuantity: int64(20 + 10*r.IntN(9)), CriticalThreshold: critical, InitialStock: int64(20 + r.IntN(100)),
		}})
	}
	return s
}

// Products returns the store's products.
func (s *Store) Products() []*Product { return s.products }

// OpenReorders returns the number of products with an open reorder.
func (s *Store) OpenReorders() int {
	n := 0
	for _, p := range s.products {
		if p.reordered != "" {
			n++
		}
	}
	return n
}

// Open returns the catalogue and each product's opening update.
func (s *Store) Open(now time.Time) []*kgo.Record {
	var records []*kgo.Record
	for _, p := range s.products {
		records = append(records, record(s.topics.Catalog, p.ID, now, event.AppendProduct(nil, &p.Product)))
	}
	for _, p := range s.products {
		records = append(records, s.update(p, p.InitialStock, 0, s.cause(s.topics.Catalog), "", "", now)...)
	}
	return records
}

func (s *Store) cause(topic string) event.Cause {
	s.offset++
	return event.Cause{Topic: topic, Offset: s.offset}
}

// Order returns the records of the deliveries due and of a random order of one to
// three lines.
func (s *Store) Order(now time.Time) []*kgo.Record {
	var records []*kgo.Record
	for len(s.pending) > 0 && !s.pending[0].due.After(now) {
		d := s.pending[0]
		s.pending = s.pending[1:]
		records = append(records, s.Deliver(d.product, d.event, now)...)
	}
	s.orders++
	cause := s.cause(s.topics.Orders)
	cause.Partition = int32(s.orders % 6)
	for line := range 1 + s.random.IntN(3) {
		cause.Line = int32(line)
		p := s.products[s.random.IntN(len(s.products))]
		records = append(records, s.sell(p, int64(1+s.random.IntN(9)), cause, now)...)
	}
	return records
}

// Sell returns the records of an order of one line.
func (s *Store) Sell(p *Product, quantity int64, now time.Time) []*kgo.Record {
	s.orders++
	return s.sell(p, quantity, s.cause(s.topics.Orders), now)
}

func (s *Store) sell(p *Product, quantity int64, cause event.Cause, now time.Time) []*kgo.Record {
	filled := min(quantity, p.Stock)
	return s.update(p, -filled, quantity-filled, cause, fmt.Sprintf("order-%d", s.orders), "", now)
}

// Restock returns the records of a manual delivery.
func (s *Store) Restock(p *Product, quantity int64, now time.Time) []*kgo.Record {
	return s.update(p, quantity, 0, s.cause(s.topics.Receipts), "", "", now)
}

// Change returns a product's changed catalogue record and its update.
func (s *Store) Change(p *Product, now time.Time) []*kgo.Record {
	records := []*kgo.Record{record(s.topics.Catalog, p.ID, now, event.AppendProduct(nil, &p.Product))}
	return append(records, s.update(p, 0, 0, s.cause(s.topics.Catalog), "", "", now)...)
}

// Deliver returns the receipt of a reorder and its update.
func (s *Store) Deliver(p *Product, reorder string, now time.Time) []*kgo.Record {
	receipt := event.Receipt{
		ReceiptID: event.ReceiptID(reorder), EventID: reorder, ProductID: p.ID,
		Quantity: p.ReorderQuantity, WarehouseID: p.WarehouseID, Timestamp: now.UnixMilli(),
	}
	records := []*kgo.Record{record(s.topics.Receipts, p.ID, now, event.AppendReceipt(nil, &receipt))}
	if p.reordered == reorder {
		p.reordered = ""
	}
	return append(records, s.update(p, p.ReorderQuantity, 0, s.cause(s.topics.Receipts), "", reorder, now)...)
}

const leadTime = 20 * time.Second

func (s *Store) update(p *Product, delta, unmet int64, cause event.Cause, order, restocked string, now time.Time) []*kgo.Record {
	ms := now.UnixMilli()
	p.Stock += delta
	p.Seq++
	u := event.Update{
		ProductID: p.ID, ProductName: p.Name, Category: p.Category, CurrentStock: p.Stock, WarehouseID: p.WarehouseID,
		Timestamp: ms, UnitPrice: p.Price, ReorderThreshold: p.ReorderThreshold, ReorderQuantity: p.ReorderQuantity,
		CriticalThreshold: p.CriticalThreshold, Seq: p.Seq, Delta: delta, Cause: cause.String(), UnmetQuantity: unmet,
		LastOrderID: order, LastReorderID: restocked, LastUpdated: ms + int64(5+s.random.IntN(30)),
	}
	records := []*kgo.Record{record(s.topics.Updates, p.ID, now, event.AppendUpdate(nil, &u))}
	if p.Stock <= p.ReorderThreshold && p.reordered == "" {
		p.reordered = event.ReorderID(p.ID, p.Seq)
		priority := event.PriorityNormal
		if p.Stock < p.CriticalThreshold {
			priority = event.PriorityUrgent
		}
		r := event.Reorder{
			EventID: p.reordered, ProductID: p.ID, ProductName: p.Name, CurrentStock: p.Stock,
			ReorderQuantity: p.ReorderQuantity, Priority: priority, WarehouseID: p.WarehouseID, Timestamp: ms,
		}
		records = append(records, record(s.topics.Reorders, r.EventID, now, event.AppendReorder(nil, &r)))
		s.pending = append(s.pending, delivery{now.Add(leadTime), p, p.reordered})
	}
	critical := p.Stock <= p.CriticalThreshold
	if critical && !p.alerted {
		a := event.Alert{
			AlertID: event.AlertID(p.ID, p.Seq), AlertType: event.AlertCritical, ProductID: p.ID, ProductName: p.Name,
			CurrentStock: p.Stock, Threshold: p.CriticalThreshold, WarehouseID: p.WarehouseID, Timestamp: ms,
			Message: fmt.Sprintf("Critical inventory level: %s (%d units remaining)", p.Name, p.Stock),
		}
		records = append(records, record(s.topics.Alerts, p.ID, now, event.AppendAlert(nil, &a)))
	}
	p.alerted = critical
	return records
}

func record(topic, key string, at time.Time, value []byte) *kgo.Record {
	return &kgo.Record{Topic: topic, Key: []byte(key), Value: value, Timestamp: at}
}
