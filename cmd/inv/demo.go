package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"inv/cmd/inv/demo"
	"inv/inspect"
	"inv/inspect/dashboard"
	"inv/internal/broker"
	"inv/internal/kafka"
	"inv/internal/scenario"
	"inv/internal/theme"

	"github.com/spf13/cobra"
)

// demoAddress is where the demo listens if the port is free, since it is the default
// of the other commands.
const demoAddress = "127.0.0.1:9092"

// demoGCPercent trades CPU, of which the demo needs little, for memory: broker,
// processor, producer and inspector share one process.
const demoGCPercent = 50

// nextSteps returns the commands that do the same in parts. flags are those that each
// needs, beginning with a space; registry is whether there is one.
func nextSteps(flags string, registry bool) string {
	listen := ""
	if registry {
		listen = " --registry-listen " + registryAddress
	}
	return fmt.Sprintf(`
The same in parts, each in a terminal of its own:
  inv broker%[2]s
  inv process%[1]s
  inv tail alerts%[1]s
  inv produce catalog%[1]s && inv produce orders --rate 1s%[1]s
Each part works with your own Kafka, too: --brokers HOST:PORT. See inv --help.`, flags, listen)
}

// plainName matches names that a shell takes as they are.
var plainName = regexp.MustCompile(`^[a-zA-Z0-9._/-]+$`)

// scenarioFlag returns --scenario with its value, as a shell takes it; "" for the default.
func scenarioFlag(name string) string {
	switch {
	case name == defaultScenario:
		return ""
	case plainName.MatchString(name):
		return " --scenario " + name
	}
	return " --scenario '" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}

func demoCommand(s *streams, f *sharedFlags) *cobra.Command {
	var length, leadTime time.Duration
	var rate string
	var seed uint64
	var page, all bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run the whole system in one terminal, with nothing else needed",
		Long: `Run the whole inventory system in this terminal on the embedded broker: the
catalogue, random orders, the processor, and its outputs in colour. Few orders
come first, then a rush, then few again. It ends with a summary, read from the
topics and verified. Meanwhile other commands, such as
inv tail alerts, work against it from another terminal.

If topics of the scenario have a format, it has a schema registry of its own, too.

--all also runs the topologies that the scenario declares, such as pricing and
fraud, over a day that passes in the time of --for.`,
		Example: `  inv demo
  inv demo --for 15s --rate 50/s --seed 7
  inv demo --all`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.named {
				return usagef("inv demo has a broker of its own; on yours, use `inv produce catalog`, `inv process`, `inv produce orders` and `inv tail alerts`, each with --brokers")
			}
			if all && rate != "" {
				return usagef("--all plays a day at the speed that --for gives it; leave out --rate")
			}
			var constant *scenario.Rate
			if rate != "" {
				r, err := scenario.ParseRate(rate)
				if err != nil {
					return usagef("--rate: %w", err)
				}
				constant = &r
			}
			if length <= 0 {
				return usagef("--for %s: use a duration above 0, such as 30s", length)
			}
			if !cmd.Flags().Changed("seed") {
				seed = rand.Uint64N(1_000_000)
			}
			ctx, stop := s.untilHangUp(cmd.Context())
			defer stop()
			return playDemo(ctx, s, f, page, demo.Options{
				For: length, Rate: constant, Seed: seed, LeadTime: leadTime, Location: time.Local, Now: s.now, App: f.appID, All: all,
			})
		},
	}
	cmd.Flags().DurationVar(&length, "for", 30*time.Second, "the `DURATION` for which orders are produced")
	cmd.Flags().StringVar(&rate, "rate", "", "a constant `RATE` of orders, such as 5/s, 200ms or max; by default few, then a rush, then few")
	cmd.Flags().Uint64Var(&seed, "seed", 0, "a `NUMBER`: the same seed gives the same orders; random by default")
	cmd.Flags().BoolVar(&all, "all", false, "run all topologies of the scenario, over a day that is played faster")
	cmd.Flags().BoolVar(&page, "dashboard", false, "also show it on a web page")
	cmd.Flags().DurationVar(&leadTime, "lead-time", 2*time.Second, "the `DURATION` from a reorder to its receipt")
	atLeast(cmd.Flags(), 0, "lead-time")
	return cmd
}

func playDemo(ctx context.Context, s *streams, f *sharedFlags, page bool, o demo.Options) error {
	var err error
	if o.Scenario, err = f.loadScenario(ctx); err != nil {
		return err
	}
	if f.getenv("GOGC") == "" {
		debug.SetGCPercent(demoGCPercent)
	}
	b, err := broker.Start(broker.Options{Listen: demoAddress})
	if errors.Is(err, broker.ErrPortInUse) {
		b, err = broker.Start(broker.Options{Listen: "127.0.0.1:0"})
	}
	if err != nil {
		return err
	}
	defer b.Close()
	o.Kafka = kafka.Config{Brokers: []string{b.Addr()}}
	registry, stop, err := demoSchemas(ctx, s, f, &o)
	if err != nil {
		return err
	}
	defer stop()

	colors := theme.Detect(theme.Mode(f.color), s.outTerminal, s.getenv)
	rate := ""
	if o.Rate != nil {
		rate = o.Rate.String() + " "
	}
	s.errf("The inventory system on %s, %sorders for %s, seed %d.\n", b.Addr(), rate, o.For, o.Seed)
	named := scenarioFlag(f.scenario)
	watch, parts := named, named
	if b.Addr() != demoAddress {
		watch += " -b " + b.Addr()
	}
	if registry != "" {
		watch += " --registry " + registry
		parts += " --registry http://" + registryAddress
	}
	s.errf("Watch from another terminal: inv tail alerts%s\n", watch)
	screen := demo.NewScreen(s.out, s.live(), colors, s.width, s.outTerminal && s.errTerminal, s.now, o.For)
	if page {
		var stop func()
		screen.Page, stop = showPage(ctx, s, f, o)
		defer stop()
	}
	fmt.Fprintln(s.err)
	summary, err := demo.Run(ctx, o, screen)
	if summary != nil {
		if _, writeErr := s.out.Write(summary.Write(colors)); writeErr != nil {
			err = errors.Join(err, writeErr)
		}
		for line := range strings.SplitSeq(nextSteps(parts, registry != ""), "\n") {
			s.errf("%s\n", line)
		}
	}
	if err != nil || summary.Audit == nil {
		return err
	}
	return verdictError(summary.Audit.Verdict)
}

// demoSchemas starts a registry, if topics of the scenario have a format, and opens them.
// It has nothing of another registry, so that all schemas are registered.
func demoSchemas(ctx context.Context, s *streams, f *sharedFlags, o *demo.Options) (url string, stop func(), err error) {
	var formatted []string
	for i := range o.Scenario.Topics {
		if t := &o.Scenario.Topics[i]; t.Format.Name+t.KeyFormat.Name != "" {
			t.Schemas.Register = true
			formatted = append(formatted, t.Alias)
		}
	}
	stop = func() {}
	if formatted != nil {
		url, stop, err = serveRegistry(registryAddress, "")
		if errors.Is(err, errRegistryPort) {
			url, stop, err = serveRegistry("127.0.0.1:0", "")
		}
		if err != nil {
			return "", nil, err
		}
	}
	// Without formats there may be upgrades, which need no registry.
	own := *f
	own.registry = nil
	o.Schemas, err = own.topics(ctx, s, o.Scenario, topicUse{writes: formatted}, registryFlags{address: url})
	if err != nil {
		stop()
		return "", nil, err
	}
	return url, stop, nil
}

// showPage serves the dashboard until stop is called, on its usual port or a free
// one. It returns "" if that fails; the demo continues without it.
func showPage(ctx context.Context, s *streams, f *sharedFlags, o demo.Options) (url string, stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	at := make(chan string, 2)
	page := dashboard.Options{Kafka: o.Kafka, Now: o.Now, Hints: dashboardHints(), Listening: func(url string) { at <- url }}
	if o.Schemas != nil {
		page.Schemas = func() inspect.SchemaDecoder { return o.Schemas.Reader() }
	}
	var err error // until ended
	if page.Topics, page.Groups, err = dashboardTopics(o.Scenario, f.appID); err != nil {
		s.errf("No dashboard: %v\n", err)
		cancel()
		return "", func() {}
	}
	go func() {
		defer close(ended)
		for _, page.Listen = range []string{"127.0.0.1:8080", "127.0.0.1:0"} {
			if err = dashboard.Run(ctx, page); err == nil || ctx.Err() != nil {
				return
			}
		}
	}()
	select {
	case url = <-at:
		s.errf("The dashboard is at %s\n", url)
	case <-ended:
		s.errf("No dashboard: %v\n", err)
	}
	return url, func() { cancel(); <-ended }
}
