package declared

import (
	"strings"

	"inv/internal/scenario"
	"inv/processor"
	"inv/processor/stage"
)

// Names of the metrics; their label is the topology.
const (
	metricKeys   = "state_keys"
	metricBytes  = "state_bytes"
	metricTimers = "running_timers"
	metricHeld   = "held_lines"
	metricLate   = "late_lines_total"
)

// Topologies returns the topologies that a scenario declares, in the file's order. The
// error is the [scenario.Problems] of those that can't be compiled.
func Topologies(s *scenario.Scenario) ([]processor.Topology, error) {
	var all []processor.Topology
	var problems scenario.Problems
	for i := range s.Topologies {
		t := &s.Topologies[i]
		if t.BuiltIn {
			continue
		}
		p, wrong := Compile(s, t)
		if problems = append(problems, wrong...); len(wrong) > 0 {
			continue
		}
		all = append(all, p.topology())
	}
	if len(problems) > 0 {
		problems.Sort()
		return nil, problems
	}
	return all, nil
}

// topology returns the value that the engine runs.
func (p *Program) topology() processor.Topology {
	t := p.Topology
	about := t.About
	if about == "" {
		about = strings.Join(t.Reads(), ", ") + " → " + strings.Join(t.Writes(), ", ")
	}
	topology := processor.Topology{Name: t.Name, About: about}
	if t.Keyed() {
		topology.Stages = []processor.Stage{p.routeStage(), p.stateStage()}
	} else {
		topology.Stages = []processor.Stage{p.mapStage()}
	}
	return topology
}

// RouteStage and StateStage return the names of the stages of a topology with keys. One
// without them has one stage, of its own name.
func RouteStage(topology string) string { return topology + "-route" }
func StateStage(topology string) string { return topology + "-state" }

func (p *Program) routeStage() processor.Stage {
	t := p.Topology
	name := RouteStage(t.Name)
	return processor.Stage{
		Name: name, Reads: inputsOf(t), Tables: joined(t), Log: t.Log(), Decided: decidedFrom,
		New: func(env processor.Env) (stage.Logic, error) { return newRoute(env, p, name) },
	}
}

func (p *Program) stateStage() processor.Stage {
	t := p.Topology
	name := StateStage(t.Name)
	return processor.Stage{
		Name: name, Reads: []string{t.Log()}, State: t.Changelog(), Writes: p.outputs(),
		Shape: shapeOf(t), Version: t.Version, Upgrades: t.Upgrade != nil,
		Metrics: []processor.Metric{
			{Name: metricKeys, Help: "Keys, or windows of them, in this process's state.", Gauge: true, Topology: t.Name},
			{Name: metricBytes, Help: "Bytes of this process's state and its keys.", Gauge: true, Topology: t.Name},
			{Name: metricTimers, Help: "Timers that are running.", Gauge: true, Topology: t.Name},
			{Name: metricHeld, Help: "Lines that wait for the time to pass them, with order: time.", Gauge: true, Topology: t.Name,
				Unit: "line", Left: "left to another inv process, running or started next: %s of " + t.Name + ", which wait for their time"},
			{Name: metricLate, Help: "Lines that came after their time was over.", Topology: t.Name},
		},
		Waits:   "the time to pass lines in %s",
		MaxPoll: 4, // each record of the log holds some hundred lines
		New:     func(env processor.Env) (stage.Logic, error) { return newStateStage(env, p, name) },
	}
}

func (p *Program) mapStage() processor.Stage {
	t := p.Topology
	return processor.Stage{
		Name: t.Name, Reads: inputsOf(t), Tables: joined(t), Writes: p.outputs(),
		New: func(env processor.Env) (stage.Logic, error) { return newMapStage(env, p, t.Name) },
	}
}

func inputsOf(t *scenario.Topology) (aliases []string) {
	for i := range t.From {
		aliases = append(aliases, t.From[i].Alias)
	}
	return aliases
}

// joined returns the aliases of the tables that a topology joins with, each once.
func joined(t *scenario.Topology) (aliases []string) {
	seen := map[string]bool{}
	for i := range t.From {
		for _, j := range t.From[i].Join {
			if !seen[j.Table] {
				seen[j.Table] = true
				aliases = append(aliases, j.Table)
			}
		}
	}
	return aliases
}

// outputs returns the topics that the topology writes.
func (p *Program) outputs() (list []processor.Output) {
	for _, alias := range p.Topology.Writes() {
		list = append(list, processor.Output{Topic: alias, Kind: kindOf(alias), Feeds: p.feeds(alias)})
	}
	return list
}

// feeds reports whether a declared topology continues from a topic.
func (p *Program) feeds(alias string) bool {
	for i := range p.scenario.Topologies {
		for _, in := range p.scenario.Topologies[i].From {
			if in.Alias == alias {
				return true
			}
		}
	}
	return false
}

// kindOf returns what a record of a topic is called, in the singular: price change for
// price-changes. Topics of the built-in topologies have the kinds that these give them, and
// no two aliases have the same one.
func kindOf(alias string) string {
	words := strings.ReplaceAll(alias, "-", " ")
	for _, ending := range []string{"ss", "us", "is"} {
		if strings.HasSuffix(words, ending) {
			return words + " record"
		}
	}
	if one, ok := strings.CutSuffix(words, "s"); ok && one != "" {
		return one
	}
	return words + " record"
}
