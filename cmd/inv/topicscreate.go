package main

import (
	"context"
	"slices"
	"strings"

	"inv/internal/kafka"
	"inv/internal/kafka/admin"
	"inv/internal/scenario"
	"inv/internal/when"
	"inv/processor"
	"inv/processor/builtin"

	"github.com/spf13/cobra"
)

// topicsCreateFlags are the flags of `inv topics create`.
type topicsCreateFlags struct {
	partitions int
	override   bool // --partitions was given
	replicas   int16
	configs    []string
	settings   map[string]string // of configs
	approval   approval
}

func topicsCreate(s *streams, f *sharedFlags, t *topicsCreateFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "create [ALIAS|TOPIC…]",
		Short: "Create topics as the scenario declares them, all by default",
		Long: `Create missing topics as the scenario declares them, and others with
--partitions and --set. Prints the names of the created topics.`,
		Example: `  inv topics create
  inv topics create orders payments --partitions 12 --set retention.ms=86400000
  inv topics create audit --replication-factor 3 --dry-run`,
		RunE: func(cmd *cobra.Command, args []string) error {
			sc, err := f.loadScenario(cmd.Context())
			if err != nil {
				return err
			}
			t.override = cmd.Flags().Changed("partitions")
			if err := t.check(); err != nil {
				return err
			}
			return f.withAdmin(cmd.Context(), func(c *admin.Client) error {
				existing, err := c.PartitionCounts(cmd.Context())
				if err != nil {
					return err
				}
				return t.create(cmd.Context(), s, c, t.specs(s, sc, f.appID, args, existing))
			})
		},
		ValidArgsFunction: f.completeAliases,
	}
	cmd.Flags().IntVar(&t.partitions, "partitions", 6, "the `NUMBER` of partitions, instead of the scenario's")
	cmd.Flags().Int16Var(&t.replicas, "replication-factor", 0, "the `NUMBER` of replicas of each partition, instead of the scenario's or the cluster's default")
	cmd.Flags().StringArrayVar(&t.configs, "set", nil, "a topic configuration by Kafka's property name, `KEY=VALUE`; repeatable")
	atLeast(cmd.Flags(), 1, "replication-factor")
	t.approval.registerDryRun(cmd.Flags())
	return cmd
}

// check checks the flags.
func (t *topicsCreateFlags) check() (err error) {
	if t.partitions < 1 {
		return usagef("--partitions %d: a topic has at least one partition", t.partitions)
	}
	if t.replicas < 0 {
		return usagef("--replication-factor %d: a partition has at least one replica", t.replicas)
	}
	t.settings, err = parseSettings(t.configs)
	return err
}

// parseSettings reads the values of --set.
func parseSettings(sources []string) (map[string]string, error) {
	settings := map[string]string{}
	for _, source := range sources {
		key, value, ok := strings.Cut(source, "=")
		if !ok || key == "" {
			return nil, usagef("--set %q: use KEY=VALUE, such as retention.ms=86400000", source)
		}
		if d, err := when.ParseDuration(value); err == nil && strings.HasSuffix(key, ".ms") && value != "0" {
			return nil, usagef("--set %s: it takes milliseconds; write %s=%d", source, key, d.Milliseconds())
		}
		settings[key] = value
	}
	return settings, nil
}

// specs returns the topics to create: the named ones, or the scenario's. A name that a
// topic has is that topic's, also if an alias has it.
func (t *topicsCreateFlags) specs(s *streams, sc *scenario.Scenario, app string, names []string, existing map[string]int) []kafka.TopicSpec {
	exists := func(name string) bool { _, ok := existing[name]; return ok }
	var aliases []string
	for _, t := range sc.Topics {
		aliases = append(aliases, t.Alias)
	}
	declared, specs := kafka.Specs(sc, app, aliases...), builtin.Specs(sc, app)
	if len(names) > 0 {
		specs = nil
	}
	for _, name := range names {
		noteShadowed(s, sc, name, app, exists)
		topics := sc.Resolve(name, app, exists)
		if topics == nil {
			topics = []string{name}
		}
		for _, topic := range topics {
			i := slices.IndexFunc(declared, func(d kafka.TopicSpec) bool { return d.Name == topic })
			if i >= 0 {
				specs = append(specs, declared[i])
				continue
			}
			specs = append(specs, kafka.TopicSpec{Name: topic, Partitions: t.partitions, Configs: map[string]string{}})
		}
	}
	grows := processor.GrowingTopics(sc, app, topologiesOf(sc))
	for i := range specs {
		if slices.Contains(grows, specs[i].Name) {
			specs[i].Exact = false
		}
		if t.replicas > 0 {
			specs[i].Replicas, specs[i].Single = t.replicas, false
		}
		if t.override {
			specs[i].Partitions = t.partitions
		}
		for key, value := range t.settings {
			specs[i].Configs[key] = value
		}
	}
	return specs
}

func (t *topicsCreateFlags) create(ctx context.Context, s *streams, c *admin.Client, specs []kafka.TopicSpec) error {
	var created []string
	var err error
	if t.approval.dryRun {
		if created, err = c.CheckCreate(ctx, specs...); err == nil && len(created) > 0 {
			err = showOnly(s, "create these topics", created)
		}
	} else {
		created, err = c.Create(ctx, specs...)
		err = printNames(s, created, err)
	}
	if err == nil && len(created) < len(specs) {
		s.errf("%d of %d existed already.\n", len(specs)-len(created), len(specs))
	}
	return err
}
