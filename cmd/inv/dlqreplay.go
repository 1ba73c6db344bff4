package main

import (
	"context"
	"fmt"
	"slices"

	"inv/internal/deadletter"

	"github.com/spf13/cobra"
)

func dlqReplayCommand(s *streams, f *sharedFlags) *cobra.Command {
	var d dlqFlags
	var again, yes bool
	var value string
	cmd := &cobra.Command{
		Use:   "replay [TOPIC|PLACE…]",
		Short: "Replay dead letters into the partitions that they came from",
		Long: `Replay dead letters: byte for byte into the partition that they came from, with a
dlq-replay header that names the dead letter and a dlq-history header for each of
the last 16 times it was refused, or for fewer if they don't fit. One that was
replayed before is skipped, unless --again. That of a sink of inv forward goes into
a topic that only this sink reads.

With --value a single dead letter is replayed with another value: JSON, if its topic
has a format, which is encoded by the topic's schema.`,
		Example: `  inv dlq replay orders --reason unknown-product
  inv dlq replay --filter '.items | all(.quantity > 0)' --yes
  inv dlq replay order_events.dlq/3@17 --value repaired.json`,
		ValidArgsFunction: f.completeAliases,
		RunE: func(cmd *cobra.Command, args []string) error {
			repair, err := readRepair(cmd.Context(), s, value)
			if err != nil {
				return err
			}
			return f.withLetters(cmd.Context(), s, &d, args, func(c *deadletter.Client, topics []string, filter deadletter.Filter) error {
				plan, err := c.Plan(cmd.Context(), topics, filter, again)
				if err == nil {
					err = d.letters.failed(filter.Match != nil)
				}
				if err != nil {
					return err
				}
				return replay(cmd.Context(), s, plan, yes, repair, func(from string) (*deadletter.Repair, error) {
					return d.letters.encode(cmd.Context(), f, from, repair)
				})
			})
		},
	}
	d.register(f, cmd)
	d.registry.writes(cmd.Flags())
	cmd.Flags().BoolVar(&again, "again", false, "also replay those that were replayed before")
	cmd.Flags().StringVar(&value, "value", "", "a `FILE` with the value to write instead; - reads stdin")
	cmd.Flags().BoolVar(&yes, "yes", false, "don't ask for confirmation")
	return cmd
}

// readRepair reads the file of --value. It returns nil without one, and an empty
// value for an empty file.
func readRepair(ctx context.Context, s *streams, file string) (value []byte, err error) {
	switch file {
	case "":
		return nil, nil
	case "-":
		value, err = readInput(ctx, s.in)
	default:
		value, err = readFile(ctx, file)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the repaired value: %w", err)
	}
	return value, nil
}

// replay replays letters. encode returns what replaces the value of one, if repair is not
// nil.
func replay(ctx context.Context, s *streams, plan *deadletter.Plan, yes bool, repair []byte, encode func(from string) (*deadletter.Repair, error)) error {
	if plan.Already > 0 {
		s.errf("Skipped %d that were replayed before; --again replays them again.\n", plan.Already)
	}
	if plan.Cut > 0 {
		s.errf("Skipped %d whose values were truncated to fit into the dead-letter topic.\n", plan.Cut)
	}
	if plan.Timed > 0 {
		s.errf("Skipped %d of timers and windows, which no record caused.\n", plan.Timed)
	}
	noteForeign(s, plan.Foreign)
	if plan.Total() == 0 {
		fmt.Fprintln(s.err, "There is nothing to replay.")
		return nil
	}
	if repair != nil && plan.Total() != 1 {
		return usagef("--value repairs one dead letter, and %d match; name its place", plan.Total())
	}
	var with *deadletter.Repair
	if repair != nil {
		var err error
		if with, err = encode(plan.From[0]); err != nil {
			return err
		}
	}
	var items []string
	for kind, n := range plan.Letters {
		items = append(items, fmt.Sprintf("%d into %s, refused as %s", n, kind.Topic, kind.Reason))
	}
	slices.Sort(items)
	if err := confirm(s, yes, "replay these dead letters", items); err != nil {
		return err
	}
	n, err := plan.Run(ctx, with)
	s.errf("%d replayed.\n", n)
	if plan.Trimmed > 0 {
		s.errf("%d with part of their history or none: the rest did not fit.\n", plan.Trimmed)
	}
	return err
}
