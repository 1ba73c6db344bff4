// Command ceiling measures a bare franz-go producer: it sends one static record of a
// given size repeatedly, with the settings of `inv produce`, to the partitions in
// turn. inv is measured against its rate.
//
//	go run ./cmd/bench/ceiling -b 127.0.0.1:9092 -topic t -n 2000000 -value 230 -key 16 -headers a=1,b=2
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"inv/cmd/bench/measure"

	"github.com/twmb/franz-go/pkg/kgo"
)

func main() { os.Exit(measure.Main("ceiling", run)) }

// maxBuffered is enough records to keep the brokers busy.
const maxBuffered = 16_384

func run(ctx context.Context) error {
	brokers := flag.String("b", "127.0.0.1:9092", "the broker")
	topic := flag.String("topic", "bench_ceiling", "the topic, which must exist")
	count := flag.Int("n", 2_000_000, "records")
	value := flag.Int("value", 230, "bytes of the value")
	key := flag.Int("key", 16, "bytes of the key")
	headers := flag.String("headers", "", "NAME=VALUE, separated by commas")
	partitions := flag.Int("partitions", 6, "how many the topic has")
	linger := flag.Duration("linger", 20*time.Millisecond, "the linger")
	codec := flag.String("codec", "none", "none or snappy; a repeated record compresses to nothing, so none is fair")
	flag.Parse()
	opts := []kgo.Opt{kgo.SeedBrokers(*brokers), kgo.ProducerLinger(*linger), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.RequiredAcks(kgo.AllISRAcks()), kgo.MaxBufferedRecords(maxBuffered)}
	if *codec == "none" {
		opts = append(opts, kgo.ProducerBatchCompression(kgo.NoCompression()))
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return err
	}
	defer client.Close()
	var hs []kgo.RecordHeader
	for pair := range strings.SplitSeq(*headers, ",") {
		if name, value, ok := strings.Cut(pair, "="); ok {
			hs = append(hs, kgo.RecordHeader{Key: name, Value: []byte(value)})
		}
	}
	records := sync.Pool{New: func() any { return new(kgo.Record) }}
	k, v := fill(*key), fill(*value)
	var failed error
	var once sync.Once
	done := func(r *kgo.Record, err error) {
		if err != nil {
			once.Do(func() { failed = err })
		}
		records.Put(r)
	}
	start := time.Now()
	for i := range *count {
		r := records.Get().(*kgo.Record)
		*r = kgo.Record{Topic: *topic, Partition: int32(i % *partitions), Key: k, Value: v, Headers: hs}
		client.Produce(ctx, r, done)
	}
	if err := client.Flush(ctx); err != nil {
		return err
	}
	took := time.Since(start)
	fmt.Printf("%d records, %.0f/s\n", *count, float64(*count)/took.Seconds())
	return failed
}

// fill returns n bytes that compress about as well as records do.
func fill(n int) []byte {
	const text = `{"order_id":"order-7-1","customer_id":"cust-86912","items":[{"product_id":"prod-456","quantity":4,"unit_price":55.99},`
	return []byte(strings.Repeat(text, n/len(text)+1))[:n]
}
