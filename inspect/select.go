package inspect

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"inv/internal/scenario"
	"inv/internal/suggest"
)

// UsageError is an invalid request. Option is the invalid option, such as grep, or ""
// if it is none in particular.
type UsageError struct {
	Option string
	Err    error
}

func (e *UsageError) Error() string {
	if e.Option == "" {
		return e.Err.Error()
	}
	return e.Option + ": " + e.Err.Error()
}

// Unwrap returns the error without the option.
func (e *UsageError) Unwrap() error { return e.Err }

func usagef(format string, args ...any) error { return optionf("", format, args...) }

func optionf(option, format string, args ...any) error {
	return &UsageError{option, fmt.Errorf(format, args...)}
}

// UnknownTopicError is returned for a name that neither the scenario nor the cluster
// has. Known are the scenario's aliases and the cluster's topics.
type UnknownTopicError struct {
	Name  string
	Known []string
}

func (e *UnknownTopicError) Error() string {
	known := slices.DeleteFunc(slices.Clone(e.Known), isInternal)
	return fmt.Sprintf("no topic and no alias %q%s", e.Name,
		cmp.Or(suggest.DidYouMean(e.Name, e.Known), "; there are "+suggest.List(known)))
}

func isInternal(topic string) bool { return strings.HasPrefix(topic, "__") }

// selection is the topics that the arguments select.
type selection struct {
	names   []string // topics by name, each once, in the order of the arguments
	globs   []string
	aliases []string          // of the scenario
	labels  map[string]string // short names of the scenario's topics
}

// selectTopics resolves the arguments: names of topics, aliases of the scenario, and
// globs. A name that exists is the topic's, also if an alias has it.
func selectTopics(args []string, s *scenario.Scenario, app string, exists func(string) bool) (*selection, error) {
	sel := &selection{labels: map[string]string{}}
	if s == nil {
		s = &scenario.Scenario{}
	}
	for _, t := range s.Topics {
		sel.aliases = append(sel.aliases, t.Alias)
		names := s.TopicNames(t.Alias, app)
		for _, n := range names {
			if sel.labels[n] = t.Alias; len(names) > 1 || n != t.Alias && exists(t.Alias) {
				sel.labels[n] = n // several topics have that alias, or another has its name
			}
		}
	}
	for _, a := range args {
		if scenario.IsPattern(a) {
			if err := scenario.CheckPattern(a); err != nil {
				return nil, &UsageError{Err: err}
			}
			sel.globs = append(sel.globs, a)
			continue
		}
		names := s.Resolve(a, app, exists)
		if names == nil {
			names = []string{a}
		}
		for _, n := range names {
			if !slices.Contains(sel.names, n) {
				sel.names = append(sel.names, n)
			}
		}
	}
	return sel, nil
}

// among returns the selected names, and those of topics that a glob matches. Internal
// topics, which begin with two underscores, match only globs that do, too.
func (sel *selection) among(topics iter.Seq[string]) []string {
	names := slices.Clone(sel.names)
	for _, t := range slices.Sorted(topics) {
		matches := func(glob string) bool { return scenario.MatchTopic(glob, t) }
		if slices.ContainsFunc(sel.globs, matches) && !slices.Contains(sel.names, t) {
			names = append(names, t)
		}
	}
	return names
}

// unknown returns the error for a name that neither the scenario nor the cluster has.
func (sel *selection) unknown(name string, topics iter.Seq[string]) error {
	known := slices.AppendSeq(slices.Clone(sel.aliases), topics)
	slices.Sort(known)
	return &UsageError{Err: &UnknownTopicError{Name: name, Known: known}}
}

// checkHidden looks for topics of the scenario that a glob matches and that the cluster
// leaves out of its list, since the user may not describe them. If that leaves nothing
// to read, it is an error.
func (t *tail) checkHidden(ctx context.Context, found int) error {
	var names []string
	for name := range t.sel.labels {
		if t.known[name] == nil && !slices.Contains(t.sel.names, name) &&
			slices.ContainsFunc(t.sel.globs, func(glob string) bool { return scenario.MatchTopic(glob, name) }) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	_, denied, err := t.cluster.Permitted(ctx, names...)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(denied)) {
		if found == 0 {
			return denied[name]
		}
		t.notice("left out: " + denied[name].Error())
	}
	return nil
}

// selectTopics resolves the run's arguments. An alias loses its name to a topic of
// the cluster, unless that is one which the user may not describe.
func (t *tail) selectTopics(ctx context.Context) error {
	var names []string
	if s := t.o.Scenario; s != nil {
		for _, topic := range s.Topics {
			if _, others := s.OtherThan(topic.Alias, t.o.App); others {
				names = append(names, topic.Alias)
			}
		}
	}
	existing, err := t.cluster.Existing(ctx, names...)
	if err != nil {
		return err
	}
	t.sel, err = selectTopics(t.o.Topics, t.o.Scenario, t.o.App, func(name string) bool { return existing[name] })
	if err != nil {
		return err
	}
	for topic := range t.o.Labels {
		t.o.Labels[topic] = cmp.Or(t.sel.labels[topic], topic)
	}
	for _, a := range t.o.Topics {
		if existing[a] {
			others, _ := t.o.Scenario.OtherThan(a, t.o.App)
			t.notice(fmt.Sprintf("%s is the topic of that name, not the alias of %s", a, strings.Join(others, ", ")))
		}
	}
	return nil
}
