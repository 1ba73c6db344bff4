package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"inv/internal/kafka/admin"
	"inv/internal/scenario"
	"inv/internal/when"
	"inv/processor/forward"
)

// resetSinks starts sinks over, or moves them to another place.
func (f *sharedFlags) resetSinks(ctx context.Context, s *streams, c *admin.Client, sc *scenario.Scenario, a *approval, r *resetFlags) error {
	var to when.Position
	if r.to != "" {
		var err error
		if to, err = (&groupsResetFlags{to: r.to}).position(s.now()); err != nil {
			return err
		}
	}
	for _, name := range r.sinks {
		k := sc.Sink(name)
		group := forward.GroupID(f.appID, name)
		existing, err := c.Existing(ctx, []string{group})
		if err != nil {
			return err
		}
		if len(existing) > 0 {
			if err := c.AtRest(ctx, group); err != nil {
				return err
			}
		}
		if r.to != "" {
			err = f.moveSink(ctx, s, c, sc, a, to, k)
		} else {
			err = f.removeSink(ctx, s, c, a, r, k, existing)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkSinks checks the flags that are about sinks.
func (r *resetFlags) checkSinks(sc *scenario.Scenario) error {
	switch {
	case len(r.sinks) == 0 && r.to != "":
		return usagef("--to moves a sink; name it with --sink")
	case len(r.sinks) > 0 && len(r.topologies) > 0:
		return usagef("--sink and --topology start different things over; give one of them")
	case r.to != "" && r.outputs:
		return usagef("--to keeps what a sink has; leave out --outputs")
	}
	for _, name := range r.sinks {
		if err := checkSink(sc, name); err != nil {
			return err
		}
		if k := sc.Sink(name); r.to != "" && ownPosition(k, "") != "" {
			return usagef("the position of sink %s is %s, so --to can't move it; without --to it says how to begin again", name, ownPosition(k, ""))
		}
	}
	return nil
}

// ownPosition says where a sink keeps its position that doesn't follow its group's
// offsets, and with the application id also how to begin again; "": it follows them.
func ownPosition(k *scenario.Sink, app string) string {
	switch {
	case k.Files != nil && app == "":
		return "with its files, in " + k.Files.Folder.String()
	case k.Files != nil:
		return fmt.Sprintf("The files of sink %s stay, and its position with them: it goes on from there. To begin again, remove the folder %s, too, or name another one in the scenario.",
			k.Name, k.Files.Folder.String())
	case k.Postgres != nil && app == "":
		return "in its database, in the table inv_positions"
	case k.Postgres != nil:
		return fmt.Sprintf("The rows of sink %s stay, and its position with them: it goes on from there. To begin again, also empty its tables (%s) and delete from inv_positions where app = '%s' and sink = '%s'.",
			k.Name, strings.Join(tablesOf(k.Postgres), ", "), app, k.Name)
	}
	return ""
}

// tablesOf returns the names of a sink's tables, each once.
func tablesOf(p *scenario.PostgresSink) (names []string) {
	for _, t := range p.Tables {
		names = append(names, t.Name)
	}
	if p.Else != nil {
		names = append(names, p.Else.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// moveSink moves the offsets of a sink in its topics, but not in that of its replays.
func (f *sharedFlags) moveSink(ctx context.Context, s *streams, c *admin.Client, sc *scenario.Scenario, a *approval, to when.Position, k *scenario.Sink) error {
	topics := slices.DeleteFunc(sinkTopics(sc, f.appID, k), func(name string) bool { return name == forward.RetryTopic(f.appID, k.Name) })
	return moveGroup(ctx, s, c, forward.GroupID(f.appID, k.Name), to, topics, a)
}

// removeSink removes a sink's group and its topics, so that it begins again.
func (f *sharedFlags) removeSink(ctx context.Context, s *streams, c *admin.Client, a *approval, r *resetFlags, k *scenario.Sink, groups []string) error {
	var own []string
	if ownPosition(k, "") == "" { // else what was replayed is with the data, by the topic's id
		own = append(own, forward.RetryTopic(f.appID, k.Name))
	}
	if r.outputs {
		own = append(own, forward.DeadLetterTopic(f.appID, k.Name))
	}
	topics, err := existingOf(ctx, c, own)
	if err != nil {
		return err
	}
	if len(groups)+len(topics) == 0 {
		s.errf("Sink %s of %s has nothing to remove on this cluster.\n", k.Name, f.appID)
		return nil
	}
	var items []string
	for _, g := range groups {
		item := "group " + g
		if ownPosition(k, "") == "" {
			item += fmt.Sprintf(": the sink then begins at the %s of %s", beginning(k), strings.Join(k.From, ", "))
		}
		items = append(items, item)
	}
	for _, t := range topics {
		items = append(items, "topic "+t)
	}
	if note := ownPosition(k, f.appID); note != "" {
		s.errf("%s\n", note)
	}
	if ok, err := a.given(s, "remove these", items); !ok {
		return err
	}
	deleted, err := c.DeleteGroups(ctx, groups...)
	if err = printNames(s, deleted, err); err != nil || len(topics) == 0 {
		return err
	}
	deleted, err = c.Delete(ctx, topics...)
	return printNames(s, deleted, err)
}

// beginning says where a sink begins that has no position.
func beginning(k *scenario.Sink) string {
	if k.Latest {
		return "end"
	}
	return "start"
}
