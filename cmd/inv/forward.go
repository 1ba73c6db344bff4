package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafka/admin"
	"inv/internal/scenario"
	"inv/internal/termsafe"
	"inv/processor/forward"
	"inv/processor/forward/sinks"
	"inv/processor/metrics"

	"github.com/spf13/cobra"
)

// forwardFlags are the flags of `inv forward`.
type forwardFlags struct {
	drain, dryRun, check bool
	registry             registryFlags
	logFormat            choice
	metrics              metricsFlags
}

func forwardCommand(s *streams, f *sharedFlags) *cobra.Command {
	w := &forwardFlags{logFormat: newChoice("text", "json")}
	cmd := &cobra.Command{
		Use:   "forward [SINK…]",
		Short: "Deliver records to HTTP interfaces, e-mail, files and PostgreSQL",
		Long: `Deliver the records of topics to the sinks that a scenario declares: requests,
e-mail, files, or rows of PostgreSQL. Only committed records are delivered. Files
and rows have each record exactly once; requests and e-mail are sent at least
once, with the same id at every try. Without a name the scenario's sinks run, but
for those with off: true. Start it as often as you like: processes share the
partitions.

A receiver that can't be reached holds its sink, which tries again until it can.
A record that the receiver refuses goes to the sink's dead-letter topic, see
inv dlq; the others go on.

It runs until Ctrl-C. With --drain it delivers what is in the topics now, then
exits. --dry-run shows what would be sent, and --check logs in at the receivers;
neither sends anything.`,
		Example: `  inv forward purchase-orders --dry-run
  inv forward lake --drain
  inv forward purchase-orders warehouse-mail --metrics 127.0.0.1:9465`,
		ValidArgsFunction: f.completeSinks,
		RunE: func(cmd *cobra.Command, names []string) error {
			if w.check && (w.dryRun || w.drain) {
				return usagef("--check sends nothing; leave out --dry-run and --drain")
			}
			if w.dryRun && w.drain {
				return usagef("--dry-run sends nothing and ends by itself; leave out --drain")
			}
			if err := w.metrics.check(); err != nil {
				return err
			}
			sc, err := f.loadScenario(cmd.Context())
			if err != nil {
				return err
			}
			declared, err := chosenSinks(sc, names)
			if err != nil {
				return err
			}
			return w.run(cmd.Context(), s, f, sc, declared)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&w.drain, "drain", false, "deliver what is in the topics now, then exit")
	flags.BoolVar(&w.dryRun, "dry-run", false, "show what would be delivered, from where each sink is to the ends of its topics; nothing is sent or committed")
	flags.BoolVar(&w.check, "check", false, "connect and log in at the receivers; nothing is sent")
	w.registry.reads(flags)
	flags.Var(&w.logFormat, "log", "text or json")
	w.metrics.register(flags)
	return cmd
}

// run opens the sinks, and checks, shows or runs them.
func (w *forwardFlags) run(ctx context.Context, s *streams, f *sharedFlags, sc *scenario.Scenario, declared []*scenario.Sink) error {
	lookup := func(name string) (string, bool) { v := s.getenv(name); return v, v != "" }
	list, err := sinks.New(sc, declared, sinks.Options{App: f.appID, Lookup: lookup, Version: release()})
	if err != nil {
		return err
	}
	defer func() {
		for _, k := range list {
			_ = k.Close() // what was delivered is committed by now
		}
	}()
	reads := []string{}
	for _, d := range declared {
		reads = append(reads, d.From...)
	}
	values, err := f.topics(ctx, s, sc, topicUse{reads: reads}, w.registry)
	if err != nil {
		return err
	}
	for _, k := range list {
		k.Config.Kafka, k.Config.Schemas, k.Config.Drain = f.kafka(), values, w.drain
	}
	if err := f.sinksTopics(ctx, list); err != nil {
		return err
	}
	switch {
	case w.check:
		return checkSinks(ctx, s, list)
	case w.dryRun:
		return previewSinks(ctx, s, list)
	}
	if err := f.createSinkTopics(ctx, sc, declared); err != nil {
		return err
	}
	return w.deliver(ctx, s, f, list)
}

// createSinkTopics creates the topics that sinks have for themselves, as the scenario says.
func (f *sharedFlags) createSinkTopics(ctx context.Context, sc *scenario.Scenario, declared []*scenario.Sink) error {
	var specs []kafka.TopicSpec
	for _, k := range declared {
		specs = append(specs, kafka.Specs(sc, f.appID, k.DeadLetters(), k.Retries())...)
	}
	return f.withAdmin(ctx, func(c *admin.Client) error {
		_, err := c.Create(ctx, specs...)
		return err
	})
}

// sinksTopics returns an error if topics that sinks read don't exist.
func (f *sharedFlags) sinksTopics(ctx context.Context, list []*sinks.Sink) error {
	var names []string
	for _, k := range list {
		for _, source := range k.Config.Sources {
			names = append(names, source.Topic)
		}
	}
	return f.withAdmin(ctx, func(c *admin.Client) error {
		existing, err := c.PartitionCounts(ctx, names...)
		if err != nil {
			return err
		}
		for _, k := range list {
			missing := &noTopicError{sink: k.Name}
			for _, source := range k.Config.Sources {
				if _, ok := existing[source.Topic]; !ok {
					missing.topics, missing.aliases = append(missing.topics, source.Topic), append(missing.aliases, source.Alias)
				}
			}
			if len(missing.topics) > 0 {
				return missing
			}
		}
		return nil
	})
}

// checkSinks logs in at each receiver, at the same time, and prints the results in the
// sinks' order.
func checkSinks(ctx context.Context, s *streams, list []*sinks.Sink) error {
	results := make([]error, len(list))
	var checks sync.WaitGroup
	for i, k := range list {
		checks.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, k.Config.Timeout)
			defer cancel()
			results[i] = k.Check(ctx)
		})
	}
	checks.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	failed := 0
	for i, k := range list {
		text := "ok"
		if u, partly := k.Sink.(interface{ Unchecked() string }); partly && u.Unchecked() != "" {
			text += "; " + u.Unchecked()
		}
		if results[i] != nil {
			failed++
			text = k.Config.Hide(results[i]).Error()
		}
		if err := s.outf("%s: %s\n", k.Name, text); err != nil {
			return err
		}
	}
	if failed > 0 {
		return exitError{code: exitFailed}
	}
	return nil
}

// previewSinks shows what would be delivered.
func previewSinks(ctx context.Context, s *streams, list []*sinks.Sink) error {
	out := io.Writer(s.out)
	if s.outTerminal {
		out = termsafe.NewWriter(s.out)
	}
	for _, k := range list {
		if len(list) > 1 {
			if err := s.outf("== %s\n", k.Name); err != nil {
				return err
			}
		}
		shown := &counted{Writer: out}
		if err := forward.Preview(ctx, k.Config, k.Sink, shown); err != nil {
			return fmt.Errorf("sink %s: %w", k.Name, k.Config.Hide(err))
		}
		if shown.n == 0 {
			s.errf("%s: there is nothing to deliver; it is at the ends of its topics.\n", k.Name)
		}
	}
	return nil
}

// counted counts the bytes that are written.
type counted struct {
	io.Writer
	n int
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.n += n
	return n, err
}

// How much garbage there may be beside what is in use, in percent. Most of what a request
// allocates lives as long as it; a store has more in use, since it takes records by the
// thousand, and hardly allocates. GOGC overrules it.
const (
	senderGCPercent = 100
	storeGCPercent  = 50
)

// forwardGCPercent is that of sinks that run in one process.
func forwardGCPercent(list []*sinks.Sink) int {
	for _, k := range list {
		if _, sends := k.Sink.(forward.Sender); sends {
			return senderGCPercent
		}
	}
	return storeGCPercent
}

// deliver runs the sinks side by side until the context ends, or all are drained. One that
// fails ends alone.
func (w *forwardFlags) deliver(ctx context.Context, s *streams, f *sharedFlags, list []*sinks.Sink) error {
	line := newForwardLine(s, list, w.drain)
	log := logger(line, w.logFormat.value)
	for _, k := range list {
		k.Config.Stats = &forward.Stats{}
		k.Config.Log = log.With("sink", k.Name)
	}
	if w.metrics.address != "" {
		stop, err := w.serveMetrics(ctx, f, list, log)
		if err != nil {
			return err
		}
		defer stop()
	}
	if s.getenv("GOGC") == "" {
		debug.SetGCPercent(forwardGCPercent(list))
	}
	began := s.now()
	stopLine := line.start(ctx, log)
	ended := make([]sinkEnd, len(list))
	var running sync.WaitGroup
	for i, k := range list {
		running.Go(func() {
			summary, err := forward.Run(ctx, k.Config, k.Sink)
			if err != nil && len(list) > 1 && ctx.Err() == nil {
				k.Config.Log.Error("the sink has ended", "error", k.Config.Hide(err))
			}
			ended[i] = sinkEnd{k, summary, err, s.now().Sub(began)}
			line.over(i)
		})
	}
	running.Wait()
	stopLine()
	return w.conclude(ctx, s, f, log, ended)
}

// serveMetrics serves the counts of sinks until stop is called.
func (w *forwardFlags) serveMetrics(ctx context.Context, f *sharedFlags, list []*sinks.Sink, log *slog.Logger) (stop func(), err error) {
	var counted []metrics.Sink
	var groups []string
	for _, k := range list {
		counted = append(counted, metrics.Sink{Name: k.Name, Stats: k.Config.Stats})
		groups = append(groups, forward.GroupID(f.appID, k.Name))
	}
	server := metrics.ForSinks(counted)
	for _, k := range list {
		k.Config.Hooks = server.Hooks("forward-" + k.Name)
	}
	return w.metrics.serve(ctx, server, f.kafka(), groups, log)
}

// sinkEnd is how a sink ended.
type sinkEnd struct {
	sink    *sinks.Sink
	summary forward.Summary
	err     error
	took    time.Duration
}

// conclude prints the summaries and returns the errors.
func (w *forwardFlags) conclude(ctx context.Context, s *streams, f *sharedFlags, log *slog.Logger, ended []sinkEnd) error {
	var failed []error
	for _, e := range ended {
		if e.err == nil || e.summary.Read > 0 { // else it was refused before it began
			if w.logFormat.value == "json" {
				logForwarded(log, e)
			} else {
				writeForwarded(s, e)
			}
		}
		if e.err != nil {
			failed = append(failed, hint(fmt.Errorf("sink %s: %w", e.sink.Name, e.sink.Config.Hide(e.err)), f.appID))
		}
	}
	if len(failed) == 0 && w.drain && ctx.Err() != nil {
		return ctx.Err()
	}
	if len(failed) > 1 {
		for _, err := range failed[:len(failed)-1] {
			s.errf("inv: %v\n", err)
		}
		return failed[len(failed)-1]
	}
	return errors.Join(failed...)
}

// writeForwarded writes what a sink has delivered.
func writeForwarded(s *streams, e sinkEnd) {
	sum := e.summary
	what := records(sum.Delivered)
	if sum.Messages > 0 && sum.Messages != sum.Delivered {
		what += " in " + many(sum.Messages, "message")
	}
	failures := ""
	if sum.Failures > 0 {
		failures = fmt.Sprintf(", %s of %s tries failed", grouped(sum.Failures), grouped(sum.Tries))
	}
	s.errf("%s: delivered %s in %s; %s passed over, %s dead-lettered%s\n", e.sink.Name, what,
		e.took.Round(time.Millisecond), grouped(sum.Dropped), grouped(sum.Letters()), failures)
	if h := sum.Held; !h.Since.IsZero() {
		s.errf("%s: held since %s: %s\n", e.sink.Name, h.Since.Local().Format(time.TimeOnly), h.Reason)
	}
	if sum.Letters() > 0 {
		s.errf("inv dlq list --sink %s says why records were dead-lettered\n", e.sink.Name)
	}
}

// logForwarded writes the same to a log in JSON.
func logForwarded(log *slog.Logger, e sinkEnd) {
	sum := e.summary
	attrs := []any{"sink", e.sink.Name, "after", e.took.Round(time.Millisecond).String(), "delivered", sum.Delivered, "messages", sum.Messages,
		"passed_over", sum.Dropped, "dead_lettered", sum.Letters(), "tries", sum.Tries, "failed", sum.Failures}
	if h := sum.Held; !h.Since.IsZero() {
		attrs = append(attrs, "held_since", h.Since.UTC().Format(time.RFC3339), "reason", h.Reason)
	}
	log.Info("stopped", attrs...)
}
