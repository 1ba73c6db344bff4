package declared

import (
	"cmp"
	"fmt"
	"slices"

	"inv/internal/convert"
	"inv/internal/jq"
	"inv/internal/jsonscan"
	"inv/internal/registry"
	"inv/internal/scenario"
)

// Program is a compiled topology. It is safe for concurrent use.
type Program struct {
	Topology *scenario.Topology
	scenario *scenario.Scenario
	inputs   []*inputProgram               // in the order of Topology.From
	state    *stateProgram                 // nil without keys
	mapping  *mapProgram                   // nil with keys
	upgrades map[string]*registry.Upgrades // of inputs and tables that have some, by alias

	expressions []*expression // all of them
}

// Compile checks and compiles a declared topology. The problems have the positions of the
// mistakes in the scenario's file.
func Compile(s *scenario.Scenario, t *scenario.Topology) (*Program, scenario.Problems) {
	p := &Program{Topology: t, scenario: s}
	c := &compiler{file: s.File, topology: t, names: stateNames(t)}
	c.checkNames()
	if t.Keyed() {
		p.state = c.state()
		for i := range t.From {
			p.inputs = append(p.inputs, c.input(s, &t.From[i], c.newScope()))
		}
	} else {
		shared := c.newScope()
		for i := range t.From {
			p.inputs = append(p.inputs, c.input(s, &t.From[i], shared))
		}
		p.mapping = c.mapping(shared)
	}
	p.upgrades = upgradesOf(s, append(inputsOf(t), joined(t)...))
	if problems := c.sorted(); len(problems) > 0 {
		return nil, problems
	}
	p.expressions = c.compiled
	return p, nil
}

// upgradesOf compiles the upgrades of topics. A wrong one is a mistake of the topic, which is
// not the topology's.
func upgradesOf(s *scenario.Scenario, aliases []string) map[string]*registry.Upgrades {
	all := map[string]*registry.Upgrades{}
	for _, alias := range aliases {
		topic, _ := s.Topic(alias)
		if u, err := registry.NewUpgrades(topic.Upgrades); err == nil && u != nil {
			all[alias] = u
		}
	}
	return all
}

// UsesHeaders reports whether an expression uses $headers, so that records need theirs.
func (p *Program) UsesHeaders() bool {
	return p.headers() || slices.ContainsFunc(p.inputs, func(in *inputProgram) bool { return in.scope.used["$headers"] })
}

// headers reports whether lines need headers.
func (p *Program) headers() bool { return p.state != nil && p.state.scope.used["$headers"] }

// StateFields returns the names of the fields of a key's state, in their order; nil
// without keys.
func (p *Program) StateFields() []string {
	if p.state == nil {
		return nil
	}
	return p.state.names
}

// EventType returns the ce_type of an emit's outputs.
func (p *Program) EventType(emit int) string {
	e := &p.Topology.Emit[emit]
	return cmp.Or(e.Type, p.scenario.Name+"."+e.To+".v1")
}

// inputProgram is the router's part of an input.
type inputProgram struct {
	*scenario.Input
	scope *scope
	time  *expression
	// timeAt is the index of the view's time in the scan of the record; -1: none.
	timeAt int
	where  *expression
	early  bool // where refers to $t
	each   *expression
	joins  []joinProgram
	key    *expression
}

// joinProgram is a table of an input.
type joinProgram struct {
	*scenario.Join
	variable int
	key      *expression
}

// stateProgram is the machine's part of a topology with keys.
type stateProgram struct {
	scope  *scope
	names  []string       // of the state's fields: those of keep, then those of set
	sets   [][]assignment // by input
	keeps  []keepProgram  // field i of the state is keeps[i]
	timers []timerProgram
	until  *expression
	emits  []*emitProgram
	// upgrade has a scope of its own: the state of the earlier version is its record.
	upgrade *expression
}

// assignment sets a field of the state.
type assignment struct {
	field int // its index
	value *expression
}

type keepProgram struct {
	*scenario.Aggregate
	of *expression
}

type timerProgram struct {
	*scenario.Timer
	while *expression
}

// mapProgram is the emits of a topology without keys. Their scope is that of all inputs.
type mapProgram struct{ emits []*emitProgram }

// input compiles what is decided of an input's records.
func (c *compiler) input(s *scenario.Scenario, in *scenario.Input, sc *scope) *inputProgram {
	p := &inputProgram{Input: in, scope: sc, timeAt: -1}
	c.format(s, in)
	p.time = c.compile(sc, atTime(), c.topology.Time)
	if topic, ok := s.Topic(in.Alias); ok && topic.View != nil && topic.View.Time != "" && !topic.View.Lines {
		var path []string
		for _, part := range scenario.SplitPath(topic.View.Time) {
			path = append(path, part.Name)
		}
		p.timeAt = sc.fields.Add(path...)
	}
	p.where = c.compile(sc, atRecord("where"), in.Where)
	p.early = in.Where != nil && sc.refersTo(in.Where.Source, "$t")
	p.each = c.compile(sc, atRecord("each"), in.Each)
	for i := range in.Join {
		j := &in.Join[i]
		p.joins = append(p.joins, joinProgram{j, sc.variables[rowName(j)], c.compile(sc, atElement("the key of a join", in, in.Join[:i]), &j.Key)})
	}
	p.key = c.compile(sc, atElement("the key of an input", in, in.Join), in.Key)
	return p
}

// format checks the settings of an input's format.
func (c *compiler) format(s *scenario.Scenario, in *scenario.Input) {
	var err error
	switch in.Format {
	case "xml":
		_, err = convert.NewXML(in.Lists)
	case "csv":
		_, err = convert.NewCSV(in.Columns)
	}
	if err != nil {
		c.problem(in.Pos, err.Error())
	}
	if topic, _ := s.Topic(in.Alias); in.Format != "" && topic.Format.Name != "" {
		c.problem(in.Pos, fmt.Sprintf("the input is %s, and its topic %q has the format %s; leave out one of them", in.Format, in.Alias, topic.Format.Name))
	}
}

// state compiles what happens to a key's state.
func (c *compiler) state() *stateProgram {
	t, sc := c.topology, c.newScope()
	p := &stateProgram{scope: sc, names: c.names}
	here := func(what string) place { return inState(what, t) }
	for i := range t.From {
		p.sets = append(p.sets, c.assignments(sc, here("set"), p.names, t.From[i].Set))
	}
	for i := range t.Keep {
		a := &t.Keep[i]
		p.keeps = append(p.keeps, keepProgram{a, c.compile(sc, here("keep"), &a.Of)})
	}
	for i := range t.Timers {
		timer := &t.Timers[i]
		p.timers = append(p.timers, timerProgram{timer, c.compile(sc, here("while"), &timer.While)})
	}
	p.until = c.compile(sc, here("until"), t.Until)
	for i := range t.Emit {
		p.emits = append(p.emits, c.emit(sc, here, p.names, i))
	}
	if t.Upgrade != nil {
		p.upgrade = c.compile(c.bareScope(), atUpgrade(), t.Upgrade)
	}
	return p
}

// mapping compiles the emits of a topology without keys.
func (c *compiler) mapping(sc *scope) *mapProgram {
	p := &mapProgram{}
	for i := range c.topology.Emit {
		p.emits = append(p.emits, c.emit(sc, func(what string) place { return withoutState(what, c.topology) }, nil, i))
	}
	return p
}

func (c *compiler) assignments(sc *scope, at place, names []string, list []scenario.Assignment) []assignment {
	var out []assignment
	for i := range list {
		a := &list[i]
		out = append(out, assignment{slices.Index(names, a.Field), c.compile(sc, at, &a.JQ)})
	}
	return out
}

// stateNames returns the fields of the state: those of keep in the file's order, then
// those that are set, in the order of their first appearance in the file.
func stateNames(t *scenario.Topology) []string {
	var names []string
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, a := range t.Keep {
		add(a.Field)
	}
	var sets []scenario.Assignment
	for _, in := range t.From {
		sets = append(sets, in.Set...)
	}
	for _, e := range t.Emit {
		sets = append(sets, e.Set...)
	}
	slices.SortStableFunc(sets, func(a, b scenario.Assignment) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column))
	})
	for _, a := range sets {
		add(a.Field)
	}
	return names
}

// scope is what the expressions of a part of a topology refer to.
type scope struct {
	*jq.Scope
	fields    *jsonscan.Fields
	variables map[string]int  // by name, also those that only other places have
	used      map[string]bool // by expressions, also through definitions
}

// variable returns the number of a variable that an expression uses; 0 if none does, so
// that its value need not be set.
func (s *scope) variable(name string) int {
	if !s.used[name] {
		return 0
	}
	return s.variables[name]
}

func (s *scope) refersTo(source, name string) bool {
	return slices.ContainsFunc(s.References(source), func(r jq.Reference) bool { return r.Name == name })
}

// rowName is the variable of a joined row.
func rowName(j *scenario.Join) string { return "$" + j.Name }
