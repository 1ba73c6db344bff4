// Package simulate writes the records of an inventory system at work, for tests
// and benchmarks of the dashboard that need a history but no processor. It has
// the records right (sequence numbers, thresholds, reorders with their
// receipts), not the rules: nothing may rely on it for those.
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

// Product is where one product stands.
type Product struct {
	event.Product
	Stock, Seq int64
	reordered  string // the open reorder
	alerted    bool   // the stock was critical in the last update
}

type delivery struct {
	due     int64
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
	for i := range n {
		r := s.random
		critical := int64(2 + r.IntN(9))
		reorder := critical + int64(3+r.IntN(15))
		p := &Product{Product: event.Product{
			ID:       fmt.Sprintf("prod-%05d", i+1),
			Name:     fmt.Sprintf("%s %s %c%d", makes[r.IntN(len(makes))], kinds[r.IntN(len(kinds))], 'A'+rune(r.IntN(26)), 1+r.IntN(99)),
			Category: categories[r.IntN(len(categories))], WarehouseID: warehouses[r.IntN(len(warehouses))],
			Price: event.Money(500+r.IntN(20000)) * event.MoneyUnit / 100, ReorderThreshold: reorder,
			ReorderQuantity: int64(20 + 10*r.IntN(9)), CriticalThreshold: critical, InitialStock: int64(20 + r.IntN(100)),
		}}
		s.products = append(s.products, p)
	}
	return s
}

// Products returns the store's products.
func (s *Store) Products() []*Product { return s.products }

// OpenReorders returns how many products wait for a delivery.
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
		records = append(records, record(s.topics.Catalog, p.ID, now.UnixMilli(), event.AppendProduct(nil, &p.Product)))
	}
	for _, p := range s.products {
		cause := event.Cause{Topic: s.topics.Catalog, Offset: s.next()}
		records = append(records, s.update(p, p.InitialStock, 0, cause, "", "", now.UnixMilli())...)
	}
	return records
}

func (s *Store) next() int64 { s.offset++; return s.offset }

// Order returns what a random order of one to three lines brings about, and the
// deliveries that are due by then.
func (s *Store) Order(now time.Time) []*kgo.Record {
	ms := now.UnixMilli()
	var records []*kgo.Record
	for len(s.pending) > 0 && s.pending[0].due <= ms {
		d := s.pending[0]
		s.pending = s.pending[1:]
		records = append(records, s.Deliver(d.product, d.event, now)...)
	}
	s.orders++
	cause := event.Cause{Topic: s.topics.Orders, Partition: int32(s.orders % 6), Offset: s.next()}
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
	return s.sell(p, quantity, event.Cause{Topic: s.topics.Orders, Offset: s.next()}, now)
}

func (s *Store) sell(p *Product, quantity int64, cause event.Cause, now time.Time) []*kgo.Record {
	filled := min(quantity, p.Stock)
	return s.update(p, -filled, quantity-filled, cause, fmt.Sprintf("order-%d", s.orders), "", now.UnixMilli())
}

// Restock returns the records of a manual delivery.
func (s *Store) Restock(p *Product, quantity int64, now time.Time) []*kgo.Record {
	cause := event.Cause{Topic: s.topics.Receipts, Offset: s.next()}
	return s.update(p, quantity, 0, cause, "", "", now.UnixMilli())
}

// Change returns a product's catalogue record as it is now, and its update.
func (s *Store) Change(p *Product, now time.Time) []*kgo.Record {
	cause := event.Cause{Topic: s.topics.Catalog, Offset: s.next()}
	records := []*kgo.Record{record(s.topics.Catalog, p.ID, now.UnixMilli(), event.AppendProduct(nil, &p.Product))}
	return append(records, s.update(p, 0, 0, cause, "", "", now.UnixMilli())...)
}

// Deliver returns the receipt of a reorder and its update.
func (s *Store) Deliver(p *Product, reorder string, now time.Time) []*kgo.Record {
	receipt := event.Receipt{
		ReceiptID: event.ReceiptID(reorder), EventID: reorder, ProductID: p.ID,
		Quantity: p.ReorderQuantity, WarehouseID: p.WarehouseID, Timestamp: now.UnixMilli(),
	}
	records := []*kgo.Record{record(s.topics.Receipts, p.ID, now.UnixMilli(), event.AppendReceipt(nil, &receipt))}
	if p.reordered == reorder {
		p.reordered = ""
	}
	cause := event.Cause{Topic: s.topics.Receipts, Offset: s.next()}
	return append(records, s.update(p, p.ReorderQuantity, 0, cause, "", reorder, now.UnixMilli())...)
}

const leadTime = 20_000 // ms

func (s *Store) update(p *Product, delta, unmet int64, cause event.Cause, order, restocked string, now int64) []*kgo.Record {
	p.Stock += delta
	p.Seq++
	u := event.Update{
		ProductID: p.ID, ProductName: p.Name, Category: p.Category, CurrentStock: p.Stock, WarehouseID: p.WarehouseID,
		Timestamp: now, UnitPrice: p.Price, ReorderThreshold: p.ReorderThreshold, ReorderQuantity: p.ReorderQuantity,
		CriticalThreshold: p.CriticalThreshold, Seq: p.Seq, Delta: delta, Cause: cause.String(), UnmetQuantity: unmet,
		LastOrderID: order, LastReorderID: restocked, LastUpdated: now + int64(5+s.random.IntN(30)),
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
			ReorderQuantity: p.ReorderQuantity, Priority: priority, WarehouseID: p.WarehouseID, Timestamp: now,
		}
		records = append(records, record(s.topics.Reorders, r.EventID, now, event.AppendReorder(nil, &r)))
		s.pending = append(s.pending, delivery{now + leadTime, p, p.reordered})
	}
	critical := p.Stock <= p.CriticalThreshold
	if critical && !p.alerted {
		a := event.Alert{
			AlertID: event.AlertID(p.ID, p.Seq), AlertType: event.AlertCritical, ProductID: p.ID, ProductName: p.Name,
			CurrentStock: p.Stock, Threshold: p.CriticalThreshold, WarehouseID: p.WarehouseID, Timestamp: now,
			Message: fmt.Sprintf("Critical inventory level: %s (%d units remaining)", p.Name, p.Stock),
		}
		records = append(records, record(s.topics.Alerts, p.ID, now, event.AppendAlert(nil, &a)))
	}
	p.alerted = critical
	return records
}

func record(topic, key string, ms int64, value []byte) *kgo.Record {
	return &kgo.Record{Topic: topic, Key: []byte(key), Value: value, Timestamp: time.UnixMilli(ms)}
}
