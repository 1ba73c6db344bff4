package main

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"

	"inv/internal/kafka"
	"inv/internal/kafka/admin"
	"inv/internal/scenario"
	"inv/internal/suggest"

	"github.com/spf13/cobra"
)

func topicsCommand(s *streams, f *sharedFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "topics",
		Short: "List, create, describe and delete topics",
	}
	cmd.AddCommand(topicsList(s, f), topicsCreate(s, f), topicsDescribe(s, f), topicsDelete(s, f))
	return cmd
}

func topicsList(s *streams, f *sharedFlags) *cobra.Command {
	output := newChoice("text", "json")
	count := false
	cmd := &cobra.Command{
		Use:     "list [ALIAS|TOPIC…]",
		Aliases: []string{"ls"},
		Short:   "List topics, with their alias in the scenario",
		Long: `List the cluster's topics, or those that are named. The processor's own are
marked internal. OFFSETS is the distance from the starts of the partitions to
their ends, an upper bound for the number of records: commit markers, aborted and
compacted records have offsets, too. --count reads the topics and counts their
committed records.`,
		Example: `  inv topics list
  inv topics list updates --count`,
		ValidArgsFunction: f.completeTopics,
		RunE: func(cmd *cobra.Command, args []string) error {
			sc, err := f.loadScenario()
			if err != nil {
				return err
			}
			return f.withAdmin(cmd.Context(), func(c *admin.Client) error {
				only, err := f.existingTopics(cmd.Context(), c, args)
				if err != nil {
					return err
				}
				return listTopics(cmd.Context(), s, c, only, namesOf(sc, f.appID), count, output.value)
			})
		},
	}
	cmd.Flags().VarP(&output, "output", "o", "text or json")
	cmd.Flags().BoolVar(&count, "count", false, "read the topics and count their records")
	return cmd
}

// known is what a scenario says of a topic.
type known struct {
	alias    string
	internal bool
}

func namesOf(sc *scenario.Scenario, app string) map[string]known {
	names := map[string]known{}
	for _, t := range sc.Topics {
		for _, n := range sc.TopicNames(t.Alias, app) {
			names[n] = known{t.Alias, t.Internal}
		}
	}
	return names
}

// listTopics writes the topics, all if none is named; if asked to count, also how
// many records they have.
func listTopics(ctx context.Context, s *streams, c *admin.Client, only []string, names map[string]known, count bool, format string) error {
	topics, err := c.Topics(ctx, only...)
	if err != nil {
		return err
	}
	out := rows{header: []string{"TOPIC", "ALIAS", "PARTITIONS", "OFFSETS", "INTERNAL"}}
	var counts map[string]int64
	if count {
		out.header = slices.Insert(out.header, 4, "RECORDS")
		if counts, err = c.CountRecords(ctx, topics); err != nil {
			return err
		}
	}
	for _, t := range topics {
		k := names[t.Name]
		cells := []any{t.Name, k.alias, t.Partitions, t.Offsets, flagWord(k.internal, format)}
		if count {
			cells = slices.Insert(cells, 4, any(counts[t.Name]))
		}
		out.add(cells...)
	}
	return out.write(s, format)
}

// flagWord returns a yes in a table, which is easier to see alone.
func flagWord(set bool, format string) any {
	if format == "json" {
		return set
	}
	if set {
		return "internal"
	}
	return ""
}

// topicsCreateFlags are the flags of `inv topics create`.
type topicsCreateFlags struct {
	partitions int
	override   bool // --partitions was given
	configs    []string
}

func topicsCreate(s *streams, f *sharedFlags) *cobra.Command {
	return topicsCreateWith(s, f, &topicsCreateFlags{})
}

func topicsCreateWith(s *streams, f *sharedFlags, t *topicsCreateFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "create [ALIAS|TOPIC…]",
		Short: "Create topics as the scenario says, all of them by default",
		Long: `Create the topics that are missing, as the scenario declares them; a name that
is not in the scenario is created with --partitions and --set. Prints the
names of those created.`,
		Example: `  inv topics create
  inv topics create orders payments --partitions 12 --set retention.ms=86400000`,
		RunE: func(cmd *cobra.Command, args []string) error {
			sc, err := f.loadScenario()
			if err != nil {
				return err
			}
			t.override = cmd.Flags().Changed("partitions")
			specs, err := t.specs(sc, f.appID, args)
			if err != nil {
				return err
			}
			return f.withAdmin(cmd.Context(), func(c *admin.Client) error {
				created, err := c.Create(cmd.Context(), specs...)
				for _, name := range created {
					fmt.Fprintln(s.out, name)
				}
				if err == nil && len(created) < len(specs) {
					fmt.Fprintf(s.err, "%d of %d were there already.\n", len(specs)-len(created), len(specs))
				}
				return err
			})
		},
		ValidArgsFunction: f.completeAliases,
	}
	cmd.Flags().IntVar(&t.partitions, "partitions", 6, "partitions, instead of what the scenario says")
	cmd.Flags().StringArrayVar(&t.configs, "set", nil, "a topic setting by Kafka's property name, KEY=VALUE; repeatable")
	return cmd
}

// specs returns the topics to create: those of the scenario, or the named ones.
func (t *topicsCreateFlags) specs(sc *scenario.Scenario, app string, names []string) ([]kafka.TopicSpec, error) {
	if t.partitions < 1 {
		return nil, usagef("--partitions %d: a topic has at least one", t.partitions)
	}
	var specs []kafka.TopicSpec
	for _, name := range names {
		if _, ok := sc.Topic(name); ok {
			specs = append(specs, kafka.Specs(sc, app, name)...)
			continue
		}
		specs = append(specs, kafka.TopicSpec{Name: name, Partitions: t.partitions, Configs: map[string]string{}})
	}
	if len(names) == 0 {
		specs = kafka.Specs(sc, app)
	}
	for i := range specs {
		if t.override {
			specs[i].Partitions = t.partitions
		}
		for _, c := range t.configs {
			key, value, ok := strings.Cut(c, "=")
			if !ok || key == "" {
				return nil, usagef("--set %q: it is KEY=VALUE, such as retention.ms=86400000", c)
			}
			specs[i].Configs[key] = value
		}
	}
	return specs, nil
}

func topicsDescribe(s *streams, f *sharedFlags) *cobra.Command {
	output := newChoice("text", "json")
	cmd := &cobra.Command{
		Use:   "describe ALIAS|TOPIC…",
		Short: "Show the partitions, offsets and settings of topics",
		Args:  someArguments("which topic? inv topics list shows those there are"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.withAdmin(cmd.Context(), func(c *admin.Client) error {
				names, err := f.existingTopics(cmd.Context(), c, args)
				if err != nil {
					return err
				}
				return describeTopics(cmd.Context(), s, c, names, output.value)
			})
		},
		ValidArgsFunction: f.completeTopics,
	}
	cmd.Flags().VarP(&output, "output", "o", "text or json")
	return cmd
}

// existingTopics resolves aliases and names to topics that exist; a name that is
// neither is wrong usage, with the nearest.
func (f *sharedFlags) existingTopics(ctx context.Context, c *admin.Client, args []string) ([]string, error) {
	if len(args) == 0 {
		return nil, nil
	}
	sc, err := f.loadScenario()
	if err != nil {
		return nil, err
	}
	existing, err := c.PartitionCounts(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, a := range args {
		resolved := sc.TopicNames(a, f.appID)
		if resolved == nil {
			resolved = []string{a}
		}
		found := false
		for _, n := range resolved {
			if _, ok := existing[n]; ok {
				names, found = append(names, n), true
			}
		}
		if !found {
			return nil, noSuchTopic(a, sc, existing)
		}
	}
	return names, nil
}

func noSuchTopic(name string, sc *scenario.Scenario, existing map[string]int) error {
	var candidates []string
	for _, t := range sc.Topics {
		if t.Alias == name {
			return fmt.Errorf("the topic of %q is not there yet; `inv topics create %s` makes it", name, name)
		}
		candidates = append(candidates, t.Alias)
	}
	for t := range existing {
		candidates = append(candidates, t)
	}
	sort.Strings(candidates)
	if near := suggest.DidYouMean(name, candidates); near != "" {
		return usagef("there is no topic %q%s", name, near)
	}
	return usagef("there is no topic %q; `inv topics list` shows those there are", name)
}

func describeTopics(ctx context.Context, s *streams, c *admin.Client, names []string, format string) error {
	partitions, err := c.Partitions(ctx, names...)
	if err != nil {
		return err
	}
	out := rows{header: []string{"TOPIC", "PARTITION", "START", "STABLE", "END", "LEADER", "REPLICAS"}}
	for _, p := range partitions {
		out.add(p.Topic, p.Partition, p.Start, p.Stable, p.End, p.Leader, p.Replicas)
	}
	if err := out.write(s, format); err != nil || format == "json" {
		return err
	}
	settings, err := c.Settings(ctx, names...)
	if err != nil || len(settings) == 0 {
		return err
	}
	fmt.Fprintln(s.out)
	out = rows{header: []string{"TOPIC", "SETTING", "VALUE"}}
	for _, setting := range settings {
		out.add(setting.Topic, setting.Key, setting.Value)
	}
	return out.write(s, "text")
}

func topicsDelete(s *streams, f *sharedFlags) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "delete ALIAS|TOPIC…",
		Short: "Delete topics and their records",
		Args:  someArguments("which topic? inv topics list shows those there are"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.withAdmin(cmd.Context(), func(c *admin.Client) error {
				names, err := f.existingTopics(cmd.Context(), c, args)
				if err != nil {
					return err
				}
				if err := confirm(s, yes, "delete these topics with all their records", names); err != nil {
					return err
				}
				return deleteTopics(cmd.Context(), s, c, names)
			})
		},
		ValidArgsFunction: f.completeTopics,
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do it without asking")
	return cmd
}

func deleteTopics(ctx context.Context, s *streams, c *admin.Client, names []string) error {
	deleted, err := c.Delete(ctx, names...)
	for _, name := range deleted {
		fmt.Fprintln(s.out, name)
	}
	return err
}
