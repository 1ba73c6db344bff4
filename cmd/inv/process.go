package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"inv/internal/scenario"
	"inv/internal/termsafe"
	"inv/processor"
	"inv/processor/builtin"
	"inv/processor/inventory"
	"inv/processor/metrics"

	"github.com/spf13/cobra"
)

// processFlags are the flags of `inv process`.
type processFlags struct {
	policy, guarantee, logFormat choice
	maxValue                     size
	leadTime                     time.Duration
	window                       int64
	drain, acceptTotals          bool
	instance                     string
	registry                     registryFlags
	skipLost                     []string
	metrics                      metricsFlags
	files                        fileFlags
}

func processCommand(s *streams, f *sharedFlags) *cobra.Command {
	return processCommandWith(s, f, &processFlags{})
}

func processCommandWith(s *streams, f *sharedFlags, p *processFlags) *cobra.Command {
	p.policy = newChoice(inventory.PolicyDefault, inventory.PolicyReference)
	p.guarantee = newChoice(processor.ExactlyOnce, processor.AtLeastOnce)
	p.logFormat = newChoice("text", "json")
	p.maxValue = size(inventory.DefaultMaxValue)
	cmd := &cobra.Command{
		Use:   "process [TOPOLOGY…]",
		Short: "Run topologies: the stock keeper, and those of a scenario",
		Long: `Run the processor's stages, as one member of each consumer group: start it as
often as there are partitions to share. Without a name the scenario's topologies
run, but for those with off: true. A scenario can declare topologies of its own;
in the program there are:

` + topologyList() + `
It runs until Ctrl-C. With --drain it processes the current backlog and its
follow-ups, then exits. It waits for what is held back until its time has
passed (order: time), but not for timers and windows.

With --from it needs no broker: a topology that the scenario declares processes
the records of files, those of joined tables first, and writes records as lines
of JSON. With --record they become a test of the scenario.`,
		Example: `  inv process
  inv process fraud --scenario mine.yaml --drain
  inv tail orders --offset start --until end -o json > orders.jsonl
  inv process fraud --from orders.jsonl --scenario mine.yaml
  inv process fraud --from orders.jsonl --record mine.yaml --scenario mine.yaml`,
		ValidArgsFunction: f.completeTopologies,
		RunE: func(cmd *cobra.Command, names []string) error {
			if err := p.files.check(s.getenv); err != nil {
				return err
			}
			if len(p.files.from) > 0 {
				return p.files.run(cmd.Context(), s, f, names)
			}
			sc, err := f.loadScenario(cmd.Context())
			if err != nil {
				return err
			}
			for _, name := range names {
				if sc.Sink(name) != nil && !slices.Contains(builtin.Names(sc), name) {
					return usagef("%s is a sink, not a topology; inv forward %s runs it", name, name)
				}
			}
			cfg, err := p.config(sc, f.appID, names)
			if err != nil {
				return err
			}
			cfg.Kafka = f.kafka()
			reads, writes := processor.Aliases(cfg.Topologies)
			if cfg.Schemas, err = f.topics(cmd.Context(), s, sc, topicUse{reads, writes}, p.registry); err != nil {
				return err
			}
			return p.run(cmd.Context(), s, cfg)
		},
	}
	flags := cmd.Flags()
	flags.Var(&p.policy, "policy", "the rules: the system's own, or the reference system's")
	flags.DurationVar(&p.leadTime, "lead-time", inventory.DefaultLeadTime, "the `DURATION` from a reorder to its receipt")
	flags.BoolVar(&p.drain, "drain", false, "process the current backlog and its follow-ups, then exit")
	flags.StringVar(&p.instance, "instance", "", "this instance's `ID`: the same at every start fences the process that had it; random by default")
	flags.Var(&p.guarantee, "guarantee", "exactly-once or at-least-once")
	flags.Int64Var(&p.window, "dedupe-window", inventory.DefaultDedupeWindow, "an equal record of a partition within `N` offsets is a duplicate; 0: none is")
	flags.Var(&p.maxValue, "max-value", "the largest `SIZE` of an input record's value, such as 1MiB")
	atLeast(flags, 0, "lead-time", "dedupe-window")
	flags.BoolVar(&p.acceptTotals, "accept-totals", false, "accept orders whose total is not the sum of their lines")
	flags.StringSliceVar(&p.skipLost, "skip-lost", nil, "go on without records of these topics, by `ALIAS`, that were deleted before they were processed")
	p.registry.writes(flags)
	flags.Var(&p.logFormat, "log", "text or json")
	p.metrics.register(flags)
	p.files.register(flags)
	return cmd
}

// config returns what the flags say of a run, but for the cluster.
func (p *processFlags) config(sc *scenario.Scenario, app string, names []string) (processor.Config, error) {
	topologies, err := builtin.Select(sc, names, inventory.Options{
		Policy: p.policy.value, LeadTime: orNone(p.leadTime), DedupeWindow: orNone(p.window),
		MaxValue: int(p.maxValue), AcceptTotals: p.acceptTotals,
	})
	if err != nil {
		return processor.Config{}, usageError{err}
	}
	if err := p.metrics.check(); err != nil {
		return processor.Config{}, err
	}
	cfg := processor.Config{
		Scenario: sc, AppID: app, Topologies: topologies, Guarantee: p.guarantee.value,
		Instance: p.instance, StableInstance: p.instance != "", Drain: p.drain,
		SkipLost: p.skipLost, Stats: &processor.Stats{},
	}
	if p.instance == "" {
		cfg.Instance = strings.ToLower(rand.Text()[:12])
	}
	return cfg, nil
}

// run processes, with the line, the metrics and the summary around it.
func (p *processFlags) run(ctx context.Context, s *streams, cfg processor.Config) error {
	line := newProcessLine(s, cfg.Stats, processor.Kinds(cfg.Topologies), p.drain)
	cfg.Log = logger(line, p.logFormat.value)
	if p.metrics.address != "" {
		server := metrics.New(cfg.Stats, cfg.Topologies)
		cfg.Hooks = server.Hooks
		stop, err := p.metrics.serve(ctx, server, cfg.Kafka, processor.GroupNames(cfg.AppID, cfg.Topologies), cfg.Log)
		if err != nil {
			return err
		}
		defer stop()
	}
	if s.getenv("GOGC") == "" {
		defer growHeap(processGCPercent(cfg), leastHeap)()
	}
	began := s.now()
	stopLine := line.start(ctx, cfg.Log)
	summary, err := processor.Run(ctx, cfg)
	stopLine()
	if ctx.Err() != nil && summary.Counts != nil { // gauges as they were before all partitions were given back
		for _, m := range processor.Metrics(cfg.Topologies) {
			if m.Gauge {
				summary.Counts[m.Key()] = line.last.Counts[m.Key()]
			}
		}
	}
	if errors.Is(err, processor.ErrUsage) {
		return usageError{err}
	}
	if err == nil || summary.Commits > 0 { // else it was refused before it began
		took := s.now().Sub(began)
		if p.logFormat.value == "json" {
			logSummary(cfg.Log, summary, cfg.Topologies, took)
		} else {
			writeSummary(s, summary, cfg.Topologies, took)
		}
	}
	if err == nil && p.drain && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// The state of the program's own topologies holds few pointers, so a collection costs
// little. That of declared topologies holds more, and a collection costs more.
const (
	ownGCPercent      = 20
	declaredGCPercent = 75
	leastHeap         = 48 << 20
)

// processGCPercent is how much a heap larger than leastHeap may grow between collections, in
// percent. GOGC overrules both.
func processGCPercent(cfg processor.Config) int {
	declared := cfg.Scenario.Declared()
	for _, t := range cfg.Topologies {
		if slices.Contains(declared, t.Name) {
			return declaredGCPercent
		}
	}
	return ownGCPercent
}

// orNone returns a flag's value for options in which 0 means the default.
func orNone[T ~int64](v T) T {
	if v <= 0 {
		return -1
	}
	return v
}

func logger(w io.Writer, format string) *slog.Logger {
	if format == "json" {
		return slog.New(slog.NewJSONHandler(safeJSON{w}, nil))
	}
	return slog.New(slog.NewTextHandler(w, nil))
}

// safeJSON makes a JSON log safe for a terminal. Each write is a line.
type safeJSON struct{ w io.Writer }

func (j safeJSON) Write(line []byte) (int, error) {
	if _, err := j.w.Write(termsafe.AppendJSON(nil, line)); err != nil {
		return 0, err
	}
	return len(line), nil
}

// topologyList describes the topologies, a line each.
func topologyList() string {
	var b strings.Builder
	for _, t := range topologiesOf(&scenario.Scenario{}) {
		fmt.Fprintf(&b, "  %-12s %s\n", t.Name, t.About)
	}
	return b.String()
}

// logSummary writes what was committed to a log in JSON.
func logSummary(log *slog.Logger, s processor.Summary, topologies []processor.Topology, took time.Duration) {
	attrs := []any{"after", took.Round(time.Millisecond).String(), "records", s.Decided(),
		"accepted", s.AcceptedAtLast(), "duplicates", s.Count("", processor.Duplicate),
		"skipped", s.Count("", processor.Skipped), "dead_lettered", s.Count("", processor.DeadLettered)}
	for _, kind := range processor.Kinds(topologies) {
		attrs = append(attrs, kind+"s", s.Counts[kind])
	}
	attrs = append(attrs, "transactions", s.Commits, "aborted", s.Aborts)
	for _, m := range processor.Metrics(topologies) {
		if m.Left != "" {
			attrs = append(attrs, m.Key(), s.Counts[m.Key()])
		}
	}
	log.Info("stopped", attrs...)
}

// writeSummary writes what was committed, and what is left.
func writeSummary(s *streams, sum processor.Summary, topologies []processor.Topology, took time.Duration) {
	s.errf("processed %s in %s: %s accepted, %s, %s skipped, %s dead-lettered\n",
		records(sum.Decided()), took.Round(time.Millisecond), grouped(sum.AcceptedAtLast()),
		many(sum.Count("", processor.Duplicate), "duplicate"), grouped(sum.Count("", processor.Skipped)), grouped(sum.Count("", processor.DeadLettered)))
	s.errf("wrote %s in %s (%s aborted)\n", strings.Join(written(sum, processor.Kinds(topologies)), ", "), many(sum.Commits, "transaction"), grouped(sum.Aborts))
	for _, r := range sum.Lost {
		s.errf("went on without %s, which are deleted: %s at most\n", r, records(r.To-r.From))
	}
	for _, m := range processor.Metrics(topologies) {
		if n := sum.Counts[m.Key()]; m.Left != "" && n > 0 {
			s.errf(m.Left+"\n", many(n, m.Unit))
		}
	}
	if sum.Count("", processor.DeadLettered) > 0 {
		fmt.Fprintln(s.err, "inv dlq list says why records were dead-lettered")
	}
}

// written returns the counts of what was written, in words.
func written(s processor.Summary, kinds []string) []string {
	words := make([]string, len(kinds))
	for i, kind := range kinds {
		words[i] = many(s.Counts[kind], kind)
	}
	return words
}

// size is a flag that takes bytes: 1048576, 1024KiB or 1MiB.
type size int64

func (b *size) String() string {
	n := int64(*b)
	switch {
	case n > 0 && n%(1<<20) == 0:
		return strconv.FormatInt(n>>20, 10) + "MiB"
	case n > 0 && n%(1<<10) == 0:
		return strconv.FormatInt(n>>10, 10) + "KiB"
	}
	return strconv.FormatInt(n, 10)
}

func (b *size) Type() string { return "size" }

func (b *size) Set(value string) error {
	number, unit := value, int64(1)
	for suffix, n := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20} {
		if rest, ok := strings.CutSuffix(value, suffix); ok {
			number, unit = rest, n
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 1 || n > 1<<30/unit {
		return fmt.Errorf("it takes a number of bytes up to 1024MiB, such as 1048576, 1024KiB or 1MiB")
	}
	*b = size(n * unit)
	return nil
}
