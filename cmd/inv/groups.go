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
	"inv/internal/scenario"
	"inv/internal/when"
	"inv/processor"
	"inv/processor/builtin"
	"inv/processor/forward"
	"inv/processor/inventory"

	"github.com/spf13/cobra"
)

func groupsCommand(s *streams, f *sharedFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "groups",
		Short: "List, describe, reset and delete consumer groups; show their lag",
	}
	cmd.AddCommand(groupsList(s, f), groupsDescribe(s, f), groupsLag(s, f), groupsReset(s, f), groupsDelete(s, f))
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
	return withOutput(&cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List consumer groups",
		Args:    noArguments,
	}, func(ctx context.Context, _ []string, format string) error {
		return f.withAdmin(ctx, func(c *admin.Client) error {
			groups, err := c.Groups(ctx)
			if err != nil {
				return err
			}
			out := rows{header: []string{"GROUP", "STATE", "PROTOCOL"}}
			for _, g := range groups {
				out.add(g.Name, g.State, g.Protocol)
			}
			if err := out.write(s, format); err != nil {
				return err
			}
			return f.checkGroups(ctx, s, c, len(groups))
		})
	})
}

func groupsDescribe(s *streams, f *sharedFlags) *cobra.Command {
	return withOutput(&cobra.Command{
		Use:               "describe GROUP…",
		Short:             "Show the members of a group and their partitions",
		Args:              someArguments(whichGroup),
		ValidArgsFunction: f.completeGroups,
	}, func(ctx context.Context, args []string, format string) error {
		return f.withAdmin(ctx, func(c *admin.Client) error {
			groups, err := c.DescribeGroups(ctx, args...)
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
			return out.write(s, format)
		})
	})
}

func groupsLag(s *streams, f *sharedFlags) *cobra.Command {
	return withOutput(&cobra.Command{
		Use:   "lag [GROUP…]",
		Short: "Show how many records a group has yet to read",
		Long: `Show how far groups are behind, by default those of --app-id, sinks included. Lag is the number
of committed data records between a group's offset and the end. A transaction's
commit marker is not a record, so a group that has read everything has lag 0,
where plain subtraction would show 1. A number with ≤ is an upper bound, the
distance in offsets: more than 10,000 records are not counted. Lines that
wait in the state of the ledger for their product count, too, and those that a
topology with order: time holds back.`,
		Example: `  inv groups lag
  inv groups lag inv-ledger -o json`,
		ValidArgsFunction: f.completeGroups,
	}, func(ctx context.Context, args []string, format string) error {
		groups, err := f.groupsForLag(ctx, args)
		if err != nil {
			return err
		}
		if len(groups) == 0 {
			s.errf("No group of %s has read anything yet.\n", f.appID)
		}
		out := rows{header: []string{"GROUP", "TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "OPEN"}}
		if format == "json" {
			out.header = append(out.header, "EXACT")
		}
		found := map[string]int{}
		for _, group := range groups {
			lags, err := kafka.GroupLag(ctx, f.kafka(), group)
			if err != nil {
				return err
			}
			found[group] = len(lags)
			addLags(&out, group, lags, format)
		}
		if err := out.write(s, format); err != nil || len(args) == 0 {
			return err // without arguments, the topics were looked up
		}
		return f.withAdmin(ctx, func(c *admin.Client) error {
			for _, group := range args {
				if err := f.checkOffsets(ctx, s, c, group, found[group]); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// groupsForLag returns the named groups, or the existing ones of --app-id. For
// those it also looks up the topics that they read: Apache Kafka silently omits a
// group's offsets in topics that the user may not describe.
func (f *sharedFlags) groupsForLag(ctx context.Context, names []string) (groups []string, err error) {
	sc, err := f.loadScenario(ctx)
	if err != nil {
		return nil, err
	}
	return groups, f.withAdmin(ctx, func(c *admin.Client) error {
		if groups = names; len(names) > 0 {
			_, err := c.DescribeGroups(ctx, names...)
			return err
		}
		if groups, err = c.Existing(ctx, append(processorGroups(sc, f.appID), sinkGroups(sc, f.appID)...)); err != nil {
			return err
		}
		var topics []string
		for i := range sc.Sinks {
			if k := &sc.Sinks[i]; slices.Contains(groups, forward.GroupID(f.appID, k.Name)) {
				topics = append(topics, sinkTopics(sc, f.appID, k)...)
			}
		}
		for _, t := range topologiesOf(sc) {
			declared := sc.Topology(t.Name)
			for _, g := range processor.Groups(sc, f.appID, []processor.Topology{t}) {
				if declared == nil || !declared.Off || slices.Contains(groups, g.Name) { // else it may never have run
					topics = append(topics, g.Topics...)
				}
			}
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
		records, committed := any(l.Records), any(l.Committed)
		if !l.Exact {
			records = fmt.Sprint("≤", l.Records)
		}
		if l.Committed < 0 {
			committed = "-"
		}
		out.add(group, l.Topic, l.Partition, committed, l.End, records, open)
	}
}

// processorGroups returns the consumer groups of an application id's stages.
func processorGroups(sc *scenario.Scenario, app string) []string {
	return processor.GroupNames(app, topologiesOf(sc))
}

// topologiesOf returns all topologies that can run with a scenario, with default options.
func topologiesOf(sc *scenario.Scenario) []processor.Topology {
	all, err := builtin.Of(sc, inventory.Options{})
	if err != nil {
		panic(err) // the defaults are valid, and the scenario was checked when it was loaded
	}
	return all
}

// groupsResetFlags are the flags of `inv groups reset`.
type groupsResetFlags struct {
	to     string
	topics []string

	approval approval
}

// position returns where to move the offsets of a group.
func (r *groupsResetFlags) position(now time.Time) (when.Position, error) {
	to, err := when.ParsePosition(r.to, now, time.Local)
	if err != nil {
		return to, usagef("--to %q: %w", r.to, err)
	}
	return to, nil
}

// notProcessors refuses the groups of the processor and of sinks.
func notProcessors(sc *scenario.Scenario, app string, groups ...string) error {
	own := processorGroups(sc, app)
	for _, group := range groups {
		if slices.Contains(own, group) {
			return usagef("group %s is the processor's own, whose offsets and state belong together; inv reset --app-id %s removes both", group, app)
		}
		for _, name := range sinkNames(sc) {
			if group == forward.GroupID(app, name) {
				return usagef("group %s is the sink's %s, which keeps more than offsets in it; inv reset --app-id %s --sink %s starts it over or moves it", group, name, app, name)
			}
		}
	}
	return nil
}

func groupsReset(s *streams, f *sharedFlags) *cobra.Command {
	r := &groupsResetFlags{}
	cmd := &cobra.Command{
		Use:   "reset GROUP",
		Short: "Move a group's committed offsets",
		Long: `Move a group's committed offsets to the start, the end, a time or an offset. A
group in use is refused: stop its members first. The processor's own groups are
refused, too: moving their offsets without the state that belongs to them would
count orders twice. Use inv reset to start the processor over, or a sink.`,
		Example: `  inv groups reset audit --to start
  inv groups reset audit --to yesterday
  inv groups reset audit --to 2026-05-01T00:00:00Z --topic orders --yes`,
		Args:              oneArgument(whichGroup),
		ValidArgsFunction: f.completeGroups,
		RunE: func(cmd *cobra.Command, args []string) error {
			to, err := r.position(s.now())
			if err != nil {
				return err
			}
			sc, err := f.loadScenario(cmd.Context())
			if err != nil {
				return err
			}
			if err := notProcessors(sc, f.appID, args...); err != nil {
				return err
			}
			return f.withAdmin(cmd.Context(), func(c *admin.Client) error {
				return resetGroup(cmd.Context(), s, f, c, args[0], to, r)
			})
		},
	}
	cmd.Flags().StringVar(&r.to, "to", "start", "the `PLACE`: start, end, an offset, -5 for 5 before the end, or a time such as 15m, today or RFC 3339")
	cmd.Flags().StringSliceVar(&r.topics, "topic", nil, "only each `TOPIC` of these names, aliases or patterns; by default all in which the group has offsets")
	r.approval.register(cmd.Flags())
	return cmd
}

func resetGroup(ctx context.Context, s *streams, f *sharedFlags, c *admin.Client, group string, to when.Position, r *groupsResetFlags) error {
	if err := c.AtRest(ctx, group); err != nil {
		return err
	}
	topics, err := f.existingTopics(ctx, s, c, r.topics)
	if err != nil {
		return err
	}
	moves, err := c.PlanMoves(ctx, group, to, topics)
	if len(topics) == 0 && (err == nil || errors.Is(err, admin.ErrNoOffsets)) {
		if err := f.checkOffsets(ctx, s, c, group, len(moves)); err != nil {
			return err
		}
	}
	if errors.Is(err, admin.ErrNoOffsets) {
		return fmt.Errorf("group %s has no offsets; name the topics with --topic", group)
	}
	if err != nil {
		return err
	}
	return commitMoves(ctx, s, c, group, to, moves, &r.approval)
}

// moveGroup moves a group's offsets in topics, which it may not have any in yet.
func moveGroup(ctx context.Context, s *streams, c *admin.Client, group string, to when.Position, topics []string, a *approval) error {
	moves, err := c.PlanMoves(ctx, group, to, topics)
	if err != nil {
		return err
	}
	return commitMoves(ctx, s, c, group, to, moves, a)
}

// commitMoves lists moves and makes them, if it may.
func commitMoves(ctx context.Context, s *streams, c *admin.Client, group string, to when.Position, moves []admin.Move, a *approval) error {
	if to.Note != "" {
		s.errf("%s\n", to.Note)
	}
	var items []string
	for _, m := range moves {
		from := "nothing"
		if m.From >= 0 {
			from = strconv.FormatInt(m.From, 10)
		}
		item := fmt.Sprintf("%s/%d: from %s to %d", m.Topic, m.Partition, from, m.To)
		switch {
		case m.Asked < m.To:
			item += fmt.Sprintf(", its start; it does not have %d", m.Asked)
		case m.Asked > m.To:
			item += fmt.Sprintf(", its end; it does not have %d", m.Asked)
		}
		items = append(items, item)
	}
	if ok, err := a.given(s, "move the offsets of group "+group, items); !ok {
		return err
	}
	return c.Commit(ctx, group, moves)
}
