// Package builtin lists the topologies that are part of the program.
package builtin

import (
	"fmt"
	"slices"
	"strings"

	"inv/internal/scenario"
	"inv/internal/suggest"
	"inv/processor"
	"inv/processor/inventory"
)

// All returns every topology, with the inventory system under the policy of its
// options. An option that can't be right wraps [processor.ErrUsage].
func All(o inventory.Options) ([]processor.Topology, error) {
	all, err := inventory.Topologies(o)
	// A new topology is one line here: all = append(all, pricing.Topology()).
	return all, err
}

// Select returns the topologies with these names, or those that the scenario
// lists if there are none. One whose work another does itself is left out. An
// unknown name wraps [processor.ErrUsage].
func Select(s *scenario.Scenario, names []string, o inventory.Options) ([]processor.Topology, error) {
	all, err := All(o)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		for _, t := range s.Topologies {
			names = append(names, t.Name)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: scenario %s lists no topologies, so there is nothing to process", processor.ErrUsage, s.Name)
	}
	known := Names()
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("%w: there is no topology %q (there are %s)%s", processor.ErrUsage, name, strings.Join(known, ", "), suggest.DidYouMean(name, known))
		}
	}
	return slices.DeleteFunc(all, func(t processor.Topology) bool { return !slices.Contains(names, t.Name) }), nil
}

// Names returns the names of all topologies, each once, whatever the policy.
func Names() (names []string) {
	all, _ := All(inventory.Options{}) // the defaults are right
	for _, t := range all {
		names = append(names, t.Name)
	}
	return names
}
