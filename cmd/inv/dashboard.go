package main

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"inv/inspect"
	"inv/inspect/dashboard"
	"inv/internal/scenario"
	"inv/internal/theme"
	"inv/processor"
	"inv/processor/builtin"
	"inv/processor/forward"

	"github.com/spf13/cobra"
)

// gcPercent trades CPU, of which the dashboard needs little, for memory: it runs for
// days.
const gcPercent = 25

func dashboardCommand(s *streams, f *sharedFlags) *cobra.Command {
	var o dashboard.Options
	var inTerminal, once bool
	var schemas registryFlags
	output := newChoice("text", "json")
	cmd := &cobra.Command{
		Use:   "dashboard",
		Short: "Show a live dashboard on a web page or in the terminal",
		Long: `Show stock, reorders, alerts and orders as they happen, on a web page. It only
reads topics, so it works with any processor, running or not. It listens on
loopback by default; with another --listen, readers need the token in the address
that it prints. --tui shows the same in the terminal instead, and --once prints
the current state and exits.`,
		Example: `  inv dashboard
  inv dashboard --listen 0.0.0.0:8080
  inv dashboard --tui
  inv dashboard --once -o json | jq '.counts'`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			scn, err := f.loadScenario(cmd.Context())
			if err != nil {
				return err
			}
			if s.getenv("GOGC") == "" {
				debug.SetGCPercent(gcPercent)
			}
			o.Kafka, o.Now, o.Hints = f.kafka(), s.now, dashboardHints()
			if o.Topics, o.Groups, err = dashboardTopics(scn, f.appID); err != nil {
				return err
			}
			if o.Schemas, err = f.dashboardSchemas(cmd.Context(), s, scn, schemas); err != nil {
				return err
			}
			o.Log = func(message string) { s.errf("dashboard: %s\n", message) }
			o.Listening = func(url string) { s.errf("The dashboard is at %s\nPress Ctrl-C to stop.\n", url) }
			colors := theme.Detect(theme.Mode(f.color), s.outTerminal, s.getenv)
			switch {
			case once:
				screen := dashboard.NewScreen(colors)
				if w := s.width(); w > 0 {
					screen.Resize(w, screen.Height)
				}
				return dashboard.Once(cmd.Context(), o, s.out, output.value == "json", screen)
			case cmd.Flags().Changed("output"):
				return usagef("-o needs --once")
			case inTerminal && !s.outTerminal:
				return usagef("--tui needs a terminal; --once prints the current state")
			case inTerminal:
				// Not s.out, which hides that it is a terminal.
				return dashboard.RunTerminal(cmd.Context(), o, dashboard.Terminal{In: s.in, Out: os.Stdout, Colors: colors})
			}
			return dashboard.Run(cmd.Context(), o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Listen, "listen", "127.0.0.1:8080", "`HOST:PORT` of the web page; port 0 chooses a free one")
	flags.BoolVar(&inTerminal, "tui", false, "show it in the terminal instead")
	flags.BoolVar(&once, "once", false, "print the current state and exit")
	flags.VarP(&output, "output", "o", "text or json, with --once")
	flags.Var((*currency)(&o.Currency), "currency", "the currency of the amounts, which records don't name: an ISO 4217 `CODE` such as EUR")
	schemas.reads(flags)
	flags.StringVar(&o.Token, "token", "", "the `TOKEN` that readers need; by default none on loopback, otherwise random")
	flags.StringSliceVar(&o.AllowHosts, "allow-host", nil, "another host `NAME` to serve, such as a proxy's; localhost and IP addresses are always served")
	return cmd
}

// dashboardSchemas returns decoders of the topics that the dashboard shows; nil if they
// need none.
func (f *sharedFlags) dashboardSchemas(ctx context.Context, s *streams, scn *scenario.Scenario, r registryFlags) (func() inspect.SchemaDecoder, error) {
	use := topicUse{reads: slices.Clone(builtInAliases)}
	for _, t := range scn.Topologies {
		for _, e := range t.Emit {
			use.reads = append(use.reads, e.To)
		}
	}
	topics, err := f.topics(ctx, s, scn, use, r)
	if topics == nil {
		return nil, err
	}
	return func() inspect.SchemaDecoder { return topics.Reader() }, nil
}

// currency is the flag of an ISO 4217 code. Which codes exist changes, so only its
// form is checked.
type currency string

func (c *currency) String() string { return string(*c) }
func (c *currency) Type() string   { return "code" }
func (c *currency) Set(value string) error {
	code := strings.ToUpper(value)
	if len(code) != 3 || strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return fmt.Errorf("it takes a code of three letters, such as EUR")
	}
	*c = currency(code)
	return nil
}

// dashboardTopics returns the names of the topics that the dashboard shows, and of
// the groups of the processor and of sinks.
func dashboardTopics(scn *scenario.Scenario, app string) (dashboard.Topics, []dashboard.Group, error) {
	name := func(alias string) string {
		if names := scn.TopicNames(alias, app); len(names) == 1 {
			return names[0]
		}
		return "" // not in this scenario
	}
	topics := dashboard.Topics{
		Catalog: name("catalog"), Orders: name("orders"), Updates: name("updates"), Reorders: name("reorders"),
		Alerts: name("alerts"), Receipts: name("receipts"), DeadLetters: scn.TopicNames("dlq", app),
	}
	views, err := inspect.Views(scn, app)
	if err != nil {
		return topics, nil, err
	}
	for _, t := range scn.Topologies {
		for _, e := range t.Emit {
			topic := name(e.To)
			topics.Outputs = append(topics.Outputs, dashboard.Output{Topology: t.Name, About: t.About, Topic: topic, Label: e.To, View: views[topic]})
		}
	}
	topics.Optional = builtin.Idle(scn, app)
	var groups []dashboard.Group
	for _, t := range topologiesOf(scn) {
		declared := scn.Topology(t.Name)
		off := declared != nil && declared.Off
		for _, g := range processor.Groups(scn, app, []processor.Topology{t}) {
			groups = append(groups, dashboard.Group{Name: g.Name, Topics: g.Topics, Optional: off})
		}
	}
	for i := range scn.Sinks { // the processor runs without them
		k := &scn.Sinks[i]
		groups = append(groups, dashboard.Group{Name: forward.GroupID(app, k.Name), Topics: sinkTopics(scn, app, k), Optional: true})
	}
	return topics, groups, nil
}
