package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Position is a place in the scenario file, both numbers from 1; zero if unknown.
type Position struct{ Line, Column int }

func positionOf(n *yaml.Node) Position { return Position{n.Line, n.Column} }

// Problem is one mistake in a scenario.
type Problem struct {
	File string
	Pos  Position
	Text string // the mistake and its correction
	// Expression reports that the position is in a jq expression, of which the line helps
	// to see the mistake.
	Expression bool
}

// Error returns the problem with its place.
func (p Problem) Error() string {
	if p.Pos.Line == 0 {
		return fmt.Sprintf("%s: %s", p.File, p.Text)
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Pos.Line, p.Pos.Column, p.Text)
}

// Problems is all mistakes in a scenario and its schema files, in the order of each file.
type Problems []Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the problems, each a line of the text.
func (ps Problems) Unwrap() []error {
	problems := make([]error, len(ps))
	for i, p := range ps {
		problems[i] = p
	}
	return problems
}

// Sort puts the problems into the order of each file.
func (ps Problems) Sort() {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column))
	})
}
