// Command ceiling is what a bare franz-go producer reaches: one static record of
// a given size, sent again and again with the settings of `inv produce`. It is
// the line that inv is measured against.
//
//	go run ./bench/ceiling -b 127.0.0.1:9092 -topic t -n 2000000 -value 230 -key 16 -headers 150
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"sync"
	"time"

	"inv/producer"

	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	brokers := flag.String("b", "127.0.0.1:9092", "the broker")
	topic := flag.String("topic", "bench_ceiling", "the topic, which must exist")
	count := flag.Int("n", 2_000_000, "records")
	value := flag.Int("value", 230, "bytes of the value")
	key := flag.Int("key", 16, "bytes of the key")
	headers := flag.Int("headers", 0, "bytes of six headers together, 0: no headers")
	linger := flag.Duration("linger", 20*time.Millisecond, "the linger")
	codec := flag.String("codec", "none", "none or snappy; one record again and again is nothing to a codec, so none is the fair one")
	flag.Parse()
	if err := run(*brokers, *topic, *count, *value, *key, *headers, *linger, *codec); err != nil {
		fmt.Fprintln(os.Stderr, "ceiling:", err)
		os.Exit(1)
	}
}

func run(brokers, topic string, count, value, key, headers int, linger time.Duration, codec string) error {
	opts := append(producer.KafkaOptions(), kgo.SeedBrokers(brokers), kgo.ProducerLinger(linger),
		kgo.RecordPartitioner(kgo.UniformBytesPartitioner(64<<10, false, false, nil)))
	if codec == "none" {
		opts = append(opts, kgo.ProducerBatchCompression(kgo.NoCompression()))
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return err
	}
	defer client.Close()
	var hs []kgo.RecordHeader
	for i := range 6 {
		if headers > 0 {
			hs = append(hs, kgo.RecordHeader{Key: fmt.Sprintf("header-%02d", i), Value: fill(max(headers/6-9, 0))})
		}
	}
	records := sync.Pool{New: func() any { return new(kgo.Record) }}
	k, v := fill(key), fill(value)
	var failed error
	var once sync.Once
	done := func(r *kgo.Record, err error) {
		if err != nil {
			once.Do(func() { failed = err })
		}
		records.Put(r)
	}
	ctx := context.Background()
	start := time.Now()
	for range count {
		r := records.Get().(*kgo.Record)
		*r = kgo.Record{Topic: topic, Key: k, Value: v, Headers: hs}
		client.Produce(ctx, r, done)
	}
	if err := client.Flush(ctx); err != nil {
		return err
	}
	took := time.Since(start)
	fmt.Printf("%d records, %.0f/s\n", count, float64(count)/took.Seconds())
	return failed
}

// fill is bytes that compress about as well as records do.
func fill(n int) []byte {
	const text = `{"order_id":"order-7-1","customer_id":"cust-86912","items":[{"product_id":"prod-456","quantity":4,"unit_price":55.99},`
	b := make([]byte, n)
	for i := range b {
		b[i] = text[i%len(text)]
	}
	return b
}
