package builtin

import (
	"fmt"
	"slices"
	"strings"

	"inv/internal/scenario"
	"inv/internal/suggest"
	"inv/processor/declared"
	"inv/processor/inventory"
)

// Check returns the mistakes in the topologies that a scenario declares which its grammar
// can't know: those in expressions, and names that the program has.
func Check(s *scenario.Scenario) (problems scenario.Problems) {
	stages := map[string]string{} // topologies by the names of their stages and their own
	all, _ := All(inventory.Options{})
	for _, t := range all {
		for _, stage := range t.Stages {
			stages[stage.Name] = t.Name
		}
		stages[t.Name] = t.Name
	}
	for i := range s.Topologies {
		t := &s.Topologies[i]
		if t.BuiltIn {
			continue
		}
		for _, name := range []string{t.Name, t.Name + "-route", t.Name + "-state"} {
			if of := stages[name]; of != "" {
				problems = append(problems, scenario.Problem{File: s.File, Pos: t.Pos, Text: fmt.Sprintf("topology %q: the built-in topology %s has that name; take another", t.Name, of)})
				break
			}
		}
		_, mistakes := declared.Compile(s, t)
		problems = append(problems, mistakes...)
	}
	problems.Sort()
	return problems
}

// CheckNames returns the built-in topologies that a scenario names and the program lacks.
// They are a mistake only for commands that run topologies.
func CheckNames(s *scenario.Scenario) (problems scenario.Problems) {
	known := ownNames()
	for _, t := range s.Topologies {
		if t.BuiltIn && !slices.Contains(known, t.Name) {
			problems = append(problems, scenario.Problem{File: s.File, Pos: t.Pos,
				Text: fmt.Sprintf("there is no built-in topology %q (there are %s)%s", t.Name, strings.Join(known, ", "), suggest.DidYouMean(t.Name, known))})
		}
	}
	return problems
}
