package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"inv/internal/kafka/admin"
	"inv/internal/scenario"
	"inv/internal/suggest"
	"inv/internal/termsafe"

	"github.com/spf13/cobra"
)

// whichTopic asks for a missing argument.
const whichTopic = "which topic? see `inv topics list`"

// withTopics connects and resolves the names of topics.
func (f *sharedFlags) withTopics(ctx context.Context, s *streams, args []string, use func(*admin.Client, []string) error) error {
	return f.withAdmin(ctx, func(c *admin.Client) error {
		names, err := f.existingTopics(ctx, s, c, args)
		if err != nil {
			return err
		}
		return use(c, names)
	})
}

// existingTopics resolves names, aliases and patterns to existing topics, each once. A
// name that a topic has is that topic's, also if an alias has it. Anything else is a
// usage error that suggests the nearest.
func (f *sharedFlags) existingTopics(ctx context.Context, s *streams, c *admin.Client, args []string) ([]string, error) {
	if len(args) == 0 {
		return nil, nil
	}
	sc, err := f.loadScenario(ctx)
	if err != nil {
		return nil, err
	}
	existing, err := c.PartitionCounts(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, a := range args {
		found, err := f.resolveTopic(s, sc, a, existing)
		if hidden := f.checkHidden(ctx, c, sc, a, existing); hidden != nil {
			return nil, hidden
		}
		if err != nil {
			return nil, err
		}
		for _, name := range found {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names, nil
}

// checkHidden returns an error if the argument stands for a topic that the user may not
// describe, so that it is neither called missing nor left out. A topic that exists goes
// before an alias.
func (f *sharedFlags) checkHidden(ctx context.Context, c *admin.Client, sc *scenario.Scenario, arg string, existing map[string]int) error {
	exists := func(name string) bool { _, ok := existing[name]; return ok }
	var hidden []string
	var err error
	if scenario.IsPattern(arg) {
		if scenario.CheckPattern(arg) != nil {
			return nil
		}
		hidden, err = f.hiddenTopics(ctx, c, sc, func(name string) bool { return !exists(name) && scenario.MatchTopic(arg, name) })
	} else {
		names := sc.Resolve(arg, f.appID, exists)
		if names == nil {
			names = []string{arg}
		}
		hidden, err = c.Hidden(ctx, slices.DeleteFunc(slices.Clone(names), exists)...)
	}
	if err == nil && len(hidden) > 0 {
		err = &hiddenError{termsafe.String(arg), hidden}
	}
	return err
}

func (f *sharedFlags) resolveTopic(s *streams, sc *scenario.Scenario, arg string, existing map[string]int) (found []string, err error) {
	exists := func(name string) bool { _, ok := existing[name]; return ok }
	if scenario.IsPattern(arg) {
		if err := scenario.CheckPattern(arg); err != nil {
			return nil, usageError{err}
		}
		for name := range existing {
			if scenario.MatchTopic(arg, name) {
				found = append(found, name)
			}
		}
		if len(found) == 0 {
			return nil, usagef("no topic matches %q; see `inv topics list`", arg)
		}
		slices.Sort(found)
		return found, nil
	}
	for _, name := range sc.Resolve(arg, f.appID, exists) {
		if exists(name) {
			found = append(found, name)
		}
	}
	if len(found) == 0 {
		return nil, noSuchTopic(arg, sc, existing)
	}
	noteShadowed(s, sc, arg, f.appID, exists)
	return found, nil
}

// noteShadowed reports a name that was taken as a topic's and is an alias of others.
func noteShadowed(s *streams, sc *scenario.Scenario, name, app string, exists func(string) bool) {
	if topics, others := sc.OtherThan(name, app); others && exists(name) {
		s.errf("%s is the topic of that name, not the alias of %s.\n", name, strings.Join(topics, ", "))
	}
}

func noSuchTopic(name string, sc *scenario.Scenario, existing map[string]int) error {
	candidates := slices.Collect(maps.Keys(existing))
	for _, t := range sc.Topics {
		if t.Alias == name {
			return fmt.Errorf("the topic of %q does not exist yet; create it with `inv topics create %s`", name, name)
		}
		candidates = append(candidates, t.Alias)
	}
	slices.Sort(candidates)
	return usagef("there is no topic %q%s", name, cmp.Or(suggest.DidYouMean(name, candidates), "; see `inv topics list`"))
}

// namesOnly refuses patterns, for commands that don't ask before they change topics.
func namesOnly(question string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if i := slices.IndexFunc(args, scenario.IsPattern); i >= 0 {
			return usagef("%s takes names of topics, not patterns such as %q", cmd.CommandPath(), args[i])
		}
		return someArguments(question)(cmd, args)
	}
}
