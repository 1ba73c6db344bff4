// Command gen measures how fast the inventory scenario's orders are made, without
// a broker: into a sink that hashes every byte of key, value and headers. Beside
// it runs what most people would write, math/rand and encoding/json, making the
// same records. Rounds are interleaved, the medians and their ratios are printed.
//
//	go run ./bench/gen
//	go run ./bench/gen -headers -rounds 9
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"hash/maphash"
	"math/rand"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"inv/bench/measure"
	"inv/internal/scenario"
	"inv/producer"
	"inv/scenarios"
)

func main() {
	count := flag.Int64("count", 2_000_000, "records a round")
	rounds := flag.Int("rounds", 5, "rounds of each")
	headers := flag.Bool("headers", false, "with CloudEvents headers")
	flag.Parse()
	if err := measureAll(*count, *rounds, *headers); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// result is one round.
type result struct {
	perSecond float64
	cpu       float64 // ns a record, of all cores: what other programs on the machine change least
	allocs    float64 // a record
	bytes     float64 // a record
}

func measureAll(count int64, rounds int, headers bool) error {
	source, err := scenarios.Files.ReadFile("inventory.yaml")
	if err != nil {
		return err
	}
	sc, err := scenario.Parse("inventory.yaml", source)
	if err != nil {
		return err
	}
	plan, err := producer.Compile(sc, producer.CompileOptions{Names: []string{"orders"}, Seed: 7})
	if err != nil {
		return err
	}
	max := scenario.Rate{}
	run := func(workers int) func() (int64, error) {
		return func() (int64, error) {
			sink := &hashSink{seed: maphash.MakeSeed()}
			_, err := producer.Run(context.Background(), plan, producer.Options{Rate: &max, Count: count, Workers: workers, NoEvents: !headers}, sink)
			return sink.bytes, err
		}
	}
	ways := []struct {
		name string
		run  func() (int64, error)
	}{
		{"encoding/json", func() (int64, error) { return naive(count, headers) }},
		{"inv, 1 worker", run(1)},
		{"inv, 2 workers", run(2)},
	}
	results := make([][]result, len(ways))
	for range rounds + 1 {
		for i, w := range ways {
			r, err := timed(count, w.run)
			if err != nil {
				return err
			}
			results[i] = append(results[i], r)
		}
	}
	report(ways[0].name, ways[1].name, ways[2].name, results)
	return nil
}

// timed runs one round.
func timed(count int64, run func() (int64, error)) (result, error) {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start, cpu := time.Now(), cpuTime()
	bytes, err := run()
	took, used := time.Since(start).Seconds(), cpuTime()-cpu
	runtime.ReadMemStats(&after)
	n := float64(count)
	return result{n / took, float64(used.Nanoseconds()) / n, float64(after.Mallocs-before.Mallocs) / n, float64(bytes) / n}, err
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// report prints the medians of all rounds but the first, which warms up.
func report(a, b, c string, results [][]result) {
	median := func(rs []result, of func(result) float64) float64 { return measure.MedianOf(rs[1:], of) }
	rate := func(r result) float64 { return r.perSecond }
	cpu := func(r result) float64 { return r.cpu }
	base := median(results[0], rate)
	one := median(results[1], rate)
	for i, name := range []string{a, b, c} {
		r := median(results[i], rate)
		fmt.Printf("%-15s %9.0f records/s  %6.0f ns  %6.0f ns CPU  %5.1f B  %8.5f allocs  %5.2f x %s (%.2f by CPU)  %5.2f x %s\n", name, r, 1e9/r, median(results[i], cpu),
			median(results[i], func(r result) float64 { return r.bytes }),
			median(results[i], func(r result) float64 { return r.allocs }), r/base, a, median(results[0], cpu)/median(results[i], cpu), r/one, b)
	}
}

// hashSink hashes every byte of every record.
type hashSink struct {
	seed  maphash.Seed
	sum   uint64
	bytes int64
	count int64
}

func (s *hashSink) Write(_ context.Context, b *producer.Batch) error {
	for i := range b.Records {
		r := &b.Records[i]
		s.add(r.Key)
		s.add(r.Value)
		for _, h := range r.Headers {
			s.bytes += int64(len(h.Key))
			s.add(h.Value)
		}
	}
	s.count += int64(len(b.Records))
	b.Release()
	return nil
}

func (s *hashSink) add(b []byte) {
	s.sum = s.sum*31 ^ maphash.Bytes(s.seed, b)
	s.bytes += int64(len(b))
}

func (s *hashSink) Flush(context.Context) error { return nil }
func (s *hashSink) Counts() producer.Counts     { return producer.Counts{Acknowledged: s.count} }
func (s *hashSink) Failed() <-chan struct{}     { return nil }

type order struct {
	OrderID    string  `json:"order_id"`
	CustomerID string  `json:"customer_id"`
	Items      []item  `json:"items"`
	Total      float64 `json:"order_total"`
	Timestamp  int64   `json:"timestamp"`
}

type item struct {
	ProductID string  `json:"product_id"`
	Quantity  int     `json:"quantity"`
	UnitPrice float64 `json:"unit_price"`
}

// naive makes the same orders as most programs would.
func naive(count int64, headers bool) (int64, error) {
	products := []item{{ProductID: "prod-123", UnitPrice: 79.99}, {ProductID: "prod-456", UnitPrice: 55.99}, {ProductID: "prod-789", UnitPrice: 12.99}}
	sink := &hashSink{seed: maphash.MakeSeed()}
	random := rand.New(rand.NewSource(7))
	for n := range count {
		now := time.Now()
		o := order{OrderID: fmt.Sprintf("order-7-%d", n+1), CustomerID: fmt.Sprintf("cust-%d", random.Intn(1_000_000)), Timestamp: now.UnixMilli()}
		for range 1 + random.Intn(3) {
			i := products[random.Intn(len(products))]
			i.Quantity = 1 + random.Intn(9)
			o.Items = append(o.Items, i)
			o.Total += float64(i.Quantity) * i.UnitPrice
		}
		o.Total = float64(int64(o.Total*100+0.5)) / 100
		value, err := json.Marshal(o)
		if err != nil {
			return 0, err
		}
		sink.add([]byte(o.OrderID))
		sink.add(value)
		if headers {
			for k, v := range map[string]string{"ce_specversion": "1.0", "ce_type": "inventory.order.v1", "ce_source": "inv/inventory/orders",
				"ce_id": "7-" + strconv.FormatInt(n, 10), "ce_time": now.UTC().Format("2006-01-02T15:04:05.000Z07:00"), "content-type": "application/json"} {
				sink.bytes += int64(len(k))
				sink.add([]byte(v))
			}
		}
	}
	return sink.bytes, nil
}
