// Command latency measures the latency of inv tail: from the start of the process to its
// first line, and, following, from a record's acknowledgement to its line on stdout.
//
//	go run ./cmd/bench/tail/latency -b 127.0.0.1:9092 -inv ./inv -topic bench_orders
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"

	"inv/cmd/bench/measure"
	"inv/internal/kafka"

	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	brokers := flag.String("b", "127.0.0.1:9092", "the broker")
	inv := flag.String("inv", "inv", "the program to measure")
	topic := flag.String("topic", "bench_orders", "a large topic, for the first line")
	n := flag.Int("n", 2000, "records to follow, one every 5 ms")
	runs := flag.Int("runs", 100, "starts to measure")
	flag.Parse()
	os.Exit(measure.Main("latency", func(ctx context.Context) error { return latency(ctx, *brokers, *inv, *topic, *n, *runs) }))
}

func latency(ctx context.Context, brokers, inv, topic string, n, runs int) error {
	var alone, starts []time.Duration
	for range runs {
		// The part of the process itself: a start without a broker.
		d, err := firstLine(ctx, inv, "version")
		if err != nil {
			return err
		}
		alone = append(alone, d)
		if d, err = firstLine(ctx, inv, "tail", topic, "-n", "10", "-b", brokers); err != nil {
			return err
		}
		starts = append(starts, d)
	}
	report("start of inv version", alone)
	report("start to first line of -n 10", starts)
	follows, err := follow(ctx, brokers, inv, n)
	if err != nil {
		return err
	}
	report("acknowledgement to line", follows)
	return nil
}

func report(what string, ds []time.Duration) {
	slices.Sort(ds)
	at := func(q float64) time.Duration { return ds[int(q*float64(len(ds)-1))].Round(100 * time.Microsecond) }
	fmt.Printf("%-30s min %v  p50 %v  p99 %v  max %v  (%d)\n", what, at(0), at(.5), at(.99), at(1), len(ds))
}

// firstLine returns how long a command takes from its start to its first line.
func firstLine(ctx context.Context, inv string, args ...string) (time.Duration, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, inv, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	_, err = bufio.NewReader(out).ReadString('\n')
	d := time.Since(start)
	cancel()
	_ = cmd.Wait() // it was killed
	return d, err
}

// follow produces a record every 5 ms, and reads its line from a following inv tail.
func follow(ctx context.Context, brokers, inv string, n int) ([]time.Duration, error) {
	topic := fmt.Sprintf("bench_follow_%d", time.Now().UnixMilli())
	client, err := kafka.Connect(ctx, kafka.Config{Brokers: []string{brokers}}, kgo.ProducerLinger(0), kgo.DefaultProduceTopic(topic))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	if _, err := kafka.EnsureTopics(ctx, client, kafka.TopicSpec{Name: topic, Partitions: 6}); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, inv, "tail", topic, "-o", "raw", "-b", brokers)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	lines := make([]time.Time, n+1) // of the line of record i
	ended := make(chan error, 1)
	ready := make(chan struct{})
	go readLines(out, lines, ready, ended)
	if err := untilReady(ctx, client, ready); err != nil {
		return nil, err
	}
	acked, err := produce(ctx, client, n)
	if err != nil {
		return nil, err
	}
	if err := <-ended; err != nil {
		return nil, err
	}
	var ds []time.Duration
	for i := 1; i <= n; i++ {
		ds = append(ds, max(0, lines[i].Sub(acked[i])))
	}
	return ds, nil
}

// untilReady sends record 0 until inv tail shows it: then it is following.
func untilReady(ctx context.Context, client *kgo.Client, ready <-chan struct{}) error {
	for {
		if err := client.ProduceSync(ctx, kgo.StringRecord("0")).FirstErr(); err != nil {
			return err
		}
		select {
		case <-ready:
			return nil
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func readLines(out io.Reader, lines []time.Time, ready chan<- struct{}, ended chan<- error) {
	scanner := bufio.NewScanner(out)
	seen := 0
	for seen < len(lines) && scanner.Scan() {
		now := time.Now()
		var i int
		if _, err := fmt.Sscan(scanner.Text(), &i); err != nil {
			ended <- err
			return
		}
		if !lines[i].IsZero() {
			continue
		}
		lines[i] = now
		if seen++; i == 0 {
			close(ready)
		}
	}
	ended <- scanner.Err()
}

func produce(ctx context.Context, client *kgo.Client, n int) ([]time.Time, error) {
	acked := make([]time.Time, n+1)
	var mu sync.Mutex
	var failed error
	for i := 1; i <= n; i++ {
		client.Produce(ctx, kgo.StringRecord(fmt.Sprint(i)), func(_ *kgo.Record, err error) {
			mu.Lock()
			defer mu.Unlock()
			if acked[i] = time.Now(); err != nil {
				failed = err
			}
		})
		time.Sleep(5 * time.Millisecond)
	}
	err := client.Flush(ctx)
	mu.Lock()
	defer mu.Unlock()
	if err == nil {
		err = failed
	}
	return acked, err
}
