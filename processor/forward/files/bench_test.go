package files

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"inv/internal/scenario"
	"inv/processor/forward"
)

// BenchmarkStore writes inventory updates to six partitions, and publishes them.
func BenchmarkStore(b *testing.B) {
	columns := []scenario.SinkColumn{
		{Name: "product_id", Type: "text", From: scenario.Selector{Path: []string{"product_id"}}},
		{Name: "current_stock", Type: "int", From: scenario.Selector{Path: []string{"current_stock"}}},
		{Name: "unit_price", Type: "decimal", Total: 12, Scale: 2, From: scenario.Selector{Path: []string{"unit_price"}}},
		{Name: "timestamp", Type: "time_ms", From: scenario.Selector{Path: []string{"timestamp"}}},
	}
	for _, sink := range []scenario.FilesSink{
		{Format: "parquet"}, {Format: "parquet", Columns: columns},
		{Format: "jsonl"}, {Format: "jsonl", Zstd: true}, {Format: "csv"}, {Format: "csv", Columns: columns},
	} {
		b.Run(fmt.Sprint(sink.Format, map[bool]string{true: " zstd"}[sink.Zstd], map[bool]string{true: " columns"}[sink.Columns != nil]), func(b *testing.B) {
			benchmarkStore(b, sink)
		})
	}
}

func benchmarkStore(b *testing.B, sink scenario.FilesSink) {
	const partitions, batch = 6, 500
	ctx := context.Background()
	s := testStore(b, nil, sink, func(o *Options) { o.Folder = filepath.Join(b.TempDir(), "lake") })
	var streams []forward.Stream
	for p := range int32(partitions) {
		streams = append(streams, open(b, s, forward.Partition{Alias: "updates", Topic: "inventory_updates", Partition: p, TopicID: "id"}))
	}
	records := benchmarkRecords(partitions * batch * 4)
	b.ReportAllocs()
	b.ResetTimer()
	next := make([]int64, partitions)
	for done, round := 0, 0; done < b.N; round++ {
		p := round % partitions
		list := records[(round%4)*partitions*batch+p*batch:][:batch]
		for _, r := range list {
			r.Partition, r.Offset = int32(p), next[p]
			r.At = forward.Place{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}
			next[p]++
		}
		if err := streams[p].Append(ctx, list); err != nil {
			b.Fatal(err)
		}
		done += batch
	}
	for p, stream := range streams {
		if err := stream.Flush(ctx, next[p]); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkRecords(n int) (list []*forward.Record) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		id := rng.IntN(500)
		value := fmt.Appendf(nil, `{"product_id":"prod-%03d","product_name":"Wireless Headphones %d","category":"electronics","current_stock":%d,"warehouse_id":"wh-east-%d","timestamp":%d,"unit_price":%d.%02d,"reorder_threshold":20,"reorder_quantity":50,"critical_threshold":5,"seq":%d,"delta":-%d,"cause":"order_events/3@%d#0","last_order_id":"order-%d","last_updated":%d}`,
			id, id, rng.IntN(100), id%3, 1700000000000+i, id, id%100, i, 1+rng.IntN(9), i, rng.IntN(1e9), 1700000000000+i)
		list = append(list, &forward.Record{Alias: "updates", Topic: "inventory_updates", Time: 1700000000000 + int64(i),
			Key: fmt.Appendf(nil, "prod-%03d", id), Value: value, JSON: value})
	}
	return list
}
