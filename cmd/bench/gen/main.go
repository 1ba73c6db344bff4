// Command gen measures how fast the inventory scenario's orders are generated, without a
// broker: into a sink that hashes every byte of key, value and headers. It compares
// them with what most people would write, math/rand and encoding/json (naive.go),
// which makes the same records for the same sink on one goroutine, while another
// processor collects its garbage. inv makes no garbage, so one worker uses one
// processor. Two independent runs are the limit for two workers on the machine.
//
// Rounds are interleaved. It prints the medians, their ratios, and the least processor
// time of a round, which varies least between runs. It fails if the records of a side
// are wrong: it counts them, decodes and checks one in 16,384, and compares the sizes.
//
//	go run ./cmd/bench/gen
//	go run ./cmd/bench/gen -headers -rounds 9
//
// With -format avro or protobuf the records are those of a topic with that format, under
// the schema that is derived from the scenario (format.go). They are compared with a
// library's encoder by reflection, and with inv's own JSON.
//
//	go run ./cmd/bench/gen -format avro
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"

	"inv/cmd/bench/measure"
	"inv/internal/scenario"
	"inv/producer"
	"inv/scenarios"
)

const (
	seed       = 7
	partitions = 6 // of the scenario
)

func main() {
	count := flag.Int64("count", 2_000_000, "records in a round")
	rounds := flag.Int("rounds", 5, "rounds of each side")
	headers := flag.Bool("headers", false, "with CloudEvents headers")
	name := flag.String("format", "json", "json, avro or protobuf")
	flag.Parse()
	os.Exit(measure.Main("gen", func(ctx context.Context) error { return compare(ctx, *count, *rounds, *headers, *name) }))
}

// result is the result of a round.
type result struct {
	perSecond float64
	cpu       float64 // ns for each record, of all cores
	allocs    float64 // for each record
	bytes     float64 // of a record
}

func compare(ctx context.Context, count int64, rounds int, headers bool, name string) error {
	source, err := scenarios.Files.ReadFile("inventory.yaml")
	if err != nil {
		return err
	}
	sc, err := scenario.Parse("inventory.yaml", source)
	if err != nil {
		return err
	}
	to, err := newFormat(ctx, sc, name)
	if err != nil {
		return err
	}
	run := func(workers int, count int64, sink *hashSink) error {
		o := producer.Options{Rate: &scenario.Rate{}, Count: count, Workers: workers, NoEvents: !headers}
		_, err := producer.Run(ctx, sink.to.plan, o, sink)
		return err
	}
	apart := func(sink *hashSink) error {
		half, ended := newSink(count/2, to), make(chan error, 1)
		go func() { ended <- run(1, count/2, half) }()
		err := errors.Join(run(1, count-count/2, sink), <-ended)
		sink.count, sink.bytes = sink.count+half.count, sink.bytes+half.bytes
		return err
	}
	ways := []way{
		{name: to.library, to: to, run: func(sink *hashSink) error { return naive(count, headers, to, sink) }},
		{name: "inv, 1 worker", to: to, run: func(sink *hashSink) error { return run(1, count, sink) }},
		{name: "inv, 2 workers", to: to, run: func(sink *hashSink) error { return run(2, count, sink) }},
		{name: "inv, 2 runs", to: to, run: apart},
	}
	if name != "json" {
		json, err := newFormat(ctx, sc, "json")
		if err != nil {
			return err
		}
		ways = append(ways, way{name: "inv, JSON", to: json, run: func(sink *hashSink) error { return run(1, count, sink) }})
	}
	for range rounds + 1 {
		for i := range ways {
			r, err := ways[i].timed(count, headers)
			if err != nil {
				return fmt.Errorf("%s: %w", ways[i].name, err)
			}
			ways[i].results = append(ways[i].results, r)
		}
	}
	return report(ways)
}

// way is a way to make the records, and its rounds, of which the first warms up.
type way struct {
	name    string
	to      *format
	run     func(*hashSink) error
	results []result
}

// timed runs one round.
func (w *way) timed(count int64, headers bool) (result, error) {
	sink := newSink(count, w.to)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start, cpu := time.Now(), cpuTime()
	err := w.run(sink)
	took, used := time.Since(start).Seconds(), cpuTime()-cpu
	runtime.ReadMemStats(&after)
	n := float64(count)
	if err == nil {
		err = sink.check(count, headers)
	}
	return result{n / took, float64(used.Nanoseconds()) / n, float64(after.Mallocs-before.Mallocs) / n, float64(sink.bytes) / n}, err
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// report prints the medians of all rounds except the first.
func report(ways []way) error {
	rate := func(r result) float64 { return r.perSecond }
	base, one := ways[0], ways[1]
	for _, w := range ways {
		r := w.median(rate)
		fmt.Printf("%-14s %9.0f records/s  %6.0f ns  CPU %6.0f ns, least %6.0f  %5.1f B  %8.5f allocs  %5.2f x %s (%.2f by CPU, %.2f by least)  %5.2f x %s\n",
			w.name, r, 1e9/r, w.median(cpu), w.leastCPU(), w.median(size), w.median(func(r result) float64 { return r.allocs }),
			r/base.median(rate), base.name, base.median(cpu)/w.median(cpu), base.leastCPU()/w.leastCPU(), r/one.median(rate), one.name)
	}
	if a, b := base.median(size), one.median(size); a < 0.99*b || b < 0.99*a {
		return fmt.Errorf("the records of %s have %.1f B, but those of %s %.1f", base.name, a, one.name, b)
	}
	return nil
}

func cpu(r result) float64  { return r.cpu }
func size(r result) float64 { return r.bytes }

func (w *way) median(of func(result) float64) float64 { return measure.MedianOf(w.results[1:], of) }

func (w *way) leastCPU() float64 {
	least := w.results[1].cpu
	for _, r := range w.results[2:] {
		least = min(least, r.cpu)
	}
	return least
}
