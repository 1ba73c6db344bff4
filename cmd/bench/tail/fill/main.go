// Command fill writes orders to a topic for cmd/bench/tail: the same ones each time, 229
// bytes long on average, with headers such as those of `inv produce`.
//
//	go run ./cmd/bench/tail/fill -b 127.0.0.1:9092 -topic bench_orders -n 1000000
//
// With -format avro or protobuf the same orders are encoded by a schema that it registers
// with the registry of -registry.
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
	"inv/internal/registry"

	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	brokers := flag.String("b", "127.0.0.1:9092", "the broker")
	topic := flag.String("topic", "bench_orders", "the topic, created if it is missing")
	n := flag.Int("n", 1_000_000, "orders")
	format := flag.String("format", "json", "json, avro or protobuf")
	url := flag.String("registry", "http://127.0.0.1:8081", "the schema registry")
	codec := flag.String("codec", "snappy", "none, snappy, lz4 or zstd")
	flag.Parse()
	os.Exit(measure.Main("fill", func(ctx context.Context) error {
		return fill(ctx, *brokers, *topic, *n, *codec, registry.Form(*format), *url)
	}))
}

// schemas are those of the orders, by form.
var schemas = map[registry.Form]string{
	registry.Avro: `{"type":"record","name":"Order","fields":[{"name":"order_id","type":"string"},{"name":"customer_id","type":"string"},
		{"name":"items","type":{"type":"array","items":{"type":"record","name":"Item","fields":[{"name":"product_id","type":"string"},{"name":"quantity","type":"int"},
			{"name":"unit_price","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}}]}}},
		{"name":"order_total","type":{"type":"bytes","logicalType":"decimal","precision":12,"scale":2}},
		{"name":"timestamp","type":{"type":"long","logicalType":"timestamp-millis"}}]}`,
	registry.Protobuf: `syntax = "proto3"; import "google/protobuf/timestamp.proto";
		message Order { string order_id = 1; string customer_id = 2; repeated Item items = 3; double order_total = 4; google.protobuf.Timestamp timestamp = 5; }
		message Item { string product_id = 1; int32 quantity = 2; double unit_price = 3; }`,
}

// writerOf returns how the values are encoded; nil: they are JSON.
func writerOf(ctx context.Context, topic string, form registry.Form, url string) (*registry.Writer, error) {
	if form == "json" {
		return nil, nil
	}
	sch, err := registry.Compile(ctx, registry.Source{Form: form, Text: schemas[form]})
	if err != nil {
		return nil, err
	}
	client, err := registry.NewClient(url, "", "")
	if err != nil {
		return nil, err
	}
	topics, err := registry.Open(ctx, client, []registry.TopicFormat{{Topic: topic, Value: &registry.Format{Schema: sch, Register: true}, Writes: true}}, nil)
	if err != nil {
		return nil, err
	}
	return topics.Writer(topic, false), nil
}

func fill(ctx context.Context, brokers, topic string, n int, codec string, form registry.Form, url string) error {
	writer, err := writerOf(ctx, topic, form, url)
	if err != nil {
		return err
	}
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
		if writer != nil {
			if value, err = writer.Append(nil, value); err != nil {
				return err
			}
		}
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
