// Command process compares `inv process` with Kafka Streams and with a loop that only
// moves records (cmd/bench/floor): the same broker and backlog, exactly-once,
// interleaved rounds, `inv verify` after each of inv's (of declared topologies after one on
// a small backlog). It needs Go, Java 17 and
// Maven, starts an Apache Kafka of its own and removes everything at the end.
//
//	go run ./cmd/bench/process drain      1M orders over 1,000 products: rate, CPU, memory, output
//	go run ./cmd/bench/process latency    order → update at 500/s and 2,000/s
//	go run ./cmd/bench/process latency -fresh    the same on brokers that were just started
//	go run ./cmd/bench/process latency -busy 4   beside four processes that compute
//	go run ./cmd/bench/process trace      where an order is when, on that way
//	go run ./cmd/bench/process large      1M products: memory, and a restart with 3M changelog records
//	go run ./cmd/bench/process table      rates by partitions and products
//	go run ./cmd/bench/process verify     inv verify beside a raw read by kcat
//	go run ./cmd/bench/process formats    the drain on topics in Avro, beside JSON
//	go run ./cmd/bench/process all        all of it; about ten minutes with -short
//
// and declared topologies (declared.yaml) with others:
//
//	go run ./cmd/bench/process fraud       1M orders: the same in Kafka Streams
//	go run ./cmd/bench/process state       1M customers: memory, beside Kafka Streams
//	go run ./cmd/bench/process standardize 1M XML records: benthos, at least once
//	go run ./cmd/bench/process low-stock   the updates of 1M orders: the built-in topology
//
// It prints Markdown. See docs/dev/benchmarks.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"inv/cmd/bench/measure"
)

// options are the command's flags.
type options struct {
	brokers, libs, peer, class, heap string
	peerHeap, benthos                string
	orders, products, partitions     int
	rounds, peerRounds, threads      int
	warm, measured                   time.Duration
	rates                            []int
	only, format                     string
	alone                            bool // no peer runs
	inputs                           bool // only they have a format
	short, wipe, unverified, cold    bool
	fresh                            bool // a broker for each run
	busy                             int  // processes that compute meanwhile
	inv, before, picture             string
	args                             []string // additional arguments of inv process
}

func main() { os.Exit(measure.Main("bench/process", command)) }

func command(ctx context.Context) error {
	modes := map[string]func(context.Context, *lab) error{
		"drain": drain, "latency": latency, "large": large, "table": table, "verify": verify, "all": all, "formats": formats,
		"fraud": fraud, "state": fraudState, "standardize": standardize, "low-stock": lowStock, "trace": trace,
	}
	if len(os.Args) < 2 || modes[os.Args[1]] == nil {
		return errors.New("name what to measure: drain, latency, trace, large, table, verify, formats, all, fraud, state, standardize or low-stock")
	}
	mode := os.Args[1]
	o, err := parse(mode, os.Args[2:])
	if err != nil {
		return err
	}
	began := time.Now()
	l, err := newLab(ctx, o)
	if err != nil {
		return err
	}
	defer l.close()
	fmt.Printf("%s, load average before: %s\n", machine(), load())
	err = modes[mode](ctx, l)
	fmt.Printf("\n%s took %s, load average after: %s\n", mode, time.Since(began).Round(time.Second), load())
	return err
}

func parse(mode string, args []string) (options, error) {
	o := options{alone: mode == "formats"}
	f := flag.NewFlagSet(mode, flag.ContinueOnError)
	f.StringVar(&o.brokers, "b", "", "the HOST:PORT of a broker; otherwise one is started")
	f.BoolVar(&o.wipe, "wipe", false, "delete the topics that the broker of -b has")
	f.StringVar(&o.libs, "libs", "", "a FOLDER with the jars of Kafka, Kafka Streams and Jackson; otherwise Maven fetches them")
	f.StringVar(&o.peer, "peer", "", "the JAR of a Streams peer other than cmd/bench/process/streams")
	f.StringVar(&o.class, "class", "StockKeeper", "its main class: arguments BROKERS APP THREADS, properties commit and partitions")
	f.StringVar(&o.heap, "heap", "1g", "the broker's heap")
	f.StringVar(&o.peerHeap, "peer-heap", "2g", "fraud, state: the heap of Streams")
	f.StringVar(&o.benthos, "benthos", "", "standardize: a benthos with Kafka and XML; otherwise it is built")
	f.StringVar(&o.inv, "inv", "", "the inv to measure; otherwise it is built")
	f.StringVar(&o.before, "before", "", "declared topologies: an earlier inv that takes turns with it")
	f.IntVar(&o.orders, "orders", 1_000_000, "orders in the backlog")
	f.IntVar(&o.products, "products", 1_000, "products in the catalogue")
	f.IntVar(&o.partitions, "partitions", 6, "partitions of each topic")
	f.IntVar(&o.rounds, "rounds", 3, "rounds of inv and floor; latency: of all")
	f.IntVar(&o.peerRounds, "peer-rounds", 1, "rounds of Streams, which take much longer")
	f.IntVar(&o.threads, "threads", 2, "threads of Streams")
	f.DurationVar(&o.warm, "warm", 10*time.Second, "latency: how long before measuring")
	f.DurationVar(&o.measured, "for", 20*time.Second, "latency: how long to measure at each rate")
	f.StringVar(&o.only, "only", "", "the sides to run, such as inv,floor; otherwise all")
	f.StringVar(&o.format, "format", "avro", "formats: those to compare with JSON: avro, protobuf, json_schema, separated by commas")
	f.BoolVar(&o.inputs, "inputs", false, "formats: only the inputs have one, and the outputs are JSON")
	f.StringVar(&o.picture, "svg", "", "trace: a `FILE` to draw it into")
	f.BoolVar(&o.short, "short", false, "fewer and shorter rounds")
	f.BoolVar(&o.cold, "cold", false, "declared topologies: without a run before, to warm up the broker")
	f.BoolVar(&o.fresh, "fresh", false, "drain, latency: start a broker for each run, and measure from its first order on")
	f.IntVar(&o.busy, "busy", 0, "drain, latency: so many processes compute beside each run")
	f.BoolVar(&o.unverified, "unverified", false, "declared topologies: without inv verify of a small backlog at the beginning")
	f.Func("X", "an additional argument of inv process; repeatable", func(s string) error { o.args = append(o.args, s); return nil })
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.rates = []int{500, 2000}
	if o.short {
		o.rounds, o.warm, o.measured = min(o.rounds, 2), min(o.warm, 5*time.Second), min(o.measured, 8*time.Second)
	}
	return o, nil
}

// wants reports whether a side is to run.
func (o *options) wants(name string) bool {
	return o.only == "" || slices.Contains(strings.Split(o.only, ","), name)
}

func all(ctx context.Context, l *lab) error {
	for _, part := range []func(context.Context, *lab) error{drain, latency, verify, large, table} {
		if err := part(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// load returns the machine's load average, which tells what the figures are worth.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}

func machine() string {
	cpus, _ := filepath.Glob("/sys/devices/system/cpu/cpu[0-9]*")
	return fmt.Sprintf("%d CPUs, %s", len(cpus), time.Now().Format("2006-01-02 15:04"))
}
