package main

import (
	"fmt"
	"math"
	"math/rand"
	"time"

	"inv/internal/kafka/partition"
	"inv/producer"
)

type order struct {
	OrderID    string  `json:"order_id" avro:"order_id"`
	CustomerID string  `json:"customer_id" avro:"customer_id"`
	Items      []item  `json:"items" avro:"items"`
	Total      float64 `json:"order_total" avro:"order_total"`
	Timestamp  int64   `json:"timestamp" avro:"timestamp"`
}

type item struct {
	ProductID string  `json:"product_id" avro:"product_id"`
	Quantity  int     `json:"quantity" avro:"quantity"`
	UnitPrice float64 `json:"unit_price" avro:"unit_price"`
}

// naive makes the same orders the quick way: a struct with tags, math/rand with a seed,
// fmt, a library's encoder, and a complete record. It keeps nothing from one order to the
// next, and does nothing twice.
func naive(count int64, headers bool, to *format, sink *hashSink) error {
	products := []item{
		{ProductID: "prod-123", UnitPrice: 79.99},
		{ProductID: "prod-456", UnitPrice: 55.99},
		{ProductID: "prod-789", UnitPrice: 12.99},
	}
	random := rand.New(rand.NewSource(seed))
	for n := range count {
		now := time.Now()
		o := order{
			OrderID:    fmt.Sprintf("order-%d-%d", seed, n+1),
			CustomerID: fmt.Sprintf("cust-%d", random.Intn(1_000_000)),
			Timestamp:  now.UnixMilli(),
		}
		for range 1 + random.Intn(3) {
			i := products[random.Intn(len(products))]
			i.Quantity = 1 + random.Intn(9)
			o.Items = append(o.Items, i)
			o.Total += float64(i.Quantity) * i.UnitPrice
		}
		o.Total = math.Round(o.Total*100) / 100
		value, err := to.marshal(o)
		if err != nil {
			return err
		}
		r := producer.Record{Topic: "order_events", Key: []byte(o.OrderID), Value: value, At: o.Timestamp}
		r.Partition = partition.Murmur2(r.Key, partitions)
		if headers {
			r.Headers = []producer.Header{
				{Key: "ce_specversion", Value: []byte("1.0")},
				{Key: "ce_type", Value: []byte("inventory.order.v1")},
				{Key: "ce_source", Value: []byte("inv/inventory/orders")},
				{Key: "content-type", Value: []byte(to.contentType)},
				{Key: "ce_id", Value: fmt.Appendf(nil, "%d-%d", seed, n)},
				{Key: "ce_time", Value: []byte(now.UTC().Format("2006-01-02T15:04:05.000Z07:00"))},
			}
		}
		sink.record(&r)
	}
	return nil
}
