package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"inv/internal/kafka/acl"
	"inv/internal/kafka/admin"
	"inv/internal/scenario"
	"inv/internal/termsafe"
	"inv/processor"
	"inv/processor/builtin"
	"inv/processor/forward"
)

// hiddenError is returned for a list that may lack topics. Brokers leave those out of
// lists that the user may not describe, and don't disclose whether they exist.
type hiddenError struct {
	what   string // is lacking something
	topics []string
}

func (e *hiddenError) Error() string {
	topics := "topic"
	if len(e.topics) > 1 {
		topics += "s"
	}
	return fmt.Sprintf("%s: not authorized to Describe %s %s, which may not exist either", e.what, topics, strings.Join(e.topics, ", "))
}

// hiddenTopics returns the scenario's topics that the user may not describe, of those
// that keep returns true for. Those that only topologies or sinks need which are off are
// left out: they may never have been created.
func (f *sharedFlags) hiddenTopics(ctx context.Context, c *admin.Client, sc *scenario.Scenario, keep func(string) bool) ([]string, error) {
	var names []string
	idle := builtin.Idle(sc, f.appID)
	for _, name := range slices.Sorted(maps.Keys(declaredTopics(sc, f.appID))) {
		if keep(name) && !slices.Contains(idle, name) {
			names = append(names, name)
		}
	}
	return c.Hidden(ctx, names...)
}

// checkGroups returns an error if a list of groups may lack one of the processor's, or
// is empty for lack of permissions. A list that may lack others is noted.
func (f *sharedFlags) checkGroups(ctx context.Context, s *streams, c *admin.Client, listed int) error {
	all, err := c.MayListAll(ctx)
	if all || err != nil {
		return err
	}
	sc, err := f.loadScenario(ctx)
	if err != nil {
		return err
	}
	on := slices.DeleteFunc(topologiesOf(sc), func(t processor.Topology) bool {
		declared := sc.Topology(t.Name)
		return declared != nil && declared.Off
	})
	groups := processor.GroupNames(f.appID, on)
	for i := range sc.Sinks {
		if k := &sc.Sinks[i]; !k.Off {
			groups = append(groups, forward.GroupID(f.appID, k.Name))
		}
	}
	if err := c.MayDescribe(ctx, groups); err != nil {
		return fmt.Errorf("groups may be missing from this list: %w", err)
	}
	if listed == 0 {
		return &acl.DeniedError{Operation: acl.Describe, Resource: acl.Cluster()}
	}
	fmt.Fprintln(s.err, "Only groups that this user may Describe are listed; with Describe on the cluster, all are.")
	return nil
}

// checkOffsets returns an error if offsets of a group that has none may be in topics
// that the user may not describe: brokers leave those out. If the group has some, it
// only notes that.
func (f *sharedFlags) checkOffsets(ctx context.Context, s *streams, c *admin.Client, group string, offsets int) error {
	sc, err := f.loadScenario(ctx)
	if err != nil {
		return err
	}
	hidden, err := f.hiddenTopics(ctx, c, sc, func(string) bool { return true })
	if err != nil || len(hidden) == 0 {
		return err
	}
	lacking := &hiddenError{"offsets of group " + termsafe.String(group) + " may be hidden", hidden}
	if offsets == 0 {
		return lacking
	}
	s.errf("Other %s.\n", lacking)
	return nil
}
