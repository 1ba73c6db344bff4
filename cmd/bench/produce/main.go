// Command produce compares `inv produce orders --rate max` to Apache Kafka with a bare
// franz-go producer of one static record (cmd/bench/ceiling), the same orders through
// the client library's own producer (cmd/bench/produce/plain), kcat -P from a prepared
// file, and kafka-producer-perf-test. All send records of the same size with acks=all,
// linger 20 ms, 6 partitions and no compression: a repeated record compresses to
// nothing, orders don't. Each run gets a new topic, rounds are interleaved, and a
// process is timed from its start to its end.
//
//	go run ./cmd/bench/produce -b 127.0.0.1:9092
//	go run ./cmd/bench/produce -b 127.0.0.1:9092 -headers none -libs kafka/libs
//
// kcat and the perf test are left out if they are not installed.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"

	"inv/cmd/bench/measure"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	var b bench
	flag.StringVar(&b.broker, "b", "127.0.0.1:9092", "the broker")
	flag.IntVar(&b.count, "count", 2_000_000, "records a run")
	flag.IntVar(&b.rounds, "rounds", 10, "rounds of each")
	flag.StringVar(&b.headers, "headers", "cloudevents", "cloudevents or none")
	flag.StringVar(&b.libs, "libs", "", "the folder with Kafka's jars, for the perf test")
	flag.Parse()
	os.Exit(measure.Main("produce", b.run))
}

type bench struct {
	broker, headers, libs string
	count, rounds         int

	folder string // of the programs and files
	app    string
	admin  *kadm.Client
	size   size
}

func (b *bench) topic() string { return b.app + "-orders" }

func (b *bench) run(ctx context.Context) error {
	if b.headers != "cloudevents" && b.headers != "none" {
		return fmt.Errorf("-headers is cloudevents or none, not %q", b.headers)
	}
	var err error
	if b.folder, err = os.MkdirTemp("", "bench-produce"); err != nil {
		return err
	}
	defer os.RemoveAll(b.folder)
	b.app = "bench" + strconv.Itoa(os.Getpid())
	client, err := kgo.NewClient(kgo.SeedBrokers(b.broker))
	if err != nil {
		return err
	}
	defer client.Close()
	b.admin = kadm.NewClient(client)
	if err := b.prepare(ctx); err != nil {
		return err
	}
	fmt.Printf("%d records of %d B (value %d, key %d, headers %d), %d rounds\n\n",
		b.count, b.size.total(), b.size.value, b.size.key, b.size.headers(), b.rounds)
	return b.compare(ctx, b.peers())
}

// plain is the index of cmd/bench/produce/plain among the peers. inv's own producer is
// justified only while plain has less than 0.9 x the rate of the ceiling or kcat.
const plain = 2

// compare runs the rounds; the first peer is inv.
func (b *bench) compare(ctx context.Context, peers []peer) error {
	rates, seconds := make([][]float64, len(peers)), make([][]float64, len(peers))
	largest := 0.0
	for round := range b.rounds {
		fmt.Printf("round %2d:", round+1)
		for i, p := range peers {
			rate, u, err := b.timed(ctx, p)
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			rates[i], seconds[i] = append(rates[i], rate), append(seconds[i], u.CPU)
			fmt.Printf("  %s %.0f/s", p.name, rate)
			if i == 0 {
				largest = max(largest, u.RSS)
			}
		}
		fmt.Println()
	}
	fmt.Println()
	for i, p := range peers {
		fmt.Printf("%-10s %10.0f records/s, %.2f CPU seconds", p.name, measure.Median(rates[i]), measure.Median(seconds[i]))
		if i > 0 {
			mean, low := ratio(rates[0], rates[i])
			fmt.Printf("   inv is %.2f x, at least %.2f x with 95 %% certainty", mean, low)
		}
		fmt.Println()
	}
	for i, p := range peers {
		if p.name == "ceiling" || p.name == "kcat" {
			mean, low := ratio(rates[plain], rates[i])
			fmt.Printf("plain is %.2f x %s, at least %.2f x with 95 %% certainty\n", mean, p.name, low)
		}
	}
	fmt.Printf("inv's largest RSS was %.0f MB\n", largest/1e6)
	return nil
}

// timed runs a peer on a new topic; rate is in records/s.
func (b *bench) timed(ctx context.Context, p peer) (rate float64, u measure.Usage, err error) {
	if err := b.renew(ctx); err != nil {
		return 0, u, err
	}
	u, out, err := measure.Timed(ctx, p.command[0], p.command[1:]...)
	if err == nil {
		err = b.complete(ctx)
	}
	if err != nil || p.rate == nil {
		return float64(b.count) / u.Seconds, u, err
	}
	rates := p.rate.FindAllSubmatch(out, -1)
	if len(rates) == 0 {
		return 0, u, fmt.Errorf("no rate in its output:\n%s", out)
	}
	rate, err = strconv.ParseFloat(string(rates[len(rates)-1][1]), 64)
	return rate, u, err
}

// renew recreates the topic, so that no run pays for another's files.
func (b *bench) renew(ctx context.Context) error {
	if _, err := b.admin.DeleteTopic(ctx, b.topic()); err != nil && !strings.Contains(err.Error(), "UNKNOWN_TOPIC") {
		return err
	}
	for {
		_, err := b.admin.CreateTopic(ctx, 6, 1, nil, b.topic())
		if err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), "TOPIC_ALREADY_EXISTS") {
			return err
		}
	}
}

// complete checks that the run has written all records.
func (b *bench) complete(ctx context.Context) error {
	ends, err := b.admin.ListEndOffsets(ctx, b.topic())
	if err != nil {
		return err
	}
	total := int64(0)
	ends.Each(func(o kadm.ListedOffset) { total += o.Offset })
	if total != int64(b.count) {
		return fmt.Errorf("%d records are in the topic, not %d", total, b.count)
	}
	return nil
}
