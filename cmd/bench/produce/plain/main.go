// Command plain is `inv produce orders` with the client library's own producer instead
// of inv's record batches: the same plan, and a [producer.Sink] that calls
// kgo.Client.Produce for each record. cmd/bench/produce compares it with inv.
//
//	go run ./cmd/bench/produce/plain -b 127.0.0.1:9092 -scenario s.yaml -app bench -n 2000000
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"inv/cmd/bench/measure"
	"inv/internal/kafka"
	"inv/internal/scenario"
	"inv/producer"

	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	brokers := flag.String("b", "127.0.0.1:9092", "the broker")
	file := flag.String("scenario", "", "a scenario with the producer orders")
	app := flag.String("app", "bench", "the application id")
	count := flag.Int64("n", 2_000_000, "records")
	headers := flag.String("headers", "cloudevents", "cloudevents or none")
	linger := flag.Duration("linger", 20*time.Millisecond, "the linger")
	batch := flag.Int("batch", 512<<10, "the largest batch, in bytes")
	buffered := flag.Int("buffered", 16_384, "unacknowledged records")
	flag.Parse()
	opts := []kgo.Opt{
		kgo.SeedBrokers(*brokers), kgo.RequiredAcks(kgo.AllISRAcks()), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(*linger), kgo.ProducerBatchMaxBytes(int32(*batch)), kgo.MaxBufferedRecords(*buffered),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.DisableClientMetrics(),
		kgo.MetadataMinAge(250 * time.Millisecond), // a new topic's leaders may lag: by default that costs seconds
	}
	os.Exit(measure.Main("plain", func(ctx context.Context) error { return run(ctx, *file, *app, *count, *headers == "none", opts) }))
}

func run(ctx context.Context, file, app string, count int64, noEvents bool, opts []kgo.Opt) error {
	source, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	sc, err := scenario.Parse(file, source)
	if err != nil {
		return err
	}
	plan, err := producer.Compile(sc, producer.CompileOptions{Names: []string{"orders"}, Seed: 1234567890})
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return err
	}
	defer client.Close()
	var names []string
	for _, spec := range kafka.Specs(plan.Scenario, app, plan.Topics()...) {
		names = append(names, spec.Name)
	}
	partitions, err := kafka.PartitionCounts(ctx, client, names...)
	if err != nil {
		return err
	}
	summary, err := producer.Run(ctx, plan, producer.Options{
		App: app, Count: count, Rate: &scenario.Rate{}, NoEvents: noEvents, Partitions: partitions,
	}, &sink{client: client, failed: make(chan struct{})})
	if err == nil && summary.Acknowledged != count {
		err = fmt.Errorf("%d of %d records were acknowledged", summary.Acknowledged, count)
	}
	return err
}
