// Command dashboard feeds and measures the dashboard.
//
//	go run ./cmd/bench/dashboard feed -brokers 127.0.0.1:9092 -products 1000 -rate 100
//	go run ./cmd/bench/dashboard measure              50 event streams at 5,000 updates/s
//	go run ./cmd/bench/dashboard measure -apart       each with another page of products
//	go run ./cmd/bench/dashboard measure -browser     a page in chromium
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"inv/inspect/dashboard/simulate"
	"inv/internal/kafka"

	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := command(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench/dashboard:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string) error {
	switch {
	case len(args) > 0 && args[0] == "feed":
		return feed(ctx, args[1:])
	case len(args) > 0 && args[0] == "measure":
		return measureAll(ctx, args[1:])
	}
	return fmt.Errorf("the commands are feed and measure, not %q", args)
}

func feed(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("feed", flag.ExitOnError)
	brokers := flags.String("brokers", "127.0.0.1:9092", "HOST:PORT of a broker")
	products := flags.Int("products", 1000, "products in the catalogue")
	history := flags.Int("history", 10_000, "updates to write first")
	over := flags.Duration("over", time.Hour, "time that the history spans")
	rate := flags.Int("rate", 20, "updates per second")
	seed := flags.Uint64("seed", 1, "random seed")
	if err := flags.Parse(args); err != nil {
		return err
	}
	config := kafka.Config{Brokers: []string{*brokers}}
	filler, err := kafka.Connect(ctx, config)
	if err != nil {
		return err
	}
	defer filler.Close()
	store := simulate.New(topics, *seed, *products)
	if err := fill(ctx, filler, store, *history, *over); err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "the history is written")
	writer, err := kafka.Connect(ctx, config, kgo.TransactionalID("bench-dashboard-feed"))
	if err != nil {
		return err
	}
	defer writer.Close()
	return run(ctx, writer, store, *rate, nil)
}
