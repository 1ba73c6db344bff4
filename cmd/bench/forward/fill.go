package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"inv/internal/event"
	"inv/internal/kafka"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	topic    = "bench_inventory_updates"
	products = 1000
)

// fill writes the updates, the same ones each time, and returns the size of a value.
func (b *bench) fill(ctx context.Context) (size int, err error) {
	client, err := kafka.Connect(ctx, kafka.Config{Brokers: []string{b.brokers}},
		kgo.ProducerLinger(20*time.Millisecond), kgo.MaxBufferedRecords(50_000), kgo.ProducerBatchCompression(kgo.Lz4Compression()))
	if err != nil {
		return 0, err
	}
	defer client.Close()
	_, _ = kadm.NewClient(client).DeleteTopics(ctx, topic) // it may not exist
	if _, err := kafka.EnsureTopics(ctx, client, kafka.TopicSpec{Name: topic, Partitions: 6}); err != nil {
		return 0, err
	}
	ctx, failed := context.WithCancelCause(ctx)
	defer failed(nil)
	const begin = 1_700_000_000_000
	random := rand.New(rand.NewPCG(7, 7))
	for i := range b.updates {
		id := random.IntN(products)
		value := event.AppendUpdate(nil, &event.Update{
			ProductID: fmt.Sprintf("prod-%04d", id), ProductName: fmt.Sprintf("Desk lamp %d", id*7919), Category: "lighting", WarehouseID: fmt.Sprintf("wh-%d", id%7),
			CurrentStock: random.Int64N(1000), ReorderThreshold: 50, ReorderQuantity: 200, CriticalThreshold: 10,
			Timestamp: begin + int64(i), LastUpdated: begin + int64(i), UnitPrice: event.Money(id * 13), Seq: int64(i), Delta: -1 - random.Int64N(9), Cause: "order",
			LastOrderID: fmt.Sprintf("order-%016x", random.Uint64()),
		})
		size = len(value)
		client.Produce(ctx, &kgo.Record{Topic: topic, Key: fmt.Appendf(nil, "prod-%04d", id), Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed(err)
			}
		})
	}
	_ = client.Flush(ctx) // it fails only with the context
	return size, context.Cause(ctx)
}
