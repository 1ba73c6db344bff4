// Package builtin lists the topologies that are part of the program, and finds those of a
// scenario among them and the ones that it declares.
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

// All returns every topology of the program, with the inventory system under the policy of its
// options. An option that can't be right wraps [processor.ErrUsage].
func All(o inventory.Options) ([]processor.Topology, error) {
	all, err := inventory.Topologies(o)
	// A new topology is one line here: all = append(all, markdown.Topology()).
	return all, err
}

// Of returns the topologies that can run with a scenario: every one of the program, and
// those that it declares. The error is that of All, or a [scenario.Problems].
func Of(s *scenario.Scenario, o inventory.Options) ([]processor.Topology, error) {
	all, err := All(o)
	if err != nil {
		return nil, err
	}
	more, err := declared.Topologies(s)
	return append(all, more...), err
}

// Select returns the topologies with these names or, if there are none, those of the
// scenario that are not off. One whose work another does itself is left out. An
// unknown name wraps [processor.ErrUsage].
func Select(s *scenario.Scenario, names []string, o inventory.Options) ([]processor.Topology, error) {
	all, err := Of(s, o)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		for _, t := range s.Topologies {
			if !t.Off {
				names = append(names, t.Name)
			}
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: scenario %s lists no topologies, so there is nothing to process", processor.ErrUsage, s.Name)
	}
	known := Names(s)
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("%w: there is no topology %q (there are %s)%s", processor.ErrUsage, name, strings.Join(known, ", "), suggest.DidYouMean(name, known))
		}
	}
	return slices.DeleteFunc(all, func(t processor.Topology) bool { return !slices.Contains(names, t.Name) }), nil
}

// Names returns the names of the topologies that can run with a scenario, each once,
// whatever the policy.
func Names(s *scenario.Scenario) []string {
	return append(ownNames(), s.Declared()...)
}

// ownNames returns the names of the program's topologies.
func ownNames() (names []string) {
	all, _ := All(inventory.Options{}) // the defaults are right
	for _, t := range all {
		names = append(names, t.Name)
	}
	return names
}
