package inspect

import (
	"fmt"
	"path"
	"sort"
	"strings"

	"inv/internal/scenario"
	"inv/internal/suggest"
)

// UsageError is a request that can't be right. Option names what is wrong with it,
// such as grep; "" if it is the topics.
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

// UnknownTopicError is returned for a name that neither the scenario nor the
// cluster has. Near may have been meant; if it is "", Known are all names.
type UnknownTopicError struct {
	Name, Near string
	Known      []string
}

func (e *UnknownTopicError) Error() string {
	if e.Near != "" {
		return fmt.Sprintf("no topic and no alias %q; did you mean %q?", e.Name, e.Near)
	}
	return fmt.Sprintf("no topic and no alias %q; there are %s", e.Name, strings.Join(e.Known, ", "))
}

// selection is the topics that the arguments stand for.
type selection struct {
	names  []string // topics by name, each once, in the order of the arguments
	globs  []string
	labels map[string]string // short names by topic
	known  map[string]bool   // topics of the scenario: worth waiting for
}

// isGlob reports whether a name is a pattern.
func isGlob(name string) bool { return strings.ContainsAny(name, "*?[") }

// selectTopics reads the arguments: an alias of the scenario, a topic's name, or
// a glob of names.
func selectTopics(args []string, s *scenario.Scenario, app string) (*selection, error) {
	sel := &selection{labels: map[string]string{}, known: map[string]bool{}}
	if s != nil {
		sel.addScenario(s, app)
	}
	for _, a := range args {
		if isGlob(a) {
			if _, err := path.Match(a, ""); err != nil {
				return nil, usagef("the pattern %q is not well-formed: * is any text, ? any character, [a-z] one of these", a)
			}
			sel.globs = append(sel.globs, a)
			continue
		}
		var names []string
		if s != nil {
			names = s.TopicNames(a, app)
		}
		if names == nil {
			names = []string{a}
		}
		for _, n := range names {
			sel.add(n)
		}
	}
	return sel, nil
}

// addScenario adds the scenario's topics.
func (sel *selection) addScenario(s *scenario.Scenario, app string) {
	for _, t := range s.Topics {
		names := s.TopicNames(t.Alias, app)
		for _, n := range names {
			sel.known[n] = true
			if sel.labels[n] = t.Alias; len(names) > 1 {
				sel.labels[n] = n // several topics have that alias
			}
		}
	}
}

func (sel *selection) add(name string) {
	for _, n := range sel.names {
		if n == name {
			return
		}
	}
	sel.names = append(sel.names, name)
}

// matches returns the topics that the globs match. Names that begin with two
// underscores are matched only by globs that do, too.
func (sel *selection) matches(topics []string) []string {
	var out []string
	for _, t := range topics {
		for _, g := range sel.globs {
			if ok, err := path.Match(g, t); err == nil && ok && (!strings.HasPrefix(t, "__") || strings.HasPrefix(g, "__")) {
				out = append(out, t)
				break
			}
		}
	}
	sort.Strings(out)
	return out
}

// unknown is the error for a name that neither the scenario nor the cluster has.
func (sel *selection) unknown(name string, s *scenario.Scenario, topics []string) error {
	candidates := append([]string(nil), topics...)
	if s != nil {
		for _, t := range s.Topics {
			candidates = append(candidates, t.Alias)
		}
	}
	sort.Strings(candidates)
	if near := suggest.Nearest(name, candidates); near != "" {
		return &UsageError{Err: &UnknownTopicError{Name: name, Near: near}}
	}
	var shown []string
	for _, c := range candidates {
		if !strings.HasPrefix(c, "__") {
			shown = append(shown, c)
		}
	}
	return &UsageError{Err: &UnknownTopicError{Name: name, Known: shown}}
}
