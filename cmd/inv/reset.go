package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"inv/internal/kafka/admin"
	"inv/internal/scenario"
	"inv/processor"

	"github.com/spf13/cobra"
)

func resetCommand(s *streams, f *sharedFlags) *cobra.Command {
	var yes, outputs bool
	cmd := &cobra.Command{
		Use:   "reset --app-id ID",
		Short: "Start the processor over: remove its groups, log and state",
		Long: `Remove what the processor of an application id keeps: its consumer groups and
its internal topics. The next inv process reads its inputs from the start. The
topics that it wrote stay, and are written a second time, unless --outputs
removes them, too. A group in use is refused: stop the processor first.`,
		Example: `  inv reset --app-id inv
  inv reset --app-id inv --outputs --yes`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("app-id") {
				return usagef("name the application whose state to remove with --app-id")
			}
			sc, err := f.loadScenario(cmd.Context())
			if err != nil {
				return err
			}
			return f.withAdmin(cmd.Context(), func(c *admin.Client) error {
				return f.reset(cmd.Context(), s, c, sc, yes, outputs)
			})
		},
	}
	cmd.Flags().BoolVar(&outputs, "outputs", false, "also remove the topics that the processor writes")
	cmd.Flags().BoolVar(&yes, "yes", false, "don't ask for confirmation")
	return cmd
}

func (f *sharedFlags) reset(ctx context.Context, s *streams, c *admin.Client, sc *scenario.Scenario, yes, outputs bool) error {
	groups, err := c.Existing(ctx, processorGroups(f.appID))
	if err != nil {
		return err
	}
	if len(groups) > 0 {
		if err := c.AtRest(ctx, groups...); err != nil {
			return err
		}
	}
	topics, err := existingOf(ctx, c, topicsToReset(sc, f.appID, outputs))
	if err != nil {
		return err
	}
	if len(groups)+len(topics) == 0 {
		fmt.Fprintf(s.err, "%s has no groups and no topics on this cluster.\n", f.appID)
		return nil
	}
	var items []string
	for _, g := range groups {
		items = append(items, "group "+g)
	}
	for _, t := range topics {
		items = append(items, "topic "+t)
	}
	if err := confirm(s, yes, "remove these", items); err != nil {
		return err
	}
	deleted, err := c.DeleteGroups(ctx, groups...)
	if err = printNames(s, deleted, err); err != nil || len(topics) == 0 {
		return err
	}
	deleted, err = c.Delete(ctx, topics...)
	return printNames(s, deleted, err)
}

// topicsToReset returns the processor's internal topics and, with outputs, those
// that it writes and no producer of the scenario does.
func topicsToReset(sc *scenario.Scenario, app string, outputs bool) []string {
	all := builtinTopologies()
	names := processor.KeptTopics(sc, app, all)
	if !outputs {
		return names
	}
	filled := map[string]bool{}
	for _, p := range sc.Producers {
		for _, name := range sc.TopicNames(p.Topic.Text, app) {
			filled[name] = true
		}
	}
	for _, name := range processor.WrittenTopics(sc, app, all) {
		if !filled[name] {
			names = append(names, name)
		}
	}
	return names
}

// existingOf returns the topics that exist, by name.
func existingOf(ctx context.Context, c *admin.Client, names []string) ([]string, error) {
	if len(names) == 0 {
		return nil, nil // PartitionCounts would return all topics
	}
	existing, err := c.PartitionCounts(ctx, names...)
	return slices.Sorted(maps.Keys(existing)), err
}
