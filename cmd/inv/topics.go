package main

import (
	"context"
	"slices"

	"inv/internal/kafka/admin"
	"inv/internal/scenario"

	"github.com/spf13/cobra"
)

func topicsCommand(s *streams, f *sharedFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "topics",
		Short: "List, create, describe, alter and delete topics",
	}
	cmd.AddCommand(topicsList(s, f), topicsCreate(s, f, &topicsCreateFlags{}), topicsDescribe(s, f), topicsAlter(s, f), topicsDelete(s, f))
	return cmd
}

func topicsList(s *streams, f *sharedFlags) *cobra.Command {
	count := false
	cmd := withOutput(&cobra.Command{
		Use:     "list [TOPIC…]",
		Aliases: []string{"ls"},
		Short:   "List topics, with their alias in the scenario",
		Long: `List the cluster's topics, or those named: by name, alias or a pattern such as
'order*'. The processor's own are marked internal. OFFSETS is the distance from
the starts of the partitions to their ends, an upper bound of the number of
records: commit markers, aborted and compacted records have offsets, too.
--count reads the topics and counts their committed records.`,
		Example: `  inv topics list
  inv topics list updates --count`,
		ValidArgsFunction: f.completeTopics,
	}, func(ctx context.Context, args []string, format string) error {
		sc, err := f.loadScenario(ctx)
		if err != nil {
			return err
		}
		return f.withAdmin(ctx, func(c *admin.Client) error {
			only, err := f.existingTopics(ctx, s, c, args)
			if err != nil {
				return err
			}
			if err := listTopics(ctx, s, c, only, declaredTopics(sc, f.appID), count, format); err != nil || len(args) > 0 {
				return err
			}
			hidden, err := f.hiddenTopics(ctx, c, sc, func(string) bool { return true })
			if err == nil && len(hidden) > 0 {
				err = &hiddenError{"topics may be missing from this list", hidden}
			}
			return err
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

// settingsOf returns the settings of a topic, by Kafka's property name.
func settingsOf(settings []admin.Setting, topic string) map[string]string {
	own := map[string]string{}
	for _, s := range settings {
		if s.Topic == topic {
			own[s.Key] = s.Value
		}
	}
	return own
}

func topicsDelete(s *streams, f *sharedFlags) *cobra.Command {
	var a approval
	cmd := &cobra.Command{
		Use:   "delete TOPIC…",
		Short: "Delete topics and their records",
		Long: `Delete topics and their records. A topic is given by its name, its alias, or a
pattern such as 'order*'; the topics that will be deleted are listed by name
before the question. A topic of exactly the name given goes before an alias.`,
		Example: `  inv topics delete orders payments
  inv topics delete 'test-*' --dry-run`,
		Args:              someArguments(whichTopic),
		ValidArgsFunction: f.completeTopics,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.withTopics(cmd.Context(), s, args, func(c *admin.Client, names []string) error {
				if ok, err := a.given(s, "delete these topics with all their records", names); !ok {
					return err
				}
				deleted, err := c.Delete(cmd.Context(), names...)
				return printNames(s, deleted, err)
			})
		},
	}
	a.register(cmd.Flags())
	return cmd
}

// printNames prints the names that a call has dealt with, and returns its error.
func printNames(s *streams, names []string, err error) error {
	for _, name := range names {
		s.outf("%s\n", name)
	}
	return err
}
