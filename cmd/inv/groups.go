package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafka/admin"
	"inv/processor"
	"inv/processor/builtin"
	"inv/processor/inventory"

	"github.com/spf13/cobra"
)

func groupsCommand(s *streams, f *sharedFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "groups",
		Short: "List, describe and reset consumer groups; show their lag",
	}
	cmd.AddCommand(groupsList(s, f), groupsDescribe(s, f), groupsLag(s, f), groupsReset(s, f))
	return cmd
}

// withAdmin connects for one call.
func (f *sharedFlags) withAdmin(ctx context.Context, use func(*admin.Client) error) error {
	c, err := admin.Connect(ctx, f.kafka())
	if err != nil {
		return err
	}
	defer c.Close()
	return use(c)
}

func groupsList(s *streams, f *sharedFlags) *cobra.Command {
	output := newChoice("text", "json")
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List consumer groups",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.withAdmin(cmd.Context(), func(c *admin.Client) error {
				groups, err := c.Groups(cmd.Context())
				if err != nil {
					return err
				}
				out := rows{header: []string{"GROUP", "STATE", "PROTOCOL"}}
				for _, g := range groups {
					out.add(g.Name, g.State, g.Protocol)
				}
				return out.write(s, output.value)
			})
		},
	}
	cmd.Flags().VarP(&output, "output", "o", "text or json")
	return cmd
}

func groupsDescribe(s *streams, f *sharedFlags) *cobra.Command {
	output := newChoice("text", "json")
	cmd := &cobra.Command{
		Use:   "describe GROUP…",
		Short: "Show the members of a group and their partitions",
		Args:  someArguments("which group? inv groups list shows those there are"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.withAdmin(cmd.Context(), func(c *admin.Client) error {
				groups, err := c.DescribeGroups(cmd.Context(), args...)
				if err != nil {
					return err
				}
				out := rows{header: []string{"GROUP", "STATE", "MEMBER", "HOST", "ASSIGNED"}}
				for _, g := range groups {
					if len(g.Members) == 0 {
						out.add(g.Name, g.State, "", "", "")
					}
					for _, m := range g.Members {
						out.add(g.Name, g.State, m.ID, m.Host, m.Assigned)
					}
				}
				return out.write(s, output.value)
			})
		},
		ValidArgsFunction: f.completeGroups,
	}
	cmd.Flags().VarP(&output, "output", "o", "text or json")
	return cmd
}

func groupsLag(s *streams, f *sharedFlags) *cobra.Command {
	output := newChoice("text", "json")
	cmd := &cobra.Command{
		Use:   "lag [GROUP…]",
		Short: "Show how many records a group has yet to read",
		Long: `Show how far groups are behind, by default those of --app-id. Lag is the number
of committed data records between a group's offset and the end. A transaction's
commit marker is no record, so a group that has read everything has lag 0,
where plain subtraction would show 1. A number with ≤ was not counted: more
than 10,000 records lie between, and the offsets give at most that many.`,
		Example: `  inv groups lag
  inv groups lag inv-ledger -o json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			groups, err := f.groupsForLag(cmd.Context(), args)
			if err != nil {
				return err
			}
			if len(groups) == 0 {
				fmt.Fprintf(s.err, "No group of %s has read anything yet.\n", f.appID)
			}
			out := rows{header: []string{"GROUP", "TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "OPEN"}}
			if output.value == "json" {
				out.header = append(out.header, "EXACT")
			}
			for _, group := range groups {
				lags, err := kafka.GroupLag(cmd.Context(), f.kafka(), group)
				if err != nil {
					return err
				}
				addLags(&out, group, lags, output.value)
			}
			return out.write(s, output.value)
		},
		ValidArgsFunction: f.completeGroups,
	}
	cmd.Flags().VarP(&output, "output", "o", "text or json")
	return cmd
}

// groupsForLag returns the named groups, or the existing ones of --app-id. For
// those it looks at the topics that they read, by name: Apache Kafka leaves out a
// group's offsets of topics that the user may not see, without a word.
func (f *sharedFlags) groupsForLag(ctx context.Context, names []string) (groups []string, err error) {
	sc, err := f.loadScenario()
	if err != nil {
		return nil, err
	}
	return groups, f.withAdmin(ctx, func(c *admin.Client) error {
		if groups = names; len(names) > 0 {
			_, err := c.DescribeGroups(ctx, names...)
			return err
		}
		var topics []string
		for _, g := range processor.Groups(sc, f.appID, builtinTopologies()) {
			topics = append(topics, g.Topics...)
		}
		if groups, err = c.Existing(ctx, processorGroups(f.appID)); err != nil {
			return err
		}
		_, err = c.PartitionCounts(ctx, topics...)
		return err
	})
}

func addLags(out *rows, group string, lags []kafka.Lag, format string) {
	for _, l := range lags {
		open := l.End - l.Stable
		if format == "json" {
			out.add(group, l.Topic, l.Partition, l.Committed, l.End, l.Records, open, l.Exact)
			continue
		}
		records := strconv.FormatInt(l.Records, 10)
		if !l.Exact {
			records = "≤" + records
		}
		committed := strconv.FormatInt(l.Committed, 10)
		if l.Committed < 0 {
			committed = "-"
		}
		out.add(group, l.Topic, l.Partition, committed, l.End, records, open)
	}
}

// processorGroups returns the consumer groups of an application id's stages.
func processorGroups(app string) []string { return processor.GroupNames(app, builtinTopologies()) }

// builtinTopologies returns all topologies, with their options' defaults.
func builtinTopologies() []processor.Topology {
	all, err := builtin.All(inventory.Options{})
	if err != nil {
		panic(err) // the defaults are right
	}
	return all
}

// groupsResetFlags are the flags of `inv groups reset`.
type groupsResetFlags struct {
	to     string
	topics []string
	yes    bool
}

// target checks the command line of app's user.
func (r *groupsResetFlags) target(group, app string, now time.Time) (admin.Target, error) {
	to, err := admin.ParseTarget(r.to, now)
	if err != nil {
		return to, usagef("--to %q: %w", r.to, err)
	}
	if slices.Contains(processorGroups(app), group) {
		return to, usagef("group %s is the processor's own, whose offsets and state belong together; inv reset --app-id %s removes both", group, app)
	}
	return to, nil
}

func groupsReset(s *streams, f *sharedFlags) *cobra.Command {
	r := &groupsResetFlags{}
	cmd := &cobra.Command{
		Use:   "reset GROUP",
		Short: "Move a group's committed offsets",
		Long: `Move a group's committed offsets to the start, the end, a time or an offset. A
group in use is refused: stop its members first. The processor's own groups are
refused, too: their offsets and its state belong together, and moving only one of
them would count orders twice. Use inv reset to start the processor over.`,
		Example: `  inv groups reset audit --to start
  inv groups reset audit --to 2026-05-01T00:00:00Z --topic orders --yes`,
		Args: oneArgument("which group? inv groups list shows those there are"),
		RunE: func(cmd *cobra.Command, args []string) error {
			to, err := r.target(args[0], f.appID, s.now())
			if err != nil {
				return err
			}
			return f.withAdmin(cmd.Context(), func(c *admin.Client) error {
				return resetGroup(cmd.Context(), s, f, c, args[0], to, r)
			})
		},
		ValidArgsFunction: f.completeGroups,
	}
	cmd.Flags().StringVar(&r.to, "to", "start", "start, end, an offset, a time (RFC 3339), or how long ago (15m)")
	cmd.Flags().StringSliceVar(&r.topics, "topic", nil, "only these topics or aliases; without it all that the group has offsets in")
	cmd.Flags().BoolVar(&r.yes, "yes", false, "do it without asking")
	return cmd
}

func resetGroup(ctx context.Context, s *streams, f *sharedFlags, c *admin.Client, group string, to admin.Target, r *groupsResetFlags) error {
	if err := c.AtRest(ctx, group); err != nil {
		return err
	}
	topics, err := f.existingTopics(ctx, c, r.topics)
	if err != nil {
		return err
	}
	moves, err := c.PlanMoves(ctx, group, to, topics)
	if errors.Is(err, admin.ErrNoOffsets) {
		return fmt.Errorf("group %s has no offsets; name the topics with --topic", visible(group))
	}
	if err != nil {
		return err
	}
	var items []string
	for _, m := range moves {
		from := "nothing"
		if m.From >= 0 {
			from = strconv.FormatInt(m.From, 10)
		}
		items = append(items, fmt.Sprintf("%s/%d: from %s to %d", m.Topic, m.Partition, from, m.To))
	}
	if err := confirm(s, r.yes, "move the offsets of group "+visible(group), items); err != nil {
		return err
	}
	return c.Commit(ctx, group, moves)
}
