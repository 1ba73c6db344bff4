package main

import (
	"fmt"
	"slices"
	"strings"

	"inv/internal/scenario"
	"inv/internal/suggest"
	"inv/processor/builtin"
	"inv/processor/forward"

	"github.com/spf13/cobra"
)

// chosenSinks returns the named sinks of a scenario, each once, or without names those
// that are not off.
func chosenSinks(sc *scenario.Scenario, names []string) (chosen []*scenario.Sink, err error) {
	known := sinkNames(sc)
	if len(known) == 0 {
		return nil, usagef("scenario %s declares no sinks", sc.Name)
	}
	for _, name := range names {
		if err := checkSink(sc, name); err != nil {
			return nil, err
		}
	}
	for i := range sc.Sinks {
		if k := &sc.Sinks[i]; slices.Contains(names, k.Name) || len(names) == 0 && !k.Off {
			chosen = append(chosen, k)
		}
	}
	if len(chosen) == 0 {
		return nil, usagef("all sinks of scenario %s are off; name those to start, such as `inv forward %s` (there are %s)", sc.Name, known[0], strings.Join(known, ", "))
	}
	return chosen, nil
}

// checkSink returns a usage error if the scenario has no sink of this name.
func checkSink(sc *scenario.Scenario, name string) error {
	known := sinkNames(sc)
	switch {
	case slices.Contains(known, name):
		return nil
	case slices.Contains(builtin.Names(sc), name):
		return usagef("%s is a topology, not a sink; inv process %s runs it", name, name)
	case len(known) == 0:
		return usagef("there is no sink %q: scenario %s declares none", name, sc.Name)
	}
	return usagef("there is no sink %q (there are %s)%s", name, strings.Join(known, ", "), suggest.DidYouMean(name, known))
}

// sinkNames returns the names of all sinks of a scenario.
func sinkNames(sc *scenario.Scenario) []string {
	names := make([]string, len(sc.Sinks))
	for i := range sc.Sinks {
		names[i] = sc.Sinks[i].Name
	}
	return names
}

// completeSinks completes the scenario's sinks.
func (f *sharedFlags) completeSinks(cmd *cobra.Command, given []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var words []cobra.Completion
	sc := f.knownScenario(cmd)
	for i := range sc.Sinks {
		if k := &sc.Sinks[i]; !slices.Contains(given, k.Name) {
			words = append(words, cobra.CompletionWithDesc(k.Name, aboutSink(k)))
		}
	}
	return typable(words), cobra.ShellCompDirectiveNoFileComp
}

// aboutSink returns a line about a sink: what it says of itself, or its way.
func aboutSink(k *scenario.Sink) string {
	if about, _, _ := strings.Cut(strings.TrimSpace(k.About), "\n"); about != "" {
		return about
	}
	return fmt.Sprintf("%s → %s", strings.Join(k.From, ", "), receiverOf(k))
}

// noTopicError is returned for a sink whose topics don't exist.
type noTopicError struct {
	sink            string
	topics, aliases []string
}

func (e *noTopicError) Error() string {
	if len(e.topics) == 1 {
		return fmt.Sprintf("sink %s: topic %s does not exist yet", e.sink, e.topics[0])
	}
	return fmt.Sprintf("sink %s: topics %s do not exist yet", e.sink, strings.Join(e.topics, ", "))
}

// sinkGroups returns the consumer groups of all sinks of a scenario.
func sinkGroups(sc *scenario.Scenario, app string) (groups []string) {
	for _, name := range sinkNames(sc) {
		groups = append(groups, forward.GroupID(app, name))
	}
	return groups
}

// sinkTopics returns the topics that a sink reads.
func sinkTopics(sc *scenario.Scenario, app string, k *scenario.Sink) (topics []string) {
	for _, alias := range k.From {
		topics = append(topics, sc.TopicNames(alias, app)...)
	}
	return append(topics, forward.RetryTopic(app, k.Name))
}

// receiverOf returns in a word where a sink delivers to.
func receiverOf(k *scenario.Sink) string {
	switch {
	case k.HTTP != nil:
		return "HTTP"
	case k.Email != nil:
		return "e-mail"
	case k.Files != nil:
		return "files"
	}
	return "PostgreSQL"
}
