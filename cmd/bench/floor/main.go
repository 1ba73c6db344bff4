// Command floor is the processor's two hops without the processor: it consumes,
// produces and commits what `inv process` would, without looking at it. It is the
// limit of the design on this broker; the difference to inv is the cost of parsing,
// rules and state.
//
// Hop 1 reads orders and reorders, and writes packed log records; hop 2 reads the log,
// and writes updates, reorders, alerts, and a changelog record for each changed
// product. Each step is a transaction that ends when no record is ready, after 100 ms
// or at 32,000 records, like the processor's.
//
// cmd/bench/process makes the plan from the topics that inv wrote, and runs floor.
//
//	go run ./cmd/bench/floor -b 127.0.0.1:9092 -app floor -partitions 6 -plan plan.json
package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"runtime/debug"
	"time"

	"inv/cmd/bench/floor/plan"
	"inv/cmd/bench/measure"
)

func main() { os.Exit(measure.Main("floor", command)) }

// settings tune a processor of this design.
type settings struct {
	brokers    string
	app        string
	partitions int
	commit     time.Duration
	linger     time.Duration
	backoff    time.Duration
	plan       *plan.Plan
}

func command(ctx context.Context) error {
	var s settings
	flag.StringVar(&s.brokers, "b", "127.0.0.1:9092", "the broker")
	flag.StringVar(&s.app, "app", "floor", "prefix of groups, transactional IDs and internal topics, which must exist")
	flag.IntVar(&s.partitions, "partitions", 6, "of the log and the changelog")
	flag.DurationVar(&s.commit, "commit", 100*time.Millisecond, "how long a transaction takes in records")
	flag.DurationVar(&s.linger, "linger", 5*time.Millisecond, "the producers' linger")
	flag.DurationVar(&s.backoff, "backoff", 5*time.Millisecond, "the pause while the previous transaction is being completed")
	gc := flag.Int("gc", 33, "GOGC, as inv process sets it")
	file := flag.String("plan", "", "what to write: a FILE that cmd/bench/process made")
	flag.Parse()
	if *file == "" {
		return errors.New("-plan is missing; cmd/bench/process makes one")
	}
	var err error
	if s.plan, err = plan.Read(*file); err != nil {
		return err
	}
	debug.SetGCPercent(*gc)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	behind := newGate()
	first, err := newHop(s, "ingest", []string{orders, reorders})
	if err != nil {
		return err
	}
	defer first.close()
	second, err := newHop(s, "ledger", []string{s.log()})
	if err != nil {
		return err
	}
	defer second.close()
	done := make(chan error, 2)
	go func() { done <- first.run(ctx, newIngest(s, behind)) }()
	go func() { done <- second.run(ctx, newLedger(s, behind)) }()
	err = <-done
	cancel()
	return errors.Join(err, <-done)
}
