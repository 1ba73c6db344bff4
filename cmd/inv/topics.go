package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"inv/internal/kafka"
	"inv/internal/scenario"
	"inv/internal/suggest"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
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
		Short:   "The topics there are, with their alias in the scenario",
		Long: `List the cluster's topics, or those that are named. The processor's own are
marked internal. OFFSETS is how far the ends of the partitions are from their
starts, which is at least the number of records: commit markers, aborted data
and what compaction has removed have offsets, too. --count reads the topics and
counts their committed records.`,
		Example: `  inv topics list
  inv topics list updates --count`,
		ValidArgsFunction: f.completeTopics,
		RunE: func(cmd *cobra.Command, args []string) error {
			sc, err := f.loadScenario()
			if err != nil {
				return err
			}
			client, only, err := f.existingTopics(cmd.Context(), args)
			if err != nil {
				return err
			}
			defer client.Close()
			var counter func(ctx context.Context, topics []string) (map[string]int64, error)
			if count {
				counter = func(ctx context.Context, topics []string) (map[string]int64, error) {
					return countRecords(ctx, f.kafka(), client, topics)
				}
			}
			return listTopics(cmd.Context(), client, only, namesOf(sc, f.appID), counter, s, output.value)
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

// countRecords counts the committed records of topics by reading them.
func countRecords(ctx context.Context, c kafka.Config, client *kgo.Client, topics []string) (map[string]int64, error) {
	spans, err := kafka.Spans(ctx, client, topics...)
	if err != nil {
		return nil, err
	}
	counts, err := kafka.CountRecords(ctx, c, math.MaxInt64, spans...)
	if err != nil {
		return nil, err
	}
	records := map[string]int64{}
	for i, s := range spans {
		records[s.Topic] += counts[i]
	}
	return records, nil
}

// listTopics writes the topics, all if none is named; with a counter also how
// many records they have.
func listTopics(ctx context.Context, client *kgo.Client, only []string, names map[string]known, counter func(context.Context, []string) (map[string]int64, error), s *streams, format string) error {
	admin := kadm.NewClient(client)
	topics, err := admin.ListTopics(ctx, only...)
	if err != nil {
		return fmt.Errorf("listing topics: %w", err)
	}
	starts, err := admin.ListStartOffsets(ctx, only...)
	if err != nil {
		return fmt.Errorf("listing start offsets: %w", err)
	}
	ends, err := admin.ListEndOffsets(ctx, only...)
	if err != nil {
		return fmt.Errorf("listing end offsets: %w", err)
	}
	out := rows{header: []string{"TOPIC", "ALIAS", "PARTITIONS", "OFFSETS", "INTERNAL"}}
	var counts map[string]int64
	if counter != nil {
		out.header = slices.Insert(out.header, 4, "RECORDS")
		if counts, err = counter(ctx, topics.Names()); err != nil {
			return err
		}
	}
	for _, t := range topics.Sorted() {
		var offsets int64
		for p := range t.Partitions {
			start, _ := starts.Lookup(t.Topic, p)
			end, _ := ends.Lookup(t.Topic, p)
			offsets += end.Offset - start.Offset
		}
		k := names[t.Topic]
		cells := []any{t.Topic, k.alias, len(t.Partitions), offsets, flagWord(k.internal, format)}
		if counts != nil {
			cells = slices.Insert(cells, 4, any(counts[t.Topic]))
		}
		out.add(cells...)
	}
	return out.write(s, format)
}

// flagWord is a yes in a table, which is easier to see alone.
func flagWord(set bool, format string) any {
	if format == "json" {
		return set
	}
	if set {
		return "internal"
	}
	return ""
}

func topicsCreate(s *streams, f *sharedFlags) *cobra.Command {
	var partitions int
	var configs []string
	cmd := &cobra.Command{
		Use:   "create [ALIAS|TOPIC…]",
		Short: "Create topics as the scenario says, all of them by default",
		Long: `Create the topics that are missing, as the scenario declares them; a name that
is not in the scenario is created with --partitions and --set. Prints the
names of those created.`,
		Example: `  inv topics create
  inv topics create orders payments --partitions 12 --set retention.ms=86400000`,
		RunE: func(cmd *cobra.Command, args []string) error {
			specs, err := specsToCreate(f, args, partitions, configs, cmd.Flags().Changed("partitions"))
			if err != nil {
				return err
			}
			client, err := kafka.Connect(cmd.Context(), f.kafka())
			if err != nil {
				return err
			}
			defer client.Close()
			created, err := kafka.EnsureTopics(cmd.Context(), client, specs...)
			for _, name := range created {
				fmt.Fprintln(s.out, name)
			}
			if err == nil && len(created) < len(specs) {
				fmt.Fprintf(s.err, "%d of %d were there already.\n", len(specs)-len(created), len(specs))
			}
			return err
		},
		ValidArgsFunction: f.completeAliases,
	}
	cmd.Flags().IntVar(&partitions, "partitions", 6, "partitions, instead of what the scenario says")
	cmd.Flags().StringArrayVar(&configs, "set", nil, "a topic setting by Kafka's property name, KEY=VALUE; repeatable")
	return cmd
}

func specsToCreate(f *sharedFlags, args []string, partitions int, configs []string, override bool) ([]kafka.TopicSpec, error) {
	sc, err := f.loadScenario()
	if err != nil {
		return nil, err
	}
	if partitions < 1 {
		return nil, usagef("--partitions %d: a topic has at least one", partitions)
	}
	specs := kafka.Specs(sc, f.appID)
	if len(args) > 0 {
		specs = nil
		for _, a := range args {
			if _, ok := sc.Topic(a); ok {
				specs = append(specs, kafka.Specs(sc, f.appID, a)...)
				continue
			}
			specs = append(specs, kafka.TopicSpec{Name: a, Partitions: partitions, Configs: map[string]string{}})
		}
	}
	for i := range specs {
		if override {
			specs[i].Partitions = partitions
		}
		for _, c := range configs {
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
		Short: "A topic's partitions, offsets and settings",
		Args:  someArguments("which topic? inv topics list shows those there are"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, names, err := f.existingTopics(cmd.Context(), args)
			if err != nil {
				return err
			}
			defer client.Close()
			return describeTopics(cmd.Context(), client, names, s, output.value)
		},
		ValidArgsFunction: f.completeTopics,
	}
	cmd.Flags().VarP(&output, "output", "o", "text or json")
	return cmd
}

// existingTopics connects and resolves aliases and names to topics that exist;
// a name that is neither is wrong usage, with the nearest.
func (f *sharedFlags) existingTopics(ctx context.Context, args []string) (*kgo.Client, []string, error) {
	sc, err := f.loadScenario()
	if err != nil {
		return nil, nil, err
	}
	client, err := kafka.Connect(ctx, f.kafka())
	if err != nil {
		return nil, nil, err
	}
	existing, err := kafka.PartitionCounts(ctx, client)
	if err != nil {
		client.Close()
		return nil, nil, err
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
			client.Close()
			return nil, nil, noSuchTopic(a, sc, existing)
		}
	}
	return client, names, nil
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

func describeTopics(ctx context.Context, client *kgo.Client, names []string, s *streams, format string) error {
	admin := kadm.NewClient(client)
	topics, err := admin.ListTopics(ctx, names...)
	if err != nil {
		return fmt.Errorf("listing topics: %w", err)
	}
	starts, err := admin.ListStartOffsets(ctx, names...)
	if err != nil {
		return fmt.Errorf("listing start offsets: %w", err)
	}
	stable, err := admin.ListCommittedOffsets(ctx, names...)
	if err != nil {
		return fmt.Errorf("listing stable offsets: %w", err)
	}
	ends, err := admin.ListEndOffsets(ctx, names...)
	if err != nil {
		return fmt.Errorf("listing end offsets: %w", err)
	}
	out := rows{header: []string{"TOPIC", "PARTITION", "START", "STABLE", "END", "LEADER", "REPLICAS"}}
	for _, t := range topics.Sorted() {
		for _, p := range t.Partitions.Sorted() {
			start, _ := starts.Lookup(t.Topic, p.Partition)
			last, _ := stable.Lookup(t.Topic, p.Partition)
			end, _ := ends.Lookup(t.Topic, p.Partition)
			out.add(t.Topic, p.Partition, start.Offset, last.Offset, end.Offset, p.Leader, len(p.Replicas))
		}
	}
	if err := out.write(s, format); err != nil || format == "json" {
		return err
	}
	return describeConfigs(ctx, admin, names, s)
}

// describeConfigs writes the settings that a topic has of its own.
func describeConfigs(ctx context.Context, admin *kadm.Client, names []string, s *streams) error {
	all, err := admin.DescribeTopicConfigs(ctx, names...)
	if err != nil {
		return fmt.Errorf("reading the topics' settings: %w", err)
	}
	out := rows{header: []string{"TOPIC", "SETTING", "VALUE"}}
	for _, rc := range all {
		for _, c := range rc.Configs {
			if c.Source.String() == "DYNAMIC_TOPIC_CONFIG" {
				out.add(rc.Name, c.Key, c.MaybeValue())
			}
		}
	}
	if len(out.cells) == 0 {
		return nil
	}
	fmt.Fprintln(s.out)
	return out.write(s, "text")
}

func topicsDelete(s *streams, f *sharedFlags) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "delete ALIAS|TOPIC…",
		Short: "Delete topics and their records",
		Args:  someArguments("which topic? inv topics list shows those there are"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, names, err := f.existingTopics(cmd.Context(), args)
			if err != nil {
				return err
			}
			defer client.Close()
			if err := confirm(s, yes, "delete these topics with all their records", names); err != nil {
				return err
			}
			return deleteTopics(cmd.Context(), client, names, s)
		},
		ValidArgsFunction: f.completeTopics,
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do it without asking")
	return cmd
}

func deleteTopics(ctx context.Context, client *kgo.Client, names []string, s *streams) error {
	deleted, err := kafka.DeleteTopics(ctx, client, names...)
	for _, name := range deleted {
		fmt.Fprintln(s.out, name)
	}
	return err
}
