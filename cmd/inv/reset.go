package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"inv/internal/kafka/admin"
	"inv/internal/scenario"
	"inv/processor"
	"inv/processor/builtin"
	"inv/processor/inventory"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"
)

func resetCommand(s *streams, f *sharedFlags) *cobra.Command {
	var r resetFlags
	var a approval
	cmd := &cobra.Command{
		Use:   "reset --app-id ID",
		Short: "Start the processor over: remove its groups, log and state",
		Long: `Remove what the processor of an application id keeps: its consumer groups and
its internal topics. The next inv process reads its inputs from the start. The
topics that it wrote stay, and are written a second time, unless --outputs
removes them, too. What others wrote to them stays, such as manual receipts. The
list to confirm has the number of records, and names inputs that have lost their
beginning. A group in use is refused: stop the processor first.

With --topology only that topology starts over. It is refused if another one
continues from what it writes, which would then count twice: name both. Topics
that another topology writes, too, stay, and so do dead letters of its inputs.

With --sink a sink of inv forward starts over: its consumer group is removed, and
what was to be replayed. With --outputs its dead letters go, too. With --to it goes
on from another place. Sinks that keep their position with their data, in files or
a database, say how to begin again. Without --sink no sink is touched.`,
		Example: `  inv reset --app-id inv
  inv reset --app-id inv --topology fraud --outputs
  inv reset --app-id inv --outputs --yes
  inv reset --app-id inv --sink purchase-orders --to 15m`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("app-id") {
				return usagef("name the application whose state to remove with --app-id")
			}
			sc, err := f.loadScenario(cmd.Context())
			if err != nil {
				return err
			}
			if err := r.checkSinks(sc); err != nil {
				return err
			}
			return f.withAdmin(cmd.Context(), func(c *admin.Client) error {
				if len(r.sinks) > 0 {
					return f.resetSinks(cmd.Context(), s, c, sc, &a, &r)
				}
				return f.reset(cmd.Context(), s, c, sc, &a, &r)
			})
		},
	}
	cmd.Flags().BoolVar(&r.outputs, "outputs", false, "also remove the topics that the processor writes")
	cmd.Flags().StringSliceVar(&r.topologies, "topology", nil, "only the topology of this `NAME`; repeatable")
	_ = cmd.RegisterFlagCompletionFunc("topology", f.completeTopologies)
	cmd.Flags().StringSliceVar(&r.sinks, "sink", nil, "only the sink of this `NAME`; repeatable")
	_ = cmd.RegisterFlagCompletionFunc("sink", f.completeSinks)
	cmd.Flags().StringVar(&r.to, "to", "", "the `PLACE` from which a sink goes on: start, end, an offset, -5 for 5 before the end, or a time such as 15m, today or RFC 3339")
	a.register(cmd.Flags())
	return cmd
}

// resetFlags are the flags of `inv reset`.
type resetFlags struct {
	outputs    bool
	topologies []string
	sinks      []string
	to         string // of sinks; "": they are removed
}

// selected returns the topologies to start over, and the others.
func (r *resetFlags) selected(sc *scenario.Scenario) (these, others []processor.Topology, err error) {
	all := topologiesOf(sc)
	if len(r.topologies) == 0 {
		return all, nil, nil
	}
	if these, err = builtin.Select(sc, r.topologies, inventory.Options{}); err != nil {
		return nil, nil, usageError{err}
	}
	for _, t := range all {
		if !slices.ContainsFunc(these, func(o processor.Topology) bool { return o.Name == t.Name }) {
			others = append(others, t)
		}
	}
	return these, others, nil
}

// refuseReaders refuses to start topologies over from which others continue.
func refuseReaders(sc *scenario.Scenario, app string, these, others []processor.Topology) error {
	written := processor.WrittenTopics(sc, app, these)
	for _, t := range others {
		for _, g := range processor.Groups(sc, app, []processor.Topology{t}) {
			for _, topic := range g.Topics {
				if slices.Contains(written, topic) {
					return usagef("the topology %s continues from %s, which would be written a second time; add --topology %s to start both over", t.Name, topic, t.Name)
				}
			}
		}
	}
	return nil
}

func (f *sharedFlags) reset(ctx context.Context, s *streams, c *admin.Client, sc *scenario.Scenario, a *approval, r *resetFlags) error {
	p, err := f.planReset(ctx, s, c, sc, r)
	if err != nil {
		return err
	}
	if len(p.groups)+len(p.kept)+len(p.written) == 0 {
		s.errf("%s has no groups and no topics on this cluster.\n", f.appID)
		return nil
	}
	if ok, err := a.given(s, "remove these", p.items(f.appID)); !ok {
		return err
	}
	deleted, err := c.DeleteGroups(ctx, p.groups...)
	if err = printNames(s, deleted, err); err != nil {
		return err
	}
	// The outputs come last: they can't be made again before the rest is gone.
	if len(p.kept) > 0 {
		deleted, err = c.Delete(ctx, p.kept...)
		if err = printNames(s, deleted, err); err != nil {
			return err
		}
	}
	for _, topic := range slices.Sorted(maps.Keys(p.written)) {
		n := p.written[topic]
		if err := c.RemoveOwn(ctx, topic, n, f.wrote); err != nil {
			return err
		}
		if n.Others > 0 {
			s.errf("%s stays, with %s.\n", topic, records(n.Others))
			continue
		}
		s.outf("%s\n", topic)
	}
	for _, topic := range p.shared {
		s.errf("%s stays: another topology writes it, too.\n", topic)
	}
	return nil
}

// wrote reports whether the application wrote a record of an output.
func (f *sharedFlags) wrote(r *kgo.Record) bool { return processor.Wrote(f.appID, r) }

// resetPlan is what a reset removes.
type resetPlan struct {
	groups  []string
	kept    []string              // topics that the processor keeps for itself
	written map[string]*admin.Own // outputs
	shared  []string              // outputs that stay since other topologies write them, too
	lost    map[string]int64      // offsets that inputs have lost, by topic
}

func (f *sharedFlags) planReset(ctx context.Context, s *streams, c *admin.Client, sc *scenario.Scenario, r *resetFlags) (p resetPlan, err error) {
	all, others, err := r.selected(sc)
	if err != nil {
		return p, err
	}
	if err := refuseReaders(sc, f.appID, all, others); err != nil {
		return p, err
	}
	if p.groups, err = c.Existing(ctx, processor.GroupNames(f.appID, all)); err != nil {
		return p, err
	}
	if len(p.groups) > 0 {
		if err := c.AtRest(ctx, p.groups...); err != nil {
			return p, err
		}
	}
	if p.kept, err = existingOf(ctx, c, processor.KeptTopics(sc, f.appID, all)); err != nil {
		return p, err
	}
	if p.lost, err = c.Lost(ctx, processor.InputTopics(sc, f.appID, all)...); err != nil {
		s.errf("Whether inputs have lost records could not be looked up: %s\n", err)
	}
	if r.outputs {
		var own []string
		theirs := processor.WrittenTopics(sc, f.appID, others)
		for _, topic := range processor.WrittenTopics(sc, f.appID, all) {
			if slices.Contains(theirs, topic) {
				p.shared = append(p.shared, topic)
			} else {
				own = append(own, topic)
			}
		}
		if len(own) == 0 {
			return p, nil
		}
		if p.written, err = c.CountOwn(ctx, f.wrote, own...); err != nil {
			return p, err
		}
		maps.DeleteFunc(p.written, func(_ string, n *admin.Own) bool { return n.Own == 0 && n.Others > 0 })
	}
	return p, nil
}

// items lists what a reset removes, and what will not come again.
func (p *resetPlan) items(app string) (items []string) {
	for _, g := range p.groups {
		items = append(items, "group "+g)
	}
	for _, t := range p.kept {
		items = append(items, "topic "+t)
	}
	for _, t := range slices.Sorted(maps.Keys(p.written)) {
		if n := p.written[t]; n.Others > 0 {
			items = append(items, fmt.Sprintf("%s of %s from topic %s; what others wrote stays: %s", records(n.Own), app, t, records(n.Others)))
		} else {
			items = append(items, fmt.Sprintf("topic %s with %s", t, records(n.Own)))
		}
	}
	if len(p.groups)+len(p.kept) == 0 {
		return items
	}
	for _, t := range slices.Sorted(maps.Keys(p.lost)) {
		items = append(items, fmt.Sprintf("for good, what the first %d offsets of %s did to the state: the topic no longer has them", p.lost[t], t))
	}
	return items
}

// existingOf returns the topics that exist, by name.
func existingOf(ctx context.Context, c *admin.Client, names []string) ([]string, error) {
	if len(names) == 0 {
		return nil, nil // PartitionCounts would return all topics
	}
	existing, err := c.PartitionCounts(ctx, names...)
	return slices.Sorted(maps.Keys(existing)), err
}
