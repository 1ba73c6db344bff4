package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"inv/internal/kafka"
	"inv/internal/scenario"
	"inv/processor"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func resetCommand(s *streams, f *sharedFlags) *cobra.Command {
	var yes, outputs bool
	cmd := &cobra.Command{
		Use:   "reset --app-id ID",
		Short: "Make the processor begin anew: remove its groups, log and state",
		Long: `Remove what the processor of an application id keeps: its consumer groups and
its internal topics. The next inv process reads its inputs from the start. The
topics that it wrote stay, and will be written a second time, unless --outputs
removes them too. A group in use is refused: stop the processor first.`,
		Example: `  inv reset --app-id inv
  inv reset --app-id inv --outputs --yes`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("app-id") {
				return usagef("say whose state to remove with --app-id")
			}
			sc, err := f.loadScenario()
			if err != nil {
				return err
			}
			client, err := kafka.Connect(cmd.Context(), f.kafka())
			if err != nil {
				return err
			}
			defer client.Close()
			return f.reset(cmd.Context(), client, sc, s, yes, outputs)
		},
	}
	cmd.Flags().BoolVar(&outputs, "outputs", false, "remove the topics that the processor writes, too")
	cmd.Flags().BoolVar(&yes, "yes", false, "do it without asking")
	return cmd
}

func (f *sharedFlags) reset(ctx context.Context, client *kgo.Client, sc *scenario.Scenario, s *streams, yes, outputs bool) error {
	groups, err := f.ownGroups(ctx)
	if err != nil {
		return err
	}
	if len(groups) > 0 {
		if _, err := groupsAtRest(ctx, client, groups); err != nil {
			return err
		}
	}
	topics, err := processorTopics(ctx, client, sc, f.appID, outputs)
	if err != nil {
		return err
	}
	if len(groups)+len(topics) == 0 {
		fmt.Fprintf(s.err, "%s has no groups and no topics here.\n", f.appID)
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
	if err := deleteGroups(ctx, client, groups, s); err != nil {
		return err
	}
	if len(topics) == 0 {
		return nil
	}
	return deleteTopics(ctx, client, topics, s)
}

// processorTopics are the existing topics that are the processor's: those that it
// keeps for itself, and with outputs those that no producer of the scenario fills.
func processorTopics(ctx context.Context, client *kgo.Client, sc *scenario.Scenario, app string, outputs bool) ([]string, error) {
	all := builtinTopologies()
	names := processor.KeptTopics(sc, app, all)
	if outputs {
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
	}
	if len(names) == 0 {
		return nil, nil
	}
	existing, err := kafka.PartitionCounts(ctx, client, names...)
	return slices.Sorted(maps.Keys(existing)), err
}

func deleteGroups(ctx context.Context, client *kgo.Client, groups []string, s *streams) error {
	if len(groups) == 0 {
		return nil
	}
	responses, err := kadm.NewClient(client).DeleteGroups(ctx, groups...)
	if err != nil {
		return fmt.Errorf("removing groups: %w", err)
	}
	for _, r := range responses.Sorted() {
		if r.Err != nil {
			return fmt.Errorf("removing group %s: %w", r.Group, r.Err)
		}
		fmt.Fprintln(s.out, r.Group)
	}
	return nil
}
