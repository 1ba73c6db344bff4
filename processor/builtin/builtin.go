// Package builtin lists the topologies that can be run: those that are part of the
// program, and those that a scenario declares.
package builtin

import (
	"fmt"
	"slices"
	"strings"

	"inv/internal/scenario"
	"inv/internal/suggest"
	"inv/processor"
	"inv/processor/declared"
	"inv/processor/inventory"
)

// All returns every topology: the inventory system under the policy of its options, and
// then what the scenario declares. An option or a name that can't be right wraps
// [processor.ErrUsage]; a topology that can't be compiled gives [scenario.Problems].
func All(s *scenario.Scenario, o inventory.Options) ([]processor.Topology, error) {
	all, err := inventory.Topologies(o)
	// A new topology is one line here: all = append(all, pricing.Topology()).
	if err != nil {
		return nil, err
	}
	more, err := declared.Topologies(s)
	if err != nil {
		return nil, err
	}
	for _, t := range more {
		if taken := takenBy(t, all); taken != "" {
			return nil, fmt.Errorf("%w: %s declares a topology %q, a name that the built-in topology %s has; give it another one", processor.ErrUsage, s.File, t.Name, taken)
		}
	}
	return append(all, more...), nil
}

// takenBy returns the topology of a list that has the name of another one, or a stage
// that has one of its stages' names; "" if there is none.
func takenBy(t processor.Topology, list []processor.Topology) string {
	for _, other := range list {
		if other.Name == t.Name {
			return other.Name
		}
		for _, a := range t.Stages {
			if slices.ContainsFunc(other.Stages, func(b processor.Stage) bool { return a.Name == b.Name }) {
				return other.Name
			}
		}
	}
	return ""
}

// Select returns the topologies with these names, or those that the scenario runs by
// default if there are none. One whose work another does itself is left out. An
// unknown name wraps [processor.ErrUsage].
func Select(s *scenario.Scenario, names []string, o inventory.Options) ([]processor.Topology, error) {
	all, err := All(s, o)
	if err != nil {
		return nil, err
	}
	known := Names(s)
	if len(names) == 0 {
		names, err = byDefault(s)
	}
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("%w: there is no topology %q (there are %s)%s", processor.ErrUsage, name, strings.Join(known, ", "), suggest.DidYouMean(name, known))
		}
	}
	return slices.DeleteFunc(all, func(t processor.Topology) bool { return !slices.Contains(names, t.Name) }), nil
}

// byDefault returns the names of the topologies that a scenario runs by default.
func byDefault(s *scenario.Scenario) (names []string, err error) {
	for _, t := range s.Topologies {
		if !t.Off {
			names = append(names, t.Name)
		}
	}
	switch {
	case len(names) > 0:
		return names, nil
	case len(s.Topologies) > 0:
		return nil, fmt.Errorf("%w: all topologies of scenario %s are off, so one must be named", processor.ErrUsage, s.Name)
	}
	return nil, fmt.Errorf("%w: scenario %s lists no topologies, so there is nothing to process", processor.ErrUsage, s.Name)
}

// Names returns the names of all topologies, each once, whatever the policy: the built-in
// ones and those that the scenario declares, whether they compile or not.
func Names(s *scenario.Scenario) (names []string) {
	all, _ := inventory.Topologies(inventory.Options{}) // the defaults are right
	for _, t := range all {
		names = append(names, t.Name)
	}
	for _, t := range s.Topologies {
		if !t.BuiltIn {
			names = append(names, t.Name)
		}
	}
	return names
}
