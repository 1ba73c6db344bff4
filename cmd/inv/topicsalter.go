package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"inv/internal/kafka/admin"

	"github.com/spf13/cobra"
)

// topicsAlterFlags are the flags of `inv topics alter`.
type topicsAlterFlags struct {
	set      []string
	change   admin.Change
	approval approval
}

func topicsAlter(s *streams, f *sharedFlags) *cobra.Command {
	t := &topicsAlterFlags{}
	cmd := &cobra.Command{
		Use:   "alter TOPIC…",
		Short: "Change settings of topics, or add partitions",
		Long: `Change settings of topics, or add partitions. What the cluster refuses for one
topic is done to none; its message is shown. Partitions can't be removed again,
and keys move to others when some are added. Prints the names of the topics.`,
		Example: `  inv topics alter orders --set retention.ms=86400000 --unset max.message.bytes
  inv topics alter orders --partitions 12 --dry-run`,
		Args:              namesOnly(whichTopic),
		ValidArgsFunction: f.completeTopics,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := t.check(cmd.Flags().Changed("partitions")); err != nil {
				return err
			}
			return f.withTopics(cmd.Context(), s, args, func(c *admin.Client, names []string) error {
				return f.alter(cmd.Context(), s, c, t, names)
			})
		},
	}
	cmd.Flags().StringArrayVar(&t.set, "set", nil, "a topic configuration by Kafka's property name, `KEY=VALUE`; repeatable")
	cmd.Flags().StringSliceVar(&t.change.Unset, "unset", nil, "a topic configuration to set back to the cluster's default, `KEY`; repeatable")
	cmd.Flags().IntVar(&t.change.Partitions, "partitions", 0, "the `NUMBER` of partitions, more than there are")
	t.approval.registerDryRun(cmd.Flags())
	return cmd
}

func (t *topicsAlterFlags) check(partitions bool) (err error) {
	if t.change.Set, err = parseSettings(t.set); err != nil {
		return err
	}
	for _, key := range t.change.Unset {
		if _, both := t.change.Set[key]; both {
			return usagef("%s can't be both --set and --unset", key)
		}
	}
	switch {
	case partitions && t.change.Partitions < 1:
		return usagef("--partitions %d: a topic has at least one partition", t.change.Partitions)
	case len(t.change.Set)+len(t.change.Unset)+t.change.Partitions == 0:
		return usagef("there is nothing to change; use --set, --unset or --partitions")
	}
	return nil
}

func (f *sharedFlags) alter(ctx context.Context, s *streams, c *admin.Client, t *topicsAlterFlags, names []string) error {
	sc, err := f.loadScenario(ctx)
	if err != nil {
		return err
	}
	declared := declaredTopics(sc, f.appID)
	for _, name := range names {
		if t.change.Partitions > 0 && declared[name].Internal {
			return usagef("topic %s is the processor's own, whose state is laid out by its partitions", name)
		}
	}
	if !t.approval.dryRun {
		if err := c.Alter(ctx, t.change, names...); err != nil {
			return err
		}
		return printNames(s, names, nil)
	}
	if err := c.CheckAlter(ctx, t.change, names...); err != nil {
		return err
	}
	items, err := alterations(ctx, c, &t.change, names)
	if err != nil {
		return err
	}
	return showOnly(s, "change these topics", items)
}

// alterations describes a change of topics, with the values before and after.
func alterations(ctx context.Context, c *admin.Client, change *admin.Change, names []string) (items []string, err error) {
	settings, _, err := c.Settings(ctx, names...)
	if err != nil {
		return nil, err
	}
	partitions, err := c.PartitionCounts(ctx, names...)
	if err != nil {
		return nil, err
	}
	const standard = "the default"
	for _, name := range names {
		item := func(what, from, to string) {
			items = append(items, fmt.Sprintf("%s: %s from %s to %s", name, what, from, to))
		}
		before := settingsOf(settings, name)
		for _, key := range slices.Sorted(maps.Keys(change.Set)) {
			item(key, cmp.Or(before[key], standard), change.Set[key])
		}
		for _, key := range change.Unset {
			item(key, cmp.Or(before[key], standard), standard)
		}
		if change.Partitions > 0 {
			item("partitions", fmt.Sprint(partitions[name]), fmt.Sprint(change.Partitions))
		}
	}
	return items, nil
}
