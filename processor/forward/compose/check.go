package compose

import (
	"errors"
	"slices"

	"inv/internal/scenario"
)

// Check returns the mistakes in the expressions of a scenario's sinks, each at its own
// place. It needs no variables.
func Check(s *scenario.Scenario) (problems scenario.Problems) {
	for i := range s.Sinks {
		ofRecords, ofMessages := s.Sinks[i].Expressions()
		for ofCut, expressions := range map[bool][]*scenario.JQ{false: ofRecords, true: ofMessages} {
			for _, x := range expressions {
				_, err := newProgram(ofCut).compile(x)
				var mistake *Error
				if errors.As(err, &mistake) {
					problems = append(problems, scenario.Problem{File: s.File, Pos: mistake.Pos, Text: mistake.Err.Error(), Expression: true})
				}
			}
		}
	}
	problems.Sort()
	return slices.Compact(problems) // an anchor's expression is in several places
}
