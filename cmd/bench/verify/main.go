// Command verify measures what the auditor of `inv verify` finds: a processor on an
// embedded broker writes a right history with each policy, and each mutation of it
// is audited in memory.
//
//	go run ./cmd/bench/verify                 the scores, as Markdown
//	go run ./cmd/bench/verify -v              also each mutation that was not found
//	go run ./cmd/bench/verify -record DIR     writes the histories to DIR instead
//
// What can't be found from the topics is in docs/verify.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"inv/inspect/verify"
	"inv/inspect/verify/mutate"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench/verify:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("verify", flag.ContinueOnError)
	verbose := flags.Bool("v", false, "list the mutations that were not found")
	record := flags.String("record", "", "write the histories to this `DIR` and mutate nothing")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *record == "" {
		fmt.Fprintln(out, "| policy | mutated | enumerated | violated | undecided | out of reach | score |")
		fmt.Fprintln(out, "|---|---|---|---|---|---|---|")
	}
	missed := 0
	for _, policy := range []verify.Policy{verify.PolicyDefault, verify.PolicyReference} {
		h, o, err := tell(ctx, policy)
		if err != nil {
			return fmt.Errorf("making a history with the %s policy: %w", policy, err)
		}
		if *record != "" {
			if err := write(filepath.Join(*record, string(policy)+".jsonl"), h); err != nil {
				return err
			}
			continue
		}
		s := mutate.Judge(h, o, 1)
		report(out, policy, s)
		if *verbose {
			list(out, s)
		}
		missed += len(s.Survivors)
	}
	if missed > 0 {
		return fmt.Errorf("%d mutations were neither found nor are out of reach", missed)
	}
	return nil
}

func write(file string, h *verify.History) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := mutate.Write(f, h); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// report writes a row for each kind of topic, and their sum.
func report(out io.Writer, policy verify.Policy, s *mutate.Score) {
	row := func(name string, s *mutate.Score) {
		fmt.Fprintf(out, "| %s | %s | %d | %d | %d | %d | %.2f %% |\n", policy, name, s.Enumerated, s.Caught, s.Undecided, s.Named(), 100*s.Share())
	}
	for _, kind := range []mutate.Kind{mutate.Catalog, mutate.Orders, mutate.Receipts, mutate.Updates, mutate.Reorders, mutate.Alerts, mutate.DeadLetters} {
		if of := s.Kinds[kind]; of != nil {
			row(string(kind), of)
		}
	}
	row("all", s)
}

func list(out io.Writer, s *mutate.Score) {
	for _, m := range s.Survivors {
		fmt.Fprintf(out, "not found: %s in %s/%d@%d\n", m, m.Record.Topic, m.Record.Partition, m.Record.Offset)
	}
	for _, m := range s.Found {
		fmt.Fprintf(out, "found, though it is said to be out of reach: %s in %s/%d@%d\n", m, m.Record.Topic, m.Record.Partition, m.Record.Offset)
	}
}
