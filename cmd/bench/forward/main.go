// Command forward measures `inv forward` beside what bounds it. It needs Linux.
//
//	go run ./cmd/bench/forward http       requests, beside wrk and the same receiver
//	go run ./cmd/bench/forward parquet    files, beside kcat into DuckDB
//	go run ./cmd/bench/forward postgres   rows of PostgreSQL, beside kcat and COPY
//
// It starts an embedded broker of inv, or takes -b HOST:PORT, and a receiver of its own,
// and removes both at the end. See docs/dev/benchmarks.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"inv/cmd/bench/measure"
)

func main() { os.Exit(measure.Main("bench/forward", command)) }

func command(ctx context.Context) error {
	modes := map[string]func(context.Context, *bench) error{"http": requests, "parquet": parquet, "postgres": rows}
	if len(os.Args) == 2 && os.Args[1] == "receive" { // a process of its own
		return receive(ctx)
	}
	if len(os.Args) < 2 || modes[os.Args[1]] == nil {
		return errors.New("name what to measure: http, parquet or postgres")
	}
	b := &bench{}
	f := flag.NewFlagSet(os.Args[1], flag.ContinueOnError)
	f.StringVar(&b.brokers, "b", "", "a broker, whose topic "+topic+" is recreated; default: an embedded one")
	f.IntVar(&b.updates, "n", 1_000_000, "updates")
	f.IntVar(&b.rounds, "rounds", 3, "rounds of each side")
	f.IntVar(&b.lanes, "lanes", 64, "lanes, and connections of the load tool")
	f.BoolVar(&b.only, "only", false, "only inv, not what it is compared with (parquet, postgres)")
	f.BoolVar(&b.connect, "connect", false, "Kafka Connect with Debezium's JDBC sink as well, from Maven (postgres)")
	if err := f.Parse(os.Args[2:]); err != nil {
		return err
	}
	end, err := b.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	return modes[os.Args[1]](ctx, b)
}

// bench is what the measurements have in common.
type bench struct {
	brokers                string
	connect, only          bool
	updates, rounds, lanes int

	folder, inv string
	python      string // parquet
}

// begin builds inv, starts a broker unless there is one, and fills it.
func (b *bench) begin(ctx context.Context) (end func(), err error) {
	var ends []func()
	end = func() {
		for i := len(ends) - 1; i >= 0; i-- {
			ends[i]()
		}
	}
	defer func() {
		if err != nil {
			end()
		}
	}()
	if b.folder, err = os.MkdirTemp("", "bench-forward"); err != nil {
		return end, err
	}
	ends = append(ends, func() { _ = os.RemoveAll(b.folder) })
	if err := measure.Build(ctx, b.folder, "./cmd/inv"); err != nil {
		return end, err
	}
	b.inv = filepath.Join(b.folder, "inv")
	if b.brokers == "" {
		address, stop, err := measure.Broker(ctx, b.inv)
		if err != nil {
			return end, err
		}
		b.brokers, ends = address, append(ends, stop)
	}
	size, err := b.fill(ctx)
	if err != nil {
		return end, fmt.Errorf("filling %s: %w", topic, err)
	}
	fmt.Printf("%d updates of %d bytes, 6 partitions, %d lanes, %d rounds\n\n", b.updates, size, b.lanes, b.rounds)
	return end, nil
}
