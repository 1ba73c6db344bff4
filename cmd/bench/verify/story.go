package main

import (
	"context"
	"fmt"
	"time"

	"inv/inspect/verify"
	"inv/internal/event"
	"inv/internal/kafka/partition"

	"github.com/twmb/franz-go/pkg/kgo"
)

// day is when the story happens, in epoch ms.
const day = 1_790_000_000_000

// storyteller fills the inputs. Each record is a second later than the one before.
type storyteller struct {
	topics     verify.Topics
	partitions int32
	now        int64 // epoch ms
	records    []*kgo.Record
}

var products = []event.Product{
	{ID: "chair", Name: "Chair", Category: "seats", Price: money(49.9), ReorderThreshold: 10, ReorderQuantity: 50, CriticalThreshold: 5, WarehouseID: "wh-1", InitialStock: 20},
	{ID: "desk-2", Name: "Desk", Category: "tables", Price: money(129), ReorderThreshold: 3, ReorderQuantity: 5, CriticalThreshold: 3, WarehouseID: "wh-2", InitialStock: 9},
	{ID: "lamp", Name: "Lamp \"Noon\"", Category: "lights", Price: money(19.95), ReorderThreshold: 8, ReorderQuantity: 30, CriticalThreshold: 4, WarehouseID: "wh-1", InitialStock: 12},
	{ID: "rug", Name: "Rug", Category: "floors", Price: money(75), ReorderThreshold: 6, CriticalThreshold: 2, WarehouseID: "wh-2", InitialStock: 7}, // never reordered
}

func money(units float64) event.Money { return event.Money(units*100+0.5) * event.MoneyUnit / 100 }

func (s *storyteller) add(topic, key string, value []byte, headers ...kgo.RecordHeader) *kgo.Record {
	s.now += 1000
	r := &kgo.Record{Topic: topic, Value: value, Timestamp: time.UnixMilli(s.now), Headers: headers}
	if key != "" {
		r.Key = []byte(key)
	}
	if topic != s.topics.Catalog {
		r.Partition = partition.Murmur2(r.Key, int(s.partitions))
	}
	s.records = append(s.records, r)
	return r
}

// told returns what was added since the last call.
func (s *storyteller) told() []*kgo.Record {
	told := s.records
	s.records = nil
	return told
}

func (s *storyteller) envelope(kind, id string) []kgo.RecordHeader {
	return event.AppendHeaders(nil, event.Envelope{Type: kind, Source: "inv/inventory/story", ID: id, Time: s.now + 1000})
}

func (s *storyteller) product(p event.Product) *kgo.Record {
	return s.add(s.topics.Catalog, p.ID, event.AppendProduct(nil, &p), s.envelope(event.TypeProduct, p.ID)...)
}

func line(product event.Product, quantity int64) event.Line {
	return event.Line{ProductID: product.ID, Quantity: quantity, UnitPrice: product.Price}
}

func (s *storyteller) order(id string, lines ...event.Line) *kgo.Record {
	o := event.Order{OrderID: id, CustomerID: "customer-" + id, Items: lines, Timestamp: s.now + 990}
	return s.ordered(&o)
}

func (s *storyteller) ordered(o *event.Order) *kgo.Record {
	for _, l := range o.Items {
		o.Total += event.Money(l.Quantity) * l.UnitPrice
	}
	return s.add(s.topics.Orders, o.OrderID, event.AppendOrder(nil, o), s.envelope(event.TypeOrder, o.OrderID)...)
}

// receipt adds one that somebody wrote by hand.
func (s *storyteller) receipt(id string, product event.Product, quantity int64) *kgo.Record {
	v := event.Receipt{ReceiptID: id, ProductID: product.ID, Quantity: quantity, WarehouseID: product.WarehouseID, Timestamp: s.now + 990}
	return s.add(s.topics.Receipts, product.ID, event.AppendReceipt(nil, &v))
}

// copyOf adds a record again.
func (s *storyteller) copyOf(r *kgo.Record) {
	again := *r
	s.records = append(s.records, &again)
}

// chapters are told one after the other; each is processed before the next.
func chapters(s *storyteller) []func(ctx context.Context, l *lab) error {
	var early *kgo.Record
	tell := func(told func()) func(context.Context, *lab) error {
		return func(ctx context.Context, l *lab) error {
			told()
			return l.process(ctx, s.told())
		}
	}
	return []func(context.Context, *lab) error{
		tell(func() {
			early = s.order("early", line(event.Product{ID: "sofa", Price: money(300)}, 1))
			for _, p := range products {
				s.product(p)
			}
			s.product(products[0]) // says nothing new
		}),
		tell(func() { s.trade() }),
		tell(func() { s.trouble() }),
		tell(func() { s.changes() }),
		func(ctx context.Context, l *lab) error {
			sofa := event.Product{ID: "sofa", Name: "Sofa", Price: money(300), ReorderThreshold: 1, ReorderQuantity: 2, CriticalThreshold: 1, InitialStock: 2}
			s.product(sofa) // without a category and a warehouse
			at, err := l.deadLetterOf(ctx, early)
			if err != nil {
				return err
			}
			s.add(early.Topic, string(early.Key), early.Value, append(early.Headers[:len(early.Headers):len(early.Headers)],
				kgo.RecordHeader{Key: event.HeaderDLQReplay, Value: []byte(at)})...)
			s.order("last", line(sofa, 1), line(products[3], 3))
			return l.process(ctx, s.told())
		},
	}
}

// trade is orders of all kinds, until stock is low, critical and gone.
func (s *storyteller) trade() {
	chair, desk, lamp, rug := products[0], products[1], products[2], products[3]
	first := s.order("o-1", line(chair, 8))
	s.order("o-2", line(chair, 4), line(desk, 1), line(chair, 4))
	s.copyOf(first)
	s.order("o-3", line(lamp, 9), line(rug, 3))
	cheap := line(desk, 5)
	cheap.UnitPrice = money(99.5)
	s.order("o-4", cheap, line(chair, 6))
	s.order("o-5", line(desk, 4), line(lamp, 2))
	s.ordered(&event.Order{OrderID: "o-6", CustomerID: "c", Items: []event.Line{line(rug, 3)}}) // has no time of its own
	s.receipt("by-hand-1", rug, 4)
	s.add(s.topics.Orders, "another-key", event.AppendOrder(nil, &event.Order{OrderID: "o-7", CustomerID: "c", Items: []event.Line{line(lamp, 1)}, Total: lamp.Price, Timestamp: s.now}))
}

// trouble is what can't be processed.
func (s *storyteller) trouble() {
	chair := products[0]
	s.add(s.topics.Orders, "bad-1", []byte("{"))
	s.add(s.topics.Orders, "bad-2", []byte(`{"order_id":"bad-2","items":[]}`), s.envelope(event.TypeOrder, "bad-2")...)
	s.add(s.topics.Orders, "bad-3", []byte(`{"order_id":"bad-3","items":[{"product_id":"chair","quantity":1,"unit_price":49.90}],"order_total":50.00,"timestamp":1790000000000}`))
	s.add(s.topics.Orders, "gone", nil)
	s.order("o-8", line(event.Product{ID: "nothing", Price: money(1)}, 1))
	s.add(s.topics.Catalog, "lamp", []byte(`{"id":"other","name":"Other"}`))
	s.add(s.topics.Catalog, "broken", []byte(`{"id":"broken","price":-1}`))
	s.add(s.topics.Receipts, "chair", []byte(`{"receipt_id":"bad-4","product_id":"chair","quantity":0}`))
	s.add(s.topics.Receipts, "nothing", []byte(`{"receipt_id":"bad-5","product_id":"nothing","quantity":3}`))
	s.copyOf(s.receipt("by-hand-2", chair, 2))
}

// changes of the catalogue, and orders meanwhile.
func (s *storyteller) changes() {
	chair, desk, lamp := products[0], products[1], products[2]
	chair.Price, chair.Name = money(55), "Armchair"
	lamp.ReorderThreshold, lamp.CriticalThreshold, lamp.ReorderQuantity = 40, 33, 10
	s.product(chair)
	s.product(lamp)
	s.order("o-9", line(chair, 45), line(lamp, 3))
	s.add(s.topics.Catalog, "desk-2", nil)
	desk.WarehouseID, desk.Category = "wh-3", "furniture"
	s.product(desk)
	s.order("o-10", line(desk, 2), line(chair, 1), line(lamp, 30))
	late := event.Order{OrderID: "o-11", CustomerID: "c", Items: []event.Line{line(desk, 1)}, Timestamp: time.Now().Add(2 * time.Hour).UnixMilli()}
	s.ordered(&late) // ahead of the clock
	s.receipt("by-hand-3", desk, 1)
}

// deadLetterOf returns the place of the dead letter of a record.
func (l *lab) deadLetterOf(ctx context.Context, r *kgo.Record) (string, error) {
	h, err := l.history(ctx)
	if err != nil {
		return "", err
	}
	for _, d := range h.Records[r.Topic+".dlq"] {
		if string(d.Value) == string(r.Value) {
			return event.Place{Topic: d.Topic, Partition: d.Partition, Offset: d.Offset}.String(), nil
		}
	}
	return "", fmt.Errorf("no dead letter of %s", r.Key)
}
