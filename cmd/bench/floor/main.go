// Command floor is the processor's two hops without the processor: it consumes,
// produces and commits what `inv process` would, and looks at none of it. How
// much faster it is says what parsing, rules and state cost; what it needs itself
// is the limit of the design on this broker.
//
// Hop 1 reads the orders and the reorders that came of them, and writes packed
// log records; hop 2 reads the log and writes updates, reorders, alerts and a
// changelog record for each product touched. Each step is a transaction that ends
// when the poll runs dry, after 100 ms or at 8,000 records, as the processor's.
//
// cmd/bench/process learns the plan from the topics that inv wrote, and runs it.
//
//	go run ./cmd/bench/floor -b 127.0.0.1:9092 -app floor -partitions 6 -plan plan.json
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"inv/cmd/bench/floor/plan"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

// settings are what a processor of this design can be tuned by.
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
	flag.StringVar(&s.app, "app", "floor", "prefix of groups, transactional ids and internal topics, which must exist")
	flag.IntVar(&s.partitions, "partitions", 6, "of the log and the changelog")
	flag.DurationVar(&s.commit, "commit", 100*time.Millisecond, "how long a transaction may take in more")
	flag.DurationVar(&s.linger, "linger", 5*time.Millisecond, "the producers' linger")
	flag.DurationVar(&s.backoff, "backoff", 5*time.Millisecond, "the pause while a transaction before is being completed")
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
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
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
	cancel(nil)
	return errors.Join(err, <-done)
}
