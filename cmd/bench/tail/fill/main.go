// Command fill writes orders to a topic for cmd/bench/tail: the same ones each time, 229
// bytes long on average, with headers such as those of `inv produce`.
//
//	go run ./cmd/bench/tail/fill -b 127.0.0.1:9092 -topic bench_orders -n 1000000
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"time"

	"inv/cmd/bench/measure"
	"inv/internal/kafka"

	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	brokers := flag.String("b", "127.0.0.1:9092", "the broker")
	topic := flag.String("topic", "bench_orders", "the topic, created if it is missing")
	n := flag.Int("n", 1_000_000, "orders")
	codec := flag.String("codec", "snappy", "none, snappy, lz4 or zstd")
	flag.Parse()
	os.Exit(measure.Main("fill", func(ctx context.Context) error { return fill(ctx, *brokers, *topic, *n, *codec) }))
}

func fill(ctx context.Context, brokers, topic string, n int, codec string) error {
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	client, err := kafka.Connect(ctx, kafka.Config{Brokers: []string{brokers}},
		kgo.ProducerLinger(20*time.Millisecond), kgo.MaxBufferedRecords(100_000), kgo.ProducerBatchCompression(codecs[codec]))
	if err != nil {
		return err
	}
	defer client.Close()
	if _, err := kafka.EnsureTopics(ctx, client, kafka.TopicSpec{Name: topic, Partitions: 6}); err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(7, 7))
	start, bytes := time.Now(), 0
	ctx, failed := context.WithCancelCause(ctx)
	defer failed(nil)
	for i := range n {
		value := order(random, i, start.UnixMilli()-int64(n-i))
		bytes += len(value)
		client.Produce(ctx, &kgo.Record{Topic: topic, Key: fmt.Appendf(nil, "order-%d", i), Value: value, Headers: headers(i, start)}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed(err)
			}
		})
	}
	_ = client.Flush(ctx) // it fails only with the context
	if err := context.Cause(ctx); err != nil {
		return err
	}
	fmt.Printf("%d orders, %d bytes of values, %d each, in %v\n", n, bytes, bytes/max(n, 1), time.Since(start).Round(time.Millisecond))
	return nil
}

// headers are CloudEvents attributes, such as those of `inv produce`.
func headers(i int, at time.Time) []kgo.RecordHeader {
	return []kgo.RecordHeader{
		{Key: "ce_specversion", Value: []byte("1.0")},
		{Key: "ce_type", Value: []byte("inv.order.created")},
		{Key: "ce_source", Value: []byte("inv/inventory/orders")},
		{Key: "ce_id", Value: fmt.Appendf(nil, "orders-7-%d", i)},
		{Key: "ce_time", Value: at.UTC().AppendFormat(nil, "2006-01-02T15:04:05.000Z")},
		{Key: "content-type", Value: []byte("application/json")},
	}
}

func order(random *rand.Rand, i int, timestamp int64) []byte {
	b := fmt.Appendf(nil, `{"order_id":"order-%d","customer_id":"cust-%d","items":[`, i, random.IntN(1_000_000))
	cents := 0
	for line := range 1 + random.IntN(3) {
		if line > 0 {
			b = append(b, ',')
		}
		quantity := 1 + random.IntN(9)
		cents += quantity * 7999
		b = fmt.Appendf(b, `{"product_id":"prod-%d","quantity":%d,"unit_price":79.99}`, random.IntN(1000), quantity)
	}
	b = fmt.Appendf(b, `],"order_total":%d.%02d,"timestamp":`, cents/100, cents%100)
	return append(strconv.AppendInt(b, timestamp, 10), '}')
}
