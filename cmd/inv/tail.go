package main

import (
	"context"
	"errors"
	"runtime/debug"

	"inv/inspect"
	"inv/internal/kafka"
	"inv/internal/theme"

	"github.com/spf13/cobra"
)

// tailMemory is the soft memory limit in bytes: far more than the tail of a common
// topic needs, and three or four values of 100 MB.
const tailMemory = 400 << 20

func tailCommand(s *streams, f *sharedFlags) *cobra.Command {
	t := &tailFlags{}
	cmd := &cobra.Command{
		Use:   "tail TOPIC…",
		Short: "Show the last records of topics, then new ones as they arrive",
		Long: `Show the last 10 records of topics in time order, then new ones as they arrive.
TOPIC is an alias of the scenario, a topic's name, or a pattern such as 'order*';
a record's place, such as orders/3@17, is only that record.`,
		Example: `  inv tail alerts
  inv tail orders updates -n 20
  inv tail updates --since 15m --filter '.current_stock <= 5'
  inv tail orders --until end -o json | jq .value.order_total
  inv tail orders/3@17 -o json
  inv tail alerts --expect 1 --within 30s`,
		Args:              someArguments("which topic? an alias such as orders, a topic's name, or a pattern such as 'order*'; see `inv topics list`"),
		ValidArgsFunction: f.completeTopics,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := s.untilHangUp(cmd.Context())
			defer stop()
			if s.getenv("GOMEMLIMIT") == "" {
				debug.SetMemoryLimit(tailMemory)
			}
			return tail(ctx, s, f, t, args)
		},
	}
	t.register(cmd)
	for flag, words := range map[string][]string{
		"until": {"end"}, "offset": {"start", "end"}, "time": {"local", "utc", "relative", "ms"},
	} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)) // the flags exist
	}
	_ = cmd.RegisterFlagCompletionFunc("group", f.completeGroups)
	return cmd
}

func tail(ctx context.Context, s *streams, f *sharedFlags, t *tailFlags, args []string) error {
	o, err := t.options(args, s.now())
	if err != nil {
		return err
	}
	if o.Scenario, err = f.loadScenario(ctx); err != nil {
		return err
	}
	o.App, o.Hint = f.appID, tailHint
	views, err := inspect.Views(o.Scenario, f.appID)
	if err != nil {
		return tailHint(err)
	}
	colors := theme.Detect(theme.Mode(f.color), s.outTerminal, s.getenv)
	labels := inspect.Labels(o.Scenario, f.appID, args)
	o.Labels = labels
	renderer, err := t.renderer(s, colors, views, labels)
	o.Renderer = renderer
	if err == nil && len(t.highlight) > 0 && colors.Enabled() {
		o.Renderer, err = inspect.NewHighlight(renderer, t.highlight, colors.Match, colors.Reset)
	}
	if err != nil {
		return tailHint(err)
	}
	if t.tui && (!s.outTerminal || !s.inTerminal) {
		return usagef("--tui needs a terminal")
	}
	if err := inspect.Check(o); err != nil {
		return tailHint(err)
	}
	if o.Schemas, err = t.schemas(ctx, f, &o); err != nil {
		return err
	}
	client, ctx, reached, end, err := kafka.Begin(ctx, f.kafka(), inspect.ClientOptions()...)
	if err != nil {
		return err
	}
	defer client.Close()
	defer end()
	if t.tui {
		if err := reached(); err != nil {
			return err
		}
		return t.browse(ctx, s, client, o, colors, views, labels)
	}
	for _, note := range t.notes {
		s.errf("inv tail: %s\n", note)
	}
	screen := newScreen(s, colors, renderer, t, o.Follow)
	o.Notice = screen.notice
	stats, err := inspect.Run(ctx, client, o, screen)
	screen.close()
	if err != nil || ctx.Err() != nil {
		var refused *kafka.RefusedError
		switch unreached := reached(); {
		case errors.Is(unreached, kafka.ErrUnreachable), errors.As(unreached, &refused), unreached != nil && !o.Follow:
			return unreached
		case unreached != nil:
			return nil
		}
	}
	if t.statistics || o.Match.Filter != "" || len(o.Match.Grep)+len(o.Match.Exclude) > 0 || o.Key != nil {
		s.errf("inv tail: %s read, %d matched\n", records(stats.Read), stats.Shown)
	}
	return tailHint(absent(o, err))
}
