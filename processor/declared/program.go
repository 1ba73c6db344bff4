package declared

import (
	"errors"

	"inv/internal/jq"
	"inv/internal/scenario"
)

// Program is a compiled topology. It is safe for concurrent use.
type Program struct {
	Topology *scenario.Topology
	scenario *scenario.Scenario
	inputs   []*inputProgram // in the order of Topology.From
	state    *stateProgram   // nil without keys
	mapping  *mapProgram     // nil with keys
}

// Compile checks and compiles a declared topology. The problems have the positions of the
// mistakes in the scenario's file.
func Compile(s *scenario.Scenario, t *scenario.Topology) (*Program, scenario.Problems) {
	p := &Program{Topology: t, scenario: s}
	c := &compiler{file: s.File}
	for i := range t.From {
		p.inputs = append(p.inputs, c.input(s, t, &t.From[i]))
	}
	if t.Keyed() {
		p.state = c.state(s, t)
	} else {
		p.mapping = c.mapping(s, t)
	}
	c.problems.Sort()
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	return p, nil
}

// compiler collects the problems of a topology's expressions.
type compiler struct {
	file     string
	problems scenario.Problems
}

// expression is a compiled expression and its place.
type expression struct {
	*jq.Expr
	at *scenario.JQ
}

// compile compiles an expression in a scope; nil for no expression, or for a wrong one,
// whose problem it records.
func (c *compiler) compile(scope *jq.Scope, x *scenario.JQ, o jq.Options) *expression {
	if x == nil {
		return nil
	}
	e, err := scope.Compile(x.Source, o)
	if err != nil {
		c.wrong(x, err)
		return nil
	}
	return &expression{e, x}
}

// wrong records a mistake in an expression at its own place.
func (c *compiler) wrong(x *scenario.JQ, err error) {
	at, text := x.Pos, err.Error()
	var mistake *jq.Error
	if errors.As(err, &mistake) {
		text = mistake.Err.Error()
		if mistake.Offset >= 0 {
			at = x.At(mistake.Offset)
		}
	}
	c.problems = append(c.problems, scenario.Problem{File: c.file, Pos: at, Text: text})
}

// inputProgram is the router's part of an input: package compile_input.go.
type inputProgram struct{}

func (c *compiler) input(*scenario.Scenario, *scenario.Topology, *scenario.Input) *inputProgram {
	return &inputProgram{}
}

// stateProgram is the machine's part.
type stateProgram struct{}

func (c *compiler) state(*scenario.Scenario, *scenario.Topology) *stateProgram {
	return &stateProgram{}
}

// mapProgram is the emits of a topology without keys.
type mapProgram struct{}

func (c *compiler) mapping(*scenario.Scenario, *scenario.Topology) *mapProgram { return &mapProgram{} }
