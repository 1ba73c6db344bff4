package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"inv/internal/kafka"
	"inv/internal/suggest"
	"inv/processor"
	"inv/processor/builtin"
	"inv/processor/inventory"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func groupsCommand(s *streams, f *sharedFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "groups",
		Short: "List, describe and reset consumer groups; how far behind they are",
	}
	cmd.AddCommand(groupsList(s, f), groupsDescribe(s, f), groupsLag(s, f), groupsReset(s, f))
	return cmd
}

func groupsList(s *streams, f *sharedFlags) *cobra.Command {
	output := newChoice("text", "json")
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "The consumer groups there are",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := kafka.Connect(cmd.Context(), f.kafka())
			if err != nil {
				return err
			}
			defer client.Close()
			admin := kadm.NewClient(client)
			listed, err := admin.ListGroups(cmd.Context())
			if err != nil {
				return fmt.Errorf("listing groups: %w", err)
			}
			out := rows{header: []string{"GROUP", "STATE", "PROTOCOL"}}
			for _, g := range listed.Sorted() {
				out.add(g.Group, g.State, g.ProtocolType)
			}
			return out.write(s, output.value)
		},
	}
	cmd.Flags().VarP(&output, "output", "o", "text or json")
	return cmd
}

func groupsDescribe(s *streams, f *sharedFlags) *cobra.Command {
	output := newChoice("text", "json")
	cmd := &cobra.Command{
		Use:   "describe GROUP…",
		Short: "A group's members and what they are assigned",
		Args:  someArguments("which group? inv groups list shows those there are"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := kafka.Connect(cmd.Context(), f.kafka())
			if err != nil {
				return err
			}
			defer client.Close()
			groups, err := describeGroups(cmd.Context(), client, args)
			if err != nil {
				return err
			}
			out := rows{header: []string{"GROUP", "STATE", "MEMBER", "HOST", "ASSIGNED"}}
			for _, g := range groups.Sorted() {
				if len(g.Members) == 0 {
					out.add(g.Group, g.State, "", "", "")
				}
				for _, m := range g.Members {
					out.add(g.Group, g.State, m.MemberID, m.ClientHost, assignment(m))
				}
			}
			return out.write(s, output.value)
		},
		ValidArgsFunction: f.completeGroups,
	}
	cmd.Flags().VarP(&output, "output", "o", "text or json")
	return cmd
}

// describeGroups fails if one of them doesn't exist, naming the nearest.
func describeGroups(ctx context.Context, client *kgo.Client, names []string) (kadm.DescribedGroups, error) {
	admin := kadm.NewClient(client)
	listed, err := admin.ListGroups(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing groups: %w", err)
	}
	groups, err := admin.DescribeGroups(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("describing groups: %w", err)
	}
	for _, g := range groups.Sorted() {
		if _, ok := listed[g.Group]; !ok && !errors.Is(g.Err, kerr.GroupAuthorizationFailed) {
			return nil, usagef("there is no group %q%s; `inv groups list` shows those there are", g.Group, suggest.DidYouMean(g.Group, listed.Groups()))
		}
		if g.Err != nil {
			return nil, fmt.Errorf("describing group %s: %w", g.Group, g.Err)
		}
	}
	return groups, nil
}

func assignment(m kadm.DescribedGroupMember) string {
	c, ok := m.Assigned.AsConsumer()
	if !ok {
		return ""
	}
	var topics []string
	for _, t := range c.Topics {
		partitions := make([]string, len(t.Partitions))
		sort.Slice(t.Partitions, func(i, j int) bool { return t.Partitions[i] < t.Partitions[j] })
		for i, p := range t.Partitions {
			partitions[i] = strconv.Itoa(int(p))
		}
		topics = append(topics, t.Topic+"["+strings.Join(partitions, " ")+"]")
	}
	sort.Strings(topics)
	return strings.Join(topics, " ")
}

func groupsLag(s *streams, f *sharedFlags) *cobra.Command {
	output := newChoice("text", "json")
	cmd := &cobra.Command{
		Use:   "lag [GROUP…]",
		Short: "How many records a group has yet to read",
		Long: `Show how far groups are behind, by default those of --app-id. Lag is the number
of committed data records between a group's offset and the end. A transaction's
commit marker is no record, so a group that has read everything has lag 0,
where plain subtraction would show 1. A number with ≤ was not counted: more
than 10,000 records lie between, and the offsets give at most that many.`,
		Example: `  inv groups lag
  inv groups lag inv-ledger -o json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				var err error
				if args, err = f.ownGroups(cmd.Context()); err != nil {
					return err
				}
				if err := f.mustSeeSources(cmd.Context()); err != nil {
					return err
				}
				if len(args) == 0 {
					fmt.Fprintf(s.err, "No group of %s has read anything yet.\n", f.appID)
				}
			} else if err := f.mustBeGroups(cmd.Context(), args); err != nil {
				return err
			}
			out := rows{header: []string{"GROUP", "TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "OPEN"}}
			if output.value == "json" {
				out.header = append(out.header, "EXACT")
			}
			for _, group := range args {
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

// mustBeGroups fails if one of the groups doesn't exist.
func (f *sharedFlags) mustBeGroups(ctx context.Context, names []string) error {
	client, err := kafka.Connect(ctx, f.kafka())
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = describeGroups(ctx, client, names)
	return err
}

// ownGroups are the groups of --app-id that exist.
func (f *sharedFlags) ownGroups(ctx context.Context) ([]string, error) {
	client, err := kafka.Connect(ctx, f.kafka())
	if err != nil {
		return nil, err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	// A group that this user may not see is not listed; asking for it by name tells.
	if _, err := admin.DescribeGroups(ctx, processorGroups(f.appID)...); errors.Is(err, kerr.GroupAuthorizationFailed) {
		return nil, fmt.Errorf("looking for the groups of %s: %w", f.appID, err)
	}
	listed, err := admin.ListGroups(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing groups: %w", err)
	}
	var own []string
	for _, g := range listed.Groups() {
		if slices.Contains(processorGroups(f.appID), g) {
			own = append(own, g)
		}
	}
	sort.Strings(own)
	return own, nil
}

// mustSeeSources asks for the topics that the processor's groups read, by name:
// of one that this user may not see, Apache Kafka leaves out the group's offsets
// without a word.
func (f *sharedFlags) mustSeeSources(ctx context.Context) error {
	sc, err := f.loadScenario()
	if err != nil {
		return err
	}
	var names []string
	for _, g := range processor.Groups(sc, f.appID, builtinTopologies()) {
		names = append(names, g.Topics...)
	}
	if len(names) == 0 {
		return nil
	}
	client, err := kafka.Connect(ctx, f.kafka())
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = kafka.PartitionCounts(ctx, client, names...)
	return err
}

// processorGroups are the consumer groups of an application id's stages.
func processorGroups(app string) []string { return processor.GroupNames(app, builtinTopologies()) }

// builtinTopologies are all topologies, with their options' defaults.
func builtinTopologies() []processor.Topology {
	all, err := builtin.All(inventory.Options{})
	if err != nil {
		panic(err) // the defaults are right
	}
	return all
}

func groupsReset(s *streams, f *sharedFlags) *cobra.Command {
	var yes bool
	var to string
	var topics []string
	cmd := &cobra.Command{
		Use:   "reset GROUP",
		Short: "Move a group's committed offsets",
		Long: `Move a group's committed offsets to the start, the end, a time or an offset. A
group in use is refused: stop its members first. The processor's own groups are
refused, too: their offsets and its state belong together, and moving the one
without the other would count orders twice. inv reset makes it begin anew.`,
		Example: `  inv groups reset audit --to start
  inv groups reset audit --to 2026-05-01T00:00:00Z --topic orders --yes`,
		Args: oneArgument("which group? inv groups list shows those there are"),
		RunE: func(cmd *cobra.Command, args []string) error {
			target, err := parseTarget(to, s.now())
			if err != nil {
				return err
			}
			if slices.Contains(processorGroups(f.appID), args[0]) {
				return usagef("group %s is the processor's own, whose offsets and state belong together; inv reset --app-id %s removes both", args[0], f.appID)
			}
			client, err := kafka.Connect(cmd.Context(), f.kafka())
			if err != nil {
				return err
			}
			defer client.Close()
			if _, err := groupsAtRest(cmd.Context(), client, args); err != nil {
				return err
			}
			offsets, items, err := target.plan(cmd.Context(), f, client, args[0], topics)
			if err != nil {
				return err
			}
			if err := confirm(s, yes, "move the offsets of group "+visible(args[0]), items); err != nil {
				return err
			}
			return kadm.NewClient(client).CommitAllOffsets(cmd.Context(), args[0], offsets)
		},
		ValidArgsFunction: f.completeGroups,
	}
	cmd.Flags().StringVar(&to, "to", "start", "start, end, an offset, a time (RFC 3339), or how long ago (15m)")
	cmd.Flags().StringSliceVar(&topics, "topic", nil, "only these topics or aliases; without it all that the group has offsets in")
	cmd.Flags().BoolVar(&yes, "yes", false, "do it without asking")
	return cmd
}

// groupsAtRest fails if one of the groups has members.
func groupsAtRest(ctx context.Context, client *kgo.Client, names []string) (kadm.DescribedGroups, error) {
	groups, err := describeGroups(ctx, client, names)
	if err != nil {
		return nil, err
	}
	for _, g := range groups.Sorted() {
		if len(g.Members) > 0 {
			return nil, fmt.Errorf("group %s is in use by %d members; stop them first", visible(g.Group), len(g.Members))
		}
	}
	return groups, nil
}

// target is where a group's offsets go.
type target struct {
	at   string // start, end, offset or time
	n    int64
	time time.Time
}

func parseTarget(to string, now time.Time) (target, error) {
	if to == "start" || to == "end" {
		return target{at: to}, nil
	}
	if n, err := strconv.ParseInt(to, 10, 64); err == nil && n >= 0 {
		return target{at: "offset", n: n}, nil
	}
	if d, err := time.ParseDuration(to); err == nil && d > 0 {
		return target{at: "time", time: now.Add(-d)}, nil
	}
	if t, err := time.Parse(time.RFC3339, to); err == nil {
		return target{at: "time", time: t}, nil
	}
	return target{}, usagef("--to %q: it is start, end, an offset, a time such as 2026-05-01T00:00:00Z, or how long ago such as 15m", to)
}

// plan finds the new offsets, and says for each partition what changes.
func (t target) plan(ctx context.Context, f *sharedFlags, client *kgo.Client, group string, only []string) (kadm.Offsets, []string, error) {
	admin := kadm.NewClient(client)
	old, err := admin.FetchOffsets(ctx, group)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the offsets of group %s: %w", group, err)
	}
	topics := old.Offsets().TopicsSet().Topics()
	if len(only) > 0 {
		resolver, names, err := f.existingTopics(ctx, only)
		if err != nil {
			return nil, nil, err
		}
		resolver.Close()
		topics = names
	}
	if len(topics) == 0 {
		return nil, nil, fmt.Errorf("group %s has no offsets; name the topics with --topic", visible(group))
	}
	listed, err := t.list(ctx, admin, topics)
	if err != nil {
		return nil, nil, fmt.Errorf("listing offsets: %w", err)
	}
	if err := listed.Error(); err != nil {
		return nil, nil, fmt.Errorf("listing offsets: %w", err)
	}
	var offsets kadm.Offsets
	var items []string
	for _, o := range listed.Offsets().Sorted() {
		if t.at == "offset" {
			o.At = t.n
		}
		offsets.Add(o)
		from := "nothing"
		if was, ok := old.Lookup(o.Topic, o.Partition); ok && was.At >= 0 {
			from = strconv.FormatInt(was.At, 10)
		}
		items = append(items, fmt.Sprintf("%s/%d: from %s to %d", o.Topic, o.Partition, from, o.At))
	}
	return offsets, items, nil
}

func (t target) list(ctx context.Context, admin *kadm.Client, topics []string) (kadm.ListedOffsets, error) {
	switch t.at {
	case "start":
		return admin.ListStartOffsets(ctx, topics...)
	case "time":
		return admin.ListOffsetsAfterMilli(ctx, t.time.UnixMilli(), topics...)
	}
	return admin.ListEndOffsets(ctx, topics...)
}
