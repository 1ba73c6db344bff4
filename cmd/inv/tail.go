package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"inv/inspect"
	"inv/internal/kafka"
	"inv/internal/theme"

	"github.com/spf13/cobra"
)

// tailFlags are the flags of `inv tail`.
type tailFlags struct {
	last        int
	follow      bool
	until       string
	partitions  []int32
	idle        time.Duration
	wait        bool
	uncommitted bool
	filter      string
	output      choice
	wide        bool
	headers     bool
	rawControl  bool
}

func tailCommand(s *streams, f *sharedFlags) *cobra.Command {
	t := &tailFlags{output: newChoice("pretty", "json", "raw")}
	cmd := &cobra.Command{
		Use:   "tail TOPIC…",
		Short: "Show what is on topics: the last records, then each as it comes",
		Long: `Show what is on topics: the last 10 records in time order, then each as it comes.
TOPIC is an alias of the scenario, a topic's name, or a pattern such as 'order*'.`,
		Example: `  inv tail alerts
  inv tail orders updates -n 20
  inv tail orders --until end -o json | jq .value.order_total`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: f.completeTopics,
		RunE: func(cmd *cobra.Command, args []string) error {
			return tail(cmd.Context(), s, f, t, args)
		},
	}
	t.register(cmd)
	return cmd
}

func (t *tailFlags) register(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.IntVarP(&t.last, "last", "n", inspect.DefaultLast, "begin with the last N records of all partitions together, in time order")
	fs.BoolVarP(&t.follow, "follow", "f", true, "go on with what comes")
	fs.StringVar(&t.until, "until", "", "end: stop at the end that was there at the start")
	fs.Int32SliceVar(&t.partitions, "partition", nil, "only these partitions")
	fs.DurationVar(&t.idle, "idle", 0, "stop when nothing has come for so long")
	fs.BoolVar(&t.wait, "wait", false, "wait for a topic that nobody knows")
	fs.BoolVar(&t.uncommitted, "uncommitted", false, "also show data of open and aborted transactions")
	fs.StringVar(&t.filter, "filter", "", "only records for which this jq condition holds, such as '.current_stock <= 5'")
	fs.VarP(&t.output, "output", "o", "how records are written")
	fs.BoolVar(&t.wide, "wide", false, "whole lines, however wide the terminal is")
	fs.BoolVar(&t.headers, "headers", false, "show the records' headers")
	fs.BoolVar(&t.rawControl, "raw-control", false, "send control characters in the data to the terminal as they are")
}

func tail(ctx context.Context, s *streams, f *sharedFlags, t *tailFlags, args []string) error {
	sc, err := f.loadScenario()
	if err != nil {
		return err
	}
	switch t.until {
	case "":
	case "end":
		t.follow = false
	default:
		return usagef("--until takes end, not %q", t.until)
	}
	views, err := inspect.Views(sc, f.appID)
	if err != nil {
		return tailError(err)
	}
	colors := theme.Detect(theme.Mode(f.color), s.outTerminal, s.getenv)
	client, err := kafka.Connect(ctx, f.kafka(), inspect.ClientOptions()...)
	if err != nil {
		return err
	}
	defer client.Close()
	o := inspect.Options{
		Topics: args, Scenario: sc, App: f.appID, Wait: t.wait,
		Last: t.last, Partitions: t.partitions, Follow: t.follow, Idle: t.idle,
		Uncommitted: t.uncommitted, Filter: t.filter,
		Notice: func(text string) { fmt.Fprintln(s.err, "inv tail:", text) },
	}
	switch t.output.value {
	case "json":
		o.Renderer = inspect.NewJSON(colors, views)
	case "raw":
		o.Renderer = inspect.Raw{Safe: s.outTerminal && !t.rawControl}
	default:
		o.Renderer = t.pretty(s, colors, views, inspect.Labels(sc, f.appID, args))
	}
	_, err = inspect.Run(ctx, client, o, s.out)
	return tailError(err)
}

func (t *tailFlags) pretty(s *streams, colors *theme.Theme, views map[string]*inspect.View, labels map[string]string) *inspect.Pretty {
	o := inspect.PrettyOptions{
		Theme: colors, Location: time.Local, Now: s.now(), Views: views, Labels: labels,
		Headers: t.headers, RawControl: t.rawControl,
	}
	if s.outTerminal && !t.wide {
		o.Width = s.width()
	}
	return inspect.NewPretty(o)
}

// tailError is the error of inspect as this command line reports it.
func tailError(err error) error {
	var usage *inspect.UsageError
	if errors.As(err, &usage) {
		return usageError{err}
	}
	return err
}
