package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"inv/internal/kafka"
	"inv/internal/kafka/admin"
	"inv/internal/scenario"
	"inv/internal/suggest"
	"inv/processor"

	"github.com/spf13/cobra"
)

func topicsCommand(s *streams, f *sharedFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "topics",
		Short: "List, create, describe and delete topics",
	}
	cmd.AddCommand(topicsList(s, f), topicsCreate(s, f, &topicsCreateFlags{}), topicsDescribe(s, f), topicsDelete(s, f))
	return cmd
}

func topicsList(s *streams, f *sharedFlags) *cobra.Command {
	count := false
	cmd := withOutput(&cobra.Command{
		Use:     "list [ALIAS|TOPIC…]",
		Aliases: []string{"ls"},
		Short:   "List topics, with their alias in the scenario",
		Long: `List the cluster's topics, or the named ones. The processor's own are marked
internal. OFFSETS is the distance from the starts of the partitions to their
ends, an upper bound of the number of records: commit markers, aborted and
compacted records have offsets, too. --count reads the topics and counts their
committed records.`,
		Example: `  inv topics list
  inv topics list updates --count`,
		ValidArgsFunction: f.completeTopics,
	}, func(ctx context.Context, args []string, format string) error {
		sc, err := f.loadScenario(ctx)
		if err != nil {
			return err
		}
		return f.withAdmin(ctx, func(c *admin.Client) error {
			only, err := f.existingTopics(ctx, c, args)
			if err != nil {
				return err
			}
			return listTopics(ctx, s, c, only, declaredTopics(sc, f.appID), count, format)
		})
	})
	cmd.Flags().BoolVar(&count, "count", false, "read the topics and count their records")
	return cmd
}

// declaredTopics returns the scenario's topics by their names on the broker.
func declaredTopics(sc *scenario.Scenario, app string) map[string]scenario.Topic {
	topics := map[string]scenario.Topic{}
	for _, t := range sc.Topics {
		for _, n := range sc.TopicNames(t.Alias, app) {
			topics[n] = t
		}
	}
	return topics
}

// listTopics prints the named topics, or all of them, optionally with the number
// of their records.
func listTopics(ctx context.Context, s *streams, c *admin.Client, only []string, declared map[string]scenario.Topic, count bool, format string) error {
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
		d := declared[t.Name]
		internal := any(d.Internal)
		if format == "text" {
			internal = map[bool]string{true: "internal"}[d.Internal]
		}
		cells := []any{t.Name, d.Alias, t.Partitions, t.Offsets, internal}
		if count {
			cells = slices.Insert(cells, 4, any(counts[t.Name]))
		}
		out.add(cells...)
	}
	return out.write(s, format)
}

// topicsCreateFlags are the flags of `inv topics create`.
type topicsCreateFlags struct {
	partitions int
	override   bool // --partitions was given
	configs    []string
}

func topicsCreate(s *streams, f *sharedFlags, t *topicsCreateFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "create [ALIAS|TOPIC…]",
		Short: "Create topics as the scenario declares them, all by default",
		Long: `Create missing topics as the scenario declares them, and others with
--partitions and --set. Prints the names of the created topics.`,
		Example: `  inv topics create
  inv topics create orders payments --partitions 12 --set retention.ms=86400000`,
		RunE: func(cmd *cobra.Command, args []string) error {
			sc, err := f.loadScenario(cmd.Context())
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
				err = printNames(s, created, err)
				if err == nil && len(created) < len(specs) {
					fmt.Fprintf(s.err, "%d of %d existed already.\n", len(specs)-len(created), len(specs))
				}
				return err
			})
		},
		ValidArgsFunction: f.completeAliases,
	}
	cmd.Flags().IntVar(&t.partitions, "partitions", 6, "number of partitions, instead of the scenario's")
	cmd.Flags().StringArrayVar(&t.configs, "set", nil, "a topic configuration by Kafka's property name, KEY=VALUE; repeatable")
	return cmd
}

// specs returns the topics to create: the named ones, or the scenario's.
func (t *topicsCreateFlags) specs(sc *scenario.Scenario, app string, names []string) ([]kafka.TopicSpec, error) {
	if t.partitions < 1 {
		return nil, usagef("--partitions %d: a topic has at least one partition", t.partitions)
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
	grows := processor.GrowingTopics(sc, app, builtinTopologies())
	for i := range specs {
		if slices.Contains(grows, specs[i].Name) {
			specs[i].Exact = false
		}
		if t.override {
			specs[i].Partitions = t.partitions
		}
		for _, c := range t.configs {
			key, value, ok := strings.Cut(c, "=")
			if !ok || key == "" {
				return nil, usagef("--set %q: use KEY=VALUE, such as retention.ms=86400000", c)
			}
			specs[i].Configs[key] = value
		}
	}
	return specs, nil
}

func topicsDescribe(s *streams, f *sharedFlags) *cobra.Command {
	return withOutput(&cobra.Command{
		Use:               "describe ALIAS|TOPIC…",
		Short:             "Show the partitions, offsets and settings of topics",
		Args:              someArguments(whichTopic),
		ValidArgsFunction: f.completeTopics,
	}, func(ctx context.Context, args []string, format string) error {
		return f.withTopics(ctx, args, func(c *admin.Client, names []string) error {
			return describeTopics(ctx, s, c, names, format)
		})
	})
}

// whichTopic asks for a missing argument.
const whichTopic = "which topic? see `inv topics list`"

// withTopics connects and resolves the names of topics.
func (f *sharedFlags) withTopics(ctx context.Context, args []string, use func(*admin.Client, []string) error) error {
	return f.withAdmin(ctx, func(c *admin.Client) error {
		names, err := f.existingTopics(ctx, c, args)
		if err != nil {
			return err
		}
		return use(c, names)
	})
}

// existingTopics resolves aliases and names to existing topics; any other name is
// a usage error that suggests the nearest.
func (f *sharedFlags) existingTopics(ctx context.Context, c *admin.Client, args []string) ([]string, error) {
	if len(args) == 0 {
		return nil, nil
	}
	sc, err := f.loadScenario(ctx)
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
		resolved = slices.DeleteFunc(resolved, func(name string) bool { _, ok := existing[name]; return !ok })
		if len(resolved) == 0 {
			return nil, noSuchTopic(a, sc, existing)
		}
		names = append(names, resolved...)
	}
	return names, nil
}

func noSuchTopic(name string, sc *scenario.Scenario, existing map[string]int) error {
	candidates := slices.Collect(maps.Keys(existing))
	for _, t := range sc.Topics {
		if t.Alias == name {
			return fmt.Errorf("the topic of %q does not exist yet; create it with `inv topics create %s`", name, name)
		}
		candidates = append(candidates, t.Alias)
	}
	slices.Sort(candidates)
	return usagef("there is no topic %q%s", name, cmp.Or(suggest.DidYouMean(name, candidates), "; see `inv topics list`"))
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
		Use:               "delete ALIAS|TOPIC…",
		Short:             "Delete topics and their records",
		Args:              someArguments(whichTopic),
		ValidArgsFunction: f.completeTopics,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.withTopics(cmd.Context(), args, func(c *admin.Client, names []string) error {
				if err := confirm(s, yes, "delete these topics with all their records", names); err != nil {
					return err
				}
				deleted, err := c.Delete(cmd.Context(), names...)
				return printNames(s, deleted, err)
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "don't ask for confirmation")
	return cmd
}

// printNames prints the names that a call has dealt with, and returns its error.
func printNames(s *streams, names []string, err error) error {
	for _, name := range names {
		fmt.Fprintln(s.out, name)
	}
	return err
}
